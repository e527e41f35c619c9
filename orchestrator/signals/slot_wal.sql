-- The bytes of WAL that the slot furthest behind retains; NULL without slots.
SELECT max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                           restart_lsn)) AS kept
  FROM pg_catalog.pg_replication_slots
