"""Looks every few milliseconds who waits for a lock, and how long the application has waited because of tidemark."""
import threading

WAITING = """
SELECT l.pid, a.application_name, pg_blocking_pids(l.pid), extract(epoch FROM clock_timestamp() - l.waitstart)::float8
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE NOT l.granted AND l.waitstart IS NOT NULL
"""
OURS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name LIKE 'tidemark/%'"
ANYBODY = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"


def blamed(waiting, ours):
    """(application, seconds) of those who wait for one of ours, directly or behind somebody who does."""
    behind = {pid: set(blockers) for pid, _, blockers, _ in waiting}
    guilty = set(ours)
    grown = True
    while grown:
        more = {pid for pid, blockers in behind.items() if pid not in guilty and blockers & guilty}
        guilty |= more
        grown = bool(more)
    return [(name, seconds) for pid, name, _, seconds in waiting
        if pid in guilty and pid not in ours and seconds is not None]


class LockWatch(threading.Thread):
    def __init__(self, connect, interval=0.005):
        super().__init__(daemon=True)
        self.connect, self.interval = connect, interval
        self.ending = threading.Event()
        self.longest, self.who, self.looks, self.failure = 0.0, None, 0, None

    def run(self):
        try:
            conn = self.connect(application_name="lockwatch")
            with conn.cursor() as cursor:
                while not self.ending.wait(self.interval):
                    self.look(cursor)
            conn.close()
        except Exception as error:               # reported in the summary, where it counts as a failure
            self.failure = str(error)

    def look(self, cursor):
        self.looks += 1
        cursor.execute(ANYBODY)
        if not cursor.fetchone()[0]:
            return
        cursor.execute(WAITING)
        waiting = cursor.fetchall()
        cursor.execute(OURS)
        ours = set(cursor.fetchone()[0] or ())
        for name, seconds in blamed(waiting, ours):
            if seconds > self.longest:
                self.longest, self.who = seconds, name

    def stop(self):
        self.ending.set()
        self.join(10)
