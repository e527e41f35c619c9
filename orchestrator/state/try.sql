-- Tries statement $1 in the transaction of copy.sql: NULLs, or why it failed.
SELECT state, message
  FROM pg_temp.tidemark_try($1)
