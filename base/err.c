#include "tidemark/base/array.h"
#include "tidemark/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* One byte more than the target: enough to see that the text was cut, and where a character ends. */
#define ROOM (sizeof(((struct tide_err *)0)->message) + 8)

static const struct {
	enum tide_code code;
	const char *name;
} names[] = {
	{ TIDE_OK, "ok" },
	{ TIDE_UNEXPECTED, "unexpected" },
	{ TIDE_USAGE, "usage" },
	{ TIDE_PLAN, "plan" },
	{ TIDE_PRECONDITION, "precondition" },
	{ TIDE_DIFFERENCES, "differences" },
	{ TIDE_UNREACHABLE, "unreachable" },
	{ TIDE_LOCK, "lock" },
	{ TIDE_LEASE, "lease" },
	{ TIDE_HOOK, "hook" },
	{ TIDE_PENDING, "pending" },
	{ TIDE_GATE, "gate" },
	{ TIDE_PAUSED, "paused" },
	{ TIDE_BUDGET, "budget" },
	{ TIDE_NOT_RUNNABLE, "unrunnable" },
	{ TIDE_NO_COMMAND, "nocommand" },
	{ TIDE_INTERRUPTED, "interrupted" },
	{ TIDE_TERMINATED, "terminated" },
};

static void
put(char *target, size_t size, const char *text)
{
	size_t length = tide_utf8_fit(text, size - 1);

	memcpy(target, text, length);
	target[length] = '\0';
}

/* Formats aside first: the arguments may point into the error itself. */
static void TIDE_PRINTF(2, 0) format(char room[ROOM], const char *fmt, va_list args)
{
	if (vsnprintf(room, ROOM, fmt, args) < 0)
		put(room, ROOM, fmt);
}

bool
tide_fail(struct tide_err *err, enum tide_code code, const char *fmt, ...)
{
	char room[ROOM];
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, fmt);
	format(room, fmt, args);
	va_end(args);
	*err = (struct tide_err){ .code = code };
	put(err->message, sizeof(err->message), room);
	return false;
}

bool
tide_wrap(struct tide_err *err, const char *fmt, ...)
{
	char room[ROOM], old[sizeof(err->message)];
	size_t used;
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, fmt);
	format(room, fmt, args);
	va_end(args);
	memcpy(old, err->message, sizeof(old));
	put(err->message, sizeof(err->message), room);
	used = strlen(err->message);
	if (used + 3 > sizeof(err->message))
		return false;
	memcpy(err->message + used, ": ", 3);
	put(err->message + used + 2, sizeof(err->message) - used - 2, old);
	return false;
}

bool
tide_place(struct tide_err *err, const char *path, int line, int column)
{
	if (err == NULL)
		return false;
	(void)snprintf(err->where, sizeof(err->where), "%s:%d:%d", path, line, column);
	err->line = line;
	err->column = column;
	return false;
}

bool
tide_hint(struct tide_err *err, const char *fmt, ...)
{
	char room[ROOM];
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, fmt);
	format(room, fmt, args);
	va_end(args);
	put(err->hint, sizeof(err->hint), room);
	return false;
}

const char *
tide_code_name(enum tide_code code)
{
	for (size_t i = 0; i < TIDE_COUNT(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "unexpected";
}
