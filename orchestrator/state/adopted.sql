-- Who adopted run $1 last, and when.
SELECT detail ->> 'by' AS by, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
  FROM tidemark.journal
 WHERE run = $1::bigint AND event = 'run.adopted'
 ORDER BY seq DESC
 LIMIT 1
