#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tidemark/base/log.h"

static char line[8192];

/* Logs into memory and gives what was written. */
static const char *
logged(struct tide_log log, enum tide_log_level level, const char *event, const char *message,
    const struct tide_log_field *fields)
{
	memset(line, 0, sizeof(line));
	log.out = fmemopen(line, sizeof(line), "w");
	tide_log(&log, level, event, message, fields);
	fclose(log.out);
	return line;
}

static const char *
member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return text;
}

static void
a_json_line_is_one_object(void **state)
{
	const double half = 0.5;
	const struct tide_log_field fields[] = { { "step", "add \"x\"", 0, NULL },
		{ "rows", NULL, INT64_MAX, NULL }, { "seconds", NULL, 0, &half }, { NULL, NULL, 0, NULL } };
	struct tide_log log = { .format = TIDE_LOG_JSON };
	const char *text =
	    logged(log, TIDE_LOG_WARNING, "step.done", "tab\there \x01 \\ \xe2\x82\xac", fields);
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_non_null(object);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_string_equal(member(object, "level"), "warning");
	assert_string_equal(member(object, "event"), "step.done");
	assert_string_equal(member(object, "message"), "tab\there \x01 \\ \xe2\x82\xac");
	assert_string_equal(member(object, "step"), "add \"x\"");
	assert_true(json_integer_value(json_object_get(object, "rows")) == INT64_MAX);
	assert_true(json_real_value(json_object_get(object, "seconds")) == 0.5);
	assert_int_equal(strlen(member(object, "at")), strlen("2024-01-01T00:00:00.000Z"));
	assert_int_equal(member(object, "at")[10], 'T');
	json_decref(object);
}

static void
bytes_that_are_no_utf8_do_not_break_json(void **state)
{
	struct tide_log log = { .format = TIDE_LOG_JSON };
	json_t *object =
	    json_loads(logged(log, TIDE_LOG_INFO, "x", "a\xff\xc3(\xed\xa0\x80\xf8z\xe2\x82", NULL), 0, NULL);

	(void)state;
	assert_non_null(object);
	assert_non_null(strstr(member(object, "message"), "a\xef\xbf\xbd\xef\xbf\xbd("));
	assert_non_null(strchr(member(object, "message"), 'z'));
	json_decref(object);
}

static void
a_text_line_holds_message_and_fields(void **state)
{
	const struct tide_log_field fields[] = { { "table", "public.t", 0, NULL }, { "rows", NULL, -7, NULL },
		{ "why", "a b=\"c\"", 0, NULL }, { "none", "", 0, NULL }, { NULL, NULL, 0, NULL } };
	const char *text = logged((struct tide_log){ 0 }, TIDE_LOG_ERROR, "run.failed", "no luck", fields);

	(void)state;
	assert_non_null(strstr(
	    text, "Z error   run.failed: no luck table=public.t rows=-7 why=\"a b=\\\"c\\\"\" none=\"\"\n"));
	text = logged((struct tide_log){ 0 }, TIDE_LOG_INFO, "run.start", NULL, NULL);
	assert_non_null(strstr(text, "Z info    run.start\n"));
	assert_null(strchr(text, '\033'));
}

static void
a_message_cannot_forge_a_line_or_drive_the_terminal(void **state)
{
	const struct tide_log_field fields[] = { { "v", "x\ny", 0, NULL }, { NULL, NULL, 0, NULL } };
	const char *text =
	    logged((struct tide_log){ 0 }, TIDE_LOG_INFO, "e", "one\ntwo\033[2J\xc2\x9b\x7f", fields);

	(void)state;
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "one\\ntwo\\u001b[2J\\u009b\\u007f v=\"x\\ny\""));
}

static void
what_is_less_than_wanted_is_dropped(void **state)
{
	struct tide_log log = { .least = TIDE_LOG_WARNING };

	(void)state;
	assert_string_equal(logged(log, TIDE_LOG_INFO, "e", "m", NULL), "");
	assert_string_not_equal(logged(log, TIDE_LOG_WARNING, "e", "m", NULL), "");
}

static void
colour_marks_the_level_only_when_asked(void **state)
{
	struct tide_log log = { .colour = true };

	(void)state;
	assert_non_null(strstr(logged(log, TIDE_LOG_ERROR, "e", "m", NULL), "\033[31merror  \033[0m e: m\n"));
	log.format = TIDE_LOG_JSON;
	assert_null(strchr(logged(log, TIDE_LOG_ERROR, "e", "m", NULL), '\033'));
}

static void
no_secret_reaches_a_log(void **state)
{
	const struct tide_log_field fields[] = { { "dsn", "postgres://u:hunter2@h", 0, NULL },
		{ NULL, NULL, 0, NULL } };

	(void)state;
	for (int format = TIDE_LOG_TEXT; format <= TIDE_LOG_JSON; format++) {
		struct tide_log log = { .format = (enum tide_log_format)format };

		assert_null(strstr(logged(log, TIDE_LOG_INFO, "e", "password=hunter2", fields), "hunter2"));
		assert_non_null(strstr(line, "postgres://u:***@h"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_json_line_is_one_object),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_break_json),
		cmocka_unit_test(a_text_line_holds_message_and_fields),
		cmocka_unit_test(a_message_cannot_forge_a_line_or_drive_the_terminal),
		cmocka_unit_test(what_is_less_than_wanted_is_dropped),
		cmocka_unit_test(colour_marks_the_level_only_when_asked),
		cmocka_unit_test(no_secret_reaches_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
