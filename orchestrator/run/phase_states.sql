-- The state of each phase of run $1, in order.
SELECT state
  FROM tidemark.phase
 WHERE run = $1::bigint
 ORDER BY ordinal
