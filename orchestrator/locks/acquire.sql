DO $acquire$
DECLARE
    wanted   CONSTANT text := current_setting('tidemark.lock_table');
    strength CONSTANT text := current_setting('tidemark.lock_mode');
    budget   CONSTANT interval := current_setting('tidemark.lock_budget')::integer * interval '1 ms';
    holding  CONSTANT interval := current_setting('tidemark.lock_holding')::integer * interval '1 ms';
    here     CONSTANT oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    looked   CONSTANT timestamptz := clock_timestamp();
    until    timestamptz;
    remains  bigint;
    member   text;
    members  oid[];
    holders  bigint;
    direct   bigint;
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = wanted::regclass) THEN
        WITH RECURSIVE tree (oid) AS (
            SELECT wanted::regclass::oid
            UNION
            SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
        )
        SELECT array_agg(tree.oid) INTO members FROM tree;
    END IF;
    -- Nothing is locked yet. When no session holds a conflicting lock, all is taken at once without waiting, so that nobody waits for us either.
    -- After a second, a moment will do at which nobody holds a partition without the table: such a transaction may come to the
    -- table, and would then wait for us while we wait for its partition. After two we ask whoever is there.
    WHILE members IS NOT NULL AND clock_timestamp() < looked + interval '2 s' LOOP
        SELECT count(*), count(*) FILTER (WHERE NOT holder.at_table) INTO holders, direct
          FROM (SELECT bool_or(l.relation = wanted::regclass) AS at_table
                  FROM pg_locks l
                 WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY (members) AND l.database = here
                   AND l.pid IS DISTINCT FROM pg_backend_pid()
                   AND (strength = 'ACCESS EXCLUSIVE' OR l.mode <> 'AccessShareLock')
                 GROUP BY l.virtualtransaction) AS holder;
        EXIT WHEN direct = 0 AND clock_timestamp() > looked + interval '1 s';
        IF holders = 0 THEN
            BEGIN
                PERFORM set_config('tidemark.begun', clock_timestamp()::text, true);
                EXECUTE 'LOCK TABLE ' || wanted || ' IN ' || strength || ' MODE NOWAIT';
                PERFORM set_config('tidemark.lock_until', (clock_timestamp() + holding)::text, true);
                RETURN;
            EXCEPTION WHEN lock_not_available THEN
                NULL;
            END;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;

    until := clock_timestamp() + budget;
    PERFORM set_config('tidemark.begun', clock_timestamp()::text, true),
            set_config('lock_timeout', current_setting('tidemark.lock_budget'), true);
    EXECUTE 'LOCK TABLE ONLY ' || wanted || ' IN ' || strength || ' MODE';
    until := least(until, clock_timestamp() + holding);
    PERFORM set_config('tidemark.lock_until', until::text, true);
    IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = wanted::regclass) THEN
        RETURN;
    END IF;
    -- Nobody can add or remove a partition from here on. Parents before their children; then what nobody holds.
    FOR member IN
        WITH RECURSIVE tree (oid, level) AS (
            SELECT wanted::regclass::oid, 0
            UNION
            SELECT i.inhrelid, tree.level + 1 FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
        ), held AS MATERIALIZED (
            SELECT DISTINCT l.relation FROM pg_locks l
             WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.database = here
               AND (strength = 'ACCESS EXCLUSIVE' OR l.mode <> 'AccessShareLock')
        ), child AS (
            SELECT tree.oid, max(tree.level) AS level FROM tree WHERE tree.level > 0 GROUP BY tree.oid
        )
        SELECT format('%I.%I', n.nspname, c.relname)
          FROM child JOIN pg_class c ON c.oid = child.oid JOIN pg_namespace n ON n.oid = c.relnamespace
         -- Others cannot be named in a LOCK TABLE; the statement that needs them takes them itself.
         WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')
         ORDER BY c.relkind <> 'p', CASE WHEN c.relkind = 'p' THEN child.level END,
               EXISTS (SELECT FROM held WHERE held.relation = c.oid), c.oid
    LOOP
        remains := ceil(extract(epoch FROM until - clock_timestamp()) * 1000);
        IF remains <= 0 THEN
            RAISE EXCEPTION 'the time for locks is used up: % is not locked yet', member USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM set_config('lock_timeout', remains::text, true);
        EXECUTE 'LOCK TABLE ONLY ' || member || ' IN ' || strength || ' MODE';
    END LOOP;
END
$acquire$;
