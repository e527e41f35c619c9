#ifndef TIDE_SQLSTATE_H
#define TIDE_SQLSTATE_H

#include "tidemark/base/err.h"

struct pg_result;

/** What the operator should do about a SQLSTATE; NULL or "" (the server did not speak) is TIDE_UNREACHABLE. */
enum tide_code tide_sqlstate_code(const char *sqlstate);

/** Fills err from an error result: code, sqlstate, primary message, detail and hint, all redacted. Returns false. */
bool tide_result_fail(struct tide_err *err, const struct pg_result *result);

/** The text of libpq as one line without a full stop, redacted. Belongs to ctx. */
char *tide_libpq_text(void *ctx, const char *text);
/** Only its first line: what follows is libpq's general advice. */
char *tide_libpq_line(void *ctx, const char *text);

#endif
