#include "url_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "url_drivers.h"

static const char *const schemes[] = { "postgresql", "postgres", "pgsql", "postgis", "ecto" };

/** A URL on its way through the parser. Nothing of `mem` stays. */
struct reading {
	void *mem;
	struct tide_settings_builder *builder;
	const char *origin;
	struct tide_err *err;
	char *hosts, *ports; /* by comma, as libpq wants them */
	size_t host_count;
	bool any_port;
	bool has_user;
};

bool
tide_url_is(const char *text)
{
	size_t length = strcspn(text, ":='\" ");

	return text[length] == ':';
}

static bool
bad_part(const struct reading *r, const char *part)
{
	tide_fail(r->err, TIDE_USAGE, "%s: the %s is not percent-encoded correctly", r->origin, part);
	return tide_hint(r->err, "a percent sign itself is written %%25");
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return at == NULL ? -1 : (int)(at - digits);
}

/* NULL: not percent-encoded correctly. */
static char *
decode(const struct reading *r, const char *text, size_t length)
{
	char *out = talloc_array(r->mem, char, (unsigned)(length + 1));
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			out[used++] = text[i];
			continue;
		}
		high = i + 1 < length ? hex(text[i + 1]) : -1;
		low = i + 2 < length ? hex(text[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0)
			return NULL;
		out[used++] = (char)(high * 16 + low);
		i += 2;
	}
	out[used] = '\0';
	return out;
}

static bool
put_decoded(const struct reading *r, const char *keyword, const char *text, size_t length, const char *part)
{
	char *value = decode(r, text, length);

	if (value == NULL)
		return bad_part(r, part);
	tide_settings_builder_put(r->builder, keyword, value, r->origin);
	return true;
}

static bool
refuse_port(const struct reading *r)
{
	tide_fail(r->err, TIDE_USAGE, "%s: the port is not a number", r->origin);
	return tide_hint(r->err,
	    "a password with / ? # or @ in it must be percent-encoded (%%2F, %%3F, %%23, %%40), an IPv6 "
	    "address is written in brackets");
}

/* `host`, `host:port`, `[v6]:port`; a socket directory is written with %2F, or plainly in a query. */
static bool
add_host(struct reading *r, const char *text, size_t length)
{
	const char *end = text + length, *colon = NULL, *host_end = end;
	char *host;

	if (length > 0 && text[0] == '[') {
		const char *bracket = memchr(text, ']', length);

		if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':'))
			return refuse_port(r);
		colon = bracket + 1 < end ? bracket + 1 : NULL;
		text++;
		host_end = bracket;
	} else if (length > 0 && text[0] != '/' && text[0] != '@') {
		colon = memchr(text, ':', length);
		host_end = colon == NULL ? end : colon;
	}
	for (const char *digit = colon == NULL ? end : colon + 1; digit < end; digit++)
		if (!isdigit((unsigned char)*digit))
			return refuse_port(r);
	host = decode(r, text, (size_t)(host_end - text));
	if (host == NULL)
		return bad_part(r, "host");
	r->hosts = talloc_asprintf_append_buffer(r->hosts, "%s%s", r->host_count > 0 ? "," : "", host);
	r->ports = talloc_asprintf_append_buffer(r->ports, "%s%.*s", r->host_count > 0 ? "," : "",
	    colon == NULL ? 0 : (int)(end - colon - 1), colon == NULL ? "" : colon + 1);
	r->any_port = r->any_port || (colon != NULL && colon + 1 < end);
	r->host_count++;
	return true;
}

static bool
add_hosts(struct reading *r, const char *text, size_t length)
{
	const char *end = text + length;

	for (;;) {
		const char *comma = memchr(text, ',', (size_t)(end - text));

		if (!add_host(r, text, (size_t)((comma == NULL ? end : comma) - text)))
			return false;
		if (comma == NULL)
			return true;
		text = comma + 1;
	}
}

static void
clear_hosts(struct reading *r)
{
	r->hosts = talloc_strdup(r->mem, "");
	r->ports = talloc_strdup(r->mem, "");
	r->host_count = 0;
	r->any_port = false;
}

/* The last @ ends the password: applications let people write one into it. */
static bool
read_authority(struct reading *r, const char *text, size_t length)
{
	const char *at = memrchr(text, '@', length), *colon;

	if (at != NULL) {
		colon = memchr(text, ':', (size_t)(at - text));
		r->has_user = true;
		if (!put_decoded(r, "user", text, (size_t)((colon == NULL ? at : colon) - text), "user"))
			return false;
		if (colon != NULL &&
		    !put_decoded(r, "password", colon + 1, (size_t)(at - colon - 1), "password"))
			return false;
		length -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	return length == 0 || add_hosts(r, text, length);
}

static bool
read_pair(struct reading *r, const char *text, size_t length, bool suspect, bool *query_hosts)
{
	const char *equals = memchr(text, '=', length);
	size_t key_length = equals == NULL ? length : (size_t)(equals - text);
	char *key = decode(r, text, key_length);
	char *value =
	    equals == NULL ? talloc_strdup(r->mem, "") : decode(r, equals + 1, length - key_length - 1);

	if (length == 0)
		return true;
	if (key == NULL || value == NULL)
		return bad_part(r, "part after the question mark");
	if (strcmp(key, "host") == 0 && value[0] != '\0') {
		/* SQLAlchemy: ?host=a:1&host=b:2 */
		if (!*query_hosts)
			clear_hosts(r);
		*query_hosts = true;
		return value[0] == '/' ? add_host(r, value, strlen(value))
				       : add_hosts(r, value, strlen(value));
	}
	return tide_url_query(r->builder, key, value, r->origin, suspect, r->err);
}

static bool
read_query(struct reading *r, const char *text)
{
	bool suspect = !r->has_user && strchr(text, '@') != NULL, query_hosts = false;

	while (*text != '\0') {
		size_t length = strcspn(text, "&");

		if (!read_pair(r, text, length, suspect, &query_hosts))
			return false;
		text += length + (text[length] != '\0');
	}
	return true;
}

/* After the scheme. */
static bool
read_rest(struct reading *r, const char *text)
{
	size_t authority = 0, path;

	if (strncmp(text, "//", 2) == 0) {
		text += 2;
		authority = strcspn(text, "/?");
		if (!read_authority(r, text, authority))
			return false;
	}
	text += authority;
	if (*text == '/')
		text++;
	path = strcspn(text, "?");
	if (!r->has_user && memchr(text, '@', path) != NULL)
		return refuse_port(r);
	if (!put_decoded(r, "dbname", text, path, "database name"))
		return false;
	if (text[path] == '?' && !read_query(r, text + path + 1))
		return false;
	if (r->host_count > 0)
		tide_settings_builder_put(r->builder, "host", r->hosts, r->origin);
	if (r->any_port)
		tide_settings_builder_put(r->builder, "port", r->ports, r->origin);
	return true;
}

static bool
is_scheme_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("+-._", text[i]) == NULL)
			return false;
	return length > 0 && length <= 32;
}

static bool
refuse_scheme(const struct reading *r, const char *text, size_t length)
{
	/* Without "//" after it the word may be anything, a password too. */
	if (is_scheme_name(text, length) && strncmp(text + length, "://", 3) == 0)
		tide_fail(r->err, TIDE_USAGE, "%s is a URL for \"%.*s\", not for PostgreSQL", r->origin,
		    (int)length, text);
	else
		tide_fail(r->err, TIDE_USAGE, "%s is neither a URL nor a connection string that can be read",
		    r->origin);
	return tide_hint(r->err, "write postgresql://user@host:5432/database, or host=… dbname=…");
}

bool
tide_url_parse(
    struct tide_settings_builder *builder, const char *text, const char *origin, struct tide_err *err)
{
	struct reading r = { .mem = talloc_new(NULL), .builder = builder, .origin = origin, .err = err };
	bool jdbc = strncasecmp(text, "jdbc:", 5) == 0, known = false, ok;
	const char *scheme = text + (jdbc ? 5 : 0);
	size_t length = strcspn(scheme, ":"), base = strcspn(scheme, "+:");

	clear_hosts(&r);
	for (size_t i = 0; i < TIDE_COUNT(schemes); i++)
		if (strlen(schemes[i]) == base && strncasecmp(scheme, schemes[i], base) == 0)
			known = is_scheme_name(scheme, length) && scheme[length] == ':' &&
				(jdbc || strncmp(scheme + length, "://", 3) == 0);
	ok = known ? read_rest(&r, scheme + length + 1) : refuse_scheme(&r, scheme, length);
	talloc_free(r.mem);
	return ok;
}
