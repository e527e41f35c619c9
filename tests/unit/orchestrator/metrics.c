#include "cli/metrics/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <talloc.h>

#include "signals/throttle.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/units.h"

#define NOW (1000 * TIDE_SECOND)

static const struct tide_kind filling = { .name = "backfill" }, proving = { .name = "verify" };

static struct tide_phase phases[] = { { .kind = &filling, .name = "fill" },
	{ .kind = &proving, .name = "prove" } };

static struct tide_plan plan = { .name = "shop", .phase = phases, .count = 2 };

static struct tide_progress
half_way(void)
{
	return (struct tide_progress){
		.phase = "fill",
		.share = 0.5,
		.blocks_total = 1000,
		.blocks_done = 500,
		.rows_seen = INT64_C(1224000),
		.hot_share = 0.75,
		.lag = -1,
		.eta = 2500 * TIDE_MS,
		.at_work = true,
	};
}

/*
 * A reader of the text format, as strict as a collector: each line is a comment that announces a family, or a sample of
 * the family that was announced last; label values are unescaped; no series comes twice.
 */
struct sample {
	char *series; /* name{label=value;…} with unescaped values */
	double value;
};

struct text {
	void *ctx;
	struct sample sample[2000];
	size_t count, families;
};

/* Reads name="value" up to the quote that ends it. */
static const char *
read_label(const char *at, char **series)
{
	size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");

	assert_true(length > 0);
	*series = talloc_asprintf_append(*series, "%.*s=", (int)length, at);
	at += length;
	assert_memory_equal(at, "=\"", 2);
	for (at += 2; *at != '"'; at++) {
		char c = *at;

		assert_true(c != '\0' && c != '\n');
		if (c == '\\') {
			at++;
			assert_non_null(strchr("\\\"n", *at));
			c = *at == 'n' ? '\n' : *at;
		}
		*series = talloc_strndup_append(*series, &c, 1);
	}
	return at + 1;
}

static const char *
read_sample(struct text *text, const char *at, const char *family)
{
	size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
	struct sample *one = &text->sample[text->count];
	char *end;

	assert_true(text->count < TIDE_COUNT(text->sample));
	assert_memory_equal(at, family, strlen(family));
	one->series = talloc_asprintf(text->ctx, "%.*s{", (int)length, at);
	assert_int_equal(at[length], '{');
	at += length;
	do {
		at = read_label(at + 1, &one->series);
		one->series = talloc_strdup_append(one->series, *at == ',' ? ";" : "}");
	} while (*at == ',');
	assert_memory_equal(at, "} ", 2);
	one->value = strtod(at + 2, &end);
	assert_int_equal(*end, '\n');
	for (size_t i = 0; i < text->count; i++)
		assert_string_not_equal(text->sample[i].series, one->series);
	text->count++;
	return end + 1;
}

static struct text *
read_text(void *ctx, const char *at)
{
	struct text *text = talloc_zero(ctx, struct text);
	char family[128] = "", type[32], again[128];

	text->ctx = text;
	while (*at != '\0') {
		if (*at != '#') {
			at = read_sample(text, at, family);
			continue;
		}
		assert_int_equal(sscanf(at, "# HELP %127[a-z_] %*[^\n]\n# TYPE %127[a-z_] %31[a-z]\n", family,
				     again, type),
		    3);
		assert_string_equal(family, again);
		assert_non_null(strstr("gauge counter histogram", type));
		/* A counter is told by its name, and nothing else is called so. */
		assert_int_equal(strcmp(type, "counter") == 0, strstr(family, "_total") != NULL);
		text->families++;
		at = strchr(strchr(at, '\n') + 1, '\n') + 1;
	}
	return text;
}

static struct text *
print(void *ctx, const struct tide_metrics *m, int64_t now)
{
	struct text *text;
	char *printed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);

	tide_metrics_print(out, m, now);
	(void)fclose(out);
	text = read_text(ctx, printed);
	free(printed);
	return text;
}

/* NaN: there is no such series. */
static double
value_of(const struct text *text, const char *series)
{
	for (size_t i = 0; i < text->count; i++)
		if (strcmp(text->sample[i].series, series) == 0)
			return text->sample[i].value;
	return (double)NAN;
}

static void
assert_value(const struct text *text, const char *series, double value)
{
	double found = value_of(text, series);

	if (!(fabs(found - value) < 1e-9))
		fail_msg("%s is %.15g, not %.15g", series, found, value);
}

static void
assert_none(const struct text *text, const char *series)
{
	if (!isnan(value_of(text, series)))
		fail_msg("%s is there", series);
}

static void
every_family_is_announced_also_when_nothing_is_known(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct text *text = print(m, m, NOW);

	(void)state;
	assert_int_equal(text->families, 18);
	assert_value(text, "tidemark_build_info{plan=shop;version=" TIDEMARK_VERSION "}", 1);
	assert_none(text, "tidemark_phase_state{plan=shop;phase=fill;state=pending}");
	assert_none(text, "tidemark_sweep_rows_total{plan=shop;phase=fill}");
	assert_none(text, "tidemark_sweep_hot_ratio{plan=shop;phase=fill}");
	assert_none(text, "tidemark_heartbeat_timestamp_seconds{plan=shop}");
	assert_value(text, "tidemark_lock_timeouts_total{plan=shop}", 0);
	assert_value(text, "tidemark_batch_duration_seconds_count{plan=shop}", 0);
	for (size_t i = TIDE_CAUSE_NONE + 1; i < TIDE_CAUSES_OF_SWEEPS; i++)
		assert_value(text,
		    talloc_asprintf(
			m, "tidemark_throttled{plan=shop;reason=%s}", tide_cause_word((enum tide_cause)i)),
		    0);
	assert_false(tide_metrics_known(m));
	talloc_free(m);
}

static void
a_phase_is_in_one_state(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct text *text;

	(void)state;
	tide_metrics_sample(m, TIDE_SAMPLE_PHASE, "done", 0, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_PHASE, "waiting", 1, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_PHASE, "running", 1, 0);
	/* Of a plan that has more phases than this one; must not crash. */
	tide_metrics_sample(m, TIDE_SAMPLE_PHASE, "running", 2, 0);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=fill;state=done}", 1);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=fill;state=pending}", 0);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=prove;state=running}", 1);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=prove;state=waiting}", 0);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=prove;state=undoing}", 0);
	talloc_free(m);
}

static void
a_sweep_says_how_far_it_is_and_1_when_its_phase_is_done(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct tide_progress p = half_way();
	struct text *text;

	(void)state;
	tide_metrics_progress(m, &p, NOW);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_sweep_rows_total{plan=shop;phase=fill}", 1224000);
	assert_value(text, "tidemark_sweep_progress_ratio{plan=shop;phase=fill}", 0.5);
	assert_value(text, "tidemark_sweep_eta_seconds{plan=shop;phase=fill}", 2.5);
	assert_value(text, "tidemark_sweep_hot_ratio{plan=shop;phase=fill}", 0.75);
	assert_none(text, "tidemark_verify_mismatches{plan=shop;phase=fill}");
	assert_none(text, "tidemark_sweep_rows_total{plan=shop;phase=prove}");
	tide_metrics_sample(m, TIDE_SAMPLE_PHASE, "done", 0, 0);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_sweep_progress_ratio{plan=shop;phase=fill}", 1);
	assert_value(text, "tidemark_sweep_eta_seconds{plan=shop;phase=fill}", 0);
	talloc_free(m);
}

static void
what_is_unknown_has_no_line(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct tide_progress p = { .phase = "prove", .hot_share = -1, .eta = -1, .mismatches = 3 };
	struct text *text;

	(void)state;
	tide_metrics_progress(m, &p, NOW);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_sweep_progress_ratio{plan=shop;phase=prove}", 0);
	assert_value(text, "tidemark_verify_mismatches{plan=shop;phase=prove}", 3);
	assert_none(text, "tidemark_sweep_hot_ratio{plan=shop;phase=prove}");
	assert_none(text, "tidemark_sweep_eta_seconds{plan=shop;phase=prove}");
	talloc_free(m);
}

static void
buckets_are_cumulative_and_the_last_one_has_everything(void **state)
{
	static const int64_t lasted[] = { 100, 511, 512, 1000, 1024, 15 * TIDE_MS, 90 * TIDE_SECOND };
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct text *text;
	double before = 0;
	size_t buckets = 0;

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(lasted); i++)
		tide_metrics_sample(m, TIDE_SAMPLE_BATCH, NULL, lasted[i], 0);
	tide_metrics_sample(m, TIDE_SAMPLE_LOCK_WAIT, NULL, 2 * TIDE_MS, 0);
	text = print(m, m, NOW);
#define BUCKET(edge) "tidemark_batch_duration_seconds_bucket{plan=shop;le=" edge "}"
	assert_value(text, BUCKET("0.000512"), 2);
	assert_value(text, BUCKET("0.001024"), 4);
	assert_value(text, BUCKET("0.002048"), 5);
	assert_value(text, BUCKET("0.008192"), 5);
	assert_value(text, BUCKET("0.016384"), 6);
	assert_value(text, BUCKET("67.108864"), 6);
	assert_value(text, BUCKET("+Inf"), 7);
	assert_value(text, "tidemark_batch_duration_seconds_count{plan=shop}", 7);
	assert_value(text, "tidemark_batch_duration_seconds_sum{plan=shop}", 90.018147);
	assert_value(text, "tidemark_lock_wait_seconds_count{plan=shop}", 1);
	assert_value(text, "tidemark_lock_wait_seconds_bucket{plan=shop;le=0.001024}", 0);
	assert_value(text, "tidemark_lock_wait_seconds_bucket{plan=shop;le=0.002048}", 1);
	for (size_t i = 0; i < text->count; i++)
		if (strncmp(text->sample[i].series, BUCKET(""), strlen(BUCKET("")) - 1) == 0) {
			assert_true(text->sample[i].value >= before);
			before = text->sample[i].value;
			buckets++;
		}
	assert_int_equal(buckets, 19);
	talloc_free(m);
}

static void
time_counts_for_the_reason_that_held_back(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct tide_progress p = half_way();
	struct text *text;

	(void)state;
	tide_metrics_progress(m, &p, NOW);
	p.hold.cause = TIDE_CAUSE_REPLICA_LAG;
	tide_metrics_progress(m, &p, NOW + TIDE_SECOND);
	tide_metrics_progress(m, &p, NOW + 2 * TIDE_SECOND);
	text = print(m, m, NOW + 2 * TIDE_SECOND);
	assert_value(text, "tidemark_throttled{plan=shop;reason=replica_lag}", 1);
	assert_value(text, "tidemark_throttled{plan=shop;reason=pause}", 0);
	assert_value(text, "tidemark_throttled_seconds_total{plan=shop;reason=replica_lag}", 1);
	p.hold.cause = TIDE_CAUSE_PAUSE;
	tide_metrics_progress(m, &p, NOW + 3 * TIDE_SECOND);
	p.hold.cause = TIDE_CAUSE_NONE;
	tide_metrics_progress(m, &p, NOW + 3 * TIDE_SECOND + 250 * TIDE_MS);
	text = print(m, m, NOW + 4 * TIDE_SECOND);
	assert_value(text, "tidemark_throttled{plan=shop;reason=replica_lag}", 0);
	assert_value(text, "tidemark_throttled{plan=shop;reason=pause}", 0);
	assert_value(text, "tidemark_throttled_seconds_total{plan=shop;reason=replica_lag}", 2);
	assert_value(text, "tidemark_throttled_seconds_total{plan=shop;reason=pause}", 0.25);
	talloc_free(m);
}

static void
a_sweep_that_no_longer_reports_is_not_held_back(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct tide_progress p = half_way();
	struct text *text;

	(void)state;
	p.hold.cause = TIDE_CAUSE_WINDOW;
	tide_metrics_progress(m, &p, NOW);
	assert_value(print(m, m, NOW), "tidemark_throttled{plan=shop;reason=window}", 1);
	assert_value(print(m, m, NOW + 10 * TIDE_SECOND), "tidemark_throttled{plan=shop;reason=window}", 0);
	tide_metrics_progress(m, &p, NOW + 10 * TIDE_SECOND);
	text = print(m, m, NOW + 10 * TIDE_SECOND);
	assert_value(text, "tidemark_throttled_seconds_total{plan=shop;reason=window}", 0);
	tide_metrics_end(m, TIDE_RUN_NONE);
	assert_value(print(m, m, NOW + 10 * TIDE_SECOND), "tidemark_throttled{plan=shop;reason=window}", 0);
	talloc_free(m);
}

static void
retries_are_counted_by_sqlstate_and_lock_timeouts_by_themselves(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct text *text;

	(void)state;
	tide_metrics_sample(m, TIDE_SAMPLE_RETRY, "55P03", 1, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_RETRY, "40P01", 1, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_RETRY, "55P03", 1, 0);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_retries_total{plan=shop;sqlstate=55P03}", 2);
	assert_value(text, "tidemark_retries_total{plan=shop;sqlstate=40P01}", 1);
	assert_value(text, "tidemark_lock_timeouts_total{plan=shop}", 2);
	talloc_free(m);
}

static void
a_replica_that_is_gone_has_no_lag(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct text *text;

	(void)state;
	tide_metrics_sample(m, TIDE_SAMPLE_REPLICA, "east", 1500 * TIDE_MS, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_REPLICA, "west", 0, 0);
	assert_none(print(m, m, NOW), "tidemark_replica_lag_seconds{plan=shop;replica=east}");
	tide_metrics_sample(m, TIDE_SAMPLE_HEARTBEAT, NULL, 0, INT64_C(1750000000123000));
	text = print(m, m, NOW);
	assert_value(text, "tidemark_replica_lag_seconds{plan=shop;replica=east}", 1.5);
	assert_value(text, "tidemark_replica_lag_seconds{plan=shop;replica=west}", 0);
	assert_value(text, "tidemark_heartbeat_timestamp_seconds{plan=shop}", 1750000000.123);
	tide_metrics_sample(m, TIDE_SAMPLE_REPLICA, "west", 0, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_HEARTBEAT, NULL, 0, INT64_C(1750000001123000));
	text = print(m, m, NOW);
	assert_none(text, "tidemark_replica_lag_seconds{plan=shop;replica=east}");
	assert_value(text, "tidemark_replica_lag_seconds{plan=shop;replica=west}", 0);
	talloc_free(m);
}

static void
labels_are_escaped(void **state)
{
	static const char hostile[] = "a\\b\"c\nd}e,f=\"g";
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);

	(void)state;
	tide_metrics_sample(m, TIDE_SAMPLE_REPLICA, hostile, TIDE_SECOND, 0);
	tide_metrics_sample(m, TIDE_SAMPLE_HEARTBEAT, NULL, 0, 1);
	assert_value(print(m, m, NOW),
	    talloc_asprintf(m, "tidemark_replica_lag_seconds{plan=shop;replica=%s}", hostile), 1);
	talloc_free(m);
}

static void
at_the_end_only_what_is_final_stays(void **state)
{
	struct tide_metrics *m = tide_metrics_new(NULL, &plan);
	struct tide_progress p = half_way();
	struct text *text;

	(void)state;
	tide_metrics_progress(m, &p, NOW);
	tide_metrics_end(m, TIDE_RUN_READY);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_sweep_progress_ratio{plan=shop;phase=fill}", 0.5);
	assert_none(text, "tidemark_sweep_eta_seconds{plan=shop;phase=fill}");
	assert_false(tide_metrics_known(m));
	tide_metrics_end(m, TIDE_RUN_COMPLETE);
	text = print(m, m, NOW);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=fill;state=done}", 1);
	assert_value(text, "tidemark_phase_state{plan=shop;phase=prove;state=done}", 1);
	assert_true(tide_metrics_known(m));
	tide_metrics_end(m, TIDE_RUN_ROLLED_BACK);
	assert_value(print(m, m, NOW), "tidemark_phase_state{plan=shop;phase=fill;state=pending}", 1);
	talloc_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_is_announced_also_when_nothing_is_known),
		cmocka_unit_test(a_phase_is_in_one_state),
		cmocka_unit_test(a_sweep_says_how_far_it_is_and_1_when_its_phase_is_done),
		cmocka_unit_test(what_is_unknown_has_no_line),
		cmocka_unit_test(buckets_are_cumulative_and_the_last_one_has_everything),
		cmocka_unit_test(time_counts_for_the_reason_that_held_back),
		cmocka_unit_test(a_sweep_that_no_longer_reports_is_not_held_back),
		cmocka_unit_test(retries_are_counted_by_sqlstate_and_lock_timeouts_by_themselves),
		cmocka_unit_test(a_replica_that_is_gone_has_no_lag),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(at_the_end_only_what_is_final_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
