-- The sessions with the pids $3 act for run $1 from now on, under the lease with fence $2. No row: the lease is another one's.
INSERT INTO tidemark.session (run, pid, started, fence)
SELECT r.id, a.pid, a.backend_start, r.fence
  FROM tidemark.run AS r, pg_catalog.pg_stat_activity AS a
 WHERE r.id = $1::bigint AND r.fence = $2::bigint AND a.pid = ANY ($3::integer[])
ON CONFLICT (run, pid, started) DO UPDATE SET fence = excluded.fence
RETURNING pid
