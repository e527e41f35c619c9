-- Whether pass $4 of sweep $2 of run $1 has begun with relation $3 (an oid): under the triggers $5, NULL where they do not count; and
-- under whatever triggers.
SELECT coalesce(bool_or(detail->>'mark' IS NOT DISTINCT FROM $5), false) AS has, count(*) > 0 AS before
  FROM tidemark.journal
 WHERE run = $1::bigint
   AND event = 'sweep.created'
   AND step = $2
   AND (detail->>'oid')::bigint = $3::bigint
   AND (detail->>'pass')::integer = $4::integer
