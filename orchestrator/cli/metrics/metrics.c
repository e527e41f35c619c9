#include "metrics.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/phases/phase.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/histogram.h"
#include "tidemark/base/units.h"

/* A sweep that is running or throttled reports ten times a second; what is older says nothing about now. */
#define FRESH (2 * TIDE_SECOND)

/* Edges of the histograms, as powers of two of a microsecond: 0.5 ms to 67 s. There a bucket of ours ends as well. */
#define FIRST_EDGE 9
#define LAST_EDGE 26

/* What a phase has come to. The numbers are those of its sweep, if it has one. */
struct phase {
	bool known; /* its state */
	enum tide_phase_state state;
	bool swept, reads;
	int64_t rows, mismatches;
	double share, hot, eta; /* eta in seconds; negative: unknown */
	double working, commit,
	    baseline; /* workers that are running; seconds of a commit, and without us; negative: unknown */
};

/* Something of which there is one for each label. */
struct named {
	char *label;
	double value;
	struct named *next;
};

struct tide_metrics {
	const struct tide_plan *plan;
	struct phase *phase;
	struct tide_histogram batches, lock_waits;
	struct named *replicas, *told, *retries;  /* told: replicas since the last heartbeat */
	int64_t throttled[TIDE_CAUSES_OF_SWEEPS]; /* us */
	enum tide_cause cause;                    /* of the last progress */
	int64_t at;                               /* tide_now_us of the last progress */
	int64_t lock_timeouts, heartbeat;
	bool ended, settled; /* settled: the state that the run ended in is that of all phases */
};

struct tide_metrics *
tide_metrics_new(void *ctx, const struct tide_plan *plan)
{
	struct tide_metrics *m = talloc_zero(ctx, struct tide_metrics);

	m->plan = plan;
	m->phase = talloc_zero_array(m, struct phase, (unsigned)plan->count);
	for (size_t i = 0; i < plan->count; i++)
		m->phase[i].reads = tide_phase_counts_differences(&plan->phase[i]);
	return m;
}

static struct phase *
find_phase(struct tide_metrics *m, const char *name)
{
	for (size_t i = 0; name != NULL && i < m->plan->count; i++)
		if (strcmp(m->plan->phase[i].name, name) == 0)
			return &m->phase[i];
	return NULL;
}

static bool
throttled_now(const struct tide_metrics *m, int64_t now)
{
	return m->cause != TIDE_CAUSE_NONE && !m->ended && now - m->at <= FRESH;
}

/* The time since the last report counts for the cause of that time. */
static void
count_throttled(struct tide_metrics *m, enum tide_cause cause, int64_t now)
{
	if (throttled_now(m, now))
		m->throttled[m->cause] += now - m->at;
	m->cause = cause;
	m->at = now;
}

void
tide_metrics_progress(struct tide_metrics *m, const struct tide_progress *p, int64_t now)
{
	struct phase *phase = find_phase(m, p->phase);

	count_throttled(m, p->hold.cause, now);
	if (phase == NULL)
		return;
	phase->swept = true;
	phase->rows = p->rows_seen;
	phase->mismatches = p->mismatches;
	phase->share = p->share;
	phase->hot = p->hot_share;
	phase->working = p->working;
	phase->commit = p->commit_p95 > 0 ? (double)p->commit_p95 / (double)TIDE_SECOND : -1;
	phase->baseline = p->commit_baseline > 0 ? (double)p->commit_baseline / (double)TIDE_SECOND : -1;
	phase->eta = p->eta < 0 ? -1 : (double)p->eta / (double)TIDE_SECOND;
}

static void
set_state(struct tide_metrics *m, size_t index, enum tide_phase_state state)
{
	struct phase *phase = &m->phase[index];

	phase->known = true;
	phase->state = state;
	if (state == TIDE_PHASE_DONE) {
		phase->share = 1;
		phase->eta = 0;
	}
}

static void
add_named(struct tide_metrics *m, struct named **list, const char *label, double value)
{
	struct named *one;

	while (*list != NULL && strcmp((*list)->label, label) != 0)
		list = &(*list)->next;
	if (*list != NULL) {
		(*list)->value += value;
		return;
	}
	one = talloc_zero(m, struct named);
	one->label = talloc_strdup(one, label);
	one->value = value;
	*list = one;
}

static void
forget_named(struct named **list)
{
	struct named *next;

	for (struct named *one = *list; one != NULL; one = next) {
		next = one->next;
		talloc_free(one);
	}
	*list = NULL;
}

void
tide_metrics_sample(
    struct tide_metrics *m, enum tide_sample kind, const char *label, int64_t value, int64_t wall)
{
	switch (kind) {
	case TIDE_SAMPLE_PHASE:
		if (value >= 0 && (size_t)value < m->plan->count)
			set_state(m, (size_t)value, tide_phase_state_of(label));
		break;
	case TIDE_SAMPLE_HEARTBEAT:
		m->heartbeat = wall;
		/* The tick before is complete: replicas that it did not report are gone. */
		forget_named(&m->replicas);
		m->replicas = m->told;
		m->told = NULL;
		break;
	case TIDE_SAMPLE_REPLICA:
		add_named(m, &m->told, label, (double)value / (double)TIDE_SECOND);
		break;
	case TIDE_SAMPLE_BATCH:
		tide_histogram_add(&m->batches, value);
		break;
	case TIDE_SAMPLE_LOCK_WAIT:
		tide_histogram_add(&m->lock_waits, value);
		break;
	case TIDE_SAMPLE_RETRY:
		add_named(m, &m->retries, label, (double)value);
		if (strcmp(label, "55P03") == 0)
			m->lock_timeouts += value;
		break;
	}
}

void
tide_metrics_end(struct tide_metrics *m, enum tide_run_state state)
{
	/* A run with nothing to do looks at no phase. */
	static const struct {
		enum tide_run_state run;
		enum tide_phase_state phase;
	} all[] = { { TIDE_RUN_COMPLETE, TIDE_PHASE_DONE }, { TIDE_RUN_ROLLED_BACK, TIDE_PHASE_PENDING } };

	m->ended = true;
	for (size_t i = 0; i < TIDE_COUNT(all); i++) {
		if (state != all[i].run)
			continue;
		m->settled = true;
		for (size_t p = 0; p < m->plan->count; p++)
			set_state(m, p, all[i].phase);
	}
	for (size_t p = 0; p < m->plan->count; p++) {
		m->phase[p].working = 0;
		m->phase[p].commit = m->phase[p].baseline = -1;
		if (m->phase[p].share < 1)
			m->phase[p].eta = -1;
		m->phase[p].state = tide_phase_shown(m->phase[p].state, state, false);
	}
}

bool
tide_metrics_known(const struct tide_metrics *m)
{
	return m->heartbeat != 0 || m->settled;
}

struct label {
	const char *name, *value;
};

/* One family under way. */
struct page {
	FILE *out;
	const struct tide_metrics *metrics;
	const char *name;
	int64_t now;
};

#define LABELS(...)                                                                                          \
	(const struct label[])                                                                               \
	{                                                                                                    \
		__VA_ARGS__,                                                                                 \
		{                                                                                            \
			NULL, NULL                                                                           \
		}                                                                                            \
	}
#define NO_LABELS LABELS({ NULL, NULL })

static void
print_label(FILE *out, const char *name, const char *value)
{
	(void)fprintf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			(void)fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			(void)fprintf(out, "\\%c", *value);
		else
			(void)fputc(*value, out);
	}
	(void)fputc('"', out);
}

static void
print_line(const struct page *page, const char *suffix, const struct label *labels, double value)
{
	(void)fprintf(page->out, "%s%s{", page->name, suffix);
	print_label(page->out, "plan", page->metrics->plan->name);
	for (; labels->name != NULL; labels++) {
		(void)fputc(',', page->out);
		print_label(page->out, labels->name, labels->value);
	}
	(void)fprintf(page->out, "} %.15g\n", value);
}

static void
print_histogram(const struct page *page, const struct tide_histogram *h)
{
	char edge[32];

	for (int e = FIRST_EDGE; e <= LAST_EDGE; e++) {
		int64_t us = INT64_C(1) << e;

		(void)snprintf(edge, sizeof(edge), "%.15g", (double)us / (double)TIDE_SECOND);
		print_line(page, "_bucket", LABELS({ "le", edge }), (double)tide_histogram_below(h, us));
	}
	print_line(page, "_bucket", LABELS({ "le", "+Inf" }), (double)h->count);
	print_line(page, "_sum", NO_LABELS, (double)h->sum / (double)TIDE_SECOND);
	print_line(page, "_count", NO_LABELS, (double)h->count);
}

static void
print_named(const struct page *page, const char *label, const struct named *list)
{
	for (; list != NULL; list = list->next)
		print_line(page, "", LABELS({ label, list->label }), list->value);
}

static void
build_info(const struct page *page)
{
	print_line(page, "", LABELS({ "version", TIDEMARK_VERSION }), 1);
}

static void
phase_state(const struct page *page)
{
	const struct tide_metrics *m = page->metrics;

	for (size_t p = 0; p < m->plan->count; p++)
		for (size_t s = 0; m->phase[p].known && s < TIDE_PHASE_STATES; s++)
			print_line(page, "",
			    LABELS({ "phase", m->plan->phase[p].name },
				{ "state", tide_phase_word((enum tide_phase_state)s)->word }),
			    m->phase[p].state == s ? 1 : 0);
}

static double
rows_of(const struct phase *phase)
{
	return (double)phase->rows;
}

static double
share_of(const struct phase *phase)
{
	return phase->share;
}

static double
eta_of(const struct phase *phase)
{
	return phase->eta;
}

static double
hot_of(const struct phase *phase)
{
	return phase->hot;
}

static double
working_of(const struct phase *phase)
{
	return phase->working;
}

static double
commit_of(const struct phase *phase)
{
	return phase->commit;
}

static double
baseline_of(const struct phase *phase)
{
	return phase->baseline;
}

static double
mismatches_of(const struct phase *phase)
{
	return phase->reads ? (double)phase->mismatches : -1;
}

/* A line for each phase that has swept, where the number is known. */
static void
print_sweeps(const struct page *page, double (*value_of)(const struct phase *))
{
	const struct tide_metrics *m = page->metrics;

	for (size_t p = 0; p < m->plan->count; p++)
		if (m->phase[p].swept && value_of(&m->phase[p]) >= 0)
			print_line(
			    page, "", LABELS({ "phase", m->plan->phase[p].name }), value_of(&m->phase[p]));
}

static void
batch_duration(const struct page *page)
{
	print_histogram(page, &page->metrics->batches);
}

static void
throttled(const struct page *page)
{
	const struct tide_metrics *m = page->metrics;

	for (size_t i = TIDE_CAUSE_NONE + 1; i < TIDE_CAUSES_OF_SWEEPS; i++)
		print_line(page, "", LABELS({ "reason", tide_cause_word((enum tide_cause)i) }),
		    throttled_now(m, page->now) && m->cause == i ? 1 : 0);
}

static void
throttled_seconds(const struct page *page)
{
	const struct tide_metrics *m = page->metrics;

	for (size_t i = TIDE_CAUSE_NONE + 1; i < TIDE_CAUSES_OF_SWEEPS; i++)
		print_line(page, "", LABELS({ "reason", tide_cause_word((enum tide_cause)i) }),
		    (double)m->throttled[i] / (double)TIDE_SECOND);
}

static void
lock_wait(const struct page *page)
{
	print_histogram(page, &page->metrics->lock_waits);
}

static void
lock_timeouts(const struct page *page)
{
	print_line(page, "", NO_LABELS, (double)page->metrics->lock_timeouts);
}

static void
retries(const struct page *page)
{
	print_named(page, "sqlstate", page->metrics->retries);
}

static void
replica_lag(const struct page *page)
{
	print_named(page, "replica", page->metrics->replicas);
}

static void
heartbeat(const struct page *page)
{
	if (page->metrics->heartbeat != 0)
		print_line(page, "", NO_LABELS, (double)page->metrics->heartbeat / (double)TIDE_SECOND);
}

/* One row a family: either lines of its own, or one number of each phase that sweeps. */
static const struct {
	const char *name, *type, *help;
	void (*lines)(const struct page *page);
	double (*of_sweep)(const struct phase *phase);
} families[] = {
	{ "tidemark_build_info", "gauge", "Version of the program.", build_info, NULL },
	{ "tidemark_phase_state", "gauge", "1 for the state that a phase of the plan is in.", phase_state,
	    NULL },
	{ "tidemark_sweep_rows_total", "counter",
	    "Rows written by a sweep, or compared by one that only reads.", NULL, rows_of },
	{ "tidemark_sweep_progress_ratio", "gauge", "Share that a sweep is done with; never falls.", NULL,
	    share_of },
	{ "tidemark_sweep_eta_seconds", "gauge", "How long a sweep will still take.", NULL, eta_of },
	{ "tidemark_sweep_hot_ratio", "gauge", "Share of a sweep's updates that stayed in their page.", NULL,
	    hot_of },
	{ "tidemark_sweep_workers", "gauge",
	    "Workers that are running; 1.3: one all the time and a second three tenths of it.", NULL,
	    working_of },
	{ "tidemark_commit_latency_seconds", "gauge",
	    "How long a commit of the application takes beside a sweep (p95).", NULL, commit_of },
	{ "tidemark_commit_latency_baseline_seconds", "gauge", "The same while the sweep rests.", NULL,
	    baseline_of },
	{ "tidemark_batch_duration_seconds", "histogram", "How long batches of sweeps lasted.",
	    batch_duration, NULL },
	{ "tidemark_throttled", "gauge", "1 while a sweep is throttled for this reason.", throttled, NULL },
	{ "tidemark_throttled_seconds_total", "counter", "How long sweeps were throttled.", throttled_seconds,
	    NULL },
	{ "tidemark_lock_wait_seconds", "histogram",
	    "How long locks on tables were waited for, granted or not.", lock_wait, NULL },
	{ "tidemark_lock_timeouts_total", "counter", "Lock requests that were given up to be tried again.",
	    lock_timeouts, NULL },
	{ "tidemark_retries_total", "counter", "Statements and connections that failed and were tried again.",
	    retries, NULL },
	{ "tidemark_replica_lag_seconds", "gauge", "How far connected replicas are behind.", replica_lag,
	    NULL },
	{ "tidemark_verify_mismatches", "gauge", "Rows that differ, as far as a sweep has looked.", NULL,
	    mismatches_of },
	{ "tidemark_heartbeat_timestamp_seconds", "gauge", "When the lease of the run was last confirmed.",
	    heartbeat, NULL },
};

void
tide_metrics_print(FILE *out, const struct tide_metrics *m, int64_t now)
{
	for (size_t i = 0; i < TIDE_COUNT(families); i++) {
		struct page page = { .out = out, .metrics = m, .name = families[i].name, .now = now };

		(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", page.name, families[i].help, page.name,
		    families[i].type);
		if (families[i].lines != NULL)
			families[i].lines(&page);
		else
			print_sweeps(&page, families[i].of_sweep);
	}
}
