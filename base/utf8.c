#include "utf8.h"

#include <stdbool.h>
#include <string.h>

#include "tidemark/base/array.h"

/* Table 3-7 of the Unicode standard: which bytes may follow, by the first one. */
struct lead {
	unsigned char first, last; /* range of the first byte */
	unsigned char low, high;   /* range of the second */
	unsigned char length;
};

static const struct lead leads[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t
tide_utf8_sequence(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] == '\0')
		return 0;
	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < TIDE_COUNT(leads); i++) {
		const struct lead *l = &leads[i];

		if (s[0] < l->first || s[0] > l->last)
			continue;
		if (s[1] < l->low || s[1] > l->high)
			return 0;
		for (size_t k = 2; k < l->length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return l->length;
	}
	return 0;
}

size_t
tide_utf8_fit(const char *text, size_t most)
{
	size_t length = strnlen(text, most + 1);

	if (length <= most)
		return length;
	/* A continuation byte at the cut means that its character began before it. */
	length = most;
	for (int back = 0; back < 3 && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; back++)
		length--;
	return length;
}
