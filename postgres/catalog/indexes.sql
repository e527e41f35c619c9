-- Indexes with every column that they use: keys and INCLUDE from indkey, expressions and predicate from pg_depend.
WITH p AS (SELECT $1::pg_catalog.oid AS relation)
SELECT n.nspname,
       c.relname,
       pg_get_indexdef(i.indexrelid),
       i.indisunique,
       i.indisprimary,
       i.indisvalid,
       i.indisready,
       i.indisreplident,
       i.indisclustered,
       (SELECT k.conname FROM pg_catalog.pg_constraint AS k
         WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x') LIMIT 1),
       (SELECT array_agg(used.attnum ORDER BY used.attnum)
          FROM (SELECT unnest(i.indkey::pg_catalog.int2[])::pg_catalog.int4 AS attnum
                 UNION
                SELECT d.refobjsubid
                  FROM pg_catalog.pg_depend AS d
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid) AS used
         WHERE used.attnum > 0)::pg_catalog.text,
       obj_description(i.indexrelid, 'pg_class'),
       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) <> -1)
  FROM p
  JOIN pg_catalog.pg_index AS i ON i.indrelid = p.relation
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY c.relname
