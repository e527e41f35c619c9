-- Asks the holder of run $1 to finish its batch and to release the lease. $2: who asks.
UPDATE tidemark.run
   SET wanted = 'yield', wanted_by = $2
 WHERE id = $1::bigint AND wanted <> 'yield'
RETURNING pg_notify('tidemark', id::text)
