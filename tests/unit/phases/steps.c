/* Step lists: built, written to JSON, read back, and refused when what was written has been changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/phases/step.h"

/* One step in which no member is zero. */
static struct tide_steps *
full(void *ctx)
{
	struct tide_steps *steps = talloc_zero(ctx, struct tide_steps);
	struct tide_step *step = tide_steps_add(steps, "first");
	struct tide_action *undo;

	step->forward = (struct tide_action){ .kind = TIDE_STEP_SWEEP,
		.title = talloc_strdup(steps, "ti\"tle\n\xc3\xa9"),
		.probe = talloc_strdup(steps, "SELECT 'todo'"),
		.repair = talloc_strdup(steps, "repair"),
		.cleanup = talloc_strdup(steps, "clean"),
		.differing = talloc_strdup(steps, "differs"),
		.lock = TIDE_SHARE_ROW_EXCLUSIVE,
		.lock_table = talloc_strdup(steps, "\"s\".\"t\""),
		.guards = talloc_strdup(steps, "a\nit's"),
		.rests_on = talloc_strdup(steps, "compare"),
		.table = talloc_strdup(steps, "\"s\".\"t\""),
		.flags = TIDE_RESTARTABLE | TIDE_PROVES,
		.touch = TIDE_TOUCH_BATCHES,
		.rows = INT64_MAX,
		.bytes = INT64_C(1) << 53,
		.wait_us = 3,
		.loss = TIDE_LOSSY,
		.loss_note = talloc_strdup(steps, "some") };
	tide_action_add(steps, &step->forward, talloc_strdup(steps, "one"));
	tide_action_add(steps, &step->forward, talloc_strdup(steps, "two"));
	step->forward.sweep = talloc_zero(steps, struct tide_sweep_spec);
	*step->forward.sweep = (struct tide_sweep_spec){ .write = true,
		.set = talloc_strdup(steps, "a = 1"),
		.columns = talloc_strdup(steps, "a"),
		.residual = talloc_strdup(steps, "true"),
		.again = talloc_strdup(steps, "g"),
		.key = talloc_strdup(steps, "k"),
		.order = talloc_strdup(steps, "keyset"),
		.trigger = talloc_strdup(steps, "t"),
		.function = talloc_strdup(steps, "f()"),
		.repeats = true,
		.max_rows_per_second = 7,
		.tuning = { 8, 9, 10, 1, TIDE_HORIZON_GO, 11 },
		.replication_role = talloc_strdup(steps, "replica"),
		.other = talloc_zero_array(steps, struct tide_other_trigger, 2),
		.other_count = 2,
		.what = talloc_strdup(steps, "w") };
	step->forward.sweep->other[0] = (struct tide_other_trigger){ .name = talloc_strdup(steps, "touch"),
		.table = talloc_strdup(steps, "s.p1"),
		.timing = talloc_strdup(steps, "BEFORE UPDATE FOR EACH ROW"),
		.function = talloc_strdup(steps, "s.touch"),
		.condition = talloc_strdup(steps, "(new.a > 1)"),
		.fires = true };
	step->forward.sweep->other[1].name = talloc_strdup(steps, "audit");
	step->irreversible = true;
	step->releases = talloc_strdup(steps, "both");
	undo = tide_step_add_undo(steps, step);
	undo->kind = TIDE_STEP_CONCURRENT;
	undo->title = talloc_strdup(steps, "back");
	tide_step_add_undo(steps, step)->kind = TIDE_STEP_WAIT;
	tide_steps_add(steps, "second");
	return steps;
}

static void
every_member_survives_the_way_through_json(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_steps *steps = full(ctx), *back;
	json_t *json = tide_steps_to_json(steps);
	struct tide_err err = { 0 };
	const struct tide_action *a;

	(void)state;
	assert_true(tide_steps_from_json(ctx, json, &back, &err));
	json_decref(json);
	assert_int_equal(back->count, 2);
	a = &back->item[0].forward;
	assert_int_equal(a->kind, TIDE_STEP_SWEEP);
	assert_string_equal(a->title, "ti\"tle\n\xc3\xa9");
	assert_string_equal(a->probe, "SELECT 'todo'");
	assert_string_equal(a->repair, "repair");
	assert_string_equal(a->cleanup, "clean");
	assert_string_equal(a->differing, "differs");
	assert_string_equal(a->lock_table, "\"s\".\"t\"");
	assert_string_equal(a->guards, "a\nit's");
	assert_string_equal(a->rests_on, "compare");
	assert_string_equal(a->table, "\"s\".\"t\"");
	assert_int_equal(a->lock, TIDE_SHARE_ROW_EXCLUSIVE);
	assert_int_equal(a->flags, TIDE_RESTARTABLE | TIDE_PROVES);
	assert_int_equal(a->touch, TIDE_TOUCH_BATCHES);
	assert_true(a->rows == INT64_MAX);
	assert_true(a->bytes == INT64_C(1) << 53);
	assert_int_equal(a->wait_us, 3);
	assert_int_equal(a->loss, TIDE_LOSSY);
	assert_string_equal(a->loss_note, "some");
	assert_int_equal(a->act_count, 2);
	assert_string_equal(a->act[1], "two");
	assert_true(a->sweep->write && a->sweep->repeats);
	assert_string_equal(a->sweep->set, "a = 1");
	assert_string_equal(a->sweep->columns, "a");
	assert_string_equal(a->sweep->residual, "true");
	assert_string_equal(a->sweep->again, "g");
	assert_string_equal(a->sweep->key, "k");
	assert_string_equal(a->sweep->trigger, "t");
	assert_string_equal(a->sweep->function, "f()");
	assert_string_equal(a->sweep->what, "w");
	assert_int_equal(a->sweep->max_rows_per_second, 7);
	assert_int_equal(a->sweep->tuning.stripes, 8);
	assert_int_equal(a->sweep->tuning.group_windows, 9);
	assert_int_equal(a->sweep->tuning.window_blocks, 10);
	assert_int_equal(a->sweep->tuning.accept_bloat, 1);
	assert_int_equal(a->sweep->tuning.horizon, TIDE_HORIZON_GO);
	assert_int_equal(a->sweep->tuning.horizon_wait, 11);
	assert_string_equal(a->sweep->replication_role, "replica");
	assert_int_equal(a->sweep->other_count, 2);
	assert_string_equal(a->sweep->other[0].name, "touch");
	assert_string_equal(a->sweep->other[0].table, "s.p1");
	assert_string_equal(a->sweep->other[0].timing, "BEFORE UPDATE FOR EACH ROW");
	assert_string_equal(a->sweep->other[0].function, "s.touch");
	assert_string_equal(a->sweep->other[0].condition, "(new.a > 1)");
	assert_true(a->sweep->other[0].fires);
	assert_string_equal(a->sweep->other[1].name, "audit");
	assert_null(a->sweep->other[1].table);
	assert_false(a->sweep->other[1].fires);
	assert_string_equal(a->sweep->order, "keyset");
	assert_true(back->item[0].irreversible);
	assert_string_equal(back->item[0].releases, "both");
	assert_int_equal(back->item[0].undo_count, 2);
	assert_int_equal(back->item[0].undo[0].kind, TIDE_STEP_CONCURRENT);
	assert_int_equal(back->item[0].undo[1].kind, TIDE_STEP_WAIT);
	talloc_free(ctx);
}

static void
what_is_absent_stays_absent(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_steps *steps = full(ctx), *back;
	json_t *json = tide_steps_to_json(steps);
	struct tide_err err = { 0 };

	(void)state;
	assert_true(tide_steps_from_json(ctx, json, &back, &err));
	json_decref(json);
	assert_string_equal(back->item[1].name, "second");
	assert_null(back->item[1].releases);
	assert_null(back->item[1].forward.title);
	assert_null(back->item[1].forward.sweep);
	assert_null(back->item[1].forward.act);
	assert_int_equal(back->item[1].undo_count, 0);
	assert_int_equal(back->item[1].forward.lock, TIDE_LOCK_NONE);
	talloc_free(ctx);
}

/* The full list with one member of the first step's action changed; NULL takes it away. */
static void
assert_refused(const char *member, json_t *value)
{
	void *ctx = talloc_new(NULL);
	struct tide_steps *back = NULL;
	json_t *json = tide_steps_to_json(full(ctx)),
	       *forward = json_object_get(json_array_get(json, 0), "forward");
	struct tide_err err = { 0 };

	if (value == NULL)
		json_object_del(forward, member);
	else
		json_object_set_new(forward, member, value);
	if (tide_steps_from_json(ctx, json, &back, &err))
		fail_msg("a changed '%s' is accepted", member);
	assert_null(back);
	assert_int_equal(err.code, TIDE_UNEXPECTED);
	assert_non_null(strstr(err.message, member));
	assert_true(err.hint[0] != '\0');
	json_decref(json);
	talloc_free(ctx);
}

static void
what_was_changed_by_hand_is_refused_with_its_name(void **state)
{
	(void)state;
	assert_refused("kind", NULL);
	assert_refused("kind", json_string("dance"));
	assert_refused("lock", json_integer(4));
	assert_refused("act", NULL);
	assert_refused("act", json_pack("[si]", "a", 1));
	assert_refused("rows", json_string("many"));
	assert_refused("flags", json_null());
	assert_refused("title", json_integer(1));
	assert_refused("sweep", json_string("x"));
	assert_refused("touch", json_string("all"));
	assert_refused("loss", NULL);
}

static void
a_list_that_is_none_is_refused(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_steps *back = NULL;
	struct tide_err err = { 0 };
	json_t *object = json_object(), *hole = json_pack("[{}]"),
	       *nameless = json_pack("[{s:[],s:{}}]", "undo", "forward");

	(void)state;
	assert_false(tide_steps_from_json(ctx, NULL, &back, &err));
	assert_false(tide_steps_from_json(ctx, object, &back, &err));
	assert_false(tide_steps_from_json(ctx, hole, &back, &err));
	assert_false(tide_steps_from_json(ctx, nameless, &back, &err));
	assert_null(back);
	json_decref(object);
	json_decref(hole);
	json_decref(nameless);
	talloc_free(ctx);
}

static void
locks_are_called_as_the_server_calls_them(void **state)
{
	(void)state;
	assert_string_equal(tide_lock_name(TIDE_ACCESS_EXCLUSIVE), "ACCESS EXCLUSIVE");
	assert_string_equal(tide_lock_name(TIDE_SHARE_UPDATE_EXCLUSIVE), "SHARE UPDATE EXCLUSIVE");
	assert_string_equal(tide_lock_name(TIDE_ROW_SHARE), "ROW SHARE");
	assert_string_equal(tide_step_kind_name(TIDE_STEP_CONCURRENT), "concurrent");
	assert_string_equal(tide_step_kind_name(TIDE_STEP_WAIT), "wait");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives_the_way_through_json),
		cmocka_unit_test(what_is_absent_stays_absent),
		cmocka_unit_test(what_was_changed_by_hand_is_refused_with_its_name),
		cmocka_unit_test(a_list_that_is_none_is_refused),
		cmocka_unit_test(locks_are_called_as_the_server_calls_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
