-- How many phases of run $1 are done, and how many are running.
SELECT count(*) FILTER (WHERE state = 'done') AS done,
       count(*) FILTER (WHERE state = 'running') AS running
  FROM tidemark.phase
 WHERE run = $1::bigint
