-- The OID of the table of the latest run of plan $1 that was not rolled back, when that run belongs to this database and the table
-- exists. The identity of an old run is the cluster alone.
SELECT r.table_oid
  FROM tidemark.run AS r
 CROSS JOIN (SELECT s.system_identifier::text AS cluster, d.oid::text AS database
               FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_database AS d
              WHERE d.datname = pg_catalog.current_database()) AS here
  JOIN pg_catalog.pg_class AS c ON c.oid = r.table_oid AND c.relkind IN ('r', 'p')
 WHERE r.plan = $1
   AND r.state <> 'rolled_back'
   AND r.system_identifier IN (here.cluster || '/' || here.database, here.cluster)
 ORDER BY r.id DESC
 LIMIT 1
