"""Executors of one plan beside each other, and what `status` tells a person to type next."""
import os
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
        for _ in range(3):
            together = [self.tidemark.start("run", path, "--to", "dual_write", "--if-locked", "wait") for _ in range(6)]
            results = [process.wait(60).ok() for process in together]
            for result in results:
                self.assertNotIn("terminating connection", result.err)
                self.assertNotIn("session(s) that an earlier executor", result.err)
            self.tidemark("rollback", path, "--yes").ok()
            self.tidemark("run", path, "--again", "--to", "add_column").ok()

    @limit(60)
    def test_a_statement_that_a_killed_executor_left_behind_is_ended(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        self.tidemark("run", path, "--to", "add_column").ok()
        orphan = self.connect(application_name="tidemark/rename/backfill")
        waiting = self.connect(application_name="tidemark/rename")
        result = self.tidemark("run", path, "--to", "dual_write").ok()
        self.assertIn("ended 1 session(s)", result.err)
        with waiting.cursor() as cursor:
            cursor.execute("SELECT 1")
        self.assertEqual(self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidemark/rename/backfill'"), 0)
        orphan.close()
        waiting.close()


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
