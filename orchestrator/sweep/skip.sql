-- Segment $1 ($2 fence) continues at block $5, and its blocks from $3 to $4, in which rows are locked, become a skipped range, unless
-- another one holds them.
WITH moved AS (
    UPDATE tidemark.segment
       SET next = $5::bigint, done = $5::bigint >= stop
     WHERE id = $1::bigint AND fence = $2::bigint
    RETURNING run, sweep, pass, relation, filenode, fence
), skipped_range AS (
    INSERT INTO tidemark.segment (run, sweep, pass, relation, filenode, fence, first, stop, next, skipped_range)
    SELECT run, sweep, pass, relation, filenode, fence, $3::bigint, $4::bigint, $3::bigint, true
      FROM moved AS m
     WHERE NOT EXISTS (SELECT FROM tidemark.segment AS s
                        WHERE s.run = m.run AND s.sweep = m.sweep AND s.pass = m.pass AND s.relation = m.relation
                          AND s.skipped_range AND NOT s.done AND s.id <> $1::bigint
                          AND s.next <= $3::bigint AND s.stop >= $4::bigint)
    RETURNING id
)
SELECT (SELECT id FROM skipped_range) AS skipped_range
  FROM moved
