#ifndef TIDE_URL_PARSE_H
#define TIDE_URL_PARSE_H

#include "settings_builder.h"

/** Whether text is meant as a URL (`scheme:…`), not as `key=value …`. */
bool tide_url_is(const char *text);

/** Puts what a URL says. `origin` names it in errors and warnings, which hold no other part of it than key names. */
bool tide_url_parse(struct tide_settings_builder *builder, const char *text, const char *origin,
    struct tide_err *err) TIDE_CHECKED;

#endif
