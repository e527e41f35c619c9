#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/plans/effects.h"
#include "tidemark/plans/expression.h"
#include "must.h"

#define WIDTH 60

static size_t
characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	char *text = talloc_strndup(ctx, (const char *)data, size);
	struct tide_names pieces = { 0 };
	struct tide_err err = { 0 };
	unsigned traits = tide_sql_traits(text);
	char *mask = tide_sql_mask(ctx, text, WIDTH);

	must(characters(mask) <= WIDTH, "a mask that is too wide", text);
	must(strchr(mask, '\'') == NULL || strchr(text, '"') != NULL, "a literal in a mask", mask);
	if (!tide_sql_split(ctx, text, &pieces, &err)) {
		must(err.message[0] != '\0', "an error without a reason", text);
		must((traits & TIDE_SQL_UNPARSED) != 0, "traits of what cannot be split", text);
	}
	for (size_t i = 0; i < pieces.count; i++) {
		struct tide_names again = { 0 };

		must(strstr(text, pieces.item[i]) != NULL, "a statement that was not there", pieces.item[i]);
		must(pieces.item[i][0] != '\0' && pieces.item[i][0] != ';', "an empty statement", text);
		if (tide_sql_traits(pieces.item[i]) & TIDE_SQL_UNPARSED)
			continue;
		must(tide_sql_split(ctx, pieces.item[i], &again, &err), err.message, pieces.item[i]);
		must(again.count == 1, "a statement that is several", pieces.item[i]);
		must(strcmp(again.item[0], pieces.item[i]) == 0, "a statement that changed", pieces.item[i]);
	}
	talloc_free(ctx);
	return 0;
}
