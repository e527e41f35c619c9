#include "encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/postgres/rows.h"

/** untranslatable_character */
#define NO_SUCH_CHARACTER "22P05"
/** character_not_in_repertoire */
#define NOT_UTF8 "22021"

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* Whether the server can take the text. False with its own words in *failed. */
static bool
fits(struct tide_conn *conn, const char *text, struct tide_err *failed)
{
	struct tide_rows *rows = NULL;
	bool ok = is_ascii(text) ||
		  tide_await_query(conn, NULL, "SELECT pg_catalog.octet_length($1::pg_catalog.text)", 1,
		      (const char *const[]){ text }, &rows, failed);

	talloc_free(rows);
	return ok;
}

/* The bytes of the character that the server's message names, in whatever language it is: "0xe2 0x86 0x92". */
static void
character(const char *message, char out[5])
{
	size_t used = 0;

	for (const char *s = strstr(message, "0x"); s != NULL && used < 4; s = strstr(s + 2, "0x"))
		out[used++] = (char)strtoul(s + 2, NULL, 16);
	out[used] = '\0';
}

static char *
encoding_of(void *ctx, struct tide_conn *conn)
{
	struct tide_rows *rows = NULL;
	struct tide_err ignored = { 0 };
	char *name;

	if (!tide_await_query(conn, ctx, "SELECT pg_catalog.getdatabaseencoding()", 0, NULL, &rows, &ignored))
		return talloc_strdup(ctx, "another one");
	name = talloc_strdup(ctx, tide_rows_only_required(rows));
	talloc_free(rows);
	return name;
}

/* "file:line:column" of the first place where a character occurs; columns are bytes, as everywhere. */
static void
place(struct tide_err *err, const struct tide_plan *plan, const char *what)
{
	const char *at = strstr(plan->text, what), *start = plan->text;
	int line = 1;

	if (at == NULL)
		return;
	for (const char *s = plan->text; s < at; s++)
		if (*s == '\n') {
			line++;
			start = s + 1;
		}
	snprintf(err->where, sizeof(err->where), "%s:%d:%d", plan->path, line, (int)(at - start) + 1);
}

bool
tide_encoding_check(struct tide_conn *conn, const struct tide_plan *plan, struct tide_err *err)
{
	struct tide_err failed = { 0 };
	char what[5], *name;

	if (plan->text == NULL || fits(conn, plan->text, &failed))
		return true;
	if (strcmp(failed.sqlstate, NO_SUCH_CHARACTER) != 0) {
		*err = failed;
		return false;
	}
	character(failed.message, what);
	name = encoding_of(NULL, conn);
	tide_fail(err, TIDE_PRECONDITION, "the database cannot store '%s': its encoding is %s", what, name);
	memcpy(err->sqlstate, failed.sqlstate, sizeof(err->sqlstate));
	talloc_free(name);
	place(err, plan, what);
	return tide_hint(
	    err, "a run stores the plan, comments too: write it with characters that the encoding has");
}

/*
 * Unlike the plan, options were not checked for UTF-8 when they were read: the server may refuse their bytes,
 * too.
 */
bool
tide_encoding_check_said(
    struct tide_conn *conn, const struct tide_said *said, size_t count, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		struct tide_err failed = { 0 };
		char what[5];

		if (said[i].text == NULL || fits(conn, said[i].text, &failed))
			continue;
		ok = false;
		character(failed.message, what);
		if (strcmp(failed.sqlstate, NO_SUCH_CHARACTER) == 0)
			tide_fail(err, TIDE_USAGE, "the database cannot store '%s' of %s: its encoding is %s",
			    what, said[i].option, encoding_of(mem, conn));
		else if (strcmp(failed.sqlstate, NOT_UTF8) == 0)
			tide_fail(err, TIDE_USAGE, "%s is not UTF-8", said[i].option);
		else
			*err = failed;
	}
	talloc_free(mem);
	return ok;
}
