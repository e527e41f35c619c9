#include "tidemark/base/names.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include <sha2.h>
#include <talloc.h>

#include "utf8.h"

#define HASH_DIGITS 16
#define WORD_MAX 128
#define FAR 3

char *
tide_sha256(void *ctx, const void *data, unsigned long length)
{
	char digits[SHA256_DIGEST_STRING_LENGTH];

	if (SHA256Data(data, length, digits) == NULL)
		return NULL;
	return talloc_strdup(ctx, digits);
}

char *
tide_generated_name(void *ctx, const char *prefix, const char *identity, const char *suffix)
{
	char *hash = tide_sha256(ctx, identity, strlen(identity));
	/* The hash is what makes the name unique: everything else yields to it. */
	size_t head = tide_utf8_fit(prefix, TIDE_NAME_MAX - HASH_DIGITS);
	size_t room = TIDE_NAME_MAX - HASH_DIGITS - head;
	size_t tail = suffix == NULL || room < 2 ? 0 : tide_utf8_fit(suffix, room - 1);
	char *name;

	if (hash == NULL)
		return NULL;
	name = talloc_asprintf(ctx, "%.*s%.*s%s%.*s", (int)head, prefix, HASH_DIGITS, hash,
	    tail > 0 ? "_" : "", (int)tail, tail > 0 ? suffix : "");
	talloc_free(hash);
	return name;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int
folded(char c)
{
	return tolower((unsigned char)c);
}

/* Edit distance in which swapping two neighbours is one edit, as fingers do it; case is free. */
static unsigned
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned cost = folded(a[i - 1]) != folded(b[j - 1]);

			row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

const char *
tide_nearest(const char *word, const char *const *candidates, unsigned long count)
{
	size_t length = strlen(word);
	const char *best = NULL;
	unsigned least_edits = FAR + 1;

	if (length > WORD_MAX)
		return NULL;
	for (unsigned long i = 0; i < count; i++) {
		size_t other = candidates[i] == NULL ? WORD_MAX + 1 : strlen(candidates[i]);
		unsigned edits;

		if (other > WORD_MAX)
			continue;
		edits = distance(word, length, candidates[i], other);
		if (edits < least_edits && (size_t)edits * 2 < length) {
			least_edits = edits;
			best = candidates[i];
		}
	}
	return best;
}
