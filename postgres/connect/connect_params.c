#include "connect_params.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

/* Without these a peer that vanished is noticed after two hours, and a zombie keeps its locks as long. */
static const struct {
	const char *keyword, *value;
} defaults[] = {
	{ "connect_timeout", "10" },
	{ "keepalives", "1" },
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "tcp_user_timeout", "20000" },
};

static const char *
find(const struct tide_dsn *dsn, const char *keyword)
{
	const char *found = NULL;

	for (size_t i = 0; dsn->keyword[i] != NULL; i++)
		if (strcmp(dsn->keyword[i], keyword) == 0 && dsn->value[i] != NULL &&
		    dsn->value[i][0] != '\0')
			found = dsn->value[i];
	return found;
}

static void
add(struct tide_dsn *out, size_t *count, const char *keyword, const char *value)
{
	out->keyword[*count] = talloc_strdup(out->keyword, keyword);
	out->value[*count] = talloc_strdup(out->value, value);
	(*count)++;
}

struct tide_dsn
tide_connect_params(void *ctx, const struct tide_dsn *dsn, const char *application_name)
{
	size_t given = 0, count = 0;
	struct tide_dsn out;

	while (dsn->keyword[given] != NULL)
		given++;
	out.keyword = talloc_zero_array(ctx, const char *, (unsigned)(given + TIDE_COUNT(defaults) + 3));
	out.value = talloc_zero_array(ctx, const char *, (unsigned)(given + TIDE_COUNT(defaults) + 3));
	for (size_t i = 0; i < given; i++) {
		bool ours = strcmp(dsn->keyword[i], "client_encoding") == 0 ||
			    (application_name != NULL && strcmp(dsn->keyword[i], "application_name") == 0);

		if (!ours && dsn->value[i] != NULL)
			add(&out, &count, dsn->keyword[i], dsn->value[i]);
	}
	/* What a service file says is stronger than our defaults, and only libpq reads it. */
	for (size_t i = 0; find(dsn, "service") == NULL && i < TIDE_COUNT(defaults); i++)
		if (find(dsn, defaults[i].keyword) == NULL)
			add(&out, &count, defaults[i].keyword, defaults[i].value);
	add(&out, &count, "client_encoding", "UTF8");
	if (application_name != NULL)
		add(&out, &count, "application_name", application_name);
	return out;
}

double
tide_connect_limit(const struct tide_dsn *params)
{
	const char *seconds = find(params, "connect_timeout"), *hosts = find(params, "host");
	double limit = seconds == NULL ? 0 : strtod(seconds, NULL);
	int count = 1;

	for (; hosts != NULL && *hosts != '\0'; hosts++)
		if (*hosts == ',')
			count++;
	return limit <= 0 ? 0 : (limit < 2 ? 2 : limit) * count;
}
