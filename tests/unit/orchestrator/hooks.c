#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/orchestrator/event_json.h"
#include "tidemark/orchestrator/hooks.h"

static void
an_event_has_all_keys_and_seconds(void **state)
{
	const struct tide_event event = { .name = "step.done",
		.plan = "p",
		.run = 7,
		.phase = "caf\xe9",
		.message = "say \"when\"",
		.duration = 1500000,
		.lock_wait = -1,
		.warning = true };
	json_t *json = tide_event_json(&event);
	const char *at = json_string_value(json_object_get(json, "at"));

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "event")), "step.done");
	assert_int_equal(strlen(at), strlen("2026-01-01T00:00:00.000Z"));
	assert_int_equal(at[23], 'Z');
	assert_string_equal(json_string_value(json_object_get(json, "plan")), "p");
	assert_int_equal(json_integer_value(json_object_get(json, "run")), 7);
	assert_string_equal(json_string_value(json_object_get(json, "phase")), "caf?");
	assert_true(json_is_null(json_object_get(json, "step")));
	assert_string_equal(json_string_value(json_object_get(json, "message")), "say \"when\"");
	assert_true(json_real_value(json_object_get(json, "seconds")) == 1.5);
	assert_true(json_is_null(json_object_get(json, "lock_wait_seconds")));
	assert_true(json_is_true(json_object_get(json, "warning")));
	assert_int_equal(json_object_size(json), 10);
	json_decref(json);
}

static void
without_a_run_there_is_no_number(void **state)
{
	json_t *json =
	    tide_event_json(&(struct tide_event){ .name = "ensure.off", .duration = -1, .lock_wait = -1 });

	(void)state;
	assert_true(json_is_null(json_object_get(json, "plan")));
	assert_true(json_is_null(json_object_get(json, "run")));
	json_decref(json);
}

static void
the_page_has_each_event_for_which_a_hook_is_called(void **state)
{
	FILE *file = fopen(TIDEMARK_SOURCE_DIR "/docs/hooks.md", "r");
	char *page = NULL, name[64];
	size_t size = 0;

	(void)state;
	assert_non_null(file);
	assert_true(getdelim(&page, &size, '\0', file) > 0);
	(void)fclose(file);
	for (const char *const *event = tide_hooks_events(); *event != NULL; event++) {
		(void)snprintf(name, sizeof(name), "`%s`", *event);
		if (strstr(page, name) == NULL)
			fail_msg("docs/hooks.md does not have %s", name);
	}
	free(page);
}

static void
only_events_of_the_list_call_the_program(void **state)
{
	void *mem = talloc_new(NULL);
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	const struct tide_plan plan = { .name = "p", .table = "t" };
	const struct tide_observer none = { 0 };
	struct tide_err err = { 0 };
	char folder[] = "/tmp/tidemark-hooks-XXXXXX", seen[128], *hook;
	struct tide_observer observer;
	struct tide_hooks *hooks;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	hook = talloc_asprintf(mem, "%s/hook", folder);
	file = fopen(hook, "w");
	(void)fprintf(
	    file, "#!/bin/sh\ntest \"$1\" = \"$TIDEMARK_EVENT\" && echo \"$1\" >> %s/seen\n", folder);
	(void)fclose(file);
	assert_null(tide_hooks_new(mem, loop, hook, 1000000, &plan, &none, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	assert_int_equal(system(talloc_asprintf(mem, "chmod +x %s", hook)), 0);
	hooks = tide_hooks_new(mem, loop, hook, 10000000, &plan, &none, &err);
	assert_non_null(hooks);
	observer = tide_hooks_observer(hooks);
	for (const char *const *name =
		 (const char *const[]){ "run.start", "step.done", "hook.failed", "run.complete", NULL };
	     *name != NULL; name++)
		observer.event(
		    observer.ctx, &(struct tide_event){ .name = *name, .duration = -1, .lock_wait = -1 });
	tide_hooks_finish(hooks);
	file = fopen(talloc_asprintf(mem, "%s/seen", folder), "r");
	assert_non_null(file);
	seen[fread(seen, 1, sizeof(seen) - 1, file)] = '\0';
	(void)fclose(file);
	assert_string_equal(seen, "run.start\nrun.complete\n");
	assert_int_equal(system(talloc_asprintf(mem, "rm -r %s", folder)), 0);
	talloc_free(mem);
	ev_loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_all_keys_and_seconds),
		cmocka_unit_test(without_a_run_there_is_no_number),
		cmocka_unit_test(the_page_has_each_event_for_which_a_hook_is_called),
		cmocka_unit_test(only_events_of_the_list_call_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
