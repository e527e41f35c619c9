/* What `ensure` does with a plan, and how it reads what it decides by. */
#include "tidemark/orchestrator/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/array.h"

/* Four phases; the third has a gate that a case brings. */
static struct tide_phase phases[4];
static const struct tide_plan plan = { .name = "p", .phase = phases, .count = 4 };

struct verdict_case {
	const char *what;
	enum tide_verdict_kind kind;
	enum tide_code code;
	const char *text; /* part of it, or NULL */
	struct tide_look_run run;
	struct tide_gate gate;
	long last;
	bool changed, waited;
};

#define RUN(state_, ...)                                                                                     \
	{                                                                                                    \
		.state = TIDE_RUN_##state_, .back_to = -1, __VA_ARGS__                                       \
	}

static const struct verdict_case cases[] = {
	{ "complete", TIDE_VERDICT_DONE, TIDE_OK, NULL, RUN(COMPLETE, .ahead = -1), { 0 }, 3, false, false },
	{ "complete, and the file has more phases", TIDE_VERDICT_RUN, TIDE_OK, NULL,
	    RUN(COMPLETE, .ahead = 2), { 0 }, 3, false, false },
	{ "another plan", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(COMPLETE, .ahead = -1), { 0 }, 3, true,
	    false },
	{ "stopped before", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(READY, .ahead = 1), { 0 }, 1, false, false },
	{ "stopped after", TIDE_VERDICT_DONE, TIDE_OK, NULL, RUN(READY, .ahead = 2), { 0 }, 1, false, false },
	{ "killed", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(RUNNING, .ahead = 1, .owner = "ann"), { 0 }, 3,
	    false, false },
	{ "at work", TIDE_VERDICT_WAIT, TIDE_OK, "ann",
	    RUN(RUNNING, .ahead = 1, .owner = "ann", .live = true), { 0 }, 3, false, false },
	{ "at work on a later one", TIDE_VERDICT_DONE, TIDE_OK, NULL, RUN(RUNNING, .ahead = 1, .live = true),
	    { 0 }, 0, false, false },
	{ "failed at a later one", TIDE_VERDICT_DONE, TIDE_OK, NULL, RUN(FAILED, .ahead = 2), { 0 }, 1, false,
	    false },
	{ "failed", TIDE_VERDICT_LEAVE, TIDE_PRECONDITION, "it failed: no disk",
	    RUN(FAILED, .ahead = 2, .code = 4, .reason = "no disk"), { 0 }, 3, false, false },
	{ "failed, of unknown cause", TIDE_VERDICT_LEAVE, TIDE_UNEXPECTED, NULL, RUN(FAILED, .ahead = 2),
	    { 0 }, 3, false, false },
	{ "an executor tries again", TIDE_VERDICT_WAIT, TIDE_OK, NULL, RUN(FAILED, .ahead = 2, .live = true),
	    { 0 }, 3, false, false },
	{ "blocked", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(BLOCKED, .ahead = 2), { 0 }, 3, false, false },
	{ "blocked under the eyes", TIDE_VERDICT_LEAVE, TIDE_LOCK, "no lock",
	    RUN(BLOCKED, .ahead = 2, .reason = "no lock"), { 0 }, 3, false, true },
	{ "paused", TIDE_VERDICT_LEAVE, TIDE_PAUSED, "paused by ann",
	    RUN(READY, .ahead = 2, .wanted = TIDE_WANT_PAUSE, .wanted_by = "ann"), { 0 }, 3, false, false },
	{ "about to pause", TIDE_VERDICT_LEAVE, TIDE_PAUSED, "paused by somebody",
	    RUN(RUNNING, .ahead = 2, .wanted = TIDE_WANT_PAUSE, .live = true), { 0 }, 3, false, false },
	{ "wanted by a rollback", TIDE_VERDICT_LEAVE, TIDE_PAUSED, "ann asked for the run",
	    RUN(RUNNING, .ahead = 2, .wanted = TIDE_WANT_YIELD, .wanted_by = "ann", .live = true), { 0 }, 3,
	    false, false },
	{ "released for a rollback", TIDE_VERDICT_LEAVE, TIDE_PAUSED, NULL,
	    RUN(READY, .ahead = 2, .wanted = TIDE_WANT_YIELD), { 0 }, 3, false, true },
	{ "released for somebody who never came", TIDE_VERDICT_RUN, TIDE_OK, NULL,
	    RUN(READY, .ahead = 2, .wanted = TIDE_WANT_YIELD), { 0 }, 3, false, false },
	{ "rolled back", TIDE_VERDICT_LEAVE, TIDE_PRECONDITION, "rolled back",
	    RUN(ROLLED_BACK, .direction = TIDE_BACK), { 0 }, 3, false, false },
	{ "rolling back", TIDE_VERDICT_LEAVE, TIDE_PRECONDITION, "a rollback is under way",
	    RUN(ROLLING_BACK, .direction = TIDE_BACK, .ahead = 2), { 0 }, 1, false, false },
	{ "failed to roll back", TIDE_VERDICT_LEAVE, TIDE_PRECONDITION, "a rollback is under way",
	    RUN(FAILED, .direction = TIDE_BACK, .ahead = 2), { 0 }, 3, false, false },
	{ "rolling back to a later one", TIDE_VERDICT_DONE, TIDE_OK, NULL,
	    { .state = TIDE_RUN_ROLLING_BACK, .direction = TIDE_BACK, .ahead = 3, .back_to = 1 }, { 0 }, 1,
	    false, false },
	{ "at a manual gate", TIDE_VERDICT_LEAVE, TIDE_GATE, "waiting for manual approval",
	    RUN(WAITING, .ahead = 2, .reason = "waiting for manual approval"), { .manual = true }, 3, false,
	    false },
	{ "approved", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(WAITING, .ahead = 2, .approved = true),
	    { .manual = true }, 3, false, false },
	{ "approved, in its soak", TIDE_VERDICT_LEAVE, TIDE_GATE, NULL,
	    RUN(WAITING, .ahead = 2, .approved = true, .until = "2026"), { .manual = true, .after = 1 }, 3,
	    false, false },
	{ "after its soak", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(WAITING, .ahead = 2), { .after = 1 }, 3,
	    false, false },
	{ "at a query", TIDE_VERDICT_ASK, TIDE_GATE, "not yet", RUN(WAITING, .ahead = 2, .reason = "not yet"),
	    { .sql = "SELECT" }, 3, false, false },
	{ "at a command", TIDE_VERDICT_ASK, TIDE_GATE, "not yet",
	    RUN(WAITING, .ahead = 2, .reason = "not yet"), { .command = { .count = 1 } }, 3, false, false },
	{ "begun after its command", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(WAITING, .ahead = 2, .begun = true),
	    { .command = { .count = 1 } }, 3, false, false },
	{ "at a window, and an executor waits there", TIDE_VERDICT_LEAVE, TIDE_GATE, NULL,
	    RUN(WAITING, .ahead = 2, .live = true), { .window = "w" }, 3, false, false },
	{ "in a phase that was begun in its window", TIDE_VERDICT_ASK, TIDE_GATE, NULL,
	    RUN(WAITING, .ahead = 2, .begun = true), { .manual = true, .window = "w" }, 3, false, false },
	{ "in a hold", TIDE_VERDICT_LEAVE, TIDE_GATE, "hold until",
	    RUN(WAITING, .ahead = 2, .begun = true, .until = "2026", .reason = "hold until 2026"),
	    { .manual = true }, 3, false, false },
	{ "after a hold", TIDE_VERDICT_RUN, TIDE_OK, NULL, RUN(WAITING, .ahead = 2, .begun = true),
	    { .manual = true }, 3, false, false },
};

static void
each_state_has_its_verdict(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(cases); i++) {
		const struct verdict_case *c = &cases[i];
		struct tide_verdict v;

		phases[2].gate = c->gate;
		v = tide_ensure_judge(ctx, &(struct tide_ensure){ .plan = &plan,
					       .changed = c->changed,
					       .last = c->last,
					       .run = &c->run,
					       .waited = c->waited });
		if (v.kind != c->kind || v.code != c->code ||
		    (c->text != NULL && (v.text == NULL || strstr(v.text, c->text) == NULL)))
			fail_msg("%s: verdict %d, code %d, %s", c->what, v.kind, v.code,
			    v.text != NULL ? v.text : "no text");
		assert_true(v.kind != TIDE_VERDICT_LEAVE || v.text != NULL);
	}
	phases[2].gate = (struct tide_gate){ 0 };
	talloc_free(ctx);
}

/* Whatever its text is now: the next run is begun by who wants it. */
static void
a_recurring_plan_is_done_when_its_run_is_complete(void **state)
{
	const struct tide_plan again = { .name = "p", .phase = phases, .count = 4, .recurring = true };
	struct tide_look_run run = { .state = TIDE_RUN_COMPLETE, .ahead = -1, .back_to = -1 };
	const struct tide_ensure e = { .plan = &again, .last = 3, .run = &run, .changed = true };

	(void)state;
	assert_int_equal(tide_ensure_judge(NULL, &e).kind, TIDE_VERDICT_DONE);
	run.state = TIDE_RUN_READY;
	run.ahead = 1;
	assert_int_equal(tide_ensure_judge(NULL, &e).kind, TIDE_VERDICT_RUN);
}

static void
a_plan_without_a_run_is_begun_unless_it_requires_another(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_ensure e = { .plan = &plan, .last = 3 };
	struct tide_verdict v;

	(void)state;
	assert_int_equal(tide_ensure_judge(ctx, &e).kind, TIDE_VERDICT_RUN);
	e.missing = "q";
	v = tide_ensure_judge(ctx, &e);
	assert_int_equal(v.kind, TIDE_VERDICT_LEAVE);
	assert_int_equal(v.code, TIDE_PRECONDITION);
	assert_string_equal(v.text, "it requires 'q', which is not complete");
	talloc_free(ctx);
}

static void
the_question_names_plans_and_hashes(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_look_plan asked[] = { { "p", "abc" }, { "q", "" } };
	const char *value[TIDE_LOOK_VALUES];

	(void)state;
	assert_non_null(strstr(tide_look_sql(ctx, asked, 2, value), "$4"));
	assert_string_equal(value[0], "{\"p\":\"abc\",\"q\":\"\"}");
	/* The statement that is parsed at once has none of the tables. */
	assert_null(strstr(tide_look_sql(ctx, asked, 2, value), "tidemark.run"));
	assert_non_null(strstr(value[3], "tidemark.run"));
	talloc_free(ctx);
}

#define PREFIX "{\"bad\":null,\"look\":{\"version\":1,\"runs\":["
#define ONE                                                                                                    \
	"{\"plan\":\"p\",\"state\":\"waiting\",\"direction\":\"forward\",\"back_to\":-1,\"wanted\":\"pause\"," \
	"\"wanted_by\":\"ann\",\"reason\":null,\"code\":0,\"owner\":null,\"live\":false,\"plan_text\":null,"   \
	"\"ahead\":2,\"begun\":false,\"approved\":true,\"until\":null}"

static void
the_answer_is_read_by_names(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_look_run *run;
	struct tide_look look;
	struct tide_err err = { 0 };

	(void)state;
	assert_true(tide_look_read(ctx, PREFIX ONE "]}}", &look, &err));
	run = tide_look_find(&look, "p");
	assert_non_null(run);
	assert_null(tide_look_find(&look, "q"));
	assert_int_equal(run->state, TIDE_RUN_WAITING);
	assert_int_equal(run->wanted, TIDE_WANT_PAUSE);
	assert_string_equal(run->wanted_by, "ann");
	assert_int_equal(run->ahead, 2);
	assert_true(run->approved);
	assert_null(run->plan_text);
	assert_true(tide_look_read(ctx, "{\"bad\":null,\"look\":null}", &look, &err));
	assert_int_equal(look.count, 0);
	talloc_free(ctx);
}

static void
what_is_not_to_be_used_is_an_error(void **state)
{
	static const struct {
		const char *answer, *message;
		enum tide_code code;
	} wrong[] = {
		{ NULL, "the state of the plans cannot be read", TIDE_UNEXPECTED },
		{ "[]", "the state of the plans cannot be read", TIDE_UNEXPECTED },
		{ "{\"bad\":\"it belongs to role eve\",\"look\":null}",
		    "schema tidemark is not safe to use: it belongs to role eve", TIDE_PRECONDITION },
		{ "{\"bad\":null,\"look\":{\"version\":7,\"runs\":[]}}",
		    "schema tidemark has version 7, this program knows 1", TIDE_PRECONDITION },
		{ PREFIX "{\"plan\":\"p\"}]}}", "'code'", TIDE_UNEXPECTED },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(wrong); i++) {
		struct tide_err err = { 0 };
		struct tide_look look;

		assert_false(tide_look_read(ctx, wrong[i].answer, &look, &err));
		if (strstr(err.message, wrong[i].message) == NULL)
			fail_msg("%s: %s", wrong[i].message, err.message);
		assert_int_equal(err.code, wrong[i].code);
	}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_has_its_verdict),
		cmocka_unit_test(a_recurring_plan_is_done_when_its_run_is_complete),
		cmocka_unit_test(a_plan_without_a_run_is_begun_unless_it_requires_another),
		cmocka_unit_test(the_question_names_plans_and_hashes),
		cmocka_unit_test(the_answer_is_read_by_names),
		cmocka_unit_test(what_is_not_to_be_used_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
