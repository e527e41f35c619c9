-- Whether plan $1 has a run that is complete.
SELECT EXISTS (SELECT FROM tidemark.run WHERE plan = $1 AND state = 'complete') AS complete
