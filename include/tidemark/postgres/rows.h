#ifndef TIDE_ROWS_H
#define TIDE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/base/record.h"

/**
 * A result. Columns are found by their names: a struct from a row (tide_rows_record), one column (tide_rows_column), or the one value of
 * a statement that gives one (tide_rows_only_…). The SQL is ours, so a column that is not there or a value that does not parse is an answer of something that
 * is no PostgreSQL: the program ends with an error and exit 1. That is as safe as being killed.
 */
struct tide_rows;
struct ev_loop;

/** Prints the error with which the program is about to end. May not use a connection: what it says is not to be trusted. */
typedef void tide_rows_report(void *ctx, const struct tide_err *err);
struct tide_unreadable {
	tide_rows_report *report;
	void *ctx;
};

/**
 * Who reports an answer that cannot be read, for the connections of `loop`; takes the loop's user data. `to` must live as
 * long as it is set. NULL, and before the first call: the error is written to standard error as plain text.
 */
void tide_rows_on_unreadable(struct ev_loop *loop, const struct tide_unreadable *to);

size_t tide_rows_count(const struct tide_rows *rows);
size_t tide_rows_width(const struct tide_rows *rows);
bool tide_rows_null(const struct tide_rows *rows, size_t row, size_t column);
/** NULL when the value is NULL. Lives as long as rows. */
const char *tide_rows_text(const struct tide_rows *rows, size_t row, size_t column);
/** A value that the SQL cannot give as NULL: one that is NULL all the same is an answer that cannot be read. */
const char *tide_rows_required(const struct tide_rows *rows, size_t row, size_t column);
/** 0 when NULL. */
int64_t tide_rows_int(const struct tide_rows *rows, size_t row, size_t column);
double tide_rows_real(const struct tide_rows *rows, size_t row, size_t column);
/** false when NULL. */
bool tide_rows_bool(const struct tide_rows *rows, size_t row, size_t column);

/** The value of a result of one column, in its first row: as above. More columns, or no row, is an answer that cannot be read. */
const char *tide_rows_only_text(const struct tide_rows *rows);
const char *tide_rows_only_required(const struct tide_rows *rows);
int64_t tide_rows_only_int(const struct tide_rows *rows);
bool tide_rows_only_bool(const struct tide_rows *rows);

/** The position of the column with this name. One that is not there is an answer that cannot be read. */
size_t tide_rows_column(const struct tide_rows *rows, const char *name);

/**
 * Reads a row into `item` by the names of the columns; columns that the record does not name are ignored. Texts belong to ctx.
 * A column that is not there, a word that is not known and a value of another type are an answer that cannot be read.
 */
void tide_rows_record(
    void *ctx, const struct tide_rows *rows, size_t row, const struct tide_record *record, void *item);
/** The same of all rows: an array of `size` bytes each, which belongs to ctx. *count: how many. */
void *tide_rows_records(
    void *ctx, const struct tide_rows *rows, const struct tide_record *record, size_t size, size_t *count);

#endif
