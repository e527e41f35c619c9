#include "growing_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <talloc.h>

void
tide_text_init(struct tide_text *text, void *ctx)
{
	text->capacity = 256;
	text->length = 0;
	text->data = talloc_size(ctx, text->capacity);
	text->data[0] = '\0';
}

static void
reserve(struct tide_text *text, size_t more)
{
	size_t need = text->length + more + 1;

	if (need <= text->capacity)
		return;
	while (text->capacity < need)
		text->capacity *= 2;
	text->data = talloc_realloc_size(NULL, text->data, text->capacity);
}

void
tide_text_add(struct tide_text *text, const char *bytes, size_t length)
{
	reserve(text, length);
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
tide_text_puts(struct tide_text *text, const char *string)
{
	tide_text_add(text, string, strlen(string));
}

void
tide_text_printf(struct tide_text *text, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (length < 0)
		return;
	reserve(text, (size_t)length);
	va_start(args, fmt);
	vsnprintf(text->data + text->length, (size_t)length + 1, fmt, args);
	va_end(args);
	text->length += (size_t)length;
}

void
tide_text_quoted(struct tide_text *text, const char *string)
{
	tide_text_puts(text, "\"");
	for (;;) {
		size_t plain = 0;

		while ((unsigned char)string[plain] >= 0x20 && string[plain] != 0x7f &&
		       string[plain] != '"' && string[plain] != '\\')
			plain++;
		tide_text_add(text, string, plain);
		string += plain;
		if (*string == '\0')
			break;
		if (*string == '"' || *string == '\\')
			tide_text_printf(text, "\\%c", *string);
		else if (*string == '\n')
			tide_text_puts(text, "\\n");
		else if (*string == '\t')
			tide_text_puts(text, "\\t");
		else
			tide_text_printf(text, "\\u%04X", (unsigned)(unsigned char)*string);
		string++;
	}
	tide_text_puts(text, "\"");
}
