#ifndef TIDE_NAMES_H
#define TIDE_NAMES_H

/** NAMEDATALEN - 1. */
#define TIDE_NAME_MAX 63

/**
 * A generated name: prefix + 16 hex digits of a hash over `identity` + "_" + as much of `suffix`
 * as fits in 63 bytes, cut at a UTF-8 boundary. The same input gives the same name; two
 * identities that differ only after byte 63 give different names. Result belongs to ctx.
 * `suffix` NULL or "" leaves it out.
 */
char *tide_generated_name(void *ctx, const char *prefix, const char *identity, const char *suffix);

/** SHA-256 of `length` bytes as 64 hex digits. Result belongs to ctx. */
char *tide_sha256(void *ctx, const void *data, unsigned long length);

/** Best candidate within edit distance 3 (and less than half the word), or NULL. For "did you mean". */
const char *tide_nearest(const char *word, const char *const *candidates, unsigned long count);

#endif
