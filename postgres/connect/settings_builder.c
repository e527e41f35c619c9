#include "settings_builder.h"

#include <stdarg.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/redact.h"

#define MASK "********"

const PQconninfoOption *
tide_settings_builder_keyword(const struct tide_settings_builder *builder, const char *keyword)
{
	for (const PQconninfoOption *o = builder->known; o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o;
	return NULL;
}

static struct tide_setting *
find(const struct tide_settings_builder *builder, const char *keyword)
{
	for (size_t i = 0; i < builder->out.count; i++)
		if (strcmp(builder->out.item[i].keyword, keyword) == 0)
			return &builder->out.item[i];
	return NULL;
}

const struct tide_setting *
tide_settings_builder_find(const struct tide_settings_builder *builder, const char *keyword)
{
	return find(builder, keyword);
}

/* libpq marks what must not be shown with a star, in every version for the keywords that it has. */
static bool
is_secret(const struct tide_settings_builder *builder, const char *keyword)
{
	const PQconninfoOption *option = tide_settings_builder_keyword(builder, keyword);

	return option != NULL && strchr(option->dispchar, '*') != NULL;
}

void
tide_settings_builder_put(
    struct tide_settings_builder *builder, const char *keyword, const char *value, const char *origin)
{
	struct tide_setting *setting = find(builder, keyword);

	if (value == NULL || value[0] == '\0')
		return;
	if (setting == NULL) {
		builder->out.item = talloc_realloc(
		    builder->ctx, builder->out.item, struct tide_setting, (unsigned)(builder->out.count + 1));
		setting = &builder->out.item[builder->out.count++];
	}
	setting->keyword = talloc_strdup(builder->ctx, keyword);
	setting->value = talloc_strdup(builder->ctx, value);
	setting->shown = is_secret(builder, keyword) ? MASK : tide_redact(builder->ctx, value);
	setting->origin = talloc_strdup(builder->ctx, origin);
}

void
tide_settings_builder_remove(struct tide_settings_builder *builder, const char *keyword)
{
	struct tide_setting *setting = find(builder, keyword);

	if (setting != NULL)
		*setting = builder->out.item[--builder->out.count];
}

void
tide_settings_builder_warn(struct tide_settings_builder *builder, const char *fmt, ...)
{
	struct tide_settings *out = &builder->out;
	va_list args;

	out->warning = talloc_realloc(builder->ctx, out->warning, char *, (unsigned)(out->warning_count + 1));
	va_start(args, fmt);
	out->warning[out->warning_count++] = talloc_vasprintf(out->warning, fmt, args);
	va_end(args);
}
