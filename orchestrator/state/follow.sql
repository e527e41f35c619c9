-- What the table of run $1 is called now, and how the server would print name $2.$3. No row: it is gone.
SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), format('%I.%I', $2::text, $3::text),
       o.oid IS NOT DISTINCT FROM c.oid, o.oid::regclass::text, r.relation
  FROM tidemark.run AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.table_oid AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class AS o ON o.oid = pg_catalog.to_regclass(r.relation)
 WHERE r.id = $1::bigint
