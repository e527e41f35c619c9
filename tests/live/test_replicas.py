"""`ensure` of many replicas of an application at once, and what it costs when there is nothing to do."""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g"
STARTED = ("--", "echo", "started")


def rename(name="rename", table="public.items", **more):
    return plans.rename(table, "qty", "quantity", "integer", name=name, **more)


class ReplicaCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(ITEMS)

    def starts(self, *args):
        """`ensure` that starts its command; its Result."""
        result = self.tidemark("ensure", *args, *STARTED).ok()
        self.assertEqual(result.out, "started\n")
        return result

    def log_after(self, start):
        with open(self.server.log, encoding="utf-8", errors="replace") as log:
            log.seek(start)
            return log.read()


class Once(ReplicaCase):
    settings = {"log_statement": "all", "log_min_messages": "log"}

    @limit(60)
    def test_nothing_to_do_costs_one_select_and_no_lock(self):
        path, other = self.plan(rename()), self.plan(rename("done", "public.done"), "done.toml")
        self.execute("CREATE TABLE done (id int PRIMARY KEY, qty int)")
        self.tidemark("run", path, "--to", "dual_write").ok()
        self.tidemark("run", other).ok()
        with self.connect() as holder:
            holder.autocommit = False
            with holder.cursor() as cursor:
                # Only ACCESS SHARE can still be had: what every SELECT takes.
                cursor.execute("LOCK TABLE tidemark.run, tidemark.phase, tidemark.session, tidemark.journal, tidemark.meta IN EXCLUSIVE MODE;"
                               " LOCK TABLE items, done IN ACCESS EXCLUSIVE MODE; SELECT FROM tidemark.run FOR UPDATE")
                start = os.path.getsize(self.server.log)
                result = self.tidemark("ensure", path, "--to", "dual_write", *STARTED, timeout=10).ok()
                self.assertEqual(result.out, "started\n")
                log = self.log_after(start)
                sent = [line for line in log.splitlines() if re.search(r"\] tidemark\S* LOG:  (statement|execute|parse|bind)", line)]
                self.assertEqual(len(sent), 1, log)
                self.assertRegex(sent[0], r"tidemark/ensure LOG:  execute <unnamed>: -- The one statement")
                self.assertNotRegex(log, r" (WARNING|ERROR|FATAL|PANIC): ")
                start = os.path.getsize(self.server.log)
                self.tidemark("ensure", other, *STARTED, timeout=10).ok()
                self.assertEqual(self.log_after(start).count("LOG:  execute"), 1)
            holder.rollback()

    @limit(60)
    def test_the_statement_trusts_nothing_that_it_finds(self):
        """A schema of another role is refused without using it, and a search_path of the role changes nothing."""
        path = self.plan(rename())
        self.starts(path, "--to", "add_column")
        self.execute("CREATE SCHEMA evil; CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;"
                     " CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;"
                     f" ALTER DATABASE {self.database} SET search_path = evil, pg_catalog")
        self.assertIn("nothing to do", self.starts(path, "--to", "add_column").err)
        self.execute("DROP SCHEMA evil CASCADE; DROP ROLE IF EXISTS mallory; CREATE ROLE mallory; ALTER TABLE tidemark.conflict OWNER TO mallory")
        refused = self.tidemark("ensure", path, "--to", "add_column", *STARTED).expect(4)
        self.assertIn("schema tidemark is not safe to use: tidemark.conflict belongs to role mallory", refused.err)
        self.execute("ALTER TABLE tidemark.conflict OWNER TO postgres; UPDATE tidemark.meta SET version = 99")
        refused = self.tidemark("ensure", path, "--to", "add_column", *STARTED).expect(4)
        self.assertIn("schema tidemark has version 99, this program knows 1", refused.err)


class Together(ReplicaCase):
    settings = {"log_min_messages": "log"}

    @limit(120)
    def test_twenty_replicas_at_once_without_one_error_line(self):
        self.execute("INSERT INTO items SELECT g, g FROM generate_series(1001, 20000) g")
        path = self.plan(rename(switch="manual"))
        # The command of each sees what it was promised.
        check = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'items'::regclass AND NOT tgisinternal"
        start = os.path.getsize(self.server.log)
        together = [self.tidemark.start("ensure", path, "--to", "dual_write", "--", self.server.tool("psql"), "-XAtc", check, env={
            "PGHOST": self.server.socket_dir}) for _ in range(20)]
        for result in [process.wait(90).ok() for process in together]:
            self.assertGreater(int(result.out), 0)
            self.assertNotRegex(result.err, r"(?i)error|warning|fail|lost|terminat")
        again = [self.tidemark.start("ensure", path, *STARTED) for _ in range(20)]
        for result in [process.wait(90).ok() for process in again]:
            self.assertEqual(result.out, "started\n")
            self.assertIn("left as it is: waiting for manual approval", result.err)
            self.assertNotRegex(result.err, r"(?i)error|warning|fail|lost|terminat")
        log = self.log_after(start)
        self.assertNotRegex(log, r" (WARNING|ERROR|FATAL|PANIC): ")
        self.assertNotIn("connection", log)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.run"), 1)
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.journal WHERE event = 'step.done' AND phase = 0"), 1)

    @limit(60)
    def test_the_wanted_phase_is_done_while_another_executor_works_on_a_later_one(self):
        path = self.plan(rename(rate=50))
        with self.tidemark.start("run", path) as process:
            process.wait_for("backfill: phase 3 of 6")
            began = time.monotonic()
            self.assertIn("nothing to do: phase dual_write is done", self.starts(path, "--to", "dual_write").err)
            self.assertLess(time.monotonic() - began, 3)
            self.assertTrue(process.running())
            # And one that waits for a later one is not kept by those that come after it.
            with self.tidemark.start("ensure", path, "--to", "backfill", *STARTED) as waiting:
                waiting.wait_for("waiting until phase backfill is done")
                process.signal(signal.SIGTERM)
                process.wait(20).expect(143)
                # Now it is its own turn.
                waiting.wait_for("backfill: phase 3 of 6")
                waiting.signal(signal.SIGTERM)
                waiting.wait(20).expect(143)


if __name__ == "__main__":
    main()
