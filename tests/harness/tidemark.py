"""Running the program under test.

    tool = Tidemark(server.environment("app"), cwd=self.tmp)
    tool("lint", "plan.toml").ok()
    state = tool.json("status", "plan")
    with tool.start("run", "plan.toml") as process:
        process.wait_for("phase", stream="stderr")
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(5).code, 130)
"""
import json
import os
import signal
import subprocess
import threading
import time

from harness.server import clean_environment

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def binary():
    """TIDEMARK_BIN, or the newest build of the tree."""
    given = os.environ.get("TIDEMARK_BIN")
    if given:
        return os.path.abspath(given)
    found = []
    for preset in ("ci", "release", "debug", "coverage"):
        path = os.path.join(ROOT, "build", preset, "tidemark")
        if os.access(path, os.X_OK):
            found.append(path)
    if not found:
        raise RuntimeError("no tidemark binary: build it, or say where it is with TIDEMARK_BIN")
    return max(found, key=os.path.getmtime)


class Result:
    """How a run of the program ended."""

    def __init__(self, args, code, out, err, seconds):
        self.args, self.code, self.out, self.err, self.seconds = args, code, out, err, seconds

    def __str__(self):
        return f"tidemark {' '.join(self.args)}: exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def expect(self, code):
        """Fails with everything that was printed when the exit status is another one. `code`: one or several."""
        codes = (code,) if isinstance(code, int) else tuple(code)
        if self.code not in codes:
            raise AssertionError(f"exit {self.code}, expected {codes}\n{self}")
        return self

    def ok(self):
        return self.expect(0)

    def json(self):
        """The one object on stdout."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"stdout is not JSON ({error})\n{self}") from error

    def events(self):
        """NDJSON: one object a line."""
        try:
            return [json.loads(line) for line in self.out.splitlines() if line.strip()]
        except ValueError as error:
            raise AssertionError(f"stdout is not NDJSON ({error})\n{self}") from error


class Process:
    """The program in the background. Its output is read all the time, so it never blocks on a full pipe."""

    def __init__(self, argv, args, env, cwd):
        self.args = args
        self.started = time.monotonic()
        self.popen = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.text = {"stdout": "", "stderr": ""}
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read, args=(name, getattr(self.popen, name)), daemon=True)
                        for name in self.text]
        for reader in self.readers:
            reader.start()

    def _read(self, name, pipe):
        while True:
            part = os.read(pipe.fileno(), 65536)
            if not part:
                break
            with self.changed:
                self.text[name] += part.decode("utf-8", "replace")
                self.changed.notify_all()
        pipe.close()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def out(self):
        return self.text["stdout"]

    @property
    def err(self):
        return self.text["stderr"]

    def running(self):
        return self.popen.poll() is None

    def stopped(self):
        """Whether it stands still, as after SIGSTOP or at a crash point with TIDEMARK_CRASH_ACTION=stop."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def signal(self, number):
        """SIGINT, SIGSTOP, SIGCONT, SIGKILL …; nothing when it has already ended."""
        if self.running():
            self.popen.send_signal(number)

    def wait(self, timeout=60):
        """Its Result; kills it and fails when it takes longer."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s\n{self._result()}") from None
        for reader in self.readers:
            reader.join(10)
        return self._result(code)

    def _result(self, code=None):
        return Result(self.args, code, self.out, self.err, time.monotonic() - self.started)

    def wait_for(self, text, stream="stderr", timeout=60):
        """Waits until a text has been printed; fails when the program ends without it."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while text not in self.text[stream]:
                ended = not self.running() and not any(reader.is_alive() for reader in self.readers)
                if ended or time.monotonic() > deadline:
                    raise AssertionError(f"{text!r} did not appear on {stream}\n{self._result(self.popen.poll())}")
                self.changed.wait(0.05)

    def kill(self):
        """SIGKILL, also for a stopped one, and reaps it."""
        if self.running():
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(30)
        for reader in self.readers:
            reader.join(10)
        return self._result(self.popen.returncode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Tidemark:
    """Calls the program with an environment that names one database. Keyword `env` adds to it."""

    def __init__(self, environment, cwd=None, path=None):
        self.path = path
        self.environment = dict(environment, NO_COLOR="1", LC_ALL="C.UTF-8")
        self.cwd = cwd
        self.background = []

    def __call__(self, *args, timeout=120, env=None):
        """Runs it to its end; a Result whatever the exit status is."""
        return self._spawn(args, env).wait(timeout)

    def ok(self, *args, **kwargs):
        return self(*args, **kwargs).ok()

    def json(self, *args, **kwargs):
        """Runs it with --json, expects exit 0, gives the object."""
        return self(*args, "--json", **kwargs).ok().json()

    def start(self, *args, env=None):
        """Starts it in the background; a Process."""
        process = self._spawn(args, env)
        self.background = [p for p in self.background if p.running()] + [process]
        return process

    def _spawn(self, args, env):
        args = [str(arg) for arg in args]
        return Process([self.path or binary(), *args], args, dict(self.environment, **(env or {})), self.cwd)

    def kill_all(self):
        for process in self.background:
            process.kill()


def offline(*args, cwd=None, env=None, timeout=30):
    """Runs the program without any database."""
    return Tidemark(clean_environment(), cwd)(*args, env=env, timeout=timeout)
