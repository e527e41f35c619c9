-- What the table of run $1 is called now, and how the server would print name $2.$3. No row: it is gone.
SELECT n.nspname AS schema, c.relname AS name,
       format('%I.%I', n.nspname, c.relname) AS printed,
       format('%I.%I', $2::text, $3::text) AS printed_before,
       -- Of the name that the run's row has: whether it still means that table, or what else, or nothing.
       o.oid IS NOT DISTINCT FROM c.oid AS has_name,
       o.oid::regclass::text AS has_it_now,
       r.relation AS recorded
  FROM tidemark.run AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.table_oid AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class AS o ON o.oid = pg_catalog.to_regclass(r.relation)
 WHERE r.id = $1::bigint
