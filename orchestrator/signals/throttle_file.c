/* limits.throttle_file: for those who can reach the executor's machine and not the database. */
#include "signal.h"

#include <talloc.h>
#include <unistd.h>

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	(void)exe;
	(void)state;
	if (limits->throttle_file == NULL || access(limits->throttle_file, F_OK) != 0)
		return (struct tide_hold){ 0 };
	return (struct tide_hold){ TIDE_CAUSE_FILE,
		talloc_asprintf(ctx, "file %s exists", limits->throttle_file) };
}

const struct tide_signal tide_signal_throttle_file = {
	.keys = (const char *const[]){ "throttle_file", NULL },
	.judge = judge,
};
