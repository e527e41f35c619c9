"""What a table is and who follows it: foreign and typed tables, inheritance, publications. Known before anything is done."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import psycopg2  # noqa: E402
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

PLAIN = "CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t SELECT i, i FROM generate_series(1, 50) i;"


class RelationCase(LiveCase):
    def rename(self, hold=None, accept=None, drop_accept=None, column_type="integer", table="public.t", **more):
        made = plans.rename_phases("a", "b", column_type, switch="manual", drop_column="manual", hold=hold, **more)
        made[0]["accept"], made[5]["accept"] = accept, drop_accept
        return self.plan(plans.plan("p", table, made))

    def rules(self, path, severity="error"):
        result = self.tidemark("lint", "--db", path)
        return sorted({line.rsplit("[", 1)[1].split("]")[0] for line in result.out.splitlines() if f" {severity}: " in line})


class Tables(RelationCase):
    def test_a_table_whose_columns_are_not_its_own_is_refused(self):
        for make, rules, table in (
                ("CREATE TYPE pair AS (id integer, a integer); CREATE TABLE t OF pair (PRIMARY KEY (id))", ["table-typed"], "public.t"),
                ("CREATE TABLE par (id integer, a integer); CREATE TABLE t (x integer PRIMARY KEY) INHERITS (par)", ["column-inherited"], "public.t"),
                ("CREATE TABLE r (id integer, a integer) PARTITION BY LIST (id); CREATE TABLE t PARTITION OF r FOR VALUES IN (1)",
                 ["table-partition"], "public.t"),
                ("CREATE TABLE t (id integer PRIMARY KEY, a integer); CREATE TABLE heir () INHERITS (t)", ["dual-write-inheritance"], "public.t"),
                ("CREATE DOMAIN pct AS integer CHECK (VALUE > 0); CREATE DOMAIN pct2 AS pct;" + PLAIN, ["add-column-rewrite"], "public.t")):
            self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + make)
            self.assertEqual(self.rules(self.rename(column_type="pct2" if "pct2" in make else "integer", table=table)), rules, make)

    def test_tables_that_inherit_are_not_changed_or_left_out_unsaid(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer, z integer); CREATE TABLE heir () INHERITS (t)")
        for phase in ({"kind": "drop_column", "column": "z"}, {"kind": "backfill", "set": {"z": "1"}}):
            self.assertEqual(self.rules(self.plan(plans.plan("p", "public.t", [phase]))), ["table-inheritance"], phase)

    def test_a_foreign_partition_is_refused(self):
        if not self.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'"):
            self.skipTest("this installation has no postgres_fdw")
        self.execute("CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;"
                     "CREATE TABLE t (id integer, a integer) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);"
                     "CREATE FOREIGN TABLE tf PARTITION OF t FOR VALUES IN (2) SERVER s")
        self.assertEqual(self.rules(self.rename()), ["table-foreign-partition"])

    def test_a_virtual_column_has_no_index(self):
        if self.server.major < 18:
            self.skipTest("virtual generated columns are of PostgreSQL 18")
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer, g integer GENERATED ALWAYS AS (a * 2) VIRTUAL)")
        for key in ({"columns": "g"}, {"expressions": "g + 1"}, {"columns": "a", "where": "g > 1"}):
            path = self.plan(plans.plan("p", "public.t", [{"kind": "create_index", "name": "ig", **key}]))
            self.assertEqual(self.rules(path), ["create-index-virtual"], key)


class Attaching(RelationCase):
    """Partitions that come between the proof and the switch, when the check stands on the table."""

    TABLE = "CREATE TABLE t (id integer, a text) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1, 'x');"

    def test_each_way_to_add_a_partition_beside_the_check_and_nothing_of_it_stays(self):
        self.execute(self.TABLE)
        path = self.plan(plans.rename("public.t", "a", "b", "text", name="p", up="upper(a)", down="b", switch="manual", drop_column="manual"))
        note = self.tidemark("lint", "--db", path).ok().out
        self.assertIn("[verify-attach]", note)
        self.tidemark("run", path).ok()
        self.execute("CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2)")
        self.execute("CREATE TABLE t3 (LIKE t INCLUDING ALL); INSERT INTO t3 VALUES (3, 'l', 'L'); ALTER TABLE t ATTACH PARTITION t3 FOR VALUES IN (3)")
        self.execute("CREATE TABLE t4 (id integer, a text, b text); INSERT INTO t4 VALUES (4, 'm', 'M')")
        with self.assertRaises(psycopg2.errors.DatatypeMismatch):
            self.execute("ALTER TABLE t ATTACH PARTITION t4 FOR VALUES IN (4)")
        # What the hint says.
        name = re.search(r'add "(\w+)" to it, as pg_get_constraintdef shows it', note).group(1)
        definition = self.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND conname = %s", (name,))
        self.execute(f'ALTER TABLE t4 ADD CONSTRAINT "{name}" {definition}')
        self.execute("ALTER TABLE t ATTACH PARTITION t4 FOR VALUES IN (4)")
        # As pg_dump writes partitions, with the table in the middle of the plan.
        self.execute("CREATE TABLE t5 (LIKE t INCLUDING ALL) PARTITION BY LIST (id); CREATE TABLE t51 (LIKE t INCLUDING ALL);"
                     "ALTER TABLE ONLY t5 ATTACH PARTITION t51 DEFAULT; ALTER TABLE ONLY t ATTACH PARTITION t5 FOR VALUES IN (5); INSERT INTO t VALUES (5, 'n')")
        self.tidemark("advance", "p").ok()
        checks = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE conname LIKE '%in_step'"
        self.assertEqual(self.rows(checks), [])
        for number in range(1, 6):
            self.execute(f"INSERT INTO t (id, b) VALUES ({number}, 'MiXed')")
        self.assertEqual(self.rows("SELECT DISTINCT a, b FROM t WHERE b = 'MiXed'"), [("MiXed", "MiXed")])
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE b <> upper(a)"), 5)

    def test_the_way_back_leaves_nothing_on_a_partition_that_was_attached(self):
        self.execute(self.TABLE)
        self.tidemark("run", self.plan(plans.rename("public.t", "a", "b", "text", name="p", switch="manual"))).ok()
        self.execute("CREATE TABLE t3 (LIKE t INCLUDING ALL); ALTER TABLE t ATTACH PARTITION t3 FOR VALUES IN (3)")
        self.tidemark("rollback", "p", "--yes").ok()
        self.assertEqual(self.value("SELECT count(*) FROM pg_constraint WHERE conname LIKE '%in_step'"), 0)
        self.execute("CREATE TABLE t4 (id integer, a text); ALTER TABLE t ATTACH PARTITION t4 FOR VALUES IN (4)")


class Names(RelationCase):
    def test_a_name_that_looks_like_ours_is_somebody_elses(self):
        """Only what this run has made is left out: not by how a name begins."""
        for make in ("CREATE FUNCTION tidemark_f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.a := NEW.a; RETURN NEW; END$$;"
                     "CREATE TRIGGER tidemark_x AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tidemark_f()",
                     "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;"
                     'CREATE TRIGGER "~~~~tidemark_0123456789abcdef_x" AFTER UPDATE ON t FOR EACH ROW WHEN (NEW.a > 1) EXECUTE FUNCTION f()',
                     "CREATE POLICY tidemark_p ON t USING (a > 1)",
                     "CREATE FUNCTION tidemark_g() RETURNS bigint LANGUAGE sql AS 'SELECT sum(a) FROM t'",
                     "CREATE SCHEMA tidemark_app; CREATE VIEW tidemark_app.v AS SELECT a FROM t"):
            self.execute("DROP SCHEMA IF EXISTS tidemark_app CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + PLAIN + make)
            self.assertEqual(self.rules(self.rename(other_triggers="fire")), ["drop-column-dependent"], make)
        self.execute("DROP SCHEMA tidemark_app CASCADE; ALTER TABLE t ADD CONSTRAINT tidemark_0123456789abcdef_mine CHECK (a > 0)")
        self.assertIn("switch-constraint", self.rules(self.rename()))

    def test_what_the_run_itself_has_made_is_left_out(self):
        self.execute(PLAIN)
        path = self.rename(hold="1h", verify="manual")
        self.tidemark("run", path)
        self.assertEqual(self.rules(path), [])
        self.tidemark("advance", "p").ok()
        self.assertEqual(self.rules(path), [])


class Publications(RelationCase):
    settings = {"wal_level": "logical"}

    def test_what_stops_a_subscriber_is_said_and_can_be_accepted(self):
        self.execute(PLAIN + "CREATE PUBLICATION pub FOR TABLE t")
        self.assertEqual(self.rules(self.rename(hold="1h")), ["add-column-published"])
        self.assertEqual(self.rules(self.rename(hold="1h", accept="t")), ["drop-column-published"])
        self.assertEqual(self.rules(self.rename(accept="t")), [])
        self.assertEqual(self.rules(self.rename(hold="1h", accept="t", drop_accept="t")), [])
        if self.server.major >= 15:
            self.execute("ALTER PUBLICATION pub SET TABLE t (id)")
            self.assertEqual(self.rules(self.rename(hold="1h")), [])

    def test_a_table_without_a_replica_identity_is_refused_before_the_column_is_added(self):
        self.execute("CREATE TABLE t (id integer, a integer); CREATE PUBLICATION pub FOR TABLE t")
        self.assertEqual(self.rules(self.rename(accept="t")), ["backfill-replica-identity"])
        self.execute("ALTER TABLE t REPLICA IDENTITY FULL")
        self.assertEqual(self.rules(self.rename(accept="t")), [])

    def test_a_replica_identity_that_does_not_cover_the_publication_is_refused(self):
        if self.server.major < 15:
            self.skipTest("row filters and column lists are of PostgreSQL 15")
        self.execute(PLAIN)
        for publication, rules in (("t WHERE (a > 0)", True), ("t WHERE (id > 0)", False), ("t (a)", True), ("t (id)", False)):
            self.execute(f"CREATE PUBLICATION pub FOR TABLE {publication}")
            found = self.rules(self.rename(accept="t", drop_accept=["t", "pub"]))
            self.assertEqual(found, ["backfill-replica-identity"] if rules else [], publication)
            if rules:
                with self.assertRaisesRegex(Exception, "replica identity"):
                    self.execute("UPDATE t SET a = a WHERE id = 1")
            else:
                self.execute("UPDATE t SET a = a WHERE id = 1")
            self.execute("DROP PUBLICATION pub")

    def test_a_column_that_a_subscriber_wants_is_not_dropped_unsaid(self):
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL); CREATE PUBLICATION pub FOR TABLE t")
        self.assertEqual(self.rules(self.rename(accept="t")), ["drop-column-published"])
        self.assertEqual(self.rules(self.rename(accept="t", drop_accept="t")), [])

    def test_a_table_that_a_subscription_writes_is_known(self):
        self.execute(PLAIN + "CREATE PUBLICATION pub FOR TABLE t")
        other = self.database + "s"
        self.server.create_database(other)
        self.addCleanup(self.server.drop_database, other)
        mine = type(self.tidemark)(self.server.environment(other), cwd=self.directory)
        self.server.sql("CREATE TABLE t (id integer, a integer)", database=other)
        conn = self.server.connect(other)
        self.addCleanup(conn.close)
        with conn.cursor() as cursor:
            cursor.execute(f"CREATE SUBSCRIPTION sub CONNECTION '{self.server.dsn(self.database)}' PUBLICATION pub WITH (connect = false)")
            cursor.execute("INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) SELECT oid, 't'::regclass, 'r' FROM pg_subscription")
            for more, accept, rules in (("", None, ["backfill-subscribed"]), ("ALTER TABLE t ADD PRIMARY KEY (id)", None, ["table-subscribed"]), ("", "t", [])):
                if more:
                    cursor.execute(more)
                result = mine("lint", "--db", self.rename(drop_accept=accept))
                found = sorted({line.rsplit("[", 1)[1].split("]")[0] for line in result.out.splitlines() if " error: " in line})
                self.assertEqual(found, rules)
            cursor.execute("ALTER SUBSCRIPTION sub SET (slot_name = NONE)")
            cursor.execute("DROP SUBSCRIPTION sub")

    def test_a_publication_of_every_table_is_told_about_our_own(self):
        self.execute(PLAIN + "CREATE PUBLICATION pub FOR ALL TABLES")
        self.assertIn("plan-published-state", self.rules(self.rename(accept="t"), "warning"))

    @limit(120)
    def test_rows_that_arrive_and_move_between_partitions_keep_both_sides(self):
        """The apply worker moves a row by DELETE and INSERT, without the UPDATE triggers; both columns of it are given then."""
        parts = ("CREATE TABLE t (id integer PRIMARY KEY, a integer) PARTITION BY RANGE (id); CREATE TABLE t_0 PARTITION OF t FOR VALUES"
                 " FROM (0) TO (100); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (100) TO (200);")
        source = self.database + "s"
        self.server.create_database(source)
        self.addCleanup(self.server.drop_database, source)
        there = self.server.connect(source)
        self.addCleanup(there.close)
        self.execute(parts)
        with there.cursor() as cursor:
            cursor.execute(parts + "INSERT INTO t SELECT i, i FROM generate_series(1, 50) i;"
                           " CREATE PUBLICATION pub FOR TABLE t WITH (publish_via_partition_root = true)")
            cursor.execute("SELECT pg_create_logical_replication_slot('moved', 'pgoutput')")
        self.execute(f"CREATE SUBSCRIPTION sub CONNECTION '{self.server.dsn(source)}' PUBLICATION pub WITH (create_slot = false, slot_name = 'moved')")
        try:
            self.wait_until(lambda: self.value("SELECT count(*) FROM t") == 50)
            phases = plans.rename_phases("a", "b", "integer", switch="manual", drop_column="manual")
            phases[5]["accept"] = "t"
            path = self.plan(plans.plan("p", "public.t", phases))
            for command, first in ((("run", path), 1), (("advance", "p", "--no-run"), 20), (("run", path, "--to", "switch"), 30)):
                self.tidemark(*command).ok()
                with there.cursor() as cursor:
                    cursor.execute(f"UPDATE t SET id = id + 100, a = 1000 WHERE id = {first}; UPDATE t SET id = id + 100 WHERE id = {first + 1};"
                                   f" UPDATE t SET a = 2000 WHERE id = {first + 2}; INSERT INTO t (id, a) VALUES ({first + 150}, 3000)")
                ids = (first + 100, first + 101, first + 2, first + 150)
                expected = sorted(zip(ids, (1000, first + 1, 2000, 3000), (1000, first + 1, 2000, 3000)))
                self.wait_until(lambda: self.rows(f"SELECT id, a, b FROM t WHERE id IN {ids} ORDER BY id") == expected)
        finally:
            self.execute("ALTER SUBSCRIPTION sub DISABLE")
            self.execute("ALTER SUBSCRIPTION sub SET (slot_name = NONE)")
            self.execute("DROP SUBSCRIPTION sub")
            with there.cursor() as cursor:
                self.wait_until(lambda: cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = 'moved'") or cursor.fetchone() == (False,))
                cursor.execute("SELECT pg_drop_replication_slot('moved')")

    @limit(120)
    def test_a_subscriber_that_was_prepared_follows_to_the_end(self):
        """And the table on the subscriber, which has a plan of its own, is kept in step as rows arrive."""
        other = self.database + "s"
        self.server.create_database(other)
        self.addCleanup(self.server.drop_database, other)
        self.execute(PLAIN + "CREATE PUBLICATION pub FOR TABLE t")
        self.execute("SELECT pg_create_logical_replication_slot('sub', 'pgoutput')")
        sub = self.server.connect(other)
        self.addCleanup(sub.close)

        def there(text):
            with sub.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else None

        there("CREATE TABLE t (id integer PRIMARY KEY, a integer)")
        there(f"CREATE SUBSCRIPTION sub CONNECTION '{self.server.dsn(self.database)}' PUBLICATION pub WITH (create_slot = false, slot_name = 'sub')")
        try:
            self.wait_until(lambda: there("SELECT count(*) FROM t") == [(50,)])
            there("ALTER TABLE t ADD b integer")
            path = self.rename(accept="t")
            self.tidemark("run", path).ok()
            self.tidemark("advance", "p").ok()
            self.execute("INSERT INTO t (id, b) VALUES (100, 7); UPDATE t SET a = 9 WHERE id = 1")
            self.wait_until(lambda: there("SELECT a, b FROM t WHERE id IN (1, 100) ORDER BY id") == [(9, 9), (7, 7)])
            # On the subscriber itself: rows that arrive pass the triggers of its own plan.
            mine = type(self.tidemark)(self.server.environment(other), cwd=self.directory)
            phases = plans.rename_phases("a", "c", "integer", switch="manual", drop_column="manual")
            phases[5]["accept"] = "t"
            mine("run", self.plan(plans.plan("q", "public.t", phases), "q.toml")).ok()
            self.execute("UPDATE t SET a = 11 WHERE id = 2")
            self.wait_until(lambda: there("SELECT c FROM t WHERE id = 2") == [(11,)])
            mine("rollback", "q", "--yes").ok()
            self.tidemark("advance", "p").ok()
            self.execute("INSERT INTO t (id, b) VALUES (101, 8)")
            self.wait_until(lambda: there("SELECT b FROM t WHERE id = 101") == [(8,)])
        finally:
            there("ALTER SUBSCRIPTION sub DISABLE")
            there("ALTER SUBSCRIPTION sub SET (slot_name = NONE)")
            there("DROP SUBSCRIPTION sub")
            self.wait_until(lambda: not self.value("SELECT active FROM pg_replication_slots WHERE slot_name = 'sub'"))
            self.execute("SELECT pg_drop_replication_slot('sub')")


if __name__ == "__main__":
    main()
