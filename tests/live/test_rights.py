"""Whose code runs as whom: the state's schema, names in SQL of the user, code that a sweep wakes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402
from harness.tidemark import ROOT, Tidemark  # noqa: E402

TABLE = "CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t SELECT i, i FROM generate_series(1, 50) i;"


class RightsCase(LiveCase):
    def setUp(self):
        super().setUp()
        for role in ("mallory", "deploy"):
            self.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
        self.addCleanup(self.drop_roles)

    def drop_roles(self):
        self.conn.rollback()
        self.execute("DROP OWNED BY mallory, deploy CASCADE; DROP ROLE mallory, deploy")

    def as_role(self, role):
        tool = Tidemark(self.server.environment(self.database, role), cwd=self.directory)
        self.addCleanup(tool.kill_all)
        return tool


class State(RightsCase):
    def schema_sql(self):
        with open(os.path.join(ROOT, "orchestrator", "state", "schema.sql"), encoding="utf-8") as file:
            return file.read()

    def refused(self, path, what):
        for command in (("run", path), ("status",), ("history", "p"), ("lint", "--db", path), ("plan", path)):
            result = self.tidemark(*command)
            self.assertEqual(result.code, 3 if command[0] == "lint" else 4, result)
            self.assertIn(what, result.out + result.err)

    def test_a_schema_that_somebody_else_made_is_not_used(self):
        self.execute(TABLE)
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p"))
        self.execute(f"GRANT CREATE ON DATABASE {self.database} TO mallory")
        with self.connect(user="mallory") as conn, conn.cursor() as cursor:
            cursor.execute(self.schema_sql())
        self.refused(path, "it belongs to role mallory")

    def test_what_somebody_has_added_to_ours_is_found(self):
        self.execute(TABLE)
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", switch="manual", drop_column="manual"))
        self.tidemark("run", path).ok()
        self.execute("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$")
        for make, unmake, what in (
                ("CREATE TRIGGER x BEFORE INSERT ON tidemark.run FOR EACH ROW EXECUTE FUNCTION public.f()", "DROP TRIGGER x ON tidemark.run", "trigger x exists on tidemark.run"),
                ("CREATE RULE r AS ON INSERT TO tidemark.run DO NOTHING", "DROP RULE r ON tidemark.run", "rule r exists"),
                ("GRANT CREATE ON SCHEMA tidemark TO mallory", "REVOKE CREATE ON SCHEMA tidemark FROM mallory", "role mallory may create"),
                ("GRANT CREATE ON SCHEMA tidemark TO PUBLIC", "REVOKE CREATE ON SCHEMA tidemark FROM PUBLIC", "everybody may create"),
                ("ALTER TABLE tidemark.conflict OWNER TO mallory", "ALTER TABLE tidemark.conflict OWNER TO postgres", "tidemark.conflict belongs to role mallory"),
                ("ALTER TABLE tidemark.conflict RENAME TO x", "ALTER TABLE tidemark.x RENAME TO conflict", "table tidemark.conflict is missing")):
            self.execute(make)
            self.refused(path, what)
            self.execute(unmake)
        for make, unmake in (("DROP INDEX tidemark.run_one_open", "CREATE UNIQUE INDEX run_one_open ON tidemark.run (plan) WHERE state <> 'rolled_back'"),
                             ("ALTER TABLE tidemark.run ALTER fence DROP NOT NULL", "ALTER TABLE tidemark.run ALTER fence SET NOT NULL"),
                             ("ALTER TABLE tidemark.phase DROP CONSTRAINT phase_run_fkey",
                              "ALTER TABLE tidemark.phase ADD CONSTRAINT phase_run_fkey FOREIGN KEY (run) REFERENCES tidemark.run"),
                             ("ALTER TABLE tidemark.run RENAME reason TO why", "ALTER TABLE tidemark.run RENAME why TO reason")):
            self.execute(make)
            result = self.tidemark("status", "p")
            self.assertEqual(result.code, 4, result)
            self.assertIn("are not as tidemark created them", result.err, make)
            self.execute(unmake)
            self.tidemark("status", "p").ok()
        self.execute("CREATE TABLE kept AS TABLE tidemark.meta; DELETE FROM tidemark.meta")
        result = self.tidemark("run", path)
        self.assertEqual(result.code, 4, result)
        self.assertIn("has version 0", result.err)
        self.execute("INSERT INTO tidemark.meta TABLE kept")
        self.tidemark("advance", "p").ok()

    def test_the_administrators_route_works_as_written(self):
        """docs/operations.md: a role without CREATE on the database, for which the schema is made."""
        self.execute("CREATE ROLE owner_of_t; GRANT owner_of_t TO deploy; ALTER SCHEMA public OWNER TO owner_of_t;"
                     f"REVOKE ALL ON DATABASE {self.database} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE {self.database} TO deploy;" + TABLE +
                     "ALTER TABLE t OWNER TO owner_of_t; CREATE SCHEMA tidemark AUTHORIZATION deploy")
        try:
            tool = self.as_role("deploy")
            path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", switch="manual", drop_column="manual"))
            tool("run", path).ok()
            tool("advance", "p").ok()
            tool("rollback", "p", "--yes").ok()
        finally:
            self.execute("DROP TABLE t; DROP OWNED BY deploy CASCADE; ALTER SCHEMA public OWNER TO postgres; DROP OWNED BY owner_of_t CASCADE; DROP ROLE owner_of_t")


class Path(RightsCase):
    def test_code_that_a_sweep_wakes_finds_its_names(self):
        self.execute("CREATE SCHEMA lib; CREATE FUNCTION lib.low() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT -5';"
                     "CREATE FUNCTION lib.fine(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 > low(); END';"
                     "CREATE TABLE public.log (id integer);"
                     "CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (NEW.id); RETURN NULL; END';"
                     f"ALTER DATABASE {self.database} SET search_path = public, lib; SET search_path = public, lib;" + TABLE +
                     "ALTER TABLE t ADD CHECK (fine(a)); CREATE TRIGGER n AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION noted()")
        if self.server.major < 15:
            self.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        phases = plans.rename_phases("a", "b", "integer", switch="manual", other_triggers="fire")
        phases[4]["accept"] = phases[5]["accept"] = "t_a_check"
        path = self.plan(plans.plan("p", "public.t", phases))
        result = self.tidemark("run", path, "--to", "backfill").ok()
        self.assertEqual(self.value("SELECT count(*) FROM log"), 50, result)

    def test_a_schema_in_which_others_may_create_is_left_out(self):
        self.execute("GRANT CREATE ON SCHEMA public TO mallory;" + TABLE + "CREATE TABLE public.ready (name varchar(9)); INSERT INTO ready VALUES ('x');"
                     "SET ROLE mallory; CREATE FUNCTION public.eq(varchar, text) RETURNS boolean LANGUAGE plpgsql AS"
                     " $$BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN EXECUTE 'ALTER ROLE mallory SUPERUSER'; END IF; RETURN true; END$$;"
                     "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.eq); RESET ROLE")
        for table, code in (("ready", 4), ("public.ready", 0)):
            phases = [{"kind": "sql", "act": "SELECT 1", "undo": "SELECT 1", "gate": {"sql": f"SELECT count(*) > 0 FROM {table} WHERE name = 'x'::text"}}]
            result = self.tidemark("run", self.plan(plans.plan("g" + str(code), "public.t", phases)))
            self.assertEqual(result.code, code, result)
            if code:
                self.assertIn("name it with its schema", result.err)
        self.assertEqual(self.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), False)


class Writers(RightsCase):
    def test_a_role_that_may_not_evaluate_an_expression_is_found_with_its_grant(self):
        self.execute(TABLE + "CREATE SCHEMA util; CREATE FUNCTION util.up(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';"
                     "CREATE FUNCTION util.down(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 - 1'; REVOKE EXECUTE ON FUNCTION util.down FROM PUBLIC;"
                     "CREATE TABLE look (k integer PRIMARY KEY, v integer); GRANT SELECT, INSERT, UPDATE ON t TO mallory")
        for rules, grants in (({"up": "util.up(a)", "down": "util.down(b)"}, ("GRANT USAGE ON SCHEMA util TO mallory", "GRANT EXECUTE ON FUNCTION util.down(integer) TO mallory")),
                              ({"up": "(SELECT v FROM public.look WHERE k = a)", "down": "(SELECT k FROM public.look WHERE v = b)"}, ("GRANT SELECT ON TABLE public.look TO mallory",))):
            path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", switch="manual", drop_column="manual", **rules))
            result = self.tidemark("lint", "--db", path)
            self.assertEqual(result.code, 3, result)
            self.assertIn("[dual-write-role]", result.out)
            for grant in grants:
                self.assertIn(grant, result.out)
                self.execute(grant)
            self.tidemark("lint", "--db", path).ok()

    def test_the_owner_of_the_table_adds_partitions_in_every_phase(self):
        """PostgreSQL creates our triggers on a new partition as whoever adds it, who needs EXECUTE on their functions."""
        self.execute("CREATE TABLE t (id integer, a integer, p integer) PARTITION BY LIST (p); CREATE TABLE t0 PARTITION OF t DEFAULT;"
                     "INSERT INTO t VALUES (1, 1, 0); ALTER TABLE t OWNER TO deploy; ALTER TABLE t0 OWNER TO deploy; GRANT CREATE ON SCHEMA public TO deploy;"
                     "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
        if self.server.major < 15:
            self.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", hold="1h", backfill="manual", switch="manual", drop_column="manual"))
        owner = self.connect(user="deploy")
        for number, command in enumerate((["run", path], ["advance", "p"], ["advance", "p"], ["advance", "p"]), 1):
            self.tidemark(*command).ok()
            with owner.cursor() as cursor:
                cursor.execute(f"CREATE TABLE t{number} PARTITION OF t FOR VALUES IN ({number})")
                cursor.execute(f"INSERT INTO t (id, {'b' if number == 4 else 'a'}, p) VALUES ({number}, 9, {number}) RETURNING b")
                self.assertEqual(cursor.fetchall(), [(9,)])
        self.assertFalse(self.value("SELECT bool_or(has_function_privilege('mallory', oid, 'EXECUTE')) FROM pg_proc WHERE pronamespace = 'tidemark'::regnamespace"
                                    " AND prosecdef"))
        owner.close()
        self.tidemark("rollback", "p", "--yes").ok()

    def test_whoever_may_write_counts(self):
        """Everybody, the owner, a role with rights on a partition only; and of a lookup every column that it reads."""
        self.execute("CREATE TABLE look (k integer PRIMARY KEY, v integer); CREATE TABLE t (id integer, a integer) PARTITION BY LIST (id);"
                     "CREATE TABLE t1 PARTITION OF t DEFAULT; GRANT SELECT (k) ON look TO mallory, deploy")
        path = self.plan(plans.rename("public.t", "a", "b", "integer", name="p", switch="manual", drop_column="manual",
                                      up="(SELECT l.v FROM public.look l WHERE l.k = a)", down="(SELECT l.k FROM public.look l WHERE l.v = b)"))
        self.tidemark("lint", "--db", path).ok()
        for make, unmake, role in (("GRANT INSERT ON t TO PUBLIC", "REVOKE ALL ON t FROM PUBLIC", "PUBLIC"),
                                   ("ALTER TABLE t OWNER TO deploy", "ALTER TABLE t OWNER TO postgres", "deploy"),
                                   ("GRANT UPDATE (a) ON t1 TO mallory", "REVOKE ALL (a) ON t1 FROM mallory", "mallory")):
            self.execute(make)
            self.assertIn(f"GRANT SELECT ON TABLE public.look TO {role}", self.tidemark("lint", "--db", path).expect(3).out, make)
            self.execute(unmake)
        self.tidemark("lint", "--db", path).ok()


if __name__ == "__main__":
    main()
