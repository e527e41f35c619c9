#include "tidemark/plans/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

struct pair {
	const char *old, *new; /* b takes the place of a */
	bool same;
};

static void
compare(const struct pair *rows, size_t count, enum tide_shape_of of)
{
	char *a[] = { "a" }, *b[] = { "b" };
	const struct tide_names before = { a, 1 }, after = { b, 1 };

	for (size_t i = 0; i < count; i++) {
		void *ctx = talloc_new(NULL);
		char *old = tide_shape(ctx, rows[i].old, of, &before, &after);
		char *new = tide_shape(ctx, rows[i].new, of, &before, &after);

		if (old == NULL || new == NULL)
			fail_msg("cannot be read: %s / %s", rows[i].old, rows[i].new);
		if ((strcmp(old, new) == 0) != rows[i].same)
			fail_msg("%s / %s:\n%s\n%s", rows[i].old, rows[i].new, old, new);
		talloc_free(ctx);
	}
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ON(rest) "CREATE INDEX x ON public.t USING " rest
#define UNIQUE(rest) "CREATE UNIQUE INDEX x ON public.t USING btree " rest

static void
an_index_is_the_same_when_it_is_so_in_every_part(void **state)
{
	static const struct pair rows[] = {
		{ ON("btree (a)"), "CREATE INDEX other ON app.t (b)", true },
		{ ON("btree (a)"),
		    "CREATE INDEX CONCURRENTLY y ON t USING btree (b) WITH (fillfactor = '70')", true },
		{ ON("btree (a)"), ON("btree (b DESC)"), false },
		{ ON("btree (a DESC)"), ON("btree (b DESC NULLS FIRST)"), true },
		{ ON("btree (a)"), ON("btree (b NULLS FIRST)"), false },
		{ ON("btree (a)"), ON("btree (a)"), true },
		{ ON("btree (a)"), ON("btree (c)"), false },
		{ ON("btree (a, c)"), ON("btree (c, b)"), false },
		{ ON("btree (a)"), ON("btree (b, c)"), false },
		{ ON("btree (a)"), ON("hash (b)"), false },
		{ ON("btree (a)"), UNIQUE("(b)"), false },
		{ ON("btree (a)"), ON("btree (b) INCLUDE (c)"), false },
		{ ON("btree (c) INCLUDE (a)"), ON("btree (c) INCLUDE (b)"), true },
		{ ON("btree (a)"), ON("btree (b) WHERE (c = 1)"), false },
		{ ON("btree (c) WHERE (a IS NULL)"), ON("btree (c) WHERE (b IS NULL)"), true },
		{ ON("btree (c) WHERE (a IS NULL)"), ON("btree (c) WHERE (b IS NOT NULL)"), false },
		{ ON("btree (c) WHERE (a = 'x'::text)"), ON("btree (c) WHERE (b = 'x'::bpchar)"), true },
		{ ON("btree (lower(a))"), ON("btree (upper(b))"), false },
		{ ON("btree (lower(a))"), ON("btree (lower((b)::text))"), true },
		{ ON("btree (((a)::date))"), ON("btree (b)"), false },
		{ ON("btree (a text_pattern_ops)"), ON("btree (b)"), false },
		{ ON("gin (a public.gin_trgm_ops)"), ON("gin (b gin_trgm_ops)"), true },
		{ ON("btree (a COLLATE \"C\")"), ON("btree (b)"), false },
		{ ON("btree (a COLLATE pg_catalog.\"C\")"), ON("btree (b COLLATE \"C\")"), true },
	};

	(void)state;
	compare(rows, COUNT(rows), TIDE_SHAPE_WHOLE);
}

static void
uniqueness_does_not_ask_in_which_order(void **state)
{
	static const struct pair rows[] = {
		{ UNIQUE("(a, c)"), UNIQUE("(c DESC, b)"), true },
		{ UNIQUE("(a)"), UNIQUE("(b) INCLUDE (c)"), true },
		{ UNIQUE("(a)"), UNIQUE("(lower(b))"), false },
		{ UNIQUE("(a)"), UNIQUE("(b) WHERE (c > 0)"), false },
		{ UNIQUE("(a)"), UNIQUE("(b) NULLS NOT DISTINCT"), false },
		{ UNIQUE("(a)"), UNIQUE("(b, c)"), false },
		{ UNIQUE("(a)"), ON("btree (b)"), false },
	};

	(void)state;
	compare(rows, COUNT(rows), TIDE_SHAPE_UNIQUENESS);
}

static void
a_constraint_is_the_same_when_it_asks_the_same(void **state)
{
	static const struct pair rows[] = {
		{ "CHECK ((a > 0))", "CHECK ((b > 0))", true },
		{ "CHECK ((a > 0))", "CHECK ((b > 0)) NOT VALID", true },
		{ "CHECK ((a > 0))", "CHECK ((b > 0)) NOT ENFORCED", true },
		{ "CHECK ((a > 0))", "CHECK ((b > 1))", false },
		{ "CHECK ((a > 0))", "CHECK ((b > 0)) NO INHERIT", false },
		{ "CHECK (((a)::text <> ''::text))", "CHECK ((b <> ''::text))", true },
		{ "FOREIGN KEY (a) REFERENCES p(id)", "FOREIGN KEY (b) REFERENCES p(id) NOT VALID", true },
		{ "FOREIGN KEY (a) REFERENCES p(id)", "FOREIGN KEY (b) REFERENCES q(id)", false },
		{ "FOREIGN KEY (a) REFERENCES p(id)", "FOREIGN KEY (b) REFERENCES p(id) ON DELETE CASCADE",
		    false },
		{ "FOREIGN KEY (a) REFERENCES p(id)", "FOREIGN KEY (b) REFERENCES p(id) DEFERRABLE", false },
		{ "FOREIGN KEY (a, c) REFERENCES p(x, y) ON DELETE SET NULL (a)",
		    "FOREIGN KEY (b, c) REFERENCES p(x, y) ON DELETE SET NULL (b)", true },
		{ "FOREIGN KEY (a, c) REFERENCES p(x, y)", "FOREIGN KEY (b, c) REFERENCES p(y, x)", false },
		{ "UNIQUE (a)", "UNIQUE (b)", true },
		{ "UNIQUE (a)", "UNIQUE (b) DEFERRABLE INITIALLY DEFERRED", false },
		{ "UNIQUE (a)", "UNIQUE NULLS NOT DISTINCT (b)", false },
		{ "EXCLUDE USING gist (a WITH =, c WITH &&)", "EXCLUDE USING gist (b WITH =, c WITH &&)",
		    true },
		{ "EXCLUDE USING gist (a WITH =, c WITH &&)", "EXCLUDE USING gist (b WITH <>, c WITH &&)",
		    false },
	};

	(void)state;
	compare(rows, COUNT(rows), TIDE_SHAPE_WHOLE);
}

static void
what_the_parser_does_not_know_has_no_shape(void **state)
{
	static const char *const texts[] = { "UNIQUE (a, d WITHOUT OVERLAPS)", "nothing", "",
		"CREATE TABLE t (a int)", "CHECK (a > 0); SELECT 1" };
	const struct tide_names none = { 0 };
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (tide_shape(ctx, texts[i], TIDE_SHAPE_WHOLE, &none, &none) != NULL)
			fail_msg("%s has a shape", texts[i]);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_is_the_same_when_it_is_so_in_every_part),
		cmocka_unit_test(uniqueness_does_not_ask_in_which_order),
		cmocka_unit_test(a_constraint_is_the_same_when_it_asks_the_same),
		cmocka_unit_test(what_the_parser_does_not_know_has_no_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
