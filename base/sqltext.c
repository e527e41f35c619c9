#include "tidemark/base/sqltext.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/names.h"

/* Wraps `text` in `quote` and doubles every byte of `doubled` inside. */
static char *
quoted(void *ctx, const char *open, const char *text, char quote, const char *doubled)
{
	size_t used = strlen(open), extra = used + 2;
	char *out;

	for (const char *s = text; *s != '\0'; s++)
		extra += strchr(doubled, *s) != NULL ? 2 : 1;
	if ((out = talloc_size(ctx, extra)) == NULL)
		return NULL;
	memcpy(out, open, used);
	for (const char *s = text; *s != '\0'; s++) {
		if (strchr(doubled, *s) != NULL)
			out[used++] = *s;
		out[used++] = *s;
	}
	out[used++] = quote;
	out[used] = '\0';
	return out;
}

char *
tide_ident(void *ctx, const char *name)
{
	return quoted(ctx, "\"", name, '"', "\"");
}

char *
tide_literal(void *ctx, const char *value)
{
	if (value == NULL)
		return talloc_strdup(ctx, "NULL");
	/* E'' means the same whatever standard_conforming_strings says. */
	if (strchr(value, '\\') != NULL)
		return quoted(ctx, "E'", value, '\'', "'\\");
	return quoted(ctx, "'", value, '\'', "'");
}

char *
tide_sql_bind(void *ctx, const char *sql, const char *const *values, size_t count)
{
	char *out = talloc_strdup(ctx, "");

	while (*sql != '\0') {
		size_t length = strcspn(sql, "$"), which;

		out = talloc_strndup_append(out, sql, length);
		sql += length;
		if (*sql == '\0')
			break;
		which = (size_t)(sql[1] - '0');
		if (which < 1 || which > 9) {
			out = talloc_strndup_append(out, sql++, 1);
			continue;
		}
		if (which > count)
			abort();
		out = talloc_strdup_append(out, tide_literal(out, values[which - 1]));
		sql += 2;
	}
	return out;
}

static const char *
text_argument(const char *value)
{
	if (value == NULL)
		abort();
	return value;
}

/*
 * Renders one conversion; `text` is what has to be appended, and dies with `room`. %lld would
 * print a number and then "ld", so it is caught with the other mistakes.
 */
static const char *
convert(void *room, const char *directive, va_list *args)
{
	switch (*directive) {
	case 'I':
		return tide_ident(room, text_argument(va_arg(*args, const char *)));
	case 'L':
		return tide_literal(room, va_arg(*args, const char *));
	case 's':
		return text_argument(va_arg(*args, const char *));
	case 'd':
		return talloc_asprintf(room, "%d", va_arg(*args, int));
	case 'l':
		if (directive[1] == 'l' || directive[1] == 'd' || directive[1] == 'u')
			abort();
		return talloc_asprintf(room, "%lld", va_arg(*args, long long));
	case '%':
		return "%";
	default:
		abort();
	}
}

char *
tide_sqlf(void *ctx, const char *fmt, ...)
{
	char *out = talloc_strdup(ctx, "");
	void *mem = talloc_new(out);
	va_list args;

	va_start(args, fmt);
	while (out != NULL && *fmt != '\0') {
		const char *percent = strchrnul(fmt, '%');
		const char *piece;

		out = talloc_strndup_append_buffer(out, fmt, (size_t)(percent - fmt));
		if (out == NULL || *percent == '\0')
			break;
		if ((piece = convert(mem, percent + 1, &args)) == NULL) {
			out = NULL;
			break;
		}
		out = talloc_strdup_append_buffer(out, piece);
		fmt = percent + 2;
	}
	va_end(args);
	talloc_free(mem);
	return out;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
continues_name(char c)
{
	return starts_name(c) || (c >= '0' && c <= '9') || c == '$';
}

/* Only ASCII folds, as in the server with any multibyte encoding. */
static const char *
read_plain(const char *s, char *out, size_t *length)
{
	if (!starts_name(*s))
		return NULL;
	for (; continues_name(*s); s++) {
		if (*length == TIDE_NAME_MAX)
			return NULL;
		out[(*length)++] = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
	}
	return s;
}

static const char *
read_quoted(const char *s, char *out, size_t *length)
{
	while (*++s != '\0') {
		if (*s == '"' && *++s != '"')
			return *length > 0 ? s : NULL;
		if (*length == TIDE_NAME_MAX)
			return NULL;
		out[(*length)++] = *s;
	}
	return NULL;
}

static const char *
read_part(const char *s, char out[TIDE_NAME_MAX + 1])
{
	size_t length = 0;

	while (is_blank(*s))
		s++;
	s = *s == '"' ? read_quoted(s, out, &length) : read_plain(s, out, &length);
	if (s == NULL)
		return NULL;
	out[length] = '\0';
	while (is_blank(*s))
		s++;
	return s;
}

int
tide_name_parse(void *ctx, const char *text, char *parts[2])
{
	char name[2][TIDE_NAME_MAX + 1];
	char *copies[2] = { NULL, NULL };
	int count = 0;

	do {
		if (count == 2 || (text = read_part(text, name[count])) == NULL)
			return 0;
		count++;
	} while (*text++ == '.');
	if (text[-1] != '\0')
		return 0;
	for (int i = 0; i < count; i++)
		if ((copies[i] = talloc_strdup(ctx, name[i])) == NULL) {
			talloc_free(copies[0]);
			return 0;
		}
	memcpy(parts, copies, sizeof(copies));
	return count;
}

char *
tide_relation_text(void *ctx, const char *schema, const char *name)
{
	return schema != NULL ? tide_sqlf(ctx, "%I.%I", schema, name) : tide_ident(ctx, name);
}
