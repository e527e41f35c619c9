#include "overlap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <talloc.h>

#include "script/script.h"
#include "pair/takeover.h"
#include "tidemark/base/sqltext.h"

struct claim {
	const char *plan, *column;
	const struct tide_other_run *run; /* NULL: only its trigger is to be seen … */
	const char *trigger;              /* … this one */
	enum tide_use use;
	bool begun; /* else a phase that has not begun will use it */
};

struct claims {
	struct claim *item; /* talloc array, parent of all texts */
	size_t count;
};

static void
add_claim(struct claims *out, const struct claim *claim)
{
	out->item = talloc_realloc(NULL, out->item, struct claim, (unsigned)(out->count + 1));
	out->item[out->count++] = *claim;
}

static void
add_names(struct claims *out, struct claim claim, const struct tide_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		claim.column = names->item[i];
		add_claim(out, &claim);
	}
}

/* The state of phase `index`; "pending" where the row says nothing. `states`: one a line. */
static const char *
state_of(void *ctx, const char *states, size_t index)
{
	for (; states != NULL && index > 0; index--) {
		states = strchr(states, '\n');
		states = states == NULL ? NULL : states + 1;
	}
	return states == NULL ? "pending" : talloc_strndup(ctx, states, strcspn(states, "\n"));
}

/* One run, read: the states of its phases, and how many at its beginning are done. */
struct reading {
	void *ctx;
	const struct tide_other_run *run;
	const struct tide_plan *plan;
	const char **state;
	size_t done;
	bool over;
};

static bool
begun(const struct reading *r, size_t i)
{
	return strcmp(r->state[i], "pending") != 0 && strcmp(r->state[i], "waiting") != 0;
}

static void
claim_dual_write(struct claims *out, const struct reading *r, size_t i)
{
	const struct dual_write_spec *spec = tide_opens(&r->plan->phase[i]);
	struct claim claim = {
		.plan = r->run->plan, .run = r->run, .use = TIDE_USE_KEPT, .begun = begun(r, i)
	};
	struct tide_dual_state state;

	if (!claim.begun) {
		add_names(out, claim, &spec->from);
		add_names(out, claim, &spec->to);
		return;
	}
	/* A running phase may or may not have exchanged the names: they are the same names. */
	tide_dual_state_at(r->ctx, r->plan, i, r->done, &state);
	if (state.ended)
		return;
	add_names(out, claim, &state.from);
	add_names(out, claim, &state.to);
}

static void
claim_drop(struct claims *out, const struct reading *r, size_t i)
{
	char *column = tide_drops(&r->plan->phase[i]).name;
	struct claim claim = { .plan = r->run->plan, .run = r->run, .use = TIDE_USE_DROPS, .column = column };

	if (!begun(r, i)) {
		add_claim(out, &claim);
		return;
	}
	claim.begun = true;
	claim.use = TIDE_USE_HELD;
	add_claim(out, &claim);
	claim.use = TIDE_USE_KEPT;
	claim.column = tide_held_name(r->ctx, r->plan, column);
	add_claim(out, &claim);
}

static void
claim_phases(struct claims *out, const struct reading *r)
{
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct tide_phase *phase = &r->plan->phase[i];
		char *added = tide_adds(phase).name;

		if (tide_opens(phase) != NULL)
			claim_dual_write(out, r, i);
		else if (r->over)
			continue;
		else if (tide_drops(phase).name != NULL && strcmp(r->state[i], "done") != 0)
			claim_drop(out, r, i);
		else if (added != NULL && begun(r, i))
			add_claim(out, &(struct claim){ .plan = r->run->plan,
					   .column = added,
					   .run = r->run,
					   .use = TIDE_USE_ADDED,
					   .begun = true });
	}
}

/* Of a run that is complete only its triggers are left, until a plan that has taken them over drops the column. */
static bool
has_triggers(const struct tide_catalog *cat, const char *plan)
{
	for (size_t i = 0; i < cat->keeper_count; i++)
		if (strcmp(cat->keeper[i].plan, plan) == 0)
			return true;
	return false;
}

/* false: its plan cannot be read. */
static bool
claim_run(void *ctx, struct claims *out, const struct tide_other_run *run)
{
	struct reading r = { .ctx = ctx, .run = run, .over = strcmp(run->state, "complete") == 0 };
	struct tide_plan *plan = NULL;
	struct tide_err ignored = { 0 };

	if (run->text == NULL || !tide_plan_parse(ctx, run->plan, run->text, strlen(run->text),
				     tide_phase_kinds(), tide_phase_count, &plan, &ignored))
		return false;
	r.plan = plan;
	r.state = talloc_array(ctx, const char *, (unsigned)plan->count);
	for (size_t i = 0; i < plan->count; i++)
		r.state[i] = state_of(ctx, run->phases, i);
	while (r.done < plan->count && strcmp(r.state[r.done], "done") == 0)
		r.done++;
	claim_phases(out, &r);
	return true;
}

static const struct tide_other_run *
run_of(const struct tide_catalog *cat, const char *plan)
{
	for (size_t i = 0; i < cat->other_run_count; i++)
		if (strcmp(cat->other_run[i].plan, plan) == 0)
			/* One that was rolled back has no triggers: whatever these are, its row does not speak of them. */
			return strcmp(cat->other_run[i].state, "rolled_back") == 0 ? NULL
										   : &cat->other_run[i];
	return NULL;
}

/* Triggers that exist, whatever the rows of schema tidemark say. */
static void
claim_keepers(struct claims *out, const struct tide_catalog *cat)
{
	for (size_t i = 0; i < cat->keeper_count; i++)
		add_claim(out, &(struct claim){ .plan = cat->keeper[i].plan,
				   .column = cat->keeper[i].column,
				   .run = run_of(cat, cat->keeper[i].plan),
				   .trigger = cat->keeper[i].trigger,
				   .use = TIDE_USE_KEPT,
				   .begun = true });
}

/* The columns that a key of the phase names, whatever its type. */
static struct tide_names
named(void *ctx, const struct tide_phase *phase, const char *key)
{
	struct tide_names out = { 0 };

	for (const struct tide_field *f = phase->kind->fields; f->key != NULL; f++) {
		const char *member = (const char *)phase->spec + f->offset;
		const struct tide_pairs *pairs = (const struct tide_pairs *)(const void *)member;

		if (strcmp(f->key, key) != 0)
			continue;
		if (f->type == TIDE_FIELD_NAMES)
			return *(const struct tide_names *)(const void *)member;
		out.count = f->type == TIDE_FIELD_NAME ? 1 : pairs->count;
		out.item = talloc_zero_array(ctx, char *, (unsigned)out.count);
		for (size_t i = 0; i < out.count; i++)
			out.item[i] = f->type == TIDE_FIELD_NAME ? *(char *const *)(const void *)member
								 : pairs->item[i].name;
	}
	return out;
}

static bool
is_over(const struct claim *claim)
{
	return claim->run != NULL && strcmp(claim->run->state, "complete") == 0;
}

/* The claim that says most: triggers and holds before a column that was merely added, and what will be last. */
static const struct claim *
find_claim(const struct tide_phase_at *at, const struct claims *claims, const char *column,
    unsigned begun_uses, unsigned planned_uses)
{
	const struct claim *added = NULL, *planned = NULL;

	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *c = &claims->item[i];

		if (strcmp(c->column, column) != 0 || (is_over(c) && tide_is_taken_over(at, c->plan, column)))
			continue;
		if (c->begun && (c->use & begun_uses & (TIDE_USE_KEPT | TIDE_USE_HELD)) != 0)
			return c;
		if (c->begun && (c->use & begun_uses) != 0 && added == NULL)
			added = c;
		if (!c->begun && (c->use & planned_uses) != 0 && planned == NULL)
			planned = c;
	}
	return added != NULL ? added : planned;
}

static char *
standing(void *ctx, const struct claim *claim)
{
	if (claim->run == NULL)
		return talloc_strdup(ctx, "state unknown");
	if (claim->run->phase == NULL || is_over(claim))
		return talloc_strdup(ctx, claim->run->state);
	return talloc_asprintf(ctx, "%s at %s", claim->run->state, claim->run->phase);
}

static char *
sentence(void *ctx, const struct claim *claim)
{
	char *state = standing(ctx, claim);

	if (!claim->begun)
		return talloc_asprintf(ctx, "plan '%s' (%s) is going to %s", claim->plan, state,
		    claim->use == TIDE_USE_DROPS ? "drop it" : "keep it in step");
	if (claim->use == TIDE_USE_ADDED)
		return talloc_asprintf(
		    ctx, "plan '%s' (%s) has added it, and drops it in a rollback", claim->plan, state);
	if (claim->use == TIDE_USE_HELD)
		return talloc_asprintf(ctx, "plan '%s' (%s) holds it", claim->plan, state);
	return talloc_asprintf(ctx, "plan '%s' (%s) keeps it in step", claim->plan, state);
}

static char *
way_out(void *ctx, const struct claim *claim)
{
	if (claim->run == NULL)
		return talloc_asprintf(ctx,
		    "no run of it is stored here; once nothing needs it, drop trigger %s on the table, and "
		    "the others like it",
		    tide_ident(ctx, claim->trigger));
	if (is_over(claim))
		return talloc_asprintf(ctx,
		    "the plan has no drop_column, so its triggers stay: add one at the end of its file and "
		    "run that, or remove them: tidemark rollback %s",
		    claim->plan);
	return talloc_asprintf(ctx,
	    "finish '%s' first (tidemark status %s), or roll it back: tidemark rollback %s", claim->plan,
	    claim->plan, claim->plan);
}

static void
say_claim(const struct tide_checking *c, const char *key, const char *column, const struct claim *claim)
{
	/* Of two plans that have not reached the column yet, the later one yields; otherwise neither could continue. */
	bool first = claim->begun || claim->run->earlier;

	tide_say(c, first ? TIDE_ERROR : TIDE_WARNING, "plan-overlap", key, way_out(c->out, claim),
	    "\"%s\" is in use by another plan: %s", column, sentence(c->out, claim));
}

static void
check_touches(const struct tide_checking *c, const struct claims *claims)
{
	const struct tide_touched *t = tide_ops(c->at->phase)->touches;
	void *mem = talloc_new(NULL);

	for (; t != NULL && t->key != NULL; t++) {
		struct tide_names names = named(mem, c->at->phase, t->key);

		for (size_t k = 0; k < names.count; k++) {
			const struct claim *claim =
			    find_claim(c->at, claims, names.item[k], t->begun, t->planned);

			if (claim != NULL)
				say_claim(c, t->key, names.item[k], claim);
		}
	}
	talloc_free(mem);
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Whether a text of SQL names it: as a word, or quoted. Over-reports inside of texts and comments, never the other way. */
static bool
mentions(const char *text, const char *name)
{
	char *quoted = tide_ident(NULL, name);
	bool found = strstr(text, quoted) != NULL;
	size_t length = strlen(name);

	for (const char *at = text; !found && *at != '\0'; at++)
		found = strncasecmp(at, name, length) == 0 && (at == text || !is_word(at[-1])) &&
			!is_word(at[length]);
	talloc_free(quoted);
	return found;
}

bool
tide_action_mentions(const struct tide_action *action, const char *name)
{
	for (size_t i = 0; i < action->act_count; i++)
		if (mentions(action->act[i], name))
			return true;
	return false;
}

/* Whether a statement names both; what cannot be read is searched for the words. */
static bool
names_column(const struct tide_statement *statement, const char *table, const char *column, const char *text)
{
	if ((statement->traits & TIDE_SQL_UNPARSED) != 0 || statement->effect_count == 0 ||
	    statement->effect[0].kind == TIDE_EFFECT_UNKNOWN)
		return mentions(text, column) && mentions(text, table);
	return tide_names_have(&statement->relations, table) && tide_names_have(&statement->columns, column);
}

/* Each column once: what takes it away is an error, what only names it a warning. */
static void
check_claim(const struct tide_checking *c, const struct tide_script *script, const struct claim *claim)
{
	bool found = false;

	for (size_t i = 0; i < script->part_count; i++)
		if (tide_script_takes(&script->part[i], claim->column)) {
			say_claim(c, "act", claim->column, claim);
			return;
		}
	for (size_t i = 0; i < script->count; i++)
		found = found || names_column(&script->item[i], c->at->cat->table.name, claim->column,
				     script->item[i].text);
	if (found)
		tide_say(c, TIDE_WARNING, "plan-overlap-sql", "act", way_out(c->out, claim),
		    "the statements name \"%s\": %s", claim->column, sentence(c->out, claim));
}

static void
check_sql(const struct tide_checking *c, const struct claims *claims)
{
	const struct tide_names *texts = tide_authored(c->at->phase);
	struct tide_script script;
	void *mem;

	if (texts == NULL)
		return;
	mem = talloc_new(NULL);
	tide_script_read(mem, c->at, texts, &script);
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim =
		    find_claim(c->at, claims, claims->item[i].column, TIDE_USE_ANY, 0);

		if (claim == &claims->item[i])
			check_claim(c, &script, claim);
	}
	talloc_free(mem);
}

static const char *
shared(const struct tide_names *a, const struct tide_names *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (tide_names_have(b, a->item[i]))
			return a->item[i];
	return NULL;
}

/* The same inside one plan. */
static void
check_earlier(const struct tide_checking *c, const struct dual_write_spec *spec)
{
	const struct tide_names *mine[] = { &spec->from, &spec->to };
	void *mem = talloc_new(NULL);

	for (size_t i = 0; i < c->at->index; i++) {
		struct tide_dual_state state;

		if (tide_opens(&c->at->plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(mem, c->at->plan, i, c->at->index, &state);
		for (size_t k = 0; !state.ended && k < 2; k++) {
			const char *name = shared(mine[k], &state.from);

			if (name == NULL)
				name = shared(mine[k], &state.to);
			if (name == NULL)
				continue;
			tide_say(c, TIDE_ERROR, "dual-write-overlap", k == 0 ? "from" : "to",
			    talloc_asprintf(c->out,
				"end that one first: a phase of kind \"drop_column\" for \"%s\" before this "
				"phase; or go from its old column to this new one in one dual_write",
				state.from.item[0]),
			    "\"%s\" is still kept in step by the dual_write on line %d", name,
			    c->at->plan->phase[i].line);
		}
	}
	talloc_free(mem);
}

/*
 * A run that is complete still counts while its triggers exist: they use the columns. Each phase is checked,
 * but a stored plan that cannot be read is reported with the first one only.
 */
void
tide_check_overlap(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct dual_write_spec *opened = tide_opens(at->phase);
	struct claims claims = { 0 };
	void *mem;

	if (opened != NULL)
		check_earlier(&c, opened);
	if (at->cat == NULL || at->cat->other_run_count + at->cat->keeper_count == 0)
		return;
	mem = talloc_new(NULL);
	for (size_t i = 0; i < at->cat->other_run_count; i++) {
		const struct tide_other_run *run = &at->cat->other_run[i];

		if (strcmp(run->state, "rolled_back") == 0 ||
		    (strcmp(run->state, "complete") == 0 && !has_triggers(at->cat, run->plan)))
			continue;
		if (!claim_run(mem, &claims, run) && at->index == 0)
			tide_say(&c, TIDE_WARNING, "plan-overlap-unknown", NULL,
			    talloc_asprintf(out, "see: tidemark status %s", run->plan),
			    "plan '%s' (%s) changes this table too, and its stored text cannot be read: "
			    "which columns it uses is unknown",
			    run->plan, run->state);
	}
	claim_keepers(&claims, at->cat);
	check_touches(&c, &claims);
	check_sql(&c, &claims);
	talloc_free(claims.item);
	talloc_free(mem);
}

void
tide_overlap_guard(struct tide_steps *steps, struct tide_action *action, const struct tide_names *columns)
{
	action->guards = tide_join_plain(steps, columns, "\n");
}

/* The names between the line feeds, as literals. */
static char *
literals(void *ctx, const char *lines)
{
	char *out = NULL;

	for (const char *at = lines; *at != '\0';) {
		size_t length = strcspn(at, "\n");

		out = tide_append(ctx, out, ", ", tide_literal(ctx, talloc_strndup(ctx, at, length)));
		at += length + (at[length] == '\n' ? 1 : 0);
	}
	return out;
}

/*
 * What the review has checked, once more under the lock: another plan may have begun since. Read from the
 * notes in the trigger functions, on the table, on its partitions and on its parents.
 */
char *
tide_action_guard(void *ctx, const struct tide_action *action, const char *plan)
{
	const char *table = action->lock_table;

	if (action->guards == NULL || table == NULL)
		return NULL;
	return tide_do_block(ctx,
	    tide_sqlf(ctx,
		"DECLARE\n"
		"\tother record;\n"
		"BEGIN\n"
		"\tSELECT note.of ->> 'plan' AS plan, used.name AS name INTO other\n"
		"\t  FROM pg_catalog.pg_trigger AS t\n"
		"\t  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid\n"
		"\t  JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname = 'tidemark'\n"
		"\t CROSS JOIN LATERAL pg_catalog.split_part(f.prosrc, "
		"pg_catalog.chr(10), 2) AS line (text)\n"
		"\t CROSS JOIN LATERAL (SELECT CASE WHEN pg_catalog.starts_with(line.text, '-- tidemark {')\n"
		"\t       THEN CAST(pg_catalog.substr(line.text, 13) AS pg_catalog.jsonb) END) AS note (of)\n"
		"\t CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(note.of -> 'columns') AS used "
		"(name)\n"
		"\t WHERE (t.tgrelid = CAST(%L AS pg_catalog.regclass)\n"
		"\t    OR t.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(%L) AS p)\n"
		"\t    OR t.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_ancestors(%L) AS p))\n"
		"\t   AND note.of ->> 'plan' <> %L AND note.of ->> 'plan' <> %L AND used.name IN (%s)\n"
		"\t LIMIT 1;\n"
		"\tIF FOUND THEN\n"
		"\t\tRAISE EXCEPTION 'column \"%%\" is in use by another plan: ''%%'' keeps it in step', "
		"other.name, "
		"other.plan\n"
		"\t\t\tUSING ERRCODE = 'TM002', HINT = pg_catalog.format('finish it or roll it back "
		"(tidemark "
		"rollback %%s), then run again', other.plan);\n"
		"\tEND IF;\n"
		"END",
		table, table, table, plan, action->takes_over != NULL ? action->takes_over : plan,
		literals(ctx, action->guards)));
}
