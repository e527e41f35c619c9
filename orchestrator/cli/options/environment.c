#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

/* Far more than any environment has. */
#define SIZE_MOST ((size_t)1024 * 1024)

const char *
tide_environment_get(void *ctx, const char *name)
{
	const struct tide_environment *e = ctx;
	const char *value = e->outer != NULL ? e->outer(e->outer_ctx, name) : NULL;

	for (size_t i = 0; value == NULL && i < e->count; i++)
		if (strcmp(e->variable[i].name, name) == 0)
			value = e->variable[i].value;
	return value;
}

static void
put(void *ctx, struct tide_environment *e, const char *name, const char *value)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->variable[i].name, name) == 0) {
			e->variable[i].value = value;
			return;
		}
	e->variable = talloc_realloc(ctx, e->variable, struct tide_variable, (unsigned)e->count + 1);
	e->variable[e->count++] = (struct tide_variable){ name, value };
}

static bool
wrong(const char *path, int line, const char *what, struct tide_err *err)
{
	tide_fail(err, TIDE_USAGE, "%s", what);
	tide_place(err, path, line, 1);
	return tide_hint(err,
	    "lines are NAME=VALUE, as for docker run --env-file: without `export`, without blanks "
	    "around the =, and a value in quotes keeps them");
}

/* One line, without its end. A name without = stands for a variable of the process, which is there already. */
static bool
take(void *ctx, struct tide_environment *e, char *text, const char *path, int line, struct tide_err *err)
{
	char *equals;

	text += strspn(text, " \t\v\f\r");
	if (text[0] == '\0' || text[0] == '#')
		return true;
	equals = strchr(text, '=');
	if (equals != NULL)
		*equals = '\0';
	if (text[0] == '\0')
		return wrong(path, line, "the line has no name of a variable", err);
	if (strpbrk(text, " \t\v\f\r") != NULL)
		return wrong(path, line, "the name of a variable cannot contain blanks", err);
	if (equals != NULL)
		put(ctx, e, text, equals + 1);
	return true;
}

static bool
cannot_read(const char *path, const char *reason, struct tide_err *err)
{
	return tide_fail(err, TIDE_USAGE, "--env-file: '%s' cannot be read: %s", path, reason);
}

/* All of it, with a NUL behind it. */
static char *
slurp(void *ctx, const char *path, size_t *size, struct tide_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *text;

	if (file == NULL) {
		cannot_read(path, strerror(errno), err);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	text = talloc_array(ctx, char, (unsigned)SIZE_MOST + 2);
	errno = 0;
	*size = fread(text, 1, SIZE_MOST + 1, file);
	if (ferror(file) || *size > SIZE_MOST) {
		cannot_read(path, ferror(file) ? strerror(errno) : "it is larger than 1 MB", err);
		text = NULL;
	}
	(void)fclose(file);
	if (text != NULL)
		text[*size] = '\0';
	return text;
}

bool
tide_environment_read(void *ctx, struct tide_environment *e, const char *path, struct tide_err *err)
{
	size_t size;
	char *text = slurp(ctx, path, &size, err), *end;

	if (text == NULL)
		return false;
	/* A byte order mark, as some editors write it. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3, size -= 3;
	end = text + size;
	for (int line = 1; text < end; line++) {
		char *newline = memchr(text, '\n', (size_t)(end - text)),
		     *stop = newline != NULL ? newline : end;

		if (memchr(text, '\0', (size_t)(stop - text)) != NULL)
			return wrong(path, line, "the line contains a NUL byte", err);
		if (stop > text && stop[-1] == '\r')
			stop[-1] = '\0';
		*stop = '\0';
		if (!take(ctx, e, text, path, line, err))
			return false;
		text = newline != NULL ? newline + 1 : end;
	}
	return true;
}
