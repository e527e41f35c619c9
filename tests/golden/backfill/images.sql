CREATE TABLE public.things (id integer PRIMARY KEY, price numeric, doc json, code character(5));
INSERT INTO public.things SELECT i, i + 0.50, ('{"a":' || i || '}')::json, 'c' || i FROM generate_series(1, 60) AS i;
