-- Who blocks backend $1, and how many wait behind it. A prepared transaction has pid 0.
SELECT b.pid, a.usename AS "user", a.application_name AS application, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start) AS age,
       a.query, a.backend_type,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity w
         WHERE w.wait_event_type = 'Lock' AND $1::integer = ANY (pg_catalog.pg_blocking_pids(w.pid))) AS behind,
       (SELECT string_agg(x.gid, ', ') FROM pg_catalog.pg_prepared_xacts x WHERE b.pid = 0) AS gid
  FROM (SELECT 1) AS one
  LEFT JOIN (SELECT DISTINCT pid FROM unnest(pg_catalog.pg_blocking_pids($1::integer)) AS p (pid)) AS b ON true
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
