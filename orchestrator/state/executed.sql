-- What run $1 has executed, in order: phase (by number), the statements, and whether they undo. All of its history: an undo leaves what later phases had
-- removed. An act whose row was lost with the executor is known from its intent; what was found undone counts as undone.
SELECT j.phase,
       coalesce(j.sql,
           (SELECT i.sql FROM tidemark.journal AS i
             WHERE i.run = j.run AND i.phase = j.phase AND i.step = j.step AND i.seq BETWEEN c.seq AND j.seq
               AND i.event = replace(j.event, '.done', '.intent') ORDER BY i.seq DESC LIMIT 1),
           (SELECT string_agg(a.statement, E';\n' ORDER BY a.place)
              FROM jsonb_array_elements(c.detail) AS s (step)
             CROSS JOIN jsonb_array_elements_text(s.step -> 'undo' -> (substring(j.step FROM '#(\d+)$')::integer - 1) -> 'act') WITH ORDINALITY AS a (statement, place)
             WHERE j.event = 'undo.done' AND s.step ->> 'name' = regexp_replace(j.step, '#\d+$', ''))) AS sql,
       j.event = 'undo.done' AS undo
  FROM tidemark.journal AS j
  JOIN LATERAL (SELECT k.seq, k.detail FROM tidemark.journal AS k
                 WHERE k.run = j.run AND k.phase = j.phase AND k.event = 'phase.compiled' AND k.seq < j.seq
                 ORDER BY k.seq DESC LIMIT 1) AS c ON true
 WHERE j.run = $1::bigint
   AND (j.event IN ('undo.done', 'step.repair') OR (j.event = 'step.done' AND j.outcome = 'done'))
 ORDER BY j.seq
