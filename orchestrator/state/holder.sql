-- Who holds the lease of run $1, and when it was heard last: the time, and how many seconds ago.
SELECT owner, heartbeat, round(extract(epoch FROM clock_timestamp() - heartbeat)::numeric, 1) AS age
  FROM tidemark.run
 WHERE id = $1::bigint
