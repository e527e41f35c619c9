-- Gives run $1 ($2 fence) the plan with hash $3, text $4 and title $5, which has more phases than the stored one with hash $9: from
-- number $6 on, $7 names, $8 kinds.
WITH r AS (
    UPDATE tidemark.run
       SET hash = $3, plan_text = $4, title = $5, updated = clock_timestamp()
     WHERE id = $1::bigint AND fence = $2::bigint AND hash IN ($3, $9)
    RETURNING id, fence
), p AS (
    INSERT INTO tidemark.phase (run, ordinal, name, kind)
    SELECT r.id, $6::integer + u.ord - 1, u.name, u.kind
      FROM r, unnest($7::text[], $8::text[]) WITH ORDINALITY AS u (name, kind, ord)
    ON CONFLICT DO NOTHING
    RETURNING name
)
INSERT INTO tidemark.journal (run, event, outcome, fence)
SELECT r.id, 'plan.extended', (SELECT string_agg(name, ', ') FROM p), r.fence
  FROM r
RETURNING 1
