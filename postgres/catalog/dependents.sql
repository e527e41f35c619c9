-- Everything else that hangs on a column: what pg_depend knows, and functions whose text names the column and the table.
-- blocks: DROP COLUMN fails; otherwise it takes the object along without a word, or breaks it.
WITH p AS (SELECT $1::pg_catalog.oid AS relation),
dep AS (
    SELECT d.classid, d.objid, d.objsubid, d.refobjsubid AS attnum, d.deptype = 'n' AS blocks, p.relation
      FROM p JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = p.relation AND d.refobjsubid > 0
), found (attnum, kind, identity, blocks, schema) AS (
    SELECT dep.attnum,
           CASE WHEN r.rulename = '_RETURN' THEN 'view' ELSE 'rule' END,
           CASE WHEN r.rulename <> '_RETURN' AND c.oid = dep.relation THEN format('rule %I', r.rulename)
                WHEN r.rulename <> '_RETURN' THEN format('rule on %I.%I named %I', n.nspname, c.relname, r.rulename)
                WHEN c.relkind = 'm' THEN format('materialized view %I.%I', n.nspname, c.relname)
                ELSE format('view %I.%I', n.nspname, c.relname) END,
           dep.blocks, n.nspname
      FROM dep
      JOIN pg_catalog.pg_rewrite AS r ON r.oid = dep.objid AND dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     UNION
    SELECT dep.attnum, 'policy',
           CASE WHEN c.oid = dep.relation THEN format('policy %I', o.polname)
                ELSE format('policy on %I.%I named %I', n.nspname, c.relname, o.polname) END,
           dep.blocks, n.nspname
      FROM dep
      JOIN pg_catalog.pg_policy AS o ON o.oid = dep.objid AND dep.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS c ON c.oid = o.polrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     UNION
    SELECT dep.attnum, 'publication', format('publication %I', b.pubname), dep.blocks, ''
      FROM dep
      JOIN pg_catalog.pg_publication_rel AS r
        ON r.oid = dep.objid AND dep.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
      JOIN pg_catalog.pg_publication AS b ON b.oid = r.prpubid
     UNION
    SELECT dep.attnum, 'statistics', format('statistics %I.%I', n.nspname, s.stxname), dep.blocks, n.nspname
      FROM dep
      JOIN pg_catalog.pg_statistic_ext AS s
        ON s.oid = dep.objid AND dep.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
      JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
     UNION
    -- Older servers record the column itself, newer ones its pg_attrdef row. Without CASCADE either refuses the drop.
    SELECT dep.attnum, 'generated column', format('generated column %I', a.attname), true, ''
      FROM dep
      LEFT JOIN pg_catalog.pg_attrdef AS d
        ON d.oid = dep.objid AND dep.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = dep.relation AND a.attgenerated <> '' AND a.attnum <> dep.attnum
       AND (a.attnum = d.adnum OR (d.oid IS NULL AND dep.objid = dep.relation AND dep.objsubid = a.attnum
            AND dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))
     UNION
    SELECT dep.attnum, 'trigger',
           CASE WHEN c.oid = dep.relation THEN format('trigger %I', t.tgname)
                ELSE format('trigger on %I.%I named %I', n.nspname, c.relname, t.tgname) END,
           dep.blocks, n.nspname
      FROM dep
      JOIN pg_catalog.pg_trigger AS t ON t.oid = dep.objid AND dep.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT t.tgisinternal AND NOT t.tgname ^@ '~~~~tidemark'
     UNION
    SELECT dep.attnum, 'function', format('function %I.%I', n.nspname, f.proname), dep.blocks, n.nspname
      FROM dep
      JOIN pg_catalog.pg_proc AS f ON f.oid = dep.objid AND dep.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
     UNION
    SELECT dep.attnum, 'partition key', 'partition key', true, ''
      FROM dep
     WHERE dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dep.objid = dep.relation AND dep.objsubid = 0
     UNION
    SELECT x.attnum, 'partition key', 'partition key', true, ''
      FROM p JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = p.relation
     CROSS JOIN LATERAL unnest(t.partattrs::pg_catalog.int2[]) AS x (attnum)
     WHERE x.attnum > 0
     UNION
    -- Bodies in strings are not tracked. Word borders by hand: a name need not be made of letters. A quote in it is written twice.
    SELECT a.attnum, 'function', format('function %I.%I', n.nspname, f.proname), false, n.nspname
      FROM p
      JOIN pg_catalog.pg_class AS c ON c.oid = p.relation
      JOIN pg_catalog.pg_proc AS f ON f.prokind IN ('f', 'p') AND strpos(lower(f.prosrc), lower(replace(c.relname, '"', '""'))) > 0
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
      JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND strpos(lower(f.prosrc), lower(replace(a.attname, '"', '""'))) > 0
     CROSS JOIN LATERAL (
            SELECT '(^|[^[:alnum:]_$])' AS before, '($|[^[:alnum:]_$])' AS behind,
                   regexp_replace(replace(a.attname, '"', '""'), '([][{}()*+?.\\^$|-])', '\\\1', 'g') AS col,
                   regexp_replace(replace(c.relname, '"', '""'), '([][{}()*+?.\\^$|-])', '\\\1', 'g') AS tab) AS word
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND f.prosrc ~* (word.before || word.tab || word.behind)
       AND f.prosrc ~* (word.before || word.col || word.behind)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = f.oid AND e.deptype = 'e')
)
SELECT found.attnum, found.kind, found.identity, bool_or(found.blocks)
  FROM found
 WHERE found.schema <> 'tidemark'
 GROUP BY found.attnum, found.kind, found.identity
 ORDER BY found.attnum, found.kind, found.identity
