-- Another session may begin a run of plan $1 (alone.sql).
SELECT pg_catalog.pg_advisory_unlock(1414087749, pg_catalog.hashtext($1)) AS was_alone
