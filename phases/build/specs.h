#ifndef TIDE_PHASES_SPECS_H
#define TIDE_PHASES_SPECS_H

#include <stdbool.h>
#include <stdint.h>

#include "tidemark/plans/fields.h"

/** Specs that more than their own kind must read: one phase's meaning depends on an earlier one's. */

struct add_column_spec {
	char *column, *type, *collation, *fallback, *comment;
	bool not_null;
	struct tide_names accept;
};

struct backfill_spec {
	struct tide_pairs set;
	char *where;
	char *other_triggers; /* "fire", "skip", or NULL: not said */
	char *order;
	int64_t max_rows_per_second;
	int64_t stripes, group_windows, window_blocks;
	char *bloat, *horizon;
	int64_t horizon_wait;
	bool vacuum;
};

struct verify_spec {
	char *condition;
};

struct switch_spec {
	bool swap_names;
	struct tide_names accept;
};

struct set_not_null_spec {
	char *column;
};

struct drop_not_null_spec {
	char *column;
};

struct drop_column_spec {
	char *column;
	int64_t hold;
	struct tide_names accept;
};

struct sql_spec {
	struct tide_names act, undo;
	char *probe, *lock;
	bool transaction;
};

#endif
