"""What can be seen of a run from outside while it works: the file of metrics, and the HOT share wherever progress is shown.

A thread reads the file all the time, as a collector would, and is as strict: it must never see a part of one."""
import json
import os
import re
import signal
import stat
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ROWS = 20000
FAMILIES = 18
SAMPLE = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\[\\"n])*)"')


def parse(text):
    """name → {labels: value}; fails on anything that is not the text format, or not whole."""
    found, types = {}, {}
    if not text.endswith("\n"):
        raise AssertionError("the last line is cut: " + text[-80:])
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
            found.setdefault(name, {})
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            if match is None:
                raise AssertionError("no sample: " + line)
            labels = dict(LABEL.findall(match.group(2)))
            if labels.pop("plan") != "rename":
                raise AssertionError("of another plan: " + line)
            series = found.setdefault(match.group(1), {})
            key = tuple(sorted(labels.items()))
            if key in series:
                raise AssertionError("twice: " + line)
            series[key] = float(match.group(3))
    if len(types) != FAMILIES:
        raise AssertionError(f"{len(types)} families: a part of a file")
    return found


class Reader(threading.Thread):
    """Reads the file again and again, and keeps every version of it."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.stopping = path, threading.Event()
        self.versions, self.failed = [], None
        self.start()

    def run(self):
        last = None
        while not self.stopping.is_set():
            try:
                with open(self.path, encoding="utf-8") as file:
                    identity, text = os.fstat(file.fileno()).st_ino, file.read()
                if (identity, text) != last:
                    self.versions.append((time.monotonic(), parse(text)))
                last = (identity, text)
            except FileNotFoundError:
                pass
            except AssertionError as error:
                self.failed = error
                return
            time.sleep(0.001)

    def stop(self):
        self.stopping.set()
        self.join(10)
        if self.failed is not None:
            raise self.failed
        return self.versions


class MetricsCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(f"""
            CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text);
            INSERT INTO items SELECT i, i, repeat('n', i % 100) FROM generate_series(1, {ROWS}) i""")
        self.folder = os.path.join(self.directory, "collected")
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "tidemark.prom")

    def write(self, **more):
        more.setdefault("limits", {"lock_timeout": "100ms", "batch_duration": "2ms"})
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", **more))

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            return parse(file.read())

    def now(self, name, **labels):
        """The value of one series in the file as it is; None when there is none."""
        try:
            return self.read()[name].get(tuple(sorted(labels.items())))
        except FileNotFoundError:
            return None

    def states(self):
        """phase → state; each phase must be in exactly one."""
        found = {}
        for labels, value in self.read()["tidemark_phase_state"].items():
            labels = dict(labels)
            self.assertIn(value, (0, 1))
            if value == 1:
                self.assertNotIn(labels["phase"], found)
                found[labels["phase"]] = labels["state"]
        return found

    def checkpoints(self):
        """Rows changed, and of those the ones that stayed in their page."""
        return self.rows("SELECT sum(changed)::int, sum(stayed)::int FROM tidemark.segment")[0]


class File(MetricsCase):
    @limit(120)
    def test_no_reader_sees_a_part_and_the_end_is_all_that_was_done(self):
        reader = Reader(self.path)
        begun = time.time()
        self.tidemark("run", self.write(rate=8000, switch="manual"), "--metrics-file", self.path).ok()
        versions = reader.stop()
        self.assertGreater(len(versions), 2)
        for (before, _), (after, _) in zip(versions[:-1], versions[1:-1]):
            self.assertGreater(after - before, 0.9, "more than once a second")
        under_way = [v["tidemark_sweep_progress_ratio"][("phase", "backfill"),] for _, v in versions
                     if v["tidemark_sweep_progress_ratio"]]
        self.assertEqual(under_way, sorted(under_way))
        self.assertTrue(any(0 < ratio < 1 for ratio in under_way), under_way)
        self.assertEqual(under_way[-1], 1)
        self.assertTrue(any(v["tidemark_sweep_eta_seconds"].get((("phase", "backfill"),), 0) > 0 for _, v in versions))
        self.assertEqual(self.now("tidemark_sweep_rows_total", phase="backfill"), ROWS)
        self.assertEqual(self.now("tidemark_sweep_eta_seconds", phase="backfill"), 0)
        changed, stayed = self.checkpoints()
        self.assertEqual(changed, ROWS)
        self.assertAlmostEqual(self.now("tidemark_sweep_hot_ratio", phase="backfill"), stayed / changed, places=9)
        self.assertTrue(0 < stayed < changed)
        count = self.now("tidemark_batch_duration_seconds_count")
        self.assertEqual(count, self.value("SELECT sum(batches)::int FROM tidemark.segment"))
        self.assertEqual(self.now("tidemark_batch_duration_seconds_bucket", le="+Inf"), count)
        self.assertGreater(self.now("tidemark_batch_duration_seconds_sum"), 0)
        self.assertGreater(self.now("tidemark_lock_wait_seconds_count"), 0)
        self.assertTrue(begun <= self.now("tidemark_heartbeat_timestamp_seconds") <= time.time())
        self.assertEqual(self.states(), {"add_column": "done", "dual_write": "done", "backfill": "done", "verify": "done",
                                         "switch": "waiting", "drop_column": "pending"})
        self.assertEqual(os.listdir(self.folder), ["tidemark.prom"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode) & 0o044, 0o044 & ~self.umask(), "the collector is another user")

    def umask(self):
        mask = os.umask(0o022)
        os.umask(mask)
        return mask

    @limit(60)
    def test_the_environment_names_it_and_advance_and_rollback_keep_it_too(self):
        env = {"TIDEMARK_METRICS_FILE": self.path}
        path = self.write(switch="manual", drop_column="manual")
        self.tidemark("run", path, env=env).ok()
        self.assertEqual(self.states()["switch"], "waiting")
        self.tidemark("advance", "rename", env=env).ok()
        self.assertEqual(self.states()["switch"], "done")
        self.assertEqual(self.states()["drop_column"], "waiting")
        self.tidemark("rollback", "rename", "--yes", env=env).ok()
        self.assertEqual(set(self.states().values()), {"pending"})
        shown = [row for row in self.tidemark("config", "--json", env=env).ok().json()["settings"]
                 if row["name"] == "metrics-file"]
        self.assertEqual(shown[0]["value"], self.path)

    def test_a_path_that_cannot_be_written_is_refused_before_anything_is_done(self):
        path = self.write()
        for where in (os.path.join(self.directory, "missing", "x.prom"), self.folder, "/dev/null"):
            with self.subTest(path=where):
                result = self.tidemark("run", path, "--metrics-file", where).expect(2)
                self.assertIn(where, result.err)
                self.assertFalse(self.value("SELECT to_regnamespace('tidemark') IS NOT NULL"))
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        result = self.tidemark("run", path, "--metrics-file", self.folder, "--json").expect(2)
        self.assertEqual(result.json()["error"]["code"], "usage")

    @limit(90)
    def test_a_failure_later_is_one_warning_and_the_run_goes_on(self):
        process = self.tidemark.start("run", self.write(rate=8000), "--metrics-file", self.path, "--json")
        self.wait_until(lambda: os.path.exists(self.path))
        os.rename(self.folder, self.folder + ".away")
        result = process.wait(60).ok()
        warnings = [event for event in result.events() if event["event"] == "metrics.failed"]
        self.assertEqual(len(warnings), 1)
        self.assertTrue(warnings[0]["warning"])
        self.assertIn(self.path, warnings[0]["message"])
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    @limit(60)
    def test_a_second_executor_leaves_the_file_of_the_first_alone(self):
        process = self.tidemark.start("run", self.write(rate=4000), "--metrics-file", self.path)
        self.wait_until(lambda: self.now("tidemark_sweep_rows_total", phase="backfill"))
        reader = Reader(self.path)
        self.tidemark("run", "rename", "--metrics-file", self.path).expect(8)
        for _, version in reader.stop():
            self.assertTrue(version["tidemark_heartbeat_timestamp_seconds"])
            self.assertTrue(version["tidemark_sweep_rows_total"])
        process.wait(60).ok()
        self.assertEqual(set(self.states().values()), {"done"})


class Reasons(MetricsCase):
    @limit(90)
    def test_a_pause_is_a_reason_with_its_seconds_and_an_interrupt_leaves_the_final_state(self):
        process = self.tidemark.start("run", self.write(rate=3000), "--metrics-file", self.path)
        self.wait_until(lambda: self.now("tidemark_sweep_rows_total", phase="backfill"))
        self.assertEqual(self.now("tidemark_throttled", reason="pause"), 0)
        self.tidemark("pause", "rename").ok()
        self.wait_until(lambda: self.now("tidemark_throttled", reason="pause") == 1, timeout=5)
        self.wait_until(lambda: self.now("tidemark_throttled_seconds_total", reason="pause") >= 1, timeout=5)
        self.assertEqual(self.states()["backfill"], "begun")
        self.tidemark("resume", "rename").ok()
        self.wait_until(lambda: self.now("tidemark_throttled", reason="pause") == 0, timeout=5)
        self.assertEqual(self.states()["backfill"], "running")
        process.signal(signal.SIGINT)
        process.wait(10).expect(130)
        self.assertEqual(self.states()["backfill"], "begun")
        self.assertEqual(self.now("tidemark_sweep_rows_total", phase="backfill"), self.checkpoints()[0])
        self.assertLess(self.now("tidemark_sweep_progress_ratio", phase="backfill"), 1)
        self.assertIsNone(self.now("tidemark_sweep_eta_seconds", phase="backfill"))
        self.assertLess(self.now("tidemark_throttled_seconds_total", reason="pause"), 10)
        self.assertEqual(os.listdir(self.folder), ["tidemark.prom"])

    @limit(60)
    def test_a_reason_of_the_throttle_has_its_short_name_also_in_json(self):
        stop = os.path.join(self.directory, "stop")
        with open(stop, "w", encoding="utf-8"):
            pass
        path = self.write(rate=8000, limits={"throttle_file": stop})
        process = self.tidemark.start("run", path, "--metrics-file", self.path, "--json")
        self.wait_until(lambda: self.now("tidemark_throttled", reason="file") == 1, timeout=20)
        self.wait_until(lambda: (self.tidemark.json("status", "rename")["progress"] or {}).get("cause") == "file", timeout=10)
        os.remove(stop)
        result = process.wait(30).ok()
        causes = [e["progress"]["cause"] for e in result.events() if e["event"] == "sweep.progress"]
        self.assertIn("file", causes)
        self.assertIsNone(causes[-1])
        self.assertGreater(self.now("tidemark_throttled_seconds_total", reason="file"), 0)
        self.assertEqual(self.now("tidemark_throttled_seconds_total", reason="window"), 0)

    @limit(60)
    def test_waiting_for_the_xmin_horizon_is_a_reason_too(self):
        holder = self.connect(autocommit=False)
        self.addCleanup(holder.close)
        with holder.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1")
        phases = plans.rename_phases("qty", "quantity", "integer", rate=6000)
        phases[2]["horizon"] = "wait"
        path = self.plan(plans.plan("rename", "public.items", phases, workers=1))
        process = self.tidemark.start("run", path, "--metrics-file", self.path)
        self.wait_until(lambda: self.now("tidemark_throttled", reason="horizon") == 1, timeout=20)
        holder.rollback()
        self.wait_until(lambda: self.now("tidemark_throttled", reason="horizon") == 0, timeout=10)
        process.wait(30).ok()
        self.assertGreater(self.now("tidemark_throttled_seconds_total", reason="horizon"), 0)

    @limit(60)
    def test_locks_that_were_not_granted_are_counted(self):
        path = self.write()
        blocker = self.connect(autocommit=False)
        self.addCleanup(blocker.close)
        with blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE items IN ROW EXCLUSIVE MODE")
        # Younger than twice the timeout: the run does not wait for it without asking, but asks.
        process = self.tidemark.start("run", path, "--lock-timeout", "2s", "--metrics-file", self.path)
        process.wait_for("not granted")
        blocker.rollback()
        process.wait(30).ok()
        timeouts = self.now("tidemark_lock_timeouts_total")
        self.assertGreater(timeouts, 0)
        self.assertEqual(self.now("tidemark_retries_total", sqlstate="55P03"), timeouts)
        # What was not granted counts with the time that it took.
        self.assertGreater(self.now("tidemark_lock_wait_seconds_sum"), 1.9)

    @limit(60)
    def test_a_verification_that_fails_says_how_many_rows_differ(self):
        self.execute("ALTER TABLE items ADD quantity integer; UPDATE items SET quantity = qty;"
                     " UPDATE items SET quantity = -1 WHERE id % 1000 = 0")
        path = self.plan(plans.plan("rename", "public.items", [
            {"kind": "verify", "condition": "quantity IS NOT DISTINCT FROM qty"}]))
        self.tidemark("run", path, "--metrics-file", self.path).expect(5)
        self.assertEqual(self.now("tidemark_verify_mismatches", phase="verify"), ROWS // 1000)
        self.assertEqual(self.now("tidemark_sweep_rows_total", phase="verify"), ROWS)
        self.assertIsNone(self.now("tidemark_sweep_hot_ratio", phase="verify"))
        self.assertEqual(self.states(), {"verify": "begun"})


class Hot(MetricsCase):
    @limit(90)
    def test_the_hot_share_is_shown_wherever_progress_is(self):
        path = self.write(rate=4000)
        process = self.tidemark.start("run", path, "--json", "--log-format", "json", "--metrics-file", self.path)
        self.wait_until(lambda: self.now("tidemark_sweep_hot_ratio", phase="backfill") is not None)
        self.tidemark("pause", "rename").ok()
        self.wait_until(lambda: self.value("SELECT state FROM tidemark.run") == "paused")
        changed, stayed = self.checkpoints()
        self.assertAlmostEqual(self.tidemark.json("status", "rename")["progress"]["hot_ratio"], stayed / changed, places=9)
        text = self.tidemark("status", "rename").ok().out
        self.assertIn(f"  HOT {100 * stayed / changed:.0f} %", text)
        self.wait_until(lambda: abs(self.now("tidemark_sweep_hot_ratio", phase="backfill") - stayed / changed) < 1e-9)
        self.tidemark("resume", "rename").ok()
        result = process.wait(60).ok()
        shares = [e["progress"]["hot_ratio"] for e in result.events() if e["event"] == "sweep.progress"]
        self.assertTrue(any(share is not None and 0 < share < 1 for share in shares), shares)
        lines = [json.loads(line) for line in result.err.splitlines() if '"sweep.progress"' in line]
        self.assertTrue(any(0 < line.get("hot_ratio", 0) < 1 for line in lines), lines)
        self.assertTrue(any(re.search(r"  HOT \d+ %  ", line["message"]) for line in lines), lines)

    @limit(60)
    def test_the_share_of_a_run_that_died_in_its_first_second_comes_from_its_checkpoints(self):
        process = self.tidemark.start("run", self.write(rate=4000))
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                        and self.value("SELECT coalesce(sum(stayed), 0) FROM tidemark.segment") > 0, interval=0.005)
        process.kill()
        self.execute("UPDATE tidemark.run SET progress = NULL")
        changed, stayed = self.checkpoints()
        progress = self.tidemark.json("status", "rename")["progress"]
        self.assertAlmostEqual(progress["hot_ratio"], stayed / changed, places=9)
        self.assertIsNone(progress["lag_seconds"])
        self.assertIsNone(progress["eta_seconds"])


if __name__ == "__main__":
    main()
