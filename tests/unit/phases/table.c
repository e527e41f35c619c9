/* The table of kinds, walked: what the review, the help and the docs rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "build/ops.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
