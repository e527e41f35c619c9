-- Transactions that hold, for longer than $3 seconds, a lock on table $1 or on a partition of it that conflicts with lock mode $2
-- (PostgreSQL's table of conflicts, weakest mode first). Own backends ($4 as an array) do not count. With $5 an ordinary
-- autovacuum does not count either: it yields to a session that may lower its deadlock_timeout.
WITH RECURSIVE tree (oid) AS (
    SELECT pg_catalog.to_regclass($1)::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
), mode (name, conflicts) AS (VALUES
    ('AccessShareLock', ARRAY['AccessExclusiveLock']),
    ('RowShareLock', ARRAY['ExclusiveLock', 'AccessExclusiveLock']),
    ('RowExclusiveLock', ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ShareUpdateExclusiveLock', ARRAY['ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
        'ExclusiveLock', 'AccessExclusiveLock']),
    ('ShareLock', ARRAY['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
        'AccessExclusiveLock']),
    ('ShareRowExclusiveLock', ARRAY['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
        'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ExclusiveLock', ARRAY['RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
        'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('AccessExclusiveLock', ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock',
        'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'])
), holder AS (
    -- Once, whatever number of partitions it holds.
    SELECT DISTINCT l.pid, l.virtualtransaction
      FROM pg_catalog.pg_locks l
      JOIN mode m ON m.name = $2 AND l.mode = ANY (m.conflicts)
     WHERE l.granted AND l.locktype = 'relation' AND l.relation IN (SELECT oid FROM tree)
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND NOT (coalesce(l.pid, 0) = ANY ($4::integer[]))
), prepared AS (
    -- By its own id: its virtual one is that of the session that prepared it, and another one after a restart of the server.
    SELECT x.gid, x.prepared, l.virtualtransaction
      FROM pg_catalog.pg_prepared_xacts x
      JOIN pg_catalog.pg_locks l ON l.pid IS NULL AND l.granted AND l.locktype = 'transactionid' AND l.transactionid = x.transaction
)
SELECT coalesce(a.pid, 0) AS pid, a.usename AS "user", a.application_name AS application, coalesce(a.state, 'prepared transaction') AS state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared)) AS age, a.query, a.backend_type,
       0 AS behind, x.gid
  FROM holder l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN prepared x ON l.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
 WHERE CASE WHEN a.backend_type = 'autovacuum worker'
            THEN NOT $5::boolean OR a.query LIKE '%to prevent wraparound%'
            ELSE clock_timestamp() - coalesce(a.xact_start, x.prepared) > $3::float8 * interval '1 s' END
 ORDER BY age DESC NULLS LAST
 LIMIT 5
