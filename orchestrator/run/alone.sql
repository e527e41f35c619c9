-- Whether this session is now the one that may begin a run of plan $1. Others ask again: nobody waits here, since a session that waits for
-- an advisory lock holds a snapshot, for which concurrent index builds wait.
SELECT pg_catalog.pg_try_advisory_lock(1414087749, pg_catalog.hashtext($1)) AS alone
