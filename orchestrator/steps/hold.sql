-- Starts the hold of phase $3 of run $1 ($2 fence), $4 long, or looks at it again: the seconds that are left, its end, and whether it is
-- waived. It counts from the last step of the phase that was done before it.
WITH begun AS (
    SELECT max(j.at) AS at
      FROM tidemark.journal AS j
      JOIN tidemark.phase AS p ON p.run = j.run AND p.ordinal = j.phase
     WHERE j.run = $1::bigint AND j.phase = $3::integer AND j.event = 'step.done' AND j.seq > p.compiled
), mark AS (
    UPDATE tidemark.run
       SET hold_until = begun.at + $4::interval
      FROM begun
     WHERE id = $1::bigint AND fence = $2::bigint
    RETURNING hold_until
)
SELECT CASE WHEN p.waive_hold THEN 0 ELSE extract(epoch FROM mark.hold_until - clock_timestamp()) END AS seconds_left,
       to_char(mark.hold_until, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until,
       p.waive_hold AS waived
  FROM mark, tidemark.phase AS p
 WHERE p.run = $1::bigint AND p.ordinal = $3::integer
