-- Images of whole pages are nearly half of a sweep's WAL, and lz4 makes them a third. Only in this session, only where the role may and
-- the server has it off and knows lz4. Not on 14, which knows only a slow method.
SELECT pg_catalog.set_config('wal_compression', 'lz4', false) AS now
  FROM pg_catalog.pg_settings s
 WHERE s.name = 'wal_compression' AND s.setting = 'off' AND 'lz4' = ANY (s.enumvals)
   AND (pg_catalog.has_parameter_privilege('wal_compression', 'SET') OR pg_catalog.current_setting('is_superuser') = 'on')
