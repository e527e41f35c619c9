"""An application: threads that write and read all the time and remember what went wrong and how long it took.

    with Traffic(server, database, [writer, reader], threads=4) as traffic:
        ...
    traffic.raise_errors()

A job is called as job(conn, random) and does one transaction (the connection is in autocommit).
"""
import random
import threading
import time

import psycopg2


class Traffic:
    def __init__(self, server, database, jobs, threads=4, seed=1, pause=0.0, application="app"):
        self.server, self.database, self.jobs, self.pause = server, database, jobs, pause
        self.application = application
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.errors = []        # (application_name, exception)
        self.latencies = []     # (end by time.monotonic, seconds, application_name)
        self.done = [0] * threads
        self.threads = [threading.Thread(target=self._work, args=(i, random.Random(f"{seed}/{i}")), daemon=True)
                        for i in range(threads)]

    def _work(self, number, rng):
        name = f"{self.application}-{number}"
        conn = self.server.connect(self.database, application_name=name)
        mine = []
        try:
            while not self.stopping.is_set():
                begun = time.monotonic()
                try:
                    self.jobs[number % len(self.jobs)](conn, rng)
                except psycopg2.Error as error:
                    with self.lock:
                        self.errors.append((name, error))
                    if conn.closed:
                        return
                    if len(self.errors) > 200:
                        return
                ended = time.monotonic()
                mine.append((ended, ended - begun, name))
                self.done[number] += 1
                if self.pause:
                    time.sleep(self.pause)
        finally:
            with self.lock:
                self.latencies += mine
            conn.close()

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        return self

    def wait_for(self, count, timeout=30):
        """Waits until each client has ended `count` more transactions."""
        wanted = [done + count for done in self.done]
        deadline = time.monotonic() + timeout
        while any(done < target for done, target in zip(self.done, wanted)):
            if time.monotonic() > deadline or not all(thread.is_alive() for thread in self.threads):
                raise AssertionError(f"not {count} more transactions of each client: {self.done}, wanted {wanted}; {self.errors[-3:]}")
            time.sleep(0.005)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def worst(self):
        return max((seconds for _, seconds, _ in self.latencies), default=0.0)

    def raise_errors(self, allowed=()):
        """Fails when the application saw an error whose SQLSTATE is not allowed."""
        bad = [(name, error) for name, error in self.errors if error.pgcode not in allowed]
        if bad:
            told = "\n".join(f"{name}: {error.pgcode} {error}" for name, error in bad[:5])
            raise AssertionError(f"{len(bad)} application errors in {len(self.latencies)} transactions\n{told}")
        if not self.latencies:
            raise AssertionError("the application did nothing: the test proves nothing")


def run(conn, text, args=None):
    with conn.cursor() as cursor:
        cursor.execute(text, args)
        return cursor.fetchall() if cursor.description else cursor.rowcount
