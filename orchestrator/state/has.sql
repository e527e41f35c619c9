-- Whether the journal has event $3 for phase $2 and step $4 of run $1 since the steps of the phase were compiled.
SELECT EXISTS (SELECT FROM tidemark.journal AS j
                 JOIN tidemark.phase AS p ON p.run = j.run AND p.ordinal = j.phase
                WHERE j.run = $1::bigint AND j.phase = $2::integer AND j.event = $3 AND j.step = $4
                  AND j.seq > p.compiled) AS has
