-- Constraints of the table, those that a partition has for itself, and foreign keys of other tables that point at one of them. The copies
-- that the server keeps for partitions of either side are not constraints of their own. A foreign key of the table to itself is told twice,
-- once for each side. Columns have the table's numbers.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid, true AS own FROM p
     UNION SELECT t.relid, false FROM p, pg_catalog.pg_partition_tree(p.relation) AS t WHERE t.relid <> p.relation
), side AS (
    SELECT k.oid AS key, f.oid AS relation, f.own, k.conkey AS attnums, NULL::pg_catalog.oid AS referencing
      FROM family AS f
      JOIN pg_catalog.pg_constraint AS k ON k.conrelid = f.oid
      LEFT JOIN pg_catalog.pg_constraint AS parent ON parent.oid = k.conparentid
     WHERE CASE WHEN f.own THEN parent.conrelid IS DISTINCT FROM k.conrelid
                ELSE k.conparentid = 0 AND k.coninhcount = 0 AND k.contype <> 'n' END
     UNION ALL
    SELECT k.oid, f.oid, f.own, k.confkey, k.conrelid
      FROM family AS f
      JOIN pg_catalog.pg_constraint AS k ON k.confrelid = f.oid AND k.contype = 'f' AND k.conparentid = 0
)
SELECT k.conname AS name,
       k.contype AS type,
       pg_get_constraintdef(k.oid) AS definition,
       (SELECT array_agg(own.attnum ORDER BY n.at)
          FROM unnest(side.attnums) WITH ORDINALITY AS n (attnum, at)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = side.relation AND a.attnum = n.attnum
          JOIN pg_catalog.pg_attribute AS own ON own.attrelid = p.relation AND own.attname = a.attname)::pg_catalog.text AS attnums,
       k.convalidated AS validated,
       k.contype = 'f' AND side.referencing IS NULL
           AND EXISTS (SELECT FROM pg_catalog.pg_constraint AS pk
                        WHERE pk.conrelid = k.confrelid AND pk.contype = 'p' AND pk.conkey = k.confkey) AS to_primary,
       obj_description(k.oid, 'pg_constraint') AS comment,
       CASE WHEN side.referencing IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END AS referencing,
       CASE WHEN side.referencing IS NOT NULL
            THEN CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT'
                      ELSE 'NO ACTION' END END AS on_delete,
       -- What a row is deleted with looks for rows that refer to it by all columns of the key.
       CASE WHEN side.referencing IS NOT NULL
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                              WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indisready AND i.indpred IS NULL
                                AND (i.indkey::pg_catalog.int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
                                AND cardinality(k.conkey) <= i.indnkeyatts)
            THEN (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n.at)
                    FROM unnest(k.conkey) WITH ORDINALITY AS n (attnum, at)
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.attnum) END AS unindexed,
       CASE WHEN NOT side.own THEN (SELECT format('%I.%I', tn.nspname, tc.relname) FROM pg_catalog.pg_class AS tc
                                      JOIN pg_catalog.pg_namespace AS tn ON tn.oid = tc.relnamespace WHERE tc.oid = side.relation) END AS "table"
  FROM p
 CROSS JOIN side
  JOIN pg_catalog.pg_constraint AS k ON k.oid = side.key
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY side.referencing IS NOT NULL, NOT side.own, k.conname, c.oid
