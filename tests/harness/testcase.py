"""The test case of every live test: one server for a class, one database and one directory for a test, a timer.

    class Backfill(LiveCase):
        settings = {"max_connections": "50"}          # of the server; optional

        @limit(30)
        def test_a_paused_sweep_writes_nothing(self):
            self.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")
            plan = self.plan(RENAME)
            self.tidemark("run", plan).ok()

    if __name__ == "__main__":
        main()

TIDEMARK_TEST_PG_BIN or TIDEMARK_TEST_PG_MAJOR says which server, TIDEMARK_BIN which program. `-k pattern` and test names work as in unittest.
"""
import faulthandler
import functools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import unittest

from harness import fingerprint
from harness.server import Server, bin_directory, close_all
from harness.tidemark import Tidemark

DEFAULT_LIMIT = 60


def limit(seconds):
    """Fail timer of one test, where DEFAULT_LIMIT does not fit."""
    def mark(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            return function(*args, **kwargs)
        call.limit = seconds
        return call
    return mark


class TooSlow(BaseException):
    """Not an Exception, so that no test's `except Exception` swallows it."""


class LiveCase(unittest.TestCase):
    """`self.server`, `self.database`, `self.tidemark`, `self.directory`; `self.conn` is one open connection."""

    settings = {}
    tcp = False
    server = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(settings=cls.settings, tcp=cls.tcp)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.server.start()
        self._conn = None
        self.database = "t" + str(next_number())
        self.server.create_database(self.database)
        self.directory = tempfile.mkdtemp(prefix="tidemark-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self._drop)
        self.tidemark = Tidemark(self.server.environment(self.database), cwd=self.directory)
        self.addCleanup(self.tidemark.kill_all)

    def _drop(self):
        if self._conn is not None:
            self._conn.close()
        if self.server.running():
            self.server.drop_database(self.database)

    @property
    def conn(self):
        """A connection of this test in autocommit; opened again after the server was restarted."""
        if self._conn is None or self._conn.closed:
            self._conn = self.connect()
        return self._conn

    def connect(self, **kwargs):
        """A connection of its own to the test's database; the caller closes it."""
        return self.server.connect(self.database, **kwargs)

    def execute(self, text, args=None):
        with self.conn.cursor() as cursor:
            cursor.execute(text, args)

    def rows(self, text, args=None):
        with self.conn.cursor() as cursor:
            cursor.execute(text, args)
            return cursor.fetchall()

    def value(self, text, args=None):
        return self.rows(text, args)[0][0]

    def plan(self, text, name="plan.toml"):
        """Writes a plan file into the test's directory; its path."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def fingerprint(self):
        return fingerprint.take(self.server, self.database)

    def assert_same_schema(self, before):
        fingerprint.assert_same(before, self.fingerprint())

    def wait_until(self, question, timeout=20, interval=0.02, what=None):
        """Asks until the answer is true, and returns it."""
        deadline = time.monotonic() + timeout
        while True:
            answer = question()
            if answer:
                return answer
            if time.monotonic() > deadline:
                self.fail(f"not within {timeout} s: {what or question}")
            time.sleep(interval)

    def wait_heartbeats(self, plan, count, rows=None, timeout=30):
        """Waits until the executor of the plan has confirmed its lease `count` times more. With each heartbeat it looks at the
        throttle, pauses and time windows, so this is the time to give to something that must not happen. One comes each second,
        or five for each `lease` shorter than that. Fails at once when nobody works on the plan. `rows`: asks another database."""
        rows, last = rows or self.rows, None
        deadline = time.monotonic() + timeout
        while count >= 0:
            found = rows("SELECT heartbeat, owner, state, reason FROM tidemark.run WHERE plan = %s ORDER BY id DESC LIMIT 1", (plan,))
            if not found or found[0][1] is None:
                self.fail(f"nobody works on {plan!r}: {found}")
            if found[0][0] != last:
                last, count = found[0][0], count - 1
            elif time.monotonic() > deadline:
                self.fail(f"{plan!r} has no heartbeat in {timeout} s: {found}")
            else:
                time.sleep(0.02)

    def run(self, result=None):
        """Every test has a fail timer; it counts setUp and the cleanups in."""
        test = getattr(self, self._testMethodName)
        seconds = getattr(test, "limit", DEFAULT_LIMIT)
        if threading.current_thread() is not threading.main_thread():
            return super().run(result)

        def expire(_number, frame):
            stack = "".join(traceback.format_stack(frame, limit=12))
            raise TooSlow(f"{self.id()} took longer than {seconds} s\n{stack}")

        previous = signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        # A call that never returns to Python (libpq waiting for a lock) cannot be interrupted; end the process then.
        faulthandler.dump_traceback_later(seconds + 20, exit=True)
        try:
            return super().run(result)
        finally:
            faulthandler.cancel_dump_traceback_later()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)


counter = [0]
counter_lock = threading.Lock()


def next_number():
    with counter_lock:
        counter[0] += 1
        return counter[0]


def stop(number, _frame):
    close_all()
    os._exit(128 + number)


def main():
    """Entry of a test file: cleans up on SIGTERM and SIGINT as well, names each test as it runs."""
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"server: {bin_directory()}", file=sys.stderr)
    unittest.main(module="__main__", verbosity=2)
