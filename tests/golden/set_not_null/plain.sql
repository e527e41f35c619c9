CREATE TABLE public.notes (id integer PRIMARY KEY, body text);
INSERT INTO public.notes SELECT i, 'b' || i FROM generate_series(1, 60) AS i;
