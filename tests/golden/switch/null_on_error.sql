CREATE TABLE public.orders (id integer PRIMARY KEY, amount text, unrelated integer);
INSERT INTO public.orders SELECT i, CASE WHEN i % 10 = 0 THEN 'junk' ELSE i::text END FROM generate_series(1, 60) AS i;
