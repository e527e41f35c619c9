-- Begins the pass of a sweep over one relation: its segments, and a journal row that says so, for a pass over an empty table has no
-- segments. What was begun before, and is no use any more, goes: $1 run, $2 fence, $3 sweep, $4 pass, $5 relation, $6 its storage,
-- $7 blocks, $8 blocks of a segment, $9 phase, $10 name, $11 order. The journal row also keeps what segments that go would take with
-- them from the figures of progress (state/segments.sql): $12 the share that has been reached, $13 step, $14 what is done, for
-- people, $15 in a rollback, $16 another pass may follow, $17 rows are written, and those that were stay so, $18 the triggers under
-- which it reads, where what it finds counts only while they are those (state/unchanged.sql).
WITH r AS (
    SELECT id, fence FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE
), before AS (
    SELECT detail FROM tidemark.journal
     WHERE run = $1::bigint AND phase = $9::integer AND event = 'sweep.created' AND step = $3 ORDER BY seq DESC LIMIT 1
), gone AS (
    DELETE FROM tidemark.segment g USING r
     WHERE g.run = r.id AND g.sweep = $3 AND g.relation = $5::oid
    RETURNING g.rows_seen, g.changed, g.stayed
), earlier AS (
    SELECT coalesce((SELECT (detail->>'rows_seen')::bigint FROM before), 0) + coalesce(sum(rows_seen), 0) AS rows_seen,
           coalesce((SELECT (detail->>'rows_changed')::bigint FROM before), 0) + coalesce(sum(changed), 0) AS rows_changed,
           coalesce((SELECT (detail->>'rows_stayed')::bigint FROM before), 0) + coalesce(sum(stayed), 0) AS rows_stayed
      FROM gone
), s AS (
    INSERT INTO tidemark.segment (run, fence, sweep, pass, relation, filenode, key_order, first, stop, next)
    SELECT r.id, r.fence, $3, $4::integer, $5::oid, $6::oid, $11, b, least(b + $8::bigint, $7::bigint), b
      FROM r, generate_series(0::bigint, $7::bigint - 1, $8::bigint) AS b RETURNING 1
)
INSERT INTO tidemark.journal (run, event, phase, step, fence, detail)
SELECT r.id, 'sweep.created', $9::integer, $3, r.fence,
       jsonb_strip_nulls(jsonb_build_object('relation', $10::text, 'oid', $5::oid::bigint, 'pass', $4::integer, 'blocks', $7::bigint,
           'filenode', $6::text, 'order', $11::text, 'segments', (SELECT count(*) FROM s), 'floor', nullif($12::float8, 0),
           'step', $13::text, 'what', $14::text, 'back', nullif($15::boolean, false), 'repeats', nullif($16::boolean, false),
           'mark', $18::text)
           || CASE WHEN $17::boolean THEN (SELECT to_jsonb(earlier) FROM earlier) ELSE '{}' END)
  FROM r RETURNING 1
