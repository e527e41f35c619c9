-- One row about the session. reset_val is the search_path that it would have had without ours.
SELECT current_database(),
       current_user,
       r.rolsuper,
       has_database_privilege(current_database(), 'CREATE'),
       has_database_privilege(current_database(), 'TEMPORARY'),
       r.rolsuper OR pg_has_role(current_user, 'pg_monitor', 'USAGE') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
       pg_is_in_recovery(),
       (SELECT s.reset_val FROM pg_catalog.pg_settings AS s WHERE s.name = 'search_path'),
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = current_user
