"""Both columns hold the same value, whoever writes: what an INSERT has not said, what an UPDATE has changed, how values are compared."""
import io
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import psycopg2  # noqa: E402
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402


class ValueCase(LiveCase):
    def switched(self, column_type, setup, table="public.t", old="a", new="b", phases=(), name="p", **more):
        """Runs a rename to the end of the switch; the drop waits for manual approval. `phases`: after the backfill."""
        self.execute(setup)
        all_phases = plans.rename_phases(old, new, column_type, hold="1h", drop_column="manual", **more)
        path = self.plan(plans.plan(name, table, all_phases[:3] + list(phases) + all_phases[3:]))
        self.tidemark("run", path).ok()
        return path

    def pair(self, statement, args=None):
        """The pair as the statement leaves it."""
        return self.rows(statement + " RETURNING a, b", args)[0]

    def conflicts(self):
        return self.rows("SELECT key, old, new FROM tidemark.conflict ORDER BY id")

    def on_version(self, major):
        if self.conn.server_version < major * 10000:
            self.skipTest(f"needs PostgreSQL {major}")


class NotSaid(ValueCase):
    """Which side an INSERT has said nothing about."""

    def test_an_explicit_null_beside_a_default_is_a_value(self):
        self.switched("text", "CREATE TABLE t (id integer PRIMARY KEY, a text DEFAULT 'draft'); INSERT INTO t VALUES (1, 'live')")
        for number, (column, value, wanted) in enumerate([
                ("b", "NULL", None), ("a", "NULL", None), ("b", "DEFAULT", "draft"), ("a", "DEFAULT", "draft"),
                ("b", "'draft'", "draft"), ("a", "'x'", "x"), ("b", "'y'", "y")], 10):
            self.assertEqual(self.pair(f"INSERT INTO t (id, {column}) VALUES ({number}, {value})"), (wanted, wanted))
        self.assertEqual(self.pair("INSERT INTO t (id) VALUES (20)"), ("draft", "draft"))
        self.assertEqual(self.pair("INSERT INTO t (id, b) VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET b = EXCLUDED.b"), (None, None))
        with self.conn.cursor() as cursor:
            cursor.copy_expert("COPY t (id, b) FROM STDIN", io.StringIO("30\t\\N\n31\tz\n"))
        self.assertEqual(self.rows("SELECT a, b FROM t WHERE id IN (30, 31) ORDER BY id"), [(None, None), ("z", "z")])
        self.assertEqual(self.conflicts(), [])
        self.tidemark("advance", "p").ok()
        self.execute("INSERT INTO t (id, b) VALUES (40, NULL); INSERT INTO t (id) VALUES (41); INSERT INTO t VALUES (42, DEFAULT, DEFAULT)")
        self.tidemark("rollback", "p", "--to", "switch", "--yes").ok()
        self.assertEqual(self.rows("SELECT a, b FROM t WHERE id >= 40 ORDER BY id"), [(None, None), ("draft", "draft"), ("draft", "draft")])

    def test_the_default_of_a_domain_counts(self):
        for column_type in ("d", "text"):
            self.switched(column_type, "DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; DROP DOMAIN IF EXISTS d;"
                          "CREATE DOMAIN d AS text DEFAULT 'n/a'; CREATE TABLE t (id integer PRIMARY KEY, a d); INSERT INTO t VALUES (1, 'v')",
                          up=None if column_type == "d" else "a::text", down=None if column_type == "d" else "b::text")
            self.assertEqual(self.pair("INSERT INTO t (id, a) VALUES (2, 'mine')"), ("mine", "mine"))
            self.assertEqual(self.pair("INSERT INTO t (id, b) VALUES (3, 'yours')"), ("yours", "yours"))
            self.assertEqual(self.pair("INSERT INTO t (id) VALUES (4)"), ("n/a", "n/a"))

    def test_down_applies_to_an_insert_as_to_an_update(self):
        self.switched("text", "CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'v')",
                      up="upper(a)", down="coalesce(lower(b), 'none')")
        self.assertEqual(self.pair("UPDATE t SET b = NULL WHERE id = 1"), ("none", None))
        self.assertEqual(self.pair("INSERT INTO t (id, b) VALUES (2, NULL)"), ("none", None))
        self.assertEqual(self.pair("INSERT INTO t (id, a) VALUES (3, 'x')"), ("x", "X"))

    def test_what_the_old_release_must_give_was_not_left_out_by_it(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a text NOT NULL); INSERT INTO t VALUES (1, 'v')")
        phases = plans.rename_phases("a", "b", "text", up="upper(a)", down="lower(b)", drop_column="manual")
        phases[0].update(default="'NEW'", not_null=True)
        self.tidemark("run", self.plan(plans.plan("p", "public.t", phases))).ok()
        self.assertEqual(self.pair("INSERT INTO t (id) VALUES (2)"), ("new", "NEW"))
        self.assertEqual(self.pair("INSERT INTO t (id, a) VALUES (3, 'x')"), ("x", "X"))
        self.assertEqual(self.pair("INSERT INTO t (id, b) VALUES (4, 'Y')"), ("y", "Y"))

    def test_each_pair_of_plain_copies_is_settled_by_itself(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 1, a2 text); INSERT INTO t VALUES (1, 1, 'x')")
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "add_column", "column": "b", "type": "integer"}, {"kind": "add_column", "column": "b2", "type": "text"},
            {"kind": "dual_write", "from": ["a", "a2"], "to": ["b", "b2"]}, {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch"},
            {"kind": "drop_column", "column": "a", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        ask = " RETURNING a, b, a2, b2"
        self.assertEqual(self.rows("INSERT INTO t (id, a, b2) VALUES (2, 5, 'new')" + ask)[0], (5, 5, "new", "new"))
        self.assertEqual(self.rows("UPDATE t SET a = 7, b2 = 'z' WHERE id = 2" + ask)[0], (7, 7, "z", "z"))
        self.assertEqual(self.conflicts(), [])
        self.assertEqual(self.rows("UPDATE t SET a = 8, b = 9, a2 = 'old' WHERE id = 2" + ask)[0], (9, 9, "old", "old"))
        self.assertEqual(self.conflicts(), [({"id": 2}, {"a": 8}, {"b": 9})])

    def test_row_of_nulls_is_a_value(self):
        self.switched("ct", "CREATE TYPE ct AS (x integer, y integer); CREATE TABLE t (id integer PRIMARY KEY, a ct NOT NULL);"
                      "INSERT INTO t VALUES (1, ROW(1, NULL))")
        ask = "SELECT b::text FROM t WHERE id = 2"
        self.execute("INSERT INTO t (id, b) VALUES (2, ROW(NULL, NULL))")
        self.assertEqual(self.value(ask), "(,)")
        self.execute("UPDATE t SET a = ROW(NULL, 3) WHERE id = 2")
        self.assertEqual(self.value(ask), "(,3)")
        self.execute("UPDATE t SET b = ROW(NULL, NULL) WHERE id = 2")
        self.assertEqual(self.value("SELECT a::text FROM t WHERE id = 2"), "(,)")
        self.tidemark("rollback", "p", "--to", "verify", "--yes").ok()
        self.assertTrue(self.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"))


class Sessions(ValueCase):
    """What a value is must not depend on the settings of the session that writes it."""

    def test_a_text_that_settings_decide_is_refused_and_one_that_is_the_same_for_all_is_not(self):
        self.execute("CREATE DOMAIN weight AS float8; CREATE FUNCTION shown(float8) RETURNS text LANGUAGE sql IMMUTABLE SET extra_float_digits = 1 AS 'SELECT $1::text'")
        for number, (column, value, up, accepted) in enumerate([
                ("float8", "0.1::float8 * 3", None, False), ("float8", "0.1::float8 * 3", "(a * 2)::text", False), ("weight", "0.1::float8 * 3", "a::text", False),
                ("float4", "0.1", "coalesce(a, 1)::text", False), ("bytea", "'x'", None, False), ("point", "'(0.1,2)'", "a::text", False),
                ("integer", "7", None, True), ("numeric", "0.30", "a::text", True), ("bytea", "'\\xff00'", "encode(a, 'hex')", True),
                ("float8", "0.1::float8 * 3", "public.shown(a)", True)]):
            self.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, a {column}); INSERT INTO t VALUES (1, {value})")
            down = {"bytea": "decode(b, 'hex')"}.get(column, f"b::{column}")
            path = self.plan(plans.rename("public.t", "a", "b", "text", name=f"p{number}", up=up, down=up and down, drop_column="manual"))
            said = self.tidemark("lint", "--db", path)
            self.assertEqual("[dual-write-volatile]" not in said.out, accepted, f"{column}, {up}: {said}")
            if accepted:
                self.tidemark("run", path).ok()
                self.execute(f"SET extra_float_digits = -3; SET bytea_output = 'escape'; INSERT INTO t (id, a) VALUES (2, {value})")
                self.execute("RESET extra_float_digits; RESET bytea_output")
                self.tidemark("verify", path).ok()


class Moves(ValueCase):
    """A row that an UPDATE moves to another partition."""

    TABLE = """
        CREATE TABLE t (id integer, p integer, q integer DEFAULT 1, a text, n integer DEFAULT 0) PARTITION BY LIST (p);
        CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
        CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2) PARTITION BY RANGE ((q + 1));
        CREATE TABLE t2a PARTITION OF t2 FOR VALUES FROM (0) TO (10);
        CREATE TABLE t2b (n integer, a text, q integer, p integer, id integer);
        ALTER TABLE t2 ATTACH PARTITION t2b FOR VALUES FROM (10) TO (100);
        INSERT INTO t SELECT g, 1, 1, 'v' || g FROM generate_series(1, 9) g;"""

    def setUp(self):
        super().setUp()
        self.switched("text", self.TABLE, up="coalesce(upper(a), 'NONE')", down="coalesce(lower(b), 'none')")
        self.execute("UPDATE t SET b = NULL WHERE id = 1; UPDATE t SET a = NULL WHERE id = 2; UPDATE t SET b = 'MiXed' WHERE id = 3")

    def pairs(self):
        return self.rows("SELECT id, a, b FROM t WHERE id < 5 ORDER BY id")

    def test_moving_changes_neither_side(self):
        before = self.pairs()
        for act in ("UPDATE t SET p = 2", "UPDATE t SET q = 50", "UPDATE t SET q = 5, n = n + 1", "UPDATE t SET p = 1",
                    "UPDATE t SET p = 1, q = 60", "UPDATE t SET p = 2", "UPDATE ONLY t2b SET q = 51"):
            self.execute(act)
            self.assertEqual(self.pairs(), before, act)
        self.assertEqual(self.conflicts(), [])

    def test_what_the_same_update_changes_counts(self):
        self.assertEqual(self.pair("UPDATE t SET p = 2, b = 'MiX' WHERE id = 1"), ("mix", "MiX"))
        self.assertEqual(self.pair("UPDATE t SET p = 1, a = 'q' WHERE id = 1"), ("q", "Q"))
        self.assertEqual(self.pair("UPDATE t SET p = 2, b = NULL WHERE id = 1"), ("none", None))
        self.assertEqual(self.conflicts(), [])
        self.assertEqual(self.pair("UPDATE t SET p = 1, b = 'ONE', a = 'two' WHERE id = 1"), ("one", "ONE"))
        self.assertEqual([row[1:] for row in self.conflicts()], [({"a": "two"}, {"b": "ONE"})])

    def test_an_insert_behind_an_update_that_did_not_move_is_an_insert(self):
        self.execute("BEGIN; UPDATE t SET p = 2, q = 2; UPDATE t SET q = 3 WHERE id = 1")
        self.assertEqual(self.pair("INSERT INTO t (id, p, a) VALUES (20, 1, 'none')"), ("none", "NONE"))
        self.execute("DELETE FROM t WHERE id = 2")
        self.assertEqual(self.pair("INSERT INTO t (id, p, b) VALUES (2, 1, 'X')"), ("x", "X"))
        self.execute("COMMIT")
        self.assertEqual(self.conflicts(), [])

    def test_merge_moves_too(self):
        self.on_version(15)
        before = self.pairs()
        self.execute("MERGE INTO t USING (SELECT 1) s ON t.p = 1 WHEN MATCHED THEN UPDATE SET p = 2")
        self.assertEqual(self.pairs(), before)
        self.execute("MERGE INTO t USING (VALUES (1), (77)) s (id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET p = 1, b = 'M'"
                     " WHEN NOT MATCHED THEN INSERT (id, p, a) VALUES (s.id, 1, 'ins')")
        self.assertEqual(self.rows("SELECT a, b FROM t WHERE id IN (1, 77) ORDER BY id"), [("m", "M"), ("ins", "INS")])


class Compared(ValueCase):
    """What counts as changed, and as equal."""

    def test_case_is_seen_under_a_nondeterministic_collation(self):
        for column_type in ("char(10)", "text", "varchar(10)", "bpchar"):
            self.switched(column_type, f"""
                DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; DROP COLLATION IF EXISTS ci;
                CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
                CREATE TABLE t (id integer PRIMARY KEY, a {column_type} COLLATE ci); INSERT INTO t SELECT g, 'abc' FROM generate_series(1, 3) g""",
                          phases=[{"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1"}])
            self.execute("UPDATE t SET a = 'ABC' WHERE id = 1; UPDATE t SET b = 'ABC' WHERE id = 2")
            self.assertEqual(self.value("SELECT bool_and(a::text COLLATE \"C\" = b::text COLLATE \"C\") FROM t"), True, column_type)
            self.assertEqual(self.value("SELECT count(*) FROM t WHERE a::text COLLATE \"C\" = 'ABC'"), 2)

    def test_a_sweep_by_set_fills_what_differs_only_in_case(self):
        self.execute("""
            CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE t (id integer PRIMARY KEY, a char(5) COLLATE ci, c bpchar, ct varchar(9) COLLATE ci);
            INSERT INTO t SELECT g, 'abc', 'x ', 'abc' FROM generate_series(1, 50) g""")
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "backfill", "set": {"a": "upper(a)", "c": "rtrim(c::text)", "ct": "upper(ct)"}, "where": "id > 10"}]))
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE a::text COLLATE \"C\" = 'ABC' AND octet_length(c) = 1 AND ct COLLATE \"C\" = 'ABC'"), 40)

    def test_blanks_of_character_n_are_no_difference(self):
        for old, new in (("text", "char(6)"), ("char(4)", "char(6)"), ("text[]", "char(6)[]"), ("text", "dch")):
            self.switched(new, f"""
                DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; DROP DOMAIN IF EXISTS dch; CREATE DOMAIN dch AS char(6);
                CREATE TABLE t (id integer PRIMARY KEY, a {old}); INSERT INTO t SELECT g, '{'{ab}' if '[' in old else 'ab'}' FROM generate_series(1, 3) g""",
                          up=f"a::{new.replace('dch', 'char(6)')}", down=f"b::{old}")
            self.tidemark("verify", os.path.join(self.directory, "plan.toml")).ok()

    def test_compression_makes_no_difference(self):
        self.execute("CREATE TYPE inner_t AS (p text); CREATE TYPE ct AS (x text, i inner_t); CREATE TABLE t (id integer PRIMARY KEY, a text)")
        for column_type, up, down in (("ct", "row(a, row(a)::inner_t)::ct", "((b).i).p"), ("ct[]", "array[row(a, row(a)::inner_t)::ct]", "(b[1]).x")):
            self.execute("DROP SCHEMA IF EXISTS tidemark CASCADE; ALTER TABLE t DROP COLUMN IF EXISTS b; TRUNCATE t; INSERT INTO t VALUES (1, 'x')")
            path = self.plan(plans.plan("p", "public.t", [
                {"kind": "add_column", "column": "b", "type": column_type}, {"kind": "dual_write", "from": "a", "to": "b", "up": up, "down": down},
                {"kind": "backfill"}, {"kind": "verify", "gate": "manual"}, {"kind": "switch"}, {"kind": "drop_column", "column": "a", "gate": "manual"}]))
            self.tidemark("run", path).ok()
            self.execute("INSERT INTO t (id, a) VALUES (2, repeat('y', 20000))")
            self.tidemark("advance", "p").ok()
            self.execute("UPDATE t SET b = b WHERE id = 2")
            self.execute("UPDATE t SET a = repeat('y', 19999) || 'z' WHERE id = 2")
            self.assertEqual(self.value(f"SELECT {down} = a FROM t WHERE id = 2"), True)
            self.assertEqual(self.conflicts(), [])

    def test_the_sessions_settings_make_no_difference(self):
        for column_type, value, other in (("money", "1.49", "1.51"), ("float8", "0.1", "0.10000000000000001"), ("interval", "1 day", "24 hours"),
                                          ("mt", "(1.49,0.1)", "(1.49,0.10000000000000002)"), ("bytea", "\\x00", "\\x01")):
            self.switched(column_type, f"""
                DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS mt; CREATE TYPE mt AS (m money, f float8);
                CREATE TABLE t (id integer PRIMARY KEY, a {column_type}); INSERT INTO t VALUES (1, '{value}')""")
            self.execute("SET extra_float_digits = -15; SET intervalstyle = 'iso_8601'; SET bytea_output = 'escape'; SET DateStyle = 'German'")
            self.execute(f"UPDATE t SET b = '{other}'; INSERT INTO t (id, a) VALUES (2, '{other}')")
            self.execute("RESET extra_float_digits")
            self.assertEqual(self.value("SELECT count(*) FROM t WHERE ROW(a)::record *= ROW(b)::record"), 2, column_type)
            self.assertEqual(self.conflicts(), [])

    def test_array_types_with_modifiers(self):
        for column_type in ("numeric(10,2)[]", "varchar(3)[]", "char(3)[]", "bit(3)[]", "timestamptz(3)[]", "int[3][]", "integer array", "varbit(5)[]"):
            self.switched(column_type, f"""
                DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t;
                CREATE TABLE t (id integer PRIMARY KEY, a {column_type}); INSERT INTO t VALUES (1, NULL), (2, '{{}}')""")
            value = {"b": "101", "v": "10", "t": "2026-01-01"}.get(column_type[0], "1")
            self.execute("INSERT INTO t (id, a) VALUES (3, %s)", (f"{{{value},{value}}}",))
            self.assertEqual(self.value("SELECT bool_and(a IS NOT DISTINCT FROM b) FROM t"), True, column_type)


class Log(ValueCase):
    """tidemark.conflict."""

    def test_only_rows_that_are_there_leave_a_conflict(self):
        self.switched("integer", "CREATE TABLE t (id integer PRIMARY KEY, a integer, u integer UNIQUE); INSERT INTO t SELECT g, g, g FROM generate_series(1, 5) g")
        self.execute("INSERT INTO t (id, a, b) VALUES (1, 5, 6), (50, 1, 1) ON CONFLICT DO NOTHING")
        self.execute("INSERT INTO t (id, a, b, u) VALUES (60, 5, 6, 1) ON CONFLICT (u) DO NOTHING")
        self.execute("INSERT INTO t (id, a, b) VALUES (2, 5, 6) ON CONFLICT (id) DO UPDATE SET u = 100")
        self.execute("BEGIN; INSERT INTO t (id, a, b) VALUES (70, 5, 6); ROLLBACK")
        with self.assertRaises(psycopg2.Error):
            self.execute("INSERT INTO t (id, a, b) VALUES (1, 5, 6)")
        self.assertEqual(self.conflicts(), [])
        self.execute("INSERT INTO t (id, a, b) VALUES (80, 1, 2), (1, 3, 4), (81, 5, 6) ON CONFLICT DO NOTHING")
        self.assertEqual(self.conflicts(), [({"id": 80}, {"a": 1}, {"b": 2}), ({"id": 81}, {"a": 5}, {"b": 6})])
        self.execute("UPDATE t SET a = 9, b = 10 WHERE id IN (3, 4)")
        self.assertEqual(len(self.conflicts()), 4)
        self.execute("UPDATE t SET a = 40 + id, b = 50 + id WHERE id < 3; UPDATE t SET u = 300 WHERE id = 3")
        self.assertEqual(len(self.conflicts()), 6)

    def test_a_value_that_is_no_jsonb_does_not_fail_the_write(self):
        self.switched("json", "CREATE TABLE t (id integer PRIMARY KEY, a json); INSERT INTO t VALUES (1, '{}')")
        for value in ('{"k": "\\u0000"}', "[1e400000]"):
            self.assertEqual(self.pair("UPDATE t SET a = %s, b = '[1]' WHERE id = 1", (value,)), ([1], [1]))
            self.execute("UPDATE t SET b = '{}'")
        self.assertEqual(self.conflicts(), [({"id": 1}, {"a": '{"k": "\\u0000"}'}, {"b": "[1]"}),
                                            ({"id": 1}, {"a": "[1e400000]"}, {"b": "[1]"})])

    def test_a_log_that_cannot_be_written_does_not_fail_the_write(self):
        self.switched("integer", "CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 1)")
        self.execute("ALTER TABLE tidemark.conflict ADD CONSTRAINT no CHECK (false) NOT VALID")
        self.assertEqual(self.pair("UPDATE t SET a = 2, b = 3"), (3, 3))
        self.assertEqual(self.pair("INSERT INTO t VALUES (2, 2, 3)"), (3, 3))
        self.execute("ALTER TABLE tidemark.conflict RENAME TO elsewhere")
        self.assertEqual(self.pair("UPDATE t SET a = 4, b = 5 WHERE id = 1"), (5, 5))

    def test_a_role_with_rights_on_nothing_but_the_table(self):
        self.switched("integer", "DROP ROLE IF EXISTS values_app; CREATE ROLE values_app; CREATE TABLE t (id integer PRIMARY KEY, a integer);"
                      "GRANT SELECT, INSERT, UPDATE ON t TO values_app; INSERT INTO t VALUES (1, 1)")
        self.execute("SET ROLE values_app; SET search_path = ''")
        self.execute("UPDATE public.t SET a = 2, b = 3; INSERT INTO public.t VALUES (2, 2, 3), (3, 3, 3)")
        self.execute("RESET ROLE; RESET search_path")
        self.assertEqual(len(self.conflicts()), 2)
        self.execute("DROP OWNED BY values_app; DROP ROLE values_app")

    def test_many_conflicts_in_one_statement(self):
        self.switched("integer", "CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t SELECT g, g FROM generate_series(1, 5000) g")
        self.execute("UPDATE t SET a = -2, b = -3 WHERE id <= 900")
        self.assertEqual(len(self.conflicts()), 900)
        self.execute("UPDATE t SET a = -4, b = -5")
        self.assertGreaterEqual(len(self.conflicts()), 1900)
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE a = -5 AND b = -5"), 5000)


class OnError(ValueCase):
    """on_error = "null": whatever the expression raises, and alike everywhere."""

    def run_plan(self, setup, column_type, up, down, old="a"):
        self.execute("DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t;" + setup)
        phases = plans.rename_phases("a", "b", column_type, up=up, down=down, drop_column="manual", verify="manual")
        phases[1]["on_error"] = "null"
        phases[1]["from"] = old
        self.tidemark("run", self.plan(plans.plan("p", "public.t", phases))).ok()

    def test_any_class(self):
        self.execute("CREATE FUNCTION own(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
                     " $$BEGIN IF $1 !~ '^[0-9]+$' THEN RAISE 'no' USING ERRCODE = 'ZZ123'; END IF; RETURN $1::integer; END$$;"
                     "CREATE FUNCTION asked(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
                     " $$DECLARE n integer; BEGIN SELECT g INTO STRICT n FROM generate_series(1, 3) g WHERE g = $1::integer; RETURN n; END$$;"
                     "CREATE FUNCTION cased(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
                     " $$BEGIN CASE $1 WHEN '1' THEN RETURN 1; WHEN '2' THEN RETURN 2; WHEN '3' THEN RETURN 3; END CASE; END$$")
        for column_type, up, good, bad in (
                ("tsquery", "a::tsquery", "x & y", "x &"), ("jsonpath", "a::jsonpath", "$.x", "$."), ("integer", "own(a)", "3", "x"),
                ("integer", "asked(a)", "3", "9"), ("integer", "cased(a)", "3", "9"), ("integer", "1 / a::integer", "1", "0"),
                ("text", "substring('x' from a)", "x", "(")):
            self.run_plan(f"CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, '{good}'), (2, '{bad}')", column_type, up, "b::text")
            self.execute(f"INSERT INTO t (id, a) VALUES (3, '{bad}'), (4, '{good}')")
            self.tidemark("advance", "p").ok()
            self.execute(f"INSERT INTO t (id, a) VALUES (5, '{bad}'); UPDATE t SET a = '{bad}' WHERE id = 4")
            self.assertEqual(self.rows("SELECT id FROM t WHERE b IS NULL ORDER BY id"), [(2,), (3,), (4,), (5,)], up)

    def test_what_says_nothing_about_the_value_is_passed_on(self):
        self.execute("CREATE TABLE look (k text, v integer); INSERT INTO look VALUES ('x', 1)")
        self.run_plan("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')", "integer",
                      "(SELECT l.v FROM public.look l WHERE l.k = a)", "(SELECT l.k FROM public.look l WHERE l.v = b)")
        self.execute("ALTER TABLE look RENAME TO gone")
        with self.assertRaises(psycopg2.errors.UndefinedTable):
            self.execute("INSERT INTO t (id, a) VALUES (2, 'x')")

    def test_several_columns_of_different_collations(self):
        for first, second in (('"tr-x-icu"', '"C"'), ('"C"', '"default"'), ('"default"', '"tr-x-icu"')):
            self.run_plan(f"CREATE TABLE t (id integer PRIMARY KEY, a text COLLATE {first}, a2 text COLLATE {second}, d integer);"
                          "INSERT INTO t VALUES (1, 'i', 'i')", "text", "upper(a) || (upper(a2) COLLATE \"C\")",
                          {"a": "lower(b)", "a2": "lower(b)"}, old=["a", "a2"])
            self.execute("INSERT INTO t (id, a, a2) VALUES (2, 'i', 'i')")
            self.tidemark("advance", "p").ok()
            self.assertEqual(self.value("SELECT count(DISTINCT b) FROM t"), 1)

    def test_a_domain_with_a_collation(self):
        self.switched("text", 'CREATE DOMAIN tr AS text COLLATE "tr-x-icu"; CREATE TABLE t (id integer PRIMARY KEY, a tr); INSERT INTO t VALUES (1, \'i\')')
        self.assertEqual(self.pair("UPDATE t SET a = 'ı'"), ("ı", "ı"))

    def test_default_privileges_that_give_nothing(self):
        self.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; DROP ROLE IF EXISTS values_app; CREATE ROLE values_app")
        self.run_plan("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x'); GRANT ALL ON t TO values_app",
                      "integer", "a::integer", "b::text")
        self.execute("SET ROLE values_app; INSERT INTO t (id, a) VALUES (2, '2')")
        self.execute("RESET ROLE")
        self.tidemark("advance", "p").ok()
        self.execute("SET ROLE values_app; INSERT INTO t (id, a) VALUES (3, '3'), (4, 'x')")
        self.execute("RESET ROLE; DROP OWNED BY values_app; DROP ROLE values_app")
        self.assertEqual(self.rows("SELECT b FROM t ORDER BY id"), [(None,), (2,), (3,), (None,)])


class Lookups(ValueCase):
    SETUP = ("CREATE TABLE look (id integer, a integer); INSERT INTO look SELECT g * 100, g FROM generate_series(1, 9) g;"
             "CREATE TABLE t (id integer PRIMARY KEY, a integer, only_here integer); INSERT INTO t SELECT g, g, g FROM generate_series(1, 5) g")

    def test_the_row_is_called_by_its_table(self):
        for outer, here in (("t.a", "t.b"), ("public.t.a", "public.t.b"), ('"t" . "a"', "b")):
            self.switched("integer", "DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS t, look;" + self.SETUP,
                          up=f"(SELECT look.id FROM public.look WHERE look.a = {outer})", down=f"(SELECT look.a FROM public.look WHERE look.id = {here})")
            self.assertEqual(self.pair("INSERT INTO t (id, a) VALUES (10, 6)"), (6, 600))
            self.assertEqual(self.pair("INSERT INTO t (id, b) VALUES (11, 700)"), (7, 700))

    def test_unqualified_outer_columns(self):
        self.execute(self.SETUP.replace("only_here", "code"))
        phases = plans.rename_phases("code", "b", "integer", drop_column="manual", up="(SELECT look.id FROM public.look WHERE a = code)",
                                     down="(SELECT a FROM public.look WHERE look.id = b)")
        self.tidemark("run", self.plan(plans.plan("p", "public.t", phases))).ok()
        self.assertEqual(self.rows("INSERT INTO t (id, code) VALUES (10, 6) RETURNING code, b")[0], (6, 600))

    def test_a_subquery_that_calls_its_own_table_so(self):
        self.switched("integer", self.SETUP, up="(SELECT t.id FROM public.look t WHERE t.a = only_here)".replace("only_here", "tidemark_row.a"),
                      down="(SELECT t.a FROM public.look AS t WHERE t.id = b)")
        self.assertEqual(self.pair("INSERT INTO t (id, a) VALUES (10, 6)"), (6, 600))

    def test_expressions_of_other_phases(self):
        self.execute(self.SETUP)
        self.tidemark("run", self.plan(plans.plan("p", "public.t", [
            {"kind": "backfill", "set": {"only_here": "public.t.a * 2"}, "where": "t.id > 2"},
            {"kind": "verify", "condition": "t.only_here IS NOT NULL"}]))).ok()
        self.assertEqual(self.value("SELECT sum(only_here) FROM t"), 1 + 2 + 6 + 8 + 10)


if __name__ == "__main__":
    main()
