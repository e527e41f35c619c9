"""What a sweep leaves: dead row versions that a vacuum cleans up, and statistics that tell of the rows as they are now."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ROWS = 20000

SCHEMA = f"""
CREATE TABLE items (id bigint PRIMARY KEY, code text, qty integer, note text);
INSERT INTO items SELECT i, 'c' || i % 50, CASE WHEN i % 10 > 0 THEN i END, repeat('n', 100) FROM generate_series(1, {ROWS}) i;
"""

PARTITIONED = """
CREATE TABLE parts (id bigint, code text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (4000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (4000) TO (8000);
CREATE TABLE parts_later PARTITION OF parts FOR VALUES FROM (8000) TO (12000);
INSERT INTO parts SELECT i, 'c' || i % 50 FROM generate_series(1, 7999) i;
"""


class AfterwardsCase(LiveCase):
    settings = {"autovacuum": "off"}

    def setUp(self):
        super().setUp()
        self.execute(SCHEMA)

    def write(self, *phases, table="public.items", name="p", **limits):
        return self.plan(plans.plan(name, table, phases, **limits), f"{name}.toml")

    def fill(self, table="public.items", column="code", **limits):
        """A backfill that is no dual write, with a vacuum after it."""
        return self.write({"kind": "backfill", "set": {column: f"{column} || 'x'"}, "where": f"{column} NOT LIKE '%x'",
                           "vacuum": True}, table=table, **limits)

    def rename(self, old="code", column_type="text", table="public.items", vacuum=None, **gates):
        phases = plans.rename_phases(old, "fresh", column_type, **gates)[:5]
        phases[2]["vacuum"] = vacuum
        return self.write(*phases, table=table)

    def vacuums(self):
        return self.value("SELECT count(*) FROM pg_stat_progress_vacuum WHERE datname = current_database()")

    def ours(self):
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                          "application_name LIKE 'tidemark/%' AND state = 'active'")

    def statistics(self, table="items", column="fresh", inherited=False):
        found = self.rows("SELECT null_frac, n_distinct FROM pg_stats WHERE tablename = %s AND attname = %s AND inherited = %s",
                          (table, column, inherited))
        return found[0] if found else None

    def steps(self, step, event="step.done"):
        return self.rows("SELECT sql, outcome FROM tidemark.journal WHERE step = %s AND event = %s ORDER BY seq", (step, event))

    def clean(self, table="items"):
        """The share of pages in which a vacuum found live rows only. The last batches' pages may not be flushed yet."""
        return self.value("SELECT relallvisible / greatest(pg_relation_size(oid) / 8192.0, 1) FROM pg_class "
                          "WHERE oid = %s::regclass", (table,))

    def assert_clean(self, table="items"):
        self.assertGreater(self.clean(table), 0.9, table)

    def pages(self, table="items"):
        return self.value("SELECT pg_relation_size(%s) / 8192", (table,))

    def slow(self):
        """A vacuum of this table takes some seconds: 2 ms of rest for each page."""
        return self.fill(vacuum_cost_limit=1, lease="1s")

    def start_slow(self):
        process = self.tidemark.start("run", self.slow())
        self.wait_until(self.vacuums, what="the vacuum has begun")
        return process


class Vacuum(AfterwardsCase):
    def test_with_vacuum_the_dead_rows_are_gone_and_every_page_is_visible_to_all(self):
        path = self.fill()
        self.tidemark("run", path).ok()
        self.assert_clean()
        self.assertEqual(self.statistics(column="code")[0], 0)
        self.assertEqual([outcome for _, outcome in self.steps("vacuum")], ["done"])

    def test_without_it_they_stay(self):
        path = self.write({"kind": "backfill", "set": {"code": "code || 'x'"}, "where": "code NOT LIKE '%x'"})
        self.tidemark("run", path).ok()
        self.assertLess(self.clean(), 0.5)
        self.assertIsNone(self.statistics(column="code"))

    def test_the_end_of_the_file_is_not_given_back(self):
        """That would take ACCESS EXCLUSIVE."""
        self.execute("UPDATE items SET code = code || 'x'")
        self.execute("VACUUM items")
        self.execute("DELETE FROM items WHERE id > 100")
        before = self.pages()
        self.tidemark("run", self.fill()).ok()
        self.assertEqual(self.pages(), before)
        self.execute("VACUUM items")
        self.assertLess(self.pages(), before, "the test's own vacuum gives it back")

    def test_a_pause_stops_it_within_two_seconds_and_a_resume_finishes_it(self):
        process = self.start_slow()
        begun = time.monotonic()
        self.tidemark("pause", "p").ok()
        self.wait_until(lambda: not self.vacuums(), timeout=2, what="the vacuum has stopped")
        self.assertLess(time.monotonic() - begun, 2)
        self.wait_until(lambda: not self.ours(), timeout=2, what="nothing of ours works")
        self.assertIn("paused", self.tidemark("status", "p").out)
        self.wait_heartbeats("p", 5)
        self.assertFalse(self.vacuums() or self.ours())
        self.tidemark("resume", "p").ok()
        process.wait(60).ok()
        self.assert_clean()

    def test_an_interrupt_stops_it_and_the_next_run_finishes_it(self):
        process = self.start_slow()
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(5).code, 130)
        self.assertFalse(self.vacuums())
        self.assertLess(self.clean(), 0.5)
        self.tidemark("run", "p").ok()
        self.assert_clean()
        self.assertEqual(len(self.steps("fill")), 1)

    def test_a_killed_executor_leaves_no_vacuum_and_the_next_one_finishes_it(self):
        process = self.start_slow()
        process.kill()
        self.wait_until(lambda: not self.vacuums(), timeout=5, what="the server has noticed that the client is gone")
        self.tidemark("run", "p").ok()
        self.assert_clean()
        self.assertEqual((len(self.steps("fill")), len(self.steps("vacuum"))), (1, 1))

    def test_whoever_waits_for_its_lock_gets_it_at_once(self):
        process = self.start_slow()
        begun = time.monotonic()
        self.execute("ALTER TABLE items ADD other integer")
        self.assertLess(time.monotonic() - begun, 2)
        result = process.wait(60).ok()
        self.assertIn("waits for its lock", result.err)
        self.assert_clean()

    def test_it_does_not_queue_behind_a_lock_that_stays(self):
        holder = self.connect(autocommit=False)
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE")
        process = self.tidemark.start("run", self.fill())
        process.wait_for("not asking for the lock yet")
        self.assertFalse(self.value("SELECT count(*) FROM pg_locks WHERE relation = 'items'::regclass AND NOT granted"))
        holder.rollback()
        holder.close()
        process.wait(30).ok()
        self.assert_clean()

    def test_the_throttle_stops_it_and_lets_it_go_on(self):
        file = os.path.join(self.directory, "hold")
        path = self.fill(vacuum_cost_limit=1, throttle_file=file, lease="1s")
        process = self.tidemark.start("run", path)
        self.wait_until(self.vacuums)
        open(file, "w", encoding="utf-8").close()
        self.wait_until(lambda: not self.vacuums(), timeout=4)
        self.wait_heartbeats("p", 5)
        self.assertFalse(self.vacuums())
        self.wait_until(lambda: "hold" in self.tidemark("status", "p").out, timeout=5)
        os.unlink(file)
        process.wait(60).ok()
        self.assert_clean()

    def test_the_plans_limit_is_what_it_works_with(self):
        """Two thousand times the limit, on the same pages: the one takes seconds, the other none."""
        self.execute("UPDATE items SET code = code || 'x'")
        seconds = []
        for number, cost_limit in enumerate((1, 2000)):
            self.execute("UPDATE items SET note = note || 'y'")
            self.tidemark("run", self.fill(name=f"s{number}", vacuum_cost_limit=cost_limit)).ok()
            seconds.append(self.value("SELECT seconds FROM tidemark.journal WHERE step = 'vacuum' AND event = 'step.done' "
                                      "ORDER BY seq DESC LIMIT 1"))
        self.assertGreater(seconds[0], 10 * seconds[1])

    def test_without_a_limit_it_goes_as_an_autovacuum_of_this_server_and_never_without_pauses(self):
        try:
            self.server.configure(autovacuum_vacuum_cost_limit="1", autovacuum_vacuum_cost_delay="0")
            process = self.tidemark.start("run", self.fill(lease="1s"))
            self.wait_until(self.vacuums)
            self.wait_heartbeats("p", 5)
            self.assertTrue(self.vacuums())
            process.signal(signal.SIGINT)
            process.wait(10)
        finally:
            self.server.configure(autovacuum_vacuum_cost_limit="-1", autovacuum_vacuum_cost_delay="2ms")

    def test_the_script_for_psql_sets_the_limit_and_takes_it_back(self):
        sql = self.tidemark("plan", self.fill(vacuum_cost_limit=321), "--sql").ok().out
        self.assertRegex(sql, r"set_config\('vacuum_cost_limit', '321', false\)")
        self.assertRegex(sql, r"VACUUM \(ANALYZE, TRUNCATE false, PARALLEL 0\) \"public\".\"items\";\nRESET vacuum_cost_limit")

    def test_all_leaves_of_a_partitioned_table(self):
        self.execute(PARTITIONED)
        self.tidemark("run", self.fill(table="public.parts")).ok()
        for leaf in ("parts_1", "parts_2"):
            self.assert_clean(leaf)
            self.assertEqual(self.statistics(leaf, "code")[0], 0)
        self.assertEqual(self.statistics("parts", "code", inherited=True)[0], 0)

    def test_a_partition_that_the_role_may_not_vacuum_is_found_beforehand(self):
        self.execute(PARTITIONED)
        self.member()
        self.execute("ALTER TABLE parts OWNER TO worker; ALTER TABLE parts_1 OWNER TO worker; "
                     "ALTER TABLE parts_later OWNER TO worker; GRANT SELECT, UPDATE ON parts_2 TO worker")
        path = self.fill(table="public.parts")
        review = self.tidemark("plan", path, env={"PGUSER": "worker"})
        self.assertIn("backfill-vacuum", review.out + review.err)
        result = self.tidemark("run", path, env={"PGUSER": "worker"})
        self.assertEqual(result.code, 4)
        self.assertIn("may not vacuum", result.err)
        if self.server.major >= 17:
            self.execute("GRANT MAINTAIN ON parts_2 TO worker")
        else:
            self.execute("ALTER TABLE parts_2 OWNER TO worker")
        self.tidemark("run", path, env={"PGUSER": "worker"}).ok()
        self.assert_clean("parts_2")

    def test_a_partition_that_it_may_not_vacuum_any_more_is_not_believed_to_be_clean(self):
        self.execute(PARTITIONED)
        self.member()
        for table in ("parts", "parts_1", "parts_2", "parts_later"):
            self.execute(f"ALTER TABLE {table} OWNER TO worker")
        path = self.write({"kind": "backfill", "set": {"code": "code || 'x'"}, "where": "code NOT LIKE '%x'", "vacuum": True,
                           "max_rows_per_second": 4000}, table="public.parts")
        process = self.tidemark.start("run", path, env={"PGUSER": "worker"})
        self.wait_until(lambda: self.value("SELECT EXISTS (SELECT FROM parts WHERE code LIKE '%x')"))
        self.execute("ALTER TABLE parts_2 OWNER TO postgres; GRANT SELECT, UPDATE ON parts_2 TO worker")
        result = process.wait(30)
        self.assertEqual(result.code, 4)
        self.assertIn("may not vacuum or analyze public.parts_2", result.err)
        self.assertEqual(self.steps("vacuum"), [])
        # The hint, followed.
        self.assertIn("make the role a member of the owner", result.err)
        self.execute("GRANT postgres TO worker")
        self.addCleanup(self.execute, "REVOKE postgres FROM worker")
        self.tidemark("run", path, env={"PGUSER": "worker"}).ok()
        self.assertEqual(len(self.steps("vacuum")), 1)

    def member(self):
        if not self.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'worker')"):
            self.execute("CREATE ROLE worker LOGIN")
        self.execute(f"GRANT CREATE, TEMPORARY ON DATABASE {self.database} TO worker; GRANT ALL ON SCHEMA public TO worker; "
                     "GRANT EXECUTE ON FUNCTION pg_control_system() TO worker; GRANT pg_monitor TO worker")
        self.addCleanup(lambda: self.execute("REASSIGN OWNED BY worker TO postgres; DROP OWNED BY worker"))


class Statistics(AfterwardsCase):
    def assert_fresh(self, **where):
        found = self.statistics(**where)
        self.assertIsNotNone(found)
        self.assertEqual(found[0], 0)
        self.assertEqual(found[1], 50)

    def test_the_new_column_has_them_at_the_moment_of_the_switch(self):
        self.execute("ANALYZE items")
        self.tidemark("run", self.rename(switch="manual")).ok()
        self.assert_fresh()
        self.assertEqual(self.steps("statistics"), [('ANALYZE "public"."items" ("fresh")', "done")])

    def test_nulls_of_the_old_column_are_nulls_in_them(self):
        self.tidemark("run", self.rename("qty", "integer", switch="manual")).ok()
        self.assertAlmostEqual(self.statistics()[0], 0.1, places=2)

    def test_what_was_analyzed_before_the_sweep_is_not_taken_for_fresh(self):
        path = self.rename(backfill="manual", switch="manual")
        self.tidemark("run", path).ok()
        self.execute("ANALYZE items")
        self.assertEqual(self.statistics()[0], 1)
        self.tidemark("advance", "p").ok()
        self.assert_fresh()

    def test_where_they_went_missing_since_they_are_made_before_the_switch(self):
        self.tidemark("run", self.rename(switch="manual")).ok()
        self.execute("DELETE FROM pg_statistic WHERE starelid = 'items'::regclass")
        self.tidemark("advance", "p").ok()
        self.assert_fresh()
        self.assertEqual([outcome for _, outcome in self.steps("statistics")], ["done", "done"])

    def test_where_they_stand_the_switch_does_not_wait_for_others(self):
        self.tidemark("run", self.rename(switch="manual")).ok()
        self.tidemark("advance", "p").ok()
        self.assertEqual([outcome for _, outcome in self.steps("statistics")], ["done", "already satisfied"])

    def test_a_vacuum_makes_them_as_well(self):
        self.tidemark("run", self.rename(vacuum=True)).ok()
        self.assert_fresh()
        self.assertEqual([outcome for _, outcome in self.steps("statistics")], ["already satisfied"])

    def test_a_column_that_is_told_to_have_none_does_not_stop_the_switch(self):
        path = self.rename(backfill="manual")
        self.tidemark("run", path).ok()
        self.execute("ALTER TABLE items ALTER fresh SET STATISTICS 0")
        self.tidemark("advance", "p").ok()
        self.assertIsNone(self.statistics())
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    def test_an_empty_table_has_none_and_that_is_right(self):
        self.execute("TRUNCATE items")
        self.tidemark("run", self.rename()).ok()
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    def test_leaves_and_the_whole_of_a_partitioned_table(self):
        self.execute(PARTITIONED)
        self.tidemark("run", self.rename(table="public.parts", switch="manual")).ok()
        self.assert_fresh(table="parts", inherited=True)
        self.assert_fresh(table="parts_1")
        self.assert_fresh(table="parts_2")
        self.tidemark("advance", "p").ok()
        self.assertEqual([outcome for _, outcome in self.steps("statistics")], ["done", "already satisfied"])

    def test_they_wait_for_no_one_who_holds_the_lock_and_go_on_afterwards(self):
        holder = self.connect(autocommit=False)
        path = self.rename(backfill="manual", switch="manual")
        self.tidemark("run", path).ok()
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE")
        process = self.tidemark.start("advance", "p")
        process.wait_for("not asking for the lock yet")
        holder.rollback()
        holder.close()
        process.wait(30).ok()
        self.assert_fresh()


if __name__ == "__main__":
    main()
