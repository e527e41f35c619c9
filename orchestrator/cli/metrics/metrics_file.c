#include "metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "metrics.h"
#include "tidemark/base/units.h"

struct tide_metrics_file {
	const char *path;
	char *beside; /* where it is written first; does not end as collectors look for */
	struct tide_metrics *metrics;
	struct tide_observer all;
	int64_t written; /* tide_now_us of the last time; 0 never */
	bool warned;
};

/* Group and others may read as the umask says: the collector is another user. */
static FILE *
open_beside(const struct tide_metrics_file *file)
{
	int fd = open(file->beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (out == NULL && fd >= 0)
		(void)close(fd);
	return out;
}

static bool
replace(const struct tide_metrics_file *file, int64_t now)
{
	FILE *out = open_beside(file);
	int failure = 0;

	if (out == NULL)
		return false;
	tide_metrics_print(out, file->metrics, now);
	if (ferror(out) != 0)
		failure = errno;
	if (fclose(out) != 0 && failure == 0)
		failure = errno;
	if (failure == 0 && rename(file->beside, file->path) != 0)
		failure = errno;
	if (failure == 0)
		return true;
	(void)unlink(file->beside);
	errno = failure;
	return false;
}

/* A metrics file that cannot be written does not end the run. */
static void
warn(struct tide_metrics_file *file)
{
	char message[1024];
	const struct tide_event event = {
		.name = "metrics.failed", .message = message, .duration = -1, .lock_wait = -1, .warning = true
	};

	if (file->warned)
		return;
	file->warned = true;
	(void)snprintf(message, sizeof(message), "metrics cannot be written to %s: %s; the run continues",
	    file->path, strerror(errno));
	if (file->all.event != NULL)
		file->all.event(file->all.ctx, &event);
}

static void
write_when_due(struct tide_metrics_file *file, int64_t now)
{
	if (!tide_metrics_known(file->metrics) || (file->written != 0 && now - file->written < TIDE_SECOND))
		return;
	file->written = now;
	if (!replace(file, now))
		warn(file);
}

static void
on_progress(void *ctx, const struct tide_progress *progress)
{
	struct tide_metrics_file *file = ctx;
	int64_t now = tide_now_us();

	tide_metrics_progress(file->metrics, progress, now);
	write_when_due(file, now);
}

static void
on_sample(void *ctx, enum tide_sample kind, const char *label, int64_t value)
{
	struct tide_metrics_file *file = ctx;
	struct timespec wall;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	tide_metrics_sample(
	    file->metrics, kind, label, value, (int64_t)wall.tv_sec * TIDE_SECOND + wall.tv_nsec / 1000);
	/* A heartbeat comes once a second, whatever the run is at. */
	write_when_due(file, tide_now_us());
}

static bool
cannot(const struct tide_metrics_file *file, const char *why, struct tide_err *err)
{
	(void)tide_fail(err, TIDE_USAGE, "--metrics-file: '%s' cannot be written: %s", file->path, why);
	return tide_hint(err, "it is replaced by a rename: its directory must exist and be writable, and "
			      "what is there now must be a regular file");
}

bool
tide_metrics_file_open(void *ctx, const char *path, const struct tide_plan *plan,
    struct tide_metrics_file **out, struct tide_err *err)
{
	struct tide_metrics_file *file = talloc_zero(ctx, struct tide_metrics_file);
	struct stat there;
	FILE *trial;

	file->path = path;
	file->beside = talloc_asprintf(file, "%s.%ld.tmp", path, (long)getpid());
	file->metrics = tide_metrics_new(file, plan);
	if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return cannot(file, "it is not a regular file", err);
	trial = open_beside(file);
	if (trial == NULL)
		return cannot(file, strerror(errno), err);
	(void)fclose(trial);
	(void)unlink(file->beside);
	*out = file;
	return true;
}

struct tide_observer
tide_metrics_file_observer(struct tide_metrics_file *file, const struct tide_observer *all)
{
	file->all = *all;
	return (struct tide_observer){ .ctx = file, .progress = on_progress, .sample = on_sample };
}

void
tide_metrics_file_end(struct tide_metrics_file *file, enum tide_run_state state)
{
	tide_metrics_end(file->metrics, state);
	file->written = 0;
	write_when_due(file, tide_now_us());
}
