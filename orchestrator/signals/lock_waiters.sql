-- How many sessions wait for a lock on the table $1, or on a partition of it.
SELECT count(*) AS waiters
  FROM pg_catalog.pg_locks
 WHERE NOT granted AND (relation = $1::oid OR relation IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass)))
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
