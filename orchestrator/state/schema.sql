-- The state of tidemark lives in the database it changes: it is backed up, restored and failed over with the
-- data it describes. Version 1. Run by the tool as one transaction; psql may run it as well.
-- An administrator may have made it for the role already.
DO $$BEGIN
    IF pg_catalog.to_regnamespace('tidemark') IS NULL THEN
        CREATE SCHEMA tidemark;
    END IF;
END$$;
COMMENT ON SCHEMA tidemark IS 'State of tidemark (schema changes without downtime). Do not edit by hand.';

CREATE TABLE tidemark.meta (
    version     integer NOT NULL,
    tool        text NOT NULL,
    created     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What definitions.sql said of these tables when they were made.
    definitions text
);

CREATE TABLE tidemark.run (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan              text NOT NULL,
    hash              text NOT NULL,
    plan_text         text NOT NULL,
    title             text,
    relation          text NOT NULL,
    table_oid         oid NOT NULL,
    system_identifier text NOT NULL,
    tool              text NOT NULL,
    state             text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'waiting', 'paused',
                          'blocked', 'failed', 'rolling_back', 'rolled_back', 'complete')),
    direction         text NOT NULL DEFAULT 'forward' CHECK (direction IN ('forward', 'back')),
    back_to           integer,
    wanted            text NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'pause', 'yield')),
    wanted_by         text,
    phase             integer,
    reason            text,
    -- Exit status of the attempt that failed last.
    code              integer,
    hold_until        timestamptz,
    owner             text,
    backend           integer,
    backend_start     timestamptz,
    fence             bigint NOT NULL DEFAULT 0,
    heartbeat         timestamptz,
    lease             interval,
    progress          jsonb,
    created           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated           timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of a recurring plan: complete, and the next run has begun.
    repeated          boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX run_one_open ON tidemark.run (plan) WHERE state <> 'rolled_back' AND NOT repeated;

-- The sessions that act for a run, by the fence of their lease. Releasing the lease removes them: the sessions of an executor that is
-- only about to exit are its own business. What is here under an earlier fence was left by an executor that never released it.
CREATE TABLE tidemark.session (
    run         bigint NOT NULL REFERENCES tidemark.run,
    pid         integer NOT NULL,
    started     timestamptz NOT NULL,
    fence       bigint NOT NULL,
    PRIMARY KEY (run, pid, started)
);

CREATE TABLE tidemark.phase (
    run         bigint NOT NULL REFERENCES tidemark.run,
    ordinal     integer NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL,
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'waiting', 'running', 'done',
                    'undoing')),
    approved    timestamptz,
    approved_by text,
    waive_soak  boolean NOT NULL DEFAULT false,
    waive_hold  boolean NOT NULL DEFAULT false,
    compiled    bigint,
    started     timestamptz,
    ended       timestamptz,
    PRIMARY KEY (run, ordinal)
);

CREATE TABLE tidemark.journal (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run         bigint NOT NULL REFERENCES tidemark.run,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    event       text NOT NULL,
    phase       integer,
    step        text,
    actor       text NOT NULL DEFAULT session_user,
    host        text,
    fence       bigint,
    sql         text,
    seconds     double precision,
    lock_wait   double precision,
    outcome     text,
    detail      jsonb
);
CREATE INDEX journal_run ON tidemark.journal (run, phase, event);

-- What `tidemark set` has put over the plan's values, until it is unset or its time is over.
CREATE TABLE tidemark.setting (
    run         bigint NOT NULL REFERENCES tidemark.run,
    key         text NOT NULL,
    value       text NOT NULL,
    set_by      text NOT NULL,
    reason      text,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    until       timestamptz,
    PRIMARY KEY (run, key)
);

CREATE TABLE tidemark.segment (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run         bigint NOT NULL REFERENCES tidemark.run,
    sweep       text NOT NULL,
    pass        integer NOT NULL DEFAULT 1,
    relation    oid NOT NULL,
    filenode    oid,
    first       bigint NOT NULL,
    stop        bigint NOT NULL,
    next        bigint NOT NULL,
    done        boolean NOT NULL DEFAULT false,
    skipped_range        boolean NOT NULL DEFAULT false,
    -- In the order of a unique index: what that order is, the last key that is done, and, of a skipped_range, its last key.
    -- first, stop and next then only measure progress.
    key_order   text,
    key         text[],
    key_stop    text[],
    fence       bigint NOT NULL,
    rows_seen   bigint NOT NULL DEFAULT 0,
    changed     bigint NOT NULL DEFAULT 0,
    stayed      bigint NOT NULL DEFAULT 0,
    skipped     bigint NOT NULL DEFAULT 0,
    differing   bigint NOT NULL DEFAULT 0,
    keys        jsonb,
    -- Rows whose lookup gives NULL, and the key of one of them.
    unmatched   bigint NOT NULL DEFAULT 0,
    unmatched_key text,
    batches     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX segment_sweep ON tidemark.segment (run, sweep, pass);

CREATE TABLE tidemark.conflict (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    plan        text NOT NULL,
    relation    text NOT NULL,
    key         jsonb,
    old         jsonb,
    new         jsonb,
    kept        text NOT NULL,
    writer      text NOT NULL DEFAULT session_user
);

-- Fails the batch of a sweep in which a filled row would be filled again.
CREATE FUNCTION tidemark.filled_again() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'filled rows would be filled again' USING ERRCODE = 'TM004';
END
$$;

CREATE VIEW tidemark.status AS
SELECT r.plan,
       -- As tide_run_shown() of the program has it: a pause is wanted until the executor stops for it.
       CASE WHEN r.state IN ('complete', 'rolled_back') THEN r.state
            WHEN r.wanted = 'pause' THEN CASE WHEN live.is AND r.state <> 'paused' THEN 'pausing' ELSE 'paused' END
            WHEN r.state = 'paused' AND NOT live.is THEN CASE r.direction WHEN 'back' THEN 'rolling_back' ELSE 'ready' END
            ELSE r.state END AS state, r.direction, p.name AS phase,
       CASE WHEN r.wanted = 'pause' AND r.state NOT IN ('complete', 'rolled_back')
            THEN 'paused by ' || coalesce(r.wanted_by, 'somebody') ELSE r.reason END AS reason, r.relation AS "table", r.owner AS holder,
       clock_timestamp() - r.heartbeat AS heartbeat_age, r.hold_until,
       -- The last word of an executor that is gone says nothing about now.
       CASE WHEN live.is THEN r.progress END AS progress, r.created, r.updated
  FROM tidemark.run r
  LEFT JOIN tidemark.phase p ON p.run = r.id AND p.ordinal = r.phase
 CROSS JOIN LATERAL (SELECT r.owner IS NOT NULL AND r.heartbeat > clock_timestamp() - r.lease
                            AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = r.backend
                                         AND (a.backend_start = r.backend_start OR a.backend_start IS NULL)) AS is) AS live
 WHERE r.id = (SELECT max(l.id) FROM tidemark.run l WHERE l.plan = r.plan);

CREATE VIEW tidemark.history AS
SELECT j.seq, r.plan, j.at, j.event, p.name AS phase, j.step, j.actor, j.host, j.seconds, j.lock_wait, j.outcome,
       j.sql, CASE WHEN j.event = 'phase.compiled' THEN NULL ELSE j.detail END AS detail, j.run
  FROM tidemark.journal j
  JOIN tidemark.run r ON r.id = j.run
  LEFT JOIN tidemark.phase p ON p.run = j.run AND p.ordinal = j.phase
 ORDER BY j.seq;
