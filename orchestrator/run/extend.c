#include "extend.h"

#include <talloc.h>

#include "run_sql.h"
#include "state/crash_points.h"
#include "state/move.h"
#include "compile_live.h"

/* Names of phases and kinds need no quoting but the quotes. */
static char *
array_of(void *ctx, const struct tide_plan *plan, size_t from, bool kinds)
{
	char *text = talloc_strdup(ctx, "{");

	for (size_t i = from; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%s\"%s\"", i > from ? "," : "",
		    kinds ? plan->phase[i].kind->name : plan->phase[i].name);
	return talloc_asprintf_append(text, "}");
}

/* How far the run is: the phases before *first are done, or one of them is running. */
static bool
reached(struct tide_executor *exe, void *mem, size_t *first, bool *at_work, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_await_query(exe->control, mem, tide_sql_run_reached,
		TIDE_ARGS(tide_param_int(mem, exe->session->run)), &rows, err))
		return false;
	*at_work = tide_rows_int(rows, 0, tide_rows_column(rows, "running")) > 0;
	*first = (size_t)tide_rows_int(rows, 0, tide_rows_column(rows, "done")) + (*at_work ? 1 : 0);
	return true;
}

bool
tide_extend_check(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	size_t first;
	bool at_work;
	bool ok = reached(exe, mem, &first, &at_work, err) &&
		  tide_compile_live_check_rest(exe, first, at_work, err);

	talloc_free(mem);
	return ok;
}

bool
tide_extend_run(struct tide_executor *exe, const struct tide_run_row *run, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	const struct tide_plan *plan = exe->plan;
	size_t known = run->known;
	const struct tide_move ready = { .to = TIDE_RUN_READY, .phase = TIDE_SAME_PHASE };
	/* First: a run that is complete must not have phases to do. Another executor may have taken the same ones over meanwhile. */
	bool ok =
	    (run->state != TIDE_RUN_COMPLETE || tide_run_move(exe->session, &ready, err)) &&
	    tide_session_write(exe->session, tide_sql_run_extend,
		TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, exe->session->fence),
		    plan->hash, plan->text, plan->title, tide_param_int(mem, (int64_t)known),
		    array_of(mem, plan, known, false), array_of(mem, plan, known, true), run->known_hash),
		NULL, mem, err);

	tide_crash_point("plan.extended");
	if (ok)
		tide_executor_event(exe, "plan.extended", NULL, false,
		    "the plan has %zu more phase%s than when its run started", plan->count - known,
		    plan->count - known == 1 ? "" : "s");
	talloc_free(mem);
	return ok;
}
