"""Every kind of phase but the rename's own course: forward, back, and what happens when it cannot be done."""
import datetime
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import Traffic, run  # noqa: E402

ROWS = 3000

SCHEMA = f"""
CREATE TABLE items (id bigint PRIMARY KEY, code text, qty integer, note text);
INSERT INTO items SELECT i, 'c' || i, i, repeat('n', i % 50) FROM generate_series(1, {ROWS}) i;
"""


class KindCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(SCHEMA)

    def write(self, *phases, table="public.items", name="p", **limits):
        limits.setdefault("lock_timeout", "100ms")
        return self.plan(plans.plan(name, table, phases, **limits), f"{name}.toml")

    def forth_and_back(self, *phases, check=None, table="public.items"):
        """Runs the plan, asks `check`, runs it again (nothing happens), goes back: the schema is what it was."""
        before = self.fingerprint()
        path = self.write(*phases, table=table)
        self.tidemark("plan", path).ok()
        self.assert_same_schema(before)
        self.tidemark("run", path).ok()
        after = self.fingerprint()
        if check:
            check()
        self.tidemark("run", path).ok()
        self.assert_same_schema(after)
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)
        return path

    def invalid(self):
        return [row[0] for row in self.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")]


class Indexes(KindCase):
    INDEX = {"kind": "create_index", "name": "items_code", "columns": ["code"]}

    def definition(self, name="items_code"):
        return self.value("SELECT pg_get_indexdef(to_regclass(%s))", (name,))

    def test_an_index_comes_and_goes(self):
        self.forth_and_back(self.INDEX, check=lambda: self.assertIn("(code)", self.definition()))

    def test_an_index_with_everything(self):
        phase = dict(self.INDEX, unique=True, where="qty > 10", include=["note"], **{"with": {"fillfactor": 70}})
        self.forth_and_back(phase, check=lambda: self.assertRegex(
            self.definition(), r"UNIQUE INDEX .*\(code\) INCLUDE \(note\) .*fillfactor.*70.* WHERE \(qty > 10\)"))

    def test_an_index_build_that_is_interrupted_leaves_an_invalid_one_that_the_next_run_repairs(self):
        path = self.write(self.INDEX)
        holder = self.connect(autocommit=False)
        run(holder, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        run(holder, "SELECT 1 FROM items LIMIT 1")
        process = self.tidemark.start("run", path)
        self.wait_until(self.invalid, what="the build waits for the old snapshot")
        process.signal(signal.SIGKILL)
        process.wait(10)
        self.server.terminate("tidemark/%", self.database)
        self.wait_until(lambda: not self.value("SELECT count(*) FROM pg_stat_progress_create_index"))
        self.assertEqual(self.invalid(), ["items_code"])
        holder.rollback()
        holder.close()
        self.tidemark("run", path).ok()
        self.assertEqual(self.invalid(), [])
        self.assertIn("(code)", self.definition())

    def test_a_build_whose_client_died_is_taken_over_or_ended(self):
        """kill -9 of the client does not stop the server: the next run must not start a second build beside it."""
        path = self.write(self.INDEX)
        holder = self.connect(autocommit=False)
        run(holder, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        run(holder, "SELECT 1 FROM items LIMIT 1")
        process = self.tidemark.start("run", path)
        self.wait_until(self.invalid)
        process.kill()
        again = self.tidemark.start("run", path, "--if-locked", "wait")
        again.wait_for("removing what an interrupted attempt of this run left")
        holder.rollback()
        holder.close()
        again.wait(40).ok()
        self.assertEqual(self.invalid(), [])
        self.assertEqual(self.value("SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass"), 2)

    def test_an_interrupt_during_a_build_leaves_nothing_that_hurts(self):
        path = self.write(dict(self.INDEX, unique=True))
        before = self.fingerprint()
        holder = self.connect(autocommit=False)
        run(holder, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        run(holder, "SELECT 1 FROM items LIMIT 1")
        process = self.tidemark.start("run", path)
        self.wait_until(self.invalid)
        process.signal(signal.SIGINT)
        process.wait_for("press Ctrl-C once more")
        process.signal(signal.SIGINT)
        process.wait(20).expect(130)
        holder.rollback()
        holder.close()
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)

    def test_a_unique_index_over_duplicates_fails_and_leaves_nothing(self):
        self.execute("UPDATE items SET code = 'same' WHERE id IN (5, 6)")
        before = self.fingerprint()
        path = self.write(dict(self.INDEX, unique=True))
        result = self.tidemark("run", path).expect((4, 5))
        self.assertIn("same", result.out + result.err)
        self.assert_same_schema(before)
        self.execute("UPDATE items SET code = 'other' WHERE id = 6")
        self.tidemark("run", path).ok()

    def test_somebody_elses_index_of_that_name_is_refused(self):
        self.execute("CREATE INDEX items_code ON items (qty)")
        before = self.fingerprint()
        self.tidemark("run", self.write(self.INDEX)).expect((3, 4))
        self.assert_same_schema(before)

    def test_an_index_is_dropped_and_comes_back(self):
        self.execute("CREATE INDEX items_note ON items (note DESC NULLS LAST) WITH (fillfactor = 60) WHERE qty > 3;"
                     "COMMENT ON INDEX items_note IS 'for the report'")
        self.forth_and_back({"kind": "drop_index", "name": "items_note"},
                            check=lambda: self.assertIsNone(self.value("SELECT to_regclass('items_note')::text")))

    def test_an_index_on_a_name_full_of_traps(self):
        name = 'an "index"; of \'Größe\''
        self.forth_and_back(dict(self.INDEX, name=plans.ident(name)))

    def test_building_beside_writers_hurts_none(self):
        path = self.write(self.INDEX)
        with Traffic(self.server, self.database, [lambda c, r: run(c, "UPDATE items SET code = 'z' || %s WHERE id = %s",
                                                                   (r.random(), r.randint(1, ROWS)))], threads=3) as traffic:
            traffic.wait_for(20)
            self.tidemark("run", path).ok()
        traffic.raise_errors()
        self.assertEqual(self.invalid(), [])


class Constraints(KindCase):
    def not_null(self, column="qty"):
        return self.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = %s", (column,))

    def test_not_null_comes_and_goes(self):
        self.forth_and_back({"kind": "set_not_null", "column": "qty"}, check=lambda: self.assertTrue(self.not_null()))

    def test_not_null_over_null_rows_exits_5_and_leaves_nothing(self):
        self.execute("UPDATE items SET qty = NULL WHERE id = 77")
        before = self.fingerprint()
        path = self.write({"kind": "set_not_null", "column": "qty"})
        result = self.tidemark("run", path).expect(5)
        self.assertIn("77", result.out + result.err)
        self.assert_same_schema(before)
        self.execute("UPDATE items SET qty = NULL WHERE id = 78")     # nothing was left that refuses it
        self.execute("UPDATE items SET qty = 0 WHERE qty IS NULL")
        self.tidemark("run", path).ok()
        self.assertTrue(self.not_null())

    def test_not_null_is_dropped_and_comes_back(self):
        self.execute("ALTER TABLE items ALTER qty SET NOT NULL")
        self.forth_and_back({"kind": "drop_not_null", "column": "qty"}, check=lambda: self.assertFalse(self.not_null()))

    def test_dropped_not_null_cannot_come_back_over_nulls_and_says_so(self):
        self.execute("ALTER TABLE items ALTER qty SET NOT NULL")
        path = self.write({"kind": "drop_not_null", "column": "qty"})
        self.tidemark("run", path).ok()
        self.execute("UPDATE items SET qty = NULL WHERE id = 9")
        self.tidemark("rollback", path, "--yes").expect((4, 5))
        self.execute("UPDATE items SET qty = 1 WHERE id = 9")
        self.tidemark("rollback", path, "--yes").ok()
        self.assertTrue(self.not_null())


class Backfills(KindCase):
    def test_set_and_where(self):
        self.execute("ALTER TABLE items ADD status text; UPDATE items SET status = 'kept' WHERE id % 10 = 0")
        path = self.write({"kind": "backfill", "set": {"status": "'active'"}, "where": "status IS NULL"})
        self.tidemark("run", path).ok()
        self.assertEqual(self.rows("SELECT status, count(*) FROM items GROUP BY 1 ORDER BY 1"),
                         [("active", ROWS - ROWS // 10), ("kept", ROWS // 10)])
        marks = self.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM items")
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM items"), marks)

    def test_several_columns_and_expressions_over_the_row(self):
        self.execute("ALTER TABLE items ADD a text, ADD b integer")
        self.tidemark("run", self.write({"kind": "backfill", "set": {"a": "upper(code) || note", "b": "qty * 2"}})).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE a IS DISTINCT FROM upper(code) || note"
                                    " OR b IS DISTINCT FROM qty * 2"), 0)

    @limit(90)
    def test_rows_that_move_while_it_works_are_not_forgotten(self):
        """No trigger keeps them: it must come back for what moved beyond its end."""
        self.execute("ALTER TABLE items ADD status text")
        path = self.write({"kind": "backfill", "set": {"status": "'x'"}, "where": "status IS NULL", "max_rows_per_second": 2500})
        with Traffic(self.server, self.database, [lambda c, r: run(c, "UPDATE items SET note = repeat('m', 300) WHERE id = %s",
                                                                   (r.randint(1, ROWS),))], threads=3) as traffic:
            self.tidemark("run", path).ok()
        traffic.raise_errors()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE status IS NULL"), 0)

    def test_what_cannot_be_done_twice_is_refused_and_nothing_is_changed(self):
        """A resume and a second pass find the rows by what is left to do: qty + 1 would never end."""
        before = self.value("SELECT md5(string_agg(id::text || ' ' || qty, ' ' ORDER BY id)) FROM items")
        path = self.write({"kind": "backfill", "set": {"qty": "qty + 1"}})
        self.assertRegex(self.tidemark("plan", path).ok().out, r"must\s+be\s+idempotent")
        result = self.tidemark("run", path).expect(4)
        self.assertIn("filled again", result.err)
        self.assertIn("where", result.err)
        self.assertEqual(self.value("SELECT md5(string_agg(id::text || ' ' || qty, ' ' ORDER BY id)) FROM items"), before)

    def test_with_a_where_each_row_is_changed_once(self):
        self.execute("ALTER TABLE items ADD version integer NOT NULL DEFAULT 1")
        total = self.value("SELECT sum(qty) FROM items")
        path = self.write({"kind": "backfill", "set": {"qty": "qty + 1", "version": "2"}, "where": "version = 1"})
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT sum(qty) FROM items"), total + self.value("SELECT count(qty) FROM items"))

    def test_what_can_be_done_twice_is_done(self):
        self.execute("ALTER TABLE items ADD mail text DEFAULT 'User@Example.ORG'")
        self.tidemark("run", self.write({"kind": "backfill", "set": {"mail": "lower(mail)"}})).ok()
        self.assertEqual(self.rows("SELECT mail, count(*) FROM items GROUP BY 1"), [("user@example.org", ROWS)])

    def test_the_rate_is_kept(self):
        self.execute("ALTER TABLE items ADD status text")
        path = self.write({"kind": "backfill", "set": {"status": "'x'"}, "where": "status IS NULL", "max_rows_per_second": 2000})
        result = self.tidemark("run", path).ok()
        self.assertGreater(result.seconds, ROWS / 2000 * 0.7)

    def test_row_level_security_does_not_hide_rows_from_it(self):
        self.execute("ALTER TABLE items ADD status text; CREATE ROLE owner_rls LOGIN; ALTER TABLE items OWNER TO owner_rls;"
                     "CREATE POLICY half ON items USING (id % 2 = 0); ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
                     f"ALTER TABLE items FORCE ROW LEVEL SECURITY; GRANT CREATE ON DATABASE {self.database} TO owner_rls")
        self.addCleanup(self.server.sql, "DROP ROLE owner_rls")
        self.addCleanup(self._drop)
        path = self.write({"kind": "backfill", "set": {"status": "'x'"}, "where": "status IS NULL"})
        result = self.tidemark("run", path, env={"PGUSER": "owner_rls"})
        if result.code == 0:
            self.assertEqual(self.value("SELECT count(*) FROM items WHERE status IS NULL"), 0)
        else:
            result.expect(4)
            self.assertRegex(result.err, "row.level security|row_security")

    def test_a_rewrite_of_the_table_under_the_sweep_forgets_no_row(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", rate=2000, switch="manual"))
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                        and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 200)
        self.execute("DELETE FROM items WHERE id < 400")
        self.execute("VACUUM FULL items")
        process.wait(60).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM qty"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM items"), ROWS - 399)

    def test_a_partitioned_table_is_swept_leaf_by_leaf(self):
        self.execute("CREATE TABLE parts (id int, a int) PARTITION BY RANGE (id);"
                     "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);"
                     "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (2000) PARTITION BY RANGE (id);"
                     "CREATE TABLE parts_21 PARTITION OF parts_2 FOR VALUES FROM (500) TO (1000);"
                     "CREATE TABLE parts_3 PARTITION OF parts DEFAULT;"
                     "INSERT INTO parts SELECT i, i FROM generate_series(1, 999) i; INSERT INTO parts VALUES (5000, 5)")
        before = self.fingerprint()
        path = self.plan(plans.rename("public.parts", "a", "b", "integer", name="parts", drop_column="manual"))
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM parts WHERE b IS DISTINCT FROM a"), 0)
        self.execute("UPDATE parts SET b = -1 WHERE id = 700; UPDATE parts SET a = -2, id = 100000 WHERE id = 3")
        self.assertEqual(self.value("SELECT a FROM parts WHERE id = 700"), -1)
        self.assertEqual(self.value("SELECT b FROM parts WHERE id = 100000"), -2)
        self.tidemark("rollback", "parts", "--yes").ok()
        self.assert_same_schema(before)


class Escape(KindCase):
    PHASE = {"kind": "sql", "act": "CREATE TABLE public.extra (id int)", "undo": "DROP TABLE public.extra",
             "probe": "SELECT to_regclass('public.extra') IS NOT NULL"}

    def test_sql_with_act_undo_and_probe(self):
        self.forth_and_back(self.PHASE, check=lambda: self.assertEqual(self.value("SELECT count(*) FROM extra"), 0))

    def test_sql_finds_unqualified_names_as_psql_would(self):
        """`plan --sql` prints the same text for psql, where the role's own search_path is in force."""
        self.execute(f"ALTER DATABASE {self.database} SET search_path = elsewhere, public; CREATE SCHEMA elsewhere")
        path = self.write({"kind": "sql", "act": "CREATE TABLE extra (id int)", "undo": "DROP TABLE extra",
                           "probe": "SELECT to_regclass('extra') IS NOT NULL"})
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT to_regclass('elsewhere.extra')::text"), "elsewhere.extra")
        self.tidemark("rollback", path, "--yes").ok()
        self.assertIsNone(self.value("SELECT to_regclass('elsewhere.extra')::text"))

    def test_sql_that_fails_leaves_nothing_and_says_what_failed(self):
        before = self.fingerprint()
        path = self.write(dict(self.PHASE, act=["CREATE TABLE public.extra (id int)", "SELECT 1/0"]))
        result = self.tidemark("run", path)
        self.assertNotIn(result.code, (0, 1))
        self.assertIn("division", result.err)
        self.assert_same_schema(before)

    def test_sql_that_the_probe_finds_done_is_not_done_again(self):
        self.execute("CREATE TABLE log (n int)")
        path = self.write({"kind": "sql", "act": "INSERT INTO public.log VALUES (1)", "undo": "DELETE FROM public.log",
                           "probe": "SELECT EXISTS (SELECT FROM public.log)"})
        self.execute("INSERT INTO log VALUES (9)")
        self.tidemark("run", path).ok()
        self.assertEqual(self.rows("SELECT n FROM log"), [(9,)])


class Pairs(KindCase):
    """dual_write in its other forms."""

    def both(self, add, dual, table="public.items", **more):
        phases = [*({"kind": "add_column", **column} for column in add), {"kind": "dual_write", **dual}, {"kind": "backfill"},
                  {"kind": "verify"}, {"kind": "switch"}]
        return self.write(*phases, table=table, **more)

    def test_two_columns_become_one_and_back(self):
        self.execute("CREATE TABLE people (id int PRIMARY KEY, first_name text, last_name text);"
                     "INSERT INTO people SELECT i, 'F' || i, 'L' || i FROM generate_series(1, 500) i;"
                     "INSERT INTO people VALUES (501, NULL, 'Only'), (502, 'Just', NULL), (503, NULL, NULL)")
        before = self.fingerprint()
        path = self.both([{"column": "full_name", "type": "text"}], {
            "from": ["first_name", "last_name"], "to": "full_name", "up": "first_name || ' ' || last_name",
            "down": {"first_name": "split_part(full_name, ' ', 1)", "last_name": "split_part(full_name, ' ', 2)"}},
            table="public.people")
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT full_name FROM people WHERE id = 7"), "F7 L7")
        self.execute("UPDATE people SET full_name = 'Ada Lovelace' WHERE id = 7; UPDATE people SET last_name = 'King' WHERE id = 8;"
                     "INSERT INTO people (id, full_name) VALUES (600, 'New Person');"
                     "INSERT INTO people (id, first_name, last_name) VALUES (601, 'Old', 'Person')")
        self.assertEqual(self.rows("SELECT * FROM people WHERE id IN (7, 8, 600, 601) ORDER BY id"),
                         [(7, "Ada", "Lovelace", "Ada Lovelace"), (8, "F8", "King", "F8 King"),
                          (600, "New", "Person", "New Person"), (601, "Old", "Person", "Old Person")])
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)
        self.assertEqual(self.rows("SELECT first_name, last_name FROM people WHERE id = 600"), [("New", "Person")])

    def test_a_lookup_turns_codes_into_keys_and_back(self):
        self.execute("CREATE TABLE templates (id int PRIMARY KEY, number int UNIQUE);"
                     "INSERT INTO templates SELECT i, 1000 + i FROM generate_series(1, 20) i;"
                     "CREATE TABLE resumes (id int PRIMARY KEY, template int);"
                     "INSERT INTO resumes SELECT i, 1001 + i % 20 FROM generate_series(1, 1000) i;"
                     "INSERT INTO resumes VALUES (0, NULL)")
        before = self.fingerprint()
        path = self.both([{"column": "template_id", "type": "integer"}], {
            "from": "template", "to": "template_id",
            "up": "(SELECT t.id FROM public.templates t WHERE t.number = template)",
            "down": "(SELECT t.number FROM public.templates t WHERE t.id = template_id)"}, table="public.resumes")
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM resumes WHERE template_id IS DISTINCT FROM template - 1000"), 0)
        self.execute("UPDATE resumes SET template_id = 3 WHERE id = 5; UPDATE resumes SET template = 1004 WHERE id = 6")
        self.assertEqual(self.rows("SELECT template, template_id FROM resumes WHERE id IN (5, 6) ORDER BY id"),
                         [(1003, 3), (1004, 4)])
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)

    def casting(self, **more):
        self.execute("CREATE TABLE raw (id int PRIMARY KEY, t text);"
                     "INSERT INTO raw SELECT i, i::text FROM generate_series(1, 300) i")
        return self.both([{"column": "n", "type": "integer"}],
                         {"from": "t", "to": "n", "up": "CAST(t AS integer)", "down": "CAST(n AS text)", **more},
                         table="public.raw")

    def test_a_row_whose_expression_fails_is_found_before_a_trigger_stands(self):
        path = self.casting()
        self.execute("INSERT INTO raw VALUES (1000, 'many')")
        result = self.tidemark("run", path)
        self.assertIn(result.code, (4, 5))
        self.assertRegex(result.out + result.err, "many|1000")
        self.execute("INSERT INTO raw VALUES (1001, 'more')")    # the application was not broken
        self.execute("DELETE FROM raw WHERE id >= 1000")
        self.tidemark("run", path).ok()

    def test_on_error_null_lets_such_a_row_pass_and_gives_null(self):
        path = self.casting(on_error="null")
        self.execute("INSERT INTO raw VALUES (1000, 'many')")
        self.tidemark("run", path, "--to", "backfill").ok()
        self.execute("INSERT INTO raw VALUES (1001, 'more'), (1002, '12')")
        self.assertEqual(self.rows("SELECT id, n FROM raw WHERE id >= 1000 ORDER BY id"),
                         [(1000, None), (1001, None), (1002, 12)])

    def test_columns_without_equality_or_with_odd_equality(self):
        """json has no =, 1.0 equals 1.00, citext ignores case: each change must be seen all the same."""
        extension = bool(self.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'"))
        if extension:
            self.execute("CREATE EXTENSION citext")
        cases = [("json", "'{\"a\": 1}'", "'{\"a\":  1}'"), ("numeric", "1.0", "1.00"), ("jsonb", "'[1]'", "'[2]'"),
                 ("xml", "'<a/>'", "'<b/>'"), ("point", "'(1,2)'", "'(3,4)'"), ("timestamptz", "'2024-01-01'", "'2024-02-01'"),
                 ("bytea", "'\\x00ff'", "'\\x00fe'"), ("integer[]", "'{1,NULL}'", "'{NULL}'"),
                 ("float8", "'NaN'", "'-0'"), ("character(5)", "'ab'", "'ac'")]
        if extension:
            cases.append(("citext", "'abc'", "'ABC'"))
        for number, (kind, first, second) in enumerate(cases):
            with self.subTest(type=kind):
                table = f"odd{number}"
                try:
                    self.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, a {kind});"
                                 f"INSERT INTO {table} SELECT i, {first} FROM generate_series(1, 50) i;"
                                 f"INSERT INTO {table} VALUES (0, NULL)")
                except Exception as error:
                    if "not supported" in str(error) or "unsupported" in str(error):
                        continue
                    raise
                before = self.fingerprint()
                path = self.both([{"column": "b", "type": kind}], {"from": "a", "to": "b"}, table=f"public.{table}", name=table)
                self.tidemark("run", path).ok()
                self.assertEqual(self.value(f"SELECT count(*) FROM {table} WHERE a::text IS DISTINCT FROM b::text"), 0)
                self.execute(f"UPDATE {table} SET a = {second} WHERE id = 1; UPDATE {table} SET b = {second} WHERE id = 2;"
                             f"INSERT INTO {table} (id, b) VALUES (100, {second})")
                same = self.value(f"SELECT count(*) FROM {table} WHERE id IN (1, 2, 100) AND a::text = b::text AND b::text ="
                                  f" (({second})::{kind})::text")
                self.assertEqual(same, 3)
                self.tidemark("rollback", path, "--yes").ok()
                self.assert_same_schema(before)

    def strict(self, more=""):
        self.execute(f"CREATE TABLE strict (id int PRIMARY KEY, a int NOT NULL DEFAULT 5 {more});"
                     "INSERT INTO strict SELECT i, i FROM generate_series(1, 100) i")
        return self.both([{"column": "b", "type": "integer"}], {"from": "a", "to": "b"}, table="public.strict")

    def test_a_check_that_the_new_release_could_break_is_refused_with_its_name(self):
        path = self.strict("CHECK (a < 1000)")
        before = self.fingerprint()
        self.assertIn("strict_a_check", self.tidemark("run", path).expect((3, 4)).err)
        self.assert_same_schema(before)

    def test_a_swap_of_a_column_with_grants_of_its_own_keeps_them_at_the_name(self):
        path = self.swap()
        self.execute("GRANT SELECT (n) ON big TO PUBLIC")
        before = self.fingerprint()
        self.tidemark("run", path, "--to", "switch").expect((0, 11))
        self.assertEqual(self.value("SELECT attacl::text FROM pg_attribute WHERE attrelid = 'big'::regclass AND attname = 'n'"), "{=r/postgres}")
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)

    def test_a_lossy_pair_goes_back_over_the_switch_and_forward_again(self):
        """Values of the new release that `down` cannot carry are in the new column when the switch is rolled back; the
        mirror and the proof must not be left disagreeing about them."""
        path = self.both([{"column": "tenths", "type": "integer"}], {"from": "qty", "to": "tenths", "up": "qty * 10",
                                                                     "down": "tenths / 10"})
        for target in ("verify", "backfill", "dual_write"):
            with self.subTest(to=target):
                self.tidemark("run", path).ok()
                self.execute("UPDATE items SET tenths = 57 WHERE id = 9")
                self.assertEqual(self.value("SELECT qty FROM items WHERE id = 9"), 5)
                self.tidemark("rollback", path, "--to", target, "--yes").ok()
                self.assertEqual(self.value("SELECT qty FROM items WHERE id = 9"), 5)
                self.tidemark("run", path).ok()
                self.assertEqual(self.value("SELECT tenths FROM items WHERE id = 9"), 50)
                self.tidemark("rollback", path, "--to", "dual_write", "--yes").ok()

    def test_not_null_and_default_of_the_old_column_hold_for_the_new_one_and_come_back(self):
        path = self.strict()
        before = self.fingerprint()
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO strict (id) VALUES (200); INSERT INTO strict (id, b) VALUES (201, 7);"
                     "INSERT INTO strict (id, a) VALUES (202, 8)")
        self.assertEqual(self.rows("SELECT a, b FROM strict WHERE id >= 200 ORDER BY id"), [(5, 5), (7, 7), (8, 8)])
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)

    def swap(self, **more):
        self.execute("CREATE TABLE big (id int PRIMARY KEY, n integer, note text);"
                     "INSERT INTO big SELECT i, i FROM generate_series(1, 500) i")
        phases = plans.rename_phases("n", "n_new", "bigint", **more)
        phases[4]["swap_names"] = True
        return self.write(*phases[:5], table="public.big")

    def test_swapped_names_give_the_old_name_the_new_type_and_go_back(self):
        path = self.swap()
        before = self.fingerprint()
        jobs = [lambda c, r: run(c, "UPDATE big SET n = n + 1 WHERE id = %s", (r.randint(1, 500),)),
                lambda c, r: run(c, "INSERT INTO big (id, n) VALUES (%s, 1)", (r.randint(1000, 2**30),))]
        with Traffic(self.server, self.database, jobs, threads=3, pause=0.002) as traffic:
            self.tidemark("run", path).ok()
            traffic.wait_for(40)
        traffic.raise_errors(allowed=("23505",))
        self.assertEqual(self.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'big'::regclass"
                                    " AND attname = 'n'"), "bigint")
        self.assertEqual(self.value("SELECT count(*) FROM big WHERE n IS DISTINCT FROM n_new"), 0)
        self.execute("UPDATE big SET n = 77 WHERE id = 4")
        self.assertEqual(self.value("SELECT n_new FROM big WHERE id = 4"), 77)
        self.tidemark("rollback", path, "--yes").ok()
        self.assert_same_schema(before)
        self.assertEqual(self.value("SELECT n FROM big WHERE id = 4"), 77)

    def test_a_value_too_big_for_the_old_column_is_not_lost_in_silence(self):
        path = self.swap()
        self.tidemark("run", path).ok()
        try:
            self.execute("UPDATE big SET n = 5000000000 WHERE id = 4")
        except Exception as error:
            self.assertEqual(error.pgcode, "22003")      # rejected: the documented default
        else:
            self.assertEqual(self.value("SELECT n FROM big WHERE id = 4"), 5000000000)

    def test_copy_upsert_and_multi_row_writes_of_both_releases(self):
        path = self.both([{"column": "quantity", "type": "integer"}], {"from": "qty", "to": "quantity"})
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO items (id, qty) VALUES (1, 501) ON CONFLICT (id) DO UPDATE SET qty = EXCLUDED.qty;"
                     "INSERT INTO items (id, quantity) VALUES (2, 502) ON CONFLICT (id) DO UPDATE SET"
                     " quantity = EXCLUDED.quantity;"
                     "INSERT INTO items (id, qty) VALUES (9001, 1), (9002, NULL);"
                     "INSERT INTO items (id, quantity) VALUES (9003, 3);"
                     "UPDATE items SET qty = NULL WHERE id = 3; UPDATE items SET quantity = NULL WHERE id = 4;"
                     "UPDATE items SET qty = 1, quantity = 2 WHERE id = 5; UPDATE items SET qty = 6, quantity = 6 WHERE id = 6")
        self.assertEqual(self.rows("SELECT id, qty, quantity FROM items WHERE id < 7 OR id > 9000 ORDER BY id"), [
            (1, 501, 501), (2, 502, 502), (3, None, None), (4, None, None), (5, 2, 2), (6, 6, 6), (9001, 1, 1), (9002, None, None),
            (9003, 3, 3)])
        found = self.rows("SELECT plan, key, old, new FROM tidemark.conflict")
        self.assertEqual(len(found), 1)
        self.assertEqual(found[0][0], "p")
        self.assertEqual(found[0][1], {"id": 5})

    def test_session_replication_role_replica_does_not_get_around_the_triggers(self):
        path = self.both([{"column": "quantity", "type": "integer"}], {"from": "qty", "to": "quantity"})
        self.tidemark("run", path, "--to", "dual_write").ok()
        conn = self.connect(options="-c session_replication_role=replica")
        run(conn, "UPDATE items SET qty = 4321 WHERE id = 9")
        conn.close()
        self.assertEqual(self.value("SELECT quantity FROM items WHERE id = 9"), 4321)

    def test_an_application_with_another_search_path_is_not_hurt(self):
        self.execute("CREATE SCHEMA trap; CREATE FUNCTION trap.upper(text) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''';")
        path = self.both([{"column": "c2", "type": "text"}],
                         {"from": "code", "to": "c2", "up": "upper(code)", "down": "lower(c2)"})
        self.tidemark("run", path).ok()
        conn = self.connect(options="-c search_path=trap,pg_catalog")
        run(conn, "UPDATE public.items SET code = 'abc' WHERE id = 1")
        run(conn, "UPDATE public.items SET c2 = 'DEF' WHERE id = 2")
        conn.close()
        self.assertEqual(self.rows("SELECT code, c2 FROM items WHERE id < 3 ORDER BY id"), [("abc", "ABC"), ("def", "DEF")])

    def test_an_expression_that_depends_on_the_session_is_refused(self):
        self.execute("CREATE TABLE times (id int, t timestamp)")
        before = self.fingerprint()
        path = self.both([{"column": "tz", "type": "timestamptz"}], {"from": "t", "to": "tz", "up": "CAST(t AS timestamptz)",
                                                                     "down": "CAST(tz AS timestamp)"}, table="public.times")
        self.tidemark("run", path).expect((3, 4))
        self.assert_same_schema(before)

    def test_a_trigger_that_would_run_after_ours_is_refused(self):
        self.execute("CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.qty := 1; RETURN NEW; END';"
                     "CREATE TRIGGER \"é late\" BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION late()")
        before = self.fingerprint()
        path = self.both([{"column": "quantity", "type": "integer"}], {"from": "qty", "to": "quantity"})
        result = self.tidemark("run", path).expect((3, 4))
        self.assertIn("é late", result.err)
        self.assert_same_schema(before)

    def test_a_dropped_column_that_others_need_is_refused_unless_named(self):
        self.execute("CREATE VIEW shown AS SELECT id, qty FROM items; CREATE INDEX items_qty ON items (qty, note)")
        before = self.fingerprint()
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        result = self.tidemark("run", path)
        self.assertIn(result.code, (3, 4))
        self.assertRegex(result.err, "shown|items_qty")
        self.tidemark("rollback", path, "--yes").expect((0, 4))
        self.assert_same_schema(before)


class Verify(KindCase):
    def test_a_condition_that_holds_lets_the_plan_go_on(self):
        path = self.write({"kind": "verify", "condition": "qty > 0 AND code IS NOT NULL"},
                          {"kind": "set_not_null", "column": "code"})
        self.tidemark("run", path).ok()

    def test_a_condition_that_does_not_hold_stops_the_plan_with_the_keys(self):
        self.execute("UPDATE items SET qty = -1 WHERE id IN (17, 2500)")
        before = self.fingerprint()
        path = self.write({"kind": "verify", "condition": "qty > 0"}, {"kind": "set_not_null", "column": "code"})
        result = self.tidemark("run", path).expect(5)
        self.assertIn("17", result.out + result.err)
        self.assertIn("2500", result.out + result.err)
        self.assert_same_schema(before)
        self.execute("UPDATE items SET qty = 1 WHERE qty < 0")
        self.tidemark("run", path).ok()

    def test_null_is_not_true(self):
        self.execute("UPDATE items SET qty = NULL WHERE id = 17")
        self.tidemark("run", self.write({"kind": "verify", "condition": "qty > 0"})).expect(5)


class Gates(KindCase):
    ACT = {"kind": "set_not_null", "column": "qty"}

    def gated(self, gate):
        return self.write(dict(self.ACT, gate=gate))

    def done(self):
        return self.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'qty'")

    def await_waiting(self):
        """The gate was found closed, and nothing has changed two heartbeats later: it is looked at as often as they come."""
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL")
                        and self.value("SELECT max(state) FROM tidemark.run") == "waiting")
        self.wait_heartbeats("p", 2)

    def test_manual_waits_for_an_advance(self):
        path = self.gated("manual")
        self.tidemark("run", path, "--exit-code").expect(11)
        self.tidemark("run", path).ok()
        self.assertFalse(self.done())
        self.tidemark("advance", path, "--no-run").ok()
        self.assertFalse(self.done())
        self.tidemark("run", path).ok()
        self.assertTrue(self.done())

    def test_after_soaks_from_the_end_of_the_phase_before(self):
        path = self.write({"kind": "verify", "condition": "true"},
                          dict(self.ACT, gate={"after": "1500ms"}))
        result = self.tidemark("run", path).ok()
        self.assertGreater(result.seconds, 1.4)
        self.assertTrue(self.done())

    def test_a_long_soak_ends_the_command_and_can_be_waived_with_a_reason(self):
        path = self.gated({"after": "2h"})
        result = self.tidemark("run", path, "--exit-code").expect(11)
        self.assertLess(result.seconds, 5)
        self.tidemark("advance", path, "--now").expect(2)
        self.tidemark("advance", path, "--now", "--reason", "tested elsewhere").ok()
        self.assertTrue(self.done())
        self.assertIn("tested elsewhere", self.tidemark("history", "p", "--json").out)

    def test_an_sql_gate_opens_when_its_query_gives_true(self):
        self.execute("CREATE TABLE alembic_version (version_num text)")
        path = self.gated({"sql": "SELECT EXISTS (SELECT FROM alembic_version WHERE version_num = 'abc')"})
        process = self.tidemark.start("run", path)
        self.await_waiting()
        self.assertTrue(process.running())
        self.assertFalse(self.done())
        self.execute("INSERT INTO alembic_version VALUES ('abc')")
        process.wait(30).ok()
        self.assertTrue(self.done())

    def test_an_sql_gate_that_cannot_be_read_stops_with_4(self):
        self.tidemark("run", self.gated({"sql": "SELECT x FROM nosuchtable"})).expect((3, 4))
        self.assertFalse(self.done())

    def test_a_window_holds_until_it_opens(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        closed = f"{now + datetime.timedelta(hours=3):%H:%M}-{now + datetime.timedelta(hours=4):%H:%M} UTC"
        opened = f"{now - datetime.timedelta(hours=1):%H:%M}-{now + datetime.timedelta(hours=2):%H:%M} UTC"
        path = self.gated({"window": closed})
        process = self.tidemark.start("run", path, "--wait")
        self.await_waiting()
        self.assertFalse(self.done())
        process.signal(signal.SIGINT)
        process.wait(10).expect((130, 0))
        self.assertFalse(self.done())
        other = self.write(dict(self.ACT, gate={"window": opened}), name="open")
        self.tidemark("run", other, timeout=30).ok()
        self.assertTrue(self.done())

    def test_an_advance_reaches_an_executor_that_waits_in_another_process(self):
        path = self.gated({"after": "30s"})
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL")
                        and self.value("SELECT bool_or(hold_until IS NOT NULL) FROM tidemark.run"))
        self.tidemark("advance", path, "--now", "--reason", "now", "--no-run").ok()
        process.wait(10).ok()
        self.assertTrue(self.done())


class Throttle(KindCase):
    def sweep(self, **limits):
        self.execute("ALTER TABLE items ADD status text")
        return self.write({"kind": "backfill", "set": {"status": "'x'"}, "where": "status IS NULL",
                           "max_rows_per_second": 700}, **limits)

    def reason(self):
        if not self.value("SELECT to_regclass('tidemark.run') IS NOT NULL"):
            return ""
        return self.value("SELECT string_agg(concat(reason, progress->>'reason'), ' ') FROM tidemark.run") or ""

    def left(self):
        return self.value("SELECT count(*) FROM items WHERE status IS NULL")

    def test_a_throttle_file_holds_the_sweep_and_is_told_as_the_reason(self):
        file = os.path.join(self.directory, "hold")
        open(file, "w", encoding="utf-8").close()
        process = self.tidemark.start("run", self.sweep(throttle_file=file, lease="1s"))
        self.wait_until(lambda: file in self.reason(), what="the file holds the sweep")
        left = self.left()
        self.wait_heartbeats("p", 4)
        self.assertEqual(self.left(), left)
        self.assertGreater(left, 0)
        self.assertIn("hold", self.tidemark("status", "p").out)
        os.unlink(file)
        process.wait(30).ok()
        self.assertEqual(self.left(), 0)

    def test_an_sql_throttle_that_cannot_be_read_stops_the_work(self):
        self.execute("CREATE TABLE busy (b boolean)")
        self.execute("INSERT INTO busy VALUES (false)")
        path = self.sweep(throttle_sql="SELECT bool_or(b) FROM public.busy", lease="1s")
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.left() < ROWS, interval=0.005)
        self.execute("ALTER TABLE busy RENAME TO gone")
        self.wait_until(lambda: "throttle_sql cannot be read" in self.reason(), what="the query that fails holds the sweep")
        left = self.left()
        self.assertGreater(left, 0)
        self.wait_heartbeats("p", 4)
        self.assertEqual(self.left(), left)
        self.execute("ALTER TABLE gone RENAME TO busy")
        process.wait(30).ok()
        self.assertEqual(self.left(), 0)


if __name__ == "__main__":
    main()
