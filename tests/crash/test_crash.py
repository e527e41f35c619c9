"""Killing, stopping, cutting off: after each, one more command finishes and nothing is lost, left or done twice.

The application's own trigger counts the updates of every row, so that a row that is swept twice shows. Points are the ones compiled
in with TIDEMARK_CRASH_POINTS; a run that logs them says how many there are. TIDEMARK_CRASH_ALL=1 kills at every single one, else
those between two batches are sampled.
"""
import collections
import os
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import fingerprint, plans, verifier  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402

ROWS = 20000
NULLS = ROWS // 17
SAMPLE = 10**9 if os.environ.get("TIDEMARK_CRASH_ALL") else 6
SWEEP_POINTS = ("sweep.batch_sent", "sweep.batch_done")

TABLE = f"""
CREATE TABLE items (id bigint PRIMARY KEY, qty integer, note text, touched integer NOT NULL DEFAULT 0, by_pid integer,
    at timestamptz);
INSERT INTO items (id, qty, note) SELECT i, CASE WHEN i % 17 <> 0 THEN i % 1000 END, repeat('n', i % 120)
  FROM generate_series(1, {ROWS}) i;
CREATE FUNCTION count_updates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.touched := OLD.touched + 1; NEW.by_pid := pg_backend_pid(); NEW.at := clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER count_updates BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION count_updates();
"""

# Segments hold what their checkpoint says: no row before it is left undone.
BEHIND = """
SELECT count(*) FROM tidemark.segment s, items i
 WHERE s.sweep = (SELECT sweep FROM tidemark.segment ORDER BY id DESC LIMIT 1) AND NOT s.skipped_range
   AND CASE WHEN s.key_order IS NULL
            THEN i.ctid >= format('(%s,0)', s.first)::tid AND i.ctid < format('(%s,0)', s.next)::tid
            ELSE i.id <= s.key[1]::bigint END
   AND i.quantity IS DISTINCT FROM i.qty
   AND NOT EXISTS (SELECT FROM tidemark.segment h WHERE h.sweep = s.sweep AND h.skipped_range AND NOT h.done
                   AND h.key_order IS NULL AND i.ctid >= format('(%s,0)', h.first)::tid AND i.ctid < format('(%s,0)', h.stop)::tid)
"""


# A number of batches that does not depend on how fast the machine is now.
FILL = {"stripes": 4, "window_blocks": 16, "group_windows": 4}


def plan_text(hold="100ms", rate=None, lease="2s", workers=2, fill=None, **gates):
    return plans.rename("public.items", "qty", "quantity", "integer", hold=hold, rate=rate, other_triggers="fire",
                        fill=FILL if fill is None else fill,
                        limits={"batch_duration": "100ms", "workers": workers, "lease": lease}, **gates)


class Stage:
    """A database of its own, made from a template in no time."""

    count = 0

    def __init__(self, case, template):
        Stage.count += 1
        self.case, self.name = case, f"stage{Stage.count}"
        case.server.sql(f"CREATE DATABASE {self.name} TEMPLATE {template}")
        self.tidemark = Tidemark(case.server.environment(self.name), cwd=case.directory)
        self.conn = case.server.connect(self.name)
        self.take_over()

    def take_over(self):
        """The copy stands for the original as it was a moment ago, so a run that came with it is told to be at home here."""
        if self.value("SELECT to_regclass('tidemark.run') IS NOT NULL"):
            with self.conn.cursor() as cursor:
                cursor.execute("UPDATE tidemark.run SET system_identifier = split_part(system_identifier, '/', 1) || '/' ||"
                               " (SELECT oid FROM pg_database WHERE datname = current_database())")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tidemark.kill_all()
        self.conn.close()
        if self.case.server.running():
            self.case.server.drop_database(self.name)

    def reconnect(self):
        self.conn.close()
        self.conn = self.case.server.connect(self.name)

    def value(self, text, args=None):
        return verifier.one(self.conn, text, args)

    def rows(self, text, args=None):
        return verifier.many(self.conn, text, args)

    def look(self):
        return verifier.look(self.conn, "public.items", "qty", "quantity", plan="rename")

    def state(self):
        return self.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1")

    def checkpoint_is_true(self):
        """In the middle: whatever the checkpoint says is done."""
        if self.value("SELECT to_regclass('tidemark.segment') IS NULL"):
            return
        columns = self.look().columns
        if "qty" in columns and "quantity" in columns:
            behind = self.value(BEHIND)
            self.case.assertEqual(behind, 0, "rows before the checkpoint are not done")
        self.case.assertEqual(self.value("SELECT count(*) FROM items"), ROWS)
        most = self.value("SELECT max(touched) FROM items")
        self.case.assertLessEqual(most, 1, "a row was swept twice")

    def complete(self):
        """Forward to the end: every row right, each touched once, nothing left over, state and catalog agree."""
        self.case.assertEqual(self.state(), "complete")
        look = self.look().check()
        self.case.assertEqual(look.triggers, [])
        wrong = self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM"
                           " CASE WHEN id % 17 <> 0 THEN id % 1000 END")
        self.case.assertEqual(wrong, 0)
        self.case.assertEqual(self.value("SELECT count(*) FROM items"), ROWS)
        self.once()
        owner = self.value("SELECT owner FROM tidemark.run ORDER BY id DESC LIMIT 1")
        self.case.assertIsNone(owner, "the lease was not given back")
        self.case.assertEqual(self.value("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid ="
                                         " 'items'::regclass AND attnum > 0 AND NOT attisdropped"),
                              ["id", "note", "touched", "by_pid", "at", "quantity"])

    def once(self):
        touched = self.rows("SELECT touched, count(*) FROM items WHERE id % 17 <> 0 GROUP BY 1")
        self.case.assertEqual(touched, [(1, ROWS - NULLS)], "rows swept more or less than once")
        self.case.assertEqual(self.value("SELECT max(touched) FROM items WHERE id % 17 = 0"), 0)

    def rolled_back(self, before):
        self.case.assertEqual(self.state(), "rolled_back")
        wrong = self.value("SELECT count(*) FROM items WHERE qty IS DISTINCT FROM CASE WHEN id % 17 <> 0 THEN id % 1000 END")
        self.case.assertEqual(wrong, 0)
        self.case.assertEqual(self.value("SELECT count(*) FROM items"), ROWS)
        self.case.assertLessEqual(self.value("SELECT max(touched) FROM items"), 1)
        fingerprint.assert_same(before, fingerprint.Fingerprint(fingerprint.catalog(self.case.server, self.name), None))
        self.look().check()


def points_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()


def chosen(points, sample=SAMPLE):
    """("name#3") for each point, those inside the sweep sampled evenly."""
    seen, inside, picked = collections.Counter(), collections.defaultdict(list), []
    for name in points:
        seen[name] += 1
        (inside[name] if name in SWEEP_POINTS else picked).append(f"{name}#{seen[name]}")
    for listed in inside.values():
        step = max(1, len(listed) // sample)
        picked += listed[::step]
    return picked


class CrashCase(LiveCase):
    def setUp(self):
        super().setUp()
        if not self.server.value("SELECT count(*) FROM pg_database WHERE datname = 'base'"):
            self.server.create_database("base")
            self.server.sql(TABLE, database="base")
            type(self).before = fingerprint.Fingerprint(fingerprint.catalog(self.server, "base"), None)

    def stage(self, template="base"):
        return Stage(self, template)

    def enumerate(self, stage, *args):
        path = os.path.join(self.directory, f"points-{stage.name}")
        stage.tidemark(*args, env={"TIDEMARK_CRASH_LOG": path}).ok()
        if not os.path.exists(path):
            self.fail("no crash points: build with -DTIDEMARK_CRASH_POINTS=ON")
        return points_of(path)


class Kill(CrashCase):
    @limit(1500)
    def test_a_kill_at_every_point_forward_is_finished_by_the_next_run(self):
        path = self.plan(plan_text())
        with self.stage() as stage:
            points = self.enumerate(stage, "run", path)
            stage.complete()
        names = set(points)
        for name in ("lease.taken", "phase.compiled", "step.before_probe", "step.before_act", "step.after_act", "phase.done",
                     "sweep.created", "sweep.batch_sent", "sweep.batch_done", "sweep.finished", "wait.started"):
            self.assertIn(name, names)
        self.kill_at(path, chosen(points))

    @limit(600)
    def test_a_kill_at_every_point_of_a_sweep_by_keys_is_finished_by_the_next_run(self):
        # The rate keeps the batches small, and their number the same.
        path = self.plan(plan_text(fill={"order": "keyset"}, rate=6000))
        with self.stage() as stage:
            points = self.enumerate(stage, "run", path)
            stage.complete()
            self.assertEqual(stage.rows("SELECT DISTINCT key_order FROM tidemark.segment WHERE key_order IS NOT NULL"), [("id",)])
        self.kill_at(path, [point for point in chosen(points) if point.startswith("sweep.")])

    def kill_at(self, path, picked):
        print(f"killing at {len(picked)} points", file=sys.stderr)
        killed = 0
        for point in picked:
            with self.subTest(point=point), self.stage() as stage:
                result = stage.tidemark("run", path, env={"TIDEMARK_CRASH_AT": point})
                killed += result.code == -signal.SIGKILL
                if result.code != -signal.SIGKILL:
                    result.ok()      # timing: this run had fewer batches
                stage.checkpoint_is_true()
                stage.tidemark("run", path).ok()
                stage.complete()
        self.assertGreater(killed, len(picked) * 0.8)

    @limit(1500)
    def test_a_kill_at_every_point_of_the_way_back_is_finished_by_the_next_rollback(self):
        path = self.plan(plan_text(hold="1h"))
        with self.stage() as ahead:
            ahead.tidemark("run", path, "--exit-code").expect(11)
            ahead.conn.close()
            with self.stage(ahead.name) as stage:
                points = self.enumerate(stage, "rollback", path, "--yes")
                stage.rolled_back(self.before)
            picked = chosen(points)
            print(f"{len(points)} points, killing at {len(picked)}", file=sys.stderr)
            self.assertGreater(len(picked), 15)
            for point in picked:
                with self.subTest(point=point), self.stage(ahead.name) as stage:
                    stage.tidemark("rollback", path, "--yes", env={"TIDEMARK_CRASH_AT": point}).expect(-signal.SIGKILL)
                    stage.tidemark("rollback", path, "--yes").ok()
                    stage.rolled_back(self.before)
            ahead.reconnect()

    @limit(600)
    def test_a_kill_at_every_point_of_a_drop_that_takes_over_is_finished_by_the_next_command(self):
        """The old column is that of another plan, which is complete: its triggers are renamed, compared with and dropped by this one."""
        limits = {"batch_duration": "100ms", "lease": "2s"}
        phases = plans.rename_phases("qty", "quantity", "integer", other_triggers="fire", fill=FILL)[:-1]
        first = self.plan(plans.plan("rename", "public.items", phases, **limits), "first.toml")
        path = self.plan(plans.plan("second", "public.items", [{"kind": "drop_column", "column": "qty", "hold": "100ms"}], **limits), "second.toml")
        back = self.plan(plans.plan("second", "public.items", [{"kind": "drop_column", "column": "qty", "hold": "1h"}], **limits), "back.toml")
        with self.stage() as ahead:
            ahead.tidemark("run", first).ok()
            between = fingerprint.Fingerprint(fingerprint.catalog(self.server, ahead.name), None)
            ahead.conn.close()
            with self.stage(ahead.name) as stage:
                points = chosen(self.enumerate(stage, "run", path))
                self.dropped(stage)
            self.assertGreater(len(points), 10)
            for point in points:
                with self.subTest(point=point), self.stage(ahead.name) as stage:
                    stage.tidemark("run", path, env={"TIDEMARK_CRASH_AT": point})
                    stage.tidemark("run", path).ok()
                    self.dropped(stage)
            with self.stage(ahead.name) as stage:
                points = chosen(self.enumerate(stage, "run", back))
            for point in points[::2]:
                with self.subTest(back=point), self.stage(ahead.name) as stage:
                    stage.tidemark("run", back, env={"TIDEMARK_CRASH_AT": point})
                    if stage.value("SELECT count(*) FROM tidemark.run WHERE plan = 'second'") == 0:
                        continue
                    stage.tidemark("rollback", back, "--yes", env={"TIDEMARK_CRASH_AT": "step.after_act"})
                    stage.tidemark("rollback", back, "--yes")
                    self.assertEqual(stage.state(), "rolled_back")
                    fingerprint.assert_same(between, fingerprint.Fingerprint(fingerprint.catalog(self.server, stage.name), None))
            ahead.reconnect()

    def dropped(self, stage):
        """The second plan has ended what the first one kept: no trigger and no function of either, and every value in the new column."""
        self.assertEqual(stage.rows("SELECT plan, state, owner FROM tidemark.run ORDER BY id"), [("rename", "complete", None), ("second", "complete", None)])
        self.assertEqual(stage.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM CASE WHEN id % 17 <> 0 THEN id % 1000 END"), 0)
        stage.once()
        self.assertEqual(stage.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 'items'::regclass AND NOT tgisinternal"), [("count_updates",)])
        self.assertEqual(stage.value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'tidemark'::regnamespace AND prosrc ~ '-- tidemark'"), 0)
        self.assertEqual(stage.value("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0"
                                     " AND NOT attisdropped"), ["id", "note", "touched", "by_pid", "at", "quantity"])

    @limit(900)
    def test_a_rollback_from_every_point_forward_restores_everything(self):
        path = self.plan(plan_text(hold="1h"))
        with self.stage() as stage:
            points = self.enumerate(stage, "run", path)
        rng = random.Random(11)
        for point in chosen(points):
            with self.subTest(point=point), self.stage() as stage:
                result = stage.tidemark("run", path, env={"TIDEMARK_CRASH_AT": point})
                if result.code != -signal.SIGKILL:
                    result.ok()
                if rng.random() < 0.5:
                    hurt = stage.tidemark("rollback", path, "--yes", env={"TIDEMARK_CRASH_AT": f"*#{rng.randint(1, 25)}"})
                    if hurt.code != -signal.SIGKILL:
                        hurt.ok()
                stage.tidemark("rollback", path, "--yes").ok()
                stage.rolled_back(self.before)

    @limit(900)
    def test_a_second_kill_while_recovering_changes_nothing(self):
        path = self.plan(plan_text())
        rng = random.Random(5)
        for _ in range(25 if SAMPLE < 1000 else 300):
            first, second, third = (rng.randint(1, 90) for _ in range(3))
            with self.subTest(first=first, second=second, third=third), self.stage() as stage:
                for point in (first, second, third):
                    stage.tidemark("run", path, env={"TIDEMARK_CRASH_AT": f"*#{point}"}).expect((0, -signal.SIGKILL))
                    stage.checkpoint_is_true()
                stage.tidemark("run", path).ok()
                stage.complete()

    @limit(120)
    def test_an_interrupted_rollback_is_not_gone_forward_by_a_run(self):
        path = self.plan(plan_text(hold="1h"))
        with self.stage() as stage:
            stage.tidemark("run", path).ok()
            stage.tidemark("rollback", path, "--yes", env={"TIDEMARK_CRASH_AT": "step.after_act"}).expect(-signal.SIGKILL)
            stage.tidemark("run", path).expect(4)
            stage.tidemark("rollback", path, "--yes").ok()
            stage.rolled_back(self.before)

    @limit(120)
    def test_the_verifier_sees_a_difference(self):
        """The proof of this file's own oracle: each kind of damage is seen."""
        damages = {
            "swept": "UPDATE items SET note = note WHERE id = 5",
            "wrong": "ALTER TABLE items DISABLE TRIGGER USER; UPDATE items SET quantity = -1 WHERE id = 5",
            "lost": "DELETE FROM items WHERE id = 5",
            "trigger": "CREATE TRIGGER \"~~~~left\" BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION count_updates()",
            "column": "ALTER TABLE items ADD qty integer",
            "state": "UPDATE tidemark.run SET state = 'running'",
            "lease": "UPDATE tidemark.run SET owner = 'somebody'",
        }
        path = self.plan(plan_text())
        with self.stage() as done:
            done.tidemark("run", path).ok()
            done.complete()
            done.conn.close()
            for what, sql in damages.items():
                with self.subTest(what), self.stage(done.name) as stage:
                    with stage.conn.cursor() as cursor:
                        cursor.execute(sql)
                    with self.assertRaises(AssertionError):
                        stage.complete()
            done.reconnect()


class CutOff(CrashCase):
    """The server's side breaks; the program reconnects and continues by itself."""

    @limit(300)
    def test_terminated_backends_at_many_moments_do_no_harm(self):
        path = self.plan(plan_text(rate=15000))
        rng = random.Random(3)
        for number in range(6):
            with self.subTest(number=number), self.stage() as stage:
                process = stage.tidemark.start("run", path)
                ended = 0
                for _ in range(10):
                    time.sleep(rng.random() * 0.2)
                    ended += self.server.terminate("tidemark/%", stage.name)
                result = process.wait(90)
                if result.code == 6:
                    result = stage.tidemark("run", path)
                result.ok()
                self.assertGreater(ended, 0)
                stage.complete()

    @limit(300)
    def test_a_terminated_single_backend_does_no_harm(self):
        """Control, watcher and worker, one each time."""
        path = self.plan(plan_text(rate=15000))
        for number in range(6):
            with self.subTest(number=number), self.stage() as stage:
                process = stage.tidemark.start("run", path)
                self.wait_until(lambda: self.server.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'tidemark/%%'",
                    (stage.name,)) > 3 and stage.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                    and stage.value("SELECT coalesce(sum(changed), 0) > 0 FROM tidemark.segment"))
                self.server.sql("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = %s"
                                " AND application_name LIKE 'tidemark/%%' ORDER BY backend_start OFFSET %s LIMIT 1) p",
                                (stage.name, number % 4))
                process.wait(90).ok()
                stage.complete()

    @limit(300)
    def test_a_cancelled_statement_does_no_harm(self):
        path = self.plan(plan_text(rate=15000))
        rng = random.Random(8)
        with self.stage() as stage:
            process = stage.tidemark.start("run", path)
            while process.running():
                self.server.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = %s AND state = 'active'"
                                " AND application_name LIKE 'tidemark/%%' AND random() < 0.3", (stage.name,))
                time.sleep(rng.random() * 0.05)
                if time.monotonic() - process.started > 3:
                    break
            result = process.wait(90)
            if result.code != 0:
                stage.tidemark("run", path).ok()
            stage.complete()

    @limit(400)
    def test_an_immediate_stop_of_the_server_loses_nothing(self):
        path = self.plan(plan_text(rate=15000))
        rng = random.Random(4)
        for number in range(4):
            with self.subTest(number=number), self.stage() as stage:
                process = stage.tidemark.start("run", path)
                for _ in range(2):
                    time.sleep(0.1 + rng.random() * 0.6)
                    if number % 2:
                        self.server.kill()
                        self.server.start()
                    else:
                        self.server.restart_immediate()
                    stage.reconnect()
                    stage.checkpoint_is_true()
                result = process.wait(90)
                if result.code == 6:
                    # Gone before the first connection stood.
                    result = stage.tidemark("run", path)
                result.ok()
                stage.complete()

    @limit(200)
    def test_an_immediate_stop_during_the_rollback_loses_nothing(self):
        path = self.plan(plan_text(hold="1h"))
        with self.stage() as stage:
            stage.tidemark("run", path).ok()
            process = stage.tidemark.start("rollback", path, "--yes")
            self.wait_until(lambda: stage.value("SELECT state FROM tidemark.run") == "rolling_back", interval=0.002)
            self.server.restart_immediate()
            stage.reconnect()
            process.wait(90).expect((0, 6))
            stage.tidemark("rollback", path, "--yes").ok()
            stage.rolled_back(self.before)


class Two(CrashCase):
    @limit(200)
    def test_of_executors_started_at_once_one_works_and_the_others_exit_8(self):
        path = self.plan(plan_text(rate=20000))
        for number in range(6):
            with self.subTest(number=number), self.stage() as stage:
                processes = [stage.tidemark.start("run", path) for _ in range(3)]
                codes = sorted(process.wait(60).code for process in processes)
                self.assertEqual(codes, [0, 8, 8])
                self.assertEqual(self.value_of(stage, "lease.taken"), 1)
                stage.complete()

    def value_of(self, stage, event):
        return stage.value("SELECT count(*) FROM tidemark.journal WHERE event = %s", (event,))

    @limit(120)
    def test_the_second_says_who_holds_the_lease_and_can_wait_or_skip(self):
        path = self.plan(plan_text(rate=15000))
        with self.stage() as stage:
            first = stage.tidemark.start("run", path)
            self.wait_until(lambda: stage.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                            and stage.value("SELECT count(*) FROM tidemark.segment") > 0)
            refused = stage.tidemark("run", path).expect(8)
            self.assertIn(f"pid {first.pid}", refused.err)
            skipped = stage.tidemark("run", path, "--if-locked", "skip").ok()
            self.assertLess(skipped.seconds, 1)
            self.assertTrue(first.running())
            stage.tidemark("run", path, "--if-locked", "wait").ok()
            self.assertFalse(first.running())
            stage.complete()

    @limit(300)
    def test_a_stopped_executor_whose_lease_was_taken_over_writes_nothing(self):
        """The two are different roles, so that the second cannot simply terminate the first one's sessions: the fence alone must
        hold. The first one continues while the second works, or after it is done."""
        rng = random.Random(2)
        path = self.plan(plan_text(rate=12000, lease="1s"))
        points = ["lease.taken#1", "phase.compiled#2", "step.before_act#1", "step.after_act#2", "phase.done#2", "sweep.created#1",
                  "sweep.batch_sent#7", "sweep.batch_done#9", "sweep.finished#1", "sweep.created#2", "sweep.finished#2",
                  "step.before_act#6", "step.before_act#7"]
        self.server.sql("CREATE ROLE alice LOGIN SUPERUSER")
        self.addCleanup(self.server.sql, "DROP ROLE alice")
        for number, point in enumerate(points):
            with self.subTest(point=point), self.stage() as stage:
                alice = Tidemark(self.server.environment(stage.name, user="alice"), cwd=self.directory)
                first = alice.start("run", path, env={"TIDEMARK_CRASH_AT": point, "TIDEMARK_CRASH_ACTION": "stop"})
                try:
                    self.wait_until(lambda: stopped(first.pid), timeout=30, what=f"stops at {point}")
                    pids = [row[0] for row in stage.rows("SELECT pid FROM pg_stat_activity WHERE usename = 'alice'")]
                    self.assertGreater(len(pids), 0)
                    second = stage.tidemark.start("run", path, "--if-locked", "wait")
                    taken = self.wait_until(lambda: stage.rows(
                        "SELECT seq, fence, at FROM tidemark.journal WHERE event = 'lease.taken' AND fence > 1"),
                        what="the lease is taken over")[0]
                    if number % 2:
                        time.sleep(rng.random() * 0.5)
                    else:
                        second.wait(60)
                    first.signal(signal.SIGCONT)
                    self.assertIn(first.wait(60).code, (0, 8))
                    second.wait(60).ok()
                finally:
                    first.kill()
                written = stage.rows("SELECT seq, event, phase, step FROM tidemark.journal WHERE seq > %s AND fence < %s",
                                     taken[:2])
                self.assertEqual(written, [], "the journal has entries of the old executor")
                late = stage.value("SELECT count(*) FROM items WHERE by_pid = ANY (%s) AND at > %s", (pids, taken[2]))
                self.assertEqual(late, 0, "rows were written by the old executor")
                self.assertEqual(self.server.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'"), 0)
                stage.complete()

    @limit(200)
    def test_a_stopped_executor_writes_nothing_while_the_second_has_only_the_lease(self):
        """The second is stopped as well, right after it took the lease: nothing of what the first had in hand has been done by
        anybody else, so only the fence stands between it and a write."""
        path = self.plan(plan_text(lease="1s", hold="1h"))
        for point in ("sweep.batch_done#3", "sweep.batch_sent#3", "sweep.batch_done#5", "step.before_act#1", "step.before_act#2",
                      "step.before_act#4", "step.before_act#5", "step.before_act#6", "step.before_act#7", "step.before_act#8",
                      "phase.compiled#3", "phase.compiled#5", "step.after_act#3", "sweep.created#1", "sweep.created#2"):
            with self.subTest(point=point), self.stage() as stage:
                stop = {"TIDEMARK_CRASH_ACTION": "stop"}
                first = stage.tidemark.start("run", path, env={"TIDEMARK_CRASH_AT": point, **stop})
                self.wait_until(lambda: stopped(first.pid), timeout=30, what=f"stops at {point}")
                second = stage.tidemark.start("run", path, "--if-locked", "wait",
                                              env={"TIDEMARK_CRASH_AT": "lease.taken", **stop})
                self.wait_until(lambda: stopped(second.pid), timeout=30, what="the second has the lease")
                standing = self.standing(stage)
                first.signal(signal.SIGCONT)
                first.wait(30).expect(8)
                self.assertEqual(self.standing(stage), standing, "the first one has changed something")
                second.signal(signal.SIGCONT)
                second.wait(60).ok()
                self.assertEqual(stage.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM"
                                             " CASE WHEN id % 17 <> 0 THEN id % 1000 END"), 0)
                self.assertEqual(stage.value("SELECT max(touched) FROM items"), 1)

    def standing(self, stage):
        """Everything that a write of ours would change."""
        tables = {name: stage.rows(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                  for name in ("items", "tidemark.run", "tidemark.phase", "tidemark.journal", "tidemark.segment")}
        return tables, fingerprint.catalog(self.server, stage.name)

    @limit(120)
    def test_a_stopped_executor_of_the_same_role_is_ended_by_the_second(self):
        path = self.plan(plan_text(rate=12000, lease="1s"))
        with self.stage() as stage:
            first = stage.tidemark.start("run", path, env={"TIDEMARK_CRASH_AT": "sweep.batch_sent#5",
                                                           "TIDEMARK_CRASH_ACTION": "stop"})
            self.wait_until(lambda: stopped(first.pid))
            pids = [row[0] for row in stage.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                                                 " AND application_name LIKE 'tidemark/%%'")]
            second = stage.tidemark.start("run", path, "--if-locked", "wait")
            self.wait_until(lambda: stage.value("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ANY (%s)", (pids,)))
            first.signal(signal.SIGCONT)
            second.wait(60).ok()
            self.assertIn(first.wait(60).code, (0, 8))
            stage.complete()

    @limit(120)
    def test_a_live_lease_is_not_taken_over(self):
        """A first one that is slow, but alive, keeps it for longer than the lease lasts."""
        path = self.plan(plan_text(rate=3500, lease="1s"))
        with self.stage() as stage:
            first = stage.tidemark.start("run", path)
            self.wait_until(lambda: stage.value("SELECT to_regclass('tidemark.run') IS NOT NULL")
                            and stage.value("SELECT max(heartbeat - created) > 2 * max(lease) FROM tidemark.run"),
                            what="it has worked for longer than two leases")
            stage.tidemark("run", path).expect(8)
            self.wait_heartbeats("rename", 5, stage.rows)     # another lease
            stage.tidemark("run", path).expect(8)
            first.wait(60).ok()
            self.assertEqual(self.value_of(stage, "lease.taken"), 1)
            stage.complete()


def stopped(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


EVENTS = f"""
CREATE TABLE events (id bigint PRIMARY KEY, day integer, note text);
INSERT INTO events SELECT i, i * 7919 % 20, repeat('n', i % 120) FROM generate_series(1, {ROWS}) i;
CREATE INDEX ON events (day);
CREATE TABLE deleted (id bigint);
CREATE FUNCTION log_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.deleted VALUES (OLD.id); RETURN OLD; END $$;
CREATE TRIGGER log_deletion AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION log_deletion();
ANALYZE;
"""


class Deleting(CrashCase):
    """A purge: each row once, none too many, none left; with a limit exactly so many."""

    def setUp(self):
        super().setUp()
        if not self.server.value("SELECT count(*) FROM pg_database WHERE datname = 'events'"):
            self.server.create_database("events")
            self.server.sql(EVENTS, database="events")

    def purge(self, **phase):
        limits = {"batch_duration": "100ms", "workers": 2, "lease": "1s"}
        return self.plan(plans.plan("purge", "public.events", [{"kind": "purge", "where": "day < 10", "other_triggers": "fire",
                                                                "max_rows_per_second": 20000, **phase}], **limits))

    def check(self, stage, most):
        """Nothing but what was to go, nothing twice; most: how many may be gone."""
        # One snapshot: the server may still be at the last batch of a client that is gone.
        gone, twice, there, others = stage.rows(
            "SELECT count(DISTINCT id), count(*) - count(DISTINCT id), (SELECT count(*) FROM events),"
            " (SELECT count(*) FROM events WHERE day >= 10) FROM deleted")[0]
        self.assertEqual(twice, 0, "a row was deleted twice")
        self.assertEqual((there, others), (ROWS - gone, ROWS // 2))
        self.assertLessEqual(gone, most)
        return gone

    def kill_at_every_point(self, most, begins="", **phase):
        path = self.purge(**phase)
        with self.stage("events") as stage:
            points = self.enumerate(stage, "run", path)
            self.assertEqual(self.check(stage, most), most)
        killed, picked = 0, [point for point in chosen(points, SAMPLE // 3) if point.startswith(begins)]
        for point in picked:
            with self.subTest(point=point), self.stage("events") as stage:
                result = stage.tidemark("run", path, env={"TIDEMARK_CRASH_AT": point})
                killed += result.code == -signal.SIGKILL
                self.check(stage, most)
                stage.tidemark("run", path).ok()
                self.assertEqual(stage.state(), "complete")
                self.assertEqual(self.check(stage, most), most)
        self.assertGreater(killed, len(picked) * 0.8)

    @limit(600)
    def test_a_kill_at_every_point_of_a_purge_by_blocks(self):
        self.kill_at_every_point(ROWS // 2)

    @limit(600)
    def test_a_kill_at_every_point_of_a_purge_in_the_order_of_an_index(self):
        self.kill_at_every_point(ROWS // 2, begins="sweep.", by="day")

    @limit(600)
    def test_a_kill_at_every_point_of_a_purge_with_a_limit(self):
        self.kill_at_every_point(4321, begins="sweep.", by="day", limit=4321)


if __name__ == "__main__":
    main()
