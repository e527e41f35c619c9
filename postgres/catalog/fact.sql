-- What became of the view over an expression. $1 name of the view, $2 name of its column: another one, or a second, means that
-- the text was more than an expression.
WITH p AS (SELECT $1::pg_catalog.text AS view, $2::pg_catalog.text AS target)
SELECT count(*) OVER () = 1 AND a.attname = p.target AS single,
       pg_get_viewdef(c.oid) AS definition,
       format_type(a.atttypid, a.atttypmod) AS type,
       -- A domain below is looked at through the one above.
       EXISTS (WITH RECURSIVE d (type) AS (SELECT a.atttypid
                                            UNION ALL
                                           SELECT t.typbasetype FROM d JOIN pg_catalog.pg_type AS t ON t.oid = d.type AND t.typtype = 'd')
               SELECT FROM d JOIN pg_catalog.pg_type AS t ON t.oid = d.type AND t.typtype = 'd'
                WHERE t.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.contypid = d.type)) AS rewrites
  FROM p
  JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass('pg_temp.' || quote_ident(p.view))
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 LIMIT 1
