#ifndef TIDE_LINT_PRINT_H
#define TIDE_LINT_PRINT_H

#include "output.h"
#include "tidemark/plans/findings.h"

/** `path:line:col: error: message [rule]`, hint on its own line, coloured on a terminal. */
void
tide_lint_print_human(struct tide_stream *stream, const char *path, const struct tide_findings *findings);
/** One line each, as compilers write them, for editors. */
void tide_lint_print_gcc(struct tide_stream *stream, const char *path, const struct tide_findings *findings);
/** Workflow commands that annotate a pull request. */
void
tide_lint_print_github(struct tide_stream *stream, const char *path, const struct tide_findings *findings);

/** "note", "warning", "error". */
const char *tide_severity_name(enum tide_severity severity);
/** How many findings are of this severity. */
size_t tide_lint_count(const struct tide_findings *findings, enum tide_severity severity);
/** Adds those of `more` that are not in `into` yet: a check runs once offline and once against the database. */
void tide_lint_merge(struct tide_findings *into, const struct tide_findings *more);
/** An error as a finding; with its place. */
void tide_lint_from_err(struct tide_findings *into, const char *rule, const struct tide_err *err);

#endif
