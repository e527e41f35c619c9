-- Columns that triggers of plans other than $2 keep in step, on table $1 (an oid), on a partition of it or on what it is a partition
-- of: each function says so in its first line (phases/checks/overlap.c). The rows of schema tidemark are not asked.
WITH p AS (SELECT $1::pg_catalog.oid AS relation, $2::pg_catalog.text AS plan),
family AS (
    SELECT p.relation AS oid FROM p
     UNION SELECT t.relid FROM p, pg_partition_tree(p.relation) AS t
     UNION SELECT u.relid FROM p, pg_partition_ancestors(p.relation) AS u
), note AS (
    SELECT t.tgname, CASE WHEN starts_with(line.text, '-- tidemark {') THEN substr(line.text, 13)::pg_catalog.jsonb END AS of
      FROM family
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = family.oid
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname = 'tidemark'
     CROSS JOIN LATERAL split_part(f.prosrc, chr(10), 2) AS line (text)
)
SELECT DISTINCT note.tgname AS trigger, note.of ->> 'plan' AS plan, used.name AS "column"
  FROM p
 CROSS JOIN note
 CROSS JOIN LATERAL jsonb_array_elements_text(note.of -> 'columns') AS used (name)
 WHERE note.of ->> 'plan' IS DISTINCT FROM p.plan
 ORDER BY plan, "column", trigger
