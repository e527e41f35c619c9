"""Executors of one plan beside each other, and what `status` tells a person to type next."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402


class Siblings(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g")

    @limit(120)
    def test_executors_that_are_started_at_once_do_not_end_each_others_sessions(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        before = os.path.getsize(self.server.log)
        for _ in range(3):
            together = [self.tidemark.start("run", path, "--to", "dual_write", "--if-locked", "wait") for _ in range(6)]
            results = [process.wait(60).ok() for process in together]
            for result in results:
                self.assertNotIn("terminating connection", result.err)
                self.assertNotIn("session(s) that an earlier executor", result.err)
                self.assertNotIn("warning", result.err)
            self.tidemark("rollback", path, "--yes").ok()
            self.tidemark("run", path, "--again", "--to", "add_column").ok()
        # Nobody was ended, and nobody tried what another one was doing: schema, preflight, run.
        with open(self.server.log, encoding="utf-8", errors="replace") as log:
            log.seek(before)
            self.assertEqual([line for line in log if re.search(r" (WARNING|ERROR|FATAL|PANIC): ", line)], [])

    @limit(120)
    def test_five_at_once_work_or_say_who_does(self):
        for at in range(3):
            path = self.plan(plans.rename("public.items", "qty", f"quantity{at}", "integer", name=f"p{at}"), f"p{at}.toml")
            before = os.path.getsize(self.server.log)
            together = [self.tidemark.start("run", path, "--to", "dual_write") for _ in range(5)]
            results = [process.wait(60).expect((0, 8)) for process in together]
            self.assertIn(0, [result.code for result in results])
            for result in results:
                self.assertNotIn("that an earlier executor", result.err)
                self.assertRegex(result.out + result.err, "stopped as asked" if result.code == 0 else f"another executor works on 'p{at}'")
            with open(self.server.log, encoding="utf-8", errors="replace") as log:
                log.seek(before)
                self.assertEqual([line for line in log if re.search(r" (WARNING|ERROR|FATAL|PANIC): ", line)], [])
            self.tidemark("rollback", path, "--yes").ok()

    @limit(120)
    def test_executors_that_are_slow_to_exit_keep_their_sessions(self):
        """Five at once. Each is stopped when it has released the lease and still has its sessions, as a container without CPU time is."""
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        slow = {"TIDEMARK_CRASH_AT": "lease.released", "TIDEMARK_CRASH_ACTION": "stop"}
        together = [self.tidemark.start("run", path, "--to", "dual_write", "--if-locked", "wait", env=slow) for _ in range(5)]
        self.wait_until(lambda: all(process.stopped() for process in together), timeout=60, what="all have released the lease")
        self.assertGreaterEqual(self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/rename/%%'"), 5)
        for process in together:
            process.signal(signal.SIGCONT)
        for process in together:
            result = process.wait(30).ok()
            self.assertNotIn("that an earlier executor", result.err)
            self.assertIn("next: tidemark run rename", result.out + result.err)

    @limit(90)
    def test_whoever_is_stopped_while_it_waits_for_the_lease_tells_the_state_of_the_run(self):
        """It has moved nothing: the run is where the executor at work has it, and a rollback has not begun."""
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", rate=10))
        working = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.status') IS NOT NULL")
                        and self.rows("SELECT phase FROM tidemark.status") == [("backfill",)])
        # It keeps the lease, and does not hear that it is to release the run.
        working.signal(signal.SIGSTOP)
        for verb, *more in ("run", "--if-locked", "wait"), ("rollback", "--yes"):
            for number, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
                with self.subTest(verb, code=code):
                    waiting = self.tidemark.start(verb, "rename", "--json", *more)
                    waiting.wait_for('"lease.wait"', stream="stdout")
                    waiting.signal(number)
                    last = waiting.wait(10).expect(code).events()[-1]
                    self.assertEqual((last["event"], last["state"], last["next"]), ("outcome", "running", "tidemark status rename --watch"))
        self.assertEqual(self.rows("SELECT state, direction FROM tidemark.run"), [("running", "forward")])

    @limit(60)
    def test_a_statement_that_a_killed_executor_left_behind_is_ended(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        self.tidemark("run", path, "--to", "dual_write", env={"TIDEMARK_CRASH_AT": "phase.done"}).expect(-signal.SIGKILL)
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT fence) FROM tidemark.session"), [(2, 1)])
        orphan, other, waiting = [self.connect(application_name=f"tidemark/rename{what}") for what in ("/dual_write", "/backfill", "")]
        # A statement of the executor that was killed; and a session that only has the pid of another one of it.
        for conn, started in (orphan, "backend_start"), (other, "backend_start - interval '1 s'"):
            self.execute("INSERT INTO tidemark.session (run, fence, pid, started)"
                         f" SELECT 1, 1, pid, {started} FROM pg_stat_activity WHERE pid = %s", (conn.info.backend_pid,))
        result = self.tidemark("run", path, "--to", "dual_write").ok()
        self.assertIn("ended 1 session(s) that an earlier executor had left running", result.err)
        for conn in (other, waiting):
            with conn.cursor() as cursor:
                cursor.execute("SELECT 1")
        self.assertEqual(self.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (orphan.info.backend_pid,)), 0)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.session"), 0)
        for conn in (orphan, other, waiting):
            conn.close()

    @limit(60)
    def test_every_session_of_an_executor_is_known_by_pid_and_start(self):
        self.execute("INSERT INTO items SELECT g, g FROM generate_series(1001, 60000) g")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", rate=2000))
        with self.tidemark.start("run", path, "--workers", "3") as process:
            self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidemark/rename/backfill'") == 4,
                            what="three workers and the control connection")
            self.wait_until(lambda: self.rows(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE application_name LIKE 'tidemark/rename/%%' ORDER BY pid") == self.rows(
                "SELECT s.pid, s.started FROM tidemark.session s JOIN pg_stat_activity a ON (a.pid, a.backend_start) = (s.pid, s.started)"
                " JOIN tidemark.run r ON (r.id, r.fence) = (s.run, s.fence) ORDER BY 1"), what="each of them is known")
            process.signal(signal.SIGTERM)
            process.wait(20).expect(143)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.session"), 0)


class Next(LiveCase):
    def next(self):
        return self.tidemark("status", "rename", "--json").ok().json()["next"]

    @limit(90)
    def test_the_next_command_leads_on_before_and_after_approval_and_soak(self):
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int)")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", switch={"manual": True, "after": "3s"}))
        self.tidemark("run", path).ok()
        self.assertRegex(self.next(), r"^tidemark advance rename   # the soak lasts until")
        self.wait_until(lambda: self.next() == "tidemark advance rename", interval=0.2, what="the soak is over")
        self.tidemark("advance", "rename", "--no-run", "--by", "anna").ok()
        self.assertEqual(self.next(), "tidemark run rename")
        self.assertIn("approved by anna", self.tidemark("status", "rename").out)
        phase = self.tidemark("status", "rename", "--json").json()["phases"][4]
        self.assertEqual((phase["name"], phase["approved_by"]), ("switch", "anna"))
        self.assertEqual(self.tidemark("status", "--json").json()["plans"][0]["next"], "tidemark run rename")
        self.tidemark("run", "rename").ok()

    @limit(60)
    def test_a_gate_that_only_waits_for_time_needs_no_advance(self):
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int)")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", switch={"after": "2h"}))
        self.tidemark("run", path).ok()
        self.assertRegex(self.next(), r"^tidemark run rename   # after .*: tidemark advance rename --now --reason WHY$")
        self.tidemark("advance", "rename", "--now", "--reason", "test", "--no-run").ok()
        self.assertEqual(self.next(), "tidemark run rename")


if __name__ == "__main__":
    main()
