#include "executor_fixture.h"

#include <string.h>

#include "signals/backend_watch.h"
#include "signals/watcher.h"

#define QUESTION "SELECT state FROM asked"
#define CANCEL "pg_cancel_backend"

#define ANSWERED                                                                                             \
	{                                                                                                    \
		QUESTION, "state", "active", NULL, 0                                                         \
	}

/* What the watch's operations saw, and what they do. */
struct asker {
	struct tide_backend_watch *watch;
	int ticks, answers;
	bool refuses, asks_again, cancels;
};

static const char *
target(void *ctx, void *mem)
{
	(void)ctx;
	return talloc_strdup(mem, "4711");
}

static bool
ticked(void *ctx)
{
	struct asker *asker = ctx;

	asker->ticks++;
	return !asker->refuses;
}

static void
answered(void *ctx, const struct tide_rows *rows)
{
	struct asker *asker = ctx;

	assert_string_equal(tide_rows_text(rows, 0, 0), "active");
	asker->answers++;
	if (asker->asks_again)
		tide_backend_watch_ask(asker->watch);
	if (asker->cancels)
		tide_backend_watch_cancel(asker->watch);
}

static const struct tide_backend_watch_ops ops = {
	.sql = QUESTION,
	.target = target,
	.tick = ticked,
	.answer = answered,
};

static void
start(struct fixture *f, struct asker *asker, int64_t period)
{
	asker->watch = tide_backend_watch_start(f->exe, &ops, asker, period, period);
}

/* Lets it tick until the asker has counted so many, and ends it. */
static void
watch_until(struct fixture *f, struct asker *asker, const int *counted, int many)
{
	start(f, asker, TIDE_MS);
	while (*counted < many)
		tide_executor_turn(f->exe);
	talloc_free(asker->watch);
}

static void
turn_until_idle(struct tide_executor *exe)
{
	while (tide_conn_busy(exe->watch))
		tide_executor_turn(exe);
}

static void
it_asks_about_its_target_with_each_tick(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { ANSWERED, { NULL } };
	struct asker asker = { .answers = 0 };

	begin(f, table);
	watch_until(f, &asker, &asker.answers, 3);
	assert_true(asker.ticks >= 3);
	assert_true(answering_count(&f->server, QUESTION, "[4711]") >= 3);
	assert_int_equal(
	    answering_count(&f->server, QUESTION, NULL), answering_count(&f->server, QUESTION, "[4711]"));
}

static void
without_a_period_it_asks_only_when_told(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { ANSWERED, { NULL } };
	struct asker asker = { .answers = 0 };
	struct tide_executor *exe = begin(f, table);

	start(f, &asker, 0);
	tide_executor_sleep(exe, 20 * TIDE_MS);
	assert_sent(f, QUESTION, NULL, 0);
	tide_backend_watch_ask(asker.watch);
	turn_until_idle(exe);
	talloc_free(asker.watch);
	assert_int_equal(asker.answers, 1);
	assert_int_equal(asker.ticks, 0);
	assert_sent(f, QUESTION, NULL, 1);
}

static void
a_tick_may_keep_it_from_asking(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct asker asker = { .refuses = true };

	begin(f, table);
	watch_until(f, &asker, &asker.ticks, 3);
	assert_string_equal(f->server.record->text, "");
}

static void
a_failure_is_no_answer_and_it_asks_again(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { QUESTION, NULL, NULL, "57014", 2 }, ANSWERED, { NULL } };
	struct asker asker = { .answers = 0 };

	begin(f, table);
	watch_until(f, &asker, &asker.answers, 1);
	assert_true(answering_count(&f->server, QUESTION, NULL) >= 3);
}

/* While it is under way there is no tick, and to ask once more does nothing. */
static void
one_question_at_a_time(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { QUESTION, NULL, NULL, ANSWER_HANGS, 0 }, { NULL } };
	struct asker asker = { .answers = 0 };
	struct tide_executor *exe = begin(f, table);

	start(f, &asker, TIDE_MS);
	while (asker.ticks == 0)
		tide_executor_turn(exe);
	tide_backend_watch_ask(asker.watch);
	tide_executor_sleep(exe, 20 * TIDE_MS);
	assert_int_equal(asker.ticks, 1);
	assert_sent(f, QUESTION, NULL, 1);
	tide_conn_close(exe->watch);
	talloc_free(asker.watch);
	assert_int_equal(asker.answers, 0);
}

/* Whether to end then is the caller's to say; nothing is sent. */
static void
it_ticks_on_without_a_connection(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct asker asker = { .answers = 0 };
	struct tide_executor *exe = begin(f, table);

	tide_conn_close(exe->watch);
	watch_until(f, &asker, &asker.ticks, 3);
	assert_string_equal(f->server.record->text, "");
}

static void
a_cancel_is_for_the_control_connection_and_is_sent_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { ANSWERED, { CANCEL, "done", "t", NULL, 0 }, { NULL } };
	struct asker asker = { .cancels = true };
	struct tide_executor *exe = begin(f, table);
	char pid[32];

	start(f, &asker, TIDE_MS);
	assert_false(tide_backend_watch_cancelled(asker.watch));
	while (asker.answers < 3)
		tide_executor_turn(exe);
	assert_true(tide_backend_watch_cancelled(asker.watch));
	talloc_free(asker.watch);
	snprintf(pid, sizeof(pid), "[%d]", tide_conn_backend_pid(exe->control));
	assert_sent(f, CANCEL, pid, 1);
	assert_sent(f, CANCEL, NULL, 1);
}

/* The lease must not wait for questions: what is asked at the end of one answer waits until the heartbeat is sent. */
static void
a_heartbeat_that_is_due_goes_first(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { TICKS, ANSWERED, { NULL } };
	struct asker asker = { .asks_again = true };
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_watcher_start(exe, &f->err));
	start(f, &asker, 0);
	tide_backend_watch_ask(asker.watch);
	tide_watcher_poke(exe);
	assert_true(tide_watcher_due(exe));
	while (asker.answers == 0)
		tide_executor_turn(exe);
	assert_false(tide_watcher_due(exe));
	while (exe->signals.ticks < 2)
		tide_executor_turn(exe);
	assert_sent(f, QUESTION, NULL, 1);
	assert_true(answering_count(&f->server, BEAT, NULL) >= 2);
	talloc_free(asker.watch);
}

/* Its callback must not come after it is gone. */
static void
freeing_it_waits_for_the_answer(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { ANSWERED, { NULL } };
	struct asker asker = { .answers = 0 };

	begin(f, table);
	start(f, &asker, 0);
	tide_backend_watch_ask(asker.watch);
	talloc_free(asker.watch);
	assert_int_equal(asker.answers, 1);
	assert_false(tide_conn_busy(f->exe->watch));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_asks_about_its_target_with_each_tick),
		TEST(without_a_period_it_asks_only_when_told),
		TEST(a_tick_may_keep_it_from_asking),
		TEST(a_failure_is_no_answer_and_it_asks_again),
		TEST(one_question_at_a_time),
		TEST(it_ticks_on_without_a_connection),
		TEST(a_cancel_is_for_the_control_connection_and_is_sent_once),
		TEST(a_heartbeat_that_is_due_goes_first),
		TEST(freeing_it_waits_for_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
