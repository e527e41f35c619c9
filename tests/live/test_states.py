"""In each state: the exit status of status is that of run, with and without the plan, and the command that is printed leads on."""
import os
import shlex
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ADD = {"kind": "add_column", "column": "b", "type": "integer"}
SECOND = {"kind": "add_column", "column": "d", "type": "integer"}


class States(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 100) g")

    def start(self, *phases, args=(), **limits):
        self.path = self.plan(plans.plan("p", "public.t", list(phases), **limits))
        return self.tidemark("run", self.path, "--exit-code", *args)

    def agrees(self, code, state):
        """status with and without the plan gives the same as run did; the command that it prints."""
        self.assertEqual(self.tidemark("status", "p", "--exit-code").code, code)
        self.assertEqual(self.tidemark("status", self.path, "--exit-code").code, code)
        self.assertEqual(self.tidemark("status", "--exit-code").code, 0 if state == "rolled_back" else code)
        status = self.tidemark.json("status", "p")
        self.assertEqual(status["state"], state)
        return status["next"]

    def follow(self, command):
        words = shlex.split(command.split("   (")[0])
        self.assertEqual(words[0], "tidemark", command)
        return self.tidemark(*words[1:])

    def state(self):
        return self.tidemark.json("status", "p")["state"]

    @limit(60)
    def test_complete_and_rolled_back(self):
        self.assertEqual(self.start(ADD).code, 0)
        self.assertIsNone(self.agrees(0, "complete"))
        self.tidemark.ok("rollback", "p", "--yes")
        self.follow(self.agrees(10, "rolled_back")).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_waiting_at_a_gate_that_a_person_opens(self):
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual")).code, 11)
        self.follow(self.agrees(11, "waiting")).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_waiting_for_a_query(self):
        """The executor asks again until the answer is true; here its time is up before."""
        gate = {"sql": "SELECT count(*) > 0 FROM public.t WHERE a = 0"}
        self.assertEqual(self.start(ADD, dict(SECOND, gate=gate), args=("--budget", "1s")).code, 13)
        command = self.tidemark.json("status", "p")["next"]
        self.execute("UPDATE t SET a = 0 WHERE id = 1")
        self.follow(command).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_blocked_by_a_lock_is_not_paused_by_a_person(self):
        holder = self.connect(autocommit=False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM t")
        result = self.start(ADD, lock_attempts=2, lock_timeout="50ms")
        self.assertEqual(result.code, 7)
        command = self.agrees(7, "blocked")
        self.assertEqual(self.value("SELECT wanted FROM tidemark.run"), "run")
        holder.rollback()
        holder.close()
        self.follow(command).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_failed_keeps_the_status_of_the_error(self):
        failing = {"kind": "sql", "act": "INSERT INTO public.t VALUES (1, 1)", "undo": "SELECT 1"}
        self.assertEqual(self.start(ADD, failing).code, 4)
        command = self.agrees(4, "failed")
        self.execute("DELETE FROM t WHERE id = 1")
        self.follow(command).ok()
        self.assertEqual(self.state(), "complete")
        # What is over is not told any more.
        self.assertEqual(self.tidemark("status", "p", "--exit-code").code, 0)

    @limit(60)
    def test_paused_and_the_budget_used_up(self):
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual"), args=("--to", "add_column")).code, 10)
        self.assertEqual(self.agrees(10, "ready"), "tidemark run p")
        self.tidemark.ok("pause", "p")
        self.assertIn(self.tidemark("run", self.path, "--exit-code").code, (11, 12))
        command = self.tidemark.json("status", "p")["next"]
        self.assertEqual(command, "tidemark resume p")
        self.follow(command).ok()
        self.assertEqual(self.tidemark("run", self.path, "--exit-code").code, 11)


if __name__ == "__main__":
    main()
