#ifndef TIDE_HISTOGRAM_H
#define TIDE_HISTOGRAM_H

#include <stdint.h>

/** Log-linear histogram of microseconds, 16 sub-buckets for each power of two: at most 6.25 % error. */
#define TIDE_HISTOGRAM_BUCKETS 640

struct tide_histogram {
	uint64_t count;
	int64_t sum, max;
	uint64_t bucket[TIDE_HISTOGRAM_BUCKETS];
};

void tide_histogram_add(struct tide_histogram *h, int64_t us);
/** Upper edge of the bucket that holds the p-th part (0 < p ≤ 1); 0 when empty; never above max. */
int64_t tide_histogram_quantile(const struct tide_histogram *h, double p);
/** How many values were below `us`. Exact where a bucket begins, as at every power of two; else it may miss some of the last one. */
uint64_t tide_histogram_below(const struct tide_histogram *h, int64_t us);

#endif
