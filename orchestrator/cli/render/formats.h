#ifndef TIDE_FORMATS_H
#define TIDE_FORMATS_H

#include "cli/context/render.h"

extern const struct tide_render tide_render_text, tide_render_json, tide_render_gcc, tide_render_github;

#endif
