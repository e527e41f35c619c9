-- Makes run $1 this database's own, on table $2 (an oid), unless somebody has changed it since it was read ($3 fence, $4 identity, $5 table)
-- or an executor works on it here. $6 by, $7 reason, $8 ticket, $9 note, $10 which case it was, $11 the table's name. Checkpoints are of
-- another table's blocks and keys: they go, and sweeps that are not finished start over. No row: nothing was changed.
WITH here AS (
    SELECT c.system_identifier::text || '/' || d.oid::text AS id, d.oid
      FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
), t AS (
    UPDATE tidemark.run AS r
       SET system_identifier = here.id, table_oid = $2::oid, fence = r.fence + 1,
           owner = NULL, backend = NULL, backend_start = NULL, heartbeat = NULL, progress = NULL,
           wanted = CASE WHEN r.wanted = 'yield' THEN 'run' ELSE r.wanted END,
           updated = clock_timestamp()
      FROM here
     WHERE r.id = $1::bigint AND r.fence = $3::bigint AND r.system_identifier = $4 AND r.table_oid = $5::oid
       -- A copied row names the executor of the original, whose session is in another database.
       AND NOT (r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease
                AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                             WHERE a.pid = r.backend AND a.datid = here.oid AND (a.backend_start = r.backend_start OR r.backend_start IS NULL)))
    RETURNING r.id, r.fence, here.id AS identity
), s AS (
    DELETE FROM tidemark.segment AS g USING t WHERE g.run = t.id RETURNING g.sweep, g.done
), e AS (
    DELETE FROM tidemark.session AS e USING t WHERE e.run = t.id
), j AS (
    INSERT INTO tidemark.journal (run, event, outcome, fence, detail)
    SELECT t.id, 'run.adopted', 'done', t.fence,
           jsonb_strip_nulls(jsonb_build_object('by', $6::text, 'reason', $7::text, 'ticket', $8::text, 'note', $9::text, 'case', $10::text,
               'from', jsonb_build_object('identity', $4::text, 'table', $5::oid::bigint),
               'to', jsonb_build_object('identity', t.identity, 'table', $2::oid::bigint, 'name', $11::text)))
      FROM t RETURNING 1
)
SELECT t.fence, (SELECT count(DISTINCT s.sweep) FROM s WHERE NOT s.done) AS sweeps FROM t, j
