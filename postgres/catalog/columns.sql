-- One row a column. A domain is compared and cast as the type below it.
WITH RECURSIVE p AS (SELECT $1::pg_catalog.oid AS relation),
base (attnum, type, modifier) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod
      FROM p JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped
     UNION ALL
    SELECT base.attnum, t.typbasetype, t.typtypmod
      FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype = 'd'
)
SELECT a.attname,
       a.attnum,
       format_type(a.atttypid, a.atttypmod),
       -- A cast to varchar(n), character(n) or bit(n) cuts without a word; what is too long must be seen as different.
       format_type(base.type, CASE WHEN base.type = ANY (cut.types) OR b.typelem = ANY (cut.types) THEN -1 ELSE base.modifier END),
       CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
            THEN (SELECT format('%I.%I', n.nspname, c.collname)
                    FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
                   WHERE c.oid = a.attcollation) END,
       (b.typtype = 'e'
        OR base.type = ANY ('{bool,int2,int4,int8,oid,uuid,date,time,timestamp,timestamptz,bytea,"\"char\"",name,text,varchar,bpchar}'::pg_catalog.regtype[]))
       AND coalesce((SELECT c.collisdeterministic FROM pg_catalog.pg_collation AS c WHERE c.oid = a.attcollation), true),
       a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid),
       a.attidentity,
       a.attgenerated,
       (SELECT format('%I.%I', n.nspname, s.relname)
          FROM pg_catalog.pg_depend AS o
          JOIN pg_catalog.pg_class AS s ON s.oid = o.objid AND s.relkind = 'S'
          JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
         WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype IN ('a', 'i')
         ORDER BY o.objid LIMIT 1),
       col_description(a.attrelid, a.attnum),
       a.attacl::pg_catalog.text,
       (SELECT k.conname FROM pg_catalog.pg_constraint AS k
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] LIMIT 1)
  FROM p
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  JOIN base ON base.attnum = a.attnum
  JOIN pg_catalog.pg_type AS b ON b.oid = base.type AND b.typtype <> 'd'
 CROSS JOIN (SELECT '{varchar,bpchar,bit,varbit}'::pg_catalog.regtype[]::pg_catalog.oid[] AS types) AS cut
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 ORDER BY a.attnum
