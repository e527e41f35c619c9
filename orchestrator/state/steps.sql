-- The steps of phase $2 (by number) of run $1 as they were written down when it began.
SELECT j.detail
  FROM tidemark.phase AS p
  JOIN tidemark.journal AS j ON j.seq = p.compiled
 WHERE p.run = $1::bigint AND p.ordinal = $2::integer
