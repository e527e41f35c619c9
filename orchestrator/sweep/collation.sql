-- The version that the operating system, or ICU, has of the database's own collation; NULL when it has none.
SELECT pg_catalog.pg_database_collation_actual_version(oid) AS version
  FROM pg_catalog.pg_database
 WHERE datname = pg_catalog.current_database()
