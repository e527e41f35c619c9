"""Jobs that come back: a plan that is complete and recurring begins again with the next run, as a run of its own."""
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

TABLE = """
CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL, done boolean);
INSERT INTO events SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 300) i;
CREATE INDEX events_at ON events (at);
CREATE TABLE log (at timestamptz NOT NULL DEFAULT clock_timestamp());
ANALYZE events;
"""
OLD = "at < now() - interval '100 hours 30 minutes'"
PURGE = {"kind": "purge", "where": OLD, "by": "at"}
CRON = ("--if-locked", "skip", "--budget", "1m", "--exit-code")


class RecurringCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(TABLE)

    def job(self, *phases, recurring=True, name="job", **limits):
        head = {"recurring": True} if recurring else {}
        return self.plan(plans.plan(name, "public.events", phases or [PURGE], head=head, **limits), f"{name}.toml")

    def runs(self, plan="job"):
        return [state for state, in self.rows("SELECT state FROM tidemark.run WHERE plan = %s ORDER BY id", (plan,))]

    def left(self):
        return self.value(f"SELECT count(*) FROM events WHERE {OLD}")


class Recurring(RecurringCase):
    @limit(180)
    def test_fifty_runs_from_cron(self):
        path = self.job({"kind": "sql", "act": "INSERT INTO public.log DEFAULT VALUES", "undo": "SELECT 1"}, PURGE,
                        {"kind": "backfill", "set": {"done": "true"}, "where": "done IS NULL", "id": "mark"})
        for number in range(50):
            self.execute("INSERT INTO events SELECT 1000 + %s * 10 + i, now() - i * interval '50 hours' FROM generate_series(1, 4) i", (number,))
            self.tidemark("run", path, *CRON).ok()
            self.assertEqual(self.left(), 0)
        self.assertEqual(self.runs(), ["complete"] * 50)
        self.assertEqual(self.value("SELECT count(*) FROM log"), 50)
        self.assertEqual(self.value("SELECT count(*) FROM events WHERE done IS NOT TRUE"), 0)
        self.assertEqual(self.value("SELECT count(*) FROM events"), 100 + 50 * 2)
        self.assertEqual(self.rows("SELECT DISTINCT s.run IS NOT NULL, r.owner FROM tidemark.run r LEFT JOIN tidemark.segment s ON s.run = r.id"),
                         [(True, None)])

    def test_history_and_status_keep_the_runs_apart(self):
        path = self.job()
        for _ in range(3):
            self.tidemark("run", path).ok()
        rows = self.tidemark.json("history", "job")["history"]
        by_run = {run: [row["event"] for row in rows if row["run"] == run] for run in {row["run"] for row in rows}}
        self.assertEqual(len(by_run), 3)
        self.assertTrue(all(events.count("step.done") == 1 for events in by_run.values()))
        text = self.tidemark("history", "job").ok().out
        self.assertEqual([line for line in text.splitlines() if line.startswith("run ")], [f"run {number}" for number in sorted(by_run)])
        status = self.tidemark.json("status", "job")
        self.assertEqual((status["id"], status["state"], status["recurring"]), (max(by_run), "complete", True))
        self.assertEqual(status["next"], "tidemark run job")
        self.assertIn("next: tidemark run", self.tidemark("plan", path).ok().out)

    def test_a_run_under_way_is_continued_and_not_begun_again(self):
        path = self.job({**PURGE, "max_rows_per_second": 60}, lease="1s")
        self.tidemark("run", path, "--budget", "1200ms", "--exit-code").expect(13)
        left = self.left()
        self.assertGreater(left, 0)
        self.assertLess(left, 200)
        self.tidemark("run", path, *CRON).ok()
        self.assertEqual((self.runs(), self.left()), (["complete"], 0))

    def test_a_limit_is_that_of_each_run(self):
        path = self.job({**PURGE, "limit": 90})
        for left in (110, 20, 0, 0):
            self.tidemark("run", path).ok()
            self.assertEqual(self.left(), left)
        self.assertEqual(self.runs(), ["complete"] * 4)

    def test_when_the_window_closes_the_run_ends_and_the_next_one_continues_it(self):
        path = self.job({**PURGE, "max_rows_per_second": 40})
        now = datetime.datetime.now(datetime.timezone.utc)
        process = self.tidemark.start("run", path, *CRON)
        self.wait_until(lambda: 0 < self.left() < 190, what="the sweep has begun")
        self.tidemark("set", "job", f"window={now + datetime.timedelta(hours=3):%H:%M}-{now + datetime.timedelta(hours=4):%H:%M} UTC").ok()
        ended = process.wait(15).expect(13)
        self.assertIn(f"; it opens at {now + datetime.timedelta(hours=3):%Y-%m-%d %H:%M} UTC", ended.out)
        left = self.left()
        self.assertGreater(left, 0)
        self.tidemark("run", path, *CRON).expect(13)
        self.assertEqual((self.runs(), self.left()), (["ready"], left))
        self.tidemark("set", "job", "window=").ok()
        self.tidemark("run", path, *CRON).ok()
        self.assertEqual((self.runs(), self.left()), (["complete"], 0))

    def test_while_an_executor_works_the_next_one_skips(self):
        path = self.job({**PURGE, "max_rows_per_second": 40})
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: 0 < self.left() < 190, what="the sweep has begun")
        self.assertIn("works on it already", self.tidemark("run", path, *CRON).ok().out)
        self.tidemark("run", path).expect(8)
        process.wait(30).ok()
        self.assertEqual((self.runs(), self.left()), (["complete"], 0))

    def test_several_at_once_are_never_two_open_runs(self):
        path = self.job()
        for _ in range(4):
            processes = [self.tidemark.start("run", path, *CRON) for _ in range(4)]
            for process in processes:
                process.wait(30).ok()
        runs = self.runs()
        self.assertEqual(set(runs), {"complete"})
        self.assertTrue(4 <= len(runs) <= 16, runs)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.run WHERE NOT repeated"), 1)

    def test_the_file_may_change_between_two_runs_and_not_within_one(self):
        self.tidemark("run", self.job()).ok()
        path = self.job({**PURGE, "where": "at < now() - interval '50 hours 30 minutes'", "max_rows_per_second": 30})
        self.assertIn("50:30:00", self.tidemark("plan", path).ok().out)
        self.assertNotIn("warning: the file differs", self.tidemark("status", path).ok().out)
        self.tidemark("run", path, "--budget", "1s").ok()
        self.assertIn("has changed since its run started", self.tidemark("run", self.job()).expect(3).err)
        self.tidemark("run", "job").ok()
        self.assertEqual(self.value("SELECT count(*) FROM events"), 50)
        self.assertEqual(self.runs(), ["complete"] * 2)

    def test_a_table_that_was_made_anew_is_found_by_its_name(self):
        path = self.job()
        self.tidemark("run", path).ok()
        self.execute("ALTER TABLE events RENAME TO events_before; DROP INDEX events_at; ALTER TABLE events_before RENAME CONSTRAINT events_pkey TO old_pkey;"
                     + TABLE.split("CREATE TABLE log")[0])
        self.tidemark("run", path).ok()
        self.assertEqual((self.left(), self.value("SELECT count(*) FROM events")), (0, 100))

    def test_a_container_begins_the_first_run_and_no_other(self):
        path = self.job({**PURGE, "where": "at < now() - interval '200 hours 30 minutes'"})
        self.tidemark("ensure", path, "--strict").ok()
        for job in (path, self.job()):
            self.assertIn("nothing to do", self.tidemark("ensure", job, "--strict").ok().err)
        self.assertEqual((self.runs(), self.left()), (["complete"], 100))

    def test_a_rollback_is_of_the_last_run(self):
        path = self.job()
        for _ in range(2):
            self.tidemark("run", path).ok()
        self.tidemark("rollback", path, "--yes").ok()
        self.assertEqual(self.runs(), ["complete", "rolled_back"])
        self.assertIn("was rolled back", self.tidemark("run", path).expect(4).err)
        self.tidemark("run", path, "--again").ok()
        self.tidemark("run", path).ok()
        self.assertEqual(self.runs(), ["complete", "rolled_back", "complete", "complete"])


class Complete(RecurringCase):
    def test_a_plan_that_is_complete_and_not_recurring_says_what_to_do(self):
        path = self.job(recurring=False)
        self.tidemark("run", path).ok()
        again = self.tidemark("run", path).ok()
        self.assertIn("nothing to do: the plan is complete, and not recurring", again.out)
        self.assertEqual(self.runs(), ["complete"])
        self.assertIn("say recurring = true in its file", again.out)
        self.tidemark("run", self.job()).ok()
        self.assertEqual(self.runs(), ["complete"] * 2)

    def test_one_that_could_not_come_back_is_not_told_to(self):
        path = self.job({"kind": "add_column", "column": "more", "type": "integer"}, recurring=False)
        self.tidemark("run", path).ok()
        self.assertIn("another change is a plan of another name", self.tidemark("run", path).ok().out)

    def test_a_recurring_plan_changes_no_schema(self):
        path = self.job({"kind": "add_column", "column": "more", "type": "integer"}, PURGE)
        result = self.tidemark("lint", path).expect(3)
        self.assertIn("add_column is done once", result.out)
        self.tidemark("run", path).expect(3)
        path = self.job(PURGE)
        self.tidemark("lint", path).ok()

    def test_new_writes_one(self):
        path = self.plan(self.tidemark("new", "purge", "public.events", "at").ok().out)
        self.execute("INSERT INTO events VALUES (5000, now() - interval '91 days')")
        for _ in range(2):
            self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM events"), 300)
        self.assertEqual(self.runs("events-purge-by-at"), ["complete"] * 2)


if __name__ == "__main__":
    main()
