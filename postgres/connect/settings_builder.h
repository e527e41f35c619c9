#ifndef TIDE_SETTINGS_H
#define TIDE_SETTINGS_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "tidemark/postgres/url.h"

/** The list while it is made: which keywords libpq has, and what is set so far. All belongs to ctx. */
struct tide_settings_builder {
	void *ctx;
	const PQconninfoOption *known; /* ends with keyword NULL */
	struct tide_settings out;
};

const PQconninfoOption *
tide_settings_builder_keyword(const struct tide_settings_builder *builder, const char *keyword);
/** NULL when not set. */
const struct tide_setting *
tide_settings_builder_find(const struct tide_settings_builder *builder, const char *keyword);
/** Sets, or replaces what is set. An empty value is as none. */
void tide_settings_builder_put(
    struct tide_settings_builder *builder, const char *keyword, const char *value, const char *origin);
void tide_settings_builder_remove(struct tide_settings_builder *builder, const char *keyword);
void
tide_settings_builder_warn(struct tide_settings_builder *builder, const char *fmt, ...) TIDE_PRINTF(2, 3);

#endif
