-- Creates the run of plan $1 ($2 hash, $3 text, $4 title) on table $5, which has OID $6, by version $7 of the program, with its phases:
-- $8 names, $9 kinds; $10 it is recurring, and may follow a run that is complete. No row: another executor was faster.
WITH before AS (
    UPDATE tidemark.run SET repeated = true WHERE plan = $1 AND state = 'complete' AND NOT repeated AND $10::boolean RETURNING id
), r AS (
    INSERT INTO tidemark.run (plan, hash, plan_text, title, relation, table_oid, system_identifier, tool)
    SELECT $1, $2, $3, $4, $5, $6::oid, c.system_identifier::text || '/' || d.oid::text, $7
      FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
     WHERE d.datname = pg_catalog.current_database()
       -- After it: two runs of a plan are not open at once.
       AND (SELECT count(*) FROM before) >= 0
    ON CONFLICT DO NOTHING
    RETURNING id
), p AS (
    INSERT INTO tidemark.phase (run, ordinal, name, kind)
    SELECT r.id, u.ord - 1, u.name, u.kind
      FROM r, unnest($8::text[], $9::text[]) WITH ORDINALITY AS u (name, kind, ord)
    RETURNING 1
)
SELECT id FROM r
