-- Moves phase $3 of run $1 to state $4, only while the lease is the one with fence $2. A phase that is pending again has not begun, and
-- nobody has approved it.
UPDATE tidemark.phase AS p
   SET state = $4,
       started = CASE WHEN $4 = 'running' THEN coalesce(p.started, clock_timestamp()) WHEN $4 = 'pending' THEN NULL ELSE p.started END,
       ended = CASE WHEN $4 = 'done' THEN clock_timestamp() ELSE NULL END,
       approved = CASE WHEN $4 = 'pending' THEN NULL ELSE p.approved END,
       approved_by = CASE WHEN $4 = 'pending' THEN NULL ELSE p.approved_by END,
       waive_soak = CASE WHEN $4 = 'pending' THEN false ELSE p.waive_soak END,
       waive_hold = CASE WHEN $4 = 'pending' THEN false ELSE p.waive_hold END,
       compiled = CASE WHEN $4 = 'pending' THEN NULL ELSE p.compiled END
  FROM (SELECT id FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE) AS r
 WHERE p.run = r.id AND p.ordinal = $3::integer
RETURNING 1
