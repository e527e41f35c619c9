#ifndef TIDE_REVIEW_H
#define TIDE_REVIEW_H

#include <jansson.h>
#include <stdint.h>

#include "cli/context/cli.h"
#include "review_input.h"
#include "tidemark/phases/step.h"

/** What the estimates of time assume; every review states them. */

/** An estimate, us; 0: an instant; -1: unknown. */
int64_t tide_review_estimate(const struct tide_action *action, const struct tide_plan *plan);
/** "instant", "about 17 s", "unknown". Returns `out`. */
const char *
tide_review_time(const struct tide_action *action, const struct tide_plan *plan, char *out, size_t size);
/** "ACCESS EXCLUSIVE on …, an instant; …", or that nothing is locked. Belongs to ctx. */
char *tide_review_lock(void *ctx, const struct tide_action *action, const struct tide_plan *plan);
/** What is touched, with rows and bytes. Belongs to ctx. */
char *tide_review_touch(void *ctx, const struct tide_action *action);
/** One line about a trigger of the application that a sweep meets, and how often it fires. Belongs to ctx. */
char *tide_review_other(void *ctx, const struct tide_other_trigger *other, const struct tide_action *action);
/** What must be true before a phase starts, for display; NULL for no gate. Belongs to ctx. */
char *tide_review_gate(void *ctx, const struct tide_gate *gate);
/** What undoing a phase loses: the worst of its steps. */
enum tide_loss tide_review_loss(const struct tide_steps *steps);
/** "reversible", "reversible, lossy", "irreversible". */
const char *tide_review_loss_name(enum tide_loss loss);
/** What an undo loses, for "loses"; the second with the verb. Belong to ctx. */
char *tide_review_lost(void *ctx, const struct tide_action *undo);
char *tide_review_loses(void *ctx, const struct tide_action *undo);
/** The first step after which there is no rollback to before its phase: index of its phase; -1 when there is none. */
long tide_review_point(const struct tide_review_input *input, const struct tide_step **step);
/** The statements of an action as they would be sent, one text. Belongs to ctx. */
char *tide_review_act(void *ctx, const struct tide_action *action, const struct tide_review_input *input);

/** Index of an earlier phase with a step that does just the same (its probe will find it done); -1: none. */
long
tide_review_repeats(const struct tide_review_input *input, size_t phase, const struct tide_action *action);

/** For display. */
void tide_review_print(struct tide_stream *out, const struct tide_review_input *input, const char *as);
/** The rollback, last phase first, for display. */
void tide_review_print_back(struct tide_stream *out, const struct tide_review_input *input, const char *as);
json_t *tide_review_json(const struct tide_review_input *input);
/** SQL that psql runs as it is; false + err when some step cannot be said so. */
bool tide_review_sql(struct tide_stream *out, const struct tide_review_input *input, bool back,
    struct tide_err *err) TIDE_CHECKED;
/** One sweep as a DO block that commits each batch. Belongs to ctx. */
char *tide_review_sweep(void *ctx, const struct tide_sweep_spec *spec, const char *table);

#endif
