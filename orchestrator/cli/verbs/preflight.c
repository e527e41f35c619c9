#include <string.h>
#include <talloc.h>

#include "run/zones.h"
#include "cli/review/review_input.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/** An old transaction is one of more than five minutes. */
#define OLD_SECONDS 300.0
/** Half of what autovacuum lets a table reach before it starts the vacuum that is not cancelled for others. */
#define OLD_XIDS 150e6
/** PostgreSQL counts dropped columns against its limit of 1600. */
#define MANY_COLUMNS 1200

static void
privileges(struct tide_review_input *input)
{
	const struct tide_catalog *cat = input->cat;
	struct tide_findings *out = input->findings;
	void *mem = talloc_new(input);
	const char *role = tide_ident(mem, cat->role), *database = tide_ident(mem, cat->database);

	if (!cat->superuser && !cat->owns_table)
		tide_findings_add(out, TIDE_ERROR, "privilege-owner", 0, 0,
		    tide_sqlf(mem, "ALTER TABLE %I.%I OWNER TO %I;  or make the role a member of the owner",
			cat->table.schema, cat->table.name, cat->role),
		    "role %s does not own %s.%s: only the owner may change it", role, cat->table.schema,
		    cat->table.name);
	if (!cat->superuser && !input->state && !cat->may_create_schema)
		tide_findings_add(out, TIDE_ERROR, "privilege-create", 0, 0,
		    talloc_asprintf(mem, "GRANT CREATE ON DATABASE %s TO %s;", database, role),
		    "role %s may not create the schema tidemark, which keeps the state", role);
	if (!cat->superuser && !cat->may_create_temp)
		tide_findings_add(out, TIDE_ERROR, "privilege-temporary", 0, 0,
		    talloc_asprintf(mem, "GRANT TEMPORARY ON DATABASE %s TO %s;", database, role),
		    "role %s may not create temporary tables, on which expressions are tried", role);
	if (!cat->superuser && !cat->may_monitor)
		tide_findings_add(out, TIDE_WARNING, "privilege-monitor", 0, 0,
		    talloc_asprintf(mem, "GRANT pg_monitor TO %s;", role),
		    "role %s sees neither the replicas' lag nor other sessions' queries", role);
	if (cat->in_recovery)
		tide_findings_add(out, TIDE_ERROR, "target-standby", 0, 0, "connect to the primary",
		    "the server is a standby: nothing can be changed here");
	talloc_free(mem);
}

static void
table_facts(struct tide_review_input *input)
{
	const struct tide_table *table = &input->cat->table;
	struct tide_findings *out = input->findings;
	void *mem = talloc_new(input);
	int dropped = table->max_attnum - (int)table->column_count;
	char text[64];

	for (size_t i = 0; i < table->index_count; i++)
		if (!table->index[i].valid)
			tide_findings_add(out, TIDE_WARNING, "index-invalid", 0, 0,
			    tide_sqlf(mem,
				"when nobody is building it: DROP INDEX CONCURRENTLY %I.%I;  tidemark only "
				"touches what it made",
				table->index[i].schema, table->index[i].name),
			    "index %s is invalid: every write updates it and no query uses it",
			    table->index[i].name);
	if (table->xid_age > OLD_XIDS)
		tide_findings_add(out, TIDE_WARNING, "wraparound-age", 0, 0,
		    tide_sqlf(mem, "VACUUM (FREEZE) %I.%I;  before the run", table->schema, table->name),
		    "the table's oldest transaction id is %s old: an anti-wraparound vacuum, which is not "
		    "cancelled by other sessions, is near",
		    tide_count_format((int64_t)table->xid_age, text, sizeof(text)));
	if (table->max_attnum > MANY_COLUMNS)
		tide_findings_add(out, TIDE_WARNING, "columns-dropped", 0, 0,
		    "only a new table has them all: VACUUM FULL does not free them",
		    "%d of 1600 columns are used, %d of them by dropped ones", table->max_attnum, dropped);
	talloc_free(mem);
}

bool
tide_review_preflight(struct tide_cli *cli, struct tide_review_input *input, struct tide_err *err)
{
	const struct tide_table *table = &input->cat->table;
	struct tide_lock_rows locks = { 0 };

	privileges(input);
	table_facts(input);
	if (!tide_zones_check(cli->conn, input->plan, input->findings, err) ||
	    !tide_store_locks(input, cli->conn, table->schema, table->name, &locks, err))
		return false;
	for (size_t i = 0; i < locks.count; i++) {
		const struct tide_lock_row *row = &locks.item[i];
		char text[64];

		tide_duration_format(
		    (int64_t)(row->age * 1e6) / TIDE_SECOND * TIDE_SECOND, text, sizeof(text));
		if (row->pid == 0)
			tide_findings_add(input->findings, TIDE_WARNING, "prepared-transaction", 0, 0,
			    tide_sqlf(input,
				"COMMIT PREPARED %L or ROLLBACK PREPARED %L: locks and concurrent builds wait "
				"until it has ended",
				row->application, row->application),
			    "prepared transaction '%s' has held a lock on the table for %s", row->application,
			    text);
		else if (row->age > OLD_SECONDS && row->role != TIDE_LOCK_WAITS)
			tide_findings_add(input->findings, TIDE_WARNING, "old-transaction", 0, 0,
			    "end it before the run: locks and concurrent builds wait for it, and no dead row "
			    "is removed meanwhile",
			    "%s: pid %d (%s, %s) has been open for %s", tide_lock_role_word(row->role),
			    row->pid, row->user != NULL ? row->user : "unknown role",
			    row->application != NULL && row->application[0] != '\0' ? row->application
										    : "no application name",
			    text);
	}
	return true;
}
