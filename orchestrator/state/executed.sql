-- What run $1 has executed, in order: phase (by number), and the statements. What was found as it should become is nobody's work. An act
-- whose row was lost with the executor is known from its intent.
SELECT j.phase, coalesce(j.sql, (SELECT i.sql FROM tidemark.journal AS i
                                  WHERE i.run = j.run AND i.phase = j.phase AND i.step = j.step AND i.seq < j.seq AND i.seq > p.compiled
                                    AND i.event = replace(j.event, '.done', '.intent') ORDER BY i.seq DESC LIMIT 1)) AS sql
  FROM tidemark.journal AS j
  JOIN tidemark.phase AS p ON p.run = j.run AND p.ordinal = j.phase
 WHERE j.run = $1::bigint
   AND j.seq > p.compiled
   AND (j.event IN ('undo.done', 'step.repair') OR (j.event = 'step.done' AND j.outcome = 'done'))
 ORDER BY j.seq
