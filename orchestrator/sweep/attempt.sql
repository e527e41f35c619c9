-- What names a sweep of step $3 of phase $2 of run $1: when the phase was compiled, and how often the step has failed or ended, or the
-- run was adopted, since.
SELECT p.compiled,
       (SELECT count(*) FROM tidemark.journal AS j
         WHERE j.run = p.run AND j.phase = p.ordinal AND j.seq > p.compiled
           AND j.event IN ('sweep.failed', 'step.done') AND j.step = $3)
       + (SELECT count(*) FROM tidemark.journal AS a
           WHERE a.run = p.run AND a.event = 'run.adopted' AND a.seq > p.compiled) AS earlier
  FROM tidemark.phase AS p
 WHERE p.run = $1::bigint AND p.ordinal = $2::integer
