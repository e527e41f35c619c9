#ifndef TIDE_OUTPUT_H
#define TIDE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tidemark/base/err.h"
#include "tidemark/postgres/url.h"

enum tide_style { TIDE_PLAIN, TIDE_BOLD, TIDE_DIM, TIDE_RED, TIDE_YELLOW, TIDE_GREEN, TIDE_CYAN };

/** Standard output or standard error, and how it may be written to. */
struct tide_stream {
	FILE *file;
	bool terminal; /* may redraw */
	bool colour;
};

/** `color` is auto, always or never; NO_COLOR and TERM=dumb count for auto. */
void tide_stream_init(
    struct tide_stream *stream, FILE *file, const char *color, tide_getenv *getenv_fn, void *getenv_ctx);

/**
 * Formats and prints in a style. Control characters other than newline and tab, which names, queries and
 * application names of strangers may hold, come out as \xNN: nothing from a database drives the terminal.
 */
void
tide_output_say(struct tide_stream *stream, enum tide_style style, const char *fmt, ...) TIDE_PRINTF(3, 4);
/** Text as it is, for SQL and generated files. */
void tide_output_put(struct tide_stream *stream, const char *text);
/** `text`, each line indented by `indent`; tabs become four spaces. */
void tide_output_block(struct tide_stream *stream, const char *indent, const char *text);

/** Control characters made visible, bad UTF-8 replaced. Belongs to ctx. */
char *tide_output_printable(void *ctx, const char *text);
/** Columns on a terminal: code points, as our own texts are narrow. */
size_t tide_output_columns(const char *text);
/** Pads with spaces to `width` columns, or leaves what is wider. Belongs to ctx. */
char *tide_output_pad(void *ctx, const char *text, size_t width);

/** "tidemark: error: where: message" and its hint lines, on `stream`. */
void tide_output_error(struct tide_stream *stream, const struct tide_err *err);

/** Flushes standard output. true when everything was written, or nobody reads any more (EPIPE). */
bool tide_stream_close(struct tide_stream *stream, struct tide_err *err) TIDE_CHECKED;

#endif
