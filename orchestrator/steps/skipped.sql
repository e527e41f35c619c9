-- What a VACUUM or ANALYZE of table $1 would leave out because the role may not: partitions can have owners of their own.
SELECT string_agg(c.oid::regclass::text, ', ') AS tables, current_user AS role
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_database d ON d.datname = current_database()
 WHERE (c.oid = $1::regclass OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree($1::regclass) t))
   AND NOT pg_has_role(c.relowner, 'USAGE') AND NOT pg_has_role(d.datdba, 'USAGE')
   AND NOT CASE WHEN current_setting('server_version_num')::integer >= 170000
                THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END
