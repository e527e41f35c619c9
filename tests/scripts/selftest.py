#!/usr/bin/python3
"""The scripts themselves: what the demo measures is measured rightly, and wrong options are refused."""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "scripts", "demo.d"), os.path.join(ROOT, "tests")]
from lockwatch import blamed
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


class Options(unittest.TestCase):
    CASES = [
        (["scripts/test", "--postgres", "13"], "majors 14 to 18"),
        (["scripts/test", "--seeds", "many"], "not a number"),
        (["scripts/test", "--frobnicate"], "unknown option"),
        (["scripts/test", "-k"], "needs a value"),
        (["scripts/demo", "--rows", "0"], "not a number"),
        (["scripts/demo", "--frobnicate"], "unknown option"),
        (["scripts/deps", "everything"], "unknown group"),
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
