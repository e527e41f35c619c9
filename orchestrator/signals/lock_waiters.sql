-- How many sessions wait for a lock on the table $1.
SELECT count(*) AS waiters
  FROM pg_catalog.pg_locks
 WHERE relation = $1::oid AND NOT granted
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
