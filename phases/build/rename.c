#include "rename.h"

#include <stddef.h>
#include <string.h>

#include <talloc.h>

#include "build.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/*
 * Steps are compiled once and stored as texts, and the table may be renamed afterwards. Our own texts write its name in one of two ways:
 * quoted, part by part (everything made by tide_sqlf), or as the server prints it (definitions of indexes and triggers).
 */

void
tide_steps_name_table(struct tide_steps *steps, const struct tide_catalog *cat)
{
	for (size_t i = 0; i < steps->count; i++) {
		struct tide_step *step = &steps->item[i];

		step->forward.table = tide_table_text(steps, cat);
		for (size_t u = 0; u < step->undo_count; u++)
			step->undo[u].table = tide_table_text(steps, cat);
	}
}

/* `text` with each `from` replaced by `to`. */
static char *
replaced(void *ctx, const char *text, const char *from, const char *to)
{
	char *out = talloc_strdup(ctx, "");
	const char *at;

	for (; (at = strstr(text, from)) != NULL; text = at + strlen(from))
		out = talloc_asprintf_append_buffer(out, "%.*s%s", (int)(at - text), text, to);
	return talloc_strdup_append_buffer(out, text);
}

/* The name as the server prints it is only taken for one where a table's name is due. */
static char *
replaced_printed(void *ctx, char *text, const char *from, const char *to)
{
	static const char *const before[] = { " ON ", " ON ONLY ", " REFERENCES ", " FROM ", " JOIN " };
	static const char after[] = { ' ', '(', ')', ';', '\n' };

	for (size_t i = 0; i < TIDE_COUNT(before); i++)
		for (size_t k = 0; k < sizeof(after); k++)
			text = replaced(ctx, text, talloc_asprintf(ctx, "%s%s%c", before[i], from, after[k]),
			    talloc_asprintf(ctx, "%s%s%c", before[i], to, after[k]));
	return text;
}

static char *
rename_text(void *ctx, const char *text, const struct tide_renaming *names, size_t count)
{
	char *out = talloc_strdup(ctx, text);

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		/* As a literal first: a backslash or a quote in the name is written differently there. */
		out = replaced(ctx, out, tide_literal(ctx, names[i].from), tide_literal(ctx, names[i].to));
		out = replaced(ctx, out, names[i].from, names[i].to);
		if (names[i].printed_from != NULL)
			out = replaced_printed(ctx, out, names[i].printed_from, names[i].printed_to);
	}
	return out;
}

/* Texts of an action that are ours. `act` of the plan's author is not, nor is a probe of his. */
static const struct {
	size_t offset;
	bool always;
} texts[] = {
	{ offsetof(struct tide_action, probe), false },
	{ offsetof(struct tide_action, repair), true },
	{ offsetof(struct tide_action, cleanup), true },
	{ offsetof(struct tide_action, differing), true },
	{ offsetof(struct tide_action, lost), true },
	{ offsetof(struct tide_action, lock_table), true },
	{ offsetof(struct tide_action, table), true },
};

/* The author's own statements are sent as they are: only what tidemark adds to them is renamed. */
struct tide_action *
tide_action_renamed(
    void *ctx, const struct tide_action *action, const struct tide_renaming *names, size_t count)
{
	struct tide_action *out = talloc_memdup(ctx, action, sizeof(*action));
	bool own = (action->flags & TIDE_ROLE_SEARCH_PATH) == 0;

	for (size_t i = 0; i < TIDE_COUNT(texts); i++) {
		char **text = (char **)(void *)((char *)out + texts[i].offset);

		if (own || texts[i].always)
			*text = rename_text(out, *text, names, count);
	}
	if (!own)
		return out;
	out->act = talloc_array(out, char *, (unsigned)action->act_count);
	for (size_t i = 0; i < action->act_count; i++)
		out->act[i] = rename_text(out, action->act[i], names, count);
	if (action->sweep != NULL) {
		out->sweep = talloc_memdup(out, action->sweep, sizeof(*action->sweep));
		out->sweep->set = rename_text(out, action->sweep->set, names, count);
		out->sweep->residual = rename_text(out, action->sweep->residual, names, count);
		out->sweep->again = rename_text(out, action->sweep->again, names, count);
	}
	return out;
}

/* One more name, unless it is there. */
static void
take(struct tide_names *out, void *ctx, const char *name, size_t length)
{
	char *text = talloc_strndup(ctx, name, length);

	if (tide_names_have(out, text))
		return;
	out->item = talloc_realloc(ctx, out->item, char *, (unsigned)(out->count + 1));
	out->item[out->count++] = text;
}

/* The length of a quoted identifier at `text`; 0: there is none. */
static size_t
quoted_length(const char *text)
{
	size_t i = 1;

	if (text[0] != '"')
		return 0;
	for (; text[i] != '\0'; i++) {
		if (text[i] != '"')
			continue;
		if (text[i + 1] != '"')
			return i + 1;
		i++;
	}
	return 0;
}

static void
take_names(struct tide_names *out, void *ctx, const char *text, const char *prefix)
{
	for (const char *at = text; at != NULL && (at = strstr(at, prefix)) != NULL; at += strlen(prefix)) {
		size_t length = quoted_length(at + strlen(prefix));

		if (length > 0)
			take(out, ctx, at, strlen(prefix) + length);
	}
}

struct tide_names
tide_action_names_in(void *ctx, const struct tide_action *action, const char *schema)
{
	struct tide_names out = { 0 };
	char *prefix = talloc_asprintf(ctx, "%s.", tide_ident(ctx, schema));

	take_names(&out, ctx, action->probe, prefix);
	take_names(&out, ctx, action->repair, prefix);
	take_names(&out, ctx, action->cleanup, prefix);
	for (size_t i = 0; (action->flags & TIDE_ROLE_SEARCH_PATH) == 0 && i < action->act_count; i++)
		take_names(&out, ctx, action->act[i], prefix);
	return out;
}
