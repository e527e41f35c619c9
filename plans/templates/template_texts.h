#ifndef TIDE_TEMPLATE_TEXTS_H
#define TIDE_TEMPLATE_TEXTS_H

#include <stddef.h>

/** What a template needs, and what it may write; the index of struct tide_template_values. */
enum tide_template_value {
	TIDE_VALUE_TABLE,
	TIDE_VALUE_FROM,
	TIDE_VALUE_TO,
	TIDE_VALUE_TYPE,
	TIDE_VALUE_COLUMN, /* `from`, else `to` */
	TIDE_VALUE_INDEX,  /* `to`, else made from table and column */
	TIDE_VALUE_NAME,
	TIDE_VALUE_TITLE,
	TIDE_VALUE_COUNT
};

#define TIDE_NEEDS(value) (1u << TIDE_VALUE_##value)

/**
 * One kind of `tidemark new`. In `text`, %s:value% is the value as a TOML string, %k:value% as a TOML key, %e:value% as a TOML
 * string that holds the quoted column, %n:value% as one that asks whether it is null, %o:value% whether it is old, %c:value% as words of a comment. A comment
 * after a tab is aligned. `name` and `title` are
 * made of words and plain values (%c).
 */
struct tide_template {
	const char *kind;
	unsigned needs;
	const char *usage; /* operands, for hints */
	const char *name, *title;
	const char *text;
};

extern const struct tide_template tide_templates[];
extern const size_t tide_template_count;

#endif
