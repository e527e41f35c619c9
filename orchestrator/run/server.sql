-- What a run must know of the server and its role.
SELECT pg_is_in_recovery() AS standby,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) AS superuser,
       -- In microseconds.
       (SELECT setting::bigint * 1000 FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout') AS deadlock_timeout,
       -- In blocks.
       (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'shared_buffers') AS shared_buffers
