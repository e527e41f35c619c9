-- The server's clock in the zone $1: the day of the week (0: Sunday) and the minute of the day; and when the clock next shows minute $3
-- on a day of which the bit is set in $2, in that zone and in UTC.
SELECT extract(dow FROM t)::integer AS day,
       extract(hour FROM t)::integer * 60 + extract(minute FROM t)::integer AS minute,
       (SELECT to_char(min(o.opens) AT TIME ZONE $1, 'YYYY-MM-DD HH24:MI') || ' ' || $1
               || CASE WHEN $1 <> 'UTC' THEN to_char(min(o.opens) AT TIME ZONE 'UTC', ' (YYYY-MM-DD"T"HH24:MI:SS"Z")') ELSE '' END
          FROM (SELECT (t::date + n + make_interval(mins => $3::integer)) AT TIME ZONE $1 AS opens
                  FROM generate_series(0, 8) AS n
                 WHERE ($2::integer >> extract(dow FROM t::date + n)::integer) & 1 = 1) AS o
         WHERE o.opens > clock_timestamp()) AS opens
  FROM (SELECT clock_timestamp() AT TIME ZONE $1::text AS t) AS here
