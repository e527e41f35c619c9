-- Where the sweep of run $1 stands, from its checkpoints alone; nothing when no phase with a sweep is at work.
SELECT sum(s.stop - s.first) FILTER (WHERE NOT s.hole),
       sum(CASE WHEN s.done THEN s.stop - s.first ELSE s.next - s.first END) FILTER (WHERE NOT s.hole),
       sum(s.rows_seen), sum(s.changed), sum(s.stayed), sum(s.differing),
       -- Elsewhere nobody can say whether a row stayed.
       coalesce(sum(s.changed) FILTER (WHERE m.amname = 'heap'), 0)
  FROM tidemark.segment s
  LEFT JOIN pg_catalog.pg_class c ON c.oid = s.relation
  LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
 WHERE s.run = $1::bigint
   AND (s.sweep, s.pass) = (
        SELECT t.sweep, t.pass
          FROM tidemark.segment t
          JOIN tidemark.phase p ON p.run = t.run AND p.state = 'running' AND starts_with(t.sweep, p.ordinal || '/')
         WHERE t.run = $1::bigint
         ORDER BY t.id DESC LIMIT 1)
