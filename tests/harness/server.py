"""A throw-away PostgreSQL server in a temporary directory.

    with Server() as server:
        server.create_database("app")
        with server.connect("app") as conn:
            ...

The server never outlives the process that made it: besides close(), an exit handler and the signal
handlers of testcase.py there is a small guardian process that waits for the end of a pipe, so even
SIGKILL of the test leaves neither a postmaster nor a directory behind.
"""
import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import psycopg2
import psycopg2.extensions

DEFAULT_BIN = "/usr/lib/postgresql/15/bin"
SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")

# What a test server is tuned for: quick, small, and quick to notice that a client has gone.
DEFAULTS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "120",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "10s",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%a ",
    "timezone": "UTC",
    "max_prepared_transactions": "10",
    "track_commit_timestamp": "on",
}

STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Runs as its own session. `read` returns when the last writer of the pipe is gone, however it went.
GUARDIAN = r"""
read -r _ || :
[ -d "$1" ] || exit 0
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && grep -qs "$1/data" "/proc/$pid/cmdline"; then
    kill -QUIT "$pid" 2>/dev/null
    i=0
    while kill -0 "$pid" 2>/dev/null && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
fi
rm -rf "$1"
"""

living = set()


def close_all():
    """Stops every server of this process; used by exit and signal handlers."""
    for server in list(living):
        server.close()


atexit.register(close_all)


def unprivileged_user():
    """Name of the user the server runs as: PostgreSQL refuses root. None: ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    raise RuntimeError("root needs a user 'postgres' or 'nobody' to run the server as")


def bin_directory():
    """TIDEMARK_TEST_PG_BIN, or the installation of TIDEMARK_TEST_PG_MAJOR (fetched once), or Debian's."""
    if os.environ.get("TIDEMARK_TEST_PG_BIN"):
        return os.environ["TIDEMARK_TEST_PG_BIN"]
    major = os.environ.get("TIDEMARK_TEST_PG_MAJOR")
    if not major:
        return DEFAULT_BIN
    return subprocess.run([os.path.join(SCRIPTS, "postgres-major"), major], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=300).stdout.strip()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children_of(pid):
    """Direct children of a process, from /proc."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                if int(stat.read().rpartition(b")")[2].split()[1]) == pid:
                    found.append(int(entry))
        except (OSError, IndexError, ValueError):
            continue
    return found


def alive(pid):
    """A zombie that init has not reaped yet is not alive."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def clean_environment():
    """The environment without anything that names another database or configures tidemark."""
    drop = ("PG", "POSTGRES_", "DATABASE_", "SQLALCHEMY_", "TIDEMARK_")
    return {key: value for key, value in os.environ.items() if not key.startswith(drop)}


class Server:
    """One cluster. `settings` are rows of postgresql.conf and win over DEFAULTS."""

    def __init__(self, bin_dir=None, settings=None, tcp=False, start=True, initdb=()):
        self.bin = bin_dir or bin_directory()
        self.user = unprivileged_user()
        self.tcp = tcp
        self.port = free_port() if tcp else 5432
        self.settings = dict(DEFAULTS, **(settings or {}))
        self.process = None
        self.lock = threading.RLock()
        self.root = tempfile.mkdtemp(prefix="tidemark-", dir=self._base())
        self.data = os.path.join(self.root, "data")
        self.socket_dir = os.path.join(self.root, "s")
        self.log = os.path.join(self.root, "log")
        self.guardian = subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, "tidemark-guardian", self.root], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        living.add(self)
        try:
            os.mkdir(self.socket_dir)
            self._own(self.root, self.socket_dir)
            self._initdb(initdb)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    # -- making it

    @staticmethod
    def _base():
        """A short path: the name of a socket has at most 107 bytes."""
        base = os.environ.get("TMPDIR") or "/tmp"
        return base if len(base) <= 60 and os.stat(base).st_mode & 0o001 else "/tmp"

    def _own(self, *paths):
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)

    def _as_user(self):
        """Arguments of Popen that make the child the unprivileged user."""
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _initdb(self, extra):
        done = subprocess.run(
            [self.tool("initdb"), "-D", self.data, "-U", "postgres", "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale=C", *extra],
            cwd=self.root, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, **self._as_user())
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{done.stdout}")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write("\ninclude 'tests.conf'\n")

    def _write_settings(self):
        rows = dict(self.settings)
        rows["unix_socket_directories"] = self.socket_dir
        rows["listen_addresses"] = "127.0.0.1" if self.tcp else ""
        rows["port"] = str(self.port)
        path = os.path.join(self.data, "tests.conf")
        with open(path, "w", encoding="utf-8") as conf:
            for key, value in sorted(rows.items()):
                quoted = str(value).replace("'", "''")
                conf.write(f"{key} = '{quoted}'\n")
        self._own(path)

    def tool(self, name):
        """Path of a program of this server's installation; psql, pg_dump and pgbench fall back to Debian's."""
        path = os.path.join(self.bin, name)
        return path if os.path.exists(path) else os.path.join(DEFAULT_BIN, name)

    # -- starting and stopping

    def start(self, timeout=60):
        """Starts the postmaster and waits until it answers a query."""
        with self.lock:
            if self.running():
                return
            self._write_settings()
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [os.path.join(self.bin, "postgres"), "-D", self.data], cwd=self.root,
                    env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, **self._as_user())
            self.wait_ready(timeout)

    def promote(self):
        """Makes a standby the primary, and waits until it may be written."""
        self.sql("SELECT pg_promote(true, 60)")

    def wait_ready(self, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.connect("postgres").close()
                return
            except psycopg2.OperationalError as error:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server did not start:\n{self.log_tail()}") from error
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the server does not answer:\n{self.log_tail()}") from error
                time.sleep(0.03)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, mode="fast", timeout=60):
        """mode: smart, fast or immediate, as pg_ctl's -m."""
        with self.lock:
            if not self.running():
                return
            self.process.send_signal(STOP_SIGNALS[mode])
            self.process.wait(timeout)

    def restart(self, mode="fast"):
        with self.lock:
            self.stop(mode)
            self.start()

    def restart_immediate(self):
        """What `pg_ctl restart -m immediate` does: crash recovery runs."""
        self.restart("immediate")

    def kill(self):
        """SIGKILL for the postmaster and every backend, as when the machine loses power. start() recovers."""
        with self.lock:
            if not self.running():
                return
            victims = [self.process.pid, *children_of(self.process.pid)]
            for pid in victims:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait(30)
            deadline = time.monotonic() + 10
            while any(alive(pid) for pid in victims[1:]) and time.monotonic() < deadline:
                time.sleep(0.02)
            try:
                os.unlink(os.path.join(self.data, "postmaster.pid"))
            except FileNotFoundError:
                pass

    def configure(self, **settings):
        """Changes settings of a running server that a reload can change."""
        self.settings.update(settings)
        self._write_settings()
        if self.running():
            loaded = self.value("SELECT pg_conf_load_time()")
            self.process.send_signal(signal.SIGHUP)
            # The postmaster signals its children before it accepts another connection, and each of value() is a new one.
            deadline = time.monotonic() + 10
            while self.value("SELECT pg_conf_load_time()") == loaded:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the server does not load its settings:\n{self.log_tail()}")
                time.sleep(0.01)

    def close(self):
        """Stops and removes everything; may be called again."""
        with self.lock:
            try:
                self.stop("immediate", timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
            finally:
                shutil.rmtree(self.root, ignore_errors=True)
                if self.guardian.stdin is not None and not self.guardian.stdin.closed:
                    self.guardian.stdin.close()
                    self.guardian.wait(20)
                living.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- using it

    @property
    def host(self):
        return "127.0.0.1" if self.tcp else self.socket_dir

    @property
    def major(self):
        return self.version // 10000

    @property
    def version(self):
        """server_version_num."""
        with self.connect("postgres") as conn:
            return conn.server_version

    def environment(self, database="postgres", user="postgres"):
        """What a client program needs to find this server, over the socket even when TCP is on."""
        return dict(clean_environment(), PGHOST=self.socket_dir, PGPORT=str(self.port), PGUSER=user,
                    PGDATABASE=database, PGCONNECT_TIMEOUT="10")

    def dsn(self, database="postgres", user="postgres"):
        return f"host={self.socket_dir} port={self.port} user={user} dbname={database} connect_timeout=10"

    def url(self, database="postgres", user="postgres", password=None):
        """URL over TCP (needs tcp=True)."""
        assert self.tcp, "Server(tcp=True) has a URL"
        secret = "" if password is None else f":{password}"
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", user="postgres", application_name="test", autocommit=True, **more):
        """A psycopg2 connection, in autocommit unless told otherwise."""
        conn = psycopg2.connect(host=self.socket_dir, port=self.port, user=user, dbname=database,
                                connect_timeout=10, application_name=application_name, **more)
        conn.autocommit = autocommit
        return conn

    def sql(self, text, args=None, database="postgres"):
        """Runs a text in a connection of its own; rows, or None for a command."""
        conn = self.connect(database)
        try:
            with conn.cursor() as cursor:
                cursor.execute(text, args)
                return cursor.fetchall() if cursor.description else None
        finally:
            conn.close()

    def value(self, text, args=None, database="postgres"):
        return self.sql(text, args, database)[0][0]

    def create_database(self, name):
        quoted = name.replace('"', '""')
        self.sql(f'CREATE DATABASE "{quoted}"')
        return name

    def drop_database(self, name):
        quoted = name.replace('"', '""')
        self.sql(f'DROP DATABASE IF EXISTS "{quoted}" WITH (FORCE)')

    def terminate(self, application, database=None):
        """Terminates the backends whose application_name is LIKE this; how many."""
        return self.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE %s AND (%s::text IS NULL OR datname = %s)",
            (application, database, database))

    def log_tail(self, lines=30):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""


class Standby(Server):
    """A hot standby of `primary`, which follows it by streaming. Only where the installation has pg_basebackup."""

    def __init__(self, primary, name="standby", settings=None):
        self.primary = primary
        host = f"host={primary.socket_dir} port={primary.port} user=postgres application_name={name}"
        super().__init__(bin_dir=primary.bin, settings=dict(primary.settings, primary_conninfo=host, **(settings or {})))

    @staticmethod
    def possible():
        return os.path.exists(os.path.join(bin_directory(), "pg_basebackup"))

    def _initdb(self, _extra):
        done = subprocess.run(
            [os.path.join(self.bin, "pg_basebackup"), "-D", self.data, "-h", self.primary.socket_dir, "-p",
             str(self.primary.port), "-U", "postgres", "-X", "stream", "-c", "fast", "--no-sync"],
            cwd=self.root, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=120, **self._as_user())
        if done.returncode != 0:
            raise RuntimeError(f"pg_basebackup failed:\n{done.stdout}")
        path = os.path.join(self.data, "standby.signal")
        with open(path, "w", encoding="utf-8"):
            pass
        self._own(path)


class Copy(Server):
    """A server from a copy of a stopped server's data directory: up in a fraction of a second."""

    def __init__(self, data, settings, bin_dir=None):
        self.source = data
        super().__init__(bin_dir=bin_dir, settings=settings)

    def _initdb(self, _extra):
        subprocess.run(["cp", "-a", self.source, self.data], check=True, timeout=120)
