#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/effects.h"

/* What a statement does to the first relation that it locks most. Locks are compared with a server's in live/test_sql_phases.py. */

struct row {
	const char *sql, *relation;
	enum tide_lock_mode lock;
	enum tide_work work;
	enum tide_old_release old;
};

#define NONE TIDE_LOCK_NONE
#define SUE TIDE_SHARE_UPDATE_EXCLUSIVE
#define SHARE TIDE_SHARE
#define SRE TIDE_SHARE_ROW_EXCLUSIVE
#define AE TIDE_ACCESS_EXCLUSIVE
#define INSTANT TIDE_WORK_INSTANT
#define SCAN TIDE_WORK_SCAN
#define BUILD TIDE_WORK_BUILD
#define REWRITE TIDE_WORK_REWRITE
#define SOME TIDE_WORK_SOME
#define ALL TIDE_WORK_ALL
#define UNKNOWN TIDE_WORK_UNKNOWN
#define FITS TIDE_OLD_FITS
#define UNSURE TIDE_OLD_UNKNOWN
#define FAILS TIDE_OLD_FAILS

static const struct tide_effect *
strongest(const struct tide_statement *s)
{
	const struct tide_effect *best = &s->effect[0];

	for (size_t i = 1; i < s->effect_count; i++)
		if (s->effect[i].lock > best->lock ||
		    (s->effect[i].lock == best->lock && s->effect[i].work > best->work))
			best = &s->effect[i];
	return best;
}

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *ctx = talloc_new(NULL);
		struct tide_statements read;
		const struct tide_effect *e;

		tide_statements_read(ctx, rows[i].sql, &read);
		if (read.count != 1 || read.item[0].effect_count == 0)
			fail_msg("%s: %zu statements", rows[i].sql, read.count);
		e = strongest(&read.item[0]);
		if (e->lock != rows[i].lock || e->work != rows[i].work || e->old != rows[i].old ||
		    (rows[i].relation == NULL) != (e->relation == NULL) ||
		    (e->relation != NULL && strcmp(e->relation, rows[i].relation) != 0))
			fail_msg("%s: lock %s, work %d, old %d, on %s", rows[i].sql, tide_lock_name(e->lock),
			    (int)e->work, (int)e->old, e->relation == NULL ? "nothing" : e->relation);
		talloc_free(ctx);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
alterations_are_known_part_by_part(void **state)
{
	static const struct row rows[] = {
		{ "ALTER TABLE t ADD COLUMN b int", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ADD COLUMN b int NOT NULL DEFAULT 5", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ADD COLUMN b int NOT NULL", "t", AE, SCAN, FAILS },
		{ "ALTER TABLE t ADD COLUMN b uuid DEFAULT gen_random_uuid()", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t ADD COLUMN b timestamptz DEFAULT now()", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ADD COLUMN b bigserial", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a) STORED", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t ADD COLUMN b int CHECK (b > 0)", "t", AE, SCAN, FITS },
		{ "ALTER TABLE t ADD COLUMN b int REFERENCES u", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ADD COLUMN b int DEFAULT 1 REFERENCES u", "t", AE, SCAN, FITS },
		{ "ALTER TABLE t ADD COLUMN b int UNIQUE, ALTER a TYPE text", "t", AE, REWRITE, UNSURE },
		{ "ALTER TABLE t DROP COLUMN a", "t", AE, INSTANT, FAILS },
		{ "ALTER TABLE t ALTER COLUMN a TYPE bigint", "t", AE, REWRITE, UNSURE },
		{ "ALTER TABLE t ALTER a SET NOT NULL", "t", AE, SCAN, UNSURE },
		{ "ALTER TABLE t ALTER a DROP NOT NULL", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ALTER a DROP DEFAULT", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ALTER a SET DEFAULT NULL", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ALTER a SET DEFAULT 1", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t ALTER a DROP IDENTITY", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ALTER a SET GENERATED ALWAYS", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ALTER a DROP EXPRESSION", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ADD COLUMN b int DEFAULT s.f()", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t ADD COLUMN b text DEFAULT lower('A')", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t INHERIT p", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t NO INHERIT p", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ADD CHECK (a > 0)", "t", AE, SCAN, UNSURE },
		{ "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (a) ON DELETE CASCADE", "t", SRE, SCAN,
		    UNSURE },
		{ "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID", "t", SRE, INSTANT, UNSURE },
		{ "ALTER TABLE t ADD UNIQUE (a)", "t", AE, BUILD, UNSURE },
		{ "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", "t", AE, INSTANT, FITS },
		{ "ALTER TABLE t VALIDATE CONSTRAINT c", "t", SUE, SCAN, FITS },
		{ "ALTER TABLE t RENAME COLUMN a TO b", "t", AE, INSTANT, FAILS },
		{ "ALTER TABLE t RENAME TO u", "t", AE, INSTANT, FAILS },
		{ "ALTER TABLE t SET SCHEMA s", "t", AE, INSTANT, FAILS },
		{ "ALTER TABLE t SET TABLESPACE x", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t SET LOGGED", "t", AE, REWRITE, FITS },
		{ "ALTER TABLE t SET (fillfactor = 90)", "t", SUE, INSTANT, FITS },
		{ "ALTER TABLE t DETACH PARTITION p", "t", AE, INSTANT, UNSURE },
		{ "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "t", SUE, INSTANT, UNSURE },
		{ "ALTER TABLE t ATTACH PARTITION p DEFAULT", "p", AE, SCAN, FITS },
		{ "ALTER VIEW v SET (security_barrier)", "v", AE, INSTANT, FITS },
		{ "ALTER DOMAIN d ADD CHECK (value > 0)", NULL, SHARE, SCAN, UNSURE },
		{ "ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0) NOT VALID", NULL, NONE, INSTANT,
		    UNSURE },
		{ "ALTER DOMAIN d DROP NOT NULL", NULL, NONE, INSTANT, FITS },
	};

	(void)state;
	CHECK(rows);
}

static void
other_statements_are_known(void **state)
{
	static const struct row rows[] = {
		{ "CREATE INDEX i ON t (a)", "t", SHARE, BUILD, FITS },
		{ "CREATE INDEX CONCURRENTLY i ON t (a)", "t", SUE, BUILD, FITS },
		{ "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "t", SUE, BUILD, UNSURE },
		{ "DROP INDEX i", "i", AE, INSTANT, FITS },
		{ "DROP INDEX CONCURRENTLY i", "i", SUE, INSTANT, FITS },
		{ "DROP TABLE s.t", "t", AE, INSTANT, FAILS },
		{ "DROP VIEW v", "v", AE, INSTANT, FAILS },
		{ "DROP TRIGGER r ON t", "t", AE, INSTANT, UNSURE },
		{ "DROP FUNCTION f(int)", NULL, NONE, INSTANT, UNSURE },
		{ "TRUNCATE t", "t", AE, INSTANT, FITS },
		{ "UPDATE t SET a = 1", "t", TIDE_ROW_EXCLUSIVE, ALL, FITS },
		{ "UPDATE t SET a = 1 WHERE b = 2", "t", TIDE_ROW_EXCLUSIVE, SOME, FITS },
		{ "DELETE FROM t", "t", TIDE_ROW_EXCLUSIVE, ALL, FITS },
		{ "INSERT INTO t VALUES (1)", "t", TIDE_ROW_EXCLUSIVE, SOME, FITS },
		{ "WITH d AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM d", "t", TIDE_ROW_EXCLUSIVE,
		    ALL, FITS },
		{ "SELECT * FROM t JOIN u ON t.a = u.a FOR UPDATE", "t", TIDE_ROW_SHARE, ALL, FITS },
		{ "SELECT * FROM (SELECT * FROM t) s FOR UPDATE", "t", TIDE_ROW_SHARE, ALL, FITS },
		{ "COPY (DELETE FROM t RETURNING *) TO STDOUT", "t", TIDE_ROW_EXCLUSIVE, ALL, FITS },
		{ "INSERT INTO t SELECT s.f()", "t", TIDE_ROW_EXCLUSIVE, SOME, FITS },
		{ "SET LOCAL search_path = x", NULL, NONE, UNKNOWN, UNSURE },
		{ "RESET ALL", NULL, NONE, UNKNOWN, UNSURE },
		{ "SET LOCAL statement_timeout = 0", NULL, NONE, INSTANT, FITS },
		{ "SET LOCAL work_mem = '1GB'", NULL, NONE, INSTANT, FITS },
		{ "SELECT 1", NULL, NONE, INSTANT, FITS },
		{ "SELECT * FROM t", "t", TIDE_ACCESS_SHARE, SCAN, FITS },
		{ "SELECT 1 FROM t FOR UPDATE", "t", TIDE_ROW_SHARE, ALL, FITS },
		{ "VACUUM FULL t", "t", AE, REWRITE, FITS },
		{ "VACUUM t", "t", SUE, SCAN, FITS },
		{ "CLUSTER t USING i", "t", AE, REWRITE, FITS },
		{ "REINDEX TABLE t", "t", AE, BUILD, FITS },
		{ "REINDEX (CONCURRENTLY) TABLE t", "t", SUE, BUILD, FITS },
		{ "REFRESH MATERIALIZED VIEW m", "m", AE, REWRITE, FITS },
		{ "REFRESH MATERIALIZED VIEW CONCURRENTLY m", "m", TIDE_EXCLUSIVE, SOME, FITS },
		{ "LOCK TABLE t IN SHARE MODE", "t", SHARE, INSTANT, FITS },
		{ "CREATE TRIGGER r BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()", "t", SRE, INSTANT,
		    UNSURE },
		{ "CREATE OR REPLACE VIEW v AS SELECT 1", "v", AE, INSTANT, UNSURE },
		{ "CREATE TABLE c (a int REFERENCES u)", "u", SRE, INSTANT, FITS },
		{ "CREATE TABLE c PARTITION OF t DEFAULT", "t", AE, INSTANT, FITS },
		{ "ALTER SEQUENCE s OWNED BY t.a", "s", SRE, INSTANT, FITS },
		{ "COMMENT ON COLUMN t.a IS 'x'", "t", SUE, INSTANT, FITS },
		{ "GRANT SELECT ON t TO x", NULL, NONE, INSTANT, FITS },
		{ "REVOKE SELECT ON t FROM x", NULL, NONE, INSTANT, UNSURE },
	};

	(void)state;
	CHECK(rows);
}

static void
what_cannot_be_read_is_unknown(void **state)
{
	static const char *const texts[] = { "DO $$BEGIN END$$", "CALL p()", "SELECT public.migrate()",
		"SELECT setval('s', 1)", "CREATE EXTENSION x", "DROP SCHEMA s CASCADE", "DROP OWNED BY x",
		"EXECUTE p", "EXPLAIN ANALYZE DELETE FROM t", "DROP TABLE t CASCADE",
		"ALTER TYPE c ADD ATTRIBUTE a int", "this is no statement", "PREPARE p AS SELECT 1",
		"DROP TYPE IF EXISTS a, b CASCADE" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		void *ctx = talloc_new(NULL);
		struct tide_statements read;
		bool unknown = false;

		tide_statements_read(ctx, texts[i], &read);
		assert_int_equal(read.count, 1);
		for (size_t k = 0; k < read.item[0].effect_count; k++)
			unknown = unknown || read.item[0].effect[k].work == TIDE_WORK_UNKNOWN;
		if (!unknown)
			fail_msg("%s is taken for known", texts[i]);
		talloc_free(ctx);
	}
}

static void
a_column_is_read_with_its_parts(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_statements read;
	const struct tide_effect *e;

	(void)state;
	tide_statements_read(ctx,
	    "ALTER TABLE public.t ADD COLUMN IF NOT EXISTS \"X\" numeric(10, 2)[] COLLATE \"C\" NOT NULL "
	    "DEFAULT f(1, 2) CHECK (true), ALTER COLUMN y SET DEFAULT 'a, b', ADD CONSTRAINT \"c d\" CHECK "
	    "(a > (0)) NOT VALID, DROP COLUMN IF EXISTS z",
	    &read);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.item[0].effect_count, 5);
	/* What is dropped goes first. */
	e = read.item[0].effect + 1;
	assert_string_equal(e[0].name, "X");
	assert_string_equal(e[0].definition, "numeric(10, 2)[]");
	assert_string_equal(e[0].fallback, "f(1, 2)");
	assert_string_equal(e[0].collation, "\"C\"");
	assert_true(e[0].not_null && e[0].missing_ok);
	/* What is written after the column is added, or not, with it. */
	assert_int_equal(e[1].kind, TIDE_EFFECT_ADD_CONSTRAINT);
	assert_true(e[1].missing_ok);
	assert_true(e[0].guessed && e[0].work == TIDE_WORK_REWRITE);
	e++;
	assert_string_equal(e[1].name, "y");
	assert_string_equal(e[1].definition, "'a, b'");
	assert_string_equal(e[2].name, "c d");
	assert_string_equal(e[2].definition, "CHECK (a > (0)) NOT VALID");
	assert_int_equal(e[2].columns.count, 1);
	assert_string_equal(e[2].columns.item[0], "a");
	assert_true(e[2].not_valid);
	assert_true(e[-2].loses && e[-2].missing_ok);
	talloc_free(ctx);
}

static void
an_index_is_read_as_the_server_would_say_it(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_statements read;

	(void)state;
	tide_statements_read(ctx,
	    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON public.t (lower(a) DESC) -- c\n WHERE b > 0",
	    &read);
	assert_string_equal(read.item[0].effect[0].definition,
	    "CREATE UNIQUE INDEX i ON public . t ( lower ( a ) DESC ) WHERE b > 0");
	assert_int_equal(read.item[0].columns.count, 2);
	talloc_free(ctx);
}

static void
has_bare(const char *sql, const char *names)
{
	void *ctx = talloc_new(NULL);
	struct tide_statements read;
	char *found = talloc_strdup(ctx, "");

	tide_statements_read(ctx, sql, &read);
	for (size_t i = 0; i < read.item[0].bare.count; i++)
		found = talloc_asprintf_append(found, "%s%s", i > 0 ? " " : "", read.item[0].bare.item[i]);
	if (strcmp(found, names) != 0)
		fail_msg("%s: %s", sql, found);
	talloc_free(ctx);
}

static void
names_without_a_schema_are_found(void **state)
{
	(void)state;
	has_bare("ALTER TABLE t ADD COLUMN b int", "t");
	has_bare("ALTER TABLE public.t ADD FOREIGN KEY (a) REFERENCES u", "u");
	has_bare("UPDATE public.t SET a = (SELECT max(b) FROM s)", "s");
	has_bare("WITH x AS (SELECT 1) SELECT * FROM x", "");
	has_bare("DROP TABLE public.a, b", "b");
	has_bare("DROP TRIGGER r ON t", "t");
	has_bare("DROP TRIGGER r ON public.t", "");
	has_bare("COMMENT ON COLUMN t.a IS 'x'", "t");
	has_bare("COMMENT ON COLUMN public.t.a IS 'x'", "");
	has_bare("ALTER SEQUENCE public.s OWNED BY t.a", "t");
	has_bare("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "f");
	has_bare("SELECT relname FROM pg_class", "");
	has_bare("CREATE VIEW v AS SELECT 1", "v");
	has_bare("CREATE TEMPORARY TABLE x (a int)", "");
}

static void
what_cascade_takes_is_unknown(void **state)
{
	static const char *const texts[] = { "TRUNCATE t CASCADE", "ALTER TABLE t DROP COLUMN a CASCADE",
		"ALTER TABLE t DROP CONSTRAINT c CASCADE", "DROP TABLE t CASCADE" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		void *ctx = talloc_new(NULL);
		struct tide_statements read;
		const struct tide_effect *last;

		tide_statements_read(ctx, texts[i], &read);
		last = &read.item[0].effect[read.item[0].effect_count - 1];
		assert_int_equal(last->kind, TIDE_EFFECT_UNKNOWN);
		assert_int_equal(last->work, TIDE_WORK_UNKNOWN);
		assert_true(last->loses);
		talloc_free(ctx);
	}
}

/* What a function does that rows are written with, its text does not say. */
static void
what_a_function_does_is_unknown(void **state)
{
	static const struct {
		const char *sql;
		bool unknown;
	} rows[] = { { "INSERT INTO t SELECT s.f()", true }, { "UPDATE t SET a = f(a) WHERE b", true },
		{ "DELETE FROM t WHERE f(a)", true }, { "UPDATE t SET a = upper(a) WHERE b", false },
		{ "INSERT INTO t VALUES (now(), pg_catalog.md5('x'))", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		struct tide_statements read;
		bool unknown = false;

		tide_statements_read(ctx, rows[i].sql, &read);
		for (size_t k = 0; k < read.item[0].effect_count; k++)
			unknown = unknown || read.item[0].effect[k].work == TIDE_WORK_UNKNOWN;
		if (unknown != rows[i].unknown)
			fail_msg("%s: unknown %d", rows[i].sql, unknown);
		talloc_free(ctx);
	}
}

static void
parts_are_read_as_the_server_does_them(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_statements read;
	const struct tide_effect *e;

	(void)state;
	tide_statements_read(ctx,
	    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0), DROP CONSTRAINT c;"
	    "ALTER TABLE t ALTER \"a\" SET DEFAULT 4;"
	    "ALTER TABLE t ADD b int GENERATED ALWAYS AS IDENTITY, ADD c int GENERATED ALWAYS AS (a) STORED;"
	    "CREATE INDEX ON t (a, lower(b)) INCLUDE (c) WHERE d > 1;"
	    "ALTER TYPE s.e RENAME TO f; ALTER FUNCTION s.g(int) RENAME TO h",
	    &read);
	assert_int_equal(read.count, 6);
	assert_int_equal(read.item[0].effect[0].kind, TIDE_EFFECT_DROP_CONSTRAINT);
	assert_int_equal(read.item[0].effect[1].kind, TIDE_EFFECT_ADD_CONSTRAINT);
	assert_string_equal(read.item[1].effect[0].definition, "4");
	assert_int_equal(read.item[2].effect[0].identity, 'a');
	assert_true(read.item[2].effect[0].not_null);
	assert_int_equal(read.item[2].effect[1].generated, 's');
	e = &read.item[3].effect[0];
	assert_int_equal(e->columns.count, 3);
	assert_string_equal(e->columns.item[1], "lower");
	assert_string_equal(read.item[4].effect[0].name, "e");
	assert_string_equal(read.item[5].effect[0].name, "g");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alterations_are_known_part_by_part),
		cmocka_unit_test(other_statements_are_known),
		cmocka_unit_test(what_cascade_takes_is_unknown),
		cmocka_unit_test(what_a_function_does_is_unknown),
		cmocka_unit_test(parts_are_read_as_the_server_does_them),
		cmocka_unit_test(what_cannot_be_read_is_unknown),
		cmocka_unit_test(a_column_is_read_with_its_parts),
		cmocka_unit_test(an_index_is_read_as_the_server_would_say_it),
		cmocka_unit_test(names_without_a_schema_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
