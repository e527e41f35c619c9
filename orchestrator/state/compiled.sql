-- Writes the steps $4 of phase $3 of run $1 to the journal, and in the phase where they are, only while the lease is the one with fence $2.
WITH r AS (
    SELECT id, fence FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE
), j AS (
    INSERT INTO tidemark.journal (run, event, phase, detail, fence)
    SELECT id, 'phase.compiled', $3::integer, $4::jsonb, fence FROM r
    RETURNING seq
)
UPDATE tidemark.phase AS p
   SET compiled = j.seq
  FROM j, r
 WHERE p.run = r.id AND p.ordinal = $3::integer
RETURNING 1
