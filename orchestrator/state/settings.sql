-- What is set for run $1 now: nothing of what has expired, whether or not that has been journaled.
SELECT s.key, s.value, s.set_by, s.reason,
       to_char(s.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
       to_char(s.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until
  FROM tidemark.setting AS s
 WHERE s.run = $1::bigint AND (s.until IS NULL OR s.until > statement_timestamp())
 ORDER BY s.key COLLATE "C"
