"""The ways to fill the new column that bench/sweep compares. Each is a function of a Run; it returns its figures."""
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
PHASE = ("SELECT extract(epoch FROM started)::float8, extract(epoch FROM ended)::float8"
         " FROM tidemark.phase WHERE kind = 'backfill'")

KEYSET = """
WITH batch AS (SELECT id FROM users {after} ORDER BY id LIMIT {batch} FOR UPDATE),
     work AS (UPDATE users SET full_name = name FROM batch WHERE users.id = batch.id RETURNING users.id)
SELECT id FROM work ORDER BY id DESC LIMIT 1
"""

# What pgroll does for an added column with an `up` expression, as its sources show (pkg/backfill): a marker column, a
# row trigger without a condition whose function copies every column into a variable and looks at search_path, and
# batches that set the key to itself so that the trigger does the work.
TOUCH_BEGIN = """
ALTER TABLE users ADD COLUMN full_name text;
ALTER TABLE users ADD COLUMN needs_backfill boolean DEFAULT true;
CREATE FUNCTION touch_users() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    {variables}
    version text;
BEGIN
    SELECT setting INTO version FROM current_setting('search_path') AS setting;
    IF version <> 'public_full_name' THEN
        NEW.full_name := (name);
        NEW.needs_backfill := false;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER touch_users BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_users();
"""
TOUCH = """
WITH batch AS (SELECT id FROM users WHERE needs_backfill = true {after} ORDER BY id LIMIT {batch} FOR NO KEY UPDATE),
     touched AS (UPDATE users SET id = users.id FROM batch WHERE users.id = batch.id RETURNING users.id)
SELECT id FROM touched ORDER BY id DESC LIMIT 1
"""
COLUMNS = ["id", *INDEXED, "name", "notes"]

PGROLL = {"name": "02_full_name", "operations": [{"add_column": {
    "table": "users", "up": "name", "column": {"name": "full_name", "type": "text", "nullable": True}}}]}


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


def loop(statement, also):
    """The statement, from the last key on, until it finds nothing."""
    def work(conn, cursor):
        last = None
        while True:
            after = "" if last is None else f"{also} id > %s"
            cursor.execute(statement.format(after=after, batch=BATCH), None if last is None else (last,))
            row = cursor.fetchone()
            conn.commit()
            if row is None:
                return
            last = row[0]
    return work


def plain_update(run):
    def work(conn, cursor):
        cursor.execute("UPDATE users SET full_name = name")
        conn.commit()
    return by_hand(run, "ALTER TABLE users ADD COLUMN full_name text", work)


def keyset_loop(run):
    return by_hand(run, "ALTER TABLE users ADD COLUMN full_name text", loop(KEYSET, "WHERE"))


def touching_loop(run):
    variables = "\n    ".join(f"{name} users.{name}%TYPE := NEW.{name};" for name in COLUMNS)
    return by_hand(run, TOUCH_BEGIN.format(variables=variables), loop(TOUCH, "AND"))


def with_workers(workers):
    def sweep(run):
        plan = os.path.join(run.folder, f"plan{workers}.toml")
        with open(plan, "w", encoding="utf-8") as file:
            file.write(PLAN.format(workers=workers))
        usage = run.bench.tidemark(run.binary, run.database, "run", plan, "--to", "backfill", "--quiet",
                                   alone=not run.loaded)
        begun, ended = run.bench.server.sql(PHASE, database=run.database)[0]
        figures = {"begun": begun, "ended": ended, "whole": usage.seconds, "client_cpu": usage.client_cpu,
                   "peak_kb": usage.peak_kb, "plan": plan}
        if not run.loaded:
            figures["server_cpu"] = usage.server_cpu
        return figures
    return sweep


def pgroll(run):
    """The program itself, where there is one. `start` does the backfill; its time is the whole command's."""
    path = os.path.join(run.folder, "02_full_name.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(PGROLL, file)
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
