"""The primary is lost permanently, with its last acknowledged commits, and an asynchronous standby takes its place.

Both come from copies of two stopped servers, so that a failover takes a second. The standby is made to lag by stopping the process
that sends the WAL. The application (tests/oracle) writes all the time and knows what was acknowledged; what the promoted server has of
it is a prefix, and of that prefix nothing may be lost, and tidemark's checkpoint and phases must be as true there as they were before.
TIDEMARK_CRASH_ALL=1 tries every statement, else they are sampled.
"""
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import model  # noqa: E402
from harness import plans, verifier  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.server import Copy, Server, Standby  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402
import survivors  # noqa: E402
from survivors import SWEPT, SurvivorFleet, forget_lost  # noqa: E402

ROWS = 3000
EVERY = bool(os.environ.get("TIDEMARK_CRASH_ALL"))
SETTINGS = {"max_connections": "60", "shared_buffers": "16MB", "deadlock_timeout": "300ms", "hot_standby_feedback": "off"}

TABLE = survivors.table(ROWS)

# What a checkpoint has passed and is not done, in one snapshot.
BEHIND = """
SELECT count(*) FROM tidemark.segment s, t
 WHERE s.sweep = (SELECT sweep FROM tidemark.segment ORDER BY id DESC LIMIT 1) AND NOT s.skipped_range
   AND t.ctid >= format('(%s,0)', s.first)::tid AND t.ctid < format('(%s,0)', s.next)::tid AND t.b IS DISTINCT FROM t.a
   AND NOT EXISTS (SELECT FROM tidemark.segment h WHERE h.sweep = s.sweep AND h.skipped_range AND NOT h.done
                   AND t.ctid >= format('(%s,0)', h.first)::tid AND t.ctid < format('(%s,0)', h.stop)::tid)
"""
TWICE = "SELECT phase, step FROM tidemark.journal WHERE event = 'step.done' GROUP BY 1, 2 HAVING count(*) > 1"


class Pair:
    """A primary and its standby, with the application on the primary."""

    def __init__(self, case, primary, standby, seed):
        self.case, self.rng = case, random.Random(seed)
        self.primary = Copy(primary, SETTINGS)
        host = f"host={self.primary.socket_dir} port=5432 user=postgres application_name=standby"
        self.standby = Copy(standby, dict(SETTINGS, primary_conninfo=host))
        self.now = self.primary
        self.world = survivors.world(ROWS)
        self.fleet = SurvivorFleet(self.world, self.connect, seed)
        self.tidemark = Tidemark(self.primary.environment("postgres"), cwd=case.directory)
        self.sure, self.lost = None, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fleet.stop()
        self.tidemark.kill_all()
        self.standby.close()
        self.primary.close()

    def connect(self, autocommit=True):
        return self.now.connect(application_name="app", autocommit=autocommit)

    def both(self, first=None):
        """Environment that names both, as a connection string with two hosts does."""
        return {"PGHOST": f"{first or self.primary.socket_dir},{self.standby.socket_dir}", "PGTARGETSESSIONATTRS": "read-write"}

    def value(self, text):
        return self.now.value(text)

    def in_step(self):
        """Waits until the standby has everything that is acknowledged now; from then on only later writes may be lost."""
        self.sure = time.monotonic()
        lsn = self.primary.value("SELECT pg_current_wal_insert_lsn()")
        self.case.wait_until(lambda: self.standby.value("SELECT coalesce(pg_last_wal_receive_lsn() >= %s::pg_lsn, false)", (lsn,)),
                             what="the standby has caught up")

    def freeze(self):
        """Nothing reaches the standby any more."""
        self.in_step()
        os.kill(self.primary.value("SELECT pid FROM pg_stat_replication"), signal.SIGSTOP)
        self.frozen_at = len(self.world.events)

    def await_writes(self, count):
        """The application continues: so many writes are acknowledged and will be lost."""
        self.case.wait_until(lambda: len(self.world.events) >= self.frozen_at + count, timeout=10,
                             what=f"{count} writes are acknowledged")

    def lose_primary(self):
        """The machine is gone, with its disk."""
        self.primary.kill()
        shutil.rmtree(self.primary.data, ignore_errors=True)

    def fail_over(self):
        self.standby.promote()
        self.now = self.standby
        self.tidemark.environment.update(self.standby.environment("postgres"))
        self.fleet.stop()
        # Before anybody writes again; tidemark may.
        rows = self.standby.sql("SELECT id, inc, ver FROM t")
        lost, problems = forget_lost(self.world, {row[:2]: row[2] for row in rows}, self.sure)
        self.lost += lost
        self.case.assertEqual(problems, [])
        self.fleet.start("old", "old")

    def look(self):
        conn = self.now.connect()
        try:
            return verifier.look(conn, "public.t", "a", "b", plan="rename")
        finally:
            conn.close()

    def checkpoint_is_true(self):
        """Whatever the promoted server says is done, is."""
        if self.value("SELECT to_regclass('tidemark.segment') IS NULL"):
            return
        if {"a", "b"} <= set(self.look().columns):
            self.case.assertEqual(self.value(BEHIND), 0, "rows before the checkpoint are not done")
        self.case.assertLessEqual(self.value(SWEPT), 1, "a row was swept twice")

    def compare(self, columns):
        """With all clients stopped: every acknowledged write that survived is there, and nothing else."""
        self.fleet.stop()
        listed = ", ".join(c if c in columns else f"NULL AS {c}" for c in "ab")
        table = self.now.sql(f"SELECT id, inc, ver, {listed} FROM t")
        conflicts = self.value("SELECT count(*) FROM tidemark.conflict")
        problems = model.check(self.world.shape, self.world.events, table, columns, [], conflicts)
        self.case.assertEqual(self.world.problems + problems, [])
        self.look().check()
        self.case.assertEqual(self.now.sql(TWICE), [], "a step was done twice")


class FailoverCase(LiveCase):
    """`self.primary`, `self.standby`: data directories of two stopped servers that follow each other."""

    @classmethod
    def setUpClass(cls):
        if not Standby.possible():
            raise unittest.SkipTest("this installation has no pg_basebackup")
        cls.store = tempfile.mkdtemp(prefix="tidemark-pair-")
        cls.addClassCleanup(shutil.rmtree, cls.store, ignore_errors=True)
        os.chmod(cls.store, 0o755)
        with Server(settings=SETTINGS, initdb=("--wal-segsize=1",)) as primary:
            primary.sql(TABLE)
            cls.prepare(primary)
            with Standby(primary) as standby:
                lsn = primary.value("SELECT pg_current_wal_insert_lsn()")
                while not standby.value("SELECT coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false)", (lsn,)):
                    time.sleep(0.05)
                # In this order everything of the primary is on the standby.
                primary.stop()
                standby.stop()
                for name, server in (("primary", primary), ("standby", standby)):
                    setattr(cls, name, os.path.join(cls.store, name))
                    shutil.move(server.data, getattr(cls, name))
        cls.server = None

    @classmethod
    def tearDownClass(cls):
        pass

    @classmethod
    def prepare(cls, primary):
        pass

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tidemark-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def pair(self, seed):
        return Pair(self, self.primary, self.standby, seed)


PLAN = {"name": "rename", "other_triggers": "fire", "switch": "manual", "drop_column": "manual", "hold": "1h",
        "limits": {"lease": "2s", "batch_duration": "50ms", "workers": 2, "replica_lag": "0"}}


def plan_text(rate=None):
    return plans.rename("public.t", "a", "b", "integer", rate=rate, **PLAN)


class MidSweep(FailoverCase):
    def lost_in_mid_sweep(self, seed, by_itself):
        """Kills the primary in the middle of the backfill. `by_itself`: tidemark lives on, with both hosts in its connection string;
        else it dies with the primary and is begun again with the URL of the new one."""
        path = self.plan(plan_text(rate=2500))
        with self.pair(seed) as pair:
            pair.fleet.start("old", "old")
            process = pair.tidemark.start("run", path, env=pair.both())
            done = "SELECT CASE WHEN to_regclass('tidemark.segment') IS NULL THEN 0 ELSE 1 END"
            self.wait_until(lambda: pair.value(done) and pair.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300 +
                            pair.rng.randrange(800), what="the sweep continues")
            pair.freeze()
            swept = pair.value("SELECT sum(changed) FROM tidemark.segment")
            pair.await_writes(20)
            time.sleep(pair.rng.random() * 0.3)
            more = pair.value("SELECT sum(changed) FROM tidemark.segment")
            pair.lose_primary()
            if not by_itself:
                process.kill()
            pair.fail_over()
            pair.checkpoint_is_true()
            if not by_itself:
                status = pair.tidemark.json("status", "rename")
                self.assertEqual((status["state"], status["phase"]), ("running", "backfill"), status)
                self.assertLessEqual(pair.value("SELECT sum(changed) FROM tidemark.segment"), more)
                result = pair.tidemark("run", "rename")
            else:
                result = process.wait(45)
                self.assertIn("connecting again", result.err)
            result.ok()
            self.assertEqual(pair.tidemark.json("status", "rename")["phase"], "switch")
            pair.checkpoint_is_true()
            pair.compare(["a", "b"])
            self.assertGreaterEqual(more, swept)
            return pair.lost, more - swept

    def many(self, seeds, by_itself):
        lost = swept = 0
        for seed in seeds:
            with self.subTest(seed=seed):
                writes, rows = self.lost_in_mid_sweep(seed, by_itself)
                lost, swept = lost + writes, swept + rows
        print(f"{lost} acknowledged writes and {swept} swept rows lost", file=sys.stderr)
        self.assertGreater(lost, 20, "nothing was lost: the test proves nothing")
        self.assertGreater(swept, 20, "no progress of the sweep was lost: the test proves nothing")

    @limit(120)
    def test_with_both_hosts_it_continues_by_itself_on_the_promoted_one(self):
        self.many(range(1, 6), True)

    @limit(120)
    def test_begun_again_with_the_new_url_it_continues_where_that_server_stands(self):
        self.many(range(11, 16), False)

    @limit(60)
    def test_the_checks_see_what_they_are_for(self):
        """A checkpoint that is ahead of the rows, a row that is lost, and a write that nobody made."""
        path = self.plan(plan_text(rate=2500))
        with self.pair(31) as pair:
            pair.tidemark.start("run", path)
            self.wait_until(lambda: pair.value("SELECT to_regclass('tidemark.segment') IS NOT NULL") and
                            pair.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300)
            pair.tidemark.kill_all()
            pair.checkpoint_is_true()
            pair.now.sql("UPDATE tidemark.segment SET next = stop")
            with self.assertRaisesRegex(AssertionError, "before the checkpoint"):
                pair.checkpoint_is_true()
            pair.now.sql("UPDATE t SET b = a; UPDATE t SET note = 'x' WHERE id = 9")
            with self.assertRaisesRegex(AssertionError, "swept twice"):
                pair.checkpoint_is_true()
            pair.compare(["a"])
            for damage, mended in (("UPDATE t SET a = -1 WHERE id = 7", "UPDATE t SET a = 7 WHERE id = 7"),
                                   ("UPDATE t SET ver = 2 WHERE id = 8", "UPDATE t SET ver = 1 WHERE id = 8"),
                                   ("DELETE FROM t WHERE id = 5", "SELECT")):
                pair.now.sql(damage)
                with self.subTest(damage), self.assertRaises(AssertionError):
                    pair.compare(["a"])
                pair.now.sql(mended)

    @limit(60)
    def test_rolled_back_there_it_leaves_what_was_there_before(self):
        path = self.plan(plan_text(rate=2500))
        with self.pair(21) as pair:
            pair.fleet.start("old", "old")
            process = pair.tidemark.start("run", path)
            self.wait_until(lambda: pair.value("SELECT to_regclass('tidemark.segment') IS NOT NULL") and
                            pair.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300)
            pair.freeze()
            pair.await_writes(20)
            pair.lose_primary()
            process.kill()
            pair.fail_over()
            pair.tidemark("rollback", "rename", "--yes").ok()
            self.assertEqual(pair.tidemark.json("status", "rename")["state"], "rolled_back")
            pair.compare(["a"])
            self.assertNotIn("b", pair.look().columns)
            self.assertGreater(pair.lost, 0)


class MidSwitch(FailoverCase):
    """`advance` through the switch by way of a proxy that counts its statements."""

    @classmethod
    def prepare(cls, primary):
        directory = tempfile.mkdtemp(prefix="tidemark-test-")
        try:
            path = os.path.join(directory, "plan.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(plan_text())
            Tidemark(primary.environment("postgres"), cwd=directory)("run", path).ok()
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def count(self):
        """(statements, those of them that commit) of an advance that nothing hurts."""
        with self.pair(0) as pair, Proxy(pair.primary) as proxy:
            pair.tidemark("advance", "rename", env={"PGHOST": proxy.host}).ok()
            self.assertEqual(pair.look().phases["switch"], "done")
            return proxy.statements, proxy.commits

    def lost_at(self, number, step_in, frozen, dies=False):
        """The primary is gone before statement `number` comes to it, or after it has executed it. `frozen`: since when the standby
        hears nothing: from the beginning, or from the statement before; None: it has everything. `dies`: tidemark as well."""
        with self.pair(number) as pair:
            pair.fleet.start("old", "old")

            def then():
                if frozen == "late":
                    pair.freeze()
                if frozen:
                    pair.await_writes(10)
                else:
                    pair.in_step()
                pair.lose_primary()

            if frozen == "early":
                pair.freeze()
            with Proxy(pair.primary, number, step_in, then) as proxy:
                process = pair.tidemark.start("advance", "rename", env=pair.both(proxy.host))
                self.wait_until(lambda: not pair.primary.running() or not process.running(), timeout=30)
                if not proxy.stepped_in:  # fewer heartbeats than when they were counted
                    process.wait().ok()
                    return pair, False
                if dies:
                    process.kill()
                pair.fail_over()
                pair.look().check()
                result = process.wait(45)
            self.settle(pair, result)
            if number % 4 == 0:
                self.back(pair)
            else:
                self.both_releases(pair)
            return pair, True

    def settle(self, pair, result):
        """Continues with what the status says, until the switch is done."""
        self.assertIn(result.code, (0, 6, -signal.SIGKILL), result)
        for _ in range(3):
            status = pair.tidemark.json("status", "rename")
            if pair.look().phases["switch"] == "done" and status["state"] == "waiting":
                break
            words = status["next"].split()
            self.assertEqual(words[0], "tidemark", status)
            pair.tidemark(*words[1:]).ok()
        self.assertEqual(pair.look().phases["switch"], "done", status)
        self.assertEqual(status["phase"], "drop_column", status)
        history = pair.tidemark.json("history", "rename")["history"]
        timelines = [json.loads(event["detail"])["timeline"] for event in history if event["event"] == "lease.taken"]
        self.assertEqual(timelines[0], 1)
        if result.code == 0 and "connecting again" in result.err:
            self.assertIn("a standby has become the primary since (timeline 2, before 1)", result.err)
            self.assertEqual(timelines[-1], 2)
        switched = [event for event in history if event.get("event") == "step.done" and event.get("step") == "switch"]
        self.assertEqual(len(switched), 1, "history does not say once that it was switched")

    def both_releases(self, pair):
        pair.fleet.start("new", "both")
        pair.fleet.work(40)
        pair.compare(["a", "b"])

    def back(self, pair):
        pair.tidemark("rollback", "rename", "--yes").ok()
        pair.compare(["a"])
        self.assertNotIn("b", pair.look().columns)
        self.assertEqual(pair.tidemark.json("status", "rename")["state"], "rolled_back")

    def many(self, step_in, chosen):
        lost = hurt = 0
        for turn, number in enumerate(chosen):
            frozen = (None, "early", "late")[turn % 3]
            with self.subTest(statement=number, frozen=frozen):
                pair, done = self.lost_at(number, step_in, frozen, turn % 2)
                lost, hurt = lost + pair.lost, hurt + done
        print(f"{hurt} failovers; {lost} acknowledged writes lost", file=sys.stderr)
        self.assertGreater(hurt, len(chosen) // 2)
        self.assertGreater(lost, 20, "nothing was lost: the test proves nothing")

    def sample(self, seed):
        statements, commits = self.count()
        self.assertGreater(len(commits), 0)
        everything = range(1, statements + 1)
        near = set(range(commits[-1] - 2, commits[-1] + 3)) & set(everything)
        if EVERY:
            return list(everything)
        return sorted(near | set(random.Random(seed).sample([n for n in everything if n not in near], 7)))

    @limit(60)
    def test_a_lease_that_the_failover_has_lost_is_not_mistaken_for_that_of_another_executor(self):
        """The fence on the promoted server is lower than the one this executor had."""
        pair, done = self.lost_at(self.count()[1][-1], "answer", "early")
        self.assertTrue(done)
        self.assertGreater(pair.lost, 0)

    @limit(3000 if EVERY else 180)
    def test_before_a_statement(self):
        self.many("before", self.sample(1))

    @limit(3000 if EVERY else 180)
    def test_in_place_of_an_answer(self):
        self.many("answer", self.sample(2))


if __name__ == "__main__":
    main()
