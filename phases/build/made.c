#include "tidemark/phases/made.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "build.h"
#include "tidemark/plans/ddl.h"
#include "tidemark/plans/effects.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

struct tide_made_entry {
	struct tide_ddl ddl;
	char *sql;
	size_t nth; /* which command of its statement */
	struct tide_made_thing *thing;
};

/* One command of a statement. own: not of a phase of kind `sql`. */
struct command {
	const struct tide_ddl *ddl;
	const char *sql;
	size_t nth;
	bool own;
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

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct tide_made_thing *
find(const struct tide_made *made, enum tide_made_kind kind, const char *name)
{
	for (size_t i = 0; i < made->count; i++)
		if (made->thing[i]->kind == kind && !made->thing[i]->gone &&
		    strcmp(made->thing[i]->name, name) == 0)
			return made->thing[i];
	return NULL;
}

/* The thing that a command is about; of functions several may have a name. */
static struct tide_made_thing *
find_of(const struct tide_made *made, enum tide_made_kind kind, const struct tide_ddl *ddl)
{
	if (kind != TIDE_MADE_FUNCTION)
		return find(made, kind, ddl->name);
	for (size_t i = 0; i < made->count; i++)
		if (made->thing[i]->kind == kind && !made->thing[i]->gone &&
		    strcmp(made->thing[i]->name, ddl->name) == 0 &&
		    (ddl->schema == NULL || same(made->thing[i]->schema, ddl->schema)))
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

static void
add_name(void *ctx, struct tide_names *names, const char *name)
{
	names->item = talloc_realloc(ctx, names->item, char *, (unsigned)(names->count + 1));
	names->item[names->count++] = talloc_strdup(names->item, name);
}

/* A column that was there before the run is known from the first time it is named. */
static struct tide_made_thing *
find_or_add(struct tide_made *made, enum tide_made_kind kind, const char *name)
{
	struct tide_made_thing *thing = find(made, kind, name);

	return thing != NULL || kind != TIDE_MADE_COLUMN ? thing : add(made, kind, name, false);
}

static void
remember(struct tide_made *made, const struct command *command, struct tide_made_thing *thing)
{
	struct tide_made_entry *entry;

	made->entry =
	    talloc_realloc(made, made->entry, struct tide_made_entry, (unsigned)(made->entry_count + 1));
	entry = &made->entry[made->entry_count++];
	*entry = (struct tide_made_entry){ .ddl = *command->ddl,
		.sql = talloc_strdup(made, command->sql),
		.nth = command->nth,
		.thing = thing };
}

static void
change(struct tide_made_thing *thing, const struct tide_ddl *ddl, bool own)
{
	thing->authors = thing->authors || !own;
	thing->defined = true;
	if (ddl->verb == TIDE_DDL_GRANT_FUNCTION || ddl->verb == TIDE_DDL_REVOKE_FUNCTION)
		thing->execute = ddl->verb == TIDE_DDL_GRANT_FUNCTION ? 1 : -1;
}

/* A trigger of the user that a step makes again; of an author's it is known how it was made. */
static bool
ever_made(const struct tide_made *made, enum tide_made_kind kind, const char *name)
{
	for (size_t i = 0; i < made->count; i++)
		if (made->thing[i]->kind == kind && strcmp(made->thing[i]->name, name) == 0)
			return true;
	return false;
}

/* The columns that the index or the constraint of this name is made of: when one of them goes, the server drops it. */
static void
bind(struct tide_made *made, const struct command *command, struct tide_made_thing *thing)
{
	struct tide_statements read;

	tide_statements_read(made, command->sql, &read);
	for (size_t i = 0; read.count == 1 && i < read.item[0].effect_count; i++) {
		const struct tide_effect *effect = &read.item[0].effect[i];
		bool index = effect->kind == TIDE_EFFECT_CREATE_INDEX;
		const struct tide_names *names = index ? &read.item[0].columns : &effect->columns;

		if (!same(effect->name, thing->name) ||
		    (!index && effect->kind != TIDE_EFFECT_ADD_CONSTRAINT))
			continue;
		for (size_t k = 0; k < names->count; k++)
			add_name(thing, &thing->columns, names->item[k]);
	}
}

/* What the server drops with a column. */
static void
lose_with(struct tide_made *made, const char *column)
{
	for (size_t i = 0; i < made->count; i++)
		if (tide_names_have(&made->thing[i]->columns, column))
			made->thing[i]->gone = true;
}

static void
rename_in(struct tide_made *made, const char *column, const char *to)
{
	for (size_t i = 0; i < made->count; i++)
		for (size_t k = 0; k < made->thing[i]->columns.count; k++)
			if (strcmp(made->thing[i]->columns.item[k], column) == 0)
				made->thing[i]->columns.item[k] = talloc_strdup(made->thing[i], to);
}

static void
make(struct tide_made *made, const struct command *command)
{
	const struct tide_ddl *ddl = command->ddl;
	enum tide_made_kind kind = verbs[ddl->verb].kind;
	struct tide_made_thing *thing = find_of(made, kind, ddl), *index;

	if (command->own && ddl->foreign && !ever_made(made, kind, ddl->name))
		return;
	if (thing != NULL) {
		/* IF NOT EXISTS, or OR REPLACE. */
		if (kind == TIDE_MADE_FUNCTION || kind == TIDE_MADE_TRIGGER)
			remember(made, command, thing);
		return;
	}
	thing = add(made, kind, ddl->name, true);
	thing->schema = kind == TIDE_MADE_FUNCTION ? ddl->schema : NULL;
	thing->author = !command->own;
	/* ADD CONSTRAINT … USING INDEX gives the index the name of the constraint. */
	index = kind == TIDE_MADE_CONSTRAINT && ddl->to != NULL ? find(made, TIDE_MADE_INDEX, ddl->to) : NULL;
	if (index != NULL) {
		index->name = thing->name;
		thing->columns = index->columns;
	} else if (kind == TIDE_MADE_INDEX || kind == TIDE_MADE_CONSTRAINT) {
		bind(made, command, thing);
	}
	if (!command->own && ddl->if_missing) {
		thing->created = false;
		tide_made_set_aside(
		    made, thing, false, "IF NOT EXISTS may have found another one of that name");
		return;
	}
	remember(made, command, thing);
}

static void
alter(struct tide_made *made, const struct command *command)
{
	const struct tide_ddl *ddl = command->ddl;
	enum tide_made_kind kind = verbs[ddl->verb].kind;
	struct tide_made_thing *thing = find_of(made, kind, ddl);

	if (thing == NULL && kind == TIDE_MADE_COLUMN)
		thing = find_or_add(made, kind, ddl->name);
	if (thing == NULL) {
		/* One that was there before the run, or NOT NULL of a column under a name of its own. */
		if (kind == TIDE_MADE_CONSTRAINT)
			remember(made, command, NULL);
		return;
	}
	if (verbs[ddl->verb].effect == RENAMES) {
		rename_in(made, ddl->name, ddl->to);
		add_name(thing, &thing->earlier, thing->name);
		thing->name = talloc_strdup(thing, ddl->to);
	} else {
		change(thing, ddl, command->own);
	}
	remember(made, command, thing);
}

static void
apply(struct tide_made *made, const struct command *command)
{
	enum tide_made_kind kind = verbs[command->ddl->verb].kind;
	struct tide_made_thing *thing = find_of(made, kind, command->ddl);

	switch (verbs[command->ddl->verb].effect) {
	case MAKES:
		make(made, command);
		break;
	case CHANGES:
	case RENAMES:
		alter(made, command);
		break;
	case REMOVES:
		if (kind == TIDE_MADE_COLUMN)
			lose_with(made, command->ddl->name);
		if (thing != NULL)
			thing->gone = true;
		else if (kind == TIDE_MADE_CONSTRAINT)
			remember(made, command, NULL);
		break;
	}
}

void
tide_made_set_aside(struct tide_made *made, struct tide_made_thing *thing, bool unsure, const char *why)
{
	thing->defined = false;
	thing->unsure = thing->unsure || unsure;
	if (thing->aside == NULL)
		thing->aside = talloc_strdup(made, why);
}

void
tide_made_tell(struct tide_made *made)
{
	for (size_t i = 0; i < made->count; i++) {
		const struct tide_made_thing *t = made->thing[i];

		if (t->aside != NULL)
			add_name(made, &made->not_compared,
			    talloc_asprintf(made, "%s%s %s: %s", t->unsure ? "" : "the definition of ",
				tide_made_kind_name(t->kind), tide_relation_text(made, t->schema, t->name),
				t->aside));
	}
}

struct tide_made *
tide_made_new(void *ctx, const char *schema, const char *relation)
{
	struct tide_made *made = talloc_zero(ctx, struct tide_made);

	made->schema = talloc_strdup(made, schema);
	made->relation = talloc_strdup(made, relation);
	return made;
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
	const struct dual_write_spec *dual = tide_opens(phase);
	char *added = tide_adds(phase).name;

	if (begun && dual != NULL) {
		uses(made, &dual->from);
		uses(made, &dual->to);
	}
	if (!begun && added != NULL)
		add_name(made, &made->absent, added);
}

static bool
of_the_table(const struct tide_made *made, const struct tide_ddl *ddl)
{
	return ddl->relation == NULL ||
	       (same(ddl->relation, made->relation) &&
		   (ddl->schema == NULL || made->schema == NULL || same(ddl->schema, made->schema)));
}

static bool
is_letter(char c)
{
	return c == '_' || (c & 0x80) != 0 || isalnum((unsigned char)c);
}

/* In any case, and not as a part of another word. */
static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++)
		if ((at == text || !is_letter(at[-1])) && !is_letter(at[length]))
			return true;
	return false;
}

static bool
begins_with(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncasecmp(text, word, length) == 0 && !is_letter(text[length]);
}

/* Leaves nothing that could be missing. */
static bool
leaves_nothing(const char *statement)
{
	static const char *const words[] = { "set", "lock", "show", "analyze", "vacuum" };

	for (size_t i = 0; i < TIDE_COUNT(words); i++)
		if (begins_with(statement, words[i]))
			return true;
	return false;
}

/* May alter, rename or drop what is there. */
static bool
meddles(const char *statement)
{
	static const char *const words[] = { "alter", "drop", "do", "call", "select", "create or replace" };

	for (size_t i = 0; i < TIDE_COUNT(words); i++)
		if (begins_with(statement, words[i]))
			return true;
	return false;
}

/* What is not understood may have changed whatever it names, and with CASCADE what it does not name. */
static void
doubt(struct tide_made *made, const struct tide_phase *phase, const char *statement)
{
	const char *why = talloc_asprintf(
	    made, "phase %s may have changed it: %s", phase->name, tide_sql_mask(made, statement, 60));
	bool cascade = has_word(statement, "cascade");

	for (size_t i = 0; i < made->count && meddles(statement); i++) {
		struct tide_made_thing *thing = made->thing[i];
		bool named = has_word(statement, thing->name);

		if (!thing->gone && (thing->author ? named || cascade : named && thing->defined))
			tide_made_set_aside(made, thing, thing->author, why);
	}
}

/* One statement of a phase of kind `sql`. */
static void
take_authors(struct tide_made *made, const struct tide_phase *phase, bool undo, const char *statement,
    const struct tide_ddl *ddl, size_t count, bool whole)
{
	for (size_t k = 0; k < count; k++)
		whole = whole && of_the_table(made, &ddl[k]);
	if (!whole && !leaves_nothing(statement)) {
		doubt(made, phase, statement);
		if (!undo)
			add_name(made, &made->not_compared,
			    talloc_asprintf(
				made, "phase %s: %s", phase->name, tide_sql_mask(made, statement, 60)));
	}
	for (size_t k = 0; k < count; k++)
		if (of_the_table(made, &ddl[k]))
			apply(made, &(const struct command){ &ddl[k], statement, k, false });
}

/* What an undone phase had made is no longer there to be compared. */
static void
forget_notes(struct tide_made *made, const struct tide_phase *phase)
{
	const char *start = talloc_asprintf(made, "phase %s: ", phase->name);
	size_t kept = 0;

	for (size_t i = 0; i < made->not_compared.count; i++)
		if (strncmp(made->not_compared.item[i], start, strlen(start)) != 0)
			made->not_compared.item[kept++] = made->not_compared.item[i];
	made->not_compared.count = kept;
}

bool
tide_made_take(struct tide_made *made, const struct tide_phase *phase, bool undo, const char *script,
    struct tide_err *err)
{
	bool own = tide_authored(phase) == NULL;
	struct tide_names statements = { 0 };

	if (!tide_sql_split(made, script, &statements, err))
		return tide_wrap(err, "the journal's statements of phase %s", phase->name);
	if (undo)
		forget_notes(made, phase);
	for (size_t i = 0; i < statements.count; i++) {
		const char *text = statements.item[i];
		struct tide_ddl *ddl;
		bool whole;
		size_t count = tide_ddl_read(made, text, &ddl, &whole);

		if (!own)
			take_authors(made, phase, undo, text, ddl, count, whole);
		for (size_t k = 0; own && k < count; k++) {
			if (ddl[k].relation != NULL)
				made->relation = ddl[k].relation;
			apply(made, &(const struct command){ &ddl[k], text, k, true });
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

/* A statement with several commands is run once, for all that it makes. */
static void
say_again(struct tide_made *made, const char *copy, const char *schema)
{
	bool said = false;

	for (size_t i = 0; i < made->entry_count; i++) {
		const struct tide_made_entry *e = &made->entry[i];
		const char *function = tide_sqlf(made, "%s.%I", schema, e->ddl.name);

		if (e->nth == 0 || e[-1].nth >= e->nth || !same(e[-1].sql, e->sql))
			said = false;
		if ((e->thing != NULL && e->thing->gone) || e->ddl.verb == TIDE_DDL_GRANT_FUNCTION ||
		    e->ddl.verb == TIDE_DDL_REVOKE_FUNCTION)
			continue;
		if (e->ddl.verb == TIDE_DDL_RENAME_COLUMN) {
			say(made, NULL, rename_on(made, copy, e->ddl.name, e->ddl.to));
			continue;
		}
		/* The copy may have one under another name already. */
		if (e->ddl.names_not_null)
			say(made, NULL,
			    tide_sqlf(made, "ALTER TABLE %s ALTER %I DROP NOT NULL", copy, e->ddl.name));
		say(made, e->thing,
		    said ? NULL
			 : tide_ddl_aim(made, e->sql, &e->ddl,
			       e->ddl.verb == TIDE_DDL_CREATE_FUNCTION ? function : copy));
		said = true;
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
		if (!made->thing[i]->gone)
			made->thing[kept++] = made->thing[i];
	}
	made->count = kept;
}
