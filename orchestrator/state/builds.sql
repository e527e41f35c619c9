-- What the statement of backend $1 is doing, in words and as a share of its work: an index build tells both.
SELECT p.phase,
       CASE WHEN p.blocks_total > 0 THEN 100.0 * p.blocks_done / p.blocks_total
            WHEN p.tuples_total > 0 THEN 100.0 * p.tuples_done / p.tuples_total
            WHEN p.lockers_total > 0 THEN 100.0 * p.lockers_done / p.lockers_total END,
       p.blocks_total, p.blocks_done
  FROM pg_catalog.pg_stat_progress_create_index p
 WHERE p.pid = $1::integer
