"""Purges: which rows are deleted, and which are not; by blocks and in the order of an index; limits, locks, triggers, foreign keys."""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import Traffic, run  # noqa: E402

ROWS = 6000
# The numbers of the days are in no order of the table, and each has many rows.
TABLE = f"""
CREATE TABLE events (id bigint PRIMARY KEY, day integer, note text) WITH (autovacuum_enabled = off);
INSERT INTO events SELECT i, i * 7919 % 20, repeat('n', i % 90) FROM generate_series(1, {ROWS}) i;
CREATE INDEX events_day ON events (day);
ANALYZE events;
"""
OLD = "day < 10"
# Every deletion leaves a row here: one that is deleted twice cannot hide.
LOG = """
CREATE TABLE deleted (id bigint);
CREATE OR REPLACE FUNCTION log_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.deleted VALUES (OLD.id); RETURN OLD; END $$;
CREATE TRIGGER log_deletion AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION log_deletion();
"""
KEEP = """
CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON events FOR EACH ROW WHEN (OLD.id % 3 = 0) EXECUTE FUNCTION keep();
"""
ORDERS = {"blocks": {}, "index": {"by": "day"}}


class PurgeCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(TABLE)

    def purge(self, name="p", table="public.events", limits=None, **phase):
        phase.setdefault("where", OLD)
        return self.plan(plans.plan(name, table, [{"kind": "purge", **phase}], **(limits or {})), f"{name}.toml")

    def left(self, where=OLD):
        return self.value(f"SELECT count(*) FROM events WHERE {where}")

    def result(self):
        return self.value("SELECT detail FROM tidemark.journal WHERE event = 'step.done' ORDER BY seq DESC LIMIT 1")

    def deleted(self):
        if not self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL"):
            return 0
        return self.value("SELECT coalesce(sum(changed), 0)::integer FROM tidemark.segment")

    def each_order(self, **more):
        for name, phase in ORDERS.items():
            self.execute("DROP TABLE IF EXISTS deleted, events CASCADE")
            self.execute(TABLE)
            yield {**phase, **more}, f"p-{name}"


class Rows(PurgeCase):
    def test_all_rows_for_which_the_condition_holds_go_and_no_others(self):
        for phase, name in self.each_order():
            rest, old = self.left(f"NOT ({OLD})"), self.left()
            self.tidemark("run", self.purge(name, **phase)).ok()
            self.assertEqual((self.left(), self.left(f"NOT ({OLD})")), (0, rest))
            self.assertEqual(self.result()["rows_changed"], old)
            self.assertFalse(self.result()["limit_reached"])

    def test_the_index_is_read_only_as_far_as_the_condition_holds(self):
        self.tidemark("run", self.purge(by="day", where="day < 2")).ok()
        self.assertEqual(self.left("day < 2"), 0)
        # A pass that read on would have passed 6000 rows.
        self.assertLess(self.value("SELECT sum(rows_seen)::integer FROM tidemark.segment"), ROWS / 5)

    def test_an_index_that_is_dropped_while_the_sweep_runs_is_made_again(self):
        path = self.purge(by="day", max_rows_per_second=2000)
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.deleted() > 300, what="the sweep has begun")
        self.execute("DROP INDEX events_day")
        self.assertIn('has no index that begins with "day"', process.wait(30).expect(4).err)
        self.execute("CREATE INDEX ON events (day, id)")
        self.tidemark("run", path).ok()
        self.assertEqual((self.left(), self.left("true")), (0, ROWS / 2))

    def test_a_value_with_more_rows_than_a_batch_takes(self):
        self.execute("UPDATE events SET day = 3")
        self.tidemark("run", self.purge(by="day", max_rows_per_second=20000)).ok()
        self.assertEqual(self.left(), 0)

    def test_rows_without_a_value_in_the_column_of_the_index(self):
        for nulls in ("NULLS LAST", "NULLS FIRST", "DESC NULLS LAST", "DESC NULLS FIRST"):
            with self.subTest(nulls=nulls):
                self.execute(f"DROP TABLE events; {TABLE} UPDATE events SET day = NULL WHERE id % 5 = 0; DROP INDEX events_day;"
                             f" CREATE INDEX events_day ON events (day {nulls})")
                name = "p" + re.sub(r"\W", "", nulls)
                self.tidemark("run", self.purge(name, by="day", where="day IS NULL OR day < 5", max_rows_per_second=20000)).ok()
                self.assertEqual(self.left("day IS NULL OR day < 5"), 0)
                self.assertGreater(self.left("day >= 5"), 0)

    def test_an_expression_of_time_and_text_in_a_collation(self):
        self.execute("ALTER TABLE events ADD at timestamptz, ADD name varchar(20) COLLATE \"C\";"
                     " UPDATE events SET at = now() - id * interval '1 minute', name = chr(65 + (id % 26)::integer);"
                     " CREATE INDEX ON events (at DESC, id); CREATE INDEX ON events (name); ANALYZE events")
        self.tidemark("run", self.purge("p-at", by="at", where="at < now() - interval '50 hours'")).ok()
        self.assertEqual(self.value("SELECT max(id) <= 3001 AND min(id) = 1 FROM events"), True)
        self.tidemark("run", self.purge("p-name", by="name", where="name < 'K'")).ok()
        self.assertEqual(self.left("name < 'K'"), 0)
        self.assertGreater(self.left("name >= 'K'"), 0)

    def test_partitions_are_gone_through_one_by_one(self):
        for phase, name in self.each_order():
            self.execute("DROP TABLE events; CREATE TABLE events (id bigint, day integer, note text) PARTITION BY RANGE (id);"
                         " CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (0) TO (3000);"
                         " CREATE TABLE e2 PARTITION OF events FOR VALUES FROM (3000) TO (9000);"
                         " CREATE INDEX ON events (day);"
                         f" INSERT INTO events SELECT i, i % 20, 'n' FROM generate_series(1, {ROWS}) i; ANALYZE events")
            self.tidemark("run", self.purge(name, limits={"workers": 2}, **phase)).ok()
            self.assertEqual(self.left(), 0)
            self.assertEqual(self.left("true"), ROWS / 2)

    def test_a_table_that_is_no_heap_is_purged_by_its_key(self):
        self.execute("DROP TABLE events; CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;"
                     " CREATE TABLE events (id bigint PRIMARY KEY, day integer) USING other;"
                     f" INSERT INTO events SELECT i, i % 20 FROM generate_series(1, {ROWS}) i; ANALYZE events")
        self.tidemark("run", self.purge(limit=1500)).ok()
        self.assertEqual(self.left(), ROWS / 2 - 1500)
        self.tidemark("run", self.purge("q")).ok()
        self.assertEqual((self.left(), self.left("true")), (0, ROWS / 2))

    @limit(120)
    def test_rows_that_come_and_move_after_the_sweep_came_by_are_found(self):
        for phase, name in self.each_order(max_rows_per_second=3000):
            self.execute(LOG)
            jobs = [lambda c, r: run(c, "INSERT INTO events VALUES (%s, %s, 'new') ON CONFLICT DO NOTHING", (r.randint(10**6, 10**9), r.randint(0, 19))),
                    lambda c, r: run(c, "UPDATE events SET note = repeat('m', 80) WHERE id = %s", (r.randint(1, ROWS),))]
            process = self.tidemark.start("run", self.purge(name, other_triggers="fire", **phase))
            with Traffic(self.server, self.database, jobs, threads=2, pause=0.005) as traffic:
                self.wait_until(lambda: self.deleted() > 1500, what="the sweep has begun")
            traffic.raise_errors()
            process.wait(60).ok()
            self.assertEqual(self.left(), 0)
            self.assertEqual(self.value("SELECT count(*) - count(DISTINCT id) FROM deleted"), 0)
            self.assertEqual(self.value(f"SELECT count(*) FROM generate_series(1, {ROWS}) i WHERE i * 7919 % 20 >= 10"
                                        " AND NOT EXISTS (SELECT FROM events WHERE id = i)"), 0)


class Limit(PurgeCase):
    def test_a_run_never_deletes_more_than_its_limit(self):
        for phase, name in self.each_order():
            for number, most in enumerate((1, 7, 1000)):
                before = self.left()
                result = self.tidemark("run", self.purge(f"{name}-{number}", limit=most, limits={"workers": 3}, **phase)).ok()
                self.assertEqual(before - self.left(), most)
                self.assertIn("for one run is reached", result.err)
                self.assertTrue(self.result()["limit_reached"])

    def test_a_limit_that_is_not_reached_is_none(self):
        for phase, name in self.each_order(limit=ROWS):
            self.assertNotIn("for one run", self.tidemark("run", self.purge(name, **phase)).ok().err)
            self.assertEqual(self.left(), 0)
            self.assertFalse(self.result()["limit_reached"])

    def test_the_limit_counts_what_was_deleted_before_a_kill_and_a_pause(self):
        for phase, name in self.each_order(limit=2000, max_rows_per_second=1500):
            before, path = self.left(), self.purge(name, limits={"lease": "1s"}, **phase)
            self.execute("DELETE FROM tidemark.segment") if self.deleted() else None
            process = self.tidemark.start("run", path)
            self.wait_until(lambda: self.deleted() > 300, what="the sweep has begun")
            process.signal(signal.SIGKILL)
            process.wait(10)
            at = before - self.left()
            self.assertLess(at, 2000)
            process = self.tidemark.start("run", path)
            self.wait_until(lambda: before - self.left() > at + 300, what="the sweep goes on")
            process.signal(signal.SIGINT)
            process.wait(20)
            self.assertLess(before - self.left(), 2000)
            self.tidemark("run", path).ok()
            self.assertEqual(before - self.left(), 2000)

    def test_rows_that_a_trigger_keeps_do_not_use_up_the_limit(self):
        for phase, name in self.each_order(limit=500, other_triggers="fire"):
            self.execute(KEEP)
            before = self.left()
            self.tidemark("run", self.purge(name, **phase)).ok()
            self.assertLessEqual(before - self.left(), 500)
            self.assertGreaterEqual(before - self.left(), 400)
            self.assertEqual(self.value("SELECT count(*) FROM generate_series(3, 6000, 3) i WHERE NOT EXISTS (SELECT FROM events WHERE id = i)"), 0)


class Locks(PurgeCase):
    @limit(120)
    def test_locked_rows_are_left_to_the_end_and_deleted_when_they_are_free(self):
        for phase, name in self.each_order():
            with self.connect() as other:
                other.autocommit = False
                other.cursor().execute("SELECT FROM events WHERE id % 500 = 15 FOR UPDATE")
                locked = self.left(f"id % 500 = 15 AND {OLD}")
                self.assertGreater(locked, 2)
                process = self.tidemark.start("run", self.purge(name, **phase))
                self.wait_until(lambda: self.left() == locked, what="all others are deleted")
                self.wait_heartbeats(name, 2)
                self.assertEqual(self.left(), locked)
                self.assertTrue(process.running())
                other.rollback()
            other.close()
            process.wait(30).ok()
            self.assertEqual(self.left(), 0)

    def test_rows_that_change_while_they_are_locked_are_judged_anew(self):
        for phase, name in self.each_order():
            with self.connect() as other:
                other.autocommit = False
                other.cursor().execute("UPDATE events SET day = 15 WHERE id = 15; UPDATE events SET day = 1 WHERE id = 5")
                rest = self.left() - 1
                process = self.tidemark.start("run", self.purge(name, **phase))
                self.wait_until(lambda: self.left() < rest, what="the sweep has begun")
                self.wait_heartbeats(name, 1)
                other.commit()
            other.close()
            process.wait(30).ok()
            self.assertEqual(self.left(), 0)
            self.assertEqual(self.rows("SELECT id, day FROM events WHERE id IN (5, 15)"), [(15, 15)])

    @limit(120)
    def test_a_locked_row_of_another_table_that_would_go_as_well_is_waited_for(self):
        for phase, name in self.each_order():
            self.execute("DROP TABLE IF EXISTS parts; CREATE TABLE parts (event bigint REFERENCES events ON DELETE CASCADE);"
                         " INSERT INTO parts SELECT id FROM events; CREATE INDEX ON parts (event)")
            number = self.value(f"SELECT id FROM events WHERE {OLD} AND id > 3000 ORDER BY id LIMIT 1")
            with self.connect() as other:
                other.autocommit = False
                other.cursor().execute("SELECT FROM parts WHERE event = %s FOR UPDATE", (number,))
                process = self.tidemark.start("run", self.purge(name, limits={"batch_duration": "5ms"}, **phase))
                self.wait_until(lambda: self.left() < ROWS / 4, timeout=40, what="the others go on")
                self.wait_heartbeats(name, 1)
                self.assertEqual(self.left(f"id = {number}"), 1)
                other.rollback()
            other.close()
            process.wait(30).ok()
            self.assertEqual(self.left(), 0)
            self.assertEqual(self.value("SELECT count(*) FROM parts"), self.left("true"))


class Reactions(PurgeCase):
    def test_a_trigger_that_keeps_rows_does_not_keep_the_sweep_going(self):
        for phase, name in self.each_order(other_triggers="fire"):
            self.execute(LOG + KEEP)
            kept = self.left(f"id % 3 = 0 AND {OLD}")
            result = self.tidemark("run", self.purge(name, **phase)).ok()
            self.assertEqual((self.left(), self.left(f"id % 3 = 0 AND {OLD}")), (kept, kept))
            self.assertEqual(self.result()["rows_kept"], kept)
            self.assertIn("a trigger BEFORE DELETE has kept them", result.err)
            self.assertEqual(self.value("SELECT count(*) - count(DISTINCT id) FROM deleted"), 0)

    def test_a_value_of_which_more_rows_are_kept_than_a_batch_takes(self):
        self.execute("UPDATE events SET day = 3; " + KEEP.replace("OLD.id % 3 = 0", "OLD.id > 100"))
        self.tidemark("run", self.purge(by="day", other_triggers="fire", max_rows_per_second=20000)).ok()
        self.assertEqual(self.left(), ROWS - 100)
        self.assertEqual(self.result()["rows_kept"], ROWS - 100)

    def test_triggers_are_skipped_when_the_plan_says_so(self):
        self.execute(LOG)
        self.tidemark("run", self.purge(other_triggers="skip")).ok()
        self.assertEqual((self.left(), self.value("SELECT count(*) FROM deleted")), (0, 0))

    def test_a_row_that_is_still_referred_to_ends_the_sweep_and_is_named(self):
        self.execute("CREATE TABLE parts (event bigint REFERENCES events); CREATE INDEX ON parts (event)")
        number = self.value(f"SELECT max(id) FROM events WHERE {OLD}")
        self.execute("INSERT INTO parts VALUES (%s)", (number,))
        path = self.purge()
        result = self.tidemark("run", path).expect(4)
        self.assertIn("violates foreign key constraint", result.err)
        look = re.search(r"look at it: (SELECT .*?);", result.err).group(1)
        self.assertIn((number,), [row[:1] for row in self.rows(look)])
        self.assertEqual(self.left(f"id = {number}"), 1)
        self.execute("DELETE FROM parts")
        self.tidemark("run", path).ok()
        self.assertEqual(self.left(), 0)

    def test_rows_of_other_tables_go_with_them(self):
        self.execute("CREATE TABLE parts (event bigint REFERENCES events ON DELETE CASCADE); INSERT INTO parts SELECT id FROM events;"
                     " CREATE INDEX ON parts (event)")
        path = self.purge()
        review = self.tidemark("plan", path).ok().out
        self.assertIn("rows that refer to a deleted one are deleted with it", review)
        self.assertIn("and what foreign keys deleted or changed with them", review)
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM parts"), self.left("true"))

    def test_row_security_that_would_hide_rows_is_an_error(self):
        self.execute("CREATE ROLE keeper LOGIN; GRANT CREATE ON DATABASE " + self.database + " TO keeper; ALTER TABLE events OWNER TO keeper;"
                     " ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY;"
                     " CREATE POLICY half ON events USING (id % 2 = 0)")
        self.addCleanup(self.server.sql, "DROP ROLE keeper")
        self.addCleanup(self.server.sql, "REASSIGN OWNED BY keeper TO postgres; DROP OWNED BY keeper", database=self.database)
        before = self.left()
        result = self.tidemark("run", self.purge(), "--user", "keeper")
        self.assertNotEqual(result.code, 0)
        self.assertIn("row-level security", result.err)
        self.assertEqual(self.left(), before)


class Review(PurgeCase):
    def findings(self, path):
        return {found["rule"]: found["severity"] for found in self.lint(path)}

    def lint(self, path):
        return self.tidemark("lint", "--db", "--format", "json", path).json()["plans"][0]["findings"]

    def test_it_says_what_is_lost_and_a_rollback_asks_first(self):
        path = self.purge()
        review = self.tidemark("plan", path).ok().out
        self.assertIn("loses the rows of public.events that were deleted: nothing brings them back", review)
        self.assertIn("purge-loses", self.findings(path))
        self.tidemark("run", path).ok()
        refused = self.tidemark("rollback", path)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("nothing brings them back", refused.err)
        self.tidemark("rollback", path, "--yes").ok()
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "rolled_back")

    def test_foreign_keys_are_listed_and_one_without_an_index_is_an_error(self):
        self.execute("CREATE TABLE a (e bigint REFERENCES events); CREATE TABLE b (e bigint REFERENCES events ON DELETE SET NULL, f integer);"
                     " CREATE TABLE c (e bigint REFERENCES events); CREATE INDEX ON b (e, f); CREATE INDEX ON c (e) WHERE e > 5;"
                     " CREATE INDEX ON a USING hash (e)")
        found = self.lint(self.purge())
        told = [f["message"] for f in found if f["rule"] == "purge-referenced"]
        self.assertEqual(len(told), 3)
        self.assertTrue(any("public.b, ON DELETE SET NULL" in text for text in told))
        missing = [f["message"] for f in found if f["rule"] == "purge-referenced-index"]
        self.assertEqual(len(missing), 1)
        self.assertIn("public.c", missing[0])
        self.tidemark("run", self.purge()).expect(4)

    def test_what_is_refused(self):
        self.execute(LOG)
        self.assertEqual(self.findings(self.purge())["purge-other-triggers"], "error")
        self.execute("DROP TRIGGER log_deletion ON events; CREATE RULE kept AS ON DELETE TO events DO INSTEAD NOTHING")
        self.assertEqual(self.findings(self.purge())["purge-rule"], "error")
        self.execute("DROP RULE kept ON events")
        self.assertEqual(self.findings(self.purge(by="note", where="note < 'a'"))["purge-by-index"], "error")
        self.assertEqual(self.findings(self.purge(by="nothing"))["column-missing"], "error")
        self.assertEqual(self.findings(self.purge(where="random() < 0.5"))["purge-condition"], "error")
        self.assertEqual(self.findings(self.purge(where="id"))["purge-condition"], "error")
        found = self.findings(self.purge(by="day", where="note = 'x'"))
        self.assertEqual(found["purge-by-unused"], "warning")
        self.assertEqual(self.findings(self.purge(where="true"))["purge-every-row"], "warning")
        self.execute("CREATE TABLE parts (e bigint REFERENCES events); CREATE INDEX ON parts (e)")
        self.assertEqual(self.findings(self.purge(other_triggers="skip"))["purge-skip-check"], "error")

    def test_a_published_table_without_a_replica_identity(self):
        self.execute("CREATE PUBLICATION pub FOR TABLE events; ALTER TABLE events REPLICA IDENTITY NOTHING")
        self.assertEqual(self.findings(self.purge())["purge-replica-identity"], "error")
        self.tidemark("run", self.purge()).expect(4)
        self.assertEqual(self.left(), ROWS / 2)
        self.execute("ALTER PUBLICATION pub SET (publish = 'insert, update')")
        self.assertNotIn("purge-replica-identity", self.findings(self.purge()))
        self.execute("ALTER TABLE events REPLICA IDENTITY FULL; ALTER PUBLICATION pub SET (publish = 'delete')")
        self.tidemark("run", self.purge()).ok()
        self.assertEqual(self.left(), 0)

    def estimate(self, phase):
        path = self.plan(plans.plan("e", "public.events", [phase]))
        step = self.tidemark("plan", "--json", path).ok().json()["phases"][0]["steps"][0]
        return step["forward"]["rows"], self.tidemark("plan", path).ok().out

    def test_estimates_are_the_planners(self):
        fill = {"kind": "backfill", "set": {"note": "'x'"}}
        old = self.left("day < 3")
        for phase in ({"kind": "purge", "where": "day < 3"}, {"kind": "purge", "where": "day < 3", "by": "day"}, {**fill, "where": "day < 3"}):
            rows, text = self.estimate(phase)
            self.assertTrue(old * 0.8 < rows < old * 1.2, (rows, old, text))
            self.assertEqual("; reads about 6,000" in text, "by" not in phase, text)
        self.assertEqual(self.estimate({"kind": "purge", "where": "day < 3", "limit": 10})[0], 10)
        self.assertEqual(self.estimate(fill)[0], ROWS)

    def test_of_a_table_that_was_never_analyzed_nothing_is_estimated(self):
        self.execute("DROP TABLE events; CREATE TABLE events (id bigint PRIMARY KEY, day integer, note text) WITH (autovacuum_enabled = off);"
                     " INSERT INTO events SELECT i, i % 20, 'n' FROM generate_series(1, 6000) i")
        for phase in ({"kind": "purge", "where": "day < 3"}, {"kind": "backfill", "set": {"note": "'x'"}, "where": "day < 3"},
                      {"kind": "backfill", "set": {"note": "'x'"}}, {"kind": "set_not_null", "column": "day"}):
            with self.subTest(phase=phase):
                rows, text = self.estimate(phase)
                self.assertIsNone(rows)
                self.assertIn("unknown: the table has no statistics", text)
                self.assertIn(": rows unknown", text)
                self.assertNotIn("0 rows", text)
                self.assertNotIn("under a second", text)

    def test_psql_can_run_the_same_and_a_limit_cannot_be_written(self):
        script = self.tidemark("plan", "--sql", self.purge()).ok().out
        done = subprocess.run([self.server.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=script, text=True,
                              env=self.server.environment(self.database), capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.left(), self.left("true")), (0, ROWS / 2))
        self.assertIn("cannot be written as SQL", self.tidemark("plan", "--sql", self.purge(limit=5)).expect(4).err)


if __name__ == "__main__":
    main()
