-- WAL segments behind the current one: files that were recycled and can be written at once. Without any, whoever fills the current
-- segment fills a new file with zeros and syncs it while every commit waits.
SELECT count(*) FILTER (WHERE f.name > pg_catalog.pg_walfile_name(here.lsn)) AS ready,
       pg_catalog.pg_wal_lsn_diff(here.lsn, '0/0')::bigint AS written
  FROM (SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn) AS here, pg_catalog.pg_ls_waldir() AS f
 WHERE f.name ~ '^[0-9A-F]{24}$'
 GROUP BY here.lsn
