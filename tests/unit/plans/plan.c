#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tidemark/base/units.h"

static bool
load(void *ctx, const char *path, struct tide_plan **out, struct tide_err *err)
{
	const struct tide_kind *kinds[SAMPLE_KINDS];

	for (size_t i = 0; i < SAMPLE_KINDS; i++)
		kinds[i] = &sample_kinds[i];
	return tide_plan_load(ctx, path, kinds, SAMPLE_KINDS, out, err);
}

static void
the_example_plan_is_read(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };
	static const char *const names[] = { "add_column", "dual_write", "backfill", "verify", "switch",
		"drop_column" };

	(void)state;
	if (!load(ctx, TIDEMARK_SOURCE_DIR "/plan.example.toml", &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	assert_string_equal(plan->name, "accounts-abalance-to-balance");
	assert_string_equal(plan->table, "public.pgbench_accounts");
	assert_string_equal(plan->schema, "public");
	assert_string_equal(plan->relation, "pgbench_accounts");
	assert_null(plan->reason);
	assert_int_equal(plan->count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(plan->phase[i].name, names[i]);
	assert_int_equal(plan->phase[0].line, 13);
	assert_true(plan->phase[4].gate.manual);
	assert_true(plan->phase[5].gate.manual);
	assert_true(plan->phase[5].gate.after == 24 * 3600 * TIDE_SECOND);
	assert_true(((struct loose *)plan->phase[5].spec)->hold == 7 * 24 * 3600 * TIDE_SECOND);
	assert_true(plan->limits.replica_lag == 5 * TIDE_SECOND);
	assert_int_equal(strlen(plan->hash), 64);
	assert_int_equal(strlen(plan->text), strlen(strstr(plan->text, "# Rename")));
	talloc_free(ctx);
}

static void
a_plan_may_say_nothing_but_the_necessary(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = sample_plan(ctx, SAMPLE_TOP "[[phase]]\nkind = \"verify\"\n");

	(void)state;
	assert_null(plan->schema);
	assert_string_equal(plan->relation, "t");
	assert_true(plan->limits.lock_timeout == 200 * TIDE_MS);
	assert_int_equal(plan->limits.lock_attempts, 100);
	assert_int_equal(plan->limits.lock_queue, 50);
	assert_true(plan->limits.batch_duration == 15 * TIDE_MS);
	assert_int_equal(plan->limits.workers, 0);
	assert_int_equal(tide_limits_workers(&plan->limits), TIDE_WORKERS_AUTO);
	assert_int_equal(tide_limits_impact(&plan->limits), TIDE_IMPACT_BALANCED);
	assert_true(plan->limits.replica_lag == 10 * TIDE_SECOND);
	assert_int_equal(plan->limits.replica_lag_bytes, 0);
	assert_int_equal(plan->limits.slot_wal, 0);
	assert_int_equal(plan->limits.lock_waiters, 20);
	assert_null(plan->limits.throttle_sql);
	assert_null(plan->limits.throttle_file);
	assert_true(plan->limits.lease == 15 * TIDE_SECOND);
	assert_int_equal(plan->limits.replicas.count, 0);
	talloc_free(ctx);
}

static void
everything_that_a_plan_may_say_is_read(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = sample_plan(ctx,
	    "name = 'a.b_c-9'\ntitle = 'T'\nreason = 'R'\nowner = 'O'\nticket = 'K'\nrequires = ['other', "
	    "'more']\n"
	    "table = '\"User Table\".\"select\"'\n[limits]\nthrottle_sql = 'SELECT false'\nthrottle_file = "
	    "'/tmp/x'\n"
	    "replicas = 'standby-1'\nslot_wal = '10GB'\n[[phase]]\nkind = 'switch'\nid = 'flip'\ntitle = "
	    "'Now'\n"
	    "gate = { sql = 'SELECT true;', window = 'Sat,Sun 22:00-06:00 Europe/Berlin', after = '1h' }\n");

	(void)state;
	assert_string_equal(plan->name, "a.b_c-9");
	assert_string_equal(plan->title, "T");
	assert_string_equal(plan->reason, "R");
	assert_string_equal(plan->owner, "O");
	assert_string_equal(plan->ticket, "K");
	assert_int_equal(plan->requires.count, 2);
	assert_string_equal(plan->schema, "User Table");
	assert_string_equal(plan->relation, "select");
	assert_string_equal(plan->limits.throttle_sql, "SELECT false");
	assert_string_equal(plan->limits.replicas.item[0], "standby-1");
	assert_true(plan->limits.slot_wal == INT64_C(10) << 30);
	assert_string_equal(plan->phase[0].name, "flip");
	assert_string_equal(plan->phase[0].title, "Now");
	assert_string_equal(plan->phase[0].gate.sql, "SELECT true");
	assert_string_equal(plan->phase[0].gate.window, "Sat,Sun 22:00-06:00 Europe/Berlin");
	assert_false(plan->phase[0].gate.manual);
	talloc_free(ctx);
}

static void
what_is_missing_or_wrong_at_the_top_is_refused(void **state)
{
	static const char phase[] = "[[phase]]\nkind = 'verify'\n";
	static const struct {
		const char *top, *where, *message;
	} cases[] = {
		{ "table = 't'\n", "p.toml:1:1", "\"name\" is missing" },
		{ "name = 'p'\n", "p.toml:1:1", "\"table\" is missing" },
		{ "name = ''\ntable = 't'\n", "p.toml:1:8", "\"name\" is empty" },
		{ "name = 'a b'\ntable = 't'\n", "p.toml:1:8", "\"a b\" cannot be a name here" },
		{ "name = '-a'\ntable = 't'\n", "p.toml:1:8", "cannot be a name" },
		{ "name = 'a/b'\ntable = 't'\n", "p.toml:1:8", "cannot be a name" },
		{ "name = 'ä'\ntable = 't'\n", "p.toml:1:8", "cannot be a name" },
		{ "name = 5\ntable = 't'\n", "p.toml:1:8", "\"name\" must be text" },
		{ "name = 'p'\ntable = 'a.b.c'\n", "p.toml:2:9", "\"table\" must be a SQL name" },
		{ "name = 'p'\ntabel = 't'\n", "p.toml:2:1",
		    "unknown key \"tabel\"; did you mean \"table\"?" },
		{ "name = 'p'\ntable = 't'\nlimit = 1\n", "p.toml:3:1", "did you mean \"limits\"?" },
		{ "name = 'p'\ntable = 't'\nrequires = ['q', 'p']\n", "p.toml:3:18", "requires itself" },
		{ "name = 'p'\ntable = 't'\nrequires = ['q', 'r s']\n", "p.toml:3:18", "cannot be a name" },
		{ "name = 'p'\ntable = 't'\nrequires = []\n", "p.toml:3:12", "empty array" },
		{ "name = 'p'\ntable = 't'\nname = 'q'\n", "p.toml:3:8", "redefine" },
		{ "name = 'p'\ntable = 't'\nlimits = 1\n", "p.toml:3:10",
		    "\"limits\" must be a table, not a whole number" },
		{ "name = 'p'\ntable = 't'\n[limits]\nworker = 1\n", "p.toml:4:1",
		    "did you mean \"workers\"?" },
		{ "name = 'p'\ntable = 't'\n[limits]\nworkers = 65\n", "p.toml:4:11", "between 1 and 64" },
		{ "name = 'p'\ntable = 't'\n[limits]\nlock_timeout = '2m'\n", "p.toml:4:16",
		    "between 1ms and 1m" },
		{ "name = 'p'\ntable = 't'\n[limits]\nthrottle_sql = 'DELETE FROM t'\n", "p.toml:4:16",
		    "one SELECT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = talloc_asprintf(NULL, "%s%s", cases[i].top, phase);

		sample_refused(text, cases[i].where, cases[i].message);
		talloc_free(text);
	}
}

static void
a_name_has_at_most_a_hundred_characters(void **state)
{
	char name[102];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[101] = '\0';
	assert_false(tide_plan_name_valid(name));
	name[100] = '\0';
	assert_true(tide_plan_name_valid(name));
	assert_false(tide_plan_name_valid(""));
	assert_false(tide_plan_name_valid("..\n"));
	assert_true(tide_plan_name_valid("9"));
}

static void
what_is_no_list_of_phases_is_refused(void **state)
{
	(void)state;
	sample_refused(SAMPLE_TOP, "p.toml:1:1", "the plan has no phase");
	sample_refused(SAMPLE_TOP "phase = []\n", "p.toml:3:9", "the plan has no phase");
	sample_refused(
	    SAMPLE_TOP "[phase]\nkind = 'verify'\n", "p.toml:3:1", "a list of tables, not one table");
	sample_refused(SAMPLE_TOP "phase = 'verify'\n", "p.toml:3:9", "a list of tables, not text");
	sample_refused(SAMPLE_TOP "phase = [{ kind = 'verify' }, 7]\n", "p.toml:3:31", "not a whole number");
	sample_refused(SAMPLE_TOP "[[phase]]\n", "p.toml:3:1", "\"kind\" is missing");
	sample_refused(SAMPLE_TOP "[[phase]]\nkind = 7\n", "p.toml:4:8", "\"kind\" must be text");
	sample_refused(SAMPLE_TOP "[[phase]]\nkind = 'verfy'\n", "p.toml:4:8",
	    "unknown kind \"verfy\"; did you mean \"verify\"?");
	sample_refused(
	    SAMPLE_TOP "[[phase]]\nkind = 'verify'\ncolumn = 'x'\n", "p.toml:5:1", "unknown key \"column\"");
	sample_refused(SAMPLE_TOP "[[phase]]\nkind = 'add_column'\n", "p.toml:3:1", "\"column\" is missing");
}

static void
an_inline_list_of_phases_is_as_good(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan =
	    sample_plan(ctx, SAMPLE_TOP "phase = [{ kind = 'verify' }, { kind = 'switch' }]\n");

	(void)state;
	assert_int_equal(plan->count, 2);
	assert_string_equal(plan->phase[1].kind->name, "switch");
	talloc_free(ctx);
}

static void
more_than_a_thousand_phases_are_refused(void **state)
{
	char *text = talloc_strdup(NULL, SAMPLE_TOP);

	(void)state;
	for (int i = 0; i < 1001; i++)
		text = talloc_asprintf_append_buffer(text, "[[phase]]\nkind = 'verify'\n");
	sample_refused(text, "p.toml:3:1", "1001 phases; at most 1000");
	talloc_free(text);
}

static void
repeated_kinds_are_numbered(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = sample_plan(ctx,
	    SAMPLE_TOP "[[phase]]\nkind = 'verify'\n[[phase]]\nkind = 'switch'\n[[phase]]\nkind = 'verify'\n"
		       "[[phase]]\nkind = 'verify'\nid = 'last'\n[[phase]]\nkind = 'verify'\n");

	(void)state;
	assert_string_equal(plan->phase[0].name, "verify");
	assert_string_equal(plan->phase[2].name, "verify-2");
	assert_string_equal(plan->phase[3].name, "last");
	assert_string_equal(plan->phase[4].name, "verify-4");
	assert_int_equal(tide_plan_find(plan, "verify-2"), 2);
	assert_int_equal(tide_plan_find(plan, "last"), 3);
	assert_int_equal(tide_plan_find(plan, "2"), 1);
	assert_int_equal(tide_plan_find(plan, "5"), 4);
	assert_int_equal(tide_plan_find(plan, "6"), -1);
	assert_int_equal(tide_plan_find(plan, "0"), -1);
	assert_int_equal(tide_plan_find(plan, "-1"), -1);
	assert_int_equal(tide_plan_find(plan, "1x"), -1);
	assert_int_equal(tide_plan_find(plan, ""), -1);
	assert_int_equal(tide_plan_find(plan, "99999999999999999999"), -1);
	talloc_free(ctx);
}

static void
two_phases_never_have_one_name(void **state)
{
	(void)state;
	sample_refused(SAMPLE_TOP
	    "[[phase]]\nkind = 'verify'\nid = 'x'\n[[phase]]\nkind = 'switch'\nid = 'x'\n",
	    "p.toml:8:6", "a second phase is called \"x\"");
	sample_refused(SAMPLE_TOP "[[phase]]\nkind = 'switch'\nid = 'verify'\n[[phase]]\nkind = 'verify'\n",
	    "p.toml:6:1", "a second phase is called \"verify\"");
	sample_refused(SAMPLE_TOP "[[phase]]\nkind = 'verify'\nid = '12'\n", "p.toml:5:6", "digits only");
	sample_refused(
	    SAMPLE_TOP "[[phase]]\nkind = 'verify'\nid = 'a b'\n", "p.toml:5:6", "cannot be a name");
}

static void
a_command_of_a_gate_is_read_with_its_defaults(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = sample_plan(ctx, SAMPLE_TOP
	    "[[phase]]\nkind = 'verify'\ngate = { command = ['curl', '-fsS', 'a b'] }\n"
	    "[[phase]]\nkind = 'switch'\ngate = { command = 'true', interval = '1s', timeout = '2m', "
	    "retries = 0 }\n");
	const struct tide_gate *first = &plan->phase[0].gate, *second = &plan->phase[1].gate;

	(void)state;
	assert_int_equal(first->command.count, 3);
	assert_string_equal(tide_gate_command_line(ctx, first), "curl -fsS 'a b'");
	assert_string_equal(tide_gate_text(ctx, first), "command: curl -fsS 'a b'");
	assert_true(first->interval == 10 * TIDE_SECOND);
	assert_true(first->timeout == 30 * TIDE_SECOND);
	assert_int_equal(first->retries, -1);
	assert_string_equal(tide_gate_command_line(ctx, second), "true");
	assert_true(second->interval == TIDE_SECOND);
	assert_true(second->timeout == 120 * TIDE_SECOND);
	assert_int_equal(second->retries, 0);
	assert_null(tide_gate_command_line(ctx, &(struct tide_gate){ 0 }));
	talloc_free(ctx);
}

static void
a_gate_that_cannot_be_meant_is_refused(void **state)
{
	static const struct {
		const char *gate;
		int column;
		const char *message;
	} cases[] = {
		{ "'manuel'", 8, "a gate cannot be \"manuel\"" },
		{ "{ command = 'curl -f x' }", 20, "\"command\" is no shell line" },
		{ "{ command = [] }", 20, "\"command\" is an empty array" },
		{ "{ command = ['true', 1] }", 29, "\"command\" must be text" },
		{ "{ command = 'true', timeout = '2h' }", 38, "\"timeout\" is 2h; it must be between" },
		{ "{ manual = true, retries = 3 }", 25, "\"retries\" is for a gate with a command" },
		{ "true", 8, "a gate must be \"manual\" or a table, not true or false" },
		{ "{}", 8, "not an empty one" },
		{ "['manual']", 8, "not an array" },
		{ "{ manuel = true }", 10, "unknown key \"manuel\"; did you mean \"manual\"?" },
		{ "{ manual = 'yes' }", 19, "\"manual\" must be true or false" },
		{ "{ after = '2y' }", 18, "is not a duration" },
		{ "{ after = '367d' }", 18, "between 0s and 366d" },
		{ "{ sql = 'UPDATE t SET a = 1' }", 16, "one SELECT that only reads" },
		{ "{ sql = 'SELECT 1; SELECT 2' }", 16, "one SELECT that only reads" },
		{ "{ window = 'at night' }", 19, "\"window\" is not a time window" },
		{ "{ window = '22:00-06:00' }", 19, "\"window\" is not a time window" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = talloc_asprintf(
		    NULL, SAMPLE_TOP "[[phase]]\nkind = 'verify'\ngate = %s\n", cases[i].gate);

		sample_refused(text, talloc_asprintf(text, "p.toml:5:%d", cases[i].column), cases[i].message);
		talloc_free(text);
	}
}

static void
windows_are_parsed(void **state)
{
	static const struct {
		const char *text;
		unsigned days;
		int begin, end;
		const char *zone;
	} cases[] = {
		{ "22:00-06:00 Europe/Berlin", 0x7f, 1320, 360, "Europe/Berlin" },
		{ "Mon-Fri 09:30-17:00 UTC", 0x3e, 570, 1020, "UTC" },
		{ "Sat,Sun 00:00-24:00 Etc/GMT+2", 0x41, 0, 1440, "Etc/GMT+2" },
		{ "fri-MON 01:00-02:00 UTC", 0x63, 60, 120, "UTC" },
		{ "Mon,Wed-Thu,Sat  01:00-02:00  UTC", 0x5a, 60, 120, "UTC" },
	};
	static const char *const bad[] = { "", " ", "22:00-06:00", "22:00 UTC", "2:00-3:00 UTC",
		"22:60-23:00 UTC", "25:00-26:00 UTC", "24:01-05:00 UTC", "24:00-05:00 UTC", "05:00-05:00 UTC",
		"Mon 05:00-06:00 ", "Mon,05:00-06:00 UTC", "Mon- 05:00-06:00 UTC", "Monday 05:00-06:00 UTC",
		"05:00-06:00 Not a zone", "05:00-06:00 /etc/passwd", "05:00-06:00 '; DROP", "Mon", "Mo",
		"05:00-", "05:0", "05:00-06:00UTC", "05:00–06:00 UTC",
		"05:00-06:00 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL };
	struct tide_window window;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(tide_window_parse(cases[i].text, &window));
		assert_int_equal(window.days, cases[i].days);
		assert_int_equal(window.begin, cases[i].begin);
		assert_int_equal(window.end, cases[i].end);
		assert_string_equal(window.zone, cases[i].zone);
	}
	for (size_t i = 0; bad[i] != NULL; i++)
		if (tide_window_parse(bad[i], &window))
			fail_msg("accepted: \"%s\"", bad[i]);
}

static void
a_window_over_midnight_belongs_to_the_day_it_began(void **state)
{
	struct tide_window night, day;

	(void)state;
	assert_true(tide_window_parse("Mon-Fri 22:00-06:00 UTC", &night));
	assert_true(tide_window_open(&night, 1, 22 * 60));
	assert_false(tide_window_open(&night, 1, 22 * 60 - 1));
	assert_false(tide_window_open(&night, 1, 5 * 60));
	assert_true(tide_window_open(&night, 2, 5 * 60));
	assert_true(tide_window_open(&night, 6, 6 * 60 - 1));
	assert_false(tide_window_open(&night, 6, 6 * 60));
	assert_false(tide_window_open(&night, 6, 23 * 60));
	assert_false(tide_window_open(&night, 0, 0));
	assert_true(tide_window_parse("Sun 09:00-17:00 UTC", &day));
	assert_true(tide_window_open(&day, 0, 9 * 60));
	assert_false(tide_window_open(&day, 0, 17 * 60));
	assert_false(tide_window_open(&day, 1, 10 * 60));
	assert_true(tide_window_parse("Sat 22:00-06:00 UTC", &night));
	assert_true(tide_window_open(&night, 0, 60));
	assert_true(tide_window_parse("00:00-24:00 UTC", &day));
	assert_true(tide_window_open(&day, 3, 1439));
}

static void
a_failure_points_at_the_phase_or_its_key(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan =
	    sample_plan(ctx, SAMPLE_TOP "[[phase]]\nkind = 'switch'\n[[phase]]\nkind = 'verify'\n");
	struct tide_err err = { 0 };

	(void)state;
	assert_false(tide_plan_fail(plan, &plan->phase[1], "kind", &err, "bad %s", "one"));
	assert_string_equal(err.where, "p.toml:6:8");
	assert_string_equal(err.message, "bad one");
	assert_int_equal(err.code, TIDE_PLAN);
	assert_false(tide_plan_fail(plan, &plan->phase[1], "absent", &err, "x"));
	assert_string_equal(err.where, "p.toml:5:1");
	assert_false(tide_plan_fail(plan, &plan->phase[1], NULL, &err, "x"));
	assert_string_equal(err.where, "p.toml:5:1");
	assert_false(tide_plan_fail(plan, NULL, "table", &err, "x"));
	assert_string_equal(err.where, "p.toml:2:9");
	talloc_free(ctx);
}

static void
a_file_that_cannot_be_read_says_why(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	(void)state;
	assert_false(load(ctx, "/nonexistent/plan.toml", &plan, &err));
	assert_int_equal(err.code, TIDE_PLAN);
	assert_string_equal(
	    err.message, "cannot read the plan \"/nonexistent/plan.toml\": no such file or directory");
	assert_false(load(ctx, "/", &plan, &err));
	assert_string_equal(err.message, "cannot read the plan \"/\": is a directory");
	assert_false(load(ctx, "/dev/zero", &plan, &err));
	assert_string_equal(err.message, "cannot read the plan \"/dev/zero\": not a regular file");
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

/* Nobody ever writes to it: opening it without O_NONBLOCK would wait for ever. */
static void
a_named_pipe_is_refused_at_once(void **state)
{
	char folder[] = "/tmp/tidemark-plan-XXXXXX";
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };
	char *path;

	(void)state;
	assert_non_null(mkdtemp(folder));
	path = talloc_asprintf(ctx, "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5);
	assert_false(load(ctx, path, &plan, &err));
	alarm(0);
	unlink(path);
	rmdir(folder);
	assert_int_equal(err.code, TIDE_PLAN);
	assert_non_null(strstr(err.message, ": not a regular file"));
	talloc_free(ctx);
}

static void
a_file_of_ten_megabytes_is_refused_without_reading_it(void **state)
{
	char path[] = "/tmp/tidemark-plan-XXXXXX";
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, 10 << 20), 0);
	close(file);
	assert_false(load(ctx, path, &plan, &err));
	unlink(path);
	assert_non_null(strstr(err.message, "10485760 bytes"));
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

static void
the_rows_of_limits_and_gates_explain_themselves(void **state)
{
	const struct tide_field *const tables[] = { tide_limits_fields(), tide_gate_fields() };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (const struct tide_field *field = tables[i]; field->key != NULL; field++) {
			assert_non_null(field->help);
			assert_true(strlen(field->help) > 10);
			assert_true(field->min <= field->max);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_plan_is_read),
		cmocka_unit_test(a_plan_may_say_nothing_but_the_necessary),
		cmocka_unit_test(everything_that_a_plan_may_say_is_read),
		cmocka_unit_test(what_is_missing_or_wrong_at_the_top_is_refused),
		cmocka_unit_test(a_name_has_at_most_a_hundred_characters),
		cmocka_unit_test(what_is_no_list_of_phases_is_refused),
		cmocka_unit_test(an_inline_list_of_phases_is_as_good),
		cmocka_unit_test(more_than_a_thousand_phases_are_refused),
		cmocka_unit_test(repeated_kinds_are_numbered),
		cmocka_unit_test(two_phases_never_have_one_name),
		cmocka_unit_test(a_command_of_a_gate_is_read_with_its_defaults),
		cmocka_unit_test(a_gate_that_cannot_be_meant_is_refused),
		cmocka_unit_test(windows_are_parsed),
		cmocka_unit_test(a_window_over_midnight_belongs_to_the_day_it_began),
		cmocka_unit_test(a_failure_points_at_the_phase_or_its_key),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(a_named_pipe_is_refused_at_once),
		cmocka_unit_test(a_file_of_ten_megabytes_is_refused_without_reading_it),
		cmocka_unit_test(the_rows_of_limits_and_gates_explain_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
