"""The table of a run: renamed, moved, swapped for another one, dropped. The run follows it by OID and writes no other table."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ROWS = 4000


class TableCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(f"CREATE TABLE products (id int PRIMARY KEY, a int, note text DEFAULT 'x');"
                     f"CREATE INDEX products_note ON products (note) WHERE id > 0;"
                     f"INSERT INTO products SELECT g, g FROM generate_series(1, {ROWS}) g")

    def write(self, **more):
        more.setdefault("switch", "manual")
        more.setdefault("drop_column", "manual")
        return self.plan(plans.rename("public.products", "a", "b", "integer", name="p", **more))

    def oid(self, name):
        return self.value("SELECT to_regclass(%s)::oid", (name,))

    def sweeping(self):
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                        and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 0, what="the sweep has begun")

    def agree(self, name):
        self.assertEqual(self.value(f"SELECT count(*) FROM {name} WHERE a IS DISTINCT FROM b"), 0)


class Renamed(TableCase):
    VIEW = "ALTER TABLE products RENAME TO clients; CREATE VIEW products AS SELECT * FROM clients"

    def test_renamed_with_a_view_left_in_its_place_it_goes_on_to_the_end(self):
        self.tidemark("run", self.write(hold="1s")).ok()
        self.execute("ALTER TABLE products RENAME TO clients; CREATE VIEW products AS SELECT id, note FROM clients")
        self.assertEqual(self.tidemark.json("status", "p")["table"], "public.clients")
        self.assertIn("clients", self.tidemark("plan", "p").ok().out)
        self.assertIn("0 differ", self.tidemark("verify", "p").ok().out)
        self.tidemark("lint", "--db", os.path.join(self.directory, "plan.toml")).ok()
        result = self.tidemark("advance", "p").ok()
        self.assertIn("public.clients", result.err)
        self.execute("UPDATE clients SET b = 5 WHERE id = 1")
        self.assertEqual(self.value("SELECT a FROM clients WHERE id = 1"), 5)
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.rows("SELECT state FROM tidemark.run"), [("complete",)])
        self.assertEqual(self.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'clients'::regclass AND attnum > 0 "
                                   "AND NOT attisdropped ORDER BY attnum"), [("id",), ("note",), ("b",)])
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'clients'::regclass"), 0)

    def test_renamed_it_is_rolled_back_from_the_switch_and_from_the_hold(self):
        before = self.rows("SELECT attname, atttypid, attnotnull FROM pg_attribute WHERE attrelid = 'products'::regclass "
                           "AND attnum > 0 AND NOT attisdropped")
        self.tidemark("run", self.write(hold="1h")).ok()
        self.tidemark("advance", "p").ok()
        self.tidemark("advance", "p").ok()
        self.execute("ALTER TABLE products RENAME TO clients; CREATE VIEW products AS SELECT id, note FROM clients")
        self.tidemark("rollback", "p", "--to", "verify", "--yes").ok()
        self.execute("UPDATE clients SET a = 9 WHERE id = 2")
        self.agree("clients")
        self.tidemark("rollback", "p", "--yes").ok()
        self.assertEqual(self.rows("SELECT attname, atttypid, attnotnull FROM pg_attribute WHERE attrelid = 'clients'::regclass "
                                   "AND attnum > 0 AND NOT attisdropped"), before)
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'clients'::regclass"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM pg_proc WHERE prorettype = 'trigger'::regtype AND pronamespace = 'tidemark'::regnamespace"), 0)

    def test_moved_to_another_schema_with_indexes_that_the_plan_makes_and_drops(self):
        path = self.plan(plans.plan("p", "public.products", [
            {"kind": "create_index", "name": "products_a", "columns": "a"},
            {"kind": "drop_index", "name": "products_note"},
            {"kind": "set_not_null", "column": "note", "gate": "manual"}]))
        definition = self.value("SELECT pg_get_indexdef('products_note'::regclass)")
        self.tidemark("run", path).ok()
        self.execute("CREATE SCHEMA archive; ALTER TABLE products SET SCHEMA archive; ALTER TABLE archive.products RENAME TO items;"
                     "CREATE TABLE products (id int, a int, note text)")
        self.tidemark("advance", "p").ok()
        self.assertTrue(self.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'archive.items'::regclass AND attname = 'note'"))
        self.tidemark("rollback", "p", "--yes").ok()
        self.assertEqual(self.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'archive.items'::regclass ORDER BY 1"),
                         [("archive.products_note",), ("archive.products_pkey",)])
        self.assertEqual(self.value("SELECT pg_get_indexdef('archive.products_note'::regclass)"),
                         definition.replace("public.products", "archive.items"))
        self.assertEqual(self.value("SELECT count(*) FROM pg_index WHERE indrelid = 'public.products'::regclass"), 0)

    def test_a_rename_of_the_plans_own_goes_forward_and_back(self):
        path = self.plan(plans.plan("p", "public.products", [
            {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "sql", "id": "r", "lock": "access exclusive",
             "act": ["ALTER TABLE public.products RENAME TO clients", "CREATE VIEW public.products AS SELECT * FROM public.clients"],
             "undo": ["DROP VIEW public.products", "ALTER TABLE public.clients RENAME TO products"]},
            {"kind": "create_index", "name": "clients_b", "columns": "b"},
            {"kind": "sql", "id": "dropview", "act": "DROP VIEW public.products",
             "undo": "CREATE VIEW public.products AS SELECT * FROM public.clients"}]))
        before = self.fingerprint()
        for stop in ("r", "clients_b", "dropview"):
            with self.subTest(stop=stop):
                args = ["--to", stop if stop != "clients_b" else "create_index"]
                self.tidemark("run", path, "--again", *args).ok()
                self.tidemark("rollback", "p", "--yes").ok()
                self.execute("DROP SCHEMA tidemark CASCADE")
                self.assert_same_schema(before)

    def test_sql_of_the_plan_that_would_hit_another_relation_is_refused(self):
        path = self.plan(plans.plan("p", "public.products", [
            {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "sql", "act": "UPDATE public.products SET b = 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        self.execute("ALTER TABLE products RENAME TO clients; CREATE TABLE products (id int, b int); INSERT INTO products VALUES (1, 7)")
        result = self.tidemark("advance", "p").expect(4)
        self.assertIn("renamed to public.clients", result.err)
        self.assertIn('ALTER TABLE "public"."clients" RENAME TO "products"', result.err)
        self.assertEqual(self.rows("SELECT b FROM products"), [(7,)])
        # The hint, followed.
        self.execute('DROP TABLE products; ALTER TABLE "public"."clients" RENAME TO "products"')
        self.tidemark("run", "p").ok()
        self.assertEqual(self.value("SELECT count(*) FROM products WHERE b = 1"), ROWS)


class Swapped(TableCase):
    OTHER = "CREATE TABLE other AS SELECT id, a, note, NULL::int AS b FROM products; ALTER TABLE other ADD PRIMARY KEY (id)"

    def swap(self):
        conn = self.connect()
        conn.autocommit = False
        with conn.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'; ALTER TABLE products RENAME TO mine; ALTER TABLE other RENAME TO products")
        conn.commit()
        conn.close()

    @limit(120)
    def test_a_swap_in_the_middle_of_a_sweep_writes_no_other_table(self):
        for order in ("heap", "keyset"):
            with self.subTest(order=order):
                self.execute("DROP TABLE IF EXISTS products, mine CASCADE; DROP SCHEMA IF EXISTS tidemark CASCADE;"
                             "CREATE TABLE products (id int PRIMARY KEY, a int, note text);"
                             f"INSERT INTO products SELECT g, g, 'x' FROM generate_series(1, {ROWS}) g;" + self.OTHER)
                path = self.write(rate=3000, fill={"order": order}, limits={"batch_duration": "2ms"})
                with self.tidemark.start("run", path) as process:
                    self.sweeping()
                    self.swap()
                    result = process.wait(60).ok()
                self.assertIn("public.mine", result.err)
                self.agree("mine")
                self.assertEqual(self.value("SELECT count(b) FROM products"), 0)
                self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'products'::regclass"), 0)
                self.assertIn("0 differ", self.tidemark("verify", "p").ok().out)

    @limit(90)
    def test_renamed_in_the_middle_of_a_sweep_with_a_view_or_nothing_in_its_place(self):
        for then in ("", "CREATE VIEW products AS SELECT id, a, b FROM mine"):
            with self.subTest(then=then):
                self.execute("DROP TABLE IF EXISTS mine CASCADE; DROP SCHEMA IF EXISTS tidemark CASCADE; DROP TABLE IF EXISTS products;"
                             "CREATE TABLE products (id int PRIMARY KEY, a int, note text);"
                             f"INSERT INTO products SELECT g, g, 'x' FROM generate_series(1, {ROWS}) g")
                path = self.write(rate=3000, limits={"batch_duration": "2ms"})
                with self.tidemark.start("run", path) as process:
                    self.sweeping()
                    self.execute(f"BEGIN; ALTER TABLE products RENAME TO mine; {then}; COMMIT")
                    process.wait(60).ok()
                self.agree("mine")

    def test_swapped_while_a_step_waits_for_its_lock(self):
        self.execute(self.OTHER)
        path = self.write(limits={"lock_timeout": "50ms", "lease": "1s"})
        conn = self.connect()
        conn.autocommit = False
        cursor = conn.cursor()
        cursor.execute("LOCK TABLE products IN ACCESS SHARE MODE")
        with self.tidemark.start("run", path) as process:
            self.wait_until(lambda: "lock" in process.err, what="the step asks for its lock")
            cursor.execute("ALTER TABLE products RENAME TO mine; ALTER TABLE other RENAME TO products")
            self.wait_heartbeats("p", 2)
            conn.commit()
            process.wait(60).ok()
        conn.close()
        self.agree("mine")
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'products'::regclass"), 0)


class Gone(TableCase):
    def test_dropped_and_made_anew_are_told_apart(self):
        self.tidemark("run", self.write()).ok()
        self.execute("DROP TABLE products")
        for verb in ("run", "advance", "rollback"):
            result = self.tidemark(verb, "p").expect(4)
            self.assertIn("public.products of the run of 'p' was dropped", result.err)
            self.assertNotIn("tidemark adopt", result.err)
        self.execute("CREATE TABLE products (id int PRIMARY KEY, a int)")
        for verb in ("run", "advance", "rollback"):
            result = self.tidemark(verb, "p").expect(4)
            self.assertIn("is not the one that the run of 'p' began with", result.err)
            self.assertNotIn("tidemark adopt", result.err)


if __name__ == "__main__":
    main()
