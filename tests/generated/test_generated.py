"""What the review accepts cannot harm: random tables, random plans, and both releases writing all the time.

A table is made twice (world.py): one that tidemark works on and a control that nobody changes. One client writes to both
(application.py). Where `lint --db` says yes,

    no statement of either release fails or brings back other rows than in the control, none waits past the budget,
    the new column holds what the plan makes of the control's old one, wherever it exists,
    the run continues with every command that its status names, and back from every phase before the real drop,
    and after a rollback the schema is what it was.

    test_generated.py                        TIDEMARK_GENERATED_SEEDS seeds (default 20; 7 on other majors than 15), and the proof of the checks
    test_generated.py --seed 4711            this one again, with all that it did
    test_generated.py --seeds 1000 --jobs 2  many; says which failed, and how many were accepted
"""
import collections
import os
import re
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import random  # noqa: E402

from application import Application, Side  # noqa: E402
from harness import fingerprint, seeds  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402
from world import World  # noqa: E402

SETTINGS = {"max_connections": "60", "synchronous_commit": "off", "autovacuum": "off", "wal_level": "logical"}
ROWS = 40


class Broken(AssertionError):
    """The promise does not hold."""


class Trial:
    """One seed. `accepted` and `rules` say what the review thought of it."""

    def __init__(self, server, database, seed, directory):
        self.server, self.database, self.seed, self.directory = server, database, seed, directory
        self.control = database + "c"
        self.rng = random.Random(f"way of {seed}")
        self.world = World(seed, server.major)
        self.tidemark = Tidemark(server.environment(database), cwd=directory)
        self.path = os.path.join(directory, "plan.toml")
        self.accepted, self.rules, self.told = None, [], list(self.world.told)
        self.app = None
        self.side_open = self.side_moved = False
        self.damage = None      # a statement that breaks the promise, for the proof of the checks

    def say(self, text):
        self.told.append(text)

    def fail(self, text):
        told = "\n  ".join(self.told)
        raise Broken(f"seed {self.seed}: {text}\n  {told}\n{chr(10).join(self.world.ddl)}\n{self.world.text}")

    # -- the stage

    def prepare(self):
        for name in (self.database, self.control):
            self.server.drop_database(name)
            self.server.create_database(name)
            conn = self.server.connect(name)
            with conn.cursor() as cursor:
                for setting in self.world.settings:
                    cursor.execute(f"ALTER DATABASE {name} SET {setting.replace(' = ', ' TO ')}")
                    cursor.execute(f"SET {setting.replace(' = ', ' TO ')}")
                for text in self.world.ddl:
                    if "PUBLICATION" in text and name == self.control:
                        continue
                    cursor.execute(text)
                self._fill(cursor)
            conn.close()
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.world.text)

    def _fill(self, cursor):
        rng = random.Random(self.seed)
        for number in range(1, ROWS + 1):
            value = self.world.kind.pair(rng)[0]
            part = rng.choice([0, 1, 2]) if self.world.partitioned else 0
            if rng.random() < 0.15 and not self.world.not_null and not (part == 2 and self.world.leaf_not_null):
                value = "NULL"
            cursor.execute(f"INSERT INTO t (id, a, c, p) VALUES ({number}, {value}, {rng.choice([7, 7, 1, 50])}, {part})")

    def rows(self, database, text):
        conn = self.server.connect(database)
        try:
            with conn.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall()
        finally:
            conn.close()

    # -- the review

    def review(self):
        result = self.tidemark("lint", "--db", self.path)
        self.rules = sorted(set(re.findall(r" error: .*\[([a-z0-9-]+)\]", result.out)))
        self.accepted = result.code == 0
        if not self.accepted and not self.rules:
            self.fail(f"lint ends with {result.code} and names no rule\n{result}")
        return self.accepted

    # -- the way

    def run(self):
        self.prepare()
        self.untouched = fingerprint.take(self.server, self.database)
        if self.world.sideplan and (self.world.sidemoves or ("advance",))[0] == "advance":
            self.side("run")
        before = fingerprint.take(self.server, self.database)
        accepted = self.review()
        if fingerprint.take(self.server, self.database) != before:
            self.fail("the review changed something")
        if not accepted:
            return
        clients = [self.server.connect(name, user="app", application_name="app") for name in (self.database, self.control)]
        self.app = Application(self.world, *clients)
        try:
            self.app.some(5)
            self._walk(before)
        finally:
            for client in clients:
                client.close()
        self._settle("at the end")

    # -- the other plan

    def side(self, verb):
        """Opens it, or moves it on. What it may not do it must say; what it does must leave ours as it is."""
        path = os.path.join(self.directory, "side.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.world.sideplan)
        if verb == "advance" and not self.side_open:
            return
        result = self.tidemark(verb, path if verb == "run" else "side")
        self.say(f"the other plan: {verb}: {result.code}")
        self.side_open = self.side_open or result.code == 0
        self.side_moved = True
        if result.code not in (0, 2, 3, 4, 5, 10, 11):
            self.fail(f"the other plan\n{result}")

    def side_back(self):
        """Once ours is gone, the other goes too, and nothing remains."""
        result = self.tidemark("rollback", "side", "--yes")
        if result.code != 0:
            self.fail(f"the other plan does not go back\n{result}")
        self.app.some(5)
        self.compare("after the rollback of the other plan")
        after = fingerprint.take(self.server, self.database)
        if self.untouched != after:
            self.fail("both rollbacks leave another schema\n" + fingerprint.difference(self.untouched, after))

    def _walk(self, before):
        turns = 0
        back_at = self.rng.choice([None, None, 1, 2, 3, 4, 5])
        verb = ["run", self.path]
        while True:
            turns += 1
            if turns > 30:
                self.fail("never comes to an end")
            self.command(verb)
            self.app.some(12)
            self.compare(f"after {' '.join(verb[:1])}, turn {turns}")
            if self.damage:
                self.server.sql(self.damage, database=self.database)
            status = self.tidemark.json("status", "p")
            if status["state"] in ("done", "completed", "complete"):
                return
            if self.world.sideplan and self.world.sidemoves and turns == self.world.sidemoves[1]:
                self.side(self.world.sidemoves[0])
                self.app.some(12)
                self.compare("after the other plan's move")
            if turns == back_at:
                self.roll_back(before)
                if self.rng.random() < 0.4:
                    if self.side_open:
                        self.side_back()
                    return
                verb = ["run", "--again", self.path]
                back_at = None
                continue
            verb = self.next_command(status)

    def next_command(self, status):
        """What the status says, with a reason for waiving a hold."""
        if status.get("hold_until"):
            return ["advance", "p", "--now", "--reason", "tested"]
        if not (status.get("next") or "").startswith("tidemark "):
            self.fail(f"nothing leads on: {status}")
        words = status["next"].split()[1:]
        return ["run", self.path] if words[0] == "run" else words

    def command(self, verb, *more):
        """Runs it while the application writes, now and then killed or interrupted in between."""
        self.release_for(verb)
        if verb[0] == "rollback" and self.gone():
            # The new release must be gone before, and there is nothing yet for the old one.
            self.tell(verb, self.tidemark(*verb, *more))
            return self.now()
        self.app.start()
        try:
            if self.rng.random() < 0.2:
                with self.tidemark.start(*verb, *more) as process:
                    time.sleep(self.rng.random() * 0.25)
                    process.signal(self.rng.choice([signal.SIGKILL, signal.SIGINT]))
                    self.say(f"{' '.join(verb)}: stopped in between: {process.wait(60).code}")
                verb = ["run", self.path] if verb[0] == "advance" else verb
            for _ in range(3):
                result = self.tidemark(*verb, *more)
                if "--again" in verb and result.code != 0:
                    result = self.tidemark("run", self.path)    # it had begun already
                if result.code != 8:
                    break
                self.await_no_sessions()    # the killed one's are still ending
            self.tell(verb, result)
        finally:
            self.app.stop()
        self.now()
        self.settle_problems()

    def await_no_sessions(self):
        deadline = time.monotonic() + 20
        while self.server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'tidemark/%%'",
                                (self.database,)):
            if time.monotonic() > deadline:
                self.fail("sessions of an executor that has ended are still there after 20 s")
            time.sleep(0.02)

    def tell(self, verb, result):
        self.say(f"{' '.join(verb)}: {result.code}")
        if result.code != 0:
            self.fail(f"does not continue\n{result}")

    def columns(self):
        return {row[0] for row in self.rows(self.database, "SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass"
                                                           " AND NOT attisdropped AND attnum > 0")}

    def gone(self):
        """Whether the old column is out of sight."""
        return ("b" if self.world.swap else "a") not in self.columns()

    def release_for(self, verb):
        """Before a switch only the old release may write, before the drop only the new one: a person's part."""
        phase = self.phase()
        if verb[0] == "advance" and phase == "drop_column":
            self.app.release = "new"
        elif verb[0] == "rollback":
            self.app.release = "old"

    def phase(self):
        rows = self.rows(self.database, "SELECT to_regclass('tidemark.run') IS NOT NULL")
        if not rows[0][0]:
            return None
        result = self.tidemark("status", "p", "--json")
        if result.code != 0:
            return None
        return result.json().get("phase")

    def now(self):
        """Which releases may write now."""
        phases = {phase["kind"]: phase["state"] for phase in self.tidemark.json("status", "p")["phases"]}
        switched = phases["switch"] == "done"
        self.app.swapped = switched and self.world.swap
        self.app.release = "old" if not switched else "new" if self.gone() else "both"

    def roll_back(self, before):
        self.command(["rollback", "p", "--yes"])
        self.app.release, self.app.swapped = "old", False
        self.app.some(12)
        self.compare("after the rollback")
        if self.side_moved:
            return
        after = fingerprint.take(self.server, self.database)
        if before != after:
            self.fail("the rollback leaves another schema\n" + fingerprint.difference(before, after))

    # -- the checks

    def settle_problems(self):
        if self.app.problems:
            self.fail("\n".join(self.app.problems[:5]))

    def compare(self, when):
        self.settle_problems()
        kind, control = self.world.kind, "id, p, c, note"
        columns = self.columns()
        swapped = self.app.swapped
        old, new = ("b", "a") if swapped else ("a", "b")
        phases = {}
        if self.rows(self.database, "SELECT to_regclass('tidemark.run') IS NOT NULL")[0][0] and "b" in columns:
            phases = {phase["kind"]: phase["state"] for phase in self.tidemark.json("status", "p")["phases"]}
        mine, other = [control], [control]
        if old in columns:
            mine.append(f"({old})::text")
            other.append("(a)::text")
        if new in columns and (phases.get("backfill") == "done" or swapped or old not in columns):
            mine.append(f"({new})::text")
            other.append(f"({kind.made_of_old()})::text")
        order = " FROM t ORDER BY id, p"
        got = self.rows(self.database, f"SELECT {', '.join(mine)}{order}")
        wanted = self.rows(self.control, f"SELECT {', '.join(other)}{order}")
        if got != wanted:
            differ = [f"{g} instead of {w}" for g, w in zip(got, wanted) if g != w][:5]
            self.fail(f"{when}: other rows ({len(got)}, {len(wanted)}): " + "\n".join(differ or [str(set(got) ^ set(wanted))]))
        if self.world.logged:
            log = "SELECT id, what, count(*) FROM log GROUP BY 1, 2 ORDER BY 1, 2"
            if self.rows(self.database, log) != self.rows(self.control, log):
                self.fail(f"{when}: triggers fired otherwise: {set(self.rows(self.database, log)) ^ set(self.rows(self.control, log))}")

        for text in self.world.watched:
            mine, other = self.rows(self.database, text), self.rows(self.control, text)
            if mine != other:
                self.fail(f"{when}: {text}: {sorted(map(str, set(mine) ^ set(other)))[:6]}")

    def _settle(self, when):
        self.settle_problems()
        self.say(f"{when}: {self.app.count} statements, {self.app.failed} refused in both, slowest {self.app.slowest * 1000:.0f} ms")


# A seed whose plan is accepted.
EASY = 5


class Generated(LiveCase):
    settings = SETTINGS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.sql("CREATE ROLE app LOGIN")

    @limit(1200)
    def test_what_the_review_accepts_does_no_harm(self):
        first, seeds = 1, int(os.environ.get("TIDEMARK_GENERATED_SEEDS", "20" if self.server.major == 15 else "7"))
        done = [trial for trial in (self.trial(seed) for seed in range(first, first + seeds)) if trial.accepted]
        self.assertGreater(len(done), seeds // 5, "so few plans are accepted that little is proved")

    @limit(300)
    def test_the_checks_see_the_damage_that_they_are_for(self):
        for damage in ("UPDATE t SET c = 12345 WHERE id = 5", "INSERT INTO t (id) SELECT max(id) + 1000000 FROM t", "DELETE FROM t WHERE id = (SELECT min(id) FROM t)",
                       "ALTER TABLE t ADD CONSTRAINT ours CHECK (id < 0) NOT VALID", "REVOKE ALL ON t FROM app"):
            with self.subTest(damage), self.assertRaises(Broken):
                self.trial(EASY, damage)

    def trial(self, seed, damage=None):
        trial = Trial(self.server, self.database, seed, self.directory)
        trial.damage = damage
        try:
            trial.run()
        finally:
            trial.tidemark.kill_all()
            self.server.drop_database(trial.control)
        return trial


def server_of(jobs):
    server = Server(settings=dict(SETTINGS, max_connections=str(40 * jobs)))
    server.sql("CREATE ROLE app LOGIN")
    return server


def work(server, job, chosen, given):
    """Two databases for each job."""
    database = f"g{job}"
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    failed, accepted, statements, rules, begun = [], 0, 0, collections.Counter(), time.monotonic()
    directory = tempfile.mkdtemp(prefix="tidemark-generated-")
    for number, seed in enumerate(chosen, 1):
        trial = Trial(server, database, seed, directory)
        try:
            trial.run()
        except BaseException as error:
            failed.append(seed)
            text = str(error) if isinstance(error, Broken) else f"seed {seed}: {type(error).__name__}: {error}\n  " + "\n  ".join(trial.told)
            print(f"FAILED {text}\n", flush=True)
        accepted += bool(trial.accepted)
        statements += trial.app.count if trial.app else 0
        rules.update(trial.rules)
        if given.verbose:
            print(f"seed {seed}: accepted {trial.accepted} {trial.rules}\n  " + "\n  ".join(trial.told), flush=True)
        if number % 25 == 0:
            print(f"{database}: {number} of {len(chosen)}, {accepted} accepted, {len(failed)} failed", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    print(f"{database}: {len(chosen)} seeds, {accepted} accepted, {statements} statements, {len(failed)} failed {failed}, "
          f"{(time.monotonic() - begun) / max(1, len(chosen)):.2f} s each\n  refused: {dict(rules.most_common())}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if not seeds.asked(server_of, work, first=1):
        main()
