-- Writes a row to the journal, only while the lease of run $1 is the one with fence $2.
INSERT INTO tidemark.journal (run, event, phase, step, sql, outcome, detail, seconds, lock_wait, host, fence)
SELECT id, $3, $4::integer, $5, $6, $7, $8::jsonb, $9::float8, $10::float8, $11, fence
  FROM tidemark.run
 WHERE id = $1::bigint AND fence = $2::bigint
   FOR SHARE
RETURNING seq
