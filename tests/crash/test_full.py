"""Something is full: no connection is left, or no room for WAL or rows. The run waits, or ends with one clear error, and continues later.

Where no small file system can be mounted (harness/disk.py), those tests are skipped and say so.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import psycopg2  # noqa: E402

import model  # noqa: E402
from harness import plans, traffic, verifier  # noqa: E402
from harness.disk import Disk, enter_namespace, needs_disk  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
import survivors  # noqa: E402
from survivors import SWEPT, SurvivorFleet, forget_lost  # noqa: E402

ROWS = 4000
TABLE = survivors.table(ROWS)
DIFFER = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM a"
# Since the last rollback, which does not take the entries back.
TWICE = """SELECT phase, step FROM tidemark.journal WHERE event = 'step.done' AND seq > (SELECT coalesce(max(seq), 0) FROM tidemark.journal
            WHERE event = 'rollback.done') GROUP BY 1, 2 HAVING count(*) > 1"""
BEGUN = "SELECT to_regclass('tidemark.segment') IS NOT NULL"
# Only the transaction that switches creates these triggers.
SWITCH = b"CREATE TRIGGER "
CHANGED = "SELECT coalesce(sum(changed), 0) FROM tidemark.segment"

# What the server says when it has no connection left, for everybody, for the role, in the database.
SAID = {"server": "remaining connection slots", "role": "too many connections for role", "database": "too many connections for database"}


def plan_text(rate=None, workers=2):
    return plans.rename("public.t", "a", "b", "integer", rate=rate, other_triggers="fire", switch="manual", drop_column="manual",
                        hold="1h", limits={"lease": "2s", "batch_duration": "50ms", "workers": workers})


def write(conn, rng):
    traffic.run(conn, "UPDATE t SET a = %s, ver = ver + 1 WHERE id = %s", (rng.randrange(10**6), rng.randrange(ROWS)))


class Connections(LiveCase):
    """tidemark is a role of its own, without a way around the limits; the application's connections are open from the beginning."""

    settings = {"max_connections": "24", "superuser_reserved_connections": "8"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.sql("CREATE ROLE tool LOGIN; CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; GRANT pg_monitor TO tool")

    def setUp(self):
        super().setUp()
        self.execute(TABLE + f"ALTER TABLE t OWNER TO tool; GRANT ALL ON t TO app; GRANT ALL ON SCHEMA public TO tool;"
                     f" GRANT CREATE, TEMPORARY ON DATABASE {self.database} TO tool")
        self.tidemark.environment["PGUSER"] = "tool"
        self.held = []
        self.addCleanup(self.lift)
        # The application, as a pool has it: connected once, and permanently.
        self.app = traffic.Traffic(self.server, self.database, [write], threads=3, pause=0.02)
        connect, self.app.server = self.server.connect, self
        self.connect_app = lambda database, **more: connect(database, user="app", **more)
        self.app.start()
        self.addCleanup(self.app.stop)
        self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") == 3)

    def connect(self, database=None, **more):
        """For Traffic, which asks its server; for everybody else a connection to the test's database."""
        return self.connect_app(database, **more) if database else super().connect(**more)

    def sessions(self):
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'tool'")

    def fill_slots(self, leave=0):
        """Every connection of the server that is not a superuser's; it takes again what becomes free."""
        while True:
            try:
                self.held.append(self.server.connect(self.database, user="other"))
            except psycopg2.OperationalError:
                break
        for _ in range(leave):
            self.held.pop().close()

    def role_limit(self, count):
        self.execute(f"ALTER ROLE tool CONNECTION LIMIT {count}")

    def database_limit(self, count):
        """So many beside those that are there now."""
        there = self.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        self.execute(f"ALTER DATABASE {self.database} CONNECTION LIMIT {there + count if count >= 0 else -1}")

    def lift(self):
        for conn in self.held:
            conn.close()
        self.held = []
        self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'other'") == 0)
        self.execute(f"ALTER ROLE tool CONNECTION LIMIT -1; ALTER DATABASE {self.database} CONNECTION LIMIT -1")

    def cut_off(self, how):
        """Ends its sessions and leaves no room for another one."""
        if how == "server":
            self.fill_slots()
        elif how == "role":
            self.role_limit(0)
        else:
            self.database_limit(-1)
            self.execute(f"ALTER DATABASE {self.database} CONNECTION LIMIT 0")
        count = self.sessions()
        self.server.terminate("tidemark/%", self.database)
        if how == "server":     # others take the connections that it has lost before it connects again
            self.wait_until(lambda: self.sessions() == 0)
            self.fill_slots()
        return count

    def finish(self):
        """To the end of the switch; nothing of the application has failed or waited."""
        for verb in (("run", "rename"), ("advance", "rename")):
            self.tidemark(*verb).ok()
        self.app.stop()
        self.app.raise_errors()
        self.assertLess(self.app.worst(), 2)
        self.assertEqual((self.value(DIFFER), self.rows(TWICE)), (0, []))
        self.assertLessEqual(self.value(SWEPT), 1)
        self.assertEqual(self.tidemark.json("status", "rename")["phase"], "drop_column")

    @limit(60)
    def test_at_the_start_it_ends_with_one_error_and_has_done_nothing(self):
        path = self.plan(plan_text())
        for how, hint, fill in (("server", "max_connections", self.fill_slots), ("role", "ALTER ROLE", lambda: self.role_limit(0)),
                                ("database", "ALTER DATABASE", lambda: self.database_limit(0))):
            with self.subTest(how):
                fill()
                result = self.tidemark("run", path).expect(6)
                self.assertEqual(result.err.count("error:"), 1)
                self.assertIn(hint, result.err)
                self.assertEqual(self.tidemark("run", path, "--json").expect(6).events()[-1]["error"]["sqlstate"], "53300")
                self.tidemark("wait", "--timeout", "1s").expect(6)
                self.assertEqual(self.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'tidemark'"), 0)
                self.lift()
        self.finish_from(path)

    def finish_from(self, path):
        self.tidemark("run", path).ok()
        self.finish()

    @limit(60)
    def test_without_a_connection_for_the_watcher_it_waits_and_starts_when_there_is_one(self):
        path = self.plan(plan_text())
        self.role_limit(1)
        gave_up = self.tidemark("run", path, "--budget", "2s").expect(6)
        self.assertRegex(gave_up.err, r"error: .*too many connections for role")
        self.assertEqual(self.tidemark.json("status", "rename")["state"], "failed")
        process = self.tidemark.start("run", path)
        process.wait_for("connecting again")
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'"), 0)
        self.lift()
        process.wait(30).ok()
        self.finish()

    @limit(60)
    def test_with_a_connection_for_one_worker_only_that_one_sweeps(self):
        path = self.plan(plan_text(rate=4000, workers=3))
        for how in ("role", "database", "server"):
            with self.subTest(how):
                if how == "role":
                    self.role_limit(3)
                elif how == "database":
                    self.database_limit(3)
                else:
                    self.fill_slots(leave=3)
                result = self.tidemark("run", path, "--to", "backfill").ok()
                self.assertEqual(result.err.count("continuing with 1 of 3 workers"), 1, result)
                self.assertNotIn("connecting again", result.err)
                self.lift()
                self.tidemark("rollback", "rename", "--yes").ok()
                self.execute("DROP SCHEMA tidemark CASCADE; SET session_replication_role = replica; UPDATE t SET touched = ver - 1;"
                             " RESET session_replication_role")
        self.finish_from(path)

    @limit(60)
    def test_a_worker_that_is_ended_and_cannot_come_back_leaves_its_work_to_the_others(self):
        path = self.plan(plan_text(rate=1500))
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value(BEGUN) and self.value(CHANGED) > 300)
        self.assertEqual(self.sessions(), 4)
        self.role_limit(3)
        # Control and watcher are older; of the two workers, the one that was last at work.
        self.execute("SELECT pg_terminate_backend(pid) FROM (SELECT pid, query_start FROM pg_stat_activity WHERE usename = 'tool'"
                     " ORDER BY backend_start DESC LIMIT 2) w ORDER BY query_start DESC LIMIT 1")
        process.wait_for("continuing with 1 of 2 workers", timeout=20)
        self.assertLessEqual(self.sessions(), 3)
        process.wait(40).ok()
        self.lift()
        self.finish()

    @limit(60)
    def test_cut_off_in_mid_sweep_it_waits_and_goes_on_by_itself(self):
        path = self.plan(plan_text(rate=1500))
        process = self.tidemark.start("run", path)
        for number, how in enumerate(SAID, 1):
            self.wait_until(lambda: self.sessions() == 4 and self.value(BEGUN) and self.value(CHANGED) > number * 400,
                            what=f"the sweep continues after {number - 1}")
            self.assertGreater(self.cut_off(how), 0)
            swept = self.value(CHANGED)
            process.wait_for(SAID[how], timeout=20)
            self.assertEqual(self.value(CHANGED), swept)
            self.lift()
        process.wait(40).ok()
        self.finish()

    @limit(60)
    def test_cut_off_in_mid_switch_it_is_done_or_not_and_ends_later(self):
        path = self.plan(plan_text())
        self.tidemark("run", path).ok()
        for step_in, how in (("before", "server"), ("answer", "role"), ("answer", "database"), ("before", "role")):
            with self.subTest(step_in=step_in, how=how):
                with Proxy(self.server, SWITCH, step_in, lambda: self.cut_off(how)) as proxy:
                    process = self.tidemark.start("advance", "rename", env={"PGHOST": proxy.host})
                    process.wait_for(SAID[how], timeout=20)
                    # The phase is not done, whatever the step is.
                    self.assertFalse(verifier.look(self.conn, "public.t", "a", "b", plan="rename").check().done("switch"))
                    self.lift()
                    process.wait(30).ok()
                look = verifier.look(self.conn, "public.t", "a", "b", plan="rename").check()
                self.assertTrue(look.done("switch"))
                self.assertEqual(self.rows(TWICE), [])
                self.tidemark("rollback", "rename", "--to", "verify", "--yes").ok()
        self.finish()


@needs_disk
class DiskCase(LiveCase):
    settings = {"shared_buffers": "16MB", "max_connections": "40", "deadlock_timeout": "300ms"}

    def setUp(self):
        super().setUp()
        self.execute(self.table())
        self.world = survivors.world(ROWS)
        self.fleet = SurvivorFleet(self.world, lambda autocommit: self.connect(application_name="app", autocommit=autocommit), 3)
        self.addCleanup(self.fleet.stop)

    def table(self):
        return TABLE

    def settle(self):
        """With all clients stopped: what of their last transactions was committed. Of those that were acknowledged nothing may be lost."""
        self.fleet.stop()
        _, problems = forget_lost(self.world, {row[:2]: row[2] for row in self.rows("SELECT id, inc, ver FROM t")}, time.monotonic())
        self.assertEqual(problems, [])

    def compare(self, columns):
        """With all clients stopped: every acknowledged write is there, and what is there was written."""
        self.settle()
        listed = ", ".join(c if c in columns else f"NULL AS {c}" for c in "ab")
        table = self.rows(f"SELECT id, inc, ver, {listed} FROM t")
        problems = model.check(self.world.shape, self.world.events, table, columns, [], self.value("SELECT count(*) FROM tidemark.conflict"))
        self.assertEqual(self.world.problems + problems, [])
        verifier.look(self.conn, "public.t", "a", "b", plan="rename").check()
        self.assertEqual(self.rows(TWICE), [], "a step was done twice")
        self.assertLessEqual(self.value(SWEPT), 1, "a row was swept twice")


class WalFull(DiskCase):
    """The server panics, comes back when there is room, and has everything that was acknowledged."""

    @classmethod
    def setUpClass(cls):
        settings = dict(cls.settings, min_wal_size="2MB", max_wal_size="20MB")
        cls.server = Server(settings=settings, start=False, initdb=("--wal-segsize=1",))
        wal = os.path.join(cls.server.data, "pg_wal")
        kept = tempfile.mkdtemp(prefix="tidemark-wal-")
        cls.addClassCleanup(shutil.rmtree, kept, ignore_errors=True)
        subprocess.run(["cp", "-a", wal + "/.", kept], check=True)
        cls.disk = Disk(wal, 64)
        cls.addClassCleanup(cls.disk.close)
        subprocess.run(["cp", "-a", kept + "/.", wal], check=True)
        cls.server._own(wal)
        os.chmod(wal, 0o700)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop("immediate")
        cls.disk.close()
        cls.server.close()

    def setUp(self):
        super().setUp()
        self.log_read = len(self.log())
        self.addCleanup(self.make_room)     # runs before the database is dropped

    def log(self):
        with open(self.server.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def panics(self):
        return self.log().count("PANIC:")

    def make_room(self):
        """As an operator does: the space is there again, and the server is started where it has given up."""
        self.disk.free()
        # Until the postmaster has seen the crash it accepts connections, and ends them.
        self.wait_until(lambda: "PANIC:" not in self.log()[self.log_read:] or "was terminated by signal 6" in self.log()[self.log_read:],
                        what="the postmaster has seen the crash")
        for _ in range(20):
            try:
                self.server.start()
                self.server.wait_ready()
                break
            except RuntimeError:    # a recovery that had begun before has found no room
                time.sleep(0.1)
        self._conn = None
        self.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        self.log_read = len(self.log())

    def fill(self):
        """A slot that nobody reads keeps every segment, and something else has taken the rest of the room."""
        self.execute("SELECT pg_create_physical_replication_slot('forgotten', true)"
                     " WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'forgotten')")
        self.disk.fill()

    def use_up(self, leave):
        """The current segment has `leave` bytes left, and there is no other one and no room for it."""
        self.fill()
        for _ in range(100):
            now, spare = self.value("SELECT pg_walfile_name(pg_current_wal_insert_lsn())"), []
            for name in os.listdir(self.disk.path):
                if len(name) == 24 and name > now:
                    spare.append(name)
            if not spare:
                break
            self.execute("SELECT pg_logical_emit_message(false, 'x', 'x'); SELECT pg_switch_wal(); SELECT pg_logical_emit_message(false, 'x', 'x')")
        left = self.value("SELECT 1048576 - pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint %% 1048576".replace("%%", "%"))
        if left > leave + 200:
            self.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', %s::integer))", (left - leave - 200,))

    @limit(60)
    def test_in_mid_sweep_it_loses_and_repeats_nothing(self):
        path = self.plan(plan_text(rate=800))
        before = self.panics()
        for number in (1, 2):
            self.fleet.start("old", "old")
            process = self.tidemark.start("run", path)
            self.wait_until(lambda: self.value(BEGUN) and self.value(CHANGED) > number * 200, what="the sweep continues")
            try:
                self.use_up(0)
            except psycopg2.OperationalError:
                pass    # others write as well
            self.wait_until(lambda: self.panics() > before, timeout=20, what="the server panics")
            before = self.panics()
            if number == 1:
                process.kill()
            else:
                process.wait_for("connecting again", timeout=20)
            self.make_room()
            self.settle()
        result = process.wait(45)
        self.assertIn("connecting again", result.err)
        result.ok()
        self.assertEqual(self.tidemark.json("status", "rename")["phase"], "switch")
        self.fleet.start("old", "old")
        self.fleet.work(20)
        self.compare(["a", "b"])

    @limit(60)
    def test_in_mid_switch_it_is_switched_or_not(self):
        path = self.plan(plan_text())
        self.tidemark("run", path).ok()
        for number, leave in enumerate((0, 900, 2500, 5000, 9000)):
            with self.subTest(leave=leave):
                before = self.panics()
                with Proxy(self.server, SWITCH, "pass", lambda: self.use_up(leave)) as proxy:
                    process = self.tidemark.start("advance", "rename", env={"PGHOST": f"{proxy.host},{self.server.socket_dir}"})
                    self.wait_until(lambda: self.panics() > before, timeout=20, what="the server panics")
                    if number % 2:
                        process.kill()
                    self.make_room()
                    verifier.look(self.conn, "public.t", "a", "b", plan="rename").check()
                    if number % 2:
                        self.tidemark(*self.tidemark.json("status", "rename")["next"].split()[1:]).ok()
                    else:
                        process.wait(30).ok()
                look = verifier.look(self.conn, "public.t", "a", "b", plan="rename").check()
                self.assertTrue(look.done("switch"))
                self.assertEqual(self.rows(TWICE), [])
                self.tidemark("rollback", "rename", "--to", "verify", "--yes").ok()
        self.tidemark("advance", "rename").ok()
        self.fleet.start("old", "new", "both")
        self.fleet.work(50)
        self.compare(["a", "b"])


class TablespaceFull(DiskCase):
    """The server stays up and refuses with 53100."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.place = tempfile.mkdtemp(prefix="tidemark-space-")
        cls.disk = Disk(cls.place, 16)
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        cls.addClassCleanup(cls.disk.close)
        cls.server._own(cls.place)
        os.chmod(cls.place, 0o700)
        cls.server.sql(f"CREATE TABLESPACE small LOCATION '{cls.place}'")

    def table(self):
        return TABLE + "ALTER TABLE t SET TABLESPACE small"

    @limit(60)
    def test_in_mid_sweep_it_ends_with_one_error_and_continues_when_there_is_room(self):
        path = self.plan(plan_text(rate=1000))
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value(BEGUN) and self.value(CHANGED) > 300, what="the sweep continues")
        # A report that reads for long keeps every old version: the sweep cannot do with the room that the table has.
        report = self.connect()
        report.cursor().execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
        self.disk.fill()
        result = process.wait(30).expect(4)
        self.assertEqual(result.err.count("error:"), 1)
        self.assertIn("No space left on device", result.err)
        changed = self.value(CHANGED)
        status = self.tidemark.json("status", "rename")
        self.assertEqual((status["state"], status["phase"]), ("failed", "backfill"))
        self.assertIn("No space left", status["reason"])
        again = self.tidemark("run", path, "--json").expect(4)
        self.assertEqual(again.events()[-1]["error"]["sqlstate"], "53100")
        # Reading, and writing where there is room, continue all the time.
        self.assertEqual(self.value("SELECT count(*) FROM t"), ROWS)
        report.close()
        self.disk.free()
        self.fleet.start("old", "old")
        self.tidemark("run", path).ok()
        self.assertGreater(changed, 300)
        self.assertEqual(self.tidemark.json("status", "rename")["phase"], "switch")
        self.compare(["a", "b"])

    @limit(60)
    def test_an_index_that_does_not_fit_is_built_when_there_is_room(self):
        path = self.plan(plans.plan("rename", "public.t", [{"kind": "create_index", "columns": "id", "name": "i", "tablespace": "small"}]))
        self.disk.fill(leave=32768)
        result = self.tidemark("run", path).expect(4)
        self.assertIn("No space left on device", result.err)
        self.disk.free()
        self.tidemark("run", path).ok()
        self.assertEqual(self.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), [(True,)])
        self.assertEqual(self.rows(TWICE), [])


if __name__ == "__main__":
    enter_namespace()
    main()
