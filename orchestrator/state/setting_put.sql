-- Puts values over those of the plan, for the open run of plan $1: $2 keys and values as JSON (a value
-- null: the plan's counts again), $3 by whom, $4 why, $5 for how long (NULL: until it is unset). All of them or none; what is already so is not journaled again. No row: there is no
-- open run. The run's row is not touched: the executor's heartbeat waits for nobody.
WITH r AS (
    SELECT id FROM tidemark.run
     WHERE id = (SELECT max(id) FROM tidemark.run WHERE plan = $1) AND state NOT IN ('complete', 'rolled_back')
), wish AS (
    SELECT r.id AS run, w.key, w.value, w.place, s.value AS before
      FROM r
     CROSS JOIN LATERAL (SELECT e.item ->> 'key' AS key, e.item ->> 'value' AS value, e.place
                           FROM json_array_elements($2::json) WITH ORDINALITY AS e (item, place)) AS w
      LEFT JOIN tidemark.setting AS s ON s.run = r.id AND s.key = w.key
), gone AS (
    DELETE FROM tidemark.setting AS s USING wish AS w WHERE s.run = w.run AND s.key = w.key AND w.value IS NULL
), put AS (
    INSERT INTO tidemark.setting (run, key, value, set_by, reason, until)
    SELECT w.run, w.key, w.value, $3, $4, clock_timestamp() + $5::interval FROM wish AS w WHERE w.value IS NOT NULL
        ON CONFLICT (run, key) DO UPDATE
       SET value = excluded.value, set_by = excluded.set_by, reason = excluded.reason, since = excluded.since, until = excluded.until
    RETURNING key, until
), j AS (
    INSERT INTO tidemark.journal (run, event, outcome, detail)
    SELECT w.run, CASE WHEN w.value IS NULL THEN 'setting.unset' ELSE 'setting.set' END,
           w.key || coalesce(' = ' || w.value, ''),
           jsonb_strip_nulls(jsonb_build_object('key', w.key, 'value', w.value, 'before', w.before, 'by', $3::text, 'reason', $4::text,
               'until', to_char(put.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
      FROM wish AS w LEFT JOIN put ON put.key = w.key
     WHERE w.value IS NOT NULL OR w.before IS NOT NULL
     ORDER BY w.place
)
SELECT pg_catalog.pg_notify('tidemark', r.id::text) FROM r
