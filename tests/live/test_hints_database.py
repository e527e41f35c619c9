"""Hints of errors that a database gives, followed: what is printed is done, and then the trouble is gone.

Which test follows the hint of which row of docs/errors.md is in tests/docs/hints.py.
"""
import os
import re
import signal
import socket
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import hints, plans  # noqa: E402
from harness.server import Standby  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import run  # noqa: E402
from test_answers import ANSWERS, FakeServer  # noqa: E402

ROWS = 2000
TABLE = f"CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, {ROWS}) g;"
NOTHING = {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1"}


class HintCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(TABLE)

    def write(self, name="p", **more):
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", name=name, **more), f"{name}.toml")

    def phases(self, *phases, name="p", head=None, **limits):
        return self.plan(plans.plan(name, "public.items", phases, head=head, **limits), f"{name}.toml")

    def follow(self, result, pattern, **kwargs):
        return hints.follow(self.tidemark, result, pattern, **kwargs)

    def state(self, plan="p"):
        return self.value("SELECT state FROM tidemark.run WHERE plan = %s ORDER BY id DESC LIMIT 1", (plan,))

    def edit(self, path, old, new):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def sweeping(self):
        self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                        and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 0, what="the sweep has begun")


class Unexpected(HintCase):
    def test_history_shows_the_step_that_something_undoes_at_once(self):
        self.execute("CREATE FUNCTION undo() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN"
                     " IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.items'::regclass AND attname = 'extra') THEN"
                     " ALTER TABLE public.items DROP COLUMN extra; END IF; END$$;"
                     "CREATE EVENT TRIGGER undo ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION undo()")
        path = self.phases({"kind": "add_column", "column": "extra", "type": "integer"})
        result = self.tidemark("run", path).expect(1)
        self.assertIn("its probe does not find it done", result.err)
        self.assertIn('ADD COLUMN "extra"', self.follow(result, r"tidemark history p --verbose").ok().out)
        self.execute("DROP EVENT TRIGGER undo")
        self.tidemark("run", path).ok()

    def test_an_index_that_stays_invalid_is_found_in_history(self):
        """Something makes the leftover anew whenever it is dropped."""
        path = self.phases({"kind": "create_index", "name": "items_qty", "columns": "qty"})
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "concurrent.sent#1"})
        self.wait_until(lambda: self.value("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'tidemark/%%'"))
        self.execute("DROP INDEX IF EXISTS items_qty; CREATE INDEX items_qty ON items (qty);"
                     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'items_qty'::regclass;"
                     "CREATE FUNCTION again() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN"
                     " IF to_regclass('public.items_qty') IS NULL THEN CREATE INDEX items_qty ON public.items (qty);"
                     " UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.items_qty'::regclass; END IF; END$$;"
                     "CREATE EVENT TRIGGER again ON sql_drop EXECUTE FUNCTION again()")
        result = self.tidemark("run", path).expect((1, 4))
        self.assertIn("is still incomplete after its cleanup", result.err)
        self.assertIn("items_qty", self.follow(result, r"tidemark history p --verbose").ok().out)
        self.execute("DROP EVENT TRIGGER again")
        self.tidemark("run", path).ok()

    def test_rows_of_the_state_that_are_put_back_are_read_again(self):
        path = self.write(switch="manual")
        self.tidemark("run", path).ok()
        self.execute("CREATE TABLE kept AS TABLE tidemark.phase; DELETE FROM tidemark.phase WHERE ordinal = 5")
        result = self.tidemark("run", path).expect(1)
        self.assertIn("phases, and the plan has", result.err)
        self.assertIn("restore", " ".join(hints.lines(result)))
        self.execute("DELETE FROM tidemark.phase; INSERT INTO tidemark.phase TABLE kept")
        self.tidemark("run", path).ok()

    def test_steps_that_cannot_be_read_are_read_when_they_are_put_back(self):
        path = self.write(switch="manual", drop_column="manual")
        self.tidemark("run", path).ok()
        self.execute("CREATE TABLE kept AS TABLE tidemark.journal; UPDATE tidemark.journal SET detail = '[{\"name\": 5}]' WHERE event = 'phase.compiled'")
        result = self.tidemark("rollback", "p", "--yes").expect(1)
        self.assertRegex(result.err, "cannot be read|missing or of the wrong type")
        self.assertIn("another version of tidemark, or changed by hand", " ".join(hints.lines(result)))
        self.execute("UPDATE tidemark.journal j SET detail = k.detail FROM kept k WHERE k.seq = j.seq")
        self.tidemark("rollback", "p", "--yes").ok()

    def test_what_could_not_be_written_to_a_full_disk_is_written_elsewhere(self):
        result = self.tidemark.start("status")
        result.wait()
        import subprocess
        from harness.tidemark import binary
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([binary(), "help"], stdout=full, stderr=subprocess.PIPE, text=True, env=self.tidemark.environment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to standard output", done.stderr)
        self.tidemark("help").ok()


class Refused(HintCase):
    """Exit status 4: a precondition."""

    def test_the_line_of_the_hint_says_what_other_triggers_do(self):
        self.execute("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                     "CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch()")
        for said in ("fire", "skip"):
            path = self.write(name=said)
            line = hints.find(self.tidemark("run", path).expect(4), rf'other_triggers = "{said}"')
            self.edit(path, 'kind = "backfill"', f'kind = "backfill"\n{line}')
            self.tidemark("run", path).ok()
            self.execute("ALTER TABLE items RENAME quantity TO qty")

    @limit(90)
    def test_the_grant_of_the_hint_lets_the_sweep_continue(self):
        if self.server.major < 15:
            self.skipTest("there is no such right before PostgreSQL 15")
        self.execute("DROP ROLE IF EXISTS mover; CREATE ROLE mover LOGIN; ALTER TABLE items OWNER TO mover;"
                     f"GRANT CREATE, TEMPORARY ON DATABASE {self.database} TO mover; GRANT CREATE ON SCHEMA public TO mover;"
                     "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                     "CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();"
                     "GRANT SET ON PARAMETER session_replication_role TO mover")
        self.addCleanup(self.server.sql, "DROP ROLE IF EXISTS mover")
        self.addCleanup(self._drop)
        self.addCleanup(self.execute, "REVOKE SET ON PARAMETER session_replication_role FROM mover")
        env = {"PGUSER": "mover"}
        path = self.write(other_triggers="skip")
        self.tidemark("run", path, "--to", "dual_write", env=env).ok()
        self.execute("REVOKE SET ON PARAMETER session_replication_role FROM mover")
        result = self.tidemark("run", path, env=env).expect(4)
        grant = hints.find(result, r"GRANT SET ON PARAMETER session_replication_role TO \S+")
        self.execute(grant)
        self.tidemark("run", path, env=env).ok()

    def test_table_and_column_that_the_hint_names_exist(self):
        result = self.tidemark("run", self.phases({"kind": "set_not_null", "column": "qty"}).replace("", "")).ok()
        path = self.plan(plans.rename("public.itms", "qty", "quantity", "integer", name="q"), "q.toml")
        near = hints.find(self.tidemark("run", path).expect(4), r"did you mean ([^?]*)\?")
        self.edit(path, '"public.itms"', plans.toml(near))
        self.tidemark("run", path, "--to", "add_column").ok()
        self.tidemark("rollback", path, "--yes").ok()
        path = self.plan(plans.rename("public.items", "qyt", "quantity", "integer", name="r"), "r.toml")
        near = hints.find(self.tidemark("run", path).expect((3, 4)), r'did you mean "?(\w+)"?\?')
        self.edit(path, "qyt", near)
        self.tidemark("run", path).ok()
        self.assertIsNotNone(result)

    def test_what_somebody_else_made_is_removed_or_the_phase_left_out(self):
        index = {"kind": "create_index", "name": "items_qty", "columns": "qty"}
        path = self.phases(index)
        self.execute("CREATE INDEX items_qty ON items (qty)")
        self.assertIn('"items_qty" exists already', self.tidemark("run", path).expect(4).err)
        self.execute("DROP INDEX items_qty")
        # It comes between the look at the catalog and the step.
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "phase.compiled#1"}).expect(-9)
        self.execute("CREATE INDEX items_qty ON items (qty)")
        result = self.tidemark("run", path).expect(4)
        self.assertIn("it already exists and was not created by this run", result.err)
        self.assertIn("remove what it created", " ".join(hints.lines(result)))
        self.execute("DROP INDEX items_qty")
        self.tidemark("run", path).ok()
        self.assertEqual(self.state(), "complete")

    def test_an_invalid_index_of_somebody_else_is_dropped_and_the_run_continues(self):
        path = self.phases({"kind": "create_index", "name": "items_qty", "columns": "qty"})
        self.tidemark("run", path, env={"TIDEMARK_CRASH_AT": "phase.compiled#1"}).expect(-9)
        self.execute("CREATE INDEX items_qty ON items (qty); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'items_qty'::regclass")
        result = self.tidemark("run", path).expect(4)
        self.assertIn("an incomplete object exists that this run did not create", result.err)
        self.assertIn("drop it and run again", " ".join(hints.lines(result)))
        self.assertEqual(self.value("SELECT count(*) FROM pg_class WHERE relname = 'items_qty'"), 1)
        self.execute("DROP INDEX items_qty")
        self.tidemark("run", path).ok()

    @limit(90)
    def test_a_trigger_that_was_dropped_is_made_again_from_history(self):
        path = self.write(rate=1000)
        self.tidemark("run", path, "--to", "dual_write").ok()
        process = self.tidemark.start("run", path)
        self.sweeping()
        name = self.value("SELECT tgname FROM pg_trigger WHERE tgrelid = 'items'::regclass AND tgname LIKE '~~~~tidemark%%'")
        self.execute(f"DROP TRIGGER {plans.ident(name)} ON items")
        result = process.wait(30).expect(4)
        self.assertIn("disabled, changed or gone", result.err)
        self.execute("UPDATE items SET qty = -7 WHERE id = 1")
        shown = self.follow(result, r"tidemark history p --verbose").ok().out
        create = re.search(r"CREATE TRIGGER " + re.escape(plans.ident(name)) + r"[^;]*;", shown)
        enable = re.search(r"ALTER TABLE [^;]* ENABLE ALWAYS TRIGGER " + re.escape(plans.ident(name)), shown)
        self.assertTrue(create and enable, shown)
        self.execute(create.group(0) + enable.group(0))
        self.follow(result, r"tidemark rollback p --to dual_write").ok()
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT quantity FROM items WHERE id = 1"), -7)

    def test_the_query_of_the_hint_shows_the_row_that_fails(self):
        for name, order, place in (("byblock", None, r"look at it: (SELECT .*?);"), ("bykey", "keyset", r"look at it: (SELECT .*?);")):
            self.execute("UPDATE items SET qty = 0 WHERE id = 1234")
            path = self.phases({"kind": "backfill", "set": {"qty": "10 / qty + 1000"}, "where": "qty < 1000", "order": order}, name=name)
            self.execute("UPDATE items SET qty = 5 WHERE id <> 1234")
            result = self.tidemark("run", path).expect(4)
            seen = self.rows(hints.find(result, place))
            self.assertIn((1234, 0), seen, result)
            self.execute("UPDATE items SET qty = 7 WHERE id = 1234")
            self.tidemark("run", path).ok()

    def test_a_sweep_by_blocks_of_what_is_no_heap_goes_without_the_order(self):
        self.execute("CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE alike (LIKE items INCLUDING ALL) USING other;"
                     "INSERT INTO alike TABLE items; DROP TABLE items; ALTER TABLE alike RENAME TO items")
        path = self.phases({"kind": "backfill", "set": {"qty": "1"}, "order": "heap"})
        result = self.tidemark("run", path).expect((3, 4))
        self.assertIn("cannot be scanned by block", result.err)
        self.assertIn("order", " ".join(hints.lines(result)))
        self.edit(path, 'order = "heap"\n', "")
        self.tidemark("run", path).ok()

    def test_a_base_type_is_added_where_a_domain_would_rewrite_the_table(self):
        self.execute("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
        path = self.phases({"kind": "add_column", "column": "more", "type": "public.positive"})
        result = self.tidemark("run", path).expect((3, 4))
        self.assertIn("rewrite", result.err)
        self.assertIn("the type below the domain", " ".join(hints.lines(result)))
        base = self.value("SELECT format_type(typbasetype, typtypmod) FROM pg_type WHERE typname = 'positive'")
        self.edit(path, '"public.positive"', f'"{base}"')
        self.tidemark("run", path).ok()

    def test_a_required_plan_is_seen_in_status_and_completed_first(self):
        first = self.phases(dict(NOTHING, gate="manual"), name="first")
        path = self.phases(NOTHING, head={"requires": "first"})
        self.tidemark("run", first).ok()
        result = self.tidemark("run", path).expect(4)
        self.assertIn("requires 'first', which is not complete", result.err)
        shown = self.follow(result, r"tidemark status first").ok().out
        self.tidemark(*re.search(r"tidemark (advance first)", shown).group(1).split()).ok()
        self.tidemark("run", path).ok()

    def test_a_plan_that_was_rolled_back_runs_with_the_command_of_the_hint(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", name="p"), "with blank.toml")
        self.tidemark("run", path, "--to", "backfill").ok()
        self.tidemark("rollback", "p", "--yes").ok()
        for verb, given in (("run", path), ("advance", "p"), ("run", "p")):
            result = self.tidemark(verb, given).expect(4)
            self.assertIn("was rolled back", result.err)
        self.follow(result, r"tidemark run \S+ --again").ok()
        self.assertEqual(self.state(), "complete")

    def test_a_rollback_under_way_is_finished_by_the_command_of_the_hint(self):
        path = self.write(switch="manual")
        self.tidemark("run", path).ok()
        self.tidemark("rollback", "p", "--yes", env={"TIDEMARK_CRASH_AT": "step.before_act#2"}).expect(-9)
        for verb in ("run", "advance"):
            result = self.tidemark(verb, "p").expect(4)
            self.assertIn("a rollback of 'p' is under way", result.err)
        self.follow(result, r"finish it: (tidemark rollback p)").ok()
        self.assertEqual(self.state(), "rolled_back")

    def test_behind_the_point_of_no_return_a_new_plan_goes_on(self):
        self.tidemark("run", self.write()).ok()
        result = self.tidemark("rollback", "p", "--yes").expect(4)
        self.assertIn("write a new plan", " ".join(hints.lines(result)))
        self.tidemark("run", self.plan(plans.rename("public.items", "quantity", "qty", "integer", name="q"), "q.toml")).ok()

    def test_what_is_lost_is_accepted_by_the_option_of_the_hint(self):
        self.tidemark("run", self.phases({"kind": "add_column", "column": "more", "type": "integer"}, dict(NOTHING, gate="manual"))).ok()
        self.execute("UPDATE items SET more = 1")
        result = self.tidemark("rollback", "p").expect(4)
        self.assertIn("the rollback loses", result.err)
        self.tidemark("rollback", "p", hints.find(result, r"(--yes) accepts")).ok()

    @limit(90)
    def test_a_gate_that_is_not_there_is_left_by_run(self):
        path = self.write()
        self.tidemark("run", path, "--to", "dual_write").ok()
        result = self.tidemark("advance", "p").expect(4)
        self.assertIn("has no gate that needs manual approval", result.err)
        self.follow(result, r"tidemark run p").ok()
        path = self.phases({"kind": "backfill", "set": {"quantity": "0"}, "max_rows_per_second": 500}, name="q")
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment s JOIN tidemark.run r ON r.id = s.run WHERE plan = 'q'") > 0)
        result = self.tidemark("advance", "q").expect(4)
        self.assertIn("there is no gate to open", result.err)
        self.assertIn("q", self.follow(result, r"tidemark status q").ok().out)
        process.signal(signal.SIGINT)
        process.wait(20).expect(130)
        self.tidemark("run", "q", "--budget", "500ms")

    def test_the_rest_of_a_hold_is_waived_by_the_command_of_the_hint(self):
        path = self.write(hold="7d")
        self.tidemark("run", path).ok()
        result = self.tidemark("advance", "p").expect(4)
        self.assertIn("waits for its hold to end", result.err)
        self.follow(result, r"tidemark advance p --now --reason WHY").ok()
        self.assertEqual(self.state(), "complete")

    def test_a_query_of_a_gate_opens_it_when_it_gives_one_boolean(self):
        path = self.phases(dict(NOTHING, gate={"sql": "SELECT open FROM public.doors"}))
        self.assertIn("gate", self.tidemark("run", path).expect((3, 4)).err)
        self.execute("CREATE TABLE doors (open boolean); INSERT INTO doors VALUES (true), (true)")
        self.assertIn("the gate's SQL condition", self.tidemark("run", path).expect(4).err)
        self.execute("TRUNCATE doors; INSERT INTO doors VALUES (true)")
        self.tidemark("run", path).ok()

    def test_a_run_is_started_by_its_file_and_then_found_by_name(self):
        path = self.write(switch="manual")
        for args in (("advance", path), ("run", "p"), ("status", "p"), ("pause", "p"), ("rollback", "p")):
            result = self.tidemark(*args).expect((0, 4))
            self.assertRegex(result.err + result.out, "has not been started|no run of a plan|never|no run|has no run")
        self.tidemark("run", path).ok()
        result = self.tidemark("run", "pp").expect(4)
        self.assertTrue(hints.lines(result))
        self.tidemark("run", "p").ok()
        self.assertIn("p ", self.tidemark("status").ok().out)

    def test_a_pause_of_what_does_not_run_leads_to_status(self):
        self.tidemark("run", self.phases(NOTHING)).ok()
        for verb in ("pause", "resume"):
            result = self.tidemark(verb, "p").expect(4)
            self.assertIn(f"could be {verb}d", result.err)
            self.assertIn("complete", self.follow(result, r"tidemark status(?: p)?").ok().out)

    def test_a_copy_of_the_database_is_adopted_or_starts_anew_as_the_page_says(self):
        self.tidemark("run", self.write(switch="manual")).ok()
        copy = f"{self.database}_copy"
        self._conn.close()
        self.server.sql(f"CREATE DATABASE {copy} TEMPLATE {self.database}")
        self.addCleanup(self.server.drop_database, copy)
        env = {"PGDATABASE": copy}
        path = os.path.join(self.directory, "p.toml")
        result = self.tidemark("run", path, env=env).expect(4)
        self.assertIn("belongs to another database of this cluster", result.err)
        self.assertIn("adopted", self.follow(result, r"tidemark adopt p", env=env).ok().out)
        self.tidemark("run", path, env=env).ok()
        with self.server.connect(copy) as conn:
            run(conn, "DROP SCHEMA tidemark CASCADE")
            run(conn, "ALTER TABLE items DROP COLUMN quantity")
        self.tidemark("run", path, env=env).ok()

    def test_what_a_run_left_whose_table_is_gone_is_removed_as_the_page_says(self):
        path = self.write(switch="manual")
        for make in ("DROP TABLE items", "DROP TABLE items; " + TABLE, "DROP TABLE items; CREATE VIEW items AS SELECT 1 AS id"):
            self.tidemark("run", path).ok()
            self.execute(make)
            result = self.tidemark("run", "p").expect(4)
            self.assertRegex(result.err, "was dropped|is not the one that the run")
            self.assertIn('"A restored copy"', " ".join(hints.lines(result)))
            self.execute("DROP SCHEMA tidemark CASCADE; DROP " + ("VIEW" if "VIEW" in make else "TABLE") + " IF EXISTS items; " + TABLE)
            self.tidemark("run", path, "--to", "add_column").ok()
            self.tidemark("rollback", "p", "--yes").ok()
            self.execute("DROP SCHEMA tidemark CASCADE")

    def test_the_state_of_a_newer_program_is_read_by_that_one(self):
        path = self.write(switch="manual")
        self.tidemark("run", path).ok()
        version = self.value("SELECT version FROM tidemark.meta")
        self.execute("UPDATE tidemark.meta SET version = 99")
        result = self.tidemark("run", path).expect(4)
        self.assertIn("has version 99, this program knows", result.err)
        self.assertIn("use that version", " ".join(hints.lines(result)))
        self.execute("UPDATE tidemark.meta SET version = %s", (version,))
        self.tidemark("run", path).ok()

    def test_a_duplicate_is_removed_before_the_index_is_built(self):
        self.execute("UPDATE items SET qty = 5 WHERE id = 6")
        path = self.phases({"kind": "create_index", "name": "u", "columns": "qty", "unique": True})
        result = self.tidemark("run", path).expect(4)
        value = re.search(r"\(qty\)=\((\d+)\)", result.err).group(1)
        self.execute("DELETE FROM items WHERE ctid = (SELECT max(ctid) FROM items WHERE qty = %s)", (value,))
        self.tidemark("run", path).ok()


class Rights(HintCase):
    def setUp(self):
        super().setUp()
        self.execute("DROP ROLE IF EXISTS \"Poor One\"; CREATE ROLE \"Poor One\" LOGIN; REVOKE TEMPORARY ON DATABASE " + self.database + " FROM PUBLIC")
        self.addCleanup(self.server.sql, 'DROP ROLE IF EXISTS "Poor One"')
        self.addCleanup(self._drop)
        self.env = {"PGUSER": "Poor One"}

    def test_the_grants_that_lint_prints_are_all_that_is_needed(self):
        path = self.write()
        self.tidemark("run", path, env=self.env).expect(4)
        for _ in range(6):
            result = self.tidemark("lint", "--db", path, env=self.env)
            statements = re.findall(r"((?:GRANT|ALTER) [A-Z][^;\n\[]*?(?: TO )\"Poor One\")", result.out)
            if result.code == 0:
                break
            self.assertTrue(statements, result)
            for statement in statements:
                self.execute(statement)
        result = self.tidemark("run", path, env=self.env).ok()

    def test_the_statement_for_the_schema_is_the_one_that_is_missing(self):
        self.execute("ALTER TABLE items OWNER TO \"Poor One\"; GRANT ALL ON SCHEMA public TO \"Poor One\"; GRANT TEMPORARY ON DATABASE "
                     + self.database + " TO \"Poor One\"")
        path = self.phases(NOTHING)
        for number, pattern in enumerate((r"GRANT CREATE ON DATABASE \S+ TO \"Poor One\"", r"CREATE SCHEMA tidemark AUTHORIZATION \"Poor One\"")):
            self.execute(f"REVOKE CREATE ON DATABASE {self.database} FROM \"Poor One\"; DROP SCHEMA IF EXISTS tidemark CASCADE")
            refused = self.tidemark("run", path, env=self.env).expect(4)
            self.execute(hints.find(refused, pattern))
            self.tidemark("run", path, env=self.env).ok()
            self.assertEqual(self.state(), "complete", number)


@unittest.skipUnless(Standby.possible(), "no pg_basebackup for this major")
class OnAStandby(HintCase):
    @limit(90)
    def test_with_the_setting_of_the_hint_the_primary_is_found(self):
        standby = Standby(self.server, "east")
        self.addCleanup(standby.close)
        hosts = {"PGHOST": f"{standby.socket_dir},{self.server.socket_dir}", "PGPORT": f"{standby.port},{self.server.port}"}
        path = self.write()
        result = self.tidemark("run", path, env=hosts).expect(4)
        self.assertIn("this server is a hot standby", result.err)
        value = hints.find(result, r"target_session_attrs=([\w-]+)")
        self.tidemark("run", path, env=dict(hosts, PGTARGETSESSIONATTRS=value)).ok()


class Between(threading.Thread):
    """A proxy that says another process id than the server, as a pooler does."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.socket = target, socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(5)
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    @staticmethod
    def pump(source, sink, changes):
        try:
            while data := source.recv(65536):
                key = data.find(b"K\0\0\0\x0c") if changes else -1
                if key >= 0:
                    data = data[:key + 5] + struct.pack("!I", 1) + data[key + 9:]
                    changes = False
                sink.sendall(data)
        except OSError:
            pass
        sink.close()


class Connections(HintCase):
    def test_directly_it_works_where_a_pooler_is_refused(self):
        between = Between(os.path.join(self.server.socket_dir, f".s.PGSQL.{self.server.port}"))
        between.start()
        self.addCleanup(between.socket.close)
        path = self.write()
        result = self.tidemark("run", path, env={"PGHOST": "127.0.0.1", "PGPORT": str(between.port), "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}).expect(4)
        self.assertIn("pooler", result.err)
        self.assertIn("connect to PostgreSQL directly", " ".join(hints.lines(result)))
        self.tidemark("run", path).ok()

    def fake(self, text, **more):
        fake = FakeServer(text, **more)
        self.addCleanup(fake.close)
        return f"postgresql://u@127.0.0.1:{fake.port}/d?sslmode=disable&gssencmode=disable"

    def test_directly_it_works_where_the_answer_could_not_be_read(self):
        result = self.tidemark("status", "--url", self.fake(ANSWERS["no columns"])).expect(1)
        self.assertIn("the server's answer cannot be read", result.err)
        self.assertIn("Connect to it directly and run again", " ".join(hints.lines(result)))
        self.tidemark("status").ok()

    def test_a_server_of_the_version_that_is_needed_is_accepted(self):
        result = self.tidemark("status", "--url", self.fake(ANSWERS["truth"], version="13.4")).expect(4)
        self.assertIn("the server is PostgreSQL 13", result.err)
        least = int(hints.find(result, r"tidemark needs PostgreSQL (\d+) or newer"))
        self.assertGreaterEqual(self.server.major, least)
        self.tidemark("status").ok()

    @limit(90)
    def test_a_lost_connection_is_followed_by_another_run(self):
        path = self.write(switch="manual")
        self.tidemark("run", path).ok()
        self.execute("ALTER TABLE items ADD COLUMN filler text DEFAULT 'x'")
        holder = self.connect(autocommit=False)
        run(holder, "LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        process = self.tidemark.start("verify", "p")
        self.wait_until(lambda: self.value("SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE application_name LIKE 'tidemark%%'"
                                           " AND wait_event_type = 'Lock'"))
        result = process.wait(30).expect(6)
        self.assertRegex(result.err, "connection lost|connection to the server was lost|terminating connection")
        self.assertTrue(hints.lines(result))
        holder.rollback()
        holder.close()
        self.tidemark("verify", "p").ok()

    def test_wait_waits_until_the_database_answers(self):
        self._conn.close()
        self.server.stop()
        result = self.tidemark("status").expect(6)
        self.assertTrue(hints.lines(result))
        late = self.tidemark("wait", "--timeout", "300ms").expect(6)
        self.assertIn("no answer within", late.err)
        self.assertIn(self.server.socket_dir, self.follow(late, r"tidemark config").ok().out)
        waiting = self.tidemark.start("wait", "--timeout", "30s")
        self.server.start()
        waiting.wait(30).ok()
        self.tidemark("status").ok()


class Busy(HintCase):
    """Exit statuses 7 and 8, and what is no failure."""

    @limit(90)
    def test_whoever_holds_the_table_is_found_by_locks_and_ended(self):
        path = self.write(limits={"lock_attempts": 2, "lock_timeout": "50ms"})
        holder = self.connect(application_name="stubborn", autocommit=False)
        run(holder, "LOCK TABLE items IN SHARE MODE")
        result = self.tidemark("run", path, timeout=50).expect(7)
        self.assertIn("stubborn", " ".join(hints.lines(result)) + result.err)
        shown = self.tidemark("locks", path).ok().out
        self.assertIn("stubborn", shown)
        self.execute("SELECT pg_terminate_backend(%s)", (int(re.search(r"\b(\d+)\b", shown[:shown.index("stubborn")].splitlines()[-1]).group(1)),))
        self.tidemark("run", path).ok()

    @limit(90)
    def test_a_transaction_that_holds_the_table_is_ended_as_the_hint_says(self):
        path = self.phases({"kind": "backfill", "set": {"qty": "1"}, "vacuum": True}, lock_attempts=2, lock_timeout="50ms")
        holder = self.connect(autocommit=False)
        run(holder, "LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE")
        result = self.tidemark("run", path, timeout=60).expect(7)
        self.assertIn("end that transaction", " ".join(hints.lines(result)))
        holder.rollback()
        holder.close()
        self.tidemark("run", path).ok()

    @limit(90)
    def test_a_vacuum_that_had_to_give_way_gets_through_at_a_quieter_hour(self):
        self.execute("ALTER TABLE items ADD note text; INSERT INTO items (id, note) SELECT g, repeat('n', 100) FROM generate_series(10001, 30000) g")
        path = self.phases({"kind": "backfill", "set": {"qty": "1"}, "vacuum": True}, lock_attempts=1, vacuum_cost_limit=1)
        process = self.tidemark.start("run", path)
        self.wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_progress_vacuum WHERE datname = current_database()"))
        self.execute("ALTER TABLE items ADD other integer")
        result = process.wait(60).expect(7)
        self.assertIn("had to yield", result.err)
        self.assertIn("run again when the load is lower", " ".join(hints.lines(result)))
        self.tidemark("run", path).ok()
        self.assertEqual(self.state(), "complete")

    @limit(90)
    def test_the_executor_at_work_is_watched_or_waited_for(self):
        path = self.write(rate=700)
        process = self.tidemark.start("run", path)
        self.sweeping()
        result = self.tidemark("run", path).expect(8)
        self.assertIn("another executor works on 'p'", result.err)
        waits = hints.find(result, r"(--if-locked wait)")
        second = self.tidemark.start("run", path, *waits.split())
        self.follow(result, r"`(tidemark status p --watch)`", timeout=60).ok()
        process.wait(30).ok()
        second.wait(30).ok()
        self.assertEqual(self.state(), "complete")

    @limit(90)
    def test_one_that_was_replaced_has_nothing_left_to_do(self):
        path = self.write(rate=700, limits={"lease": "1s"})
        process = self.tidemark.start("run", path)
        self.sweeping()
        process.signal(signal.SIGSTOP)
        second = self.tidemark.start("run", path, "--if-locked", "wait")
        self.wait_until(lambda: self.value("SELECT max(fence) FROM tidemark.run") > 1, what="the lease is taken over")
        process.signal(signal.SIGCONT)
        result = process.wait(30).expect((6, 8))
        self.assertRegex(result.err, "taken over the lease|works on 'p'|another executor")
        second.wait(60).ok()
        self.assertEqual(self.state(), "complete")

    @limit(90)
    def test_each_way_to_stop_prints_the_command_that_goes_on(self):
        def following(result, code):
            return re.search(r"^next: tidemark (.*)$", result.expect(code).out, re.M).group(1).split()
        path = self.write(name="p", rate=3000, switch="manual", drop_column={"after": "3h"})
        args = following(self.tidemark("run", path, "--to", "dual_write", "--exit-code"), 10)
        args = following(self.tidemark(*args, "--budget", "100ms", "--exit-code"), 13)
        self.tidemark("pause", "p").ok()
        args = following(self.tidemark(*args, "--exit-code"), 12)
        self.tidemark(*args).ok()
        process = self.tidemark.start("run", "p")
        self.sweeping()
        process.signal(signal.SIGINT)
        interrupted = process.wait(20)
        args = following(interrupted, 130) if interrupted.code else ["run", "p"]
        args = following(self.tidemark(*args, "--exit-code"), 11)
        self.assertEqual(args, ["advance", "p"])
        result = self.tidemark(*args, "--exit-code")
        self.assertEqual(result.code, 11, result)
        self.tidemark("advance", "p", "--now", "--reason", "WHY").ok()
        self.assertEqual(self.state(), "complete")


if __name__ == "__main__":
    main()
