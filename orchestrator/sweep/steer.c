/* What `tidemark set` changes of a sweep that is under way. How many workers there may be is looked at by the workers themselves. */
#include "sweep.h"

#include "pilot.h"
#include "tidemark/base/units.h"

static int64_t
batch_target(const struct tide_sweep *sweep)
{
	const struct tide_executor *exe = sweep->exe;

	return tide_slower(exe->in_force.limits->batch_duration, 5 * exe->signals.round_trip);
}

/* Rows that are written: a sweep that reads has no limit of its own, and gets none. */
static int64_t
most_rows(const struct tide_sweep *sweep)
{
	const struct tide_steering *set = sweep->exe->in_force.steering;

	return sweep->spec->write && set != NULL && set->max_rows_per_second > 0
		   ? set->max_rows_per_second
		   : sweep->spec->max_rows_per_second;
}

static int64_t
horizon_wait(const struct tide_sweep *sweep)
{
	const struct tide_steering *set = sweep->exe->in_force.steering;

	return set != NULL && set->horizon_wait >= 0 ? set->horizon_wait : sweep->spec->tuning.horizon_wait;
}

void
tide_sweep_begin(struct tide_sweep *sweep)
{
	tide_allowance_begin(&sweep->allowance, most_rows(sweep),
	    tide_limits_workers(sweep->exe->in_force.limits), tide_now_us());
	tide_sweep_pace(sweep, batch_target(sweep));
	sweep->horizon.limit = horizon_wait(sweep);
	sweep->steered = sweep->exe->in_force.changes;
}

void
tide_sweep_steer(struct tide_sweep *sweep)
{
	if (sweep->steered == sweep->exe->in_force.changes)
		return;
	sweep->steered = sweep->exe->in_force.changes;
	tide_allowance_change(&sweep->allowance, most_rows(sweep),
	    tide_limits_workers(sweep->exe->in_force.limits), tide_now_us());
	tide_pace_aim(&sweep->moving, batch_target(sweep));
	tide_pace_aim(&sweep->staying, batch_target(sweep));
	tide_pace_aim(&sweep->keys, batch_target(sweep));
	tide_horizon_allow(&sweep->horizon, horizon_wait(sweep));
	tide_pilot_follow(sweep->pilot, sweep->exe->in_force.limits);
}
