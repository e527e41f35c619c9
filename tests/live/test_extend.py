"""Phases that a plan file has got at its end since the run began are taken over, and no other change is."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

SWITCHED = [{"kind": "add_column", "column": "b", "type": "integer"}, {"kind": "dual_write", "from": "a", "to": "b"},
            {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch", "gate": "manual"}]
DROP = {"kind": "drop_column", "column": "a", "gate": "manual"}


class Extend(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (id int PRIMARY KEY, a int, c int); INSERT INTO t SELECT g, g, g FROM generate_series(1, 100) g")
        self.before = self.fingerprint()

    def write(self, *phases):
        return self.plan(plans.plan("p", "public.t", list(phases)))

    def state(self):
        return self.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1")

    def phases(self):
        return [name for name, in self.rows("SELECT name FROM tidemark.phase ORDER BY run, ordinal")]

    @limit(90)
    def test_the_drop_is_written_once_its_time_has_come(self):
        path = self.write(*SWITCHED)
        self.assertIn("dual-write-without-drop", self.tidemark.ok("lint", "--db", path).out)
        self.tidemark.ok("run", path)
        self.tidemark.ok("advance", "p")
        self.assertEqual(self.state(), "complete")
        self.write(*SWITCHED, DROP)
        self.tidemark.ok("lint", "--db", path)
        self.assertIn("Drop public.t.a permanently", self.tidemark.ok("plan", path).out)
        status = self.tidemark.ok("status", path).out
        self.assertIn("more phases at its end", status)
        self.assertIn(f"tidemark run {path}", status)
        self.assertEqual(self.tidemark.json("status", path)["plan_extended"], True)
        self.execute("UPDATE t SET b = 7 WHERE id = 1; UPDATE t SET a = 8 WHERE id = 2")
        result = self.tidemark.ok("run", path)
        self.assertIn("1 more phase", result.err)
        self.assertEqual(self.state(), "waiting")
        self.assertEqual(self.phases()[-1], "drop_column")
        self.assertIn("plan.extended", self.tidemark.ok("history", "p", "--json").out)
        self.assertEqual(len(self.tidemark.json("status", "p")["phases"]), 6)
        # From here on the longer text is the run's.
        self.tidemark.ok("run", "p")
        self.tidemark.ok("advance", "p")
        self.assertEqual(self.state(), "complete")
        self.assertEqual(self.rows("SELECT b FROM t WHERE id IN (1, 2) ORDER BY id"), [(7,), (8,)])
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'tidemark'"), 0)
        self.assertEqual(self.tidemark("run", path).expect(0).out.count("nothing to do"), 1)

    @limit(90)
    def test_in_the_middle_of_a_run_and_back(self):
        path = self.write(*SWITCHED)
        self.tidemark.ok("run", path)
        self.write(*SWITCHED, DROP)
        self.tidemark.ok("run", path)
        self.assertEqual(len(self.phases()), 6)
        self.tidemark.ok("advance", "p")
        self.assertEqual(self.state(), "waiting")
        self.tidemark.ok("rollback", "p", "--yes")
        self.assert_same_schema(self.before)

    @limit(90)
    def test_every_other_change_is_refused(self):
        path = self.write(*SWITCHED)
        self.tidemark.ok("run", path)
        changed = [dict(SWITCHED[2], order="keyset"), {"kind": "drop_not_null", "column": "c"}]
        for phases in ([*SWITCHED[:2], changed[0], *SWITCHED[3:], DROP], [*SWITCHED[:3], changed[1], *SWITCHED[3:]],
                       SWITCHED[:4], [*SWITCHED[:4], dict(SWITCHED[4], gate=None), DROP]):
            self.write(*phases)
            self.assertIn("has changed since its run started", self.tidemark("run", path).expect(3).err)
        longer = self.plan(plans.plan("p", "public.t", [*SWITCHED, DROP], workers=2))
        self.tidemark("run", longer).expect(3)
        self.assertEqual(len(self.phases()), 5)
        self.tidemark.ok("run", self.write(*SWITCHED))

    @limit(90)
    def test_a_phase_that_cannot_work_is_refused_and_changes_nothing(self):
        path = self.write(*SWITCHED)
        self.tidemark.ok("run", path)
        self.tidemark.ok("advance", "p")
        self.write(*SWITCHED, {"kind": "drop_column", "column": "zz"})
        self.assertIn("zz", self.tidemark("run", path).expect(4).err)
        self.assertEqual(self.phases(), [p["kind"] for p in SWITCHED])
        self.assertEqual(self.state(), "complete")
        self.tidemark.ok("run", self.write(*SWITCHED))

    @limit(90)
    def test_a_kill_in_between_and_two_at_once(self):
        path = self.write(*SWITCHED)
        self.tidemark.ok("run", path)
        self.tidemark.ok("advance", "p")
        self.write(*SWITCHED, DROP)
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "plan.extended"})
        self.assertEqual(len(self.phases()), 6)
        self.tidemark.ok("run", path)
        both = [self.tidemark.start("run", self.write(*SWITCHED, DROP, {"kind": "drop_not_null", "column": "c"})) for _ in range(2)]
        codes = [process.wait().code for process in both]
        self.assertEqual(self.phases().count("drop_not_null"), 1, codes)

    def test_the_way_out_of_a_plan_without_drop_is_named(self):
        self.tidemark.ok("run", self.write(*SWITCHED))
        self.tidemark.ok("advance", "p")
        other = self.plan(plans.rename("public.t", "a", "z", "integer", name="q"), "q.toml")
        self.assertIn("add one at the end of its file", self.tidemark("run", other).expect(4).err)
        longer = self.write(*SWITCHED, DROP)
        self.assertIn(f"tidemark run {longer}", self.tidemark("rollback", longer, "--yes").expect(3).err)


if __name__ == "__main__":
    main()
