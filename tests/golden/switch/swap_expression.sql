CREATE TABLE public.events (id integer PRIMARY KEY, counter integer NOT NULL DEFAULT 0, code text);
INSERT INTO public.events SELECT i, i, 'C' || i FROM generate_series(1, 60) AS i;
