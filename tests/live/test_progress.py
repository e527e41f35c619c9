"""One measure of progress: the line of the run, `status`, JSON and metrics have the same figure, and it never falls, whatever happens to
the run; it is gone when the sweep is, and nobody says how long it will take while nothing may be done."""
import os
import pty
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import binary  # noqa: E402

RATIO = re.compile(r'^tidemark_sweep_progress_ratio\{plan="p",phase="backfill"\} (\S+)$', re.M)
ETA = re.compile(r'^tidemark_sweep_eta_seconds\{plan="p",phase="backfill"\} (\S+)$', re.M)
THROTTLED = re.compile(r'^tidemark_throttled\{plan="p",reason="file"\} 1$', re.M)
LINE = re.compile(r"backfill [^\r\n]*?  ([\d.]+) %  ([\d,]+) rows  ")


class ProgressCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.metrics = os.path.join(self.directory, "p.prom")
        self.stop = os.path.join(self.directory, "stop")

    def measured(self, pattern):
        """What the file of metrics has now; None when it has nothing."""
        try:
            with open(self.metrics, encoding="utf-8") as file:
                found = pattern.search(file.read())
        except FileNotFoundError:
            return None
        return found and (float(found[1]) if found.groups() else True)

    def phases(self):
        """phase → state, as status shows it."""
        return {phase["name"]: phase["state"] for phase in self.tidemark.json("status", "p")["phases"]}

    def progress(self):
        return self.tidemark.json("status", "p")["progress"]


class Small(ProgressCase):
    """Groups and windows as short as they get, so that there are many checkpoints."""
    ROWS = 12000

    def setUp(self):
        super().setUp()
        self.execute(f"""
            CREATE TABLE items (id integer PRIMARY KEY, qty integer, note text);
            INSERT INTO items SELECT i, i, repeat('n', 400) FROM generate_series(1, {self.ROWS}) i""")

    def write(self, rate, **limits):
        fill = {"stripes": 4, "group_windows": 4, "window_blocks": 4}
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p", rate=rate, fill=fill,
                                      switch="manual", hold="3s",
                                      limits={"batch_duration": "2ms", "workers": 2, **limits}))

    @limit(90)
    def test_all_four_have_the_same_figure_at_a_pause(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        shown = []
        with subprocess.Popen([binary(), "run", self.write(3000), "--json", "--metrics-file", self.metrics], cwd=self.directory,
                              env=dict(self.tidemark.environment, TERM="xterm"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=slave, text=True, start_new_session=True) as run:
            os.close(slave)
            self.addCleanup(run.kill)

            def read():
                try:
                    while part := os.read(master, 65536):
                        shown.append(part.decode("utf-8", "replace"))
                except OSError:    # the program has ended
                    pass

            events = []
            readers = [threading.Thread(target=read, daemon=True),
                       threading.Thread(target=lambda: events.extend(iter(run.stdout.readline, "")), daemon=True)]
            for reader in readers:
                reader.start()
            self.wait_until(lambda: (self.measured(RATIO) or 0) > 0.2)
            self.tidemark("pause", "p").ok()
            self.wait_until(lambda: self.value("SELECT state FROM tidemark.run") == "paused")
            self.wait_heartbeats("p", 2)
            self.wait_until(lambda: abs(self.measured(RATIO) - self.progress()["ratio"]) < 1e-12, what="the file of metrics has the last figure")
            status, text = self.progress(), self.tidemark("status", "p").ok().out
            measured, event, line = self.measured(RATIO), events[-1], LINE.findall("".join(shown))[-1]
            self.tidemark("resume", "p").ok()
            self.assertEqual(run.wait(60), 0)
        self.assertTrue(0.2 < status["ratio"] < 1, status)
        self.assertAlmostEqual(measured, status["ratio"], places=12)
        self.assertIn('"sweep.progress"', event)
        self.assertAlmostEqual(float(re.search(r'"ratio":([\d.e-]+)', event)[1]), status["ratio"], places=9)
        self.assertEqual(line, (f"{int(status['ratio'] * 1000) / 10:.1f}", f"{status['rows_seen']:,}"))
        self.assertIn(f"  {line[0]} %  {line[1]} rows  ", text)
        self.assertIn("  PAUSED", text)
        self.assertNotIn("ETA", text)
        self.assertNotIn("rows/s", text)
        self.assertRegex(text, r"▷ +3  backfill +begun")

    @limit(90)
    def test_nobody_says_how_long_it_takes_while_it_is_held_back(self):
        path = self.write(3000, throttle_file=self.stop)
        run = self.tidemark.start("run", path, "--json", "--metrics-file", self.metrics)
        self.wait_until(lambda: (self.measured(RATIO) or 0) > 0.1 and self.measured(ETA))
        with open(self.stop, "w", encoding="utf-8"):
            pass
        self.wait_until(lambda: self.measured(THROTTLED))
        self.wait_until(lambda: self.progress()["state"] == "THROTTLED")
        self.assertIsNone(self.measured(ETA))
        held = self.progress()
        self.assertIsNone(held["eta_seconds"])
        self.assertEqual(held["rows_per_second"], 0)
        text = self.tidemark("status", "p").ok().out
        self.assertIn("  THROTTLED", text)
        self.assertNotIn("ETA", text)
        os.remove(self.stop)
        self.wait_until(lambda: self.measured(ETA))
        result = run.wait(60).ok()
        told = [event["progress"] for event in result.events() if event["event"] == "sweep.progress"]
        self.assertEqual({p["eta_seconds"] for p in told if p["state"] == "THROTTLED"}, {None})
        self.assertTrue(any(p["eta_seconds"] for p in told if p["state"] == "RUNNING"))

    @limit(90)
    def test_it_is_cleared_at_the_end(self):
        path = self.write(6000)
        run = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.status') IS NOT NULL")
                        and self.value("SELECT count(*) FROM tidemark.status WHERE (progress->>'share')::float8 > 0"))
        run.wait(60).ok()
        # The backfill and the verification are over: it waits at the switch.
        self.assertIsNone(self.progress())
        self.assertIsNone(self.value("SELECT progress FROM tidemark.status"))
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.tidemark.json("status", "p")["state"], "complete")
        for text in (self.tidemark("status", "p").ok().out, self.tidemark("status").ok().out):
            self.assertNotRegex(text, "RUNNING|ETA|%")
        self.assertEqual([plan["progress"] for plan in self.tidemark.json("status")["plans"]], [None])

    @limit(90)
    def test_after_a_crash_the_last_word_of_the_executor_is_not_repeated(self):
        run = self.tidemark.start("run", self.write(3000))
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL")
                        and self.value("SELECT count(*) FROM tidemark.run WHERE (progress->>'eta')::bigint > 0"))
        run.kill()
        self.wait_until(lambda: not self.tidemark.json("status", "p")["live"])
        for progress in (self.progress(), self.tidemark.json("status")["plans"][0]["progress"]):
            self.assertEqual((progress["state"], progress["eta_seconds"], progress["rows_per_second"]), (None, None, 0))
            self.assertTrue(0 < progress["ratio"] < 1)
        text = self.tidemark("status", "p").ok().out
        self.assertNotIn("RUNNING", text)
        self.assertRegex(text, r"progress +backfill ")
        self.assertEqual(self.phases()["backfill"], "begun")

    @limit(90)
    def test_a_phase_runs_only_while_somebody_works_on_it(self):
        path = self.write(3000)
        run = self.tidemark.start("run", path, "--budget", "3s", "--exit-code")
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.phase') IS NOT NULL")
                        and self.value("SELECT count(*) FROM tidemark.phase WHERE name = 'backfill' AND state = 'running'"))
        self.assertEqual(self.phases()["backfill"], "running")
        run.wait(30).expect(13)
        self.assertEqual(self.phases(), {"add_column": "done", "dual_write": "done", "backfill": "begun", "verify": "pending",
                                         "switch": "pending", "drop_column": "pending"})
        self.assertEqual(self.value("SELECT state FROM tidemark.phase WHERE name = 'backfill'"), "running")
        self.assertIn("begun", self.tidemark("plan", path).ok().out)
        # A failure, and then a hold, in whose time nobody works either.
        self.execute("ALTER TABLE items ADD CHECK (quantity <> 12000) NOT VALID")
        self.tidemark("run", "p").expect(4)
        self.assertEqual(self.phases()["backfill"], "begun")
        self.execute("ALTER TABLE items DROP CONSTRAINT items_quantity_check")
        self.tidemark("run", "p").ok()
        self.assertEqual(self.phases()["switch"], "waiting")
        run = self.tidemark.start("advance", "p", "--metrics-file", self.metrics)
        self.wait_until(lambda: self.phases()["drop_column"] == "begun")
        self.assertEqual(self.value("SELECT state FROM tidemark.status"), "waiting")
        self.wait_until(lambda: self.measured(re.compile(r'phase="drop_column",state="begun"\} 1$', re.M)))
        run.wait(30).ok()
        self.assertEqual(set(self.phases().values()), {"done"})


class Never(ProgressCase):
    """Every way in which the figure could fall."""

    def write(self, rate, **fill):
        phase = {"kind": "backfill", "set": {"status": "'active'"}, "where": "status IS NULL", "max_rows_per_second": rate, **fill}
        return self.plan(plans.plan("p", "public.items", [phase], workers=2, batch_duration="2ms"))

    def fall(self, path, between, most=60):
        """Runs the plan to its end, each time stopped by its budget or killed; what was seen of the figure, by whom."""
        seen, over, rng = {"status": [], "metrics": [], "run": []}, threading.Event(), random.Random(4)

        def watch():
            while not over.is_set():
                result = self.tidemark("status", "p", "--json")
                if result.code == 0 and result.json()["progress"]:
                    seen["status"].append(result.json()["progress"]["ratio"])
                ratio = self.measured(RATIO)
                if ratio is not None:
                    seen["metrics"].append(ratio)
                time.sleep(0.02)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        for attempt in range(most):
            budget = attempt % 2 == 0
            run = self.tidemark.start("run", path, "--json", "--exit-code", "--metrics-file", self.metrics,
                                      *(["--budget", "1s"] if budget else []))
            if budget:
                code = run.wait(30).code
            else:
                end = time.monotonic() + rng.uniform(0.3, 1.5)
                while run.running() and time.monotonic() < end:
                    time.sleep(0.01)
                code = run.wait(5).code if not run.running() else None
                run.kill()
            seen["run"] += [event["progress"]["ratio"] for event in run.wait(5).events() if event["event"] == "sweep.progress"]
            if code == 0:
                break
            self.assertIn(code, (None, 13), run.err)
            if attempt < len(between):
                self.execute(between[attempt])
        else:
            self.fail("it never came to an end")
        over.set()
        watcher.join(10)
        for name, values in seen.items():
            self.assertEqual(values, sorted(values), f"{name}: it fell")
            self.assertGreater(len(set(values)), 3, name)
        self.assertEqual(seen["run"][-1], 1)
        self.assertLess(max(seen["status"]), 1)
        self.assertIsNone(self.progress())

    @limit(150)
    def test_with_budgets_crashes_a_rewritten_partition_a_new_one_and_further_passes(self):
        self.execute("""
            CREATE TABLE items (id integer, status text, note text) PARTITION BY RANGE (id);
            CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (4000);
            CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (4000) TO (8000);
            CREATE TABLE late (LIKE items);
            INSERT INTO items SELECT i, NULL, repeat('n', 400) FROM generate_series(0, 7999) i;
            INSERT INTO late SELECT i, NULL, repeat('n', 400) FROM generate_series(8000, 8999) i""")
        path = self.write(1500, stripes=4, group_windows=2, window_blocks=4)
        self.fall(path, [
            "VACUUM FULL items_1",
            "ALTER TABLE items ATTACH PARTITION late FOR VALUES FROM (8000) TO (9000)",
            "VACUUM FULL items_2",
            "INSERT INTO items SELECT i % 8000, NULL, 'new' FROM generate_series(1, 50) i",
            "INSERT INTO items SELECT i % 8000, NULL, 'new' FROM generate_series(1, 50) i"])
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE status IS NULL"), 0)
        self.assertGreater(self.value("SELECT max((detail->>'pass')::int) FROM tidemark.journal WHERE event = 'sweep.created'"), 1)
        self.assertGreater(self.value("SELECT count(*) FROM tidemark.journal WHERE event = 'lease.taken'"), 4)

    @limit(150)
    def test_in_the_order_of_a_key(self):
        self.execute("""
            CREATE TABLE items (id integer PRIMARY KEY, status text, note text);
            INSERT INTO items SELECT i, NULL, repeat('n', 100) FROM generate_series(1, 9000) i;
            ANALYZE items""")
        self.fall(self.write(1500, order="keyset"), ["ANALYZE items", "DELETE FROM items WHERE id > 8500", "ANALYZE items"])
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE status IS NULL"), 0)


if __name__ == "__main__":
    main()
