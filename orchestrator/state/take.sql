-- Takes the lease of run $1 for $2, $3 long, when it is free, our own (connected again), stale by the server's clock, or held by a
-- session that is gone: one statement, no blocking lock. The fence of every open segment moves with it, so that a batch of the former
-- holder does nothing; this session is the first of the new lease (join.sql adds the others). The journal keeps the timeline: another one than the last time means that a standby was promoted in between.
WITH w AS (
    SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer AS now,
           (SELECT (detail ->> 'timeline')::integer FROM tidemark.journal
             WHERE run = $1::bigint AND event = 'lease.taken' ORDER BY seq DESC LIMIT 1) AS before
), t AS (
    UPDATE tidemark.run
       SET owner = $2, fence = fence + 1, heartbeat = clock_timestamp(), lease = $3::interval, backend = pg_backend_pid(),
           backend_start = (SELECT a.backend_start FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = pg_backend_pid()),
           wanted = CASE WHEN wanted = 'yield' THEN 'run' ELSE wanted END
     WHERE id = $1::bigint
       AND (owner IS NULL OR owner = $2 OR heartbeat < clock_timestamp() - lease
            OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                            WHERE a.pid = backend AND (a.backend_start = run.backend_start OR a.backend_start IS NULL)))
    RETURNING id, fence, backend, backend_start
), a AS (
    INSERT INTO tidemark.session (run, pid, started, fence)
    SELECT id, backend, backend_start, fence FROM t
    ON CONFLICT (run, pid, started) DO UPDATE SET fence = excluded.fence
), s AS (
    UPDATE tidemark.segment AS g SET fence = t.fence FROM t WHERE g.run = t.id AND NOT g.done RETURNING 1
), j AS (
    INSERT INTO tidemark.journal (run, event, outcome, fence, detail)
    SELECT id, 'lease.taken', $2, fence,
           jsonb_strip_nulls(jsonb_build_object('timeline', now, 'timeline_before', CASE WHEN before <> now THEN before END))
      FROM t, w
    RETURNING 1
)
SELECT t.fence, (SELECT count(*) FROM s) AS segments, coalesce(w.before, 0) AS timeline_before, w.now AS timeline
  FROM t, w
