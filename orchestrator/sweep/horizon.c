#include "horizon.h"

#include <string.h>

/* Fewer rows of a batch say nothing. */
#define FEWEST_ROWS 20
/* Below this share the pages are not pruned. Rows that grow to twice their size alone do not reach it. */
#define COLLAPSED 0.5
/* So little is not worth a wait that nobody has asked for. */
#define LEAST_BYTES (INT64_C(16) << 20)

void
tide_horizon_begin(struct tide_horizon *h)
{
	memset(h, 0, sizeof(*h));
	h->stayed = -1;
}

void
tide_horizon_allow(struct tide_horizon *h, int64_t limit)
{
	if (limit > h->limit && limit > h->waited && !h->proceed)
		h->given_up = false;
	h->limit = limit;
}

void
tide_horizon_learn(struct tide_horizon *h, int64_t changed, int64_t stayed)
{
	double share;

	if (changed < FEWEST_ROWS)
		return;
	share = (double)stayed / (double)changed;
	h->stayed = h->stayed < 0 ? share : h->stayed * 0.7 + share * 0.3;
}

static enum tide_horizon_turn
release(struct tide_horizon *h, int64_t now)
{
	if (h->since == 0)
		return TIDE_HORIZON_SAME;
	h->waited += now - h->since;
	h->since = 0;
	/* What was measured was about the holder. */
	h->stayed = -1;
	return TIDE_HORIZON_RELEASE;
}

enum tide_horizon_turn
tide_horizon_look(struct tide_horizon *h, int64_t now, int64_t age, int64_t patience, int64_t bytes)
{
	if (age < patience)
		return release(h, now);
	if (h->given_up || (h->since == 0 && (h->stayed < 0 || h->stayed >= COLLAPSED)))
		return TIDE_HORIZON_SAME;
	if (h->proceed || h->waited + (h->since != 0 ? now - h->since : 0) >= h->limit) {
		h->since = 0;
		h->given_up = true;
		return TIDE_HORIZON_PROCEED;
	}
	if (h->since != 0 || (bytes < LEAST_BYTES && !h->asked))
		return TIDE_HORIZON_SAME;
	h->since = now;
	return TIDE_HORIZON_HOLD;
}
