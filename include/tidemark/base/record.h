#ifndef TIDEMARK_BASE_RECORD_H
#define TIDEMARK_BASE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"

/**
 * A struct whose members have names: one table from which it is written as JSON, read from JSON, and read from a row of a result by
 * the names of its columns (tide_rows_record). Nothing is found by its position, so nothing can be off by one.
 */

enum tide_record_type {
	TIDE_RECORD_TEXT,  /* char *; NULL is null */
	TIDE_RECORD_INT,   /* int64_t; null is 0 */
	TIDE_RECORD_COUNT, /* int64_t; null is -1 */
	TIDE_RECORD_REAL,  /* double; null is -1 */
	TIDE_RECORD_TIME,  /* int64_t, microseconds, as seconds with a fraction; null is -1 */
	TIDE_RECORD_BOOL,  /* bool; null is false */
	TIDE_RECORD_INT32, /* int; null is 0 */
	TIDE_RECORD_CHAR,  /* char; null and "" are 0 */
	TIDE_RECORD_WORD,  /* an enum, as one of `words` */
	TIDE_RECORD_FLAGS, /* unsigned; bit i is words[i]: a list of those that are set */
};

struct tide_record_field {
	const char *name;
	enum tide_record_type type;
	size_t offset;
	const char *const *words; /* WORD and FLAGS, by value or by bit; NULL for those that are not used */
	size_t word_count;
};

struct tide_record {
	const struct tide_record_field *field;
	size_t count;
};

/** A row of the table, named as the member, or otherwise. */
#define TIDE_FIELD_AS(struct_, member_, name_, type_)                                                        \
	{                                                                                                    \
		.name = name_, .type = TIDE_RECORD_##type_, .offset = offsetof(struct struct_, member_)      \
	}
#define TIDE_FIELD(struct_, member_, type_) TIDE_FIELD_AS(struct_, member_, #member_, type_)
#define TIDE_FIELD_WORDS(struct_, member_, type_, words_)                                                    \
	{                                                                                                    \
		.name = #member_, .type = TIDE_RECORD_##type_, .offset = offsetof(struct struct_, member_),  \
		.words = words_, .word_count = sizeof(words_) / sizeof((words_)[0])                          \
	}
#define TIDE_RECORD(fields_)                                                                                 \
	{                                                                                                    \
		.field = fields_, .count = sizeof(fields_) / sizeof((fields_)[0])                            \
	}

/** What happens to a member that is null. */
enum tide_record_nulls { TIDE_NULLS_WRITTEN, TIDE_NULLS_LEFT_OUT };

/** Adds a key for each member to `object`. Text that is not UTF-8 becomes null. */
void tide_record_write(
    json_t *object, const struct tide_record *record, const void *item, enum tide_record_nulls nulls);

/**
 * Reads all members from `object`; other keys are ignored. Texts belong to ctx. A key that is missing counts as null. False
 * (TIDE_UNEXPECTED, with the key's name) for a value of another type, for a word that is not known, and for one that is missing
 * where
 * there is no null: INT, INT32, BOOL, WORD and FLAGS.
 */
bool tide_record_read(void *ctx, const json_t *object, const struct tide_record *record, void *item,
    struct tide_err *err) TIDE_CHECKED;

#endif
