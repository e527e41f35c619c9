#ifndef TIDE_STATE_RUN_H
#define TIDE_STATE_RUN_H

#include "session.h"

/** The latest run of a plan as the database has it. Texts belong to the session. */
struct tide_run_row {
	bool found;
	enum tide_run_state state;
	enum tide_direction direction;
	enum tide_wanted wanted;
	const char *wanted_by, *owner;
	int64_t fence; /* of the lease that was taken last */
	long back_to;  /* index of the phase at whose end a rollback stops; -1 all the way */
	bool live;     /* the lease is held and fresh */
	size_t known;  /* phases of the run when the plan has more of them at its end; 0: it has the same */
	const char *known_hash;    /* of the plan that the run has then */
	const char *recorded_name; /* the table's name in the row, when it has another one now; or NULL */
};

/** What tide_run_find takes that it refuses otherwise. */
enum tide_run_accept {
	TIDE_ACCEPT_LONGER = 1,   /* a plan that has more phases at its end */
	TIDE_ACCEPT_ANEW = 2,     /* another plan, once the run is rolled back */
	TIDE_ACCEPT_COMPLETE = 4, /* a complete run is worked on as well: it must be at home, too */
	TIDE_ACCEPT_NEXT = 8,     /* another plan that is recurring, once the run is complete */
};

/** Whether what follows a run in this state is a run of its own: the plan may be another one than then. */
bool tide_run_begins_anew(const struct tide_plan *plan, enum tide_run_state state, unsigned accept);
/**
 * Finds the latest run of session->plan, sets run, relation and table_oid of the session, and checks that the plan is the run's
 * and the
 * database its own. out->found false: there is none. accept: of enum tide_run_accept.
 */
bool tide_run_find(struct tide_session *session, unsigned accept, struct tide_run_row *out,
    struct tide_err *err) TIDE_CHECKED;
/** Reads state and direction of session->run again: whoever had the lease before may have moved it. */
bool tide_run_look_again(
    struct tide_session *session, struct tide_run_row *row, struct tide_err *err) TIDE_CHECKED;
/** Makes the state schema when absent, and a new run of session->plan; then finds it. */
bool tide_run_create(struct tide_session *session, unsigned accept, struct tide_run_row *out,
    struct tide_err *err) TIDE_CHECKED;

#endif
