#include "template_texts.h"
#include "tidemark/base/array.h"

#define HEAD                                                                                                 \
	"name  = %s:name%\t# identity of the plan: never reuse it\n"                                         \
	"title = %s:title%\n"                                                                                \
	"table = %s:table%\n"                                                                                \
	"# reason, owner, ticket: free text, shown in reviews and kept in the journal\n"

#define LIMITS                                                                                               \
	"\n[limits]\t# all of them have defaults\n"                                                          \
	"lock_timeout   = \"200ms\"\t# longest wait of one lock request\n"

#define SWEEP_LIMITS                                                                                         \
	LIMITS                                                                                               \
	"batch_duration = \"15ms\"\t# target for one batch of a sweep\n"                                     \
	"workers        = 1\n"                                                                               \
	"replica_lag    = \"5s\"\n"

#define USE "# Read what it will do: tidemark plan FILE. Then: tidemark run FILE.\n"

static const char rename_column[] =
    "# Rename %c:table%.%c:from% to %c:to% while the application runs.\n" USE HEAD SWEEP_LIMITS
    "\n[[phase]]\n"
    "kind = \"add_column\"\n"
    "column = %s:to%\n"
    "type = %s:type%\n"
    "\n[[phase]]\n"
    "kind = \"dual_write\"\t# from here on %c:to% follows %c:from%\n"
    "from = %s:from%\n"
    "to = %s:to%\t# without up and down: a plain copy\n"
    "\n[[phase]]\n"
    "kind = \"backfill\"\t# fills what dual_write keeps in step\n"
    "\n[[phase]]\n"
    "kind = \"verify\"\t# the server proves every row equal\n"
    "\n[[phase]]\n"
    "kind = \"switch\"\t# from here on both releases may write; deploy the new one\n"
    "gate = \"manual\"\t# waits for: tidemark advance %c:name%\n"
    "\n[[phase]]\n"
    "kind = \"drop_column\"\n"
    "column = %s:from%\n"
    "hold = \"7d\"\t# hidden and kept in step for seven days, then dropped\n"
    "gate = { manual = true, after = \"24h\" }\t# approve when the old release is gone\n";

static const char add_column[] =
    "# Add the column %c:column% to %c:table% while the application runs.\n" USE HEAD LIMITS "\n[[phase]]\n"
    "kind = \"add_column\"\n"
    "column = %s:column%\n"
    "type = %s:type%\n";

static const char backfill[] =
    "# Fill %c:to% of %c:table% from %c:from% in small batches.\n"
    "# The application must write %c:to% itself from now on: nothing here keeps it in step.\n" USE HEAD
	SWEEP_LIMITS "\n[[phase]]\n"
    "kind = \"backfill\"\n"
    "set = { %k:to% = %e:from% }\t# column = SQL expression over the row\n"
    "where = %n:to%\t# rows that still need it\n";

static const char add_index[] =
    "# Build an index on %c:column% of %c:table% without blocking writes.\n" USE HEAD LIMITS "\n[[phase]]\n"
    "kind = \"create_index\"\t# CREATE INDEX CONCURRENTLY; an invalid index is built again\n"
    "name = %s:index%\n"
    "columns = [%s:column%]\t# several in order; unique = true, where, method, include are possible\n";

static const char drop_index[] =
    "# Drop the index %c:column% of %c:table% without blocking.\n" USE HEAD LIMITS "\n[[phase]]\n"
    "kind = \"drop_index\"\t# DROP INDEX CONCURRENTLY\n"
    "name = %s:column%\n";

static const char purge[] =
    "# Delete old rows of %c:table% by %c:column%, again and again: a job for cron, such as\n"
    "# 17 * * * * tidemark run FILE --if-locked skip --budget 50m --exit-code\n" USE HEAD
    "recurring = true\t# once it is complete, the next `tidemark run` begins it again\n" SWEEP_LIMITS
    "\n[[phase]]\n"
    "kind = \"purge\"\t# what it deletes is lost: a rollback does not bring it back\n"
    "where = %o:column%\n"
    "by = %s:column%\t# by an index that begins with it; without: the whole table is read\n"
    "limit = 1000000\t# most rows of one run\n"
    "# gate = { window = \"22:00-06:00 Europe/Berlin\" }\n";

static const char set_not_null[] =
    "# Forbid NULL in %c:column% of %c:table% without a scan under a lock.\n"
    "# Rows with NULL stop it before anything is changed: fill them first (tidemark new backfill).\n" USE HEAD
	LIMITS "\n[[phase]]\n"
    "kind = \"set_not_null\"\t# a check, validated without blocking, lets SET NOT NULL skip its scan\n"
    "column = %s:column%\n";

static const char drop_column[] =
    "# Drop %c:column% of %c:table%, after a time in which it can still be brought back.\n" USE HEAD LIMITS
    "\n[[phase]]\n"
    "kind = \"drop_column\"\n"
    "column = %s:column%\n"
    "hold = \"7d\"\t# only hidden until then\n"
    "gate = \"manual\"\t# approve when no release uses it: tidemark advance %c:name%\n";

const struct tide_template tide_templates[] = {
	{ "add-column", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN) | TIDE_NEEDS(TYPE), "TABLE COLUMN --type TYPE",
	    "%c:table%-add-%c:column%", "Add %c:table%.%c:column%", add_column },
	{ "add-index", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN), "TABLE COLUMN [INDEX]",
	    "%c:table%-index-%c:column%", "Index %c:table% on %c:column%", add_index },
	{ "backfill", TIDE_NEEDS(TABLE) | TIDE_NEEDS(FROM) | TIDE_NEEDS(TO), "TABLE FROM TO",
	    "%c:table%-fill-%c:to%-from-%c:from%", "Fill %c:table%.%c:to% from %c:from%", backfill },
	{ "drop-column", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN), "TABLE COLUMN", "%c:table%-drop-%c:column%",
	    "Drop %c:table%.%c:column%", drop_column },
	{ "drop-index", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN), "TABLE INDEX",
	    "%c:table%-drop-index-%c:column%", "Drop the index %c:column% of %c:table%", drop_index },
	{ "purge", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN), "TABLE COLUMN", "%c:table%-purge-by-%c:column%",
	    "Delete old rows of %c:table%", purge },
	{ "rename-column", TIDE_NEEDS(TABLE) | TIDE_NEEDS(FROM) | TIDE_NEEDS(TO) | TIDE_NEEDS(TYPE),
	    "TABLE FROM TO --type TYPE", "%c:table%-%c:from%-to-%c:to%",
	    "Rename %c:table%.%c:from% to %c:to%", rename_column },
	{ "set-not-null", TIDE_NEEDS(TABLE) | TIDE_NEEDS(COLUMN), "TABLE COLUMN",
	    "%c:table%-not-null-%c:column%", "Forbid NULL in %c:table%.%c:column%", set_not_null },
};

const size_t tide_template_count = TIDE_COUNT(tide_templates);
