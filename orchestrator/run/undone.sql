-- The undo actions of phase $2 of run $1 that have changed something (their outcome is not $3), one a line: since the last step forward,
-- without those whose effect a failed action has cleaned up.
WITH u AS (
    SELECT seq, step, outcome, split_part(step, '#', 1) AS of, step LIKE '%.cleanup' AS cleanup
      FROM tidemark.journal
     WHERE run = $1::bigint AND phase = $2::integer AND event = 'undo.done'
       AND seq > coalesce((SELECT max(seq) FROM tidemark.journal
                            WHERE run = $1::bigint AND phase = $2::integer AND event = 'step.done'), 0)
)
SELECT coalesce(string_agg(DISTINCT u.step, chr(10)), '') AS steps
  FROM u
 WHERE NOT u.cleanup
   AND u.outcome IS DISTINCT FROM $3
   AND NOT EXISTS (SELECT FROM u AS c WHERE c.cleanup AND c.of = u.of AND c.seq > u.seq)
