#include "settings_builder.h"

#include <stdarg.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/redact.h"

#define MASK "********"

const PQconninfoOption *
tide_making_keyword(const struct tide_making *making, const char *keyword)
{
	for (const PQconninfoOption *o = making->known; o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o;
	return NULL;
}

static struct tide_setting *
find(const struct tide_making *making, const char *keyword)
{
	for (size_t i = 0; i < making->out.count; i++)
		if (strcmp(making->out.item[i].keyword, keyword) == 0)
			return &making->out.item[i];
	return NULL;
}

const struct tide_setting *
tide_making_find(const struct tide_making *making, const char *keyword)
{
	return find(making, keyword);
}

/* libpq marks what must not be shown with a star, in every version for the keywords that it has. */
static bool
is_secret(const struct tide_making *making, const char *keyword)
{
	const PQconninfoOption *option = tide_making_keyword(making, keyword);

	return option != NULL && strchr(option->dispchar, '*') != NULL;
}

void
tide_making_put(struct tide_making *making, const char *keyword, const char *value, const char *origin)
{
	struct tide_setting *setting = find(making, keyword);

	if (value == NULL || value[0] == '\0')
		return;
	if (setting == NULL) {
		making->out.item = talloc_realloc(
		    making->ctx, making->out.item, struct tide_setting, (unsigned)(making->out.count + 1));
		setting = &making->out.item[making->out.count++];
	}
	setting->keyword = talloc_strdup(making->ctx, keyword);
	setting->value = talloc_strdup(making->ctx, value);
	setting->shown = is_secret(making, keyword) ? MASK : tide_redact(making->ctx, value);
	setting->origin = talloc_strdup(making->ctx, origin);
}

void
tide_making_remove(struct tide_making *making, const char *keyword)
{
	struct tide_setting *setting = find(making, keyword);

	if (setting != NULL)
		*setting = making->out.item[--making->out.count];
}

void
tide_making_warn(struct tide_making *making, const char *fmt, ...)
{
	struct tide_settings *out = &making->out;
	va_list args;

	out->warning = talloc_realloc(making->ctx, out->warning, char *, (unsigned)(out->warning_count + 1));
	va_start(args, fmt);
	out->warning[out->warning_count++] = talloc_vasprintf(out->warning, fmt, args);
	va_end(args);
}
