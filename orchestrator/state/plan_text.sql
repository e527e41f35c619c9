-- The text of plan $1, as its latest run has it.
SELECT plan_text
  FROM tidemark.run
 WHERE plan = $1
 ORDER BY id DESC
 LIMIT 1
