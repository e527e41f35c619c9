"""An independent look at a database after (or in the middle of) a rename: SQL only, nothing from the tool.

    found = verifier.look(conn, "public.items", "qty", "quantity", plan="rename")
    found.check()          # raises when state rows, catalog objects and data do not say the same

What it knows of the tool is only what design.md promises: the state schema, triggers that sort last and are ENABLE ALWAYS, and
a CHECK as the proof.
"""
from harness.plans import PHASES, ident


def one(conn, text, args=None):
    with conn.cursor() as cursor:
        cursor.execute(text, args)
        row = cursor.fetchone()
        return row[0] if row else None


def many(conn, text, args=None):
    with conn.cursor() as cursor:
        cursor.execute(text, args)
        return cursor.fetchall()


class Look:
    """The facts, as read in one snapshot."""

    def __init__(self):
        self.phases, self.run, self.columns, self.triggers, self.checks, self.functions = {}, None, [], [], [], []
        self.differing = None
        self.table = self.old = self.new = None
        self.indexes_invalid = []

    def __str__(self):
        return (f"run={self.run} phases={self.phases} columns={self.columns} triggers={self.triggers} "
                f"checks={self.checks} functions={self.functions} differing={self.differing}")

    def fail(self, text):
        raise AssertionError(f"{text}\n{self}")

    def done(self, kind):
        return self.phases.get(kind) == "done"

    def settled(self):
        """No phase is half done."""
        return all(state in ("done", "pending", "waiting") for state in self.phases.values())

    def check(self):
        """State rows = objects in the catalog, where no phase is in the middle."""
        if self.differing:
            self.fail(f"{self.differing} rows differ although the pair is kept in step")
        if not self.settled():
            return self
        expected = {
            "old column": (self.old in self.columns, not self.done("drop_column") and not self.held()),
            "new column": (self.new in self.columns, self.done("add_column")),
            "triggers": (bool(self.triggers), self.done("dual_write") and not self.done("drop_column")),
            "proof": (bool(self.checks), self.done("verify") and not self.done("switch")),
            "invalid index": (bool(self.indexes_invalid), False),
        }
        for what, (found, wanted) in expected.items():
            if found != wanted:
                self.fail(f"{what}: {'there' if found else 'missing'}, but the phase rows say otherwise")
        for name, enabled in self.triggers:
            if enabled != "A":
                self.fail(f"trigger {name} is not ENABLE ALWAYS")
        if not any(self.done(kind) for kind in ("dual_write",)) and self.functions:
            self.fail("functions are left")
        if self.done("drop_column") and self.functions:
            self.fail("functions are left")
        return self

    def held(self):
        """The hold of drop_column has begun: the old column stands under another name."""
        return self.phases.get("drop_column") in ("running", "undoing")


def look(conn, table, old, new, plan=None, up=None):
    """`up`: SQL over the row, default the old column itself."""
    found = Look()
    found.table, found.old, found.new = table, old, new
    oid = one(conn, "SELECT to_regclass(%s)::oid", (table,))
    found.columns = [row[0] for row in many(
        conn, "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (oid,))]
    found.triggers = many(conn, "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal"
                                " AND tgname LIKE '~~~~%%' ORDER BY 1", (oid,))
    found.checks = many(conn, "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = %s AND contype = 'c'"
                              " AND conname ~ 'tide'", (oid,))
    found.indexes_invalid = many(conn, "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s"
                                       " AND NOT indisvalid", (oid,))
    if one(conn, "SELECT to_regclass('tidemark.run') IS NOT NULL"):
        found.run = (many(conn, "SELECT id, state, direction, owner, fence FROM tidemark.run WHERE plan = %s"
                                " ORDER BY id DESC LIMIT 1", (plan,)) or [None])[0]
        if found.run is not None:
            found.phases = dict(many(conn, "SELECT kind, state FROM tidemark.phase WHERE run = %s ORDER BY ordinal",
                                     (found.run[0],)))
    # Functions of ours that stand outside of pg_catalog and fire, or fired, for this table.
    found.functions = many(
        conn, "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
              " WHERE p.prorettype = 'trigger'::regtype AND (n.nspname = 'tidemark' OR p.proname ~ '^_*tide')"
              " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid AND t.tgrelid <> %s)", (oid,))
    if old in found.columns and new in found.columns and found.done("backfill"):
        expression = up or ident(old)
        found.differing = one(conn, f"SELECT count(*) FROM {table} WHERE {ident(new)} IS DISTINCT FROM ({expression})")
    return found


def sweep_facts(conn, plan):
    """Counters of the segments of the latest run."""
    rows = many(conn, "SELECT coalesce(sum(s.changed), 0), coalesce(sum(s.rows_seen), 0), count(*), coalesce(max(s.batches), 0)"
                      " FROM tidemark.segment s JOIN tidemark.run r ON r.id = s.run WHERE r.plan = %s", (plan,))
    return dict(zip(("changed", "seen", "segments", "batches"), (int(v) for v in rows[0])))


assert PHASES[0] == "add_column"
