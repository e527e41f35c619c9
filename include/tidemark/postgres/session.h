#ifndef TIDE_SESSION_H
#define TIDE_SESSION_H

/**
 * Every setting of a session pinned, one multi-statement text, so that nothing is inherited from role, database or
 * pooler (reliability: search_path = pg_catalog, timeouts, client_connection_check_interval, row_security = off, formats …).
 * server_version as PQserverVersion. Belongs to ctx. Also answers, as its last statement,
 * `SELECT pg_backend_pid()`: another pid than libpq's own means a transaction pooler.
 */
char *tide_session_sql(void *ctx, int server_version);

/**
 * SQL of the plan's author, and user code that a sweep fires, name things as the role itself would. Our sessions pin
 * search_path; this statement gives the role's own back, for the transaction (local "true") or the session ("false"), without the
 * schemas in which other roles may create objects: other than the owner, superusers, and our own. Whoever could put a
 * function or an operator there would have it run as our role (CVE-2018-1058). pg_catalog always comes first: statements of ours
 * that run beside such code mean the server's own operators.
 */
#define TIDE_SET_ROLE_SEARCH_PATH(local)                                                                     \
	"WITH own AS MATERIALIZED (SELECT pg_catalog.set_config('search_path', s.reset_val, " local          \
	") AS path FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'search_path')\n"    \
	"SELECT pg_catalog.set_config('search_path', coalesce((SELECT "                                      \
	"pg_catalog.string_agg(pg_catalog.quote_ident(CAST(n.nspname AS pg_catalog.text)), ', ' ORDER BY "   \
	"c.place) FROM pg_catalog.unnest(CASE WHEN own.path IS NOT NULL THEN "                               \
	"pg_catalog.current_schemas(false) END) WITH ORDINALITY AS c (name, place) JOIN "                    \
	"pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) c.name WHERE "                     \
	"c.name OPERATOR(pg_catalog.<>) 'pg_catalog' AND NOT " TIDE_OTHERS_CREATE "), ''), " local           \
	") FROM own"

/** Whether others than the owner of schema n, superusers, and roles that ours is a member of may create objects in it. */
#define TIDE_OTHERS_CREATE                                                                                   \
	"EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', "           \
	"n.nspowner))) AS x LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) x.grantee, "  \
	"pg_catalog.pg_roles AS me WHERE me.rolname OPERATOR(pg_catalog.=) current_user AND "                \
	"x.privilege_type OPERATOR(pg_catalog.=) 'CREATE' AND x.grantee OPERATOR(pg_catalog.<>) n.nspowner " \
	"AND NOT coalesce(r.rolsuper OR r.oid OPERATOR(pg_catalog.=) me.oid OR (NOT me.rolsuper AND "        \
	"pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')), false))"

#endif
