#include "measure.h"

#include "tidemark/base/units.h"

/* While anything is left, a skipped range whose rows are locked for instance. */
#define UNFINISHED_MOST 0.999
/* A rate is computed from two looks that are at least this far apart. */
#define WINDOW 0.5
/* What was more than so many seconds ago counts for less than what has been since. */
#define RECENT 3.0
/* A longer estimate is not shown: the work hardly moves. */
#define ETA_MOST (1000.0 * 86400)

double
tide_extent_share(const struct tide_extent *extent)
{
	double share = extent->total > 0 ? (double)extent->done / (double)extent->total : 0, left = 1;

	if (extent->finished)
		return 1;
	if (share > 1)
		share = 1;
	if (extent->repeats) {
		for (int pass = 1; pass < extent->pass; pass++)
			left /= 2;
		share = 1 - left + left / 2 * share;
	}
	if (share < extent->floor)
		share = extent->floor;
	return share > UNFINISHED_MOST ? UNFINISHED_MOST : share;
}

static double
mix(double before, double now, double seconds)
{
	return before == 0 ? now : before + (now - before) * seconds / (seconds + RECENT);
}

void
tide_speed_look(struct tide_speed *speed, int64_t now, double rows, double blocks, bool held)
{
	double seconds = (double)(now - speed->at) / (double)TIDE_SECOND;

	/* What began again has fewer blocks than a moment ago. */
	if (speed->at != 0 && !held && blocks >= speed->blocks && rows >= speed->rows) {
		if (seconds < WINDOW)
			return;
		speed->rows_per_second = mix(speed->rows_per_second, (rows - speed->rows) / seconds, seconds);
		speed->blocks_per_second =
		    mix(speed->blocks_per_second, (blocks - speed->blocks) / seconds, seconds);
	}
	speed->at = now;
	speed->rows = rows;
	speed->blocks = blocks;
}

int64_t
tide_speed_eta(const struct tide_speed *speed, double left, bool held)
{
	double seconds = speed->blocks_per_second > 0 ? left / speed->blocks_per_second : -1;

	return held || seconds <= 0 || seconds > ETA_MOST ? -1 : (int64_t)(seconds * (double)TIDE_SECOND);
}
