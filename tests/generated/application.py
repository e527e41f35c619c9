"""Statements of the old and of the new release, each made twice: for the table that tidemark works on, and for its control.

The control never changes: there, both releases write the old column. A statement of the new release is translated by its pair
of values, and what it brings back is compared as the new column would have it.
"""
import io
import threading
import time

import psycopg2

# Longest that a statement may take beside us. The budget of one lock is 200 ms; the rest is the machine's noise.
LONGEST = 1.5


class Application:
    """One client that never stops: `release` says who it is now ("old", "new" or "both": now this, now that)."""

    def __init__(self, world, subject, control):
        self.world, self.rng = world, world.rng
        self.subject, self.control = subject, control
        self.release = "old"
        self.swapped = False
        self.problems = []
        self.count = self.failed = 0
        self.slowest = 0.0
        self.next_id = 1000
        self.stopping = threading.Event()
        self.thread = None

    # -- one statement

    def write(self):
        release = self.rng.choice(["old", "new"]) if self.release == "both" else self.release
        kind = self.world.kind
        new = release == "new" or self.swapped
        column = "a" if release == "old" or self.swapped else "b"
        make = getattr(self, self.rng.choice(STATEMENTS))
        state = self.rng.getstate()
        mine = make(Side(self.world, column, 1 if new else 0, self.next_id, column))
        self.rng.setstate(state)
        other = make(Side(self.world, "a", 0, self.next_id, kind.made_of_old() if new else "a"))
        self.next_id += 5
        begun = time.monotonic()
        got = self.execute(self.subject, mine)
        took = time.monotonic() - begun
        wanted = self.execute(self.control, other)
        self.count += 1
        self.failed += wanted[1] != ""
        self.slowest = max(self.slowest, took)
        if got[0] != wanted[0] and not self.refused_sooner(got, wanted):
            self.problems.append(f"{release} release: {mine}\n   got    {got}\n   wanted {wanted}   ({other})")
        if took > LONGEST:
            self.problems.append(f"{release} release waited {took:.2f} s: {mine}")

    @staticmethod
    def refused_sooner(got, wanted):
        """A row that does not belong into the partition that it was written to is refused anyway: where a BEFORE trigger of
        anybody has changed the row, under another SQLSTATE."""
        if got[0] == "23514" and "b_is_there" in got[1]:
            return wanted[0] == "23502"     # the plan's check in place of the partition's NOT NULL
        return got[0] == "0A000" and "moving row to another partition" in got[1] and wanted[0] in ("23514", "23502")

    @staticmethod
    def execute(conn, statement):
        """(rows, "") or (SQLSTATE, message)."""
        try:
            with conn.cursor() as cursor:
                if isinstance(statement, tuple):
                    cursor.copy_expert(statement[0], io.StringIO(statement[1]))
                    return [cursor.rowcount], ""
                cursor.execute(statement)
                return sorted(map(str, cursor.fetchall())) if cursor.description else [cursor.rowcount], ""
        except psycopg2.Error as error:
            return error.pgcode, str(error).strip()

    # -- what applications do; `s` is the side that the text is for

    def insert(self, s):
        return f"INSERT INTO {s.table} (id, {s.column}, p) VALUES ({s.id}, {s.value()}, {s.part()}) RETURNING id, c, ({s.back})::text"

    def insert_without(self, s):
        return f"INSERT INTO {s.table} (id, p) VALUES ({s.id}, {s.part()}) RETURNING id, ({s.back})::text"

    def insert_default(self, s):
        return f"INSERT INTO {s.table} (id, {s.column}) VALUES ({s.id}, DEFAULT), ({s.id + 1}, {s.value()}) RETURNING id, ({s.back})::text"

    def insert_null(self, s):
        return f"INSERT INTO {s.table} (id, {s.column}) VALUES ({s.id}, NULL) RETURNING id, ({s.back})::text"

    def insert_from(self, s):
        return (f"INSERT INTO {s.table} (id, {s.column}, p) SELECT {s.id}, {s.column}, p FROM {s.table} WHERE id = {s.old_id()}"
                f" RETURNING id, ({s.back})::text")

    def copy(self, s):
        value = s.plain_value()
        return f"COPY {s.table} (id, {s.column}) FROM STDIN", f"{s.id}\t{value}\n{s.id + 1}\t\\N\n" if s.rng.random() < 0.2 else f"{s.id}\t{value}\n"

    def upsert(self, s):
        key = "id, p" if s.partitioned else "id"
        action = s.rng.choice([f"UPDATE SET {s.column} = EXCLUDED.{s.column}", "NOTHING", "UPDATE SET c = 5"])
        number = s.rng.choice([s.id, s.old_id()])
        return (f"INSERT INTO {s.table} (id, {s.column}) VALUES ({number}, {s.value()}) ON CONFLICT ({key}) DO {action}"
                f" RETURNING id, ({s.back})::text")

    def set(self, s):
        return f"UPDATE {s.table} SET {s.column} = {s.value()} WHERE id = {s.old_id()} RETURNING id, c, ({s.back})::text"

    def set_both(self, s):
        return f"UPDATE {s.table} SET c = {s.rng.choice([1, 99, 101])}, {s.column} = {s.value()} WHERE id = {s.old_id()} RETURNING id, ({s.back})::text"

    def set_null(self, s):
        return f"UPDATE {s.table} SET {s.column} = NULL WHERE id = {s.old_id()} RETURNING id, ({s.back})::text"

    def set_default(self, s):
        return f"UPDATE {s.table} SET {s.column} = DEFAULT WHERE id = {s.old_id()} RETURNING id, ({s.back})::text"

    def bump(self, s):
        return f"UPDATE {s.table} SET {s.column} = {s.bump()} WHERE id BETWEEN {s.old_id()} AND {s.old_id() + 3} RETURNING id, ({s.back})::text"

    def touch(self, s):
        return f"UPDATE {s.table} SET c = coalesce(c, 0) + {s.rng.choice([0, 1, 60])} WHERE id = {s.old_id()} RETURNING id, c, ({s.back})::text"

    def move(self, s):
        return f"UPDATE {s.table} SET p = {s.part()} WHERE id = {s.old_id()} RETURNING id, p, ({s.back})::text"

    def delete(self, s):
        return f"DELETE FROM {s.table} WHERE id = {s.old_id()} AND c IS DISTINCT FROM 7 RETURNING id, ({s.back})::text"

    def read(self, s):
        if self.world.read and s.rng.random() < 0.7:
            return self.world.read
        return f"SELECT count(*), count({s.column}) FROM {s.table}"

    def move_row_by_row(self, s):
        """What is deleted comes back under another number, in one statement."""
        return (f"WITH gone AS (DELETE FROM {s.table} WHERE id = {s.old_id()} RETURNING *)"
                f" INSERT INTO t (id, {s.column}, c, p) SELECT {s.id}, {s.column}, c, p FROM gone RETURNING id, c, ({s.back})::text")

    def merge(self, s):
        if s.major < 15:
            return self.upsert(s)
        change = s.rng.choice([f"UPDATE SET {s.column} = x.v", "UPDATE SET c = 5", "DELETE", "DO NOTHING"])
        return (f"MERGE INTO {s.table} m USING (SELECT CAST({s.rng.choice([s.id, s.old_id()])} AS bigint) AS i, CAST({s.value()} AS {s.type()}) AS v) x"
                f" ON m.id = x.i WHEN MATCHED THEN {change} WHEN NOT MATCHED THEN INSERT (id, {s.column}, p) VALUES (x.i, x.v, {s.part()})")

    # -- running beside tidemark

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            self.write()
            time.sleep(0.001)

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        if self.thread.is_alive():
            raise AssertionError("a statement of the application hangs")

    def some(self, count):
        for _ in range(count):
            self.write()


STATEMENTS = ["insert", "insert", "insert_without", "insert_default", "insert_null", "insert_from", "copy", "upsert", "upsert", "set", "set", "set_both",
              "set_null", "set_default", "bump", "touch", "move", "delete", "read", "move_row_by_row", "merge"]


class Side:
    """What a statement is written with: for one database."""

    def __init__(self, world, column, which, number, back):
        self.kind, self.rng, self.major, self.partitioned = world.kind, world.rng, world.major, world.partitioned
        self.column, self.which, self.id, self.back = column, which, number, back
        # The table, or one of its partitions by its own name.
        self.place = self.rng.choice([None, None, None, 0, 1, 2]) if world.direct else None
        self.table = "t" if self.place is None else f"t{self.place}"

    def type(self):
        return (self.kind.old, self.kind.new)[self.which]

    def value(self):
        return self.kind.pair(self.rng)[self.which]

    def plain_value(self):
        """For COPY: the literal without its quotes and cast."""
        text = str(self.value()).split("::")[0]
        return "\\N" if text.startswith("ROW") else text.strip("'").replace("''", "'").replace("\\", "\\\\")

    def old_id(self):
        return self.rng.randint(1, 45) if self.rng.random() < 0.7 else self.rng.randint(1000, max(1000, self.id - 1))

    def part(self):
        if self.place is not None and self.rng.random() < 0.9:
            return self.place
        return self.rng.choice([0, 0, 1, 2]) if self.partitioned else 0

    def bump(self):
        return self.kind.bump(self.column)
