-- Who works on run $1 in this database.
SELECT r.owner
  FROM tidemark.run AS r
  JOIN pg_catalog.pg_stat_activity AS a
       ON a.pid = r.backend
      AND a.datname = pg_catalog.current_database()
      AND (a.backend_start = r.backend_start OR r.backend_start IS NULL)
 WHERE r.id = $1::bigint
   AND r.owner IS NOT NULL
   AND r.heartbeat > clock_timestamp() - r.lease
