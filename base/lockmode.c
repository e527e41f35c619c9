#include "tidemark/base/lockmode.h"

#include <strings.h>

static const char *const names[] = {
	[TIDE_LOCK_NONE] = "NONE",
	[TIDE_ACCESS_SHARE] = "ACCESS SHARE",
	[TIDE_ROW_SHARE] = "ROW SHARE",
	[TIDE_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
	[TIDE_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
	[TIDE_SHARE] = "SHARE",
	[TIDE_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
	[TIDE_EXCLUSIVE] = "EXCLUSIVE",
	[TIDE_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
};

const char *
tide_lock_name(enum tide_lock_mode mode)
{
	return names[mode];
}

bool
tide_lock_find(const char *name, enum tide_lock_mode *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0) {
			*out = (enum tide_lock_mode)i;
			return true;
		}
	return false;
}
