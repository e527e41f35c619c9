#ifndef TIDE_UNITS_H
#define TIDE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Durations are microseconds in int64_t everywhere. */
#define TIDE_MS INT64_C(1000)
#define TIDE_SECOND INT64_C(1000000)

/** "200ms", "1.5s", "2h30m", "7d", "0". A bare number other than 0 is refused: units are not guessed. */
bool tide_duration_parse(const char *text, int64_t *us);
/** Shortest exact-enough form for display: "200ms", "1.5s", "2h 30m", "7d". Returns `out`. */
const char *tide_duration_format(int64_t us, char *out, size_t size);
/** "64kB", "1GB" (powers of 1024, as PostgreSQL), "0", plain bytes as "512B". */
bool tide_size_parse(const char *text, int64_t *bytes);
const char *tide_size_format(int64_t bytes, char *out, size_t size);
/** 1224000 → "1,224,000". */
const char *tide_count_format(int64_t n, char *out, size_t size);
/** 118234.0 → "118k". */
const char *tide_rate_format(double per_second, char *out, size_t size);

/** Monotonic clock, microseconds. */
int64_t tide_now_us(void);

#endif
