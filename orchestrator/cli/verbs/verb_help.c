#include "cli/context/cli.h"
#include "cli/options/help.h"
#include "cli/options/verbs.h"

bool
tide_verb_help(struct tide_cli *cli, struct tide_err *err)
{
	enum tide_verb_id verb;
	const char *near;

	if (cli->options.man) {
		tide_help_man(cli->out.file);
		return true;
	}
	if (cli->options.markdown) {
		tide_help_markdown(cli->out.file);
		return true;
	}
	if (cli->options.operand_count == 0) {
		tide_help_overview(&cli->out);
		return true;
	}
	verb = tide_verb_find(cli->options.operand[0]);
	if (verb != TIDE_VERB_COUNT) {
		tide_help_verb(&cli->out, verb);
		return true;
	}
	near = tide_verb_nearest(cli->options.operand[0]);
	(void)tide_fail(err, TIDE_USAGE, "unknown verb '%s'", cli->options.operand[0]);
	return near != NULL ? tide_hint(err, "did you mean: tidemark help %s?", near)
			    : tide_hint(err, "see: tidemark help");
}
