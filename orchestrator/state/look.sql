-- What `ensure` decides by: the version of the state, and the latest run of each plan that the setting tidemark.plans names (a JSON object,
-- name to hash; plan_text only where the hash is another one). JSON in hexadecimal, since it comes through XML: see look_safely.sql.
SELECT encode(convert_to(json_build_object('version', (SELECT coalesce(max(m.version), 0) FROM tidemark.meta AS m),
                                           'runs', coalesce(json_agg(x.run), '[]'))::text, getdatabaseencoding()), 'hex') AS j
  FROM json_each_text(current_setting('tidemark.plans')::json) AS w (plan, hash)
  JOIN LATERAL (SELECT * FROM tidemark.run AS r WHERE r.plan = w.plan ORDER BY r.id DESC LIMIT 1) AS r ON true
 CROSS JOIN LATERAL (
    SELECT p.ordinal, p.state = 'running' AS begun, p.approved IS NOT NULL AS approved,
           CASE WHEN p.state = 'running' THEN p.waive_hold ELSE p.waive_soak END AS waived
      FROM (SELECT) AS one
      LEFT JOIN tidemark.phase AS p ON p.run = r.id
           AND p.ordinal = (SELECT min(q.ordinal) FROM tidemark.phase AS q WHERE q.run = r.id AND q.state <> 'done')) AS ahead
 CROSS JOIN LATERAL (
    SELECT json_build_object(
               'plan', r.plan, 'state', r.state, 'direction', r.direction, 'back_to', coalesce(r.back_to, -1), 'wanted', r.wanted,
               'wanted_by', r.wanted_by, 'reason', r.reason, 'code', coalesce(r.code, 0), 'owner', r.owner,
               'live', r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease
                       AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                                    WHERE a.pid = r.backend AND (a.backend_start = r.backend_start OR a.backend_start IS NULL)),
               'plan_text', CASE WHEN r.hash <> w.hash THEN r.plan_text END,
               'ahead', coalesce(ahead.ordinal, -1), 'begun', coalesce(ahead.begun, false), 'approved', coalesce(ahead.approved, false),
               -- While it waits: the end of a soak or hold that is neither over nor waived.
               'until', CASE WHEN r.state = 'waiting' AND r.hold_until > clock_timestamp() AND NOT ahead.waived
                             THEN to_char(r.hold_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END) AS run) AS x
