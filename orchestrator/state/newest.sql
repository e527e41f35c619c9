-- The latest run of plan $1, NULL: there is none; and whether this server is a hot standby.
SELECT max(id) AS run, pg_is_in_recovery() AS standby
  FROM tidemark.run
 WHERE plan = $1
