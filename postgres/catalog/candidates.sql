-- Names that may have been meant, the likely ones first. $1 schema that is meant, or NULL, $2 name.
WITH p AS (SELECT $1::pg_catalog.text AS schema, $2::pg_catalog.text AS name)
SELECT n.nspname AS schema, c.relname AS name
  FROM p, pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'tidemark')
   AND NOT n.nspname ^@ 'pg_temp_'
 ORDER BY lower(c.relname) <> lower(p.name), n.nspname IS DISTINCT FROM p.schema, c.relname, n.nspname
 LIMIT 2000
