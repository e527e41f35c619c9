-- How the gate of phase $3 of run $1 ($2 fence) is, whose soak of $4 counts from the end of the phase before: writes down its end, for
-- status. Of the last comparison of a lookup, what whoever opens the gate of a switch should know.
WITH mark AS (
    UPDATE tidemark.run AS r
       SET hold_until = CASE WHEN $4::interval > interval '0' THEN coalesce(before.ended, r.created) + $4::interval END
      FROM (SELECT max(ended) AS ended FROM tidemark.phase WHERE run = $1::bigint AND ordinal = $3::integer - 1) AS before
     WHERE r.id = $1::bigint AND r.fence = $2::bigint
    RETURNING r.hold_until
)
SELECT p.approved IS NOT NULL AS approved,
       CASE WHEN p.waive_soak THEN 0 ELSE extract(epoch FROM mark.hold_until - clock_timestamp()) END AS soak_left,
       to_char(mark.hold_until, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS soak_until,
       l.detail ->> 'rows_unmatched' AS unmatched,
       l.detail ->> 'unmatched_key' AS unmatched_key
  FROM tidemark.phase AS p
 CROSS JOIN mark
  LEFT JOIN LATERAL (SELECT j.detail
                       FROM tidemark.journal AS j
                       JOIN tidemark.phase AS q ON q.run = j.run AND q.ordinal = j.phase AND q.state = 'done'
                      WHERE j.run = p.run AND j.event = 'step.done' AND j.detail ? 'rows_unmatched'
                      ORDER BY j.seq DESC
                      LIMIT 1) AS l ON p.kind = 'switch'
 WHERE p.run = $1::bigint AND p.ordinal = $3::integer
