"""What depends on a column of a real application's table: found before anything is done, in partitions and in the functions
of triggers too, or carried over."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402

PLAIN = "CREATE TABLE t (id integer PRIMARY KEY, a integer, twice integer); INSERT INTO t (id, a) SELECT i, i FROM generate_series(1, 50) i;"
PARTS = """
CREATE TABLE t (id integer, a integer, p integer, twice integer) PARTITION BY LIST (p);
CREATE TABLE t1 (p integer, twice integer, a integer, id integer);
ALTER TABLE t ATTACH PARTITION t1 FOR VALUES IN (1);
CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);
INSERT INTO t (id, a, p) SELECT i, i, 1 + i % 2 FROM generate_series(1, 50) i;
"""


class DependentCase(LiveCase):
    def rename(self, column_type="integer", phases=(), swap=None, accept=None, drop_accept=None, **more):
        """A rename with phases of its own between backfill and verify."""
        old, new = "a", "b"
        all_phases = plans.rename_phases(old, new, column_type, other_triggers="fire", switch="manual", drop_column="manual", **more)
        all_phases[4]["swap_names"] = swap
        all_phases[4]["accept"] = accept
        if swap:
            all_phases[5]["column"] = new
        all_phases[5]["accept"] = drop_accept
        return self.plan(plans.plan("p", "public.t", all_phases[:3] + list(phases) + all_phases[3:]))

    def rules(self, path):
        """The rules of the errors that the review finds."""
        result = self.tidemark("lint", "--db", path)
        return sorted(line.rsplit("[", 1)[1].split("]")[0] for line in result.out.splitlines() if " error: " in line)


TRIGGER = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN %s RETURN NULL; END$$;
    CREATE TRIGGER x AFTER UPDATE %s ON t FOR EACH ROW %s EXECUTE FUNCTION f();"""
DEPENDENT, UNIQUE, CONSTRAINT = ["drop-column-dependent"], ["switch-unique"], ["switch-constraint"]
SWAP = ["swap-dependent"]

# Each row of the inventory that is an object: how it is made, and the errors when only the drop accepts it, at a switch and at an
# exchange of names; when only the switch accepts it; and for a drop that is alone in its plan.
EVERY_KIND = [
    ("index", "CREATE INDEX x ON t (a)", [], ["swap-index"], DEPENDENT, DEPENDENT),
    ("unique index", "CREATE UNIQUE INDEX x ON t (a)", UNIQUE, UNIQUE, DEPENDENT, DEPENDENT),
    ("primary key", "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD CONSTRAINT x PRIMARY KEY (a)",
     CONSTRAINT, CONSTRAINT, ["drop-column-primary-key"], ["drop-column-primary-key"]),
    ("unique constraint", "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a)", CONSTRAINT, CONSTRAINT, DEPENDENT, DEPENDENT),
    ("exclusion constraint", "ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING btree (a WITH =)", CONSTRAINT, CONSTRAINT, DEPENDENT, DEPENDENT),
    ("check constraint", "ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0)", CONSTRAINT, CONSTRAINT, DEPENDENT, DEPENDENT),
    ("foreign key", "CREATE TABLE u (id integer PRIMARY KEY); INSERT INTO u SELECT a FROM t; ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES u",
     CONSTRAINT, CONSTRAINT, DEPENDENT, DEPENDENT),
    # With the unique constraint that it needs.
    ("foreign key of another table", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a); CREATE TABLE u (z integer CONSTRAINT x REFERENCES t (a))",
     CONSTRAINT * 2, CONSTRAINT * 2, DEPENDENT * 2, DEPENDENT * 2),
    ("view", "CREATE VIEW x AS SELECT a FROM t", [], SWAP, DEPENDENT, DEPENDENT),
    ("rule", "CREATE RULE x AS ON INSERT TO t WHERE NEW.a < 0 DO NOTHING", [], SWAP, DEPENDENT, DEPENDENT),
    ("policy", "CREATE POLICY x ON t USING (a > 0)", [], SWAP, DEPENDENT, DEPENDENT),
    # Given to the new column, where there is one.
    ("trigger columns", TRIGGER % ("", "OF a", ""), [], [], [], DEPENDENT),
    ("trigger condition", TRIGGER % ("", "", "WHEN (OLD.a IS DISTINCT FROM NEW.a)"), [], SWAP, DEPENDENT, DEPENDENT),
    ("trigger function", TRIGGER % ("PERFORM NEW.a;", "", ""), [], SWAP, DEPENDENT, DEPENDENT),
    ("function", "CREATE FUNCTION x() RETURNS bigint LANGUAGE sql AS 'SELECT sum(a) FROM public.t'", [], SWAP, DEPENDENT, DEPENDENT),
    ("function body", "CREATE FUNCTION x() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(a) FROM t; END", [], SWAP, DEPENDENT, DEPENDENT),
    ("generated column", "ALTER TABLE t ADD x integer GENERATED ALWAYS AS (a + 1) STORED", [], SWAP, DEPENDENT, DEPENDENT),
    ("statistics", "CREATE STATISTICS x ON a, twice FROM t", [], SWAP, DEPENDENT, DEPENDENT),
    # From PostgreSQL 15 on.
    ("publication", "CREATE PUBLICATION x FOR TABLE t (id, a)", [], [*SWAP, "swap-published"], DEPENDENT, DEPENDENT),
    ("partition key", "DROP TABLE t; CREATE TABLE t (id integer, a integer, twice integer) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t DEFAULT",
     ["switch-partition-key"], SWAP, ["switch-partition-key"], DEPENDENT),
    ("sequence", "CREATE SEQUENCE x OWNED BY t.a; ALTER TABLE t ALTER a SET DEFAULT nextval('x')",
     ["switch-sequence"], ["switch-sequence"], ["switch-sequence"], DEPENDENT),
]


class EveryKind(DependentCase):
    def test_each_row_of_the_inventory_decides_what_is_refused(self):
        for kind, ddl, at_switch, at_swap, at_drop, alone in EVERY_KIND:
            if kind == "publication" and self.conn.server_version < 150000:
                continue
            self.execute("DROP TABLE IF EXISTS t CASCADE; DROP TABLE IF EXISTS u; DROP FUNCTION IF EXISTS f(), x(); DROP PUBLICATION IF EXISTS x;"
                         + PLAIN + ddl)
            names = ["x", "k", "t"]
            alone_in_its_plan = plans.plan("q", "public.t", [{"kind": "drop_column", "column": "a"}])
            for moment, path, want in (("switch", lambda: self.rename(drop_accept=names), at_switch),
                                       ("swap", lambda: self.rename("bigint", swap=True, drop_accept=names), at_swap),
                                       ("drop", lambda: self.rename(accept=names), at_drop),
                                       ("drop alone", lambda: self.plan(alone_in_its_plan), alone)):
                with self.subTest(kind=kind, moment=moment):
                    self.assertEqual(self.rules(path()), want)


class Triggers(DependentCase):
    def test_a_function_that_names_the_column_is_found_through_its_trigger(self):
        """None of them names the table."""
        self.execute(PLAIN)
        self.execute("""
            CREATE FUNCTION row_reader() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.twice := NEW.A * 2; RETURN NEW; END$$;
            CREATE FUNCTION new_rows() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM (SELECT max(n.a) FROM n); RETURN NULL; END$$;
            CREATE FUNCTION by_argument() RETURNS trigger LANGUAGE plpgsql AS
                $$BEGIN EXECUTE format('SELECT $1.%I', TG_ARGV[0]) USING NEW; RETURN NEW; END$$;
            CREATE FUNCTION innocent() RETURNS trigger LANGUAGE plpgsql AS
                $$BEGIN /* not a */ NEW.twice := 1; -- nor a
                RETURN NEW; END$$;""")
        for create, name in (
                ("BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION row_reader()", "row_reader"),
                ("AFTER UPDATE ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION new_rows()", "new_rows"),
                ("BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION by_argument('a')", "by_argument")):
            self.execute(f"CREATE TRIGGER x {create}")
            result = self.tidemark("lint", "--db", self.rename())
            self.assertIn("drop-column-dependent", result.out)
            self.assertIn(name, result.out)
            self.assertEqual(self.rules(self.rename(drop_accept="x")), [])
            self.execute("DROP TRIGGER x ON t")
        self.execute("CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION innocent()")
        self.assertEqual(self.rules(self.rename()), [])

    def test_what_the_function_of_a_trigger_calls_with_the_row_is_found(self):
        for takes, hands, depth, found in (("jsonb", "to_jsonb(NEW)", 1, True), ("record", "NEW", 1, True), ("jsonb", "to_jsonb(NEW)", 3, True),
                                           ("integer", "NEW.id", 1, False), ("text", "NEW.id::text", 2, False)):
            self.execute("DROP TABLE IF EXISTS t CASCADE; DROP SCHEMA IF EXISTS lib CASCADE; CREATE SCHEMA lib;" + PLAIN +
                         f"CREATE FUNCTION lib.f0({takes}) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM 1 WHERE 'a' = 'b'; END$$")
            for at in range(1, depth):
                self.execute(f"CREATE FUNCTION lib.f{at}({takes}) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM lib.f{at - 1}($1); END$$")
            self.execute(f"CREATE FUNCTION lib.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM lib.f{depth - 1}({hands}); RETURN NEW; END$$;"
                         "CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION lib.f()")
            self.assertEqual(self.rules(self.rename()), DEPENDENT if found else [], (takes, depth))
        self.execute("DROP TRIGGER x ON t; CREATE OR REPLACE FUNCTION lib.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM lib.g(to_jsonb(NEW)); RETURN NEW; END$$;"
                     "CREATE FUNCTION lib.g(jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM $1 ->> 'a'; END$$;"
                     "CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION lib.f()")
        self.assertIn("which calls lib.f, which calls lib.g", self.tidemark("lint", "--db", self.rename()).expect(3).out)
        new = "CREATE OR REPLACE FUNCTION lib.g(jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM $1 ->> 'b'; END$$"
        self.assertEqual(self.rules(self.rename(phases=[{"kind": "sql", "act": new, "undo": "SELECT 1"}])), [])

    def test_a_partitions_own_trigger_is_found(self):
        self.execute(PARTS)
        self.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.a := NEW.a; RETURN NEW; END$$;"
                     "CREATE TRIGGER x BEFORE UPDATE ON t1 FOR EACH ROW EXECUTE FUNCTION f()")
        result = self.tidemark("lint", "--db", self.rename())
        self.assertIn("drop-column-dependent", result.out)
        self.assertIn("t1", result.out)

    def test_update_of_fires_for_both_columns_in_the_window_and_comes_back_as_it_was(self):
        for schema in (PLAIN, PARTS):
            self.execute("DROP TABLE IF EXISTS t, log")
            self.execute(schema)
            self.execute("""
                CREATE TABLE log (id integer);
                CREATE OR REPLACE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS
                    $$BEGIN INSERT INTO public.log VALUES (NEW.id); RETURN NULL; END$$;
                CREATE TRIGGER "Odd UPDATE OF a " AFTER INSERT OR UPDATE OF a, twice ON t FOR EACH ROW
                    WHEN (pg_trigger_depth() < 5) EXECUTE FUNCTION public.noted('x');
                COMMENT ON TRIGGER "Odd UPDATE OF a " ON t IS 'said';
                ALTER TABLE t ENABLE ALWAYS TRIGGER "Odd UPDATE OF a ";""")
            before = self.fingerprint()
            path = self.rename(hold="1h")
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            self.execute("TRUNCATE log; UPDATE t SET a = -1 WHERE id = 1; UPDATE t SET b = -2 WHERE id = 2; UPDATE t SET id = 3 WHERE id = 3")
            self.assertEqual(sorted(self.rows("SELECT id FROM log")), [(1,), (2,)])
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            self.tidemark("run", "--again", path).ok()
            for _ in range(2):
                self.tidemark("advance", "p").ok()
            self.execute("TRUNCATE log; UPDATE t SET b = -3 WHERE id = 3")
            self.assertEqual(self.rows("SELECT id FROM log"), [(3,)])
            self.tidemark("advance", "p", "--now", "--reason", "tested").ok()
            self.execute("TRUNCATE log; UPDATE t SET b = -4 WHERE id = 4; UPDATE t SET twice = 1 WHERE id = 5")
            self.assertEqual(sorted(self.rows("SELECT id FROM log")), [(4,), (5,)])
            self.assertIn('UPDATE OF twice, b', self.value("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'Odd%' AND tgparentid = 0"))
            self.assertEqual(self.value("SELECT tgenabled::text || obj_description(oid) FROM pg_trigger WHERE tgname LIKE 'Odd%' AND tgparentid = 0"), "Asaid")
            self.execute("DROP SCHEMA tidemark CASCADE")

    def test_a_trigger_that_partitions_have_enabled_in_different_ways_is_refused(self):
        self.execute(PARTS)
        self.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;"
                     "CREATE TRIGGER x AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t1 DISABLE TRIGGER x")
        self.assertEqual(self.rules(self.rename()), ["switch-trigger-uneven"])
        self.assertEqual(self.rules(self.rename(accept="x", drop_accept="x")), [])

    def test_a_condition_that_reads_the_column_is_named_at_the_switch(self):
        self.execute(PLAIN)
        self.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;"
                     "CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a) EXECUTE FUNCTION f()")
        self.assertEqual(self.rules(self.rename()), ["drop-column-dependent"])

    CLAMP = """CREATE OR REPLACE FUNCTION public.clamp() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.@ > 500 THEN NEW.@ := 500; END IF; NEW.twice := NEW.@ * 2; RETURN NEW; END$$"""

    def test_a_before_trigger_sees_what_either_release_writes(self):
        """It reads and sets the old column; in the window its function is replaced by one that knows the new one."""
        old, new = self.CLAMP.replace("@", "a"), self.CLAMP.replace("@", "b")
        for schema in (PLAIN, PARTS):
            self.execute("DROP TABLE IF EXISTS t")
            self.execute(schema + old + ";CREATE TRIGGER x BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION clamp()")
            before = self.fingerprint()
            path = self.rename(hold="1h", drop_accept="x")
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            for function in (old, new, old):
                self.execute(function)
                for column in ("a", "b"):
                    for value, want in ((7, 7), (700, 500), (9, 9)):
                        self.execute(f"DELETE FROM t WHERE id = 900; INSERT INTO t (id, {column}{', p' if schema is PARTS else ''})"
                                     f" VALUES (900, {value}{', 1' if schema is PARTS else ''});"
                                     f"UPDATE t SET {column} = {value} WHERE id = 5")
                        self.assertEqual(self.rows("SELECT a, b, twice FROM t WHERE id IN (5, 900)"), [(want, want, 2 * want)] * 2)
                self.execute("UPDATE t SET id = 6 WHERE id = 6")
                self.assertEqual(self.rows("SELECT a, b, twice FROM t WHERE id = 6"), [(6, 6, 12)])
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            self.tidemark("run", "--again", path).ok()
            self.tidemark("advance", "p").ok()
            self.execute(new)
            self.tidemark("advance", "p").ok()
            self.execute("UPDATE t SET b = 800 WHERE id = 5")
            self.assertEqual(self.rows("SELECT b, twice FROM t WHERE id = 5"), [(500, 1000)])
            self.tidemark("advance", "p", "--now", "--reason", "tested").ok()
            self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'tidemark'"), 0)
            self.execute("DROP SCHEMA tidemark CASCADE")

    def test_what_a_trigger_sets_wins_in_a_pair_with_rules(self):
        self.execute(PLAIN)
        self.execute(self.CLAMP.replace("@", "a") + ";CREATE TRIGGER x BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION clamp()")
        self.tidemark("run", self.rename(up="a * 10", down="b / 10", drop_accept="x")).ok()
        self.tidemark("advance", "p").ok()
        for column, value, want in (("a", 700, (500, 5000)), ("b", 7009, (500, 5000)), ("b", 79, (7, 79)), ("a", 8, (8, 80))):
            self.execute(f"UPDATE t SET {column} = {value} WHERE id = 5")
            self.assertEqual(self.rows("SELECT a, b FROM t WHERE id = 5"), [want])

    def test_a_before_trigger_that_sorts_before_ours_is_refused(self):
        self.execute(PLAIN)
        self.execute(self.CLAMP.replace("@", "a") + ';CREATE TRIGGER " x" BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION clamp()')
        self.assertEqual(self.rules(self.rename(drop_accept=" x")), ["switch-trigger-order"])


class Partitions(DependentCase):
    def test_what_only_a_partition_has_is_found(self):
        self.execute(PARTS)
        for make, unmake, name, rules in (
                ("CREATE UNIQUE INDEX one ON t1 (a)", "DROP INDEX one", "one", ["switch-unique"]),
                ("ALTER TABLE t1 ADD CONSTRAINT k CHECK (a < 900)", "ALTER TABLE t1 DROP CONSTRAINT k", "k", ["switch-constraint"]),
                ("CREATE VIEW v AS SELECT a FROM t1", "DROP VIEW v", "v", ["drop-column-dependent"]),
                ("CREATE POLICY pol ON t1 USING (a > 0)", "DROP POLICY pol ON t1", "pol", ["drop-column-dependent"]),
                ("CREATE STATISTICS st ON a, id FROM t1", "DROP STATISTICS st", "st", ["drop-column-dependent"])):
            self.execute(make)
            self.assertEqual(self.rules(self.rename()), rules, make)
            self.assertEqual(self.rules(self.rename(accept=name)), ["drop-column-dependent"], make)
            self.assertEqual(self.rules(self.rename(accept=name, drop_accept=name)), [], make)
            self.execute(unmake)
        self.assertEqual(self.rules(self.rename()), [])


    def test_a_default_and_a_not_null_that_only_a_partition_has(self):
        self.execute(PARTS + "ALTER TABLE t1 ALTER a SET DEFAULT 9")
        self.assertEqual(self.rules(self.rename()), ["switch-partition-default"])
        self.assertEqual(self.rules(self.rename("bigint", swap=True)), ["switch-partition-default"])
        self.assertEqual(self.rules(self.rename(accept="t1")), [])
        self.execute("ALTER TABLE ONLY t ALTER a SET DEFAULT 9")
        self.assertEqual(self.rules(self.rename()), ["switch-partition-default"], "t2 has none")
        self.execute("ALTER TABLE t ALTER a SET DEFAULT 9")
        self.assertEqual(self.rules(self.rename()), [])
        self.execute("ALTER TABLE t ALTER a DROP DEFAULT; ALTER TABLE t1 ALTER a SET NOT NULL")
        result = self.tidemark("lint", "--db", self.rename()).ok()
        self.assertIn("warning: NOT NULL of partition public.t1", result.out)
        for hold, rules in (("1h", DEPENDENT), (None, [])):
            drop = {"kind": "drop_column", "column": "a", "hold": hold}
            self.assertEqual(self.rules(self.plan(plans.plan("q", "public.t", [drop]))), rules, hold)


class Positions(DependentCase):
    """Code that takes the columns of the table by their number and order."""
    FUNCTION = "CREATE OR REPLACE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN %s RETURN NULL; END$f$"
    ADD = {"kind": "add_column", "column": "b", "type": "integer"}
    DROP = {"kind": "drop_column", "column": "twice"}

    def rules_of(self, *phases):
        return self.rules(self.plan(plans.plan("p", "public.t", list(phases))))

    def make(self, body, when="AFTER INSERT OR UPDATE ON t FOR EACH ROW"):
        self.execute("DROP TABLE IF EXISTS t, hist; DROP FUNCTION IF EXISTS f();" + PLAIN + "CREATE TABLE hist (LIKE t);"
                     + self.FUNCTION % body + f";CREATE TRIGGER x {when} EXECUTE FUNCTION f()")

    def test_a_trigger_that_writes_the_row_by_position_is_refused(self):
        made = "AFTER INSERT ON t REFERENCING NEW TABLE AS \"New Rows\" FOR EACH STATEMENT"
        for body, *when in (("INSERT INTO public.hist SELECT NEW.*;",), ("insert into public.hist values (new.*);",), ("INSERT INTO public.hist SELECT (NEW).*;",),
                            ("INSERT INTO public.hist SELECT 1, NEW.*;",), ("EXECUTE 'INSERT INTO public.hist SELECT ($1).*' USING NEW;",),
                            ('INSERT INTO public.hist SELECT * FROM "New Rows";', made), ('INSERT INTO public.hist SELECT o.* FROM "New Rows" AS o;', made)):
            self.make(body, *when)
            self.assertEqual(self.rules_of(self.ADD), ["add-column-row"], body)
            self.assertEqual(self.rules_of(self.DROP), DEPENDENT, body)
            self.assertEqual(self.rules_of({**self.ADD, "accept": "x"}, {**self.DROP, "accept": "x"}), [], body)

    def test_a_row_that_is_handed_on_as_one_value_is_not(self):
        for body in ("INSERT INTO public.log VALUES (to_jsonb(NEW.*));", "IF NEW.* IS DISTINCT FROM OLD.* THEN INSERT INTO public.hist (id) VALUES (NEW.id); END IF;",
                     "INSERT INTO public.hist (id) SELECT count(*) FROM public.t;", "INSERT INTO public.hist (id) VALUES (NEW.id /* , NEW.* */);"):
            self.make(body)
            self.assertEqual(self.rules_of(self.ADD, self.DROP), [], body)

    def test_a_function_that_takes_the_row_and_spreads_it(self):
        self.execute(PLAIN + "CREATE TABLE hist (LIKE t)")
        keep = "CREATE OR REPLACE FUNCTION keep(r t) RETURNS void LANGUAGE plpgsql AS $$BEGIN %s END$$"
        for body, rules in (("INSERT INTO public.hist SELECT ($1).*;", ["add-column-row"]), ("INSERT INTO public.hist VALUES (r.*);", ["add-column-row"]),
                            ("INSERT INTO public.hist (id) SELECT ($1).id;", []), ("INSERT INTO public.log VALUES (to_jsonb(r.*));", [])):
            self.execute(keep % body)
            self.assertEqual(self.rules_of(self.ADD), rules, body)

    def test_a_function_that_gives_back_the_columns_of_the_table(self):
        self.execute(PLAIN + "CREATE TABLE hist (LIKE t)")
        for made, rules in (("RETURNS TABLE (i integer, j integer, k integer) LANGUAGE sql AS 'SELECT * FROM public.t'", ["add-column-row"]),
                            ("RETURNS SETOF hist LANGUAGE sql AS 'SELECT q.* FROM public.t AS q'", ["add-column-row"]),
                            ("RETURNS void LANGUAGE sql AS 'INSERT INTO public.hist SELECT * FROM public.t'", ["add-column-row"]),
                            ("RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM public.t'", []), ("RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.t'", [])):
            self.execute("DROP FUNCTION IF EXISTS get(); CREATE FUNCTION get() " + made)
            self.assertEqual(self.rules_of(self.ADD), rules, made)
            self.assertEqual(self.rules_of({**self.ADD, "accept": "get"}), [], made)

    def test_once_the_function_names_the_columns_everybody_can_write(self):
        by_position, by_name = "INSERT INTO public.hist SELECT NEW.*;", "INSERT INTO public.hist (id, a) VALUES (NEW.id, NEW.a);"
        self.make(by_position)
        named = {"kind": "sql", "act": self.FUNCTION % by_name, "undo": self.FUNCTION % by_position}
        path = self.plan(plans.plan("p", "public.t", [named, self.ADD, self.DROP]))
        self.assertEqual(self.rules(path), [])
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO t (id, a, b) VALUES (900, 9, 99)")
        self.assertEqual(self.rows("SELECT id, a, twice FROM hist"), [(900, 9, None)])


class Twins(DependentCase):
    UNIQUE = {"kind": "create_index", "name": "ib", "unique": True}

    def test_an_index_is_no_twin_when_only_its_columns_are_alike(self):
        for index, twin in (("(lower(a))", {"columns": "b"}), ("(a)", {"columns": "b", "where": "id = 1"}),
                            ("(a)", {"expressions": "lower(b)"}), ("(a, id)", {"columns": ["b"]}),
                            ("(a COLLATE \"C\")", {"columns": "b"})):
            self.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, a text);"
                         f"CREATE UNIQUE INDEX ia ON t {index}; INSERT INTO t VALUES (1, 'x')")
            path = self.rename("text", phases=[{**self.UNIQUE, **twin}], drop_accept="ia")
            self.assertIn("switch-unique", self.rules(path), index)
            self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'"), 0)

    def test_an_index_with_the_same_definition_is_one(self):
        for index, twin in (("(lower(a))", {"expressions": "lower(b)"}), ("(a) WHERE id > 5", {"columns": "b", "where": "id > 5"}),
                            ("(id, a) INCLUDE (c)", {"columns": ["id", "b"], "include": "c"})):
            self.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, a text, c integer);"
                         f"CREATE UNIQUE INDEX ia ON t {index}; INSERT INTO t VALUES (1, 'x')")
            path = self.rename("text", phases=[{**self.UNIQUE, **twin}], drop_accept="ia")
            self.assertNotIn("switch-unique", self.rules(path), index)

    def test_after_an_exchange_of_names_an_index_needs_every_part(self):
        self.execute(PLAIN)
        self.execute("CREATE INDEX ia ON t (a DESC) INCLUDE (twice)")
        index = {"kind": "create_index", "name": "ib", "columns": "b", "include": "twice"}
        self.assertIn("swap-index", self.rules(self.rename("bigint", phases=[index], swap=True)))
        self.execute("DROP INDEX ia; CREATE INDEX ia ON t (a) INCLUDE (twice)")
        self.assertEqual(self.rules(self.rename("bigint", phases=[index], swap=True)), [])

    def test_a_foreign_key_of_the_table_to_itself_hangs_on_both_columns(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer UNIQUE, parent integer REFERENCES t (a))")
        result = self.tidemark("lint", "--db", self.rename())
        self.assertIn('foreign key "t_parent_fkey"', result.out)


    def test_two_unique_indexes_side_by_side_are_refused_until_somebody_says_that_nobody_upserts(self):
        self.execute(PLAIN)
        self.execute("CREATE UNIQUE INDEX ia ON t (a)")
        for accept, rules in ((None, ["switch-on-conflict"]), ("ia", []), ("ib", [])):
            path = self.rename(phases=[{**self.UNIQUE, "columns": "b"}], accept=accept)
            self.assertEqual(self.rules(path), rules, accept)
        self.execute("ALTER TABLE t ADD CONSTRAINT u UNIQUE (twice) DEFERRABLE")
        self.assertEqual(self.rules(self.rename(phases=[{**self.UNIQUE, "columns": "b"}], accept="ib")), [])


class Names(DependentCase):
    def test_what_a_hint_says_can_be_written_into_the_plan_as_it_stands(self):
        """Upper case, blanks, quotes, reserved words."""
        for name in ('"Mixed Case"', '"order"', '"with""quote"', '"it\'\'s"', '"12"'):
            self.execute("DROP TABLE IF EXISTS t; " + PLAIN + f"CREATE INDEX {name.replace(chr(39) * 2, chr(39))} ON t (a)")
            result = self.tidemark("lint", "--db", self.rename())
            hint = next(line for line in result.out.splitlines() if "accept = " in line)
            accept = hint[hint.index("accept = "):]
            path = self.rename()
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.rstrip() + "\n" + accept[:accept.index("]") + 1] + "\n")
            self.assertEqual(self.rules(path), [], accept)


if __name__ == "__main__":
    main()
