#include "cli/metrics/metrics_file.h"
#include "cli/output/observers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

static const struct tide_kind filling = { .name = "backfill" };

static struct tide_phase phases[] = { { .kind = &filling, .name = "fill" } };

static struct tide_plan plan = { .name = "shop", .phase = phases, .count = 1 };

/* What the observer after it was told. */
struct told {
	int events, progresses, samples;
	char last[1024];
};

static void
take_event(void *ctx, const struct tide_event *event)
{
	struct told *told = ctx;

	told->events++;
	(void)snprintf(told->last, sizeof(told->last), "%s: %s", event->name, event->message);
}

static void
take_progress(void *ctx, const struct tide_progress *progress)
{
	(void)progress;
	((struct told *)ctx)->progresses++;
}

static void
take_sample(void *ctx, enum tide_sample kind, const char *label, int64_t value)
{
	(void)kind;
	(void)label;
	(void)value;
	((struct told *)ctx)->samples++;
}

/* A directory of its own, an open file in it, and the observer after it. */
struct place {
	char folder[64];
	char *path;
	struct told told;
	struct tide_metrics_file *file;
	struct tide_observers observers;
	struct tide_observer observer;
};

static struct place *
open_place(void)
{
	struct place *place = talloc_zero(NULL, struct place);
	const struct tide_observer next = {
		.ctx = &place->told, .event = take_event, .progress = take_progress, .sample = take_sample
	};
	struct tide_err err;

	(void)snprintf(place->folder, sizeof(place->folder), "/tmp/tidemark-unit-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	place->path = talloc_asprintf(place, "%s/shop.prom", place->folder);
	assert_true(tide_metrics_file_open(place, place->path, &plan, &place->file, &err));
	place->observer = tide_observers_all(&place->observers);
	tide_observers_add(&place->observers, next);
	tide_observers_add(&place->observers, tide_metrics_file_observer(place->file, &place->observer));
	return place;
}

static size_t
files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 2;
}

static bool
has(const struct place *place, const char *line)
{
	FILE *in = fopen(place->path, "r");
	char *all = talloc_zero_array(place, char, 1 << 20);

	assert_non_null(in);
	assert_true(fread(all, 1, (1 << 20) - 1, in) > 0);
	(void)fclose(in);
	return strstr(all, line) != NULL;
}

static void
close_place(struct place *place)
{
	(void)unlink(place->path);
	assert_int_equal(rmdir(place->folder), 0);
	talloc_free(place);
}

static void
nothing_is_written_before_the_lease_is_held(void **state)
{
	struct place *place = open_place();
	const struct tide_progress p = { .phase = "fill", .rows_seen = 1224000 };

	(void)state;
	assert_int_equal(files_in(place->folder), 0);
	place->observer.progress(place->observer.ctx, &p);
	place->observer.sample(place->observer.ctx, TIDE_SAMPLE_PHASE, "running", 0);
	tide_metrics_file_end(place->file, TIDE_RUN_NONE);
	assert_int_equal(files_in(place->folder), 0);
	close_place(place);
}

static void
it_is_written_at_most_once_a_second_and_at_the_end(void **state)
{
	struct place *place = open_place();
	const struct tide_progress p = { .phase = "fill", .rows_seen = 1224000 };

	(void)state;
	place->observer.sample(place->observer.ctx, TIDE_SAMPLE_HEARTBEAT, NULL, 0);
	assert_int_equal(files_in(place->folder), 1);
	for (int i = 0; i < 100; i++) {
		place->observer.progress(place->observer.ctx, &p);
		place->observer.sample(place->observer.ctx, TIDE_SAMPLE_BATCH, NULL, 1000);
	}
	assert_true(has(place, "tidemark_batch_duration_seconds_count{plan=\"shop\"} 0\n"));
	tide_metrics_file_end(place->file, TIDE_RUN_READY);
	assert_true(has(place, "tidemark_batch_duration_seconds_count{plan=\"shop\"} 100\n"));
	assert_true(has(place, "tidemark_sweep_rows_total{plan=\"shop\",phase=\"fill\"} 1224000\n"));
	assert_int_equal(files_in(place->folder), 1);
	assert_int_equal(place->told.progresses, 100);
	assert_int_equal(place->told.samples, 101);
	assert_int_equal(place->told.events, 0);
	close_place(place);
}

static void
a_failure_later_is_one_warning(void **state)
{
	struct place *place = open_place();

	(void)state;
	assert_int_equal(rmdir(place->folder), 0);
	place->observer.sample(place->observer.ctx, TIDE_SAMPLE_HEARTBEAT, NULL, 0);
	tide_metrics_file_end(place->file, TIDE_RUN_NONE);
	assert_int_equal(place->told.events, 1);
	assert_non_null(strstr(place->told.last, "metrics.failed: "));
	assert_non_null(strstr(place->told.last, place->path));
	/* And when it can be written again, it is. */
	assert_int_equal(mkdir(place->folder, 0700), 0);
	tide_metrics_file_end(place->file, TIDE_RUN_NONE);
	assert_int_equal(files_in(place->folder), 1);
	close_place(place);
}

static void
what_cannot_be_written_is_refused(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_metrics_file *file;
	struct tide_err err;
	struct stat null;

	(void)state;
	assert_false(tide_metrics_file_open(ctx, "/nowhere/at/all/shop.prom", &plan, &file, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	assert_non_null(strstr(err.message, "/nowhere/at/all/shop.prom"));
	assert_false(tide_metrics_file_open(ctx, "/tmp", &plan, &file, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	/* Renaming over it would be the end of it. */
	assert_false(tide_metrics_file_open(ctx, "/dev/null", &plan, &file, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_true(S_ISCHR(null.st_mode));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_written_before_the_lease_is_held),
		cmocka_unit_test(it_is_written_at_most_once_a_second_and_at_the_end),
		cmocka_unit_test(a_failure_later_is_one_warning),
		cmocka_unit_test(what_cannot_be_written_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
