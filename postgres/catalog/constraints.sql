-- Constraints of the table, and foreign keys of other tables that point at it. The copies that the server keeps for
-- the partitions of the other side are not constraints of their own.
WITH p AS (SELECT $1::pg_catalog.oid AS relation)
SELECT k.conname,
       k.contype,
       pg_get_constraintdef(k.oid),
       CASE WHEN k.conrelid = p.relation THEN k.conkey ELSE k.confkey END::pg_catalog.text,
       k.convalidated,
       obj_description(k.oid, 'pg_constraint'),
       CASE WHEN k.conrelid <> p.relation THEN format('%I.%I', n.nspname, c.relname) END
  FROM p
  JOIN pg_catalog.pg_constraint AS k ON k.conrelid = p.relation OR (k.confrelid = p.relation AND k.contype = 'f')
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_constraint AS parent ON parent.oid = k.conparentid
 WHERE CASE WHEN k.conrelid = p.relation THEN parent.conrelid IS DISTINCT FROM k.conrelid ELSE k.conparentid = 0 END
 ORDER BY k.conrelid <> p.relation, k.conname, c.oid
