-- The latest run of plan $1, or of every plan when $1 is NULL.
SELECT r.id, r.plan, r.title,
       -- A run follows its table; a run that was begun in another database has no table here.
       coalesce((SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = r.table_oid AND c.relkind IN ('r', 'p')
                    AND r.system_identifier = (SELECT s.system_identifier::text || '/' || d.oid::text
                                                 FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d
                                                WHERE d.datname = pg_catalog.current_database())), r.relation) AS "table",
       r.hash, r.state, r.wanted, r.wanted_by, r.reason, r.code, r.direction, p.name AS phase, r.owner AS holder,
       extract(epoch FROM clock_timestamp() - r.heartbeat) AS heartbeat_age,
       r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease
           AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = r.backend
                        AND (a.backend_start = r.backend_start OR a.backend_start IS NULL)) AS live,
       to_char(r.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created,
       to_char(r.updated AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated,
       CASE WHEN $1::text IS NOT NULL OR r.state NOT IN ('complete', 'rolled_back') THEN r.plan_text END AS plan_text,
       to_char(CASE WHEN r.state = 'waiting' THEN r.hold_until END AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS hold_until,
       r.progress,
       (SELECT count(*) FROM tidemark.conflict c WHERE c.plan = r.plan AND c.at >= r.created) AS conflicts,
       -- Of the phase it waits at: approved, begun (then it is the hold that is waited for), and whether the time is over.
       p.approved IS NOT NULL AS approved, p.state = 'running' AS in_hold, p.ordinal,
       r.hold_until <= clock_timestamp() OR CASE WHEN p.state = 'running' THEN p.waive_hold ELSE p.waive_soak END AS time_over,
       l.rows_unmatched AS unmatched, l.unmatched_key
  FROM tidemark.run r
  LEFT JOIN tidemark.phase p ON p.run = r.id
       AND p.ordinal = (SELECT min(q.ordinal) FROM tidemark.phase q WHERE q.run = r.id AND q.state <> 'done')
  -- What the last comparison of a lookup has counted, unless its phase was rolled back.
  LEFT JOIN LATERAL (SELECT j.detail->>'rows_unmatched' AS rows_unmatched, j.detail->>'unmatched_key' AS unmatched_key
                       FROM tidemark.journal j
                       JOIN tidemark.phase q ON q.run = j.run AND q.ordinal = j.phase AND q.state IN ('running', 'done')
                      WHERE j.run = r.id AND j.event = 'step.done' AND j.detail ? 'rows_unmatched'
                      ORDER BY j.seq DESC LIMIT 1) l ON true
 WHERE r.id IN (SELECT max(l.id) FROM tidemark.run l WHERE $1::text IS NULL OR l.plan = $1::text GROUP BY l.plan)
 ORDER BY r.id DESC
