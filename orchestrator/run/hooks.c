#include "hooks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "executor/child.h"
#include "executor/stop_signals.h"
#include "tidemark/base/array.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/event_json.h"

/** More than this are not kept: a hook is slower than what happens. */
#define CALLS_MOST 100
/** How long the end of the command waits for the last hooks. */
#define FINISH_MOST (60 * TIDE_SECOND)

/** The only events for which hooks are called. */
static const char *const events[] = { "run.start", "wait.start", "gate.open", "before-phase", "phase.start",
	"phase.done", "throttle.start", "throttle.end", "verify.failed", "run.paused", "run.resumed",
	"before-drop", "before-rollback", "undo.phase", "rollback.complete", "rollback.failed",
	"run.complete", "run.failed", NULL };

/* One call of one program. */
struct call {
	struct call *next;
	const char *event; /* of the table */
	char *program;
	char *input;
	const char **environment;
};

struct tide_hooks {
	struct ev_loop *loop;
	char *path;
	bool folder;
	int64_t timeout;
	const struct tide_plan *plan;
	const struct tide_observer *told;
	struct call *first, *last; /* the first one is under way */
	size_t waiting;
	struct tide_child *child;
	bool overflow; /* was told */
};

const char *const *
tide_hooks_events(void)
{
	return events;
}

static const char *
known(const char *name)
{
	for (size_t i = 0; events[i] != NULL; i++)
		if (strcmp(events[i], name) == 0)
			return events[i];
	return NULL;
}

static bool
cannot_call(const char *path, const char *why, struct tide_err *err)
{
	tide_fail(err, TIDE_USAGE, "--hook: '%s' cannot be called: %s", path, why);
	return tide_hint(err,
	    "it is a program that this user may execute, or a folder of such programs, called as the "
	    "events are: run.failed, before-phase and so on");
}

struct tide_hooks *
tide_hooks_new(void *ctx, struct ev_loop *loop, const char *path, int64_t timeout,
    const struct tide_plan *plan, const struct tide_observer *told, struct tide_err *err)
{
	struct tide_hooks *hooks;
	struct stat info;
	bool folder;

	if (stat(path, &info) != 0) {
		cannot_call(path, strerror(errno), err);
		return NULL;
	}
	folder = S_ISDIR(info.st_mode);
	if (access(path, folder ? R_OK | X_OK : X_OK) != 0) {
		cannot_call(path, strerror(errno), err);
		return NULL;
	}
	hooks = talloc_zero(ctx, struct tide_hooks);
	*hooks = (struct tide_hooks){ .loop = loop,
		/* Without a slash it would be looked for on PATH. */
		.path = strchr(path, '/') != NULL ? talloc_strdup(hooks, path)
						  : talloc_asprintf(hooks, "./%s", path),
		.folder = folder,
		.timeout = timeout,
		.plan = plan,
		.told = told };
	return hooks;
}

static void
warn(struct tide_hooks *hooks, const char *message)
{
	const struct tide_event event = { .name = "hook.failed",
		.plan = hooks->plan->name,
		.message = message,
		.duration = -1,
		.lock_wait = -1,
		.warning = true };

	if (hooks->told->event != NULL)
		hooks->told->event(hooks->told->ctx, &event);
}

static void
add(struct call *call, size_t *count, const char *name, const char *value)
{
	if (value != NULL)
		call->environment[(*count)++] = talloc_asprintf(call, "%s=%s", name, value);
}

static char *
input_of(void *ctx, const struct tide_event *event, const struct tide_plan *plan)
{
	json_t *object = json_pack("{s:i}", "schema_version", 1), *body = tide_event_json(event);
	char *text, *out;

	json_object_update(object, body);
	json_object_set_new(object, "table", json_string(plan->table));
	text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
	out = talloc_asprintf(ctx, "%s\n", text);
	free(text);
	json_decref(body);
	json_decref(object);
	return out;
}

/* NULL: no hook is called for it. */
static struct call *
call_for(struct tide_hooks *hooks, const struct tide_event *event)
{
	const char *name = known(event->name);
	struct call *call;
	size_t count = 0;
	char *run;

	if (name == NULL)
		return NULL;
	call = talloc_zero(hooks, struct call);
	call->event = name;
	call->program = hooks->folder ? talloc_asprintf(call, "%s/%s", hooks->path, name)
				      : talloc_strdup(call, hooks->path);
	if (hooks->folder && access(call->program, F_OK) != 0) {
		talloc_free(call);
		return NULL;
	}
	call->input = input_of(call, event, hooks->plan);
	call->environment = talloc_zero_array(call, const char *, 8);
	run = event->run > 0 ? talloc_asprintf(call, "%" PRId64, event->run) : NULL;
	add(call, &count, "TIDEMARK_EVENT", name);
	add(call, &count, "TIDEMARK_PLAN", event->plan);
	add(call, &count, "TIDEMARK_RUN", run);
	add(call, &count, "TIDEMARK_TABLE", hooks->plan->table);
	add(call, &count, "TIDEMARK_PHASE", event->phase);
	add(call, &count, "TIDEMARK_STEP", event->step);
	add(call, &count, "TIDEMARK_MESSAGE", event->message);
	return call;
}

static struct tide_child *
start(struct tide_hooks *hooks, const struct call *call, void (*done)(void *ctx), struct tide_err *err)
{
	const char *const argv[] = { call->program, call->event, NULL };
	const struct tide_child_spec spec = { .argv = argv,
		.environment = call->environment,
		.input = call->input,
		.timeout = hooks->timeout,
		.done = done,
		.ctx = hooks };

	return tide_child_start(hooks, hooks->loop, &spec, err);
}

static void begin_next(struct tide_hooks *hooks);

static void
drop_first(struct tide_hooks *hooks)
{
	struct call *call = hooks->first;

	hooks->first = call->next;
	if (hooks->first == NULL)
		hooks->last = NULL;
	hooks->waiting--;
	talloc_free(call);
}

/* It has ended. What it says of what has happened already changes nothing. */
static void
on_end(void *ctx)
{
	struct tide_hooks *hooks = ctx;
	void *mem = talloc_new(hooks);

	if (!tide_child_succeeded(hooks->child))
		warn(hooks,
		    talloc_asprintf(mem, "the hook %s for %s: %s; the run continues", hooks->first->program,
			hooks->first->event, tide_child_result(mem, hooks->child)));
	talloc_free(mem);
	talloc_free(hooks->child);
	hooks->child = NULL;
	drop_first(hooks);
	begin_next(hooks);
}

static void
begin_next(struct tide_hooks *hooks)
{
	struct tide_err err = { 0 };

	while (hooks->first != NULL && hooks->child == NULL) {
		hooks->child = start(hooks, hooks->first, on_end, &err);
		if (hooks->child != NULL)
			break;
		warn(hooks, err.message);
		drop_first(hooks);
	}
}

static void
on_event(void *ctx, const struct tide_event *event)
{
	struct tide_hooks *hooks = ctx;
	struct call *call;

	if (known(event->name) == NULL)
		return;
	if (hooks->waiting == CALLS_MOST) {
		if (!hooks->overflow)
			warn(hooks,
			    "hooks are slower than what happens: some events are not passed on; the run continues");
		hooks->overflow = true;
		return;
	}
	call = call_for(hooks, event);
	if (call == NULL)
		return;
	if (hooks->last != NULL)
		hooks->last->next = call;
	else
		hooks->first = call;
	hooks->last = call;
	hooks->waiting++;
	begin_next(hooks);
}

struct tide_observer
tide_hooks_observer(struct tide_hooks *hooks)
{
	return (struct tide_observer){ .ctx = hooks, .event = on_event };
}

static void
on_signal(void *ctx, int signo)
{
	*(int *)ctx = signo;
}

static void
on_time(struct ev_loop *loop, struct ev_timer *timer, int events_)
{
	(void)loop;
	(void)events_;
	*(int *)timer->data = -1;
}

void
tide_hooks_finish(struct tide_hooks *hooks)
{
	int64_t most = hooks->timeout < FINISH_MOST ? hooks->timeout : FINISH_MOST;
	struct tide_stop_signals signals;
	struct ev_timer timer;
	int over = 0;

	ev_now_update(hooks->loop);
	/* A second more, so that what is killed at its time limit is told as that. */
	ev_timer_init(&timer, on_time, (double)most / (double)TIDE_SECOND + 1.5, 0);
	timer.data = &over;
	ev_timer_start(hooks->loop, &timer);
	tide_stop_signals_start(&signals, hooks->loop, on_signal, &over);
	while (hooks->first != NULL && over == 0)
		ev_run(hooks->loop, EVRUN_ONCE);
	tide_stop_signals_end(&signals);
	ev_timer_stop(hooks->loop, &timer);
	if (hooks->first != NULL)
		warn(hooks,
		    "the command ends before its hooks: they are killed, and some events are not passed on");
	talloc_free(hooks->child);
	hooks->child = NULL;
	while (hooks->first != NULL)
		drop_first(hooks);
}

static bool
judge(const struct tide_executor *exe, const struct call *call, const struct tide_child *child,
    const char *what, struct tide_err *err)
{
	void *mem;

	if (tide_child_succeeded(child))
		return true;
	mem = talloc_new(NULL);
	tide_fail(
	    err, TIDE_HOOK, "the hook %s refused %s: %s", call->event, what, tide_child_result(mem, child));
	talloc_free(mem);
	return tide_hint(err,
	    "it was called as %s, and nothing of %s was done: remove the cause that it names and "
	    "continue with: tidemark %s %s",
	    call->program, what, exe->back ? "rollback" : "run", exe->plan->name);
}

bool
tide_hooks_ask(
    struct tide_executor *exe, const char *name, const char *step, const char *what, struct tide_err *err)
{
	struct tide_hooks *hooks = exe->options->hooks;
	const struct tide_event event = { .name = name,
		.plan = exe->plan->name,
		.run = exe->session->run,
		.phase = exe->report.phase,
		.step = step,
		.message = what,
		.duration = -1,
		.lock_wait = -1 };
	struct call *call = hooks != NULL ? call_for(hooks, &event) : NULL;
	struct tide_child *child;
	bool ok;

	if (call == NULL)
		return true;
	child = start(hooks, call, NULL, err);
	ok = child != NULL;
	tide_executor_set_wait_reason(exe, "waiting for the hook %s", name);
	while (ok && !child->ended) {
		tide_executor_sleep_until(exe, TIDE_SECOND, &child->ended);
		ok = !tide_executor_halted(exe, err);
	}
	tide_executor_set_wait_reason(exe, NULL);
	ok = ok && judge(exe, call, child, what, err);
	talloc_free(child);
	talloc_free(call);
	return ok;
}
