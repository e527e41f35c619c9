"""`status --watch` and the progress line of a run on a terminal: keys do through the database what the verbs do, and the terminal is left as it was found, whatever ends the view."""
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import binary  # noqa: E402

KEYS = "p pause  r resume  + more workers  - fewer workers  q quit"


class Terminal:
    """A command whose standard streams are a terminal of its own, which it controls."""

    def __init__(self, test, *command, stdin=None):
        self.test = test
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(self.master)
        self.shown = ""
        self.process = subprocess.Popen(
            command, cwd=test.directory, env=dict(test.tidemark.environment, TERM="xterm", PS1="$ ", ENV=""),
            stdin=slave if stdin is None else stdin, stdout=slave, stderr=slave,
            preexec_fn=lambda: (os.setsid(), fcntl.ioctl(1, termios.TIOCSCTTY, 0)))
        os.close(slave)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while part := os.read(self.master, 65536):
                self.shown += part.decode("utf-8", "replace")
        except OSError:    # the other end is gone
            pass

    def type(self, text):
        os.write(self.master, text.encode())

    def shows(self, text, after=0):
        """Waits for a text that is shown after so many characters."""
        self.test.wait_until(lambda: text in self.shown[after:], what=f"{text!r} is shown")

    def is_raw(self):
        mode = termios.tcgetattr(self.master)[3]
        return not mode & termios.ICANON and not mode & termios.ECHO

    def is_restored(self):
        return termios.tcgetattr(self.master) == self.before

    def ends(self, code):
        self.test.assertEqual(self.process.wait(20), code, self.shown)
        self.test.assertTrue(self.is_restored())


class WatchCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.stop = os.path.join(self.directory, "stop")
        with open(self.stop, "w", encoding="utf-8"):
            pass
        self.execute("CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items SELECT i, i FROM generate_series(1, 1000) i")
        self.path = self.plan(plans.plan("p", "public.items", [
            {"kind": "add_column", "column": "title", "type": "text"},
            {"kind": "backfill", "set": {"title": "name"}}], throttle_file=self.stop, workers=1, pace="fixed"))
        self.tidemark("run", self.path, "--to", "add_column").ok()

    def begin(self):
        """A run whose backfill waits for the file to go."""
        run = self.tidemark.start("run", "p")
        self.wait_until(lambda: (self.tidemark.json("status", "p")["progress"] or {}).get("state") == "THROTTLED")
        return run

    def watch(self, *more, **streams):
        terminal = Terminal(self, binary(), "status", "p", "--watch", *more, **streams)
        terminal.shows("state ")
        return terminal

    def state(self):
        return self.value("SELECT state FROM tidemark.run")

    def workers(self):
        return [row[0] for row in self.rows("SELECT value FROM tidemark.setting WHERE key = 'workers'")]


class Watch(WatchCase):
    @limit(60)
    def test_each_key_does_what_its_verb_does(self):
        run = self.begin()
        terminal = self.watch()
        terminal.shows(KEYS)
        self.assertTrue(terminal.is_raw())
        terminal.type("p")
        self.wait_until(lambda: self.state() == "paused")
        terminal.shows("asked to pause")
        terminal.type("r")
        self.wait_until(lambda: self.state() == "running")
        terminal.shows("asked to continue")
        terminal.type("+")
        self.wait_until(lambda: self.workers() == ["2"])
        # As fast as they come, each from what the one before has made of it; what is no key is none.
        terminal.type("++x\x1b[A-")
        self.wait_until(lambda: self.workers() == ["3"])
        terminal.shows("set        workers = 3  by ")
        terminal.type("--")
        self.wait_until(lambda: self.workers() == ["1"])
        terminal.type("-")
        terminal.shows('"workers" is 0; it must be between 1 and 64')
        self.assertEqual(self.workers(), ["1"])
        events = [row[0] for row in self.rows("SELECT event FROM tidemark.journal WHERE event ~ '^(setting|run)\\.(set|pause|resume)$' ORDER BY seq")]
        self.assertEqual(events, ["run.pause", "run.resume"] + 6 * ["setting.set"])
        terminal.type("q")
        terminal.ends(0)
        os.remove(self.stop)
        run.wait(30).ok()

    @limit(60)
    def test_without_an_executor_the_plans_number_is_where_it_begins(self):
        terminal = self.watch("--interval", "1h")
        terminal.type("+")
        terminal.shows("workers = 2")
        terminal.type("p")
        terminal.shows("paused")
        terminal.type("q")
        terminal.ends(0)
        self.assertEqual(self.workers(), ["2"])
        self.assertEqual(self.tidemark("run", "p", "--exit-code").code, 12)

    @limit(60)
    def test_every_way_out_leaves_the_terminal_as_it_was(self):
        def send(number):
            return lambda terminal: terminal.process.send_signal(number)

        def lose(_terminal):
            self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark/status'")

        def finish(_terminal):
            os.remove(self.stop)
            self.tidemark("run", "p").ok()

        for leave, code in ((send(signal.SIGINT), 130), (send(signal.SIGTERM), 143), (send(signal.SIGHUP), -signal.SIGHUP), (send(signal.SIGQUIT), -signal.SIGQUIT),
                            (lambda terminal: terminal.type("\x03"), 130), (lambda terminal: terminal.type("q"), 0), (lose, 6), (finish, 0)):
            terminal = self.watch("--interval", "200ms")
            terminal.shows(KEYS)
            self.wait_until(terminal.is_raw)
            leave(terminal)
            terminal.ends(code)

    @limit(60)
    def test_a_wait_that_is_given_up_is_not_what_was_waited_for(self):
        terminal = self.watch("--wait-for", "complete")
        terminal.shows(KEYS)
        terminal.type("q")
        terminal.ends(10)
        terminal = self.watch("--wait-for", "complete", "--timeout", "100ms")
        terminal.ends(10)

    @limit(60)
    def test_while_it_is_stopped_the_terminal_is_the_shells(self):
        shell = Terminal(self, "/bin/sh", "-im")
        shell.shows("$ ")
        shell.type(f"{binary()} status p --watch\n")
        shell.shows(KEYS)
        self.wait_until(shell.is_raw)
        seen = len(shell.shown)
        shell.type("\x1a")
        shell.shows("$ ", seen)
        self.assertTrue(shell.is_restored())
        # In the background it shows, reads nothing and touches nothing.
        seen = len(shell.shown)
        shell.type("bg\n")
        shell.shows("next: ", seen)
        self.assertTrue(shell.is_restored())
        seen = len(shell.shown)
        shell.type("fg\n")
        self.wait_until(shell.is_raw)
        shell.type("+")
        self.wait_until(lambda: self.workers() == ["2"])
        # A stop that it does not see: the shell has the terminal, and then it has it again.
        seen = len(shell.shown)
        os.kill(os.tcgetpgrp(shell.master), signal.SIGSTOP)
        shell.shows("$ ", seen)
        seen = len(shell.shown)
        shell.type("fg\n")
        shell.shows(KEYS, seen)
        self.wait_until(shell.is_raw)
        shell.type("-")
        self.wait_until(lambda: self.workers() == ["1"])
        seen = len(shell.shown)
        shell.type("q")
        shell.shows("$ ", seen)
        self.wait_until(shell.is_restored)
        shell.type("exit\n")
        shell.ends(0)

    @limit(60)
    def test_without_a_terminal_there_are_no_keys(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        os.write(writing, b"p+q")
        terminal = self.watch("--timeout", "1500ms", stdin=reading)
        self.assertTrue(terminal.is_restored())
        terminal.ends(0)
        self.assertNotIn("more workers", terminal.shown)
        self.assertEqual(self.value("SELECT wanted FROM tidemark.run"), "run")
        terminal = Terminal(self, binary(), "status", "p", "--watch", "--json", "--timeout", "500ms")
        terminal.type("p")
        terminal.ends(0)
        self.assertNotIn("more workers", terminal.shown)
        self.assertEqual(self.value("SELECT wanted FROM tidemark.run"), "run")
        result = self.tidemark("status", "p", "--watch", "--timeout", "500ms").ok()
        self.assertEqual(result.out.count("\n"), 1, result)


class Line(WatchCase):
    KEYS = "keys: p pause  r resume  + more workers  - fewer workers  q stop"

    def run_it(self, *more, **streams):
        terminal = Terminal(self, binary(), "run", "p", *more, **streams)
        terminal.shows("THROTTLED")
        return terminal

    @limit(60)
    def test_each_key_does_what_its_verb_does(self):
        terminal = self.run_it()
        self.assertIn(self.KEYS, terminal.shown)
        self.assertTrue(terminal.is_raw())
        terminal.type("p")
        terminal.shows("paused by ")
        self.assertEqual(self.state(), "paused")
        terminal.type("r")
        terminal.shows("resumed")
        terminal.type("++x\x1b[A-")
        terminal.shows("workers = 2, set by ")
        self.wait_until(lambda: self.workers() == ["2"])
        terminal.type("-")
        self.wait_until(lambda: self.workers() == ["1"])
        terminal.type("-")
        terminal.shows('"workers" is 0; it must be between 1 and 64')
        # Somebody else's number is where the next one begins.
        self.tidemark("set", "p", "workers=5").ok()
        self.wait_until(lambda: self.tidemark.json("status", "p")["progress"]["workers"] == 5)
        terminal.type("+")
        self.wait_until(lambda: self.workers() == ["6"])
        terminal.type("q")
        terminal.ends(130)
        self.assertIn("interrupted after a clean checkpoint", terminal.shown)
        self.assertEqual(self.tidemark.json("status", "p")["state"], "ready")

    @limit(60)
    def test_every_way_out_leaves_the_terminal_as_it_was(self):
        def send(number):
            return lambda terminal: terminal.process.send_signal(number)

        def fail(_terminal):
            self.execute("DROP TABLE items")
            os.remove(self.stop)

        first = self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/%%'", ())
        for leave, code in ((send(signal.SIGINT), 130), (send(signal.SIGTERM), 143), (send(signal.SIGHUP), -signal.SIGHUP), (send(signal.SIGQUIT), -signal.SIGQUIT),
                            (lambda terminal: terminal.type("\x03"), 130), (fail, 4)):
            terminal = self.run_it()
            self.wait_until(terminal.is_raw)
            # Also with a connection of the keys.
            terminal.type("+")
            self.wait_until(lambda: self.workers() == ["2"])
            leave(terminal)
            terminal.ends(code)
            self.execute("DELETE FROM tidemark.setting")
        self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/%%'", ()) == first)

    @limit(60)
    def test_a_connection_that_is_lost_is_opened_again_with_the_next_key(self):
        terminal = self.run_it()
        terminal.type("p")
        terminal.shows("paused by ")
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark/keys'")
        self.wait_until(lambda: self.value("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'tidemark/keys'"))
        terminal.type("r")
        terminal.shows("resumed")
        os.remove(self.stop)
        terminal.ends(0)

    @limit(60)
    def test_without_a_terminal_there_are_no_keys(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        os.write(writing, b"p+q")
        for more in ((), ("--quiet",), ("--log-format", "text")):
            terminal = Terminal(self, binary(), "run", "p", "--budget", "1500ms", *more, **({} if more else {"stdin": reading}))
            terminal.type("p")
            self.assertTrue(terminal.is_restored())
            terminal.ends(0)
            self.assertNotIn("keys:", terminal.shown)
            self.assertEqual(self.value("SELECT wanted FROM tidemark.run"), "run")
        # Whatever is started after it may read what is typed: nothing is read while it is in the background.
        shell = Terminal(self, "/bin/sh", "-im")
        shell.shows("$ ")
        shell.type(f"{binary()} run p --budget 3s &\n")
        shell.shows("THROTTLED")
        self.assertTrue(shell.is_restored())
        shell.type("exit\n")
        shell.process.kill()


if __name__ == "__main__":
    main()
