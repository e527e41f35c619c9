/* Files of --env-file, as `docker run` reads them. */
#include "cli/options/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/array.h"

static const char *
process(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "SET") == 0 ? "process" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static bool
read_text(void *ctx, struct tide_environment *e, const char *text, size_t size, struct tide_err *err)
{
	char path[] = "/tmp/tidemark-env-XXXXXX";
	int fd = mkstemp(path);
	bool ok;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	(void)close(fd);
	ok = tide_environment_read(ctx, e, path, err);
	(void)unlink(path);
	return ok;
}

static void
lines_are_read_as_docker_reads_them(void **state)
{
	static const struct {
		const char *name, *value;
	} found[] = {
		{ "PLAIN", "value" },
		{ "EQUALS", "a=b=c" },
		{ "BLANKS", "  kept  " },
		{ "QUOTED", "\"kept\"" },
		{ "HASH", "a # b" },
		{ "NOTHING", "" },
		{ "INDENTED", "x" },
		{ "WINDOWS", "y" },
		{ "TWICE", "second" },
		{ "LAST", "without a newline" },
		{ "ALONE", NULL },
		{ "ABSENT", NULL },
		/* What the process has wins, even empty. */
		{ "SET", "process" },
		{ "EMPTY", "" },
	};
	static const char text[] =
	    "\xef\xbb\xbfPLAIN=value\n\n   \n# comment\n  # another\nEQUALS=a=b=c\nBLANKS=  kept  \n"
	    "QUOTED=\"kept\"\nHASH=a # b\nNOTHING=\n\t INDENTED=x\nWINDOWS=y\r\nTWICE=first\n"
	    "TWICE=second\nALONE\nSET=file\nEMPTY=file\nLAST=without a newline";
	void *ctx = talloc_new(NULL);
	struct tide_environment e = { .outer = process };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(read_text(ctx, &e, text, sizeof(text) - 1, &err));
	for (size_t i = 0; i < TIDE_COUNT(found); i++) {
		const char *value = tide_environment_get(&e, found[i].name);

		if ((value == NULL) != (found[i].value == NULL) ||
		    (value != NULL && strcmp(value, found[i].value) != 0))
			fail_msg("%s is '%s'", found[i].name, value != NULL ? value : "(none)");
	}
	assert_true(read_text(ctx, &e, "PLAIN=of a later file\n", 22, &err));
	assert_string_equal(tide_environment_get(&e, "PLAIN"), "of a later file");
	assert_true(read_text(ctx, &e, "", 0, &err));
	talloc_free(ctx);
}

static void
a_bad_line_is_an_error_with_its_place_and_without_its_text(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *message, *place;
	} bad[] = {
		{ "A=b\n=secret\n", 12, "the line has no name of a variable", ":2:1" },
		{ "\n\nexport A=secret\n", 18, "the name of a variable cannot contain blanks", ":3:1" },
		{ "A =secret", 9, "the name of a variable cannot contain blanks", ":1:1" },
		{ "a secret in words", 17, "the name of a variable cannot contain blanks", ":1:1" },
		{ "A=b\nB=se\0cret\n", 14, "the line contains a NUL byte", ":2:1" },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(bad); i++) {
		struct tide_environment e = { .outer = process };
		struct tide_err err = { 0 };

		assert_false(read_text(ctx, &e, bad[i].text, bad[i].size, &err));
		assert_int_equal(err.code, TIDE_USAGE);
		assert_string_equal(err.message, bad[i].message);
		assert_non_null(strstr(err.where, bad[i].place));
		assert_null(strstr(err.hint, "secret"));
	}
	talloc_free(ctx);
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
	static const char *const paths[] = { "/nowhere/at/all", "/" };
	struct tide_environment e = { .outer = process };
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(paths); i++) {
		struct tide_err err = { 0 };

		assert_false(tide_environment_read(ctx, &e, paths[i], &err));
		assert_int_equal(err.code, TIDE_USAGE);
		assert_non_null(strstr(err.message, "cannot be read: "));
	}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_as_docker_reads_them),
		cmocka_unit_test(a_bad_line_is_an_error_with_its_place_and_without_its_text),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
