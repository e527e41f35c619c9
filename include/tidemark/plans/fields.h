#ifndef TIDE_FIELDS_H
#define TIDE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/toml.h"

/** What a key may hold, and the C type of its member in the spec. */
enum tide_field_type {
	TIDE_FIELD_TEXT,        /* char *  free text */
	TIDE_FIELD_NAME,        /* char *  one SQL identifier, unquoted and folded as SQL would */
	TIDE_FIELD_RELATION,    /* char *  possibly schema-qualified name, as written */
	TIDE_FIELD_NAMES,       /* struct tide_names  one name or an array of names */
	TIDE_FIELD_EXPRESSION,  /* char *  SQL scalar expression over the table's columns */
	TIDE_FIELD_ASSIGNMENTS, /* struct tide_pairs  table: column = expression */
	TIDE_FIELD_SQL,         /* struct tide_names  one statement, or an array of statements, as written */
	TIDE_FIELD_TYPE,        /* char *  SQL type name, checked to be only that */
	TIDE_FIELD_DURATION,    /* int64_t us */
	TIDE_FIELD_SIZE,        /* int64_t bytes */
	TIDE_FIELD_INTEGER,     /* int64_t, min..max of the row */
	TIDE_FIELD_BOOLEAN,     /* bool */
	TIDE_FIELD_CHOICE,      /* char *  one of `choices` */
	TIDE_FIELD_PARAMETERS,  /* struct tide_pairs  table: key = text or number (storage parameters) */
	TIDE_FIELD_DOWN,  /* struct tide_pairs  one expression (name NULL) or a table column = expression */
	TIDE_FIELD_TEXTS, /* struct tide_names  one free text or an array of them, as written */
	TIDE_FIELD_QUERY, /* char *  exactly one read-only SELECT, without a semicolon */
};

struct tide_names {
	char **item;
	size_t count;
};
struct tide_pair {
	char *name, *value;
	int line, column;
};
struct tide_pairs {
	struct tide_pair *item;
	size_t count;
};

/** One accepted key. Defaults are text, parsed by the same code as user input. A row with key NULL ends. */
struct tide_field {
	const char *key;
	enum tide_field_type type;
	size_t offset;
	bool required;
	const char *fallback; /* default as TOML text of the value without quotes; NULL: member stays zero */
	int64_t min, max;     /* INTEGER, DURATION, SIZE; both 0 = no limit */
	const char *word;     /* INTEGER: text that may stand in place of a number, and means 0; NULL none */
	const char *const *choices; /* CHOICE, ends with NULL */
	const char *help;           /* one sentence, for docs and `help` */
};

#define TIDE_KEY(spec, key, type, ...)                                                                       \
	{                                                                                                    \
#key, TIDE_FIELD_##type, offsetof(struct spec, key), __VA_ARGS__                             \
	}

/**
 * Fills `spec` (zeroed, talloc'd by the caller; members are allocated under it) from `table`. Keys in
 * `also` (ends with NULL, may be NULL) are accepted and left to the caller. Unknown key, wrong type, missing,
 * out of range: one error with place and "did you mean".
 */
bool tide_fields_read(const struct tide_toml *table, const char *path, const struct tide_field *fields,
    const char *const *also, void *spec, struct tide_err *err) TIDE_CHECKED;

/**
 * Reads one value that was written as text, outside a plan: the same checks and messages as for the plan, without a place. A number
 * is written as such, other values without quotes, several of a list as in the plan: ["a", "b"], and none as []. The member and
 * what belongs to it are allocated under `spec`.
 */
bool tide_field_read_text(
    const struct tide_field *field, const char *text, void *spec, struct tide_err *err) TIDE_CHECKED;

#endif
