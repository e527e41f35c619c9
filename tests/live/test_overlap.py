"""Two plans on one table: refused where they share a column, also when the state says nothing; allowed where they do not, in any order."""
import itertools
import os
import random
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, a int, c int);
INSERT INTO t SELECT g, g, -g FROM generate_series(1, 500) g;
"""


def dual(name, old, new, table="public.t", **more):
    more.setdefault("switch", "manual")
    more.setdefault("drop_column", "manual")
    return plans.rename(table, old, new, "integer", name=name, **more)


class OverlapCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(SETUP)

    def write(self, name, old, new, **more):
        return self.plan(dual(name, old, new, **more), f"{name}.toml")

    def writes(self, *columns):
        """Every column is written by itself, and all of them must then agree."""
        for number, column in enumerate(columns):
            value = random.randint(1000, 10 ** 6)
            self.execute(f"UPDATE t SET {column} = %s WHERE id = %s", (value, number + 1))
            found = self.rows(f"SELECT {', '.join(columns)} FROM t WHERE id = {number + 1}")[0]
            self.assertEqual(set(found), {value}, f"after a write of {column}")

    def refused(self, result, plan="one", *also):
        result.expect(4)
        if also:
            for text in (plan, *also):
                self.assertIn(text, result.out + result.err)
            return result
        self.assertIn("in use by another plan", result.err)
        self.assertIn(plan, result.err)
        self.assertIn(f"tidemark rollback {plan}", result.err)
        return result


class Refused(OverlapCase):
    @limit(120)
    def test_each_way_to_share_a_column_in_each_state_of_the_other_plan(self):
        self.execute("ALTER TABLE t ADD d int")
        first = self.write("one", "a", "b", hold="1h")
        others = [self.write("two", "b", "z"), self.write("three", "a", "z"), self.write("four", "c", "b")]
        touching = [self.plan(plans.plan(f"k{i}", "public.t", [phase]), f"k{i}.toml") for i, phase in enumerate([
            {"kind": "drop_column", "column": "b"}, {"kind": "backfill", "set": {"b": "1"}, "other_triggers": "fire"},
            {"kind": "set_not_null", "column": "b"}])]
        states = [("run", first, "--to", "dual_write"), ("run", first), ("advance", "one"),
                  ("advance", "one")]
        for number, step in enumerate(states):
            self.tidemark(*step).ok()
            for path in others + touching:
                with self.subTest(step=number, path=path):
                    lint = self.tidemark("lint", "--db", path).expect(3)
                    # In the hold the old name is gone: that is said as well.
                    self.assertRegex(lint.out, r"plan-overlap|add-column-exists")
                    self.assertEqual(self.tidemark("run", path).code, 4)
            self.execute("UPDATE t SET b = 7 WHERE id = 1")
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.run"), 1)
        self.tidemark("rollback", "one", "--yes").ok()
        self.tidemark("run", self.write("five", "a", "z")).ok()

    def test_a_held_name_is_not_taken_and_the_way_back_stays_open(self):
        self.tidemark("run", self.write("one", "a", "b", hold="1h")).ok()
        self.tidemark("advance", "one").ok()
        self.tidemark("advance", "one").ok()
        again = self.plan(plans.plan("again", "public.t", [{"kind": "add_column", "column": "a", "type": "text"}]), "again.toml")
        self.refused(self.tidemark("run", again))
        self.tidemark("rollback", "one", "--yes").ok()

    def test_the_triggers_tell_when_the_rows_do_not(self):
        self.tidemark("run", self.write("one", "a", "b")).ok()
        self.execute("UPDATE tidemark.run SET state = 'rolled_back'")
        result = self.tidemark("run", self.write("two", "b", "z")).expect(4)
        self.assertIn("plan 'one' (state unknown) keeps it in step", result.err)
        self.assertIn("~~~~tidemark_", result.err)

    def test_a_plan_that_never_drops_keeps_its_columns_until_it_is_rolled_back(self):
        phases = plans.rename_phases("a", "b", "integer")[:-1]
        self.tidemark("run", self.plan(plans.plan("one", "public.t", phases), "one.toml")).ok()
        second = self.write("two", "b", "z")
        self.refused(self.tidemark("run", second))
        self.tidemark("rollback", "one", "--yes").ok()
        self.tidemark("run", self.write("three", "a", "z")).ok()

    def test_a_trigger_that_appeared_since_is_found_under_the_lock(self):
        """The first plan's rows are hidden while the second compiles, so that only the step itself can notice."""
        first, second = self.write("one", "a", "b"), self.write("two", "a", "z")
        self.tidemark("run", second, "--to", "add_column").ok()
        died = self.tidemark("run", second, env={"TIDEMARK_CRASH_AT": "phase.compiled", "TIDEMARK_CRASH_ACTION": "kill"})
        self.assertNotEqual(died.code, 0)
        self.execute("UPDATE tidemark.run SET state = 'rolled_back' WHERE plan = 'two'")
        self.tidemark("run", first).ok()
        self.execute("UPDATE tidemark.run SET state = 'running' WHERE plan = 'two'")
        result = self.refused(self.tidemark("run", second))
        self.assertIn("install-mirror", result.err)
        self.execute("UPDATE t SET a = 5 WHERE id = 1")
        self.assertEqual(self.rows("SELECT a, b, z FROM t WHERE id = 1"), [(5, 5, None)])
        self.tidemark("rollback", "two", "--yes").ok()
        self.tidemark("advance", "one").ok()

    def test_a_rollback_does_not_drop_a_column_under_another_plans_trigger(self):
        """Whatever let the second plan through: the application's writes must not fail."""
        base = self.plan(plans.plan("base", "public.t", [
            {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "create_index", "name": "t_b", "columns": "b", "gate": "manual"}]), "base.toml")
        self.tidemark("run", base).ok()
        second = self.write("two", "b", "z")
        self.refused(self.tidemark("run", second), "base")
        self.execute("UPDATE tidemark.run SET state = 'rolled_back' WHERE plan = 'base'")
        self.tidemark("run", second, "--to", "dual_write").ok()
        self.execute("UPDATE tidemark.run SET state = 'waiting' WHERE plan = 'base'")
        self.refused(self.tidemark("rollback", "base", "--yes"), "two")
        self.execute("UPDATE t SET b = 3 WHERE id = 1")
        self.assertEqual(self.value("SELECT z FROM t WHERE id = 1"), 3)
        self.tidemark("rollback", "two", "--yes").ok()
        self.tidemark("rollback", "base", "--yes").ok()

    def test_of_two_plans_that_have_begun_the_first_one_goes_on(self):
        first, second = self.write("one", "a", "b"), self.write("two", "a", "z")
        self.tidemark("run", first, "--to", "add_column").ok()
        result = self.refused(self.tidemark("run", second))
        self.assertIn("is going to keep it in step", result.err)
        # As if both had begun at the same moment.
        self.execute("UPDATE tidemark.run SET state = 'rolled_back'")
        self.tidemark("run", second, "--to", "add_column").ok()
        self.execute("UPDATE tidemark.run SET state = 'ready' WHERE plan = 'one'")
        self.refused(self.tidemark("run", second))
        self.tidemark("run", first).ok()

    def test_partitions_and_what_they_are_part_of(self):
        self.execute("CREATE TABLE p (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);"
                     "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);"
                     "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);"
                     "INSERT INTO p SELECT g, g FROM generate_series(0, 199) g")
        phases = [{"kind": "add_column", "column": "b", "type": "integer"}, {"kind": "dual_write", "from": "a", "to": "b"},
                  {"kind": "backfill", "gate": "manual"}]
        self.tidemark("run", self.plan(plans.plan("whole", "public.p", phases), "whole.toml")).ok()
        part = self.plan(plans.plan("part", "public.p1", [{"kind": "set_not_null", "column": "b"}]), "part.toml")
        self.refused(self.tidemark("run", part), "whole")


class DroppedByAnotherPlan(OverlapCase):
    """A plan ends at its switch, and another one drops the old column, a month later."""

    def switched(self, **more):
        phases = plans.rename_phases("a", "b", "bigint", **more)[:-1]
        self.tidemark("run", self.plan(plans.plan("one", "public.t", phases), "one.toml")).ok()

    def drop(self, column="a", **more):
        return self.plan(plans.plan("two", "public.t", [{"kind": "drop_column", "column": column, **more}]), "two.toml")

    def test_there_and_back_through_the_hold(self):
        before = self.fingerprint()
        self.switched(up="a * 2", down="b / 2")
        between = self.fingerprint()
        path = self.drop(hold="1h")
        self.tidemark("lint", "--db", path).ok()
        self.tidemark("run", path).ok()
        held = self.value("SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname ~ '^tidemark_held_'")
        self.execute(f"UPDATE t SET b = 22 WHERE id = 1; UPDATE t SET {held} = 13 WHERE id = 2; INSERT INTO t (id, b) VALUES (501, 30)")
        self.assertEqual(self.rows(f"SELECT id, {held}, b FROM t WHERE id IN (1, 2, 501) ORDER BY id"), [(1, 11, 22), (2, 13, 26), (501, 15, 30)])
        self.tidemark("verify", "two").ok()
        moved = self.tidemark("verify", "one").expect(4).err
        self.assertIn("plan 'two' (waiting) has taken over what keeps \"a\" in step, and holds the column under another name", moved)
        self.assertIn("tidemark verify two", moved)
        status = self.tidemark.json("status", "one")
        self.assertEqual((status["state"], status["reason"]), ("complete", "plan 'two' has taken over: Hide public.t.a; it is still kept in step"))
        self.assertEqual(self.value("SELECT outcome FROM tidemark.history WHERE plan = 'one' AND event = 'run.taken_over'"), status["reason"])
        refused = self.tidemark("rollback", "one", "--yes").expect(4)
        self.assertIn("plan 'two' (waiting) takes over what keeps \"a\" in step, to drop it", refused.err)
        self.assertIn("tidemark rollback two", refused.err)
        self.refused(self.tidemark("run", self.plan(dual("three", "b", "z"), "three.toml")))
        self.tidemark("rollback", "two", "--yes").ok()
        self.assert_same_schema(between)
        self.execute("UPDATE t SET a = 7 WHERE id = 3; UPDATE t SET b = 8 WHERE id = 4")
        self.assertEqual(self.rows("SELECT a, b FROM t WHERE id IN (3, 4) ORDER BY id"), [(7, 14), (4, 8)])
        self.tidemark("rollback", "one", "--yes").ok()
        self.assert_same_schema(before)

    def test_the_drop_is_proved_and_ends_the_first_plan(self):
        self.switched()
        path = self.drop()
        # What no release can have written since the switch.
        names = [name for (name,) in self.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal")]
        enable = "; ".join(f'ALTER TABLE t ENABLE ALWAYS TRIGGER "{name}"' for name in names)
        self.execute("ALTER TABLE t DISABLE TRIGGER USER; UPDATE t SET a = 1000, b = 2000 WHERE id = 9; " + enable)
        self.assertEqual(self.tidemark("run", path).code, 5)
        self.execute("UPDATE t SET b = 1000 WHERE id = 9; ALTER TABLE t DISABLE TRIGGER USER")
        self.assertIn(names[0], self.tidemark("run", path).expect(4).err)
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"), 1)
        self.execute(enable)
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'tidemark' "
                                    "AND p.prosrc ~ '-- tidemark'"), 0)
        self.execute("UPDATE t SET b = 5 WHERE id = 1; INSERT INTO t (id, b) VALUES (502, 1)")
        self.assertIn("plan 'two' has taken over: Drop public.t.a permanently", self.tidemark("status", "one").ok().out)
        self.assertIn("plan 'two' has dropped \"a\": there is nothing left to compare", self.tidemark("verify", "one").expect(4).err)
        refused = self.tidemark("rollback", "one", "--yes").expect(4)
        self.assertIn("plan 'one' cannot be rolled back: plan 'two' has dropped \"a\" permanently", refused.err)
        self.tidemark("run", self.plan(dual("three", "b", "z"), "three.toml"), "--to", "verify").ok()

    def test_a_rollback_looks_again_when_it_has_the_lease(self):
        """Between its first look and its lease another plan has taken the triggers over."""
        self.switched()
        between = self.fingerprint()
        rollback = self.tidemark.start("rollback", "one", "--yes",
                                       env={"TIDEMARK_CRASH_AT": "rollback.looked", "TIDEMARK_CRASH_ACTION": "stop"})
        self.wait_until(rollback.stopped)
        self.tidemark("run", self.drop(hold="1h")).ok()
        hidden = self.fingerprint()
        rollback.signal(signal.SIGCONT)
        refused = rollback.wait(20).expect(4)
        self.assertIn("plan 'two' (waiting) takes over what keeps \"a\" in step, to drop it", refused.err)
        self.assertEqual(self.tidemark.json("status", "one")["state"], "complete")
        self.assert_same_schema(hidden)
        self.tidemark("rollback", "two", "--yes").ok()
        self.assert_same_schema(between)

    def test_only_the_old_side_of_a_switched_and_complete_plan_is_taken_over(self):
        self.switched()
        self.refused(self.tidemark("run", self.drop("b")))
        self.tidemark("rollback", "one", "--yes").ok()
        self.tidemark("run", self.plan(plans.plan("one", "public.t", plans.rename_phases("a", "b", "bigint")[:-2]), "one.toml"), "--again").ok()
        self.refused(self.tidemark("run", self.drop("a")))

    def test_a_drop_that_was_reviewed_as_the_end_of_another_plan_is_no_other_drop(self):
        """Between the review and the run the first plan is rolled back, or loses its triggers: then nothing proves the drop."""
        self.switched()
        path = self.drop()
        self.tidemark("plan", path).ok()
        self.tidemark("rollback", "one", "--yes").ok()
        refused = self.tidemark("run", path)
        self.refused(refused, "plan 'one', which replaces \"a\" by another column, was rolled back", "run 'one' to its end first")
        self.assertEqual(self.value("SELECT count(a) FROM t"), 500)
        self.tidemark("run", "one.toml", "--again").ok()
        # With a run of its own that waits before the drop, it is asked once more when the phase begins.
        gated = self.plan(plans.plan("three", "public.t", [{"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1"},
                                                           {"kind": "drop_column", "column": "a", "gate": "manual"}]), "three.toml")
        self.tidemark("run", gated).ok()
        names = [name for (name,) in self.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal")]
        self.execute("; ".join(f'DROP TRIGGER "{name}" ON t' for name in names))
        self.refused(self.tidemark("advance", "three"), "its triggers are gone", 'accept = ["one"]')
        self.assertEqual(self.value("SELECT count(a) FROM t"), 500)
        self.tidemark("rollback", "three", "--yes").ok()
        self.tidemark("run", self.drop(accept=["one"])).ok()
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"), 0)

    def test_a_partitioned_table_and_values_that_become_null(self):
        self.execute("CREATE TABLE p (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);"
                     "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 (a text, id int NOT NULL);"
                     "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200);"
                     "INSERT INTO p SELECT g, CASE g WHEN 7 THEN 'seven' ELSE g::text END FROM generate_series(0, 199) g")
        phases = plans.rename_phases("a", "b", "integer", up="a::integer", down="b::text")[:-1]
        phases[1]["on_error"] = "null"
        self.tidemark("run", self.plan(plans.plan("one", "public.p", phases), "one.toml")).ok()
        between = self.fingerprint()
        hold = self.plan(plans.plan("two", "public.p", [{"kind": "drop_column", "column": "a", "hold": "1h"}]), "two.toml")
        self.tidemark("run", hold).ok()
        held = self.value("SELECT attname FROM pg_attribute WHERE attrelid = 'p'::regclass AND attname ~ '^tidemark_held_'")
        self.execute(f"UPDATE p SET b = 70 WHERE id = 8; UPDATE p2 SET {held} = 'x' WHERE id = 150; UPDATE p SET {held} = '71' WHERE id = 151")
        self.assertEqual(self.rows(f"SELECT id, {held}, b FROM p WHERE id IN (7, 8, 150, 151) ORDER BY id"),
                         [(7, "seven", None), (8, "70", 70), (150, "x", None), (151, "71", 71)])
        self.tidemark("rollback", "two", "--yes").ok()
        self.assert_same_schema(between)
        self.tidemark("run", hold, "--again").ok()
        self.tidemark("advance", "two", "--now", "--reason", "test").ok()
        self.tidemark("run", "two").ok()
        self.assertEqual(self.rows("SELECT b FROM p WHERE id IN (7, 8, 150, 151) ORDER BY id"), [(None,), (70,), (None,), (71,)])
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid::regclass::text ~ '^p' AND NOT tgisinternal"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'tidemark' "
                                    "AND p.prosrc ~ '-- tidemark'"), 0)
        self.execute("INSERT INTO p VALUES (120, 3) ON CONFLICT (id) DO UPDATE SET b = 3; UPDATE p SET b = 4")

    def test_exchanged_names_and_two_drops_in_one_plan(self):
        self.execute("ALTER TABLE t ALTER a SET NOT NULL")
        phases = [{"kind": "add_column", "column": "a2", "type": "bigint"}, {"kind": "add_column", "column": "c2", "type": "bigint"},
                  {"kind": "dual_write", "from": ["a", "c"], "to": ["a2", "c2"]}, {"kind": "backfill"}, {"kind": "verify"},
                  {"kind": "switch", "swap_names": True}]
        self.tidemark("run", self.plan(plans.plan("one", "public.t", phases), "one.toml")).ok()
        two = [{"kind": "drop_column", "column": "a2", "id": "first"}, {"kind": "drop_column", "column": "c2", "id": "second"}]
        path = self.plan(plans.plan("two", "public.t", two), "two.toml")
        self.tidemark("lint", "--db", path).ok()
        # After the first drop nothing would keep the second column in step while it is held.
        stale = self.plan(plans.plan("two", "public.t", [two[0], {**two[1], "hold": "1h"}]), "stale.toml")
        self.assertIn("drop-column-hold-ended", self.tidemark("lint", "--db", stale).expect(3).out)
        self.tidemark("run", path).ok()
        self.assertEqual(self.rows("SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 "
                                   "AND NOT attisdropped ORDER BY attname"), [("a", "bigint"), ("c", "bigint"), ("id", "integer")])
        self.execute("INSERT INTO t (id, a, c) VALUES (503, 1, 2); UPDATE t SET a = 3")
        self.tidemark("rollback", "one", "--yes").expect(4)


class SeveralOldColumns(OverlapCase):
    """One dual_write, two old columns: the first drop ends the triggers of both, so its hold is the hold of both."""

    def test_both_are_kept_in_step_during_the_one_hold_there_and_back(self):
        self.execute("INSERT INTO t VALUES (600, NULL, NULL)")
        before = self.fingerprint()
        drop = [{"kind": "drop_column", "column": "a", "id": "first", "hold": "1h"}, {"kind": "drop_column", "column": "c", "id": "second"}]
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "dual_write", "from": ["a", "c"], "to": "b", "up": "a * 10000 + c", "down": {"a": "b / 10000", "c": "b % 10000"}},
            {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch"}, *drop]))
        for again in ([], ["--again"]):
            self.tidemark("run", path, *again).ok()
            held = self.value("SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname ~ '^tidemark_held_'")
            self.execute("UPDATE t SET b = 70008 WHERE id = 1; UPDATE t SET c = 3 WHERE id = 1")
            self.assertEqual(self.rows(f"SELECT {held}, c, b FROM t WHERE id = 1"), [(7, 3, 70003)])
            if again:
                break
            self.tidemark("rollback", "p", "--yes").ok()
            self.assert_same_schema(before)
            self.assertEqual(self.rows("SELECT a, c FROM t WHERE id = 1"), [(7, 3)])
        self.tidemark("advance", "p", "--now", "--reason", "test").ok()
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 't'::regclass "
                                    "AND attnum > 0 AND NOT attisdropped"), "b id")
        self.execute("UPDATE t SET b = 5; INSERT INTO t (id, b) VALUES (700, 1)")


class Allowed(OverlapCase):
    @limit(240)
    def test_independent_columns_in_any_order_forward_and_back(self):
        steps = ["add_column", "dual_write", "verify", "switch", "drop_column"]
        orders = [order for order in itertools.product("12", repeat=10) if order.count("1") == 5]
        seed = random.randrange(10 ** 6)
        rng = random.Random(seed)
        for number, order in enumerate(rng.sample(orders, 6)):
            with self.subTest(seed=seed, order="".join(order)):
                self.execute("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS tidemark CASCADE;" + SETUP)
                back = rng.choice("12")
                paths = {"1": self.write("one", "a", "b", switch=None, drop_column=None),
                         "2": self.write("two", "c", "d", switch=None, drop_column=None)}
                pair, at = {"1": ("a", "b"), "2": ("c", "d")}, {"1": 0, "2": 0}
                for which in order:
                    self.tidemark("run", paths[which], "--to", steps[at[which]]).ok()
                    at[which] += 1
                    for one in "12":
                        if at[one] == 4:
                            self.writes(*pair[one])
                        elif 2 <= at[one] < 4:
                            self.execute(f"UPDATE t SET {pair[one][0]} = {pair[one][0]} + 1")
                            self.assertEqual(self.value(f"SELECT count(*) FROM t WHERE {pair[one][0]} <> {pair[one][1]}"), 0)
                    if back == which and at[which] == 4:
                        self.tidemark("rollback", paths[which], "--yes").ok()
                        self.tidemark("run", paths[which], "--again", "--to", "switch").ok()
                self.assertEqual(self.rows("SELECT count(*), count(b), count(d) FROM t"), [(500, 500, 500)])
                self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass"), 0)


if __name__ == "__main__":
    main()
