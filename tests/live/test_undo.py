"""A rollback restores what the run changed and nothing else; the step without return looks before it acts."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402

PARTS = """
CREATE TABLE p (id integer PRIMARY KEY, a integer) PARTITION BY RANGE (id);
CREATE TABLE p_0 PARTITION OF p FOR VALUES FROM (0) TO (1000);
INSERT INTO p SELECT i, i FROM generate_series(1, 99) i;
"""


class AlreadySo(LiveCase):
    def test_what_was_there_before_is_still_there_after_the_rollback(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL, bio text); INSERT INTO t VALUES (1, 1, 'precious');"
                     "CREATE VIEW v AS SELECT 1 AS one")
        before = self.fingerprint()
        probe = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attname = '%s')"
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "sql", "act": "ALTER TABLE public.t ADD COLUMN IF NOT EXISTS bio text", "undo": "ALTER TABLE public.t DROP COLUMN bio", "probe": probe % "bio"},
            {"kind": "sql", "act": "ALTER TABLE public.t ADD COLUMN IF NOT EXISTS own text", "undo": "ALTER TABLE public.t DROP COLUMN own", "probe": probe % "own"},
            {"kind": "set_not_null", "column": "a"},
            {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)
        self.assertEqual(self.rows("SELECT bio FROM t"), [("precious",)])

    def test_what_an_interrupted_attempt_made_is_its_own(self):
        """Killed after the act of an index, whose row in the journal comes after it."""
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer)")
        before = self.fingerprint()
        path = self.plan(plans.plan("p", "public.t", [{"kind": "create_index", "name": "ia", "columns": "a"},
                                                      {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        for point in ("step.after_act", "step.before_act", "concurrent.sent"):
            self.tidemark("run", "--again", path, env={"TIDEMARK_CRASH_AT": f"{point}#1"})
            self.tidemark("run", path)
            self.assertEqual(self.value("SELECT count(*) FROM pg_class WHERE relname = 'ia'"), 1)
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)


class Said(LiveCase):
    def test_a_rollback_over_the_switch_says_who_must_be_gone_and_keeps_who_decided(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer)")
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", switch="manual", drop_column="manual"))
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        result = self.tidemark("rollback", "p", "--yes", "--by", "ann@ops", "--reason", "slow", "--ticket", "OPS-7", "--note", "said by phone").ok()
        self.assertIn("the new release must be stopped", result.err)
        self.assertLess(result.err.index("must be stopped"), result.err.index("rolling back phase"))
        self.assertEqual(self.value("SELECT detail FROM tidemark.history WHERE event = 'rollback.start'"),
                         {"by": "ann@ops", "reason": "slow", "ticket": "OPS-7", "note": "said by phone"})
        self.tidemark("run", "--again", path).ok()
        self.assertNotIn("must be stopped", self.tidemark("rollback", "p", "--yes").ok().err)


class LookFirst(LiveCase):
    def test_a_rollback_that_rows_forbid_rejects_nothing_and_leaves_the_run_where_it_was(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 99) i")
        before = self.fingerprint()
        path = self.plan(plans.plan("p", "public.t", [{"kind": "drop_not_null", "column": "a"},
                                                      {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO t VALUES (100, NULL)")
        for _ in range(2):
            result = self.tidemark("rollback", "p", "--yes")
            self.assertEqual(result.code, 5, result)
            self.assertIn("is at the end of that phase again", result.err)
            self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname ~ 'tidemark'"), 0)
            self.execute("INSERT INTO t VALUES (101, NULL); DELETE FROM t WHERE id = 101")
            self.tidemark("run", path).ok()
        self.execute("DELETE FROM t WHERE a IS NULL")
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(before)


    def test_what_rows_forbid_can_be_left_and_the_rest_is_rolled_back(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        path = self.plan(plans.plan("p", "public.t", [{"kind": "add_column", "column": "z", "type": "integer"}, {"kind": "drop_not_null", "column": "a"},
                                                      {"kind": "add_column", "column": "c", "type": "integer"}]))
        self.tidemark("run", path).ok()
        self.execute("UPDATE t SET a = NULL WHERE id = 1; UPDATE t SET z = 5 WHERE id < 4")
        refused = self.tidemark("rollback", "p", "--yes")
        self.assertEqual(refused.code, 5)
        self.assertIn("tidemark rollback p --yes --accept-loss", refused.err)
        result = self.tidemark("rollback", "p", "--yes", "--accept-loss", "--reason", "the old release is gone").ok()
        self.assertIn("phase drop_not_null is left as it is", result.err)
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "rolled_back")
        self.assertEqual(self.rows("SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped "
                                   "ORDER BY attnum"), [("id", True), ("a", False)])
        self.assertEqual(self.value("SELECT detail ->> 'reason' FROM tidemark.history WHERE event = 'undo.left'"), "the old release is gone")
        self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname ~ 'tidemark'"), 0)

    def rolled_back_into_a_late_row(self, cleanup=""):
        """A row comes after the look at all rows, and before the check that would reject it."""
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        self.tidemark("run", self.plan(plans.plan("p", "public.t", [{"kind": "drop_not_null", "column": "a"}]))).ok()
        self.execute("CREATE FUNCTION late() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN " + cleanup +
                     "IF NOT EXISTS (SELECT FROM public.t WHERE a IS NULL) THEN INSERT INTO public.t VALUES (99, NULL); END IF; END $$; "
                     "CREATE EVENT TRIGGER late ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION late()")
        refused = self.tidemark("rollback", "p", "--yes")
        self.assertEqual(refused.code, 5)
        self.assertIn("violated by some row", refused.err)
        return refused

    def test_a_row_that_comes_after_the_look_leaves_no_check_and_nothing_undone(self):
        self.assertIn("nothing of phase drop_not_null was rolled back", self.rolled_back_into_a_late_row().err)
        self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname ~ 'tidemark'"), 0)
        self.execute("DELETE FROM t WHERE a IS NULL")
        result = self.tidemark("rollback", "p", "--yes", "--accept-loss").ok()
        self.assertIn("phase drop_not_null is left as it is", result.err)
        self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname ~ 'tidemark'"), 0)

    def test_a_phase_that_is_left_in_the_middle_says_what_of_its_way_back_is_done(self):
        refused = self.rolled_back_into_a_late_row("IF current_query() ~ 'DROP CONSTRAINT' THEN RAISE EXCEPTION 'not now'; END IF; ")
        self.assertNotIn("nothing of phase", refused.err)
        # What an interrupted rollback has done counts, though this one begins anew: here the check is there already.
        result = self.tidemark("rollback", "p", "--yes", "--accept-loss").ok()
        said = "phase drop_not_null is left partly rolled back: "
        self.assertIn(said, result.err)
        self.assertRegex(result.err, "Done: Add a check that a is not NULL.* Not done: Let the server prove.*; Set public.t.a NOT NULL again")
        self.assertNotIn("left as it is", result.err)
        self.assertTrue(self.value("SELECT outcome FROM tidemark.history WHERE event = 'undo.left'").startswith(said))
        self.assertEqual(self.value("SELECT convalidated FROM pg_constraint WHERE conname ~ 'tidemark'"), False)

    def test_a_number_that_cannot_be_asked_for_is_unknown_and_the_reason_is_said(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT i FROM generate_series(1, 9) i")
        self.tidemark("run", self.plan(plans.plan("p", "public.t", [{"kind": "add_column", "column": "z", "type": "integer"}]))).ok()
        self.execute("ALTER TABLE t RENAME COLUMN z TO y")
        result = self.tidemark("rollback", "p")
        self.assertEqual(result.code, 4)
        self.assertRegex(result.err, r"what was written to z since it was added \(the number of rows is unknown: .*z.* does not exist\)")

    def test_how_many_rows_lose_something_is_said_before(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        phases = [{"kind": "add_column", "column": "z", "type": "integer"}, {"kind": "add_column", "column": "b", "type": "numeric"},
                  {"kind": "dual_write", "from": "a", "to": "b", "up": "a", "down": "round(b)"}, {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch"}]
        self.tidemark("run", self.plan(plans.plan("p", "public.t", phases))).ok()
        self.execute("UPDATE t SET z = 5 WHERE id < 4; UPDATE t SET b = 2.5 WHERE id < 3; UPDATE t SET b = 7 WHERE id = 4")
        result = self.tidemark("rollback", "p")
        self.assertEqual(result.code, 4)
        self.assertIn('cannot express in the old columns (in 2 rows)', result.err)
        self.assertIn("what was written to z since it was added (in 3 rows)", result.err)
        self.assertEqual(self.tidemark("rollback", "p", "--yes").ok().err.count("the rollback loses"), 1)

    def test_after_later_phases_were_rolled_back_the_run_continues_from_there(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
        path = self.plan(plans.plan("p", "public.t", [{"kind": "drop_not_null", "column": "a"}, {"kind": "add_column", "column": "c", "type": "integer"},
                                                      {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        self.execute("UPDATE t SET a = NULL WHERE id = 1")
        self.assertEqual(self.tidemark("rollback", "p", "--yes").code, 5)
        self.assertEqual([phase["state"] for phase in self.tidemark.json("status", "p")["phases"]], ["done", "pending", "pending"])
        self.tidemark("run", path).ok()
        self.assertEqual([phase["state"] for phase in self.tidemark.json("status", "p")["phases"]], ["done", "done", "waiting"])
        self.tidemark("rollback", "p", "--to", "drop_not_null", "--yes").ok()


class LastLook(LiveCase):
    def switched(self, table="public.p", hold=None, up=None, down=None):
        path = self.plan(plans.rename(table, "a", "b", "integer", name="p", switch="manual", drop_column="manual", hold=hold, up=up, down=down))
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        return path

    def columns(self):
        return self.value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 0 AND NOT attisdropped")

    def test_a_trigger_that_is_not_what_it_was_stops_the_hold_and_the_drop(self):
        self.execute(PARTS)
        path = self.switched()
        name = self.value("SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'p_0'::regclass AND tgname ~ 'update$'")
        for hurt, heal in (("DISABLE TRIGGER", "ENABLE ALWAYS TRIGGER"), ("ENABLE TRIGGER", "ENABLE ALWAYS TRIGGER")):
            self.execute(f"ALTER TABLE p_0 {hurt} {name}")
            result = self.tidemark("advance", "p") if hurt.startswith("DIS") else self.tidemark("run", path)
            self.assertEqual(result.code, 4, result)
            self.assertIn("rows may have been written without it", result.err)
            self.assertEqual(self.columns(), "id a b")
            self.execute(f"ALTER TABLE p_0 {heal} {name}")
        self.tidemark("run", path).ok()
        self.assertEqual(self.columns(), "id b")

    def test_rows_that_came_in_without_the_triggers_are_found(self):
        self.execute(PARTS)
        path = self.switched(hold="1h")
        self.tidemark("advance", "p").ok()
        held = self.columns().split()[1]
        self.execute(f"CREATE TABLE p_1 (LIKE p_0); INSERT INTO p_1 (id, {held}) VALUES (1000, 5);"
                     "ALTER TABLE p ATTACH PARTITION p_1 FOR VALUES FROM (1000) TO (2000)")
        result = self.tidemark("advance", "p", "--now", "--reason", "tested")
        self.assertEqual(result.code, 5, result)
        self.assertIn('{"id": 1000}', result.err)
        self.assertEqual(self.columns(), f"id {held} b")
        self.execute("UPDATE p SET b = 5 WHERE id = 1000")
        self.tidemark("run", path).ok()
        self.assertEqual(self.columns(), "id b")
        self.assertEqual(self.value("SELECT b FROM p WHERE id = 1000"), 5)

    COMPARED = ("SELECT count(*) FROM tidemark.journal WHERE event = 'step.done' AND step = 'compare'"
                " AND phase = (SELECT max(ordinal) FROM tidemark.phase)")

    def trigger(self, table="p_0"):
        return self.value(f"SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND tgname ~ 'update$'")

    def write_past_the_trigger(self):
        """It leaves no trace: the trigger is what it was when the drop looks."""
        name = self.trigger()
        self.execute(f"ALTER TABLE p_0 DISABLE TRIGGER {name}; UPDATE p SET a = -1 WHERE id = 1; ALTER TABLE p_0 ENABLE ALWAYS TRIGGER {name}")

    def assert_found_and_kept(self, path):
        result = self.tidemark("run", path).expect(5)
        self.assertIn('{"id": 1}', result.err)
        self.assertEqual(self.columns(), "id a b")
        self.execute("UPDATE p SET a = -2 WHERE id = 1")
        self.tidemark("run", path).ok()
        self.assertEqual((self.columns(), self.value("SELECT b FROM p WHERE id = 1")), ("id b", -2))

    def refused_drop(self):
        """A lock keeps the drop from following the comparison."""
        self.execute(PARTS)
        path = self.plan(plans.rename("public.p", "a", "b", "integer", name="p", switch="manual", drop_column="manual",
                                      limits={"lock_timeout": "50ms", "lock_attempts": 1}))
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        reader = self.connect()
        reader.cursor().execute("BEGIN; SELECT 1 FROM p LIMIT 1")
        self.assertIn("blocked by", self.tidemark("advance", "p").expect(7).err)
        reader.close()
        self.assertEqual(self.value(self.COMPARED), 1)
        return path

    def test_rows_are_compared_again_when_a_trigger_was_changed_since(self):
        path = self.refused_drop()
        self.write_past_the_trigger()
        self.assert_found_and_kept(path)
        self.assertEqual(self.value(self.COMPARED), 2)

    def test_what_was_compared_counts_while_the_triggers_are_what_they_were(self):
        path = self.refused_drop()
        self.tidemark("run", path).ok()
        self.assertEqual((self.columns(), self.value(self.COMPARED)), ("id b", 1))

    def test_a_function_that_was_replaced_and_a_partition_that_was_away_count_as_changes(self):
        for change in ("DO $do$ DECLARE f oid := (SELECT tgfoid FROM pg_trigger WHERE tgrelid = 'p_0'::regclass AND tgname ~ 'update$');"
                       " BEGIN EXECUTE pg_get_functiondef(f); END $do$",
                       "ALTER TABLE p DETACH PARTITION p_0; ALTER TABLE p ATTACH PARTITION p_0 FOR VALUES FROM (0) TO (1000)",
                       "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (1000) TO (2000)"):
            with self.subTest(change):
                path = self.refused_drop()
                self.execute(change)
                self.tidemark("run", path).ok()
                self.assertEqual((self.columns(), self.value(self.COMPARED)), ("id b", 2))
                self.execute("DROP TABLE p; DROP SCHEMA tidemark CASCADE")

    def test_a_trigger_that_is_changed_while_the_drop_waits_for_its_lock_stops_it(self):
        self.execute(PARTS + "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (1000) TO (2000)")
        path = self.switched()
        reader = self.connect()
        reader.cursor().execute("BEGIN; SELECT 1 FROM p_1 LIMIT 1")
        with self.tidemark.start("advance", "p") as drop:
            # Whether it asks and is refused, or sees the old transaction and does not even ask.
            self.wait_until(lambda: self.value(self.COMPARED) == 1, what="the comparison")
            self.write_past_the_trigger()
            reader.close()
            result = drop.wait().expect(4)
        self.assertIn("were changed since its rows were compared", result.err)
        self.assertEqual(self.columns(), "id a b")
        self.assert_found_and_kept(path)

    def test_a_comparison_that_was_interrupted_does_not_continue_past_a_change(self):
        self.execute(PARTS)
        path = self.switched()
        self.tidemark("advance", "p", env={"TIDEMARK_CRASH_AT": "sweep.finished"}).expect(-9)
        self.write_past_the_trigger()
        self.assert_found_and_kept(path)

    def test_without_its_state_nothing_is_dropped(self):
        self.execute(PARTS)
        path = self.switched()
        self.execute("DROP SCHEMA tidemark CASCADE; UPDATE p SET a = -1 WHERE id = 1")
        for command in (("advance", "p"), ("run", path)):
            self.assertNotEqual(self.tidemark(*command).code, 0)
            self.assertEqual(self.columns(), "id a b")

    def test_a_value_that_down_cannot_express_is_no_difference(self):
        self.execute(PARTS)
        self.switched(up="a * 10", down="b / 10")
        self.execute("UPDATE p SET b = 77 WHERE id = 3; UPDATE p SET a = 4 WHERE id = 5; INSERT INTO p (id, b) VALUES (500, 19)")
        self.tidemark("verify", "p").ok()
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.rows("SELECT id, b FROM p WHERE id IN (3, 5, 500) ORDER BY id"), [(3, 77), (5, 40), (500, 19)])


if __name__ == "__main__":
    main()
