"""What the benchmarks share: the server, the table of two million rows, processor time, tables of figures."""
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from harness.server import Server, bin_directory

TICK = os.sysconf("SC_CLK_TCK")

# Durable, as in production; autovacuum is off so that it does not fall into one round and not into another.
SETTINGS = {
    "fsync": "on", "full_page_writes": "on", "shared_buffers": "2GB", "max_wal_size": "16GB", "min_wal_size": "2GB",
    "checkpoint_timeout": "1h", "autovacuum": "off", "maintenance_work_mem": "256MB", "track_commit_timestamp": "off",
    "max_prepared_transactions": "0",
}

# About 250 bytes a row; a primary key and four more indexes, one of them on a random uuid.
TABLE = """
CREATE TABLE users (
    id bigint PRIMARY KEY, token uuid NOT NULL, email text NOT NULL, created timestamptz NOT NULL,
    score integer NOT NULL, name text NOT NULL, notes text NOT NULL
);
INSERT INTO users
SELECT i, md5('token' || i)::uuid, 'user' || i || '@example.org', '2020-01-01'::timestamptz + i * interval '17 s',
       hashint4(i) % 100000, 'First' || (i % 977) || ' Last' || i, repeat(md5('notes' || i), 4)
  FROM generate_series(1, {rows}) i;
CREATE INDEX users_token_idx ON users (token);
CREATE INDEX users_email_idx ON users (email);
CREATE INDEX users_created_idx ON users (created);
CREATE INDEX users_score_idx ON users (score);
"""

PLAN = """name = "users-name-to-full-name"
table = "public.users"

[limits]
workers = {workers}

[[phase]]
kind = "add_column"
column = "full_name"
type = "text"

[[phase]]
kind = "dual_write"
from = "name"
to = "full_name"

[[phase]]
kind = "backfill"

[[phase]]
kind = "verify"

[[phase]]
kind = "switch"

[[phase]]
kind = "drop_column"
column = "name"
"""


def binary(path=None):
    """The release build, made now unless a path is given."""
    if path:
        return os.path.abspath(path)
    for argv in (["scripts/deps", "demo"], ["cmake", "--preset", "release", "-DBUILD_TESTING=OFF"],
                 ["cmake", "--build", "--preset", "release", "--target", "tidemark"]):
        done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stdout)
    return os.path.join(ROOT, "build", "release", "tidemark")


def end_on_signals():
    """SIGTERM and SIGHUP unwind like Ctrl-C, so that the server is stopped."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def note(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    """A server with a template database `base` that holds the table; every measurement works on a fresh copy."""

    def __init__(self, rows, settings=None):
        self.rows = rows
        self.server = Server(settings=dict(SETTINGS, **(settings or {})))
        note(f"PostgreSQL from {bin_directory()}; building {rows:,} rows")
        self.server.create_database("base")
        self.server.sql(TABLE.format(rows=rows), database="base")
        self.server.sql("VACUUM (FREEZE, ANALYZE) users", database="base")
        self.copies = 0

    def close(self):
        self.server.close()

    def copy(self, template="base", name=None):
        """A fresh copy, read into memory, after a checkpoint: every strategy starts from the same place."""
        self.copies += 1
        name = name or f"copy{self.copies}"
        strategy = " STRATEGY file_copy" if self.server.major >= 15 else ""
        self.server.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{strategy}')
        self.server.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm", database=name)
        self.server.sql("SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relname ~ '^users' AND relkind IN ('r', 'i')",
                        database=name)
        self.server.sql("CHECKPOINT", database=name)
        return name

    def sizes(self, database):
        """Bytes of the heap, bytes of its indexes, position in the WAL."""
        return self.server.sql("SELECT pg_relation_size('users'), pg_indexes_size('users'),"
                               " pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint", database=database)[0]

    def backend_seconds(self):
        """Processor seconds of all backends that have ended so far."""
        with open(f"/proc/{self.server.process.pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return (int(fields[13]) + int(fields[14])) / TICK

    def wait_alone(self):
        """Until no other client is connected, so that backend_seconds() counts everyone."""
        deadline = time.monotonic() + 10
        while self.server.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                                " AND pid <> pg_backend_pid()") and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)

    def tidemark(self, path, database, *args):
        """Runs the program; Usage of it. Fails with its output when it fails."""
        return Usage(self, [path, *args], self.server.environment(database)).run()


class Usage:
    """One run of the program: seconds, its own processor time, its peak memory, its backends' processor time."""

    def __init__(self, bench, argv, environment):
        self.bench, self.argv, self.environment = bench, argv, environment
        self.seconds = self.client_cpu = self.server_cpu = 0.0
        self.peak_kb = 0

    def watch(self, pid, ended):
        """The kernel's ru_maxrss counts the parent before exec as well; VmHWM is the program's own."""
        while not ended.wait(0.01):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                    peak = [line for line in status if line.startswith("VmHWM:")]
                with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as name:
                    if peak and name.read().strip() == os.path.basename(self.argv[0])[:15]:
                        self.peak_kb = max(self.peak_kb, int(peak[0].split()[1]))
            except (OSError, ValueError):
                return

    def run(self):
        before = self.bench.backend_seconds()
        begun = time.monotonic()
        child = subprocess.Popen(self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        ended = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(child.pid, ended), daemon=True)
        watcher.start()
        output = child.stdout.read()
        child.stdout.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begun
        ended.set()
        watcher.join()
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(self.argv)}: exit {child.returncode}\n{output.decode('utf-8', 'replace')}")
        self.client_cpu = usage.ru_utime + usage.ru_stime
        self.bench.wait_alone()
        self.server_cpu = self.bench.backend_seconds() - before
        return self


def machine():
    """What the figures were taken on, without naming the machine."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": model, "cores": os.cpu_count(), "memory_gb": round(memory), "system": platform.system()}


def median(values):
    return statistics.median(values)


def show(header, rows):
    """A table that is Markdown and can be read as it is."""
    cells = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    print(line(header))
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in cells[1:]:
        print(line(row))
    sys.stdout.flush()


def save(path, result):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
