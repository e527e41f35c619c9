"""The application beside a backfill: pgbench at a fixed rate, on rows of the same table."""
import os
import subprocess
import sys
import time

from common import ROOT

sys.path.insert(0, os.path.join(ROOT, "scripts", "demo.d"))
from traffic import Traffic, percentiles

NAME = "application"
CLIENTS = 8
READS = 70                  # of a hundred transactions; the others update a row
SETTLE = 2                  # seconds that are not looked at
BUSY = 2                    # processes that only count, as many as the workers of the fastest
# They end by themselves, whatever becomes of us.
COUNT = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"
DRAIN = 180                 # longest that we wait until what was due during the backfill has been done

# The update changes no indexed column and not the one that is copied: a table without triggers must be right in the end.
SCRIPT = """\\set id random(1, {rows})
\\set dice random(1, 100)
\\if :dice <= {reads}
SELECT name, score FROM users WHERE id = {key};
\\else
UPDATE users SET notes = reverse(notes) WHERE id = {key};
\\endif
"""


class Load:
    """Started before the backfill; latencies() are of a span of time."""

    def __init__(self, bench, table, database, rate, folder):
        path = os.path.join(folder, f"{database}.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SCRIPT.format(rows=table.rows, reads=READS, key=table.key_of(":id")))
        self.traffic = Traffic(bench.server, database, f"{NAME}-{database}", path, 1, rate, folder, CLIENTS)
        self.done = []

    def settle(self, seconds):
        """Runs alone; the span to look at."""
        self.traffic.start()
        time.sleep(SETTLE)
        begun = time.time()
        time.sleep(seconds)
        if not self.traffic.running():
            self.traffic.stop()
            raise SystemExit("the application: " + "; ".join(self.traffic.complaints))
        return begun, time.time()

    def beside_busy_processes(self, seconds):
        """What any work costs it that keeps processors busy: these never come near the server. The span to look at."""
        begun = time.time()
        # Sessions of their own, like the server's backends: the kernel may share processors out between sessions.
        counting = [subprocess.Popen([sys.executable, "-c", COUNT, str(seconds)], start_new_session=True)
                    for _ in range(BUSY)]
        try:
            for process in counting:
                process.wait()
        finally:
            for process in counting:
                process.kill()
        ended = time.time()
        time.sleep(SETTLE)
        return begun, ended

    def finish(self, until):
        """Goes on until every transaction that was due before `until` has ended, for a while; the number of errors."""
        deadline = time.monotonic() + DRAIN
        late = True
        while late and self.traffic.running() and time.monotonic() < deadline:
            time.sleep(0.5)
            late = any(ended - seconds <= until for ended, seconds in self.so_far()[-CLIENTS:])
        self.traffic.stop()
        self.done = self.traffic.transactions()
        if late:
            self.traffic.complaints.append(f"transactions were not done {DRAIN} s after the backfill")
        return len(self.traffic.complaints)

    def so_far(self):
        """Transactions, without the complaints about failed ones: those are counted once, in the end."""
        told = list(self.traffic.complaints)
        found = self.traffic.transactions()
        self.traffic.complaints[:] = told
        return found

    def close(self):
        if self.traffic.running():
            self.traffic.stop()

    def latencies(self, begun, ended):
        """Milliseconds from when a transaction was due until it was done, of those due in this span."""
        due = [seconds * 1000 for at, seconds in self.done if begun <= at - seconds < ended]
        if not due:
            raise SystemExit("the application did nothing")
        p50, p99, most = percentiles(due, (50, 99, 100))
        return {"p50": p50, "p99": p99, "max": most, "transactions": len(due)}
