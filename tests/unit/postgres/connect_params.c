#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "connect/connect_params.h"

/* NULL when not said; fails when said twice. */
static const char *
value_of(const struct tide_dsn *dsn, const char *keyword)
{
	const char *found = NULL;

	for (size_t i = 0; dsn->keyword[i] != NULL; i++)
		if (strcmp(dsn->keyword[i], keyword) == 0) {
			assert_null(found);
			found = dsn->value[i];
		}
	return found;
}

static struct tide_dsn
make(void *mem, const char *const given[], const char *application_name)
{
	const char *keyword[16] = { NULL }, *value[16] = { NULL };

	for (size_t i = 0; given[i] != NULL; i += 2) {
		keyword[i / 2] = given[i];
		value[i / 2] = given[i + 1];
	}
	return tide_connect_params(mem, &(struct tide_dsn){ keyword, value }, application_name);
}

static void
a_dead_peer_is_noticed_without_being_asked_for(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_dsn dsn = make(mem, (const char *const[]){ "host", "db", NULL }, "tidemark/x");

	(void)state;
	assert_string_equal(value_of(&dsn, "host"), "db");
	assert_string_equal(value_of(&dsn, "keepalives"), "1");
	assert_non_null(value_of(&dsn, "keepalives_idle"));
	assert_non_null(value_of(&dsn, "tcp_user_timeout"));
	assert_string_equal(value_of(&dsn, "connect_timeout"), "10");
	assert_string_equal(value_of(&dsn, "client_encoding"), "UTF8");
	assert_string_equal(value_of(&dsn, "application_name"), "tidemark/x");
	talloc_free(mem);
}

static void
what_is_given_stays_but_name_and_encoding(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_dsn dsn = make(mem,
	    (const char *const[]){ "connect_timeout", "3", "keepalives", "0", "application_name", "theirs",
		"client_encoding", "LATIN1", NULL },
	    "ours");

	(void)state;
	assert_string_equal(value_of(&dsn, "connect_timeout"), "3");
	assert_string_equal(value_of(&dsn, "keepalives"), "0");
	assert_string_equal(value_of(&dsn, "application_name"), "ours");
	assert_string_equal(value_of(&dsn, "client_encoding"), "UTF8");
	dsn = make(mem, (const char *const[]){ "application_name", "theirs", NULL }, NULL);
	assert_string_equal(value_of(&dsn, "application_name"), "theirs");
	talloc_free(mem);
}

static void
a_service_file_is_stronger_than_our_defaults(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_dsn dsn = make(mem, (const char *const[]){ "service", "prod", NULL }, "x");

	(void)state;
	assert_null(value_of(&dsn, "connect_timeout"));
	assert_null(value_of(&dsn, "keepalives"));
	talloc_free(mem);
}

static void
the_limit_counts_for_every_host(void **state)
{
	static const struct {
		const char *timeout, *hosts;
		double limit;
	} cases[] = { { "10", "a", 10 }, { "10", "a,b,c", 30 }, { "1", "a", 2 }, { "0", "a,b", 0 },
		{ "-5", "a", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *mem = talloc_new(NULL);
		struct tide_dsn dsn = make(mem,
		    (const char *const[]){
			"connect_timeout", cases[i].timeout, "host", cases[i].hosts, NULL },
		    "x");

		assert_true(tide_connect_limit(&dsn) == cases[i].limit);
		talloc_free(mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_peer_is_noticed_without_being_asked_for),
		cmocka_unit_test(what_is_given_stays_but_name_and_encoding),
		cmocka_unit_test(a_service_file_is_stronger_than_our_defaults),
		cmocka_unit_test(the_limit_counts_for_every_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
