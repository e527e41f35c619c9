-- $1 plan, $2 wanted, $3 by, $4 reason. The state is the executor's to move: tide_run_shown() says what is seen of a pause before that.
-- Nothing comes back when there is no open run.
WITH r AS (
    UPDATE tidemark.run
       SET wanted = $2, wanted_by = $3::text || coalesce(': ' || $4::text, ''), updated = clock_timestamp()
     WHERE id = (SELECT max(id) FROM tidemark.run WHERE plan = $1) AND state NOT IN ('complete', 'rolled_back')
    RETURNING id
), j AS (
    INSERT INTO tidemark.journal (run, event, outcome, detail)
    SELECT id, CASE $2 WHEN 'run' THEN 'run.resume' ELSE 'run.' || $2 END, 'by ' || $3, jsonb_strip_nulls(jsonb_build_object('by', $3::text, 'reason', $4::text))
      FROM r RETURNING run
)
SELECT pg_catalog.pg_notify('tidemark', run::text) FROM j
