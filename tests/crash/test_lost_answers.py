"""A connection that breaks after a statement was executed and before its answer arrives: nothing is lost or done twice.

A proxy passes everything on until the N-th statement, lets the server execute that one and finish, then closes the
connection to the program in place of the answer. Every N is a run of its own in a new table; without TIDEMARK_CRASH_ALL they are sampled.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

SAMPLE = 10**9 if os.environ.get("TIDEMARK_CRASH_ALL") else 24


class LostAnswers(LiveCase):
    def once(self, lose):
        self.execute("DROP TABLE IF EXISTS items; DROP SCHEMA IF EXISTS tidemark CASCADE; "
                     "CREATE TABLE items (id int PRIMARY KEY, qty int, touched int NOT NULL DEFAULT 0); "
                     "INSERT INTO items SELECT g, nullif(g % 7, 0) FROM generate_series(1, 2000) g; "
                     "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END'; "
                     "CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch()")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", other_triggers="fire", hold="100ms", limits={"lease": "2s"}))
        with Proxy(self.server, lose) as proxy:
            result = self.tidemark("run", path, env={"PGHOST": proxy.host})
            if result.code != 0:  # it may give up before it has begun; the same command continues
                result = self.tidemark("run", path, env={"PGHOST": proxy.host})
        result.ok()
        self.assertEqual(self.tidemark("status", "rename", "--json").ok().json()["state"], "complete")
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM nullif(id % 7, 0)"), 0)
        self.assertEqual(self.value("SELECT max(touched) FROM items"), 1)
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'items'::regclass"), 1)
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'qty'"), 0)
        return proxy

    @limit(2400)
    def test_the_answer_to_any_statement_may_be_lost(self):
        whole = self.once(0)
        self.assertGreater(len(whole.commits), 5)
        points = range(1, whole.statements + 1)
        rest = sorted(set(points) - set(whole.commits))
        chosen = sorted(set(whole.commits[:SAMPLE]) | set(random.Random(8).sample(rest, min(SAMPLE // 2, len(rest)))))
        lost = 0
        for lose in chosen:
            with self.subTest(statement=lose, of=whole.statements):
                lost += self.once(lose).stepped_in
        print(f"{whole.statements} statements, {len(whole.commits)} with COMMIT; {len(chosen)} runs, {lost} answers lost", file=sys.stderr)
        self.assertGreater(lost, len(chosen) // 2)


if __name__ == "__main__":
    main()
