"""The ways to fill a new column that the benchmarks compare. Each is a function of a Run; it returns its figures."""
import dataclasses
import json
import os
import shutil
import subprocess
import time

from common import INDEXED, PLAN

BATCH = 1000
# The names of the sessions that do the work: their statements are found by them in the server's log.
SESSION = "bench/backfill"
WORKERS = "tidemark/users-name-to-full-name/backfill"


@dataclasses.dataclass
class Subject:
    """Which column of which table is copied."""
    table: str
    key: str
    old: str
    new: str
    type: str
    columns: list                       # all of them: the touching loop's trigger copies each
    plan: str                           # text, with {limits}

    def fill(self, text, **more):
        return text.format(table=self.table, key=self.key, old=self.old, new=self.new, type=self.type, **more)


USERS = Subject("users", "id", "name", "full_name", "text", ["id", *INDEXED, "name", "notes"],
                PLAN.replace("workers = {workers}", "{limits}"))
PHASE = ("SELECT extract(epoch FROM started)::float8, extract(epoch FROM ended)::float8"
         " FROM tidemark.phase WHERE kind = 'backfill'")

KEYSET = """
WITH batch AS (SELECT {key} FROM {table} {after} ORDER BY {key} LIMIT {batch} FOR UPDATE),
     work AS (UPDATE {table} SET {new} = {old} FROM batch WHERE {table}.{key} = batch.{key} RETURNING {table}.{key})
SELECT {key} FROM work ORDER BY {key} DESC LIMIT 1
"""

# What pgroll does for an added column with an `up` expression, as its sources show (pkg/backfill): a marker column, a
# row trigger without a condition whose function copies every column into a variable and looks at search_path, and
# batches that set the key to itself so that the trigger does the work.
TOUCH_BEGIN = """
ALTER TABLE {table} ADD COLUMN {new} {type};
ALTER TABLE {table} ADD COLUMN needs_backfill boolean DEFAULT true;
CREATE FUNCTION touch_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    {variables}
    version text;
BEGIN
    SELECT setting INTO version FROM current_setting('search_path') AS setting;
    IF version <> 'public_{new}' THEN
        NEW.{new} := ({old});
        NEW.needs_backfill := false;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER touch_rows BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_rows();
"""
TOUCH = """
WITH batch AS (SELECT {key} FROM {table} WHERE needs_backfill = true {after} ORDER BY {key} LIMIT {batch} FOR NO KEY UPDATE),
     touched AS (UPDATE {table} SET {key} = {table}.{key} FROM batch WHERE {table}.{key} = batch.{key} RETURNING {table}.{key})
SELECT {key} FROM touched ORDER BY {key} DESC LIMIT 1
"""


class NotRun(Exception):
    """A program that is not ours failed."""


def by_hand(run, prepare, work):
    """`work` in a session of its own; every statement that it commits is a transaction."""
    run.bench.server.sql(prepare, database=run.database)
    conn = run.bench.server.connect(run.database, application_name=SESSION, autocommit=False)
    try:
        with conn.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            conn.commit()
            begun = time.time()
            work(conn, cursor)
            ended = time.time()
    finally:
        conn.close()
    return {"begun": begun, "ended": ended}


def loop(subject, statement, also):
    """The statement, from the last key on, until it finds nothing."""
    def work(conn, cursor):
        last = None
        while True:
            after = "" if last is None else f"{also} {subject.key} > %s"
            cursor.execute(subject.fill(statement, after=after, batch=BATCH), None if last is None else (last,))
            row = cursor.fetchone()
            conn.commit()
            if row is None:
                return
            last = row[0]
    return work


ADD = "ALTER TABLE {table} ADD COLUMN {new} {type}"


def plain_update(run):
    def work(conn, cursor):
        cursor.execute(run.subject.fill("UPDATE {table} SET {new} = {old}"))
        conn.commit()
    return by_hand(run, run.subject.fill(ADD), work)


def keyset_loop(run):
    return by_hand(run, run.subject.fill(ADD), loop(run.subject, KEYSET, "WHERE"))


def touching_loop(run):
    variables = "\n    ".join(run.subject.fill("{name} {table}.{name}%TYPE := NEW.{name};", name=name)
                              for name in run.subject.columns)
    return by_hand(run, run.subject.fill(TOUCH_BEGIN, variables=variables), loop(run.subject, TOUCH, "AND"))


def with_limits(name, limits):
    """tidemark, up to the end of the backfill."""
    def sweep(run):
        plan = os.path.join(run.folder, f"{name}.toml")
        with open(plan, "w", encoding="utf-8") as file:
            file.write(run.subject.plan.replace("{limits}", limits))
        usage = run.bench.tidemark(run.binary, run.database, "run", plan, "--to", "backfill", "--quiet",
                                   alone=not run.loaded)
        begun, ended = run.bench.server.sql(PHASE, database=run.database)[0]
        figures = {"begun": begun, "ended": ended, "whole": usage.seconds, "client_cpu": usage.client_cpu,
                   "peak_kb": usage.peak_kb, "plan": plan}
        if not run.loaded:
            figures["server_cpu"] = usage.server_cpu
        return figures
    return sweep


def with_workers(workers):
    """All of them all the time."""
    return with_limits(f"plan{workers}", f'workers = {workers}\npace = "fixed"')


def pgroll(run):
    """The program itself, where there is one. `start` does the backfill; its time is the whole command's."""
    subject = run.subject
    path = os.path.join(run.folder, f"02_{subject.new}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"name": f"02_{subject.new}", "operations": [{"add_column": {
            "table": subject.table, "up": subject.old,
            "column": {"name": subject.new, "type": subject.type, "nullable": True}}}]}, file)
    environment = dict(
        run.bench.server.environment(run.database), PGOPTIONS="-c synchronous_commit=off",
        PGROLL_PG_URL=f"postgres://postgres@/{run.database}?host={run.bench.server.socket_dir}&sslmode=disable")

    def command(*args):
        done = subprocess.run(["pgroll", *args], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=3600, check=False)
        if done.returncode != 0:
            raise NotRun(f"pgroll {args[0]}: exit {done.returncode}\n{done.stdout}")
    command("init")
    begun = time.time()
    command("start", path)
    ended = time.time()
    command("complete")
    return {"begun": begun, "ended": ended}


# Name, title, function, and how its sessions are called.
STRATEGIES = [
    ("update", "one `UPDATE` of the whole table", plain_update, SESSION),
    ("touch", "keyset loop that touches rows for a trigger", touching_loop, SESSION),
    ("keyset", "keyset loop, 1000 rows", keyset_loop, SESSION),
    ("tidemark1", "tidemark, 1 worker", with_workers(1), WORKERS),
    ("tidemark2", "tidemark, 2 workers", with_workers(2), WORKERS),
]


def strategies():
    """Those that this machine can run."""
    found = list(STRATEGIES)
    if shutil.which("pgroll"):
        found.append(("pgroll", "pgroll itself", pgroll, "pgroll"))
    return found
