-- Whether the lease of run $1 is still the one with fence $2.
SELECT fence = $2::bigint AS held
  FROM tidemark.run
 WHERE id = $1::bigint
