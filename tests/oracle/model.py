"""What must come of each application write, as design.md says under "Dual writes". Pure.

A row is (a, b): the old and the new column. Every acknowledged write of the test is an Event with the row's incarnation and
version, which order the writes to one row exactly as the server did. Replaying them must give what each write saw, and
what the table contains at the end.
"""


class Shape:
    """A kind of pair: the columns' type, up and down as SQL and as Python, and values to write."""

    def __init__(self, name, column_type, up_sql, down_sql, up, down, value, bump, required=False):
        self.name, self.type = name, column_type
        self.up_sql, self.down_sql = up_sql, down_sql
        self._up, self._down = up, down
        self.value = value          # random → a value
        self.bump = bump            # value → SQL and Python of a relative update
        self.required = required    # NOT NULL DEFAULT: no NULL is written
        self.default = None         # of the old column
        self.new_default = None     # of the new one: carried over, through `up` where there is one

    def up(self, a):
        return None if a is None else self._up(a)

    def down(self, b):
        return None if b is None else self._down(b)


def increment(column):
    return f"{column} + 1", lambda v: v + 1


def exclaim(column):
    return f"{column} || 'x'", lambda v: v + "x"


def word(rng):
    return "".join(rng.choice("aBcDé ") for _ in range(rng.randint(0, 6)))


def number(rng):
    return rng.randint(0, 100000)


PLAIN = Shape("plain", "integer", None, None, lambda a: a, lambda b: b, number, increment)
LOSSY = Shape("lossy", "integer", "a * 10", "b / 10", lambda a: a * 10, lambda b: b // 10, number, increment)
CASES = Shape("cases", "text", "upper(a)", "lower(b)", None, None, word, exclaim)
REQUIRED = Shape("required", "integer", None, None, lambda a: a, lambda b: b, number, increment, required=True)
REQUIRED.default = REQUIRED.new_default = 5
DEFAULTED = Shape("defaulted", "integer", "a * 10", "b / 10", lambda a: a * 10, lambda b: b // 10, number, increment)
DEFAULTED.default, DEFAULTED.new_default = 5, 50
# In the C locale only ASCII letters change.
CASES._up = lambda a: "".join(c.upper() if c.isascii() else c for c in a)
CASES._down = lambda b: "".join(c.lower() if c.isascii() else c for c in b)

SHAPES = [PLAIN, LOSSY, CASES, REQUIRED, DEFAULTED]


def insert(shape, given, both):
    """`given`: what the INSERT says; a missing column takes its default."""
    a = given.get("a", shape.default)
    b = given.get("b", shape.new_default)
    if not both:
        return a, shape.up(a), False
    # A release that does not know a column leaves its default in it, or NULL where it has none: anything else was written.
    if b == shape.new_default:
        return a, shape.up(a), False
    if a == shape.default:
        return shape.down(b), b, False
    if b == shape.up(a):
        return a, b, False
    return shape.down(b), b, True


def update(shape, row, change, both):
    """`change`: column → value or function of the old value."""
    a, b = row
    new_a = value_of(change["a"], a) if "a" in change else a
    new_b = value_of(change["b"], b) if "b" in change else b
    if not both:
        return new_a, shape.up(new_a), False
    if new_a != a and new_b == b:
        return new_a, shape.up(new_a), False
    if new_a == a and new_b != b:
        return shape.down(new_b), new_b, False
    if new_a == a or new_b == shape.up(new_a):
        return new_a, new_b, False
    return shape.down(new_b), new_b, True


def upsert(shape, row, given, both):
    """SET column = EXCLUDED.column for every column given. EXCLUDED is the row as the triggers of INSERT have left it."""
    made = insert(shape, given, both)
    return update(shape, row, {column: made["ab".index(column)] for column in given}, both)


def alone(shape, row, change):
    """The old column is gone, and so are the triggers."""
    b = value_of(change["b"], row[1]) if "b" in change else row[1]
    return shape.down(b), b, False


def value_of(change, before):
    if callable(change):
        return None if before is None else change(before)
    return change


class Event:
    """One acknowledged write to one row."""

    __slots__ = ("key", "incarnation", "version", "what", "change", "seen", "release", "begun", "ended")

    def __init__(self, key, incarnation, version, what, change, seen, release, begun, ended):
        self.key, self.incarnation, self.version, self.what = key, incarnation, version, what
        self.change, self.seen, self.release, self.begun, self.ended = change, seen, release, begun, ended

    def __repr__(self):
        change = {k: "f(v)" if callable(v) else v for k, v in self.change.items()} if self.change else self.change
        return (f"<{self.release} {self.what} key={self.key} incarnation={self.incarnation} version={self.version} "
                f"change={change} seen={self.seen}>")


class Replay:
    """The history of one incarnation of one row."""

    def __init__(self, shape, resets, dropped=None):
        self.shape, self.resets, self.dropped = shape, resets, dropped
        self.certain = self.possible = 0    # conflicts between both columns of one write

    def run(self, events, problems):
        """Possible rows after all events, or None when it is deleted. `problems`: list of texts, added to."""
        rows, passed = None, 0
        for position, event in enumerate(events):
            if event.version != position + 1:
                problems.append(f"version {position + 1} is missing before {event!r}: a write nobody made, or one lost")
                return set()
            if rows is None:
                passed = sum(end < event.begun for _, end in self.resets)
            else:
                rows, passed = self._reset(rows, event, passed)
            if event.what == "delete":
                if position + 1 != len(events):
                    problems.append(f"{events[position + 1]!r} after {event!r}")
                return None
            ways = [way for way in self._apply(rows, event) if self._fits(way, event)]
            self.certain += bool(ways) and all(way[2] for way in ways)
            self.possible += any(way[2] for way in ways)
            fitting = {way[:2] for way in ways}
            if not fitting:
                ways = sorted({way[:2] for way in self._apply(rows, event)}, key=repr)
                problems.append(f"{event!r} should have seen one of {ways}")
                return set()
            rows = fitting
        return rows

    def _reset(self, rows, event, passed):
        """Between two periods of both releases the new column is made from the old one again."""
        while passed < len(self.resets) and event.begun > self.resets[passed][1]:
            rows = self.forced(rows)
            passed += 1
        if passed < len(self.resets) and event.ended >= self.resets[passed][0]:
            rows = rows | self.forced(rows)
        return rows, passed

    def forced(self, rows):
        return {(a, self.shape.up(a)) for a, _ in rows}

    def _apply(self, rows, event):
        """(a, b, conflict) of every way it may have gone."""
        # A new release runs only where both ways stand; an old one may not know.
        modes = (True,) if event.release == "new" else (False, True)
        out = set()
        for both in modes:
            if event.what == "insert":
                out.add(insert(self.shape, event.change, both))
            elif event.what == "upsert":
                out |= {upsert(self.shape, row, event.change, both) for row in rows}
            else:
                out |= {update(self.shape, row, event.change, both) for row in rows}
        if self.dropped is not None and event.ended >= self.dropped:
            out |= {alone(self.shape, row, event.change) for row in rows or {(None, self.shape.new_default)}}
        return out

    @staticmethod
    def _fits(row, event):
        return all(row["ab".index(column)] == value for column, value in event.seen.items())


def check(shape, events, table, columns, resets, conflicts=None, dropped=None):
    """Compares the history with the table's rows: (key, incarnation, version, a, b), columns not in `columns` are not looked
    at. `resets`: spans of time in which the new column was made from the old one again; `dropped`: when the old one may have gone
    permanently. Returns problems, [] when every acknowledged write is found and nothing else."""
    problems = []
    history = {}
    for event in events:
        history.setdefault((event.key, event.incarnation), []).append(event)
    replay = Replay(shape, resets, dropped)
    standing = {(key, incarnation): (version, a, b) for key, incarnation, version, a, b in table}
    if len(standing) != len(table):
        problems.append("a key stands twice in the table")
    for name, listed in history.items():
        listed.sort(key=lambda e: (e.version, e.what == "delete"))
        rows = replay.run(listed, problems)
        found = standing.pop(name, None)
        if rows is None:
            if found is not None:
                problems.append(f"row {name} was deleted and is there: {found}")
            continue
        if found is None:
            problems.append(f"row {name} is lost; last write {listed[-1]!r}")
            continue
        if found[0] != listed[-1].version:
            problems.append(f"row {name} has version {found[0]}, the last acknowledged one is {listed[-1].version}")
            continue
        if resets and listed[-1].ended < resets[-1][1]:
            rows = rows | replay.forced(rows)
        if rows and not any(all(row["ab".index(c)] == found[1 + "ab".index(c)] for c in columns) for row in rows):
            problems.append(f"row {name} is {found[1:]} in columns {columns}, allowed {sorted(rows, key=repr)}; "
                            f"last write {listed[-1]!r}")
    for name, found in standing.items():
        problems.append(f"row {name} is there and nobody wrote it: {found}")
    if conflicts is not None and not problems and not replay.certain <= conflicts <= replay.possible:
        problems.append(f"{conflicts} conflicts are recorded, between {replay.certain} and {replay.possible} happened")
    return problems
