-- The tables of schema tidemark as one text that can be compared: columns, keys and checks, indexes. By names and flags only, never
-- by a definition as a server prints it: another major version may print it differently.
SELECT pg_catalog.md5(pg_catalog.string_agg(o.line, E'\n' ORDER BY o.line COLLATE "C"))
  FROM (SELECT pg_catalog.format('column %I.%I %s %s %s %s', c.relname, a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod),
                                 a.attnotnull, a.attidentity) AS line
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = pg_catalog.to_regnamespace('tidemark') AND c.relkind = 'r' AND NOT a.attisdropped
         UNION ALL
        SELECT pg_catalog.format('constraint %I.%I %s %s %s', c.relname, k.conname, k.contype, k.conkey, k.convalidated)
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype <> 'n'
         WHERE c.relnamespace = pg_catalog.to_regnamespace('tidemark') AND c.relkind = 'r'
         UNION ALL
        SELECT pg_catalog.format('index %I.%I %s %s %s', c.relname, i.relname, x.indisunique, x.indkey, x.indpred IS NOT NULL)
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid
          JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
         WHERE c.relnamespace = pg_catalog.to_regnamespace('tidemark') AND c.relkind = 'r') AS o
