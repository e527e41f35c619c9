-- The row of run $1, while its lease is the one with fence $2.
SELECT state, direction
  FROM tidemark.run
 WHERE id = $1::bigint AND fence = $2::bigint
