-- What the statement of backend $1 is doing, in words and as a share of its work: index builds, VACUUM and ANALYZE tell both.
SELECT p.phase AS work,
       CASE WHEN p.blocks_total > 0 THEN 100.0 * p.blocks_done / p.blocks_total
            WHEN p.tuples_total > 0 THEN 100.0 * p.tuples_done / p.tuples_total
            WHEN p.lockers_total > 0 THEN 100.0 * p.lockers_done / p.lockers_total END AS share
  FROM pg_catalog.pg_stat_progress_create_index p
 WHERE p.pid = $1::integer
UNION ALL
SELECT format('vacuum of %s, %s', v.relid::regclass, v.phase),
       CASE WHEN v.heap_blks_total > 0 THEN 100.0 * v.heap_blks_scanned / v.heap_blks_total END
  FROM pg_catalog.pg_stat_progress_vacuum v
 WHERE v.pid = $1::integer
UNION ALL
SELECT format('analyze of %s, %s', coalesce(nullif(a.current_child_table_relid, 0), a.relid)::regclass, a.phase),
       CASE WHEN a.sample_blks_total > 0 THEN 100.0 * a.sample_blks_scanned / a.sample_blks_total END
  FROM pg_catalog.pg_stat_progress_analyze a
 WHERE a.pid = $1::integer
