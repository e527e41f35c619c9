#include "tidemark/phases/step.h"

#include <talloc.h>

static const char *const kind_names[] = {
	[TIDE_STEP_SQL] = "sql",
	[TIDE_STEP_CONCURRENT] = "concurrent",
	[TIDE_STEP_SWEEP] = "sweep",
	[TIDE_STEP_WAIT] = "wait",
};

struct tide_step *
tide_steps_add(struct tide_steps *steps, const char *name)
{
	struct tide_step *step;

	steps->item = talloc_realloc(steps, steps->item, struct tide_step, (unsigned)(steps->count + 1));
	step = &steps->item[steps->count++];
	*step = (struct tide_step){ .name = talloc_strdup(steps, name) };
	return step;
}

struct tide_action *
tide_step_add_undo(struct tide_steps *steps, struct tide_step *step)
{
	struct tide_action *action;

	step->undo = talloc_realloc(steps, step->undo, struct tide_action, (unsigned)(step->undo_count + 1));
	action = &step->undo[step->undo_count++];
	*action = (struct tide_action){ 0 };
	return action;
}

void
tide_action_add(void *owner, struct tide_action *action, char *sql)
{
	action->act = talloc_realloc(owner, action->act, char *, (unsigned)(action->act_count + 1));
	action->act[action->act_count++] = sql;
}

enum tide_lock_mode
tide_action_strongest(const struct tide_action *action)
{
	enum tide_lock_mode lock = action->lock;

	for (size_t i = 0; i < action->also_count; i++)
		if (action->also[i].lock > lock)
			lock = action->also[i].lock;
	return lock;
}

const char *
tide_step_kind_name(enum tide_step_kind kind)
{
	return kind_names[kind];
}
