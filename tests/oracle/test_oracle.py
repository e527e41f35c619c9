"""Every acknowledged write is found again, whatever happens to tidemark meanwhile.

Random transactions of the old release run throughout and of the new one from the switch on, while the plan goes forward with
random kills, pauses and lost connections, and at the end is completed or rolled back. The writers know what was acknowledged
(application.py); the model says what must come of it (model.py).

    test_oracle.py                        TIDEMARK_ORACLE_SEEDS seeds (default 6) as unit tests, and the proof of the oracle
    test_oracle.py --seed 4711            this one again, with all that it did
    test_oracle.py --seeds 200 --jobs 2   many; the seeds that failed are printed
"""
import os
import random
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import model  # noqa: E402
from application import Fleet, World  # noqa: E402
from harness import fingerprint, plans, seeds, verifier  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402

SETTINGS = {"deadlock_timeout": "300ms", "max_connections": "100", "synchronous_commit": "off"}
ROWS = 300


def constraints(shape, default):
    return (" NOT NULL" if shape.required else "") + (f" DEFAULT {default}" if default is not None else "")


class Failed(AssertionError):
    pass


class Trial:
    """One seed against one database."""

    def __init__(self, server, database, seed, faults=True):
        self.server, self.database, self.seed = server, database, seed
        self.rng = random.Random(seed)
        self.shape = model.SHAPES[self.rng.randrange(len(model.SHAPES))]
        self.name = f"oracle-{seed}"
        self.table = f"public.t{seed}"
        self.world = World(self.shape, self.table, ROWS)
        self.fleet = Fleet(self.world, self._connect, seed)
        self.tidemark = Tidemark(server.environment(database), cwd="/")
        self.faults = self.rng.randint(1, 5) if faults else 0
        self.resets, self.told, self.dropped = [], [], None
        self.path = None

    def _connect(self, autocommit=True):
        return self.server.connect(self.database, application_name="app", autocommit=autocommit)

    def say(self, text):
        self.told.append(f"{time.monotonic() - self.started:6.3f} {text}")

    # -- the stage

    def prepare(self, directory):
        self.started = time.monotonic()
        self.conn = self._connect()
        shape = self.shape
        constraint = constraints(shape, shape.default)
        with self.conn.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.table}")
            cursor.execute(f"CREATE TABLE {self.table} (id bigint PRIMARY KEY, inc bigint NOT NULL, a {shape.type} {constraint},"
                           f" note text DEFAULT repeat('n', 100), ver integer NOT NULL DEFAULT 1)")
            for key in range(ROWS):
                value = None if not shape.required and key % 9 == 0 else shape.value(self.rng)
                incarnation = next(self.world.next_incarnation)
                cursor.execute(f"INSERT INTO {self.table} (id, inc, a) VALUES (%s, %s, %s)", (key, incarnation, value))
                self.world.record([model.Event(key, incarnation, 1, "insert", {"a": value}, {"a": value}, "old", 0, 0)])
        self.before = fingerprint.catalog(self.server, self.database)
        text = plans.rename(self.table, "a", "b", shape.type, name=self.name, up=shape.up_sql, down=shape.down_sql,
                            rate=self.rng.choice((500, 1500, 5000)), hold="1h", drop_column="manual",
                            limits={"lock_timeout": "60ms", "batch_duration": "1ms", "workers": self.rng.choice((1, 2, 3)),
                                    "lease": "2s"})
        self.path = os.path.join(directory, f"{self.name}.toml")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def close(self):
        self.fleet.stop()
        self.tidemark.kill_all()
        try:
            with self.conn.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS {self.table} CASCADE")
        finally:
            self.conn.close()
            if self.path:
                os.unlink(self.path)

    def forget(self):
        """What a failed trial leaves must not make the next one fail."""
        self.fleet.stop()
        self.tidemark.kill_all()
        self.server.terminate("tidemark/%", self.database)
        with self.conn.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.table} CASCADE; DROP SCHEMA IF EXISTS tidemark CASCADE")

    # -- what happens to tidemark

    def go(self, *args, wanted):
        """Runs a command again and again, hurt as often as the seed says, until `wanted` says that it is where it should be."""
        deadline = time.monotonic() + 60
        while True:
            fault = self.rng.choice(FAULTS) if self.faults > 0 else None
            self.faults -= 1
            self.say(f"{' '.join(args)} [{fault or 'unhurt'}]")
            result = getattr(self, fault)(args) if fault else self.tidemark(*args, timeout=60)
            self.say(f"exit {result.code}")
            if wanted():
                return
            # -2 and -15: the signal came before the program had begun.
            if result.code not in (0, 130, 143, -9, -2, -15) and not (result.code == 6 and fault == "terminated"):
                raise Failed(f"{result}")
            if fault is None and result.code == 0:
                raise Failed(f"exit 0, but it is not where it should be\n{result}\n{self.look()}")
            if time.monotonic() > deadline:
                raise Failed(f"does not come to an end\n{result}\n{self.look()}")

    def killed_at_a_point(self, args):
        return self.tidemark(*args, env={"TIDEMARK_CRASH_AT": f"*#{self.rng.randint(1, 45)}"})

    def signalled(self, args):
        process = self.tidemark.start(*args)
        time.sleep(self.rng.random() * 0.5)
        process.signal(self.rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
        return process.wait(20)

    def paused(self, args):
        process = self.tidemark.start(*args)
        time.sleep(self.rng.random() * 0.4)
        self.tidemark("pause", self.name)
        time.sleep(self.rng.random() * 0.2)
        self.tidemark("resume", self.name)
        return process.wait(60)

    def terminated(self, args):
        process = self.tidemark.start(*args)
        for _ in range(self.rng.randint(1, 3)):
            time.sleep(self.rng.random() * 0.25)
            self.server.terminate("tidemark/%", self.database)
        return process.wait(60)

    def doubled(self, args):
        """A second executor at the same time."""
        process = self.tidemark.start(*args)
        time.sleep(self.rng.random() * 0.3)
        self.tidemark("run", self.name, timeout=60)
        return process.wait(60)

    # -- reading

    def phase(self, kind):
        with self.conn.cursor() as cursor:
            cursor.execute("SELECT to_regclass('tidemark.phase') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return None
            cursor.execute("SELECT p.state FROM tidemark.phase p JOIN tidemark.run r ON r.id = p.run WHERE r.plan = %s"
                           " AND p.kind = %s ORDER BY r.id DESC LIMIT 1", (self.name, kind))
            row = cursor.fetchone()
            return row and row[0]

    def state(self):
        with self.conn.cursor() as cursor:
            cursor.execute("SELECT state FROM tidemark.run WHERE plan = %s ORDER BY id DESC LIMIT 1", (self.name,))
            row = cursor.fetchone()
            return row and row[0]

    def look(self):
        return verifier.look(self.conn, self.table, "a", "b", plan=self.name, up=self.shape.up_sql)

    def compare(self, columns):
        """With all clients stopped."""
        listed = ", ".join(["id", "inc", "ver", *(c if c in columns else f"NULL AS {c}" for c in "ab")])
        with self.conn.cursor() as cursor:
            cursor.execute(f"SELECT {listed} FROM {self.table}")
            table = cursor.fetchall()
            cursor.execute("SELECT count(*) FROM tidemark.conflict WHERE plan = %s", (self.name,))
            conflicts = cursor.fetchone()[0]
        problems = model.check(self.shape, self.world.events, table, columns, self.resets, conflicts,
                               self.dropped)
        problems += self.world.problems
        if problems:
            raise Failed(f"{len(problems)} problems\n" + "\n".join(problems[:8]))
        self.say(f"{len(self.world.events)} writes, {len(table)} rows agree in {columns}")

    # -- the play

    def play(self):
        old = ["old"] * self.rng.randint(2, 3)
        new = ["new"] * self.rng.randint(1, 2) + ["both"]
        self.fleet.start(*old)
        self.fleet.work(20)
        end = self.rng.choice(("complete", "complete", "back from the switch", "back from the hold", "back early"))
        self.say(f"shape {self.shape.name}, end: {end}")
        if end == "back early":
            return self.back_early()
        self.go("run", self.path, wanted=lambda: self.phase("switch") == "done")
        for again in range(self.rng.choice((0, 0, 1))):
            self.both_releases(new)
            self.there_and_back()
        self.both_releases(new)
        if end == "back from the switch":
            return self.back(new)
        self.fleet.stop("old")
        self.fleet.stop()
        self.compare(["a", "b"])
        self.fleet.start(*[r for r in new if r == "new"])
        self.into_the_hold()
        if end == "back from the hold":
            return self.back_from_the_hold(old, new)
        self.fleet.work(20)
        self.dropped = time.monotonic()
        self.tidemark("advance", self.name, "--no-run", "--now", "--reason", "test").ok()
        self.go("run", self.path, wanted=lambda: self.state() == "complete")
        self.fleet.work(10)
        self.fleet.stop()
        self.look().check()
        self.compare(["b"])

    def both_releases(self, new):
        self.fleet.start(*new)
        self.fleet.work(60 + int(self.rng.random() * 60))

    def there_and_back(self):
        """To before the switch, and forward again: the new release is away meanwhile."""
        self.fleet.stop("new", "both")
        begun = time.monotonic()
        self.go("rollback", self.path, "--to", self.rng.choice(("dual_write", "backfill", "verify")), "--yes",
                wanted=lambda: self.phase("switch") == "pending" and self.state() == "ready")
        self.go("run", self.path, wanted=lambda: self.phase("switch") == "done")
        self.resets.append((begun, time.monotonic()))

    def back_early(self):
        phase = self.rng.choice(plans.PHASES[:5])
        self.go("run", self.path, "--to", phase, wanted=lambda: self.phase(phase) == "done")
        self.fleet.work(20)
        self.back([])

    def back(self, new):
        """The new release leaves first: nobody else may write the new column when it goes."""
        if new:
            self.fleet.stop()
            self.compare(["a", "b"])
            self.fleet.start("old", "old")
        self.fleet.work(10)
        self.go("rollback", self.path, "--yes", wanted=lambda: self.state() == "rolled_back")
        self.fleet.work(10)
        self.fleet.stop()
        self.compare(["a"])
        told = fingerprint.difference(fingerprint.Fingerprint(self.before, None),
                                      fingerprint.Fingerprint(fingerprint.catalog(self.server, self.database), None))
        if told:
            raise Failed(f"the schema is not what it was\n{told}")

    def into_the_hold(self):
        self.tidemark("advance", self.name, "--no-run").ok()
        self.go("run", self.path, wanted=lambda: self.state() == "waiting" and self.phase("drop_column") == "running")

    def back_from_the_hold(self, old, new):
        self.fleet.work(20)
        self.go("rollback", self.path, "--to", "switch", "--yes",
                wanted=lambda: self.phase("drop_column") == "pending" and self.state() == "ready")
        self.fleet.start(*old)
        self.fleet.work(20)
        self.back(new)

    def run(self, directory):
        try:
            self.prepare(directory)
            self.play()
        except BaseException as error:
            self.forget()
            raise Failed(f"seed {self.seed} ({self.shape.name}): {type(error).__name__}: {error}\n"
                         + "\n".join(self.told)) from error
        finally:
            self.close()


FAULTS = ["killed_at_a_point", "killed_at_a_point", "killed_at_a_point", "signalled", "paused", "terminated", "doubled"]


BOTH_WAYS = """
CREATE FUNCTION both_ways() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.b IS NOT DISTINCT FROM {new_default} THEN
            NEW.b := {up}; RETURN NEW;
        ELSIF NEW.a IS NOT DISTINCT FROM {default} THEN
            NEW.a := {down}; RETURN NEW;
        END IF;
    ELSIF NEW.b IS NOT DISTINCT FROM OLD.b AND NEW.a IS NOT DISTINCT FROM OLD.a THEN
        RETURN NEW; -- neither
    ELSIF NEW.b IS NOT DISTINCT FROM OLD.b THEN
        NEW.b := {up}; RETURN NEW;
    ELSIF NEW.a IS NOT DISTINCT FROM OLD.a THEN
        NEW.a := {down}; RETURN NEW;
    END IF;
    IF NEW.b IS DISTINCT FROM {up} THEN
        NEW.a := {down}; INSERT INTO public.clash VALUES (NEW.id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER both_ways BEFORE INSERT OR UPDATE ON by_hand FOR EACH ROW EXECUTE FUNCTION both_ways();
"""


class Oracle(LiveCase):
    settings = SETTINGS

    def base(self):
        return int(os.environ.get("TIDEMARK_ORACLE_SEED") or int(time.time()) % 1000000)

    @limit(3600)
    def test_every_acknowledged_write_is_found_again(self):
        count = int(os.environ.get("TIDEMARK_ORACLE_SEEDS") or 6)
        first = self.base()
        print(f"seeds {first} to {first + count - 1}", file=sys.stderr)
        for seed in range(first, first + count):
            with self.subTest(seed=seed):
                Trial(self.server, self.database, seed).run(self.directory)

    # -- the oracle itself, with triggers written by hand and no tidemark at all

    def by_hand(self, shape, harm=None, text=BOTH_WAYS):
        """Both releases against triggers of our own for a moment; the problems found."""
        world = World(shape, "public.by_hand", 100)
        up, down = shape.up_sql or "a", shape.down_sql or "b"
        self.execute(f"CREATE TABLE by_hand (id bigint PRIMARY KEY, inc bigint NOT NULL,"
                     f" a {shape.type} {constraints(shape, shape.default)},"
                     f" b {shape.type} {constraints(shape, shape.new_default)}, ver integer NOT NULL DEFAULT 1);"
                     f" CREATE TABLE clash (id bigint)")
        self.execute(text.format(up=in_row(up), down=in_row(down), default=shape.default or "NULL",
                                 new_default=shape.new_default or "NULL"))
        fleet = Fleet(world, lambda autocommit: self.connect(application_name="app", autocommit=autocommit), 7)
        rng = random.Random(7)
        for key in range(100):
            value, incarnation = shape.value(rng), next(world.next_incarnation)
            self.execute("INSERT INTO by_hand (id, inc, a) VALUES (%s, %s, %s)", (key, incarnation, value))
            world.record([model.Event(key, incarnation, 1, "insert", {"a": value}, {"a": value}, "old", 0, 0)])
        fleet.start("old", "old", "new", "new", "both")
        fleet.work(100)
        if harm:
            harm(fleet)
        fleet.work(100)
        fleet.stop()
        self.assertGreater(len(world.events), 300)
        return world.problems + model.check(shape, world.events, self.rows("SELECT id, inc, ver, a, b FROM by_hand"),
                                            ["a", "b"], [], self.value("SELECT count(*) FROM clash"))

    def test_the_model_agrees_with_triggers_written_by_hand(self):
        for shape in model.SHAPES:
            with self.subTest(shape=shape.name):
                self.assertEqual(self.by_hand(shape), [])
            self.execute("DROP TABLE by_hand, clash; DROP FUNCTION both_ways")

    def test_the_oracle_sees_a_trigger_that_is_off_for_a_moment(self):
        def harm(fleet):
            self.execute("ALTER TABLE by_hand DISABLE TRIGGER USER")
            fleet.work(50)
            self.execute("ALTER TABLE by_hand ENABLE TRIGGER USER")
        self.assertRegex("\n".join(self.by_hand(model.PLAIN, harm)), "should have seen|in columns")

    def test_the_oracle_sees_a_trigger_that_heeds_only_one_column(self):
        text = BOTH_WAYS.replace("BEFORE INSERT OR UPDATE", "BEFORE INSERT OR UPDATE OF a")
        self.assertRegex("\n".join(self.by_hand(model.PLAIN, text=text)), "should have seen|in columns")

    def test_the_oracle_sees_the_old_side_winning(self):
        text = BOTH_WAYS.replace("NEW.a := {down}; INSERT INTO", "NEW.b := {up}; INSERT INTO")
        self.assertRegex("\n".join(self.by_hand(model.PLAIN, text=text)), "should have seen|in columns")

    def test_the_oracle_sees_a_lossy_down_eat_the_new_value(self):
        text = BOTH_WAYS.replace("RETURN NEW; -- neither", "NEW.b := {up}; RETURN NEW;")
        self.assertRegex("\n".join(self.by_hand(model.LOSSY, text=text)), "should have seen|in columns")

    def test_the_oracle_sees_a_conflict_that_is_not_recorded(self):
        text = BOTH_WAYS.replace("INSERT INTO public.clash VALUES (NEW.id);", "")
        self.assertRegex("\n".join(self.by_hand(model.PLAIN, text=text)), "conflicts are recorded")

    def test_the_oracle_sees_a_write_that_nobody_made(self):
        problems = self.by_hand(model.PLAIN, lambda _fleet: self.execute(
            "UPDATE by_hand SET a = -7 WHERE id IN (SELECT id FROM by_hand LIMIT 9)"))
        self.assertRegex("\n".join(problems), "should have seen|in columns")

    def test_the_oracle_sees_a_row_that_is_lost(self):
        problems = self.by_hand(model.PLAIN, lambda _fleet: self.execute(
            "DELETE FROM by_hand WHERE id IN (SELECT id FROM by_hand LIMIT 9)"))
        self.assertRegex("\n".join(problems), "is lost")

    def test_the_oracle_sees_a_row_that_nobody_wrote(self):
        problems = self.by_hand(model.PLAIN, lambda _fleet: self.execute("INSERT INTO by_hand (id, inc, a) VALUES (-1, -1, 0)"))
        self.assertRegex("\n".join(problems), "nobody wrote it")

    def test_the_oracle_sees_a_write_that_is_reverted(self):
        problems = self.by_hand(model.PLAIN, lambda _fleet: self.execute("UPDATE by_hand SET ver = ver - 1 WHERE ver > 1"))
        self.assertRegex("\n".join(problems), "version")


def in_row(expression):
    """a and b of the row, in PL/pgSQL."""
    return re.sub(r"\b([ab])\b", r"NEW.\1", expression)


def server_of(jobs):
    server = Server(settings=dict(SETTINGS, max_connections=str(60 * jobs)))
    for job in range(jobs):
        server.create_database(f"o{job}")
    return server


def work(server, job, chosen, given):
    database = f"o{job}"
    bad, begun, trial = 0, time.monotonic(), None

    def stop(number, _frame):
        if trial is not None:
            trial.tidemark.kill_all()
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    directory = os.path.join("/tmp", f"tidemark-oracle-{os.getpid()}")
    os.mkdir(directory)
    for number, seed in enumerate(chosen, 1):
        try:
            trial = Trial(server, database, seed)
            trial.run(directory)
            if given.verbose:
                print(f"seed {seed}\n" + "\n".join(trial.told), flush=True)
        except BaseException as error:
            bad += 1
            print(f"FAILED {error}\n", flush=True)
        if number % 10 == 0:
            print(f"{database}: {number} of {len(chosen)} seeds, {bad} failed, "
                  f"{(time.monotonic() - begun) / number:.1f} s each", flush=True)
    print(f"{database}: {len(chosen)} seeds, {bad} failed", flush=True)
    os.rmdir(directory)
    return 1 if bad else 0


if __name__ == "__main__":
    if not seeds.asked(server_of, work, first=int(time.time()) % 1000000):
        main()
