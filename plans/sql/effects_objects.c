#include "effects_tree.h"

#include <ctype.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* Views, functions, triggers, policies and rules: what depends on tables without holding rows. */

size_t
tide_effects_view(struct tide_reading *r, const json_t *body, size_t at)
{
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name = effect->relation;
	if (!tide_tree_true(body, "replace"))
		effect->lock = TIDE_LOCK_NONE;
	else
		effect->old = TIDE_OLD_UNKNOWN;
	return at;
}

static char *
function_body(struct tide_reading *r, const json_t *body)
{
	const json_t *options = json_object_get(body, "options");

	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *option = json_object_get(json_array_get(options, i), "DefElem");

		if (strcmp(tide_tree_text(option, "defname"), "as") == 0)
			return tide_reading_copy(r, tide_tree_string(json_array_get(
							tide_tree_list(json_object_get(option, "arg")), 0)));
	}
	return tide_reading_copy(r, r->text);
}

size_t
tide_effects_function(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *names = json_object_get(body, "funcname");
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name =
	    tide_reading_copy(r, tide_tree_string(json_array_get(names, json_array_size(names) - 1)));
	effect->schema =
	    json_array_size(names) > 1
		? tide_reading_copy(r, tide_tree_string(json_array_get(names, json_array_size(names) - 2)))
		: NULL;
	effect->definition = function_body(r, body);
	effect->old = tide_tree_true(body, "replace") ? TIDE_OLD_UNKNOWN : TIDE_OLD_FITS;
	return at;
}

size_t
tide_effects_trigger(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *function = json_object_get(body, "funcname"),
		     *columns = json_object_get(body, "columns");
	size_t count = json_array_size(function);
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name = tide_reading_copy(r, tide_tree_text(body, "trigname"));
	effect->definition = tide_reading_copy(r, r->text);
	effect->trigger = (int)(json_integer_value(json_object_get(body, "timing")) |
				json_integer_value(json_object_get(body, "events"))) |
			  (tide_tree_true(body, "row") ? 1 : 0);
	if (count > 0)
		effect->to = tide_relation_text(r->ctx,
		    count > 1 ? tide_tree_string(json_array_get(function, count - 2)) : NULL,
		    tide_tree_string(json_array_get(function, count - 1)));
	for (size_t i = 0; i < json_array_size(columns); i++) {
		const char *name = tide_tree_string(json_array_get(columns, i));

		if (name != NULL)
			(void)tide_sqltree_append(r->ctx, &effect->columns, name, strlen(name));
	}
	return at;
}

size_t
tide_effects_comment(struct tide_reading *r, const json_t *body, size_t at)
{
	const char *type = tide_tree_text(body, "objtype");
	const json_t *names = tide_tree_list(json_object_get(body, "object"));
	size_t count = json_array_size(names);
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	if (strcmp(type, "OBJECT_COLUMN") == 0 && count > 1) {
		tide_reading_names(r, effect, names, count - 1);
		effect->kind = TIDE_EFFECT_COMMENT;
		effect->name = tide_reading_copy(r, tide_tree_string(json_array_get(names, count - 1)));
		effect->definition = tide_reading_copy(r, tide_tree_text(body, "comment"));
	} else if (strcmp(type, "OBJECT_TABLE") == 0 || strcmp(type, "OBJECT_INDEX") == 0 ||
		   strcmp(type, "OBJECT_VIEW") == 0 || strcmp(type, "OBJECT_MATVIEW") == 0 ||
		   strcmp(type, "OBJECT_SEQUENCE") == 0)
		tide_reading_names(r, effect, names, count);
	else
		effect->lock = TIDE_LOCK_NONE;
	return at;
}

size_t
tide_effects_move(struct tide_reading *r, const json_t *body, size_t at)
{
	const char *type = tide_tree_text(body, "objectType");

	if (strcmp(type, "OBJECT_TABLE") != 0 && strcmp(type, "OBJECT_VIEW") != 0 &&
	    strcmp(type, "OBJECT_SEQUENCE") != 0 && strcmp(type, "OBJECT_MATVIEW") != 0)
		tide_reading_at(r, at)->lock = TIDE_LOCK_NONE;
	if (strcmp(type, "OBJECT_TABLE") == 0) {
		tide_reading_at(r, at)->kind = TIDE_EFFECT_MOVE_TABLE;
		tide_reading_at(r, at)->to = tide_reading_copy(r, tide_tree_text(body, "newschema"));
	}
	return at;
}

/* ALTER POLICY says one of its two expressions, or both; the other one stays as it is. */
size_t
tide_effects_policy(struct tide_reading *r, const json_t *body, size_t at)
{
	static const struct {
		const char *event;
		int bit;
	} events[] = { { "CMD_INSERT", 4 }, { "CMD_DELETE", 8 }, { "CMD_UPDATE", 16 } };
	const char *policy = tide_tree_text(body, "policy_name");
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->object = *policy != '\0' ? "policy" : "rule";
	effect->name = tide_reading_copy(r, *policy != '\0' ? policy : tide_tree_text(body, "rulename"));
	effect->in_using = json_object_get(body, "qual") != NULL;
	effect->in_check = json_object_get(body, "with_check") != NULL;
	for (size_t i = 0; i < TIDE_COUNT(events); i++)
		if (strcmp(events[i].event, tide_tree_text(body, "event")) == 0)
			effect->trigger = events[i].bit;
	return at;
}

struct publishing {
	struct tide_reading *r;
	struct tide_effect effect;
};

static void
append_string(struct tide_reading *r, struct tide_names *names, const json_t *node)
{
	const char *name = tide_tree_string(node);

	if (name != NULL)
		(void)tide_sqltree_append(r->ctx, names, name, strlen(name));
}

/* With a list of columns only those are sent; what a filter reads depends on the table as well. */
static void
take_published(void *ctx, const json_t *found)
{
	struct publishing *p = ctx;
	struct tide_effect effect = p->effect;
	const json_t *columns = json_object_get(found, "columns");

	tide_reading_relation(p->r, &effect, json_object_get(found, "relation"));
	for (size_t i = 0; i < json_array_size(columns); i++)
		append_string(p->r, &effect.columns, json_array_get(columns, i));
	tide_reading_add(p->r, &effect);
}

/* Tables of a schema that come later are sent too; that those which it sends by their names go as well is not said. */
static void
take_schema(void *ctx, const json_t *found)
{
	struct publishing *p = ctx;
	struct tide_effect effect = p->effect;
	const char *name = tide_tree_text(found, "name");

	if (strncmp(tide_tree_text(found, "pubobjtype"), "PUBLICATIONOBJ_TABLES_IN", 24) != 0 ||
	    effect.kind == TIDE_EFFECT_UNPUBLISH)
		return;
	effect.lock = TIDE_LOCK_NONE;
	effect.schema = tide_reading_copy(p->r, *name == '\0' ? "current_schema" : name);
	tide_reading_add(p->r, &effect);
}

/* SET says all that is sent from then on: everything goes, and what it names comes. */
size_t
tide_effects_publication(struct tide_reading *r, const json_t *body, size_t at)
{
	const char *action = tide_tree_text(body, "action");
	bool drops = strcmp(action, "AP_DropObjects") == 0;
	struct publishing p = { .r = r,
		.effect = { .kind = drops ? TIDE_EFFECT_UNPUBLISH : TIDE_EFFECT_PUBLISH,
		    .lock = TIDE_SHARE_UPDATE_EXCLUSIVE,
		    .name = tide_reading_copy(r, tide_tree_text(body, "pubname")) } };

	if (strcmp(action, "AP_SetObjects") == 0)
		tide_reading_add(
		    r, &(struct tide_effect){ .kind = TIDE_EFFECT_UNPUBLISH, .name = p.effect.name });
	tide_tree_each(body, "pubtable", take_published, &p);
	tide_tree_each(body, "PublicationObjSpec", take_schema, &p);
	if (tide_tree_true(body, "for_all_tables")) {
		p.effect.lock = TIDE_LOCK_NONE;
		tide_reading_add(r, &p.effect);
	}
	return at;
}

/* "select" as the catalog says it; NULL: every privilege. */
static char *
privilege_name(struct tide_reading *r, const json_t *privilege)
{
	char *name = tide_reading_copy(r, tide_tree_text(privilege, "priv_name"));

	for (char *c = name; c != NULL && *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return name;
}

/* As SQL; NULL: the role that runs the plan. */
static char *
role_name(struct tide_reading *r, const json_t *grantee)
{
	const char *type = tide_tree_text(grantee, "roletype");

	if (strcmp(type, "ROLESPEC_PUBLIC") == 0)
		return tide_reading_copy(r, "PUBLIC");
	return strcmp(type, "ROLESPEC_CSTRING") == 0 ? tide_ident(r->ctx, tide_tree_text(grantee, "rolename"))
						     : NULL;
}

/* One privilege, on one relation or (relation NULL) on all of a schema, for each role. */
static void
add_privilege(
    struct tide_reading *r, struct tide_effect *effect, const json_t *privilege, const json_t *grantees)
{
	const json_t *columns = json_object_get(privilege, "cols");

	effect->name = privilege_name(r, privilege);
	effect->columns = (struct tide_names){ 0 };
	for (size_t i = 0; i < json_array_size(columns); i++)
		append_string(r, &effect->columns, json_array_get(columns, i));
	for (size_t i = 0; i < json_array_size(grantees); i++) {
		effect->to = role_name(r, json_object_get(json_array_get(grantees, i), "RoleSpec"));
		tide_reading_add(r, effect);
	}
}

/* What a release may no longer do, it may have done until then. Sequences and functions have no columns. */
size_t
tide_effects_grant(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *objects = json_object_get(body, "objects"),
		     *privileges = json_object_get(body, "privileges"),
		     *grantees = json_object_get(body, "grantees");
	bool grants = tide_tree_true(body, "is_grant");
	struct tide_effect effect = { .kind = grants ? TIDE_EFFECT_GRANT : TIDE_EFFECT_REVOKE,
		.old = grants ? TIDE_OLD_FITS : TIDE_OLD_UNKNOWN,
		.option = tide_tree_true(body, "grant_option") };

	tide_reading_at(r, at)->old = effect.old;
	for (size_t i = 0;
	     strcmp(tide_tree_text(body, "objtype"), "OBJECT_TABLE") == 0 && i < json_array_size(objects);
	     i++) {
		const json_t *object = json_array_get(objects, i);

		effect.schema = effect.relation = NULL;
		if (tide_tree_string(object) != NULL)
			effect.schema = tide_reading_copy(r, tide_tree_string(object));
		else
			tide_reading_relation(r, &effect, object);
		/* ALL without a list of columns stands alone. */
		if (json_array_size(privileges) == 0)
			add_privilege(r, &effect, NULL, grantees);
		for (size_t k = 0; k < json_array_size(privileges); k++)
			add_privilege(r, &effect,
			    json_object_get(json_array_get(privileges, k), "AccessPriv"), grantees);
	}
	return at;
}
