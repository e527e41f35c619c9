"""A run in a restored copy: `tidemark adopt` checks what the run has made, by definition, and takes it over; then it continues, or
is rolled back."""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import fingerprint, plans  # noqa: E402
from harness.server import SCRIPTS, Server  # noqa: E402
from harness.testcase import LiveCase, limit, main, next_number  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402

ROWS = 3000
# TIDEMARK_CRASH_ALL=1 tries every place and every point; else some of them, others each time.
ALL = bool(os.environ.get("TIDEMARK_CRASH_ALL"))
STRIDE = 1 if ALL else 4


class Copy:
    """The database that a dump was restored into."""

    def __init__(self, case, server, database):
        self.server, self.database = server, database
        self.tidemark = Tidemark(server.environment(database), cwd=case.directory)
        case.addCleanup(server.drop_database, database)
        case.addCleanup(self.tidemark.kill_all)

    def execute(self, text):
        self.server.sql(text, database=self.database)

    def rows(self, text):
        return self.server.sql(text, database=self.database)

    def value(self, text):
        return self.rows(text)[0][0]

    def fingerprint(self):
        return fingerprint.take(self.server, self.database)

    def state(self):
        """Everything that adopt could have changed."""
        return [self.rows(f"SELECT * FROM tidemark.{table} ORDER BY 1, 2") for table in ("run", "phase", "journal", "segment")]


class AdoptCase(LiveCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Server()

    @classmethod
    def tearDownClass(cls):
        cls.second.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 3, note text);"
                     f"INSERT INTO t SELECT g, g, 'x' FROM generate_series(1, {ROWS}) g")
        self.before = self.fingerprint()

    def write(self, **more):
        more.setdefault("switch", "manual")
        more.setdefault("drop_column", "manual")
        more.setdefault("hold", "1h")
        return self.plan(plans.rename("public.t", "a", "b", "integer", name="p", **more))

    def clone(self):
        """By template: the same OIDs, and the same names of files."""
        name = f"clone{next_number()}"
        if self._conn is not None:
            self._conn.close()
        self.server.sql(f'CREATE DATABASE "{name}" TEMPLATE "{self.database}"')
        return Copy(self, self.server, name)

    def dumps(self):
        return fingerprint.dump_program(self.server) is not None

    def restore(self, where="database", form="custom"):
        """pg_dump, restored into another database of this cluster or into another cluster: `where` is "database", "cluster" or a server."""
        program = fingerprint.dump_program(self.server)
        if program is None:
            self.skipTest("no pg_dump that can read this server")
        server = {"database": self.server, "cluster": self.second}.get(where, where)
        copy = Copy(self, server, server.create_database(f"copy{next_number()}"))
        file = os.path.join(self.directory, "dump")
        subprocess.run([program, f"--format={form}", "-f", file, self.database], env=self.server.environment(self.database),
                       check=True, timeout=60)
        restore = [os.path.join(os.path.dirname(program), "pg_restore"), "-e", "-d", copy.database, file] if form == "custom" \
            else [os.path.join(os.path.dirname(program), "psql"), "-Xqv", "ON_ERROR_STOP=1", "-d", copy.database, "-f", file]
        subprocess.run(restore, env=server.environment(copy.database), check=True, timeout=60, stdout=subprocess.DEVNULL)
        return copy


class Stages(AdoptCase):
    def reach(self, stage):
        """Brings the original to the stage; its plan."""
        path = self.write(rate=1500) if stage == "sweep" else self.write()
        if stage == "window":
            self.tidemark("run", path, "--to", "dual_write").ok()
        elif stage == "sweep":
            with self.tidemark.start("run", path) as process:
                self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                                and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300, what="the sweep has begun")
                process.kill()
            self.assertLess(self.value("SELECT count(b) FROM t"), ROWS)
        else:
            self.tidemark("run", path).ok()
        if stage in ("switch", "hold"):
            self.tidemark("advance", "p").ok()
        if stage == "hold":
            self.tidemark("advance", "p").ok()
        return path

    def write_to(self, copy, stage):
        """The application, between restore and adopt."""
        if stage == "hold":
            copy.execute("UPDATE t SET b = -1 WHERE id = 1; INSERT INTO t (id, b) VALUES (10001, 7)")
        else:
            copy.execute("UPDATE t SET a = -1 WHERE id = 1; INSERT INTO t (id, a) VALUES (10001, 7)")
        if stage == "switch":
            copy.execute("UPDATE t SET b = -2 WHERE id = 2")

    def agree(self, copy, stage, old="a"):
        expected = [(1, -1), (10001, 7)] + ([(2, -2)] if stage == "switch" else [])
        for key, value in expected:
            self.assertEqual(copy.value(f"SELECT {old} FROM t WHERE id = {key}"), value)

    def finish(self, copy):
        """To the end, whatever gates there are."""
        copy.tidemark("run", "p").ok()
        for _ in range(3):
            if copy.value("SELECT state FROM tidemark.run") != "complete":
                copy.tidemark("advance", "p", "--now", "--reason", "tested").ok()
        self.assertEqual(copy.value("SELECT state FROM tidemark.run"), "complete")
        self.assertEqual(copy.value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass "
                                    "AND attnum > 0 AND NOT attisdropped"), "id note b")
        self.assertEqual(copy.value(f"SELECT count(*) FROM t WHERE id <= {ROWS} AND b IS DISTINCT FROM "
                                    "CASE WHEN b < 0 THEN b ELSE id END"), 0)

    def refused(self, copy, stage):
        for verb in (["run"], ["rollback", "--yes"], ["advance"]):
            result = copy.tidemark(verb[0], "p", *verb[1:]).expect(4)
            self.assertIn("belongs to another database", result.err)
            self.assertIn("tidemark adopt p", result.err)
        self.assertIn("tidemark adopt p", copy.tidemark("status", "p").ok().out)
        self.assertEqual(copy.tidemark.json("status", "p")["next"], "tidemark adopt p")
        self.assertIn("tidemark adopt p", copy.tidemark("history", "p").ok().err)

    def forward_and_back(self, stage):
        self.reach(stage)
        places = [("clone", None)] + ([("database", "plain"), ("cluster", "custom")] if self.dumps() else [])
        ways = [(place, way) for place in places for way in ("forward", "back")]
        if not ALL:
            ways = [(random.choice(places), "forward"), (places[-1], "back")]
        for (where, form), way in ways:
            with self.subTest(where=where, way=way):
                copy = self.clone() if form is None else self.restore(where, form)
                self.refused(copy, stage)
                self.write_to(copy, stage)
                result = copy.tidemark("adopt", "p").ok()
                self.assertIn("adopted", result.out)
                self.assertEqual(copy.value("SELECT count(*) FROM tidemark.segment"), 0)
                if way == "forward":
                    self.finish(copy)
                    self.agree(copy, stage, old="b")
                else:
                    copy.tidemark("rollback", "p", "--yes").ok()
                    self.agree(copy, stage)
                    fingerprint.assert_same(self.before, copy.fingerprint())
        return copy

    @limit(180)
    def test_before_the_sweep(self):
        self.forward_and_back("window")

    @limit(180)
    def test_in_the_middle_of_the_sweep_every_row_is_filled(self):
        self.forward_and_back("sweep")

    @limit(180)
    def test_after_the_verification(self):
        self.forward_and_back("verify")

    @limit(180)
    def test_after_the_switch(self):
        self.forward_and_back("switch")

    @limit(180)
    def test_in_the_hold(self):
        self.forward_and_back("hold")


class Checkpoints(AdoptCase):
    def test_checkpoints_of_another_table_skip_no_row(self):
        """Worst of all: the same OIDs and the same files, and checkpoints that say that all is done."""
        path = self.write(rate=1500)
        with self.tidemark.start("run", path) as process:
            self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                            and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300, what="the sweep has begun")
            process.kill()
        copy = self.clone()
        filled = copy.value("SELECT count(b) FROM t")
        copy.execute("UPDATE tidemark.segment SET next = stop, done = true")
        self.assertLess(filled, ROWS)
        copy.tidemark("adopt", "p").ok()
        copy.tidemark("run", "p").ok()
        self.assertEqual(copy.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM b"), 0)
        # What was filled is only read.
        done = copy.value("SELECT detail FROM tidemark.history WHERE event = 'step.done' AND step = 'fill'")
        self.assertEqual(done["rows_changed"], ROWS - filled)


class Hurt(AdoptCase):
    def differs(self, copy, hurt, *said, heal=None):
        with self.subTest(hurt=hurt):
            copy.execute(hurt)
            before = copy.state(), copy.fingerprint()
            result = copy.tidemark("adopt", "p").expect(4)
            for text in said:
                self.assertIn(text, result.out)
            self.assertIn("nothing was changed", result.err)
            told = copy.tidemark("adopt", "p", "--json").expect(4).json()
            self.assertFalse(told["adopted"])
            self.assertEqual(told["error"]["code"], "precondition")
            self.assertTrue(all(d["fix"] and d["kind"] in d["message"] for d in told["differences"]), told)
            self.assertEqual((copy.state(), copy.fingerprint()), before)
            if heal is not None:
                copy.execute(heal)
            return told["differences"]


class Differences(Hurt):
    """Each is named with what to do, and nothing is changed."""

    def names(self, copy):
        return (copy.value("SELECT tgname FROM pg_trigger WHERE tgname ~ 'tidemark' AND tgrelid = 't'::regclass ORDER BY tgname LIMIT 1"),
                copy.value("SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype AND pronamespace = 'tidemark'::regnamespace ORDER BY proname LIMIT 1"))

    def test_while_the_column_is_mirrored_and_verified(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        trigger, function = self.names(copy)
        proof = copy.value("SELECT conname FROM pg_constraint WHERE conname ~ 'in_step'")
        create = copy.value("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '%s'" % trigger)
        body = copy.value("SELECT pg_get_functiondef('tidemark.%s'::regproc)" % function)
        check = copy.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '%s'" % proof)
        enable = f'ALTER TABLE t ENABLE ALWAYS TRIGGER "{trigger}"'
        for word in ("DISABLE", "ENABLE", "ENABLE REPLICA"):
            found = self.differs(copy, f'ALTER TABLE t {word} TRIGGER "{trigger}"', trigger, "is not enabled as the run left it",
                                 f'ALTER TABLE public.t ENABLE ALWAYS TRIGGER "{trigger}"')
            self.assertEqual([(d["kind"], d["problem"]) for d in found], [("trigger", "disabled")])
        # The fix, followed.
        copy.execute(found[0]["fix"].split(";")[0])
        self.differs(copy, f'DROP TRIGGER "{trigger}" ON t', f'trigger "{trigger}" of public.t is missing', heal=f"{create}; {enable}")
        self.differs(copy, f'DROP TRIGGER "{trigger}" ON t; {create.replace("INSERT OR UPDATE", "INSERT")}; {enable}',
                     f'trigger "{trigger}" of public.t is not as', heal=f'DROP TRIGGER "{trigger}" ON t; {create}; {enable}')
        self.differs(copy, body.replace('NEW."b" :=', 'NEW."b" := 1 +'), f'function "{function}"', "is not as the run created it", heal=body)
        self.differs(copy, f'ALTER FUNCTION tidemark."{function}" SECURITY DEFINER', f'function "{function}"', heal=body)
        self.differs(copy, f'ALTER TABLE t DROP CONSTRAINT "{proof}"', f'constraint "{proof}" of public.t is missing',
                     heal=f'ALTER TABLE t ADD CONSTRAINT "{proof}" {check}')
        self.differs(copy, f'ALTER TABLE t DROP CONSTRAINT "{proof}", ADD CONSTRAINT "{proof}" {check} NOT VALID', "is not validated",
                     heal=f'ALTER TABLE t VALIDATE CONSTRAINT "{proof}"')
        self.differs(copy, f'ALTER TABLE t DROP CONSTRAINT "{proof}", ADD CONSTRAINT "{proof}" CHECK (a > 0)', "it is CHECK ((a > 0)), and not CHECK",
                     heal=f'ALTER TABLE t DROP CONSTRAINT "{proof}", ADD CONSTRAINT "{proof}" {check}')
        self.differs(copy, "ALTER TABLE t ALTER b SET DEFAULT 5", 'column "b" of public.t', "it is integer DEFAULT 5, and not integer",
                     heal="ALTER TABLE t ALTER b DROP DEFAULT")
        self.differs(copy, f'DROP TRIGGER "{trigger}" ON t; ALTER TABLE t DROP CONSTRAINT "{proof}"; ALTER TABLE t ALTER b TYPE bigint;'
                     f'{create}; {enable}; ALTER TABLE t ADD CONSTRAINT "{proof}" {check}', "it is bigint, and not integer",
                     heal=f'DROP TRIGGER "{trigger}" ON t; ALTER TABLE t DROP CONSTRAINT "{proof}"; ALTER TABLE t ALTER b TYPE integer;'
                     f'{create}; {enable}; ALTER TABLE t ADD CONSTRAINT "{proof}" {check}')
        # What the run has nothing to do with is the application's.
        copy.execute("ALTER TABLE t ADD COLUMN extra int; CREATE INDEX ON t (note); ALTER TABLE t ADD CHECK (id > 0)")
        copy.tidemark("adopt", "p").ok()
        self.assertEqual(copy.tidemark.json("adopt", "p")["adopted"], False)
        copy.execute("DROP TABLE t CASCADE")

    def test_several_at_once_are_all_listed(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        found = self.differs(copy, "ALTER TABLE t DROP COLUMN b CASCADE", 'column "b" of public.t is missing')
        self.assertEqual({(d["kind"], d["problem"]) for d in found}, {("column", "missing"), ("trigger", "missing"), ("constraint", "missing")})

    def test_in_the_hold(self):
        self.tidemark("run", self.write()).ok()
        self.tidemark("advance", "p").ok()
        self.tidemark("advance", "p").ok()
        copy = self.clone()
        held = copy.value("SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname ~ 'held'")
        trigger, function = self.names(copy)
        self.differs(copy, "ALTER TABLE t ADD COLUMN a int", 'column "a" of public.t exists, and the run needs that name',
                     heal="ALTER TABLE t DROP COLUMN a")
        self.differs(copy, "ALTER TABLE t ALTER b DROP NOT NULL", 'column "b"', "it is integer DEFAULT 3, and not integer NOT NULL DEFAULT 3",
                     heal="ALTER TABLE t ALTER b SET NOT NULL")
        self.differs(copy, "CREATE FUNCTION tidemark.more() RETURNS trigger LANGUAGE plpgsql AS $$\n-- tidemark {\"plan\": \"p\", \"columns\": []}\n"
                     "BEGIN RETURN NEW; END $$; CREATE TRIGGER more BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tidemark.more()",
                     'trigger "more" of public.t belongs to this plan, but the run did not create it', heal="DROP TRIGGER more ON t; DROP FUNCTION tidemark.more()")
        conflict = copy.value("SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'tidemark'::regnamespace")
        self.differs(copy, f'GRANT EXECUTE ON FUNCTION tidemark."{conflict}" TO PUBLIC', "may be executed by everybody",
                     heal=f'REVOKE ALL ON FUNCTION tidemark."{conflict}" FROM PUBLIC')
        self.differs(copy, f'ALTER TABLE t RENAME COLUMN {held} TO gone', f'column "{held}" of public.t is missing',
                     heal=f"ALTER TABLE t RENAME COLUMN gone TO {held}")
        copy.tidemark("adopt", "p").ok()

    def test_a_column_that_a_later_phase_will_add(self):
        path = self.plan(plans.plan("p", "public.t", [{"kind": "create_index", "name": "ti", "columns": "a"},
                                                      {"kind": "add_column", "column": "c", "type": "text", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        copy = self.clone()
        self.differs(copy, "ALTER TABLE t ADD COLUMN c text", 'column "c" of public.t exists', heal="ALTER TABLE t DROP COLUMN c")
        definition = copy.value("SELECT pg_get_indexdef('ti'::regclass)")
        self.differs(copy, "DROP INDEX ti", 'index "ti" of public.t is missing')
        self.differs(copy, "CREATE INDEX ti ON t (a DESC)", "it is USING btree (a DESC), and not USING btree (a)")
        self.differs(copy, "DROP INDEX ti; CREATE UNIQUE INDEX ti ON t (a)", "it is UNIQUE USING", heal=f"DROP INDEX ti; {definition}")
        self.differs(copy, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ti'::regclass", "is invalid", "REINDEX",
                     heal="REINDEX INDEX ti")
        copy.tidemark("adopt", "p").ok()


AUTHORS = """
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$
ALTER TABLE public.t ADD COLUMN c integer GENERATED ALWAYS AS (id * 2) STORED, ADD COLUMN d bigserial
CREATE UNIQUE INDEX t_d ON public.t (d)
ALTER TABLE public.t ADD CONSTRAINT t_d_key UNIQUE USING INDEX t_d
CREATE INDEX t_c ON public.t (c)
ALTER TABLE public.t ADD CONSTRAINT t_note CHECK (note <> '') NOT VALID
ALTER TABLE public.t ADD CONSTRAINT t_other FOREIGN KEY (id) REFERENCES public.other
CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.noted()
ALTER TABLE public.t ALTER note SET DEFAULT 'n'
CREATE VIEW public.shown AS SELECT id, c FROM public.t""".strip().split("\n")
UNDO = """
DROP VIEW public.shown
ALTER TABLE public.t ALTER note DROP DEFAULT
DROP TRIGGER noted ON public.t
ALTER TABLE public.t DROP CONSTRAINT t_other
ALTER TABLE public.t DROP CONSTRAINT t_note
ALTER TABLE public.t DROP COLUMN d
ALTER TABLE public.t DROP COLUMN c
DROP FUNCTION public.noted()""".strip().split("\n")


class Authors(Hurt):
    """What phases of kind `sql` have made is compared like what the run has made."""

    def reach(self):
        self.execute(f"CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other SELECT g FROM generate_series(1, {ROWS}) g")
        self.before = self.fingerprint()
        if self.dumps():
            self.pristine = self.restore("cluster").fingerprint()
        self.tidemark("run", self.plan(plans.plan("p", "public.t", [
            {"kind": "sql", "id": "own", "act": AUTHORS, "undo": UNDO},
            {"kind": "add_column", "column": "b", "type": "integer", "gate": "manual"}]))).ok()

    @limit(120)
    def test_a_dump_continues_and_rolls_back(self):
        self.reach()
        for way in ("back", "forward"):
            for copy, before in ([(self.restore("cluster"), self.pristine)] if self.dumps() else []) + [(self.clone(), self.before)]:
                with self.subTest(way=way):
                    told = copy.tidemark.json("adopt", "p")
                    self.assertEqual((told["adopted"], told["differences"]), (True, []))
                    self.assertEqual(len(told["not_compared"]), 2, told["not_compared"])
                    self.assertTrue(told["not_compared"][0].startswith("phase own: CREATE VIEW public.shown"), told)
                    self.assertTrue(told["not_compared"][1].startswith('the definition of constraint "t_other": it cannot be created again'), told)
                    if way == "back":
                        copy.tidemark("rollback", "p", "--yes").ok()
                        fingerprint.assert_same(before, copy.fingerprint())
                    else:
                        copy.tidemark("advance", "p").ok()
                        self.assertEqual(copy.value("SELECT state FROM tidemark.run"), "complete")

    @limit(120)
    def test_what_is_missing_or_altered_is_named(self):
        self.reach()
        copy = self.clone()
        for hurt, said, heal in (
                ("DROP INDEX t_c", 'index "t_c" of public.t is missing', "CREATE INDEX t_c ON t (c)"),
                ("DROP INDEX t_c; CREATE INDEX t_c ON t (c DESC)", "it is USING btree (c DESC), and not USING btree (c)", "DROP INDEX t_c; CREATE INDEX t_c ON t (c)"),
                ("ALTER TABLE t DROP CONSTRAINT t_other", 'constraint "t_other" of public.t is missing',
                 "ALTER TABLE t ADD CONSTRAINT t_other FOREIGN KEY (id) REFERENCES other"),
                ("ALTER TABLE t DROP CONSTRAINT t_note, ADD CONSTRAINT t_note CHECK (note <> 'x') NOT VALID", 'constraint "t_note" of public.t is not as',
                 "ALTER TABLE t DROP CONSTRAINT t_note, ADD CONSTRAINT t_note CHECK (note <> '') NOT VALID"),
                ("ALTER TABLE t DROP CONSTRAINT t_d_key", 'constraint "t_d_key" of public.t is missing', "ALTER TABLE t ADD CONSTRAINT t_d_key UNIQUE (d)"),
                ("DROP TRIGGER noted ON t", 'trigger "noted" of public.t is missing',
                 "CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION noted()"),
                ("ALTER TABLE t DISABLE TRIGGER noted", 'trigger "noted" of public.t is not enabled', "ALTER TABLE t ENABLE TRIGGER noted"),
                ("CREATE OR REPLACE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
                 'function "noted" of schema public is not as', AUTHORS[0].replace("CREATE", "CREATE OR REPLACE")),
                ("ALTER TABLE t ALTER note DROP DEFAULT", """it is text, and not text DEFAULT 'n'::text""", "ALTER TABLE t ALTER note SET DEFAULT 'n'"),
                ("DROP VIEW shown; ALTER TABLE t DROP COLUMN c; ALTER TABLE t ADD c integer GENERATED ALWAYS AS (id * 3) STORED; CREATE INDEX t_c ON t (c)",
                 "(id * 3)), and not", "ALTER TABLE t DROP COLUMN c")):
            self.differs(copy, hurt, said, heal=heal)
        self.differs(copy, "SELECT 1", 'column "c" of public.t is missing', 'index "t_c" of public.t is missing', heal=AUTHORS[1].split(",")[0])
        copy.execute("CREATE INDEX t_c ON t (c); CREATE VIEW shown AS SELECT id, c FROM t")
        copy.tidemark("adopt", "p").ok()
        copy.tidemark("rollback", "p", "--yes").ok()

    @limit(120)
    def test_names_of_not_null(self):
        if self.server.major < 18:
            self.skipTest("NOT NULL has no name on this server")
        self.execute("ALTER TABLE t ALTER note SET NOT NULL; ALTER TABLE t RENAME CONSTRAINT t_note_not_null TO noted")
        self.before = self.fingerprint()
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "sql", "id": "own", "act": "ALTER TABLE public.t ADD COLUMN c int DEFAULT 1 CONSTRAINT always NOT NULL",
             "undo": "ALTER TABLE public.t DROP COLUMN c"},
            {"kind": "drop_not_null", "column": "note", "gate": "manual"},
            {"kind": "add_column", "column": "b", "type": "integer", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        # Rolled back, the run has made the constraint, under its name.
        self.tidemark("rollback", "p", "--to", "own", "--yes").ok()
        copy = self.clone()
        self.differs(copy, "ALTER TABLE t RENAME CONSTRAINT noted TO called", "it is text CONSTRAINT called NOT NULL, and not text CONSTRAINT noted NOT NULL",
                     heal="ALTER TABLE t RENAME CONSTRAINT called TO noted")
        self.differs(copy, "ALTER TABLE t RENAME CONSTRAINT always TO other", "integer CONSTRAINT other NOT NULL DEFAULT 1, and not integer CONSTRAINT always",
                     heal="ALTER TABLE t RENAME CONSTRAINT other TO always")
        self.differs(copy, "ALTER TABLE t DROP CONSTRAINT noted, ADD CONSTRAINT noted NOT NULL note NOT VALID", "NOT NULL NOT VALID, and not text CONSTRAINT noted NOT NULL",
                     heal="ALTER TABLE t VALIDATE CONSTRAINT noted")
        copy.tidemark("adopt", "p").ok()
        copy.tidemark("rollback", "p", "--yes").ok()
        fingerprint.assert_same(self.before, copy.fingerprint())


class Shapes(AdoptCase):
    """Plans of other shapes: nothing is found to differ in a copy, and it continues and is rolled back."""

    def both_ways(self, path, advances):
        # What a restore itself changes is not ours: what was restored before the run is compared with.
        if self.dumps() and self.value("SELECT to_regclass('tidemark.run') IS NULL"):
            self.pristine = self.restore("cluster").fingerprint()
        self.tidemark("run", path).ok()
        for _ in range(advances):
            self.tidemark("advance", "p").ok()
        for way in ("back", "forward"):
            for copy, before in ([(self.restore("cluster"), self.pristine)] if self.dumps() else []) + [(self.clone(), self.before)]:
                with self.subTest(way=way):
                    copy.tidemark("adopt", "p").ok()
                    if way == "back":
                        copy.tidemark("rollback", "p", "--yes").ok()
                        fingerprint.assert_same(before, copy.fingerprint())
                    else:
                        copy.tidemark("advance", "p", "--now", "--reason", "tested").ok()
                        self.assertIn(copy.value("SELECT state FROM tidemark.run"), ("waiting", "complete"))

    def renewed(self, sql):
        self.execute("DROP TABLE t CASCADE;" + sql)
        self.before = self.fingerprint()

    @limit(120)
    def test_exchanged_names_and_another_type(self):
        self.renewed("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 3); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g")
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "add_column", "column": "b", "type": "bigint", "default": "0", "not_null": True}, {"kind": "dual_write", "from": "a", "to": "b"},
            {"kind": "backfill"}, {"kind": "create_index", "name": "tb", "columns": "b"}, {"kind": "verify"},
            {"kind": "switch", "swap_names": True, "gate": "manual"}, {"kind": "drop_column", "column": "b", "hold": "1h", "gate": "manual"}]))
        for advances in (0, 1):
            self.both_ways(path, advances)

    @limit(120)
    def test_partitions_and_rows_that_move(self):
        self.renewed("CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id); CREATE TABLE t_0 PARTITION OF t FOR VALUES FROM (0) TO (1000);"
                     "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (1000) TO (2000); INSERT INTO t SELECT g, g FROM generate_series(1, 1999) g")
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", up="a::integer", down="b::text", switch="manual",
                                      drop_column="manual", hold="1h"))
        self.both_ways(path, 1)
        copy = self.clone()
        trigger = copy.value("SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 't_1'::regclass AND tgname ~ 'update$'")
        copy.execute(f"ALTER TABLE t_1 DISABLE TRIGGER {trigger}")
        result = copy.tidemark("adopt", "p").expect(4)
        self.assertIn("of public.t_1 is not enabled", result.out)
        self.assertEqual(result.out.count("is not enabled"), 1)

    @limit(120)
    def test_expressions_that_the_server_prints_otherwise_each_time(self):
        self.renewed("CREATE TABLE t (id int PRIMARY KEY, a varchar(9)); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g")
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", up="CASE WHEN a IN ('1', '2') THEN 12 WHEN a LIKE '3%' THEN NULL ELSE 7 END",
                                      down="b::varchar", switch="manual", drop_column="manual", hold="1h"))
        for advances in (0, 1):
            self.both_ways(path, advances)

    @limit(120)
    def test_values_that_fail_are_null(self):
        self.renewed("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g")
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "dual_write", "from": "a", "to": "b", "up": "a::integer", "down": "b::text", "on_error": "null"},
            {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch", "gate": "manual"}]))
        self.both_ways(path, 0)

    @limit(120)
    def test_not_null_and_statements_of_the_author(self):
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "add_column", "column": "b", "type": "text", "default": "'n'"},
            {"kind": "sql", "act": ["ALTER TABLE public.t ALTER b SET DEFAULT 'm'", "CREATE INDEX t_own ON public.t (note)"],
             "undo": ["DROP INDEX public.t_own"]},
            {"kind": "set_not_null", "column": "note"}, {"kind": "drop_not_null", "column": "a"}, {"kind": "create_index", "name": "tb", "columns": "b"},
            {"kind": "sql", "id": "last", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.both_ways(path, 0)

    @limit(120)
    def test_after_a_rollback_to_the_middle_and_forward_again(self):
        path = self.write()
        if self.dumps():
            self.pristine = self.restore("cluster").fingerprint()
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        self.tidemark("rollback", "p", "--to", "dual_write", "--yes").ok()
        self.both_ways(path, 0)

    @limit(120)
    def test_a_dropped_column_is_no_difference(self):
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "create_index", "name": "ta", "columns": ["a"]}, {"kind": "create_index", "name": "tn", "columns": ["note"], "where": "a > 5"},
            {"kind": "create_index", "name": "tk", "columns": ["note"]},
            {"kind": "sql", "id": "check", "act": "ALTER TABLE public.t ADD CONSTRAINT tc CHECK (a > 0 OR note <> '') NOT VALID",
             "undo": "ALTER TABLE public.t DROP CONSTRAINT tc"},
            {"kind": "add_column", "column": "b", "type": "integer"}, {"kind": "dual_write", "from": "a", "to": "b"}, {"kind": "backfill"},
            {"kind": "verify"}, {"kind": "switch", "accept": ["tc"]}, {"kind": "drop_column", "column": "a", "hold": "0", "accept": ["ta", "tn", "tc"]},
            {"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": "manual"}]))
        self.tidemark("run", path).ok()
        copy = self.restore("cluster") if self.dumps() else self.clone()
        # What went with the column is not missed; what does not use it is.
        copy.execute("DROP INDEX tk")
        missed = copy.tidemark("adopt", "p").expect(4).out
        self.assertIn('index "tk" of public.t is missing', missed)
        self.assertEqual(missed.count("missing"), 1, missed)
        copy.execute("CREATE INDEX tk ON t (note)")
        self.assertNotIn('"tc"', copy.tidemark("adopt", "p").ok().out)
        copy.tidemark("advance", "p").ok()
        self.assertEqual(copy.value("SELECT state FROM tidemark.run"), "complete")

    @limit(120)
    def test_a_table_that_was_renamed_before_the_dump_with_a_view_in_its_place(self):
        self.tidemark("run", self.write()).ok()
        self.execute("ALTER TABLE t RENAME TO clients; CREATE VIEW t AS SELECT id, note FROM clients")
        for copy in ([self.restore("cluster")] if self.dumps() else []) + [self.clone()]:
            self.assertIn("checks public.clients here", copy.tidemark("run", "p").expect(4).err)
            copy.tidemark("adopt", "p").ok()
            copy.tidemark("advance", "p").ok()
            copy.execute("UPDATE clients SET b = 5 WHERE id = 1")
            self.assertEqual(copy.value("SELECT a FROM clients WHERE id = 1"), 5)
            copy.tidemark("rollback", "p", "--yes").ok()
            self.assertEqual(copy.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), 0)


class Anywhere(AdoptCase):
    """A dump may be taken at any moment, also while an executor has just been killed."""

    def gone(self):
        self.wait_until(lambda: self.server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'tidemark%%'",
                                                  (self.database,)) == 0, what="its sessions are gone")

    def adopted(self, back):
        self.gone()
        copy = self.clone()
        copy.tidemark("adopt", "p").ok()
        if back:
            copy.tidemark("rollback", "p", "--yes").ok()
            fingerprint.assert_same(self.before, copy.fingerprint())
        else:
            copy.tidemark("run", "p").ok()
            while copy.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1") != "complete":
                copy.tidemark("advance", "p", "--now", "--reason", "tested").ok()
        self.server.drop_database(copy.database)

    @limit(400)
    def test_killed_behind_any_step_on_the_way_forward(self):
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "create_index", "name": "ta", "columns": "a"}, {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "dual_write", "from": "a", "to": "b"}, {"kind": "backfill"}, {"kind": "verify"}, {"kind": "switch"},
            {"kind": "drop_column", "column": "a", "hold": "1h", "accept": ["ta"]}]))
        for point in ("step.after_act", "step.before_act", "phase.done"):
            for number in range(random.randint(1, STRIDE), 30, STRIDE):
                self.tidemark("run", path, "--again", env={"TIDEMARK_CRASH_AT": f"{point}#{number}"})
                if self.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1") == "waiting":
                    break
                with self.subTest(point=point, number=number):
                    self.adopted(back=number % 2 == 0)
                self.tidemark("rollback", "p", "--yes").ok()
            self.assertGreater(number, 6, "too few points")
            self.tidemark("rollback", "p", "--yes").ok()

    @limit(300)
    def test_killed_behind_any_step_of_a_rollback(self):
        path = self.write()
        for point in ("step.after_act", "phase.done"):
            for number in range(random.randint(1, STRIDE), 30, STRIDE):
                self.tidemark("run", path, "--again").ok()
                self.tidemark("advance", "p").ok()
                self.tidemark("advance", "p").ok()
                self.tidemark("rollback", "p", "--yes", env={"TIDEMARK_CRASH_AT": f"{point}#{number}"})
                if self.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1") == "rolled_back":
                    break
                with self.subTest(point=point, number=number):
                    self.adopted(back=True)
                self.tidemark("rollback", "p", "--yes").ok()
            self.assertGreater(number, 3)


class Upgrade(AdoptCase):
    """Another major prints definitions in its own way, and has NOT NULL constraints of its own."""

    @limit(180)
    def test_a_dump_is_restored_into_a_newer_server(self):
        newest = 18
        if self.server.major >= newest or not self.dumps():
            self.skipTest("no newer server than this one")
        found = subprocess.run([os.path.join(SCRIPTS, "postgres-major"), str(newest)], stdout=subprocess.PIPE, text=True, check=True, timeout=150)
        self.execute("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, a varchar(9) NOT NULL DEFAULT 'x'); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g")
        path = self.plan(plans.plan("p", "public.t", [
            {"kind": "create_index", "name": "ta", "columns": "a"}, {"kind": "add_column", "column": "b", "type": "integer"},
            {"kind": "dual_write", "from": "a", "to": "b", "up": "CASE WHEN a IN ('1', '2') THEN 12 ELSE 7 END", "down": "b::varchar"},
            {"kind": "backfill"}, {"kind": "set_not_null", "column": "b"}, {"kind": "verify"}, {"kind": "switch", "gate": "manual"},
            {"kind": "drop_column", "column": "a", "hold": "1h", "gate": "manual", "accept": ["ta"]}]))
        newer = Server(bin_dir=found.stdout.strip())
        self.addCleanup(newer.close)
        pristine = self.schema(self.restore(newer, "plain"))
        self.tidemark("run", path).ok()
        for stage in ("verified", "switched", "held"):
            if stage != "verified":
                self.tidemark("advance", "p").ok()
            with self.subTest(stage=stage):
                copy = self.restore(newer, "plain")
                self.assertEqual(copy.tidemark.json("adopt", "p")["differences"], [])
                copy.tidemark("rollback", "p", "--yes").ok()
                self.assertEqual(self.schema(copy), pristine)
                copy = self.restore(newer, "plain")
                copy.tidemark("adopt", "p").ok()
                copy.tidemark("advance", "p", "--now", "--reason", "tested").ok()
        self.assertEqual(copy.value("SELECT state FROM tidemark.run"), "complete")

    def schema(self, copy):
        """The newer server calls a NOT NULL after the name that its column has at the restore, so also after a hold's."""
        return [line for line in copy.fingerprint().lines if "_not_null: definition='NOT NULL" not in line]


class Who(AdoptCase):
    def test_by_whom_and_why_stand_in_the_journal_and_the_fence_is_raised(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        fence = copy.value("SELECT fence FROM tidemark.run")
        told = copy.tidemark.json("adopt", "p", "--by", "ann@ops", "--reason", "restored", "--ticket", "OPS-7", "--note", "said by phone")
        self.assertEqual((told["adopted"], told["case"], told["table"], told["differences"]), (True, "other-database", "public.t", []))
        self.assertEqual(told["next"], "tidemark advance p")
        self.assertNotEqual(told["from"], told["to"])
        detail = copy.value("SELECT detail FROM tidemark.history WHERE event = 'run.adopted'")
        self.assertEqual({key: detail[key] for key in ("by", "reason", "ticket", "note", "case")},
                         {"by": "ann@ops", "reason": "restored", "ticket": "OPS-7", "note": "said by phone", "case": "other-database"})
        self.assertEqual((detail["from"]["identity"], detail["to"]["identity"]), (told["from"], told["to"]))
        self.assertEqual(copy.value("SELECT fence FROM tidemark.run"), fence + 1)
        self.assertEqual(copy.tidemark.json("status", "p")["home"], "home")

    def test_at_home_there_is_nothing_to_adopt(self):
        path = self.write()
        self.tidemark("adopt", path).expect(4)
        self.tidemark("run", path).ok()
        before = self.rows("SELECT * FROM tidemark.run"), self.rows("SELECT * FROM tidemark.journal ORDER BY seq")
        self.assertIn("nothing to adopt", self.tidemark("adopt", path).ok().out)
        self.execute("ALTER TABLE t RENAME TO clients")
        told = self.tidemark.json("adopt", "p")
        self.assertEqual((told["adopted"], told["case"], told["table"]), (False, "home", "public.clients"))
        self.assertEqual((self.rows("SELECT * FROM tidemark.run"), self.rows("SELECT * FROM tidemark.journal ORDER BY seq")), before)
        self.tidemark("rollback", "p", "--yes").ok()
        copy = self.clone()
        self.assertIn("rolled back", copy.tidemark("adopt", "p").ok().out)

    @limit(90)
    def test_of_several_at_once_one_wins_and_the_others_say_so(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        processes = [copy.tidemark.start("adopt", "p", "--by", f"number {i}", "--json") for i in range(6)]
        told = [process.wait(60).ok().json() for process in processes]
        self.assertEqual([t["adopted"] for t in told].count(True), 1)
        winner = copy.value("SELECT detail ->> 'by' FROM tidemark.history WHERE event = 'run.adopted'")
        for t in told:
            if not t["adopted"]:
                self.assertIn(f"{winner} adopted it at", t["reason"])

    @limit(120)
    def test_the_original_goes_on_undisturbed_while_its_copy_does(self):
        path = self.write(rate=1500)
        with self.tidemark.start("run", path) as process:
            self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                            and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300, what="the sweep has begun")
            copy = self.restore("database")
            self.assertIsNone(copy.tidemark.json("status", "p")["holder"])
            copy.tidemark("adopt", "p").ok()
            copy.tidemark("run", "p").ok()
            process.wait(60).ok()
        for where in (self, copy):
            self.assertEqual(where.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM b"), 0)
            self.assertEqual(where.value("SELECT state FROM tidemark.run"), "waiting")
        self.assertEqual(self.value("SELECT count(*) FROM tidemark.journal WHERE event = 'run.adopted'"), 0)

    @limit(120)
    def test_an_executor_that_connects_again_and_finds_a_copy_writes_nothing(self):
        """The databases change their names under it: what it connects to again is the copy, which was adopted."""
        path = self.write(rate=1000)
        with self.tidemark.start("run", path) as process:
            self.wait_until(lambda: self.value("SELECT to_regclass('tidemark.segment') IS NOT NULL")
                            and self.value("SELECT coalesce(sum(changed), 0) FROM tidemark.segment") > 300, what="the sweep has begun")
            copy = self.restore("database")
            copy.tidemark("adopt", "p").ok()
            filled = copy.value("SELECT count(b) FROM t")
            self._conn.close()
            end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'"
            self.server.sql(f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS false')
            self.server.sql(end)
            self.wait_until(lambda: self.server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (self.database,)) == 0)
            self.server.sql(f'ALTER DATABASE "{self.database}" RENAME TO aside')
            self.addCleanup(self.server.drop_database, "aside")
            self.server.sql(f'ALTER DATABASE "{copy.database}" RENAME TO "{self.database}"')
            copy.database = self.database
            result = process.wait(60)
        self.assertEqual(result.code, 8, result)
        self.assertIn("taken over", result.err)
        self.assertEqual(copy.value("SELECT count(b) FROM t"), filled)

    @limit(90)
    def test_a_table_that_was_restored_in_its_own_database(self):
        program = fingerprint.dump_program(self.server)
        if program is None:
            self.skipTest("no pg_dump that can read this server")
        self.tidemark("run", self.write()).ok()
        file = os.path.join(self.directory, "dump")
        env = self.server.environment(self.database)
        subprocess.run([program, "-Fc", "-t", "public.t", "-f", file, self.database], env=env, check=True, timeout=60)
        self.execute("DROP TABLE t")
        self.assertNotIn("tidemark adopt", self.tidemark("run", "p").expect(4).err)
        subprocess.run([os.path.join(os.path.dirname(program), "pg_restore"), "-e", "-d", self.database, file], env=env, check=True, timeout=60)
        for verb in ("run", "rollback"):
            result = self.tidemark(verb, "p").expect(4)
            self.assertIn("is not the one that the run of 'p' began with", result.err)
            self.assertIn("tidemark adopt p", result.err)
        # An executor that works here is not ended, and not fenced.
        self.execute("UPDATE tidemark.run SET owner = 'ann', heartbeat = clock_timestamp(), lease = '1h', backend = pg_backend_pid()")
        self.assertIn("ann", self.tidemark("adopt", "p").expect(8).err)
        self.execute("UPDATE tidemark.run SET owner = NULL, backend = NULL")
        told = self.tidemark.json("adopt", "p")
        self.assertEqual((told["adopted"], told["case"]), (True, "other-table"))
        self.tidemark("rollback", "p", "--yes").ok()
        self.assert_same_schema(self.before)

    def test_a_copy_without_the_table_is_not_sent_to_adopt(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        copy.execute("DROP TABLE t CASCADE")
        for verb in ("run", "rollback", "adopt"):
            result = copy.tidemark(verb, "p").expect(4)
            self.assertIn("table public.t is not in this database", result.err)
            self.assertNotIn("tidemark adopt", result.err)
        self.assertIsNone(copy.tidemark.json("status", "p")["next"])

    def test_a_role_without_superuser_adopts_what_it_owns(self):
        self.server.sql("DROP ROLE IF EXISTS ann; CREATE ROLE ann LOGIN")
        self.addCleanup(self.server.sql, "DROP ROLE ann")
        self.execute(f'ALTER TABLE t OWNER TO ann; GRANT CREATE ON DATABASE "{self.database}" TO ann; GRANT CREATE ON SCHEMA public TO ann')
        path = self.write()
        Tidemark(self.server.environment(self.database, user="ann"), cwd=self.directory).ok("run", path)
        copy = self.clone()
        # Before the role goes.
        for database in (self.database, copy.database):
            self.addCleanup(self.server.drop_database, database)
        tool = Tidemark(copy.server.environment(copy.database, user="ann"), cwd=self.directory)
        copy.execute(f'REVOKE TEMPORARY ON DATABASE "{copy.database}" FROM PUBLIC')
        before = copy.state()
        self.assertIn("permission denied to create temporary tables", tool("adopt", "p").expect(4).err)
        self.assertEqual(copy.state(), before)
        copy.execute(f'GRANT TEMPORARY ON DATABASE "{copy.database}" TO ann')
        tool.ok("adopt", "p")
        tool.ok("advance", "p")
        tool.ok("rollback", "p", "--yes")

    def test_what_waits_for_a_copy_ends_and_the_review_says_why(self):
        self.tidemark("run", self.write()).ok()
        copy = self.clone()
        result = copy.tidemark("status", "p", "--wait-for", "complete", "--timeout", "30s").expect(4)
        self.assertIn("tidemark adopt p", result.err)
        self.assertIn("tidemark adopt p", copy.tidemark("plan", "p").ok().out)
        self.assertNotIn("next: tidemark run", copy.tidemark("plan", "p").ok().out)

    def test_a_copy_says_which_one_it_is(self):
        self.tidemark("run", self.write()).ok()
        copy, other = self.clone(), self.restore("cluster")
        self.assertIn("another database cluster", other.tidemark("run", "p").expect(4).err)
        self.assertEqual(other.tidemark.json("status", "p")["home"], "other-cluster")
        self.assertIn(f"another database of this cluster, {self.database}: this database is a copy of it", copy.tidemark("run", "p").expect(4).err)
        self.assertIn("this database is a copy of it", copy.tidemark("status").ok().out)
        self._conn.close()
        self.server.drop_database(self.database)
        self.assertIn("which was dropped", copy.tidemark("run", "p").expect(4).err)
        copy.tidemark("adopt", "p").ok()
        copy.tidemark("rollback", "p", "--yes").ok()


if __name__ == "__main__":
    main()
