#ifndef TIDE_EVENT_PRINTER_H
#define TIDE_EVENT_PRINTER_H

#include <stdint.h>

#include "cli/context/cli.h"
#include "cli/output/progress.h"
#include "tidemark/base/log.h"
#include "tidemark/orchestrator/observer.h"

/** Turns what the executor tells into a progress line or log lines, on standard error. */
struct tide_event_printer {
	struct tide_cli *cli;
	struct tide_progress_line line;
	struct tide_log log;
	bool pretty; /* sentences for display, as against log lines */
	bool silent; /* only warnings go to standard error */
};

/** Where and how log lines are written, as the options say. */
struct tide_log tide_event_printer_log(struct tide_cli *cli);
/** `printer` must outlive the observer. */
struct tide_observer tide_event_printer_init(struct tide_event_printer *printer, struct tide_cli *cli);
/** Takes the progress line away. */
void tide_event_printer_end(struct tide_event_printer *printer);

#endif
