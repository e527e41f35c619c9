#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/names.h"

static void
a_digest_is_the_published_one(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(
	    tide_sha256(ctx, "abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(
	    tide_sha256(ctx, "", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	talloc_free(ctx);
}

static void
the_same_identity_gives_the_same_name(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_generated_name(ctx, "tidemark_", "abc", "users_name"),
	    "tidemark_ba7816bf8f01cfea_users_name");
	assert_string_equal(tide_generated_name(ctx, "t_", "abc", NULL), "t_ba7816bf8f01cfea");
	assert_string_equal(tide_generated_name(ctx, "t_", "abc", ""), "t_ba7816bf8f01cfea");
	talloc_free(ctx);
}

static void
identities_that_differ_late_give_other_names(void **state)
{
	void *ctx = talloc_new(NULL);
	char one[101], two[101];

	(void)state;
	memset(one, 'a', 100);
	memcpy(two, one, 100);
	one[100] = two[100] = '\0';
	two[99] = 'b';
	assert_string_not_equal(
	    tide_generated_name(ctx, "t_", one, one), tide_generated_name(ctx, "t_", two, two));
	talloc_free(ctx);
}

static void
no_name_is_longer_than_the_server_keeps(void **state)
{
	static const char long_text[] =
	    "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp";
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(long_text); i++) {
		const char *prefix = long_text + sizeof(long_text) - 1 - i;
		const char *name = tide_generated_name(ctx, prefix, "abc", long_text);

		assert_true(strlen(name) <= TIDE_NAME_MAX);
		assert_non_null(strstr(name, "ba7816bf8f01cfea"));
		assert_int_not_equal(name[strlen(name) - 1], '_');
	}
	talloc_free(ctx);
}

static void
a_suffix_is_cut_between_characters(void **state)
{
	void *ctx = talloc_new(NULL);
	char suffix[100] = "";

	(void)state;
	for (size_t i = 0; i < 24; i++)
		memcpy(suffix + 3 * i, "\xe2\x82\xac", 4);
	/* 63 - 2 - 16 - 1 = 44 bytes are left: 14 euro signs take 42. */
	assert_int_equal(strlen(tide_generated_name(ctx, "t_", "abc", suffix)), 19 + 42);
	assert_int_equal(strlen(tide_generated_name(ctx, "t", "abc", suffix)), 18 + 45);
	talloc_free(ctx);
}

static void
the_nearest_word_is_found(void **state)
{
	static const char *const words[] = { "column", "columns", "lock_timeout", NULL, "gate", "to" };
	size_t count = sizeof(words) / sizeof(words[0]);

	(void)state;
	assert_string_equal(tide_nearest("colum", words, count), "column");
	assert_string_equal(tide_nearest("clounm", words, count), "column");
	assert_string_equal(tide_nearest("locktimeout", words, count), "lock_timeout");
	assert_string_equal(tide_nearest("Column", words, count), "column");
	assert_string_equal(tide_nearest("gaet", words, count), "gate");
}

static void
a_far_word_has_no_nearest(void **state)
{
	static const char *const words[] = { "column", "gate", "to" };
	char endless[400];

	(void)state;
	assert_null(tide_nearest("workers", words, 3));
	assert_null(tide_nearest("on", words, 3));
	assert_null(tide_nearest("at", words, 3));
	assert_null(tide_nearest("", words, 3));
	assert_null(tide_nearest("gate", words, 0));
	memset(endless, 'c', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(tide_nearest(endless, words, 3));
	assert_null(tide_nearest("gate", (const char *const[]){ endless }, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_the_published_one),
		cmocka_unit_test(the_same_identity_gives_the_same_name),
		cmocka_unit_test(identities_that_differ_late_give_other_names),
		cmocka_unit_test(no_name_is_longer_than_the_server_keeps),
		cmocka_unit_test(a_suffix_is_cut_between_characters),
		cmocka_unit_test(the_nearest_word_is_found),
		cmocka_unit_test(a_far_word_has_no_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
