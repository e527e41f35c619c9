#ifndef TIDE_PROGRESS_H
#define TIDE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "tidemark/orchestrator/observer.h"

/** The line under way on a terminal, or the last line written elsewhere. */
struct tide_progress_line {
	struct tide_stream *stream;
	bool shown;      /* something is in the terminal's last line */
	bool said;       /* at least one line was written elsewhere */
	int64_t at;      /* tide_now_us of the last one */
	double share;    /* of the last one */
	char phase[128]; /* of the last one */
};

/**
 * `backfill users.name → full_name  61.2 %  1,224,000 rows  118k rows/s  batch 31 ms  HOT 81 %  lag 0.4 s  RUNNING  ETA 7 s`.
 * What is not known is left out. Returns `out`.
 */
const char *tide_progress_format(const struct tide_progress *progress, char *out, size_t size);
/** 7 s · 3 min 20 s · 2 h 5 min · 3 d 4 h. Returns `out`. */
const char *tide_progress_time(int64_t us, char *out, size_t size);
/** Whether a line is due: on a terminal each 100 ms, elsewhere each 30 s or 5 %, and for each new phase. */
bool
tide_progress_due(const struct tide_progress_line *line, const struct tide_progress *progress, int64_t now);

/** Shows it when due. */
void tide_progress_show(struct tide_progress_line *line, const struct tide_progress *progress, int64_t now);
/** Makes room on a terminal for another line, or ends the progress. */
void tide_progress_clear(struct tide_progress_line *line);

#endif
