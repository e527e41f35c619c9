#ifndef TIDE_TEXT_H
#define TIDE_TEXT_H

#include <stddef.h>

#include "tidemark/base/err.h"

/** Text that grows by doubling. `data` is always terminated and belongs to the context given to init. */
struct tide_text {
	char *data;
	size_t length, capacity;
};

void tide_text_init(struct tide_text *text, void *ctx);
void tide_text_add(struct tide_text *text, const char *bytes, size_t length);
void tide_text_puts(struct tide_text *text, const char *string);
void tide_text_printf(struct tide_text *text, const char *fmt, ...) TIDE_PRINTF(2, 3);

/** `string` between double quotes with the escapes that TOML and JSON have in common. */
void tide_text_quoted(struct tide_text *text, const char *string);

#endif
