-- Which of the backends $1, an array of pids, wait for a lock.
SELECT pid
  FROM pg_catalog.pg_stat_activity
 WHERE pid = ANY ($1::integer[]) AND wait_event_type = 'Lock'
