"""The application's own triggers and the rows that a backfill fills: they are spoken of before the start, and fire or are skipped."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import Traffic, run  # noqa: E402

ROWS = 3000

# What applications have: a time of the last change, and a log of changes.
SCHEMA = f"""
CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text, updated_at timestamptz NOT NULL DEFAULT '2020-01-01');
INSERT INTO items (id, qty, note) SELECT i, i, repeat('n', i % 50) FROM generate_series(1, {ROWS}) i;
CREATE TABLE audit (item bigint, by_application text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.updated_at := now(); RETURN NEW; END$$;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.audit VALUES (NEW.id, current_setting('application_name')); RETURN NULL; END$$;
CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER note AFTER UPDATE ON items FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION note();
"""


class TriggerCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(SCHEMA)

    def rename(self, word=None, **more):
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", other_triggers=word, **more))

    def fill(self, word=None, column="qty", value="1", table="public.items", **more):
        phase = {"kind": "backfill", "set": {column: value}, "other_triggers": word, **more}
        return self.plan(plans.plan("fill", table, [phase]))

    def touched(self):
        return self.value("SELECT count(*) FROM items WHERE updated_at <> '2020-01-01'")

    def audited(self, application="tidemark/%"):
        return self.value("SELECT count(*) FROM audit WHERE by_application LIKE %s", (application,))

    def wrong(self):
        return self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM qty")

    def worker(self):
        """A role that owns the table, and is no superuser."""
        self.execute(f"CREATE ROLE mover LOGIN; ALTER TABLE items OWNER TO mover; ALTER TABLE audit OWNER TO mover;"
                     f" GRANT CREATE ON DATABASE {self.database} TO mover; GRANT ALL ON SCHEMA public TO mover")
        self.addCleanup(self.server.sql, "DROP ROLE IF EXISTS mover")
        self.addCleanup(self._drop)
        if self.server.major >= 15:
            self.addCleanup(self.execute, "REVOKE SET ON PARAMETER session_replication_role FROM mover")
        return {"PGUSER": "mover"}


class Said(TriggerCase):
    def test_a_plan_that_says_nothing_is_refused_with_their_names_and_changes_nothing(self):
        before = self.fingerprint()
        for write, place in ((self.rename, "plan.toml:14:1"), (self.fill, "plan.toml:4:1")):
            path = write()
            for verb, code in (("run", 4), ("plan", 3)):
                result = self.tidemark(verb, path).expect(code)
                said = result.out + result.err
                for words in ('"touch" (BEFORE UPDATE FOR EACH ROW, calls public.touch)',
                              '"note" (AFTER UPDATE FOR EACH ROW WHEN (new.id > 0), calls public.note)',
                              'other_triggers = "fire"', 'other_triggers = "skip"', place):
                    self.assertIn(words, said)
        self.assertIn("backfill-other-triggers", self.tidemark("lint", "--db", path).expect((3, 4)).out)
        self.assertNotIn("trigger", self.tidemark("lint", path).ok().out)
        self.assert_same_schema(before)
        self.assertEqual((self.touched(), self.audited("%")), (0, 0))

    def test_the_review_lists_them_and_how_often_each_fires(self):
        self.execute("ANALYZE items")
        fire = self.tidemark("plan", self.rename("fire")).ok().out
        self.assertRegex(fire, r"triggers +touch: BEFORE UPDATE FOR EACH ROW, calls public.touch: fires for each row, up to about 3")
        self.assertIn("note: AFTER UPDATE FOR EACH ROW WHEN (new.id > 0), calls public.note: fires for each row", fire)
        self.assertIn("touch: BEFORE UPDATE FOR EACH ROW, calls public.touch: skipped", self.tidemark("plan", self.rename("skip")).ok().out)
        fill = self.tidemark.json("plan", self.rename("skip"))["phases"][2]["steps"][0]
        self.assertEqual(fill["forward"]["other_triggers"], [
            {"name": "touch", "table": None, "timing": "BEFORE UPDATE FOR EACH ROW", "condition": None,
             "function": "public.touch", "fires": False},
            {"name": "note", "table": None, "timing": "AFTER UPDATE FOR EACH ROW", "condition": "(new.id > 0)",
             "function": "public.note", "fires": False}])

    def test_what_would_not_fire_needs_no_word(self):
        self.execute("DROP TRIGGER touch ON items; DROP TRIGGER note ON items;"
                     "CREATE TRIGGER inserted BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION touch();"
                     "CREATE TRIGGER other BEFORE UPDATE OF note ON items FOR EACH ROW EXECUTE FUNCTION touch();"
                     "CREATE TRIGGER off BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();"
                     "ALTER TABLE items DISABLE TRIGGER off;"
                     "CREATE TABLE orders (item bigint REFERENCES items)")
        self.tidemark("run", self.fill()).ok()
        self.assertEqual(self.touched(), 0)
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE qty <> 1"), 0)

    def test_a_trigger_on_a_generated_column_wakes_with_what_it_is_made_of(self):
        self.execute("DROP TRIGGER touch ON items; DROP TRIGGER note ON items;"
                     "ALTER TABLE items ADD twice integer GENERATED ALWAYS AS (qty * 2) STORED;"
                     "CREATE TRIGGER twice AFTER UPDATE OF twice ON items FOR EACH ROW EXECUTE FUNCTION note()")
        self.assertIn("twice", self.tidemark("run", self.fill()).expect(4).err)
        self.tidemark("run", self.fill(column="note", value="'x'")).ok()
        self.assertEqual(self.audited(), 0)

    def test_a_rule_on_updates_is_refused_before_the_server_does(self):
        self.execute("DROP TRIGGER touch ON items; DROP TRIGGER note ON items;"
                     "CREATE RULE also AS ON UPDATE TO items DO ALSO INSERT INTO audit VALUES (NEW.id, 'rule')")
        result = self.tidemark("run", self.fill()).expect(4)
        self.assertIn('DISABLE RULE "also"', result.err)
        self.tidemark("run", self.fill("skip")).ok()
        self.assertEqual(self.audited("rule"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE qty <> 1"), 0)


class Fire(TriggerCase):
    def test_each_row_is_touched_and_audited_once(self):
        self.tidemark("run", self.rename("fire"), "--to", "backfill").ok()
        self.assertEqual((self.touched(), self.audited(), self.wrong()), (ROWS, ROWS, 0))

    def test_a_statement_trigger_fires_for_each_batch(self):
        self.execute("DROP TRIGGER touch ON items; DROP TRIGGER note ON items;"
                     "CREATE FUNCTION batch() RETURNS trigger LANGUAGE plpgsql AS"
                     " $$BEGIN INSERT INTO public.audit SELECT count(*), 'batch' FROM filled; RETURN NULL; END$$;"
                     "CREATE TRIGGER batch AFTER UPDATE ON items REFERENCING NEW TABLE AS filled FOR EACH STATEMENT"
                     " EXECUTE FUNCTION batch()")
        self.assertIn("batch", self.tidemark("run", self.rename()).expect(4).err)
        self.assertIn("fires once for each batch", self.tidemark("plan", self.rename("fire")).ok().out)
        self.tidemark("run", self.rename("fire"), "--to", "backfill").ok()
        self.assertEqual(self.value("SELECT sum(item) FROM audit WHERE by_application = 'batch'"), ROWS)


class Skip(TriggerCase):
    @limit(90)
    def test_the_application_goes_on_with_its_triggers_and_its_dual_writes(self):
        path = self.rename("skip", rate=1500)
        self.tidemark("run", path, "--to", "dual_write").ok()
        with Traffic(self.server, self.database, [lambda conn, rng: run(
                conn, "UPDATE items SET qty = %s WHERE id = %s", (rng.randint(1, 9999), rng.randint(1, ROWS)))], threads=3,
                     pause=0.002) as traffic:
            self.tidemark("run", path, "--to", "backfill").ok()
        traffic.raise_errors()
        written = len(traffic.latencies)
        self.assertGreater(written, 100)
        self.assertEqual(self.wrong(), 0)
        self.assertEqual(self.audited("app-%"), written)
        self.assertEqual(self.audited("%"), written)
        self.assertEqual(self.touched(), self.value("SELECT count(DISTINCT item) FROM audit"))
        self.tidemark("run", path, "--to", "switch").ok()

    def test_a_fill_of_its_own_skips_them_too(self):
        self.tidemark("run", self.fill("skip")).ok()
        self.assertEqual((self.touched(), self.audited("%")), (0, 0))
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE qty <> 1"), 0)

    def test_what_is_enabled_always_fires_all_the_same(self):
        self.execute("ALTER TABLE items ENABLE ALWAYS TRIGGER note")
        path = self.rename("skip")
        review = self.tidemark("plan", path).ok().out
        self.assertIn("backfill-fires-anyway", review)
        self.assertIn("calls public.note: fires for each row", review)
        self.tidemark("run", path, "--to", "backfill").ok()
        self.assertEqual((self.touched(), self.audited(), self.wrong()), (0, ROWS, 0))

    def test_what_is_enabled_for_replicas_fires_then(self):
        self.execute("ALTER TABLE items ENABLE REPLICA TRIGGER note")
        path = self.rename("skip")
        self.assertIn("only because", self.tidemark("plan", path).ok().out)
        self.tidemark("run", path, "--to", "backfill").ok()
        self.assertEqual((self.touched(), self.audited()), (0, ROWS))

    def test_a_partition_s_own_triggers_count(self):
        self.execute("CREATE TABLE parts (id int, n int, m int) PARTITION BY RANGE (id);"
                     "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);"
                     "CREATE TABLE parts_2 (m int, id int NOT NULL, n int);"
                     "ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (500) TO (2000);"
                     "INSERT INTO parts SELECT i, 0, 0 FROM generate_series(1, 1000) i;"
                     "CREATE TRIGGER whole AFTER UPDATE ON parts FOR EACH STATEMENT EXECUTE FUNCTION note();"
                     "CREATE TRIGGER leaf AFTER UPDATE OF n ON parts_2 FOR EACH ROW EXECUTE FUNCTION note()")
        said = self.tidemark("run", self.fill(column="n", table="public.parts")).expect(4).err
        self.assertIn('"leaf" on public.parts_2', said)
        self.assertNotIn("whole", said)
        self.tidemark("run", self.fill("skip", column="n", table="public.parts")).ok()
        self.assertEqual((self.value("SELECT count(*) FROM parts WHERE n <> 1"), self.audited("%")), (0, 0))
        self.tidemark("run", self.plan(plans.plan("two", "public.parts", [
            {"kind": "backfill", "set": {"n": "2"}, "other_triggers": "fire"}]))).ok()
        self.assertEqual(self.audited(), 501)

    def test_the_sql_of_the_review_skips_them_in_psql_too(self):
        sql = self.tidemark("plan", self.fill("skip"), "--sql").ok().out
        done = subprocess.run([self.server.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                              input=sql + "\nSHOW session_replication_role;\n", env=self.server.environment(self.database),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("origin", done.stdout)
        self.assertEqual((self.touched(), self.audited("%")), (0, 0))
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE qty <> 1"), 0)

    def test_filling_again_on_the_way_back_of_a_switch_skips_them_too(self):
        path = self.rename("skip", up="qty * 10", down="quantity / 10", drop_column="manual")
        self.tidemark("run", path).ok()
        self.execute("UPDATE items SET quantity = 55 WHERE id = 7")
        audited = self.audited("%")
        self.tidemark("rollback", path, "--to", "verify", "--yes").ok()
        self.assertEqual(self.rows("SELECT qty, quantity FROM items WHERE id = 7"), [(5, 50)])
        self.assertEqual((audited, self.audited("%")), (1, 1))


class Moved(LiveCase):
    """Functions of BEFORE triggers are replaced between the switch and the drop, from naming the old column to naming the new one."""
    SETS = "CREATE OR REPLACE FUNCTION public.clamp() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN NEW.{0} := coalesce(NEW.{0}, 5); RETURN NEW; END$f$"
    READS = "CREATE OR REPLACE FUNCTION public.atone() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN NEW.n := NEW.{0}; RETURN NEW; END$f$"

    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer, n integer);" + self.SETS.format("a") + ";" + self.READS.format("a")
                     + ";CREATE TRIGGER clamp BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION clamp();"
                     "CREATE TRIGGER atone BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION atone()")

    def phases(self, *acts):
        more = [{"kind": "sql", "act": [f.format("b") for f in act], "undo": [f.format("a") for f in act]} for act in acts]
        names = ["clamp", "atone"]
        rename = plans.rename_phases("a", "b", "integer", other_triggers="skip", drop_column="manual")
        rename[-1]["accept"] = names
        return self.plan(plans.plan("p", "public.t", rename[:-1] + more + rename[-1:]))

    def assert_set(self, number):
        for statement in (f"INSERT INTO t (id, a) VALUES ({number}, NULL)", f"INSERT INTO t (id, b) VALUES ({number + 1}, NULL)",
                          f"UPDATE t SET a = NULL WHERE id = {number}", f"UPDATE t SET b = NULL WHERE id = {number + 1}"):
            self.execute(statement)
            self.assertEqual(self.rows(f"SELECT DISTINCT a, b FROM t WHERE id IN ({number}, {number + 1})"), [(5, 5)], statement)

    def test_what_one_sets_is_kept_while_another_names_the_other_column(self):
        """Not by the plan: a deploy replaces them one by one, the reader first, or the one that sets first."""
        self.tidemark("run", self.phases((self.SETS, self.READS)), "--to", "switch").ok()
        for number, (reads, sets) in enumerate((("a", "a"), ("b", "a"), ("b", "b"), ("a", "b"))):
            self.execute(self.READS.format(reads) + ";" + self.SETS.format(sets))
            self.assert_set(10 * number + 1)

    def test_moving_only_some_is_refused_and_all_at_once_is_not(self):
        result = self.tidemark("lint", "--db", self.phases((self.READS,), (self.SETS,))).expect(3)
        self.assertIn("[sql-half-moved]", result.out)
        self.assertEqual(result.out.count("[sql-half-moved]"), 1)
        path = self.phases((self.SETS, self.READS))
        self.tidemark("lint", "--db", path).ok()
        self.tidemark("run", path).ok()
        self.assert_set(1)
        self.tidemark("rollback", "p", "--yes", "--to", "switch").ok()
        self.assert_set(11)
        self.tidemark("run", "p").ok()
        self.tidemark("advance", "p").ok()
        self.execute("INSERT INTO t (id, b) VALUES (30, NULL)")
        self.assertEqual(self.rows("SELECT b, n FROM t WHERE id = 30"), [(5, 5 if "clamp" < "atone" else None)])


class Refused(TriggerCase):
    def refused(self, words, **fill):
        result = self.tidemark("run", self.fill("skip", **fill)).expect(4)
        self.assertIn(words, result.err)
        self.assertIn("other_triggers", result.err)
        self.assertFalse(self.value("SELECT to_regnamespace('tidemark') IS NOT NULL"))
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE qty <> id"), 0)

    def test_a_foreign_key_of_a_filled_column_is_not_skipped(self):
        """Without the refusal the rows would be filled with keys that are not there."""
        self.execute("CREATE TABLE shops (id int PRIMARY KEY);"
                     "ALTER TABLE items ADD CONSTRAINT in_shop FOREIGN KEY (qty) REFERENCES shops NOT VALID")
        self.refused("in_shop")
        self.tidemark("run", self.fill("skip", column="note", value="'x'")).ok()

    def test_a_foreign_key_that_points_at_a_filled_column_is_not_skipped(self):
        self.execute("ALTER TABLE items ADD UNIQUE (qty); CREATE TABLE lines (qty int CONSTRAINT of_item REFERENCES items (qty))")
        self.refused("of_item", value="qty + 5000", where="qty < 5000")

    def test_a_deferrable_key_is_not_skipped(self):
        """The server checks it by a trigger: two rows with one value would be let in."""
        self.execute("ALTER TABLE items ADD CONSTRAINT one_qty UNIQUE (qty) DEFERRABLE")
        self.refused("one_qty")

    def test_a_constraint_trigger_is_not_skipped_unless_it_fires_always(self):
        self.execute("CREATE CONSTRAINT TRIGGER balance AFTER UPDATE ON items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                     " EXECUTE FUNCTION note()")
        self.refused("ENABLE ALWAYS TRIGGER \"balance\"")
        self.execute("ALTER TABLE items ENABLE ALWAYS TRIGGER balance")
        self.tidemark("run", self.fill("skip", value="0")).ok()
        self.assertEqual((self.touched(), self.audited()), (0, ROWS))

    def test_a_foreign_key_of_a_partition_is_not_skipped(self):
        self.execute("CREATE TABLE shops (id int PRIMARY KEY); CREATE TABLE parts (id int, n int) PARTITION BY RANGE (id);"
                     "CREATE TABLE parts_1 (n int CONSTRAINT leaf_only REFERENCES shops, id int);"
                     "ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (0) TO (10)")
        self.refused("leaf_only", column="n", table="public.parts")

    def test_skipping_needs_a_right_that_is_checked_before_anything_is_written(self):
        env = self.worker()
        before = self.fingerprint()
        path = self.rename("skip")
        hint = ("GRANT SET ON PARAMETER session_replication_role TO \"mover\"" if self.server.major >= 15 else "superuser")
        for verb, code in (("plan", 3), ("run", 4)):
            result = self.tidemark(verb, path, env=env).expect(code)
            self.assertIn(hint, result.out + result.err)
        self.assert_same_schema(before)
        if self.server.major < 15:
            return
        self.execute("GRANT SET ON PARAMETER session_replication_role TO mover")
        self.tidemark("run", path, "--to", "dual_write", env=env).ok()
        # It may be taken away again in the middle.
        self.execute("REVOKE SET ON PARAMETER session_replication_role FROM mover")
        self.assertIn(hint, self.tidemark("run", path, env=env).expect(4).err)
        self.assertEqual(self.wrong(), ROWS)
        self.execute("GRANT SET ON PARAMETER session_replication_role TO mover")
        self.tidemark("run", path, "--to", "backfill", env=env).ok()
        self.assertEqual((self.touched(), self.audited("%"), self.wrong()), (0, 0, 0))

    def test_a_right_taken_away_while_it_rests_stops_the_sweep_with_what_to_do(self):
        env = self.worker()
        if self.server.major < 15:
            self.skipTest("there is no such right before PostgreSQL 15")
        self.execute("GRANT SET ON PARAMETER session_replication_role TO mover")
        path = self.rename("skip", rate=1000)
        process = self.tidemark.start("run", path, env=env)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                        and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 0)
        process.kill()
        self.execute("REVOKE SET ON PARAMETER session_replication_role FROM mover")
        result = self.tidemark("run", path, "--if-locked", "wait", env=env).expect(4)
        self.assertIn("GRANT SET ON PARAMETER session_replication_role", result.err)
        self.assertGreater(self.wrong(), 0)


if __name__ == "__main__":
    main()
