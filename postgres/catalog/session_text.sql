-- Fails when the column that is generated on the clone casts to text what the server calls immutable although extra_float_digits,
-- bytea_output or IntervalStyle decide what it gives: the output functions of floats, bytea, interval, and the geometric types.
DO $tidemark$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                 JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                CROSS JOIN LATERAL pg_catalog.regexp_matches(d.adbin::pg_catalog.text,
                    '\{COERCEVIAIO :arg \{[A-Z]+ [^{}]*?:(?:var|const|opresult|funcresult|coalesce|case|minmax)type (\d+)\y', 'g') AS m (part)
                 JOIN pg_catalog.pg_type AS t ON t.oid = m.part[1]::pg_catalog.oid
                WHERE a.attrelid = 'pg_temp.tidemark_row'::pg_catalog.regclass
                  AND a.attname = 'tidemark_generated'
                  AND CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END
                      = ANY ('{float4,float8,bytea,interval,point,line,lseg,box,path,polygon,circle}'::pg_catalog.regtype[]::pg_catalog.oid[]))
    THEN
        RAISE 'the text depends on the session' USING ERRCODE = '42P17';
    END IF;
END
$tidemark$
