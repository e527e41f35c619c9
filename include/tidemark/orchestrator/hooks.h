#ifndef TIDE_HOOKS_H
#define TIDE_HOOKS_H

#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/plans/plan.h"

struct ev_loop;

/**
 * Programs of the user that are called for events of a run: one for all of them, or those in a folder, each called as its event is.
 * A hook gets the event as JSON on standard input (event_json.h) and as TIDEMARK_* variables. For what has happened, hooks are called
 * one after the other, beside the run, and nothing that they do holds it up. Hooks `before-…` are waited for, and may refuse.
 */
struct tide_hooks;

/**
 * path: the program or the folder; timeout: us, of each call. told: hears what goes wrong with hooks; must outlive them. Belongs to
 * ctx. No such program: TIDE_USAGE.
 */
struct tide_hooks *tide_hooks_new(void *ctx, struct ev_loop *loop, const char *path, int64_t timeout,
    const struct tide_plan *plan, const struct tide_observer *told, struct tide_err *err) TIDE_CHECKED;
/** The observer that calls them for what has happened. */
struct tide_observer tide_hooks_observer(struct tide_hooks *hooks);
/** Waits until all that was told has been passed on, but not for long; Ctrl-C ends the wait. Then no hook is called any more. */
void tide_hooks_finish(struct tide_hooks *hooks);

/** Names of the events for which hooks are called, `before-…` among them; ends with NULL. */
const char *const *tide_hooks_events(void);

#endif
