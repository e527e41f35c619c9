"""What the application feels decides how fast a sweep is: the canary's commits, who else is there, and what is set.

A commit becomes slow when the test says so: with fsync on, commit_delay makes every commit wait, and a reload changes it at once.
"""
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ROWS = 22000        # more than 16 MB, so that it is worth measuring
# Each row takes a while, so that a sweep lasts long enough to be watched.
TABLE = f"""
CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, note text NOT NULL, seen text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, 'n' || i, repeat('x', 1500), NULL FROM generate_series(1, {ROWS}) i;
"""
SLOW = """
CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
CREATE TRIGGER take_time BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION take_time();
"""
PROGRESS = "SELECT progress FROM tidemark.run ORDER BY id DESC LIMIT 1"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/p/%%' AND application_name LIKE %s"


class Neighbour(LiveCase):
    settings = {"fsync": "on", "max_connections": "60", "full_page_writes": "on", "max_wal_size": "48MB", "min_wal_size": "32MB"}

    def setUp(self):
        super().setUp()
        self.execute(TABLE)
        self.execute("VACUUM (FREEZE, ANALYZE) items")
        self.busy = threading.Event()
        self.addCleanup(self.commits_take, 0)

    def write(self, up=None, **limits):
        phases = [{"kind": "add_column", "column": "title", "type": "text"},
                  {"kind": "dual_write", "from": "name", "to": "title", "up": up, "down": "title" if up else None},
                  {"kind": "backfill", "other_triggers": "fire"}, {"kind": "verify"}]
        return self.plan(plans.plan("p", "public.items", phases, **limits))

    def slow(self, seconds=0.001):
        self.execute(SLOW.format(seconds=seconds))

    def role(self, name, options=""):
        """Owns the table and may make tidemark's schema."""
        self.execute(f"CREATE ROLE {name} LOGIN {options}")
        self.addCleanup(self.server.sql, f"DROP ROLE {name}")
        self.addCleanup(self.execute, f"DROP OWNED BY {name} CASCADE")
        self.execute(f'GRANT CREATE ON DATABASE "{self.database}" TO {name}; GRANT ALL ON SCHEMA public TO {name}')
        self.execute(f"ALTER TABLE items OWNER TO {name}")

    def commits_take(self, microseconds):
        """Every commit on the server, ours too, from now on."""
        self.server.sql(f"ALTER SYSTEM SET commit_delay = {microseconds}")
        self.server.sql("ALTER SYSTEM SET commit_siblings = 0")
        self.server.sql("SELECT pg_reload_conf()")

    def somebody(self):
        """An application that is there and hardly does anything, until the test ends."""
        def work():
            conn = self.server.connect(self.database, application_name="app")
            try:
                while not self.busy.wait(0.2):
                    with conn.cursor() as cursor:
                        cursor.execute("SELECT count(*) FROM items WHERE id = 1")
            finally:
                conn.close()
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.busy.set)

    def progress(self):
        """What the last heartbeat says. Our own questions do not count as an application: they come once a second at most."""
        if self.value("SELECT to_regclass('tidemark.run')") is None:
            return {}
        found = self.rows(PROGRESS)
        return found[0][0] if found and found[0][0] and found[0][0].get("what") else {}

    def wait_workers(self, wanted, timeout, what):
        """Until so many workers work as `wanted` says."""
        return self.wait_until(lambda: wanted(self.progress().get("working", 0)), timeout, 0.1, what)

    def stop(self, process):
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(20).code, 130)

    def ended(self, process):
        process.wait(60).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE title IS DISTINCT FROM name"), 0)

    @limit(90)
    def test_it_gives_way_when_commits_become_slow_and_comes_back(self):
        self.slow(0.002)
        self.somebody()
        with self.tidemark.start("run", self.write(workers=1), "--to", "backfill") as process:
            self.wait_workers(lambda n: n > 0.8, 20, "at full speed")
            self.commits_take(60000)
            self.wait_workers(lambda n: 0 < n < 0.4, 6, "gives way")
            self.commits_take(0)
            self.wait_workers(lambda n: n > 0.8, 15, "comes back")
            self.assertGreater(self.progress()["commit_baseline"], 0)
            self.stop(process)

    @limit(90)
    def test_slowness_of_the_application_itself_is_told_apart_by_resting(self):
        """Commits stay slow without us: the next rest shows it, and the sweep goes on."""
        self.slow(0.002)
        self.somebody()
        self.commits_take(20000)
        with self.tidemark.start("run", self.write(workers=1), "--to", "backfill") as process:
            self.wait_workers(lambda n: n > 0.8, 20, "at full speed beside slow commits")
            self.assertGreater(self.progress()["commit_baseline"], 15000)
            self.commits_take(60000)
            self.wait_workers(lambda n: 0 < n < 0.6, 8, "gives way")
            self.wait_until(lambda: self.progress().get("commit_baseline", 0) > 35000, 20, 0.2, "what there is without us")
            self.wait_workers(lambda n: n > 0.8, 20, "goes on")
            self.stop(process)

    @limit(60)
    def test_gentle_is_one_worker_and_fast_does_not_measure(self):
        self.slow(0.0005)
        self.somebody()
        with self.tidemark.start("run", self.write(workers=4), "--to", "backfill", "--impact", "gentle") as process:
            self.wait_until(lambda: self.progress().get("workers") == 1, 20, 0.1, "one worker")
            self.assertEqual(self.value(SESSIONS, ("%/canary",)), 1)
            self.stop(process)
        with self.tidemark.start("run", "p", "--to", "backfill", "--impact", "fast") as process:
            self.wait_workers(lambda n: n > 3.9, 20, "all workers")
            self.assertEqual(self.value(SESSIONS, ("%/canary",)), 0)
            self.ended(process)

    @limit(60)
    def test_a_fixed_pace_is_what_it_says_whatever_commits_take(self):
        self.slow(0.0005)
        self.somebody()
        self.commits_take(60000)
        with self.tidemark.start("run", self.write(workers=2, pace="fixed"), "--to", "backfill") as process:
            self.wait_workers(lambda n: n == 2, 20, "two workers")
            self.assertEqual(self.value(SESSIONS, ("%/canary",)), 0)
            self.stop(process)

    @limit(60)
    def test_a_canary_that_is_killed_changes_nothing_and_is_there_again(self):
        self.slow(0.002)
        self.somebody()
        with self.tidemark.start("run", self.write(workers=1), "--to", "backfill") as process:
            self.wait_workers(lambda n: n > 0.8, 20, "at full speed")
            self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/p/canary'")
            process.wait_for("cannot be measured now", stream="stderr")
            self.assertGreater(self.progress()["working"], 0.7)
            self.wait_until(lambda: self.value(SESSIONS, ("%/canary",)) == 1, 10, 0.1, "a new one")
            self.stop(process)

    @limit(60)
    def test_a_single_commit_that_does_not_end_is_enough(self):
        """With one measurement under way there is no second one: a hung commit must not look like nothing known."""
        self.slow(0.002)
        self.somebody()
        with self.tidemark.start("run", self.write(workers=1), "--to", "backfill") as process:
            self.wait_workers(lambda n: n > 0.8, 20, "at full speed")
            pid = self.value("SELECT pid FROM pg_stat_activity WHERE application_name = 'tidemark/p/canary'")
            os.kill(pid, signal.SIGSTOP)
            try:
                self.wait_workers(lambda n: 0 < n < 0.2, 10, "gives way")
            finally:
                os.kill(pid, signal.SIGCONT)
            self.wait_workers(lambda n: n > 0.6, 15, "comes back")
            self.stop(process)

    @limit(60)
    def test_without_a_connection_for_the_canary_one_worker_continues(self):
        self.slow(0.0005)
        self.role("narrow", "CONNECTION LIMIT 3")
        self.somebody()
        with self.tidemark.start("run", self.write(workers=1), "--to", "backfill", env={"PGUSER": "narrow"}) as process:
            process.wait_for("cannot be measured now", stream="stderr")
            self.wait_workers(lambda n: n == 1, 10, "one worker")
            self.stop(process)

    @limit(60)
    def test_alone_all_workers_are_at_work_within_three_seconds(self):
        self.slow(0.001)
        with self.tidemark.start("run", self.write(workers=3), "--to", "backfill") as process:
            begun = None
            while begun is None:
                time.sleep(1.2)         # our own question must not be the application
                begun = self.value("SELECT clock_timestamp() - started FROM tidemark.phase WHERE kind = 'backfill'")
            time.sleep(3)
            self.assertGreater(self.progress()["working"], 2.9)
            self.stop(process)

    @limit(60)
    def test_a_sweep_that_only_reads_obeys_as_well(self):
        self.somebody()
        self.execute("CREATE FUNCTION dear(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
                     " IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 'dear_now') THEN PERFORM pg_sleep(0.001); END IF;"
                     " RETURN name; END $$")
        self.tidemark("run", self.write(up="dear(name)", workers=1), "--to", "backfill").ok()
        self.execute("CREATE TABLE dear_now ()")
        with self.tidemark.start("run", "p") as process:
            self.wait_until(lambda: self.progress().get("phase") == "verify", 20, 0.1)
            self.wait_workers(lambda n: n > 0.8, 20, "at full speed")
            self.commits_take(60000)
            self.wait_workers(lambda n: 0 < n < 0.5, 6, "gives way")
            self.commits_take(0)
            self.execute("DROP TABLE dear_now")
            process.wait(40).ok()

    @limit(60)
    def test_wal_is_compressed_in_the_sessions_that_sweep_and_in_no_other(self):
        if self.server.major < 15:
            self.skipTest("14 knows only the slow method")
        self.execute("CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS"
                     " $$ BEGIN NEW.seen := current_setting('wal_compression'); RETURN NEW; END $$;"
                     "CREATE TRIGGER look BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION look();")
        self.tidemark("run", self.write(), "--to", "backfill").ok()
        self.assertEqual(self.rows("SELECT DISTINCT seen FROM items"), [("lz4",)])
        self.assertEqual(self.value("SHOW wal_compression"), "off")

    @limit(60)
    def test_a_role_that_may_not_compress_sweeps_without(self):
        self.role("plain")
        done = self.tidemark("run", self.write(), "--to", "backfill", env={"PGUSER": "plain"}).ok()
        self.assertNotIn("wal_compression", done.err)
        with open(self.server.log, encoding="utf-8") as log:
            self.assertNotIn("permission denied", log.read())

    @limit(60)
    def test_the_review_says_how_much_wal_it_will_be(self):
        self.role("plain")
        path = self.write()
        for user, grants in (("plain", True), ("postgres", False)):
            review = self.tidemark("plan", path, env={"PGUSER": user}).ok()
            whole = grants or self.server.major < 15
            self.assertEqual("with max_wal_size = 48MB that forces about 1 checkpoint:" in review.out, whole)
            self.assertEqual("min_wal_size = 32MB keeps fewer segments ready" in review.out, whole)
            self.assertEqual("GRANT SET ON PARAMETER wal_compression TO" in review.out, grants and self.server.major >= 15)
        told = self.tidemark("plan", path, "--json").ok().json()
        [step] = [s for phase in told["phases"] for s in phase["steps"] if s["name"] == "fill"]
        before = self.value("SELECT pg_current_wal_insert_lsn()")
        self.execute("CHECKPOINT")
        self.tidemark("run", path, "--to", "backfill").ok()
        written = self.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)::float8", (before,))
        self.assertGreater(step["forward"]["wal_bytes"], written * 0.6)
        self.assertLess(step["forward"]["wal_bytes"], written * 1.7)


if __name__ == "__main__":
    main()
