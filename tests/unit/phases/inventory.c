/* The inventory of what hangs on a column: each of its rows decides something, and the page shows all of it. */
#include "checks/inventory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "../../harness/catalog_fixture.h"
#include "tidemark/phases/phase.h"

#define PAGE TIDEMARK_SOURCE_DIR "/docs/dependents.md"
#define BEGIN "<!-- inventory: begin -->\n"
#define END "<!-- inventory: end -->"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define BEFORE                                                                                               \
	"name = 'p'\ntable = 'public.t'\n"                                                                   \
	"[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'integer'\n"                                   \
	"[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n"                                             \
	"[[phase]]\nkind = 'backfill'\nother_triggers = 'fire'\n"                                            \
	"[[phase]]\nkind = 'verify'\n"                                                                       \
	"[[phase]]\nkind = 'switch'\ngate = 'manual'\n"
#define DROP "[[phase]]\nkind = 'drop_column'\ncolumn = '%s'\nhold = '1d'\ngate = 'manual'\n"

static char *
read_text(void *ctx, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = talloc_strdup(ctx, ""), buffer[4096];
	size_t got;

	assert_non_null(file);
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		text = talloc_strndup_append_buffer(text, buffer, got);
	fclose(file);
	return text;
}

static char *
cell_text(void *ctx, const struct tide_fate_cell *cell)
{
	if (cell->rule == NULL)
		return talloc_strdup(ctx, tide_fate_name(cell->fate));
	return talloc_asprintf(ctx, "%s `%s`", tide_fate_name(cell->fate), cell->rule);
}

static char *
table_text(void *ctx)
{
	char *out = talloc_strdup(ctx, "| object |");

	for (int m = 0; m < TIDE_MOMENTS; m++)
		out = talloc_asprintf_append_buffer(out, " %s |", tide_moment_name((enum tide_moment)m));
	out = talloc_strdup_append_buffer(out, " way out |\n|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < tide_inventory_count; i++) {
		const struct tide_inventory_row *row = &tide_inventory[i];

		out = talloc_asprintf_append_buffer(out, "| %s |", row->what);
		for (int m = 0; m < TIDE_MOMENTS; m++)
			out = talloc_asprintf_append_buffer(out, " %s |", cell_text(ctx, &row->at[m]));
		out = talloc_asprintf_append_buffer(out, " %s |\n", row->way_out);
	}
	return out;
}

static void
the_page_shows_the_table(void **state)
{
	void *ctx = talloc_new(NULL);
	char *page = read_text(ctx, PAGE), *begin = strstr(page, BEGIN), *end = strstr(page, END);
	char *want = table_text(ctx);

	(void)state;
	assert_non_null(begin);
	assert_non_null(end);
	begin += strlen(BEGIN);
	if (getenv("TIDEMARK_UPDATE_GOLDEN") != NULL) {
		FILE *file = fopen(PAGE, "w");

		assert_non_null(file);
		assert_true(fprintf(file, "%.*s%s%s", (int)(begin - page), page, want, end) > 0);
		assert_int_equal(fclose(file), 0);
	} else if (strncmp(begin, want, strlen(want)) != 0 || begin + strlen(want) != end) {
		fail_msg("docs/dependents.md is not what the inventory says; write it with "
			 "TIDEMARK_UPDATE_GOLDEN=1");
	}
	talloc_free(ctx);
}

static void
every_row_is_complete_and_its_rules_are_documented(void **state)
{
	static const char *const pages[] = { "add_column", "dual_write", "backfill", "switch",
		"drop_column" };
	void *ctx = talloc_new(NULL);
	char *docs = talloc_strdup(ctx, "");

	(void)state;
	for (size_t i = 0; i < COUNT(pages); i++)
		docs = talloc_strdup_append_buffer(docs,
		    read_text(ctx, talloc_asprintf(ctx, TIDEMARK_SOURCE_DIR "/docs/phases/%s.md", pages[i])));
	for (size_t i = 0; i < tide_inventory_count; i++) {
		const struct tide_inventory_row *row = &tide_inventory[i];

		assert_ptr_equal(tide_inventory_find(row->kind), row);
		assert_true(row->what[0] != '\0' && row->way_out[0] != '\0');
		for (int m = 0; m < TIDE_MOMENTS; m++) {
			const struct tide_fate_cell *cell = &row->at[m];

			assert_int_not_equal(cell->fate, TIDE_FATE_NONE);
			assert_int_equal(cell->rule != NULL,
			    cell->fate == TIDE_FATE_REFUSED || cell->fate == TIDE_FATE_WARNED);
			if (cell->rule != NULL &&
			    strstr(docs, talloc_asprintf(ctx, "`%s`", cell->rule)) == NULL)
				fail_msg("%s is on no page of a phase", cell->rule);
		}
	}
	talloc_free(ctx);
}

/** An object of each kind on column a of a table, and what is said of it: "" for nothing. */
struct object {
	const char *kind;
	const char *more; /* members of the table; of the column, when it begins with a comma */
	const char *at_switch, *at_swap, *at_drop;
};

#define CONSTRAINT(type, definition)                                                                         \
	"'constraints':[{'name':'x','type':'" type "','definition':'" definition                             \
	"','columns':['a'],'validated':true}]"
#define DEPENDENT(kind, blocks)                                                                              \
	"'dependents':[{'column':'a','kind':'" kind                                                          \
	"','name':'x','identity':'thing x','blocks_drop':" blocks "}]"
#define POSITIONS(kind) "'dependents':[{'kind':'" kind "','name':'x','identity':'thing x'}]"
#define INDEX(unique)                                                                                        \
	"'indexes':[{'name':'x','unique':" unique                                                            \
	",'definition':'CREATE INDEX x ON public.t USING btree (a)','columns':['a']}]"

static const struct object objects[] = {
	{ "index", INDEX("false"), "", "swap-index", "drop-column-dependent" },
	{ "unique index", INDEX("true"), "switch-unique", "switch-unique", "drop-column-dependent" },
	{ "primary key", CONSTRAINT("p", "PRIMARY KEY (a)"), "switch-constraint", "switch-constraint",
	    "drop-column-primary-key" },
	{ "unique constraint", CONSTRAINT("u", "UNIQUE (a)"), "switch-constraint", "switch-constraint",
	    "drop-column-dependent" },
	{ "exclusion constraint", CONSTRAINT("x", "EXCLUDE USING gist (a WITH =)"), "switch-constraint",
	    "switch-constraint", "drop-column-dependent" },
	{ "check constraint", CONSTRAINT("c", "CHECK ((a > 0))"), "switch-constraint", "switch-constraint",
	    "drop-column-dependent" },
	{ "foreign key", CONSTRAINT("f", "FOREIGN KEY (a) REFERENCES u(id)"), "switch-constraint",
	    "switch-constraint", "drop-column-dependent" },
	{ "foreign key of another table",
	    "'constraints':[{'name':'x','type':'f','definition':'FOREIGN KEY (z) REFERENCES "
	    "t(a)','columns':['a'],'validated':true,'referencing':'public.u'}]",
	    "switch-constraint", "switch-constraint", "drop-column-dependent" },
	{ "view", DEPENDENT("view", "true"), "", "swap-dependent", "drop-column-dependent" },
	{ "rule", DEPENDENT("rule", "true"), "", "swap-dependent", "drop-column-dependent" },
	{ "policy", DEPENDENT("policy", "true"), "", "swap-dependent", "drop-column-dependent" },
	/* Carried, where there is a new column to carry it to. */
	{ "trigger columns", DEPENDENT("trigger columns", "true"), "", "", "" },
	{ "trigger condition", DEPENDENT("trigger condition", "true"), "", "swap-dependent",
	    "drop-column-dependent" },
	{ "trigger function", DEPENDENT("trigger function", "false"), "", "swap-dependent",
	    "drop-column-dependent" },
	{ "function", DEPENDENT("function", "false"), "", "swap-dependent", "drop-column-dependent" },
	{ "function body", DEPENDENT("function body", "true"), "", "swap-dependent",
	    "drop-column-dependent" },
	{ "generated column", DEPENDENT("generated column", "true"), "", "swap-dependent",
	    "drop-column-dependent" },
	{ "statistics", DEPENDENT("statistics", "false"), "", "swap-dependent", "drop-column-dependent" },
	{ "publication", DEPENDENT("publication", "true"), "", "swap-dependent", "drop-column-dependent" },
	{ "partition key", DEPENDENT("partition key", "true"), "switch-partition-key", "swap-dependent",
	    "drop-column-dependent" },
	{ "sequence", ",'sequence':'public.s'", "switch-sequence", "switch-sequence",
	    "drop-column-dependent" },
	/* Of the whole table: refused where columns come and go. */
	{ "trigger row", POSITIONS("trigger row"), "", "", "drop-column-dependent" },
	{ "function row", POSITIONS("function row"), "", "", "drop-column-dependent" },
	{ "default of a partition", DEPENDENT("default of a partition", "false"), "switch-partition-default",
	    "switch-partition-default", "" },
	/* Warned of at the switch; refused where a hold comes without a switch. */
	{ "not null of a partition", DEPENDENT("not null of a partition", "false"), "", "", "" },
	/* Carried; what is lacked by a column that was there before is in the test of the checks. */
	{ "collation", ",'collation':'public.c'", "", "", "" },
	{ "storage", ",'storage':'e','type_storage':'x'", "", "", "" },
	{ "compression", ",'compression':'l'", "", "", "" },
	{ "statistics target", ",'statistics':'9'", "", "", "" },
	{ "column options", ",'options':'n_distinct=5'", "", "", "" },
	{ "comment", ",'comment':'said'", "", "", "" },
	{ "column privileges", ",'acl':'{x=r/y}','grants':'SELECT\\tx\\t'", "", "", "" },
	{ "default", ",'default_expr':'7','default_constant':true", "", "", "" },
	{ "not null", ",'not_null':true", "", "", "" },
	{ "a kind that nobody knows", DEPENDENT("a kind that nobody knows", "false"), "dependent-unknown",
	    "dependent-unknown", "dependent-unknown" },
};

/* The rules of the errors in the phase that begins on this line or later. */
static char *
errors_from(void *ctx, const char *plan_text, const char *catalog, int line)
{
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);
	struct tide_err err = { 0 };
	struct tide_plan *plan;
	char *out = talloc_strdup(ctx, "");

	if (!tide_plan_parse(ctx, "plan.toml", plan_text, strlen(plan_text), tide_phase_kinds(),
		tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	tide_phase_lint(plan, catalog_fixture_text(ctx, catalog), findings);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->item[i].severity == TIDE_ERROR && findings->item[i].line >= line &&
		    strstr(out, findings->item[i].rule) == NULL)
			out = talloc_asprintf_append_buffer(
			    out, "%s%s", out[0] == '\0' ? "" : " ", findings->item[i].rule);
	return out;
}

static int
line_of(const char *text, const char *part)
{
	int line = 1;

	for (const char *s = text; s < strstr(text, part); s++)
		line += *s == '\n';
	return line;
}

static void
expect(const struct object *o, const char *moment, const char *plan, const char *phase, const char *want)
{
	void *ctx = talloc_new(NULL);
	char *catalog = talloc_asprintf(ctx,
	    "{'server_version':150018,'table':{'schema':'public','name':'t','columns':[{'name':'id','type':'"
	    "integer',"
	    "'identical':true},{'name':'a','type':'integer','identical':true%s}],%s}}",
	    *o->more == ',' ? o->more : "", *o->more == ',' ? "'published':false" : o->more);
	char *have = errors_from(ctx, plan, catalog, line_of(plan, phase));

	if (strcmp(have, want) != 0)
		fail_msg("%s at the %s: \"%s\", not \"%s\"", o->kind, moment, have, want);
	talloc_free(ctx);
}

static void
each_row_decides_what_is_refused_at_each_moment(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(objects); i++) {
		const struct object *o = &objects[i];

		expect(o, "switch", BEFORE, "[[phase]]\nkind = 'switch'", o->at_switch);
		expect(o, "swap", BEFORE "swap_names = true\n", "[[phase]]\nkind = 'switch'", o->at_swap);
		expect(o, "drop", talloc_asprintf(ctx, BEFORE DROP, "a"), "[[phase]]\nkind = 'drop_column'",
		    o->at_drop);
	}
	/* The table of this test lists every row, and a kind that the inventory lacks. */
	assert_int_equal(COUNT(objects), tide_inventory_count + 1);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_shows_the_table),
		cmocka_unit_test(every_row_is_complete_and_its_rules_are_documented),
		cmocka_unit_test(each_row_decides_what_is_refused_at_each_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
