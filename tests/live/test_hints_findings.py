"""Hints of findings, followed: the plan is changed, or the statement run, as the hint says, and the finding is gone and nothing worse has come.

Not here, since other tests follow them: rights (test_hints_database), dual-write-path (test_paths), other triggers, overlaps, and what `accept`
acknowledges (test_dependents, test_properties, test_relations).
"""
import copy
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

TABLE = "CREATE TABLE t (id integer PRIMARY KEY, a integer, n integer, s text, twice integer GENERATED ALWAYS AS (n * 2) STORED)"
ADD = {"kind": "add_column", "column": "b", "type": "integer"}
DUAL = {"kind": "dual_write", "from": "a", "to": "b"}
FILL, VERIFY = {"kind": "backfill"}, {"kind": "verify"}
PURGE = {"kind": "purge", "where": "n < 5"}
SWITCH, DROP = {"kind": "switch", "gate": "manual"}, {"kind": "drop_column", "column": "a", "hold": "7d", "gate": "manual"}
RENAME = [ADD, DUAL, FILL, VERIFY, SWITCH, DROP]
MERGE = [ADD, {"kind": "dual_write", "from": ["a", "c"], "to": "b", "up": "a + c", "down": {"a": "b - 1", "c": "1"}}, FILL, VERIFY, SWITCH,
         {"kind": "drop_column", "column": "c", "hold": "1h", "id": "first", "gate": "manual"}]


def rename(**changes):
    """The phases of a rename, with other keys in the phase of a kind: rename(switch={"swap_names": True})."""
    return [{key: value for key, value in {**phase, **changes.get(phase["kind"], {})}.items() if value is not None} for phase in RENAME]


def without(phases, kind):
    return [phase for phase in phases if phase["kind"] != kind]


def moved(phases, kind, after):
    """The phase of a kind, after another one."""
    rest = without(phases, kind)
    at = next(i for i, phase in enumerate(rest) if phase["kind"] == after) + 1
    return rest[:at] + [phase for phase in phases if phase["kind"] == kind] + rest[at:]


MOVED = "CREATE OR REPLACE FUNCTION public.{0}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.{1} := NEW.{1}; RETURN NEW; END'"
MOVED_ONE_BY_ONE = "".join(f"{MOVED.format(name, 'a')};CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION {name}();" for name in "fg")


def with_moved(*acts):
    """After the switch, phases that each replace some functions."""
    phases = [{"kind": "sql", "act": [MOVED.format(name, "b") for name in act], "undo": [MOVED.format(name, "a") for name in act]} for act in acts]
    rest = rename(backfill={"other_triggers": "skip"}, drop_column={"accept": ["f", "g"]})
    return rest[:-1] + phases + rest[-1:]


# Rule, SQL before, the plan's phases, what the hint says (its group is handed on), what is done: other phases, or SQL as a text.
CASES = [
    ("add-column-volatile-default", "", [{**ADD, "default": "(random() * 9)::integer"}], "set the default and backfill in phases of their own",
     lambda said: [ADD, {"kind": "sql", "act": "ALTER TABLE public.t ALTER b SET DEFAULT (random() * 9)::integer", "undo": "ALTER TABLE public.t ALTER b DROP DEFAULT"},
                   {"kind": "backfill", "set": {"b": "(random() * 9)::integer"}}]),
    ("add-column-serial", "", [{**ADD, "type": "bigserial"}], "add a nullable (bigint)", lambda said: [{**ADD, "type": said}]),
    ("add-column-not-null", "", [{**ADD, "not_null": True}], 'add a phase of kind "(set_not_null)" after the backfill',
     lambda said: [ADD, {"kind": "backfill", "set": {"b": "1"}}, {"kind": said, "column": "b"}]),
    ("add-column-exists", "ALTER TABLE t ADD b integer", rename(), "remove the phase", lambda said: rename()[1:]),
    ("add-column-type", "CREATE SCHEMA lib; CREATE TYPE lib.mood AS ENUM ('x')", [{**ADD, "type": "mood"}], "write it with its schema",
     lambda said: [{**ADD, "type": "lib.mood"}]),
    ("backfill-without-dual-write", "", [FILL], 'say what to fill: (set) = ', lambda said: [{**FILL, said: {"a": "1"}}]),
    ("backfill-after-switch", "", moved(rename(), "backfill", "switch"), "put it before the switch", lambda said: rename()),
    ("backfill-reads-itself", "", [{**FILL, "set": {"a": "a + 1"}}], r'add a \\?"(where)\\?" that no longer holds',
     lambda said: [{**FILL, "set": {"a": "a + 1", "n": "1"}, said: "n IS NULL"}]),
    ("backfill-indexed", "CREATE INDEX i ON t (a)", [{**FILL, "set": {"a": "1"}}], "create the index after the backfill",
     lambda said: "DROP INDEX i"),
    ("backfill-stripes", "", [{**FILL, "set": {"a": "1"}, "stripes": 12}], r"1, 2, 4, (8), 16 or 32", lambda said: [{**FILL, "set": {"a": "1"}, "stripes": int(said)}]),
    ("create-index-empty", "", [{"kind": "create_index", "name": "i"}], r'say (columns) = ', lambda said: [{"kind": "create_index", "name": "i", said: ["a"]}]),
    ("create-index-exists", "CREATE INDEX i ON t (a)", [{"kind": "create_index", "name": "i", "columns": "a"}, {"kind": "drop_not_null", "column": "a"}],
     "remove the phase", lambda said: [{"kind": "drop_not_null", "column": "a"}]),
    ("drop-column-in-step", "", without(rename(), "switch"), "put a (switch) before it", lambda said: rename()),
    ("drop-column-hold-ended", "ALTER TABLE t ADD c integer", MERGE + [DROP], "leave (hold) out here", lambda said: MERGE + [{k: v for k, v in DROP.items() if k != said}]),
    ("drop-column-without-gate", "", rename(drop_column={"gate": None}), 'gate = "(manual)"', lambda said: rename(drop_column={"gate": said})),
    ("drop-column-without-hold", "", [{k: v for k, v in DROP.items() if k != "hold"}], 'hold = "(7d)"', lambda said: [{**DROP, "hold": said}]),
    ("drop-column-primary-key", "", [{**DROP, "column": "id"}], "move the primary key first",
     lambda said: "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ALTER n SET NOT NULL; ALTER TABLE t ADD PRIMARY KEY (n)"),
    ("drop-index-missing", "CREATE INDEX items_a ON t (a)", [{"kind": "drop_index", "name": "item_a"}], r'did you mean "(\w+)"', lambda said: [{"kind": "drop_index", "name": said}]),
    ("dual-write-rules", "ALTER TABLE t ADD c integer", rename(dual_write={"to": ["b", "c"], "up": "a", "down": "b"}), r"write a table: \{ column",
     lambda said: rename(dual_write={"to": ["b", "c"], "up": {"b": "a", "c": "a"}, "down": "b"})),
    ("dual-write-count", "ALTER TABLE t ADD c integer", rename(dual_write={"to": ["b", "c"]}), "say up and down",
     lambda said: rename(dual_write={"to": ["b", "c"], "up": {"b": "a", "c": "a"}, "down": "b"})),
    ("dual-write-direction", "", rename(dual_write={"up": "a + 1"}), "the old column must follow the new one", lambda said: rename(dual_write={"up": "a + 1", "down": "b - 1"})),
    ("dual-write-trigger-order", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     'CREATE TRIGGER "~~~~~z" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()', rename(), "rename it: triggers fire in the order of their names",
     lambda said: 'ALTER TRIGGER "~~~~~z" ON t RENAME TO z'),
    ("dual-write-reads-generated", "", rename(dual_write={"from": ["n"], "up": "twice", "down": "b / 2"}, drop_column={"column": "s"}), "write its expression out",
     lambda said: rename(dual_write={"from": ["n"], "up": "n * 2", "down": "b / 2"}, drop_column={"column": "s"})),
    ("dual-write-reads", "", rename(dual_write={"up": "a + n", "down": "b"}), 'add it to "(from)"',
     lambda said: rename(dual_write={said: ["a", "n"], "up": "a + n", "down": {"a": "b", "n": "0"}})),
    ("dual-write-volatile", "ALTER TABLE t ADD at timestamp", rename(add_column={"type": "timestamptz"}, dual_write={"from": "at", "up": "at::timestamptz", "down": "b::timestamp"},
                                                                     drop_column={"column": "at"}), "(AT TIME ZONE 'UTC')",
     lambda said: rename(add_column={"type": "timestamptz"}, dual_write={"from": "at", "up": f"at {said}", "down": f"b {said}"}, drop_column={"column": "at"})),
    ("dual-write-without-backfill", "", [ADD, DUAL], 'put a phase of kind "(backfill)" after it', lambda said: [ADD, DUAL, {"kind": said}]),
    ("dual-write-without-drop", "", rename()[:5], r'end the plan with a phase of kind "(drop_column)" for "a"', lambda said: rename()[:5] + [{**DROP, "kind": said}]),
    ("dual-write-partition", "CREATE TABLE parts (id integer, a integer) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF parts DEFAULT", ("public.p1", [DUAL, FILL]),
     "name the partitioned table itself", lambda said: ("public.parts", [ADD, DUAL, FILL])),
    ("switch-before-backfill", "", without(without(rename(), "backfill"), "verify"), 'put phases of kind "backfill" and "verify" before it', lambda said: rename()),
    ("switch-without-verify", "", without(rename(), "verify"), 'put a phase of kind "verify" between backfill and switch', lambda said: rename()),
    ("switch-without-gate", "", rename(switch={"gate": None}), 'gate = "(manual)"', lambda said: rename(switch={"gate": said})),
    ("switch-default", "ALTER TABLE t ADD b integer DEFAULT (random() * 9)", rename()[1:], "drop the default", lambda said: "ALTER TABLE t ALTER b DROP DEFAULT"),
    ("switch-sequence", "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ADD b integer GENERATED BY DEFAULT AS IDENTITY", rename()[1:],
     "add the identity when the old column is gone", lambda said: "ALTER TABLE t ALTER b DROP IDENTITY"),
    ("switch-not-null", "ALTER TABLE t ALTER a SET NOT NULL", rename(dual_write={"up": "a + 1", "down": "b - 1"}), r'one of kind "(drop_not_null)" for "a" before the switch',
     lambda said: rename(dual_write={"up": "a + 1", "down": "b - 1"})[:4] + [{"kind": said, "column": "a"}] + rename()[4:]),
    ("switch-trigger-order", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := NEW.a; RETURN NEW; END';"
     'CREATE TRIGGER "!!!!a" BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()',
     rename(backfill={"other_triggers": "fire"}, drop_column={"accept": ['"!!!!a"', "later"]}), "rename it: triggers fire in the order of their names",
     lambda said: 'ALTER TRIGGER "!!!!a" ON t RENAME TO later'),
    ("verify-without-dual-write", "", [VERIFY], "say what must hold: (condition) = ", lambda said: [{**VERIFY, said: "id > 0"}]),
    ("verify-after-switch", "", moved(rename(), "verify", "switch"), "put it before the switch", lambda said: rename()),
    ("verify-before-backfill", "", moved(rename(), "backfill", "verify"), 'put a phase of kind "backfill" before it', lambda said: rename()),
    ("backfill-rule", "CREATE RULE quiet AS ON UPDATE TO t DO ALSO NOTHING", [{**FILL, "set": {"a": "1"}}], r"(ALTER TABLE \S+ DISABLE RULE \S+)", lambda said: said),
    ("purge-rule", "CREATE RULE quiet AS ON DELETE TO t DO ALSO NOTHING", [PURGE], r"(ALTER TABLE \S+ DISABLE RULE \S+)", lambda said: said),
    ("purge-skip-check", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
     "CREATE CONSTRAINT TRIGGER look AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()", [{**PURGE, "other_triggers": "skip"}],
     r'(other_triggers) = "fire"', lambda said: [{**PURGE, said: "fire"}]),
    ("purge-other-triggers", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';"
     "CREATE TRIGGER look BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()", [PURGE], r'(other_triggers) = "fire"', lambda said: [{**PURGE, said: "fire"}]),
    ("purge-by-index", "", [{**PURGE, "by": "n"}], r'a phase of kind "(create_index)" or by hand', lambda said: "CREATE INDEX ON t (n)"),
    ("purge-by-unused", "CREATE INDEX ON t (a)", [{**PURGE, "by": "a"}], "(leave \"by\" out)", lambda said: [PURGE]),
    ("purge-referenced-index", "CREATE TABLE o (t integer REFERENCES t)", [PURGE], r"(CREATE INDEX CONCURRENTLY ON .*)$", lambda said: said),
    ("purge-replica-identity", "CREATE TABLE bare (id integer, n integer); CREATE PUBLICATION p FOR TABLE bare", ("public.bare", [PURGE]),
     r"ALTER TABLE … (REPLICA IDENTITY FULL)", lambda said: f"ALTER TABLE bare {said}"),
    ("backfill-skip-check", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
     "CREATE CONSTRAINT TRIGGER look AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()", [{**FILL, "set": {"a": "1"}, "other_triggers": "skip"}],
     r"(ALTER TABLE \S+ ENABLE ALWAYS TRIGGER \S+)", lambda said: said),
    ("table-typed", "CREATE TYPE kind AS (id integer, a integer); CREATE TABLE typed OF kind", ("public.typed", [ADD]), r"ALTER TABLE … (NOT OF)",
     lambda said: f"ALTER TABLE typed {said}"),
    ("table-partition", "CREATE TABLE parts (id integer, a integer) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF parts DEFAULT", ("public.p1", [ADD]),
     "name the partitioned table itself", lambda said: ("public.parts", [ADD])),
    ("column-inherited", "CREATE TABLE above (id integer, a integer); CREATE TABLE below () INHERITS (above)", ("public.below", [DROP]), r"ALTER TABLE … (NO INHERIT) first",
     lambda said: f"ALTER TABLE below {said} above"),
    ("table-inheritance", "CREATE TABLE above (id integer, a integer); CREATE TABLE below () INHERITS (above)", ("public.above", [{**FILL, "set": {"a": "1"}}]),
     r"after ALTER TABLE … (NO INHERIT)", lambda said: f"ALTER TABLE below {said} above"),
    ("backfill-replica-identity", "CREATE TABLE bare (id integer, a integer); CREATE PUBLICATION p FOR TABLE bare", ("public.bare", [{**FILL, "set": {"a": "1"}}]),
     r"ALTER TABLE … (REPLICA IDENTITY FULL)", lambda said: f"ALTER TABLE bare {said}"),
    ("plan-recurring", "", ("public.t", [ADD, PURGE], {"recurring": True}), "put it into a plan of its own", lambda said: ("public.t", [PURGE], {"recurring": True})),
    ("plan-published-state", "CREATE PUBLICATION p FOR ALL TABLES", [{**FILL, "set": {"a": "1"}}], "publish the tables by name", lambda said: "DROP PUBLICATION p; CREATE PUBLICATION p FOR TABLE t"),
    ("drop-column-replica-identity", "CREATE TABLE r (id integer PRIMARY KEY, a integer NOT NULL, b integer NOT NULL); CREATE UNIQUE INDEX ra ON r (a);"
     "CREATE UNIQUE INDEX rb ON r (b); ALTER TABLE r REPLICA IDENTITY USING INDEX ra", ("public.r", [{**DROP, "accept": ["ra"]}]),
     r"ALTER TABLE … (REPLICA IDENTITY) on another index first", lambda said: f"ALTER TABLE r {said} USING INDEX rb"),
    ("backfill-order-heap", "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE o (id integer PRIMARY KEY, a integer) USING other",
     ("public.o", [{**FILL, "set": {"a": "1"}, "order": "heap"}]), 'leave "order" out', lambda said: ("public.o", [{**FILL, "set": {"a": "1"}}])),
    ("backfill-order-keyset", "CREATE TABLE o (id integer, a integer)", ("public.o", [{**FILL, "set": {"a": "1"}, "order": "keyset"}]), "(a primary key will do|primary key)",
     lambda said: "ALTER TABLE o ADD PRIMARY KEY (id)"),
    ("drop-column-published", "ALTER TABLE t ALTER a SET NOT NULL; CREATE PUBLICATION p FOR TABLE t", [{**DROP, "hold": None}], r'say (accept = \["[^"]*"\])',
     lambda said: [{**DROP, "hold": None, "accept": re.search(r'\["([^"]*)"\]', said).group(1)}]),
    ("add-column-collation", "CREATE COLLATION \"Big\" FROM \"C\"", [{"kind": "add_column", "column": "b", "type": "text", "collation": "Big"}],
     "one with capitals is written collation = ", lambda said: [{"kind": "add_column", "column": "b", "type": "text", "collation": 'public."Big"'}]),
    ("add-column-published", "CREATE PUBLICATION p FOR TABLE t", [ADD], r'say (accept = \["[^"]*"\])',
     lambda said: [{**ADD, "accept": re.search(r'\["([^"]*)"\]', said).group(1)}]),
    ("create-index-partitioned", "CREATE TABLE parts (id integer, a integer) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF parts DEFAULT",
     ("public.parts", [{"kind": "create_index", "name": "i", "columns": "a"}]), "create it on each partition by a plan of its own",
     lambda said: ("public.p1", [{"kind": "create_index", "name": "i", "columns": "a"}])),
    ("drop-index-bound", "", [{"kind": "drop_index", "name": "t_pkey"}], "remove that first", lambda said: "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE INDEX t_pkey ON t (a)"),
    ("dual-write-indexed", "ALTER TABLE t ADD b integer; CREATE INDEX i ON t (b)", rename()[1:], "create the index after the backfill",
     lambda said: "DROP INDEX i"),
    ("dual-write-null", "ALTER TABLE t ADD b integer NOT NULL", rename()[1:], r"let the new column be nullable; (set_not_null) after the backfill proves it",
     lambda said: "ALTER TABLE t ALTER b DROP NOT NULL"),
    ("dual-write-overlap", "ALTER TABLE t ADD c integer", rename()[:5] + [{"kind": "dual_write", "from": "a", "to": "c"}, FILL, VERIFY, {**SWITCH, "id": "again"}, DROP],
     r"(drop_column|its own plan|a plan of its own|another plan)", lambda said: rename()),
    ("index-invalid", "CREATE INDEX i ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass", [{**FILL, "set": {"n": "1"}}],
     r"(DROP INDEX|REINDEX)", lambda said: f"{said} {'' if said == 'DROP INDEX' else 'INDEX '}i"),
    ("swap-comment", "COMMENT ON COLUMN t.a IS 'old'; ALTER TABLE t ADD b integer", rename(switch={"swap_names": True}, drop_column={"column": "b"})[1:], r'say (accept = \["[^"]*"\]) and set the comment again',
     lambda said: rename(switch={"swap_names": True, "accept": re.search(r'\["([^"]*)"\]', said).group(1)}, drop_column={"column": "b"})[1:]),
    ("swap-grant", "GRANT SELECT (a) ON t TO PUBLIC; ALTER TABLE t ADD b integer", rename(switch={"swap_names": True}, drop_column={"column": "b"})[1:],
     "grant the same on both columns", lambda said: "GRANT SELECT (b) ON t TO PUBLIC"),
    ("swap-published", "CREATE PUBLICATION p FOR TABLE t", rename(add_column={"accept": "t"}, switch={"swap_names": True}, drop_column={"column": "b", "hold": None}),
     r'say (accept = \["[^"]*"\])', lambda said: rename(add_column={"accept": "t"}, switch={"swap_names": True, "accept": re.search(r'\["([^"]*)"\]', said).group(1)},
                                                      drop_column={"column": "b", "hold": None})),
    ("sweep-no-order", "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE o (id integer, a integer) USING other",
     ("public.o", [{**VERIFY, "condition": "a > 0"}]), "a primary key will do", lambda said: "ALTER TABLE o ADD PRIMARY KEY (id)"),
    ("switch-grant", "GRANT SELECT (a) ON t TO PUBLIC; ALTER TABLE t ADD b integer", rename()[1:], "grant the same on the new column", lambda said: "GRANT SELECT (b) ON t TO PUBLIC"),
    ("switch-on-conflict", "ALTER TABLE t ADD b integer; CREATE UNIQUE INDEX ua ON t (a); CREATE UNIQUE INDEX ub ON t (b)", rename(drop_column={"accept": "ua"})[1:],
     r'say (accept = \["[^"]*"\])', lambda said: rename(switch={"accept": re.search(r'\["([^"]*)"\]', said).group(1)}, drop_column={"accept": "ua"})[1:]),
    ("table-foreign-partition", "CREATE TABLE parts (id integer, a integer) PARTITION BY LIST (id); CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
     "CREATE FOREIGN TABLE far PARTITION OF parts DEFAULT SERVER s", ("public.parts", [ADD]), "detach it first", lambda said: "ALTER TABLE parts DETACH PARTITION far"),
    ("sql-unqualified", "", [{"kind": "sql", "act": "UPDATE t SET a = 1", "undo": "SELECT 1"}], r"write it with its schema: (public\.)",
     lambda said: [{"kind": "sql", "act": f"UPDATE {said}t SET a = 1", "undo": "SELECT 1"}]),
    ("sql-count", "", [{"kind": "sql", "transaction": False, "act": "SELECT 1; SELECT 2", "undo": "SELECT 1", "probe": "SELECT true"}], "write a phase for each",
     lambda said: [{"kind": "sql", "id": f"n{n}", "transaction": False, "act": f"SELECT {n}", "undo": "SELECT 1", "probe": "SELECT true"} for n in (1, 2)]),
    ("sql-probe", "", [{"kind": "sql", "transaction": False, "act": "SELECT 1", "undo": "SELECT 1"}], r'(probe) = \\?"SELECT …',
     lambda said: [{"kind": "sql", "transaction": False, "act": "SELECT 1", "undo": "SELECT 1", said: "SELECT true"}]),
    ("sql-half-moved", MOVED_ONE_BY_ONE, with_moved(["f"], ["g"]), "(replace them in one phase)", lambda said: with_moved(["f", "g"])),
    ("sql-irreversible", "", [{"kind": "sql", "act": "SELECT 1"}], r'(undo) = ', lambda said: [{"kind": "sql", "act": "SELECT 1", said: "SELECT 1"}]),
]


class Findings(LiveCase):
    def lint(self, what):
        table, phases, *head = what if isinstance(what, tuple) else ("public.t", what)
        return self.tidemark("lint", "--db", self.plan(plans.plan("p", table, copy.deepcopy(phases), head=head[0] if head else None)))

    def errors(self, result):
        return {line.rsplit("[", 1)[1].rstrip("]") for line in result.out.splitlines() if ": error: " in line}

    def follow(self, rule, before, phases, said, done):
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS lib CASCADE; DROP PUBLICATION IF EXISTS p;"
                     "DROP ACCESS METHOD IF EXISTS other CASCADE;" + TABLE + ";" + before)
        result = self.lint(phases)
        lines = result.out.splitlines()
        at = [number for number, line in enumerate(lines) if line.endswith(f"[{rule}]")]
        self.assertTrue(at, result)
        hint = re.search(said, lines[at[0] + 1])
        self.assertTrue(hint, lines[at[0]:at[0] + 2])
        cure = done(hint.group(1) if hint.lastindex else None)
        if isinstance(cure, str):
            self.execute(cure)
            cure = phases
        after = self.lint(cure)
        self.assertNotIn(f"[{rule}]", after.out)
        self.assertEqual(self.errors(after), set(), f"followed: {hint.group(0)}\n{after}")

    @limit(180)
    def test_each_hint_makes_its_finding_go_away(self):
        for case in CASES:
            with self.subTest(case[0]):
                self.follow(*case)


if __name__ == "__main__":
    main()
