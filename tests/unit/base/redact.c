#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/redact.h"

struct row {
	const char *text, *expected;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *out = tide_redact(NULL, rows[i].text);

		assert_string_equal(out, rows[i].expected);
		talloc_free(out);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
a_password_of_a_conninfo_is_masked(void **state)
{
	static const struct row rows[] = {
		{ "host=h password=hunter2 user=u", "host=h password=*** user=u" },
		{ "password = 'a b' user=u", "password = *** user=u" },
		{ "password='it\\'s' user=u", "password=*** user=u" },
		{ "password='it''s' user=u", "password=*** user=u" },
		{ "password=a\\ b user=u", "password=*** user=u" },
		{ "password=a&b;c,d user=u", "password=*** user=u" },
		{ "password='open to the end", "password=***" },
		{ "PASSWORD=x", "PASSWORD=***" },
		{ "sslpassword=x y", "sslpassword=*** y" },
		{ "PGPASSWORD=x psql", "PGPASSWORD=*** psql" },
		{ "password=p\npassword=q", "password=***\npassword=***" },
		{ "\"password\": \"a\\\"b\", \"x\": 1", "\"password\": ***, \"x\": 1" },
		{ "{'password' => 'x'}", "{'password' => ***}" },
		{ "ALTER ROLE u PASSWORD 'x y'", "ALTER ROLE u PASSWORD ***" },
	};

	(void)state;
	CHECK(rows);
}

static void
a_password_of_a_url_is_masked(void **state)
{
	static const struct row rows[] = {
		{ "postgres://u:p@h:5432/db", "postgres://u:***@h:5432/db" },
		{ "postgresql+asyncpg://u:p@h/db", "postgresql+asyncpg://u:***@h/db" },
		{ "postgres://:p@h", "postgres://:***@h" },
		{ "postgres://u:p@ss@h/db", "postgres://u:***@h/db" },
		{ "postgres://u:p/w?x#y@h/db", "postgres://u:***@h/db" },
		{ "postgres://u:my pass@h/db", "postgres://u:***@h/db" },
		{ "postgres://u:1/2@h/db", "postgres://u:***@h/db" },
		{ "postgres://u@h/db?password=p&sslmode=x", "postgres://u@h/db?password=***&sslmode=x" },
		{ "postgres://h/db?user=u&password=p%26q", "postgres://h/db?user=u&password=***" },
		{ "bad \"postgres://u:p@h/db\" here", "bad \"postgres://u:***@h/db\" here" },
		{ "two: a://u:p@h b://v:q@i", "two: a://u:***@h b://v:***@i" },
		{ "a://u:p@h?password=q", "a://u:***@h?password=***" },
	};

	(void)state;
	CHECK(rows);
}

static void
ordinary_text_stays(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "password authentication failed for user \"u\"",
		    "password authentication failed for user \"u\"" },
		{ "no password supplied", "no password supplied" },
		{ "unknown option \"password\"", "unknown option \"password\"" },
		{ "postgres://h:5432/db", "postgres://h:5432/db" },
		{ "postgres://h:5432/db for a@b", "postgres://h:5432/db for a@b" },
		{ "postgres://u@h:5432/db", "postgres://u@h:5432/db" },
		{ "postgres://[::1]:5432/db", "postgres://[::1]:5432/db" },
		{ "see https://example.org: mail a@b", "see https://example.org: mail a@b" },
		{ "password=", "password=" },
		{ "a:// :b@", "a:// :b@" },
	};

	(void)state;
	CHECK(rows);
}

static void
the_result_belongs_to_the_context(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_ptr_equal(talloc_parent(tide_redact(ctx, "password=x and more")), ctx);
	assert_int_equal(talloc_total_blocks(ctx), 2);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_of_a_conninfo_is_masked),
		cmocka_unit_test(a_password_of_a_url_is_masked),
		cmocka_unit_test(ordinary_text_stays),
		cmocka_unit_test(the_result_belongs_to_the_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
