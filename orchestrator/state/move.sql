-- Moves run $1, whose lease has fence $2: no other statement writes the state of a run. No row: the lease is another one's, or the run is in
-- none of the states $3 that may become state $4.
-- $4 NULL: state and reason stay. $5 index of the phase, -1 none, -2 as it is; $6 reason, NULL none; $7 exit status of the attempt that
-- failed, or NULL; $8 direction, NULL as it is; $9 back_to, with the direction; $10 whether the lease is released as well: then its
-- sessions, and those of earlier leases that are gone, need not be known any longer.
WITH r AS (
    UPDATE tidemark.run
       SET state = coalesce($4::text, state), phase = CASE $5::integer WHEN -2 THEN phase WHEN -1 THEN NULL ELSE $5::integer END,
           reason = CASE WHEN $4::text IS NULL THEN reason ELSE $6::text END, code = $7::integer,
           hold_until = CASE WHEN coalesce($4::text, state) = 'waiting' THEN hold_until END,
           direction = coalesce($8::text, direction), back_to = CASE WHEN $8::text IS NULL THEN back_to ELSE nullif($9::integer, -1) END,
           owner = CASE WHEN NOT $10::boolean THEN owner END, backend = CASE WHEN NOT $10::boolean THEN backend END,
           backend_start = CASE WHEN NOT $10::boolean THEN backend_start END,
           updated = clock_timestamp()
     WHERE id = $1::bigint AND fence = $2::bigint AND ($4::text IS NULL OR state = ANY ($3::text[]))
    RETURNING id, fence, state
), s AS (
    DELETE FROM tidemark.session AS s
     USING r
     WHERE $10::boolean AND s.run = r.id
       AND (s.fence = r.fence
            OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = s.pid AND a.backend_start = s.started))
)
SELECT state FROM r
