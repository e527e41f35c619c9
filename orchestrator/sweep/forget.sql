-- Deletes the segments of sweep $3 of run $1 ($2 fence), which has failed: the next one begins anew. $4 phase, $5 step.
WITH r AS (
    SELECT id FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE
), d AS (
    DELETE FROM tidemark.segment USING r WHERE run = r.id AND sweep = $3
)
INSERT INTO tidemark.journal (run, event, phase, step, fence, detail)
SELECT id, 'sweep.failed', $4::integer, $5, $2::bigint, jsonb_build_object('sweep', $3::text)
  FROM r
RETURNING 1
