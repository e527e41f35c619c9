-- The columns of the index in whose order the rows of relation $1 (an oid) can be gone through, first column first: the
-- primary key, else the replica identity, else the narrowest. No row: there is no such index. $2: the version of the
-- database's own collation. postgres/catalog/relation.sql asks the same for the review. $3: a column, for the narrowest index that begins
-- with it, and of that only this column; NULL: see above.
WITH RECURSIVE chosen AS (
    SELECT i.indexrelid, i.indkey, i.indclass, i.indcollation, i.indoption, i.indrelid,
           CASE WHEN $3::text IS NULL THEN i.indnkeyatts ELSE 1 END AS keys
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
     CROSS JOIN LATERAL (
           -- PostgreSQL 18: NOT NULL that is NOT VALID leaves rows with NULL, which no range reaches.
           SELECT bool_and(a.attnotnull AND NOT EXISTS (
                      SELECT FROM pg_catalog.pg_constraint n
                       WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND NOT n.convalidated
                         AND n.conkey = ARRAY[a.attnum])) AS filled, sum(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END) AS width
             FROM unnest((i.indkey::smallint[])[0:i.indnkeyatts - 1]) AS k (attnum)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS key
     WHERE i.indrelid = $1::oid AND i.indisvalid AND i.indisready AND i.indislive AND i.indpred IS NULL
       AND CASE WHEN $3::text IS NULL THEN i.indisunique AND i.indimmediate AND i.indexprs IS NULL AND key.filled
                ELSE i.indkey[0] = (SELECT b.attnum FROM pg_catalog.pg_attribute b
                                     WHERE b.attrelid = i.indrelid AND b.attname = $3 AND b.attnum > 0 AND NOT b.attisdropped) END
     ORDER BY $3::text IS NOT NULL AND i.indnkeyatts > 1, i.indisprimary DESC, i.indisreplident DESC, key.width, c.relname
     LIMIT 1
), col AS (
    SELECT n.ord, a.attname, a.atttypid, k.indexrelid, o.opcfamily, o.opcintype, k.indcollation[n.ord - 1] AS collation,
           (k.indoption[n.ord - 1] & 1) <> 0 AS descending, (k.indoption[n.ord - 1] & 2) <> 0 AS nulls_first
      FROM chosen k
     CROSS JOIN LATERAL generate_series(1, k.keys) AS n (ord)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.indrelid AND a.attnum = k.indkey[n.ord - 1]
      JOIN pg_catalog.pg_opclass o ON o.oid = k.indclass[n.ord - 1]
), base AS (
    -- A value of a domain is compared as what the domain is made of.
    SELECT col.ord, col.atttypid AS type FROM col
     UNION ALL
    SELECT base.ord, t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.type AND t.typtype = 'd'
), named AS (
    SELECT col.*, l.collname, CASE WHEN l.oid IS NOT NULL THEN format(' COLLATE %I.%I', ln.nspname, l.collname) END AS collate,
           CASE WHEN l.collname = 'default' AND ln.nspname = 'pg_catalog' THEN $2::text
                ELSE pg_catalog.pg_collation_actual_version(l.oid) END AS version
      FROM col
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = col.collation
      LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
)
SELECT col.indexrelid AS index, col.attname AS name,
       (SELECT format_type(base.type, -1) FROM base JOIN pg_catalog.pg_type t ON t.oid = base.type
         WHERE base.ord = col.ord AND t.typtype <> 'd') AS type,
       op.name[1] AS less, op.name[2] AS not_greater, op.name[3] AS equal, op.name[4] AS not_less, op.name[5] AS greater,
       coalesce(col.collate, '') AS collate, col.descending, col.nulls_first,
       format('%I%s%s%s', col.attname, col.collate, ' [' || col.version || ']', CASE WHEN col.descending THEN ' DESC' END) AS described
  FROM named AS col
 CROSS JOIN LATERAL (
       SELECT array_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY p.amopstrategy) AS name
         FROM pg_catalog.pg_amop p
         JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
         JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE p.amopfamily = col.opcfamily AND p.amoplefttype = col.opcintype AND p.amoprighttype = col.opcintype
          AND p.amoppurpose = 's' AND p.amopstrategy BETWEEN 1 AND 5) AS op
 ORDER BY col.ord
