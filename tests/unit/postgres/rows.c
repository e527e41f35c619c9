#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>
#include <talloc.h>

#include <postgresql/libpq-fe.h>

#include "conn/rows_private.h"
#include "tidemark/base/err.h"
#include "tidemark/base/record.h"

/* One row; the last column is NULL. */
static struct tide_rows *
make_on(void *ctx, struct ev_loop *loop)
{
	static const char *const values[] = { "-9223372036854775808", "1.5e3", "t", "f", "text" };
	PGresAttDesc columns[6] = { { .name = (char[]){ "n" } }, { .name = (char[]){ "r" } },
		{ .name = (char[]){ "t" } }, { .name = (char[]){ "f" } }, { .name = (char[]){ "s" } },
		{ .name = (char[]){ "z" } } };
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	assert_int_equal(PQsetResultAttrs(result, 6, columns), 1);
	for (int i = 0; i < 5; i++) {
		char copy[32];

		snprintf(copy, sizeof(copy), "%s", values[i]);
		assert_int_equal(PQsetvalue(result, 0, i, copy, (int)strlen(copy)), 1);
	}
	assert_int_equal(PQsetvalue(result, 0, 5, NULL, -1), 1);
	return tide_rows_take(ctx, result, loop);
}

static struct tide_rows *
make(void *ctx)
{
	return make_on(ctx, NULL);
}

static void
values_are_read_as_their_types(void **state)
{
	struct tide_rows *rows = make(NULL);

	(void)state;
	assert_int_equal(tide_rows_count(rows), 1);
	assert_int_equal(tide_rows_width(rows), 6);
	assert_true(tide_rows_int(rows, 0, 0) == INT64_MIN);
	assert_true(tide_rows_real(rows, 0, 1) == 1500.0);
	assert_true(tide_rows_bool(rows, 0, 2));
	assert_false(tide_rows_bool(rows, 0, 3));
	assert_string_equal(tide_rows_text(rows, 0, 4), "text");
	talloc_free(rows);
}

static void
null_is_nothing_in_every_type(void **state)
{
	struct tide_rows *rows = make(NULL);

	(void)state;
	assert_true(tide_rows_null(rows, 0, 5));
	assert_null(tide_rows_text(rows, 0, 5));
	assert_int_equal(tide_rows_int(rows, 0, 5), 0);
	assert_true(tide_rows_real(rows, 0, 5) == 0.0);
	assert_false(tide_rows_bool(rows, 0, 5));
	assert_false(tide_rows_null(rows, 0, 4));
	talloc_free(rows);
}

/* One column, one row. */
static struct tide_rows *
make_only(const char *value)
{
	PGresAttDesc column = { .name = (char[]){ "v" } };
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", value);
	assert_int_equal(PQsetResultAttrs(result, 1, &column), 1);
	assert_int_equal(PQsetvalue(result, 0, 0, copy, (int)strlen(copy)), 1);
	return tide_rows_take(NULL, result, NULL);
}

static void
the_only_value_needs_no_name(void **state)
{
	struct tide_rows *number = make_only("42"), *truth = make_only("t");

	(void)state;
	assert_int_equal(tide_rows_only_int(number), 42);
	assert_string_equal(tide_rows_only_text(number), "42");
	assert_string_equal(tide_rows_only_required(number), "42");
	assert_true(tide_rows_only_bool(truth));
	talloc_free(number);
	talloc_free(truth);
}

static void
a_copy_lives_on_its_own(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows = make(NULL), *copy = tide_rows_copy(mem, rows);

	(void)state;
	talloc_free(rows);
	assert_string_equal(tide_rows_text(copy, 0, 4), "text");
	assert_true(tide_rows_null(copy, 0, 5));
	talloc_free(mem);
}

struct thing {
	char *s, *z;
	double r, missing;
	int64_t n, z_count;
	bool t, f;
	char letter;
};

static const struct tide_record_field thing_fields[] = {
	TIDE_FIELD(thing, s, TEXT),
	TIDE_FIELD(thing, z, TEXT),
	TIDE_FIELD(thing, r, REAL),
	TIDE_FIELD_AS(thing, missing, "z", REAL),
	TIDE_FIELD(thing, n, INT),
	TIDE_FIELD_AS(thing, z_count, "z", COUNT),
	TIDE_FIELD(thing, t, BOOL),
	TIDE_FIELD(thing, f, BOOL),
	TIDE_FIELD_AS(thing, letter, "s", CHAR),
};
static const struct tide_record thing_record = TIDE_RECORD(thing_fields);

static void
rows_are_read_by_the_names_of_their_columns(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_rows *rows = make(ctx);
	struct thing *things;
	size_t count;

	(void)state;
	things = tide_rows_records(ctx, rows, &thing_record, sizeof(*things), &count);
	assert_int_equal(count, 1);
	assert_string_equal(things[0].s, "text");
	assert_null(things[0].z);
	assert_true(things[0].r == 1500.0);
	assert_true(things[0].missing == -1);
	assert_true(things[0].n == INT64_MIN);
	assert_int_equal(things[0].z_count, -1);
	assert_true(things[0].t);
	assert_false(things[0].f);
	assert_int_equal(things[0].letter, 't');
	talloc_free(ctx);
}

static void
a_column_that_is_not_there(const struct tide_rows *rows)
{
	static const struct tide_record_field fields[] = { TIDE_FIELD_AS(thing, n, "nothing", INT) };
	const struct tide_record record = TIDE_RECORD(fields);
	struct thing thing;

	tide_rows_record(NULL, rows, 0, &record, &thing);
}

static void
an_unknown_word(const struct tide_rows *rows)
{
	static const char *const words[] = { "texts" };
	static const struct tide_record_field fields[] = { { .name = "s",
	    .type = TIDE_RECORD_WORD,
	    .offset = offsetof(struct thing, n),
	    .words = words,
	    .word_count = 1 } };
	const struct tide_record record = TIDE_RECORD(fields);
	struct thing thing;

	tide_rows_record(NULL, rows, 0, &record, &thing);
}

static void
past_the_last_row(const struct tide_rows *rows)
{
	(void)tide_rows_text(rows, 1, 0);
}

static void
past_the_last_column(const struct tide_rows *rows)
{
	(void)tide_rows_text(rows, 0, 6);
}

static void
a_word_as_a_number(const struct tide_rows *rows)
{
	(void)tide_rows_int(rows, 0, 4);
}

static void
a_fraction_as_an_integer(const struct tide_rows *rows)
{
	(void)tide_rows_int(rows, 0, 1);
}

static void
a_word_as_a_truth(const struct tide_rows *rows)
{
	(void)tide_rows_bool(rows, 0, 4);
}

static void
nothing_where_a_value_belongs(const struct tide_rows *rows)
{
	(void)tide_rows_required(rows, 0, 5);
}

static void
one_of_many_as_the_only_one(const struct tide_rows *rows)
{
	(void)tide_rows_only_int(rows);
}

static void
an_answer_that_cannot_be_read_ends_with_an_error(void **state)
{
	static void (*const misuses[])(const struct tide_rows *) = { past_the_last_row, past_the_last_column,
		a_word_as_a_number, a_fraction_as_an_integer, a_word_as_a_truth,
		nothing_where_a_value_belongs, a_column_that_is_not_there, an_unknown_word,
		one_of_many_as_the_only_one };

	(void)state;
	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			misuses[i](make(NULL));
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		/* valgrind has its own status (--error-exitcode) for memory that the child held when it ended at once. */
		assert_true(WIFEXITED(status) &&
			    (WEXITSTATUS(status) == TIDE_UNEXPECTED || WEXITSTATUS(status) == 9));
	}
}

static void
write_to_pipe(void *ctx, const struct tide_err *err)
{
	const int *fd = ctx;
	ssize_t written = write(*fd, err->message, strlen(err->message));

	if (written < 0)
		_exit(99);
}

static void
whoever_watches_the_loop_is_told_what_cannot_be_read(void **state)
{
	static void (*const misuses[])(const struct tide_rows *) = { a_word_as_a_number, a_word_as_a_truth };
	static const char *const messages[] = {
		"the server's answer cannot be read: it has something else where a whole number belongs",
		"the server's answer cannot be read: it has something else where true or false belongs"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		int status = 0, fds[2];
		char text[256] = "";
		pid_t child;

		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0) {
			struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
			const struct tide_unreadable to = { .report = write_to_pipe, .ctx = &fds[1] };
			struct tide_rows *rows = make_on(NULL, loop), *copy = tide_rows_copy(NULL, rows);

			tide_rows_on_unreadable(loop, &to);
			misuses[i](i == 0 ? rows : copy);
			_exit(0);
		}
		close(fds[1]);
		assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
		close(fds[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_string_equal(text, messages[i]);
		assert_true(WIFEXITED(status) &&
			    (WEXITSTATUS(status) == TIDE_UNEXPECTED || WEXITSTATUS(status) == 9));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_their_types),
		cmocka_unit_test(null_is_nothing_in_every_type),
		cmocka_unit_test(rows_are_read_by_the_names_of_their_columns),
		cmocka_unit_test(the_only_value_needs_no_name),
		cmocka_unit_test(a_copy_lives_on_its_own),
		cmocka_unit_test(an_answer_that_cannot_be_read_ends_with_an_error),
		cmocka_unit_test(whoever_watches_the_loop_is_told_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
