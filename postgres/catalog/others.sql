-- Runs of plans other than $2 on table $1 (an oid), on a partition of it or on what it is a partition of. What is complete counts: its
-- triggers may stay. So does what was rolled back last of a plan: what another plan was going to take over is no longer there. "Earlier": than the unfinished run of plan $2, if there is one.
WITH p AS (SELECT $1::pg_catalog.oid AS relation, $2::pg_catalog.text AS plan),
family AS (
    SELECT p.relation AS oid FROM p
     UNION SELECT t.relid FROM p, pg_partition_tree(p.relation) AS t
     UNION SELECT u.relid FROM p, pg_partition_ancestors(p.relation) AS u
)
SELECT r.plan,
       r.state,
       at.name AS phase,
       r.plan_text AS text,
       -- A phase that was refused when it began has done nothing.
       (SELECT string_agg(CASE WHEN s.compiled IS NULL THEN 'pending' ELSE s.state END, E'\n' ORDER BY s.ordinal) FROM tidemark.phase AS s WHERE s.run = r.id) AS phases,
       r.id < coalesce((SELECT min(own.id) FROM tidemark.run AS own
                         WHERE own.plan = p.plan AND own.state NOT IN ('complete', 'rolled_back')), r.id + 1) AS earlier,
       r.table_oid = p.relation AS same_table
  FROM p
  JOIN tidemark.run AS r ON r.plan IS DISTINCT FROM p.plan AND NOT r.repeated
   AND (r.state <> 'rolled_back' OR NOT EXISTS (SELECT FROM tidemark.run AS later WHERE later.plan = r.plan AND later.id > r.id))
  JOIN family ON family.oid = r.table_oid
  LEFT JOIN tidemark.phase AS at ON at.run = r.id AND at.ordinal = r.phase
 ORDER BY r.id
