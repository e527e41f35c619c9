"""Verification: what differs is counted and named, by the phase and by the command, in parallel, again after a kill, whatever a
replica does; and the application is never refused a write because of it."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans, verifier  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ROWS = 20000
FEW = 2000

SCHEMA = f"""
CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, CASE WHEN i % 13 <> 0 THEN i END, repeat('n', i % 100) FROM generate_series(1, {ROWS}) i;
"""

# Few rows in many blocks, so that there is something to share out …
WIDE = SCHEMA.replace("i % 100)", "1500 + i % 100)").replace(f"(1, {ROWS})", f"(1, {FEW})")

# … and a function that says it were immutable, so that reading a row takes a while.
SLOW = """
CREATE FUNCTION slow(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0005); RETURN $1; END';
"""

# A function that waits at a gate, an advisory lock that the test holds, when a statement with these words calls it.
GATE = 4711


def gated(words):
    return f"""
CREATE FUNCTION gated(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
'BEGIN IF current_query() LIKE ''%%{words}%%'' THEN PERFORM pg_advisory_xact_lock_shared({GATE}); END IF; RETURN $1; END';
"""


ACTIVE = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s AND state = 'active'
   AND query LIKE '%%tidemark_row%%'
"""


class VerifyCase(LiveCase):
    def filled(self, schema=SCHEMA, more="", **options):
        """A rename that has been filled; its plan's path."""
        self.execute(schema + more)
        options.setdefault("limits", {"batch_duration": "1ms"})
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", switch="manual", **options))
        self.tidemark("run", path, "--to", "backfill").ok()
        return path

    def around(self, sql, end="COMMIT"):
        """A write that no trigger sees; in one transaction, so that the triggers stand for everybody else."""
        names = [row[0] for row in self.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 'items'::regclass AND tgname LIKE"
                                             " '~~~~%' AND NOT tgisinternal")]
        self.assertGreater(len(names), 0)
        off = "".join(f"ALTER TABLE items DISABLE TRIGGER {plans.ident(name)};" for name in names)
        on = "".join(f"ALTER TABLE items ENABLE ALWAYS TRIGGER {plans.ident(name)};" for name in names)
        self.execute(f"BEGIN; {off} {sql}; {on} {end}")

    def checks(self):
        return self.rows("SELECT conname FROM pg_constraint WHERE conrelid = 'items'::regclass AND contype = 'c'")

    def segments(self, what):
        return self.value(f"SELECT coalesce(sum({what}), 0)::bigint FROM tidemark.segment WHERE sweep LIKE '3/compare/%%'")

    def compared(self):
        """rows_seen of each comparison that came to its end."""
        return [row[0] for row in self.rows("SELECT (detail->>'rows_seen')::bigint FROM tidemark.journal WHERE event ="
                                            " 'step.done' AND step = 'compare' ORDER BY seq")]

    def standing(self):
        """Everything that a write would change, with the places of the rows."""
        return [self.value(f"SELECT md5(string_agg(t.ctid::text || t.xmin || t.xmax || t::text, '|' ORDER BY t.ctid)) FROM {name} t")
                for name in ("items", "tidemark.run", "tidemark.phase", "tidemark.journal", "tidemark.segment")]

    def keys_in(self, text):
        return [int(key) for key in re.findall(r'\{"id": (\d+)\}', text)]


class Phase(VerifyCase):
    def test_every_row_that_differs_is_counted_ten_are_named_and_nothing_is_left_behind(self):
        path = self.filled()
        before = self.fingerprint()
        self.around("UPDATE items SET quantity = -id WHERE id % 146 = 0")
        wrong = ROWS // 146
        result = self.tidemark("run", path).expect(5)
        self.assertIn(f": {wrong} row(s) differ", result.err)
        keys = self.keys_in(result.err)
        self.assertEqual(len(set(keys)), 10)
        self.assertTrue(all(key % 146 == 0 for key in keys), keys)
        self.assertEqual(self.checks(), [])
        self.assert_same_schema(before)
        self.assertEqual(self.segments("1"), 0)
        self.assertEqual(self.compared(), [])
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "failed")
        self.tidemark("status", "rename", "--wait-for", "backfill", "--timeout", "5s").ok()
        self.tidemark("status", "rename", "--wait-for", "verify", "--timeout", "5s").expect(4)
        # With the proof's CHECK still there both would be refused.
        self.around("UPDATE items SET note = 'still writable' WHERE id % 146 = 0")
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM qty"), wrong)
        self.execute("UPDATE items SET note = 'mended' WHERE id % 146 = 0")
        self.tidemark("run", path, "--to", "verify").ok()
        self.assertEqual(self.compared(), [ROWS])
        self.assertEqual(len(self.checks()), 1)

    def test_rows_that_still_differ_are_all_counted_again_by_the_next_run(self):
        path = self.filled()
        self.around("UPDATE items SET quantity = 0 WHERE id IN (1, 10000, 20000)")
        self.assertIn(": 3 row(s) differ", self.tidemark("run", path).expect(5).err)
        self.execute("UPDATE items SET note = 'mended' WHERE id = 10000")
        again = self.tidemark("run", path).expect(5)
        self.assertIn(": 2 row(s) differ", again.err)
        self.assertEqual(sorted(self.keys_in(again.err)), [1, 20000])

    @limit(120)
    def test_the_workers_read_at_the_same_time(self):
        path = self.filled(WIDE, SLOW, up="public.slow(qty)", down="quantity", limits={"workers": 2, "batch_duration": "20ms"})
        process = self.tidemark.start("run", path, "--to", "verify")
        self.wait_until(lambda: self.value(ACTIVE, ("tidemark/rename/verify",)) >= 2, what="two workers at once")
        process.wait(60).ok()
        self.assertEqual(self.compared(), [FEW])

    def test_a_kill_in_the_middle_leaves_no_check_and_the_next_run_goes_on_from_there(self):
        path = self.filled(limits={"batch_duration": "1ms", "workers": 1})
        self.tidemark("run", path, "--to", "verify", env={"TIDEMARK_CRASH_AT": "sweep.batch_done#6"}).expect(-signal.SIGKILL)
        seen = self.segments("rows_seen")
        self.assertGreater(seen, 0)
        self.assertLess(seen, ROWS)
        self.assertEqual(self.checks(), [])
        self.tidemark("run", path, "--to", "verify").ok()
        self.assertEqual(self.compared(), [ROWS], "rows were read twice, or not at all")
        self.assertEqual(self.segments("rows_seen"), ROWS)
        begun = self.value("SELECT count(*) FROM tidemark.journal WHERE event = 'sweep.created' AND step LIKE '3/compare/%%'")
        self.assertEqual(begun, 1, "the comparison began anew")

    def test_what_differed_before_a_kill_is_still_counted_and_named_after_it(self):
        path = self.filled(limits={"batch_duration": "1ms", "workers": 1})
        self.around("UPDATE items SET quantity = -1 WHERE id IN (1, 2, 20000)")
        self.execute("CLUSTER items USING items_pkey")       # the first two in the first block, the third in the last
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "sweep.batch_done#6"}).expect(-signal.SIGKILL)
        self.assertEqual(self.segments("differing"), 2)
        # Nobody works on it, and a writer that goes around the triggers is not refused.
        self.around("UPDATE items SET quantity = -3 WHERE id = 2", end="ROLLBACK")
        result = self.tidemark("run", path).expect(5)
        self.assertIn(": 3 row(s) differ", result.err)
        self.assertEqual(sorted(self.keys_in(result.err)), [1, 2, 20000])

    def test_a_row_that_goes_wrong_behind_the_comparison_is_found_by_the_server_and_the_check_goes(self):
        path = self.filled()
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "step.after_act#1"}).expect(-signal.SIGKILL)
        self.assertEqual(self.compared(), [ROWS])
        self.around("UPDATE items SET quantity = -1 WHERE id = 77")
        result = self.tidemark("run", path).expect(5)
        self.assertEqual(self.keys_in(result.err), [77])
        self.assertEqual(self.checks(), [])
        self.around("UPDATE items SET quantity = -2 WHERE id = 77")
        self.execute("UPDATE items SET note = 'mended' WHERE id = 77")
        self.tidemark("run", path, "--to", "verify").ok()

    def test_the_switch_does_not_compare_again(self):
        path = self.filled(drop_column="manual")
        self.tidemark("run", path).ok()
        self.tidemark("advance", path).ok()
        self.assertEqual(self.compared(), [ROWS])

    def test_the_script_for_psql_compares_before_it_adds_the_check(self):
        self.execute(SCHEMA)
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        sql = self.tidemark("plan", path, "--sql").ok().out
        self.assertIn("rows differ", sql)
        self.assertLess(sql.index("rows differ"), sql.index("NOT VALID"))
        self.assertLess(sql.index("NOT VALID"), sql.index("VALIDATE CONSTRAINT"))


class Cleanup(VerifyCase):
    """A check that is not validated rejects the application's writes: what ends the validation takes it away first."""
    VALIDATES = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE%%VALIDATE%%' AND state = 'active'"
    ASKS = ("SELECT count(*) FROM pg_locks WHERE relation = 'items'::regclass AND NOT granted AND mode = 'AccessExclusiveLock'")

    def test_an_interrupted_validation_leaves_no_check(self):
        path = self.filled(WIDE, SLOW, up="public.slow(qty)", down="quantity", limits={"workers": 2, "batch_duration": "50ms"})
        reader = self.connect()
        with self.tidemark.start("run", path, "--to", "verify") as run:
            self.wait_until(lambda: self.value(self.VALIDATES) == 1, what="the validation", interval=0.005)
            reader.cursor().execute("BEGIN; SELECT 1 FROM items LIMIT 1")
            run.signal(signal.SIGINT)
            self.wait_until(lambda: self.value(self.ASKS), what="the cleanup asks for its lock", interval=0.005)
            # It is asked for again and again, though the program was told to stop.
            self.wait_until(lambda: not self.value(self.ASKS), what="once in vain", interval=0.005)
            self.assertEqual(len(self.checks()), 1)
            reader.close()
            self.assertEqual(run.wait().code, 130)
        self.assertEqual(self.checks(), [])

    def test_a_second_failure_leaves_no_check_though_its_lock_is_not_granted_at_once(self):
        """The first one has its cleanup in the journal: that says nothing about the second."""
        path = self.filled(WIDE, gated("VALIDATE"), up="public.gated(qty)", down="quantity")
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "step.after_act#1"}).expect(-signal.SIGKILL)
        self.around("UPDATE items SET quantity = -1 WHERE id = 77")
        self.tidemark("run", path).expect(5)
        self.assertEqual(self.checks(), [])
        self.execute(f"SELECT pg_advisory_lock({GATE})")
        reader = self.connect()
        with self.tidemark.start("run", path) as run:
            self.wait_until(lambda: self.value(self.VALIDATES) == 1, what="the validation", interval=0.005)
            reader.cursor().execute("BEGIN; SELECT 1 FROM items LIMIT 1")
            self.execute(f"SELECT pg_advisory_unlock({GATE})")
            self.wait_until(lambda: self.value(self.ASKS), what="the cleanup asks for its lock", interval=0.005)
            self.wait_until(lambda: not self.value(self.ASKS), what="once in vain", interval=0.005)
            self.assertEqual(len(self.checks()), 1)
            reader.close()
            self.assertEqual(self.keys_in(run.wait().expect(5).err), [77])
        self.assertEqual(self.checks(), [])


class Search(VerifyCase):
    """The search for the keys of rows that the server found to differ. Here it stops at a gate: a lock that the test holds."""
    SEARCHES = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidemark/rename/verify' AND wait_event = 'advisory'"

    def searching(self):
        """A run whose proof has failed: it searches for the key of row 77, and is at the gate."""
        path = self.filled(WIDE, gated("tidemark_row"), up="public.gated(qty)", down="quantity")
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "step.after_act#1"}).expect(-signal.SIGKILL)
        self.around("UPDATE items SET quantity = -1 WHERE id = 77")
        self.execute(f"SELECT pg_advisory_lock({GATE})")
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value(self.SEARCHES) == 1, what="the search is at the gate")
        return process

    def test_no_write_is_refused_while_the_keys_are_searched_for(self):
        process = self.searching()
        self.assertEqual(self.checks(), [])
        self.around("UPDATE items SET quantity = -2 WHERE id = 77")
        self.assertEqual(self.value(self.SEARCHES), 1)
        self.execute(f"SELECT pg_advisory_unlock({GATE})")
        self.assertEqual(self.keys_in(process.wait(20).expect(5).err), [77])

    def ends(self, number):
        process = self.searching()
        process.signal(number)
        pressed = time.monotonic()
        # What was found out stays the result; and the lease is released, so the run's row says so too.
        result = process.wait(20).expect(5)
        self.assertLess(time.monotonic() - pressed, 2)
        self.assertEqual(self.value(self.SEARCHES), 0, "the server still searches")
        self.assertEqual(self.keys_in(result.err), [])
        self.assertEqual(self.rows("SELECT state, owner FROM tidemark.run"), [("failed", None)])

    def test_ctrl_c_ends_the_search(self):
        self.ends(signal.SIGINT)

    def test_sigterm_ends_the_search(self):
        self.ends(signal.SIGTERM)


class Throttle(VerifyCase):
    def reason(self):
        found = self.rows("SELECT reason, progress->>'reason' FROM tidemark.run")
        return " ".join(text for text in found[0] if text) if found else ""

    @limit(90)
    def test_a_missing_replica_holds_back_a_backfill_and_no_verification(self):
        self.execute(SCHEMA)
        stop = os.path.join(self.directory, "stop")
        open(stop, "w", encoding="utf-8").close()
        path = self.plan(plans.plan("both", "public.items", [
            {"kind": "verify", "condition": "id > 0"},
            {"kind": "backfill", "set": {"note": "'x'"}, "where": "note <> 'x'"},
        ], replicas=["nobody"], throttle_file=stop, lease="1s"))
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.run') IS NOT NULL")
                        and "exists" in self.reason(), what="the file holds back the verification")
        self.assertNotIn("nobody", self.reason(), "a reason is shown that does not concern the work at hand")
        self.assertEqual(self.value("SELECT coalesce(sum(rows_seen), 0) FROM tidemark.segment"), 0)
        os.unlink(stop)
        self.wait_until(lambda: self.value("SELECT state FROM tidemark.phase WHERE kind = 'verify'") == "done",
                        what="the verification continues without the replica")
        self.wait_until(lambda: "nobody" in self.reason(), what="the backfill is held back")
        self.wait_heartbeats("both", 3)
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE note = 'x'"), 0)
        self.assertIn("nobody", self.tidemark("status", "both").ok().out)
        process.signal(signal.SIGINT)
        process.wait(10).expect(130)


class Command(VerifyCase):
    def test_it_counts_and_names_what_differs_and_writes_nothing(self):
        path = self.filled()
        self.around("UPDATE items SET quantity = -id WHERE id % 146 = 0")
        wrong = ROWS // 146
        before = self.standing()
        result = self.tidemark("verify", path).expect(5)
        told = self.tidemark("verify", "rename", "--json", "--workers", "3").expect(5).json()
        self.assertEqual(self.standing(), before, "something was written")
        self.assertIn(f"{wrong} differ", result.out)
        self.assertEqual(len(self.keys_in(result.out)), 10)
        self.assertEqual((told["differing"], told["rows_seen"], told["complete"]), (wrong, ROWS, True))
        self.assertEqual(len(told["keys"]), 10)
        self.assertTrue(all(key["id"] % 146 == 0 for key in told["keys"]), told)
        self.execute("UPDATE items SET note = 'mended'")
        self.assertEqual(self.tidemark.json("verify", "rename")["differing"], 0)

    def test_rows_of_all_partitions_are_read(self):
        self.filled("CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text) PARTITION BY HASH (id);"
                    "CREATE TABLE items_0 PARTITION OF items FOR VALUES WITH (MODULUS 3, REMAINDER 0);"
                    "CREATE TABLE items_1 PARTITION OF items FOR VALUES WITH (MODULUS 3, REMAINDER 1);"
                    "CREATE TABLE items_2 PARTITION OF items FOR VALUES WITH (MODULUS 3, REMAINDER 2);"
                    "INSERT INTO items SELECT i, i, 'n' FROM generate_series(1, 5000) i;")
        self.around("UPDATE items SET quantity = 0 WHERE id <= 7")
        self.assertGreater(self.value("SELECT count(DISTINCT tableoid) FROM items WHERE id <= 7"), 1)
        for workers in ("1", "4"):
            told = self.tidemark("verify", "rename", "--json", "--workers", workers).expect(5).json()
            self.assertEqual((told["rows_seen"], told["differing"]), (5000, 7))
            self.assertEqual(sorted(key["id"] for key in told["keys"]), [1, 2, 3, 4, 5, 6, 7])

    @limit(120)
    def test_it_reads_in_parallel_and_a_signal_ends_it_at_once_even_behind_a_lock(self):
        self.filled(WIDE, SLOW, up="public.slow(qty)", down="quantity", limits={"batch_duration": "20ms", "workers": 2})
        for number, code, json_too in ((signal.SIGINT, 130, False), (signal.SIGTERM, 143, True)):
            with self.subTest(number, json=json_too):
                process = self.tidemark.start("verify", "rename", *(["--json"] if json_too else []))
                self.wait_until(lambda: self.value(ACTIVE, ("tidemark/verify",)) >= 2, what="two readers at once")
                locker = self.connect()
                try:
                    locker.autocommit = False
                    locker.cursor().execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
                    self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                                                       " 'tidemark/verify' AND wait_event_type = 'Lock'") == 2,
                                    what="both readers wait for the lock")
                    pressed = time.monotonic()
                    process.signal(number)
                    result = process.wait(10).expect(code)
                    self.assertLess(time.monotonic() - pressed, 1)
                    if json_too:
                        told = json.loads(result.out)
                        self.assertFalse(told["complete"])
                        self.assertLess(told["rows_seen"], FEW)
                    else:
                        self.assertIn("before it was interrupted", result.out)
                    self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                                                       " 'tidemark/verify'") == 0, timeout=5,
                                    what="the server has ended the readers")
                finally:
                    locker.close()


assert verifier.PHASES.index("verify") == 3       # the sweeps of the phase are called 3/…

if __name__ == "__main__":
    main()
