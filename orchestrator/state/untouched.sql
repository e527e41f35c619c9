-- Whether step $3 of phase $2 of run $1 was always found done, with outcome $4, since the steps of the phase were compiled.
SELECT coalesce(bool_and(j.event = 'step.done' AND j.outcome = $4), false) AS untouched
  FROM tidemark.journal AS j
  JOIN tidemark.phase AS p ON p.run = j.run AND p.ordinal = j.phase
 WHERE j.run = $1::bigint AND j.phase = $2::integer AND j.step = $3
   AND j.seq > p.compiled
   AND j.event IN ('step.done', 'step.intent')
