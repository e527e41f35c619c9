#ifndef TIDE_APPLICATION_NAME_H
#define TIDE_APPLICATION_NAME_H

/**
 * "tidemark/<plan>/<what>", at most 63 bytes. A long plan name is cut and gets a hash, so that the prefix up to the
 * second slash belongs to one plan only. Belongs to ctx.
 */
char *tide_application_name(void *ctx, const char *plan, const char *what);
/** "tidemark/<plan>": of a session that holds no lease. */
char *tide_application_name_waiting(void *ctx, const char *plan);
/** The prefix alone, with both slashes. */
char *tide_application_prefix(void *ctx, const char *plan);

#endif
