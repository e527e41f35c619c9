#include "tidemark/postgres/url.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <talloc.h>

#include "settings_builder.h"
#include "url_parse.h"

/** Where an application keeps its connection, strongest first; the first that says anything is taken as a whole. */
static const char *const url_variables[] = { "TIDEMARK_DATABASE_URL", "DATABASE_URL",
	"SQLALCHEMY_DATABASE_URL" };

/* Never mixed with each other or with a URL: the host of one with the database of another is nobody's database. */
static const struct {
	const char *keyword[5], *variable[5];
} groups[] = {
	{ { "host", "port", "dbname", "user", "password" },
	    { "DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD" } },
	{ { "host", "port", "dbname", "user", "password" },
	    { "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD" } },
};

/** The environment as the caller sees it. */
struct environment {
	tide_getenv *look;
	void *ctx;
};

/* NULL when unset or empty. Blanks around it (a secret's last newline) and quotes (of --env-file) are not meant. */
static char *
look_up(void *ctx, const struct environment *env, const char *name)
{
	const char *value = env->look == NULL ? NULL : env->look(env->ctx, name);
	size_t length;

	if (value == NULL)
		return NULL;
	value += strspn(value, " \t\r\n");
	length = strlen(value);
	while (length > 0 && strchr(" \t\r\n", value[length - 1]) != NULL)
		length--;
	if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
		value++;
		length -= 2;
	}
	return length == 0 ? NULL : talloc_strndup(ctx, value, length);
}

/* libpq's message for a bad string echoes it: only ours is told. */
static bool
read_conninfo(
    struct tide_settings_builder *builder, const char *text, const char *origin, struct tide_err *err)
{
	PQconninfoOption *options = PQconninfoParse(text, NULL);

	if (options == NULL) {
		tide_fail(
		    err, TIDE_USAGE, "%s is neither a URL nor a connection string that can be read", origin);
		return tide_hint(err, "write postgresql://user@host:5432/database, or host=… dbname=… with "
				      "keywords of libpq; a value with "
				      "blanks is written in single quotes");
	}
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
		tide_settings_builder_put(builder, o->keyword, o->val, origin);
	PQconninfoFree(options);
	return true;
}

static bool
read_text(struct tide_settings_builder *builder, const char *text, const char *origin, struct tide_err *err)
{
	return tide_url_is(text) ? tide_url_parse(builder, text, origin, err)
				 : read_conninfo(builder, text, origin, err);
}

static bool
read_group(struct tide_settings_builder *builder, const struct environment *env, size_t group)
{
	char *value[5];
	bool any = false;

	for (size_t i = 0; i < TIDE_COUNT(value); i++) {
		const char *variable = groups[group].variable[i];

		value[i] = look_up(builder->ctx, env, variable);
		/* Kubernetes sets it so for a service of that name; it is not ours. */
		if (value[i] != NULL && strcmp(groups[group].keyword[i], "port") == 0) {
			if (strncmp(value[i], "tcp://", 6) == 0)
				value[i] = NULL;
		} else if (value[i] != NULL) {
			any = true;
		}
	}
	for (size_t i = 0; any && i < TIDE_COUNT(value); i++)
		tide_settings_builder_put(
		    builder, groups[group].keyword[i], value[i], groups[group].variable[i]);
	return any;
}

static bool
read_application(struct tide_settings_builder *builder, const char *dsn, const struct environment *env,
    struct tide_err *err)
{
	if (dsn != NULL && dsn[0] != '\0')
		return read_text(builder, dsn, "flag --dsn", err);
	for (size_t i = 0; i < TIDE_COUNT(url_variables); i++) {
		char *text = look_up(builder->ctx, env, url_variables[i]);

		if (text != NULL)
			return read_text(builder, text, url_variables[i], err);
	}
	for (size_t i = 0; i < TIDE_COUNT(groups); i++)
		if (read_group(builder, env, i))
			return true;
	return true;
}

static bool
read_overrides(struct tide_settings_builder *builder, const char *const *overrides, struct tide_err *err)
{
	for (size_t i = 0; overrides != NULL && overrides[i] != NULL; i += 2) {
		if (tide_settings_builder_keyword(builder, overrides[i]) == NULL)
			return tide_fail(
			    err, TIDE_USAGE, "libpq has no connection setting \"%s\"", overrides[i]);
		/* An address that belongs to the other host. */
		if (strcmp(overrides[i], "host") == 0)
			tide_settings_builder_remove(builder, "hostaddr");
		tide_settings_builder_put(builder, overrides[i], overrides[i + 1],
		    talloc_asprintf(builder->ctx, "flag --%s", overrides[i]));
	}
	return true;
}

static void
add_password_file(struct tide_settings_builder *builder, const struct environment *env)
{
	char *home = look_up(builder->ctx, env, "HOME"), *path;
	struct stat info;

	if (home == NULL || tide_settings_builder_find(builder, "password") != NULL ||
	    tide_settings_builder_find(builder, "passfile") != NULL)
		return;
	path = talloc_asprintf(builder->ctx, "%s/.pgpass", home);
	/* libpq does not read one that others may read. */
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		tide_settings_builder_put(builder, "passfile", path, "~/.pgpass");
}

static void
add_defaults(struct tide_settings_builder *builder)
{
	const struct passwd *me = getpwuid(geteuid());

	if (tide_settings_builder_find(builder, "port") == NULL)
		tide_settings_builder_put(
		    builder, "port", tide_settings_builder_keyword(builder, "port")->compiled, "default");
	if (tide_settings_builder_find(builder, "user") == NULL && me != NULL)
		tide_settings_builder_put(
		    builder, "user", me->pw_name, "default: the operating system's user");
	if (tide_settings_builder_find(builder, "dbname") == NULL &&
	    tide_settings_builder_find(builder, "user") != NULL)
		tide_settings_builder_put(builder, "dbname",
		    tide_settings_builder_find(builder, "user")->value, "default: the user's name");
}

/* What libpq would take from the environment is listed too; behind a service file's back it would be stronger than that. */
static void
read_libpq(struct tide_settings_builder *builder, const struct environment *env)
{
	const char *service = look_up(builder->ctx, env, "PGSERVICE");

	if (service != NULL && tide_settings_builder_find(builder, "service") == NULL)
		tide_settings_builder_put(builder, "service", service, "PGSERVICE");
	if (tide_settings_builder_find(builder, "service") != NULL)
		return;
	for (const PQconninfoOption *o = builder->known; o->keyword != NULL; o++)
		if (o->envvar != NULL && tide_settings_builder_find(builder, o->keyword) == NULL)
			tide_settings_builder_put(
			    builder, o->keyword, look_up(builder->ctx, env, o->envvar), o->envvar);
	add_password_file(builder, env);
	add_defaults(builder);
}

bool
tide_settings_resolve(void *ctx, const char *dsn, const char *const *overrides, tide_getenv *getenv_fn,
    void *getenv_ctx, struct tide_settings *out, struct tide_err *err)
{
	struct environment env = { getenv_fn, getenv_ctx };
	PQconninfoOption *known = PQconninfoParse("", NULL);
	struct tide_settings_builder builder = { .ctx = talloc_new(ctx), .known = known };
	bool ok;

	if (known == NULL) {
		talloc_free(builder.ctx);
		return tide_fail(err, TIDE_UNEXPECTED, "out of memory");
	}
	ok = read_application(&builder, dsn, &env, err) && read_overrides(&builder, overrides, err);
	if (ok)
		read_libpq(&builder, &env);
	PQconninfoFree(known);
	if (!ok) {
		talloc_free(builder.ctx);
		return false;
	}
	*out = builder.out;
	return true;
}

struct tide_dsn
tide_settings_dsn(void *ctx, const struct tide_settings *settings)
{
	struct tide_dsn dsn = {
		talloc_zero_array(ctx, const char *, (unsigned)(settings->count + 1)),
		talloc_zero_array(ctx, const char *, (unsigned)(settings->count + 1)),
	};

	for (size_t i = 0; i < settings->count; i++) {
		dsn.keyword[i] = talloc_strdup(dsn.keyword, settings->item[i].keyword);
		dsn.value[i] = talloc_strdup(dsn.value, settings->item[i].value);
	}
	return dsn;
}
