"""Where names in user code are found: one rule for triggers, sweeps and proofs, a finding where it would fail, and statements of ours that no schema can get between."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import hints, plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.traffic import run  # noqa: E402

LIB = """
CREATE SCHEMA lib;
CREATE TABLE lib.rate (n integer); INSERT INTO lib.rate VALUES (1);
CREATE TYPE lib.mood AS ENUM ('1', '2');
CREATE FUNCTION lib.plus() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE t (id integer PRIMARY KEY, a integer);
"""
# Each finds something by search_path alone; $1 + 1 or - 1 where it is found. What the finding says of it.
BARE = {
    "call": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 {s} plus(); END'", r"lib\.{f}\(integer\) names plus"),
    "strict": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql STRICT IMMUTABLE AS 'BEGIN RETURN $1 {s} plus(); END'",
               r"lib\.{f}\(integer\) names plus"),
    "text": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE sql IMMUTABLE SET work_mem = '1MB' AS 'SELECT $1 {s} plus()'",
             r"lib\.{f}\(integer\) names plus"),
    "table": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 {s} (SELECT n FROM rate); END'",
              r"lib\.{f}\(integer\) names rate"),
    "cast": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN $1 {s} (('1'::mood)::text)::integer; END$$",
             r"lib\.{f}\(integer\) names mood"),
    # Not seen in the text: the server says it when it is tried.
    "declared": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$DECLARE m mood; BEGIN m := '1';"
                 " RETURN $1 {s} m::text::integer; END$$", r'type "mood" does not exist'),
    "executed": ("CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$DECLARE r integer; BEGIN"
                 " EXECUTE 'SELECT plus()' INTO r; RETURN $1 {s} r; END$$", r"function plus\(\) does not exist"),
}
# These need no search_path.
FINE = {
    "own path": "CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE SET search_path = lib, pg_temp AS 'BEGIN RETURN $1 {s} plus(); END'",
    "schema": "CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 {s} lib.plus(); END'",
    "atomic": "CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT $1 {s} plus(); END",
    # That it fails, everywhere, is another matter, and may pass.
    "missing": "CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
               " $$BEGIN IF $1 IS NULL THEN PERFORM 1 FROM lib.nothing; END IF; RETURN $1 {s} lib.plus(); END$$",
    "words": "CREATE FUNCTION lib.{f}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
             " $$DECLARE rate integer := abs(1); /* FROM rate, plus() */ BEGIN rate := rate + length('') + coalesce(strpos('plus()', 'x'), 0); -- plus()\n"
             " RETURN $1 {s} rate; END$$",
}


class Expressions(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(f"ALTER DATABASE {self.database} SET search_path = public, lib; SET search_path = public, lib;" + LIB)
        if self.server.major < 15:
            self.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def make(self, up, down):
        self.execute("DROP FUNCTION IF EXISTS lib.up(integer), lib.down(integer);" + up.format(f="up", s="+") + ";" + down.format(f="down", s="-"))

    def rename(self, name="p"):
        return self.plan(plans.rename("public.t", "a", "b", "integer", name=name, up="lib.up(a)", down="lib.down(b)", switch="manual", drop_column="manual"))

    def through(self, path):
        """Both releases write at every point of the plan, from a session with no path at all."""
        old, new = "UPDATE t SET a = a + 10 WHERE id = 1", "UPDATE t SET b = b + 10 WHERE id = 2"
        self.tidemark("run", path, "--to", "dual_write").ok()
        conn = self.connect(options="-c search_path=public")
        run(conn, old)
        self.tidemark("run", path).ok()
        run(conn, old)
        self.tidemark("advance", path).ok()
        run(conn, old)
        run(conn, new)
        conn.close()
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a + 1"), 0)
        self.tidemark("rollback", path, "--yes").ok()
        self.execute("DROP SCHEMA tidemark CASCADE")

    @limit(180)
    def test_what_only_the_path_would_find_is_an_error_with_the_statement_that_mends_it(self):
        for rows in (0, 20):
            self.execute("TRUNCATE t; INSERT INTO t SELECT g, g FROM generate_series(1, %s) g", (rows,))
            for name, (make, said) in BARE.items():
                with self.subTest(name, rows=rows):
                    self.make(make, make)
                    path = self.rename()
                    result = self.tidemark("lint", "--db", path).expect(3)
                    self.assertEqual(result.out.count("[dual-write-path]"), 2, result)
                    for function in ("up", "down"):
                        self.assertRegex(result.out, said.format(f=function))
                    refused = self.tidemark("run", path).expect(4)
                    self.assertIn("runs under search_path = pg_catalog", refused.err)
                    statements = re.findall(r"hint: (ALTER FUNCTION lib\.\w+\(integer\) SET search_path = lib, pg_temp)", result.out)
                    if said.startswith("lib"):
                        self.assertEqual(len(statements), 2, result)
                    else:
                        self.assertIn("ALTER FUNCTION … SET search_path = …, pg_temp", " ".join(hints.lines(result)))
                        statements = [f"ALTER FUNCTION lib.{function}(integer) SET search_path = lib, pg_temp" for function in ("up", "down")]
                    self.execute("; ".join(statements))
                    self.tidemark("lint", "--db", path).ok()
                    if rows:
                        self.through(path)

    def test_only_the_way_back_counts_too(self):
        self.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 20) g")
        self.make(FINE["schema"], BARE["call"][0])
        result = self.tidemark("lint", "--db", self.rename()).expect(3)
        self.assertIn('"down" runs under search_path = pg_catalog', result.out)
        self.assertNotIn('"up" runs', result.out)

    @limit(120)
    def test_what_finds_everything_by_itself_is_accepted(self):
        self.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 20) g")
        for name, make in FINE.items():
            with self.subTest(name):
                self.make(make, make)
                self.assertNotIn("dual-write-path", self.tidemark("lint", "--db", self.rename()).ok().out)
                self.through(self.rename())

    def test_jobs_of_the_plan_alone_find_names_as_the_role_does(self):
        """A fill of its own and a condition: no trigger evaluates them."""
        self.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 20) g")
        self.make(BARE["call"][0], BARE["call"][0])
        path = self.plan(plans.plan("p", "public.t", [{"kind": "backfill", "set": {"a": "lib.up(id)"}},
                                                      {"kind": "verify", "condition": "lib.down(a) = id"}]))
        self.tidemark("run", path).ok()
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE a <> id + 1"), 0)


class Between(LiveCase):
    def trap(self):
        """A schema that comes before pg_catalog on the role's path, with operators and functions that nobody may call."""
        self.execute("CREATE SCHEMA trap; CREATE FUNCTION trap.sprung() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'sprung'; END$$")
        for kind in ("bigint", "integer", "oid", "tid", "name", "text", "boolean", "jsonb"):
            self.execute(f"CREATE FUNCTION trap.op({kind}, {kind}) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'sprung by %', $1; END$$")
            for operator in ("=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "&", "||"):
                self.execute(f"CREATE OPERATOR trap.{operator} (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = trap.op)")
        self.execute("CREATE FUNCTION trap.to_json(text[]) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'sprung'; END$$;"
                     "CREATE FUNCTION trap.collect(text[], text) RETURNS text[] LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'sprung'; END$$;"
                     "CREATE AGGREGATE trap.array_agg(text) (SFUNC = trap.collect, STYPE = text[], INITCOND = '{}');"
                     "CREATE FUNCTION trap.format(text, integer) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'sprung'; END$$")

    def test_no_schema_on_the_path_gets_between_a_statement_of_ours_and_the_server(self):
        self.execute("CREATE TABLE items (id integer PRIMARY KEY, qty integer, note text); INSERT INTO items SELECT g, g, 'n' FROM generate_series(1, 500) g")
        self.trap()
        self.execute(f"ALTER DATABASE {self.database} SET search_path = trap, pg_catalog, public")
        # The trap is set.
        conn = self.connect()
        with self.assertRaisesRegex(Exception, "sprung"):
            run(conn, "SELECT 1::bigint = 1::bigint")
        conn.close()
        for order in (None, "keyset"):
            path = self.plan(plans.plan(f"q{order}", "public.items", [{"kind": "backfill", "set": {"note": "repeat('x', 3)"}, "where": "note = 'n'", "order": order},
                                                                     {"kind": "verify", "condition": "note <> 'n'"}]))
            self.tidemark("run", path).ok()
            self.assertEqual(self.tidemark("run", self.plan(plans.plan(f"v{order}", "public.items", [{"kind": "verify", "condition": "id < 400"}]))).code, 5)
            self.tidemark("run", self.plan(plans.rename("public.items", "qty", "quantity", "integer", name=f"p{order}", fill={"order": order}))).ok()
            self.execute("ALTER TABLE items RENAME quantity TO qty; UPDATE items SET note = 'n'")


if __name__ == "__main__":
    main()
