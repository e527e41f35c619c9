-- The segments of pass $3 of sweep $2 of run $1.
SELECT id, relation, first, stop, next, skipped_range, done, changed, stayed, rows_seen, differing, keys, key, unmatched, unmatched_key
  FROM tidemark.segment
 WHERE run = $1::bigint AND sweep = $2 AND pass = $3::integer
 ORDER BY id
