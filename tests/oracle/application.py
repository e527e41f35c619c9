"""The two releases of the application, as random writers that journal what was acknowledged.

Every write raises the row's version `ver` and brings back what the row is then, so that the order of all writes to a row is
known exactly. `inc` is the incarnation: the number of the INSERT that made the row.
"""
import io
import itertools
import random
import re
import threading
import time

import psycopg2

from model import Event


class World:
    """What the writers share."""

    def __init__(self, shape, table, rows):
        self.shape, self.table = shape, table
        self.events = []
        self.problems = []
        self.deadlocks = 0
        self.lock = threading.Lock()
        self.keys = list(range(rows))
        self.next_key = itertools.count(rows)
        self.next_incarnation = itertools.count(1)
        self.pids = set()

    def record(self, events):
        with self.lock:
            self.events += events

    def complain(self, text):
        with self.lock:
            self.problems.append(text)


class Writer(threading.Thread):
    """One client. `release`: old (knows a), new (knows b) or both (writes both: a release in between)."""

    def __init__(self, world, connect, release, seed):
        super().__init__(daemon=True)
        self.world, self.connect, self.release = world, connect, release
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.columns = {"old": ["a"], "new": ["b"], "both": ["a", "b"]}[release]
        self.back = ", ".join(["id", "inc", "ver", *self.columns])
        self.pending = []
        self.committed = 0

    def run(self):
        self.conn = self.connect(autocommit=False)
        with self.world.lock:
            self.world.pids.add(self.conn.info.backend_pid)
        names = ["touch", "set", "set", "save", "many", "transaction", "bump", "insert", "insert", "upsert", "delete", "copy",
                 "insert_many"]
        try:
            while not self.stopping.is_set():
                name = self.rng.choice(names)
                self.pending = []
                self.begun = time.monotonic()
                try:
                    with self.conn.cursor() as cursor:
                        getattr(self, name)(cursor)
                    self.conn.commit()
                except psycopg2.Error as error:
                    self._failed(name, error)
                    if self.conn.closed:
                        return
                    self.conn.rollback()
                    continue
                ended = time.monotonic()
                for event in self.pending:
                    event.ended = ended
                self.world.record(self.pending)
                self.committed += 1
                time.sleep(self.rng.random() * 0.004)
        finally:
            self.conn.close()

    def _failed(self, name, error):
        text = str(error)
        if error.pgcode == "40P01":
            # Among ourselves it is our own fault: rows are written in random order. Nobody else may be in the circle.
            others = {int(pid) for pid in re.findall(r"[Pp]rocess (\d+)", text)} - self.world.pids
            if not others:
                with self.world.lock:
                    self.world.deadlocks += 1
                return
        self.world.complain(f"{self.release} release, {name}: {error.pgcode} {text.strip()}")

    # -- helpers

    def key(self):
        return self.rng.choice(self.world.keys)

    def value(self, column):
        """What this release writes into a column it knows."""
        shape = self.world.shape
        if not shape.required and self.rng.random() < 0.12:
            return None
        a = shape.value(self.rng)
        # The new release has values of its own that `down` cannot carry.
        return a if column == "a" else (shape.up(a) if self.rng.random() < 0.5 else shape.value(self.rng))

    def change(self):
        """Values for some of the columns this release knows. One that writes both does so consistently half of the time."""
        if self.release != "both":
            return {self.columns[0]: self.value(self.columns[0])}
        if self.rng.random() < 0.5:
            a = self.value("a")
            return {"a": a, "b": self.world.shape.up(a)}
        return {column: self.value(column) for column in self.rng.choice((["a"], ["b"], ["a", "b"]))}

    def note(self, what, row, change, version=None):
        key, incarnation, ver, *values = row
        self.pending.append(Event(key, incarnation, ver if version is None else version, what, change,
                                  dict(zip(self.columns, values)), "old" if self.release == "old" else "new",
                                  self.begun, None))

    def write(self, cursor, change, keys):
        sets = ", ".join([*(f"{column} = %s" for column in change), "ver = ver + 1"])
        cursor.execute(f"UPDATE {self.world.table} SET {sets} WHERE id = ANY (%s) RETURNING {self.back}",
                       (*change.values(), keys))
        for row in cursor.fetchall():
            self.note("update", row, change)

    # -- what applications do

    def set(self, cursor):
        self.write(cursor, self.change(), [self.key()])

    def touch(self, cursor):
        """An update of something else."""
        self.write(cursor, {}, [self.key() for _ in range(self.rng.randint(1, 5))])

    def bump(self, cursor):
        column = self.rng.choice(self.columns)
        sql, function = self.world.shape.bump(column)
        cursor.execute(f"UPDATE {self.world.table} SET {column} = {sql}, ver = ver + 1 WHERE id = %s RETURNING {self.back}",
                       (self.key(),))
        for row in cursor.fetchall():
            self.note("update", row, {column: function})

    def many(self, cursor):
        keys = self.rng.sample(self.world.keys, min(len(self.world.keys), self.rng.randint(2, 15)))
        self.write(cursor, self.change(), keys)

    def transaction(self, cursor):
        """Several statements over rows in random order; sometimes rolled back."""
        for _ in range(self.rng.randint(2, 5)):
            self.write(cursor, self.change() if self.rng.random() < 0.8 else {}, [self.key()])
        if self.rng.random() < 0.15:
            self.conn.rollback()
            self.pending = []

    def save(self, cursor):
        """What an ORM does: reads the row, changes one thing or nothing, writes every column it knows back. Another's write
        in between is overwritten, as in any application without locks; half of the time the row is locked."""
        lock = "FOR UPDATE" if self.rng.random() < 0.5 else ""
        key = self.key()
        cursor.execute(f"SELECT {', '.join(self.columns)} FROM {self.world.table} WHERE id = %s {lock}", (key,))
        row = cursor.fetchone()
        if row is None:
            return
        change = dict(zip(self.columns, row))
        if self.rng.random() < 0.6:
            change.update(self.change())
        self.write(cursor, change, [key])

    def insert(self, cursor):
        key, incarnation = next(self.world.next_key), next(self.world.next_incarnation)
        change = {} if self.rng.random() < 0.1 else self.change()
        columns = ["id", "inc", *change]
        cursor.execute(f"INSERT INTO {self.world.table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
                       f" RETURNING {self.back}", (key, incarnation, *change.values()))
        self.note("insert", cursor.fetchone(), change)
        self.world.keys.append(key)

    def insert_many(self, cursor):
        keys = [next(self.world.next_key) for _ in range(self.rng.randint(2, 6))]
        change = self.change()
        columns = ["id", "inc", *change]
        row = f"({', '.join(['%s'] * len(columns))})"
        args = [value for key in keys for value in (key, next(self.world.next_incarnation), *change.values())]
        cursor.execute(f"INSERT INTO {self.world.table} ({', '.join(columns)}) VALUES {', '.join([row] * len(keys))}"
                       f" RETURNING {self.back}", args)
        for found in cursor.fetchall():
            self.note("insert", found, change)
        self.world.keys.extend(keys)

    def upsert(self, cursor):
        key, incarnation = self.key(), next(self.world.next_incarnation)
        column = self.rng.choice(self.columns)
        value = self.value(column)
        cursor.execute(f"INSERT INTO {self.world.table} AS t (id, inc, {column}) VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE"
                       f" SET {column} = EXCLUDED.{column}, ver = t.ver + 1 RETURNING {self.back}", (key, incarnation, value))
        row = cursor.fetchone()
        self.note("insert" if row[1] == incarnation else "upsert", row, {column: value})

    def delete(self, cursor):
        cursor.execute(f"DELETE FROM {self.world.table} WHERE id = %s RETURNING {self.back}", (self.key(),))
        row = cursor.fetchone()
        if row is not None:
            self.note("delete", row[:3], None, row[2] + 1)

    def copy(self, cursor):
        """COPY says nothing of what came of it; the replay and the end of the table do."""
        column = self.rng.choice(self.columns)
        lines, made = [], []
        for _ in range(self.rng.randint(1, 8)):
            key, incarnation, value = next(self.world.next_key), next(self.world.next_incarnation), self.value(column)
            lines.append(f"{key}\t{incarnation}\t{chr(92) + 'N' if value is None else value}\n")
            made.append((key, incarnation, value))
        cursor.copy_expert(f"COPY {self.world.table} (id, inc, {column}) FROM STDIN", io.StringIO("".join(lines)))
        for key, incarnation, value in made:
            self.note("insert", (key, incarnation, 1), {column: value})
        self.world.keys.extend(key for key, _, _ in made)


class Fleet:
    """Some clients of each release."""

    def __init__(self, world, connect, seed):
        self.world, self.connect, self.seed = world, connect, seed
        self.count = itertools.count()
        self.writers = []

    def start(self, *releases):
        for release in releases:
            writer = Writer(self.world, self.connect, release, f"{self.seed}/{next(self.count)}")
            self.writers.append(writer)
            writer.start()

    def work(self, count, timeout=30):
        """Waits until each client has committed `count` more transactions."""
        wanted = [(writer, writer.committed + count) for writer in self.writers]
        deadline = time.monotonic() + timeout
        while late := [writer for writer, target in wanted if writer.committed < target]:
            if time.monotonic() > deadline or not all(writer.is_alive() for writer in late):
                told = [(writer.release, writer.is_alive(), writer.committed) for writer in late]
                raise AssertionError(f"not {count} more transactions of each client: {told}; {self.world.problems[-3:]}")
            time.sleep(0.002)

    def stop(self, *releases):
        """Stops these releases, or all."""
        leaving = [w for w in self.writers if not releases or w.release in releases]
        for writer in leaving:
            writer.stopping.set()
        for writer in leaving:
            writer.join(20)
            if writer.is_alive():
                self.world.complain(f"a client of the {writer.release} release hangs")
        self.writers = [w for w in self.writers if w not in leaving]
