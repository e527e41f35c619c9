-- trusted.sql and, when there is nothing against it and the schema exists, look.sql, in one statement whose text has none of the tables: where
-- there are none, it would be an error in the server's log. The settings tidemark.trusted and tidemark.look have the two texts.
SELECT encode(convert_to(json_build_object('bad', t.bad,
                                           'look', CASE WHEN t.bad IS NULL AND to_regclass('tidemark.meta') IS NOT NULL
                                                             -- As the snapshot has it in which it was found to be trusted.
                                                             AND EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = 'tidemark')
                                                        THEN convert_from(decode(substring(query_to_xml(current_setting('tidemark.look'), false, true, '')::text,
                                                                                           '<j>([0-9a-f]*)</j>'), 'hex'), getdatabaseencoding())::json END)::text,
                         getdatabaseencoding()), 'hex') AS j
  FROM (SELECT convert_from(decode(substring(query_to_xml(
                   'SELECT encode(convert_to(t.what, getdatabaseencoding()), ''hex'') AS j FROM (' || current_setting('tidemark.trusted') || ') AS t',
                   false, true, '')::text, '<j>([0-9a-f]*)</j>'), 'hex'), getdatabaseencoding()) AS bad
        OFFSET 0) AS t
