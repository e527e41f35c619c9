-- Who blocks an executor's session on table $1 or a partition of it, who waits for it, and what holds the table for long.
-- Column role is an enum tide_lock_role.
WITH RECURSIVE tree (oid) AS (
    SELECT pg_catalog.to_regclass($1)::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
), ours AS (
    SELECT a.pid FROM pg_catalog.pg_stat_activity a
     WHERE starts_with(a.application_name, 'tidemark/') AND a.datname = current_database() AND a.pid <> pg_backend_pid()
), seen AS (
    SELECT 1 AS role, b.pid, o.pid AS ours
      FROM ours o CROSS JOIN unnest(pg_catalog.pg_blocking_pids(o.pid)) AS b (pid)
    UNION ALL
    SELECT 2, w.pid, o.pid
      FROM pg_catalog.pg_stat_activity w JOIN ours o ON o.pid = ANY (pg_catalog.pg_blocking_pids(w.pid))
     WHERE w.wait_event_type = 'Lock'
    UNION ALL
    SELECT CASE WHEN a.backend_type = 'autovacuum worker' THEN 4 ELSE 3 END, a.pid, NULL
      FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.granted AND l.locktype = 'relation' AND l.relation IN (SELECT oid FROM tree)
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND a.pid NOT IN (SELECT pid FROM ours) AND a.pid <> pg_backend_pid()
       AND (clock_timestamp() - a.xact_start > interval '1 s' OR a.backend_type = 'autovacuum worker')
), prepared AS (
    -- They have no backend. One that holds a row lock holds a lock on the table too.
    SELECT x.gid, x.owner, x.prepared,
           (SELECT string_agg(DISTINCT l.mode, ', ')
              FROM pg_catalog.pg_locks own
              JOIN pg_catalog.pg_locks l ON l.pid IS NULL AND l.virtualtransaction = own.virtualtransaction
             WHERE own.pid IS NULL AND own.granted AND own.locktype = 'transactionid' AND own.transactionid = x.transaction
               AND l.locktype = 'relation' AND l.relation IN (SELECT oid FROM tree)) AS lock
      FROM pg_catalog.pg_prepared_xacts x
     WHERE x.database = current_database()
)
SELECT s.role, s.pid, a.usename AS "user", a.application_name AS application, a.state,
       (SELECT string_agg(DISTINCT l.mode, ', ') FROM pg_catalog.pg_locks l
         WHERE l.pid = s.pid AND l.relation IN (SELECT oid FROM tree)) AS lock,
       a.query, extract(epoch FROM clock_timestamp() - a.xact_start) AS age
  FROM (SELECT DISTINCT role, pid FROM seen WHERE pid <> 0) s
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.pid
UNION ALL
-- Pid 0 blocks us: those that hold the table, or any of them when it waits for another one.
SELECT CASE WHEN EXISTS (SELECT FROM seen WHERE pid = 0) THEN 1 ELSE 3 END, 0, p.owner, p.gid, 'prepared transaction',
       p.lock, NULL, extract(epoch FROM clock_timestamp() - p.prepared)
  FROM prepared p
 WHERE p.lock IS NOT NULL
    OR (EXISTS (SELECT FROM seen WHERE pid = 0) AND NOT EXISTS (SELECT FROM prepared WHERE lock IS NOT NULL))
 ORDER BY role, age DESC NULLS LAST
