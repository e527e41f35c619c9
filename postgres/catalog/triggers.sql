-- In the order in which they fire. tgtype: 1 row, 2 before, 4 insert, 16 update.
WITH p AS (SELECT $1::pg_catalog.oid AS relation)
SELECT t.tgname,
       pg_get_triggerdef(t.oid),
       format('%I.%I', n.nspname, f.proname),
       t.tgenabled,
       t.tgtype & 2 <> 0,
       t.tgtype & 1 <> 0,
       t.tgtype & 4 <> 0,
       t.tgtype & 16 <> 0,
       t.tgisinternal
  FROM p
  JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = p.relation
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
 ORDER BY t.tgname COLLATE "C"
