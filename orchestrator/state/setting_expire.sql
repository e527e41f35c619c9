-- Ends the settings of run $1 whose time is over, and journals that. Whoever comes first does it: the executor, or the next `tidemark set`.
WITH gone AS (
    DELETE FROM tidemark.setting WHERE run = $1::bigint AND until <= statement_timestamp() RETURNING key, value, set_by, until
)
INSERT INTO tidemark.journal (run, event, outcome, detail)
SELECT $1::bigint, 'setting.expired', gone.key || ' = ' || gone.value,
       jsonb_build_object('key', gone.key, 'value', gone.value, 'by', gone.set_by,
           'until', to_char(gone.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
  FROM gone
 ORDER BY gone.key
