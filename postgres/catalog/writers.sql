-- What the roles that may write to the table or to one of its partitions lack to evaluate the expression of a view, as the GRANTs
-- that would give it to them, one a line; NULL: nothing. The triggers of a dual write run as whoever writes. $1 name of the view, $2
-- the table.
WITH p AS (SELECT $1::pg_catalog.text AS view, $2::pg_catalog.oid AS relation),
family AS (
    SELECT c.oid, c.relowner, c.relacl
      FROM p JOIN pg_catalog.pg_class AS c
        ON c.oid IN (SELECT p.relation UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(p.relation) AS t)
), granted AS (
    SELECT x.grantee, x.privilege_type FROM family CROSS JOIN LATERAL aclexplode(family.relacl) AS x
     UNION
    SELECT x.grantee, x.privilege_type
      FROM family JOIN pg_catalog.pg_attribute AS a ON a.attrelid = family.oid AND NOT a.attisdropped
     CROSS JOIN LATERAL aclexplode(a.attacl) AS x
), writer AS (
    -- For the functions that ask about privileges, "public" is everybody; an owner without grants writes too.
    SELECT DISTINCT coalesce(r.rolname, 'public') AS role, CASE WHEN r.oid IS NULL THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS shown
      FROM (SELECT granted.grantee FROM granted WHERE granted.privilege_type IN ('INSERT', 'UPDATE')
             UNION SELECT family.relowner FROM family) AS w (oid)
      LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = w.oid
     WHERE w.oid = 0 OR NOT r.rolsuper
), dep AS (
    SELECT DISTINCT d.refclassid, d.refobjid, d.refobjsubid
      FROM p
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = to_regclass('pg_temp.' || quote_ident(p.view))
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
), called AS (
    SELECT f.oid, f.pronamespace AS home
      FROM dep JOIN pg_catalog.pg_proc AS f ON dep.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = dep.refobjid
), read AS (
    -- Tables and the columns of them that are read; the clone that the view reads is ours.
    SELECT c.oid, c.relnamespace AS home, dep.refobjsubid::pg_catalog.int2 AS attnum
      FROM dep JOIN pg_catalog.pg_class AS c ON dep.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = dep.refobjid
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
), lack (text) AS (
    SELECT format('GRANT USAGE ON SCHEMA %s TO %s', home.oid::pg_catalog.regnamespace, writer.shown)
      FROM writer CROSS JOIN (SELECT called.home FROM called UNION SELECT read.home FROM read) AS home (oid)
     WHERE NOT has_schema_privilege(writer.role, home.oid, 'USAGE')
     UNION
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', called.oid::pg_catalog.regprocedure, writer.shown)
      FROM writer CROSS JOIN called WHERE NOT has_function_privilege(writer.role, called.oid, 'EXECUTE')
     UNION
    SELECT format('GRANT SELECT ON TABLE %s TO %s', read.oid::pg_catalog.regclass, writer.shown)
      FROM writer CROSS JOIN read
     WHERE NOT CASE WHEN read.attnum > 0 THEN has_column_privilege(writer.role, read.oid, read.attnum, 'SELECT')
                    ELSE has_any_column_privilege(writer.role, read.oid, 'SELECT') END
)
SELECT string_agg(lack.text, E'\n' ORDER BY lack.text DESC) AS lack FROM lack
