#ifndef TIDE_STATE_MOVE_H
#define TIDE_STATE_MOVE_H

#include "session.h"

#define TIDE_SAME_PHASE (-2)

/** Where a run goes from where it is. */
struct tide_move {
	enum tide_run_state to; /* TIDE_RUN_NONE: state and reason stay as they are */
	long phase;             /* index; -1 none, or TIDE_SAME_PHASE */
	const char *reason;     /* why it is there; NULL: no reason */
	enum tide_code failure; /* what the attempt failed with; TIDE_OK it did not */
	bool turn;              /* direction and back_to change, too */
	enum tide_direction direction;
	long back_to; /* index of the phase at whose end a rollback stops; -1 all the way */
	bool release; /* the lease goes with it */
};

/**
 * Moves the run's row: nothing else writes the state of a run. Fails with TIDE_LEASE when the lease is another one's, and with
 * TIDE_UNEXPECTED when tide_run_word() does not allow the move from where the run is.
 */
bool
tide_run_move(struct tide_session *session, const struct tide_move *move, struct tide_err *err) TIDE_CHECKED;

#endif
