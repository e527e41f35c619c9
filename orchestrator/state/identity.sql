-- Whether run $1 belongs to this database, and what has become of its table.
SELECT split_part(r.system_identifier, '/', 1) = s.cluster,
       split_part(r.system_identifier, '/', 2) IN ('', s.database),
       t.oid IS NOT NULL,
       o.oid IS NOT NULL,
       r.relation,
       CASE WHEN t.oid IS NOT NULL THEN format('%I.%I', n.nspname, t.relname) END,
       o.oid IS NOT DISTINCT FROM t.oid,
       o.relkind,
       r.system_identifier,
       s.cluster || '/' || s.database
  FROM tidemark.run AS r
 CROSS JOIN (SELECT c.system_identifier::text AS cluster,
                    (SELECT d.oid::text FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) AS database
               FROM pg_catalog.pg_control_system() AS c) AS s
  LEFT JOIN pg_catalog.pg_class AS t ON t.oid = r.table_oid AND t.relkind IN ('r', 'p')
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_class AS o ON o.oid = pg_catalog.to_regclass(r.relation)
 WHERE r.id = $1::bigint
