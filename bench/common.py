"""What the benchmarks share: the server, the table of two million rows, processor time, tables of figures."""
import dataclasses
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

TABLE = """
CREATE TABLE users (
    id {type} PRIMARY KEY, token uuid NOT NULL, email text NOT NULL, created timestamptz NOT NULL,
    score integer NOT NULL, name text NOT NULL, notes text NOT NULL
) WITH (fillfactor = {fillfactor});
INSERT INTO users
SELECT {key}, md5('token' || i)::uuid, 'user' || i || '@example.org', '2020-01-01'::timestamptz + i * interval '17 s',
       hashint4(i) % 100000, 'First' || (i % 977) || ' Last' || i, rpad('', {notes}, md5('notes' || i))
  FROM generate_series(1, {rows}) i;
"""
INDEXED = ["token", "email", "created", "score"]
# The primary key of row number i, by type.
KEYS = {"bigint": "{i}", "uuid": "md5('key' || {i})::uuid", "text": "'key-' || {i}"}
# Bytes of a row without its notes, more or less.
REST = 122


@dataclasses.dataclass
class Table:
    """The table that is measured. As it is: 250 bytes a row, a primary key, four more indexes, one on a random uuid."""
    rows: int = 2000000
    indexes: int = len(INDEXED)         # besides the primary key
    fillfactor: int = 100
    width: int = 250                    # bytes of a row, about
    key: str = "bigint"

    def key_of(self, number):
        return KEYS[self.key].format(i=number)

    def sql(self):
        return TABLE.format(rows=self.rows, fillfactor=self.fillfactor, type=self.key, key=self.key_of("i"),
                            notes=self.width - REST) + "".join(
            f"CREATE INDEX users_{column}_idx ON users ({column});\n" for column in INDEXED[:self.indexes])

    def text(self):
        more = f"{self.indexes} more" if self.indexes else "no more"
        return (f"{self.rows:,} rows of about {self.width} bytes, fillfactor {self.fillfactor}, primary key of type"
                f" {self.key} and {more} indexes")


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
    for argv in (["scripts/deps", "demo"], ["cmake", "--preset", "release"],
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

    def __init__(self, table, settings=None):
        self.rows = table.rows
        self.server = Server(settings=dict(SETTINGS, **(settings or {})))
        try:
            note(f"PostgreSQL from {bin_directory()}; building {table.text()}")
            self.server.create_database("base")
            self.server.sql(table.sql(), database="base")
            self.server.sql("VACUUM (FREEZE, ANALYZE) users", database="base")
        except BaseException:
            self.server.close()
            raise
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

    def tidemark(self, path, database, *args, alone=True):
        """Runs the program; Usage of it. Fails with its output when it fails. alone: no other client is at work."""
        return Usage(self, [path, *args], self.server.environment(database)).run(alone)


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

    def run(self, alone=True):
        before = self.bench.backend_seconds()
        begun = time.monotonic()
        child = subprocess.Popen(self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        ended = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(child.pid, ended), daemon=True)
        watcher.start()
        try:
            output = child.stdout.read()
            child.stdout.close()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            ended.set()
            if child.returncode is None:
                child.kill()
                child.wait()
        self.seconds = time.monotonic() - begun
        watcher.join()
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(self.argv)}: exit {child.returncode}\n{output.decode('utf-8', 'replace')}")
        self.client_cpu = usage.ru_utime + usage.ru_stime
        if alone:
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


def filesystem(path):
    """Type of the file system that holds a path: what fsync = on is worth."""
    with open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
        found = [line.split()[1:3] for line in mounts]
    inside = [(len(place), kind) for place, kind in found if os.path.commonpath([path, place]) == place]
    return max(inside, default=(0, "unknown"))[1]


def median(values):
    return statistics.median(values)


def table(header, rows):
    """Text of a table that is Markdown and can be read as it is."""
    cells = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |\n"
    return line(header) + "|" + "|".join("-" * (width + 2) for width in widths) + "|\n" + "".join(map(line, cells[1:]))


def show(header, rows):
    print(table(header, rows), end="", flush=True)


def save(path, result):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
