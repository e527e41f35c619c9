-- The relation $2 (an oid), or without one what name $1 means on the search_path of the moment.
SELECT c.oid, n.nspname, c.relname, c.relkind
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = coalesce($2::pg_catalog.oid, pg_catalog.to_regclass($1::pg_catalog.text)::pg_catalog.oid)
