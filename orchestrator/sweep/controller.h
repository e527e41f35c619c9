#ifndef TIDE_CONTROLLER_H
#define TIDE_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

/**
 * How many workers work: a number that is not whole, such as 1.3 — one all the time and a second for three tenths of it. Pure: the
 * caller says what time it is and what is felt.
 *
 * It rises by steps that become smaller the nearer what is felt comes to the limit, and falls at once, in proportion, when the limit
 * is exceeded (additive increase, multiplicative decrease). Where it hurt last, it passes slowly for a while; so it does not swing.
 * What is read is never taken for better than it is: while nothing is known, nothing changes.
 */
struct tide_controller {
	double workers;     /* now */
	double least, most; /* bounds */
	double hurt;        /* where the limit was exceeded last; 0 nowhere */
	int64_t hurt_at;    /* us */
	int64_t changed;    /* us, of the last decrease: what was measured before is about another speed */
	int64_t at;         /* us, of the last step */
};

/** What is felt at this moment. */
struct tide_feeling {
	bool known;       /* something was measured at the present speed */
	bool sure;        /* … often enough to believe a small difference */
	bool alone;       /* nobody is there who could feel anything */
	int64_t p95;      /* us */
	int64_t baseline; /* us, the same without us */
	int64_t limit;    /* us; INT64_MAX: nothing is too much */
	double ceiling;   /* most workers for another reason than these; 0 none */
};

void tide_controller_begin(struct tide_controller *controller, int64_t now, double workers, double most);
void
tide_controller_step(struct tide_controller *controller, int64_t now, const struct tide_feeling *feeling);

#endif
