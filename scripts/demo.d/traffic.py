"""Application traffic: pgbench in the background, its latencies and its errors."""
import glob
import os
import signal
import subprocess

CLIENTS = 4


class Traffic:
    """One release of the application. start() and stop() any number of times; what it logged is kept."""

    def __init__(self, server, database, name, script, scale, rate, folder, clients=CLIENTS):
        self.server, self.database, self.name, self.script = server, database, name, script
        self.scale, self.rate, self.folder, self.clients = scale, rate, folder, clients
        self.process = None
        self.starts = 0
        self.complaints = []

    def start(self):
        self.starts += 1
        prefix = os.path.join(self.folder, f"{self.name}-{self.starts}")
        self.errors = prefix + ".stderr"
        with open(self.errors, "wb") as errors:
            # Rate-limited, so that a transaction's latency counts from when it should have begun:
            # a stall shows in every transaction that it delays. Every error is printed as it happens.
            self.process = subprocess.Popen(
                [self.server.tool("pgbench"), "-n", "-c", str(self.clients), "-j", "1", "-T", "3600",
                 "-s", str(self.scale), "-f", self.script, "-M", "prepared", f"--rate={self.rate}",
                 "--log", f"--log-prefix={prefix}", "--verbose-errors", self.database],
                env=dict(self.server.environment(self.database), PGAPPNAME=self.name),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Stops it and collects what went wrong. pgbench is not expected to end by itself."""
        if self.process is None:
            return
        if not self.running():
            self.complaints.append(f"{self.name}: pgbench ended by itself with status {self.process.returncode}")
        else:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        self.process = None
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            for line in errors:
                if "error" in line.lower() or "fatal" in line.lower() or "abort" in line.lower():
                    self.complaints.append(f"{self.name}: {line.strip()}")

    def transactions(self):
        """(when it ended, seconds it took) of each, from pgbench's logs; the last, unfinished line is left out."""
        found = []
        for path in glob.glob(os.path.join(glob.escape(self.folder), f"{self.name}-*.[0-9]*")):
            with open(path, encoding="ascii", errors="replace") as log:
                for line in log:
                    fields = line.split()
                    if len(fields) < 7 or not line.endswith("\n"):
                        continue
                    if not fields[2].isdigit():
                        self.complaints.append(f"{self.name}: a transaction {fields[2]}")
                        continue
                    found.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1e6))
        return found


def percentiles(seconds, wanted=(50, 95, 99)):
    """Nearest-rank percentiles, or None for an empty list."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return [ordered[max(0, -(-len(ordered) * p // 100) - 1)] for p in wanted]
