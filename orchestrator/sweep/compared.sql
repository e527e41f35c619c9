-- The table called $1 (quoted, qualified), and a jsonb of its primary key's columns as SQL; NULL without one. No row: there is none.
SELECT t.oid,
       (SELECT 'jsonb_build_object(' || string_agg(format('%L, tidemark_row.%I', a.attname, a.attname), ', ' ORDER BY k.ord) || ')'
          FROM pg_catalog.pg_index i
         CROSS JOIN pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, ord)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = t.oid AND i.indisprimary AND k.ord <= i.indnkeyatts) AS key
  FROM (SELECT to_regclass($1)::oid AS oid) t
 WHERE t.oid IS NOT NULL
