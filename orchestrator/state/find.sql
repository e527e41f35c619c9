-- The latest run of plan $1.
SELECT r.id, r.hash, r.plan_text, r.state, r.relation, r.table_oid, r.wanted, r.wanted_by, r.direction, r.owner, r.fence,
       coalesce(r.back_to, -1) AS back_to,
       r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease
           AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                        WHERE a.pid = r.backend AND (a.backend_start = r.backend_start OR a.backend_start IS NULL)) AS live
  FROM tidemark.run AS r
 WHERE r.plan = $1
 ORDER BY r.id DESC
 LIMIT 1
