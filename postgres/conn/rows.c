#include "tidemark/postgres/rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>
#include <libpq-fe.h>
#include <talloc.h>

#include "rows_private.h"
#include "tidemark/base/err.h"

struct tide_rows {
	PGresult *result;
	struct ev_loop *loop; /* its user data: struct tide_unreadable */
};

void
tide_rows_on_unreadable(struct ev_loop *loop, const struct tide_unreadable *to)
{
	ev_set_userdata(loop, (void *)(uintptr_t)to);
}

static void
write_plainly(const struct tide_err *err)
{
	(void)fprintf(stderr, "tidemark: error: %s\nhint: %s\n", err->message, err->hint);
}

/*
 * Nothing that was asked for can be relied on any more, and the callers have no way to continue without it. Ending here
 * leaves what a kill leaves: the server rolls an open statement back, and the probes are asked again. The value itself is
 * not printed: it can be anything. _exit, for handlers of exit() would use what is being read.
 */
static _Noreturn void TIDE_PRINTF(2, 3) malformed(const struct tide_rows *rows, const char *fmt, ...)
{
	const struct tide_unreadable *to = rows->loop != NULL ? ev_userdata(rows->loop) : NULL;
	struct tide_err err = { 0 };
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	(void)tide_fail(&err, TIDE_UNEXPECTED, "the server's answer cannot be read: %s", what);
	(void)tide_hint(&err, "is it a PostgreSQL server, and no proxy that changes answers? Connect to it "
			      "directly and run again");
	if (to != NULL)
		to->report(to->ctx, &err);
	else
		write_plainly(&err);
	_exit(TIDE_UNEXPECTED);
}

static int
clear_result(struct tide_rows *rows)
{
	PQclear(rows->result);
	return 0;
}

struct tide_rows *
tide_rows_take(void *ctx, PGresult *result, struct ev_loop *loop)
{
	struct tide_rows *rows = talloc_zero(ctx, struct tide_rows);

	if (rows == NULL || result == NULL)
		abort();
	rows->result = result;
	rows->loop = loop;
	talloc_set_destructor(rows, clear_result);
	return rows;
}

struct tide_rows *
tide_rows_copy(void *ctx, const struct tide_rows *rows)
{
	return tide_rows_take(
	    ctx, PQcopyResult(rows->result, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES), rows->loop);
}

size_t
tide_rows_count(const struct tide_rows *rows)
{
	return (size_t)PQntuples(rows->result);
}

size_t
tide_rows_width(const struct tide_rows *rows)
{
	return (size_t)PQnfields(rows->result);
}

bool
tide_rows_null(const struct tide_rows *rows, size_t row, size_t column)
{
	if (row >= tide_rows_count(rows) || column >= tide_rows_width(rows))
		malformed(rows, "it has %zu rows of %zu columns, and no column %zu in row %zu",
		    tide_rows_count(rows), tide_rows_width(rows), column + 1, row + 1);
	return PQgetisnull(rows->result, (int)row, (int)column) != 0;
}

const char *
tide_rows_text(const struct tide_rows *rows, size_t row, size_t column)
{
	return tide_rows_null(rows, row, column) ? NULL : PQgetvalue(rows->result, (int)row, (int)column);
}

const char *
tide_rows_required(const struct tide_rows *rows, size_t row, size_t column)
{
	const char *text = tide_rows_text(rows, row, column);

	if (text == NULL)
		malformed(rows, "it has nothing in column %zu of row %zu", column + 1, row + 1);
	return text;
}

static int64_t
parse_int(const struct tide_rows *rows, const char *text)
{
	char *end = NULL;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0)
		malformed(rows, "it has something else where a whole number belongs");
	return value;
}

int64_t
tide_rows_int(const struct tide_rows *rows, size_t row, size_t column)
{
	const char *text = tide_rows_text(rows, row, column);

	return text == NULL ? 0 : parse_int(rows, text);
}

double
tide_rows_real(const struct tide_rows *rows, size_t row, size_t column)
{
	const char *text = tide_rows_text(rows, row, column);
	char *end = NULL;
	double value;

	if (text == NULL)
		return 0;
	value = strtod(text, &end);
	if (end == text || *end != '\0')
		malformed(rows, "it has something else where a number belongs");
	return value;
}

bool
tide_rows_bool(const struct tide_rows *rows, size_t row, size_t column)
{
	const char *text = tide_rows_text(rows, row, column);

	if (text == NULL)
		return false;
	if (strcmp(text, "t") != 0 && strcmp(text, "f") != 0)
		malformed(rows, "it has something else where true or false belongs");
	return text[0] == 't';
}

/* The position of the one column. */
static size_t
only_column(const struct tide_rows *rows)
{
	if (tide_rows_width(rows) != 1)
		malformed(rows, "it has %zu columns where one was asked for", tide_rows_width(rows));
	return 0;
}

const char *
tide_rows_only_text(const struct tide_rows *rows)
{
	return tide_rows_text(rows, 0, only_column(rows));
}

const char *
tide_rows_only_required(const struct tide_rows *rows)
{
	return tide_rows_required(rows, 0, only_column(rows));
}

int64_t
tide_rows_only_int(const struct tide_rows *rows)
{
	return tide_rows_int(rows, 0, only_column(rows));
}

bool
tide_rows_only_bool(const struct tide_rows *rows)
{
	return tide_rows_bool(rows, 0, only_column(rows));
}

size_t
tide_rows_column(const struct tide_rows *rows, const char *name)
{
	for (size_t i = 0; i < tide_rows_width(rows); i++)
		if (strcmp(PQfname(rows->result, (int)i), name) == 0)
			return i;
	malformed(rows, "it has no column %s", name);
}

static unsigned
parse_word(const struct tide_rows *rows, const struct tide_record_field *field, const char *text)
{
	for (size_t i = 0; text != NULL && i < field->word_count; i++)
		if (field->words[i] != NULL && strcmp(field->words[i], text) == 0)
			return (unsigned)i;
	malformed(rows, "it has no known word in column %s", field->name);
}

static void
read_member(void *ctx, const struct tide_rows *rows, size_t row, size_t column,
    const struct tide_record_field *field, void *member)
{
	bool null = tide_rows_null(rows, row, column), truth;
	int64_t whole;
	double real;
	unsigned word;
	int narrow;
	char *text;

	switch (field->type) {
	case TIDE_RECORD_TEXT:
		text = null ? NULL : talloc_strdup(ctx, tide_rows_text(rows, row, column));
		memcpy(member, &text, sizeof(text));
		break;
	case TIDE_RECORD_INT:
	case TIDE_RECORD_COUNT:
		whole = null && field->type == TIDE_RECORD_COUNT ? -1 : tide_rows_int(rows, row, column);
		memcpy(member, &whole, sizeof(whole));
		break;
	case TIDE_RECORD_REAL:
		real = null ? -1 : tide_rows_real(rows, row, column);
		memcpy(member, &real, sizeof(real));
		break;
	case TIDE_RECORD_TIME:
		whole = null ? -1 : (int64_t)(tide_rows_real(rows, row, column) * 1e6 + 0.5);
		memcpy(member, &whole, sizeof(whole));
		break;
	case TIDE_RECORD_INT32:
		narrow = (int)tide_rows_int(rows, row, column);
		memcpy(member, &narrow, sizeof(narrow));
		break;
	case TIDE_RECORD_CHAR:
		*(char *)member = null ? '\0' : tide_rows_text(rows, row, column)[0];
		break;
	case TIDE_RECORD_BOOL:
		truth = tide_rows_bool(rows, row, column);
		memcpy(member, &truth, sizeof(truth));
		break;
	case TIDE_RECORD_WORD:
		word = parse_word(rows, field, tide_rows_text(rows, row, column));
		memcpy(member, &word, sizeof(word));
		break;
	case TIDE_RECORD_FLAGS: /* no column of ours holds a list of words */
		malformed(rows, "column %s cannot be read", field->name);
	}
}

void
tide_rows_record(
    void *ctx, const struct tide_rows *rows, size_t row, const struct tide_record *record, void *item)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct tide_record_field *field = &record->field[i];

		read_member(
		    ctx, rows, row, tide_rows_column(rows, field->name), field, (char *)item + field->offset);
	}
}

void *
tide_rows_records(
    void *ctx, const struct tide_rows *rows, const struct tide_record *record, size_t size, size_t *count)
{
	char *items;

	*count = tide_rows_count(rows);
	items = talloc_zero_size(ctx, *count * size);
	/* Field by field: each column is looked up once, not for each row. */
	for (size_t i = 0; i < record->count; i++) {
		const struct tide_record_field *field = &record->field[i];
		size_t column = tide_rows_column(rows, field->name);

		for (size_t row = 0; row < *count; row++)
			read_member(items, rows, row, column, field, items + row * size + field->offset);
	}
	return items;
}
