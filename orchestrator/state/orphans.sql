-- Counts the sessions that acted for run $1 under a lease with a lower fence than $2 and still exist: that lease was taken over, not
-- released, so nobody will use them again. With $3 it ends them, and counts those that it could end. A pid alone may be another session's by now.
SELECT count(*) FILTER (WHERE CASE WHEN $3::boolean THEN pg_terminate_backend(a.pid) ELSE true END)
  FROM tidemark.session AS s
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = s.pid AND a.backend_start = s.started
 WHERE s.run = $1::bigint
   AND s.fence < $2::bigint
   AND a.pid <> pg_backend_pid()
   AND a.usename = session_user
   AND a.datname = current_database()
