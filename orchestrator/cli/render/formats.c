#include "formats.h"

#include <string.h>

#include "cli/context/cli.h"
#include "tidemark/base/units.h"

static const struct tide_render *const formats[] = { &tide_render_text, &tide_render_json, &tide_render_gcc,
	&tide_render_github };

const struct tide_render *
tide_render_for(const struct tide_cli *cli)
{
	const char *wanted = cli->options.json ? tide_render_json.name : cli->options.format;

	for (size_t i = 0; i < TIDE_COUNT(formats) && wanted != NULL; i++)
		if (strcmp(formats[i]->name, wanted) == 0)
			return formats[i];
	return &tide_render_text;
}
