"""What is set on a column itself goes over to the column that takes its place, or is said before anything is done."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import psycopg2  # noqa: E402

from harness import plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402

TABLE = """
CREATE TABLE t (id integer PRIMARY KEY, a text COLLATE "POSIX" NOT NULL DEFAULT 'x');
INSERT INTO t (id) SELECT generate_series(1, 30);
ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER a SET STATISTICS 77, ALTER a SET (n_distinct = -0.5), ALTER a SET COMPRESSION pglz;
COMMENT ON COLUMN t.a IS 'it''s said';
GRANT SELECT (a), UPDATE (a) ON t TO reader WITH GRANT OPTION; GRANT INSERT (a) ON t TO PUBLIC;
"""
PROPERTIES = """
SELECT format_type(atttypid, atttypmod), attcollation::regcollation::text, attstorage::text, attcompression::text, attstattarget::integer,
       attoptions::text, attnotnull, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum),
       (SELECT string_agg(grantee || privilege_type || is_grantable, ' ' ORDER BY grantee, privilege_type) FROM (SELECT grantee::text, privilege_type,
               is_grantable::text FROM aclexplode(attacl)) x)
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 't'::regclass AND attname = %s
"""


class Properties(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader")
        self.addCleanup(self.server.sql, "DROP ROLE reader")
        self.addCleanup(self.drop_owned)

    def drop_owned(self):
        self.server.sql("DROP OWNED BY reader", database=self.database)

    def rename(self, column_type="text", swap=None, hold=None, more=None, phases=(), first=(), **rules):
        made = plans.rename_phases("a", "b", column_type, switch="manual", drop_column="manual", hold=hold, **rules)
        made[0].update(more or {})
        made[4]["swap_names"] = swap
        if swap:
            made[5]["column"] = "b"
        return self.plan(plans.plan("p", "public.t", list(first) + made[:3] + list(phases) + made[3:]))

    def rules(self, path):
        result = self.tidemark("lint", "--db", path)
        return sorted(line.rsplit("[", 1)[1].split("]")[0] for line in result.out.splitlines() if ": error: " in line or ": warning: " in line)

    def properties(self, column):
        return self.rows(PROPERTIES, (column,))

    def test_a_copy_has_them_all_and_the_way_back_leaves_no_trace(self):
        self.execute(TABLE)
        want, before = self.properties("a"), self.fingerprint()
        path = self.rename(hold="1h")
        self.assertEqual(self.rules(path), [])
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.properties("b"), want)
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)
        self.tidemark("run", "--again", path).ok()
        for _ in range(2):
            self.tidemark("advance", "p").ok()
        self.tidemark("advance", "p", "--now", "--reason", "tested").ok()
        self.assertEqual(self.properties("b"), want)

    def test_an_exchange_of_names_keeps_them_at_the_name(self):
        self.execute(TABLE)
        want = [("character varying(40)", *self.properties("a")[0][1:])]
        path = self.rename("varchar(40)", swap=True)
        self.assertEqual(self.rules(path), [])
        self.tidemark("run", path).ok()
        for _ in range(2):
            self.tidemark("advance", "p").ok()
        got = self.properties("a")
        self.assertIn("'x'::text", got[0][7])
        self.assertEqual([row[:7] + row[8:] for row in got], [row[:7] + row[8:] for row in want])
        self.execute("INSERT INTO t (id) VALUES (99)")
        self.assertEqual(self.value("SELECT a FROM t WHERE id = 99"), "x")

    def test_what_the_plan_says_itself_wins(self):
        self.execute(TABLE)
        path = self.rename(more={"collation": '"C"', "comment": "other", "default": "'y'"})
        self.assertEqual(self.rules(path), ["switch-collation", "switch-property"])
        self.assertIn("add-column-collation", self.rules(self.rename(more={"collation": "nosuch"})))
        self.assertIn("add-column-collation", self.rules(self.rename("integer", more={"collation": '"C"'})))
        self.execute("DROP TABLE t; CREATE TABLE t (id integer PRIMARY KEY, a text)")
        self.tidemark("run", self.rename(more={"collation": '"POSIX"'}, first=[{"kind": "sql", "act": "ALTER TABLE public.t ALTER a TYPE text COLLATE \"POSIX\"",
                                                                         "undo": "SELECT 1", "lock": "access exclusive"}]), "--to", "add_column").ok()
        self.assertEqual(self.properties("b")[0][1], '"POSIX"')

    def test_a_column_that_was_there_before_is_told_what_it_lacks(self):
        self.execute(TABLE + "ALTER TABLE t ADD b text COLLATE \"POSIX\"; REVOKE ALL (a) ON t FROM reader, PUBLIC")
        phases = plans.rename_phases("a", "b", "text", switch="manual", drop_column="manual", hold="1h")[1:]
        path = self.plan(plans.plan("p", "public.t", phases))
        result = self.tidemark("lint", "--db", path)
        for said in ("storage EXTERNAL", "statistics target 77", "column options n_distinct=-0.5", "comment it's said", "compression pglz"):
            self.assertIn(said, result.out)
        self.assertEqual(self.rules(path), ["switch-property"] * 5)
        self.execute('ALTER TABLE t DROP b; ALTER TABLE t ADD b text COLLATE "C"')
        self.assertEqual(self.rules(path), ["switch-collation"] + ["switch-property"] * 5)

    def test_not_null_holds_on_both_sides_in_the_window(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        before = self.fingerprint()
        for column_type, again in (("integer", ()), ("bigint", ("--again",))):
            path = self.rename(column_type, hold="1h")
            if again:
                self.execute("DROP SCHEMA tidemark CASCADE")
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            for text in ("INSERT INTO t (id) VALUES (99)", "INSERT INTO t (id, a) VALUES (99, NULL)", "UPDATE t SET a = NULL WHERE id = 1",
                         "INSERT INTO t (id, b) VALUES (99, NULL)", "UPDATE t SET b = NULL WHERE id = 1"):
                with self.assertRaises(psycopg2.errors.NotNullViolation, msg=text):
                    self.execute(text)
            self.execute("INSERT INTO t (id, a) VALUES (100, 1); INSERT INTO t (id, b) VALUES (101, 2); UPDATE t SET a = 7 WHERE id = 101")
            self.assertEqual(self.rows("SELECT a, b FROM t WHERE id > 99 ORDER BY 1"), [(1, 1), (7, 7)])
            self.execute("DELETE FROM t WHERE id > 99")
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)

    def test_with_rules_the_plan_must_say_which_column_may_hold_null(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        rules = {"up": "a * 10", "down": "b / 10", "hold": "1h"}
        self.assertEqual(self.rules(self.rename("integer", **rules)), ["switch-not-null"])
        for phase in ({"kind": "set_not_null", "column": "b"}, {"kind": "drop_not_null", "column": "a"}):
            self.tidemark("lint", "--db", self.rename("integer", phases=[phase], **rules)).ok()

    def test_defaults_go_over_through_casts_rules_and_domains(self):
        for column, column_type, rules, want in (
                ("integer DEFAULT 7", "bigint", {}, 7), ("integer DEFAULT 7", "integer", {"up": "a * 10", "down": "b / 10"}, 70),
                ("counted", "counted", {}, 3), ("counted", "integer", {}, 3), ("counted DEFAULT 8", "counted", {}, 8),
                ("timestamptz DEFAULT now()", "timestamptz", {}, None)):
            self.execute("DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; DROP DOMAIN IF EXISTS counted;"
                         f"CREATE DOMAIN counted AS integer DEFAULT 3; CREATE TABLE t (id integer PRIMARY KEY, a {column})")
            self.tidemark("run", self.rename(column_type, **rules)).ok()
            self.tidemark("advance", "p").ok()
            for text in ("INSERT INTO t (id) VALUES (1)", "INSERT INTO t (id, b) VALUES (2, DEFAULT)", "INSERT INTO t (id, a) VALUES (3, DEFAULT)",
                         "INSERT INTO t (id, b) VALUES (4, NULL)", "INSERT INTO t (id, a) VALUES (5, NULL)"):
                self.execute(text)
            got = [row[0] for row in self.rows("SELECT b FROM t ORDER BY id")]
            if want is not None:
                self.assertEqual(got, [want] * 3 + [None] * 2, column)
            self.assertEqual([value is None for value in got], [False] * 3 + [True] * 2, column)
            self.tidemark("advance", "p").ok()
            self.execute("INSERT INTO t (id) VALUES (6)")
            self.assertEqual(self.value("SELECT b IS NOT NULL FROM t WHERE id = 6"), True, column)

    def test_not_null_that_is_not_valid_is_no_proof(self):
        if self.conn.server_version < 180000:
            self.skipTest("NOT NULL is a constraint from PostgreSQL 18 on")
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t SELECT i, NULLIF(i, 5) FROM generate_series(1, 9) i;"
                     "ALTER TABLE t ADD CONSTRAINT mine NOT NULL a NOT VALID")
        before = self.fingerprint()
        state = "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'n' AND conname = 'mine'"
        path = self.plan(plans.plan("p", "public.t", [{"kind": "set_not_null", "column": "a"}]))
        self.assertNotEqual(self.tidemark("run", path).code, 0)
        self.assertEqual(self.rows(state), [("mine", False)])
        self.execute("UPDATE t SET a = 5 WHERE id = 5")
        self.tidemark("run", path).ok()
        self.assertEqual(self.rows(state), [("mine", True)])
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)
        path = self.plan(plans.plan("q", "public.t", [{"kind": "drop_not_null", "column": "a"}]))
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO t VALUES (10, NULL)")
        self.tidemark("rollback", "q", "--yes").ok()
        self.assertEqual(self.rows(state), [("mine", False)])

    def test_not_null_without_inheritance_goes_over_and_comes_back_as_it_is(self):
        if self.conn.server_version < 180000:
            self.skipTest("NOT NULL is a constraint from PostgreSQL 18 on")
        state = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'n' ORDER BY 1"
        for valid in ("", " NOT VALID"):
            self.execute("DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, a text);"
                         f"INSERT INTO t SELECT i, i FROM generate_series(1, 9) i; ALTER TABLE t ADD CONSTRAINT mine NOT NULL a NO INHERIT{valid}")
            before = self.fingerprint()
            path = self.rename(hold="1h")
            self.assertEqual(self.rules(path), [])
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            both = [(f"NOT NULL a NO INHERIT{valid}",), (f"NOT NULL b NO INHERIT{valid}",), ("NOT NULL id",)]
            self.assertEqual(self.rows(state), both)
            self.tidemark("advance", "p").ok()
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            relax = self.plan(plans.plan("q", "public.t", [{"kind": "drop_not_null", "column": "a"}]), "q.toml")
            self.tidemark("run", relax).ok()
            self.tidemark("rollback", "q", "--yes").ok()
            self.assert_same_schema(before)

    def test_not_null_that_is_not_valid_goes_over_as_it_is(self):
        if self.conn.server_version < 180000:
            self.skipTest("NOT NULL is a constraint from PostgreSQL 18 on")
        for parted in ("", " PARTITION BY HASH (id)"):
            self.execute(f"DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, a text){parted}")
            if parted:
                self.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
            self.execute("INSERT INTO t SELECT i, NULLIF(i, 5) FROM generate_series(1, 9) i; ALTER TABLE t ADD CONSTRAINT mine NOT NULL a NOT VALID")
            before = self.fingerprint()
            path = self.rename(swap=True, hold="1h")
            self.assertEqual(self.rules(path), [])
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            state = "SELECT pg_get_constraintdef(oid), conname FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'n' ORDER BY 1"
            names = ["t_b_not_null", "mine"] if parted else ["mine", "t_b_not_null"]
            self.assertEqual(self.rows(state), [("NOT NULL a NOT VALID", names[0]), ("NOT NULL b NOT VALID", names[1]), ("NOT NULL id", "t_id_not_null")])
            for text in ("INSERT INTO t VALUES (20, NULL)", "INSERT INTO t (id, b) VALUES (20, NULL)", "UPDATE t SET b = NULL WHERE id = 1"):
                with self.assertRaises(psycopg2.errors.NotNullViolation, msg=text):
                    self.execute(text)
            self.execute("INSERT INTO t (id, a) VALUES (20, 'x'); INSERT INTO t (id, b) VALUES (21, 'y'); UPDATE t SET b = 'z' WHERE id = 5; DELETE FROM t WHERE id > 9")
            self.execute("UPDATE t SET a = '6' WHERE id = 6")
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            self.tidemark("run", path, "--again").ok()
            self.tidemark("advance", "p").ok()
            self.tidemark("advance", "p").ok()
            self.execute("INSERT INTO t (id, a) VALUES (30, 'new')")
            self.tidemark("advance", "p", "--now", "--reason", "test").ok()
            self.assertEqual(self.rows(state)[0], ("NOT NULL a NOT VALID", names[0]))

    def test_a_keyset_does_not_trust_a_key_that_may_hold_null(self):
        if self.conn.server_version < 180000:
            self.skipTest("NOT NULL is a constraint from PostgreSQL 18 on")
        self.execute("CREATE TABLE t (a integer, b integer); CREATE UNIQUE INDEX ON t (a);"
                     "INSERT INTO t SELECT NULLIF(i % 7, 0) + i * 10 FROM generate_series(1, 200) i; ALTER TABLE t ADD NOT NULL a NOT VALID")
        path = self.plan(plans.plan("p", "public.t", [{"kind": "backfill", "set": {"b": "1"}, "where": "b IS NULL", "order": "keyset"}]))
        self.assertNotEqual(self.tidemark("run", path).code, 0)

    def test_an_exchange_of_names_takes_the_names_of_not_null_with_it(self):
        if self.conn.server_version < 180000:
            self.skipTest("NOT NULL is a constraint from PostgreSQL 18 on")
        name = """SELECT k.conname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                   WHERE k.conrelid = 't'::regclass AND k.contype = 'n' AND a.attname = 'a'"""
        for phases in ((), ({"kind": "set_not_null", "column": "b"},)):
            self.execute("DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY,"
                         "a integer CONSTRAINT mine NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
            before = self.fingerprint()
            path = self.rename("bigint", swap=True, hold="1h", phases=phases)
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            self.assertEqual(self.value(name), "mine")
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            self.tidemark("run", "--again", path).ok()
            for _ in range(2):
                self.tidemark("advance", "p").ok()
            self.tidemark("advance", "p", "--now", "--reason", "tested").ok()
            self.assertEqual(self.value(name), "mine")


if __name__ == "__main__":
    main()
