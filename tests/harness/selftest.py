#!/usr/bin/python3
"""The harness itself: a server starts, restarts, survives kills and leaves nothing behind; a fingerprint sees changes."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import fingerprint
from harness.server import Server, alive
from harness.testcase import LiveCase, limit, main
from harness.tidemark import Process

CHANGES = [
    "ALTER TABLE t ADD COLUMN c int",
    "ALTER TABLE t ALTER COLUMN b SET DEFAULT 'y'",
    "ALTER TABLE t ALTER COLUMN b SET STATISTICS 7",
    "ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL",
    "ALTER TABLE t RENAME COLUMN b TO bb",
    "ALTER TABLE t ALTER COLUMN b SET NOT NULL",
    "ALTER TABLE t SET (fillfactor = 70)",
    "ALTER TABLE t DISABLE TRIGGER tr",
    "ALTER TABLE t ENABLE ALWAYS TRIGGER tr",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t REPLICA IDENTITY FULL",
    "ALTER TABLE t ADD CHECK (a > 0) NOT VALID",
    "ALTER TABLE t DROP CONSTRAINT t_pkey",
    "CREATE INDEX ON t (b)",
    "DROP STATISTICS st",
    "DROP POLICY p ON t",
    "DROP VIEW v",
    "COMMENT ON COLUMN t.b IS 'hello'",
    "COMMENT ON TABLE t IS 'hello'",
    "GRANT SELECT (b) ON t TO PUBLIC",
    "REVOKE SELECT ON t FROM PUBLIC",
    "ALTER SEQUENCE s INCREMENT 5",
    "ALTER PUBLICATION pub DROP TABLE t",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "CREATE FUNCTION left_over() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE e AS ENUM ('x')",
]

SCHEMA = """
CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT 'x');
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE VIEW v AS SELECT a FROM t;
CREATE STATISTICS st ON a, b FROM t;
CREATE POLICY p ON t USING (a > 0);
CREATE SEQUENCE s OWNED BY t.a;
CREATE PUBLICATION pub FOR TABLE t;
GRANT SELECT ON t TO PUBLIC;
"""


class Harness(LiveCase):
    def test_a_fingerprint_sees_every_change(self):
        self.execute(SCHEMA)
        before = self.fingerprint()
        self.assertEqual(before, self.fingerprint())
        for change in CHANGES:
            with self.subTest(change):
                conn = self.connect(autocommit=False)
                # The catalog half alone must see it: on newer majors there is no pg_dump.
                self.conn.cursor().execute("CREATE SCHEMA tidemark; CREATE TABLE tidemark.run (id int)")
                self.assertEqual(before.lines, fingerprint.catalog(self.server, self.database))
                self.execute("DROP SCHEMA tidemark CASCADE")
                conn.cursor().execute(change)
                conn.commit()
                conn.close()
                self.assertNotEqual(before.lines, fingerprint.catalog(self.server, self.database))
                self.execute("DROP SCHEMA public CASCADE; DROP PUBLICATION pub; CREATE SCHEMA public;"
                             "GRANT ALL ON SCHEMA public TO postgres")
                self.execute(SCHEMA)
                before = self.fingerprint()

    def test_a_column_that_came_and_went_leaves_no_trace(self):
        self.execute(SCHEMA)
        before = self.fingerprint()
        self.execute("ALTER TABLE t ADD COLUMN c int; ALTER TABLE t DROP COLUMN c")
        self.assert_same_schema(before)

    def test_the_difference_names_what_changed(self):
        self.execute(SCHEMA)
        before = self.fingerprint()
        self.execute("ALTER TABLE t ADD COLUMN newcomer int")
        with self.assertRaisesRegex(AssertionError, "newcomer"):
            self.assert_same_schema(before)

    def test_a_killed_server_recovers_what_was_committed(self):
        self.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        self.server.kill()
        self.assertFalse(self.server.running())
        self.server.start()
        self.assertEqual(self.server.value("SELECT a FROM t", database=self.database), 1)

    def test_an_immediate_restart_keeps_what_was_committed(self):
        self.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (2)")
        self.server.restart_immediate()
        self.assertEqual(self.server.value("SELECT a FROM t", database=self.database), 2)

    def test_a_stopped_server_is_started_for_the_next_test(self):
        self.server.stop("fast")

    def test_settings_can_be_changed_while_it_runs(self):
        self.server.configure(deadlock_timeout="3s")
        self.assertEqual(self.server.value("SHOW deadlock_timeout"), "3s")

    def test_terminate_counts_the_sessions_it_ended(self):
        conn = self.connect(application_name="victim/1")
        self.assertEqual(self.server.terminate("victim/%"), 1)
        self.wait_until(lambda: self.value("SELECT count(*) = 0 FROM pg_stat_activity"
                                           " WHERE application_name = 'victim/1'"))
        conn.close()

    def test_a_background_process_is_read_signalled_and_waited_for(self):
        with Process(["/bin/sh", "-c", "echo begun >&2; exec sleep 30"], ["sleep"], None, self.directory) as process:
            process.wait_for("begun", timeout=5)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(5).code, -signal.SIGTERM)

    def test_a_large_output_does_not_block_the_program(self):
        with Process(["/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"], ["head"], None, None) as process:
            self.assertEqual(len(process.wait(20).out), 3000000)


class Traces(unittest.TestCase):
    """What is left of a server when the process that made it goes away."""

    SCRIPT = ("import sys, time; sys.path.insert(0, sys.argv[1]); from harness.server import Server;"
              "s = Server(); print(s.root, s.process.pid, flush=True); time.sleep(60)")

    def vanish(self, number):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        child = subprocess.Popen([sys.executable, "-c", self.SCRIPT, folder], stdout=subprocess.PIPE, text=True)
        root, pid = child.stdout.readline().split()
        self.assertTrue(os.path.isdir(root))
        child.send_signal(number)
        child.wait(20)
        child.stdout.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (os.path.exists(root) or alive(pid)):
            time.sleep(0.05)
        self.assertFalse(os.path.exists(root), "the directory is left")
        self.assertFalse(alive(pid), "the server is left")

    def test_nothing_is_left_after_sigkill(self):
        self.vanish(signal.SIGKILL)

    def test_nothing_is_left_after_sigterm(self):
        self.vanish(signal.SIGTERM)

    def test_nothing_is_left_after_an_exception(self):
        with self.assertRaises(ZeroDivisionError):
            with Server() as server:
                root = server.root
                raise ZeroDivisionError
        self.assertFalse(os.path.exists(root))


class Timer(unittest.TestCase):
    def test_a_test_that_hangs_fails(self):
        class Hangs(LiveCase):
            @limit(1)
            def test_it(self):
                time.sleep(30)

        started = time.monotonic()
        result = unittest.TestResult()
        unittest.TestSuite([Hangs("test_it")]).run(result)
        self.assertIn("took longer than 1 s", result.errors[0][1])
        self.assertLess(time.monotonic() - started, 15)


if __name__ == "__main__":
    main()
