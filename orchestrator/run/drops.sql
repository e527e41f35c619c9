-- Phases of later plans than run $2, of plan $3, that drop a column of the table with OID $1, unless they were rolled back.
SELECT r.plan, r.plan_text, r.state, p.ordinal, p.state = 'done' AS done
  FROM tidemark.run AS r
  JOIN tidemark.phase AS p ON p.run = r.id
 WHERE r.table_oid = $1::oid
   AND r.id > $2::bigint
   AND r.state <> 'rolled_back'
   AND r.plan <> $3
   AND p.kind = 'drop_column'
 ORDER BY r.id, p.ordinal
