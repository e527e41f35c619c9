SELECT j.seq, j.run, to_char(j.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, j.event, p.name AS phase, j.step, j.actor, j.host,
       CASE WHEN j.event = 'phase.compiled' THEN NULL ELSE j.detail::text END AS detail, j.sql, j.outcome, j.seconds, j.lock_wait
  FROM tidemark.journal j
  JOIN tidemark.run r ON r.id = j.run
  LEFT JOIN tidemark.phase p ON p.run = j.run AND p.ordinal = j.phase
 WHERE r.plan = $1
 ORDER BY j.seq
