-- One tick of the watcher: keeps the lease alive (only while it is ours) and brings everything the throttle and the
-- controls read. $1 run, $2 fence, $3 progress (jsonb; NULL: no sweep is running), $4 table oid, $5 reason.
WITH beat AS (
    UPDATE tidemark.run
       SET heartbeat = clock_timestamp(), progress = $3::jsonb,
           reason = CASE WHEN $5::text IS NULL THEN reason ELSE nullif($5::text, '') END
     WHERE id = $1::bigint AND fence = $2::bigint
    RETURNING wanted, wanted_by
), replica AS (
    SELECT application_name, state,
           CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END AS gap,
           CASE WHEN pg_wal_lsn_diff(sent_lsn, replay_lsn) = 0 AND clock_timestamp() - reply_time < interval '30 s'
                     AND coalesce(replay_lag, interval '0') < interval '1 s' THEN 0
                ELSE greatest(extract(epoch FROM coalesce(replay_lag, interval '0')),
                              CASE WHEN clock_timestamp() - reply_time > interval '30 s'
                                   THEN extract(epoch FROM clock_timestamp() - reply_time) ELSE 0 END)
           END AS lag
      FROM pg_catalog.pg_stat_replication
)
SELECT (SELECT wanted FROM beat), (SELECT wanted_by FROM beat),
       (SELECT count(*) FROM replica),
       -- Hidden from this role. Who replays nothing (a base backup, a receiver that only stores WAL) has no lag at all.
       (SELECT count(*) FROM replica WHERE state IS NULL),
       (SELECT max(lag) FROM replica),
       (SELECT max(gap) FROM replica),
       (SELECT string_agg(application_name, E'\n') FROM replica),
       (SELECT max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                        ELSE pg_current_wal_lsn() END, restart_lsn))
          FROM pg_catalog.pg_replication_slots),
       (SELECT count(*) FROM pg_catalog.pg_locks WHERE relation = $4::oid AND NOT granted
           AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())),
       (SELECT string_agg(seconds || ' ' || application_name, E'\n' ORDER BY application_name)
          FROM (SELECT application_name, max(lag) AS seconds FROM replica WHERE state IS NOT NULL AND gap IS NOT NULL
                 GROUP BY application_name) AS readable)
