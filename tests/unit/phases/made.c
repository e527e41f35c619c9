/* What a run has made, from the statements that it has executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/phases/made.h"
#include "tidemark/phases/phase.h"

static const char text[] = "name = \"p\"\ntable = \"public.t\"\n"
			   "[[phase]]\nkind = \"add_column\"\ncolumn = \"b\"\ntype = \"integer\"\n"
			   "[[phase]]\nkind = \"dual_write\"\nfrom = \"a\"\nto = \"b\"\n"
			   "[[phase]]\nkind = \"sql\"\nact = \"SELECT 1\"\nundo = \"SELECT 1\"\n"
			   "[[phase]]\nkind = \"add_column\"\ncolumn = \"later\"\ntype = \"integer\"\n";

struct fixture {
	struct tide_plan *plan;
	struct tide_made *made;
};

static int
set_up(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		f, "p.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &f->plan, &err))
		fail_msg("%s", err.message);
	f->made = tide_made_new(f, "public", "t");
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	talloc_free(*state);
	return 0;
}

static void
take(struct fixture *f, size_t phase, const char *script)
{
	struct tide_err err = { 0 };

	if (!tide_made_take(f->made, &f->plan->phase[phase], false, script, &err))
		fail_msg("%s", err.message);
}

/* "kind name" of each, "?" after what only must exist; then the names that may not be; then the statements. */
static char *
told(struct fixture *f)
{
	char *out = talloc_strdup(f, "");

	tide_made_finish(f->made, "copy", "temp");
	for (size_t i = 0; i < f->made->count; i++)
		out = talloc_asprintf_append(out, "%s%s %s%s", i > 0 ? ", " : "",
		    tide_made_kind_name(f->made->thing[i]->kind), f->made->thing[i]->name,
		    f->made->thing[i]->unsure    ? "??"
		    : f->made->thing[i]->defined ? ""
						 : "?");
	for (size_t i = 0; i < f->made->absent.count; i++)
		out = talloc_asprintf_append(out, "; no %s", f->made->absent.item[i]);
	for (size_t i = 0; i < f->made->statement_count; i++)
		out = talloc_asprintf_append(out, "\n%s%s", f->made->statement[i].thing == NULL ? "- " : "",
		    f->made->statement[i].sql != NULL ? f->made->statement[i].sql : "(null)");
	return out;
}

static void
what_was_dropped_is_not_made_again(void **state)
{
	struct fixture *f = *state;

	take(f, 0, "ALTER TABLE \"public\".\"t\" ADD COLUMN \"b\" integer");
	tide_made_phase(f->made, &f->plan->phase[1], true);
	take(f, 1,
	    "CREATE FUNCTION tidemark.\"f\"() RETURNS trigger LANGUAGE plpgsql AS $$ begin end $$;\n"
	    "CREATE TRIGGER \"g\" BEFORE INSERT ON \"public\".\"t\" FOR EACH ROW EXECUTE FUNCTION "
	    "tidemark.\"f\"()");
	take(f, 1, "DROP TRIGGER IF EXISTS \"g\" ON \"public\".\"t\"; DROP FUNCTION tidemark.\"f\"()");
	tide_made_phase(f->made, &f->plan->phase[3], false);
	assert_string_equal(told(f), "column b, column a?; no later\n"
				     "- ALTER TABLE copy DROP COLUMN IF EXISTS \"b\"\n"
				     "ALTER TABLE copy ADD COLUMN \"b\" integer");
}

static void
names_are_what_they_were_when_a_statement_ran(void **state)
{
	struct fixture *f = *state;

	take(f, 0, "ALTER TABLE \"public\".\"t\" ADD COLUMN \"b\" integer");
	tide_made_phase(f->made, &f->plan->phase[1], true);
	take(f, 1, "CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"t\" (\"b\")");
	take(f, 1, "ALTER TABLE \"public\".\"t\" RENAME COLUMN \"a\" TO \"held\"");
	assert_string_equal(told(f), "column b, column held?, index i; no a\n"
				     "- ALTER TABLE copy RENAME COLUMN \"held\" TO \"a\"\n"
				     "- ALTER TABLE copy DROP COLUMN IF EXISTS \"b\"\n"
				     "ALTER TABLE copy ADD COLUMN \"b\" integer\n"
				     "CREATE INDEX  \"i\" ON copy (\"b\")\n"
				     "- ALTER TABLE copy RENAME COLUMN \"a\" TO \"held\"");
}

static void
an_exchange_of_names_leaves_both_and_only_frees_the_one_between(void **state)
{
	struct fixture *f = *state;

	tide_made_phase(f->made, &f->plan->phase[1], true);
	take(f, 1,
	    "ALTER TABLE t RENAME COLUMN a TO between; ALTER TABLE t RENAME COLUMN b TO a; ALTER TABLE t "
	    "RENAME COLUMN between TO b");
	tide_made_finish(f->made, "copy", "temp");
	assert_int_equal(f->made->count, 2);
	assert_string_equal(f->made->thing[0]->name, "b");
	assert_string_equal(f->made->thing[1]->name, "a");
	assert_int_equal(f->made->absent.count, 1);
	assert_string_equal(f->made->absent.item[0], "between");
}

static void
a_held_column_that_was_dropped_frees_its_name(void **state)
{
	struct fixture *f = *state;

	tide_made_phase(f->made, &f->plan->phase[1], true);
	take(f, 1, "ALTER TABLE t RENAME COLUMN a TO held");
	take(f, 1, "ALTER TABLE t DROP COLUMN held");
	assert_string_equal(told(f), "column b?");
}

/* What told() gives, and then what is not compared. */
static char *
told_all(struct fixture *f)
{
	char *out = told(f);

	tide_made_tell(f->made);
	for (size_t i = 0; i < f->made->not_compared.count; i++)
		out = talloc_asprintf_append(out, "\nnot: %s", f->made->not_compared.item[i]);
	return out;
}

static void
statements_of_the_author_are_compared_as_well(void **state)
{
	struct fixture *f = *state;

	take(f, 0, "ALTER TABLE public.t ADD COLUMN b integer");
	take(f, 0, "ALTER TABLE public.t ADD CONSTRAINT k CHECK (b > 0) NOT VALID");
	take(f, 2,
	    "CREATE INDEX i ON t (a); ALTER TABLE public.t ADD COLUMN c int, ADD CONSTRAINT l CHECK (c > 0)");
	take(f, 2, "ALTER TABLE t ALTER b SET DEFAULT 5; ALTER TABLE t DROP CONSTRAINT k");
	assert_string_equal(told_all(f), "column b, index i, column c, constraint l\n"
					 "- ALTER TABLE copy DROP COLUMN IF EXISTS \"b\"\n"
					 "- ALTER TABLE copy DROP COLUMN IF EXISTS \"c\"\n"
					 "ALTER TABLE copy ADD COLUMN b integer\n"
					 "CREATE INDEX i ON copy (a)\n"
					 "ALTER TABLE copy ADD COLUMN c int, ADD CONSTRAINT l CHECK (c > 0)\n"
					 "(null)\n"
					 "ALTER TABLE copy ALTER b SET DEFAULT 5");
}

static void
what_is_not_understood_is_said_and_what_it_names_is_left_alone(void **state)
{
	struct fixture *f = *state;

	take(f, 2, "CREATE INDEX i ON t (a); CREATE INDEX j ON t (a); CREATE INDEX IF NOT EXISTS l ON t (a)");
	take(f, 2, "ALTER INDEX i RENAME TO k; SET lock_timeout = 5; ALTER TABLE other DROP COLUMN b");
	take(f, 2, "CREATE INDEX m ON other.t (a)");
	assert_string_equal(told_all(f),
	    "index i??, index j, index l?\n"
	    "CREATE INDEX i ON copy (a)\n"
	    "CREATE INDEX j ON copy (a)\n"
	    "not: phase sql: ALTER INDEX i RENAME TO k\n"
	    "not: phase sql: ALTER TABLE other DROP COLUMN b\n"
	    "not: phase sql: CREATE INDEX m ON other.t (a)\n"
	    "not: index \"i\": phase sql may have changed it: ALTER INDEX i RENAME TO k\n"
	    "not: the definition of index \"l\": IF NOT EXISTS may have found another one of that name");
}

static void
what_an_undone_phase_had_made_is_not_missed(void **state)
{
	struct fixture *f = *state;
	struct tide_err err = { 0 };

	take(f, 2, "CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT 1");
	assert_true(tide_made_take(f->made, &f->plan->phase[2], true, "DROP VIEW v; DROP INDEX i", &err));
	assert_string_equal(told_all(f), "");
}

static void
cascade_may_have_dropped_what_it_does_not_name(void **state)
{
	struct fixture *f = *state;

	take(f, 2, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION public.h()");
	take(f, 2, "DROP TYPE other CASCADE");
	assert_string_equal(told_all(f),
	    "trigger g??\n"
	    "CREATE TRIGGER g BEFORE INSERT ON copy FOR EACH ROW EXECUTE FUNCTION public.h()\n"
	    "not: phase sql: DROP TYPE other CASCADE\n"
	    "not: trigger \"g\": phase sql may have changed it: DROP TYPE other CASCADE");
}

static void
an_index_that_a_constraint_takes_over_has_its_name(void **state)
{
	struct fixture *f = *state;

	take(f, 2, "CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i");
	assert_string_equal(told_all(f), "index u, constraint u\n"
					 "CREATE UNIQUE INDEX i ON copy (a)\n"
					 "ALTER TABLE copy ADD CONSTRAINT u UNIQUE USING INDEX i");
}

static void
not_null_with_a_name_belongs_to_its_column(void **state)
{
	struct fixture *f = *state;

	take(f, 0, "ALTER TABLE \"public\".\"t\" ADD CONSTRAINT \"k\" NOT NULL \"a\"");
	take(f, 2, "ALTER TABLE t DROP CONSTRAINT k");
	assert_string_equal(told_all(f), "column a\n"
					 "- ALTER TABLE copy ALTER \"a\" DROP NOT NULL\n"
					 "ALTER TABLE copy ADD CONSTRAINT \"k\" NOT NULL \"a\"\n"
					 "- ALTER TABLE copy DROP CONSTRAINT k");
}

static void
who_may_execute_a_function_is_what_was_said_last(void **state)
{
	struct fixture *f = *state;

	take(f, 1,
	    "CREATE FUNCTION tidemark.f() RETURNS trigger LANGUAGE plpgsql AS $$ begin end $$; REVOKE ALL ON "
	    "FUNCTION tidemark.f() FROM PUBLIC; CREATE FUNCTION tidemark.h() RETURNS trigger LANGUAGE "
	    "plpgsql "
	    "AS $$ begin end $$; GRANT EXECUTE ON FUNCTION tidemark.h TO PUBLIC");
	tide_made_finish(f->made, "copy", "temp");
	assert_int_equal(f->made->thing[0]->execute, -1);
	assert_int_equal(f->made->thing[1]->execute, 1);
	assert_int_equal(f->made->statement_count, 2);
	assert_string_equal(f->made->statement[1].sql,
	    "CREATE FUNCTION temp.\"h\"() RETURNS trigger LANGUAGE plpgsql AS $$ begin end $$");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_dropped_is_not_made_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    names_are_what_they_were_when_a_statement_ran, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_exchange_of_names_leaves_both_and_only_frees_the_one_between, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_held_column_that_was_dropped_frees_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    statements_of_the_author_are_compared_as_well, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_not_understood_is_said_and_what_it_names_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_an_undone_phase_had_made_is_not_missed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    cascade_may_have_dropped_what_it_does_not_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_index_that_a_constraint_takes_over_has_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    not_null_with_a_name_belongs_to_its_column, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_may_execute_a_function_is_what_was_said_last, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
