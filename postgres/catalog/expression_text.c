#include "expression_text.h"

#include <stdbool.h>
#include <string.h>

#include <talloc.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

static const char *
last(const char *text, const char *word)
{
	const char *found = NULL;

	for (const char *s = strstr(text, word); s != NULL; s = strstr(s + 1, word))
		found = s;
	return found;
}

/* Blanks between words become one; in quotes nothing changes. The server doubles a quote within quotes, in E'' as well. */
static void
fold_blanks(char *text)
{
	char quote = 0, *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (quote == 0 && is_blank(*from)) {
			if (to > text && to[-1] != ' ')
				*to++ = ' ';
			continue;
		}
		if (quote != 0 && *from == quote)
			quote = 0;
		else if (quote == 0 && (*from == '\'' || *from == '"'))
			quote = *from;
		*to++ = *from;
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

char *
tide_canonical_cut(void *ctx, const char *view)
{
	static const char select[] = "SELECT";
	const char *end = last(view, " AS " TIDE_FACT_TARGET);
	char *out;

	while (is_blank(*view))
		view++;
	if (end == NULL || strncmp(view, select, strlen(select)) != 0)
		return NULL;
	view += strlen(select);
	while (is_blank(*view))
		view++;
	out = talloc_strndup(ctx, view, (size_t)(end - view));
	fold_blanks(out);
	return out;
}
