#ifndef TIDE_STATE_SETTING_H
#define TIDE_STATE_SETTING_H

#include "tidemark/orchestrator/store.h"

/** What is in force for a run. The list belongs to ctx. Awaits. */
bool tide_settings_read(void *ctx, struct tide_conn *conn, int64_t run, struct tide_live_settings *out,
    struct tide_err *err) TIDE_CHECKED;

/** One of them, of the latest run of a plan; *out NULL: it is not set. Belongs to ctx. Awaits. */
bool tide_settings_value(void *ctx, struct tide_conn *conn, const char *plan, const char *key,
    const char **out, struct tide_err *err) TIDE_CHECKED;

/** A statement that ends and journals the settings of run $1 whose time is over, for the watcher, which may not await. */
const char *tide_settings_expire_sql(void);

#endif
