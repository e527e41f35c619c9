-- What is wrong with schema tidemark, in a few words; NULL: nothing, or there is none. What is in it runs as our role: it must be
-- what we or a superuser made, or a role that ours is a member of, and no other role may add to it.
WITH me AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
trusted AS (
    SELECT r.oid FROM me CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.oid = me.oid OR r.rolsuper OR (NOT me.rolsuper AND pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER'))
), home AS (
    SELECT n.oid, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'tidemark'
), found (place, what) AS (
    SELECT 1, format('it belongs to role %s', home.nspowner::pg_catalog.regrole)
      FROM home WHERE home.nspowner NOT IN (SELECT oid FROM trusted)
     UNION ALL
    SELECT 2, format('%s belongs to role %s', c.oid::pg_catalog.regclass, c.relowner::pg_catalog.regrole)
      FROM home JOIN pg_catalog.pg_class AS c ON c.relnamespace = home.oid WHERE c.relowner NOT IN (SELECT oid FROM trusted)
     UNION ALL
    SELECT 2, format('function %s belongs to role %s', f.oid::pg_catalog.regprocedure, f.proowner::pg_catalog.regrole)
      FROM home JOIN pg_catalog.pg_proc AS f ON f.pronamespace = home.oid WHERE f.proowner NOT IN (SELECT oid FROM trusted)
     UNION ALL
    SELECT 3, format('trigger %I exists on %s', t.tgname, c.oid::pg_catalog.regclass)
      FROM home JOIN pg_catalog.pg_class AS c ON c.relnamespace = home.oid
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
     UNION ALL
    SELECT 3, format('rule %I exists on %s', r.rulename, c.oid::pg_catalog.regclass)
      FROM home JOIN pg_catalog.pg_class AS c ON c.relnamespace = home.oid
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
     UNION ALL
    SELECT 4, format('%s may create objects in it', CASE x.grantee WHEN 0 THEN 'everybody' ELSE 'role ' || x.grantee::pg_catalog.regrole::pg_catalog.text END)
      FROM home CROSS JOIN LATERAL aclexplode(home.nspacl) AS x
     WHERE x.privilege_type = 'CREATE' AND x.grantee NOT IN (SELECT oid FROM trusted)
     UNION ALL
    SELECT 5, format('table tidemark.%I is missing', w.name)
      FROM home CROSS JOIN unnest('{meta,run,session,phase,journal,setting,segment,conflict}'::pg_catalog.text[]) AS w (name)
     -- Read in one snapshot: to_regclass may still answer from its cache when another executor has just made the schema.
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = home.oid AND c.relname = w.name)
       AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = home.oid)
)
SELECT found.what FROM found ORDER BY found.place, found.what LIMIT 1
