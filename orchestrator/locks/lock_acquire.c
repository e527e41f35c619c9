/*
 * The locks of one transaction, within one budget.
 *
 * LOCK TABLE on a partitioned table takes the table and then one partition after the other, and lock_timeout counts for each of
 * them: an application could wait for the sum. Here one deadline counts for all, checked by the server, so that the transaction
 * stays one message.
 *
 * The order is the application's own: a routed statement locks the table before it locks a partition. Once we have the table, every
 * transaction that came through it has ended, so that only those are left that name a partition directly. In the opposite order a
 * routed statement that holds the table and waits for our partition would also block us: a deadlock each time.
 *
 * A transaction that holds a partition and then comes through the table can still meet us in a cycle. It does not notice: while we
 * hold anything we wait for less than deadlock_timeout, so that our own request ends first.
 *
 * Partitions that no session holds come first: no session can begin to use them while we wait for the others.
 */
#include "lock_acquire.h"

#include <talloc.h>

#include "locks_sql.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* Milliseconds, at least one: zero would mean to wait forever. */
static long long
milliseconds(int64_t us)
{
	return us < TIDE_MS ? 1 : (long long)(us / TIDE_MS);
}

char *
tide_lock_acquire_sql(void *ctx, const struct tide_action *action, const struct tide_lock_budget *budget)
{
	int64_t holding = budget->deadlock_timeout / 4 * 3;

	if (action->lock == TIDE_LOCK_NONE || action->lock_table == NULL)
		return talloc_strdup(ctx, "");
	return tide_sqlf(ctx,
	    "SELECT set_config('tidemark.lock_table', %L, true), set_config('tidemark.lock_mode', %L, true), "
	    "set_config('tidemark.lock_budget', '%l', true), set_config('tidemark.lock_holding', '%l', "
	    "true);\n%s",
	    action->lock_table, tide_lock_name(action->lock), milliseconds(budget->total),
	    milliseconds(holding < budget->total ? holding : budget->total), tide_sql_locks_acquire);
}

const char *
tide_lock_remaining_sql(void)
{
	return tide_sql_locks_remaining;
}
