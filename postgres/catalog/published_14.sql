-- Whether the table, one of its partitions or what it is a partition of is in a publication; without FOR TABLES IN SCHEMA, which is of 15.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid FROM p
     UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t
     UNION SELECT u.relid FROM p, pg_catalog.pg_partition_ancestors(p.relation) AS u
)
SELECT EXISTS (SELECT FROM pg_catalog.pg_publication AS b WHERE b.puballtables)
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS r JOIN family ON family.oid = r.prrelid)
