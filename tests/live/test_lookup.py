"""Rows for which a lookup finds nothing are NULL from the switch on: they are counted before, by the comparison, and shown."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

# Of 3000 rows 2 have a code that the other table does not know, and 1 has none at all.
TABLES = """
CREATE TABLE templates (id int PRIMARY KEY, number int UNIQUE);
INSERT INTO templates SELECT i, 1000 + i FROM generate_series(1, 20) i;
CREATE TABLE resumes (id int PRIMARY KEY, template int, pad text DEFAULT repeat('x', 100)){using};
INSERT INTO resumes SELECT i, 1001 + i % 20 FROM generate_series(1, 3000) i;
UPDATE resumes SET template = 7 WHERE id IN (2500, 700);
UPDATE resumes SET template = NULL WHERE id = 5;
"""
SAID = '2 rows have no match in the lookup and hold NULL, such as {"id": '


class Lookup(LiveCase):
    def begin(self, using="", **more):
        self.execute(TABLES.format(using=using))
        phases = plans.rename_phases("template", "template_id", "integer", **{
            "up": "(SELECT t.id FROM public.templates t WHERE t.number = template)",
            "down": "(SELECT t.number FROM public.templates t WHERE t.id = template_id)", "switch": "manual", "drop_column": "manual", **more})
        return self.plan(plans.plan("p", "public.resumes", phases, workers=2, batch_duration="2ms"))

    def shown(self, path, count=2):
        """At the gate of the switch, wherever a person looks before opening it."""
        status = self.tidemark.json("status", "p")
        self.assertEqual(status["lookup"]["unmatched"], count)
        self.assertIn(status["lookup"]["example"]["id"], (700, 2500))
        self.assertIn(SAID, status["reason"])
        self.assertIn(SAID, self.tidemark("status", "p").ok().out)
        for args in (("plan", "p"), ("lint", "--db", path)):
            result = self.tidemark(*args).ok()
            self.assertIn(SAID, result.out)
            self.assertIn("lookup-unmatched", result.out)
            found = [f for f in self.tidemark.json(*args)["findings"]] if args[0] == "plan" else []
            self.assertEqual([f["severity"] for f in found if f["rule"] == "lookup-unmatched"], ["warning"] if found else [])

    def test_they_are_counted_by_the_comparison_and_shown_at_the_gate(self):
        path = self.begin()
        result = self.tidemark("run", path, "--json").ok()
        events = [event for event in result.events() if event["event"] == "sweep.unmatched"]
        self.assertEqual([event["phase"] for event in events], ["verify"])
        self.assertIn(SAID, events[0]["message"])
        self.assertIn(SAID, result.events()[-1]["reason"])
        detail = self.value("SELECT detail FROM tidemark.journal WHERE event = 'step.done' AND step = 'compare'")
        self.assertEqual(detail["rows_unmatched"], 2)
        self.shown(path)
        # One read of the table: the comparison's own.
        self.assertEqual(self.rows("SELECT count(DISTINCT sweep), sum(rows_seen) FROM tidemark.segment WHERE sweep LIKE '3/%%'"), [(1, 3000)])
        verify = self.tidemark("verify", "p").ok()
        self.assertIn(SAID, verify.out)
        self.assertEqual(self.tidemark.json("verify", "p")["lookup"]["unmatched"], 2)
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.value("SELECT count(*) FROM resumes WHERE template_id IS NULL"), 3)

    def test_in_the_order_of_keys_it_is_the_same(self):
        path = self.begin(fill={"order": "keyset"})
        self.execute("CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE alike (LIKE resumes INCLUDING ALL) USING other;"
                     "INSERT INTO alike TABLE resumes; DROP TABLE resumes; ALTER TABLE alike RENAME TO resumes")
        self.tidemark("run", path).ok()
        self.shown(path)
        self.assertIn(SAID, self.tidemark("verify", "p").ok().out)

    @limit(90)
    def test_a_kill_in_the_middle_counts_none_twice(self):
        path = self.begin()
        self.tidemark("run", path, "--to", "backfill").ok()
        for number in (1, 2, 2):
            self.tidemark("run", path, "--if-locked", "wait", env={"TIDEMARK_CRASH_AT": f"sweep.batch_done#{number}"}).expect(-9)
        self.assertGreater(self.value("SELECT sum(rows_seen) FROM tidemark.segment WHERE sweep LIKE '3/%%'"), 0)
        self.tidemark("run", path, "--if-locked", "wait").ok()
        self.shown(path)

    def test_rows_that_get_their_match_are_counted_no_more(self):
        path = self.begin()
        self.tidemark("run", path).ok()
        self.execute("INSERT INTO templates VALUES (70, 7); UPDATE resumes SET template = template WHERE template_id IS NULL")
        self.assertEqual(self.tidemark.json("verify", "p")["lookup"], {"unmatched": 0, "example": None})
        self.tidemark("rollback", "p", "--to", "backfill", "--yes").ok()
        self.assertIsNone(self.tidemark.json("status", "p")["lookup"])
        self.assertNotIn("sweep.unmatched", self.tidemark("run", path, "--json").ok().out)
        self.assertEqual(self.tidemark.json("status", "p")["lookup"]["unmatched"], 0)
        self.assertNotIn("lookup", self.tidemark("status", "p").ok().out)
        self.assertNotIn("lookup-unmatched", self.tidemark("plan", "p").ok().out)

    def test_what_says_itself_what_stands_for_nothing_is_not_counted(self):
        path = self.begin(up="coalesce((SELECT t.id FROM public.templates t WHERE t.number = template), 0)",
                          down="nullif((SELECT t.number FROM public.templates t WHERE t.id = template_id), 0)")
        self.tidemark("run", path).ok()
        self.assertEqual(self.tidemark.json("status", "p")["lookup"]["unmatched"], 0)

    def test_without_a_lookup_nothing_is_said(self):
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items VALUES (1, NULL)")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p", switch="manual"))
        self.tidemark("run", path).ok()
        self.assertIsNone(self.tidemark.json("status", "p")["lookup"])
        self.assertNotIn("lookup", self.tidemark.json("verify", "p"))


if __name__ == "__main__":
    main()
