"""`tidemark set`: what is put over the plan counts within a second, whoever works on the run, and is taken off again."""
import datetime
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402

ROWS = 12000
# From the journal's row of the setting to what the server saw of it.
AFTER = "(SELECT max(at) FROM tidemark.journal WHERE event = 'setting.set')"
WORKERS = ("FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tidemark/p/backfill'"
           " AND query LIKE 'WITH guard%%'")


class SetCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.stop = os.path.join(self.directory, "stop")
        # How long a row takes is the test's to say.
        self.execute(f"""
            CREATE TABLE knob (seconds double precision); INSERT INTO knob VALUES (0);
            CREATE FUNCTION slow(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_sleep(seconds) FROM public.knob WHERE seconds > 0; RETURN name; END $$;
            CREATE TABLE items (id integer PRIMARY KEY, name text, note text) WITH (autovacuum_enabled = off);
            INSERT INTO items SELECT i, 'n' || i, repeat('x', 120) FROM generate_series(1, {ROWS}) i""")
        self.execute("VACUUM (ANALYZE) items")

    def write(self, backfill=None, gate=None, **limits):
        phases = [{"kind": "add_column", "column": "title", "type": "text"},
                  {"kind": "dual_write", "from": "name", "to": "title", "up": "public.slow(name)", "down": "title"},
                  {"kind": "backfill", "gate": gate, **(backfill or {})}]
        return self.plan(plans.plan("p", "public.items", phases, **limits))

    def fast(self):
        self.execute("UPDATE knob SET seconds = 0")

    def slow(self):
        self.execute("UPDATE knob SET seconds = 0.002")

    def begin(self, *args, backfill=None, slow=True, **limits):
        """A run whose backfill has done something, and has far to go."""
        path = self.write(backfill, **limits)
        self.tidemark("run", path, "--to", "dual_write").ok()
        if slow:
            self.slow()
        run = self.tidemark.start("run", path, "--json", *args)
        self.wait_until(lambda: not run.running() or self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL") and self.changed() > 0, what=run)
        self.assertTrue(run.running(), run.out)
        return run

    def set(self, *args):
        return self.tidemark("set", "p", *args).ok()

    def changed(self):
        return self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment")

    def rate(self, seconds):
        """Rows a second from now on, by the server's clock."""
        question = "SELECT clock_timestamp(), coalesce(sum(changed), 0) FROM tidemark.segment"
        begun, before = self.rows(question)[0]
        time.sleep(seconds)
        ended, after = self.rows(question)[0]
        return float(after - before) / (ended - begun).total_seconds()

    def working(self):
        """How many workers have begun a batch in the last 300 ms, while batches take some 20."""
        return self.value(f"SELECT count(*) {WORKERS} AND query_start > clock_timestamp() - interval '300 ms'")

    def journal(self, event):
        return [row[0] for row in self.rows("SELECT detail FROM tidemark.journal WHERE event = %s ORDER BY seq", (event,))]

    def finish(self, run):
        self.fast()
        result = run.wait(60).ok()
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE title IS DISTINCT FROM name"), 0)
        return [event for event in result.events() if event["event"].startswith("setting.")]

    def in_force(self):
        return {s["key"]: s["value"] for s in self.tidemark.json("status", "p")["settings"]}


class Running(SetCase):
    @limit(90)
    def test_more_workers_and_fewer(self):
        run = self.begin(workers=2)
        self.wait_until(lambda: self.working() == 2)
        self.set("workers=4", "--by", "ann")
        self.wait_until(lambda: self.working() == 4)
        self.assertLess(self.value(f"SELECT extract(epoch FROM max(backend_start) - {AFTER}) {WORKERS}"), 1)
        self.wait_until(lambda: self.tidemark.json("status", "p")["progress"]["workers"] == 4)
        self.set("workers=1")
        self.wait_until(lambda: self.working() == 1)
        last = f"SELECT count(*) {WORKERS} AND query_start > {AFTER} + interval '1 s'"
        self.wait_heartbeats("p", 3)
        self.assertEqual(self.value(last), 1)
        self.assertEqual(self.value(f"SELECT count(*) {WORKERS}"), 4, "they rest, connected")
        self.set("workers=")
        self.wait_until(lambda: self.working() == 2)
        told = self.finish(run)
        self.assertEqual([(event["event"], event["message"]) for event in told][0], ("setting.set", "workers = 4, set by ann"))
        self.assertEqual([event["event"] for event in told], ["setting.set", "setting.set", "setting.end"])

    @limit(90)
    def test_what_was_set_wins_over_flags(self):
        run = self.begin("--workers", "3")
        self.wait_until(lambda: self.working() == 3)
        self.set("workers=1")
        self.wait_until(lambda: self.working() == 1)
        self.set("workers=")
        self.wait_until(lambda: self.working() == 3)
        self.finish(run)

    @limit(60)
    def test_the_speed_in_both_directions(self):
        run = self.begin(backfill={"max_rows_per_second": 100}, slow=False, batch_duration="2ms")
        self.assertLess(self.rate(1), 200)
        self.set("max_rows_per_second=2000")
        self.wait_until(lambda: self.rate(0.5) > 400, timeout=5)
        # Nothing of what was done before is owed.
        self.set("max_rows_per_second=200")
        self.wait_until(lambda: 25 < self.rate(1) < 400, timeout=5)
        self.set("max_rows_per_second=100000")
        self.finish(run)

    @limit(60)
    def test_a_speed_where_the_plan_has_none(self):
        run = self.begin(workers=2)
        self.set("max_rows_per_second=200")
        time.sleep(1)
        self.fast()
        rate = self.rate(2)
        self.assertTrue(50 < rate < 400, rate)
        self.set("max_rows_per_second=")
        self.finish(run)

    @limit(60)
    def test_the_length_of_batches(self):
        def p90():
            return self.tidemark.json("status", "p")["progress"]["batch_p90_seconds"]

        run = self.begin(backfill={"order": "keyset"})
        self.set("batch_duration=150ms")
        self.wait_until(lambda: p90() > 0.08)
        self.set("batch_duration=10ms")
        self.wait_until(lambda: p90() < 0.06)
        self.finish(run)


class Throttled(SetCase):
    def reason(self):
        return self.tidemark.json("status", "p")["reason"] or ""

    @limit(60)
    def test_a_limit_that_throttles_is_lifted_and_another_one_put(self):
        with open(self.stop, "w", encoding="utf-8"):
            pass
        run = self.tidemark.start("run", self.write(throttle_file=self.stop, throttle_sql="SELECT count(*) > 1 FROM public.knob"), "--json")
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL") and "stop exists" in self.reason())
        self.set("throttle_file=/nowhere", "--reason", "the night is quiet")
        self.wait_until(lambda: self.changed() > 0, timeout=5)
        self.set("throttle_sql=SELECT true")
        self.wait_until(lambda: "throttle_sql returns true" in self.reason())
        self.set("throttle_sql=", "throttle_file=", "workers=2")
        self.wait_until(lambda: "stop exists" in self.reason())
        self.set("throttle_file=/nowhere")
        self.wait_until(lambda: not self.reason())
        self.finish(run)

    @limit(60)
    def test_a_slot_that_keeps_wal(self):
        run = self.begin()
        self.execute("SELECT pg_create_physical_replication_slot('kept', true)")
        self.addCleanup(self.execute, "SELECT pg_drop_replication_slot('kept')")
        self.execute("CREATE TABLE wal AS SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
        self.set("slot_wal=1MB")
        self.wait_until(lambda: "WAL kept by a replication slot" in self.reason())
        self.set("slot_wal=1TB")
        self.wait_until(lambda: not self.reason())
        self.finish(run)

    @limit(60)
    def test_a_replica_that_is_not_there(self):
        run = self.begin()
        self.set('replicas=["r1", "r2"]')
        self.wait_until(lambda: "replica 'r1' is not connected" in self.reason())
        self.set("replicas=[]")
        self.wait_until(lambda: not self.reason())
        self.finish(run)

    @limit(60)
    def test_the_hours(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        closed = f"{now + datetime.timedelta(hours=2):%H:%M}-{now + datetime.timedelta(hours=3):%H:%M} UTC"
        run = self.begin("--wait")
        self.set("window=" + closed)
        self.wait_until(lambda: "outside the time window that was set" in self.reason())
        before = self.changed()
        self.wait_heartbeats("p", 2)
        self.assertEqual(self.changed(), before)
        self.set("window=")
        self.wait_until(lambda: not self.reason())
        self.finish(run)

    @limit(60)
    def test_a_gate_that_waits_for_its_hours(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        closed = f"{now + datetime.timedelta(hours=2):%H:%M}-{now + datetime.timedelta(hours=3):%H:%M} UTC"
        run = self.tidemark.start("run", self.write(gate={"window": closed}), "--json", "--wait")
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL") and self.reason().startswith(f"outside the time window {closed}; it opens at "))
        self.set("window=00:00-24:00 UTC", "--expire", "1h")
        self.wait_until(lambda: self.changed() > 0)
        self.finish(run)

    @limit(60)
    def test_how_long_the_horizon_is_waited_for(self):
        holder = self.connect(autocommit=False, application_name="report")
        self.addCleanup(holder.close)
        with holder.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        time.sleep(2)
        run = self.tidemark.start("run", self.write({"horizon": "wait", "horizon_wait": "1h", "max_rows_per_second": 2000}), "--json")
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL") and "application 'report'" in self.reason())
        self.set("horizon_wait=0", "max_rows_per_second=1000000")
        self.finish(run)


class Otherwise(SetCase):
    @limit(60)
    def test_while_it_is_paused(self):
        run = self.begin(workers=1)
        self.tidemark("pause", "p").ok()
        self.wait_until(lambda: self.value("SELECT state FROM tidemark.run") == "paused")
        self.set("workers=3")
        self.assertEqual(self.in_force(), {"workers": "3"})
        self.tidemark("resume", "p").ok()
        self.wait_until(lambda: self.working() == 3)
        self.finish(run)

    @limit(60)
    def test_between_two_executors_and_after_the_second(self):
        run = self.begin(workers=1)
        run.signal(signal.SIGINT)
        run.wait(20).expect(130)
        result = self.set("workers=3", "batch_duration=20ms", "--by", "ann")
        self.assertIn("no executor is running: the next one takes it up", result.out)
        self.assertEqual(self.in_force(), {"workers": "3", "batch_duration": "20ms"})
        for end in (signal.SIGKILL, None):
            run = self.tidemark.start("run", "p", "--json")
            self.wait_until(lambda: self.working() == 3)
            if end is not None:
                run.signal(end)
                run.wait(20)
        told = self.finish(run)
        self.assertEqual([event["message"] for event in told], ["batch_duration = 20ms, set by ann", "workers = 3, set by ann"])

    @limit(60)
    def test_a_setting_that_expires(self):
        with open(self.stop, "w", encoding="utf-8"):
            pass
        run = self.begin()
        self.set("throttle_file=" + self.stop, "workers=2", "--expire", "1500ms")
        self.set("workers=3")
        self.wait_until(lambda: self.tidemark.json("status", "p")["progress"]["state"] == "THROTTLED")
        self.wait_until(lambda: self.journal("setting.expired"))
        self.assertLess(self.value("SELECT extract(epoch FROM at - (detail->>'until')::timestamptz) FROM tidemark.journal WHERE event = 'setting.expired'"), 1.9)
        before = self.changed()
        self.wait_until(lambda: self.changed() > before, timeout=5)
        self.assertEqual([(d["key"], d["value"]) for d in self.journal("setting.expired")], [("throttle_file", self.stop)])
        self.assertEqual(self.in_force(), {"workers": "3"})
        self.finish(run)

    @limit(60)
    def test_it_expires_with_nobody_there_and_is_journaled_by_the_next_one(self):
        run = self.begin()
        run.signal(signal.SIGINT)
        run.wait(20).expect(130)
        self.set("workers=3", "--expire", "1s")
        self.set("lock_waiters=3", "--expire", "1h")
        self.wait_until(lambda: self.in_force() == {"lock_waiters": "3"}, timeout=3)
        self.assertEqual(self.journal("setting.expired"), [])
        self.set("workers=2")
        self.assertEqual([d["value"] for d in self.journal("setting.expired")], ["3"])
        self.assertNotIn("before", self.journal("setting.set")[-1])
        self.set("workers=", "lock_waiters=4", "--expire", "1s")
        self.wait_until(lambda: self.in_force() == {}, timeout=3)
        self.fast()
        self.tidemark("run", "p").ok()
        self.assertEqual([d["key"] for d in self.journal("setting.expired")], ["workers", "lock_waiters"])
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.setting"), 0)

    @limit(60)
    def test_a_row_that_nobody_can_read_keeps_no_other_from_counting(self):
        run = self.begin(backfill={"max_rows_per_second": 1000}, slow=False)
        self.execute("INSERT INTO tidemark.setting (run, key, value, set_by) SELECT id, k, v, 'hand' FROM tidemark.run,"
                     " (VALUES ('colour', 'red'), ('workers', '99'), ('window', 'night')) AS x (k, v)")
        # What was left out once is not said again.
        self.wait_heartbeats("p", 2)
        self.set("max_rows_per_second=1000000")
        told = self.finish(run)
        self.assertEqual(sorted(event["message"].partition(",")[0] for event in told if event["event"] == "setting.unreadable"),
                         ["colour = red", "window = night", "workers = 99"])


class Verb(SetCase):
    ROW = r"set        workers = 2  by ann since \S+Z"

    def setUp(self):
        super().setUp()
        self.tidemark("run", self.write(), "--to", "add_column").ok()

    def refused(self, code, *args):
        result = self.tidemark("set", *args).expect(code)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.setting"), 0)
        self.assertEqual(self.journal("setting.set"), [])
        return result.err

    def test_what_is_set_is_shown_with_who_and_when(self):
        empty = self.set().out
        self.assertIn("p: nothing is set\nkeys: workers, impact, pace, batch_duration, ", empty)
        self.set("workers=2", "--by", "ann", "--expire", "1h", "--reason", "it is late")
        for text in (self.set().out, self.tidemark("status", "p").ok().out):
            self.assertRegex(text, self.ROW + r" until \S+Z: it is late\n")
        for told in (self.tidemark.json("status", "p"), self.tidemark.json("set", "p")["run"], self.tidemark.json("status")["plans"][0]):
            one, = told["settings"]
            self.assertEqual({k: one[k] for k in ("key", "value", "by", "reason")}, {"key": "workers", "value": "2", "by": "ann", "reason": "it is late"})
            self.assertAlmostEqual((datetime.datetime.fromisoformat(one["until"][:-1]) - datetime.datetime.fromisoformat(one["since"][:-1])).total_seconds(), 3600, delta=1)
        told = self.tidemark.json("set", "p")
        self.assertFalse(told["changed"])
        self.assertIn("window", told["keys"])
        self.set("workers=3")
        self.assertRegex(self.tidemark("status", "p").ok().out, r"set        workers = 3  by \S+@\S+ since \S+Z\n")
        self.assertIn("nothing is set any more", self.set("workers=").out)
        self.assertNotRegex(self.tidemark("status", "p").ok().out, "\nset ")

    def test_the_journal_has_everything(self):
        self.set("workers=2", "slot_wal=1GB", "--by", "ann", "--reason", "late")
        self.set("workers=3", "--by", "bob", "--expire", "1h")
        self.set("workers=", "slot_wal=", "lock_waiters=", "--by", "eve")
        put = self.journal("setting.set")
        until = put[2].pop("until")
        self.assertRegex(until, "Z$")
        self.assertEqual(put, [{"key": "workers", "value": "2", "by": "ann", "reason": "late"}, {"key": "slot_wal", "value": "1GB", "by": "ann", "reason": "late"},
                               {"key": "workers", "value": "3", "before": "2", "by": "bob"}])
        self.assertEqual(self.journal("setting.unset"), [{"key": "workers", "before": "3", "by": "eve"}, {"key": "slot_wal", "before": "1GB", "by": "eve"}])
        history = self.tidemark("history", "p").ok().out
        self.assertRegex(history, r"setting\.set +workers = 2 ")
        self.assertRegex(history, r"setting\.unset +slot_wal ")

    def test_a_value_that_the_plan_would_refuse(self):
        for given, plan, message in (("workers=0", "workers = 0", '"workers" is 0; it must be between 1 and 64'),
                                     ("batch_duration=20", 'batch_duration = "20"', '"20" is not a duration'),
                                     ("replica_lag_bytes=x", 'replica_lag_bytes = "x"', '"x" is not a size'),
                                     ("throttle_sql=DELETE FROM items", 'throttle_sql = "DELETE FROM items"', '"throttle_sql" ')):
            err = self.refused(2, "p", given)
            self.assertIn(message, err)
            path = self.plan(f'name = "q"\ntable = "public.items"\n[limits]\n{plan}\n[[phase]]\nkind = "verify"\n', "q.toml")
            of_plan = self.tidemark("lint", path).expect(3)
            said = err.split("error: ", 1)[1].splitlines()[0]
            self.assertIn(said, of_plan.out)
        self.assertIn("is not a time window", self.refused(2, "p", "window=at night"))
        self.assertIn('does not know the time zone "Mars/Base"', self.refused(2, "p", "window=22:00-06:00 Mars/Base"))
        # One that is wrong keeps the others from being set.
        self.refused(2, "p", "workers=4", "slot_wal=much")
        zone = self.value("SELECT min(name) FROM pg_timezone_names")
        self.set("workers=64", "batch_duration=20ms", f"window=22:00-06:00 {zone}")

    def test_what_is_no_setting(self):
        err = self.refused(2, "p", "wokers=4")
        self.assertIn('"wokers" is no key that can be set; did you mean "workers"?', err)
        self.assertEqual(err.count("error"), 1)
        self.assertIn("keys: workers, impact, pace, batch_duration, max_rows_per_second, ", err)
        self.assertIn("is no key that can be set", self.refused(2, "p", "lease="))
        self.assertIn("'workers' is not KEY=VALUE", self.refused(2, "p", "workers"))
        self.assertIn('"workers" is given twice', self.refused(2, "p", "workers=1", "workers="))
        self.assertIn("--expire says when a value ends", self.refused(2, "p", "workers=", "--expire", "1h"))
        self.assertIn("--expire: '1' is not a duration", self.refused(2, "p", "workers=1", "--expire", "1"))
        self.assertIn("no run of a plan called 'other'", self.refused(4, "other", "workers=1"))
        self.set("workers=4")
        self.set("workers=")

    def test_a_run_that_is_over(self):
        self.set("workers=2")
        self.tidemark("run", "p").ok()
        result = self.tidemark("set", "p", "workers=3").expect(4)
        self.assertIn("plan 'p' has no run for which anything could be set", result.err)
        self.assertEqual(self.tidemark.json("status")["plans"][0]["state"], "complete")
        self.assertEqual(self.in_force(), {})

    def test_a_role_without_rights_is_told_what_it_needs(self):
        self.execute("DROP ROLE IF EXISTS operator; CREATE ROLE operator LOGIN")
        self.addCleanup(self.execute, "DROP OWNED BY operator; DROP ROLE operator")
        tool = Tidemark(self.server.environment(self.database, "operator"), cwd=self.directory)
        self.addCleanup(tool.kill_all)
        result = tool("set", "p", "workers=2").expect(4)
        self.assertIn("this role may not change the settings of 'p': ", result.err)
        self.assertIn("permission denied", result.err)
        grants = result.err.split("as a role that may: ")[1].splitlines()[0]
        # Who may only read is told the same.
        self.execute("GRANT USAGE ON SCHEMA tidemark TO operator; GRANT SELECT ON ALL TABLES IN SCHEMA tidemark TO operator")
        self.assertIn(grants, tool("set", "p", "workers=2").expect(4).err)
        self.assertEqual(self.in_force(), {})
        self.execute(grants)
        tool("set", "p", "workers=2").ok()
        self.assertEqual(self.in_force(), {"workers": "2"})
        self.assertEqual(self.rows("SELECT actor FROM tidemark.journal WHERE event = 'setting.set'"), [("operator",)])
        tool("set", "p", "workers=").ok()


if __name__ == "__main__":
    main()
