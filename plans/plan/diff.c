#include "tidemark/plans/plan.h"

#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/utf8.h"

#include "canonical_toml.h"

/** Longest value shown, bytes; longer ones are cut around the first difference. */
#define SHOWN_MAX 120
/** What is kept before the first difference. */
#define SHOWN_BEFORE 20

struct diff {
	const char *path; /* of the new plan */
	struct tide_text out;
};

static char *
value_text(void *ctx, const struct tide_toml *node)
{
	struct tide_text text;

	tide_text_init(&text, ctx);
	tide_canonical_put(&text, node);
	return text.data;
}

static bool
same(const struct tide_toml *a, const struct tide_toml *b)
{
	char *left = value_text(NULL, a), *right = value_text(NULL, b);
	bool equal = strcmp(left, right) == 0;

	talloc_free(left);
	talloc_free(right);
	return equal;
}

/** `text` from a little before byte `from`, at most SHOWN_MAX bytes, with dots where something is left out. */
static void
put_cut(struct tide_text *out, const char *text, size_t from)
{
	size_t length;

	if (strlen(text) <= SHOWN_MAX)
		from = 0;
	from = from > SHOWN_BEFORE ? tide_utf8_fit(text, from - SHOWN_BEFORE) : 0;
	length = tide_utf8_fit(text + from, SHOWN_MAX);
	tide_text_puts(out, from > 0 ? "..." : "");
	tide_text_add(out, text + from, length);
	tide_text_puts(out, text[from + length] != '\0' ? "..." : "");
}

static void
put_place(struct diff *diff, int line, int column)
{
	tide_text_printf(&diff->out, "  (%s:%d:%d)\n", diff->path, line, column);
}

static void
say_changed(
    struct diff *diff, const char *label, const struct tide_toml *before, const struct tide_toml *after)
{
	char *left = value_text(NULL, before), *right = value_text(NULL, after);
	size_t differ = 0;

	while (left[differ] != '\0' && left[differ] == right[differ])
		differ++;
	tide_text_printf(&diff->out, "%s: ", label);
	put_cut(&diff->out, left, differ);
	tide_text_puts(&diff->out, " → ");
	put_cut(&diff->out, right, differ);
	put_place(diff, after->line, after->column);
	talloc_free(left);
	talloc_free(right);
}

/** One value that is in only one of the plans. `word` is "added" or "removed". */
static void
say_one(struct diff *diff, const char *label, const char *word, const struct tide_toml *node, int line,
    int column)
{
	char *text = value_text(NULL, node);

	tide_text_printf(&diff->out, "%s: %s ", label, word);
	put_cut(&diff->out, text, 0);
	put_place(diff, line, column);
	talloc_free(text);
}

/** `limits.workers`; a key that is not bare is quoted. Belongs to ctx. */
static char *
key_label(void *ctx, const char *prefix, const char *key)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	struct tide_text text;

	tide_text_init(&text, ctx);
	tide_text_printf(&text, "%s%s", prefix, prefix[0] != '\0' ? "." : "");
	if (key[0] != '\0' && key[strspn(key, bare)] == '\0')
		tide_text_puts(&text, key);
	else
		tide_text_quoted(&text, key);
	return text.data;
}

static void diff_phases(struct diff *diff, const struct tide_toml *before, const struct tide_toml *after);

static bool
is_phases(const char *prefix, const struct tide_toml *node)
{
	return prefix[0] == '\0' && strcmp(node->key, "phase") == 0 && node->type == TIDE_TOML_ARRAY;
}

/** Two tables with the same label. What is left of a table that lost a key is shown where the table is now. */
static void
diff_tables(
    struct diff *diff, const char *label, const struct tide_toml *before, const struct tide_toml *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct tide_toml *now = after->child[i], *was = tide_toml_get(before, now->key);
		char *name = key_label(NULL, label, now->key);

		if (was == NULL)
			say_one(diff, name, "added", now, now->line, now->column);
		else if (is_phases(label, now) && is_phases(label, was))
			diff_phases(diff, was, now);
		else if (was->type == TIDE_TOML_TABLE && now->type == TIDE_TOML_TABLE)
			diff_tables(diff, name, was, now);
		else if (!same(was, now))
			say_changed(diff, name, was, now);
		talloc_free(name);
	}
	for (size_t i = 0; i < before->count; i++) {
		const struct tide_toml *was = before->child[i];
		char *name = key_label(NULL, label, was->key);

		if (tide_toml_get(after, was->key) == NULL)
			say_one(diff, name, "removed", was, after->line, after->column);
		talloc_free(name);
	}
}

static const char *
phase_kind(const struct tide_toml *phase)
{
	const struct tide_toml *kind = tide_toml_get(phase, "kind");

	return kind != NULL && kind->type == TIDE_TOML_STRING ? kind->text : "?";
}

/** The phases of a plan, each with its canonical text. */
struct phases {
	struct tide_toml *const *item;
	char **text;
	size_t count;
};

static struct phases
list_phases(void *ctx, const struct tide_toml *array)
{
	struct phases list = { .item = array->child, .count = array->count };

	list.text = talloc_array(ctx, char *, (unsigned)list.count + 1);
	for (size_t i = 0; i < list.count; i++)
		list.text[i] = value_text(list.text, list.item[i]);
	return list;
}

/** How well two phases fit: the same, the same id, the same kind, or not at all. */
static int
likeness(const struct phases *before, size_t row, const struct phases *after, size_t column)
{
	const struct tide_toml *a = before->item[row], *b = after->item[column];
	const struct tide_toml *left = tide_toml_get(a, "id"), *right = tide_toml_get(b, "id");

	if (strcmp(phase_kind(a), phase_kind(b)) != 0)
		return 0;
	if (strcmp(before->text[row], after->text[column]) == 0)
		return 4;
	if (left != NULL && right != NULL && same(left, right))
		return 3;
	return left == NULL && right == NULL ? 2 : 1;
}

/**
 * Which phase each new one was: match[i] is an index into `before`, or -1. Plans of one length are compared by
 * position; else the longest run of phases that fit, as a text comparison does with lines.
 */
static long *
match_phases(void *ctx, const struct tide_toml *before, const struct tide_toml *after)
{
	size_t rows = before->count, columns = after->count, width = columns + 1;
	struct phases old, new;
	long *match = talloc_size(ctx, (columns + 1) * sizeof(*match));
	int *best;

	for (size_t i = 0; i < columns; i++)
		match[i] = rows == columns ? (long)i : -1;
	if (rows == columns)
		return match;
	old = list_phases(match, before);
	new = list_phases(match, after);
	best = talloc_zero_size(match, (rows + 1) * width * sizeof(*best));
	for (size_t r = rows; r-- > 0;) {
		for (size_t c = columns; c-- > 0;) {
			int *cell = &best[r * width + c], fit = likeness(&old, r, &new, c);
			int skip = cell[width] > cell[1] ? cell[width] : cell[1];

			*cell = fit > 0 && fit + cell[width + 1] >= skip ? fit + cell[width + 1] : skip;
		}
	}
	for (size_t r = 0, c = 0; r < rows && c < columns;) {
		const int *cell = &best[r * width + c];
		int fit = likeness(&old, r, &new, c);

		if (fit > 0 && *cell == fit + cell[width + 1])
			match[c++] = (long)r++;
		else if (*cell == cell[width])
			r++;
		else
			c++;
	}
	return match;
}

static void
say_removed_phases(struct diff *diff, const struct tide_toml *before, const struct tide_toml *after,
    size_t from, size_t to, size_t at)
{
	const struct tide_toml *near = at < after->count ? after->child[at] : after->child[after->count - 1];

	for (size_t i = from; i < to; i++) {
		tide_text_printf(&diff->out, "phase[%zu]: removed phase ", i + 1);
		tide_text_quoted(&diff->out, phase_kind(before->child[i]));
		put_place(diff, near->line, near->column);
	}
}

static void
diff_phases(struct diff *diff, const struct tide_toml *before, const struct tide_toml *after)
{
	long *match = match_phases(NULL, before, after);
	size_t seen = 0;
	char label[32];

	for (size_t i = 0; i < after->count; i++) {
		const struct tide_toml *now = after->child[i];

		snprintf(label, sizeof(label), "phase[%zu]", i + 1);
		if (match[i] < 0) {
			tide_text_printf(&diff->out, "%s: added phase ", label);
			tide_text_quoted(&diff->out, phase_kind(now));
			put_place(diff, now->line, now->column);
			continue;
		}
		say_removed_phases(diff, before, after, seen, (size_t)match[i], i);
		seen = (size_t)match[i] + 1;
		diff_tables(diff, label, before->child[match[i]], now);
	}
	say_removed_phases(diff, before, after, seen, before->count, after->count);
	talloc_free(match);
}

char *
tide_plan_diff(void *ctx, const struct tide_plan *before, const struct tide_plan *after)
{
	struct diff diff = { .path = after->path };

	tide_text_init(&diff.out, ctx);
	diff_tables(&diff, "", before->root, after->root);
	return diff.out.data;
}

bool
tide_plan_extends(const struct tide_plan *before, const struct tide_plan *after)
{
	const struct tide_toml *old = tide_toml_get(before->root, "phase");
	const struct tide_toml *new = tide_toml_get(after->root, "phase");

	if (old == NULL || new == NULL || new->count <= old->count ||
	    before->root->count != after->root->count)
		return false;
	for (size_t i = 0; i < old->count; i++)
		if (!same(old->child[i], new->child[i]))
			return false;
	for (size_t i = 0; i < before->root->count; i++) {
		const struct tide_toml *left = before->root->child[i];
		const struct tide_toml *right = tide_toml_get(after->root, left->key);

		if (left != old && (right == NULL || !same(left, right)))
			return false;
	}
	return true;
}
