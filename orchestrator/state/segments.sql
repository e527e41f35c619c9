-- How far the sweep is that run $1 has begun and not finished, from what is committed alone. No row: there is none.
WITH RECURSIVE begun AS (
    -- The last part of it that was begun: what it was at that moment is in the journal (sweep/create.sql).
    SELECT j.run, j.step AS sweep, j.detail, p.name AS phase, r.table_oid
      FROM tidemark.journal j
      JOIN tidemark.run r ON r.id = j.run
      JOIN tidemark.phase p ON p.run = j.run AND p.ordinal = j.phase AND j.seq > p.compiled
           AND p.state = CASE WHEN (j.detail->>'back')::boolean THEN 'undoing' ELSE 'running' END
     WHERE j.run = $1::bigint AND j.event = 'sweep.created'
       AND NOT EXISTS (SELECT FROM tidemark.journal d
                        WHERE d.run = j.run AND d.phase = j.phase AND d.event IN ('step.done', 'undo.done')
                          AND d.step = j.detail->>'step' AND d.seq > j.seq)
     ORDER BY j.seq DESC LIMIT 1
), tree AS (
    -- Not pg_partition_tree(), which locks the partitions: a reader must not wait for anybody.
    SELECT table_oid AS oid FROM begun
     UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
), part AS (
    SELECT s.*, m.amname IS NOT DISTINCT FROM 'heap' AS heap,
           -- A partition that was dropped or detached since took its rows with it.
           s.done OR c.oid IS NULL OR s.relation NOT IN (SELECT tree.oid FROM tree) AS over
      FROM begun
      JOIN tidemark.segment s ON s.run = begun.run AND s.sweep = begun.sweep AND s.pass = (begun.detail->>'pass')::integer
      LEFT JOIN pg_catalog.pg_class c ON c.oid = s.relation
      LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
)
SELECT begun.phase, begun.detail->>'what' AS what, (begun.detail->>'pass')::integer AS pass,
       coalesce((begun.detail->>'repeats')::boolean, false) AS repeats, coalesce((begun.detail->>'floor')::float8, 0) AS floor,
       total.total, total.done, total.seen, total.changed, total.stayed, total.differing, total.placed,
       (begun.detail->>'rows_seen')::bigint AS earlier_seen, (begun.detail->>'rows_changed')::bigint AS earlier_changed,
       (begun.detail->>'rows_stayed')::bigint AS earlier_stayed
  FROM begun
 CROSS JOIN (
       SELECT sum(stop - first) FILTER (WHERE NOT skipped_range)::bigint AS total,
              sum(CASE WHEN over THEN stop ELSE next END - first) FILTER (WHERE NOT skipped_range)::bigint AS done,
              sum(rows_seen)::bigint AS seen, sum(changed)::bigint AS changed, sum(stayed)::bigint AS stayed,
              sum(differing)::bigint AS differing,
              -- Elsewhere nobody can say whether a row stayed.
              sum(changed) FILTER (WHERE heap)::bigint AS placed
         FROM part) AS total
 WHERE total.total > 0
