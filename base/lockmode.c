#include "tidemark/base/lockmode.h"

#include <strings.h>

const char *const tide_lock_names[TIDE_LOCK_MODES] = {
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
	return tide_lock_names[mode];
}

bool
tide_lock_find(const char *name, enum tide_lock_mode *out)
{
	for (size_t i = 0; i < TIDE_LOCK_MODES; i++)
		if (strcasecmp(tide_lock_names[i], name) == 0) {
			*out = (enum tide_lock_mode)i;
			return true;
		}
	return false;
}
