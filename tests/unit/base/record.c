#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/record.h"

enum fruit { APPLE, PEAR };
static const char *const fruits[] = { "apple", "pear" };
static const char *const marks[] = { "first", NULL, "third" };

struct thing {
	char *name;
	int64_t whole, count, pause;
	double share;
	bool truth;
	enum fruit fruit;
	unsigned marks;
	int narrow;
	char letter;
};

static const struct tide_record_field fields[] = {
	TIDE_FIELD(thing, name, TEXT),
	TIDE_FIELD(thing, whole, INT),
	TIDE_FIELD_AS(thing, count, "how_many", COUNT),
	TIDE_FIELD(thing, pause, TIME),
	TIDE_FIELD(thing, share, REAL),
	TIDE_FIELD(thing, truth, BOOL),
	TIDE_FIELD_WORDS(thing, fruit, WORD, fruits),
	TIDE_FIELD_WORDS(thing, marks, FLAGS, marks),
	TIDE_FIELD(thing, narrow, INT32),
	TIDE_FIELD(thing, letter, CHAR),
};
static const struct tide_record record = TIDE_RECORD(fields);

static void
assert_written(const struct thing *thing, enum tide_record_nulls nulls, const char *expected)
{
	json_t *object = json_object();
	char *text;

	tide_record_write(object, &record, thing, nulls);
	text = json_dumps(object, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

static void
each_member_has_its_name(void **state)
{
	const struct thing thing = { .name = (char[]){ "n" },
		.whole = -7,
		.count = 0,
		.pause = 1500000,
		.share = 0.5,
		.truth = true,
		.fruit = PEAR,
		.marks = 5,
		.narrow = -2,
		.letter = 'z' };

	(void)state;
	assert_written(&thing, TIDE_NULLS_WRITTEN,
	    "{\"name\":\"n\",\"whole\":-7,\"how_many\":0,\"pause\":1.5,\"share\":0.5,\"truth\":true,"
	    "\"fruit\":\"pear\",\"marks\":[\"first\",\"third\"],\"narrow\":-2,\"letter\":\"z\"}");
}

static void
what_is_null_is_written_or_left_out(void **state)
{
	const struct thing thing = { .count = -1, .pause = -1, .share = -1 };

	(void)state;
	assert_written(&thing, TIDE_NULLS_WRITTEN,
	    "{\"name\":null,\"whole\":0,\"how_many\":null,\"pause\":null,\"share\":null,\"truth\":false,"
	    "\"fruit\":\"apple\",\"marks\":[],\"narrow\":0,\"letter\":null}");
	assert_written(&thing, TIDE_NULLS_LEFT_OUT,
	    "{\"whole\":0,\"truth\":false,\"fruit\":\"apple\",\"marks\":[],\"narrow\":0}");
}

static bool
read(void *ctx, const char *text, struct thing *out, struct tide_err *err)
{
	json_t *object = json_loads(text, 0, NULL);
	bool ok;

	assert_non_null(object);
	memset(out, 0x5a, sizeof(*out));
	*err = (struct tide_err){ 0 };
	ok = tide_record_read(ctx, object, &record, out, err);
	json_decref(object);
	return ok;
}

static void
what_was_written_is_read(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_err err;
	struct thing t;

	(void)state;
	assert_true(read(ctx,
	    "{\"name\":\"n\",\"whole\":-7,\"how_many\":3,\"pause\":0.000001,\"share\":2,\"truth\":true,"
	    "\"fruit\":\"pear\",\"marks\":[\"third\"],\"narrow\":9,\"letter\":\"yes\",\"other\":1}",
	    &t, &err));
	assert_string_equal(t.name, "n");
	assert_int_equal(t.whole, -7);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.pause, 1);
	assert_true(t.share == 2);
	assert_true(t.truth);
	assert_int_equal(t.fruit, PEAR);
	assert_int_equal(t.marks, 4);
	assert_int_equal(t.narrow, 9);
	assert_int_equal(t.letter, 'y');
	assert_true(read(ctx,
	    "{\"whole\":1,\"truth\":false,\"fruit\":\"apple\",\"marks\":[],\"narrow\":-1,\"share\":null}", &t,
	    &err));
	assert_null(t.name);
	assert_int_equal(t.letter, 0);
	assert_int_equal(t.count, -1);
	assert_int_equal(t.pause, -1);
	assert_true(t.share == -1);
	talloc_free(ctx);
}

static void
what_does_not_belong_there_is_named(void **state)
{
	static const char *const bad[][2] = {
		{ "name", "{\"name\":1,\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "whole", "{\"truth\":true,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "whole", "{\"whole\":1.5,\"truth\":true,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "how_many",
		    "{\"how_many\":\"1\",\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "pause", "{\"pause\":\"1\",\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "truth", "{\"whole\":1,\"truth\":1,\"fruit\":\"pear\",\"marks\":[]}" },
		{ "fruit", "{\"whole\":1,\"truth\":true,\"fruit\":\"plum\",\"marks\":[]}" },
		{ "fruit", "{\"whole\":1,\"truth\":true,\"marks\":[]}" },
		{ "narrow",
		    "{\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":[],\"narrow\":4294967296}" },
		{ "marks", "{\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":5}" },
		{ "marks", "{\"whole\":1,\"truth\":true,\"fruit\":\"pear\",\"marks\":[\"second\"]}" },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tide_err err;
		struct thing t;

		assert_false(read(ctx, bad[i][1], &t, &err));
		assert_int_equal(err.code, TIDE_UNEXPECTED);
		assert_non_null(strstr(err.message, bad[i][0]));
	}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_has_its_name),
		cmocka_unit_test(what_is_null_is_written_or_left_out),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(what_does_not_belong_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
