-- The part of segment $1 ($2 fence) from block $3 to block $4, its end, becomes a segment of its own. No row: the fence has moved.
WITH whole AS (
    UPDATE tidemark.segment
       SET stop = $3::bigint, done = next >= $3::bigint
     WHERE id = $1::bigint AND fence = $2::bigint
    RETURNING run, sweep, pass, relation, filenode, fence
)
INSERT INTO tidemark.segment (run, sweep, pass, relation, filenode, fence, first, stop, next)
SELECT run, sweep, pass, relation, filenode, fence, $3::bigint, $4::bigint, $3::bigint
  FROM whole
RETURNING id
