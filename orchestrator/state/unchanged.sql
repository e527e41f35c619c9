-- Whether what the sweep of a step has found still counts: it is done, and on each relation that holds rows of the table our triggers
-- are those under which it was read. $1 run, $2 phase, $3 step, $4 table (an oid). The mark of a relation is as in sweep/leaves.sql.
WITH newest AS (
    SELECT j.step AS sweep, j.seq FROM tidemark.journal j JOIN tidemark.phase p ON p.run = j.run AND p.ordinal = j.phase
     WHERE j.run = $1::bigint AND j.phase = $2::integer AND j.event = 'sweep.created' AND j.detail->>'step' = $3
       AND j.seq > p.compiled
     ORDER BY j.seq DESC LIMIT 1
), leaf AS (
    SELECT c.oid,
           coalesce((SELECT string_agg(t.oid::text || '/' || t.xmin::text || '/' || f.xmin::text, ' ' ORDER BY t.oid)
                       FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
                       JOIN pg_catalog.pg_namespace s ON s.oid = f.pronamespace AND s.nspname = 'tidemark'
                      WHERE t.tgrelid = c.oid), '') AS mark
      FROM pg_catalog.pg_class c
     WHERE c.oid = $4::oid AND c.relkind <> 'p'
        OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree($4::oid::regclass) t WHERE t.isleaf AND t.relid <> $4::oid)
)
SELECT EXISTS (SELECT FROM newest JOIN tidemark.journal d ON d.run = $1::bigint AND d.phase = $2::integer
                  AND d.event = 'step.done' AND d.step = $3 AND d.seq > newest.seq)
   AND NOT EXISTS (SELECT FROM leaf
                    WHERE NOT EXISTS (SELECT FROM newest JOIN tidemark.journal b ON b.run = $1::bigint
                                         AND b.event = 'sweep.created' AND b.step = newest.sweep
                                       WHERE (b.detail->>'oid')::bigint = leaf.oid::bigint AND b.detail->>'mark' = leaf.mark))
       AS unchanged
