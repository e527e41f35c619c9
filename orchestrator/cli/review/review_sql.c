#include <string.h>
#include <talloc.h>

#include "steps/vacuum_session.h"
#include "state/role_search_path.h"
#include "review.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/** Blocks of one batch: a few thousand rows, so that no row stays locked for long. */
#define BATCH_BLOCKS 64
/** Passes over what lies beyond the end, for a sweep that no trigger helps. */
#define PASSES 10

/** A line comment: newlines and whatever else must not end it. */
static void
comment(struct tide_stream *out, void *mem, const char *text)
{
	char *line = tide_output_printable(mem, text);

	for (char *c = line; *c != '\0'; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	tide_output_put(out, talloc_asprintf(mem, "-- %s\n", line));
}

static void
statement(struct tide_stream *out, const char *sql)
{
	size_t length = strlen(sql);
	const char *last = strrchr(sql, '\n');

	tide_output_put(out, sql);
	/* A comment at the end would swallow the semicolon. */
	if (strstr(last != NULL ? last : sql, "--") != NULL)
		tide_output_put(out, "\n;\n");
	else
		tide_output_put(out, length > 0 && sql[length - 1] == ';' ? "\n" : ";\n");
}

/** A dollar quote that the text does not hold. */
static char *
dollar_quote(void *ctx, const char *text)
{
	char *tag = talloc_strdup(ctx, "$tidemark$");

	for (int i = 1; strstr(text, tag) != NULL; i++)
		tag = talloc_asprintf(ctx, "$tidemark%d$", i);
	return tag;
}

/** One block: a batch is tried again when it does not get a lock, so it is always ours that yields. */
/* clang-format off */
static const char sweep_block[] =
	"\nDECLARE\n"
	"  tidemark_at bigint;\n"
	"  tidemark_stop bigint;\n"
	"  tidemark_batch bigint := 0;\n"
	"  tidemark_total bigint := 0;\n"
	"  tidemark_settled boolean;\n"
	"BEGIN\n"
	"  FOR tidemark_pass IN 1..{passes} LOOP\n"
	"    tidemark_at := 0;\n"
	"    tidemark_total := 0;\n"
	"    tidemark_stop := pg_catalog.pg_relation_size({name}::pg_catalog.regclass)\n"
	"                   / pg_catalog.current_setting('block_size')::bigint;\n"
	"    WHILE tidemark_at < tidemark_stop LOOP\n"
	"      LOOP\n"
	"        BEGIN\n"
	"          PERFORM pg_catalog.set_config('lock_timeout', '100ms', true);\n"
	"          {work}\n"
	"          WHERE tidemark_row.ctid >= pg_catalog.format('(%s,0)', tidemark_at)::pg_catalog.tid\n"
	"            AND tidemark_row.ctid < pg_catalog.format('(%s,0)', tidemark_at + {blocks})::pg_catalog.tid\n"
	"            AND ({residual}\n"
	"            );\n"
	"          GET DIAGNOSTICS tidemark_batch = ROW_COUNT;\n"
	"          tidemark_settled := true;\n"
	"        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN\n"
	"          tidemark_settled := false;\n"
	"        END;\n"
	"        COMMIT;\n"
	"        EXIT WHEN tidemark_settled;\n"
	"        PERFORM pg_catalog.pg_sleep(0.05 + 0.1 * pg_catalog.random());\n"
	"      END LOOP;\n"
	"      tidemark_total := tidemark_total + tidemark_batch;\n"
	"      tidemark_at := tidemark_at + {blocks};\n"
	"    END LOOP;\n"
	"    EXIT WHEN tidemark_total = 0;\n"
	"  END LOOP;\n"
	"{after}"
	"END\n";

static const char rows_differ[] =
	"  IF tidemark_total > 0 THEN\n"
	"    RAISE EXCEPTION 'tidemark: % rows differ', tidemark_total USING ERRCODE = 'check_violation';\n"
	"  END IF;\n";

static const char rows_left[] =
	"  IF tidemark_total > 0 THEN\n"
	"    RAISE EXCEPTION 'tidemark: rows still need work; run this block again';\n"
	"  END IF;\n";
/* clang-format on */

struct placeholder {
	const char *name, *text;
};

/** The template with its placeholders filled; what fills them is not looked into again. */
static char *
fill(void *ctx, const char *template, const struct placeholder *placeholders, size_t count)
{
	char *out = talloc_strdup(ctx, "");

	while (*template != '\0') {
		size_t plain = strcspn(template, "{"), i = 0;

		out = talloc_strndup_append(out, template, plain);
		template += plain;
		if (*template == '\0')
			break;
		while (
		    i < count && strncmp(template, placeholders[i].name, strlen(placeholders[i].name)) != 0)
			i++;
		out = talloc_strdup_append(out, i < count ? placeholders[i].text : "{");
		template += i < count ? strlen(placeholders[i].name) : 1;
	}
	return out;
}

char *
tide_review_sweep(void *ctx, const struct tide_sweep_spec *spec, const char *table)
{
	void *mem = talloc_new(NULL);
	bool repeats = spec->write && spec->repeats;
	const struct placeholder placeholders[] = {
		{ "{passes}", talloc_asprintf(mem, "%d", repeats ? PASSES : 1) },
		{ "{blocks}", talloc_asprintf(mem, "%d", BATCH_BLOCKS) },
		{ "{name}", tide_literal(mem, table) },
		{ "{work}", spec->deletes ? talloc_asprintf(mem, "DELETE FROM %s AS tidemark_row", table)
			    : spec->write
				? talloc_asprintf(mem, "UPDATE %s AS tidemark_row SET %s", table, spec->set)
				: talloc_asprintf(mem, "PERFORM 1 FROM %s AS tidemark_row", table) },
		{ "{residual}", spec->residual },
		{ "{after}", !spec->write ? rows_differ
			     : repeats    ? rows_left
					  : "" },
	};
	char *body = fill(mem, sweep_block, placeholders, TIDE_COUNT(placeholders)),
	     *tag = dollar_quote(mem, body);
	char *sql = talloc_asprintf(ctx, "DO LANGUAGE plpgsql %s%s%s;\n", tag, body, tag);

	talloc_free(mem);
	return sql;
}

static void
sql_action(
    struct tide_stream *out, void *mem, const struct tide_action *a, const struct tide_review_input *input)
{
	const struct tide_table *table = &input->cat->table;
	bool role_search_path = (a->flags & TIDE_ROLE_SEARCH_PATH) != 0,
	     yields = (a->flags & TIDE_YIELDS) != 0;

	if (a->title != NULL)
		comment(out, mem, a->title);
	switch (a->kind) {
	case TIDE_STEP_WAIT:
		break; /* script_action() */
	case TIDE_STEP_SWEEP:
		if (a->sweep->replication_role != NULL)
			tide_output_put(out, tide_sqlf(mem, "SET session_replication_role = %L;\n",
						 a->sweep->replication_role));
		if (a->sweep->write || a->sweep->role_search_path)
			tide_output_put(out, TIDE_SET_ROLE_SEARCH_PATH("false") ";\n");
		tide_output_put(out,
		    tide_review_sweep(mem, a->sweep, tide_sqlf(mem, "%I.%I", table->schema, table->name)));
		if (a->sweep->write || a->sweep->role_search_path)
			tide_output_put(out, TIDE_SET_PINNED_PATH ";\n");
		if (a->sweep->replication_role != NULL)
			tide_output_put(out, "SET session_replication_role = origin;\n");
		break;
	case TIDE_STEP_CONCURRENT:
		if (role_search_path)
			tide_output_put(out, TIDE_SET_ROLE_SEARCH_PATH("false") ";\n");
		if (yields)
			tide_output_put(out, talloc_asprintf(mem, "%s;\n",
						 tide_vacuum_session_sql(mem, &input->plan->limits)));
		statement(out, a->act[0]);
		if (yields)
			tide_output_put(out, TIDE_VACUUM_SESSION_RESET ";\n");
		if (role_search_path)
			tide_output_put(out, TIDE_SET_PINNED_PATH ";\n");
		break;
	case TIDE_STEP_SQL:
		tide_output_put(out, talloc_asprintf(mem, "BEGIN;\nSET LOCAL lock_timeout = '%lldms';\n",
					 (long long)(input->plan->limits.lock_timeout / TIDE_MS)));
		if (a->lock != TIDE_LOCK_NONE && a->lock_table != NULL)
			tide_output_put(out, talloc_asprintf(mem, "LOCK TABLE %s IN %s MODE;\n",
						 a->lock_table, tide_lock_name(a->lock)));
		if (a->guards != NULL)
			statement(out, tide_action_guard(mem, a, input->plan->name));
		if (role_search_path)
			tide_output_put(out, TIDE_SET_ROLE_SEARCH_PATH("true") ";\n");
		for (size_t i = 0; i < a->act_count; i++)
			statement(out, a->act[i]);
		tide_output_put(out, "COMMIT;\n");
		break;
	}
}

/** How psql continues a script: a run of it begins at :from, and ends before the next place that is closed. */
struct script {
	struct tide_stream *out;
	void *mem;
	size_t stage; /* phases from 1 on, in the order of the script */
	size_t waits; /* of the stage so far */
	bool stops;   /* somewhere in it; a script without runs as it is */
};

/** The stage as :from names it: what comes after the first wait of stage 6 is 6.5, after the second 6.6. */
static char *
place(const struct script *s)
{
	if (s->waits == 0)
		return talloc_asprintf(s->mem, "%zu", s->stage);
	return s->waits <= 5 ? talloc_asprintf(s->mem, "%zu.%zu", s->stage, s->waits + 4)
			     : talloc_asprintf(s->mem, "%zu.9%02zu", s->stage, s->waits - 5);
}

/** An argument of a psql command: one line, in quotes in which backslashes escape. */
static char *
psql_word(void *mem, const char *text)
{
	char *line = tide_output_printable(mem, text), *out = talloc_strdup(mem, "'");

	for (const char *c = line; *c != '\0'; c++)
		out = *c == '\'' || *c == '\\'
			  ? talloc_asprintf_append_buffer(out, "%c%c", *c, *c)
			  : talloc_asprintf_append_buffer(out, "%c", *c == '\n' || *c == '\t' ? ' ' : *c);
	return talloc_strdup_append_buffer(out, "'");
}

/** Ends the script here unless it was begun at this place or after it. */
static void
closed(const struct script *s, const char *why)
{
	char *at = place(s);

	tide_output_put(
	    s->out, talloc_asprintf(s->mem,
			"SELECT :from >= %s AS tidemark_open \\gset\n\\if :tidemark_open\n\\else\n\\echo %s\n"
			"\\quit\n\\endif\n",
			at,
			psql_word(s->mem,
			    talloc_asprintf(s->mem,
				"%s, continue with: psql -v ON_ERROR_STOP=1 -v from=%s -f FILE", why, at))));
}

static void
begin_part(const struct script *s)
{
	if (s->stops)
		tide_output_put(
		    s->out, talloc_asprintf(s->mem,
				"SELECT :from <= %s AS tidemark_go \\gset\n\\if :tidemark_go\n", place(s)));
}

static void
end_part(const struct script *s)
{
	if (s->stops)
		tide_output_put(s->out, "\\endif\n");
}

/** An action; a wait divides its stage in two. */
static void
script_action(struct script *s, const struct tide_action *a, const struct tide_review_input *input)
{
	char text[64];

	if (a->kind != TIDE_STEP_WAIT) {
		sql_action(s->out, s->mem, a, input);
		return;
	}
	end_part(s);
	if (a->title != NULL)
		comment(s->out, s->mem, a->title);
	s->waits++;
	closed(s, talloc_asprintf(s->mem, "WAIT: when %s have passed since the statement above",
		      tide_duration_format(a->wait_us, text, sizeof(text))));
	begin_part(s);
}

static bool
has_stops(const struct tide_review_input *input, bool back)
{
	for (size_t p = 0; p < input->plan->count; p++) {
		const struct tide_gate *gate = &input->plan->phase[p].gate;

		if (!back && (gate->manual || gate->after > 0 || gate->sql != NULL || gate->window != NULL ||
				 gate->command.count > 0))
			return true;
		for (size_t i = 0; i < input->steps[p]->count; i++) {
			const struct tide_step *step = &input->steps[p]->item[i];

			if (!back && step->forward.kind == TIDE_STEP_WAIT)
				return true;
			for (size_t j = 0; back && j < step->undo_count; j++)
				if (step->undo[j].kind == TIDE_STEP_WAIT)
					return true;
		}
	}
	return false;
}

/*
 * The settings of the executor's sessions that change what the statements mean, or could end the script in
 * the middle.
 */
static void
sql_head(const struct script *s, const struct tide_review_input *input, bool back)
{
	comment(s->out, s->mem,
	    talloc_asprintf(s->mem, "tidemark %s: plan %s, %s", TIDEMARK_VERSION, input->plan->name,
		back ? "the rollback from its end" : "compiled against the table as it is now"));
	comment(s->out, s->mem,
	    s->stops ? "run with: psql -v ON_ERROR_STOP=1 -f FILE; it ends at each GATE and WAIT and says "
		       "how to continue"
		     : "run with: psql -v ON_ERROR_STOP=1 -f FILE");
	comment(s->out, s->mem,
	    "a lock that was not obtained ends the script: continue from the statement that failed");
	if (s->stops)
		tide_output_put(s->out, "\\if :{?from}\n\\else\n\\set from 1\n\\endif\n");
	tide_output_put(s->out, "SET search_path = pg_catalog;\nSET client_encoding = 'UTF8';\nSET "
				"standard_conforming_strings = on;\n"
				"SET row_security = off;\nSET statement_timeout = 0;\nSET lock_timeout = 0;\n"
				"SET idle_in_transaction_session_timeout = 0;\n");
	if (input->state || back)
		return;
	comment(
	    s->out, s->mem, "the state schema: triggers that keep two columns in step write conflicts to it");
	begin_part(s);
	tide_output_put(s->out, "BEGIN;\n");
	tide_output_put(s->out, tide_state_sql(s->mem));
	tide_output_put(s->out, "\nCOMMIT;\n");
	end_part(s);
}

static void
forward(struct script *s, const struct tide_review_input *input)
{
	for (size_t p = 0; p < input->plan->count; p++) {
		const struct tide_phase *phase = &input->plan->phase[p];
		const char *gate = tide_review_gate(s->mem, &phase->gate);

		s->stage = p + 1;
		s->waits = 0;
		tide_output_put(s->out, "\n");
		comment(s->out, s->mem,
		    talloc_asprintf(s->mem, "phase %zu of %zu: %s", p + 1, input->plan->count, phase->name));
		if (gate != NULL) {
			comment(s->out, s->mem, talloc_asprintf(s->mem, "GATE: wait for %s", gate));
			closed(s,
			    talloc_asprintf(s->mem, "GATE before phase %zu, %s: wait for %s; when it is open",
				p + 1, phase->name, gate));
		}
		begin_part(s);
		for (size_t i = 0; i < input->steps[p]->count; i++) {
			const struct tide_action *action = &input->steps[p]->item[i].forward;
			long earlier = tide_review_repeats(input, p, action);

			if (earlier < 0)
				script_action(s, action, input);
			else
				comment(s->out, s->mem,
				    talloc_asprintf(s->mem, "exists since phase %s: %s",
					input->plan->phase[earlier].name, action->title));
		}
		end_part(s);
	}
}

static void
backward(struct script *s, const struct tide_review_input *input)
{
	const struct tide_step *point = NULL;
	long last = tide_review_point(input, &point);

	if (last >= 0)
		comment(s->out, s->mem,
		    talloc_asprintf(s->mem, "valid only as long as step %s of phase %s has not run",
			point->name, input->plan->phase[last].name));
	for (size_t p = input->plan->count; p-- > 0;) {
		s->stage = input->plan->count - p;
		s->waits = 0;
		tide_output_put(s->out, "\n");
		comment(s->out, s->mem,
		    talloc_asprintf(s->mem, "undo of phase %zu: %s", p + 1, input->plan->phase[p].name));
		begin_part(s);
		for (size_t i = input->steps[p]->count; i-- > 0;)
			for (size_t j = 0; j < input->steps[p]->item[i].undo_count; j++)
				script_action(s, &input->steps[p]->item[i].undo[j], input);
		end_part(s);
	}
}

bool
tide_review_sql(
    struct tide_stream *out, const struct tide_review_input *input, bool back, struct tide_err *err)
{
	struct script script = { .out = out, .stage = 1 };

	for (size_t p = 0; p < input->plan->count; p++) {
		if (input->steps[p] == NULL)
			return tide_plan_fail(
			    input->plan, &input->plan->phase[p], NULL, err, "the phase cannot be compiled");
		for (size_t i = 0; i < input->steps[p]->count; i++)
			if (input->steps[p]->item[i].forward.sweep != NULL &&
			    input->steps[p]->item[i].forward.sweep->limit > 0)
				return tide_fail(err, TIDE_PRECONDITION,
				    "phase %s has a limit of rows, which cannot be written as SQL",
				    input->plan->phase[p].name);
		for (size_t i = 0; i < input->steps[p]->count; i++)
			if (input->steps[p]->item[i].forward.kind == TIDE_STEP_SWEEP &&
			    (input->cat->table.relkind != 'r' || input->cat->table.not_heap != NULL))
				return tide_fail(err, TIDE_PRECONDITION,
				    "%s is not a plain table with its rows in a heap: its sweep cannot be "
				    "written as SQL",
				    input->plan->table);
	}
	script.mem = talloc_new(NULL);
	script.stops = has_stops(input, back);
	sql_head(&script, input, back);
	if (back)
		backward(&script, input);
	else
		forward(&script, input);
	talloc_free(script.mem);
	return true;
}
