-- How the table, its partitions and what it is a partition of are published: whether at all; the publications that send every
-- column; those that publish our own tables, too; a table without a replica identity; a publication whose filter reads, or whose
-- list leaves out, a column that the replica identity would need: of both the server refuses every update, or delete, whichever the
-- publication sends. Last, subscriptions that write to it.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT p.relation AS oid FROM p
     UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t
     UNION SELECT u.relid FROM p, pg_catalog.pg_partition_ancestors(p.relation) AS u
), sent AS (
    SELECT b.oid, b.pubname, b.puballtables, b.pubupdate, b.pubdelete, r.prattrs IS NOT NULL AS listed
      FROM pg_catalog.pg_publication AS b
      LEFT JOIN (pg_catalog.pg_publication_rel AS r JOIN family ON family.oid = r.prrelid) ON r.prpubid = b.oid
     WHERE b.puballtables OR r.oid IS NOT NULL
        OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace AS s
                     JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.pnnspid
                     JOIN family ON family.oid = c.oid
                    WHERE s.pnpubid = b.oid)
), bare AS (
    SELECT min(c.oid::pg_catalog.regclass::pg_catalog.text) AS name
      FROM p JOIN pg_catalog.pg_class AS c
        ON c.oid IN (SELECT p.relation UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(p.relation) AS t)
     WHERE c.relkind = 'r'
       AND CASE c.relreplident WHEN 'f' THEN false WHEN 'n' THEN true
                WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident)
                ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary) END
), identity AS (
    -- Columns of the replica identity of each table that a publication names.
    SELECT c.oid AS relation, c.relreplident = 'f' AS whole,
           (SELECT i.indkey::pg_catalog.int2[] FROM pg_catalog.pg_index AS i
             WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END) AS keys
      FROM family JOIN pg_catalog.pg_class AS c ON c.oid = family.oid
), narrow AS (
    SELECT b.pubname, b.pubupdate, b.pubdelete
      FROM pg_catalog.pg_publication_rel AS r
      JOIN identity ON identity.relation = r.prrelid
      JOIN pg_catalog.pg_publication AS b ON b.oid = r.prpubid
     WHERE CASE WHEN r.prattrs IS NOT NULL
                THEN identity.whole OR NOT coalesce(identity.keys <@ r.prattrs::pg_catalog.int2[], true)
                ELSE r.prqual IS NOT NULL AND NOT identity.whole
                     -- Without a list, what the row of the publication depends on is what its filter reads.
                     AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                  WHERE d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND d.objid = r.oid
                                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.prrelid
                                    AND d.refobjsubid > 0 AND NOT coalesce(d.refobjsubid = ANY (identity.keys), false)) END
)
SELECT EXISTS (SELECT FROM sent) AS published,
       (SELECT string_agg(DISTINCT quote_ident(sent.pubname), ', ') FROM sent WHERE NOT sent.listed) AS publications,
       (SELECT string_agg(DISTINCT quote_ident(b.pubname), ', ') FROM pg_catalog.pg_publication AS b
         WHERE b.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace AS s
                                          WHERE s.pnpubid = b.oid AND s.pnnspid = to_regnamespace('tidemark'))) AS state_publications,
       (SELECT bare.name FROM bare WHERE EXISTS (SELECT FROM sent WHERE sent.pubupdate)) AS without_identity,
       (SELECT bare.name FROM bare WHERE EXISTS (SELECT FROM sent WHERE sent.pubdelete)) AS without_identity_deletes,
       (SELECT string_agg(DISTINCT quote_ident(narrow.pubname), ', ') FROM narrow WHERE narrow.pubupdate) AS narrow_publications,
       (SELECT string_agg(DISTINCT quote_ident(narrow.pubname), ', ') FROM narrow WHERE narrow.pubdelete) AS narrow_publications_deletes,
       (SELECT string_agg(DISTINCT quote_ident(u.subname), ', ')
          FROM family JOIN pg_catalog.pg_subscription_rel AS w ON w.srrelid = family.oid
          JOIN pg_catalog.pg_subscription AS u ON u.oid = w.srsubid) AS subscriptions
