"""The demo: called by scripts/demo, which has built the program and cleared the environment."""
import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from harness.server import Server
from lockwatch import LockWatch
from summary import Summary
from traffic import Traffic

HERE = os.path.dirname(os.path.abspath(__file__))
DATABASE = "app"
PLAN = "plan.example.toml"
NAME = "accounts-abalance-to-balance"
REASON = "demo: no time to wait a week"

# A server as somebody would run it: nothing durable is switched off.
SETTINGS = {
    "fsync": "on", "full_page_writes": "on", "shared_buffers": "512MB", "max_wal_size": "4GB", "min_wal_size": "1GB",
    "checkpoint_timeout": "15min", "autovacuum_naptime": "1min", "max_prepared_transactions": "0",
    "track_commit_timestamp": "off", "cluster_name": "demo",
}

INVARIANT = """
SELECT (SELECT sum({column}) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
       (SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
"""


class Failed(Exception):
    pass


def bold(text):
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else f"\033[1m{text}\033[0m"


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self, options):
        self.options, self.database, self.plan_name = options, DATABASE, NAME
        self.scale = max(1, -(-options.rows // 100000))
        self.started = time.time()
        self.marks = {}
        self.server = None
        self.old = self.new = self.watch = None
        self.child = None
        self.sections = 0

    # -- output

    def section(self, title, text):
        self.sections += 1
        say()
        say(bold(f"{self.sections}. {title}"))
        say(text)

    def mark(self, name):
        self.marks[name] = time.time()

    def run(self, argv, shown=None, wanted=(0,), quiet=False):
        """Shows a command and runs it; how many seconds it took."""
        say()
        say(bold("$ " + (shown or " ".join(shlex.quote(word) for word in argv))))
        begun = time.time()
        sink = subprocess.DEVNULL if quiet else None
        self.child = subprocess.Popen(argv, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=sink,
            stderr=sink)
        status = self.child.wait()
        self.child = None
        if status not in wanted:
            raise Failed(f"`{shown or argv[0]}` ended with status {status}")
        return time.time() - begun

    def tidemark(self, *args):
        shown = " ".join(["tidemark", *(shlex.quote(arg) for arg in args)])
        return self.run([os.path.join(ROOT, self.options.binary), *args], shown)

    def ask(self, query):
        return self.server.sql(query, database=DATABASE)[0]

    def expect(self, what, query, wanted):
        got = self.ask(query)[0]
        if got != wanted:
            raise Failed(f"{what}: {got!r}, expected {wanted!r}")

    def work(self, seconds):
        """Lets the application work for a while; fails when it has stopped."""
        ends = time.time() + seconds
        while time.time() < ends:
            time.sleep(0.1)
            for traffic in (self.old, self.new):
                if traffic.process is not None and not traffic.running():
                    raise Failed(f"the {traffic.name} release of the application stopped working")

    # -- the parts

    def prepare(self):
        self.server = Server(settings=SETTINGS)
        self.server.create_database(DATABASE)
        self.environment = self.server.environment(DATABASE)
        self.section("A table",
            f"A temporary PostgreSQL {self.server.major} server in {self.server.root}, reachable through its unix socket only.")
        self.run([self.server.tool("pgbench"), "-i", "-q", "-s", str(self.scale), DATABASE],
            f"pgbench -i -q -s {self.scale} {DATABASE}", quiet=True)
        rows, size = self.ask("SELECT (SELECT count(*) FROM pgbench_accounts),"
            " pg_size_pretty(pg_total_relation_size('pgbench_accounts'))")
        self.rows = rows
        say(f"pgbench_accounts has {rows:,} rows, {size}.")
        folder = os.path.join(self.server.root, "traffic")
        os.mkdir(folder)

        def traffic(name):
            return Traffic(self.server, DATABASE, name, os.path.join(HERE, f"{name}_release.sql"), self.scale,
                self.options.rate, folder)
        self.old, self.new = traffic("old"), traffic("new")
        self.watch = LockWatch(lambda **more: self.server.connect(DATABASE, **more))
        self.watch.start()

    def baseline(self):
        self.section("The application",
            f"The old release: {self.options.rate} TPC-B transactions a second, which read and write abalance.\n"
            "Eight seconds without tidemark, for comparison.")
        self.old.start()
        self.work(2)
        self.mark("before")
        self.work(8)

    def expand(self):
        self.section("Expand, fill, verify",
            "The plan adds the column, keeps it in step by triggers, fills the existing rows, verifies them, and stops\n"
            "at the gate of the switch. The application continues to work.")
        self.mark("during")
        self.tidemark("run", PLAN)
        self.mark("gate")
        self.expect("the column is not there", "SELECT count(*) FROM pg_attribute WHERE attname = 'balance'"
            " AND attrelid = 'pgbench_accounts'::regclass", 1)
        self.tidemark("status", NAME)

    def switch(self):
        self.section("The switch",
            "A person opens the gate. From here on both columns may be written.")
        self.tidemark("advance", PLAN)
        say()
        say("The new release of the application is deployed beside the old one. It runs the same transactions on balance.")
        self.new.start()
        self.work(2)
        self.mark("both")
        self.work(8)
        self.mark("both end")
        say("Both releases have worked for ten seconds. Do the two columns agree in every row?")
        self.tidemark("verify", PLAN)
        self.mismatches = self.ask(
            "SELECT count(*) FROM pgbench_accounts WHERE abalance IS DISTINCT FROM balance")[0]

    def drop_with_hold(self):
        self.section("Hide the old column",
            "The old release is stopped. The soak of one day is waived. The old column is renamed and still kept in step,\n"
            "for as long as the plan holds it.")
        self.old.stop()
        self.tidemark("advance", PLAN, "--now", "--reason", REASON)
        self.expect("abalance is still there", "SELECT count(*) FROM pg_attribute WHERE attname = 'abalance'"
            " AND attrelid = 'pgbench_accounts'::regclass", 0)
        self.work(3)
        self.tidemark("status", NAME)

    def back(self):
        self.section("Roll back",
            "The old release is needed again. Rolling back from the hold takes milliseconds and loses no write.")
        self.back_seconds = self.tidemark("rollback", PLAN, "--to", "switch", "--yes", "--reason", "demo: the old release is needed again")
        self.old.start()
        self.work(4)
        say()
        say("The old release works again, beside the new one.")
        self.mismatches += self.ask(
            "SELECT count(*) FROM pgbench_accounts WHERE abalance IS DISTINCT FROM balance")[0]

    def forward_again(self):
        self.section("Drop the old column",
            "The old release is stopped again, the old column is hidden again, and the hold is waived: the column is dropped.")
        self.old.stop()
        self.tidemark("advance", PLAN, "--now", "--reason", REASON)
        self.tidemark("advance", PLAN, "--now", "--reason", REASON)
        self.work(3)
        self.new.stop()
        self.tidemark("status", NAME)
        say()
        say("Run it once more: there is nothing left to do.")
        self.tidemark("run", PLAN)
        self.expect("the plan is not complete", f"SELECT state FROM tidemark.status WHERE plan = '{NAME}'", "complete")

    def play(self):
        say(bold("tidemark: rename a column of a large table while the application works"))
        self.prepare()
        self.baseline()
        self.expand()
        self.switch()
        self.drop_with_hold()
        self.back()
        self.forward_again()
        self.watch.stop()
        self.sums = self.ask(INVARIANT.format(column="balance"))
        self.leftovers = self.ask("SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pgbench_accounts'::regclass)"
            " + (SELECT count(*) FROM pg_attribute WHERE attrelid = 'pgbench_accounts'::regclass AND attnum > 0"
            "    AND NOT attisdropped AND attname NOT IN ('aid', 'bid', 'balance', 'filler'))")[0]
        return Summary(self).show()

    def close(self):
        """Also after an interrupt: no process and no directory stays."""
        if self.child is not None and self.child.poll() is None:
            try:
                self.child.send_signal(signal.SIGINT)
                self.child.wait(5)               # it writes its checkpoint
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for traffic in (self.old, self.new):
            if traffic is not None:
                traffic.stop()
        if self.watch is not None:
            self.watch.stop()
        if self.server is not None:
            if self.options.keep_log:
                shutil.copyfile(self.server.log, self.options.keep_log)
            self.server.close()


def interrupted(number, _frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--keep-log", default="")
    demo = Demo(parser.parse_args())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        status = 0 if demo.play() else 1
    except Failed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        for traffic in (demo.old, demo.new):
            if traffic is not None:
                traffic.stop()
                print("\n".join(traffic.complaints[:10]), file=sys.stderr)
        status = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.close()
    sys.exit(status)


if __name__ == "__main__":
    main()
