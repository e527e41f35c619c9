-- Where the sweep of run $1 stands, from its checkpoints alone: the newest sweep that is not finished.
SELECT sum(s.stop - s.first) FILTER (WHERE NOT s.hole), sum(CASE WHEN s.done THEN s.stop - s.first ELSE s.next - s.first END)
           FILTER (WHERE NOT s.hole), sum(s.rows_seen), sum(s.changed), sum(s.stayed), sum(s.differing)
  FROM tidemark.segment s
 WHERE s.run = $1::bigint
   AND (s.sweep, s.pass) = (SELECT t.sweep, t.pass FROM tidemark.segment t WHERE t.run = $1::bigint ORDER BY t.id DESC LIMIT 1)
