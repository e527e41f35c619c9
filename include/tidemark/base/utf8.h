#ifndef TIDE_UTF8_H
#define TIDE_UTF8_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the well-formed sequence at `text` (1..4), or 0 when it is not one. Stops at the end of the string. */
size_t tide_utf8_sequence(const char *text);

/** The longest prefix of `text`, at most `most` bytes, that does not cut a character. */
size_t tide_utf8_fit(const char *text, size_t most);

#ifdef __cplusplus
}
#endif
#endif
