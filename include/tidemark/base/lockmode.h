#ifndef TIDE_LOCKMODE_H
#define TIDE_LOCKMODE_H

#include <stdbool.h>
#include <stddef.h>

/** Table locks by strength, weakest first; the words of PostgreSQL. From TIDE_SHARE on they keep writers out. */
enum tide_lock_mode {
	TIDE_LOCK_NONE,
	TIDE_ACCESS_SHARE,
	TIDE_ROW_SHARE,
	TIDE_ROW_EXCLUSIVE,
	TIDE_SHARE_UPDATE_EXCLUSIVE,
	TIDE_SHARE,
	TIDE_SHARE_ROW_EXCLUSIVE,
	TIDE_EXCLUSIVE,
	TIDE_ACCESS_EXCLUSIVE,
	TIDE_LOCK_MODES /* how many there are */
};

/** By mode: "ACCESS EXCLUSIVE" and so on, as LOCK TABLE wants it; "NONE". */
extern const char *const tide_lock_names[TIDE_LOCK_MODES];
/** "ACCESS EXCLUSIVE" and so on, as LOCK TABLE wants it; "NONE". */
const char *tide_lock_name(enum tide_lock_mode mode);
/** The mode of this name, in any case; false: there is none. */
bool tide_lock_find(const char *name, enum tide_lock_mode *out);

#endif
