"""The application of the oracle beside a failover: which of its acknowledged writes the promoted server still has."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import model  # noqa: E402
from application import Fleet, World, Writer  # noqa: E402

# A row is written by the application, which counts its own writes, and by the sweep once at most.
SWEPT = "SELECT max(touched - (ver - 1)) FROM t"


def table(rows):
    """The table that is swept, whose rows count how often they were written."""
    return f"""
CREATE TABLE t (id bigint PRIMARY KEY, inc bigint NOT NULL, a integer, note text DEFAULT repeat('n', 60),
    ver integer NOT NULL DEFAULT 1, touched integer NOT NULL DEFAULT 0);
INSERT INTO t (id, inc, a) SELECT i, i + 1, CASE WHEN i % 9 <> 0 THEN i END FROM generate_series(0, {rows - 1}) i;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END$$;
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
"""


def world(rows):
    """What the oracle knows of it before anybody writes."""
    known = World(model.PLAIN, "public.t", rows)
    known.next_incarnation = iter(range(rows + 1, 10**9))
    for key in range(rows):
        a = key if key % 9 else None
        known.events.append(model.Event(key, key + 1, 1, "insert", {"a": a}, {"a": a}, "old", 0, 0))
    return known


class Survivor(Writer):
    """A client whose server dies. What it had under way may have been committed all the same."""

    def _failed(self, name, error):
        if error.pgcode is None or error.pgcode.startswith(("57", "08")):
            self.world.unknown += self.pending
        else:
            super()._failed(name, error)


class SurvivorFleet(Fleet):
    def __init__(self, world, connect, seed):
        super().__init__(world, connect, seed)
        world.unknown = []

    def start(self, *releases):
        for release in releases:
            writer = Survivor(self.world, self.connect, release, f"{self.seed}/{next(self.count)}")
            self.writers.append(writer)
            writer.start()


def forget_lost(world, standing, sure):
    """Takes out of the world's history what the promoted server does not have. `standing`: (key, incarnation) → version there.
    Returns how many acknowledged writes are lost, and problems: those that were acknowledged before `sure` and must be there."""
    unknown = [event for event in world.unknown if event.ended is None]
    for event in unknown:
        event.ended = time.monotonic()
    deleted = {(e.key, e.incarnation) for e in world.events + unknown if e.what == "delete"}
    kept, lost, problems = [], 0, []
    for event, acknowledged in [(e, True) for e in world.events] + [(e, False) for e in unknown]:
        name = (event.key, event.incarnation)
        version = standing.get(name)
        if version is not None and event.version <= version:
            kept.append(event)
        elif version is None and name in deleted:
            # Deleted there, or never made: nothing of it can be checked, and nothing of it stands.
            continue
        elif acknowledged:
            lost += 1
            if event.ended < sure:
                problems.append(f"{event!r} was acknowledged before the standby had everything, and is lost")
    world.events, world.unknown = kept, []
    return lost, problems
