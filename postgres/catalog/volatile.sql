-- Whether anything volatile is called, and whether anything that is not built in: functions and operators that the view depends on,
-- and built-in ones, which pg_depend does not record, by their names in the canonical text. $1 name of the view, $2 that text.
WITH p AS (SELECT $1::pg_catalog.text AS view, $2::pg_catalog.text AS body),
dep AS (
    SELECT d.refclassid, d.refobjid
      FROM p
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = to_regclass('pg_temp.' || quote_ident(p.view))
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
)
SELECT EXISTS (SELECT FROM dep JOIN pg_catalog.pg_proc AS f
                  ON f.oid = dep.refobjid AND dep.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                WHERE f.provolatile = 'v')
    OR EXISTS (SELECT FROM dep JOIN pg_catalog.pg_operator AS o
                  ON o.oid = dep.refobjid AND dep.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
                 JOIN pg_catalog.pg_proc AS f ON f.oid = o.oprcode
                WHERE f.provolatile = 'v')
    OR EXISTS (SELECT FROM p
                CROSS JOIN LATERAL regexp_matches(p.body, '([a-z_][a-z0-9_]*)\(', 'g') AS m
                 JOIN pg_catalog.pg_proc AS f ON f.proname = m[1] AND f.provolatile = 'v'
                WHERE f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace) AS volatile,
       EXISTS (SELECT FROM dep WHERE dep.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass) AS foreign_code
