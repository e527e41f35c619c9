"""In each state: the exit status of status is that of run, with and without the plan, and the command that is printed leads on."""
import datetime
import json
import os
import re
import shlex
import signal
import sys
import zoneinfo

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
        return self.next(status)

    def next(self, status=None):
        """What status says to do next, which the list of all plans and the view have no other opinion about."""
        status = status or self.tidemark.json("status", "p")
        listed = self.tidemark.json("status")["plans"][0]
        self.assertEqual((listed["state"], listed["next"], listed["reason"]), (status["state"], status["next"], status["reason"]))
        self.assertEqual(self.rows("SELECT state, reason FROM tidemark.status"), [(status["state"], status["reason"])])
        return status["next"]

    def printed(self, result, code=None):
        """The same at the end of a command, by people's eyes and by status."""
        if code is not None:
            result.expect(code)
        found = re.findall(r"(?:next|continue with|finish it): (tidemark .*)$", result.out + "\n" + result.err, re.M)
        self.assertEqual(len(found), 1, result)
        self.assertEqual(found[0], self.next(), result)
        return found[0]

    def follow(self, command, part=None):
        """Runs it as a shell would; with `part` the command in its comment that has these words."""
        if part is not None:
            command = re.search(rf"tidemark {part}[^;]*", command.split("#")[1]).group().replace("WHY", "test")
        words = shlex.split(command, comments=True)
        self.assertEqual(words[0], "tidemark", command)
        return self.tidemark(*words[1:])

    def state(self):
        return self.tidemark.json("status", "p")["state"]

    @limit(60)
    def test_complete_and_rolled_back(self):
        self.assertEqual(self.start(ADD).code, 0)
        self.assertIsNone(self.agrees(0, "complete"))
        self.assertNotIn("next:", self.tidemark.ok("plan", "p").out)
        self.tidemark.ok("rollback", "p", "--yes")
        self.follow(self.agrees(10, "rolled_back")).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_waiting_at_a_gate_that_a_person_opens(self):
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual")).code, 11)
        waiting = ("status", "p", "--wait-for", "complete", "--timeout", "300ms")
        self.assertEqual(self.printed(self.tidemark(*waiting), 11), "tidemark advance p")
        self.assertEqual(self.tidemark(*waiting, "--json").expect(11).json()["next"], "tidemark advance p")
        self.follow(self.agrees(11, "waiting")).ok()
        self.assertEqual(self.state(), "complete")
        self.tidemark.ok(*waiting)

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
        self.assertEqual(self.printed(self.start(ADD, lock_attempts=2, lock_timeout="50ms"), 7), "tidemark run p")
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
        # A run would only stop at the gate.
        self.assertEqual(self.agrees(10, "ready"), "tidemark advance p")
        self.tidemark.ok("pause", "p")
        self.assertIn(self.tidemark("run", self.path, "--exit-code").code, (11, 12))
        command = self.tidemark.json("status", "p")["next"]
        self.assertEqual(command, "tidemark resume p")
        self.follow(command).ok()
        self.assertEqual(self.tidemark("run", self.path, "--exit-code").code, 11)

    @limit(90)
    def test_a_gate_with_approval_and_time(self):
        """First the approval, which `run` cannot give; then the time, which only passes or is waived."""
        gated = dict(SECOND, gate={"manual": True, "after": "1h"})
        command = self.printed(self.start(ADD, gated), 11)
        self.assertRegex(command, r"^tidemark advance p   # the soak lasts until .*: --now --reason WHY$")
        command = self.printed(self.follow(command), 0)
        self.assertRegex(command, r"^tidemark run p   # after .*; to continue now: tidemark advance p --now --reason WHY$")
        self.assertIn("(approved by ", self.tidemark.ok("status", "p").out)
        # Before its time it stays where it is, and says the same.
        self.assertEqual(self.printed(self.follow(command), 0), command)
        self.follow(command, "advance").ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_an_approval_that_nobody_has_used_yet(self):
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual")).code, 11)
        self.assertEqual(self.tidemark.json("status", "p")["reason"], "waiting for manual approval")
        self.assertEqual(re.findall(r"^next: (.*)$", self.tidemark.ok("plan", "p").out, re.M), ["tidemark advance p"])
        command = self.printed(self.tidemark.ok("advance", "p", "--no-run", "--by", "anna"))
        self.assertEqual(command, "tidemark run p")
        status = self.tidemark.json("status", "p")
        self.assertEqual(status["reason"], "approved by anna; nobody has continued it yet")
        self.assertIn("approved by anna", self.tidemark.ok("status").out)
        self.follow(command).ok()
        self.assertEqual(self.state(), "complete")

    @limit(90)
    def test_a_window_that_nobody_can_open(self):
        """Also when the executor was killed while it waited: advance has nothing to open."""
        hour = (self.value("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::integer") + 12) % 24
        gated = dict(SECOND, gate={"window": f"{hour:02}:00-{hour:02}:30 UTC"})
        day = self.value("SELECT (now() AT TIME ZONE 'UTC' + interval '12 hours')::date::text")
        opens = f"it opens at {day} {hour:02}:00 UTC"
        ended = self.start(ADD, gated)
        self.assertEqual(ended.code, 13)
        self.assertLess(ended.seconds, 5)
        self.assertIn(opens, ended.out)
        self.assertIn("stopped at add_column-2: outside the time window", ended.out)
        self.assertIn(opens, self.tidemark.json("status", "p")["reason"])
        self.assertEqual(self.agrees(10, "ready"), "tidemark run p")
        self.assertEqual(self.tidemark("run", "p").code, 0)
        self.assertEqual(self.printed(self.tidemark("advance", "p"), 4), "tidemark run p")
        process = self.tidemark.start("run", "p", "--wait")
        self.wait_until(lambda: self.state() == "waiting")
        process.wait_for(opens)
        self.assertEqual(self.next(), "tidemark status p --watch")
        self.assertEqual(self.printed(self.tidemark("advance", "p"), 4), "tidemark status p --watch")
        process.kill()
        self.wait_until(lambda: not self.tidemark.json("status", "p")["live"])
        self.assertEqual(self.agrees(11, "waiting"), "tidemark run p")
        self.assertEqual(self.tidemark("run", "p", "--budget", "1s", "--exit-code").code, 13)

    def test_a_closed_window_says_when_it_opens(self):
        """On its next day, by the clock of its zone, which may be set forward until then."""
        for zone, days in (("Europe/Berlin", 2), ("Asia/Kolkata", 6), ("America/St_Johns", 3), ("UTC", 1)):
            with self.subTest(zone=zone):
                here = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
                opens = (here + datetime.timedelta(days=days)).replace(hour=1, minute=45)
                gated = dict(ADD, gate={"window": f"{opens:%a} 01:45-02:00 {zone}"})
                path = self.plan(plans.plan(f"p{days}", "public.t", [gated]))
                utc = "" if zone == "UTC" else opens.astimezone(datetime.timezone.utc).strftime(" (%Y-%m-%dT%H:%M:00Z)")
                self.assertIn(f"; it opens at {opens:%Y-%m-%d %H:%M} {zone}{utc}", self.tidemark("run", path, "--exit-code").expect(13).out)

    @limit(60)
    def test_a_phase_that_was_begun_in_its_window_continues_in_it_only(self):
        hour = (self.value("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::integer") + 12) % 24
        gated = dict(ADD, gate={"window": f"{hour:02}:00-{hour:02}:30 UTC"})
        self.assertEqual(self.start(gated, lease="1s").code, 13)
        # As an executor leaves it that was killed in time.
        self.execute("UPDATE tidemark.phase SET state = 'running', started = now()")
        self.assertIn("outside the time window of this phase; it opens at ", self.tidemark("run", "p", "--exit-code").expect(13).out)
        process = self.tidemark.start("run", "p", "--wait")
        process.wait_for("throttled: outside the time window of this phase; it opens at ")
        self.wait_heartbeats("p", 3)
        self.assertEqual(self.rows("SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'"), [])
        self.assertEqual(self.rows("SELECT state, reason ^@ 'outside the time window of this phase; it opens at ' FROM tidemark.run"), [("running", True)])
        process.signal(signal.SIGINT)
        process.wait(10).expect(130)
        # Whoever asks for a rollback may not have until tonight.
        self.tidemark.ok("rollback", "p", "--yes")

    @limit(90)
    def test_a_pause_of_a_live_run_and_its_resume(self):
        self.path = self.plan(plans.plan("p", "public.t", [ADD, {"kind": "backfill", "set": {"b": "a"},
                                                                "where": "b IS NULL", "max_rows_per_second": 20}]))
        process = self.tidemark.start("run", self.path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.status')") is not None
                        and self.rows("SELECT phase FROM tidemark.status") == [("backfill",)])
        self.assertEqual(self.next(), "tidemark status p --watch")
        command = self.printed(self.tidemark.ok("pause", "p", "--by", "anna", "--reason", "lunch"))
        self.assertEqual(command, "tidemark resume p")
        self.wait_until(lambda: self.value("SELECT state FROM tidemark.run") == "paused")
        self.assertEqual(self.agrees(12, "paused"), command)
        status = self.tidemark.json("status", "p")
        self.assertEqual((status["reason"], status["progress"]["state"], status["progress"]["cause"]),
                         ("paused by anna: lunch", "PAUSED", "pause"))
        resumed = self.follow(command).ok()
        found = re.search(r"^next: (.*)$", resumed.out, re.M).group(1)
        self.assertEqual(found, "tidemark status p --watch")
        self.follow(found).ok()
        process.wait(30).ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_a_pause_of_what_has_failed_does_not_hide_the_failure_for_good(self):
        failing = {"kind": "sql", "act": "INSERT INTO public.t VALUES (1, 1)", "undo": "SELECT 1"}
        self.assertEqual(self.printed(self.start(ADD, failing), 4), "tidemark run p")
        failed = self.tidemark("run", "p", "--json").expect(4)
        self.assertEqual(json.loads(failed.out.splitlines()[-1])["next"], "tidemark run p")
        self.assertEqual(self.agrees(4, "failed"), "tidemark run p")
        self.tidemark.ok("pause", "p")
        command = self.agrees(12, "paused")
        self.assertEqual(self.tidemark("run", "p", "--exit-code").code, 12)
        self.assertEqual(self.printed(self.follow(command), 0), "tidemark run p")
        self.assertEqual(self.agrees(4, "failed"), "tidemark run p")
        self.assertIn("duplicate key", self.tidemark.json("status", "p")["reason"])

    @limit(90)
    def test_a_rollback_to_a_closed_gate_and_to_an_open_one(self):
        third = {"id": "third", "kind": "add_column", "column": "e", "type": "integer"}
        self.start(dict(ADD, id="first"), dict(SECOND, id="second", gate="manual"), third).expect(11)
        self.tidemark.ok("advance", "p")
        command = self.printed(self.tidemark.ok("rollback", "p", "--to", "second", "--yes"))
        self.assertEqual(command, "tidemark run p")
        command = self.printed(self.tidemark.ok("rollback", "p", "--to", "first", "--yes"))
        self.assertEqual(command, "tidemark advance p")
        self.follow(command).ok()
        self.assertEqual(self.state(), "complete")
        self.assertEqual(self.printed(self.tidemark.ok("rollback", "p", "--yes")), "tidemark run p --again")

    @limit(90)
    def test_a_rollback_that_a_lock_has_stopped(self):
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual"), lock_attempts=2, lock_timeout="50ms").code, 11)
        holder = self.connect(autocommit=False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM t")
        self.assertEqual(self.printed(self.tidemark("rollback", "p", "--yes"), 7), "tidemark rollback p")
        command = self.agrees(10, "rolling_back")
        self.assertEqual(command, "tidemark rollback p")
        for verb in ("run", "advance"):
            self.assertEqual(self.printed(self.tidemark(verb, "p"), 4), command)
        self.tidemark.ok("pause", "p")
        self.assertEqual(self.agrees(12, "paused"), "tidemark resume p")
        self.assertEqual(self.printed(self.follow("tidemark resume p"), 0), command)
        holder.rollback()
        holder.close()
        self.follow(command).ok()
        self.assertEqual(self.state(), "rolled_back")

    @limit(90)
    def test_a_hold_is_waived_or_rolled_back(self):
        drop = {"kind": "drop_column", "column": "a", "hold": "1h"}
        command = self.printed(self.start(drop), 11)
        self.assertRegex(command, r"^tidemark run p   # after .*; to continue now: tidemark advance p --now --reason WHY; "
                                  r"to roll back at once: tidemark rollback p$")
        self.assertEqual(self.printed(self.follow(command), 0), command)
        self.assertEqual(self.printed(self.tidemark("advance", "p"), 4), command)
        self.follow(command, "rollback").ok()
        self.follow(self.agrees(10, "rolled_back")).expect(0)
        self.follow(self.agrees(11, "waiting"), "advance").ok()
        self.assertEqual(self.state(), "complete")

    @limit(60)
    def test_a_killed_executor(self):
        self.path = self.plan(plans.plan("p", "public.t", [ADD, {"kind": "backfill", "set": {"b": "a"},
                                                                "where": "b IS NULL", "max_rows_per_second": 20}]))
        process = self.tidemark.start("run", self.path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.status')") is not None
                        and self.rows("SELECT phase FROM tidemark.status") == [("backfill",)])
        process.kill()
        self.wait_until(lambda: not self.tidemark.json("status", "p")["live"])
        self.assertEqual(self.agrees(10, "running"), "tidemark run p")
        self.follow("tidemark run p").ok()
        self.assertEqual(self.state(), "complete")

    @limit(90)
    def test_who_waited_for_the_lease_looks_again(self):
        """Another one has completed it, or rolled it back, meanwhile."""
        fill = {"kind": "backfill", "set": {"b": "a"}, "where": "b IS NULL", "max_rows_per_second": 40}
        self.path = self.plan(plans.plan("p", "public.t", [ADD, fill]))
        first = self.tidemark.start("run", self.path)
        self.wait_until(lambda: self.rows("SELECT to_regclass('tidemark.run') IS NOT NULL") == [(True,)]
                        and self.rows("SELECT owner IS NOT NULL FROM tidemark.run") == [(True,)])
        second = self.tidemark.start("run", "p", "--if-locked", "wait")
        first.wait(40).ok()
        second.wait(20).ok()
        self.assertEqual(self.state(), "complete")
        backs = [self.tidemark.start("rollback", "p", "--yes") for _ in range(2)]
        for back in backs:
            back.wait(20).ok()
        self.assertEqual(self.state(), "rolled_back")

    @limit(60)
    def test_an_impossible_state_is_refused_and_named(self):
        """The row was edited by hand; no command continues from there by accident."""
        self.assertEqual(self.start(ADD, dict(SECOND, gate="manual")).code, 11)
        self.execute("UPDATE tidemark.run SET state = 'rolling_back'")
        result = self.tidemark("advance", "p").expect(1)
        self.assertIn("the run of 'p' is 'rolling_back' and cannot become 'running'", result.err)
        self.assertIn("put the state back as it was", result.err)
        self.assertEqual(self.rows("SELECT state, owner FROM tidemark.run"), [("rolling_back", None)])
        self.execute("UPDATE tidemark.run SET state = 'waiting'")
        self.tidemark.ok("run", "p")
        self.assertEqual(self.state(), "complete")


if __name__ == "__main__":
    main()
