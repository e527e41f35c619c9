"""`ensure` at the start of containers: what it does, what it leaves alone, and how it becomes the command."""
import json
import os
import signal
import socket
import stat
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g"
STARTED = ("--", "echo", "started")


def rename(name="rename", table="public.items", **more):
    return plans.rename(table, "qty", "quantity", "integer", name=name, **more)


class EnsureCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(ITEMS)

    def run_row(self, plan="rename"):
        return self.rows("SELECT r.xmin::text, fence, state, updated, (SELECT count(*) FROM tidemark.journal j WHERE j.run = r.id)"
                         " FROM tidemark.run r WHERE plan = %s ORDER BY id DESC LIMIT 1", (plan,))

    def starts(self, *args, **more):
        """`ensure` that starts its command; its Result."""
        result = self.tidemark("ensure", *args, *STARTED, **more).ok()
        self.assertEqual(result.out, "started\n")
        return result

    def left(self, said, code, *args, plan="rename"):
        """`ensure` that leaves the plan as it is, with and without --strict."""
        before = self.run_row(plan)
        result = self.starts(*args)
        self.assertIn("left as it is: ", result.err)
        self.assertIn(said, result.err)
        strict = self.tidemark("ensure", *args, "--strict", *STARTED).expect(code)
        self.assertEqual(strict.out, "")
        self.assertIn(said, strict.err)
        self.assertEqual(self.run_row(plan), before)
        return result


class Work(EnsureCase):
    @limit(60)
    def test_what_needs_nobody_is_done_and_then_the_command_is_started(self):
        path = self.plan(rename(switch="manual", drop_column="manual"))
        result = self.starts(path, "--to", "dual_write")
        self.assertIn("rename: phase dual_write is done", result.err)
        self.assertIn("rename: nothing to do: phase dual_write is done", self.starts(path, "--to", "2").err)
        # On to the gate, which a person opens.
        self.assertIn("rename: left as it is: waiting for manual approval; next: tidemark advance rename", self.starts(path).err)
        self.left("waiting for manual approval; next: tidemark advance rename", 11, path)
        self.tidemark("advance", "rename", "--no-run").ok()
        self.starts(path, "--to", "switch")
        self.tidemark("advance", "rename").ok()
        self.assertIn("rename: nothing to do: every phase is done", self.starts(path).err)
        self.assertIn("rename: nothing to do: every phase is done", self.starts("rename").err)
        self.assertEqual(self.tidemark("ensure", "renam", *STARTED).expect(4).out, "")

    @limit(60)
    def test_several_plans_in_one_call_and_what_requires_another(self):
        self.execute("CREATE TABLE other (id int PRIMARY KEY, qty int)")
        first = self.plan(rename("first", verify="manual"), "first.toml")
        second = self.plan(rename("second", "public.other", head={"requires": ["first"]}), "second.toml")
        result = self.starts(first, second)
        self.assertIn("first: left as it is: waiting for manual approval", result.err)
        self.assertIn("second: left as it is: it requires 'first', which is not complete", result.err)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.run"), 1)
        self.tidemark("ensure", first, second, "--strict", *STARTED).expect(11)
        self.tidemark("advance", "first").ok()
        result = self.starts(first, second)
        self.assertIn("first: nothing to do", result.err)
        self.assertIn("second: every phase is done", result.err)
        self.assertIn("plan 'first' is given twice", self.tidemark("ensure", first, "first", *STARTED).expect(2).err)

    @limit(60)
    def test_an_earlier_and_a_later_version_of_the_plan(self):
        """In a rolling deploy containers of the release before start again, with the file that they have."""
        phases = plans.rename_phases("qty", "quantity", "integer")
        early = self.plan(plans.plan("rename", "public.items", phases[:2]), "early.toml")
        late = self.plan(plans.plan("rename", "public.items", phases[:4]), "late.toml")
        self.starts(early)
        self.assertIn("rename: every phase is done", self.starts(late).err)
        self.assertIn("rename: nothing to do: phase dual_write is done", self.starts(early).err)
        self.assertIn("rename: nothing to do: every phase is done", self.starts(late).err)
        changed = self.plan(plans.plan("rename", "public.items", phases[:1] + [dict(phases[1], up="qty + 1", down="quantity - 1")]), "changed.toml")
        refused = self.tidemark("ensure", changed, *STARTED).expect(3)
        self.assertIn("plan 'rename' has changed since its run started", refused.err)
        self.assertEqual(refused.out, "")

    @limit(60)
    def test_the_run_of_an_executor_that_was_killed_is_continued(self):
        path = self.plan(rename())
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "phase.compiled#2"}).expect(-signal.SIGKILL)
        self.assertIn("rename: phase backfill is done", self.starts(path, "--to", "backfill").err)

    @limit(60)
    def test_what_is_wrong_with_the_call_does_not_start_the_command(self):
        path = self.plan(rename())
        for args, code, said in (((path, "--to", "dual_wirte"), 2, "did you mean 'dual_write'?"), ((), 2, "'ensure' needs PLAN"),
                                 (("no.toml",), 3, "cannot read the plan"), ((self.plan("name = 1", "bad.toml"),), 3, "bad.toml:1:"),
                                 ((self.plan(rename("p", "public.nothing"), "nothing.toml"),), 4, 'no table "public"."nothing"')):
            refused = self.tidemark("ensure", *args, *STARTED).expect(code)
            self.assertIn(said, refused.err)
            self.assertEqual(refused.out, "")

    @limit(60)
    def test_json_and_log_lines(self):
        path = self.plan(rename(switch="manual"))
        events = [json.loads(line) for line in self.tidemark("ensure", path, "--json").ok().out.splitlines()]
        self.assertEqual(events[-1]["event"], "ensure.left")
        self.assertEqual(events[-1]["message"], "rename: left as it is: waiting for manual approval; next: tidemark advance rename")
        lines = self.tidemark("ensure", path, "--to", "verify", "--log-format", "json").ok().err.splitlines()
        self.assertEqual([json.loads(line)["event"] for line in lines], ["ensure.done"])
        self.assertEqual(self.tidemark("ensure", path, "--to", "verify", "--quiet").ok().err, "")


class Leave(EnsureCase):
    @limit(60)
    def test_a_soak_is_not_waited_for_and_over_it_is_continued(self):
        path = self.plan(rename(switch={"after": "3s"}))
        began = time.monotonic()
        self.assertIn("left as it is: soaking until", self.starts(path).err)
        self.left("soaking until", 11, path)
        self.assertLess(time.monotonic() - began, 3.5)
        self.wait_until(lambda: self.value("SELECT hold_until < clock_timestamp() FROM tidemark.run"), what="the soak is over")
        self.assertIn("rename: every phase is done", self.starts(path).err)

    @limit(60)
    def test_a_closed_query_or_window_is_asked_without_the_lease(self):
        self.execute("CREATE TABLE public.release (ready boolean); INSERT INTO public.release VALUES (false)")
        path = self.plan(rename(verify={"sql": "SELECT ready FROM public.release"}, switch={"window": self.closed()}))
        self.assertIn("left as it is: the SQL condition does not hold yet", self.starts(path).err)
        self.left("the SQL condition does not hold yet", 11, path)
        self.execute("UPDATE public.release SET ready = true")
        self.assertIn("left as it is: outside the time window", self.starts(path).err)
        self.left("outside the time window", 11, path)
        # Nor is the window of a phase that was begun and interrupted, here at the first look by the executor itself.
        self.execute("UPDATE tidemark.phase SET state = 'running', started = now() WHERE kind = 'switch'; UPDATE tidemark.run SET state = 'running'")
        self.assertIn("left as it is: outside the time window", self.starts(path).err)
        self.left("outside the time window", 11, path)

    @limit(60)
    def test_hours_that_are_set_count_in_place_of_the_plans(self):
        path = self.plan(rename(switch={"window": self.closed()}))
        self.assertIn("left as it is: outside the time window", self.starts(path).err)
        self.tidemark("set", "rename", "window=00:00-24:00 UTC", "--expire", "1h").ok()
        self.assertIn("rename: every phase is done", self.starts(path).err)

    def closed(self):
        hour = self.value("SELECT (extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC')::int + 12) %% 24", ())
        return f"{hour:02}:00-{(hour + 1) % 24:02}:00 UTC"

    @limit(60)
    def test_a_hold_is_not_waited_for(self):
        path = self.plan(rename(hold="4s"))
        self.assertIn("left as it is: hold until", self.starts(path).err)
        self.left("hold until", 11, path)

    @limit(60)
    def test_a_failed_run_is_left_to_a_person(self):
        path = self.plan(rename(up="1000 / qty", down="1000 / quantity"))
        self.starts(path, "--to", "add_column")
        self.execute("INSERT INTO items VALUES (0, 0)")
        # The attempt that fails says so as any other; the command does not wait for it.
        failed = self.starts(path)
        self.assertRegex(failed.err, r"tidemark: error: .*division by zero")
        self.assertIn("rename: left as it is: it failed", failed.err)
        code = self.value("SELECT code FROM tidemark.run")
        self.assertIn("next: tidemark run rename", self.left("it failed: ", code, path).err)
        # Without a command a failure is one.
        self.tidemark("ensure", path).expect(code)
        # What was asked for is done all the same.
        self.assertIn("nothing to do: phase add_column is done", self.tidemark("ensure", path, "--to", "add_column", "--strict").ok().err)

    @limit(60)
    def test_a_rollback_a_run_that_was_rolled_back_and_a_paused_one(self):
        path = self.plan(rename())
        self.starts(path, "--to", "dual_write")
        self.tidemark("pause", "rename", "--by", "anna").ok()
        self.left("paused by anna", 12, path)
        self.assertIn("nothing to do", self.starts(path, "--to", "dual_write").err)
        self.tidemark("resume", "rename").ok()
        self.tidemark("rollback", path, "--yes", env={"TIDEMARK_CRASH_AT": "step.before_act"}).expect(-signal.SIGKILL)
        self.left("a rollback is under way", 4, path)
        self.left("a rollback is under way", 4, path, "--to", "add_column")
        self.tidemark("rollback", path, "--yes").ok()
        self.left("it was rolled back", 4, path)
        self.assertIn("next: tidemark run rename --again", self.starts(path).err)

    @limit(60)
    def test_a_pause_while_it_works_ends_it(self):
        path = self.plan(rename(rate=100))
        with self.tidemark.start("ensure", path, *STARTED) as process:
            process.wait_for("backfill: phase 3 of 6")
            self.wait_until(lambda: self.value("SELECT count(*) FROM tidemark.segment") > 0)
            self.tidemark("pause", "rename", "--by", "anna").ok()
            result = process.wait(20).ok()
        self.assertIn("left as it is: paused by anna", result.err)
        self.assertEqual(result.out, "started\n")

    @limit(60)
    def test_a_plan_that_fails_is_tried_once_by_many_at_once(self):
        self.execute("INSERT INTO items VALUES (0, 0)")
        path = self.plan(rename(up="1000 / qty", down="1000 / quantity"))
        together = [self.tidemark.start("ensure", path, *STARTED) for _ in range(8)]
        results = [process.wait(60).ok() for process in together]
        self.assertEqual([result.out for result in results], ["started\n"] * 8)
        self.assertEqual(sum("tidemark: error: " in result.err for result in results), 1, [result.err for result in results])
        for result in results:
            self.assertIn("left as it is: it failed", result.err)

    @limit(60)
    def test_what_another_executor_did_since_the_look_is_looked_at_first(self):
        """It has failed between the look at the run and the lease: here one that is only a transaction."""
        path = self.plan(rename())
        self.starts(path, "--to", "add_column")
        with self.connect() as other:
            other.autocommit = False
            with other.cursor() as cursor:
                cursor.execute("UPDATE tidemark.run SET fence = fence + 1, state = 'failed', code = 4, reason = 'the disk is full'")
            with self.tidemark.start("ensure", path, *STARTED) as process:
                self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidemark/rename'"
                                                   " AND wait_event_type = 'Lock'") == 1, what="it waits for the row")
                other.commit()
                result = process.wait(20).ok()
        self.assertIn("left as it is: it failed: the disk is full", result.err)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.phase WHERE state = 'done'"), 1)

    @limit(60)
    def test_a_rollback_gets_the_run_from_those_that_wait_for_it(self):
        path = self.plan(rename(rate=100))
        with self.tidemark.start("ensure", path, *STARTED) as first:
            first.wait_for("backfill: phase 3 of 6")
            others = [self.tidemark.start("ensure", path, *STARTED) for _ in range(4)]
            for process in others:
                process.wait_for("another executor works on it")
            self.tidemark("rollback", path, "--yes").ok()
            for process in [first, *others]:
                self.assertEqual(process.wait(20).ok().out, "started\n")
                self.assertIn("left as it is: ", process.err)
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "rolled_back")

    @limit(60)
    def test_the_time_budget(self):
        path = self.plan(rename(rate=100))
        self.assertIn("left as it is: the time budget is used up", self.starts(path, "--budget", "2s").err)
        with self.tidemark.start("run", path) as process:
            process.wait_for("backfill")
            result = self.starts(path, "--budget", "1s")
            self.assertIn("rename: another executor works on it: ", result.err)
            self.assertIn("waiting until every phase is done", result.err)
            self.assertIn("left as it is: the time budget is used up", result.err)
            process.signal(signal.SIGTERM)
            process.wait(20)

    @limit(60)
    def test_a_signal_while_it_works_is_a_clean_end_without_the_command(self):
        path = self.plan(rename(rate=100))
        with self.tidemark.start("ensure", path, *STARTED) as process:
            process.wait_for("backfill: phase 3 of 6")
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(20).expect(143).out, "")
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "ready")


class Off(EnsureCase):
    @limit(60)
    def test_a_variable_makes_it_a_no_op_that_says_so(self):
        path = self.plan(rename())
        for name, value in (("RUN_MIGRATIONS", "false"), ("TIDEMARK_AUTO", "0"), ("RUN_MIGRATIONS", "No"), ("TIDEMARK_AUTO", "off"), ("RUN_MIGRATIONS", '"false"')):
            result = self.starts(path, "no-such-file.toml", env={name: value, "PGHOST": "/nowhere"})
            self.assertRegex(result.err, rf"^\d{{4}}-\d\d-\d\dT[\d:.]+Z {name}={value}: nothing is done to the database\n$")
        self.assertIsNone(self.value("SELECT to_regnamespace('tidemark')"))
        self.assertIn("phase add_column is done", self.starts(path, "--to", "1", env={"RUN_MIGRATIONS": "true", "TIDEMARK_AUTO": "1"}).err)


class Command(EnsureCase):
    """It takes the place of the process."""

    def setUp(self):
        super().setUp()
        self.path = self.plan(rename())
        self.tidemark("run", self.path, "--to", "add_column").ok()

    def becomes(self, *command, **more):
        return self.tidemark("ensure", self.path, "--to", "add_column", "--quiet", "--", *command, **more)

    @limit(60)
    def test_pid_environment_descriptors_signals_and_arguments_are_its_own(self):
        code = ("import json, os, signal, sys; print(json.dumps([os.getpid(), dict(os.environ), sorted(os.listdir('/proc/self/fd')),"
                " [str(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGUSR1)], open('/proc/self/status').read(), sys.argv[1:]]))")
        mine = dict(self.tidemark.environment, ODD="a b\n=c", PGAPPNAME="app")
        with self.tidemark.start("ensure", self.path, "--to", "add_column", "--", sys.executable, "-c", code, "--", "--json", "-q", "",
                                 env={"ODD": "a b\n=c", "PGAPPNAME": "app"}) as process:
            pid, environment, descriptors, handlers, status, arguments = json.loads(process.wait(20).ok().out)
        self.assertEqual(pid, process.pid)
        environment.pop("LC_CTYPE", None)  # Python's own
        self.assertEqual(environment, mine)
        # 3 is the directory that is listed.
        self.assertEqual(descriptors, ["0", "1", "2", "3"])
        self.assertEqual(handlers, ["0", "0"])
        found = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            own = dict(line.split(":\t") for line in file.read().splitlines() if ":\t" in line)
        self.assertEqual(found["SigBlk"], own["SigBlk"])
        self.assertEqual(found["SigIgn"], "0000000001001000" if "1001000" in own["SigIgn"] else found["SigIgn"])
        self.assertEqual(arguments, ["--", "--json", "-q", ""])

    @limit(60)
    def test_signals_are_handled_as_they_were_when_it_was_started(self):
        """A shell tells them apart: what is ignored at the start stays so; SIGPIPE, which tidemark ignores, is not."""
        code = "grep SigIgn /proc/self/status"
        plain = self.becomes("sh", "-c", code).ok().out
        script = os.path.join(self.directory, "start")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ntrap '' INT PIPE\nexec '{self.tool()}' ensure '{self.path}' --to add_column -q -- sh -c '{code}'\n")
        os.chmod(script, 0o755)
        ignoring = self.becomes(script).ok().out
        self.assertEqual(int(plain.split()[1], 16) & (1 << 12 | 1 << 1 | 1 << 14), 0)
        self.assertEqual(int(ignoring.split()[1], 16) & (1 << 12 | 1 << 1 | 1 << 14), 1 << 12 | 1 << 1)

    def tool(self):
        from harness.tidemark import binary
        return binary()

    @limit(60)
    def test_a_signal_reaches_it_and_its_exit_status_is_the_programs(self):
        with self.tidemark.start("ensure", self.path, "--to", "add_column", "--", "sh", "-c",
                                 "trap 'echo got it; exit 42' TERM; echo ready; while :; do sleep 0.05; done") as process:
            process.wait_for("ready", stream="stdout")
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(20).expect(42).out, "ready\ngot it\n")
        self.becomes("sh", "-c", "exit 3").expect(3)
        self.becomes("sh", "-c", "kill -KILL $$").expect(-signal.SIGKILL)

    @limit(60)
    def test_a_command_that_is_not_there_or_cannot_be_run(self):
        result = self.becomes("no-such-command", "x").expect(127)
        self.assertIn("tidemark: error: cannot start 'no-such-command': there is no such command", result.err)
        script = os.path.join(self.directory, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho hello\n")
        os.chmod(script, 0o644)
        for command in (script, self.directory):
            result = self.becomes(command).expect(126)
            self.assertIn(f"tidemark: error: cannot start '{command}': Permission denied", result.err)
        os.chmod(script, stat.S_IRWXU)
        self.assertEqual(self.becomes(script).ok().out, "hello\n")
        self.assertEqual(self.becomes("no-such-command", env={"PATH": self.directory}).expect(127).out, "")
        self.assertEqual(self.becomes("script", env={"PATH": self.directory}).ok().out, "hello\n")
        # None at all is none to start.
        self.tidemark("ensure", self.path, "--to", "add_column", "--").ok()


class Reach(LiveCase):
    """The first connection."""

    tcp = True

    @limit(90)
    def test_a_database_that_is_not_up_yet_is_waited_for(self):
        self.execute(ITEMS)
        path = self.plan(rename())
        self.server.stop("immediate")
        self._conn = None
        with self.tidemark.start("ensure", path, "--to", "add_column", *STARTED) as process:
            process.wait_for("waiting for ")
            time.sleep(1)
            self.server.start()
            result = process.wait(30).ok()
        self.assertEqual(result.out, "started\n")
        self.assertEqual(result.err.count("waiting for "), 1)
        self.assertIn("rename: phase add_column is done", result.err)

    @limit(60)
    def test_it_gives_up_after_the_timeout_and_at_once_where_asking_again_is_of_no_use(self):
        path = self.plan(rename())
        self.server.stop()
        began = time.monotonic()
        result = self.tidemark("ensure", path, "--timeout", "2s", *STARTED).expect(6)
        self.assertIn("no answer within 2s: ", result.err)
        self.assertTrue(0.5 < time.monotonic() - began < 8, result.err)
        self.assertEqual(result.out, "")
        self.server.start()
        began = time.monotonic()
        result = self.tidemark("ensure", path, "--dbname", "nobody", *STARTED).expect(2)
        self.assertIn('database "nobody" does not exist', result.err)
        self.assertLess(time.monotonic() - began, 5)

    @limit(60)
    def test_a_server_that_is_starting_is_asked_again_with_growing_pauses(self):
        """What such a server does: it takes the connection, says 57P03 and closes it."""
        path, asked = self.plan(rename()), []
        text = b"".join(field + b"\0" for field in (b"SFATAL", b"VFATAL", b"C57P03", b"Mthe database system is starting up")) + b"\0"

        def serve(listener):
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                asked.append(time.monotonic())
                peer.recv(4096)
                peer.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)
                peer.close()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
            url = f"postgresql://app@127.0.0.1:{listener.getsockname()[1]}/app?sslmode=disable&gssencmode=disable"
            result = self.tidemark("ensure", path, "--dsn", url, "--timeout", "3s", *STARTED).expect(6)
            listener.shutdown(socket.SHUT_RDWR)
        self.assertIn("the database system is starting up", result.err)
        self.assertEqual(result.err.count("waiting for "), 1)
        # At 0, 0.1, 0.3, 0.7 and 1.5 s.
        self.assertEqual(len(asked), 5, asked)
        pauses = [later - earlier for earlier, later in zip(asked, asked[1:])]
        for least, pause in zip((0.1, 0.2, 0.4, 0.8), pauses):
            self.assertGreaterEqual(pause, least * 0.95)


if __name__ == "__main__":
    main()
