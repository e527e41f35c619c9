#include "effects_tree.h"

#include <string.h>

#include <talloc.h>

const char *
tide_tree_text(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text == NULL ? "" : text;
}

bool
tide_tree_true(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

const char *
tide_tree_string(const json_t *node)
{
	return json_string_value(json_object_get(json_object_get(node, "String"), "sval"));
}

const json_t *
tide_tree_list(const json_t *node)
{
	return json_is_array(node) ? node : json_object_get(json_object_get(node, "List"), "items");
}

void
tide_tree_each(const json_t *node, const char *key, void (*take)(void *ctx, const json_t *found), void *ctx)
{
	json_t *child;
	const char *name;
	size_t i;

	if (json_is_array(node)) {
		json_array_foreach (node, i, child)
			tide_tree_each(child, key, take, ctx);
		return;
	}
	json_object_foreach ((json_t *)node, name, child) {
		if (strcmp(name, key) == 0)
			take(ctx, child);
		tide_tree_each(child, key, take, ctx);
	}
}

size_t
tide_reading_add(struct tide_reading *r, const struct tide_effect *effect)
{
	struct tide_statement *out = r->out;

	out->effect =
	    talloc_realloc(r->ctx, out->effect, struct tide_effect, (unsigned)(out->effect_count + 1));
	out->effect[out->effect_count] = *effect;
	return out->effect_count++;
}

void
tide_reading_unnamed(struct tide_reading *r, enum tide_lock_mode lock)
{
	(void)tide_reading_add(r, &(struct tide_effect){ .kind = TIDE_EFFECT_OTHER, .lock = lock });
}

struct tide_effect *
tide_reading_at(struct tide_reading *r, size_t at)
{
	return &r->out->effect[at];
}

char *
tide_reading_copy(struct tide_reading *r, const char *text)
{
	return text == NULL || *text == '\0' ? NULL : talloc_strdup(r->ctx, text);
}

void
tide_reading_relation(struct tide_reading *r, struct tide_effect *effect, const json_t *range)
{
	if (json_object_get(range, "RangeVar") != NULL)
		range = json_object_get(range, "RangeVar");
	effect->schema = tide_reading_copy(r, tide_tree_text(range, "schemaname"));
	effect->relation = tide_reading_copy(r, tide_tree_text(range, "relname"));
}

void
tide_reading_names(struct tide_reading *r, struct tide_effect *effect, const json_t *list, size_t count)
{
	effect->relation =
	    count < 1 ? NULL : tide_reading_copy(r, tide_tree_string(json_array_get(list, count - 1)));
	effect->schema =
	    count < 2 ? NULL : tide_reading_copy(r, tide_tree_string(json_array_get(list, count - 2)));
}

static bool
is_one_of(const char *text, const struct tide_sqltoken *token, const char *const *words)
{
	for (; words != NULL && *words != NULL; words++)
		if (tide_sqltoken_is(text, token, *words))
			return true;
	return false;
}

char *
tide_reading_slice(struct tide_reading *r, size_t from, const char *const *stop)
{
	size_t end = from;
	int depth = 0;

	for (size_t i = 0; i < r->tokens.count; i++) {
		const struct tide_sqltoken *token = &r->tokens.item[i];
		char first = r->text[token->start];

		if (token->start < from || token->kind == TIDE_SQLTOKEN_COMMENT)
			continue;
		if (depth == 0 && (first == ',' || first == ';' || first == ')' || first == ']' ||
				      is_one_of(r->text, token, stop)))
			break;
		depth += first == '(' || first == '[' ? 1 : first == ')' || first == ']' ? -1 : 0;
		end = token->end;
	}
	return end == from ? NULL : talloc_strndup(r->ctx, r->text + from, end - from);
}

size_t
tide_reading_row(
    struct tide_reading *r, const struct tide_effect_row *rows, const char *node, const json_t *body)
{
	size_t at;

	for (; rows->node != NULL && strcmp(rows->node, node) != 0;)
		rows++;
	if (rows->node == NULL)
		return tide_reading_add(
		    r, &(struct tide_effect){ .work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN });
	at = tide_reading_add(
	    r, &(struct tide_effect){
		   .kind = rows->kind, .lock = rows->lock, .work = rows->work, .old = rows->old });
	r->out->traits |= rows->traits;
	if (rows->relation != NULL)
		tide_reading_relation(r, tide_reading_at(r, at), json_object_get(body, rows->relation));
	return rows->more == NULL ? at : rows->more(r, body, at);
}
