-- Names that functions called by the expression of a view find by search_path only. Their bodies are text that is read when they run;
-- a trigger of ours runs them under pg_catalog alone, a CHECK under the path of whoever writes. $1 name of the view, $2 the schemas of
-- the role's own path, as text of a name[]. One row: which function names what, one a line, and the statements that give each function a
-- path of its own; NULL, NULL: none. A body is searched as text, without comments and strings: what it calls by EXECUTE is not seen,
-- nor an operator.
WITH p AS (SELECT $1::pg_catalog.text AS view, $2::pg_catalog.name[] AS path),
called AS (
    SELECT DISTINCT f.oid,
           regexp_replace(f.prosrc, $re$[eE]?'(?:[^'\\]|\\.|'')*'|--[^\n]*|/\*.*?\*/$re$, ' ', 'g') AS body
      FROM p
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = to_regclass('pg_temp.' || quote_ident(p.view))
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                                    AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      JOIN pg_catalog.pg_proc AS f ON f.oid = d.refobjid
      JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
     -- What is between BEGIN ATOMIC and END was read when the function was made.
     WHERE f.prosqlbody IS NULL
       AND NOT EXISTS (SELECT FROM unnest(f.proconfig) AS s (setting) WHERE s.setting LIKE 'search_path=%')
), used AS (
    SELECT called.oid, 'function' AS kind, m[1] AS name
      FROM called CROSS JOIN LATERAL regexp_matches(lower(called.body), '(?:^|[^[:alnum:]_$.])([[:alpha:]_][[:alnum:]_$]*)\s*\(', 'g') AS m
     UNION
    SELECT called.oid, 'relation', m[1]
      FROM called CROSS JOIN LATERAL regexp_matches(lower(called.body),
               '(?:^|[^[:alnum:]_$.])(?:from|join|into|update|table)\s+(?:only\s+)?([[:alpha:]_][[:alnum:]_$]*)(?![[:alnum:]_$.])', 'g') AS m
     UNION
    SELECT called.oid, 'type', m[1]
      FROM called CROSS JOIN LATERAL regexp_matches(lower(called.body),
               '(?:::\s*|cast\s*\([^()]*\sas\s+)([[:alpha:]_][[:alnum:]_$]*)(?![[:alnum:]_$.])', 'g') AS m
), there AS (
    SELECT 'function' AS kind, f.proname AS name, f.pronamespace AS home FROM pg_catalog.pg_proc AS f
     UNION
    SELECT 'relation', c.relname, c.relnamespace FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
     UNION
    SELECT 'type', t.typname, t.typnamespace FROM pg_catalog.pg_type AS t WHERE t.typtype <> 'p' AND t.typcategory <> 'A'
), bare AS (
    -- In the schema in which the role itself would find it, else in any.
    SELECT DISTINCT ON (used.oid, used.kind, used.name) used.oid, used.name, n.nspname,
           array_position(p.path, n.nspname) AS place
      FROM p CROSS JOIN used
      JOIN there ON there.kind = used.kind AND there.name = used.name
      JOIN pg_catalog.pg_namespace AS n ON n.oid = there.home
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'tidemark') AND n.nspname NOT LIKE 'pg\_temp%'
     WHERE NOT EXISTS (SELECT FROM there AS own
                        WHERE own.kind = used.kind AND own.name = used.name AND own.home = 'pg_catalog'::pg_catalog.regnamespace)
     ORDER BY used.oid, used.kind, used.name, array_position(p.path, n.nspname), n.nspname
), told AS (
    SELECT bare.oid, string_agg(DISTINCT quote_ident(bare.name), ', ') AS names,
           (SELECT string_agg(quote_ident(s.nspname), ', ' ORDER BY s.place, s.nspname)
              FROM (SELECT b.nspname, min(b.place) AS place FROM bare AS b WHERE b.oid = bare.oid GROUP BY b.nspname) AS s) AS path
      FROM bare GROUP BY bare.oid
)
SELECT string_agg(format('%s names %s', told.oid::pg_catalog.regprocedure, told.names), E'\n' ORDER BY told.oid) AS bare,
       string_agg(format('ALTER FUNCTION %s SET search_path = %s, pg_temp', told.oid::pg_catalog.regprocedure, told.path), E'\n' ORDER BY told.oid) AS cure
  FROM told
