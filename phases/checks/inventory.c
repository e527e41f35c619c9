#include "inventory.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

#define COUNT(array) (TIDE_COUNT(array))

static const char blocks_drop[] = "{what} needs \"{column}\": PostgreSQL would refuse to drop the column";

/* Cells that many rows share. */
#define KEPT                                                                                                 \
	{                                                                                                    \
		TIDE_FATE_KEPT, NULL, NULL, NULL                                                             \
	}
#define CARRIED                                                                                              \
	{                                                                                                    \
		TIDE_FATE_CARRIED, NULL, NULL, NULL                                                          \
	}
#define ELSEWHERE(fate, rule)                                                                                \
	{                                                                                                    \
		fate, rule, NULL, NULL                                                                       \
	}
#define BOUND_AFTER_SWAP                                                                                     \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "swap-dependent",                                                         \
		    "{what} is bound to \"{column}\" itself and not to its name: after the exchange it "     \
		    "continues with the same values under the other name",                                   \
		    "drop it before and create it again after the switch, in phases of kind \"sql\", or "    \
		    "say {accept}"                                                                           \
	}
#define OTHER_TYPE_AFTER_SWAP                                                                                \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "swap-dependent",                                                         \
		    "{what} names \"{column}\": sessions that have called it keep the type that the name "   \
		    "had, and fail until they reconnect",                                                    \
		    "leave out swap_names, so that the new column has a name of its own, or say {accept} "   \
		    "when no session calls it, or all can reconnect"                                         \
	}
#define LACKED                                                                                               \
	{                                                                                                    \
		TIDE_FATE_WARNED, "switch-property", "\"{column}\" has the {what}, and {new} does not",      \
		    "set it in a phase of kind \"sql\", or say {accept}"                                     \
	}
#define BLOCKS_DROP                                                                                          \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "drop-column-dependent", blocks_drop,                                     \
		    "drop or change it first; {accept} says that it will be gone by then"                    \
	}
#define GOES_SILENTLY                                                                                        \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "drop-column-dependent",                                                  \
		    "{what} would silently be dropped with \"{column}\"",                                    \
		    "drop it in a phase of its own (an index: kind = \"drop_index\"), or say {accept}"       \
	}
#define FAILS_AFTER_DROP                                                                                     \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "drop-column-dependent",                                                  \
		    "{what} names \"{column}\" and would fail without it",                                   \
		    "replace it in a phase of kind \"sql\" before, so that it no longer names the column, "  \
		    "or say {accept}"                                                                        \
	}
/* Says and hint of a cell. */
#define BY_POSITION                                                                                          \
	"{what} takes the table's columns by their positions: with another number of columns it fails, or "  \
	"puts "                                                                                              \
	"values into other columns",                                                                         \
	    "let it name the columns, in a phase of kind \"sql\" before, or say {accept}"
#define OTHER_DEFAULT                                                                                        \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "switch-partition-default",                                               \
		    "the {what} is not the table's: in rows that are inserted into the partition itself, "   \
		    "a value that a release has set could not be told from none",                            \
		    "give \"{column}\" the same default on table and partition, or say {accept} when rows "  \
		    "are only inserted into the table"                                                       \
	}
#define ONLY_OLD                                                                                             \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "switch-constraint",                                                      \
		    "{what} exists on \"{column}\" only: a value that the new release writes could fail on " \
		    "it",                                                                                    \
		    "give the new column the same one, validated, before the switch, drop it from the old "  \
		    "one, or say {accept} when no value can break it"                                        \
	}
#define ONLY_OLD_UNIQUE                                                                                      \
	{                                                                                                    \
		TIDE_FATE_REFUSED, "switch-unique",                                                          \
		    "{what} exists on \"{column}\" only: a write of the new release could fail on it",       \
		    "build the same unique index on the new column before (kind = \"create_index\"), drop "  \
		    "the old one, or say {accept}"                                                           \
	}

const struct tide_inventory_row tide_inventory[] = {
	{ "index", "index that is not unique",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = { TIDE_FATE_REFUSED, "swap-index",
		    "{what} stays with the old values when the names are exchanged",
		    "build the same index on {new} before (kind = \"create_index\"), or say {accept}" },
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "the same index on the new column (`create_index`), then `drop_index` or `accept`" },
	{ "unique index", "unique index that belongs to no constraint",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD_UNIQUE,
		[TIDE_AT_SWAP] = ONLY_OLD_UNIQUE,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "the same unique index on the new column, then `accept` at the drop" },
	{ "primary key", "primary key",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = ELSEWHERE(TIDE_FATE_REFUSED, "drop-column-primary-key"),
		[TIDE_AT_DROP] = ELSEWHERE(TIDE_FATE_REFUSED, "drop-column-primary-key"),
		[TIDE_AT_UNDO] = KEPT },
	    "a unique index on the new column, and `ADD CONSTRAINT … PRIMARY KEY USING INDEX` after the "
	    "switch" },
	{ "unique constraint", "unique constraint",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "a unique index or constraint over the same keys with the new column" },
	{ "exclusion constraint", "exclusion constraint",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "none without a lock: PostgreSQL builds one only under ACCESS EXCLUSIVE" },
	{ "check constraint", "check constraint, of one column or several",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "the same check on the new column: `NOT VALID` in one phase of kind `sql`, `VALIDATE` in the "
	    "next" },
	{ "foreign key", "foreign key to another table",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "the same foreign key on the new column: `NOT VALID` in one phase of kind `sql`, `VALIDATE` in "
	    "the next" },
	{ "foreign key of another table", "foreign key that points at the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ONLY_OLD,
		[TIDE_AT_SWAP] = ONLY_OLD,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "a foreign key of the other table to the new column, and no longer the old one, before the "
	    "drop" },
	{ "view", "view or materialized view",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE OR REPLACE VIEW` over the new column in a phase of kind `sql` after the switch" },
	{ "rule", "rule",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = ELSEWHERE(TIDE_FATE_REFUSED, "backfill-rule"),
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "a trigger in its place" },
	{ "policy", "policy of row-level security, also of another table",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER POLICY` with the new column in a phase of kind `sql` after the switch" },
	{ "trigger columns", "trigger with `UPDATE OF` the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = ELSEWHERE(TIDE_FATE_REFUSED, "backfill-other-triggers"),
		[TIDE_AT_SWITCH] = CARRIED,
		[TIDE_AT_SWAP] = CARRIED,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = CARRIED },
	    "the switch names both columns in it, the drop only the new one" },
	{ "trigger condition", "trigger whose `WHEN` reads the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = ELSEWHERE(TIDE_FATE_REFUSED, "backfill-other-triggers"),
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "the trigger created again with the new column, in a phase of kind `sql` between switch and "
	    "drop" },
	{ "trigger function", "trigger whose function or arguments name the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = ELSEWHERE(TIDE_FATE_REFUSED, "backfill-other-triggers"),
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = OTHER_TYPE_AFTER_SWAP,
		[TIDE_AT_HOLD] = FAILS_AFTER_DROP,
		[TIDE_AT_DROP] = FAILS_AFTER_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE OR REPLACE FUNCTION` with the new column, in a phase of kind `sql` between switch and "
	    "drop" },
	{ "function", "function that names table and column, or takes the table's row",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = OTHER_TYPE_AFTER_SWAP,
		[TIDE_AT_HOLD] = FAILS_AFTER_DROP,
		[TIDE_AT_DROP] = FAILS_AFTER_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE OR REPLACE FUNCTION` with the new column" },
	{ "function body", "function with a body that PostgreSQL tracks (`BEGIN ATOMIC`, `RETURN`)",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE OR REPLACE FUNCTION` with the new column" },
	{ "generated column", "generated column computed from the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "a plain column that a trigger fills, in a plan of its own" },
	{ "statistics", "extended statistics",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE STATISTICS` on the new column" },
	{ "publication", "publication whose column list or row filter names the column",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER PUBLICATION` with the new column, subscribers first" },
	{ "partition key", "partition key, at any level",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = ELSEWHERE(TIDE_FATE_REFUSED, "dual-write-partition-key"),
		[TIDE_AT_BACKFILL] = ELSEWHERE(TIDE_FATE_REFUSED, "backfill-partition-key"),
		[TIDE_AT_SWITCH] = { TIDE_FATE_REFUSED, "switch-partition-key",
		    "\"{column}\" is in the partition key: a row finds its partition before a trigger fills "
		    "the column, so that the new release could not insert",
		    "make a new table that is partitioned by the new column" },
		[TIDE_AT_SWAP] = BOUND_AFTER_SWAP,
		[TIDE_AT_HOLD] = BLOCKS_DROP,
		[TIDE_AT_DROP] = BLOCKS_DROP,
		[TIDE_AT_UNDO] = KEPT },
	    "none: make a new table" },
	{ "sequence", "owned sequence (`serial`) or identity",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ELSEWHERE(TIDE_FATE_REFUSED, "switch-sequence"),
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_REFUSED, "switch-sequence"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = GOES_SILENTLY,
		[TIDE_AT_UNDO] = KEPT },
	    "none yet for a column that a release fills from it" },
	{ "trigger row", "trigger whose function writes the row by position (`INSERT … SELECT OLD.*`)",
	    { [TIDE_AT_ADD] = { TIDE_FATE_REFUSED, "add-column-row", BY_POSITION },
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = KEPT,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = { TIDE_FATE_REFUSED, "drop-column-dependent", BY_POSITION },
		[TIDE_AT_UNDO] = KEPT },
	    "`CREATE OR REPLACE FUNCTION` that names the columns, in a phase of kind `sql` before" },
	{ "function row",
	    "function that takes the table's columns by position (`INSERT … SELECT * FROM`, `RETURNS TABLE`)",
	    { [TIDE_AT_ADD] = { TIDE_FATE_REFUSED, "add-column-row", BY_POSITION },
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = KEPT,
		[TIDE_AT_SWAP] = KEPT,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = { TIDE_FATE_REFUSED, "drop-column-dependent", BY_POSITION },
		[TIDE_AT_UNDO] = KEPT },
	    "the same" },
	{ "default of a partition", "default of a partition that differs from the table's",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = OTHER_DEFAULT,
		[TIDE_AT_SWAP] = OTHER_DEFAULT,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER TABLE ONLY partition ALTER COLUMN … SET DEFAULT` as the table has it, before" },
	{ "not null of a partition", "`NOT NULL` that only a partition has",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = { TIDE_FATE_WARNED, "switch-property", "{what} is on \"{column}\" only",
		    "set it in a phase of kind \"sql\", or say {accept}" },
		[TIDE_AT_SWAP] = { TIDE_FATE_WARNED, "switch-property", "{what} is on \"{column}\" only",
		    "set it in a phase of kind \"sql\", or say {accept}" },
		[TIDE_AT_HOLD] = { TIDE_FATE_REFUSED, "drop-column-dependent",
		    "{what} stays during the hold, when nothing fills \"{column}\": an INSERT into the "
		    "partition would fail",
		    "drop it on the partition in a phase of kind \"sql\" before, or leave \"hold\" out" },
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`set_not_null` for the table, or `DROP NOT NULL` on the partition" },
	{ "collation", "collation of its own",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = { TIDE_FATE_REFUSED, "switch-collation",
		    "\"{column}\" has the {what}, and {new} has another: comparing and sorting by it gives "
		    "other results",
		    "add the column with the same one (collation = … in add_column), or say {accept}" },
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_REFUSED, "switch-collation"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`collation` of `add_column`" },
	{ "storage", "storage other than the type's",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = LACKED,
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_WARNED, "switch-property"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER COLUMN … SET STORAGE` in a phase of kind `sql`" },
	{ "compression", "compression method",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = LACKED,
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_WARNED, "switch-property"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER COLUMN … SET COMPRESSION` in a phase of kind `sql`" },
	{ "statistics target", "statistics target",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = LACKED,
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_WARNED, "switch-property"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER COLUMN … SET STATISTICS` in a phase of kind `sql`" },
	{ "column options", "`n_distinct` and other options",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = LACKED,
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_WARNED, "switch-property"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`ALTER COLUMN … SET (…)` in a phase of kind `sql`" },
	{ "comment", "comment",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = LACKED,
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_REFUSED, "swap-comment"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`comment` of `add_column`" },
	{ "column privileges", "privileges of its own",
	    { [TIDE_AT_ADD] = CARRIED,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = ELSEWHERE(TIDE_FATE_REFUSED, "switch-grant"),
		[TIDE_AT_SWAP] = ELSEWHERE(TIDE_FATE_REFUSED, "swap-grant"),
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = KEPT },
	    "`GRANT` on the new column in a phase of kind `sql`" },
	{ "default", "default, its own or its domain's",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = CARRIED,
		[TIDE_AT_SWAP] = CARRIED,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = CARRIED,
		[TIDE_AT_UNDO] = CARRIED },
	    "`default` of `add_column`" },
	{ "not null", "`NOT NULL`",
	    { [TIDE_AT_ADD] = KEPT,
		[TIDE_AT_DUAL_WRITE] = KEPT,
		[TIDE_AT_BACKFILL] = KEPT,
		[TIDE_AT_SWITCH] = CARRIED,
		[TIDE_AT_SWAP] = CARRIED,
		[TIDE_AT_HOLD] = KEPT,
		[TIDE_AT_DROP] = KEPT,
		[TIDE_AT_UNDO] = CARRIED },
	    "`set_not_null` for the new column, or `drop_not_null` for the old one, where the pair has "
	    "rules" },
};

const size_t tide_inventory_count = COUNT(tide_inventory);

static const char *const moments[] = {
	[TIDE_AT_ADD] = "add",
	[TIDE_AT_DUAL_WRITE] = "dual write",
	[TIDE_AT_BACKFILL] = "backfill",
	[TIDE_AT_SWITCH] = "switch",
	[TIDE_AT_SWAP] = "swap",
	[TIDE_AT_HOLD] = "hold",
	[TIDE_AT_DROP] = "drop",
	[TIDE_AT_UNDO] = "undo",
};

static const char *const fates[] = {
	[TIDE_FATE_NONE] = "",
	[TIDE_FATE_KEPT] = "kept",
	[TIDE_FATE_CARRIED] = "carried",
	[TIDE_FATE_REFUSED] = "refused",
	[TIDE_FATE_WARNED] = "warned",
};

const char *
tide_moment_name(enum tide_moment moment)
{
	return moments[moment];
}

const char *
tide_fate_name(enum tide_fate fate)
{
	return fates[fate];
}

const struct tide_inventory_row *
tide_inventory_find(const char *kind)
{
	for (size_t i = 0; i < tide_inventory_count; i++)
		if (strcmp(tide_inventory[i].kind, kind) == 0)
			return &tide_inventory[i];
	return NULL;
}

bool
tide_blocks_drop(const struct tide_inventory_row *row)
{
	return row->at[TIDE_AT_DROP].says != NULL && strcmp(row->at[TIDE_AT_DROP].says, blocks_drop) == 0;
}

char *
tide_accept_text(void *ctx, const char *name)
{
	bool plain = name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
		     (*name < '0' || *name > '9');
	char *out = talloc_strdup(ctx, "accept = [\"");

	/* Names are written as in SQL, in a string of TOML. */
	for (const char *s = plain ? name : tide_ident(ctx, name); *s != '\0'; s++)
		out = talloc_asprintf_append_buffer(out, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
	return talloc_strdup_append_buffer(out, "\"]");
}

/* The text with what is in braces filled in. */
static char *
filled(void *ctx, const char *text, const struct tide_dependent_place *place)
{
	const struct {
		const char *word, *value;
	} words[] = {
		{ "{what}", place->what },
		{ "{name}", place->name },
		{ "{column}", place->column },
		{ "{new}",
		    place->other == NULL ? "the new column" : talloc_asprintf(ctx, "\"%s\"", place->other) },
		{ "{accept}", tide_accept_text(ctx, place->name) },
	};
	char *out = talloc_strdup(ctx, "");

	while (*text != '\0') {
		size_t i = 0;

		while (i < COUNT(words) && strncmp(text, words[i].word, strlen(words[i].word)) != 0)
			i++;
		if (i < COUNT(words)) {
			out = talloc_strdup_append_buffer(out, words[i].value);
			text += strlen(words[i].word);
		} else {
			out = talloc_strndup_append_buffer(out, text++, 1);
		}
	}
	return out;
}

void
tide_inventory_say(
    const struct tide_checking *c, enum tide_moment moment, const struct tide_dependent_place *place)
{
	const struct tide_inventory_row *row = tide_inventory_find(place->kind);
	const struct tide_fate_cell *cell = row == NULL ? NULL : &row->at[moment];
	void *mem = talloc_new(NULL);

	if (cell == NULL)
		tide_say(c, TIDE_ERROR, "dependent-unknown", place->key, tide_accept_text(mem, place->name),
		    "%s depends on \"%s\", and what happens to it is not known", place->what, place->column);
	else if (cell->says != NULL)
		tide_say(c, cell->fate == TIDE_FATE_REFUSED ? TIDE_ERROR : TIDE_WARNING, cell->rule,
		    place->key, cell->hint == NULL ? NULL : filled(mem, cell->hint, place), "%s",
		    filled(mem, cell->says, place));
	talloc_free(mem);
}
