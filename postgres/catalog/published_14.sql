-- How the table, its partitions and what it is a partition of are published, without column lists and FOR TABLES IN SCHEMA, which
-- are of 15: see published.sql.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid FROM p
     UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t
     UNION SELECT u.relid FROM p, pg_catalog.pg_partition_ancestors(p.relation) AS u
), sent AS (
    SELECT b.pubname, b.pubupdate, b.pubdelete
      FROM pg_catalog.pg_publication AS b
     WHERE b.puballtables
        OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS r JOIN family ON family.oid = r.prrelid WHERE r.prpubid = b.oid)
), bare AS (
    SELECT min(c.oid::pg_catalog.regclass::pg_catalog.text) AS name
      FROM p JOIN pg_catalog.pg_class AS c
        ON c.oid IN (SELECT p.relation UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(p.relation) AS t)
     WHERE c.relkind = 'r'
       AND CASE c.relreplident WHEN 'f' THEN false WHEN 'n' THEN true
                WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident)
                ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary) END
)
SELECT EXISTS (SELECT FROM sent) AS published,
       (SELECT string_agg(DISTINCT quote_ident(sent.pubname), ', ') FROM sent) AS publications,
       (SELECT string_agg(quote_ident(b.pubname), ', ') FROM pg_catalog.pg_publication AS b WHERE b.puballtables) AS state_publications,
       (SELECT bare.name FROM bare WHERE EXISTS (SELECT FROM sent WHERE sent.pubupdate)) AS without_identity,
       (SELECT bare.name FROM bare WHERE EXISTS (SELECT FROM sent WHERE sent.pubdelete)) AS without_identity_deletes,
       NULL AS narrow_publications,
       NULL AS narrow_publications_deletes,
       (SELECT string_agg(DISTINCT quote_ident(u.subname), ', ')
          FROM family JOIN pg_catalog.pg_subscription_rel AS w ON w.srrelid = family.oid
          JOIN pg_catalog.pg_subscription AS u ON u.oid = w.srsubid) AS subscriptions
