-- Triggers of the table, and those that a partition has for itself, in the order in which they fire. tgtype: 1 row, 2 before, 4 insert,
-- 16 update. The columns of UPDATE OF have the table's numbers, and are also given as the definition prints them.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid, true AS own FROM p
     UNION SELECT t.relid, false FROM p, pg_catalog.pg_partition_tree(p.relation) AS t WHERE t.relid <> p.relation
)
SELECT t.tgname AS name,
       pg_get_triggerdef(t.oid) AS definition,
       format('%I.%I', n.nspname, f.proname) AS function,
       t.tgenabled AS enabled,
       t.tgtype & 2 <> 0 AS "before",
       t.tgtype & 1 <> 0 AS "row",
       t.tgtype & 4 <> 0 AS on_insert,
       t.tgtype & 16 <> 0 AS on_update,
       t.tgisinternal AS internal,
       CASE WHEN NOT family.own THEN family.oid::pg_catalog.regclass::pg_catalog.text END AS "table",
       (SELECT 'UPDATE OF ' || string_agg(quote_ident(a.attname), ', ' ORDER BY o.n)
          FROM unnest(t.tgattr::pg_catalog.int2[]) WITH ORDINALITY AS o (attnum, n)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = family.oid AND a.attnum = o.attnum) AS columns,
       (SELECT array_agg(own.attnum ORDER BY o.n)
          FROM unnest(t.tgattr::pg_catalog.int2[]) WITH ORDINALITY AS o (attnum, n)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = family.oid AND a.attnum = o.attnum
          JOIN pg_catalog.pg_attribute AS own ON own.attrelid = p.relation AND own.attname = a.attname)::pg_catalog.text AS attnums,
       obj_description(t.oid, 'pg_trigger') AS comment,
       -- Whether a partition's copy is enabled in another way.
       EXISTS (WITH RECURSIVE copy AS (
                   SELECT c.oid, c.tgenabled FROM pg_catalog.pg_trigger AS c WHERE c.tgparentid = t.oid
                    UNION ALL SELECT c.oid, c.tgenabled FROM copy JOIN pg_catalog.pg_trigger AS c ON c.tgparentid = copy.oid)
               SELECT FROM copy WHERE copy.tgenabled <> t.tgenabled) AS uneven
  FROM p
 CROSS JOIN family
  JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = family.oid AND (family.own OR (t.tgparentid = 0 AND NOT t.tgisinternal))
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
 ORDER BY t.tgname COLLATE "C", NOT family.own, family.oid
