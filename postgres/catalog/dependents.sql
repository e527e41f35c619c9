-- Everything else that depends on a column of the table or of one of its partitions: what pg_depend knows, trigger functions, which
-- pg_trigger leads to, and other functions whose text names the column. Columns have the table's numbers.
-- The tool's own triggers and functions are known by schema tidemark, where their functions are, and not by what they are called.
-- blocks: DROP COLUMN fails; otherwise it takes the object along without a word, or breaks it. alters: a BEFORE trigger for each
-- row, whose function may read or set the column before ours does.
WITH RECURSIVE p AS (SELECT $1::pg_catalog.oid AS relation),
family AS (
    SELECT c.oid, c.reltype, c.relname, c.oid = p.relation AS own
      FROM p JOIN pg_catalog.pg_class AS c
        ON c.oid IN (SELECT p.relation FROM p UNION SELECT t.relid FROM p, pg_catalog.pg_partition_tree(p.relation) AS t)
), att AS (
    -- A partition may have its columns in another order.
    SELECT f.oid AS relation, f.own, here.attnum AS here, a.attnum, a.attname
      FROM p
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped
     CROSS JOIN family AS f
      JOIN pg_catalog.pg_attribute AS here ON here.attrelid = f.oid AND here.attname = a.attname AND NOT here.attisdropped
), dep AS (
    SELECT d.classid, d.objid, d.objsubid, att.attnum, d.deptype = 'n' AS blocks, att.relation, att.own
      FROM att JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = att.relation AND d.refobjsubid = att.here
), word AS (
    -- Word borders by hand: a name need not be made of letters. A quote in it is written twice.
    SELECT DISTINCT a.attnum, a.attname, lower(replace(a.attname, '"', '""')) AS part,
           '(^|[^[:alnum:]_$])' || regexp_replace(replace(a.attname, '"', '""'), '([][{}()*+?.\\^$|-])', '\\\1', 'g')
               || '($|[^[:alnum:]_$])' AS pattern
      FROM att AS a
     WHERE a.own
), tables AS (
    SELECT f.oid, f.reltype, t.typarray, lower(replace(f.relname, '"', '""')) AS part,
           '(^|[^[:alnum:]_$])' || regexp_replace(replace(f.relname, '"', '""'), '([][{}()*+?.\\^$|-])', '\\\1', 'g')
               || '($|[^[:alnum:]_$])' AS pattern
      FROM family AS f JOIN pg_catalog.pg_type AS t ON t.oid = f.reltype
), body AS (
    -- Bodies in strings are not tracked. Comments name nothing; what is in quotes may be SQL that is put together at run time.
    SELECT f.oid, f.proname, n.nspname, f.pronamespace, f.proargtypes,
           regexp_replace(f.prosrc, $re$([eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')|--[^\n]*|/\*.*?\*/$re$, '\1', 'g') AS text
      FROM pg_catalog.pg_proc AS f
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
      JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
     WHERE f.prokind IN ('f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND EXISTS (SELECT FROM word WHERE strpos(lower(f.prosrc), word.part) > 0)
), fired AS (
    SELECT t.oid, t.tgname, t.tgfoid, t.tgtype, t.tgrelid, t.tgoldtable, t.tgnewtable, f.own,
           replace(encode(t.tgargs, 'escape'), '\000', ' ') AS args,
           '\x00'::pg_catalog.bytea || t.tgargs AS raw
      FROM family AS f
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = f.oid AND NOT t.tgisinternal AND (f.own OR t.tgparentid = 0)
), called AS (
    -- What a trigger function calls by name and can hand the row to, as a row or as JSON; as far down as anybody writes such things.
    SELECT DISTINCT fired.tgfoid AS root, fired.tgfoid AS oid, 0 AS depth, CAST('' AS pg_catalog.text) AS way FROM fired
     UNION
    SELECT called.root, g.oid, called.depth + 1, called.way || ', which calls ' || g.oid::pg_catalog.regproc::pg_catalog.text
      FROM called
      JOIN pg_catalog.pg_proc AS f ON f.oid = called.oid
      JOIN pg_catalog.pg_proc AS g ON g.prokind IN ('f', 'p') AND g.oid <> called.root AND g.pronargs > 0
       AND strpos(lower(f.prosrc), lower(g.proname)) > 0
      JOIN pg_catalog.pg_namespace AS n ON n.oid = g.pronamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'tidemark')
      JOIN pg_catalog.pg_language AS l ON l.oid = g.prolang AND l.lanname NOT IN ('internal', 'c')
     WHERE called.depth < 3
       AND f.prosrc ~* ('(^|[^[:alnum:]_$])"?' || regexp_replace(g.proname, '([][{}()*+?.\^$|-])', '\\\1', 'g') || '"?\s*\(')
       AND EXISTS (SELECT FROM unnest(g.proargtypes::pg_catalog.oid[]) AS a (type) JOIN pg_catalog.pg_type AS t ON t.oid = a.type
                    WHERE t.typtype = 'c' OR t.typname IN ('record', 'json', 'jsonb', 'anyelement', 'anycompatible', 'hstore'))
), spread AS (
    -- A row that is spread over columns by their positions, as in INSERT INTO x SELECT OLD.*; not one that is handed on as one value.
    SELECT f.oid, f.proname, n.nspname,
           regexp_replace(f.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g') AS text,
           EXISTS (SELECT FROM tables WHERE tables.reltype = ANY (f.proargtypes::pg_catalog.oid[])) AS takes_row,
           coalesce(f.proargmodes && '{o,b,t}', false)
               OR EXISTS (SELECT FROM pg_catalog.pg_type AS t
                           WHERE t.oid = f.prorettype AND t.typtype = 'c' AND NOT EXISTS (SELECT FROM tables WHERE tables.reltype = t.oid)) AS columns
      FROM pg_catalog.pg_proc AS f
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
      JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
     WHERE strpos(f.prosrc, '*') > 0 AND f.prokind IN ('f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND (EXISTS (SELECT FROM fired WHERE fired.tgfoid = f.oid)
            OR EXISTS (SELECT FROM tables WHERE strpos(lower(f.prosrc), tables.part) > 0
                          OR tables.reltype = ANY (f.proargtypes::pg_catalog.oid[])))
), policy AS (
    -- pg_depend does not say in which of its two expressions: where a text names the column.
    SELECT dep.attnum, o.polname,
           CASE WHEN c.oid = dep.relation AND dep.own THEN format('policy %I', o.polname)
                ELSE format('policy on %I.%I named %I', n.nspname, c.relname, o.polname) END AS identity,
           dep.blocks, n.nspname,
           coalesce(pg_get_expr(o.polqual, o.polrelid) ~* word.pattern, false) AS in_using,
           coalesce(pg_get_expr(o.polwithcheck, o.polrelid) ~* word.pattern, false) AS in_check
      FROM dep
      JOIN word ON word.attnum = dep.attnum
      JOIN pg_catalog.pg_policy AS o ON o.oid = dep.objid AND dep.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS c ON c.oid = o.polrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), found (attnum, kind, name, identity, blocks, alters, schema) AS (
    SELECT dep.attnum,
           CASE WHEN r.rulename = '_RETURN' THEN 'view' ELSE 'rule' END,
           CASE WHEN r.rulename = '_RETURN' THEN c.relname ELSE r.rulename END,
           CASE WHEN r.rulename <> '_RETURN' AND c.oid = dep.relation AND dep.own THEN format('rule %I', r.rulename)
                WHEN r.rulename <> '_RETURN' THEN format('rule on %I.%I named %I', n.nspname, c.relname, r.rulename)
                WHEN c.relkind = 'm' THEN format('materialized view %I.%I', n.nspname, c.relname)
                ELSE format('view %I.%I', n.nspname, c.relname) END,
           dep.blocks, false, n.nspname
      FROM dep
      JOIN pg_catalog.pg_rewrite AS r ON r.oid = dep.objid AND dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     UNION
    SELECT policy.attnum, 'policy', policy.polname, policy.identity, policy.blocks, false, policy.nspname
      FROM policy
     UNION
    SELECT dep.attnum, 'publication', b.pubname, format('publication %I', b.pubname), dep.blocks, false, ''
      FROM dep
      JOIN pg_catalog.pg_publication_rel AS r
        ON r.oid = dep.objid AND dep.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
      JOIN pg_catalog.pg_publication AS b ON b.oid = r.prpubid
     UNION
    SELECT dep.attnum, 'statistics', s.stxname, format('statistics %I.%I', n.nspname, s.stxname), dep.blocks, false, n.nspname
      FROM dep
      JOIN pg_catalog.pg_statistic_ext AS s
        ON s.oid = dep.objid AND dep.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
      JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
     UNION
    -- Older servers record the column itself, newer ones its pg_attrdef row. Without CASCADE either refuses the drop.
    SELECT dep.attnum, 'generated column', a.attname, format('generated column %I', a.attname), true, false, ''
      FROM dep
      LEFT JOIN pg_catalog.pg_attrdef AS d
        ON d.oid = dep.objid AND dep.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = dep.relation AND a.attgenerated <> '' AND a.attnum <> dep.attnum
       AND (a.attnum = d.adnum OR (d.oid IS NULL AND dep.objid = dep.relation AND dep.objsubid = a.attnum
            AND dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))
     WHERE dep.own
     UNION
    -- UPDATE OF and WHEN are bound to the column.
    SELECT dep.attnum,
           CASE WHEN t.tgqual IS NOT NULL AND pg_get_triggerdef(t.oid) ~* (word.pattern || '.*EXECUTE FUNCTION')
                 AND regexp_replace(pg_get_triggerdef(t.oid), '^.* WHEN \(', '') ~* word.pattern THEN 'trigger condition'
                ELSE 'trigger columns' END,
           t.tgname,
           CASE WHEN c.oid = dep.relation AND dep.own THEN format('trigger %I', t.tgname)
                ELSE format('trigger on %I.%I named %I', n.nspname, c.relname, t.tgname) END,
           dep.blocks, t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0, u.nspname
      FROM dep
      JOIN pg_catalog.pg_trigger AS t ON t.oid = dep.objid AND dep.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
      JOIN word ON word.attnum = dep.attnum
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS u ON u.oid = f.pronamespace
     WHERE NOT t.tgisinternal AND (dep.own OR t.tgparentid = 0)
     UNION
    SELECT dep.attnum, 'function body', f.proname, format('function %I.%I', n.nspname, f.proname), dep.blocks, false, n.nspname
      FROM dep
      JOIN pg_catalog.pg_proc AS f ON f.oid = dep.objid AND dep.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
     UNION
    SELECT dep.attnum, 'partition key', 'partition key', 'partition key', true, false, ''
      FROM dep
     WHERE dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dep.objid = dep.relation AND dep.objsubid = 0
     UNION
    SELECT att.attnum, 'partition key', 'partition key', 'partition key', true, false, ''
      FROM att
      JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = att.relation AND att.here = ANY (t.partattrs::pg_catalog.int2[])
     UNION
    -- What an expression of the key reads cannot live without the table: the dependency is turned round.
    SELECT att.attnum, 'partition key', 'partition key', 'partition key', true, false, ''
      FROM att
      JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = att.relation
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = att.relation AND d.objsubid = att.here
       AND d.refclassid = d.classid AND d.refobjid = att.relation AND d.refobjsubid = 0 AND d.deptype = 'i'
     UNION
    -- A trigger hands its function the row: naming the column is enough. Its arguments may name it too.
    SELECT word.attnum, 'trigger function', fired.tgname,
           format('trigger %I%s, which calls %s', fired.tgname,
                  CASE WHEN NOT fired.own THEN ' on ' || fired.tgrelid::pg_catalog.regclass::pg_catalog.text ELSE '' END,
                  fired.tgfoid::pg_catalog.regproc),
           false, fired.tgtype & 3 = 3 AND fired.tgtype & 20 <> 0, n.nspname
      FROM fired
      JOIN pg_catalog.pg_proc AS f ON f.oid = fired.tgfoid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
      LEFT JOIN body ON body.oid = fired.tgfoid
      JOIN word ON body.text ~* word.pattern OR fired.args ~* word.pattern
        OR position('\x00'::pg_catalog.bytea || convert_to(word.attname, getdatabaseencoding()) || '\x00'::pg_catalog.bytea IN fired.raw) > 0
     UNION
    SELECT word.attnum, 'trigger function', fired.tgname,
           format('trigger %I%s, which calls %s%s', fired.tgname,
                  CASE WHEN NOT fired.own THEN ' on ' || fired.tgrelid::pg_catalog.regclass::pg_catalog.text ELSE '' END,
                  fired.tgfoid::pg_catalog.regproc, called.way),
           false, fired.tgtype & 3 = 3 AND fired.tgtype & 20 <> 0, body.nspname
      FROM fired
      JOIN called ON called.root = fired.tgfoid AND called.depth > 0
      JOIN body ON body.oid = called.oid
      JOIN word ON body.text ~* word.pattern
     UNION
    SELECT 0, 'trigger row', fired.tgname,
           format('trigger %I%s, which calls %s', fired.tgname,
                  CASE WHEN NOT fired.own THEN ' on ' || fired.tgrelid::pg_catalog.regclass::pg_catalog.text ELSE '' END,
                  fired.tgfoid::pg_catalog.regproc),
           false, false, spread.nspname
      FROM fired
      JOIN spread ON spread.oid = fired.tgfoid
     WHERE spread.text ~* '\minsert\M[^;]*(\mselect|\mvalues\s*\(|,)\s*\(?\s*(\mnew|\mold|\$\d+)\s*\)?\s*\.\s*\*'
        OR EXISTS (SELECT FROM unnest(ARRAY[fired.tgoldtable, fired.tgnewtable]) AS made
                    WHERE spread.text ~* ('\minsert\M[^;]*(\mselect|,)\s*([[:alnum:]_$"]+\s*\.\s*)?\*[^;]*\mfrom\M[^;]*'
                          || '(^|[^[:alnum:]_$])' || regexp_replace(replace(made, '"', '""'), '([][{}()*+?.\^$|-])', '\\\1', 'g') || '($|[^[:alnum:]_$])'))
     UNION
    SELECT 0, 'function row', spread.proname, format('function %I.%I', spread.nspname, spread.proname), false, false, spread.nspname
      FROM spread
     WHERE (spread.takes_row AND spread.text ~* '\minsert\M[^;]*(\mselect|\mvalues\s*\(|,)\s*\(?\s*[[:alnum:]_$"]+\s*\)?\s*\.\s*\*'
            OR EXISTS (SELECT FROM tables
                    WHERE spread.text ~* (CASE WHEN spread.columns THEN '' ELSE '\minsert\M[^;]*' END
                          || '(\mselect|,)\s*([[:alnum:]_$"]+\s*\.\s*)?\*[^;]*\mfrom\M[^;]*' || tables.pattern)))
       AND NOT EXISTS (SELECT FROM fired WHERE fired.tgfoid = spread.oid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = spread.oid AND e.deptype = 'e')
     UNION
    -- What a partition has otherwise than the table counts for rows that are written to the partition itself.
    SELECT att.attnum, differs.kind, c.relname, format('%s of partition %s', differs.what, att.relation::pg_catalog.regclass), false, false, ''
      FROM att
      JOIN p ON NOT att.own
      JOIN pg_catalog.pg_class AS c ON c.oid = att.relation
      JOIN pg_catalog.pg_attribute AS here ON here.attrelid = att.relation AND here.attnum = att.here
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.relation AND a.attnum = att.attnum AND a.attgenerated = ''
      LEFT JOIN pg_catalog.pg_attrdef AS hd ON hd.adrelid = here.attrelid AND hd.adnum = here.attnum
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     CROSS JOIN LATERAL (VALUES
           ('default of a partition', 'default ' || coalesce(pg_get_expr(hd.adbin, hd.adrelid), 'NULL'),
            pg_get_expr(hd.adbin, hd.adrelid) IS DISTINCT FROM pg_get_expr(d.adbin, d.adrelid)),
           ('not null of a partition', 'NOT NULL', here.attnotnull AND NOT a.attnotnull)) AS differs (kind, what, so)
     WHERE differs.so
     UNION
    SELECT word.attnum, 'function', body.proname, format('function %I.%I', body.nspname, body.proname), false, false, body.nspname
      FROM body
      JOIN word ON body.text ~* word.pattern
     WHERE EXISTS (SELECT FROM tables
                    WHERE strpos(lower(body.text), tables.part) > 0 AND body.text ~* tables.pattern
                       OR tables.reltype = ANY (body.proargtypes::pg_catalog.oid[])
                       OR tables.typarray = ANY (body.proargtypes::pg_catalog.oid[]))
       AND NOT EXISTS (SELECT FROM fired WHERE fired.tgfoid = body.oid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = body.oid AND e.deptype = 'e')
)
SELECT found.attnum, found.kind, found.name, found.identity, bool_or(found.blocks) AS blocks_drop, bool_or(found.alters) AS alters,
       bool_or(policy.in_using) AS in_using, bool_or(policy.in_check) AS in_check
  FROM found
  LEFT JOIN policy ON found.kind = 'policy' AND policy.attnum = found.attnum AND policy.identity = found.identity
 WHERE found.schema <> 'tidemark' OR found.kind NOT IN ('function', 'function row', 'trigger function', 'trigger columns', 'trigger condition', 'trigger row')
 GROUP BY found.attnum, found.kind, found.name, found.identity
 ORDER BY found.attnum, found.kind, found.identity
