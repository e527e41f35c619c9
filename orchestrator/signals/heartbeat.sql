-- Keeps the lease alive, only while it is ours (no row: it is not), and brings what is wanted of the run. Alone in its transaction, so
-- that nothing that is only read can take the lease away. $1 run, $2 fence, $3 progress (jsonb; NULL: no sweep is running), $4 reason.
-- settings: what `tidemark set` has put over the plan, as JSON (NULL: nothing); until: seconds to the first end of one (NULL: none ends);
-- expired: there are some whose time is over.
UPDATE tidemark.run
   SET heartbeat = clock_timestamp(), progress = $3::jsonb,
       reason = CASE WHEN $4::text IS NULL THEN reason ELSE nullif($4::text, '') END
 WHERE id = $1::bigint AND fence = $2::bigint
   -- Sent before the lease was released and executed after it, it would undo what the release has written.
   AND owner IS NOT NULL
RETURNING wanted, wanted_by,
          (SELECT json_agg(json_build_object('key', s.key, 'value', s.value, 'by', s.set_by) ORDER BY s.key)
             FROM tidemark.setting AS s
            WHERE s.run = run.id AND (s.until IS NULL OR s.until > statement_timestamp())) AS settings,
          (SELECT extract(epoch FROM min(s.until) - statement_timestamp()) FROM tidemark.setting AS s
            WHERE s.run = run.id AND s.until > statement_timestamp()) AS until,
          EXISTS (SELECT FROM tidemark.setting AS s WHERE s.run = run.id AND s.until <= statement_timestamp()) AS expired
