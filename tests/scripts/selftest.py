#!/usr/bin/python3
"""The scripts themselves: what the demo measures is measured rightly, and wrong options are refused."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from types import SimpleNamespace
from xml.etree import ElementTree

sys.dont_write_bytecode = True
ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "scripts", "demo.d"), os.path.join(ROOT, "tests"), os.path.join(ROOT, "bench")]
from common import Table as BenchTable
from load import Load
from lockwatch import blamed
from picture import draw
from report import Results, markdown, promises, replace_between
from summary import Summary
from traffic import Traffic, percentiles


class Percentiles(unittest.TestCase):
    def test_the_nearest_rank_is_taken(self):
        self.assertEqual(percentiles(range(1, 101)), [50, 95, 99])
        self.assertEqual(percentiles([3, 1, 2]), [2, 3, 3])
        self.assertEqual(percentiles([7]), [7, 7, 7])

    def test_nothing_measured_is_not_zero(self):
        self.assertIsNone(percentiles([]))


class Blame(unittest.TestCase):
    def test_who_waits_for_us_is_counted(self):
        self.assertEqual(blamed([(1, "old", [9], 0.2)], {9}), [("old", 0.2)])

    def test_who_waits_behind_our_own_wait_is_counted(self):
        # 9 is ours and waits for 5; 1 waits behind 9, and 2 behind 1.
        waiting = [(9, "tidemark/a", [5], 0.1), (1, "old", [9], 0.08), (2, "new", [1], 0.05)]
        self.assertEqual(sorted(blamed(waiting, {9})), [("new", 0.05), ("old", 0.08)])

    def test_who_waits_for_another_application_is_not(self):
        self.assertEqual(blamed([(1, "old", [2], 3.0), (9, "tidemark/a", [2], 0.1)], {9}), [])


class Logs(unittest.TestCase):
    def traffic(self, folder, text):
        with open(os.path.join(folder, "old-1.77"), "w", encoding="ascii") as log:
            log.write(text)
        return Traffic(None, "app", "old", "script", 1, 100, folder)

    def test_latencies_come_from_the_log_of_each_transaction(self):
        with tempfile.TemporaryDirectory() as folder:
            traffic = self.traffic(folder, "0 1 2500 0 1700000000 500000 10\n1 1 400 0 1700000001 0 5\n0 2 99")
            self.assertEqual(traffic.transactions(), [(1700000000.5, 0.0025), (1700000001.0, 0.0004)])
            self.assertEqual(traffic.complaints, [])

    def test_a_failed_transaction_is_a_complaint(self):
        with tempfile.TemporaryDirectory() as folder:
            traffic = self.traffic(folder, "0 1 failed 0 1700000000 500000 10\n")
            self.assertEqual(traffic.transactions(), [])
            self.assertEqual(len(traffic.complaints), 1)

    def test_a_program_that_ends_by_itself_is_a_complaint(self):
        with tempfile.TemporaryDirectory() as folder:
            traffic = self.traffic(folder, "")
            traffic.errors = os.path.join(folder, "stderr")
            with open(traffic.errors, "w", encoding="ascii") as errors:
                errors.write("pgbench: error: client 0 aborted: ERROR:  column \"abalance\" does not exist\n")
            traffic.process = subprocess.Popen(["false"])
            traffic.process.wait()
            traffic.stop()
            self.assertEqual(len(traffic.complaints), 2)
            self.assertIn("abalance", traffic.complaints[1])


class Table(unittest.TestCase):
    def test_a_broken_promise_makes_the_whole_table_bad(self):
        summary = Summary(None)
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            stdout, sys.stdout = sys.stdout, nowhere
            try:
                summary.row("a", "1", True)
                self.assertTrue(summary.good)
                summary.row("b", "2", False)
            finally:
                sys.stdout = stdout
        self.assertFalse(summary.good)


def bench_run(two_workers=150000, longest=20.0, **table):
    """What bench/sweep would have measured in three rounds."""
    shape = dict({"rows": 2000000, "indexes": 4, "fillfactor": 100, "width": 250, "key": "bigint", "text": "rows"},
                 **table)
    results = []
    for condition in ("idle", "load"):
        for name, speed, growth in (("update", 50000, 1.06), ("touch", 30000, 1.06), ("keyset", 45000, 1.06),
                                    ("tidemark1", 90000, 0.15), ("tidemark2", two_workers, 0.15)):
            for noise in (0.9, 1.0, 1.1):
                latency = {"p50": 0.3 * noise, "p99": 2.0 * noise, "max": longest * noise}
                results.append({
                    "strategy": name, "condition": condition, "rows_per_second": speed * noise,
                    "heap_growth": growth, "index_growth": growth - 0.05, "wal_bytes": 1e9 * growth ** 0.3,
                    "longest_ms": 15 * noise, "peak_kb": 12000, "client_cpu": 0.2,
                    "server_cpu": 10, "finished": 0.015, "hot": 1 - growth / 1.06,
                    "application": {"before": {"p50": 0.2, "p99": 1, "max": 8},
                                    "busy": {"p50": 0.2, "p99": 5, "max": 9}, "during": latency, "errors": 0}})
    names = ["update", "touch", "keyset", "tidemark1", "tidemark2"]
    return {"table": shape, "results": results, "strategies": [[name, f"`{name}` & co"] for name in names],
            "machine": {"processor": "P", "cores": 2, "memory_gb": 8, "system": "Linux"}, "server": "15", "rounds": 3,
            "filesystem": "ext4", "settings": {"fsync": "on"}, "notes": [],
            "load": {"rate": 1500, "reads": 70, "clients": 8}}


class Bench(unittest.TestCase):
    def judge(self, run, earlier=None):
        return promises(Results(run["results"]), run["table"], earlier and Results(earlier["results"]))

    def broken(self, run, earlier=None):
        return [row[0] for row in self.judge(run, earlier)[0].rows if not row[3]]

    def test_what_is_fast_and_small_keeps_every_promise(self):
        self.assertEqual(self.broken(bench_run()), [])
        self.assertGreater(len(self.judge(bench_run())[0].rows), 12)

    def test_each_broken_promise_is_found(self):
        self.assertEqual(self.broken(bench_run(two_workers=85000)),
                         ["tidemark2 against one UPDATE", "tidemark2 against the touching loop",
                          "tidemark2 against the keyset loop, both under load"])
        self.assertEqual(self.broken(bench_run(longest=30.0)), ["tidemark2: the application's longest transaction"])

    def test_a_ratio_to_an_application_that_was_disturbed_is_no_promise_kept(self):
        steady, disturbed = bench_run(), bench_run()
        for row in [row for row in disturbed["results"] if row["condition"] == "load"][1:]:
            row["application"] = dict(row["application"], before={"p50": 0.2, "p99": 6, "max": 8})
        rows = [[row[0] for row in self.judge(run)[0].rows] for run in (steady, disturbed)]
        self.assertEqual(set(rows[0]) - set(rows[1]), {"tidemark2: the application's p99, of its p99 alone"})
        self.assertIn("1.00 to 6.00 ms, 6.00 in the median", self.judge(disturbed)[1])
        self.assertEqual(self.judge(steady)[1], "")

    def test_another_table_is_not_judged_by_the_speed_of_the_usual_one(self):
        judged, told = self.judge(bench_run(two_workers=1000, rows=1000))
        self.assertTrue(judged.kept())
        self.assertIn("not judged", told)

    def test_a_run_of_another_size_must_be_as_fast_as_the_earlier_one(self):
        self.assertEqual(self.broken(bench_run(rows=10000000), bench_run()), [])
        self.assertEqual(self.broken(bench_run(two_workers=120000 * 1.5, rows=10000000), bench_run()),
                         ["tidemark2: rows/s of 10,000,000 rows, against the earlier run"])

    def test_the_tables_say_median_range_and_ratio(self):
        run = bench_run()
        judged, told = self.judge(run)
        text = markdown(run, Results(run["results"]), judged, told)
        self.assertIn("150,000 (135,000 to 165,000)", text)
        self.assertIn("| 3.00 ", text)
        self.assertRegex(text, r"two processes that only count +\| 0\.20 +\| 5\.00 +\| 9\.00 +\| 5\.00 x")
        self.assertEqual(text.count("NOT KEPT"), 0)

    def test_what_was_not_run_leaves_no_row(self):
        run = bench_run()
        run["results"] = [row for row in run["results"] if row["condition"] == "idle" and row["strategy"] != "update"]
        run["strategies"] = run["strategies"][1:]
        judged, told = self.judge(run)
        self.assertNotIn("UPDATE", judged.text())
        self.assertNotIn("Latency", markdown(run, Results(run["results"]), judged, told))

    def test_the_picture_is_xml_and_has_every_strategy(self):
        run = bench_run()
        root = ElementTree.fromstring(draw(run, Results(run["results"])))
        shown = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        for name in ("update", "tidemark2"):
            self.assertEqual(shown.count(f"{name} & co"), 5)
        self.assertIn("150,000", shown)

    def test_only_what_stands_between_the_comments_is_replaced(self):
        self.assertEqual(replace_between("a <!--1--> old <!--2--> b", "<!--1-->", "<!--2-->", "new\n"),
                         "a <!--1-->\n\nnew\n\n<!--2--> b")
        with self.assertRaises(SystemExit):
            replace_between("a <!--2--> <!--1--> b", "<!--1-->", "<!--2-->", "new")


class Application(unittest.TestCase):
    def load(self, folder, text):
        found = Load(SimpleNamespace(server=None), BenchTable(rows=10), "copy", 1500, folder)
        with open(os.path.join(folder, "application-copy-1.77"), "w", encoding="ascii") as log:
            log.write(text)
        return found

    def test_a_failed_transaction_is_one_error_however_often_one_looks(self):
        with tempfile.TemporaryDirectory() as folder:
            load = self.load(folder, "0 1 2500 0 1700000000 500000 10\n0 2 failed 0 1700000001 0 5\n")
            self.assertEqual(len(load.so_far()), 1)
            load.so_far()
            load.traffic.process, load.traffic.errors = None, os.devnull
            self.assertEqual(load.finish(0), 2)             # that one, and that nothing was running to the end

    def test_a_latency_belongs_to_when_the_transaction_was_due(self):
        with tempfile.TemporaryDirectory() as folder:
            load = self.load(folder, "")
            load.done = [(100.0, 3.0), (99.5, 0.001), (101.0, 0.002)]
            self.assertEqual(load.latencies(96, 99)["max"], 3000)
            self.assertEqual(load.latencies(99, 102)["transactions"], 2)


class Picture(unittest.TestCase):
    RECORDING = (b"\033[1m$ tidemark run plan.toml\033[0m\r\nconnecting\r\033[Krun of 'a' <1>\r\n"
                 b"\rbackfill a  1 %\033[K\rbackfill a  50 %\033[K\rbackfill a  99 %\033[K\r\033[K\033[2mbackfill: \033[0mdone\r\n\r\n"
                 b"not shown\r\n\r\n$ tidemark advance plan.toml\r\n" + b"x" * 200 + b"\r\n\r\n"
                 b"$ tidemark rollback plan.toml\r\nback\r\n\r\nSummary\r\n\r\n  errors  0\r\n\r\nAll is well.\r\n")

    def draw(self, recording):
        with tempfile.TemporaryDirectory() as folder:
            source, picture = os.path.join(folder, "recording"), os.path.join(folder, "picture.svg")
            with open(source, "wb") as file:
                file.write(recording)
            done = subprocess.run(["scripts/picture", "--from", source, "--output", picture], cwd=ROOT, text=True, timeout=20,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                return done.stdout
            return ["".join(text.itertext()) for text in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]

    def test_commands_are_drawn_as_the_terminal_shows_them(self):
        lines = self.draw(self.RECORDING)
        self.assertEqual(lines[:4], ["$ tidemark run plan.toml", "run of 'a' <1>", "backfill a  50 %", "backfill: done"])
        self.assertNotIn("not shown", lines)
        self.assertEqual(lines[5], "x" * 127 + "…")
        self.assertEqual(lines[-3:], ["Summary", "  errors  0", "All is well."])

    def test_a_recording_without_one_of_the_commands_is_refused(self):
        self.assertIn("$ tidemark rollback plan", self.draw(self.RECORDING.replace(b"tidemark rollback", b"tidemark status")))

    def test_the_picture_of_the_page_is_well_formed_and_needs_nothing_from_the_net(self):
        with open(os.path.join(ROOT, "docs", "demo.svg"), encoding="utf-8") as file:
            text = file.read()
        ElementTree.fromstring(text)
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertEqual(text.count("http"), 1)                # the name of the namespace


class Options(unittest.TestCase):
    CASES = [
        (["scripts/test", "--postgres", "13"], "majors 14 to 18"),
        (["scripts/test", "--seeds", "many"], "not a number"),
        (["scripts/test", "--frobnicate"], "unknown option"),
        (["scripts/test", "-k"], "needs a value"),
        (["scripts/demo", "--rows", "0"], "not a number"),
        (["scripts/demo", "--frobnicate"], "unknown option"),
        (["scripts/deps", "everything"], "unknown group"),
        (["bench/sweep", "--only", "nobody"], "makes no sense"),
        (["bench/sweep", "--width", "9000"], "out of range"),
        (["bench/sweep", "--from", "README.md"], "not the --json of a run"),
        (["scripts/postgres-major", "13"], "no version is pinned"),
    ]

    def test_what_makes_no_sense_is_refused_with_a_reason(self):
        for argv, reason in self.CASES:
            with self.subTest(argv):
                done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
                self.assertIn(done.returncode, (1, 2))
                self.assertIn(reason, done.stdout)

    def test_help_is_told_without_doing_anything(self):
        for script in ("scripts/test", "scripts/demo", "scripts/deps"):
            done = subprocess.run([script, "--help"], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=20, check=True)
            self.assertIn("Usage:", done.stdout)

    def test_nothing_missing_is_silent_and_quick(self):
        begun = time.monotonic()
        done = subprocess.run(["scripts/deps"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                              check=True)
        self.assertEqual(done.stdout, b"")
        self.assertLess(time.monotonic() - begun, 2)      # 0.02 s on an idle machine


if __name__ == "__main__":
    unittest.main(verbosity=2)
