#include "sample.h"

#include <stdio.h>

static void
assert_diff(const char *before, const char *after, const char *expected)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *old = sample_plan(ctx, before), *new = sample_plan(ctx, after);

	assert_string_equal(tide_plan_diff(ctx, old, new), expected);
	assert_int_equal(expected[0] == '\0', strcmp(old->hash, new->hash) == 0);
	talloc_free(ctx);
}

#define PHASES(list) SAMPLE_TOP "phase = [\n" list "]\n"
#define VERIFY "{ kind = 'verify' },\n"
#define SWITCH "{ kind = 'switch', gate = 'manual' },\n"
#define ADD "{ kind = 'add_column', column = 'a' },\n"
#define DROP "{ kind = 'drop_column', column = 'a', hold = '7d' },\n"

static void
equal_plans_do_not_differ(void **state)
{
	(void)state;
	assert_diff(SAMPLE_TOP "[[phase]]\nkind = 'verify'\n",
	    "table='t' # t\nname='p'\nphase=[{kind='verify'}]\n", "");
}

static void
a_changed_value_is_shown_with_its_new_place(void **state)
{
	(void)state;
	assert_diff(SAMPLE_TOP "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\nhold = '7d'\n",
	    SAMPLE_TOP "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n\nhold = '1d'\n",
	    "phase[1].hold: \"7d\" → \"1d\"  (p.toml:7:8)\n");
	assert_diff(PHASES(VERIFY),
	    "name = 'p'\ntable = 'u'\n[limits]\nworkers = 4\n[[phase]]\nkind = 'verify'\n",
	    "table: \"t\" → \"u\"  (p.toml:2:9)\nlimits: added { \"workers\" = 4 }  (p.toml:3:1)\n");
	assert_diff(PHASES(SWITCH), PHASES("{ kind = 'switch', gate = { manual = true } },\n"),
	    "phase[1].gate: \"manual\" → { \"manual\" = true }  (p.toml:4:27)\n");
	assert_diff(PHASES("{ kind = 'switch', gate = { after = '1h', manual = true } },\n"),
	    PHASES("{ kind = 'switch', gate = { after = '2h', sql = 'SELECT true' } },\n"),
	    "phase[1].gate.after: \"1h\" → \"2h\"  (p.toml:4:37)\n"
	    "phase[1].gate.sql: added \"SELECT true\"  (p.toml:4:49)\n"
	    "phase[1].gate.manual: removed true  (p.toml:4:27)\n");
}

static void
what_was_removed_is_shown_where_it_would_stand(void **state)
{
	(void)state;
	assert_diff("title = 'T'\n" SAMPLE_TOP
		    "[limits]\nworkers = 1\nlease = '20s'\n[[phase]]\nkind = 'verify'\n",
	    SAMPLE_TOP "[limits]\nlease = '20s'\n[[phase]]\nkind = 'verify'\n",
	    "limits.workers: removed 1  (p.toml:3:1)\ntitle: removed \"T\"  (p.toml:1:1)\n");
}

static void
plans_of_one_length_are_compared_by_position(void **state)
{
	(void)state;
	assert_diff(PHASES(VERIFY SWITCH),
	    PHASES("{ kind = 'verify', title = 'x' },\n{ kind = 'verify' },\n"),
	    "phase[1].title: added \"x\"  (p.toml:4:28)\n"
	    "phase[2].kind: \"switch\" → \"verify\"  (p.toml:5:10)\n"
	    "phase[2].gate: removed \"manual\"  (p.toml:5:1)\n");
}

static void
added_and_removed_phases_do_not_shift_the_others(void **state)
{
	(void)state;
	assert_diff(PHASES(ADD SWITCH DROP), PHASES(ADD VERIFY SWITCH DROP),
	    "phase[2]: added phase \"verify\"  (p.toml:5:1)\n");
	assert_diff(PHASES(ADD VERIFY SWITCH DROP), PHASES(VERIFY SWITCH DROP),
	    "phase[1]: removed phase \"add_column\"  (p.toml:4:1)\n");
	assert_diff(PHASES(ADD VERIFY SWITCH DROP), PHASES(ADD VERIFY),
	    "phase[3]: removed phase \"switch\"  (p.toml:5:1)\n"
	    "phase[4]: removed phase \"drop_column\"  (p.toml:5:1)\n");
	assert_diff(PHASES(ADD VERIFY DROP),
	    PHASES(ADD "{ kind = 'drop_column', column = 'a', hold = '1d' },\n"),
	    "phase[2]: removed phase \"verify\"  (p.toml:5:1)\nphase[2].hold: \"7d\" → \"1d\"  "
	    "(p.toml:5:46)\n");
	assert_diff(PHASES("{ kind = 'verify', id = 'x' },\n{ kind = 'verify', id = 'y', title = 'old' },\n"),
	    PHASES("{ kind = 'verify', id = 'y', title = 'new' },\n"),
	    "phase[1]: removed phase \"verify\"  (p.toml:4:1)\nphase[1].title: \"old\" → \"new\"  "
	    "(p.toml:4:38)\n");
}

static void
long_values_are_shown_around_the_difference(void **state)
{
	void *ctx = talloc_new(NULL);
	char *x = talloc_zero_size(ctx, 1001), *before, *after, *diff;

	(void)state;
	memset(x, 'x', 1000);
	before = talloc_asprintf(ctx, "title = '%säy%s'\n" PHASES(VERIFY), x, x);
	after = talloc_asprintf(ctx, "title = '%säz\\n%s'\n" PHASES(VERIFY), x, x);
	diff = tide_plan_diff(ctx, sample_plan(ctx, before), sample_plan(ctx, after));
	assert_true(strlen(diff) < 350);
	assert_non_null(strstr(diff, "...xxxx"));
	assert_non_null(strstr(diff, "xäyx"));
	assert_non_null(strstr(diff, "xäz\\\\nx"));
	talloc_free(ctx);
}

static void
values_over_several_lines_are_shown_on_one(void **state)
{
	(void)state;
	assert_diff(
	    PHASES(VERIFY), "title = \"a\\nb\"\n" PHASES(VERIFY), "title: added \"a\\nb\"  (p.toml:1:9)\n");
}

static void
a_thousand_phases_are_compared_in_time(void **state)
{
	void *ctx = talloc_new(NULL);
	char *before = talloc_strdup(ctx, SAMPLE_TOP), *after = talloc_strdup(ctx, SAMPLE_TOP);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char *phase = talloc_asprintf(ctx, "[[phase]]\nkind = 'verify'\ntitle = '%d'\n", i);

		before = talloc_strdup_append_buffer(before, phase);
		if (i != 500)
			after = talloc_strdup_append_buffer(after, phase);
	}
	assert_string_equal(tide_plan_diff(ctx, sample_plan(ctx, before), sample_plan(ctx, after)),
	    "phase[501]: removed phase \"verify\"  (p.toml:1503:1)\n");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_plans_do_not_differ),
		cmocka_unit_test(a_changed_value_is_shown_with_its_new_place),
		cmocka_unit_test(what_was_removed_is_shown_where_it_would_stand),
		cmocka_unit_test(plans_of_one_length_are_compared_by_position),
		cmocka_unit_test(added_and_removed_phases_do_not_shift_the_others),
		cmocka_unit_test(long_values_are_shown_around_the_difference),
		cmocka_unit_test(values_over_several_lines_are_shown_on_one),
		cmocka_unit_test(a_thousand_phases_are_compared_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
