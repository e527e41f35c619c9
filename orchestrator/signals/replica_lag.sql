-- How far replicas are behind: the worst, in each row, and how many are hidden from this role; and one row for each name that can be
-- read, or one without a name. Who replays nothing (a base backup, a receiver that only stores WAL) has no lag at all.
WITH replica AS (
    SELECT application_name, state,
           CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END AS gap,
           CASE WHEN pg_wal_lsn_diff(sent_lsn, replay_lsn) = 0 AND clock_timestamp() - reply_time < interval '30 s'
                     AND coalesce(replay_lag, interval '0') < interval '1 s' THEN 0
                ELSE greatest(extract(epoch FROM coalesce(replay_lag, interval '0')),
                              CASE WHEN clock_timestamp() - reply_time > interval '30 s'
                                   THEN extract(epoch FROM clock_timestamp() - reply_time) ELSE 0 END)
           END AS lag
      FROM pg_catalog.pg_stat_replication
), worst AS (
    SELECT max(lag) FILTER (WHERE state IS NOT NULL) AS lag, max(gap) AS gap, count(*) FILTER (WHERE state IS NULL) AS hidden
      FROM replica
), readable AS (
    SELECT application_name AS name, max(lag) AS name_lag
      FROM replica
     WHERE state IS NOT NULL AND gap IS NOT NULL
     GROUP BY application_name
)
SELECT worst.lag, worst.gap, worst.hidden, readable.name, readable.name_lag
  FROM worst LEFT JOIN readable ON true
 ORDER BY readable.name
