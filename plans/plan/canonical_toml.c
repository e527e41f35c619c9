#include "canonical_toml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

static int
by_key(const void *a, const void *b)
{
	const struct tide_toml *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

static void
put_table(struct tide_text *out, const struct tide_toml *node)
{
	const struct tide_toml **sorted =
	    talloc_array(NULL, const struct tide_toml *, (unsigned)node->count + 1);

	for (size_t i = 0; i < node->count; i++)
		sorted[i] = node->child[i];
	if (node->count > 1)
		qsort(sorted, node->count, sizeof(*sorted), by_key);
	tide_text_puts(out, "{");
	for (size_t i = 0; i < node->count; i++) {
		tide_text_puts(out, i == 0 ? " " : ", ");
		tide_text_quoted(out, sorted[i]->key);
		tide_text_puts(out, " = ");
		tide_canonical_put(out, sorted[i]);
	}
	tide_text_puts(out, node->count > 0 ? " }" : "}");
	talloc_free(sorted);
}

static void
put_array(struct tide_text *out, const struct tide_toml *node)
{
	tide_text_puts(out, "[");
	for (size_t i = 0; i < node->count; i++) {
		tide_text_puts(out, i == 0 ? "" : ", ");
		tide_canonical_put(out, node->child[i]);
	}
	tide_text_puts(out, "]");
}

static void
put_float(struct tide_text *out, const struct tide_toml *node)
{
	size_t from = out->length;

	tide_text_printf(out, "%.17g", node->real);
	/* 1.0 and 1 are values of different types, and only one of them is accepted where the other is. */
	if (strpbrk(out->data + from, ".eni") == NULL)
		tide_text_puts(out, ".0");
}

void
tide_canonical_put(struct tide_text *out, const struct tide_toml *node)
{
	switch (node->type) {
	case TIDE_TOML_TABLE:
		put_table(out, node);
		break;
	case TIDE_TOML_ARRAY:
		put_array(out, node);
		break;
	case TIDE_TOML_STRING:
		tide_text_quoted(out, node->text);
		break;
	case TIDE_TOML_INTEGER:
		tide_text_printf(out, "%" PRId64, node->integer);
		break;
	case TIDE_TOML_FLOAT:
		put_float(out, node);
		break;
	case TIDE_TOML_BOOLEAN:
		tide_text_puts(out, node->boolean ? "true" : "false");
		break;
	case TIDE_TOML_DATE:
		tide_text_puts(out, node->text);
		break;
	}
}

char *
tide_plan_canonical(void *ctx, const struct tide_toml *root)
{
	struct tide_text out;

	tide_text_init(&out, ctx);
	tide_canonical_put(&out, root);
	return out.data;
}
