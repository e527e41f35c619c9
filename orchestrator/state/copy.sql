-- An empty copy of the table with the OID in tidemark.adopt, in a transaction that is rolled back, and a function that tries a statement:
-- NULLs, or why it failed.
DO $copy$
DECLARE
    wanted oid := current_setting('tidemark.adopt')::oid;
BEGIN
    EXECUTE (SELECT format('CREATE TEMPORARY TABLE %I (LIKE %s INCLUDING DEFAULTS)', c.relname, c.oid::regclass)
               FROM pg_catalog.pg_class AS c WHERE c.oid = wanted);
END
$copy$;
CREATE FUNCTION pg_temp.tidemark_try(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $try$
BEGIN
    EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    message := SQLERRM;
END
$try$
