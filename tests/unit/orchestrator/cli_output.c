#include "cli/output/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/verbs/execute.h"
#include "cli/output/json.h"
#include "cli/output/lint_print.h"
#include "cli/review/review.h"
#include "tidemark/base/units.h"
#include "tidemark/base/shell.h"

struct memory {
	struct tide_stream stream;
	char *text;
	size_t size;
};

static void
begin(struct memory *m)
{
	*m = (struct memory){ 0 };
	m->stream.file = open_memstream(&m->text, &m->size);
}

static void
expect(struct memory *m, const char *text)
{
	(void)fclose(m->stream.file);
	assert_string_equal(m->text, text);
	free(m->text);
}

static void
what_strangers_wrote_does_not_drive_the_terminal(void **state)
{
	char *text = tide_output_printable(NULL, "a\033[31mb\x9b\r\x7f\xff\xc2\x9b é\t\n");

	(void)state;
	assert_string_equal(text, "a\\x1b[31mb\\x9b\\x0d\\x7f\\xff\\xc2\\x9b é\t\n");
	talloc_free(text);
}

static void
an_error_has_its_place_and_each_hint_a_line(void **state)
{
	struct tide_err err = {
		.code = TIDE_PLAN, .where = "p.toml:3:1", .message = "no such key", .hint = "one\ntwo"
	};
	struct memory m;

	(void)state;
	begin(&m);
	tide_output_error(&m.stream, &err);
	expect(&m, "tidemark: error: p.toml:3:1: no such key\nhint: one\nhint: two\n");
}

static void
an_error_object_carries_code_and_hints(void **state)
{
	struct tide_err err = {
		.code = TIDE_LOCK, .sqlstate = "55P03", .message = "bad \xff byte", .hint = "one\ntwo"
	};
	json_t *json = tide_json_error(&err);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "code")), tide_code_name(TIDE_LOCK));
	assert_string_equal(json_string_value(json_object_get(json, "sqlstate")), "55P03");
	assert_string_equal(json_string_value(json_object_get(json, "message")), "bad \\xff byte");
	assert_int_equal(json_array_size(json_object_get(json, "hints")), 2);
	assert_true(json_is_null(json_object_get(json, "where")));
	json_decref(json);
}

static void
standing_still_is_a_status_only_when_asked_for(void **state)
{
	(void)state;
	assert_int_equal(tide_execute_status(TIDE_GATE, false), 0);
	assert_int_equal(tide_execute_status(TIDE_GATE, true), 11);
	assert_int_equal(tide_execute_status(TIDE_PENDING, true), 10);
	assert_int_equal(tide_execute_status(TIDE_PAUSED, true), 12);
	assert_int_equal(tide_execute_status(TIDE_BUDGET, false), 0);
	assert_int_equal(tide_execute_status(TIDE_BUDGET, true), 13);
	assert_int_equal(tide_execute_status(TIDE_INTERRUPTED, false), 130);
	assert_int_equal(tide_execute_status(TIDE_TERMINATED, false), 143);
	assert_int_equal(tide_execute_status(TIDE_OK, true), 0);
}

static void
shell_words_are_quoted_when_they_must_be(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_shell_word(ctx, "plans/a-b_c.toml"), "plans/a-b_c.toml");
	assert_string_equal(tide_shell_word(ctx, "it's; rm"), "'it'\\''s; rm'");
	assert_string_equal(tide_shell_word(ctx, ""), "''");
	talloc_free(ctx);
}

static struct tide_findings *
two_findings(void *ctx)
{
	struct tide_findings *f = talloc_zero(ctx, struct tide_findings);

	tide_findings_add(f, TIDE_ERROR, "rule-one", 3, 7, "do: this", "100%% wrong");
	tide_findings_add(f, TIDE_WARNING, "rule-two", 0, 0, NULL, "perhaps\nnot");
	return f;
}

static void
findings_print_in_every_format(void **state)
{
	struct tide_findings *f = two_findings(NULL);
	struct memory m;

	(void)state;
	begin(&m);
	tide_lint_print_human(&m.stream, "p.toml", f);
	expect(&m, "p.toml:3:7: error: 100% wrong [rule-one]\n    hint: do: this\np.toml: warning: "
		   "perhaps\nnot [rule-two]\n");
	begin(&m);
	tide_lint_print_gcc(&m.stream, "p.toml", f);
	expect(&m, "p.toml:3:7: error: 100% wrong [rule-one]\np.toml:1:1: warning: perhaps not [rule-two]\n");
	begin(&m);
	tide_lint_print_github(&m.stream, "a,b:p.toml", f);
	expect(&m, "::error file=a%2Cb%3Ap.toml,line=3,col=7,title=rule-one::100%25 wrong%0Ahint: do: this\n"
		   "::warning file=a%2Cb%3Ap.toml,line=1,col=1,title=rule-two::perhaps%0Anot\n");
	talloc_free(f);
}

static void
the_same_finding_is_said_once(void **state)
{
	struct tide_findings *f = two_findings(NULL), *g = two_findings(f);

	(void)state;
	tide_findings_add(g, TIDE_ERROR, "rule-one", 4, 7, NULL, "100%% wrong");
	tide_lint_merge(f, g);
	assert_int_equal(f->count, 3);
	assert_int_equal(tide_lint_count(f, TIDE_ERROR), 2);
	talloc_free(f);
}

/* What is known with the catalog is stronger than what the text alone says. */
static void
of_two_findings_about_the_same_the_stronger_is_said(void **state)
{
	struct tide_findings *f = two_findings(NULL), *g = two_findings(f);

	(void)state;
	f->item[1].about = g->item[0].about = "part 0";
	g->item[0] = f->item[1];
	g->count = 1;
	g->item[0].severity = TIDE_ERROR;
	g->item[0].message = "surely";
	tide_lint_merge(f, g);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->item[1].severity, TIDE_ERROR);
	assert_string_equal(f->item[1].message, "surely");
	f->item[1].about = "part 1";
	tide_lint_merge(f, g);
	assert_int_equal(f->count, 3);
	talloc_free(f);
}

static void
an_error_becomes_a_finding_at_its_place(void **state)
{
	struct tide_findings *f = talloc_zero(NULL, struct tide_findings);
	struct tide_err err = { .code = TIDE_PLAN, .message = "bad" };

	(void)state;
	tide_place(&err, "dir:x/p.toml", 12, 34);
	assert_string_equal(err.where, "dir:x/p.toml:12:34");
	tide_lint_from_err(f, "plan-invalid", &err);
	assert_int_equal(f->item[0].line, 12);
	assert_int_equal(f->item[0].column, 34);
	err.line = err.column = 0;
	tide_lint_from_err(f, "plan-invalid", &err);
	assert_int_equal(f->item[1].line, 0);
	talloc_free(f);
}

static void
estimates_follow_the_stated_assumptions(void **state)
{
	struct tide_plan plan = { .limits = { .workers = 2 } };
	struct tide_sweep_spec spec = { .write = true, .max_rows_per_second = 1000 };
	struct tide_action action = { .kind = TIDE_STEP_SWEEP, .touch = TIDE_TOUCH_BATCHES, .rows = 1200000 };
	char text[64];

	(void)state;
	assert_int_equal(tide_review_estimate(&action, &plan), 10 * TIDE_SECOND);
	assert_string_equal(tide_review_time(&action, &plan, text, sizeof(text)), "about 10 s (estimate)");
	action.sweep = &spec;
	assert_int_equal(tide_review_estimate(&action, &plan), 1200 * TIDE_SECOND);
	action.rows = -1;
	assert_int_equal(tide_review_estimate(&action, &plan), -1);
	action = (struct tide_action){ .kind = TIDE_STEP_SQL, .touch = TIDE_TOUCH_NOTHING, .rows = 1200000 };
	assert_string_equal(tide_review_time(&action, &plan, text, sizeof(text)), "an instant");
}

static void
a_phase_is_as_reversible_as_its_worst_step(void **state)
{
	struct tide_steps *steps = talloc_zero(NULL, struct tide_steps);
	struct tide_step *step = tide_steps_add(steps, "one");

	(void)state;
	assert_int_equal(tide_review_loss(steps), TIDE_LOSES_NOTHING);
	tide_step_add_undo(steps, step)->loss = TIDE_LOSSY;
	(void)tide_steps_add(steps, "two");
	assert_int_equal(tide_review_loss(steps), TIDE_LOSSY);
	steps->item[1].irreversible = true;
	assert_int_equal(tide_review_loss(steps), TIDE_IRREVERSIBLE);
	talloc_free(steps);
}

static void
a_gate_is_said_in_words(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_gate gate = { .manual = true, .after = 86400 * TIDE_SECOND };

	(void)state;
	assert_string_equal(tide_review_gate(ctx, &gate),
	    "manual approval (`tidemark advance`), and 1d since the phase before ended");
	gate = (struct tide_gate){ .sql = "SELECT true", .command = { (char *[]){ "curl", "a b" }, 2 } };
	assert_string_equal(tide_review_gate(ctx, &gate),
	    "until this returns true: SELECT true, and until this command succeeds on the executor's machine: curl 'a "
	    "b'");
	gate = (struct tide_gate){ 0 };
	assert_null(tide_review_gate(ctx, &gate));
	talloc_free(ctx);
}

static void
a_sweep_as_sql_cannot_be_ended_by_its_text(void **state)
{
	struct tide_sweep_spec spec = {
		.write = true, .set = "\"a\" = '$tidemark$' || '$tidemark1$'", .residual = "true -- x"
	};
	char *sql = tide_review_sweep(NULL, &spec, "\"s\".\"it's\"");

	(void)state;
	assert_non_null(strstr(sql, "DO LANGUAGE plpgsql $tidemark2$"));
	assert_non_null(strstr(sql, "AND (true -- x\n"));
	assert_non_null(strstr(sql, "'\"s\".\"it''s\"'"));
	assert_non_null(strstr(sql, "COMMIT;"));
	talloc_free(sql);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_strangers_wrote_does_not_drive_the_terminal),
		cmocka_unit_test(an_error_has_its_place_and_each_hint_a_line),
		cmocka_unit_test(an_error_object_carries_code_and_hints),
		cmocka_unit_test(standing_still_is_a_status_only_when_asked_for),
		cmocka_unit_test(shell_words_are_quoted_when_they_must_be),
		cmocka_unit_test(findings_print_in_every_format),
		cmocka_unit_test(the_same_finding_is_said_once),
		cmocka_unit_test(of_two_findings_about_the_same_the_stronger_is_said),
		cmocka_unit_test(an_error_becomes_a_finding_at_its_place),
		cmocka_unit_test(estimates_follow_the_stated_assumptions),
		cmocka_unit_test(a_phase_is_as_reversible_as_its_worst_step),
		cmocka_unit_test(a_gate_is_said_in_words),
		cmocka_unit_test(a_sweep_as_sql_cannot_be_ended_by_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
