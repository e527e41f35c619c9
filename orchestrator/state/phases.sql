-- The phases of run $1, in order.
SELECT name, kind, state,
       to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS started,
       to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS ended,
       approved_by
  FROM tidemark.phase
 WHERE run = $1::bigint
 ORDER BY ordinal
