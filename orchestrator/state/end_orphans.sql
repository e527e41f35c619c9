-- Ends the sessions that orphans.sql counts.
SELECT count(pg_terminate_backend(a.pid))
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.usename = session_user
   AND a.datname = current_database()
   AND a.pid <> pg_backend_pid()
   AND starts_with(a.application_name, $1)
   AND a.backend_start < (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())
