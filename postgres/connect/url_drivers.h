#ifndef TIDE_URL_DRIVERS_H
#define TIDE_URL_DRIVERS_H

#include "settings_builder.h"

/**
 * One key of a URL's query: passed to libpq, translated, or left out with a warning. `suspect`: the URL looks as if part of a
 * password stood here, so nothing of it may be named.
 */
bool tide_url_query(struct tide_settings_builder *builder, const char *key, const char *value,
    const char *origin, bool suspect, struct tide_err *err) TIDE_CHECKED;

#endif
