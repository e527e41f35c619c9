-- Whether run $1 belongs to this database, and what has happened to its table.
SELECT split_part(r.system_identifier, '/', 1) = s.cluster AS same_cluster,
       split_part(r.system_identifier, '/', 2) IN ('', s.database) AS same_database,
       t.oid IS NOT NULL AS has_table,
       o.oid IS NOT NULL AS name_taken,
       r.relation AS recorded,
       CASE WHEN t.oid IS NOT NULL THEN format('%I.%I', n.nspname, t.relname) END AS now,
       o.oid IS NOT DISTINCT FROM t.oid AS has_name,
       o.relkind AS name_kind,
       r.system_identifier AS before,
       s.cluster || '/' || s.database AS here,
       -- Of the database that it began in, when that is in this cluster.
       (SELECT d.datname FROM pg_catalog.pg_database AS d
         WHERE split_part(r.system_identifier, '/', 1) = s.cluster AND d.oid::text = split_part(r.system_identifier, '/', 2)) AS original,
       -- Its table in a copy: the one with the triggers of the plan, or else the one that has the name.
       f.oid AS found,
       f.name AS found_name,
       f.marked,
       r.table_oid AS "table",
       r.fence,
       r.state,
       r.plan_text
  FROM tidemark.run AS r
 CROSS JOIN (SELECT c.system_identifier::text AS cluster,
                    (SELECT d.oid::text FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) AS database
               FROM pg_catalog.pg_control_system() AS c) AS s
  LEFT JOIN pg_catalog.pg_class AS t ON t.oid = r.table_oid AND t.relkind IN ('r', 'p')
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_class AS o ON o.oid = pg_catalog.to_regclass(r.relation)
  LEFT JOIN LATERAL (
       SELECT c.oid, format('%I.%I', cn.nspname, c.relname) AS name, bool_or(w.marked) AS marked
         FROM (SELECT o.oid, false
                UNION ALL
               SELECT g.tgrelid, true
                 FROM pg_catalog.pg_trigger AS g
                 JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
                 JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace AND pn.nspname = 'tidemark'
                CROSS JOIN LATERAL split_part(p.prosrc, chr(10), 2) AS line (text)
                WHERE g.tgparentid = 0
                  AND CASE WHEN starts_with(line.text, '-- tidemark {') THEN substr(line.text, 13)::jsonb ->> 'plan' = r.plan END
              ) AS w (oid, marked)
         JOIN pg_catalog.pg_class AS c ON c.oid = w.oid AND c.relkind IN ('r', 'p')
         JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
        GROUP BY c.oid, cn.nspname, c.relname
        ORDER BY bool_or(w.marked) DESC, c.oid IS NOT DISTINCT FROM o.oid DESC
        LIMIT 1) AS f ON true
 WHERE r.id = $1::bigint
