#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "catalog/indexes.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

struct drop_index_spec {
	char *name;
};

static const struct tide_field fields[] = {
	TIDE_KEY(drop_index_spec, name, NAME, .required = true, .help = "name of the index"),
	{ 0 },
};

/* Why the index cannot be dropped so that it could come back exactly as it was; NULL: it can. */
static const char *
obstacle(void *ctx, const struct tide_index *index)
{
	if (index->constraint != NULL)
		return talloc_asprintf(ctx, "belongs to the constraint \"%s\"", index->constraint);
	if (index->replica_identity)
		return "is the replica identity of the table";
	if (index->clustered)
		return "is the one that CLUSTER uses";
	if (index->has_statistics)
		return "has statistics targets of its own, which could not be restored";
	return NULL;
}

static const char *
nearest(void *ctx, const struct tide_catalog *cat, const char *name)
{
	const char **names = talloc_array(ctx, const char *, (unsigned)cat->table.index_count);

	for (size_t i = 0; i < cat->table.index_count; i++)
		names[i] = cat->table.index[i].name;
	return tide_nearest(name, names, cat->table.index_count);
}

/* An index that the undo could not build again exactly as it was is refused. */
static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct drop_index_spec *spec = at->phase->spec;
	const struct tide_index *index = at->cat == NULL ? NULL : tide_catalog_index(at->cat, spec->name);
	void *mem = talloc_new(NULL);
	const char *near, *why;

	if (at->cat == NULL) {
		talloc_free(mem);
		return;
	}
	if (index == NULL) {
		near = nearest(mem, at->cat, spec->name);
		tide_say(&c, TIDE_ERROR, "drop-index-missing", "name",
		    near == NULL ? NULL : talloc_asprintf(mem, "did you mean \"%s\"?", near),
		    "table %s.%s has no index \"%s\"", at->cat->table.schema, at->cat->table.name,
		    spec->name);
	} else if ((why = obstacle(mem, index)) != NULL) {
		tide_say(&c, TIDE_ERROR, "drop-index-bound", "name",
		    "remove that first, in a plan of its own", "index \"%s\" %s", spec->name, why);
	} else if (at->cat->table.relkind == 'p') {
		tide_say(&c, TIDE_ERROR, "drop-index-partitioned", "name", NULL,
		    "PostgreSQL cannot drop an index of a partitioned table while writes continue");
	} else if (index->unique) {
		tide_say(&c, TIDE_WARNING, "drop-index-unique", "name", NULL,
		    "index \"%s\" is unique: duplicates may appear once it is gone, and then it cannot be "
		    "built again",
		    spec->name);
	}
	talloc_free(mem);
}

/* pg_get_indexdef says CREATE [UNIQUE] INDEX name …; it always begins like that. */
static char *
concurrently(void *ctx, const char *definition)
{
	static const char word[] = " INDEX ";
	const char *at = strstr(definition, word);
	size_t head;

	if (at == NULL)
		return NULL;
	head = (size_t)(at - definition) + sizeof(word) - 1;
	return talloc_asprintf(ctx, "%.*sCONCURRENTLY %s", (int)head, definition, definition + head);
}

static void
add_comment(const struct tide_phase_at *at, const struct tide_index *index, struct tide_steps *out,
    struct tide_step *step)
{
	struct tide_action *undo = tide_step_add_undo(out, step);
	char *name = tide_index_text(out, index->schema, index->name);

	tide_action_sql(out, at->cat, undo, TIDE_SHARE_UPDATE_EXCLUSIVE,
	    talloc_asprintf(out, "Restore the comment of the index %s", index->name));
	undo->probe = tide_probe(out,
	    tide_sqlf(out, "pg_catalog.obj_description(pg_catalog.to_regclass(%L), 'pg_class') = %L", name,
		index->comment),
	    NULL);
	tide_action_add(out, undo, tide_sqlf(out, "COMMENT ON INDEX %s IS %L", name, index->comment));
}

/* The undo is compiled now, while the definition can still be read. */
static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct drop_index_spec *spec = at->phase->spec;
	const struct tide_index *index = tide_catalog_index(at->cat, spec->name);
	char *sql = index == NULL ? NULL : concurrently(out, index->definition);
	struct tide_step *step;
	struct tide_action *undo;

	if (sql == NULL) {
		tide_plan_fail(at->plan, at->phase, "name", err, "table %s.%s has no index \"%s\"",
		    at->cat->table.schema, at->cat->table.name, spec->name);
		err->code = TIDE_PRECONDITION;
		return false;
	}
	step = tide_steps_add(out, "drop-index");
	tide_action_unbuild(out, at->cat, &step->forward, index->schema, index->name);
	undo = tide_step_add_undo(out, step);
	tide_action_build(out, at->cat, undo, index->schema, index->name, sql);
	undo->title = talloc_asprintf(out, "Build the index %s again while writes continue", index->name);
	if (index->comment != NULL)
		add_comment(at, index, out, step);
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	tide_change_drop_index(cat, ((const struct drop_index_spec *)at->phase->spec)->name);
}

const struct tide_phase_ops tide_phase_drop_index = {
	.kind = { "drop_index", "drops an index while writes continue", fields,
	    sizeof(struct drop_index_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
};
