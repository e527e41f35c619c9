-- Opens the gate of phase $2 of run $1, for $3; with $4 its waiting time is waived too: the hold when $5, else the soak. $6 reason,
-- $7 ticket, $8 note. $9: an executor works on the run, which sees it at once.
WITH p AS (
    UPDATE tidemark.phase
       SET approved = coalesce(approved, clock_timestamp()),
           approved_by = coalesce(approved_by, $3),
           waive_soak = waive_soak OR ($4::boolean AND NOT $5::boolean),
           waive_hold = waive_hold OR ($4::boolean AND $5::boolean)
     WHERE run = $1::bigint AND ordinal = $2::integer
    RETURNING run
), j AS (
    INSERT INTO tidemark.journal (run, event, phase, outcome, detail)
    SELECT run, 'gate.advance', $2::integer,
           CASE WHEN $5::boolean THEN 'hold waived' WHEN $4::boolean THEN 'opened, soak waived' ELSE 'opened' END,
           jsonb_strip_nulls(jsonb_build_object('by', $3, 'reason', $6::text, 'ticket', $7::text, 'note', $8::text))
      FROM p
    RETURNING run
), r AS (
    UPDATE tidemark.run
       SET reason = 'approved by ' || $3 || '; nobody has continued it yet'
     WHERE id = $1::bigint AND state = 'waiting' AND NOT $9::boolean
    RETURNING 1
)
SELECT pg_notify('tidemark', run::text) FROM j
