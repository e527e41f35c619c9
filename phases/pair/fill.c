#include "fill.h"

#include <talloc.h>

#include "build/build.h"
#include "mirror.h"
#include "tidemark/base/sqltext.h"

struct tide_filled
tide_dual_filled(void *ctx, const struct tide_dual *dual)
{
	struct tide_filled out = { .count = dual->new.count };

	out.attnums = talloc_array(ctx, int, (unsigned)out.count);
	for (size_t i = 0; i < out.count; i++)
		out.attnums[i] = dual->new.item[i].column->attnum;
	return out;
}

struct tide_sweep_spec *
tide_dual_fill(struct tide_steps *steps, const struct tide_dual *dual, struct tide_action *action,
    char *title, const char *other_triggers)
{
	struct tide_filled filled = tide_dual_filled(steps, dual);
	struct tide_sweep_spec *sweep = tide_action_sweep(steps, dual->cat, action, title);
	const struct tide_triggers *mirror = tide_mirror_triggers(steps, dual);

	action->lock = TIDE_ROW_EXCLUSIVE;
	action->touch = TIDE_TOUCH_BATCHES;
	sweep->write = true;
	sweep->what = tide_dual_what(steps, dual);
	for (size_t i = 0; i < dual->new.count; i++) {
		sweep->set = tide_append(steps, sweep->set, ", ",
		    tide_sqlf(steps, "%I = %s", dual->new.item[i].name, dual->new.item[i].safe.row));
		sweep->columns = tide_append(steps, sweep->columns, "\n", dual->new.item[i].name);
	}
	sweep->residual = tide_dual_differs_row(steps, dual);
	sweep->trigger = mirror->trigger[0].name;
	sweep->function = mirror->trigger[0].function;
	tide_triggers_and_rules_apply(steps, dual->cat, &filled, other_triggers, sweep);
	return sweep;
}
