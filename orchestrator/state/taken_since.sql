-- Whether an executor other than $3 has taken the lease of run $1 since the fence was $2.
SELECT fence >= $2::bigint AND owner IS DISTINCT FROM $3 AS taken
  FROM tidemark.run
 WHERE id = $1::bigint
