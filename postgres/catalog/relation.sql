-- One row about the table; sizes and ages are of all its leaves.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
leaf AS (
    SELECT c.*
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'm')
       AND c.oid IN (SELECT p.relation FROM p UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t)
), total AS (
    SELECT coalesce(sum(pg_relation_size(leaf.oid)), 0) AS heap,
           coalesce(sum(pg_table_size(leaf.oid)), 0) AS bytes,
           coalesce(sum(pg_indexes_size(leaf.oid)), 0) AS index_bytes,
           CASE WHEN bool_or(leaf.reltuples < 0 AND pg_relation_size(leaf.oid) > 0) THEN -1
                ELSE coalesce(sum(greatest(leaf.reltuples, 0)), 0) END AS row_estimate,
           coalesce(max(age(leaf.relfrozenxid)) FILTER (WHERE leaf.relfrozenxid <> '0'), 0) AS xid_age
      FROM leaf
), place AS (
    -- Where the rows are, and whether an index leads through them: orchestrator/sweep/keyset.sql asks the same.
    SELECT leaf.oid::pg_catalog.regclass::pg_catalog.text AS name,
           EXISTS (SELECT FROM pg_catalog.pg_am AS m WHERE m.oid = leaf.relam AND m.amname = 'heap') AS heap,
           EXISTS (SELECT FROM pg_catalog.pg_index AS i
                     JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
                     JOIN pg_catalog.pg_am AS m ON m.oid = ic.relam AND m.amname = 'btree'
                    WHERE i.indrelid = leaf.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready
                      AND i.indislive AND i.indpred IS NULL AND i.indexprs IS NULL
                      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS t
                                       WHERE t.attrelid = leaf.oid
                                         AND (NOT t.attnotnull
                                              OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                                                          WHERE k.conrelid = t.attrelid AND k.contype = 'n' AND NOT k.convalidated
                                                            AND k.conkey = ARRAY[t.attnum]))
                                         AND t.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))) AS keyed
      FROM leaf
)
SELECT c.oid,
       coalesce(pg_relation_filenode(c.oid), 0) AS filenode,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind,
       coalesce(a.amname, (SELECT min(la.amname) FROM leaf JOIN pg_catalog.pg_am AS la ON la.oid = leaf.relam), 'heap') AS access_method,
       c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid) AS has_children,
       c.relispartition AS is_child_partition,
       (total.heap / current_setting('block_size')::pg_catalog.int8)::pg_catalog.int8 AS pages,
       total.bytes,
       total.index_bytes,
       total.row_estimate AS rows,
       (SELECT coalesce(max(t.attnum), 0) FROM pg_catalog.pg_attribute AS t WHERE t.attrelid = c.oid) AS max_attnum,
       total.xid_age,
       pg_has_role(current_user, c.relowner, 'USAGE') AS owns_table,
       -- Partitions can have owners of their own. The owner of the database may too, and from 17 on who has MAINTAIN.
       pg_has_role(current_user, (SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()), 'USAGE')
       OR NOT EXISTS (SELECT FROM pg_catalog.pg_class AS r
                       WHERE (r.oid = c.oid OR r.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t))
                         AND NOT pg_has_role(current_user, r.relowner, 'USAGE')
                         AND NOT CASE WHEN current_setting('server_version_num')::pg_catalog.int4 >= 170000
                                      THEN has_table_privilege(r.oid, 'MAINTAIN') ELSE false END) AS may_vacuum,
       (SELECT min(place.name) FROM place WHERE NOT place.heap) AS not_heap,
       (SELECT min(place.name) FROM place WHERE NOT place.keyed) AS keyless,
       (SELECT min(place.name) FROM place WHERE NOT place.keyed AND NOT place.heap) AS orderless,
       (SELECT min(f.oid::pg_catalog.regclass::pg_catalog.text) FROM pg_catalog.pg_class AS f
         WHERE f.relkind = 'f' AND f.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t)) AS foreign_partition,
       -- Whoever adds a partition needs EXECUTE on the functions of the table's triggers: they are created there again.
       CASE WHEN c.relkind = 'p' AND c.relowner <> (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
            THEN pg_get_userbyid(c.relowner) END AS partition_maker,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS of_type
  FROM p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
 CROSS JOIN total
