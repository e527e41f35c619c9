#include "conflict.h"

#include <talloc.h>

#include "build/build.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

/* A statement that notes more than this many rows would spend its time on that. */
#define NOTED_ROWS 1000

/* The setting, local to the transaction, in which notes wait for their row. */
static char *
setting(void *ctx, const struct tide_dual *dual)
{
	struct tide_names columns = tide_dual_identity(ctx, dual->plan, dual->phase);

	return tide_literal(ctx, tide_generated_name(ctx, "tidemark.conflict_",
				     tide_identity(ctx, dual->plan, "conflict", &columns), NULL));
}

static char *
row_text(void *ctx, char *columns)
{
	return talloc_asprintf(ctx, "CAST(ROW(%s) AS pg_catalog.text)", columns);
}

static char *
append_column(void *ctx, char *out, const char *name)
{
	return tide_append(ctx, out, ", ", tide_sqlf(ctx, "NEW.%I", name));
}

/*
 * What a note and its row are matched by: the key, and the new side, which wins and so does not change any
 * more.
 */
static char *
match(void *ctx, const struct tide_dual *dual)
{
	const struct tide_constraint *key = tide_primary_key(dual->cat);
	char *out = NULL;

	for (size_t i = 0; key != NULL && i < key->attnum_count; i++) {
		const char *name = tide_column_name(dual->cat, key->attnums[i]);

		out = name == NULL ? out : append_column(ctx, out, name);
	}
	for (size_t i = 0; i < dual->new.count; i++)
		out = append_column(ctx, out, dual->new.item[i].name);
	return row_text(ctx, out);
}

static char *
image(void *ctx, const struct tide_dual_side *side, bool as_text)
{
	char *pairs = NULL;

	for (size_t i = 0; i < side->count; i++)
		pairs = tide_append(ctx, pairs, ", ",
		    tide_sqlf(ctx, as_text ? "%L, CAST(NEW.%I AS pg_catalog.text)" : "%L, NEW.%I",
			side->item[i].name, side->item[i].name));
	return tide_sqlf(ctx, "pg_catalog.jsonb_build_object(%s)", pairs);
}

static char *
note(void *ctx, const struct tide_dual *part, bool as_text)
{
	char *key = tide_has_primary_key(part->cat) ? tide_row_key(ctx, part->cat, "NEW")
						    : talloc_strdup(ctx, "NULL");

	return talloc_asprintf(ctx,
	    "tidemark_notes := tidemark_notes || CAST(pg_catalog.jsonb_build_object('key', %s, 'old', %s, "
	    "'new', %s) AS pg_catalog.text);\n",
	    key, image(ctx, &part->old, as_text), image(ctx, &part->new, as_text));
}

const char *
tide_conflict_variables(void)
{
	return "\ttidemark_notes pg_catalog.text[];\n";
}

char *
tide_conflict_note(void *ctx, const struct tide_dual *part, const char *indent)
{
	/* Not every value of every type can be jsonb: json may hold \u0000, and numbers that are too large. */
	return talloc_asprintf(ctx,
	    "%sBEGIN\n%s\t%s%sEXCEPTION WHEN OTHERS THEN\n%s\tBEGIN\n%s\t\t%s"
	    "%s\tEXCEPTION WHEN OTHERS THEN\n"
	    "%s\t\tRAISE WARNING 'tidemark: a conflict could not be noted: %%', SQLERRM;\n"
	    "%s\tEND;\n%sEND;\n",
	    indent, indent, note(ctx, part, false), indent, indent, indent, note(ctx, part, true), indent,
	    indent, indent, indent);
}

/*
 * From the BEFORE trigger to the AFTER trigger, through a setting of the transaction. Whatever fails is only
 * a warning or a line of the log: the write of the application must not fail for a note.
 */
char *
tide_conflict_pass_on(void *ctx, const struct tide_dual *dual)
{
	char *name = setting(ctx, dual);

	return talloc_asprintf(ctx,
	    "\tIF tidemark_notes IS NOT NULL THEN\n"
	    "\t\tDECLARE\n"
	    "\t\t\ttidemark_waiting pg_catalog.text[];\n"
	    "\t\tBEGIN\n"
	    "\t\t\ttidemark_waiting := nullif(pg_catalog.current_setting(%s, true), '');\n"
	    "\t\t\tIF pg_catalog.cardinality(tidemark_waiting) >= %d THEN\n"
	    "\t\t\t\tRAISE LOG 'tidemark: more than %d conflicts in a statement: one is not written down';\n"
	    "\t\t\tELSE\n"
	    "\t\t\t\tPERFORM pg_catalog.set_config(%s, CAST(tidemark_waiting || ARRAY[%s, "
	    "CAST(tidemark_notes AS "
	    "pg_catalog.text)] AS pg_catalog.text), true);\n"
	    "\t\t\tEND IF;\n"
	    "\t\tEXCEPTION WHEN OTHERS THEN\n"
	    "\t\t\tRAISE WARNING 'tidemark: a conflict could not be noted: %%', SQLERRM;\n"
	    "\t\tEND;\n"
	    "\tEND IF;\n",
	    name, 2 * NOTED_ROWS, NOTED_ROWS, name, match(ctx, dual));
}

/*
 * The note is taken out of the setting before it is stored, so that no later row with the same key and values
 * finds it.
 */
static char *
body(void *ctx, const struct tide_dual *dual)
{
	char *name = setting(ctx, dual);

	return talloc_asprintf(ctx,
	    "DECLARE\n"
	    "\ttidemark_waiting pg_catalog.text[];\n"
	    "\ttidemark_at pg_catalog.int4;\n"
	    "BEGIN\n"
	    "\ttidemark_waiting := pg_catalog.current_setting(%s, true);\n"
	    "\ttidemark_at := pg_catalog.array_position(tidemark_waiting, %s);\n"
	    "\tIF tidemark_at IS NULL THEN\n\t\tRETURN NULL;\n\tEND IF;\n"
	    "\tPERFORM pg_catalog.set_config(%s, CASE "
	    "WHEN pg_catalog.cardinality(tidemark_waiting) <= 2 THEN ''\n"
	    "\t\tELSE CAST(tidemark_waiting[:tidemark_at - 1] || tidemark_waiting[tidemark_at + 2:] AS "
	    "pg_catalog.text) "
	    "END, true);\n"
	    "\tINSERT INTO tidemark.conflict (\"plan\", \"relation\", \"key\", \"old\", \"new\", \"kept\")\n"
	    "\tSELECT %s, %s, nullif(n.note -> 'key', 'null'), n.note -> 'old', n.note -> 'new', 'new'\n"
	    "\t  FROM (SELECT CAST(pg_catalog.unnest(CAST(tidemark_waiting[tidemark_at + 1] AS "
	    "pg_catalog.text[])) AS "
	    "pg_catalog.jsonb)) AS n (note);\n"
	    "\tRETURN NULL;\n"
	    "EXCEPTION WHEN OTHERS THEN\n"
	    "\tRAISE WARNING 'tidemark: a conflict could not be written down: %%', SQLERRM;\n"
	    "\tRETURN NULL;\n"
	    "END\n",
	    name, match(ctx, dual), name, tide_literal(ctx, dual->plan->name),
	    tide_literal(ctx, tide_display_table(ctx, dual->cat)));
}

void
tide_conflict_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role)
{
	char *name = tide_trigger_function_name(ctx, dual, role, "conflict_v2");

	tide_triggers_add_function(ctx, t, name, body(ctx, dual), true);
	tide_triggers_add_after(ctx, t, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, role, "conflict"),
	    name, "INSERT OR UPDATE",
	    talloc_asprintf(
		ctx, "pg_catalog.current_setting(%s, true) OPERATOR(pg_catalog.<>) ''", setting(ctx, dual)));
}
