#include "applying.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* Privileges of columns in the catalog, after GRANT and REVOKE. One line each: privilege, role, " WITH GRANT OPTION" or nothing. */

/* What can be granted on a column. */
static const char *const privileges[] = { "SELECT", "INSERT", "UPDATE", "REFERENCES" };

static const char with_option[] = " WITH GRANT OPTION";

struct grant {
	char *privilege, *role;
	bool option;
};

struct grants {
	struct grant *item;
	size_t count;
};

static void
add_grant(void *ctx, struct grants *out, struct grant g)
{
	out->item = talloc_realloc(ctx, out->item, struct grant, (unsigned)(out->count + 1));
	out->item[out->count++] = g;
}

static char *
next_part(void *ctx, const char **at, const char *end)
{
	size_t length = strcspn(*at, end);
	char *part = talloc_strndup(ctx, *at, length);

	*at += length + ((*at)[length] == '\0' ? 0 : 1);
	return part;
}

static void
read_grants(void *ctx, const char *text, struct grants *out)
{
	while (text != NULL && *text != '\0') {
		struct grant g = { .privilege = next_part(ctx, &text, "\t") };

		g.role = next_part(ctx, &text, "\t");
		g.option = *next_part(ctx, &text, "\n") != '\0';
		add_grant(ctx, out, g);
	}
}

static char *
grants_text(void *ctx, const struct grants *grants)
{
	char *out = NULL;

	for (size_t i = 0; i < grants->count; i++)
		out = tide_append(ctx, out, "\n",
		    talloc_asprintf(ctx, "%s\t%s\t%s", grants->item[i].privilege, grants->item[i].role,
			grants->item[i].option ? with_option : ""));
	return out;
}

static const char *
role_of(const struct tide_applying *a)
{
	return a->effect->to != NULL ? a->effect->to : tide_ident(a->cat, a->cat->role);
}

static void
grant(const struct tide_applying *a, struct grants *grants, const char *privilege)
{
	for (size_t i = 0; i < grants->count; i++) {
		struct grant *g = &grants->item[i];

		if (strcmp(g->privilege, privilege) == 0 && strcmp(g->role, role_of(a)) == 0) {
			g->option = g->option || a->effect->option;
			return;
		}
	}
	add_grant(a->cat, grants,
	    (struct grant){
		talloc_strdup(a->cat, privilege), talloc_strdup(a->cat, role_of(a)), a->effect->option });
}

static void
revoke(const struct tide_applying *a, struct grants *grants, const char *privilege)
{
	size_t kept = 0;

	for (size_t i = 0; i < grants->count; i++) {
		struct grant g = grants->item[i];
		bool hit = strcmp(g.privilege, privilege) == 0 && strcmp(g.role, role_of(a)) == 0;

		if (hit && !a->effect->option)
			continue;
		g.option = g.option && !hit;
		grants->item[kept++] = g;
	}
	grants->count = kept;
}

static void
change_column(const struct tide_applying *a, struct tide_column *column)
{
	struct grants grants = { 0 };

	read_grants(a->cat, column->grants, &grants);
	for (size_t i = 0; i < TIDE_COUNT(privileges); i++)
		if (a->effect->name == NULL || strcmp(a->effect->name, privileges[i]) == 0) {
			if (a->effect->kind == TIDE_EFFECT_GRANT)
				grant(a, &grants, privileges[i]);
			else
				revoke(a, &grants, privileges[i]);
		}
	column->grants = column->acl = grants_text(a->cat, &grants);
}

/* GRANT on the table says nothing of its columns; REVOKE takes what they have as well. */
void
tide_apply_privilege(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	bool of_schema = effect->relation == NULL && effect->schema != NULL &&
			 strcmp(effect->schema, a->cat->table.schema) == 0;
	bool whole = effect->columns.count == 0;

	if ((!a->ours && !of_schema) || (whole && effect->kind == TIDE_EFFECT_GRANT))
		return;
	for (size_t i = 0; i < a->cat->table.column_count; i++)
		if (whole || tide_names_have(&effect->columns, a->cat->table.column[i].name))
			change_column(a, &a->cat->table.column[i]);
}
