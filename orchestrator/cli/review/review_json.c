#include <talloc.h>

#include "cli/output/json.h"
#include "review.h"
#include "review_wal.h"

static json_t *
other_json(const struct tide_sweep_spec *sweep)
{
	json_t *list = json_array();

	for (size_t i = 0; sweep != NULL && i < sweep->other_count; i++) {
		const struct tide_other_trigger *other = &sweep->other[i];

		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "name", tide_json_text(other->name),
			      "table", tide_json_text(other->table), "timing", tide_json_text(other->timing),
			      "condition", tide_json_text(other->condition), "function",
			      tide_json_text(other->function), "fires", other->fires));
	}
	return list;
}

static json_t *
also_json(const struct tide_action *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->also_count; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:s}", "relation", tide_json_text(a->also[i].relation), "lock",
			      tide_lock_name(a->also[i].lock)));
	return list;
}

static json_t *
action_json(void *mem, const struct tide_action *a, const struct tide_review_input *input)
{
	static const char *const touches[] = { "nothing", "read", "batches", "build", "sample", "vacuum",
		"rewrite", "rows", "unknown" };
	static const char *const losses[] = { "nothing", "unknown", "lossy", "irreversible" };
	int64_t wal = tide_review_wal(a, input->cat);
	json_t *sql = json_array();

	for (size_t i = 0; i < a->act_count; i++)
		json_array_append_new(sql, tide_json_text(a->act[i]));
	if (a->kind == TIDE_STEP_SWEEP && a->sweep != NULL)
		json_array_append_new(sql, tide_json_text(tide_review_act(mem, a, input)));
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:b, s:s, s:o, s:I, s:o, s:o, s:s, s:o, s:o}",
	    "kind", tide_step_kind_name(a->kind), "title", tide_json_text(a->title), "sql", sql, "lock",
	    a->lock == TIDE_LOCK_NONE ? "none" : tide_lock_name(a->lock), "lock_table",
	    tide_json_text(a->lock_table), "also_locks", also_json(a), "locks_unknown",
	    (a->flags & TIDE_LOCKS_UNKNOWN) != 0, "touches", touches[a->touch], "rows",
	    a->rows < 0 ? json_null() : json_integer((json_int_t)a->rows), "bytes", (json_int_t)a->bytes,
	    "wal_bytes", wal < 0 ? json_null() : json_integer((json_int_t)wal), "estimate_seconds",
	    tide_json_seconds(tide_review_estimate(a, input->plan)), "loses", losses[a->loss], "loss_note",
	    tide_json_text(a->loss_note), "other_triggers", other_json(a->sweep));
}

static json_t *
steps_json(void *mem, const struct tide_steps *steps, const struct tide_review_input *input)
{
	json_t *list = json_array();

	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];
		json_t *undo = json_array();

		for (size_t j = 0; j < step->undo_count; j++)
			json_array_append_new(undo, action_json(mem, &step->undo[j], input));
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o, s:b, s:o, s:o}", "name", tide_json_text(step->name),
			      "forward", action_json(mem, &step->forward, input), "undo", undo,
			      "irreversible", step->irreversible, "releases", tide_json_text(step->releases),
			      "releases_note", tide_json_text(step->releases_note)));
	}
	return list;
}

static json_t *
phase_json(void *mem, const struct tide_review_input *input, size_t index)
{
	const struct tide_phase *phase = &input->plan->phase[index];
	const struct tide_steps *steps = input->steps[index];

	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (int)index + 1, "name",
	    tide_json_text(phase->name), "kind", tide_json_text(phase->kind->name), "title",
	    tide_json_text(phase->title), "gate", tide_json_text(tide_review_gate(mem, &phase->gate)),
	    "way_back", tide_json_text(steps != NULL ? tide_review_loss_name(tide_review_loss(steps)) : NULL),
	    "steps", steps != NULL ? steps_json(mem, steps, input) : json_null());
}

json_t *
tide_review_json(const struct tide_review_input *input)
{
	const struct tide_table *table = &input->cat->table;
	const struct tide_step *step = NULL;
	long point = tide_review_point(input, &step);
	json_t *object = tide_json_object(), *phases = json_array();
	void *mem = talloc_new(NULL);

	json_object_set_new(object, "plan", tide_json_text(input->plan->name));
	json_object_set_new(object, "title", tide_json_text(input->plan->title));
	json_object_set_new(object, "hash", tide_json_text(input->plan->hash));
	json_object_set_new(object, "table",
	    json_pack("{s:o, s:o, s:o, s:I, s:I}", "schema", tide_json_text(table->schema), "name",
		tide_json_text(table->name), "rows",
		table->rows < 0 ? json_null() : json_integer((json_int_t)table->rows), "bytes",
		(json_int_t)table->bytes, "index_bytes", (json_int_t)table->index_bytes));
	json_object_set_new(object, "server",
	    json_pack("{s:i, s:o, s:o}", "version", input->cat->server_version, "database",
		tide_json_text(input->cat->database), "role", tide_json_text(input->cat->role)));
	json_object_set_new(object, "run",
	    input->run.found ? json_string(tide_run_word(input->run.state)->word) : json_null());
	json_object_set_new(object, "findings", tide_json_findings(input->findings));
	for (size_t i = 0; i < input->plan->count; i++)
		json_array_append_new(phases, phase_json(mem, input, i));
	json_object_set_new(object, "phases", phases);
	json_object_set_new(object, "point_of_no_return",
	    point < 0
		? json_null()
		: json_pack("{s:i, s:o, s:o}", "number", (int)point + 1, "phase",
		      tide_json_text(input->plan->phase[point].name), "step", tide_json_text(step->name)));
	json_object_set_new(object, "assumptions",
	    json_pack("{s:i, s:i, s:i, s:o}", "write_rows_per_second_per_worker", TIDE_ASSUME_WRITE,
		"read_rows_per_second", TIDE_ASSUME_READ, "build_rows_per_second", TIDE_ASSUME_BUILD,
		"workers",
		input->plan->limits.workers > 0 ? json_integer((json_int_t)input->plan->limits.workers)
						: json_string("auto")));
	talloc_free(mem);
	return object;
}
