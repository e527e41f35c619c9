-- What the roles that may write to the table lack to evaluate the expression of a view, as the GRANTs that would give it to them, one
-- a line; NULL: nothing. The triggers of a dual write run as whoever writes. $1 name of the view, $2 the table.
WITH p AS (SELECT $1::pg_catalog.text AS view, $2::pg_catalog.oid AS relation),
writer AS (
    SELECT DISTINCT r.oid, r.rolname
      FROM p JOIN pg_catalog.pg_class AS c ON c.oid = p.relation
     CROSS JOIN LATERAL (SELECT x.grantee, x.privilege_type FROM aclexplode(c.relacl) AS x
                          UNION SELECT x.grantee, x.privilege_type
                                  FROM pg_catalog.pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS x
                                 WHERE a.attrelid = c.oid AND NOT a.attisdropped) AS x
      JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee AND NOT r.rolsuper
     WHERE x.privilege_type IN ('INSERT', 'UPDATE') AND x.grantee <> c.relowner
), dep AS (
    SELECT DISTINCT d.refclassid, d.refobjid
      FROM p
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = to_regclass('pg_temp.' || quote_ident(p.view))
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
), thing AS (
    SELECT f.pronamespace AS home, f.oid, 'FUNCTION ' || f.oid::pg_catalog.regprocedure AS what, true AS function
      FROM dep JOIN pg_catalog.pg_proc AS f ON dep.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = dep.refobjid
     UNION ALL
    SELECT c.relnamespace, c.oid, 'TABLE ' || c.oid::pg_catalog.regclass, false
      FROM dep JOIN pg_catalog.pg_class AS c ON dep.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = dep.refobjid
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
), lack (text) AS (
    SELECT format('GRANT USAGE ON SCHEMA %s TO %I', thing.home::pg_catalog.regnamespace, writer.rolname)
      FROM writer CROSS JOIN thing WHERE NOT has_schema_privilege(writer.oid, thing.home, 'USAGE')
     UNION
    SELECT format('GRANT EXECUTE ON %s TO %I', thing.what, writer.rolname)
      FROM writer CROSS JOIN thing WHERE thing.function AND NOT has_function_privilege(writer.oid, thing.oid, 'EXECUTE')
     UNION
    SELECT format('GRANT SELECT ON %s TO %I', thing.what, writer.rolname)
      FROM writer CROSS JOIN thing WHERE NOT thing.function AND NOT has_any_column_privilege(writer.oid, thing.oid, 'SELECT')
)
SELECT string_agg(lack.text, E'\n' ORDER BY lack.text DESC) FROM lack
