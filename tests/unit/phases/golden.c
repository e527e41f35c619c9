/*
 * Compiled plans against tests/golden/<kind>/<case>.golden, which read as SQL. Beside each stand the plan
 * (.toml), the table it is about (.sql) and the catalog that was read of it (.catalog.json). With TIDEMARK_UPDATE_GOLDEN=1 the files are
 * written instead of compared.
 */
#include <glob.h>
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
#include "../../harness/steps_text.h"
#include "tidemark/phases/phase.h"

#define CASES TIDEMARK_SOURCE_DIR "/tests/golden/*/*.toml"

struct golden {
	char *path; /* without its ending */
	char *kind; /* the folder's name: phases of this kind are shown */
	struct tide_plan *plan;
	struct tide_steps **steps;
	struct tide_findings *findings;
};

static char *
read_text(void *ctx, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text, buffer[4096];
	size_t got;

	if (file == NULL)
		return NULL;
	text = talloc_strdup(ctx, "");
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		text = talloc_strndup_append_buffer(text, buffer, got);
	fclose(file);
	return text;
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
compile_case(void *ctx, const char *toml, struct golden *out)
{
	struct tide_err err = { 0 };
	struct tide_catalog *cat;
	char *slash;

	*out = (struct golden){ .path = talloc_strndup(ctx, toml, strlen(toml) - strlen(".toml")) };
	out->kind = talloc_strdup(ctx, out->path);
	slash = strrchr(out->kind, '/');
	*slash = '\0';
	out->kind = strrchr(out->kind, '/') + 1;
	if (!tide_plan_load(ctx, toml, tide_phase_kinds(), tide_phase_count, &out->plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	cat = catalog_fixture(ctx, talloc_asprintf(ctx, "%s.catalog.json", out->path));
	out->steps = talloc_zero_array(ctx, struct tide_steps *, (unsigned)out->plan->count);
	out->findings = talloc_zero(ctx, struct tide_findings);
	if (!tide_phase_compile_all(ctx, out->plan, cat, out->steps, out->findings, &err))
		fail_msg("%s: %s: %s", toml, err.where, err.message);
}

static char *
render(void *ctx, const struct golden *golden)
{
	static const char *const severities[] = { "note", "warning", "error" };
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < golden->findings->count; i++) {
		const struct tide_finding *f = &golden->findings->item[i];

		out = talloc_asprintf_append_buffer(
		    out, "-- line %d, %s %s: %s\n", f->line, severities[f->severity], f->rule, f->message);
	}
	for (size_t i = 0; i < golden->plan->count; i++)
		if (strcmp(golden->plan->phase[i].kind->name, golden->kind) == 0)
			out = talloc_asprintf_append_buffer(out, "\n-- phase %zu of %zu: %s\n%s", i + 1,
			    golden->plan->count, golden->plan->phase[i].name,
			    steps_text(ctx, golden->steps[i]));
	return out;
}

/* The line in which they part, for the message. */
static int
first_difference(const char *a, const char *b)
{
	int line = 1;

	for (; *a != '\0' && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

static void
each_case(void (*one)(void *ctx, const char *toml))
{
	glob_t found;

	assert_int_equal(glob(CASES, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		void *ctx = talloc_new(NULL);

		one(ctx, found.gl_pathv[i]);
		talloc_free(ctx);
	}
	globfree(&found);
}

static void
compare_case(void *ctx, const char *toml)
{
	struct golden golden;
	char *path, *have, *want;

	compile_case(ctx, toml, &golden);
	path = talloc_asprintf(ctx, "%s.golden", golden.path);
	have = render(ctx, &golden);
	if (getenv("TIDEMARK_UPDATE_GOLDEN") != NULL) {
		write_text(path, have);
		return;
	}
	want = read_text(ctx, path);
	if (want == NULL)
		fail_msg("%s is missing; write it with TIDEMARK_UPDATE_GOLDEN=1", path);
	if (strcmp(have, want) != 0)
		fail_msg("%s differs from line %d on; if that is meant, write it again with "
			 "TIDEMARK_UPDATE_GOLDEN=1 and read the change",
		    path, first_difference(have, want));
}

static void
every_plan_compiles_to_its_golden_text(void **state)
{
	(void)state;
	each_case(compare_case);
}

static void
round_trip_case(void *ctx, const char *toml)
{
	struct golden golden;

	compile_case(ctx, toml, &golden);
	for (size_t i = 0; i < golden.plan->count; i++) {
		json_t *before = tide_steps_to_json(golden.steps[i]), *parsed, *after;
		char *text = json_dumps(before, JSON_SORT_KEYS);
		struct tide_steps *back;
		struct tide_err err = { 0 };

		parsed = json_loads(text, 0, NULL);
		if (!tide_steps_from_json(ctx, parsed, &back, &err))
			fail_msg("%s: %s", toml, err.message);
		after = tide_steps_to_json(back);
		assert_true(json_equal(before, after));
		assert_string_equal(steps_text(ctx, golden.steps[i]), steps_text(ctx, back));
		json_decref(before);
		json_decref(parsed);
		json_decref(after);
		free(text);
	}
}

static void
every_compiled_step_survives_the_journal(void **state)
{
	(void)state;
	each_case(round_trip_case);
}

static void
check_action(const char *toml, const struct tide_step *step, const struct tide_action *action)
{
	bool sweeps = action->kind == TIDE_STEP_SWEEP, waits = action->kind == TIDE_STEP_WAIT;

	if (action->title == NULL || action->title[0] == '\0')
		fail_msg("%s: step %s has no title", toml, step->name);
	if ((action->lock == TIDE_LOCK_NONE) != (action->lock_table == NULL))
		fail_msg("%s: step %s: lock and table do not go together", toml, step->name);
	if (sweeps != (action->sweep != NULL) || (sweeps && action->act_count > 0))
		fail_msg("%s: step %s: a sweep has a sweep and no statements", toml, step->name);
	/* The journal knows whether a sweep is done, but for one that has to be made again. */
	if (sweeps && (action->probe != NULL) != ((action->flags & TIDE_UNTIL_CHANGED) != 0))
		fail_msg("%s: step %s: a sweep has a probe, or has none without need", toml, step->name);
	if (action->kind == TIDE_STEP_CONCURRENT &&
	    (action->act_count != 1 || (action->probe == NULL && (action->flags & TIDE_YIELDS) == 0)))
		fail_msg("%s: step %s: a concurrent step is one statement and a probe", toml, step->name);
	if (waits && action->wait_us <= 0)
		fail_msg("%s: step %s waits for nothing", toml, step->name);
	if ((action->loss == TIDE_LOSES_NOTHING) != (action->loss_note == NULL))
		fail_msg("%s: step %s: a loss and its note go together", toml, step->name);
	for (size_t i = 0; i < action->act_count; i++) {
		size_t length = strlen(action->act[i]);

		if (length == 0 || action->act[i][length - 1] == ';')
			fail_msg("%s: step %s: statement %zu is empty or ends with a semicolon", toml,
			    step->name, i);
	}
}

static void
shape_case(void *ctx, const char *toml)
{
	struct golden golden;

	compile_case(ctx, toml, &golden);
	for (size_t i = 0; i < golden.plan->count; i++) {
		const struct tide_steps *steps = golden.steps[i];

		for (size_t s = 0; s < steps->count; s++) {
			const struct tide_step *step = &steps->item[s];

			for (size_t k = 0; k < s; k++)
				assert_string_not_equal(steps->item[k].name, step->name);
			check_action(toml, step, &step->forward);
			for (size_t u = 0; u < step->undo_count; u++)
				check_action(toml, step, &step->undo[u]);
			assert_int_equal(step->irreversible, step->forward.loss == TIDE_IRREVERSIBLE);
		}
		assert_true(steps->count == 0 || steps->item[steps->count - 1].releases != NULL);
	}
}

static void
every_step_has_what_the_executor_needs(void **state)
{
	(void)state;
	each_case(shape_case);
}

/* Every name of ours that stands between quotes, as an identifier or as a literal of a probe. */
static void
names_case(void *ctx, const char *toml)
{
	struct golden golden;
	char *text;

	compile_case(ctx, toml, &golden);
	text = render(ctx, &golden);
	for (const char *at = strstr(text, "tidemark_"); at != NULL; at = strstr(at + 1, "tidemark_")) {
		const char *begin = at, *end;

		while (begin > text && begin[-1] == '~')
			begin--;
		if (begin == text || (begin[-1] != '"' && begin[-1] != '\''))
			continue;
		end = strchr(begin, begin[-1]);
		if (end == NULL || end - begin > 63)
			fail_msg("%s: a name is too long: %.80s", toml, begin);
	}
}

static void
no_generated_name_is_longer_than_63_bytes(void **state)
{
	(void)state;
	each_case(names_case);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_plan_compiles_to_its_golden_text),
		cmocka_unit_test(every_compiled_step_survives_the_journal),
		cmocka_unit_test(every_step_has_what_the_executor_needs),
		cmocka_unit_test(no_generated_name_is_longer_than_63_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
