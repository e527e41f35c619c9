#include "application_name.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/base/names.h"

char *
tide_application_prefix(void *ctx, const char *plan)
{
	char *hash, *text;

	if (strlen(plan) <= 36)
		return talloc_asprintf(ctx, "tidemark/%s/", plan);
	hash = tide_sha256(ctx, plan, strlen(plan));
	text = talloc_asprintf(ctx, "tidemark/%.27s~%.8s/", plan, hash);
	talloc_free(hash);
	return text;
}

char *
tide_application_name_waiting(void *ctx, const char *plan)
{
	char *text = tide_application_prefix(ctx, plan);

	text[strlen(text) - 1] = '\0';
	return text;
}

char *
tide_application_name(void *ctx, const char *plan, const char *what)
{
	char *prefix = tide_application_prefix(ctx, plan);
	char *text = talloc_asprintf(ctx, "%s%s", prefix, what);

	if (strlen(text) > TIDE_NAME_MAX)
		text[TIDE_NAME_MAX] = '\0';
	talloc_free(prefix);
	return text;
}
