#ifndef TIDE_FIELD_H
#define TIDE_FIELD_H

#include "tidemark/plans/fields.h"

/** One key that is being read. `node` is its value in the plan, or one made from the row's fallback. */
struct tide_field_at {
	const struct tide_field *field;
	const struct tide_toml *node;
	const char *path;
	void *spec;
	struct tide_err *err;
};

/** Reads a value into the member of its type; the readers of fields_sql.c. */
bool tide_field_name(const struct tide_field_at *at, void *member);
bool tide_field_relation(const struct tide_field_at *at, void *member);
bool tide_field_names(const struct tide_field_at *at, void *member);
bool tide_field_expression(const struct tide_field_at *at, void *member);
bool tide_field_assignments(const struct tide_field_at *at, void *member);
bool tide_field_sql(const struct tide_field_at *at, void *member);
bool tide_field_type(const struct tide_field_at *at, void *member);
bool tide_field_parameters(const struct tide_field_at *at, void *member);
bool tide_field_down(const struct tide_field_at *at, void *member);
bool tide_field_query(const struct tide_field_at *at, void *member);

/** The value of `at` as text that is not empty, or NULL + err. Belongs to the tree. */
const char *tide_field_string(const struct tide_field_at *at);

/** "value of the wrong type" for `at`, with what it must be. Returns false. */
bool tide_field_wrong_type(const struct tide_field_at *at, const char *wanted);

/** Entries that a list may have; no list of columns is longer. */
#define TIDE_FIELD_LIST_MAX 1600

/** The error for a longer one. Returns false. */
bool tide_field_too_many(const struct tide_field_at *at);

/** What the row says about itself, for hints. Never NULL. */
const char *tide_field_help(const struct tide_field *field);

/** Error at the value of `at`. Returns false. */
bool tide_field_fail(const struct tide_field_at *at, const char *fmt, ...) TIDE_PRINTF(2, 3);

/** Calls `one` for the value, or for each element when it is an array of at least one; fills `member` in order. */
bool tide_field_each(const struct tide_field_at *at, void *member,
    bool (*one)(const struct tide_field_at *at, struct tide_names *out));

/** Appends; the text belongs to the spec. */
void tide_field_append(const struct tide_field_at *at, struct tide_names *out, const char *text);

/** Reads one row of a table: present, fallback or missing. */
bool tide_field_read(const struct tide_toml *table, const char *path, const struct tide_field *field,
    void *spec, struct tide_err *err);

#endif
