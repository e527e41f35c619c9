-- One row about the session. reset_val is the search_path that it would have had without ours.
SELECT current_database() AS database,
       current_user AS role,
       r.rolsuper AS superuser,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
       has_database_privilege(current_database(), 'TEMPORARY') AS may_create_temp,
       r.rolsuper OR pg_has_role(current_user, 'pg_monitor', 'USAGE') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_monitor,
       pg_is_in_recovery() AS in_recovery,
       pg_size_bytes(current_setting('max_wal_size')) AS max_wal,
       pg_size_bytes(current_setting('min_wal_size')) AS min_wal,
       current_setting('wal_compression') <> 'off' AS wal_compressed,
       -- 14 knows only a slow method, and sweeps do not turn that on.
       EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE s.name = 'wal_compression' AND 'lz4' = ANY (s.enumvals)) AS knows_lz4,
       (SELECT s.reset_val FROM pg_catalog.pg_settings AS s WHERE s.name = 'search_path') AS role_path,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_identify,
       getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') AS few_characters,
       -- Those of which every code is one of Unicode's.
       CASE WHEN getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII', 'LATIN1', 'LATIN2', 'LATIN4', 'LATIN5', 'LATIN6', 'LATIN7', 'LATIN8', 'LATIN9',
                                               'LATIN10', 'ISO_8859_5', 'WIN866', 'WIN1256', 'KOI8R', 'KOI8U') THEN getdatabaseencoding() END AS encoding_gaps
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = current_user
