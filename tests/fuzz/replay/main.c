/*
 * Feeds a fuzz target without libFuzzer: every file of its corpus as it is, then seeded mutations of each.
 *
 *     fuzz_<name> CORPUS [ROUNDS [SEED]]
 *
 * The last line before a crash names file, round and seed, and the same three give the same input again.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t bytes[INPUT_MAX];
	size_t size;
};

static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t
below(uint64_t *state, size_t limit)
{
	return limit == 0 ? 0 : (size_t)(next_random(state) % limit);
}

static void
change_byte(struct input *in, uint64_t *state)
{
	static const char likely[] = "\"'()[];,.$&-*/\\\n =#{}aAuUeE019_:\x7f\xc3\xa4\xff";

	if (in->size > 0)
		in->bytes[below(state, in->size)] = (uint8_t)likely[below(state, sizeof(likely))];
}

static void
remove_run(struct input *in, uint64_t *state)
{
	size_t from = below(state, in->size), length = 1 + below(state, 8);

	if (from + length > in->size)
		return;
	memmove(in->bytes + from, in->bytes + from + length, in->size - from - length);
	in->size -= length;
}

static void
repeat_run(struct input *in, uint64_t *state)
{
	size_t from = below(state, in->size), length = below(state, in->size - from + 1);
	size_t to = below(state, in->size + 1);
	uint8_t *copy;

	if (length == 0 || in->size + length > INPUT_MAX || (copy = malloc(length)) == NULL)
		return;
	memcpy(copy, in->bytes + from, length);
	memmove(in->bytes + to + length, in->bytes + to, in->size - to);
	memcpy(in->bytes + to, copy, length);
	in->size += length;
	free(copy);
}

static void
cut_end(struct input *in, uint64_t *state)
{
	in->size = below(state, in->size + 1);
}

static void
mutate(struct input *in, uint64_t *state)
{
	static void (*const ways[])(struct input *, uint64_t *) = { change_byte, change_byte, change_byte,
		remove_run, repeat_run, cut_end };

	for (size_t changes = 1 + below(state, 4); changes > 0; changes--)
		ways[below(state, sizeof(ways) / sizeof(ways[0]))](in, state);
}

/* On the heap and of exactly this size, so that a sanitizer sees one byte too far. */
static void
feed(const struct input *in)
{
	uint8_t *exact = malloc(in->size == 0 ? 1 : in->size);

	if (exact == NULL)
		abort();
	memcpy(exact, in->bytes, in->size);
	LLVMFuzzerTestOneInput(exact, in->size);
	free(exact);
}

static int
replay(const char *directory, const char *name, unsigned long rounds, uint64_t seed)
{
	static struct input original, changed;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if ((file = fopen(path, "rb")) == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 0;
	}
	original.size = fread(original.bytes, 1, INPUT_MAX, file);
	fclose(file);
	for (unsigned long round = 0; round <= rounds; round++) {
		uint64_t state = seed + round;

		changed = original;
		if (round > 0)
			mutate(&changed, &state);
		printf("\r%s round %lu seed %" PRIu64 "  ", name, round, seed);
		fflush(stdout);
		feed(&changed);
	}
	printf("\n");
	return 1;
}

static int
is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct dirent **entries = NULL;
	int count = argc > 1 ? scandir(argv[1], &entries, is_input, alphasort) : -1;
	int fed = 0;

	if (count < 0) {
		fprintf(stderr, "usage: %s CORPUS [ROUNDS [SEED]]\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < count; i++) {
		fed += replay(argv[1], entries[i]->d_name, rounds, seed);
		free(entries[i]);
	}
	free(entries);
	printf("%d files, %lu mutations of each\n", fed, rounds);
	return fed == count && fed > 0 ? 0 : 1;
}
