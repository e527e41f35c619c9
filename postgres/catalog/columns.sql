-- One row a column. A domain is compared and cast as the type below it, and has its default where the column has none.
WITH RECURSIVE p AS (SELECT $1::pg_catalog.oid AS relation),
base (attnum, type, modifier) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod
      FROM p JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped
     UNION ALL
    SELECT base.attnum, t.typbasetype, t.typtypmod
      FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype = 'd'
),
-- Composites in depth: each of them, and each field, by the way that leads to it.
part (attnum, way, type) AS (
    SELECT base.attnum, '', base.type
      FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype = 'c'
     UNION ALL
    SELECT part.attnum, part.way || step.way, step.type
      FROM part
      JOIN pg_catalog.pg_type AS t ON t.oid = part.type
     CROSS JOIN LATERAL (
           SELECT '', t.typbasetype WHERE t.typtype = 'd'
            UNION ALL
           SELECT '.' || quote_ident(f.attname) COLLATE pg_catalog."default", f.atttypid
             FROM pg_catalog.pg_attribute AS f
            WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped) AS step (way, type)
)
SELECT a.attname AS name,
       a.attnum,
       format_type(a.atttypid, a.atttypmod) AS type,
       -- A cast to varchar(n), character(n) or bit(n) cuts without a word; what is too long must be seen as different.
       format_type(base.type, CASE WHEN base.type = ANY (cut.types) OR b.typelem = ANY (cut.types) THEN -1 ELSE base.modifier END) AS cast_type,
       CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
            THEN (SELECT format('%I.%I', n.nspname, c.collname)
                    FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
                   WHERE c.oid = a.attcollation) END AS collation,
       -- Blanks at the end mean something in bpchar without a length.
       (b.typtype = 'e' OR (base.type = 'bpchar'::pg_catalog.regtype AND base.modifier <> -1)
        OR base.type = ANY ('{bool,int2,int4,int8,oid,uuid,date,time,timestamp,timestamptz,bytea,"\"char\"",name,text,varchar}'::pg_catalog.regtype[]))
       AND coalesce((SELECT c.collisdeterministic FROM pg_catalog.pg_collation AS c WHERE c.oid = a.attcollation), true) AS identical,
       -- PostgreSQL 18: one that is NOT VALID rejects writes, and proves nothing.
       a.attnotnull AND unproved.name IS NULL AS not_null,
       coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0),
                CASE WHEN t.typdefault IS NOT NULL THEN format('%L::%s', t.typdefault, format_type(t.oid, NULL)) END) AS default_expr,
       a.attidentity AS identity,
       a.attgenerated AS generated,
       (SELECT format('%I.%I', n.nspname, s.relname)
          FROM pg_catalog.pg_depend AS o
          JOIN pg_catalog.pg_class AS s ON s.oid = o.objid AND s.relkind = 'S'
          JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
         WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype IN ('a', 'i')
         ORDER BY o.objid LIMIT 1) AS sequence,
       col_description(a.attrelid, a.attnum) AS comment,
       a.attacl::pg_catalog.text AS acl,
       (SELECT k.conname FROM pg_catalog.pg_constraint AS k
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] LIMIT 1) AS not_null_constraint,
       (SELECT k.connoinherit FROM pg_catalog.pg_constraint AS k
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] LIMIT 1) AS not_null_no_inherit,
       (SELECT format('%I.%I', n.nspname, c.collname)
          FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
         WHERE c.oid = a.attcollation) AS collated,
       -- In character(n) they do not: as text it has none.
       CASE WHEN base.type = 'bpchar'::pg_catalog.regtype AND base.modifier <> -1 THEN 'pg_catalog.text'
            WHEN base.type = 'bpchar[]'::pg_catalog.regtype AND base.modifier <> -1 THEN 'pg_catalog.text[]' END AS unpadded,
       (SELECT string_agg(CASE f.typtype WHEN 'c' THEN '?' ELSE '=' END || part.way, E'\x01' ORDER BY part.way, f.typtype)
          FROM part JOIN pg_catalog.pg_type AS f ON f.oid = part.type AND f.typtype <> 'd'
         WHERE part.attnum = a.attnum) AS parts,
       -- Fields inside of elements cannot be reached one by one.
       (SELECT true FROM pg_catalog.pg_type AS e WHERE e.oid = b.typelem AND b.typcategory = 'A'
           AND (e.typtype = 'c' OR (e.typtype = 'd' AND (SELECT r.typtype FROM pg_catalog.pg_type AS r WHERE r.oid = e.typbasetype) IN ('c', 'd')))) AS composites,
       d.adbin IS NULL AS default_of_type,
       (SELECT string_agg(format(E'%s\t%s\t%s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE '"' || replace(pg_get_userbyid(x.grantee), '"', '""') || '"' END,
                                 CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), E'\n'
                          ORDER BY x.grantee, x.privilege_type) FROM aclexplode(a.attacl) AS x) AS grants,
       a.attstorage AS storage,
       t.typstorage AS type_storage,
       NULLIF(a.attcompression, '') AS compression,
       -- From 17 on NULL says what -1 said before.
       NULLIF(a.attstattarget, -1)::pg_catalog.text AS statistics,
       array_to_string(a.attoptions, ', ') AS options,
       a.attinhcount > 0 AS inherited,
       unproved.name IS NOT NULL AS not_null_unproved
  FROM p
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  JOIN base ON base.attnum = a.attnum
  JOIN pg_catalog.pg_type AS b ON b.oid = base.type AND b.typtype <> 'd'
 CROSS JOIN (SELECT '{varchar,bpchar,bit,varbit}'::pg_catalog.regtype[]::pg_catalog.oid[] AS types) AS cut
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN LATERAL (SELECT k.conname AS name FROM pg_catalog.pg_constraint AS k
                      WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated) AS unproved ON true
 ORDER BY a.attnum
