#ifndef TIDE_GATE_H
#define TIDE_GATE_H

#include "tidemark/plans/plan.h"

/** Reads the `gate` of a phase. Texts belong to ctx. */
bool tide_gate_read(
    void *ctx, const struct tide_toml *node, const char *path, struct tide_gate *out, struct tide_err *err);

/** Whether a text is a time window; else the error at its place. */
bool tide_gate_check_window(const char *text, const char *path, int line, int column, struct tide_err *err);

#endif
