#include "tidemark/postgres/param.h"

#include <talloc.h>

#include "tidemark/base/units.h"

const char *
tide_param_int(void *ctx, int64_t value)
{
	return talloc_asprintf(ctx, "%lld", (long long)value);
}

/* Not in microseconds: PostgreSQL 14 reads each field of an interval into 32 bits. */
const char *
tide_param_interval(void *ctx, int64_t us)
{
	return talloc_asprintf(
	    ctx, "%lld.%06lld seconds", (long long)(us / TIDE_SECOND), (long long)(us % TIDE_SECOND));
}
