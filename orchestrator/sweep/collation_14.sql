-- As collation.sql, before PostgreSQL 15: the version of the collation of the operating system that is called as the database's is.
SELECT max(pg_catalog.pg_collation_actual_version(c.oid)) AS version
  FROM pg_catalog.pg_collation AS c
  JOIN pg_catalog.pg_database AS d ON d.datcollate = c.collname
 WHERE d.datname = pg_catalog.current_database() AND c.collprovider = 'c'
