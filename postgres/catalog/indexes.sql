-- Indexes of the table, and those that a partition has for itself, with every column that they use: keys and INCLUDE from indkey,
-- expressions and predicate from pg_depend. Columns have the table's numbers.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid, true AS own FROM p
     UNION SELECT t.relid, false FROM p, pg_catalog.pg_partition_tree(p.relation) AS t WHERE t.relid <> p.relation
)
SELECT n.nspname AS schema,
       c.relname AS name,
       pg_get_indexdef(i.indexrelid) AS definition,
       i.indisunique AS "unique",
       i.indisprimary AS "primary",
       i.indisvalid AS valid,
       i.indisready AS ready,
       i.indisreplident AS replica_identity,
       i.indisclustered AS clustered,
       (SELECT k.conname FROM pg_catalog.pg_constraint AS k
         WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x') LIMIT 1) AS constraint,
       (SELECT array_agg(own.attnum ORDER BY own.attnum)
          FROM (SELECT unnest(i.indkey::pg_catalog.int2[])::pg_catalog.int4 AS attnum
                 UNION
                SELECT d.refobjsubid
                  FROM pg_catalog.pg_depend AS d
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid) AS used
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = used.attnum
          JOIN pg_catalog.pg_attribute AS own ON own.attrelid = p.relation AND own.attname = a.attname
         WHERE used.attnum > 0)::pg_catalog.text AS attnums,
       obj_description(i.indexrelid, 'pg_class') AS comment,
       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) <> -1) AS has_statistics,
       NOT i.indimmediate AS deferrable,
       coalesce((SELECT own.attnum
                   FROM pg_catalog.pg_am AS m
                   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attnum > 0
                   JOIN pg_catalog.pg_attribute AS own ON own.attrelid = p.relation AND own.attname = a.attname
                  WHERE m.oid = c.relam AND m.amname = 'btree' AND i.indpred IS NULL), 0) AS leads,
       CASE WHEN NOT family.own THEN i.indrelid::pg_catalog.regclass::pg_catalog.text END AS "table"
  FROM p
 CROSS JOIN family
  JOIN pg_catalog.pg_index AS i ON i.indrelid = family.oid
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE family.own OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = i.indexrelid)
 ORDER BY NOT family.own, c.relname, i.indexrelid
