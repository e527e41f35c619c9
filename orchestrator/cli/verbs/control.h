#ifndef TIDE_CONTROL_H
#define TIDE_CONTROL_H

#include "cli/context/cli.h"

/** Writes the request into the row of the run, and says what happens now. */
bool tide_control(struct tide_cli *cli, enum tide_wanted wanted, struct tide_err *err) TIDE_CHECKED;

#endif
