-- Counts the sessions of ours whose application_name begins with $1 and that are older than this one: what an executor that is gone has
-- left. With $2 it ends them, and counts those that it could end. One that still waits for the lease has another application_name, and
-- one that came after us is not older.
SELECT count(*) FILTER (WHERE CASE WHEN $2::boolean THEN pg_terminate_backend(a.pid) ELSE true END)
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.usename = session_user
   AND a.datname = current_database()
   AND a.pid <> pg_backend_pid()
   AND starts_with(a.application_name, $1)
   AND a.backend_start < (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())
