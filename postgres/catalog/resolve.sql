-- Runs under the role's own path, whoever may create objects there: every operator and function is named with its schema.
-- The relation $2 (an oid), or without one what name $1 means on the search_path of the moment.
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.oid OPERATOR(pg_catalog.=) coalesce($2::pg_catalog.oid, pg_catalog.to_regclass($1::pg_catalog.text)::pg_catalog.oid)
