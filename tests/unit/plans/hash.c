#include "sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A random tree, written in random ways. */

static uint64_t
next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t
below(uint64_t *seed, size_t limit)
{
	return (size_t)(next(seed) % limit);
}

static const char *const pieces[] = { "a", "B", "7", " ", "\"", "'", "\\", "\n", "\t", "ä", "😀", "\001", "#",
	"=", "[", "]", "''", "\"\"", ".", "{", "}", ",", "\x7f", "\xc2\x85" };
static const char *const keys[] = { "a", "b-c", "D_9", "1", "with space", "ü", "q\"uote", "x.y", "", "#",
	"k'", "zz" };

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static char *
random_text(void *ctx, uint64_t *seed)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = below(seed, 6); i > 0; i--)
		text = talloc_strdup_append(text, pieces[below(seed, sizeof(pieces) / sizeof(pieces[0]))]);
	return text;
}

static struct tide_toml *random_value(void *ctx, uint64_t *seed, int depth);

static void
add_child(struct tide_toml *parent, struct tide_toml *child, const char *key)
{
	parent->child =
	    talloc_realloc(parent, parent->child, struct tide_toml *, (unsigned)parent->count + 1);
	parent->child[parent->count++] = child;
	child->key = key != NULL ? talloc_strdup(child, key) : NULL;
}

static void
fill_table(struct tide_toml *table, uint64_t *seed, int depth)
{
	size_t first = below(seed, KEYS), count = below(seed, 5);

	table->type = TIDE_TOML_TABLE;
	for (size_t i = 0; i < count; i++)
		add_child(table, random_value(table, seed, depth), keys[(first + i) % KEYS]);
}

static struct tide_toml *
random_value(void *ctx, uint64_t *seed, int depth)
{
	struct tide_toml *node = talloc_zero(ctx, struct tide_toml);

	node->type = (enum tide_toml_type)below(seed, TIDE_TOML_DATE);
	if (depth == 0 && node->type <= TIDE_TOML_ARRAY)
		node->type = TIDE_TOML_STRING;
	if (node->type == TIDE_TOML_TABLE) {
		fill_table(node, seed, depth - 1);
	} else if (node->type == TIDE_TOML_ARRAY) {
		bool tables = below(seed, 2) == 0;

		for (size_t i = below(seed, 4); i > 0; i--) {
			struct tide_toml *child = random_value(node, seed, depth - 1);

			if (tables && child->type != TIDE_TOML_TABLE) {
				child = talloc_zero(node, struct tide_toml);
				fill_table(child, seed, depth - 1);
			}
			add_child(node, child, NULL);
		}
	}
	node->text = random_text(node, seed);
	node->integer = (int64_t)next(seed) >> below(seed, 64);
	node->real = (double)(node->integer % 100000) / 8;
	node->boolean = below(seed, 2) == 0;
	return node;
}

struct writer {
	char *out;
	uint64_t *seed;
	bool crlf;
};

static void
put(struct writer *w, const char *text)
{
	w->out = talloc_strdup_append_buffer(w->out, text);
}

static void
put_newline(struct writer *w)
{
	put(w, w->crlf ? "\r\n" : "\n");
}

static void
put_space(struct writer *w)
{
	static const char *const spaces[] = { "", " ", "  ", "\t" };

	put(w, spaces[below(w->seed, 4)]);
}

static void
end_line(struct writer *w)
{
	put_space(w);
	if (below(w->seed, 3) == 0)
		put(w, "# a comment [x] = \"y\" ü");
	for (size_t i = below(w->seed, 3) + 1; i > 0; i--)
		put_newline(w);
}

/** A basic string; over several lines when `lines`, with line feeds as they are. */
static void
put_basic(struct writer *w, const char *text, bool lines)
{
	put(w, lines ? "\"\"\"" : "\"");
	if (lines)
		put_newline(w);
	for (; *text != '\0'; text++) {
		char plain[2] = { *text, '\0' };

		if (*text == '"' || *text == '\\')
			put(w, "\\");
		if (*text == '\n' && lines)
			put_newline(w);
		else if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			w->out = talloc_asprintf_append_buffer(w->out, "\\u%04x", (unsigned)*text);
		else
			put(w, *text == '\t' && below(w->seed, 2) == 0 ? "\\t" : plain);
	}
	put(w, lines ? "\"\"\"" : "\"");
}

static void
put_text(struct writer *w, const char *text, bool key)
{
	bool literal = strpbrk(text, "'\n\001\x7f") == NULL;

	if (key && *text != '\0' && text[strspn(text, "aDbc_-91z")] == '\0' && below(w->seed, 2) == 0) {
		put(w, text);
	} else if (literal && below(w->seed, 2) == 0) {
		put(w, "'");
		put(w, text);
		put(w, "'");
	} else {
		put_basic(w, text, !key && below(w->seed, 2) == 0);
	}
}

static void
put_integer(struct writer *w, int64_t number)
{
	char digits[32], *out = digits;

	if (number >= 0 && below(w->seed, 3) == 0) {
		w->out = talloc_asprintf_append_buffer(w->out, "0x%" PRIx64, (uint64_t)number);
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRId64, number);
	if (number > 0 && below(w->seed, 3) == 0)
		put(w, "+");
	for (bool before = false; *out != '\0'; before = *out++ != '-') {
		char digit[2] = { *out, '\0' };

		if (before && below(w->seed, 3) == 0)
			put(w, "_");
		put(w, digit);
	}
}

/** The children in a random order. */
static const struct tide_toml **
shuffled(struct writer *w, const struct tide_toml *table)
{
	const struct tide_toml **list =
	    talloc_array(w->out, const struct tide_toml *, (unsigned)table->count + 1);

	for (size_t i = 0; i < table->count; i++) {
		size_t other = below(w->seed, i + 1);

		list[i] = list[other];
		list[other] = table->child[i];
	}
	return list;
}

static void put_inline(struct writer *w, const struct tide_toml *node);

static void
put_pairs(struct writer *w, const struct tide_toml *node)
{
	const struct tide_toml **list = shuffled(w, node);

	put(w, "{");
	for (size_t i = 0; i < node->count; i++) {
		put(w, i == 0 ? " " : ",");
		put_space(w);
		put_text(w, list[i]->key, true);
		put_space(w);
		put(w, "=");
		put_space(w);
		put_inline(w, list[i]);
		put_space(w);
	}
	put(w, "}");
}

static void
put_elements(struct writer *w, const struct tide_toml *node)
{
	put(w, "[");
	for (size_t i = 0; i < node->count; i++) {
		if (below(w->seed, 2) == 0)
			end_line(w);
		put_inline(w, node->child[i]);
		put_space(w);
		if (i + 1 < node->count || below(w->seed, 2) == 0)
			put(w, ",");
	}
	if (below(w->seed, 3) == 0)
		end_line(w);
	put(w, "]");
}

static void
put_inline(struct writer *w, const struct tide_toml *node)
{
	if (node->type == TIDE_TOML_TABLE)
		put_pairs(w, node);
	else if (node->type == TIDE_TOML_ARRAY)
		put_elements(w, node);
	else if (node->type == TIDE_TOML_STRING)
		put_text(w, node->text, false);
	else if (node->type == TIDE_TOML_INTEGER)
		put_integer(w, node->integer);
	else if (node->type == TIDE_TOML_FLOAT)
		w->out = talloc_asprintf_append_buffer(
		    w->out, below(w->seed, 2) == 0 ? "%.17e" : "%.3f", node->real);
	else
		put(w, node->boolean ? "true" : "false");
}

static bool
all_tables(const struct tide_toml *node)
{
	for (size_t i = 0; i < node->count; i++)
		if (node->child[i]->type != TIDE_TOML_TABLE)
			return false;
	return node->type == TIDE_TOML_ARRAY && node->count > 0;
}

/** A table of the file: first its own keys, then what is written as sections. `path` is "" or "a.b.". */
static void
put_table(struct writer *w, const struct tide_toml *table, const char *path)
{
	const struct tide_toml **list = shuffled(w, table);
	bool *section = talloc_zero_array(list, bool, (unsigned)table->count + 1);

	for (size_t i = 0; i < table->count; i++) {
		section[i] =
		    (list[i]->type == TIDE_TOML_TABLE || all_tables(list[i])) && below(w->seed, 3) > 0;
		if (section[i])
			continue;
		put_space(w);
		put_text(w, list[i]->key, true);
		put_space(w);
		put(w, "=");
		put_space(w);
		put_inline(w, list[i]);
		end_line(w);
	}
	for (size_t i = 0; i < table->count; i++) {
		struct writer name = { talloc_strdup(list, path), w->seed, false };
		bool array = list[i]->type == TIDE_TOML_ARRAY;

		put_text(&name, list[i]->key, true);
		for (size_t k = 0; section[i] && k < (array ? list[i]->count : 1); k++) {
			put_space(w);
			put(w, array ? "[[" : "[");
			put_space(w);
			put(w, name.out);
			put(w, array ? "]]" : "]");
			end_line(w);
			put_table(
			    w, array ? list[i]->child[k] : list[i], talloc_asprintf(list, "%s.", name.out));
		}
	}
}

static char *
write_plan(void *ctx, const struct tide_toml *root, uint64_t *seed)
{
	struct writer w = { talloc_strdup(ctx, below(seed, 4) == 0 ? "\xef\xbb\xbf" : ""), seed,
		below(seed, 2) == 0 };

	end_line(&w);
	put_table(&w, root, "");
	return w.out;
}

static struct tide_toml *
parse(void *ctx, const char *text)
{
	struct tide_toml *root = NULL;
	struct tide_err err = { 0 };

	if (!tide_toml_parse(ctx, "p.toml", text, strlen(text), &root, &err))
		fail_msg("%s: %s\n%s", err.where, err.message, text);
	return root;
}

/* One change that means something. */

static size_t
count_nodes(const struct tide_toml *node)
{
	size_t count = 1;

	for (size_t i = 0; i < node->count; i++)
		count += count_nodes(node->child[i]);
	return count;
}

static struct tide_toml *
find_node(struct tide_toml *node, size_t *number)
{
	struct tide_toml *found = NULL;

	if ((*number)-- == 0)
		return node;
	for (size_t i = 0; found == NULL && i < node->count; i++)
		found = find_node(node->child[i], number);
	return found;
}

static void
change(struct tide_toml *node, uint64_t *seed)
{
	if (node->type == TIDE_TOML_TABLE && node->count > 0 && below(seed, 2) == 0) {
		node->count--;
	} else if (node->type <= TIDE_TOML_ARRAY) {
		struct tide_toml *child = talloc_zero(node, struct tide_toml);

		child->type = TIDE_TOML_INTEGER;
		add_child(node, child, node->type == TIDE_TOML_TABLE ? "new key" : NULL);
	} else if (node->type == TIDE_TOML_INTEGER && below(seed, 2) == 0) {
		node->type = TIDE_TOML_STRING;
		node->text = talloc_asprintf(node, "%" PRId64, node->integer);
	} else if (node->type == TIDE_TOML_INTEGER) {
		node->integer = node->integer > 0 ? node->integer - 1 : node->integer + 1;
	} else if (node->type == TIDE_TOML_FLOAT) {
		node->real = node->real > 0 ? node->real * 2 : node->real - 1;
	} else if (node->type == TIDE_TOML_BOOLEAN) {
		node->boolean = !node->boolean;
	} else {
		node->text = talloc_asprintf(
		    node, "%s%s", node->text, pieces[below(seed, sizeof(pieces) / sizeof(pieces[0]))]);
	}
}

static void
try_seed(uint64_t seed)
{
	void *ctx = talloc_new(NULL);
	struct tide_toml *root = talloc_zero(ctx, struct tide_toml);
	uint64_t begin = seed;
	size_t number;
	char *first, *second, *text, *other;
	struct tide_plan before = { .path = talloc_strdup(ctx, "p.toml") }, after = before;

	fill_table(root, &seed, 3);
	text = write_plan(ctx, root, &seed);
	other = write_plan(ctx, root, &seed);
	before.root = parse(ctx, text);
	after.root = parse(ctx, other);
	first = tide_plan_canonical(ctx, before.root);
	second = tide_plan_canonical(ctx, after.root);
	if (strcmp(first, second) != 0 || tide_plan_diff(ctx, &before, &after)[0] != '\0')
		fail_msg("seed %" PRIu64 ":\n%s\n%s\n%s\n%s", begin, text, other, first, second);
	number = below(&seed, count_nodes(root));
	change(find_node(root, &number), &seed);
	other = write_plan(ctx, root, &seed);
	after.root = parse(ctx, other);
	second = tide_plan_canonical(ctx, after.root);
	if (strcmp(first, second) == 0 || tide_plan_diff(ctx, &before, &after)[0] == '\0')
		fail_msg("seed %" PRIu64 ": the change does not show:\n%s\n%s", begin, text, other);
	talloc_free(ctx);
}

static void
only_what_a_plan_means_changes_its_canonical_text(void **state)
{
	const char *given = getenv("TIDEMARK_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003;

	(void)state;
	printf("seed %" PRIu64 "\n", seed);
	for (uint64_t i = 0; i < (given != NULL ? 1 : 500); i++)
		try_seed(seed + i);
}

static void
assert_hash(const char *text, const char *expected, bool equal)
{
	void *ctx = talloc_new(NULL);

	if ((strcmp(sample_plan(ctx, text)->hash, expected) == 0) != equal)
		fail_msg("the hash should %s for:\n%s", equal ? "stay" : "change", text);
	talloc_free(ctx);
}

static void
the_same_plan_written_differently_has_one_hash(void **state)
{
	static const char *const same[] = {
		"# comment\r\ntable='t'\r\nname   = \"p\"\r\n\r\n[[phase]]\r\ngate='manual'\r\n"
		"kind='everything'\r\ninteger=+7\r\nparameters={b=1000,a=\"x\"}\r\n[limits]\r\n"
		"workers=0x4\r\n",
		"name = 'p'\ntable = 't'\nlimits = { workers = 4 }\n"
		"phase = [ { kind = \"everything\", integer = 7, gate = \"man\\u0075al\", parameters = { a "
		"= 'x', b = 1_000 } } ]\n",
		"limits.workers = 4\nname = '''p'''\ntable = 't'\n[[phase]]\nkind = 'everything'\ninteger = "
		"7\n"
		"gate = 'manual'\n[phase.parameters]\na = 'x'\nb = 1000 # b\n",
	};
	static const char *const other[] = {
		"name = 'q'\ntable = 't'\nlimits.workers = 4\n"
		"phase = [{ kind = 'everything', integer = 7, gate = 'manual', parameters = { a = 'x', b = "
		"1000 } }]",
		"name = 'p'\ntable = 't'\nlimits.workers = 4\nphase = [{ kind = 'everything', integer = 7, "
		"parameters = { a = 'x', b = 1000 } }]",
		"name = 'p'\ntable = 't'\nlimits.workers = 4\n"
		"phase = [{ kind = 'everything', integer = 7, gate = 'manual', parameters = { a = 'x', b = "
		"1000.0 } }]",
		"name = 'p'\ntable = 't'\nlimits.workers = 4\n"
		"phase = [{ kind = 'everything', integer = 7, gate = 'manual', parameters = { a = 'x', b = "
		"1000 } }, { kind = 'verify' }]",
		"name = 'p'\ntable = 't'\nlimits.workers = 4\n"
		"phase = [{ kind = 'everything', integer = 7, gate = 'manual', parameters = { a = 'x ', b "
		"= 1000 } }]",
	};
	void *ctx = talloc_new(NULL);
	const char *hash = sample_plan(ctx, same[0])->hash;

	(void)state;
	assert_int_equal(strlen(hash), 64);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_hash(same[i], hash, true);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_hash(other[i], hash, false);
	talloc_free(ctx);
}

static void
the_order_of_phases_and_of_arrays_counts(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *hash =
	    sample_plan(ctx, SAMPLE_TOP "requires = ['a', 'b']\nphase = [{kind='verify'}, {kind='switch'}]")
		->hash;

	(void)state;
	assert_hash(
	    SAMPLE_TOP "requires = ['b', 'a']\nphase = [{kind='verify'}, {kind='switch'}]", hash, false);
	assert_hash(
	    SAMPLE_TOP "requires = ['a', 'b']\nphase = [{kind='switch'}, {kind='verify'}]", hash, false);
	talloc_free(ctx);
}

/** Runs that exist know their plan by this value: it may never change. */
static void
the_hash_of_the_example_is_what_it_was(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = sample_plan(ctx, SAMPLE_TOP "[[phase]]\nkind = 'verify'\n");

	(void)state;
	assert_string_equal(tide_plan_canonical(ctx, plan->root),
	    "{ \"name\" = \"p\", \"phase\" = [{ \"kind\" = \"verify\" }], \"table\" = \"t\" }");
	assert_string_equal(plan->hash, "f33d0b713c9143e0400e5597e7f81cd7b1f01108197a872c87b6f832cf881cca");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_a_plan_means_changes_its_canonical_text),
		cmocka_unit_test(the_same_plan_written_differently_has_one_hash),
		cmocka_unit_test(the_order_of_phases_and_of_arrays_counts),
		cmocka_unit_test(the_hash_of_the_example_is_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
