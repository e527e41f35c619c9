-- The relations that hold the rows of table $1 (an oid): itself, or the leaves of its partition tree, with what
-- identifies their storage, its length in blocks now, and what the number of stripes depends on. $2: names of columns, one a line.
SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_relation_filenode(c.oid) AS filenode,
       pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint AS pages,
       c.relkind = 'r' AND coalesce((SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = c.relam), '') = 'heap' AS heap,
       (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid) AS indexes,
       -- An update of a column in any index is not heap-only, wherever the index has it: key, INCLUDE, expression, predicate.
       EXISTS (SELECT FROM pg_catalog.pg_attribute a
                 JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid
                WHERE a.attrelid = c.oid AND a.attname = ANY (string_to_array($2::text, E'\n'))
                  AND (a.attnum = ANY (i.indkey)
                       OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                                   WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                                     AND d.refobjsubid = a.attnum))) AS indexed,
       c.reltuples::bigint AS rows, pg_catalog.pg_indexes_size(c.oid) AS index_bytes,
       coalesce((SELECT o.option_value::integer FROM pg_catalog.pg_options_to_table(c.reloptions) o
                  WHERE o.option_name = 'fillfactor'), 100) AS fillfactor,
       -- Our triggers here, and what makes another of each: ENABLE and DISABLE write a row anew, ATTACH makes one. As in state/unchanged.sql.
       coalesce((SELECT string_agg(t.oid::text || '/' || t.xmin::text || '/' || f.xmin::text, ' ' ORDER BY t.oid)
                   FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
                   JOIN pg_catalog.pg_namespace s ON s.oid = f.pronamespace AND s.nspname = 'tidemark'
                  WHERE t.tgrelid = c.oid), '') AS mark
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1::oid AND c.relkind <> 'p'
    OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree($1::oid::regclass) t WHERE t.isleaf AND t.relid <> $1::oid)
 ORDER BY c.oid
