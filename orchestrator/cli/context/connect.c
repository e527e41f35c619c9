#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "cli.h"
#include "state/encoding.h"
#include "state/schema.h"
#include "cli/options/verbs.h"
#include "tidemark/base/units.h"

/* As libpq tells it. */
static bool
is_connection_string(const char *dbname)
{
	return strchr(dbname, '=') != NULL || strstr(dbname, "://") != NULL;
}

/* Whether the connection string says it, which as for psql is then stronger than a flag of its own. */
static bool
says(const struct tide_settings *settings, const char *keyword)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->item[i].keyword, keyword) == 0)
			return strcmp(settings->item[i].origin, "flag --dsn") == 0;
	return false;
}

/* The string in --dbname, and which of the other flags it leaves. */
static bool
take_dbname(struct tide_cli *cli, struct tide_options *o, struct tide_err *err)
{
	char **flags[] = { &o->host, &o->port, &o->user };
	const char *const keywords[] = { "host", "port", "user" };
	struct tide_settings settings;

	if (o->dsn != NULL)
		return tide_fail(
		    err, TIDE_USAGE, "--dbname is a connection string, and --dsn is given as well");
	o->dsn = o->dbname;
	o->dbname = NULL;
	if (!tide_settings_resolve(cli, o->dsn, NULL, cli->getenv_fn, cli->getenv_ctx, &settings, err))
		return tide_wrap(err, "--dbname, read as a connection string");
	for (size_t i = 0; i < TIDE_COUNT(flags); i++)
		if (says(&settings, keywords[i]))
			*flags[i] = NULL;
	return true;
}

static bool
resolve(struct tide_cli *cli, const struct tide_options *o, struct tide_err *err)
{
	const struct {
		const char *keyword, *value;
	} flags[] = { { "host", o->host }, { "port", o->port }, { "dbname", o->dbname },
		{ "user", o->user } };
	const char *overrides[10];
	size_t count = 0;

	for (size_t i = 0; i < TIDE_COUNT(flags); i++) {
		if (flags[i].value == NULL)
			continue;
		overrides[count++] = flags[i].keyword;
		overrides[count++] = flags[i].value;
	}
	overrides[count] = NULL;
	if (!tide_settings_resolve(
		cli, o->dsn, overrides, cli->getenv_fn, cli->getenv_ctx, &cli->settings, err))
		return false;
	for (size_t i = 0; i < cli->settings.warning_count; i++) {
		tide_output_say(&cli->err, TIDE_PLAIN, "tidemark: ");
		tide_output_say(&cli->err, TIDE_YELLOW, "warning: ");
		tide_output_say(&cli->err, TIDE_PLAIN, "%s\n", cli->settings.warning[i]);
	}
	cli->dsn = tide_settings_dsn(cli, &cli->settings);
	cli->resolved = true;
	return true;
}

bool
tide_cli_resolve(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_options *o = &cli->options;

	if (cli->resolved)
		return true;
	if (o->dbname != NULL && is_connection_string(o->dbname) && !take_dbname(cli, o, err))
		return false;
	return resolve(cli, o, err);
}

static const char *
setting(const struct tide_cli *cli, const char *keyword)
{
	for (size_t i = 0; i < cli->settings.count; i++)
		if (strcmp(cli->settings.item[i].keyword, keyword) == 0)
			return cli->settings.item[i].shown;
	return NULL;
}

char *
tide_cli_target(struct tide_cli *cli)
{
	const char *host = setting(cli, "host"), *port = setting(cli, "port"),
		   *dbname = setting(cli, "dbname");

	return talloc_asprintf(cli, "%s:%s/%s", host != NULL ? host : "local socket",
	    port != NULL ? port : "5432", dbname != NULL ? dbname : "(default)");
}

/* What is said for the journal must be something that the database can store. */
static bool
can_store(struct tide_cli *cli, struct tide_conn *conn, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const struct tide_said said[] = { { "--reason", o->reason }, { "--by", o->by },
		{ "--ticket", o->ticket }, { "--note", o->note } };

	if (!tide_encoding_check_said(conn, said, TIDE_COUNT(said), err))
		return false;
	if (tide_verb_table[o->verb].operand != TIDE_OPERAND_PLAN_KEYS)
		return true;
	for (size_t i = 1; i < o->operand_count; i++)
		if (!tide_encoding_check_said(
			conn, &(struct tide_said){ o->operand[i], o->operand[i] }, 1, err))
			return false;
	return true;
}

bool
tide_cli_connect(struct tide_cli *cli, struct tide_err *err)
{
	bool say = cli->err.terminal && !cli->options.quiet, done;
	struct tide_conn *conn;

	if (cli->conn != NULL)
		return true;
	if (!tide_cli_resolve(cli, err))
		return false;
	if (say) {
		tide_output_say(&cli->err, TIDE_DIM, "connecting to %s …", tide_cli_target(cli));
		(void)fflush(cli->err.file);
	}
	conn = tide_conn_new(cli, cli->loop);
	done = tide_await_open(conn, &cli->dsn,
	    talloc_asprintf(cli, "tidemark/%s", tide_verb_table[cli->options.verb].name), err);
	if (say)
		tide_output_put(&cli->err, "\r\033[K");
	if (!done || !can_store(cli, conn, err) || !tide_state_trusted(conn, err)) {
		talloc_free(conn);
		return false;
	}
	cli->conn = conn;
	return true;
}

void
tide_cli_disconnect(struct tide_cli *cli)
{
	TALLOC_FREE(cli->conn);
}

int64_t
tide_cli_timeout(const struct tide_cli *cli)
{
	return cli->options.timeout > 0 ? cli->options.timeout : 60 * TIDE_SECOND;
}

static void
wake(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

void
tide_cli_sleep(struct tide_cli *cli, int64_t us)
{
	ev_timer timer;

	ev_timer_init(&timer, wake, (double)us / 1e6, 0.0);
	ev_now_update(cli->loop);
	ev_timer_start(cli->loop, &timer);
	ev_run(cli->loop, 0);
	ev_timer_stop(cli->loop, &timer);
}
