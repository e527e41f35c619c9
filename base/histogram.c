#include "tidemark/base/histogram.h"

#include <math.h>

#define SUB_BITS 4
#define SUBS (1 << SUB_BITS)

static unsigned
index_of(uint64_t value)
{
	unsigned exponent, index;

	if (value < SUBS)
		return (unsigned)value;
	exponent = 63 - (unsigned)__builtin_clzll(value);
	index = (exponent - SUB_BITS + 1) * SUBS + (unsigned)(value >> (exponent - SUB_BITS)) - SUBS;
	return index < TIDE_HISTOGRAM_BUCKETS ? index : TIDE_HISTOGRAM_BUCKETS - 1;
}

static int64_t
upper_edge(unsigned index)
{
	unsigned shift = index / SUBS - 1;

	if (index < SUBS)
		return (int64_t)index;
	if (index == TIDE_HISTOGRAM_BUCKETS - 1)
		return INT64_MAX; /* holds everything beyond as well */
	return (int64_t)((((uint64_t)index % SUBS + SUBS + 1) << shift) - 1);
}

void
tide_histogram_add(struct tide_histogram *h, int64_t us)
{
	if (us < 0)
		us = 0; /* a clock that went backwards */
	h->bucket[index_of((uint64_t)us)]++;
	h->count++;
	if (__builtin_add_overflow(h->sum, us, &h->sum))
		h->sum = INT64_MAX;
	if (us > h->max)
		h->max = us;
}

int64_t
tide_histogram_quantile(const struct tide_histogram *h, double p)
{
	double wanted = ceil(p * (double)h->count);
	uint64_t seen = 0;

	if (h->count == 0)
		return 0;
	for (unsigned i = 0; i < TIDE_HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > 0 && (double)seen >= wanted)
			return upper_edge(i) < h->max ? upper_edge(i) : h->max;
	}
	return h->max;
}

uint64_t
tide_histogram_below(const struct tide_histogram *h, int64_t us)
{
	unsigned end = us > 0 ? index_of((uint64_t)us) : 0;
	uint64_t below = 0;

	for (unsigned i = 0; i < end; i++)
		below += h->bucket[i];
	return below;
}
