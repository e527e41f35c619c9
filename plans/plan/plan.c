#include "tidemark/plans/plan.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <talloc.h>

#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

#include "field.h"
#include "gate_field.h"
#include "toml/place.h"

#define TOP(key, type, ...) TIDE_KEY(tide_plan, key, type, __VA_ARGS__)

static const struct tide_field top_fields[] = {
	TOP(name, TEXT, .required = true,
	    .help = "the plan's identity, such as \"users-name-to-full-name\"; never reused"),
	TOP(title, TEXT, .help = "a title of one line"),
	TOP(table, RELATION, .required = true, .help = "the table that changes, such as \"public.users\""),
	TOP(reason, TEXT, .help = "why; kept in the journal"),
	TOP(owner, TEXT, .help = "who is responsible for the change; kept in the journal"),
	TOP(ticket, TEXT, .help = "where it was decided; kept in the journal"),
	TOP(requires, TEXTS, .help = "names of plans that must be complete first"),
	TOP(recurring, BOOLEAN, .fallback = "false",
	    .help = "a job that comes back: once it is complete, the next `tidemark run` begins it again"),
	{ 0 },
};

/** What every phase may say beside the keys of its kind. */
struct head {
	char *kind, *id, *title;
};

static const struct tide_field head_fields[] = {
	TIDE_KEY(head, kind, TEXT, .required = true, .help = "what the phase does, such as \"add_column\""),
	TIDE_KEY(head, id, TEXT, .help = "the phase's name; without it, its kind"),
	TIDE_KEY(head, title, TEXT, .help = "a title of one line"),
	{ 0 },
};

static const char *const head_keys[] = { "kind", "id", "title", "gate", NULL };
static const char *const top_keys[] = { "limits", "phase", NULL };

struct kinds {
	const struct tide_kind *const *item;
	size_t count;
};

bool
tide_plan_name_valid(const char *name)
{
	static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strspn(name, accepted);

	return length > 0 && name[length] == '\0' && length <= TIDE_PLAN_NAME_MAX &&
	       strchr("._-", name[0]) == NULL;
}

static bool
check_name(const struct tide_plan *plan, const struct tide_toml *node, const char *name, struct tide_err *err)
{
	char *quoted;

	if (tide_plan_name_valid(name))
		return true;
	quoted = tide_place_quote(NULL, name);
	tide_place_fail(err, plan->path, node->line, node->column, "%s cannot be a name here", quoted);
	talloc_free(quoted);
	return tide_hint(err, "letters, digits, and . _ - after the first; at most %d", TIDE_PLAN_NAME_MAX);
}

static bool
read_top(struct tide_plan *plan, struct tide_err *err)
{
	const struct tide_toml *node;
	char *parts[2] = { NULL, NULL };

	if (!tide_fields_read(plan->root, plan->path, top_fields, top_keys, plan, err) ||
	    !check_name(plan, tide_toml_get(plan->root, "name"), plan->name, err))
		return false;
	node = tide_toml_get(plan->root, "requires");
	for (size_t i = 0; i < plan->requires.count; i++) {
		const struct tide_toml *entry = node->type == TIDE_TOML_ARRAY ? node->child[i] : node;

		if (!check_name(plan, entry, plan->requires.item[i], err))
			return false;
		if (strcmp(plan->requires.item[i], plan->name) == 0) {
			tide_place_fail(
			    err, plan->path, entry->line, entry->column, "the plan requires itself");
			return tide_hint(err, "name the plans that must be complete before this one");
		}
	}
	if (tide_name_parse(plan, plan->table, parts) == 2) {
		plan->schema = parts[0];
		plan->relation = parts[1];
	} else {
		plan->relation = parts[0];
	}
	return true;
}

static bool
read_limits(struct tide_plan *plan, struct tide_err *err)
{
	static const struct tide_toml nothing = { .type = TIDE_TOML_TABLE, .line = 1, .column = 1 };
	const struct tide_toml *node = tide_toml_get(plan->root, "limits");
	struct tide_limits *limits = talloc_zero(plan, struct tide_limits);

	if (!tide_fields_read(
		node != NULL ? node : &nothing, plan->path, tide_limits_fields(), NULL, limits, err))
		return false;
	plan->limits = *limits;
	return true;
}

static bool
unknown_kind(const struct tide_plan *plan, const struct tide_toml *node, const char *kind, struct kinds kinds,
    struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	const char **names = talloc_array(mem, const char *, (unsigned)kinds.count + 1), *near;
	char *list = talloc_strdup(mem, "");

	for (size_t i = 0; i < kinds.count; i++) {
		names[i] = kinds.item[i]->name;
		list = talloc_asprintf_append_buffer(list, "%s%s", i == 0 ? "" : ", ", names[i]);
	}
	near = tide_nearest(kind, names, kinds.count);
	tide_place_fail(err, plan->path, node->line, node->column, "unknown kind %s%s%s%s",
	    tide_place_quote(mem, kind), near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
	tide_hint(err, "kinds: %s", list);
	talloc_free(mem);
	return false;
}

static const struct tide_kind *
find_kind(struct kinds kinds, const char *name)
{
	for (size_t i = 0; i < kinds.count; i++)
		if (strcmp(kinds.item[i]->name, name) == 0)
			return kinds.item[i];
	return NULL;
}

/** The phase's `id`, or its kind with its number among the phases of that kind. plan->count phases are read already. */
static bool
name_phase(struct tide_plan *plan, struct tide_phase *phase, const char *id, struct tide_err *err)
{
	const struct tide_toml *node = tide_toml_get(phase->node, "id");
	size_t number = 1;

	for (size_t i = 0; i < plan->count; i++)
		number += plan->phase[i].kind == phase->kind;
	if (id != NULL) {
		if (!check_name(plan, node, id, err))
			return false;
		if (id[strspn(id, "0123456789")] == '\0') {
			tide_place_fail(err, plan->path, node->line, node->column,
			    "an id of digits only looks like a number");
			return tide_hint(
			    err, "phases can be called by number as well; put a letter into the id");
		}
		phase->name = talloc_strdup(plan, id);
	} else if (number == 1) {
		phase->name = talloc_strdup(plan, phase->kind->name);
	} else {
		phase->name = talloc_asprintf(plan, "%s-%zu", phase->kind->name, number);
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (strcmp(plan->phase[i].name, phase->name) != 0)
			continue;
		node = node != NULL ? node : phase->node;
		tide_place_fail(err, plan->path, node->line, node->column, "a second phase is called \"%s\"",
		    phase->name);
		return tide_hint(
		    err, "the first is on line %d; give one of them another id", plan->phase[i].line);
	}
	return true;
}

static void
name_row(const struct tide_plan *plan, void *spec, char **text)
{
	if (*text != NULL)
		*text = tide_expression_of_table(spec, *text, plan->schema, plan->relation);
}

/* In an expression the row may be called like its table; from here on it has one name. */
static void
name_rows(const struct tide_plan *plan, const struct tide_field *fields, void *spec)
{
	for (const struct tide_field *field = fields; field->key != NULL; field++) {
		void *member = (char *)spec + field->offset;
		struct tide_pairs *pairs = member;

		if (field->type == TIDE_FIELD_EXPRESSION)
			name_row(plan, spec, member);
		if (field->type != TIDE_FIELD_ASSIGNMENTS && field->type != TIDE_FIELD_DOWN)
			continue;
		for (size_t i = 0; i < pairs->count; i++)
			name_row(plan, spec, &pairs->item[i].value);
	}
}

static bool
read_phase(struct tide_plan *plan, const struct tide_toml *node, struct kinds kinds, struct tide_err *err)
{
	struct tide_phase phase = { .node = node, .line = node->line, .column = node->column };
	const struct tide_toml *gate = tide_toml_get(node, "gate");
	struct head *head = talloc_zero(plan, struct head);

	for (const struct tide_field *field = head_fields; field->key != NULL; field++)
		if (!tide_field_read(node, plan->path, field, head, err))
			return false;
	phase.kind = find_kind(kinds, head->kind);
	if (phase.kind == NULL)
		return unknown_kind(plan, tide_toml_get(node, "kind"), head->kind, kinds, err);
	phase.title = head->title;
	phase.spec = talloc_zero_size(plan, phase.kind->spec_size);
	talloc_set_name_const(phase.spec, phase.kind->name);
	if (!name_phase(plan, &phase, head->id, err) ||
	    !tide_fields_read(node, plan->path, phase.kind->fields, head_keys, phase.spec, err) ||
	    (gate != NULL && !tide_gate_read(plan, gate, plan->path, &phase.gate, err)))
		return false;
	name_rows(plan, phase.kind->fields, phase.spec);
	plan->phase[plan->count++] = phase;
	return true;
}

static bool
read_phases(struct tide_plan *plan, struct kinds kinds, struct tide_err *err)
{
	const struct tide_toml *list = tide_toml_get(plan->root, "phase"), *node = list;

	if (list != NULL && list->type == TIDE_TOML_ARRAY && list->count > TIDE_PLAN_PHASES_MAX) {
		tide_place_fail(err, plan->path, list->line, list->column,
		    "the plan has %zu phases; at most %d are accepted", list->count, TIDE_PLAN_PHASES_MAX);
		return tide_hint(err, "a plan is one change; `requires` puts several in order");
	}
	if (list != NULL && list->type == TIDE_TOML_ARRAY && list->count > 0) {
		plan->phase = talloc_zero_array(plan, struct tide_phase, (unsigned)list->count);
		for (size_t i = 0; i < list->count; i++) {
			node = list->child[i];
			if (node->type != TIDE_TOML_TABLE)
				break;
			if (!read_phase(plan, node, kinds, err))
				return false;
		}
		if (plan->count == list->count)
			return true;
	}
	if (list == NULL || (list->type == TIDE_TOML_ARRAY && list->count == 0)) {
		node = list != NULL ? list : plan->root;
		tide_place_fail(err, plan->path, node->line, node->column, "the plan has no phase");
	} else {
		tide_place_fail(err, plan->path, node->line, node->column,
		    "\"phase\" must be a list of tables, not %s",
		    node->type == TIDE_TOML_TABLE ? "one table" : tide_place_type(node));
	}
	return tide_hint(err, "write [[phase]], with two brackets, before each phase");
}

bool
tide_plan_parse(void *ctx, const char *path, const char *text, size_t length,
    const struct tide_kind *const *kinds, size_t kind_count, struct tide_plan **out, struct tide_err *err)
{
	struct tide_plan *plan = talloc_zero(ctx, struct tide_plan);
	struct kinds known = { kinds, kind_count };
	char *canonical;

	plan->path = talloc_strdup(plan, path);
	if (!tide_toml_parse(plan, path, text, length, &plan->root, err) || !read_top(plan, err) ||
	    !read_limits(plan, err) || !read_phases(plan, known, err)) {
		talloc_free(plan);
		return false;
	}
	plan->text = talloc_strndup(plan, text, length);
	canonical = tide_plan_canonical(plan, plan->root);
	snprintf(plan->hash, sizeof(plan->hash), "%s", tide_sha256(canonical, canonical, strlen(canonical)));
	talloc_free(canonical);
	*out = plan;
	return true;
}

static bool
cannot_read(const char *path, const char *reason, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	char *why = talloc_strdup(mem, reason);

	why[0] = (char)tolower((unsigned char)why[0]);
	tide_fail(err, TIDE_PLAN, "cannot read the plan %s: %s", tide_place_quote(mem, path), why);
	talloc_free(mem);
	return tide_hint(err, "`tidemark new` writes one; plan.example.toml is one");
}

/* A plan is one whole file: a pipe may never be written to, a device never end. O_NONBLOCK, since opening may wait as well. */
static bool
open_regular(const char *path, FILE **out, struct tide_err *err)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	const char *reason = NULL;

	if (file < 0)
		return cannot_read(path, strerror(errno), err);
	if (fstat(file, &status) != 0)
		reason = strerror(errno);
	else if (S_ISDIR(status.st_mode))
		reason = strerror(EISDIR);
	else if (!S_ISREG(status.st_mode))
		reason = "not a regular file";
	else if ((*out = fdopen(file, "r")) == NULL)
		reason = strerror(errno);
	if (reason == NULL)
		return true;
	cannot_read(path, reason, err);
	close(file);
	return false;
}

bool
tide_plan_load(void *ctx, const char *path, const struct tide_kind *const *kinds, size_t kind_count,
    struct tide_plan **out, struct tide_err *err)
{
	struct stat status;
	size_t length, size;
	FILE *file = NULL;
	char *text;
	bool ok;

	if (!open_regular(path, &file, err))
		return false;
	/* One byte more than is accepted shows that there is more. */
	text = talloc_array(ctx, char, TIDE_PLAN_SIZE_MAX + 1);
	errno = 0;
	length = size = fread(text, 1, TIDE_PLAN_SIZE_MAX + 1, file);
	if (ferror(file)) {
		cannot_read(path, strerror(errno), err);
		fclose(file);
		talloc_free(text);
		return false;
	}
	if (length > TIDE_PLAN_SIZE_MAX && fstat(fileno(file), &status) == 0 &&
	    status.st_size > TIDE_PLAN_SIZE_MAX)
		size = (size_t)status.st_size;
	fclose(file);
	/* A size that is more than was read is refused before a byte is looked at. */
	ok = tide_plan_parse(ctx, path, text, size, kinds, kind_count, out, err);
	talloc_free(text);
	return ok;
}

long
tide_plan_find(const struct tide_plan *plan, const char *name)
{
	char *end;
	long number;

	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->phase[i].name, name) == 0)
			return (long)i;
	if (!isdigit((unsigned char)name[0]))
		return -1;
	errno = 0;
	number = strtol(name, &end, 10);
	if (errno != 0 || *end != '\0' || number < 1 || (size_t)number > plan->count)
		return -1;
	return number - 1;
}

bool
tide_plan_fail(const struct tide_plan *plan, const struct tide_phase *phase, const char *key,
    struct tide_err *err, const char *fmt, ...)
{
	const struct tide_toml *node = phase != NULL ? phase->node : plan->root, *value = NULL;
	va_list args;

	if (key != NULL)
		value = tide_toml_get(node, key);
	if (value != NULL)
		node = value;
	va_start(args, fmt);
	tide_place_vfail(err, plan->path, node->line, node->column, fmt, args);
	va_end(args);
	return false;
}
