-- Whether sweep $2 of run $1 has begun with relation $3 (an oid) in other storage than $4, or in another order than $5.
SELECT coalesce(bool_or(filenode IS DISTINCT FROM $4::oid), false) AS rewritten,
       coalesce(bool_or(key_order IS DISTINCT FROM $5), false) AS reordered
  FROM tidemark.segment
 WHERE run = $1::bigint AND sweep = $2 AND relation = $3::oid
