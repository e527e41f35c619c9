-- The server's clock in the zone $1: the day of the week (0: Sunday) and the minute of the day.
SELECT extract(dow FROM t)::integer AS day,
       extract(hour FROM t)::integer * 60 + extract(minute FROM t)::integer AS minute
  FROM (SELECT clock_timestamp() AT TIME ZONE $1 AS t) AS here
