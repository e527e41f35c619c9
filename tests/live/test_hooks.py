"""Hooks: programs that are told what happens, and may refuse; and what log lines say."""
import http.server
import json
import os
import signal
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.programs import ProgramCase, alive  # noqa: E402
from harness.testcase import limit, main  # noqa: E402
from harness.tidemark import ROOT  # noqa: E402


class Hooks(ProgramCase):
    """Each test has one hook, which writes down how it was called, one JSON object a line."""

    NOTE = 'cat >> "$(dirname "$0")/events"\n'

    def setUp(self):
        super().setUp()
        self.run_plan = self.small("a", "b")

    def small(self, *columns):
        return self.plan(plans.plan("p", "public.items", [{"kind": "add_column", "id": name, "column": name, "type": "int"} for name in columns], lease="2s"))

    def rename(self, **gates):
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p", lease="2s", **gates), "rename.toml")

    def events(self):
        return [json.loads(line) for line in self.lines("events")]

    def names(self):
        return [event["event"] for event in self.events()]

    def run_with(self, hook, *args, **more):
        return self.tidemark("run", self.run_plan, "--hook", hook, *args, **more)

    def assert_described(self, event, run):
        self.assertEqual((event["schema_version"], event["plan"], event["run"], event["table"]), (1, "p", run, "public.items"))
        self.assertRegex(event["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn("message", event)

    @limit(40)
    def test_each_event_is_passed_on_once_in_order_with_variables_of_the_same_names(self):
        hook = self.script("hook", 'test "$1" = "$TIDEMARK_EVENT" || exit 1\n'
                           'echo "$TIDEMARK_EVENT $TIDEMARK_PLAN $TIDEMARK_RUN $TIDEMARK_TABLE $TIDEMARK_PHASE" >> variables\n' + self.NOTE)
        result = self.tidemark("run", self.rename(verify={"after": "1s"}), "--hook", hook, "--json").ok()
        run = self.value("SELECT id FROM tidemark.run")
        phases = [event for name in plans.PHASES for event in (("before-phase", name), ("phase.start", name), ("phase.done", name))]
        at = phases.index(("before-phase", "verify"))
        drop = phases.index(("phase.done", "drop_column"))
        wanted = ([("run.start", None)] + phases[:at] + [("wait.start", "verify"), ("gate.open", "verify")] + phases[at:drop]
                  + [("before-drop", "drop_column"), ("phase.done", "drop_column"), ("run.complete", None)])
        events = self.events()
        # What is asked before is not queued with what has happened.
        for asked in (True, False):
            self.assertEqual([(e["event"], e["phase"] if e["event"] != "run.complete" else None) for e in events if e["event"].startswith("before-") == asked],
                             [w for w in wanted if w[0].startswith("before-") == asked])
        for event in events:
            self.assert_described(event, run)
        self.assertEqual(sorted(line.split()[:4] for line in self.lines("variables")),
                         sorted([e["event"], "p", str(run), "public.items"] for e in events))
        # The stream of events has them under the same names, and each line says of which run it is.
        stream = result.events()
        self.assertEqual({line["plan"] for line in stream}, {"p"})
        self.assertEqual({line["run"] for line in stream}, {run})
        for name in ("phase.start", "phase.done"):
            self.assertEqual([line["message"] for line in stream if line["event"] == name], [e["message"] for e in events if e["event"] == name])

    @limit(30)
    def test_a_folder_has_a_program_for_each_event(self):
        for name in ("run.complete", "before-phase"):
            self.script("hooks/" + name, self.NOTE.replace("$(dirname \"$0\")", "."))
        self.tidemark("run", self.run_plan, env={"TIDEMARK_HOOK": self.path("hooks")}).ok()
        self.assertEqual(self.names(), ["before-phase"] * 2 + ["run.complete"])

    @limit(30)
    def test_before_a_phase_it_refuses_and_later_the_run_goes_on(self):
        hook = self.script("hooks/before-phase", 'test "$TIDEMARK_PHASE" != b -o -e ready || { echo "no backup of $TIDEMARK_TABLE" >&2; exit 4; }\n')
        hooks = os.path.dirname(hook)
        self.script("hooks/run.failed", self.NOTE.replace("$(dirname \"$0\")", "."))
        failed = self.run_with(hooks).expect(9)
        said = "the hook before-phase refused phase b: exit status 4: no backup of public.items"
        self.assertIn("error: " + said, failed.err)
        self.assertEqual(failed.err.count("error: "), 1)
        self.assertIn("continue with: tidemark run p", failed.err)
        self.assertEqual([(e["event"], e["phase"], e["message"]) for e in self.events()], [("run.failed", "b", said)])
        self.assertEqual(self.rows("SELECT state, code FROM tidemark.run"), [("failed", 9)])
        self.assertEqual(self.value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0"), "id qty a")
        with open(self.path("ready"), "w", encoding="ascii"):
            pass
        self.run_with(hooks).ok()
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    @limit(30)
    def test_before_the_drop_and_before_a_rollback(self):
        hooks = os.path.dirname(self.script("hooks/before-drop", 'echo "$TIDEMARK_STEP" > step; exit 1\n'))
        self.script("hooks/before-rollback", "test -e ready\n")
        self.assertIn("the hook before-drop refused step drop-column of phase drop_column: exit status 1",
                      self.tidemark("run", self.rename(), "--hook", hooks).expect(9).err)
        self.assertEqual(self.lines("step"), ["drop-column"])
        self.assertEqual(self.value("SELECT count(quantity) + count(qty) FROM items"), 2000)
        back = ("rollback", "p", "--yes", "--hook", hooks)
        self.assertIn("the hook before-rollback refused the rollback: exit status 1", self.tidemark(*back).expect(9).err)
        self.assertEqual(self.rows("SELECT state, direction FROM tidemark.run"), [("failed", "forward")])
        with open(self.path("ready"), "w", encoding="ascii"):
            pass
        self.tidemark(*back).ok()
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "rolled_back")

    @limit(30)
    def test_one_that_hangs_is_killed_and_warned_about_and_the_run_goes_on(self):
        hooks = os.path.dirname(self.script("hooks/run.start", "echo $$ >> pids\necho oh no\nexec sleep 100\n"))
        self.script("hooks/phase.start", "exit 3\n")
        result = self.run_with(hooks, "--hook-timeout", "500ms").ok()
        self.assertIn("p: complete", result.out)
        self.assertIn(f"warning: the hook {hooks}/run.start for run.start: killed after 500ms: oh no; the run continues", result.err)
        self.assertEqual(result.err.count("/phase.start for phase.start: exit status 3; the run continues"), 2)
        self.assertFalse(alive(self.pids("pids", 1)[0]))
        # Where it is asked, no answer is no.
        self.script("hooks/before-rollback", "exec sleep 100\n")
        self.assertIn("the hook before-rollback refused the rollback: killed after 500ms",
                      self.tidemark("rollback", "p", "--yes", "--hook", hooks, "--hook-timeout", "500ms").expect(9).err)

    @limit(30)
    def test_a_stop_while_a_hook_is_asked_kills_it(self):
        hook = self.script("hooks/before-phase", "echo $$ >> pids\nexec sleep 100\n")
        with self.tidemark.start("run", self.run_plan, "--hook", os.path.dirname(hook)) as process:
            pid = self.pids("pids", 1)[0]
            self.wait_until(lambda: self.value("SELECT reason FROM tidemark.run") == "waiting for the hook before-phase")
            process.signal(signal.SIGINT)
            process.wait(10).expect(130)
        self.assertFalse(alive(pid))
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "ready")

    @limit(40)
    def test_paused_throttled_verified_and_rolled_back(self):
        hook = self.script("hook", self.NOTE)
        path = self.plan(plans.plan("p", "public.items", [
            {"kind": "backfill", "set": {"qty": "qty + 0"}, "where": "qty > 0"},
            {"kind": "verify", "condition": "qty <> 5"}], lease="2s", throttle_file=self.path("stop")))
        self.execute("UPDATE items SET qty = NULL WHERE id > 600")
        with open(self.path("stop"), "w", encoding="ascii"):
            pass
        with self.tidemark.start("run", path, "--hook", hook) as process:
            self.wait_until(lambda: "throttle.start" in self.names())
            self.tidemark("pause", "p").ok()
            self.wait_until(lambda: "run.paused" in self.names())
            self.tidemark("resume", "p").ok()
            self.wait_until(lambda: "run.resumed" in self.names())
            os.unlink(self.path("stop"))
            process.wait(20).expect(5)
        names = self.names()
        for name in ("throttle.start", "throttle.end", "run.paused", "run.resumed", "verify.failed", "run.failed"):
            self.assertEqual(names.count(name), 1, names)
        self.tidemark("rollback", "p", "--yes", "--accept-loss", "--hook", hook).ok()
        self.assertEqual(self.names()[-1], "rollback.complete")

    @limit(20)
    def test_what_cannot_be_called_is_refused_before_anything_is_done(self):
        with open(self.path("text"), "w", encoding="ascii"):
            pass
        for path, why in ((self.path("none"), "No such file or directory"), (self.path("text"), "Permission denied")):
            refused = self.run_with(path).expect(2)
            self.assertIn(f"--hook: '{path}' cannot be called: {why}", refused.err)
        self.assertIsNone(self.value("SELECT to_regnamespace('tidemark')"))
        os.chmod(self.path("text"), stat.S_IRWXU)
        self.assertIn("p: stopped as asked", self.run_with(self.path("text"), "--to", "1").ok().out)


class Examples(ProgramCase):
    """docs/examples/hooks, as they are."""

    HOOKS = os.path.join(ROOT, "docs", "examples", "hooks")

    def setUp(self):
        super().setUp()
        self.requests, self.healthy = [], False
        case = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if case.healthy else 503)
                self.end_headers()

            def do_POST(self):
                case.requests.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        address = f"http://127.0.0.1:{server.server_port}"
        os.mkdir(self.path("backups"))
        self.env = {"HEALTH_URL": address + "/health", "MESSAGE_URL": address + "/channel", "BACKUPS": self.path("backups"), "TIDEMARK_HOOK": self.HOOKS,
                    "PATH": f"{self.server.bin}:{os.environ['PATH']}", "no_proxy": "127.0.0.1"}

    @limit(40)
    def test_a_health_check_a_message_to_a_channel_and_a_backup(self):
        path = self.plan(plans.plan("p", "public.items", [{"kind": "drop_column", "column": "qty"}], lease="2s"))
        failed = self.tidemark("run", path, env=self.env).expect(9)
        said = "the hook before-phase refused phase drop_column: exit status 22: curl: (22) The requested URL returned error: 503"
        self.assertIn(said, failed.err)
        run = self.value("SELECT id FROM tidemark.run")
        self.assertEqual(self.requests, [("/channel", {"text": f"p, run {run}: run.failed: {said}"})])
        self.healthy = True
        no_backup = self.tidemark("run", path, env=dict(self.env, BACKUPS=self.path("nowhere"))).expect(9)
        self.assertIn("the hook before-drop refused step drop-column of phase drop_column: exit status 1: pg_dump: error: ", no_backup.err)
        self.assertEqual(self.value("SELECT count(qty) FROM items"), 1000)
        done = self.tidemark("run", path, env=self.env).ok()
        self.assertNotIn("warning", done.err)
        self.assertEqual(self.requests[-1], ("/channel", {"text": f"p, run {run}: run.complete: plan 'p' is complete"}))
        backups = os.listdir(self.path("backups"))
        self.assertEqual(backups, [f"p-{run}-drop-column.dump"])
        listed = subprocess.run([os.path.join(self.server.bin, "pg_restore"), "--list", os.path.join(self.path("backups"), backups[0])],
                                stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("TABLE DATA public items", listed.stdout)


class Lines(ProgramCase):
    """Events on standard error, where it is no terminal."""

    def setUp(self):
        super().setUp()
        self.run_plan = self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p"))

    @limit(30)
    def test_each_line_has_a_time_and_names_the_plan_and_the_run(self):
        result = self.tidemark("run", self.run_plan, "--to", "backfill").ok()
        run = self.value("SELECT id FROM tidemark.run")
        for line in result.err.splitlines():
            self.assertRegex(line, rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z p run {run} \S")
        self.assertIn(f"Z p run {run} backfill: phase 3 of 6: backfill\n", result.err)

    @limit(30)
    def test_log_lines_have_the_names_and_units_of_json(self):
        result = self.tidemark("run", self.run_plan, "--json", "--log-format", "json", "--verbose").ok()
        events = [e for e in result.events() if e["event"] not in ("sweep.progress", "outcome")]
        lines = [line for line in map(json.loads, result.err.splitlines()) if line["event"] != "sweep.progress"]
        self.assertEqual(len(events), len(lines))
        for event, line in zip(events, lines):
            self.assertEqual({k: v for k, v in line.items() if k not in ("at", "level", "seconds", "lock_wait_seconds")},
                             {k: v for k, v in event.items() if v is not None and k not in ("at", "schema_version", "warning", "seconds", "lock_wait_seconds")})
            for key in ("seconds", "lock_wait_seconds"):
                self.assertAlmostEqual(event[key] or 0, line.get(key, 0), places=5)
        self.assertIn("lock_wait_seconds", {key for line in lines for key in line})
        progress = [line for line in map(json.loads, result.err.splitlines()) if line["event"] == "sweep.progress"]
        shown = [e["progress"] for e in result.events() if e["event"] == "sweep.progress"]
        self.assertTrue(progress and shown)
        refused = self.tidemark("run", "no-such-plan", "--log-format", "json").expect(4)
        self.assertEqual([(line["level"], line["event"], line["code"]) for line in map(json.loads, refused.err.splitlines())],
                         [("error", "error", "precondition")])
        self.assertEqual(set(progress[-1]) - set(shown[-1]) - {"at", "level", "event", "message", "plan", "run"}, set())


if __name__ == "__main__":
    main()
