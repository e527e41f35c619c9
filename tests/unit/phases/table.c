/* The table of kinds, walked: what the review, the help and the docs rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "build/ops.h"
#include "pair/pair.h"
#include "tidemark/base/array.h"

static void
every_kind_is_there_once_and_in_order(void **state)
{
	(void)state;
	assert_true(tide_phase_count >= 11);
	for (size_t i = 1; i < tide_phase_count; i++)
		assert_true(strcmp(tide_phase_table[i - 1]->kind.name, tide_phase_table[i]->kind.name) < 0);
}

static void
every_kind_is_found_by_its_name_and_nothing_else_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++)
		assert_ptr_equal(tide_phase_find(tide_phase_table[i]->kind.name), tide_phase_table[i]);
	assert_null(tide_phase_find("rename_column"));
	assert_null(tide_phase_find(""));
}

static void
the_plan_reader_gets_the_same_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++)
		assert_ptr_equal(tide_phase_kinds()[i], &tide_phase_table[i]->kind);
}

static void
every_kind_says_what_it_does_and_can_be_compiled_and_taken_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++) {
		const struct tide_phase_ops *ops = tide_phase_table[i];

		assert_non_null(ops->kind.summary);
		assert_true(strlen(ops->kind.summary) > 10);
		assert_non_null(ops->compile);
		assert_true(ops->kind.spec_size > 0);
	}
}

static void
every_field_has_help_and_a_place_in_its_spec(void **state)
{
	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++) {
		const struct tide_kind *kind = &tide_phase_table[i]->kind;

		assert_non_null(kind->fields[0].key);
		for (const struct tide_field *field = kind->fields; field->key != NULL; field++) {
			if (field->help == NULL || strlen(field->help) < 5)
				fail_msg("%s.%s has no help", kind->name, field->key);
			assert_true(field->offset < kind->spec_size);
			assert_false(field->required && field->fallback != NULL);
			for (const struct tide_field *other = kind->fields; other != field; other++)
				assert_string_not_equal(other->key, field->key);
		}
	}
}

static const struct tide_field *
field_of(const struct tide_kind *kind, const char *key)
{
	for (const struct tide_field *field = kind->fields; field->key != NULL; field++)
		if (strcmp(field->key, key) == 0)
			return field;
	return NULL;
}

static void
what_a_kind_touches_is_named_by_a_key_of_its_own(void **state)
{
	size_t rows = 0;

	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++) {
		const struct tide_phase_ops *ops = tide_phase_table[i];

		for (const struct tide_touched *t = ops->touches; t != NULL && t->key != NULL; t++) {
			const struct tide_field *field = field_of(&ops->kind, t->key);

			rows++;
			if (field == NULL)
				fail_msg("%s has no key %s", ops->kind.name, t->key);
			assert_true(field->type == TIDE_FIELD_NAME || field->type == TIDE_FIELD_NAMES ||
				    field->type == TIDE_FIELD_ASSIGNMENTS);
			assert_int_not_equal(t->begun, 0);
			assert_int_equal((t->begun | t->planned) & ~(unsigned)TIDE_USE_ANY, 0);
		}
	}
	assert_true(rows >= 7);
}

static struct tide_plan *
plan_of(void *ctx, const char *phases)
{
	char *text = talloc_asprintf(ctx, "name = 'p'\ntable = 'public.t'\n%s", phases);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		ctx, "plan.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	return plan;
}

/* One row a kind: its phase in the plan below, and what it says of it. NULL and false: nothing. */
static const struct answer {
	const char *kind, *text;
	const char *opens, *adds, *drops, *authored,
	    *proof; /* opens: its first old column; proof: how the name ends */
	bool switches, counts;
} answers[] = {
	{ "add_column", "column = 'b'\ntype = 'bigint'", .adds = "b" },
	{ "dual_write", "from = 'a'\nto = 'b'", .opens = "a", .proof = "in_step" },
	{ .kind = "backfill", .text = "" },
	{ "verify", "", .counts = true },
	{ .kind = "purge", .text = "where = 'a = 1'" },
	{ "switch", "", .switches = true },
	{ "drop_column", "column = 'a'\nhold = '1d'", .drops = "a", .proof = "not_null" },
	{ "set_not_null", "column = 'b'", .proof = "not_null" },
	{ "drop_not_null", "column = 'b'", .proof = "not_null" },
	{ .kind = "create_index", .text = "name = 'i'\ncolumns = 'b'" },
	{ .kind = "drop_index", .text = "name = 'i'" },
	{ "sql", "act = 'ANALYZE public.t'", .authored = "ANALYZE public.t" },
};

static void
same_or_nothing(const char *kind, const char *what, const char *got, const char *expected)
{
	if ((got == NULL) != (expected == NULL) || (got != NULL && strcmp(got, expected) != 0))
		fail_msg("%s %s %s, expected %s", kind, what, got == NULL ? "nothing" : got,
		    expected == NULL ? "nothing" : expected);
}

/* As much of the end of `text` as `like` is long. */
static const char *
ending(const char *text, const char *like)
{
	if (text == NULL || like == NULL || strlen(text) < strlen(like))
		return text;
	return text + strlen(text) - strlen(like);
}

static void
answers_as(void *ctx, const struct tide_phase_at *at, const struct answer *a)
{
	const struct tide_phase_ops *ops = tide_ops(at->phase);
	const struct dual_write_spec *pair = tide_opens(at->phase);
	const struct tide_names *texts = tide_authored(at->phase);
	const char *proof = ops->proof == NULL ? NULL : ops->proof(ctx, at);

	same_or_nothing(a->kind, "opens", pair == NULL ? NULL : pair->from.item[0], a->opens);
	same_or_nothing(a->kind, "adds", tide_adds(at->phase).name, a->adds);
	same_or_nothing(a->kind, "drops", tide_drops(at->phase).name, a->drops);
	same_or_nothing(a->kind, "runs", texts == NULL ? NULL : texts->item[0], a->authored);
	same_or_nothing(a->kind, "proves", ending(proof, a->proof), a->proof);
	assert_int_equal(tide_phase_switches(at->phase), a->switches);
	assert_int_equal(tide_phase_counts_differences(at->phase), a->counts);
}

static const struct answer *
answer_of(const char *kind)
{
	for (size_t i = 0; i < TIDE_COUNT(answers); i++)
		if (strcmp(answers[i].kind, kind) == 0)
			return &answers[i];
	fail_msg("no row for the kind %s", kind);
	return NULL;
}

static void
every_kind_answers_for_itself(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < tide_phase_count; i++) {
		const struct answer *a = answer_of(tide_phase_table[i]->kind.name);
		const struct tide_plan *plan =
		    plan_of(ctx, talloc_asprintf(ctx, "[[phase]]\nkind = '%s'\n%s\n", a->kind, a->text));

		answers_as(ctx, &(struct tide_phase_at){ plan, plan->phase, 0, NULL }, a);
	}
	talloc_free(ctx);
}

static void
what_a_phase_adds_and_drops_is_told_in_full(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan =
	    plan_of(ctx, "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'bigint'\n"
			 "[[phase]]\nkind = 'add_column'\ncolumn = 'c'\ntype = 'text'\ndefault = \"'x'\"\n"
			 "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n"
			 "[[phase]]\nkind = 'drop_column'\ncolumn = 'd'\nhold = '1d'\n");

	(void)state;
	assert_string_equal(tide_adds(&plan->phase[0]).type, "bigint");
	assert_false(tide_adds(&plan->phase[0]).has_default);
	assert_true(tide_adds(&plan->phase[1]).has_default);
	assert_false(tide_drops(&plan->phase[2]).held);
	assert_true(tide_drops(&plan->phase[3]).held);
	talloc_free(ctx);
}

/* A drop ends whichever pair its column is of; everything else is about the latest pair. */
static void
a_pair_is_followed_until_another_is_opened(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_plan *plan = plan_of(ctx, "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n"
						    "[[phase]]\nkind = 'backfill'\nother_triggers = 'skip'\n"
						    "[[phase]]\nkind = 'dual_write'\nfrom = 'c'\nto = 'd'\n"
						    "[[phase]]\nkind = 'backfill'\nset = { e = '1' }\n"
						    "[[phase]]\nkind = 'verify'\n"
						    "[[phase]]\nkind = 'switch'\nswap_names = true\n"
						    "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n");
	struct tide_dual_state first, second, before;

	(void)state;
	tide_dual_state_at(ctx, plan, 0, 2, &before);
	tide_dual_state_at(ctx, plan, 0, 7, &first);
	tide_dual_state_at(ctx, plan, 2, 7, &second);
	assert_true(before.backfilled && !before.ended);
	assert_string_equal(before.other_triggers, "skip");
	assert_true(first.backfilled && first.ended);
	assert_false(first.verified || first.switched || first.swapped);
	assert_false(second.backfilled || second.verified_late || second.ended);
	assert_true(second.verified && second.switched && second.swapped);
	assert_null(second.other_triggers);
	assert_string_equal(second.from.item[0], "d");
	assert_string_equal(second.to.item[0], "c");
	assert_true(tide_dual_names(plan, 3, "d"));
	assert_false(tide_dual_names(plan, 2, "d"));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_there_once_and_in_order),
		cmocka_unit_test(every_kind_is_found_by_its_name_and_nothing_else_is),
		cmocka_unit_test(the_plan_reader_gets_the_same_table),
		cmocka_unit_test(every_kind_says_what_it_does_and_can_be_compiled_and_taken_back),
		cmocka_unit_test(every_field_has_help_and_a_place_in_its_spec),
		cmocka_unit_test(what_a_kind_touches_is_named_by_a_key_of_its_own),
		cmocka_unit_test(every_kind_answers_for_itself),
		cmocka_unit_test(what_a_phase_adds_and_drops_is_told_in_full),
		cmocka_unit_test(a_pair_is_followed_until_another_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
