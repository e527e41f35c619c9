"""Tables whose rows are gone through in the order of an index: forward, back, with traffic, locks, kills and pauses.

`other` is a table access method by name only: the heap's own code, which the sweep must not take for a heap.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import Traffic, run  # noqa: E402

ROWS = 4000
OTHER = "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;"
NUMBERS = f"""
CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text) USING other;
INSERT INTO items SELECT i * 3, i, repeat('n', i % 50) FROM generate_series(1, {ROWS}) i;
ANALYZE items;
"""
# Names that sort otherwise in German than by bytes, in three directions.
MIXED = f"""
CREATE TABLE items (shop text COLLATE "de-x-icu" NOT NULL, item text COLLATE "C" NOT NULL, id uuid NOT NULL, qty integer, note text)
    USING other;
CREATE UNIQUE INDEX items_order ON items (shop, item DESC, id);
INSERT INTO items SELECT (ARRAY['Zürich', 'ähre', 'Ahorn', 'zoo', 'Öl', 'O''Neil', 'a,b{{"c"}}', ''])[i % 8 + 1],
    'i' || i % 7, ('00000000-0000-0000-0000-' || lpad(to_hex(i * 7919 % 65536), 12, '0'))::uuid, i, repeat('n', i % 50)
  FROM generate_series(1, {ROWS}) i;
ANALYZE items;
"""


class OrderCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(OTHER)

    def rename(self, **more):
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p", **more))

    def fill(self, name="p", **more):
        return self.plan(plans.plan(name, "public.items", [{"kind": "backfill", **more}], lock_timeout="100ms"), f"{name}.toml")

    def differing(self):
        return self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM qty")

    def changed(self):
        if not self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL"):
            return 0
        return self.value("SELECT coalesce(sum(changed), 0)::integer FROM tidemark.segment")

    def segments(self):
        return self.rows("SELECT key_order, done, skipped_range, skipped FROM tidemark.segment")


def insert(conn, rng):
    run(conn, "INSERT INTO items (id, qty, note) VALUES (%s, %s, 'new') ON CONFLICT DO NOTHING",
        (rng.randint(1, 3 * ROWS + 500), rng.randint(1, 9)))


def change(conn, rng):
    run(conn, "UPDATE items SET qty = %s WHERE id = %s", (rng.randint(1, 10**6), 3 * rng.randint(1, ROWS)))


def move(conn, rng):
    """Keys jump over the checkpoint, in both directions."""
    near, far = 3 * rng.randint(1, ROWS), 10**6 + rng.randint(1, 10**6)
    run(conn, "UPDATE items SET id = %s WHERE id = %s AND NOT EXISTS (SELECT FROM items WHERE id = %s)", (far, near, far))
    run(conn, "UPDATE items SET id = -id WHERE id = (SELECT max(id) FROM items WHERE id < %s)"
              " AND id > 0", (far,))


def backwards(conn, rng):
    """Locks rows in the opposite order, one after the other."""
    with_transaction = sorted((3 * rng.randint(1, ROWS) for _ in range(6)), reverse=True)
    run(conn, "BEGIN")
    try:
        for number in with_transaction:
            run(conn, "UPDATE items SET note = 'locked' WHERE id = %s", (number,))
        run(conn, "COMMIT")
    except Exception:
        run(conn, "ROLLBACK")
        raise


class Course(OrderCase):
    """A whole rename on a table that is no heap."""

    def forth_and_back(self, jobs):
        before = self.fingerprint()
        path = self.rename(rate=6000, drop_column="manual")
        review = self.tidemark("plan", path).ok().out
        self.assertIn("in the order of an index", review)
        with Traffic(self.server, self.database, jobs, threads=3, pause=0.002) as traffic:
            self.tidemark("run", path).ok()
            self.assertEqual(self.differing(), 0)
        traffic.raise_errors(allowed=("23505",))
        self.assertTrue(all(order and done for order, done, _, _ in self.segments()))
        self.assertIn("0 differ", self.tidemark("verify", path).ok().out)
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)

    def test_with_a_number_as_key_and_rows_that_come_change_and_move(self):
        self.execute(NUMBERS)
        self.forth_and_back([insert, change, move])

    def test_with_a_key_of_three_columns_in_two_directions(self):
        self.execute(MIXED)
        self.forth_and_back([
            lambda c, r: run(c, "INSERT INTO items VALUES ('Ä', 'i' || %s, gen_random_uuid(), 1, 'new')", (r.randint(1, 9),)),
            lambda c, r: run(c, "UPDATE items SET qty = qty + 1 WHERE qty = %s", (r.randint(1, ROWS),)),
            lambda c, r: run(c, "UPDATE items SET shop = %s, item = 'moved' WHERE qty = %s", (r.choice("aZö"), r.randint(1, ROWS)))])

    @limit(120)
    def test_to_the_end_without_the_old_column(self):
        self.execute(NUMBERS)
        total = self.value("SELECT sum(qty) FROM items")
        self.tidemark("run", self.rename()).ok()
        self.assertEqual(self.value("SELECT sum(quantity) FROM items"), total)
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'qty'"), 0)

    def test_an_application_that_locks_in_reverse_order_is_never_the_deadlock_victim(self):
        self.execute(NUMBERS)
        path = self.rename(rate=3000, switch="manual")
        with Traffic(self.server, self.database, [backwards], threads=4) as traffic:
            self.tidemark("run", path).ok()
        traffic.raise_errors()
        self.assertEqual(self.differing(), 0)


class Checkpoint(OrderCase):
    def begin(self, path, rows=500):
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.changed() >= rows, what="the sweep has begun")
        return process

    def kill(self, path, rows):
        process = self.begin(path, rows)
        process.signal(signal.SIGKILL)
        process.wait(10)
        self.server.terminate("tidemark/%", self.database)

    @limit(90)
    def test_after_each_kill_it_goes_on_behind_the_last_key_and_passes_no_row_twice(self):
        self.execute(MIXED)
        path = self.rename(rate=2500, switch="manual")
        for rows in (400, 1300, 2600):
            self.kill(path, rows)
        self.tidemark("run", path).ok()
        self.assertEqual(self.differing(), 0)
        self.assertEqual(self.rows("SELECT count(*), sum(rows_seen)::integer, sum(changed)::integer, bool_and(done)"
                                   " FROM tidemark.segment WHERE sweep LIKE '%%/fill/%%'", ()), [(1, ROWS, ROWS, True)])

    def test_another_version_of_the_collation_begins_the_pass_again_and_says_so(self):
        self.execute(MIXED)
        path = self.rename(rate=2500, switch="manual")
        self.kill(path, 500)
        self.assertIn("de-x-icu", self.value("SELECT key_order FROM tidemark.segment"))
        self.execute(r"UPDATE tidemark.segment SET key_order = regexp_replace(key_order, '\[.*?\]', '[1.2.3]')")
        result = self.tidemark("run", path).ok()
        self.assertIn("version of a collation", result.out + result.err)
        self.assertEqual(self.value("SELECT sum(rows_seen)::integer FROM tidemark.segment WHERE sweep LIKE '%%/fill/%%'", ()), ROWS)
        self.assertEqual(self.differing(), 0)

    def test_a_rewrite_of_the_table_begins_the_pass_again(self):
        self.execute(NUMBERS)
        path = self.rename(rate=2500, switch="manual")
        process = self.begin(path)
        self.execute("VACUUM FULL items")
        result = process.wait(60).ok()
        self.assertIn("has been rewritten", result.out + result.err)
        self.assertEqual(self.differing(), 0)

    def test_an_index_that_is_built_again_changes_nothing(self):
        self.execute(NUMBERS)
        path = self.rename(rate=2500, switch="manual")
        process = self.begin(path)
        self.execute("REINDEX INDEX CONCURRENTLY items_pkey")
        result = process.wait(60).ok()
        self.assertNotIn("starts again", result.out + result.err)
        self.assertEqual(self.rows("SELECT sum(rows_seen)::integer, count(*) FROM tidemark.segment WHERE sweep LIKE '%%/fill/%%'", ()),
                         [(ROWS, 1)])

    def test_without_its_index_it_stops_and_goes_on_when_another_is_there(self):
        self.execute(NUMBERS)
        path = self.rename(rate=2500, switch="manual")
        process = self.begin(path)
        self.execute("ALTER TABLE items DROP CONSTRAINT items_pkey")
        self.assertIn("no suitable unique index", process.wait(30).expect(4).err)
        self.execute("CREATE UNIQUE INDEX items_again ON items (id DESC)")
        result = self.tidemark("run", path).ok()
        self.assertIn("starts again", result.out + result.err)
        self.assertEqual(self.differing(), 0)

    def test_a_pause_is_heard_and_nothing_is_written_meanwhile(self):
        self.execute(NUMBERS)
        path = self.rename(rate=2500, switch="manual", limits={"lease": "1s"})
        process = self.begin(path)
        self.tidemark("pause", "p").ok()
        self.wait_until(lambda: self.value("SELECT state FROM tidemark.run") == "paused")
        before = self.changed()
        progress = self.tidemark.json("status", "p")["progress"]
        self.wait_heartbeats("p", 3)
        self.assertEqual(self.changed(), before)
        self.assertLess(before, ROWS)
        self.assertIsNone(progress["hot_ratio"])
        self.assertAlmostEqual(progress["ratio"], before / ROWS, delta=0.1)
        self.tidemark("resume", "p").ok()
        process.wait(60).ok()
        self.assertEqual(self.differing(), 0)

    @limit(90)
    def test_rows_that_the_application_holds_are_left_and_come_last(self):
        self.execute(MIXED)
        path = self.rename(switch="manual", limits={"lease": "1s"})
        self.tidemark("run", path, "--to", "dual_write").ok()
        holder = self.connect(autocommit=False)
        self.addCleanup(holder.close)
        self.assertEqual(run(holder, "SELECT count(*) FROM (SELECT FROM items WHERE qty % 800 = 7 FOR UPDATE) x"), [(5,)])
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.differing() == 5, what="all other rows are done")
        self.wait_heartbeats("p", 3)
        self.assertTrue(process.running())
        self.assertEqual(self.value("SELECT bool_and(key_stop IS NOT NULL) FROM tidemark.segment WHERE NOT done"), True)
        process.signal(signal.SIGKILL)
        process.wait(10)
        self.server.terminate("tidemark/%", self.database)
        process = self.tidemark.start("run", path)
        self.wait_heartbeats("p", 5)
        self.assertTrue(process.running())
        run(holder, "UPDATE items SET note = 'mine' WHERE qty % 800 = 7")
        holder.commit()
        process.wait(30).ok()
        self.assertEqual(self.differing(), 0)


class Jobs(OrderCase):
    """Backfills of their own, without a trigger."""

    def test_on_a_heap_the_order_of_keys_gives_the_same_result(self):
        self.execute(NUMBERS.replace("USING other", "") + "ALTER TABLE items ADD a text, ADD b text")
        expression = "upper(note) || qty"
        self.tidemark("run", self.fill("blocks", set={"a": expression})).ok()
        self.tidemark("run", self.fill("keys", set={"b": expression}, order="keyset")).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE a IS DISTINCT FROM b OR a IS NULL"), 0)
        self.assertEqual(sorted({row[0] or "" for row in self.segments()}), ["", "id"])

    @limit(90)
    def test_rows_that_move_while_it_works_are_not_forgotten(self):
        self.execute(NUMBERS + "ALTER TABLE items ADD status text")
        path = self.fill(set={"status": "'x'"}, where="status IS NULL", max_rows_per_second=2500)
        with Traffic(self.server, self.database, [move], threads=2, pause=0.002) as traffic:
            self.tidemark("run", path).ok()
        traffic.raise_errors(allowed=("23505",))
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE status IS NULL"), 0)

    def test_keys_of_every_type_come_back_as_they_were(self):
        self.execute("CREATE TYPE mood AS ENUM ('zornig', 'arg', 'Bang'); CREATE DOMAIN short AS varchar(9);"
                     "CREATE DOMAIN shorter AS short CHECK (length(VALUE) < 9);"
                     "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        keys = {
            "char(4)": "(ARRAY['a', 'B', 'b c', ''])[n % 4 + 1]", "mood": "(enum_range(NULL::mood))[n % 3 + 1]",
            "float8": "(ARRAY['NaN', '-0.1', '1e-300', 'Infinity', '-Infinity', '0.30000000000000004'])[n % 6 + 1]::float8",
            "timestamptz": "(ARRAY['infinity', '-infinity', '2024-03-31 02:30:00.000001+02'])[n % 3 + 1]::timestamptz",
            "interval": "make_interval(months => n % 5, days => n % 7)", "numeric": "(n % 9)::numeric / 7",
            "shorter": "(ARRAY['é', 'E', 'e\\', '{}', 'NULL', '\"'])[n % 6 + 1]", "bytea": "decode(to_hex(n % 256 + 256), 'hex')",
            "text COLLATE nocase": "(ARRAY['a', 'b', 'ä'])[n % 3 + 1]", "inet": "'10.0.0.0'::inet + n % 5",
            '"char"': "chr(n % 90 + 33)::\"char\"", "int4range": "int4range(n % 3, n % 3 + 2)", "boolean": "n % 2 = 0",
            "date": "date '2024-01-01' + n % 4", "integer[]": "ARRAY[n % 4, NULL]", "name": "('N' || n % 6)::name",
        }
        for number, (kind, value) in enumerate(keys.items()):
            direction = ("", "DESC NULLS LAST", "DESC", "NULLS FIRST")[number % 4]
            value = value.replace('\\"', '"').replace("to_hex(n % 256 + 256)", "lpad(to_hex(n % 256), 2, '0')")
            with self.subTest(kind):
                self.execute(f"DROP TABLE IF EXISTS items; CREATE TABLE items (k {kind} NOT NULL, n integer NOT NULL, a integer)"
                             f" USING other; CREATE UNIQUE INDEX ON items (k {direction}, n);"
                             f"INSERT INTO items SELECT {value}, n FROM generate_series(1, 600) n; ANALYZE items")
                name = f"p{number}"
                self.tidemark("run", self.fill(name, set={"a": "n"}, max_rows_per_second=1500)).ok()
                self.assertEqual(self.value("SELECT count(*) FROM items WHERE a IS DISTINCT FROM n"), 0)
                self.assertEqual(self.rows("SELECT DISTINCT rows_seen, batches > 5, changed FROM tidemark.segment s JOIN tidemark.run r"
                                           " ON r.id = s.run WHERE r.plan = %s AND pass = 1 OR r.plan = %s AND pass = 2"
                                           " ORDER BY changed DESC LIMIT 1", (name, name))[0][:1], (600,))

    def test_a_row_that_cannot_be_computed_is_named_by_the_key_before_it(self):
        self.execute(MIXED + "ALTER TABLE items ADD a integer; UPDATE items SET note = 'bad' WHERE qty = 1234")
        path = self.fill(set={"a": "CASE WHEN note = 'bad' THEN 1 / (qty - 1234) ELSE qty END"})
        result = self.tidemark("run", path).expect(4)
        self.assertIn("division by zero", result.err)
        self.assertRegex(result.err, "after the key")
        look = result.err.split("look at it: ")[1].split("; fix")[0]
        self.assertEqual([row[3] for row in self.rows(look)], [1234])
        self.execute("UPDATE items SET note = 'good' WHERE qty = 1234")
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE a IS DISTINCT FROM qty"), 0)


class Leaves(OrderCase):
    PARTS = """CREATE TABLE items (id int NOT NULL, qty int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
               CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (2000);
               CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (2000) TO (4000) USING other;
               CREATE TABLE items_3 (qty int, id int NOT NULL) USING other;
               ALTER TABLE items ATTACH PARTITION items_3 FOR VALUES FROM (4000) TO (6000);
               INSERT INTO items SELECT i, i FROM generate_series(0, 5999) i; ANALYZE items"""

    def test_each_leaf_in_its_own_order_and_those_that_are_attached_meanwhile(self):
        self.execute(self.PARTS)
        before = self.fingerprint()
        path = self.rename(rate=3000, drop_column="manual", limits={"workers": 3})
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.changed() > 500)
        self.execute("CREATE TABLE items_4 (id int NOT NULL, qty int, quantity int);"
                     "INSERT INTO items_4 SELECT i, i FROM generate_series(6000, 6999) i;"
                     "ALTER TABLE items ATTACH PARTITION items_4 FOR VALUES FROM (6000) TO (8000)")
        process.wait(60).ok()
        self.assertEqual(self.differing(), 0)
        self.assertEqual(self.rows("SELECT relation::regclass::text, max(key_order) FROM tidemark.segment GROUP BY 1 ORDER BY 1"),
                         [("items_1", None), ("items_2", "id"), ("items_3", "id"), ("items_4", None)])
        self.execute("DROP TABLE items_4")
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)


class Refusals(OrderCase):
    def refused(self, path, *words):
        before = self.fingerprint()
        for verb in ("plan", "run"):
            result = self.tidemark(verb, path).expect((3, 4))
            for word in words:
                self.assertIn(word, result.out + result.err)
        self.assert_same_schema(before)

    def test_without_an_index_that_leads_through_it_nothing_is_begun(self):
        self.execute(NUMBERS)
        for sql in ("ALTER TABLE items DROP CONSTRAINT items_pkey",
                    "CREATE UNIQUE INDEX ON items (id) WHERE id > 0",
                    "CREATE UNIQUE INDEX ON items ((id + 1))",
                    "ALTER TABLE items ADD UNIQUE (id) DEFERRABLE",
                    "ALTER TABLE items ALTER id DROP NOT NULL; CREATE UNIQUE INDEX ON items (id)"):
            self.execute(sql)
            with self.subTest(sql):
                self.refused(self.rename(), "plan.toml:", "is not stored in a heap")
        self.execute("ALTER TABLE items ALTER id SET NOT NULL")
        self.tidemark("plan", self.rename()).ok()

    def test_the_order_of_keys_without_a_key_is_refused_where_it_is_written(self):
        self.execute("CREATE TABLE items (id int, a int); INSERT INTO items VALUES (1)")
        self.refused(self.fill(set={"a": "1"}, order="keyset"), "no suitable unique index", "p.toml:10:9")

    def test_blocks_of_what_is_no_heap_are_refused_where_it_is_written(self):
        self.execute(NUMBERS)
        self.refused(self.fill(set={"note": "'x'"}, order="heap"), "cannot be scanned by block", "p.toml:10:9")

    def test_an_order_that_does_not_exist_is_refused(self):
        self.execute(NUMBERS)
        result = self.tidemark("lint", self.fill(set={"note": "'x'"}, order="random")).expect(3)
        self.assertIn("keyset", result.out + result.err)


class Reading(OrderCase):
    def test_rows_that_differ_are_counted_and_named_in_the_order_of_the_key(self):
        self.execute(NUMBERS)
        path = self.plan(plans.plan("p", "public.items", [{"kind": "verify", "condition": "qty > 0"}]))
        self.execute("UPDATE items SET qty = -1 WHERE id IN (30, 3003)")
        result = self.tidemark("run", path).expect(5)
        self.assertIn("2 row(s) differ", result.err)
        self.assertRegex(result.err, r'"id": 30}, .*"id": 3003')
        self.execute("UPDATE items SET qty = 1 WHERE qty < 0")
        self.tidemark("run", path).ok()

    def test_verify_compares_what_no_trigger_kept(self):
        self.execute(MIXED)
        path = self.rename(switch="manual")
        self.tidemark("run", path).ok()
        self.execute("ALTER TABLE items DISABLE TRIGGER ALL")
        check = self.value("SELECT conname FROM pg_constraint WHERE conrelid = 'items'::regclass AND contype = 'c'")
        self.execute(f'ALTER TABLE items DROP CONSTRAINT "{check}"; UPDATE items SET quantity = -1 WHERE qty IN (5, 3000)')
        result = self.tidemark("verify", path).expect(5)
        self.assertIn(f"{ROWS:,} rows compared", result.out)
        self.assertIn("2 differ", result.out)


if __name__ == "__main__":
    main()
