#include "tidemark/base/array.h"
#include "tidemark/base/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#define MASK "***"

/* A key that ends so names a secret: password, sslpassword, PGPASSWORD. */
static const char *const secrets[] = { "password", "passwd", "passphrase", "pwd", "secret" };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static const char *
skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* After the closing quote; an unclosed value reaches to the end of the text. */
static const char *
quoted_end(const char *s)
{
	char quote = *s++;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == quote && s[1] == quote)
			s++;
		else if (*s == quote)
			return s + 1;
	}
	return s;
}

/* In a URL the next parameter ends a value; elsewhere "&" may belong to the password. */
static const char *
bare_end(const char *s, bool in_url)
{
	for (; *s != '\0' && !is_blank(*s); s++) {
		if (in_url && *s == '&')
			break;
		if (*s == '\\' && s[1] != '\0')
			s++;
	}
	return s;
}

/* Whether a secret key ends just before `s`; then its value is [*from, *to). */
static bool
find_value(const char *s, bool in_url, const char **from, const char **to)
{
	const char *value = s;
	bool separated;

	if (*value == '"' || *value == '\'')
		value++; /* the key itself was quoted */
	value = skip_blanks(value);
	separated = *value == '=' || *value == ':';
	if (separated) {
		value++;
		if (*value == '>')
			value++;
		value = skip_blanks(value);
	} else if (*value != '\'' || value == s) {
		return false; /* SQL says PASSWORD 'x'; anything else is prose */
	}
	if (*value == '\0')
		return false;
	*from = value;
	*to = *value == '\'' || *value == '"' ? quoted_end(value) : bare_end(value, in_url);
	return *to > *from;
}

static size_t
secret_key(const char *s)
{
	for (size_t i = 0; i < TIDE_COUNT(secrets); i++)
		if (strncasecmp(s, secrets[i], strlen(secrets[i])) == 0)
			return strlen(secrets[i]);
	return 0;
}

static const char *
last_at(const char *s, const char *end)
{
	while (end > s)
		if (*--end == '@')
			return end;
	return NULL;
}

/*
 * The password in the authority that starts at `s`, after "://". It may hold raw "/", "@" or even blanks, so
 * the mask reaches to the last "@": too much is harmless, too little is a leak.
 */
static bool
find_userinfo(const char *s, const char **from, const char **to)
{
	const char *authority = s, *port;

	if (*s == '[')
		s += strcspn(s, "] \n");
	s += strcspn(s, ":/?# \t\r\n");
	if (*s != ':')
		return false;
	*from = s + 1;
	*to = last_at(*from, *from + strcspn(*from, " \t\r\n"));
	if (*to != NULL)
		return true;
	/* No "@" in this word: a port, or a password with a blank in it. */
	port = *from + strspn(*from, "0123456789");
	if (last_at(authority, s) != NULL || strchr("/?#, \t\r\n\"'", *port) != NULL)
		return false;
	*to = last_at(*from, *from + strcspn(*from, "\n"));
	return *to != NULL;
}

char *
tide_redact(void *ctx, const char *text)
{
	char *out = talloc_strdup(ctx, "");
	const char *done = text;
	bool in_url = false;

	for (const char *s = text; *s != '\0' && out != NULL;) {
		const char *from = NULL, *to = NULL;
		size_t key = secret_key(s);
		bool scheme = strncmp(s, "://", 3) == 0;

		if (is_blank(*s))
			in_url = false;
		if (scheme)
			in_url = true;
		if (!(key > 0 && find_value(s + key, in_url, &from, &to)) &&
		    !(scheme && find_userinfo(s + 3, &from, &to))) {
			s++;
			continue;
		}
		out = talloc_strndup_append_buffer(out, done, (size_t)(from - done));
		if (out != NULL)
			out = talloc_strdup_append_buffer(out, MASK);
		done = s = to;
	}
	return out == NULL ? NULL : talloc_strdup_append_buffer(out, done);
}
