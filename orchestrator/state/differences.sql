-- How table $1 (an oid) differs from its copy $2 (an oid), on which the statements of the run of plan $3 were run again. $4: what the run
-- has made, as JSON: kind, name, defined, execute, error. $5: names that no column may have. One row for each difference.
WITH thing AS (
    SELECT w.kind, w.name, w.defined, w.execute, w.error
      FROM jsonb_to_recordset($4::jsonb) AS w (kind text, name text, defined boolean, execute integer, error text)
), member (oid) AS (
    SELECT $1::oid UNION SELECT t.relid FROM pg_partition_tree($1::oid) AS t
), seen AS (
    SELECT a.attrelid, a.attname,
           format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
               || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
      FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
     WHERE a.attrelid IN ($1::oid, $2::oid) AND a.attnum > 0 AND NOT a.attisdropped
), columns AS (
    SELECT w.kind, w.name, $1::oid AS place,
           CASE WHEN a.attname IS NULL THEN 'missing'
                WHEN w.defined AND (w.error IS NOT NULL OR a.definition IS DISTINCT FROM b.definition) THEN 'different' END AS problem,
           b.definition AS expected, a.definition AS found
      FROM thing AS w
      LEFT JOIN seen AS a ON a.attrelid = $1::oid AND a.attname = w.name
      LEFT JOIN seen AS b ON b.attrelid = $2::oid AND b.attname = w.name
     WHERE w.kind = 'column'
     UNION ALL
    SELECT 'column', a.attname::text, $1::oid, 'unexpected', NULL, a.definition
      FROM seen AS a WHERE a.attrelid = $1::oid AND a.attname = ANY ($5::text[])
), functions AS (
    SELECT w.kind, w.name, $1::oid AS place,
           CASE WHEN a.oid IS NULL THEN 'missing'
                WHEN w.error IS NOT NULL OR pg_get_functiondef(a.oid) IS DISTINCT FROM replace(replace(pg_get_functiondef(b.oid),
                         format('%I.%I(', (SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.oid = pg_my_temp_schema()), w.name),
                         format('%I.%I(', 'tidemark', w.name)), format('%I.%I(', 'pg_temp', w.name), format('%I.%I(', 'tidemark', w.name)) THEN 'different'
                WHEN w.execute <> 0 AND has_function_privilege('public', a.oid, 'EXECUTE') <> (w.execute = 1) THEN
                    CASE w.execute WHEN 1 THEN 'not executable' ELSE 'executable' END
                END AS problem,
           NULL::text AS expected, NULL::text AS found
      FROM thing AS w
      LEFT JOIN pg_catalog.pg_proc AS a ON a.proname = w.name AND a.pronamespace = to_regnamespace('tidemark')
      LEFT JOIN pg_catalog.pg_proc AS b ON b.proname = w.name AND b.pronamespace = pg_my_temp_schema()
     WHERE w.kind = 'function'
), fired AS (
    SELECT t.tgrelid, t.tgname, t.tgenabled,
           -- Servers write the schema of a temporary table in one way or the other.
           replace(replace(pg_get_triggerdef(t.oid), format(' ON %I.%I FOR EACH ROW', n.nspname, c.relname), ' FOR EACH ROW'),
                   format(' ON %I.%I FOR EACH ROW', 'pg_temp', c.relname), ' FOR EACH ROW') AS definition
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE t.tgrelid = $2::oid OR t.tgrelid IN (SELECT m.oid FROM member AS m)
), triggers AS (
    SELECT w.kind, w.name, m.oid AS place,
           CASE WHEN a.tgname IS NULL THEN 'missing'
                WHEN w.error IS NOT NULL OR a.definition IS DISTINCT FROM b.definition THEN 'different'
                WHEN a.tgenabled <> b.tgenabled THEN 'disabled' END AS problem,
           b.definition AS expected, a.definition AS found
      FROM thing AS w
     CROSS JOIN member AS m
      LEFT JOIN fired AS a ON a.tgrelid = m.oid AND a.tgname = w.name
      LEFT JOIN fired AS b ON b.tgrelid = $2::oid AND b.tgname = w.name
     WHERE w.kind = 'trigger'
     UNION ALL
    -- One of this plan that it has not now: an earlier phase's, or a later one's.
    SELECT 'trigger', t.tgname::text, t.tgrelid, 'unexpected', NULL, NULL
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.pronamespace = to_regnamespace('tidemark')
     CROSS JOIN LATERAL split_part(p.prosrc, chr(10), 2) AS line (text)
     WHERE t.tgrelid = $1::oid
       AND CASE WHEN starts_with(line.text, '-- tidemark {') THEN substr(line.text, 13)::jsonb ->> 'plan' = $3::text END
       AND NOT EXISTS (SELECT FROM thing AS w WHERE w.kind = 'trigger' AND w.name = t.tgname)
), constrained AS (
    SELECT k.conrelid, k.conname, k.convalidated, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition
      FROM pg_catalog.pg_constraint AS k WHERE k.conrelid IN ($1::oid, $2::oid)
), constraints AS (
    SELECT w.kind, w.name, $1::oid AS place,
           CASE WHEN a.conname IS NULL THEN 'missing'
                WHEN w.error IS NOT NULL OR a.definition IS DISTINCT FROM b.definition THEN 'different'
                WHEN b.convalidated AND NOT a.convalidated THEN 'not validated' END AS problem,
           b.definition AS expected, a.definition AS found
      FROM thing AS w
      LEFT JOIN constrained AS a ON a.conrelid = $1::oid AND a.conname = w.name
      LEFT JOIN constrained AS b ON b.conrelid = $2::oid AND b.conname = w.name
     WHERE w.kind = 'constraint'
), indexed AS (
    SELECT i.indrelid, c.relname, i.indisvalid,
           CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)') AS definition
      FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid IN ($1::oid, $2::oid)
), indexes AS (
    SELECT w.kind, w.name, $1::oid AS place,
           CASE WHEN a.relname IS NULL THEN 'missing'
                WHEN w.error IS NOT NULL OR a.definition IS DISTINCT FROM b.definition THEN 'different'
                WHEN NOT a.indisvalid THEN 'invalid' END AS problem,
           b.definition AS expected, a.definition AS found
      FROM thing AS w
      LEFT JOIN indexed AS a ON a.indrelid = $1::oid AND a.relname = w.name
      LEFT JOIN indexed AS b ON b.indrelid = $2::oid AND b.relname = w.name
     WHERE w.kind = 'index'
)
SELECT d.kind, d.name, d.place::regclass::text, d.problem, d.expected, d.found
  FROM (SELECT 1, * FROM columns UNION ALL SELECT 2, * FROM functions UNION ALL SELECT 3, * FROM triggers
         UNION ALL SELECT 4, * FROM constraints UNION ALL SELECT 5, * FROM indexes) AS d (rank, kind, name, place, problem, expected, found)
 WHERE d.problem IS NOT NULL
 ORDER BY d.rank, d.name, d.place
