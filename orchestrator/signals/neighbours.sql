-- How many sessions of others are at work, or were within the last second. What this role may not see counts as work. $1: how the
-- names of our own sessions begin.
SELECT count(*) AS neighbours
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
   AND coalesce(a.backend_type, 'client backend') = 'client backend'
   AND NOT pg_catalog.starts_with(coalesce(a.application_name, ''), $1)
   AND (a.state IS NULL OR a.state <> 'idle' OR a.state_change > pg_catalog.clock_timestamp() - interval '1 s')
