-- Whether the role may read the rows of schema tidemark that tell of other plans.
SELECT coalesce((SELECT bool_and(has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')) AND count(*) = 2
                   FROM pg_catalog.pg_class AS c
                   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                  WHERE n.nspname = 'tidemark' AND c.relname IN ('run', 'phase')), false) AS readable
