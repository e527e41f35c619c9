#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/ddl.h"

struct row {
	const char *statement;
	enum tide_ddl_verb verb;
	const char *relation, *name, *to;
	const char *aimed; /* at "x" */
};

static const struct row rows[] = {
	{ "ALTER TABLE \"s\".\"t\" ADD COLUMN \"b\" integer DEFAULT 1", TIDE_DDL_ADD_COLUMN, "t", "b", NULL,
	    "ALTER TABLE x ADD COLUMN \"b\" integer DEFAULT 1" },
	{ "ALTER TABLE t ALTER COLUMN \"B\" SET NOT NULL", TIDE_DDL_ALTER_COLUMN, "t", "B", NULL,
	    "ALTER TABLE x ALTER COLUMN \"B\" SET NOT NULL" },
	{ "ALTER TABLE \"a.b\".\"c d\" RENAME COLUMN \"x\"\"y\" TO z", TIDE_DDL_RENAME_COLUMN, "c d", "x\"y",
	    "z", "ALTER TABLE x RENAME COLUMN \"x\"\"y\" TO z" },
	{ "ALTER TABLE s.t DROP COLUMN b", TIDE_DDL_DROP_COLUMN, "t", "b", NULL,
	    "ALTER TABLE x DROP COLUMN b" },
	{ "CREATE TRIGGER \"s.t\" BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION tidemark.f()",
	    TIDE_DDL_CREATE_TRIGGER, "t", "s.t", NULL,
	    "CREATE TRIGGER \"s.t\" BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION tidemark.f()" },
	{ "ALTER TABLE s.t ENABLE ALWAYS TRIGGER g", TIDE_DDL_ALTER_TRIGGER, "t", "g", NULL,
	    "ALTER TABLE x ENABLE ALWAYS TRIGGER g" },
	{ "DROP TRIGGER IF EXISTS g ON s.t", TIDE_DDL_DROP_TRIGGER, "t", "g", NULL, NULL },
	{ "ALTER TABLE s.t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", TIDE_DDL_ADD_CONSTRAINT, "t", "k", NULL,
	    "ALTER TABLE x ADD CONSTRAINT k CHECK (a > 0) NOT VALID" },
	{ "ALTER TABLE s.t VALIDATE CONSTRAINT k", TIDE_DDL_VALIDATE_CONSTRAINT, "t", "k", NULL,
	    "ALTER TABLE x VALIDATE CONSTRAINT k" },
	{ "ALTER TABLE s.t DROP CONSTRAINT IF EXISTS k", TIDE_DDL_DROP_CONSTRAINT, "t", "k", NULL,
	    "ALTER TABLE x DROP CONSTRAINT IF EXISTS k" },
	{ "CREATE UNIQUE INDEX CONCURRENTLY \"concurrently\" ON s.t (a) WHERE b = 'concurrently'",
	    TIDE_DDL_CREATE_INDEX, "t", "concurrently", NULL,
	    "CREATE UNIQUE INDEX  \"concurrently\" ON x (a) WHERE b = 'concurrently'" },
	{ "CREATE INDEX i ON t (a)", TIDE_DDL_CREATE_INDEX, "t", "i", NULL, "CREATE INDEX i ON x (a)" },
	{ "DROP INDEX CONCURRENTLY IF EXISTS s.i", TIDE_DDL_DROP_INDEX, NULL, "i", NULL, NULL },
	{ "CREATE FUNCTION tidemark.\"f g\"(text) RETURNS int LANGUAGE sql AS $$ select 1 from tidemark.t $$",
	    TIDE_DDL_CREATE_FUNCTION, NULL, "f g", NULL,
	    "CREATE FUNCTION x(text) RETURNS int LANGUAGE sql AS $$ select 1 from tidemark.t $$" },
	{ "REVOKE ALL ON FUNCTION tidemark.f() FROM PUBLIC", TIDE_DDL_REVOKE_FUNCTION, NULL, "f", NULL,
	    NULL },
	{ "GRANT EXECUTE ON FUNCTION tidemark.f TO PUBLIC", TIDE_DDL_GRANT_FUNCTION, NULL, "f", NULL, NULL },
	{ "ALTER TABLE ONLY \"s\".\"t\" ADD CONSTRAINT \"b c\" NOT NULL \"D\" NOT VALID",
	    TIDE_DDL_ALTER_COLUMN, "t", "D", NULL,
	    "ALTER TABLE ONLY x ADD CONSTRAINT \"b c\" NOT NULL \"D\" NOT VALID" },
	{ "alter table T add constraint k not null Col", TIDE_DDL_ALTER_COLUMN, "t", "col", NULL,
	    "alter table x add constraint k not null Col" },
	{ "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i", TIDE_DDL_ADD_CONSTRAINT, "t", "k", "i",
	    "ALTER TABLE x ADD CONSTRAINT k UNIQUE USING INDEX i" },
	{ "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'select 1'",
	    TIDE_DDL_CREATE_FUNCTION, NULL, "f", NULL,
	    "CREATE OR REPLACE FUNCTION x() RETURNS int LANGUAGE sql AS 'select 1'" },
	{ "DROP FUNCTION IF EXISTS tidemark.f()", TIDE_DDL_DROP_FUNCTION, NULL, "f", NULL, NULL },
};

static void
assert_text(const char *found, const char *wanted)
{
	if (wanted == NULL)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

static void
a_command_says_what_it_does_to_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		struct tide_ddl *ddl;

		if (tide_ddl_read(ctx, rows[i].statement, &ddl, NULL) != 1)
			fail_msg("not read: %s", rows[i].statement);
		assert_int_equal(ddl->verb, rows[i].verb);
		assert_text(ddl->relation, rows[i].relation);
		assert_text(ddl->name, rows[i].name);
		assert_text(ddl->to, rows[i].to);
		assert_string_equal(tide_ddl_aim(ctx, rows[i].statement, ddl, "x"),
		    rows[i].aimed != NULL ? rows[i].aimed : rows[i].statement);
		talloc_free(ctx);
	}
}

static void
other_statements_are_none_of_them(void **state)
{
	static const char *const others[] = { "", "SELECT 1", "this is no SQL", "ALTER TABLE t RENAME TO u",
		"DO $$ begin end $$", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 1 $$",
		"CREATE PROCEDURE public.f() LANGUAGE sql AS $$ select 1 $$",
		"ALTER TABLE t ADD CONSTRAINT k NOT NULL", "DROP FUNCTION f()", "GRANT SELECT ON t TO PUBLIC",
		"GRANT EXECUTE ON FUNCTION tidemark.f TO ann", "DROP TABLE t", "SELECT 1; DROP INDEX i" };
	void *ctx = talloc_new(NULL);
	struct tide_ddl *ddl;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (tide_ddl_read(ctx, others[i], &ddl, NULL) != 0)
			fail_msg("read as %d: %s", (int)ddl->verb, others[i]);
	talloc_free(ctx);
}

static void
every_command_of_a_statement_is_read(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_ddl *ddl;
	bool whole = true;

	(void)state;
	assert_int_equal(
	    tide_ddl_read(ctx, "ALTER TABLE t ADD COLUMN b int, OWNER TO ann, DROP COLUMN c", &ddl, &whole),
	    2);
	assert_false(whole);
	assert_string_equal(ddl[0].name, "b");
	assert_int_equal(ddl[1].verb, TIDE_DDL_DROP_COLUMN);
	assert_string_equal(ddl[1].name, "c");
	assert_int_equal(tide_ddl_read(ctx, "DROP INDEX i, s.j", &ddl, &whole), 2);
	assert_true(whole);
	assert_string_equal(ddl[1].name, "j");
	talloc_free(ctx);
}

static void
a_trigger_of_the_user_is_told_apart(void **state)
{
	static const char users[] = "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()";
	static const char ours[] =
	    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tidemark.f()";
	void *ctx = talloc_new(NULL);
	struct tide_ddl *ddl;

	(void)state;
	assert_int_equal(tide_ddl_read(ctx, users, &ddl, NULL), 1);
	assert_true(ddl->foreign);
	assert_int_equal(tide_ddl_read(ctx, ours, &ddl, NULL), 1);
	assert_false(ddl->foreign);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_says_what_it_does_to_what),
		cmocka_unit_test(other_statements_are_none_of_them),
		cmocka_unit_test(every_command_of_a_statement_is_read),
		cmocka_unit_test(a_trigger_of_the_user_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
