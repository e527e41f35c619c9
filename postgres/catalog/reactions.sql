-- What runs by itself when rows of the table are updated ($2 'update') or deleted ('delete') leaf by leaf: triggers (t; c: constraint triggers), rules (r), and checks
-- of the server that are triggers inside (k: foreign keys of either side, deferrable keys; of a DELETE foreign keys that point here). In
-- the order in which they fire.
-- A row trigger of a partitioned table stands on every leaf, and is told once; a statement trigger of one does not fire on a leaf.
-- Columns (the table's numbers): those of UPDATE OF, or of the constraint; a generated one brings those that it is made of.
WITH p AS (SELECT $1::pg_catalog.oid AS relation, upper($2::pg_catalog.text) AS event, CASE $2 WHEN 'delete' THEN 8 ELSE 16 END AS bit),
family AS (
    SELECT c.oid, c.relkind, c.oid = p.relation AS own, p.relation, p.event, p.bit
      FROM p JOIN pg_catalog.pg_class AS c
        ON c.oid IN (SELECT p.relation FROM p UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t)
), made AS (
    SELECT f.oid, a.attnum, d.refobjsubid AS base
      FROM family AS f
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.oid AND a.attgenerated <> ''
      LEFT JOIN pg_catalog.pg_attrdef AS x ON x.adrelid = f.oid AND x.adnum = a.attnum
      JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = f.oid
       AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
       AND ((d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = f.oid AND d.objsubid = a.attnum)
         OR (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = x.oid))
), side AS (
    SELECT k.oid AS key, k.conrelid AS relation
      FROM pg_catalog.pg_constraint AS k
     WHERE k.contype = 'f' OR k.condeferrable AND k.contype IN ('p', 'u', 'x')
     UNION SELECT k.oid, k.confrelid FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f'
), found AS (
    SELECT f.oid, f.own, f.relation, t.tgname AS name, CASE WHEN t.tgconstraint <> 0 THEN 'c' ELSE 't' END AS kind,
           format('%I.%I', n.nspname, u.proname) AS does,
           CASE WHEN t.tgtype & 2 <> 0 THEN 'BEFORE ' ELSE 'AFTER ' END || f.event
               || coalesce((SELECT ' OF ' || string_agg(quote_ident(a.attname), ', ' ORDER BY o.n)
                              FROM unnest(t.tgattr::pg_catalog.int2[]) WITH ORDINALITY AS o (attnum, n)
                              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.oid AND a.attnum = o.attnum AND f.event = 'UPDATE'), '')
               || CASE WHEN t.tgtype & 1 <> 0 THEN ' FOR EACH ROW' ELSE ' FOR EACH STATEMENT' END AS timing,
           (regexp_match(pg_get_triggerdef(t.oid), ' WHEN \((.+)\) EXECUTE FUNCTION '))[1] AS condition,
           t.tgenabled::pg_catalog.text AS enabled, t.tgtype & 3 = 3 AS alters,
           CASE f.event WHEN 'UPDATE' THEN t.tgattr::pg_catalog.int2[] ELSE '{}' END AS attnums
      FROM family AS f
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = f.oid AND t.tgtype & f.bit <> 0
      JOIN pg_catalog.pg_proc AS u ON u.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = u.pronamespace
      LEFT JOIN pg_catalog.pg_constraint AS k ON k.oid = t.tgconstraint
      LEFT JOIN pg_catalog.pg_trigger AS parent ON parent.oid = t.tgparentid
     WHERE coalesce(k.contype NOT IN ('f', 'p', 'u', 'x'), true) AND n.nspname <> 'tidemark'
       AND (f.relkind <> 'p' OR t.tgtype & 1 <> 0)
       AND (f.own OR parent.oid IS NULL OR parent.tgenabled <> t.tgenabled)
     UNION ALL
    SELECT f.oid, f.own, f.relation, r.rulename, 'r', NULL, 'ON ' || f.event, NULL, r.ev_enabled::pg_catalog.text, false, '{}'
      FROM family AS f
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = f.oid AND r.ev_type = CASE f.event WHEN 'UPDATE' THEN '2' ELSE '4' END
     WHERE f.relkind <> 'p'
     UNION ALL
    -- Not from its triggers: on PostgreSQL 14 a partitioned table has none for a foreign key, only its leaves have.
    SELECT f.oid, f.own, f.relation, k.conname, 'k',
           CASE WHEN k.conrelid <> f.oid THEN format('FOREIGN KEY of %I.%I', n.nspname, c.relname)
                ELSE pg_get_constraintdef(k.oid) END,
           'AFTER ' || f.event, NULL,
           coalesce((SELECT min(t.tgenabled::pg_catalog.text) FROM pg_catalog.pg_trigger AS t
                      WHERE t.tgconstraint = k.oid AND t.tgrelid = f.oid AND t.tgtype & f.bit <> 0),
                    CASE WHEN f.relkind = 'p' THEN 'O' ELSE 'D' END),
           false,
           CASE WHEN k.conrelid = f.oid THEN k.conkey ELSE '{}' END || CASE WHEN k.confrelid = f.oid THEN k.confkey ELSE '{}' END
               || ARRAY(SELECT d.refobjsubid::pg_catalog.int2 FROM pg_catalog.pg_depend AS d
                         WHERE k.contype <> 'f' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = k.conindid
                           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = f.oid)
      FROM family AS f
      JOIN side ON side.relation = f.oid
      JOIN pg_catalog.pg_constraint AS k ON k.oid = side.key
      JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE (f.own OR k.conparentid = 0) AND (f.event = 'UPDATE' OR k.contype = 'f' AND k.confrelid = f.oid) AND coalesce((to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true)
)
SELECT found.name,
       found.kind,
       CASE WHEN NOT found.own THEN (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
                                       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = found.oid) END AS "table",
       found.does,
       found.timing,
       found.condition,
       found.enabled,
       found.alters,
       (SELECT array_agg(DISTINCT own.attnum)
          FROM unnest(found.attnums) AS o (attnum)
          LEFT JOIN made ON made.oid = found.oid AND made.attnum = o.attnum
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = found.oid AND a.attnum IN (o.attnum, made.base)
          JOIN pg_catalog.pg_attribute AS own ON own.attrelid = found.relation AND own.attname = a.attname)::pg_catalog.text AS attnums
  FROM found
 ORDER BY found.kind = 'k', NOT found.own, found.oid, found.timing LIKE 'AFTER%', found.name COLLATE "C", found.does
