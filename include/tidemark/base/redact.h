#ifndef TIDE_REDACT_H
#define TIDE_REDACT_H

/**
 * Masks what could be a secret in free text: `password=…`, `://user:…@`, `sslpassword=…`, in any
 * case and quoting. Every message of libpq passes through here before anybody sees it.
 * Result belongs to ctx.
 */
char *tide_redact(void *ctx, const char *text);

#endif
