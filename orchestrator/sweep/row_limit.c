#include "row_limit.h"

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool
tide_row_limit_aim(struct tide_sweep *sweep, struct tide_segment *s, int64_t narrow, struct tide_span *out)
{
	const struct tide_order *order = s->relation->order;
	int64_t left = sweep->spec->limit - tide_sweep_worked(sweep) - sweep->reserved, units;

	if (sweep->spec->limit == 0) {
		order->aim(sweep, s, narrow, out);
		out->rows = 0;
		return true;
	}
	if (left <= 0)
		return false;
	units = left >= order->rows_each ? left / order->rows_each : 1;
	order->aim(sweep, s, narrow > 0 ? least(narrow, units) : units, out);
	out->rows = least((out->to - out->from) * order->rows_each, left);
	return true;
}
