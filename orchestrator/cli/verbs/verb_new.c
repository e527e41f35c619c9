#include <string.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "tidemark/base/names.h"
#include "tidemark/plans/template.h"
#include "cli/options/verbs.h"

static const char *
operand(const struct tide_options *options, size_t at, const char *flag)
{
	return flag != NULL ? flag : at < options->operand_count ? options->operand[at] : NULL;
}

bool
tide_verb_new(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const char *const *kinds = tide_template_kinds();
	const struct tide_template_args args = {
		.kind = o->operand[0],
		.table = operand(o, 1, o->table),
		.from = operand(o, 2, o->from),
		.to = operand(o, 3, o->to),
		.type = o->type,
		.name = o->name,
	};
	size_t count = 0;
	bool known = false;
	char *text;

	for (; kinds[count] != NULL; count++)
		known |= strcmp(kinds[count], args.kind) == 0;
	if (!known) {
		const char *near = tide_nearest(args.kind, kinds, count);

		(void)tide_fail(err, TIDE_USAGE, "there is no kind of plan called '%s'", args.kind);
		return near != NULL ? tide_hint(err, "did you mean: tidemark new %s?", near)
				    : tide_hint(err, "`tidemark help new` lists them");
	}
	text = tide_template_render(cli, &args, err);
	if (text == NULL)
		return false;
	cli->render->template(cli, args.kind, text);
	return true;
}
