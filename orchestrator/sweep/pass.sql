-- The pass in which sweep $2 of run $1 is.
SELECT coalesce(max((detail->>'pass')::integer), 1) AS pass
  FROM tidemark.journal
 WHERE run = $1::bigint AND event = 'sweep.created' AND step = $2
