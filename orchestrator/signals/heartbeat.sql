-- Keeps the lease alive, only while it is ours (no row: it is not), and brings what is wanted of the run. Alone in its transaction, so
-- that nothing that is only read can take the lease away. $1 run, $2 fence, $3 progress (jsonb; NULL: no sweep is running), $4 reason.
UPDATE tidemark.run
   SET heartbeat = clock_timestamp(), progress = $3::jsonb,
       reason = CASE WHEN $4::text IS NULL THEN reason ELSE nullif($4::text, '') END
 WHERE id = $1::bigint AND fence = $2::bigint
   -- Sent before the lease was released and executed after it, it would undo what the release has written.
   AND owner IS NOT NULL
RETURNING wanted, wanted_by
