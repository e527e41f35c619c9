#include "tidemark/base/array.h"
#include "tidemark/base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct unit {
	const char *name;
	int64_t value;
};

/* A decimal number as written: whole + part / scale. */
struct decimal {
	int64_t whole, part, scale;
};

#define MINUTE (60 * TIDE_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* Six decimals of the largest unit still fit into 64 bits. */
#define DECIMALS 6

/* Largest first: the parts of a duration must come in this order. */
static const struct unit durations[] = {
	{ "w", 7 * DAY },
	{ "d", DAY },
	{ "h", HOUR },
	{ "min", MINUTE },
	{ "m", MINUTE },
	{ "s", TIDE_SECOND },
	{ "ms", TIDE_MS },
	{ "us", 1 },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "TB", INT64_C(1) << 40 },
	{ "GB", INT64_C(1) << 30 },
	{ "MB", INT64_C(1) << 20 },
	{ "kB", INT64_C(1) << 10 },
	{ "B", 1 },
	{ NULL, 0 },
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " ");
}

/* Reads "12" or "1.5"; NULL when there is no number, or more digits than are counted. */
static const char *
read_decimal(const char *s, struct decimal *d)
{
	int decimals = 0;

	*d = (struct decimal){ .scale = 1 };
	if (!is_digit(*s))
		return NULL;
	for (; is_digit(*s); s++)
		if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
		    __builtin_add_overflow(d->whole, *s - '0', &d->whole))
			return NULL;
	if (*s != '.')
		return s;
	if (!is_digit(*++s))
		return NULL;
	for (; is_digit(*s); s++) {
		if (++decimals > DECIMALS) {
			if (*s != '0')
				return NULL;
			continue;
		}
		d->part = d->part * 10 + (*s - '0');
		d->scale *= 10;
	}
	return s;
}

/* The unit must be the whole run of letters: "mx" is not "m". */
static const char *
read_unit(const char *s, const struct unit *table, const struct unit **unit)
{
	size_t length = 0;

	while ((s[length] >= 'a' && s[length] <= 'z') || (s[length] >= 'A' && s[length] <= 'Z'))
		length++;
	for (const struct unit *u = table; u->name != NULL; u++)
		if (strlen(u->name) == length && memcmp(u->name, s, length) == 0) {
			*unit = u;
			return s + length;
		}
	return NULL;
}

static bool
add_scaled(int64_t *total, const struct decimal *d, int64_t unit, bool exact)
{
	int64_t whole;
	int64_t part = d->part * unit;

	if (exact && part % d->scale != 0)
		return false;
	part = (part + d->scale / 2) / d->scale;
	return !__builtin_mul_overflow(d->whole, unit, &whole) &&
	       !__builtin_add_overflow(*total, whole, total) && !__builtin_add_overflow(*total, part, total);
}

bool
tide_duration_parse(const char *text, int64_t *us)
{
	const struct unit *previous = NULL;
	const char *s = text;
	int64_t total = 0;

	if (strcmp(text, "0") == 0) {
		*us = 0;
		return true;
	}
	do {
		const struct unit *unit = NULL;
		struct decimal number;

		if ((s = read_decimal(s, &number)) == NULL ||
		    (s = read_unit(skip_blanks(s), durations, &unit)) == NULL)
			return false;
		if (previous != NULL && unit->value >= previous->value)
			return false;
		if (!add_scaled(&total, &number, unit->value, true))
			return false;
		if (number.scale != 1 && *s != '\0')
			return false; /* "1.5h30m": nobody can say what was meant */
		previous = unit;
		if (*s == ' ' && *(s = skip_blanks(s)) == '\0')
			return false;
	} while (*s != '\0');
	*us = total;
	return true;
}

bool
tide_size_parse(const char *text, int64_t *bytes)
{
	const struct unit *unit = NULL;
	struct decimal number;
	const char *s;
	int64_t total = 0;

	if (strcmp(text, "0") == 0) {
		*bytes = 0;
		return true;
	}
	if ((s = read_decimal(text, &number)) == NULL ||
	    (s = read_unit(skip_blanks(s), sizes, &unit)) == NULL || *s != '\0')
		return false;
	if (!add_scaled(&total, &number, unit->value, false))
		return false;
	*bytes = total;
	return true;
}

/* Three significant digits without trailing zeros: "1.5", "118", "12.3". */
static void
significant(double value, const char *unit, char *out, size_t size)
{
	char digits[64];
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	size_t length;

	snprintf(digits, sizeof(digits), "%.*f", decimals, value);
	length = strlen(digits);
	if (strchr(digits, '.') != NULL) {
		while (digits[length - 1] == '0')
			length--;
		if (digits[length - 1] == '.')
			length--;
	}
	snprintf(out, size, "%.*s%s", (int)length, digits, unit);
}

/* Rounding comes before the choice of units, or 59.96 s would print as "60s". */
static int64_t
round_for_display(int64_t us)
{
	static const struct {
		int64_t below, step;
	} steps[] = {
		{ TIDE_MS, 1 },
		{ 10 * TIDE_MS, 10 },
		{ 100 * TIDE_MS, 100 },
		{ TIDE_SECOND, TIDE_MS },
		{ 10 * TIDE_SECOND, 10 * TIDE_MS },
		{ MINUTE, 100 * TIDE_MS },
		{ HOUR, TIDE_SECOND },
		{ DAY, MINUTE },
		{ INT64_MAX, HOUR },
	};
	size_t i = 0;

	while (us >= steps[i].below && steps[i].below != INT64_MAX)
		i++;
	if (us > INT64_MAX - steps[i].step)
		us = INT64_MAX - steps[i].step;
	return (us + steps[i].step / 2) / steps[i].step * steps[i].step;
}

const char *
tide_duration_format(int64_t us, char *out, size_t size)
{
	static const struct {
		int64_t big, small;
		const char *big_name, *small_name;
	} pairs[] = {
		{ DAY, HOUR, "d", "h" },
		{ HOUR, MINUTE, "h", "m" },
		{ MINUTE, TIDE_SECOND, "m", "s" },
	};
	const char *sign = us < 0 ? "-" : "";
	int64_t value = round_for_display(us == INT64_MIN ? INT64_MAX : us < 0 ? -us : us);
	char text[64];

	for (size_t i = 0; i < TIDE_COUNT(pairs); i++) {
		int64_t rest = value % pairs[i].big / pairs[i].small;

		if (value < pairs[i].big)
			continue;
		if (rest == 0)
			snprintf(out, size, "%s%" PRId64 "%s", sign, value / pairs[i].big, pairs[i].big_name);
		else
			snprintf(out, size, "%s%" PRId64 "%s %" PRId64 "%s", sign, value / pairs[i].big,
			    pairs[i].big_name, rest, pairs[i].small_name);
		return out;
	}
	if (value >= TIDE_SECOND || value == 0)
		significant((double)value / TIDE_SECOND, "s", text, sizeof(text));
	else if (value >= TIDE_MS)
		significant((double)value / TIDE_MS, "ms", text, sizeof(text));
	else
		significant((double)value, "us", text, sizeof(text));
	snprintf(out, size, "%s%s", sign, text);
	return out;
}

/* 1023.9 kB would print as "1024kB": the next unit is taken as soon as rounding reaches it. */
const char *
tide_size_format(int64_t bytes, char *out, size_t size)
{
	const char *sign = bytes < 0 ? "-" : "";
	double value = fabs((double)bytes);
	const struct unit *u = sizes;
	char text[64];

	while (u->value > 1 && value < (double)u->value && value / ((double)u->value / 1024) < 1023.5)
		u++;
	significant(value / (double)u->value, u->name, text, sizeof(text));
	snprintf(out, size, "%s%s", sign, text);
	return out;
}

const char *
tide_count_format(int64_t n, char *out, size_t size)
{
	char digits[32], grouped[48];
	size_t count, used = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
	count = strlen(digits);
	if (n < 0)
		grouped[used++] = '-';
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			grouped[used++] = ',';
		grouped[used++] = digits[i];
	}
	grouped[used] = '\0';
	snprintf(out, size, "%s", grouped);
	return out;
}

const char *
tide_rate_format(double per_second, char *out, size_t size)
{
	static const char *const suffixes[] = { "", "k", "M", "G", "T" };
	size_t i = 0;

	if (!isfinite(per_second) || per_second < 0) {
		snprintf(out, size, "-");
		return out;
	}
	while (per_second >= 999.5 && i + 1 < TIDE_COUNT(suffixes)) {
		per_second /= 1000;
		i++;
	}
	significant(per_second, suffixes[i], out, size);
	return out;
}

int64_t
tide_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * TIDE_SECOND + now.tv_nsec / 1000;
}
