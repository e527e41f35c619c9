#ifndef TIDE_TOML_H
#define TIDE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tide_toml_type {
	TIDE_TOML_TABLE,
	TIDE_TOML_ARRAY,
	TIDE_TOML_STRING,
	TIDE_TOML_INTEGER,
	TIDE_TOML_FLOAT,
	TIDE_TOML_BOOLEAN,
	TIDE_TOML_DATE
};

/** A value with its place. Children of a table are in file order and have `key`; of an array, key NULL. */
struct tide_toml {
	enum tide_toml_type type;
	char *key;
	int line, column;         /* of the value; 1-based */
	int key_line, key_column; /* of the key, as far as the parser tells; else those of the value */
	char *text;               /* STRING (UTF-8, no NUL inside), DATE (as written) */
	int64_t integer;
	double real;
	bool boolean;
	struct tide_toml **child;
	size_t count;
};

/** Largest plan accepted, bytes. */
#define TIDE_PLAN_SIZE_MAX (1024 * 1024)

/**
 * Parses text (CRLF is read as LF). `path` is only for messages and becomes err->where as
 * "path:line:col". The tree belongs to ctx. Duplicate keys, bad UTF-8, deep nesting, NUL bytes and
 * more than TIDE_PLAN_SIZE_MAX bytes are errors (TIDE_PLAN); nothing C++ ever escapes.
 */
bool tide_toml_parse(void *ctx, const char *path, const char *text, size_t length, struct tide_toml **out,
    struct tide_err *err) TIDE_CHECKED;

/** Child of a table by key, or NULL. */
const struct tide_toml *tide_toml_get(const struct tide_toml *table, const char *key);

#ifdef __cplusplus
}
#endif
#endif
