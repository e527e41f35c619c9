#ifndef TIDE_TEST_REPEATED_H
#define TIDE_TEST_REPEATED_H

#include <string.h>
#include <talloc.h>

/* `head`, and `piece` so many times after it. */
static inline char *
repeated(void *ctx, const char *head, const char *piece, size_t times)
{
	size_t start = strlen(head), length = strlen(piece);
	char *text = talloc_size(ctx, start + times * length + 1);

	memcpy(text, head, start);
	for (size_t i = 0; i < times; i++)
		memcpy(text + start + i * length, piece, length);
	text[start + times * length] = '\0';
	return text;
}

#endif
