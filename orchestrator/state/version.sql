-- The version of the state schema; 0: nothing says so.
SELECT coalesce(max(version), 0) AS version
  FROM tidemark.meta
