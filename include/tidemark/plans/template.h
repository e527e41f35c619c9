#ifndef TIDE_TEMPLATE_H
#define TIDE_TEMPLATE_H

#include "tidemark/base/err.h"

/**
 * Arguments of `tidemark new KIND`; NULL where not given. Names are SQL text, as in a plan. Kinds with one column (or index)
 * take it from `from`, else from `to`; `add-index` takes the index's name from `to`.
 */
struct tide_template_args {
	const char *kind; /* "rename-column" */
	const char *table, *from, *to, *type, *name;
};

/**
 * A commented plan as TOML text, or NULL + err (TIDE_USAGE) with what is missing. When name is NULL it is
 * made from table and columns. The text always passes tide_plan_parse. Belongs to ctx.
 */
char *
tide_template_render(void *ctx, const struct tide_template_args *args, struct tide_err *err) TIDE_CHECKED;

/** Names of the templates, ends with NULL. */
const char *const *tide_template_kinds(void);

#endif
