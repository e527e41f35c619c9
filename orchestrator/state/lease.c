#include "lease.h"

#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "application_name.h"
#include "crash_points.h"
#include "identity.h"
#include "state_sql.h"
#include "table.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/base/units.h"

/* The row of meta comes last: it keeps what the tables are, and an UPDATE would need a replica identity where all are published. */
char *
tide_state_sql(void *ctx)
{
	return talloc_asprintf(ctx,
	    "%s\nINSERT INTO tidemark.meta (version, tool, definitions) SELECT %d, 'tidemark', (\n%s);\n",
	    tide_sql_state_schema, TIDE_STATE_VERSION, tide_sql_state_definitions);
}

bool
tide_state_trusted(struct tide_conn *conn, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	bool ok = tide_await_query(conn, mem, tide_sql_state_trusted, 0, NULL, &rows, err);

	if (ok && tide_rows_count(rows) > 0) {
		ok = tide_fail(
		    err, TIDE_PRECONDITION, "schema tidemark is not ours: %s", tide_rows_text(rows, 0, 0));
		tide_hint(err, "what is in it would run as this role. Run as the role that made it, or find "
			       "out who made it and, "
			       "if nobody needs it, drop it");
	}
	talloc_free(mem);
	return ok;
}

/* Whether the tables are still as they were made. */
static bool
state_unchanged(struct tide_conn *conn, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	char *sql = talloc_asprintf(mem,
	    "SELECT NOT EXISTS (SELECT FROM tidemark.meta AS m WHERE m.definitions <> (\n%s))",
	    tide_sql_state_definitions);
	struct tide_rows *rows;
	bool ok = tide_await_query(conn, mem, sql, 0, NULL, &rows, err);

	if (ok && !tide_rows_bool(rows, 0, 0)) {
		ok = tide_fail(err, TIDE_PRECONDITION,
		    "the tables of schema tidemark are not as they were made: a column, key or index was "
		    "changed");
		tide_hint(
		    err, "restore the schema from a backup, or undo the change by hand: \\d tidemark.*");
	}
	talloc_free(mem);
	return ok;
}

static bool
state_version(struct tide_conn *conn, bool *present, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	int64_t version = 0;
	bool ok = tide_state_trusted(conn, err) &&
		  tide_await_query(conn, mem, "SELECT pg_catalog.to_regclass('tidemark.meta') IS NOT NULL", 0,
		      NULL, &rows, err);

	*present = ok && tide_rows_bool(rows, 0, 0);
	if (ok && *present) {
		ok = tide_await_query(
		    conn, mem, "SELECT coalesce(max(version), 0) FROM tidemark.meta", 0, NULL, &rows, err);
		if (ok)
			version = tide_rows_int(rows, 0, 0);
	}
	talloc_free(mem);
	if (ok && *present && version < TIDE_STATE_VERSION) {
		tide_fail(err, TIDE_PRECONDITION,
		    "schema tidemark has version %lld, and this program needs %d", (long long)version,
		    TIDE_STATE_VERSION);
		return tide_hint(
		    err, "its table tidemark.meta was emptied or changed: restore its row from a backup");
	}
	if (ok && version > TIDE_STATE_VERSION) {
		tide_fail(err, TIDE_PRECONDITION, "schema tidemark has version %lld, this program knows %d",
		    (long long)version, TIDE_STATE_VERSION);
		return tide_hint(err, "a newer tidemark has worked on this database: use that version");
	}
	return ok && (!*present || state_unchanged(conn, err));
}

/* Statements that can be run as they stand: who we are here is asked. */
static void
hint_create(struct tide_conn *conn, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	struct tide_rows *rows;
	void *mem = talloc_new(NULL);

	if (tide_await_exec(conn, mem,
		"SELECT pg_catalog.format('GRANT CREATE ON DATABASE %I TO %I', "
		"pg_catalog.current_database(), "
		"current_user), pg_catalog.format('CREATE SCHEMA tidemark AUTHORIZATION %I', current_user)",
		&rows, &ignored))
		tide_hint(err,
		    "the role needs it once: %s; or let an administrator make the schema for it: %s",
		    tide_rows_required(rows, 0, 0), tide_rows_required(rows, 0, 1));
	talloc_free(mem);
}

bool
tide_state_ensure(struct tide_conn *conn, bool create, bool *present, struct tide_err *err)
{
	struct tide_err failed = { 0 };
	char *sql;
	bool made;

	if (!state_version(conn, present, err))
		return false;
	if (*present || !create)
		return true;
	/* One simple query is one transaction. Two executors may do this at once: one of them fails on a
	 * duplicate, and then finds what the other has made. */
	sql = tide_state_sql(NULL);
	made = tide_await_exec(conn, NULL, sql, NULL, &failed);
	talloc_free(sql);
	if (made) {
		*present = true;
		/* The schema may have been made by another one since it was looked for. */
		return tide_state_trusted(conn, err);
	}
	if (!state_version(conn, present, err))
		return false;
	if (*present)
		return true;
	*err = failed;
	if (strcmp(failed.sqlstate, "42501") == 0)
		hint_create(conn, err);
	return tide_wrap(err, "could not create schema tidemark");
}

/* Compares the plan with the one the run began with. */
static bool
check_hash(struct tide_executor *exe, const char *hash, const char *text, struct tide_err *err)
{
	struct tide_plan *stored = NULL;
	struct tide_err unread = { 0 };
	char *diff;
	size_t kinds = tide_phase_count;

	if (strcmp(hash, exe->plan->hash) == 0)
		return true;
	if (!tide_plan_parse(
		exe, exe->plan->path, text, strlen(text), tide_phase_kinds(), kinds, &stored, &unread))
		diff = talloc_strdup(exe, "the stored plan cannot be read any more");
	else if (tide_plan_extends(stored, exe->plan) && exe->may_extend) {
		exe->known = stored->count;
		exe->known_hash = talloc_strdup(exe, hash);
		return true;
	} else
		diff = tide_plan_diff(exe, stored, exe->plan);
	tide_fail(err, TIDE_PLAN, "plan '%s' has changed since its run started:\n%s", exe->plan->name, diff);
	if (stored != NULL && tide_plan_extends(stored, exe->plan))
		return tide_hint(err,
		    "tidemark run takes over phases that were added at the end: tidemark run %s",
		    exe->plan->path);
	return tide_hint(err,
	    "put the file back as it was, run by name (tidemark run %s uses the stored text), or roll "
	    "back and start the changed plan under a new name",
	    exe->plan->name);
}

static bool
check_requires(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok = true;

	for (size_t i = 0; ok && i < exe->plan->requires.count; i++) {
		const char *name = exe->plan->requires.item[i];

		ok = tide_await_query(exe->control, mem,
		    "SELECT EXISTS (SELECT FROM tidemark.run WHERE plan = $1 AND state = 'complete')",
		    TIDE_ARGS(name), &rows, err);
		if (ok && !tide_rows_bool(rows, 0, 0)) {
			ok = tide_fail(err, TIDE_PRECONDITION,
			    "plan '%s' requires '%s', which is not complete", exe->plan->name, name);
			tide_hint(err, "see: tidemark status %s", name);
		}
	}
	talloc_free(mem);
	return ok;
}

static const char insert_run[] =
    "WITH r AS (INSERT INTO tidemark.run (plan, hash, plan_text, title, relation, table_oid, "
    "system_identifier, tool) "
    "SELECT $1, $2, $3, $4, $5, $6::oid, " TIDE_IDENTITY_SQL ", $7 "
    "ON CONFLICT DO NOTHING RETURNING id), "
    "p AS (INSERT INTO tidemark.phase (run, ordinal, name, kind) "
    "SELECT r.id, u.ord - 1, u.name, u.kind FROM r, "
    "unnest($8::text[], $9::text[]) WITH ORDINALITY AS u (name, kind, ord) RETURNING 1) "
    "SELECT id FROM r";

static char *
array_text(void *ctx, const struct tide_plan *plan, bool kinds)
{
	char *text = talloc_strdup(ctx, "{");

	for (size_t i = 0; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%s\"%s\"", i > 0 ? "," : "",
		    kinds ? plan->phase[i].kind->name : plan->phase[i].name);
	return talloc_asprintf_append(text, "}");
}

bool
tide_run_create(struct tide_executor *exe, struct tide_run_row *out, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	const struct tide_plan *plan = exe->plan;
	struct tide_rows *rows;
	bool present;
	bool ok = tide_state_ensure(exe->control, true, &present, err) && check_requires(exe, err) &&
		  tide_table_find(exe, exe->control, plan->schema, plan->relation, &exe->table_oid,
		      &exe->relation, err) &&
		  tide_await_query(exe->control, mem, insert_run,
		      TIDE_ARGS(plan->name, plan->hash, plan->text, plan->title, exe->relation,
			  tide_param_int(mem, exe->table_oid), TIDEMARK_VERSION, array_text(mem, plan, false),
			  array_text(mem, plan, true)),
		      &rows, err);

	talloc_free(mem);
	/* Nothing inserted means that another executor was faster: its run is found. */
	return ok && tide_run_find(exe, out, err);
}

static const char select_run[] =
    "SELECT r.id, r.hash, r.plan_text, r.state, "
    "r.relation, r.table_oid, "
    "r.wanted, r.wanted_by, r.direction, r.owner, coalesce(r.back_to, -1), "
    "r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease AND EXISTS (SELECT "
    "FROM pg_catalog.pg_stat_activity a WHERE a.pid = r.backend "
    "AND (a.backend_start = r.backend_start OR a.backend_start IS NULL)) "
    "FROM tidemark.run r WHERE r.plan = $1 ORDER BY r.id DESC LIMIT 1";

bool
tide_run_find(struct tide_executor *exe, struct tide_run_row *out, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows = NULL;
	bool ok = tide_await_query(exe->control, mem, select_run, TIDE_ARGS(exe->plan->name), &rows, err);

	memset(out, 0, sizeof(*out));
	if (!ok || tide_rows_count(rows) == 0) {
		talloc_free(mem);
		return ok;
	}
	out->found = true;
	exe->run = tide_rows_int(rows, 0, 0);
	exe->relation = talloc_strdup(exe, tide_rows_required(rows, 0, 4));
	exe->table_oid = tide_rows_int(rows, 0, 5);
	out->state = tide_run_state_of(tide_rows_required(rows, 0, 3));
	out->wanted = talloc_strdup(exe, tide_rows_required(rows, 0, 6));
	out->wanted_by = talloc_strdup(exe, tide_rows_text(rows, 0, 7));
	out->direction = tide_direction_of(tide_rows_required(rows, 0, 8));
	out->owner = talloc_strdup(exe, tide_rows_text(rows, 0, 9));
	out->back_to = (long)tide_rows_int(rows, 0, 10);
	out->live = tide_rows_bool(rows, 0, 11);
	/* After a complete rollback a changed plan may begin anew. */
	if (out->state != TIDE_RUN_ROLLED_BACK || !exe->options->again)
		ok = check_hash(exe, tide_rows_required(rows, 0, 1), tide_rows_required(rows, 0, 2), err) &&
		     tide_identity_check(exe, out->state, err);
	talloc_free(mem);
	return ok;
}

/*
 * One statement, no blocking lock: free, our own (connected again), stale by the server's clock, or held by a session
 * that is gone.
 * The fence of every open segment moves with it, so that a batch of the former holder does nothing. The journal
 * keeps the timeline: another one than the last time means that a standby was promoted in between.
 */
static const char take_lease[] =
    "WITH w AS (SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer AS "
    "now, (SELECT (detail ->> 'timeline')::integer FROM tidemark.journal WHERE run = $1::bigint AND event = "
    "'lease.taken' ORDER BY seq DESC LIMIT 1) AS before), "
    "t AS (UPDATE tidemark.run SET owner = $2, fence = fence + 1, heartbeat = clock_timestamp(), "
    "lease = $3::interval, backend = pg_backend_pid(), backend_start = (SELECT backend_start "
    "FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()), "
    "wanted = CASE WHEN wanted = 'yield' THEN 'run' ELSE wanted END "
    "WHERE id = $1::bigint AND (owner IS NULL OR owner = $2 OR heartbeat < clock_timestamp() - lease OR NOT "
    "EXISTS (SELECT "
    "FROM pg_catalog.pg_stat_activity a WHERE a.pid = backend AND (a.backend_start = run.backend_start "
    "OR a.backend_start IS NULL))) RETURNING id, fence), "
    "s AS (UPDATE tidemark.segment g SET fence = t.fence FROM t WHERE g.run = t.id AND NOT g.done RETURNING "
    "1), "
    "j AS (INSERT INTO tidemark.journal (run, event, outcome, fence, detail) "
    "SELECT id, 'lease.taken', $2, fence, jsonb_strip_nulls(jsonb_build_object('timeline', now, "
    "'timeline_before', CASE WHEN before <> now THEN before END)) FROM t, w RETURNING 1) "
    "SELECT fence, (SELECT count(*) FROM s), before, now FROM t, w";

/* What the former primary had committed last may be missing here: our own steps as well as the application's rows. */
static void
tell_failover(struct tide_executor *exe, const struct tide_rows *rows)
{
	int64_t before = tide_rows_null(rows, 0, 2) ? 0 : tide_rows_int(rows, 0, 2);
	int64_t now = tide_rows_int(rows, 0, 3);

	if (before != 0 && before != now)
		tide_executor_event(exe, "server.promoted", NULL, true,
		    "a standby has become the primary since (timeline %lld, before %lld): continuing from "
		    "what this server has",
		    (long long)now, (long long)before);
}

static bool
try_lease(struct tide_executor *exe, bool *taken, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok = tide_await_query(exe->control, mem, take_lease,
	    TIDE_ARGS(
		tide_param_int(mem, exe->run), exe->owner, tide_param_interval(mem, exe->plan->limits.lease)),
	    &rows, err);

	*taken = ok && tide_rows_count(rows) == 1;
	if (*taken) {
		exe->fence = tide_rows_int(rows, 0, 0);
		tell_failover(exe, rows);
	}
	talloc_free(mem);
	return ok;
}

static bool
held_by_another(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;

	if (!tide_await_query(exe->control, mem,
		"SELECT owner, round(extract(epoch FROM clock_timestamp() - heartbeat)::numeric, 1) "
		"FROM tidemark.run WHERE id = $1::bigint",
		TIDE_ARGS(tide_param_int(mem, exe->run)), &rows, err)) {
		talloc_free(mem);
		return false;
	}
	tide_fail(err, TIDE_LEASE, "another executor works on '%s': %s, last heard %s s ago", exe->plan->name,
	    tide_rows_text(rows, 0, 0) != NULL ? tide_rows_text(rows, 0, 0) : "unknown",
	    tide_rows_text(rows, 0, 1) != NULL ? tide_rows_text(rows, 0, 1) : "?");
	tide_hint(err, "watch it with `tidemark status %s --watch`, or wait for it with --if-locked wait",
	    exe->plan->name);
	talloc_free(mem);
	return false;
}

/* From here on this session acts for the run: the next executor would end it. */
static bool
name_control(struct tide_executor *exe, struct tide_err *err)
{
	char *sql = tide_sqlf(
	    exe, "SET application_name = %L", tide_application_name(exe, exe->plan->name, "control"));
	bool ok = tide_await_exec(exe->control, NULL, sql, NULL, err);

	talloc_free(sql);
	return ok;
}

/*
 * A statement of an earlier executor may run on without its client (a concurrent build for hours). Who still waits for the
 * lease has another name; who has just given it back is on the way out, and gets a moment for it.
 */
static bool
end_orphans(struct tide_executor *exe, struct tide_err *err)
{
	static const char orphans[] = "FROM pg_catalog.pg_stat_activity a WHERE a.usename = session_user AND "
				      "a.datname = current_database() "
				      "AND a.pid <> pg_backend_pid() AND starts_with(a.application_name, $1) "
				      "AND a.backend_start < (SELECT backend_start FROM "
				      "pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())";
	void *mem = talloc_new(exe);
	char *prefix = tide_application_prefix(mem, exe->plan->name);
	struct tide_rows *rows;
	char *count = talloc_asprintf(mem, "SELECT count(*) %s", orphans);
	bool ok = tide_await_query(exe->control, mem, count, TIDE_ARGS(prefix), &rows, err);

	for (int i = 0; ok && i < 25 && tide_rows_int(rows, 0, 0) > 0; i++) {
		tide_executor_sleep(exe, 20 * TIDE_MS);
		ok = tide_await_query(exe->control, mem, count, TIDE_ARGS(prefix), &rows, err);
	}
	ok = ok && tide_await_query(exe->control, mem,
		       talloc_asprintf(mem, "SELECT count(pg_terminate_backend(a.pid)) %s", orphans),
		       TIDE_ARGS(prefix), &rows, err);
	if (ok && tide_rows_int(rows, 0, 0) > 0)
		tide_executor_event(exe, "orphan.ended", NULL, true,
		    "ended %lld session(s) that an earlier executor had left running",
		    (long long)tide_rows_int(rows, 0, 0));
	/* Their locks must be gone before anything of ours is tried. */
	for (int i = 0; ok && i < 100 && tide_rows_int(rows, 0, 0) > 0; i++) {
		tide_executor_sleep(exe, 20 * TIDE_MS);
		ok = tide_await_query(exe->control, mem, count, TIDE_ARGS(prefix), &rows, err);
	}
	talloc_free(mem);
	return ok;
}

/*
 * Whether the holder is alive: its heartbeat moves. A client that was killed leaves a fresh heartbeat and, for half a
 * second, its backend; such a lease is free in a moment.
 */
static bool
beats(struct tide_executor *exe, bool *alive, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok =
	    tide_await_query(exe->control, mem, "SELECT heartbeat FROM tidemark.run WHERE id = $1::bigint",
		TIDE_ARGS(tide_param_int(mem, exe->run)), &rows, err);
	const char *now = ok && tide_rows_count(rows) > 0 ? tide_rows_text(rows, 0, 0) : NULL;

	*alive = now != NULL && exe->seen_heartbeat != NULL && strcmp(now, exe->seen_heartbeat) != 0;
	talloc_free(exe->seen_heartbeat);
	exe->seen_heartbeat = talloc_strdup(exe, now);
	talloc_free(mem);
	return ok;
}

/* The holder finishes its batch and lets go. Asked again and again: whoever takes the lease in between forgets it. */
static bool
ask_for_room(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	bool ok = tide_await_query(exe->control, mem,
	    "UPDATE tidemark.run SET wanted = 'yield', wanted_by = $2 WHERE id = $1::bigint AND wanted <> "
	    "'yield' "
	    "RETURNING pg_notify('tidemark', id::text)",
	    TIDE_ARGS(tide_param_int(mem, exe->run), exe->owner), NULL, err);

	talloc_free(mem);
	return ok;
}

/*
 * Connected again: somebody else's lease in between means that the run is no longer ours to go on with. A fence that is
 * lower than ours was means that a failover has lost our lease; a higher one under our name is one whose answer was lost.
 */
static bool
taken_since(struct tide_executor *exe, bool *taken, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok = tide_await_query(exe->control, mem,
	    "SELECT fence >= $2::bigint AND owner IS DISTINCT FROM $3 FROM tidemark.run WHERE id = "
	    "$1::bigint",
	    TIDE_ARGS(tide_param_int(mem, exe->run), tide_param_int(mem, exe->last_fence), exe->owner), &rows,
	    err);

	*taken = ok && exe->last_fence != 0 && tide_rows_count(rows) == 1 && tide_rows_bool(rows, 0, 0);
	talloc_free(mem);
	return ok;
}

bool
tide_lease_take(struct tide_executor *exe, struct tide_err *err)
{
	int64_t patience = tide_now_us() + 3 * TIDE_SECOND;
	bool taken = false, told = false, alive = false;

	if (!taken_since(exe, &taken, err))
		return false;
	if (taken)
		return tide_fail(
		    err, TIDE_LEASE, "another executor has taken over the lease of '%s'", exe->plan->name);
	for (;;) {
		if (!try_lease(exe, &taken, err) || (!taken && !beats(exe, &alive, err)))
			return false;
		if (taken)
			break;
		if (exe->options->if_locked != TIDE_IF_LOCKED_WAIT && (alive || tide_now_us() > patience))
			return held_by_another(exe, err);
		if (!told && exe->options->if_locked == TIDE_IF_LOCKED_WAIT)
			tide_executor_event(exe, "lease.wait", NULL, false,
			    "another executor works on it; waiting for its lease");
		told = true;
		if (exe->asks_for_room && !ask_for_room(exe, err))
			return false;
		tide_executor_sleep(exe, 200 * TIDE_MS);
		if (tide_executor_halted(exe, err))
			return false;
	}
	tide_crash_point("lease.taken");
	return name_control(exe, err) && end_orphans(exe, err);
}

bool
tide_lease_held(struct tide_executor *exe)
{
	void *mem = talloc_new(exe);
	struct tide_err ignored = { 0 };
	struct tide_rows *rows;
	bool held =
	    exe->fence == 0 || !tide_conn_alive(exe->control) || tide_conn_busy(exe->control) ||
	    !tide_await_query(exe->control, mem,
		"SELECT fence = $2::bigint FROM tidemark.run WHERE id = $1::bigint",
		TIDE_ARGS(tide_param_int(mem, exe->run), tide_param_int(mem, exe->fence)), &rows, &ignored) ||
	    tide_rows_count(rows) == 0 || tide_rows_bool(rows, 0, 0);

	talloc_free(mem);
	return held;
}

void
tide_lease_release(struct tide_executor *exe, enum tide_run_state state, const char *reason)
{
	void *mem = talloc_new(exe);
	struct tide_err ignored = { 0 };

	/* The fence stays: what is given back may only be taken with a higher one. */
	if (exe->fence == 0 ||
	    !tide_await_query(exe->control, mem,
		"UPDATE tidemark.run SET owner = NULL, backend = NULL, backend_start = NULL, "
		"state = coalesce($3, state), reason = coalesce($4, reason), code = $5::integer, updated = "
		"clock_timestamp() "
		"WHERE id = $1::bigint AND fence = $2::bigint",
		TIDE_ARGS(tide_param_int(mem, exe->run), tide_param_int(mem, exe->fence),
		    state == TIDE_RUN_NONE ? NULL : tide_run_word(state)->word, reason,
		    state == TIDE_RUN_FAILED ? tide_param_int(mem, exe->failure) : NULL),
		NULL, &ignored))
		exe->fence = 0;
	exe->fence = 0;
	talloc_free(mem);
}
