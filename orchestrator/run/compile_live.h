#ifndef TIDE_COMPILE_LIVE_H
#define TIDE_COMPILE_LIVE_H

#include "executor/executor.h"

/** Reads what the database is now. Belongs to ctx. */
bool tide_compile_live_catalog(
    struct tide_executor *exe, void *ctx, struct tide_catalog **out, struct tide_err *err) TIDE_CHECKED;
/** Checks and compiles everything ahead, changing nothing: a plan that must be refused is refused before it starts. */
bool tide_compile_live_preflight(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** The same for a run under way: the phases before `first` are done, the last of them perhaps running. */
bool tide_compile_live_check_rest(
    struct tide_executor *exe, size_t first, bool at_work, struct tide_err *err) TIDE_CHECKED;
/** The steps of one phase: as they were written down, or else compiled now and written down. Belongs to ctx. */
bool tide_compile_live_steps(struct tide_executor *exe, void *ctx, long index, struct tide_steps **out,
    struct tide_err *err) TIDE_CHECKED;

#endif
