"""The command of a gate."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.programs import ProgramCase, alive  # noqa: E402
from harness.testcase import limit, main  # noqa: E402


class Gate(ProgramCase):
    def gated(self, command, **more):
        gate = dict({"command": command, "interval": "200ms"}, **more)
        return self.plan(plans.plan("p", "public.items", [{"kind": "add_column", "column": "a", "type": "int", "gate": gate}],
                                    lease="2s"))

    def status(self):
        return self.tidemark.json("status", "p")

    @limit(30)
    def test_a_command_that_fails_twice_and_then_opens(self):
        self.script("check", 'echo "$TIDEMARK_PLAN $TIDEMARK_RUN $TIDEMARK_PHASE $TIDEMARK_TABLE $*" >> calls\n'
                             'test "$(wc -l < calls)" -ge 3 || { echo "not yet"; echo "really: not" >&2; exit 7; }\n')
        path = self.gated(["./check", "a b", "$HOME;"])
        review = self.tidemark("plan", path).ok().out
        self.assertIn("until this command succeeds on the executor's machine: ./check 'a b' '$HOME;'", review)
        result = self.tidemark("run", path).ok()
        self.assertIn("p: complete", result.out)
        run = self.value("SELECT id FROM tidemark.run")
        self.assertEqual(self.lines("calls"), [f"p {run} add_column public.items a b $HOME;"] * 3)
        self.assertEqual(result.err.count("the command has not opened the gate yet: ./check 'a b' '$HOME;': exit status 7: not yet really: not"), 1)
        self.assertIn("the gate is open", result.err)

    @limit(30)
    def test_a_command_that_opens_at_once_is_no_wait(self):
        result = self.tidemark("run", self.gated(["true"]), "--json").ok()
        self.assertNotIn("wait.start", [event["event"] for event in result.events()])

    @limit(30)
    def test_while_it_runs_the_executor_lives_and_status_says_what_it_waits_for(self):
        self.script("slow", "echo $$ >> pids\nsleep 100 &\necho $! >> pids\nwait\n")
        with self.tidemark.start("run", self.gated(["./slow"], timeout="1h")) as process:
            process.wait_for("waiting for the command: ./slow")
            self.wait_heartbeats("p", 3)
            status = self.status()
            self.assertEqual((status["state"], status["reason"]), ("waiting", "waiting for the command: ./slow"))
            self.assertEqual(status["phases"][0]["gate"], "command: ./slow")
            self.assertIn("waiting for the command: ./slow", self.tidemark("status", "p").ok().out)
            pids = self.pids("pids", 2)
            self.assertTrue(all(alive(pid) for pid in pids))
            process.signal(signal.SIGINT)
            process.wait(10).expect(130)
        self.assertFalse(any(alive(pid) for pid in pids), pids)
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "ready")

    @limit(30)
    def test_its_time_limit_ends_the_whole_group_also_what_ignores_sigterm(self):
        self.script("stubborn", "trap '' TERM\necho $$ >> pids\nsleep 100 &\necho $! >> pids\necho waiting for nothing\nwait\nsleep 100\n")
        with self.tidemark.start("run", self.gated(["./stubborn"], timeout="300ms", interval="1h")) as process:
            process.wait_for("waiting for the command: ./stubborn")
            self.wait_until(lambda: "killed after 300ms: waiting for nothing" in (self.status()["reason"] or ""))
            self.assertFalse(any(alive(pid) for pid in self.pids("pids", 2)))
            self.no_child_is_left(process)
            process.signal(signal.SIGTERM)
            process.wait(10).expect(143)

    @limit(30)
    def test_retries_that_are_used_up_fail_the_run_and_the_next_one_asks_again(self):
        path = self.gated(["test", "-e", "ready"], retries=1)
        failed = self.tidemark("run", path).expect(9)
        self.assertIn("the gate's command has failed 2 times: test -e ready: exit status 1", failed.err)
        self.assertIn("next: tidemark run p", failed.err)
        self.assertEqual(self.status()["state"], "failed")
        with open(self.path("ready"), "w", encoding="ascii"):
            pass
        self.assertIn("p: complete", self.tidemark("run", path).ok().out)

    @limit(30)
    def test_a_pause_ends_what_is_running_and_it_is_run_anew(self):
        self.script("slow", "echo $$ >> pids\ntest -e ready || exec sleep 100\n")
        with self.tidemark.start("run", self.gated(["./slow"], timeout="1h")) as process:
            first = self.pids("pids", 1)[0]
            self.tidemark("pause", "p").ok()
            process.wait_for("paused by")
            self.assertFalse(alive(first))
            with open(self.path("ready"), "w", encoding="ascii"):
                pass
            self.tidemark("resume", "p").ok()
            self.assertIn("p: complete", process.wait(10).ok().out)
        self.assertEqual(len(self.lines("pids")), 2)

    @limit(30)
    def test_a_program_that_is_not_there(self):
        path = self.gated(["no-such-program", "-x"], retries=0)
        lint = self.tidemark("lint", path).ok().out
        self.assertIn("warning", lint)
        self.assertIn("[gate-command-missing]", lint)
        self.assertIn("the program no-such-program of the gate's command is not found on this machine", lint)
        self.assertIn("exit status 127: cannot be started: No such file or directory", self.tidemark("run", path).expect(9).err)
        self.assertNotIn("gate-command-missing", self.tidemark("lint", self.gated(["sh", "-c", "true"])).ok().out)

    @limit(30)
    def test_ensure_asks_once_and_leaves_what_is_closed(self):
        self.script("check", 'echo called >> calls; test -e ready || { echo "still down"; exit 1; }\n')
        path = self.gated(["./check"], timeout="2s")
        for calls in (1, 2, 3):
            left = self.tidemark("ensure", path, "--", "echo", "started").ok()
            self.assertIn("p: left as it is: the command has not opened the gate yet: ./check: exit status 1: still down", left.err)
            self.assertEqual(left.out, "started\n")
            self.assertEqual(len(self.lines("calls")), calls)
        self.tidemark("ensure", path, "--strict").expect(11)
        with open(self.path("ready"), "w", encoding="ascii"):
            pass
        self.assertIn("p: every phase is done", self.tidemark("ensure", path).ok().err)


if __name__ == "__main__":
    main()
