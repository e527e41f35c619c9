#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/postgres/url.h"

/* name, value, …, NULL */
static const char *
look(void *ctx, const char *name)
{
	const char *const *pair = ctx;

	for (; pair != NULL && pair[0] != NULL; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static bool
resolve(void *mem, const char *dsn, const char *const *overrides, const char *const *environment,
    struct tide_settings *out, struct tide_err *err)
{
	return tide_settings_resolve(mem, dsn, overrides, look, (void *)(uintptr_t)environment, out, err);
}

static const struct tide_setting *
find(const struct tide_settings *settings, const char *keyword)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->item[i].keyword, keyword) == 0)
			return &settings->item[i];
	return NULL;
}

/* What was said, not what is a default: `host=h port=1 …` in one order. */
static char *
summary(void *mem, const struct tide_settings *settings)
{
	static const char *const order[] = { "host", "port", "dbname", "user", "password", "sslmode",
		"sslrootcert", "connect_timeout", "keepalives", "target_session_attrs", "options",
		"application_name", "channel_binding" };
	char *out = talloc_strdup(mem, "");

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct tide_setting *setting = find(settings, order[i]);

		if (setting != NULL && strncmp(setting->origin, "default", 7) != 0)
			out = talloc_asprintf_append_buffer(
			    out, "%s%s=%s", out[0] == '\0' ? "" : " ", order[i], setting->value);
	}
	return out;
}

static char *
all_text(void *mem, const struct tide_settings *settings, const struct tide_err *err)
{
	char *out = talloc_asprintf(mem, "%s %s", err->message, err->hint);

	for (size_t i = 0; i < settings->warning_count; i++)
		out = talloc_asprintf_append_buffer(out, " %s", settings->warning[i]);
	for (size_t i = 0; i < settings->count; i++)
		out = talloc_asprintf_append_buffer(out, " %s", settings->item[i].shown);
	return out;
}

static void
urls_of_applications_are_read(void **state)
{
	static const struct {
		const char *url, *expected;
		size_t warnings;
	} cases[] = {
		{ "postgresql://ann:pw@db:6432/shop", "host=db port=6432 dbname=shop user=ann password=pw",
		    0 },
		{ "postgres://ann@db/shop", "host=db dbname=shop user=ann", 0 },
		{ "postgresql+asyncpg://ann:pw@db/shop?ssl=require",
		    "host=db dbname=shop user=ann password=pw sslmode=require", 0 },
		{ "postgresql+psycopg2://db/shop", "host=db dbname=shop", 0 },
		{ "postgresql+psycopg://db/shop?sslmode=verify-full",
		    "host=db dbname=shop sslmode=verify-full", 0 },
		{ "POSTGRESQL://db/shop", "host=db dbname=shop", 0 },
		{ "postgis://db/shop", "host=db dbname=shop", 0 },
		{ "jdbc:postgresql://db:5433/shop?user=ann&password=pw&ssl=true",
		    "host=db port=5433 dbname=shop user=ann password=pw sslmode=require", 0 },
		{ "jdbc:postgresql:shop", "dbname=shop", 0 },
		{ "jdbc:postgresql:/", "", 0 },
		{ "jdbc:postgresql://db/shop?ssl", "host=db dbname=shop sslmode=require", 0 },
		{ "jdbc:postgresql://db/shop?tcpKeepAlive=true&connectTimeout=7&targetServerType=master",
		    "host=db dbname=shop connect_timeout=7 keepalives=1 target_session_attrs=primary", 0 },
		{ "postgresql://", "", 0 },
		{ "postgresql:///shop", "dbname=shop", 0 },
		{ "postgresql:///shop?host=/run/pg&user=ann", "host=/run/pg dbname=shop user=ann", 0 },
		{ "postgresql://%2Frun%2Fpg/shop", "host=/run/pg dbname=shop", 0 },
		{ "postgresql://ann@%2Frun%2Fpg:5433/shop", "host=/run/pg port=5433 dbname=shop user=ann",
		    0 },
		{ "postgresql://[::1]:5433/shop", "host=::1 port=5433 dbname=shop", 0 },
		{ "postgresql://[fe80::1]/shop", "host=fe80::1 dbname=shop", 0 },
		{ "postgresql://a:1,b:2/shop", "host=a,b port=1,2 dbname=shop", 0 },
		{ "postgresql://a,b:2/shop", "host=a,b port=,2 dbname=shop", 0 },
		{ "postgresql:///shop?host=a:1&host=b:2", "host=a,b port=1,2 dbname=shop", 0 },
		{ "postgresql:///shop?host=a,b&port=1,2", "host=a,b port=1,2 dbname=shop", 0 },
		{ "postgresql://ann:p%40ss%2Fw%C3%B6rd%25@db/my%20shop",
		    "host=db dbname=my shop user=ann password=p@ss/wörd%", 0 },
		{ "postgresql://ann:p@ss@db/shop", "host=db dbname=shop user=ann password=p@ss", 0 },
		{ "postgresql://ann:p#ss+w@db/shop", "host=db dbname=shop user=ann password=p#ss+w", 0 },
		{ "postgresql://ann:a:b@db/shop", "host=db dbname=shop user=ann password=a:b", 0 },
		{ "postgresql://ann:@db/shop", "host=db dbname=shop user=ann", 0 },
		{ "postgresql://db/shop?options=-c%20work_mem%3D1MB",
		    "host=db dbname=shop options=-c work_mem=1MB", 0 },
		{ "postgresql://db/shop?pgbouncer=true&connection_limit=5&schema=app", "host=db dbname=shop",
		    3 },
		{ "postgresql://db/shop?prepared_statement_cache_size=0&statement_cache_size=0",
		    "host=db dbname=shop", 2 },
		{ "postgresql://db/shop?sslmode=no-verify", "host=db dbname=shop sslmode=require", 0 },
		{ "postgresql://db/shop?ssl=true&sslmode=verify-ca", "host=db dbname=shop sslmode=verify-ca",
		    0 },
		{ "postgresql://db/shop?sslmode=verify-ca&ssl=true", "host=db dbname=shop sslmode=verify-ca",
		    0 },
		{ "postgresql://db/shop?sslaccept=strict", "host=db dbname=shop sslmode=verify-full", 0 },
		{ "postgresql://db/shop?channel_binding=require&sslrootcert=/ca",
		    "host=db dbname=shop sslrootcert=/ca channel_binding=require", 0 },
		{ "postgresql://db/shop?zzz_driver_thing=1", "host=db dbname=shop", 1 },
		{ "host=db port=5433 dbname=shop password='p w'",
		    "host=db port=5433 dbname=shop password=p w", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *mem = talloc_new(NULL);
		struct tide_settings settings = { 0 };
		struct tide_err err = { 0 };

		if (!resolve(mem, cases[i].url, NULL, NULL, &settings, &err))
			fail_msg("%s: %s", cases[i].url, err.message);
		assert_string_equal(summary(mem, &settings), cases[i].expected);
		if (settings.warning_count != cases[i].warnings)
			fail_msg("%s: %zu warnings", cases[i].url, settings.warning_count);
		talloc_free(mem);
	}
}

static void
what_cannot_be_read_is_refused_without_a_word_of_it(void **state)
{
	static const char *const bad[] = {
		"postgresql://ann:s3cret%zz@db/shop",
		"postgresql://ann:s3cret%@db/shop",
		"postgresql://ann:s3cret%00@db/shop",
		"postgresql://ann:s3cret/x@db/shop",
		"postgresql://ann:s3cret?x@db/shop",
		"postgresql://ann:12/s3cret@db/shop",
		"postgresql://ann:12?s3cret=1@db/shop",
		"postgresql://db:s3cret/shop",
		"postgresql://[::1/s3cret",
		"postgresql://::1/s3cret",
		"mysql://ann:s3cret@db/shop",
		"s3cret:ann@db",
		"s3cret",
		"host=db s3cret",
		"host=db s3cret=1",
		"password='s3cret",
		"postgresql:s3cret",
		"postgresql://db/shop?ssl=s3cret",
		"postgresql://db/shop?sslmode=s3cret",
		"postgresql://db/shop?sslmod=s3cret",
		"postgresql://db/shop?user=%s3cret",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *mem = talloc_new(NULL);
		struct tide_settings settings = { 0 };
		struct tide_err err = { 0 };

		if (resolve(mem, bad[i], NULL, NULL, &settings, &err))
			fail_msg("%s was accepted", bad[i]);
		assert_int_equal(err.code, TIDE_USAGE);
		assert_null(strstr(all_text(mem, &settings, &err), "s3cret"));
		assert_null(settings.item);
		talloc_free(mem);
	}
}

static void
no_secret_is_shown(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(
	    resolve(mem, "postgresql://ann:s3cret@db/shop?sslpassword=s3cret&passwd=s3cret&a-s3cret!=1", NULL,
		NULL, &settings, &err));
	assert_string_equal(find(&settings, "password")->value, "s3cret");
	assert_string_equal(find(&settings, "password")->shown, "********");
	assert_string_equal(find(&settings, "sslpassword")->shown, "********");
	assert_null(strstr(all_text(mem, &settings, &err), "s3cret"));
	talloc_free(mem);
}

static void
a_mistyped_key_of_libpq_is_an_error_that_names_it(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_false(resolve(mem, "postgresql://db/shop?sslmod=verify-full", NULL, NULL, &settings, &err));
	assert_non_null(strstr(err.message, "\"sslmod\""));
	assert_non_null(strstr(err.hint, "sslmode"));
	talloc_free(mem);
}

static void
a_dropped_key_is_named_and_its_value_is_not(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, "postgresql://db/shop?schema=top_secret_name", NULL, NULL, &settings, &err));
	assert_int_equal(settings.warning_count, 1);
	assert_non_null(strstr(settings.warning[0], "flag --dsn"));
	assert_non_null(strstr(settings.warning[0], "\"schema\""));
	assert_null(strstr(settings.warning[0], "top_secret_name"));
	talloc_free(mem);
}

static void
the_strongest_source_is_taken_as_a_whole(void **state)
{
	static const char *const environment[] = { "TIDEMARK_DATABASE_URL", "postgresql://tide/t",
		"DATABASE_URL", "postgresql://ann:pw@app/a", "SQLALCHEMY_DATABASE_URL",
		"postgresql+asyncpg://alchemy/s", "DATABASE_HOST", "dbhost", "DATABASE_NAME", "dbname",
		"POSTGRES_HOST", "pghost", "POSTGRES_DB", "pgdb", "POSTGRES_PORT", "5439", "PGHOST", "libpq",
		"PGDATABASE", "l", NULL };
	static const struct {
		size_t skip;
		const char *expected, *origin;
	} cases[] = {
		{ 0, "host=tide dbname=t", "TIDEMARK_DATABASE_URL" },
		{ 2, "host=app dbname=a user=ann password=pw", "DATABASE_URL" },
		{ 4, "host=alchemy dbname=s", "SQLALCHEMY_DATABASE_URL" },
		{ 6, "host=dbhost dbname=dbname", "DATABASE_HOST" },
		{ 10, "host=pghost port=5439 dbname=pgdb", "POSTGRES_HOST" },
		{ 16, "host=libpq dbname=l", "PGHOST" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *mem = talloc_new(NULL);
		struct tide_settings settings = { 0 };
		struct tide_err err = { 0 };

		assert_true(resolve(mem, NULL, NULL, environment + cases[i].skip, &settings, &err));
		assert_string_equal(summary(mem, &settings), cases[i].expected);
		assert_string_equal(find(&settings, "host")->origin, cases[i].origin);
		talloc_free(mem);
	}
}

static void
flags_are_stronger_than_everything(void **state)
{
	static const char *const environment[] = { "DATABASE_URL",
		"postgresql://ann:pw@app:1/a?hostaddr=10.0.0.1", NULL };
	static const char *const overrides[] = { "host", "other", "dbname", "b", NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, NULL, overrides, environment, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=other port=1 dbname=b user=ann password=pw");
	assert_string_equal(find(&settings, "host")->origin, "flag --host");
	assert_string_equal(find(&settings, "port")->origin, "DATABASE_URL");
	assert_null(find(&settings, "hostaddr"));
	assert_true(resolve(mem, "postgresql://flag/f", NULL, environment, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=flag dbname=f");
	talloc_free(mem);
}

static void
an_unknown_override_is_refused(void **state)
{
	static const char *const overrides[] = { "hots", "x", NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_false(resolve(mem, NULL, overrides, NULL, &settings, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	talloc_free(mem);
}

static void
values_of_the_environment_lose_blanks_and_quotes(void **state)
{
	static const char *const environment[] = { "DATABASE_URL", " \"postgresql://db/shop\"\n", NULL };
	static const char *const empty[] = { "DATABASE_URL", "  ", "POSTGRES_HOST", "db", NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, NULL, NULL, environment, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=db dbname=shop");
	assert_true(resolve(mem, NULL, NULL, empty, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=db");
	talloc_free(mem);
}

static void
the_port_that_kubernetes_sets_is_not_a_port(void **state)
{
	static const char *const only[] = { "POSTGRES_PORT", "tcp://10.96.0.1:5432", "PGHOST", "libpq",
		NULL };
	static const char *const both[] = { "POSTGRES_PORT", "tcp://10.96.0.1:5432", "POSTGRES_HOST", "db",
		NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, NULL, NULL, only, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=libpq");
	assert_true(resolve(mem, NULL, NULL, both, &settings, &err));
	assert_string_equal(summary(mem, &settings), "host=db");
	talloc_free(mem);
}

static void
a_service_is_left_to_libpq(void **state)
{
	static const char *const environment[] = { "PGSERVICE", "prod", "PGHOST", "elsewhere", NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, NULL, NULL, environment, &settings, &err));
	assert_int_equal(settings.count, 1);
	assert_string_equal(find(&settings, "service")->value, "prod");
	assert_string_equal(find(&settings, "service")->origin, "PGSERVICE");
	talloc_free(mem);
}

static void
the_password_file_is_named_when_it_is_used(void **state)
{
	char folder[] = "/tmp/tide-home-XXXXXX", path[64];
	const char *const environment[] = { "HOME", folder, NULL };
	const char *const with_password[] = { "HOME", folder, "PGPASSWORD", "x", NULL };
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/.pgpass", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(resolve(mem, NULL, NULL, environment, &settings, &err));
	assert_string_equal(find(&settings, "passfile")->origin, "~/.pgpass");
	assert_true(resolve(mem, NULL, NULL, with_password, &settings, &err));
	assert_null(find(&settings, "passfile"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(resolve(mem, NULL, NULL, environment, &settings, &err));
	assert_null(find(&settings, "passfile"));
	unlink(path);
	rmdir(folder);
	talloc_free(mem);
}

static void
defaults_say_that_they_are(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(resolve(mem, "postgresql://ann@db", NULL, NULL, &settings, &err));
	assert_string_equal(find(&settings, "port")->value, "5432");
	assert_string_equal(find(&settings, "port")->origin, "default");
	assert_string_equal(find(&settings, "dbname")->value, "ann");
	assert_string_equal(find(&settings, "dbname")->origin, "default: the user's name");
	talloc_free(mem);
}

static void
the_dsn_has_every_setting_and_ends(void **state)
{
	void *mem = talloc_new(NULL);
	struct tide_settings settings = { 0 };
	struct tide_err err = { 0 };
	struct tide_dsn dsn;
	size_t count = 0;

	(void)state;
	assert_true(resolve(mem, "postgresql://ann:pw@db:1/shop", NULL, NULL, &settings, &err));
	dsn = tide_settings_dsn(mem, &settings);
	for (; dsn.keyword[count] != NULL; count++)
		assert_string_equal(dsn.value[count], find(&settings, dsn.keyword[count])->value);
	assert_int_equal(count, settings.count);
	assert_null(dsn.value[count]);
	talloc_free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_of_applications_are_read),
		cmocka_unit_test(what_cannot_be_read_is_refused_without_a_word_of_it),
		cmocka_unit_test(no_secret_is_shown),
		cmocka_unit_test(a_mistyped_key_of_libpq_is_an_error_that_names_it),
		cmocka_unit_test(a_dropped_key_is_named_and_its_value_is_not),
		cmocka_unit_test(the_strongest_source_is_taken_as_a_whole),
		cmocka_unit_test(flags_are_stronger_than_everything),
		cmocka_unit_test(an_unknown_override_is_refused),
		cmocka_unit_test(values_of_the_environment_lose_blanks_and_quotes),
		cmocka_unit_test(the_port_that_kubernetes_sets_is_not_a_port),
		cmocka_unit_test(a_service_is_left_to_libpq),
		cmocka_unit_test(the_password_file_is_named_when_it_is_used),
		cmocka_unit_test(defaults_say_that_they_are),
		cmocka_unit_test(the_dsn_has_every_setting_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
