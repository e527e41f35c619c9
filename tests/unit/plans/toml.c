#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/toml.h"

static const struct tide_toml *
parse_bytes(void *ctx, const char *text, size_t length)
{
	struct tide_toml *root = NULL;
	struct tide_err err = { 0 };

	if (!tide_toml_parse(ctx, "p.toml", text, length, &root, &err))
		fail_msg("%s: %s", err.where, err.message);
	return root;
}

static const struct tide_toml *
parse(void *ctx, const char *text)
{
	return parse_bytes(ctx, text, strlen(text));
}

static struct tide_err
refused_bytes(const char *text, size_t length)
{
	void *ctx = talloc_new(NULL);
	struct tide_toml *root = NULL;
	struct tide_err err = { 0 };

	if (tide_toml_parse(ctx, "p.toml", text, length, &root, &err))
		fail_msg("accepted: %.200s", text);
	assert_null(root);
	assert_int_equal(err.code, TIDE_PLAN);
	assert_true(err.hint[0] != '\0');
	assert_true(strncmp(err.where, "p.toml:", 7) == 0);
	assert_null(strpbrk(err.message, "\n\r\t\033"));
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
	return err;
}

static void
assert_refused(const char *text, const char *where, const char *piece)
{
	struct tide_err err = refused_bytes(text, strlen(text));

	if (strstr(err.message, piece) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.message, piece);
	assert_string_equal(err.where, where);
}

static void
every_type_of_value_is_read(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_toml *root = parse(ctx,
	    "s = \"x\\ty\"\ni = 1_000\nr = 1.5\nb = true\nd = 2024-05-06\na = [1, \"two\"]\nt = { k = -7 }\n"
	    "h = 0xff\nbig = 9223372036854775807\nn = nan\ninf = -inf\nclock = 07:32:00\nwhen = 2024-05-06 "
	    "07:32:00Z\n");

	(void)state;
	assert_string_equal(tide_toml_get(root, "s")->text, "x\ty");
	assert_int_equal(tide_toml_get(root, "i")->integer, 1000);
	assert_true(tide_toml_get(root, "r")->real > 1.4 && tide_toml_get(root, "r")->real < 1.6);
	assert_true(tide_toml_get(root, "b")->boolean);
	assert_int_equal(tide_toml_get(root, "d")->type, TIDE_TOML_DATE);
	assert_string_equal(tide_toml_get(root, "d")->text, "2024-05-06");
	assert_string_equal(tide_toml_get(root, "clock")->text, "07:32:00");
	assert_string_equal(tide_toml_get(root, "when")->text, "2024-05-06T07:32:00Z");
	assert_int_equal(tide_toml_get(root, "a")->count, 2);
	assert_null(tide_toml_get(root, "a")->child[0]->key);
	assert_string_equal(tide_toml_get(root, "a")->child[1]->text, "two");
	assert_int_equal(tide_toml_get(tide_toml_get(root, "t"), "k")->integer, -7);
	assert_int_equal(tide_toml_get(root, "h")->integer, 255);
	assert_true(tide_toml_get(root, "big")->integer == INT64_MAX);
	assert_true(isnan(tide_toml_get(root, "n")->real));
	assert_true(isinf(tide_toml_get(root, "inf")->real));
	assert_null(tide_toml_get(root, "absent"));
	assert_null(tide_toml_get(tide_toml_get(root, "i"), "k"));
	talloc_free(ctx);
}

static void
values_and_keys_keep_their_place(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_toml *root =
	    parse(ctx, "# first\n  key  =  \"välue\"\n\"ü\" = 1\n\n[limits]\nworkers = 2\n\n"
		       "[[phase]]\nkind = \"a\"\n[[phase]]\ngate = { after = \"1d\" }\n");
	const struct tide_toml *key = tide_toml_get(root, "key"), *phase = tide_toml_get(root, "phase");
	const struct tide_toml *after = tide_toml_get(tide_toml_get(phase->child[1], "gate"), "after");

	(void)state;
	assert_int_equal(key->key_line, 2);
	assert_int_equal(key->key_column, 3);
	assert_int_equal(key->line, 2);
	assert_int_equal(key->column, 11);
	assert_int_equal(tide_toml_get(root, "limits")->line, 5);
	assert_int_equal(tide_toml_get(tide_toml_get(root, "limits"), "workers")->line, 6);
	assert_int_equal(phase->child[0]->line, 8);
	assert_int_equal(phase->child[1]->line, 10);
	assert_int_equal(phase->child[1]->column, 1);
	assert_int_equal(after->line, 11);
	assert_int_equal(after->column, 18);
	assert_int_equal(after->key_column, 10);
	talloc_free(ctx);
}

static void
children_stand_in_the_order_of_the_file(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_toml *root = parse(ctx, "zebra = 1\nant = 2\nmouse = { z = 1, a = 2 }\n[b]\n[a]\n");
	static const char *const order[] = { "zebra", "ant", "mouse", "b", "a" };

	(void)state;
	assert_int_equal(root->count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(root->child[i]->key, order[i]);
	assert_string_equal(root->child[2]->child[0]->key, "z");
	talloc_free(ctx);
}

static void
line_ends_and_a_byte_order_mark_make_no_difference(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_toml *root = parse(ctx, "\xef\xbb\xbf"
						  "a = 1\r\nb = '''x\r\ny'''\r\n");

	(void)state;
	assert_int_equal(tide_toml_get(root, "a")->key_column, 1);
	assert_string_equal(tide_toml_get(root, "b")->text, "x\ny");
	assert_int_equal(tide_toml_get(root, "b")->line, 2);
	talloc_free(ctx);
}

static void
an_empty_text_is_an_empty_table(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_int_equal(parse(ctx, "")->count, 0);
	assert_int_equal(parse(ctx, "\xef\xbb\xbf")->count, 0);
	assert_int_equal(parse_bytes(ctx, NULL, 0)->count, 0);
	talloc_free(ctx);
}

static void
only_the_given_length_is_read(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_int_equal(parse_bytes(ctx, "a = 12345", 5)->child[0]->integer, 1);
	/* A character cut by the length is an error, whatever follows it. */
	assert_string_equal(refused_bytes("a = '\xc3\xa4'", 6).where, "p.toml:1:6");
	talloc_free(ctx);
}

static void
errors_of_syntax_have_a_place_and_one_line(void **state)
{
	(void)state;
	assert_refused("a = 1\na = 2\n", "p.toml:2:5", "cannot redefine existing integer 'a'");
	assert_refused("[t]\nx = 1\n[t]\n", "p.toml:3:1", "cannot redefine existing table");
	assert_refused("a = \"unclosed\n", "p.toml:1:14", "cannot read string");
	assert_refused("a = [1, 2\n", "p.toml:1:11", "end-of-file");
	assert_refused("a 1\n", "p.toml:1:3", "expected '='");
	assert_refused("a = 99999999999999999999\n", "p.toml:1:25", "not representable");
	assert_refused("a = \"\\q\"\n", "p.toml:1:7", "unknown escape");
	assert_refused("a = 'x\001y'\n", "p.toml:1:7", "control character");
}

static void
bytes_that_no_text_has_are_refused_with_their_place(void **state)
{
	struct tide_err err;

	(void)state;
	assert_refused("a = 'x'\nb = '\xff'\n", "p.toml:2:6", "byte 0xff is not valid UTF-8");
	assert_refused("# \xed\xa0\x80\n", "p.toml:1:3", "byte 0xed");
	assert_refused("# \xc0\xaf\n", "p.toml:1:3", "byte 0xc0");
	assert_refused("# \xf4\x90\x80\x80\n", "p.toml:1:3", "byte 0xf4");
	assert_refused("a = 1\rb = 2\n", "p.toml:1:6", "carriage return");
	err = refused_bytes("a = 1\n\0b = 2\n", 13);
	assert_string_equal(err.where, "p.toml:2:1");
	assert_non_null(strstr(err.message, "NUL"));
	assert_refused("a = \"x\\u0000y\"\n", "p.toml:1:5", "U+0000");
	assert_refused("\"x\\u0000y\" = 1\n", "p.toml:1:14", "U+0000");
}

static char *
repeat(void *ctx, const char *before, const char *piece, size_t times, const char *after)
{
	size_t step = strlen(piece);
	char *middle = talloc_zero_size(ctx, step * times + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(middle + i * step, piece, step);
	return talloc_asprintf(ctx, "%s%s%s", before, middle, after);
}

static void
deep_nesting_of_every_sort_is_refused(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_refused(repeat(ctx, "a = ", "[", 1000, ""), "p.toml:1:21", "nested more than 16 levels");
	assert_refused(repeat(ctx, "a = ", "{a=", 1000, ""), "p.toml:1:53", "nested more than 16 levels");
	assert_refused(repeat(ctx, "a", ".a", 400000, " = 1"), "p.toml:1:34", "nested more than 16 levels");
	assert_refused(repeat(ctx, "[a", ".a", 1000, "]"), "p.toml:1:35", "nested more than 16 levels");
	assert_refused(
	    repeat(ctx, "\"a\"", " . 'a'", 1000, " = 1"), "p.toml:1:101", "nested more than 16 levels");
	assert_refused(
	    "a.b.c.d.e.f.g.h = { i.j.k.l.m.n.o.p.q = [1] }\n", "p.toml:1:41", "nested more than 16 levels");
	talloc_free(ctx);
}

static void
brackets_and_dots_in_strings_and_comments_do_not_nest(void **state)
{
	void *ctx = talloc_new(NULL);
	char *brackets = repeat(ctx, "", "[{.", 400, "");

	(void)state;
	/* Two of the five quotes that end c belong to it, as the two before the end of e. */
	parse(ctx, talloc_asprintf(
		       ctx, "# %s\na = \"%s\\\"%s\"\nb = '%s'\n", brackets, brackets, brackets, brackets));
	parse(ctx, talloc_asprintf(
		       ctx, "c = \"\"\"%s\n\"%s\\\"%s\"\"\"\"\"\nd = 1\n", brackets, brackets, brackets));
	parse(ctx, talloc_asprintf(ctx, "e = '''%s''%s'''''\nf = 1\n", brackets, brackets));
	parse(ctx, "a = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\nb = [[]]\nc = [[]]\n");
	talloc_free(ctx);
}

static void
a_file_of_ten_megabytes_is_refused_with_its_size(void **state)
{
	void *ctx = talloc_new(NULL);
	size_t size = 10 * 1024 * 1024;
	char *text = talloc_size(ctx, size);
	struct tide_err err;

	(void)state;
	memset(text, '#', size);
	err = refused_bytes(text, size);
	assert_non_null(strstr(err.message, "10485760 bytes"));
	assert_non_null(strstr(err.message, "1048576 are accepted"));
	assert_int_equal(parse_bytes(ctx, text, TIDE_PLAN_SIZE_MAX)->count, 0);
	talloc_free(ctx);
}

static void
a_long_path_keeps_its_end_in_the_place(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_toml *root;
	struct tide_err err = { 0 };

	(void)state;
	assert_false(tide_toml_parse(ctx, repeat(ctx, "", "ä/", 200, "plan.toml"), "=", 1, &root, &err));
	assert_true(strncmp(err.where, "...", 3) == 0);
	assert_string_equal(err.where + strlen(err.where) - 13, "plan.toml:1:1");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_value_is_read),
		cmocka_unit_test(values_and_keys_keep_their_place),
		cmocka_unit_test(children_stand_in_the_order_of_the_file),
		cmocka_unit_test(line_ends_and_a_byte_order_mark_make_no_difference),
		cmocka_unit_test(an_empty_text_is_an_empty_table),
		cmocka_unit_test(only_the_given_length_is_read),
		cmocka_unit_test(errors_of_syntax_have_a_place_and_one_line),
		cmocka_unit_test(bytes_that_no_text_has_are_refused_with_their_place),
		cmocka_unit_test(deep_nesting_of_every_sort_is_refused),
		cmocka_unit_test(brackets_and_dots_in_strings_and_comments_do_not_nest),
		cmocka_unit_test(a_file_of_ten_megabytes_is_refused_with_its_size),
		cmocka_unit_test(a_long_path_keeps_its_end_in_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
