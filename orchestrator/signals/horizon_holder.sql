-- Who keeps dead rows from being pruned: the holder of the oldest xmin that counts for tables of this database. A vacuum
-- does not count, nor does what only concerns catalogs (catalog_xmin). What has no start has NULL for its age: the caller
-- measures how long xmin stays the same. So does a session whose start is hidden (no pg_read_all_stats).
WITH holder (kind, pid, name, who, state, age, xmin, held) AS (
    SELECT CASE WHEN a.backend_type = 'walsender' THEN 'standby' ELSE 'session' END, a.pid, a.application_name, a.usename,
           a.state, CASE WHEN a.backend_type <> 'walsender' THEN extract(epoch FROM clock_timestamp() - a.xact_start) END,
           CASE WHEN age(a.backend_xid) > coalesce(age(a.backend_xmin), 0) THEN a.backend_xid ELSE a.backend_xmin END,
           greatest(age(a.backend_xid), age(a.backend_xmin))
      FROM pg_catalog.pg_stat_activity a
     WHERE (a.datname = current_database() OR a.backend_type = 'walsender') AND a.pid <> pg_backend_pid()
       AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
       AND NOT (a.query ~* '^\s*vacuum\M' AND a.state = 'active') AND a.query !~ '^autovacuum: VACUUM'
    UNION ALL
    SELECT 'prepared', NULL, x.gid, x.owner, NULL, extract(epoch FROM clock_timestamp() - x.prepared), x.transaction,
           age(x.transaction)
      FROM pg_catalog.pg_prepared_xacts x
     WHERE x.database = current_database()
    UNION ALL
    SELECT 'slot', s.active_pid, s.slot_name, NULL, CASE WHEN s.active THEN 'in use' ELSE 'nobody is connected' END, NULL,
           s.xmin, age(s.xmin)
      FROM pg_catalog.pg_replication_slots s
     WHERE s.xmin IS NOT NULL
)
SELECT kind, coalesce(pid, 0) AS pid, name, who, state, age, xmin::text AS xmin
  FROM holder
 ORDER BY held DESC, age DESC NULLS LAST
 LIMIT 1
