-- Whether this role may list the WAL segments: to try and be refused would be an error in the server's log.
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE') AS allowed
