-- The one statement of an `ensure` that finds nothing to do. It comes before any setting of the session is pinned, and pins what the texts in
-- it need: search_path and row_security, for this statement. Nothing here is found by the search_path. $1: the plans (look.sql), $2:
-- look_safely.sql, $3: trusted.sql, $4: look.sql.
SELECT CASE WHEN pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true) IS NOT NULL
             AND pg_catalog.set_config('row_security', 'off', true) IS NOT NULL
             AND pg_catalog.set_config('tidemark.plans', $1, true) IS NOT NULL
             AND pg_catalog.set_config('tidemark.trusted', $3, true) IS NOT NULL
             AND pg_catalog.set_config('tidemark.look', $4, true) IS NOT NULL
            THEN pg_catalog.convert_from(pg_catalog.decode(pg_catalog.substring(
                     pg_catalog.query_to_xml($2, false, true, '')::pg_catalog.text, '<j>([0-9a-f]*)</j>'), 'hex'), pg_catalog.getdatabaseencoding())
       END AS answer
