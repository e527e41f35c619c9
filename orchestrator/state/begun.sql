-- Whether each phase of run $1 has begun, in order.
SELECT compiled IS NOT NULL AS begun
  FROM tidemark.phase
 WHERE run = $1::bigint
 ORDER BY ordinal
