#include "run_keys.h"

#include <signal.h>
#include <string.h>
#include <talloc.h>

#include "cli/output/keys.h"
#include "tidemark/plans/steering.h"

#define NO_TABLE "42P01" /* the state has not been created */

struct tide_run_keys {
	struct tide_cli *cli;
	const struct tide_plan *plan;
	struct tide_event_printer *printer;
	struct tide_keys *keys; /* NULL: there are none */
	struct tide_conn *conn; /* NULL before the first */
	bool busy;              /* one is being done */
	int64_t workers;        /* that there are, as far as was told; 0 not */
	int64_t asked,
	    before; /* for so many, which there are not yet, 0 for none; and that before the last key */
	bool again; /* the connection was lost under this key: it is sent once more */
};

static void next(struct tide_run_keys *k);

static void
say(struct tide_run_keys *k, const char *what)
{
	tide_progress_clear(&k->printer->line);
	tide_output_say(&k->cli->err, TIDE_YELLOW, "warning: ");
	tide_output_say(&k->cli->err, TIDE_PLAIN, "%s\n", what);
	(void)fflush(k->cli->err.file);
}

/* What was done is an event of the run, told by the executor. */
static void
done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_run_keys *k = ctx;

	k->busy = false;
	if (err != NULL && err->code == TIDE_UNREACHABLE) {
		tide_conn_close(k->conn);
		k->asked = k->before;
		k->again = !k->again;
		if (k->again) {
			next(k);
			return;
		}
	}
	k->again = false;
	(void)tide_keys_take(k->keys);
	if (err == NULL && tide_rows_count(rows) > 0) {
		next(k);
		return;
	}
	k->asked = 0;
	say(k, err != NULL && strcmp(err->sqlstate, NO_TABLE) != 0 ? err->message
								   : "there is no run yet, or it is over");
	next(k);
}

static bool
want(struct tide_run_keys *k, enum tide_wanted wanted)
{
	tide_store_want_start(k->conn, k->plan->name, wanted, tide_cli_by(k->cli), done, k);
	return true;
}

static bool
pause_run(struct tide_run_keys *k)
{
	return want(k, TIDE_WANT_PAUSE);
}

static bool
resume_run(struct tide_run_keys *k)
{
	return want(k, TIDE_WANT_RUN);
}

/* From those that were asked for last, though they may not be there yet; before the first sweep, from the plan's. */
static bool
change_workers(struct tide_run_keys *k, int64_t more)
{
	int64_t now = k->asked != 0     ? k->asked
		      : k->workers != 0 ? k->workers
					: tide_limits_workers(&k->plan->limits);
	struct tide_steering *checked = tide_steering_new(k, &k->plan->limits);
	char *value = talloc_asprintf(checked, "%lld", (long long)(now + more));
	const struct tide_live_change change = { "workers", value };
	struct tide_err err = { 0 };
	bool sent = tide_steering_set(checked, "workers", value, &err) &&
		    tide_store_set_start(k->conn, k->plan->name, &change, tide_cli_by(k->cli), done, k, &err);

	k->before = k->asked;
	if (sent)
		k->asked = now + more;
	else
		say(k, err.message);
	talloc_free(checked);
	return sent;
}

static bool
more_workers(struct tide_run_keys *k)
{
	return change_workers(k, 1);
}

static bool
fewer_workers(struct tide_run_keys *k)
{
	return change_workers(k, -1);
}

/** False: nothing was sent. */
static const struct {
	const char *keys;
	bool (*send)(struct tide_run_keys *k);
} table[] = {
	{ "pP", pause_run },
	{ "rR", resume_run },
	{ "+=", more_workers },
	{ "-_", fewer_workers },
};

static bool
send_key(struct tide_run_keys *k, char key)
{
	for (size_t i = 0; i < TIDE_COUNT(table); i++)
		if (strchr(table[i].keys, key) != NULL)
			return table[i].send(k);
	return false;
}

static void
opened(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_run_keys *k = ctx;

	(void)rows;
	k->busy = false;
	if (err == NULL) {
		next(k);
		return;
	}
	k->again = false;
	say(k, err->message);
	/* They were pressed for now, and not for later. */
	while (k->keys != NULL && tide_keys_take(k->keys) != '\0')
		;
	tide_conn_close(k->conn);
}

/* One after the other: each counts from what the one before has made of it. One that was sent is taken when it is done. */
static void
next(struct tide_run_keys *k)
{
	char key;

	if (k->conn == NULL)
		k->conn = tide_conn_new(k, k->cli->loop);
	while (!k->busy && k->keys != NULL && (key = tide_keys_peek(k->keys)) != '\0') {
		if (strchr("pPrR+=-_", key) != NULL && !tide_conn_alive(k->conn)) {
			k->busy = true;
			tide_conn_open(k->conn, &k->cli->dsn, "tidemark/keys", opened, k);
			return;
		}
		if (key == 'q' || key == 'Q')
			(void)raise(SIGINT);
		k->busy = send_key(k, key);
		if (!k->busy)
			(void)tide_keys_take(k->keys);
	}
}

static void
pressed(void *ctx)
{
	next(ctx);
}

static void
on_progress(void *ctx, const struct tide_progress *progress)
{
	struct tide_run_keys *k = ctx;

	k->workers = progress->workers;
	if (k->workers == k->asked)
		k->asked = 0;
}

struct tide_run_keys *
tide_run_keys_new(struct tide_cli *cli, const struct tide_plan *plan, struct tide_event_printer *printer)
{
	struct tide_run_keys *k = talloc_zero(cli, struct tide_run_keys);

	k->cli = cli;
	k->plan = plan;
	k->printer = printer;
	return k;
}

struct tide_observer
tide_run_keys_observer(struct tide_run_keys *k)
{
	return (struct tide_observer){ .ctx = k, .progress = on_progress };
}

void
tide_run_keys_begin(struct tide_run_keys *k)
{
	if (k == NULL || !k->cli->err.terminal || !k->printer->pretty || k->printer->silent)
		return;
	k->keys = tide_keys_begin(k, k->cli->loop, TIDE_KEYS_END_BY_ANOTHER);
	if (k->keys == NULL)
		return;
	tide_keys_on_press(k->keys, pressed, k);
	tide_progress_clear(&k->printer->line);
	tide_output_say(
	    &k->cli->err, TIDE_DIM, "keys: p pause  r resume  + more workers  - fewer workers  q stop\n");
}

void
tide_run_keys_end(struct tide_run_keys *k)
{
	if (k == NULL)
		return;
	tide_keys_end(k->keys);
	talloc_free(k->conn);
	k->keys = NULL;
	k->conn = NULL;
}
