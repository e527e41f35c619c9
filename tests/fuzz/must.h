#ifndef TIDE_FUZZ_MUST_H
#define TIDE_FUZZ_MUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What each target defines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program where something does not hold, with the text that shows it. */
static inline void
must(bool what, const char *why, const char *text)
{
	if (what)
		return;
	fprintf(stderr, "\n%s: <%s>\n", why, text);
	abort();
}

#endif
