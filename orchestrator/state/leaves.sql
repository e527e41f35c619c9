-- The relations that hold the rows of table $1 (an oid): itself, or the leaves of its partition tree, with what
-- identifies their storage and its length in blocks now.
SELECT c.oid, format('%I.%I', n.nspname, c.relname), pg_catalog.pg_relation_filenode(c.oid),
       pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint,
       c.relkind = 'r' AND coalesce((SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = c.relam), '') = 'heap'
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1::oid AND c.relkind <> 'p'
    OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree($1::oid::regclass) t WHERE t.isleaf AND t.relid <> $1::oid)
 ORDER BY 1
