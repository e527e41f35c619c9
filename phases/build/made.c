#include "tidemark/phases/made.h"

#include <string.h>

#include <talloc.h>

#include "build.h"
#include "specs.h"
#include "tidemark/plans/ddl.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

struct tide_made_entry {
	struct tide_ddl ddl;
	char *sql;
	struct tide_made_thing *thing;
};

const char *
tide_made_kind_name(enum tide_made_kind kind)
{
	static const char *const names[] = {
		[TIDE_MADE_COLUMN] = "column",
		[TIDE_MADE_FUNCTION] = "function",
		[TIDE_MADE_TRIGGER] = "trigger",
		[TIDE_MADE_CONSTRAINT] = "constraint",
		[TIDE_MADE_INDEX] = "index",
	};

	return names[kind];
}

/* One row a verb: of what kind its thing is, and what it does to it. */
enum effect { MAKES, CHANGES, RENAMES, REMOVES };

static const struct {
	enum tide_made_kind kind;
	enum effect effect;
} verbs[] = {
	[TIDE_DDL_ADD_COLUMN] = { TIDE_MADE_COLUMN, MAKES },
	[TIDE_DDL_ALTER_COLUMN] = { TIDE_MADE_COLUMN, CHANGES },
	[TIDE_DDL_RENAME_COLUMN] = { TIDE_MADE_COLUMN, RENAMES },
	[TIDE_DDL_DROP_COLUMN] = { TIDE_MADE_COLUMN, REMOVES },
	[TIDE_DDL_CREATE_TRIGGER] = { TIDE_MADE_TRIGGER, MAKES },
	[TIDE_DDL_ALTER_TRIGGER] = { TIDE_MADE_TRIGGER, CHANGES },
	[TIDE_DDL_DROP_TRIGGER] = { TIDE_MADE_TRIGGER, REMOVES },
	[TIDE_DDL_ADD_CONSTRAINT] = { TIDE_MADE_CONSTRAINT, MAKES },
	[TIDE_DDL_VALIDATE_CONSTRAINT] = { TIDE_MADE_CONSTRAINT, CHANGES },
	[TIDE_DDL_DROP_CONSTRAINT] = { TIDE_MADE_CONSTRAINT, REMOVES },
	[TIDE_DDL_CREATE_INDEX] = { TIDE_MADE_INDEX, MAKES },
	[TIDE_DDL_DROP_INDEX] = { TIDE_MADE_INDEX, REMOVES },
	[TIDE_DDL_CREATE_FUNCTION] = { TIDE_MADE_FUNCTION, MAKES },
	[TIDE_DDL_GRANT_FUNCTION] = { TIDE_MADE_FUNCTION, CHANGES },
	[TIDE_DDL_REVOKE_FUNCTION] = { TIDE_MADE_FUNCTION, CHANGES },
	[TIDE_DDL_DROP_FUNCTION] = { TIDE_MADE_FUNCTION, REMOVES },
};

static struct tide_made_thing *
find(const struct tide_made *made, enum tide_made_kind kind, const char *name)
{
	for (size_t i = 0; i < made->count; i++)
		if (made->thing[i]->kind == kind && !made->thing[i]->gone &&
		    strcmp(made->thing[i]->name, name) == 0)
			return made->thing[i];
	return NULL;
}

static struct tide_made_thing *
add(struct tide_made *made, enum tide_made_kind kind, const char *name, bool created)
{
	struct tide_made_thing *thing = talloc_zero(made, struct tide_made_thing);

	thing->kind = kind;
	thing->name = thing->first = talloc_strdup(thing, name);
	thing->created = thing->defined = created;
	made->thing =
	    talloc_realloc(made, made->thing, struct tide_made_thing *, (unsigned)(made->count + 1));
	made->thing[made->count++] = thing;
	return thing;
}

/* A column that was there before the run is known from the first time it is named. */
static struct tide_made_thing *
find_or_add(struct tide_made *made, enum tide_made_kind kind, const char *name)
{
	struct tide_made_thing *thing = find(made, kind, name);

	return thing != NULL || kind != TIDE_MADE_COLUMN ? thing : add(made, kind, name, false);
}

static void
add_name(void *ctx, struct tide_names *names, const char *name)
{
	names->item = talloc_realloc(ctx, names->item, char *, (unsigned)(names->count + 1));
	names->item[names->count++] = talloc_strdup(names->item, name);
}

static void
remember(struct tide_made *made, const struct tide_ddl *ddl, const char *sql, struct tide_made_thing *thing)
{
	struct tide_made_entry *entry;

	made->entry =
	    talloc_realloc(made, made->entry, struct tide_made_entry, (unsigned)(made->entry_count + 1));
	entry = &made->entry[made->entry_count++];
	*entry = (struct tide_made_entry){ .ddl = *ddl, .sql = talloc_strdup(made, sql), .thing = thing };
}

/* How its author defines something is not for us to judge. */
static void
change(struct tide_made_thing *thing, const struct tide_ddl *ddl, bool own)
{
	thing->authors = thing->authors || !own;
	thing->defined = true;
	if (ddl->verb == TIDE_DDL_GRANT_FUNCTION || ddl->verb == TIDE_DDL_REVOKE_FUNCTION)
		thing->execute = ddl->verb == TIDE_DDL_GRANT_FUNCTION ? 1 : -1;
}

static void
apply(struct tide_made *made, const struct tide_ddl *ddl, const char *sql, bool own)
{
	enum tide_made_kind kind = verbs[ddl->verb].kind;
	struct tide_made_thing *thing = find(made, kind, ddl->name);

	switch (verbs[ddl->verb].effect) {
	case MAKES:
		/* IF NOT EXISTS, or made anew by a statement of the author. Triggers of the user are only made again by us. */
		if (!own || thing != NULL || ddl->foreign)
			return;
		thing = add(made, kind, ddl->name, true);
		break;
	case CHANGES:
		thing = own ? find_or_add(made, kind, ddl->name) : thing;
		if (thing == NULL)
			return;
		change(thing, ddl, own);
		break;
	case RENAMES:
		thing = own ? find_or_add(made, kind, ddl->name) : thing;
		if (thing == NULL)
			return;
		add_name(thing, &thing->earlier, thing->name);
		thing->name = talloc_strdup(thing, ddl->to);
		break;
	case REMOVES:
		if (thing != NULL)
			thing->gone = true;
		return;
	}
	remember(made, ddl, sql, thing);
}

struct tide_made *
tide_made_new(void *ctx)
{
	return talloc_zero(ctx, struct tide_made);
}

static void
uses(struct tide_made *made, const struct tide_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		(void)find_or_add(made, TIDE_MADE_COLUMN, names->item[i]);
}

void
tide_made_phase(struct tide_made *made, const struct tide_phase *phase, bool begun)
{
	const struct dual_write_spec *dual = phase->spec;
	const struct add_column_spec *column = phase->spec;

	if (begun && tide_is_kind(phase, "dual_write")) {
		uses(made, &dual->from);
		uses(made, &dual->to);
	}
	if (!begun && tide_is_kind(phase, "add_column"))
		add_name(made, &made->absent, column->column);
}

bool
tide_made_take(
    struct tide_made *made, const struct tide_phase *phase, const char *script, struct tide_err *err)
{
	bool own = !tide_is_kind(phase, "sql");
	struct tide_names statements = { 0 };

	if (!tide_sql_split(made, script, &statements, err))
		return tide_wrap(err, "the journal's statements of phase %s", phase->name);
	for (size_t i = 0; i < statements.count; i++) {
		struct tide_ddl *ddl;
		size_t count = tide_ddl_read(made, statements.item[i], &ddl);

		for (size_t k = 0; k < count; k++) {
			/* What the author does to other tables. */
			if (!own && ddl[k].relation != NULL && made->relation != NULL &&
			    strcmp(ddl[k].relation, made->relation) != 0)
				continue;
			if (own && ddl[k].relation != NULL)
				made->relation = ddl[k].relation;
			apply(made, &ddl[k], statements.item[i], own);
		}
	}
	return true;
}

static void
say(struct tide_made *made, struct tide_made_thing *thing, const char *sql)
{
	made->statement = talloc_realloc(
	    made, made->statement, struct tide_made_statement, (unsigned)(made->statement_count + 1));
	made->statement[made->statement_count++] =
	    (struct tide_made_statement){ .sql = talloc_strdup(made, sql), .thing = thing };
}

static char *
rename_on(struct tide_made *made, const char *copy, const char *from, const char *to)
{
	return tide_sqlf(made, "ALTER TABLE %s RENAME COLUMN %I TO %I", copy, from, to);
}

/* The copy has the names of now: back to those before the run, and without what it has added. */
static void
say_before(struct tide_made *made, const char *copy)
{
	for (size_t i = made->entry_count; i > 0; i--) {
		const struct tide_made_entry *e = &made->entry[i - 1];

		if (e->ddl.verb == TIDE_DDL_RENAME_COLUMN && !e->thing->gone)
			say(made, NULL, rename_on(made, copy, e->ddl.to, e->ddl.name));
	}
	for (size_t i = 0; i < made->count; i++)
		if (made->thing[i]->kind == TIDE_MADE_COLUMN && made->thing[i]->created &&
		    !made->thing[i]->gone)
			say(made, NULL,
			    tide_sqlf(made, "ALTER TABLE %s DROP COLUMN IF EXISTS %I", copy,
				made->thing[i]->first));
}

static void
say_again(struct tide_made *made, const char *copy, const char *schema)
{
	for (size_t i = 0; i < made->entry_count; i++) {
		const struct tide_made_entry *e = &made->entry[i];
		const char *function = tide_sqlf(made, "%s.%I", schema, e->ddl.name);

		if (e->thing->gone || e->ddl.verb == TIDE_DDL_GRANT_FUNCTION ||
		    e->ddl.verb == TIDE_DDL_REVOKE_FUNCTION)
			continue;
		if (e->ddl.verb == TIDE_DDL_RENAME_COLUMN)
			say(made, NULL, rename_on(made, copy, e->ddl.name, e->ddl.to));
		else
			say(made, e->thing,
			    tide_ddl_aim(made, e->sql, &e->ddl,
				e->ddl.verb == TIDE_DDL_CREATE_FUNCTION ? function : copy));
	}
}

static void
forbid_earlier(struct tide_made *made, const struct tide_made_thing *thing)
{
	for (size_t i = 0; i < thing->earlier.count; i++)
		if (find(made, TIDE_MADE_COLUMN, thing->earlier.item[i]) == NULL &&
		    !tide_names_have(&made->absent, thing->earlier.item[i]))
			add_name(made, &made->absent, thing->earlier.item[i]);
}

void
tide_made_finish(struct tide_made *made, const char *copy, const char *schema)
{
	size_t kept = 0;

	say_before(made, copy);
	say_again(made, copy, schema);
	for (size_t i = 0; i < made->count; i++)
		if (!made->thing[i]->gone)
			forbid_earlier(made, made->thing[i]);
	for (size_t i = 0; i < made->count; i++) {
		made->thing[i]->defined = made->thing[i]->defined && !made->thing[i]->authors;
		if (!made->thing[i]->gone)
			made->thing[kept++] = made->thing[i];
	}
	made->count = kept;
}
