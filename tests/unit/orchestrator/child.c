#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "executor/child.h"
#include "tidemark/base/units.h"

struct fixture {
	struct ev_loop *loop;
	struct tide_child *child;
	struct tide_err err;
};

static int
setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->loop = ev_default_loop(EVFLAG_AUTO);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	struct ev_loop *loop = f->loop;

	talloc_free(f);
	ev_loop_destroy(loop);
	return 0;
}

static void
begin(struct fixture *f, const char *script, const char *input, int64_t timeout)
{
	static const char *const variables[] = { "TIDEMARK_PLAN=p", "HOME=elsewhere", NULL };
	const char *const argv[] = { "sh", "-c", script, "sh", "an argument", NULL };
	const struct tide_child_spec spec = {
		.argv = argv, .environment = variables, .input = input, .timeout = timeout
	};

	f->child = tide_child_start(f, f->loop, &spec, &f->err);
	assert_non_null(f->child);
}

/* How a script ends, in words. */
static const char *
run(struct fixture *f, const char *script, const char *input)
{
	begin(f, script, input, 10 * TIDE_SECOND);
	while (!f->child->ended)
		ev_run(f->loop, EVRUN_ONCE);
	return tide_child_result(f, f->child);
}

static void
what_it_gets_and_how_it_ends(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(run(f, "cat; echo \"$1 $TIDEMARK_PLAN $HOME\" >&2", "{\"event\": 1}\n"),
	    "exit status 0: {\"event\": 1} an argument p elsewhere");
	assert_true(tide_child_succeeded(f->child));
	assert_string_equal(run(f, "cat; exit 3", NULL), "exit status 3");
	assert_false(tide_child_succeeded(f->child));
	assert_string_equal(run(f, "kill -9 $$", NULL), "ended by signal 9");
	assert_string_equal(run(f, "exec no-such-program", NULL) + strlen("exit status "),
	    "127: sh: 1: exec: no-such-program: not found");
}

static void
input_that_is_not_read_is_no_trouble(void **state)
{
	assert_string_equal(run(*state, "exit 0", "unread"), "exit status 0");
}

static void
only_the_end_of_what_it_writes_is_kept(void **state)
{
	struct fixture *f = *state;
	const char *result = run(f, "yes 0123456789 | head -n 100000; echo the end", NULL);

	assert_true(strlen(result) < 500);
	assert_string_equal(result + strlen(result) - strlen(" the end"), " the end");
	assert_int_equal(f->child->used, TIDE_CHILD_TAIL);
}

static void
it_has_nothing_open_but_its_standard_streams_and_no_signal_is_ignored(void **state)
{
	struct fixture *f = *state;
	int other = dup2(STDIN_FILENO, 9);

	(void)signal(SIGPIPE, SIG_IGN);
	assert_string_equal(
	    run(f,
		"for fd in 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$fd && echo $fd; done; test -e /proc/$$/fd/2",
		NULL),
	    "exit status 0");
	assert_string_equal(run(f, "grep -c 'SigIgn:.0*$' /proc/$$/status", NULL), "exit status 0: 1");
	(void)signal(SIGPIPE, SIG_DFL);
	close(other);
}

static void
a_time_limit_ends_it_and_all_that_it_has_started(void **state)
{
	struct fixture *f = *state;
	pid_t group;

	begin(f, "trap '' TERM; sleep 100 & sleep 100", NULL, 50 * TIDE_MS);
	group = f->child->pid;
	assert_int_equal(getpgid(group), group);
	while (!f->child->ended)
		ev_run(f->loop, EVRUN_ONCE);
	assert_string_equal(tide_child_result(f, f->child), "killed after 50ms");
	assert_false(tide_child_succeeded(f->child));
	assert_int_equal(waitpid(group, NULL, WNOHANG), -1);
}

static void
freed_while_it_runs_it_is_killed_and_leaves_no_zombie(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	begin(f, "sleep 100", NULL, 100 * TIDE_SECOND);
	pid = f->child->pid;
	assert_string_equal(tide_child_result(f, f->child), "it is running");
	talloc_free(f->child);
	assert_int_equal(kill(pid, 0), -1);
}

static void
remember(void *ctx)
{
	struct fixture *f = ctx;

	talloc_free(f->child);
	f->child = NULL;
}

static void
who_is_told_of_the_end_may_free_it(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = { "true", NULL };
	const struct tide_child_spec spec = {
		.argv = argv, .timeout = TIDE_SECOND, .done = remember, .ctx = f
	};

	f->child = tide_child_start(f, f->loop, &spec, &f->err);
	while (f->child != NULL)
		ev_run(f->loop, EVRUN_ONCE);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_it_gets_and_how_it_ends),
		TEST(input_that_is_not_read_is_no_trouble),
		TEST(only_the_end_of_what_it_writes_is_kept),
		TEST(it_has_nothing_open_but_its_standard_streams_and_no_signal_is_ignored),
		TEST(a_time_limit_ends_it_and_all_that_it_has_started),
		TEST(freed_while_it_runs_it_is_killed_and_leaves_no_zombie),
		TEST(who_is_told_of_the_end_may_free_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
