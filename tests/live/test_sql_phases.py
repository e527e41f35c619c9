"""Phases of kind sql are read: the locks that the review shows are those that the server takes, each danger is named with the number
of its statement, what is unknown is called so, and later phases are checked against what the statements leave."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

SETUP = """
CREATE SCHEMA other;
CREATE TABLE u (b int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, a int, z int CHECK (z > 0), n text NOT NULL DEFAULT 'q', k int REFERENCES u);
INSERT INTO u SELECT generate_series(1, 10);
INSERT INTO t SELECT g, g, g, 'x', 1 + g % 10 FROM generate_series(1, 1000) g;
CREATE UNIQUE INDEX ta ON t (a);
CREATE INDEX tn ON t (n);
ALTER TABLE t ADD CONSTRAINT nv CHECK (a > 0) NOT VALID, ADD CONSTRAINT fkv FOREIGN KEY (k) REFERENCES u NOT VALID;
CREATE SEQUENCE sq OWNED BY t.z;
CREATE VIEW v AS SELECT n FROM t;
CREATE MATERIALIZED VIEW m AS SELECT DISTINCT n FROM t;
CREATE UNIQUE INDEX mi ON m (n);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE POLICY po ON t USING (true);
CREATE RULE ru AS ON UPDATE TO t WHERE false DO NOTHING;
CREATE STATISTICS st ON a, z FROM t;
CREATE PUBLICATION pb;
CREATE TABLE p (id int, a int) PARTITION BY LIST (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 (id int, a int);
CREATE TABLE pq (id int, a int REFERENCES u) PARTITION BY LIST (a);
CREATE TABLE pq1 PARTITION OF pq FOR VALUES IN (1);
CREATE TABLE pqd PARTITION OF pq DEFAULT;
CREATE TABLE pq2 (id int, a int);
CREATE TABLE fk_t (a int REFERENCES u);
CREATE TYPE e AS ENUM ('a');
CREATE TABLE old_t (a int);
CREATE TABLE old_p (a int);
CREATE TABLE old_i () INHERITS (old_p);
ANALYZE t;
"""

# Each alone, by itself, with the plan's table public.t.
STATEMENTS = """
ALTER TABLE public.t ADD COLUMN b int
ALTER TABLE public.t ADD COLUMN b int NOT NULL DEFAULT 5
ALTER TABLE public.t ADD COLUMN b float DEFAULT random()
ALTER TABLE public.t ADD COLUMN b int CHECK (b > 0)
ALTER TABLE public.t ADD COLUMN b int REFERENCES public.u
ALTER TABLE public.t ADD COLUMN b int UNIQUE
ALTER TABLE public.t ADD COLUMN b bigserial
ALTER TABLE public.t DROP COLUMN k
ALTER TABLE public.t ALTER a TYPE bigint
ALTER TABLE public.t ALTER a SET DEFAULT 3
ALTER TABLE public.t ALTER n DROP DEFAULT
ALTER TABLE public.t ALTER a SET NOT NULL
ALTER TABLE public.t ALTER n DROP NOT NULL
ALTER TABLE public.t ALTER a SET STATISTICS 500
ALTER TABLE public.t ALTER a SET (n_distinct = 5)
ALTER TABLE public.t ALTER n SET STORAGE EXTERNAL
ALTER TABLE public.t ALTER n SET COMPRESSION pglz
ALTER TABLE public.t ALTER id ADD GENERATED ALWAYS AS IDENTITY
ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0)
ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID
ALTER TABLE public.t ADD CONSTRAINT c FOREIGN KEY (k) REFERENCES public.u
ALTER TABLE public.t ADD CONSTRAINT c FOREIGN KEY (k) REFERENCES public.u NOT VALID
ALTER TABLE public.t ADD CONSTRAINT c UNIQUE (a)
ALTER TABLE public.t ADD CONSTRAINT c UNIQUE USING INDEX ta
ALTER TABLE public.t ADD CONSTRAINT c EXCLUDE USING btree (id WITH =)
ALTER TABLE public.t VALIDATE CONSTRAINT nv
ALTER TABLE public.t VALIDATE CONSTRAINT fkv
ALTER TABLE public.t DROP CONSTRAINT nv
ALTER TABLE public.t DROP CONSTRAINT fkv
ALTER TABLE public.t ALTER CONSTRAINT fkv DEFERRABLE
ALTER TABLE public.t RENAME COLUMN a TO aa
ALTER TABLE public.t RENAME CONSTRAINT nv TO nw
ALTER TABLE public.t RENAME TO tt
ALTER TABLE public.t SET SCHEMA other
ALTER TABLE public.t OWNER TO postgres
ALTER TABLE public.t SET (fillfactor = 90)
ALTER TABLE public.t SET (user_catalog_table = true)
ALTER TABLE public.t RESET (fillfactor)
ALTER TABLE public.t CLUSTER ON ta
ALTER TABLE public.t REPLICA IDENTITY FULL
ALTER TABLE public.t DISABLE TRIGGER tr
ALTER TABLE public.t ENABLE ALWAYS TRIGGER tr
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY
ALTER TABLE public.t DISABLE RULE ru
ALTER TABLE public.p ATTACH PARTITION public.p2 FOR VALUES IN (2)
ALTER TABLE public.p DETACH PARTITION public.p1
ALTER INDEX public.ta RENAME TO tb
ALTER SEQUENCE public.sq OWNED BY public.t.a
ALTER SEQUENCE public.sq RESTART 5
ALTER VIEW public.v RENAME TO w
ALTER VIEW public.v SET (security_barrier)
ALTER TRIGGER tr ON public.t RENAME TO ts
ALTER POLICY po ON public.t USING (false)
ALTER PUBLICATION pb ADD TABLE public.t
ALTER TYPE public.e ADD VALUE 'b'
COMMENT ON COLUMN public.t.a IS 'x'
COMMENT ON TABLE public.t IS 'x'
COMMENT ON CONSTRAINT nv ON public.t IS 'x'
CREATE INDEX i ON public.t (z)
CREATE TRIGGER tq BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()
CREATE RULE rv AS ON DELETE TO public.t WHERE false DO NOTHING
CREATE POLICY pq ON public.t USING (true)
CREATE STATISTICS public.sv ON a, n FROM public.t
CREATE VIEW public.w AS SELECT a FROM public.t
CREATE OR REPLACE VIEW public.v AS SELECT n FROM public.t
CREATE MATERIALIZED VIEW public.m2 AS SELECT a FROM public.t
CREATE TABLE public.c AS SELECT a FROM public.t
CREATE TABLE public.c (a int REFERENCES public.u)
CREATE TABLE public.p3 PARTITION OF public.p FOR VALUES IN (3)
CREATE PUBLICATION pc FOR TABLE public.t
CREATE FUNCTION public.g() RETURNS int LANGUAGE sql AS 'SELECT 1'
DROP TABLE public.old_t
DROP TABLE public.fk_t
DROP STATISTICS public.st
CREATE TABLE public.pq3 PARTITION OF public.pq FOR VALUES IN (3)
ALTER TABLE public.pq DETACH PARTITION public.pq1
ALTER TABLE public.pq ATTACH PARTITION public.pq2 FOR VALUES IN (2)
COMMENT ON SEQUENCE public.sq IS 'x'
DROP VIEW public.v
DROP MATERIALIZED VIEW public.m
DROP INDEX public.tn
DROP SEQUENCE public.sq
DROP TRIGGER tr ON public.t
DROP POLICY po ON public.t
DROP RULE ru ON public.t
DROP TYPE public.e
DROP PUBLICATION pb
GRANT SELECT ON public.t TO postgres
TRUNCATE public.old_t
TRUNCATE public.t
INSERT INTO public.t (id) VALUES (5000)
INSERT INTO public.old_t SELECT a FROM public.t
UPDATE public.t SET a = a + 10000
DELETE FROM public.t WHERE a = 3
SELECT * FROM public.t FOR UPDATE
SELECT * FROM public.t
REFRESH MATERIALIZED VIEW public.m
REINDEX TABLE public.t
CLUSTER public.t USING ta
ANALYZE public.t
LOCK TABLE public.t IN SHARE MODE
SELECT * FROM public.t JOIN public.u ON t.k = u.b FOR UPDATE
SELECT * FROM (SELECT * FROM public.t) s FOR UPDATE
COPY (DELETE FROM public.old_t RETURNING *) TO '/dev/null'
LOCK TABLE public.v IN ACCESS EXCLUSIVE MODE
SELECT * FROM public.v FOR UPDATE
DELETE FROM public.v WHERE n = 'none'
CREATE TEMP TABLE x (id int); INSERT INTO x SELECT id FROM public.t; DROP TABLE x
CREATE TABLE public.y (b int); CREATE INDEX ON public.y (b); ALTER TABLE public.y ADD FOREIGN KEY (b) REFERENCES public.u
ALTER TABLE public.old_t INHERIT public.old_p
ALTER TABLE public.old_i NO INHERIT public.old_p
REFRESH MATERIALIZED VIEW CONCURRENTLY public.m
""".strip().splitlines()

ORDER = ["none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
         "EXCLUSIVE", "ACCESS EXCLUSIVE"]
MODES = {name.title().replace(" ", "") + "Lock": number for number, name in enumerate(ORDER)}

# The review names these stronger, or not at all, and why.
EXCUSED = {
    # The planner takes a lock on each index of the table: nobody can read it while they are built anew.
    "REINDEX TABLE public.t": {"t"},
    # Locks on indexes are not looked for here; the table's own is not taken.
    "ALTER INDEX public.ta RENAME TO tb": {"ta"},
}


def sql(act, undo=None, **more):
    phase = {"kind": "sql", "act": act, **more}
    if undo is not None:
        phase["undo"] = undo
    return phase


class SqlCase(LiveCase):
    def review(self, *phases, name="p"):
        path = self.plan(plans.plan(name, "public.t", list(phases)))
        return self.tidemark.json("plan", path)

    def findings(self, *phases):
        path = self.plan(plans.plan("p", "public.t", list(phases)))
        return self.tidemark("lint", "--db", path)


class Locks(SqlCase):
    def setUp(self):
        super().setUp()
        self.execute(SETUP)

    def taken(self, statement):
        """Locks on tables, views and sequences that existed before; the plan's table under the name that it had."""
        conn = self.connect(autocommit=False)
        with conn.cursor() as cursor:
            cursor.execute("SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'")
            names = dict(cursor.fetchall())
            conn.rollback()
            cursor.execute(statement)
            cursor.execute("SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'")
            found = {}
            for relation, mode in cursor.fetchall():
                if relation in names:
                    found[names[relation]] = max(found.get(names[relation], 0), MODES[mode])
        conn.rollback()
        conn.close()
        return {name: lock for name, lock in found.items() if lock > 1}

    def shown(self, statement):
        action = self.review(sql(statement))["phases"][0]["steps"][0]["forward"]
        self.assertFalse(action["locks_unknown"], statement)
        found = {} if action["lock"] == "none" else {"t": ORDER.index(action["lock"])}
        for other in action["also_locks"]:
            if other["relation"].startswith("tables that the statements do not name"):
                found[None] = ORDER.index(other["lock"])
                continue
            found[other["relation"].removeprefix("public.")] = ORDER.index(other["lock"])
        return {name: lock for name, lock in found.items() if lock > 1}

    @limit(240)
    def test_the_review_shows_the_locks_that_the_server_takes(self):
        for statement in STATEMENTS:
            with self.subTest(statement):
                taken, shown = self.taken(statement), self.shown(statement)
                for name in EXCUSED.get(statement, ()):
                    self.assertGreaterEqual(shown.pop(name), taken.pop(name, 0))
                # A sequence that the table owns goes with it.
                if "sq" not in statement:
                    taken.pop("sq", None)
                unnamed = shown.pop(None, 0)
                for name in set(taken) - set(shown):
                    self.assertLessEqual(taken.pop(name), unnamed, name)
                self.assertEqual({n: ORDER[l] for n, l in taken.items()}, {n: ORDER[l] for n, l in shown.items()})

    def test_statements_that_cannot_be_in_a_transaction_show_theirs_too(self):
        for statement, lock in (("CREATE INDEX CONCURRENTLY i ON public.t (z)", "SHARE UPDATE EXCLUSIVE"),
                                ("DROP INDEX CONCURRENTLY public.tn", "SHARE UPDATE EXCLUSIVE"),
                                ("VACUUM public.t", "SHARE UPDATE EXCLUSIVE"), ("VACUUM FULL public.t", "ACCESS EXCLUSIVE"),
                                ("REINDEX TABLE CONCURRENTLY public.t", "SHARE UPDATE EXCLUSIVE")):
            phase = sql(statement, transaction=False, probe="SELECT false")
            self.assertEqual(self.review(phase)["phases"][0]["steps"][0]["forward"]["lock"], lock, statement)

    def test_what_is_unknown_is_called_unknown(self):
        for statement in ("DO $$BEGIN EXECUTE 'DROP TABLE public.old_t'; END$$", "SELECT public.g()", "CALL public.p()",
                          "CREATE EXTENSION pgcrypto", "DROP TABLE public.old_t CASCADE"):
            path = self.plan(plans.plan("p", "public.t", [sql(statement, "DO $$BEGIN END$$")]))
            action = self.tidemark.json("plan", path)["phases"][0]["steps"][0]
            self.assertTrue(action["forward"]["locks_unknown"], statement)
            self.assertEqual(action["forward"]["touches"], "unknown", statement)
            self.assertEqual(action["releases"], "new only" if "CASCADE" in statement else "unknown", statement)
            text = self.tidemark.ok("plan", path).out
            self.assertRegex(text, r"lock +.*unknown")
            self.assertRegex(text, r"touches +unknown")
            self.assertRegex(text, r"time +unknown")
            self.assertNotRegex(text, "time +an instant")
            self.assertNotIn("each undo is an instant", text)
            self.assertNotIn("loses nothing", text)

    @limit(90)
    def test_a_strong_lock_is_let_go_after_five_seconds(self):
        self.execute("CREATE FUNCTION slow(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS "
                     "$$BEGIN PERFORM pg_sleep(0.02); RETURN true; END$$")
        path = self.plan(plans.plan("p", "public.t", [sql("ALTER TABLE public.t ADD CONSTRAINT c CHECK (public.slow(a))",
                                                          "ALTER TABLE public.t DROP CONSTRAINT c")]))
        result = self.tidemark("run", path)
        self.assertNotEqual(result.code, 0)
        self.assertLess(result.seconds, 12)
        self.assertRegex(result.err, "statement timeout")
        self.assertIn("nothing was changed", result.err)
        self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname = 'c'"), 0)
        # As the finding says that lint names: in two phases, of which the long one keeps nobody out.
        self.assertIn("NOT VALID in one phase", self.tidemark.ok("lint", "--db", path).out)
        self.tidemark.ok("rollback", "p", "--yes")
        path = self.plan(plans.plan("q", "public.t", [
            sql("ALTER TABLE public.t ADD CONSTRAINT c CHECK (public.slow(a)) NOT VALID", "ALTER TABLE public.t DROP CONSTRAINT c", id="add"),
            sql("ALTER TABLE public.t VALIDATE CONSTRAINT c", "SELECT 1", id="validate")]))
        self.tidemark.ok("run", path)
        self.assertTrue(self.value("SELECT convalidated FROM pg_constraint WHERE conname = 'c'"))


class Findings(SqlCase):
    def setUp(self):
        super().setUp()
        self.execute(SETUP)

    def says(self, act, *rules, **more):
        """Every rule with the number of its statement."""
        found = self.findings(sql(act, "SELECT 1", **more)).out
        for number, rule in rules:
            self.assertRegex(found, rf'statement {number} of "act".*\[{rule}\]', f"{act}\n{found}")
        return found

    @limit(120)
    def test_each_danger_is_named_with_the_number_of_its_statement(self):
        add = "ALTER TABLE public.t ADD CONSTRAINT c CHECK (a < 100000) NOT VALID"
        self.says([add, "ALTER TABLE public.t VALIDATE CONSTRAINT c"], (2, "sql-lock-held"))
        self.says([f"{add}; ALTER TABLE public.t VALIDATE CONSTRAINT c"], (2, "sql-lock-held"))
        self.says(["SELECT 1", "DROP TABLE public.old_t"], (2, "sql-drops"))
        self.says(["ALTER TABLE public.t DROP COLUMN k"], (1, "sql-drops"))
        self.says(["TRUNCATE public.t"], (1, "sql-drops"))
        self.says(["ALTER TABLE public.t RENAME COLUMN a TO b"], (1, "sql-renames"))
        self.says(["ALTER TABLE public.t RENAME TO tt"], (1, "sql-renames"))
        self.says(["ALTER VIEW public.v RENAME TO w"], (1, "sql-renames"))
        self.says(["UPDATE public.t SET n = upper(n)"], (1, "sql-all-rows"))
        self.says(["DELETE FROM public.t"], (1, "sql-all-rows"))
        self.says(["ALTER TABLE public.t ADD COLUMN b int NOT NULL"], (1, "sql-not-null"))
        self.says(["DROP INDEX public.tn"], (1, "sql-concurrently"))
        self.says(["ALTER TABLE public.p DETACH PARTITION public.p1"], (1, "sql-concurrently"))
        self.says(["ALTER TABLE t ADD COLUMN b int"], (1, "sql-unqualified"))
        self.says(["DO $$BEGIN END$$"], (1, "sql-unknown"))
        self.says(["SELECT 1", "SET LOCAL statement_timeout = 0"], (2, "sql-setting"))
        self.says(["SET search_path = other"], (1, "sql-setting"), (1, "sql-unknown"))
        self.says(["DROP VIEW public.v"], (1, "sql-breaks"))
        self.says(["CREATE INDEX i ON public.t (z)", "ALTER TABLE public.t ALTER a TYPE bigint"],
                  (1, "sql-blocking"), (2, "sql-rewrite"))
        self.says(["DROP TABLE public.u CASCADE"], (1, "sql-cascade"), (1, "sql-unknown"))
        self.says(["ALTER TABLE public.u ADD COLUMN x boolean NOT NULL DEFAULT true", "ALTER TABLE public.u ALTER COLUMN x DROP DEFAULT"],
                  (2, "sql-breaks"))
        self.says(["ALTER TABLE public.t ALTER n DROP DEFAULT"], (1, "sql-breaks"))
        self.says(["ALTER TYPE public.e ADD VALUE 'b'", "UPDATE public.t SET n = 'b'::public.e::text WHERE a = 1"], (1, "sql-new-value"))
        made = self.findings(sql(["CREATE TYPE public.e2 AS ENUM ('a')", "ALTER TYPE public.e2 ADD VALUE 'b'",
                                  "COMMENT ON TABLE public.t IS 'b'"], "SELECT 1")).ok().out
        self.assertNotIn("sql-new-value", made)
        self.says(["INSERT INTO public.old_t SELECT public.g()"], (1, "sql-unknown"))
        self.says(["ALTER TABLE public.u ADD COLUMN x int DEFAULT public.g()"], (1, "sql-rewrite"))

    def test_a_table_that_is_made_in_the_same_act_is_nobodys(self):
        for act in ("CREATE TEMP TABLE x (id int); INSERT INTO x SELECT id FROM public.t; UPDATE x SET id = 1; TRUNCATE x; DROP TABLE x",
                    "CREATE TABLE public.y (b int); CREATE INDEX ON public.y (b); ALTER TABLE public.y RENAME COLUMN b TO c",
                    "CREATE TEMP TABLE t (id int); DROP TABLE t"):
            found = self.findings(sql(act, "SELECT 1")).ok()
            self.assertIn("0 errors, 0 warnings", found.out + found.err, act)
            self.assertEqual(self.review(sql(act, "SELECT 1"))["phases"][0]["steps"][-1]["releases"], "both", act)
        self.says("CREATE TABLE IF NOT EXISTS public.u (b int); DROP TABLE public.u", (2, "sql-drops"))

    def test_a_danger_is_said_once(self):
        self.execute("UPDATE pg_class SET reltuples = 1e9, relpages = 1e7 WHERE relname = 't'")
        found = self.findings(sql("CREATE INDEX i ON public.t (z)", "SELECT 1")).expect(3).out
        self.assertEqual(found.count("[sql-blocking]"), 1, found)
        self.assertRegex(found, r"error: statement 1.*it cannot succeed.*\[sql-blocking\]")

    @limit(60)
    def test_a_statement_cannot_lift_the_limits(self):
        act = ["SET statement_timeout = 0", "SET LOCAL lock_timeout = 0", "LOCK TABLE public.old_t", "SELECT pg_sleep(30)"]
        result = self.tidemark("run", self.plan(plans.plan("p", "public.t", [sql(act, "SELECT 1")])))
        self.assertNotEqual(result.code, 0)
        self.assertLess(result.seconds, 15)
        self.assertRegex(result.err, "statement timeout")

    def test_what_is_sure_to_fail_is_an_error(self):
        self.execute("UPDATE pg_class SET reltuples = 1e9, relpages = 1e7 WHERE relname = 't'")
        for act, rule in (("ALTER TABLE public.t ADD COLUMN b int NOT NULL", "sql-not-null"),
                          ("ALTER TABLE public.t ALTER a TYPE bigint", "sql-rewrite"),
                          ("CREATE INDEX i ON public.t (z)", "sql-blocking"),
                          (["ALTER TABLE public.t ADD CONSTRAINT c CHECK (a < 9) NOT VALID", "ALTER TABLE public.t VALIDATE CONSTRAINT c"],
                           "sql-lock-held")):
            self.assertRegex(self.findings(sql(act, "SELECT 1")).expect(3).out, rf"error: statement.*\[{rule}\]")
        self.assertIn("it cannot succeed", self.findings(sql("CREATE INDEX i ON public.t (z)", "SELECT 1")).out)
        self.findings(sql("ALTER TABLE public.t VALIDATE CONSTRAINT nv", "SELECT 1")).ok()

    def test_columns_that_are_kept_in_step_are_not_taken_away(self):
        self.execute("DROP RULE ru ON t")
        pair = [{"kind": "add_column", "column": "b", "type": "integer"}, {"kind": "dual_write", "from": "a", "to": "b"}]
        for act in ("ALTER TABLE public.t RENAME COLUMN a TO aa", "ALTER TABLE public.t DROP COLUMN b",
                    "ALTER TABLE public.t ALTER a TYPE numeric", "ALTER TABLE public.t DISABLE TRIGGER ALL"):
            self.assertIn("sql-pair", self.findings(*pair, sql(act, "SELECT 1")).expect(3).out, act)
        self.findings(*pair, sql("ALTER TABLE public.t DISABLE TRIGGER tr", "ALTER TABLE public.t ENABLE TRIGGER tr")).ok()
        self.tidemark.ok("run", self.plan(plans.plan("one", "public.t", pair), "one.toml"))
        for act in ("ALTER TABLE public.t RENAME COLUMN a TO aa", "ALTER TABLE public.t DROP COLUMN b"):
            self.assertIn("[plan-overlap]", self.findings(sql(act, "SELECT 1")).expect(3).out, act)
        self.assertIn("[plan-overlap-sql]", self.findings(sql("UPDATE public.t SET b = 1 WHERE id = 1", "SELECT 1")).ok().out)
        self.assertNotIn("overlap", self.findings(sql("UPDATE public.u SET b = 100 WHERE b = 1", "SELECT 1")).ok().out)

    def test_what_is_harmless_is_not_warned_of(self):
        for act in ("ALTER TABLE public.t ADD COLUMN b int", "COMMENT ON COLUMN public.t.a IS 'x'",
                    "ALTER TABLE public.t VALIDATE CONSTRAINT nv", "INSERT INTO public.old_t VALUES (1)",
                    "ALTER TABLE public.t ADD CONSTRAINT c UNIQUE USING INDEX ta", "UPDATE public.t SET a = 5 WHERE id = 5",
                    "ALTER TABLE public.t SET (fillfactor = 90)", "CREATE VIEW public.w AS SELECT a FROM public.t",
                    "GRANT SELECT ON public.t TO postgres"):
            found = self.findings(sql(act, "SELECT 1")).ok()
            self.assertIn("0 errors, 0 warnings", found.out + found.err, act)

    def test_what_is_lost_is_said(self):
        for act, undo, loses, note in (
                ("ALTER TABLE public.t DROP COLUMN k", "ALTER TABLE public.t ADD COLUMN k int", "lossy", "the values of public.t.k"),
                ("ALTER TABLE public.t ADD COLUMN b int", "ALTER TABLE public.t DROP COLUMN b", "lossy", "the values of public.t.b"),
                ("UPDATE public.t SET n = upper(n)", "SELECT 1", "lossy", "what statement 1 overwrites"),
                ("UPDATE public.t SET a = a + 1", "UPDATE public.t SET a = a - 1", "unknown", "unless the undo restores it"),
                ("TRUNCATE public.old_t", "SELECT 1", "lossy", "the rows of public.old_t"),
                ("DO $$BEGIN END$$", "SELECT 1", "unknown", 'what statement 1 of "act" does cannot be read'),
                ("ALTER TABLE public.t SET (fillfactor = 90)", "ALTER TABLE public.t RESET (fillfactor)", "nothing", None)):
            step = self.review(sql(act, undo))["phases"][0]["steps"][0]["undo"][0]
            self.assertEqual(step["loses"], loses, act)
            self.assertTrue(note is None or note in step["loss_note"], (act, step["loss_note"]))

    def test_rows_that_go_with_others_are_said(self):
        self.execute("CREATE TABLE ca (a int REFERENCES t ON DELETE CASCADE); CREATE TABLE sn (a int REFERENCES t ON DELETE SET NULL ON UPDATE CASCADE);"
                     "CREATE TABLE ra (a int REFERENCES t)")
        for act, notes, others in (
                ("DELETE FROM public.t WHERE id = 1", ["a row of public.ca that refers to one goes with it", "a row of public.sn that refers to one loses the value"],
                 {"public.ca": "ROW EXCLUSIVE", "public.sn": "ROW EXCLUSIVE"}),
                ("UPDATE public.t SET id = id + 1 WHERE id > 9", ["a row of public.sn that refers to one gets its new value"], {"public.sn": "ROW EXCLUSIVE"}),
                ("UPDATE public.t SET z = 1 WHERE id > 9", [], {}),
                ("TRUNCATE public.t CASCADE", ["public.ca that refers to one is emptied", "public.sn that refers to one is emptied", "public.ra that refers to one is emptied"],
                 {"public.ca": "ACCESS EXCLUSIVE", "public.sn": "ACCESS EXCLUSIVE", "public.ra": "ACCESS EXCLUSIVE"}),
                ("DELETE FROM public.u WHERE b = 1", ["is deleted too where a foreign key has ON DELETE CASCADE"], {"public.u": "ROW EXCLUSIVE"})):
            step = self.review(sql(act, "SELECT 1"))["phases"][0]["steps"][0]
            for note in notes:
                self.assertIn(note, step["undo"][0]["loss_note"], act)
            self.assertEqual({row["relation"]: row["lock"].upper() for row in step["forward"]["also_locks"]}, others, act)
            self.assertEqual("[sql-referenced]" in self.findings(sql(act, "SELECT 1")).out, bool(notes) and "public.u" not in act, act)

    def test_releases(self):
        self.execute("DROP RULE ru ON t")
        fills = [{"kind": "add_column", "column": "extra", "type": "integer"}, {"kind": "backfill", "set": {"extra": "a * 2"},
                 "other_triggers": "fire"}, {"kind": "set_not_null", "column": "extra"}, {"kind": "backfill", "id": "again",
                 "set": {"a": "a"}, "where": "a < 0", "other_triggers": "fire"}]
        phases = self.review(*fills)["phases"]
        self.assertEqual([p["steps"][-1]["releases"] for p in phases], ["both", "both", "new only", "new only"])
        for act, word in (("ALTER TABLE public.t ADD COLUMN b int", "both"), ("ALTER TABLE public.t DROP COLUMN k", "new only"),
                          ("ALTER TABLE public.t RENAME COLUMN a TO b", "new only"), ("DO $$BEGIN END$$", "unknown"),
                          ("DROP VIEW public.v", "new only"), ("ALTER TABLE public.t ADD COLUMN b int NOT NULL DEFAULT 1", "both"),
                          ("ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "unknown"),
                          ("ALTER TABLE public.t ALTER n DROP DEFAULT", "new only"), ("ALTER TABLE public.t ALTER a DROP DEFAULT", "unknown"),
                          ("ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY USING INDEX ta", "unknown")):
            step = self.review(sql(act, "SELECT 1"))["phases"][0]["steps"][-1]
            self.assertEqual(step["releases"], word, act)
            self.assertEqual(step["releases_note"] is None, word == "both")
        fill = [{"kind": "set_not_null", "column": "k"}]
        self.assertEqual(self.review(*fill)["phases"][0]["steps"][-1]["releases"], "unknown")
        fill = [{"kind": "set_not_null", "column": "n"}]
        self.execute("ALTER TABLE t ALTER n DROP NOT NULL")
        self.assertEqual(self.review(*fill)["phases"][0]["steps"][-1]["releases"], "both")


class Applied(SqlCase):
    """What the statements make, drop and rename is there, or not, for the phases after them."""

    def change(self, *between, old="v", type="bigint", accept=(), drop=(), before=()):
        switch = {"kind": "switch", "gate": "manual", "swap_names": True}
        if accept:
            switch["accept"] = list(accept)
        phases = [{"kind": "add_column", "column": "v_new", "type": type}, {"kind": "dual_write", "from": old, "to": "v_new"},
                  {"kind": "backfill", "other_triggers": "fire"}, *between, {"kind": "verify"}, *before, switch,
                  {"kind": "drop_column", "column": "v_new", "gate": "manual", **({"accept": list(drop)} if drop else {})}]
        return self.plan(plans.plan("p", "public.t", phases))

    def goes_through(self, path):
        self.tidemark.ok("lint", "--db", path)
        self.tidemark.ok("run", path)
        self.tidemark.ok("advance", "p")
        self.tidemark.ok("advance", "p")
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    @limit(90)
    def test_a_check_that_two_phases_make(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer CONSTRAINT t_v_c CHECK (v > 0), o int);"
                     "INSERT INTO t SELECT g, g, g FROM generate_series(1, 50) g")
        before = self.fingerprint()
        path = self.change(
            sql("ALTER TABLE public.t ADD CONSTRAINT t_v_new_c CHECK (v_new > 0) NOT VALID",
                "ALTER TABLE public.t DROP CONSTRAINT t_v_new_c", id="chk"),
            sql("ALTER TABLE public.t VALIDATE CONSTRAINT t_v_new_c", "SELECT 1", id="val"))
        self.tidemark.ok("lint", "--db", path)
        self.tidemark.ok("run", path)
        self.tidemark.ok("rollback", "p", "--yes")
        self.assert_same_schema(before)
        self.tidemark.ok("run", path, "--again")
        self.tidemark.ok("advance", "p")
        self.tidemark.ok("advance", "p")
        with self.assertRaises(Exception):
            self.execute("UPDATE t SET v = -1 WHERE id = 1")

    @limit(90)
    def test_the_check_alone_is_not_enough_while_it_is_not_valid(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer CONSTRAINT t_v_c CHECK (v > 0))")
        path = self.change(sql("ALTER TABLE public.t ADD CONSTRAINT t_v_new_c CHECK (v_new > 0) NOT VALID",
                               "ALTER TABLE public.t DROP CONSTRAINT t_v_new_c"))
        self.assertIn("t_v_c", self.tidemark("lint", "--db", path).expect(3).out)
        other = self.change(sql(["ALTER TABLE public.t ADD CONSTRAINT t_v_new_c CHECK (v_new > 1)"], "SELECT 1"))
        self.assertIn("t_v_c", self.tidemark("lint", "--db", other).expect(3).out)

    @limit(90)
    def test_a_sequence_that_a_phase_moves(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v serial, o int); INSERT INTO t SELECT g, g, g FROM generate_series(1, 50) g")
        path = self.change(sql("ALTER SEQUENCE public.t_v_seq OWNED BY public.t.v_new",
                               "ALTER SEQUENCE public.t_v_seq OWNED BY public.t.v"))
        found = self.tidemark("lint", "--db", path)
        self.assertNotIn("switch-sequence", found.out)

    @limit(90)
    def test_a_unique_constraint_made_of_an_index(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer CONSTRAINT t_v_u UNIQUE);"
                     "INSERT INTO t SELECT g, g FROM generate_series(1, 50) g")
        index = {"kind": "create_index", "name": "t_v_new_u", "columns": ["v_new"], "unique": True}
        alone = self.tidemark("lint", "--db", self.change(index)).expect(3).out
        self.assertIn("switch-on-conflict", alone)
        both = self.change(index, sql("ALTER TABLE public.t ADD CONSTRAINT t_v_new_u UNIQUE USING INDEX t_v_new_u",
                                      "ALTER TABLE public.t DROP CONSTRAINT t_v_new_u"), accept=["t_v_new_u"])
        self.tidemark.ok("lint", "--db", both)

    @limit(90)
    def test_a_view_and_a_function_that_are_replaced(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int); INSERT INTO t SELECT g, g, g FROM generate_series(1, 50) g;"
                     "CREATE VIEW w AS SELECT id, v AS val FROM t;"
                     "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM public.t'")
        refused = self.tidemark("lint", "--db", self.change()).expect(3).out
        self.assertIn('"w"', refused)
        path = self.change(accept=["total"], before=[sql(["DROP VIEW public.w", "CREATE VIEW public.w AS SELECT id, o AS val FROM public.t"],
                                       ["DROP VIEW public.w", "CREATE VIEW public.w AS SELECT id, v AS val FROM public.t"])])
        self.goes_through(path)

    @limit(90)
    def test_columns_and_indexes_that_statements_make(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int); INSERT INTO t SELECT g, g, g FROM generate_series(1, 50) g;"
                     "CREATE INDEX t_v_i ON t (v DESC) WHERE v > 3")
        phases = [sql("ALTER TABLE public.t ADD COLUMN v_new bigint", "ALTER TABLE public.t DROP COLUMN v_new", id="add"),
                  {"kind": "dual_write", "from": "v", "to": "v_new"}, {"kind": "backfill"},
                  sql("CREATE INDEX CONCURRENTLY t_v_new_i ON public.t (v_new DESC) WHERE v_new > 3",
                      "DROP INDEX CONCURRENTLY public.t_v_new_i", id="ix", transaction=False,
                      probe="SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.t_v_new_i') AND indisvalid)"),
                  {"kind": "verify"}, {"kind": "switch", "gate": "manual", "swap_names": True},
                  {"kind": "drop_column", "column": "v_new", "gate": "manual"}]
        self.goes_through(self.plan(plans.plan("p", "public.t", phases)))
        self.assertEqual(self.value("SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v'"), "bigint")

    @limit(120)
    def test_integer_to_bigint_of_a_primary_key_that_others_refer_to(self):
        """What has no kind of its own yet goes through statements: sequence, keys in and out, the primary key itself."""
        self.execute("CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'x' FROM generate_series(1, 100);"
                     "CREATE TABLE c1 (id bigint PRIMARY KEY, r int NOT NULL CONSTRAINT c1_fk REFERENCES t ON DELETE CASCADE);"
                     "CREATE TABLE c2 (r int CONSTRAINT c2_fk REFERENCES t(id));"
                     "INSERT INTO c1 SELECT g, g FROM generate_series(1, 100) g; INSERT INTO c2 SELECT g FROM generate_series(1, 50) g")
        before = self.fingerprint()

        def key(number, table, column, more):
            return [sql(f"ALTER TABLE public.{table} ADD CONSTRAINT {table}_fkn FOREIGN KEY (r) REFERENCES public.t({column}){more} NOT VALID",
                        f"ALTER TABLE public.{table} DROP CONSTRAINT {table}_fkn", id=f"fk{number}"),
                    sql(f"ALTER TABLE public.{table} VALIDATE CONSTRAINT {table}_fkn", "SELECT 1", id=f"fk{number}v")]

        phases = [sql("ALTER SEQUENCE public.t_id_seq OWNED BY NONE", "ALTER SEQUENCE public.t_id_seq OWNED BY public.t.id", id="free",
                      lock="share row exclusive"),
                  {"kind": "add_column", "column": "id_new", "type": "bigint"}, {"kind": "dual_write", "from": "id", "to": "id_new"},
                  {"kind": "backfill"}, {"kind": "set_not_null", "column": "id_new"},
                  {"kind": "create_index", "name": "t_id_new", "columns": ["id_new"], "unique": True}, {"kind": "verify"},
                  {"kind": "switch", "swap_names": True, "accept": ["t_pkey", "c1_fk", "c2_fk"]},
                  *key(1, "c1", "id", " ON DELETE CASCADE"), *key(2, "c2", "id", ""),
                  sql(["ALTER TABLE public.c1 DROP CONSTRAINT c1_fk", "ALTER TABLE public.c2 DROP CONSTRAINT c2_fk"],
                      ["ALTER TABLE public.c1 ADD CONSTRAINT c1_fk FOREIGN KEY (r) REFERENCES public.t(id_new) ON DELETE CASCADE NOT VALID",
                       "ALTER TABLE public.c1 VALIDATE CONSTRAINT c1_fk",
                       "ALTER TABLE public.c2 ADD CONSTRAINT c2_fk FOREIGN KEY (r) REFERENCES public.t(id_new) NOT VALID",
                       "ALTER TABLE public.c2 VALIDATE CONSTRAINT c2_fk"], id="old"),
                  sql(["ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX t_id_new",
                       "ALTER TABLE public.t ALTER COLUMN id SET DEFAULT nextval('public.t_id_seq'), ALTER COLUMN id_new DROP DEFAULT, "
                       "ALTER COLUMN id_new DROP NOT NULL",
                       "ALTER SEQUENCE public.t_id_seq AS bigint OWNED BY public.t.id"], id="key"),
                  {"kind": "drop_column", "column": "id_new", "gate": "manual"}]
        path = self.plan(plans.plan("p", "public.t", phases))
        self.tidemark.ok("lint", "--db", path)
        drop = self.tidemark.json("plan", path)["phases"][12]["steps"][0]["forward"]
        self.assertEqual((drop["lock"], {o["relation"] for o in drop["also_locks"]}), ("ACCESS EXCLUSIVE", {"public.c1", "public.c2"}))
        self.tidemark.ok("run", path, "--to", "old")
        self.assertEqual(self.rows("INSERT INTO t (v) VALUES ('n') RETURNING id, id_new"), [(101, 101)])
        self.tidemark.ok("rollback", "p", "--yes")
        self.assert_same_schema(before)
        self.tidemark.ok("run", path, "--again")
        self.execute("INSERT INTO t (v) VALUES ('n'); UPDATE t SET v = 'm' WHERE id = 1")
        self.tidemark.ok("advance", "p")
        self.assertEqual(self.value("SELECT state FROM tidemark.run ORDER BY id DESC LIMIT 1"), "complete")
        self.assertEqual(self.rows("INSERT INTO t (v) VALUES ('after') RETURNING id, pg_typeof(id)::text"), [(103, "bigint")])
        self.assertEqual(self.rows("SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
                                   "WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace ORDER BY 1, 2"),
                         [("c1", "f", "FOREIGN KEY (r) REFERENCES t(id) ON DELETE CASCADE"), ("c1", "p", "PRIMARY KEY (id)"),
                          ("c2", "f", "FOREIGN KEY (r) REFERENCES t(id)"), ("t", "p", "PRIMARY KEY (id)")])
        self.assertEqual(self.value("SELECT pg_get_serial_sequence('t', 'id')"), "public.t_id_seq")
        self.execute("DELETE FROM t WHERE id = 60")
        self.assertEqual(self.value("SELECT count(*) FROM c1"), 99)

    def test_a_column_that_a_statement_drops_is_missed(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int)")
        for act, rule in (("ALTER TABLE public.t DROP COLUMN v", "column-missing"), ("ALTER TABLE public.t RENAME COLUMN v TO w", "column-missing")):
            found = self.findings(sql(act, "SELECT 1"), {"kind": "set_not_null", "column": "v"}).expect(3).out
            self.assertIn(rule, found)
        self.findings(sql("ALTER TABLE public.t RENAME COLUMN v TO w", "SELECT 1"), {"kind": "set_not_null", "column": "w"}).ok()

    def test_a_table_that_moves_is_followed(self):
        self.execute("CREATE SCHEMA other; CREATE TABLE t (id int PRIMARY KEY, v integer)")
        look = {"kind": "set_not_null", "column": "x"}
        self.findings(sql(["ALTER TABLE public.t RENAME TO tt", "ALTER TABLE public.tt ADD COLUMN x int",
                           "CREATE VIEW public.t AS SELECT * FROM public.tt"], "SELECT 1"), look).ok()
        self.findings(sql("ALTER TABLE public.t SET SCHEMA other", "SELECT 1"),
                      sql("ALTER TABLE other.t ADD COLUMN x int", "SELECT 1", id="add"), look).ok()

    def test_objects_of_the_same_name_are_told_apart(self):
        self.execute("CREATE SCHEMA other; CREATE TABLE t (id int PRIMARY KEY, v integer); CREATE TABLE u (id int PRIMARY KEY);"
                     "CREATE POLICY po ON t USING (v > 0); CREATE POLICY po ON u USING (true);"
                     "CREATE VIEW w AS SELECT v FROM t; CREATE VIEW other.w AS SELECT 1 AS x")
        drop = {"kind": "drop_column", "column": "v"}
        found = self.findings(sql(["DROP POLICY po ON public.u", "DROP VIEW other.w"], "SELECT 1"), drop).expect(3).out
        self.assertIn("policy po needs", found)
        self.assertIn("view public.w needs", found)
        self.findings(sql(["DROP POLICY po ON public.t", "DROP VIEW public.w"], "SELECT 1"), drop).ok()

    def test_a_column_that_nobody_may_write_is_no_target(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer NOT NULL)")
        for more in ("GENERATED ALWAYS AS (v) STORED", "GENERATED ALWAYS AS IDENTITY"):
            found = self.findings(sql(f"ALTER TABLE public.t ADD COLUMN g int {more}", "ALTER TABLE public.t DROP COLUMN g"),
                                  {"kind": "dual_write", "from": "v", "to": "g"}).expect(3).out
            self.assertRegex(found, "dual-write-(generated|identity)")

    def test_the_catalogue_says_what_the_text_leaves_open(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, c varchar(10), d varchar(10) CHECK (d <> ''), n int CHECK (n IS NOT NULL));"
                     "CREATE DOMAIN dm AS int CHECK (value > 0);"
                     "CREATE FUNCTION vol() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;"
                     "UPDATE pg_class SET reltuples = 1e9, relpages = 1e7 WHERE relname = 't'")
        for act, touches in (("ALTER c TYPE varchar(20)", "nothing"), ("ALTER c TYPE text", "nothing"), ("ALTER n SET NOT NULL", "nothing"),
                             ("ADD COLUMN x int DEFAULT 7", "nothing")):
            path = self.plan(plans.plan("p", "public.t", [sql(f"ALTER TABLE public.t {act}", "SELECT 1")]))
            self.tidemark.ok("lint", "--db", path)
            action = self.tidemark.json("plan", path)["phases"][0]["steps"][0]["forward"]
            self.assertEqual(action["touches"], touches, act)
        for act in ("ALTER c TYPE varchar(5)", "ALTER c TYPE text USING upper(c)", "ALTER d TYPE text", "ALTER c SET NOT NULL",
                    "ADD COLUMN x public.dm", "ADD COLUMN x int DEFAULT public.vol()"):
            self.findings(sql(f"ALTER TABLE public.t {act}", "SELECT 1")).expect(3)

    def test_one_statement_may_put_a_constraint_in_the_place_of_another(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer CONSTRAINT c CHECK (v > 0))")
        again = [sql("ALTER TABLE public.t ADD CONSTRAINT c CHECK (v IS NOT NULL), DROP CONSTRAINT c", "SELECT 1", id="a"),
                 sql("ALTER TABLE public.t ALTER v SET NOT NULL", "SELECT 1", id="b")]
        self.assertEqual(self.review(*again)["phases"][1]["steps"][0]["forward"]["touches"], "nothing")

    def test_a_view_of_another_table_of_the_same_name(self):
        self.execute("CREATE SCHEMA other; CREATE TABLE t (id int PRIMARY KEY, v integer); CREATE TABLE other.t (v int)")
        drop = {"kind": "drop_column", "column": "v"}
        self.findings(sql("CREATE VIEW public.w AS SELECT v FROM other.t", "DROP VIEW public.w"), drop).ok()
        for table in ("public.t", "t"):
            found = self.findings(sql(f"CREATE VIEW public.w AS SELECT v FROM {table}", "DROP VIEW public.w"), drop).expect(3).out
            self.assertIn("view public.w needs", found)

    def test_a_drop_finds_what_the_statements_have_hung_on_the_column(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int); CREATE TABLE u (id int PRIMARY KEY);"
                     "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;"
                     "CREATE TRIGGER old BEFORE UPDATE OF v ON t FOR EACH ROW EXECUTE FUNCTION f()")
        drop = {"kind": "drop_column", "column": "v"}
        body = "$$BEGIN NEW.v := 1; RETURN NEW; END$$"
        trigger = "EXECUTE FUNCTION public.g()"
        function = f"CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS {body}"
        for act, says in ((["CREATE POLICY po ON public.t USING (v > 0)"], "policy po needs"),
                          (["CREATE POLICY po ON public.u USING (id IN (SELECT v FROM public.t))"], "policy on public.u named po needs"),
                          (["CREATE POLICY po ON public.t USING (o > 0)", "ALTER POLICY po ON public.t USING (v > 0)"], "policy po needs"),
                          (["CREATE RULE ru AS ON DELETE TO public.t WHERE old.v > 0 DO NOTHING"], "rule ru needs"),
                          (["ALTER TRIGGER old ON public.t RENAME TO new_name"], "now named new_name"),
                          ([function, f"CREATE TRIGGER tg BEFORE INSERT ON public.t FOR EACH ROW {trigger}"], "trigger tg, which calls"),
                          (["CREATE FUNCTION public.s() RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM public.t'"], "function public.s names"),
                          (["CREATE PUBLICATION pb FOR TABLE public.t (id, v)"], "publication pb")):
            found = self.findings(sql(act, "SELECT 1"), drop).expect(3).out
            self.assertIn(says, found, act)
        gone = ["DROP TRIGGER old ON public.t", "CREATE POLICY po ON public.t USING (v > 0) WITH CHECK (v > 0)", "CREATE PUBLICATION pb FOR TABLE public.t (id, v)"]
        back = ["ALTER POLICY po ON public.t USING (o > 0) WITH CHECK (o > 0)", "DROP PUBLICATION pb"]
        self.findings(sql(gone + back, "SELECT 1"), drop).ok()

    def test_a_foreign_key_to_the_primary_key_needs_no_columns(self):
        self.execute("CREATE TABLE pa (id int PRIMARY KEY, o int UNIQUE); CREATE TABLE t (id int PRIMARY KEY, v integer REFERENCES pa, o int)")
        for says, twin in (("public.pa", True), ("public.pa (id)", True), ("pa", True), ("public.pa (o)", False), ("public.pa ON DELETE CASCADE", False)):
            key = sql([f"ALTER TABLE public.t ADD CONSTRAINT tn FOREIGN KEY (v_new) REFERENCES {says}"], "ALTER TABLE public.t DROP CONSTRAINT tn")
            found = self.tidemark("lint", "--db", self.change(key))
            self.assertEqual("switch-constraint" not in found.out, twin, (says, found.out))
        self.execute("ALTER TABLE t DROP CONSTRAINT t_v_fkey, ADD CONSTRAINT t_v_fkey FOREIGN KEY (v) REFERENCES pa (o)")
        self.assertIn("[switch-constraint]", self.tidemark("lint", "--db", self.change(
            sql("ALTER TABLE public.t ADD CONSTRAINT tn FOREIGN KEY (v_new) REFERENCES public.pa", "SELECT 1"))).out)

    def test_privileges_that_statements_give_and_take(self):
        """What GRANT says of the new column is not asked for once more; what REVOKE takes is missed."""
        self.execute('CREATE TABLE t (id int PRIMARY KEY, v integer, o int); DROP ROLE IF EXISTS "Web", app; CREATE ROLE "Web"; CREATE ROLE app;'
                     'GRANT SELECT (v), UPDATE (v) ON t TO "Web"; GRANT SELECT (v) ON t TO app WITH GRANT OPTION')
        web, app = 'GRANT SELECT (v_new), UPDATE (v_new) ON public.t TO "Web"', "GRANT SELECT (v_new) ON TABLE public.t TO app WITH GRANT OPTION"
        for act, same in (([app, web], True), ([web], False), ([web, app.replace(" WITH GRANT OPTION", "")], False), ([app, web.replace('"Web"', "Web")], False),
                          ([app, web, "REVOKE UPDATE (v_new) ON public.t FROM app"], True), ([app, web, 'REVOKE UPDATE (v_new) ON public.t FROM "Web"'], False),
                          ([app, web, "REVOKE GRANT OPTION FOR SELECT (v_new) ON public.t FROM app"], False),
                          ([app, web, "GRANT ALL (v_new) ON public.t TO app"], False), (["REVOKE ALL ON public.t FROM app, \"Web\""], True),
                          (["REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app, \"Web\""], True), (["REVOKE SELECT ON public.t FROM app, \"Web\""], False)):
            # The new column begins without any: it is not a copy that takes them along.
            phases = [{"kind": "add_column", "column": "v_new", "type": "bigint"}, {"kind": "dual_write", "from": "v", "to": "v_new",
                      "up": {"v_new": "v + 0"}, "down": {"v": "v_new"}}, {"kind": "backfill"}, sql(act, "SELECT 1"), {"kind": "verify"}, {"kind": "switch"}]
            found = self.findings(*phases).out
            self.assertEqual("switch-grant" not in found, same, (act, found))

    def test_a_policy_that_says_one_of_its_expressions_keeps_the_other(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int); CREATE TABLE u (id int PRIMARY KEY);"
                     "CREATE POLICY po ON t USING (v > 0); CREATE POLICY pu ON u USING (EXISTS (SELECT FROM t WHERE t.v = u.id));"
                     "CREATE POLICY pb ON t USING (v > 0) WITH CHECK (v > 1)")
        drop = {"kind": "drop_column", "column": "v", "gate": "manual"}
        gone = {"po": "ALTER POLICY po ON public.t USING (o > 0)", "pu": "ALTER POLICY pu ON public.u USING (id > 0)",
                "pb": "ALTER POLICY pb ON public.t USING (o > 0) WITH CHECK (o > 1)"}
        self.findings(sql(list(gone.values()), "SELECT 1"), drop).ok()
        for name, still in (("pb", "ALTER POLICY pb ON public.t USING (o > 0)"), ("pb", "ALTER POLICY pb ON public.t WITH CHECK (o > 0)"),
                            ("po", "ALTER POLICY po ON public.t TO PUBLIC"), ("po", "ALTER POLICY po ON public.t WITH CHECK (o > 0)"),
                            ("pu", "ALTER POLICY pu ON public.u WITH CHECK (id > 0)"), ("po", "ALTER POLICY po ON public.u USING (id > 0)")):
            found = self.findings(sql([*(act for key, act in gone.items() if key != name), still], "SELECT 1"), drop).expect(3).out
            self.assertIn(f'accept = ["{name}"]', found, still)

    def test_code_that_takes_columns_by_position_meets_no_other_number(self):
        """What add_column and drop_column are asked, a statement that adds or drops a column is asked too."""
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, o int); CREATE TABLE h (id int, v integer, o int);"
                     "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO h SELECT OLD.*; RETURN NEW; END$$;"
                     "CREATE TRIGGER kt AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION keep();"
                     "CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql AS 'SELECT sum(o) FROM public.t'")
        named = "CREATE OR REPLACE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.h (id) SELECT OLD.id; RETURN NEW; END$$"
        add, drop = "ALTER TABLE public.t ADD COLUMN x int", "ALTER TABLE public.t DROP COLUMN o"
        for act, rules, accept in ((add, ["[add-column-row]"], None), (drop, ["[drop-column-dependent]", "function public.reads"], None),
                                   (add, [], ["kt"]), (drop, ["function public.reads"], ["kt"]), (drop, [], ["kt", "reads"]),
                                   ([add, named], [], None), (["ALTER TABLE public.t ADD COLUMN IF NOT EXISTS v int"], [], None),
                                   ("ALTER TABLE public.h ADD COLUMN x int", [], None)):
            found = self.findings({**sql(act, "SELECT 1"), **({"accept": accept} if accept else {})})
            self.assertEqual(found.code, 3 if rules else 0, (act, accept, found.out))
            for rule in rules:
                self.assertIn(rule, found.out)
        self.execute("CREATE PUBLICATION pb FOR TABLE t")
        self.assertIn("[add-column-published]", self.findings(sql([named, add], "SELECT 1")).expect(3).out)
        self.findings({**sql([named, add], "SELECT 1"), "accept": ["t"]}).ok()

    def test_publications_and_rules_that_statements_make_are_seen(self):
        self.execute("CREATE TABLE t (id int, v integer); CREATE TABLE u (id int PRIMARY KEY)")
        fill = [{"kind": "add_column", "column": "x", "type": "integer"}, {"kind": "backfill", "set": {"x": "v"}, "order": "heap"}]
        self.assertIn("[backfill-rule]", self.findings(sql("CREATE RULE ru AS ON UPDATE TO public.t WHERE false DO NOTHING", "SELECT 1"), *fill).out)
        for act, hit in (("CREATE PUBLICATION pb FOR TABLE public.t", True), ("CREATE PUBLICATION pb FOR ALL TABLES", True),
                         ("CREATE PUBLICATION pb FOR TABLE public.t; ALTER PUBLICATION pb DROP TABLE public.t", False),
                         ("CREATE PUBLICATION pb FOR TABLE public.u", False),
                         ("CREATE PUBLICATION pb FOR TABLE public.t; ALTER PUBLICATION pb SET TABLE public.u", False),
                         ("CREATE PUBLICATION pb FOR TABLE public.u; ALTER PUBLICATION pb SET TABLE public.t, public.u", True),
                         ('CREATE PUBLICATION "P, b" FOR TABLE public.t; ALTER PUBLICATION "P, b" ADD TABLE public.u; DROP PUBLICATION "P, b"', False),
                         ("CREATE PUBLICATION pb; ALTER PUBLICATION pb ADD TABLES IN SCHEMA public", True),
                         ("CREATE PUBLICATION pb; ALTER PUBLICATION pb ADD TABLES IN SCHEMA elsewhere", False)):
            found = self.findings(sql(act, "SELECT 1"), *fill).out
            self.assertEqual("[add-column-published]" in found, hit, found)

    def test_statements_find_what_those_before_them_have_left(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer, w int NOT NULL DEFAULT 1)")
        proved = ["ALTER TABLE public.t ADD CONSTRAINT c CHECK (v IS NOT NULL) NOT VALID", "ALTER TABLE public.t VALIDATE CONSTRAINT c",
                  "ALTER TABLE public.t ALTER v SET NOT NULL"]
        found = self.findings(sql(proved, "SELECT 1")).ok().out
        self.assertIn("[sql-lock-held]", found)
        there = sql("ALTER TABLE public.t ADD COLUMN IF NOT EXISTS w int CHECK (w > 5) UNIQUE", "SELECT 1", id="a")
        index = {"kind": "create_index", "name": "t_w_key", "columns": ["w"]}
        self.findings(there, index).ok()
        new = sql("ALTER TABLE public.t ADD COLUMN IF NOT EXISTS y int UNIQUE", "SELECT 1", id="a")
        self.assertIn("t_y_key", self.findings(new, {"kind": "create_index", "name": "t_y_key", "columns": ["y"]}).expect(3).out)

    def test_a_column_comes_with_its_constraints(self):
        self.execute("CREATE TABLE t (id int PRIMARY KEY, v integer); CREATE TABLE u (id int PRIMARY KEY);"
                     "INSERT INTO t VALUES (1, 1); CREATE UNIQUE INDEX tv ON t (v)")
        index = {"kind": "create_index", "name": "t_x_key", "columns": ["x"]}
        found = self.findings(sql("ALTER TABLE public.t ADD COLUMN x int CHECK (x > 0) UNIQUE REFERENCES public.u", "SELECT 1"), index)
        self.assertIn("t_x_key", found.expect(3).out)
        act = "ALTER TABLE public.t ADD COLUMN x int DEFAULT 1 CONSTRAINT xc CHECK (x IS NOT NULL) UNIQUE"
        phases = self.review(sql(act, "SELECT 1", id="a"), sql("ALTER TABLE public.t ALTER x SET NOT NULL", "SELECT 1", id="b"))["phases"]
        self.assertEqual(phases[1]["steps"][0]["forward"]["touches"], "nothing")
        key = sql("ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD CONSTRAINT tp PRIMARY KEY USING INDEX tv", "SELECT 1")
        self.assertEqual(self.review(key)["phases"][0]["steps"][0]["forward"]["touches"], "read")


if __name__ == "__main__":
    main()
