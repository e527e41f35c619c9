#include "observers.h"

#include <stdlib.h>

void
tide_observers_add(struct tide_observers *list, struct tide_observer observer)
{
	if (list->count == TIDE_OBSERVERS)
		abort();
	list->item[list->count++] = observer;
}

static void
on_event(void *ctx, const struct tide_event *event)
{
	const struct tide_observers *list = ctx;

	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].event != NULL)
			list->item[i].event(list->item[i].ctx, event);
}

static void
on_progress(void *ctx, const struct tide_progress *progress)
{
	const struct tide_observers *list = ctx;

	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].progress != NULL)
			list->item[i].progress(list->item[i].ctx, progress);
}

static void
on_sample(void *ctx, enum tide_sample kind, const char *label, int64_t value)
{
	const struct tide_observers *list = ctx;

	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].sample != NULL)
			list->item[i].sample(list->item[i].ctx, kind, label, value);
}

struct tide_observer
tide_observers_all(struct tide_observers *list)
{
	return (struct tide_observer){
		.ctx = list, .event = on_event, .progress = on_progress, .sample = on_sample
	};
}
