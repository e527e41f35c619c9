"""The application beside a backfill that bench/neighbour measures: TPC-B, a canary, and the server both are on."""
import os
import subprocess
import sys
import threading
import time

from common import ROOT, Bench, note
from load import DRAIN, SETTLE
from strategies import Subject

sys.path[:0] = [os.path.join(ROOT, "scripts", "demo.d"), os.path.join(ROOT, "tests")]
from harness.server import Server
from traffic import Traffic, percentiles

NONE, QUARTER, THREE = "none", "quarter", "three"
CLIENTS = 8
CALIBRATION = 10            # seconds
SCRIPT = os.path.join(ROOT, "scripts", "demo.d", "old_release.sql")
# Durable, as in production, autovacuum too. No timed checkpoint falls into one run and not into another.
SETTINGS = {
    "fsync": "on", "full_page_writes": "on", "shared_buffers": "512MB", "checkpoint_timeout": "1h", "autovacuum": "on",
    "track_commit_timestamp": "off", "max_prepared_transactions": "0",
}
PLAN = """name = "accounts-balance"
table = "public.pgbench_accounts"

[limits]
{limits}

[[phase]]
kind = "add_column"
column = "balance"
type = "integer"

[[phase]]
kind = "dual_write"
from = "abalance"
to = "balance"

[[phase]]
kind = "backfill"
"""
ACCOUNTS = Subject("pgbench_accounts", "aid", "abalance", "balance", "integer", ["aid", "bid", "abalance", "filler"], PLAN)


class PgbenchBench(Bench):
    """A server with pgbench's tables in the template, and recycled WAL segments at hand: a server that has worked for a while."""

    def __init__(self, scale, max_wal, min_wal):
        self.rows, self.scale, self.copies = scale * 100000, scale, 0
        self.subject = ACCOUNTS
        settings = dict(SETTINGS, max_wal_size=max_wal, min_wal_size=min_wal)
        self.shown = {key: settings[key] for key in ("shared_buffers", "max_wal_size", "min_wal_size", "fsync", "autovacuum")}
        self.server = Server(settings=settings)
        try:
            note(f"building {self.rows:,} rows of pgbench_accounts")
            self.server.create_database("base")
            self._make()
        except BaseException:
            self.server.close()
            raise

    def _make(self):
        subprocess.run([self.server.tool("pgbench"), "-i", "-q", "-s", str(self.scale), "base"], check=True,
                       env=self.server.environment("base"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.server.sql("VACUUM (FREEZE, ANALYZE)", database="base")
        self.server.sql("CREATE TABLE wal (number integer, filler text)")
        for _ in range(10):
            self.server.sql("INSERT INTO wal SELECT i, repeat('x', 1000) FROM generate_series(1, 180000) i")
            self.server.sql("TRUNCATE wal")
        self.server.sql("CHECKPOINT")

    def copy(self, template="base", name=None):
        self.copies += 1
        name = f"copy{self.copies}"
        strategy = " STRATEGY file_copy" if self.server.major >= 15 else ""
        self.server.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{strategy}')
        self.server.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm", database=name)
        self.server.sql("SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relname ~ '^pgbench' AND relkind IN ('r', 'i')",
                        database=name)
        self.server.sql("CHECKPOINT", database=name)
        return name

    def sizes(self, database):
        """Bytes of the heap, position in the WAL."""
        return self.server.sql("SELECT pg_relation_size('pgbench_accounts'),"
                               " pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint", database=database)[0]


def calibrate(bench, folder):
    """Transactions a second of the application alone, as many as there can be."""
    database = bench.copy()
    done = subprocess.run(
        [bench.server.tool("pgbench"), "-n", "-c", str(CLIENTS), "-j", "1", "-T", str(CALIBRATION), "-s", str(bench.scale),
         "-f", SCRIPT, "-M", "prepared", database], cwd=folder, env=bench.server.environment(database), check=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    bench.server.drop_database(database)
    return next(float(line.split()[2]) for line in done.splitlines() if line.startswith("tps = "))


class Application:
    """Started before the backfill; latencies() are of a span of time."""

    def __init__(self, bench, database, rate, folder):
        self.traffic = Traffic(bench.server, database, f"application-{database}", SCRIPT, bench.scale, rate, folder, CLIENTS)
        self.done = []

    def settle(self, seconds):
        """Runs alone; the span to look at."""
        self.traffic.start()
        time.sleep(SETTLE)
        begun = time.time()
        time.sleep(seconds)
        return begun, time.time()

    def finish(self, until):
        """Goes on until each transaction that was due before `until` has ended; the number of errors."""
        deadline = time.monotonic() + DRAIN
        while self.traffic.running() and time.monotonic() < deadline:
            time.sleep(0.5)
            if all(ended - seconds > until for ended, seconds in self.traffic.transactions()[-CLIENTS:]):
                break
        self.traffic.stop()
        self.done = self.traffic.transactions()
        return len(self.traffic.complaints)

    def latencies(self, begun, ended):
        """Milliseconds from when a transaction was due until it was done, of those due in this span."""
        due = [seconds * 1000 for at, seconds in self.done if begun <= at - seconds < ended]
        if not due:
            raise SystemExit("the application did nothing")
        p50, p95, p99, most = percentiles(due, (50, 95, 99, 100))
        return {"p50": p50, "p95": p95, "p99": p99, "max": most, "transactions": len(due)}

    def close(self):
        if self.traffic.running():
            self.traffic.stop()


class Canary(threading.Thread):
    """Commits ten times a second, as tidemark's own does."""

    def __init__(self, server, database):
        super().__init__(daemon=True)
        self.conn = server.connect(database, application_name="bench/canary")
        self.stopping, self.felt = threading.Event(), []
        self.start()

    def run(self):
        with self.conn.cursor() as cursor:
            while not self.stopping.wait(0.1):
                begun = time.time()
                cursor.execute("SELECT pg_logical_emit_message(true, 'bench', '')")
                self.felt.append((begun, (time.time() - begun) * 1000))

    def p95(self, begun, ended):
        found = percentiles([ms for at, ms in self.felt if begun <= at < ended], (95,))
        return found[0] if found else None

    def close(self):
        self.stopping.set()
        self.join(10)
        self.conn.close()
