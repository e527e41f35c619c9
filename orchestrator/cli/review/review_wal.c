/* What a sweep writes into the WAL, and what that means with this server's settings. */
#include "review_wal.h"

#include <talloc.h>

#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* Of a row: of a new version in the same page only what differs is written; some move and have new entries in the indexes. */
#define ROW_BYTES 150
/* How many checkpoints max_wal_size forces while so much is written, with checkpoint_completion_target = 0.9. */
#define CHECKPOINTS 1.9
/* What is left of the images of whole pages with lz4; without it all of them. */
#define COMPRESSED 0.33

static bool
compressed(const struct tide_catalog *cat)
{
	return cat->wal_compressed || (cat->knows_lz4 && cat->may_compress_wal);
}

/* Each page of the table and its indexes once, as a whole, and each row; with a condition, the share of them. */
static int64_t
bytes_with(const struct tide_action *action, const struct tide_catalog *cat, double images)
{
	double share = cat->table.rows > action->rows ? (double)action->rows / (double)cat->table.rows : 1;
	double pages = (double)(action->bytes + cat->table.index_bytes) * share;

	return (int64_t)(pages * images) + action->rows * ROW_BYTES;
}

int64_t
tide_review_wal(const struct tide_action *action, const struct tide_catalog *cat)
{
	if (action->kind != TIDE_STEP_SWEEP || action->sweep == NULL || !action->sweep->write ||
	    action->rows <= 0 || action->bytes <= 0 || cat->max_wal == 0)
		return -1;
	return bytes_with(action, cat, compressed(cat) ? COMPRESSED : 1);
}

char *
tide_review_wal_text(void *ctx, const struct tide_action *action, const struct tide_catalog *cat)
{
	int64_t bytes = tide_review_wal(action, cat);
	int64_t checkpoints = bytes < 0 ? 0 : (int64_t)((double)bytes * CHECKPOINTS / (double)cat->max_wal);
	char size[32], most[32];

	if (bytes < 0)
		return NULL;
	tide_size_format(bytes, size, sizeof(size));
	tide_size_format(cat->max_wal, most, sizeof(most));
	if (checkpoints > 0)
		return talloc_asprintf(ctx,
		    "about %s (estimate); with max_wal_size = %s that forces about %lld checkpoint%s: a larger one, by a "
		    "reload, makes them rarer",
		    size, most, (long long)checkpoints, checkpoints > 1 ? "s" : "");
	return talloc_asprintf(ctx, "about %s (estimate); max_wal_size is %s", size, most);
}

char *
tide_review_wal_segments(void *ctx, const struct tide_action *action, const struct tide_catalog *cat)
{
	int64_t bytes = tide_review_wal(action, cat);
	char least[32];

	if (bytes < 0 || bytes <= cat->min_wal)
		return NULL;
	return talloc_asprintf(ctx,
	    "min_wal_size = %s keeps fewer segments ready than that: when they run out, the sweep slows down; a larger "
	    "one, by a reload, keeps more",
	    tide_size_format(cat->min_wal, least, sizeof(least)));
}

char *
tide_review_wal_grant(void *ctx, const struct tide_action *action, const struct tide_catalog *cat)
{
	char less[32];

	if (tide_review_wal(action, cat) < 0 || compressed(cat) || !cat->knows_lz4)
		return NULL;
	return tide_sqlf(ctx,
	    "about %s with compressed page images: GRANT SET ON PARAMETER wal_compression TO %I",
	    tide_size_format(bytes_with(action, cat, COMPRESSED), less, sizeof(less)), cat->role);
}
