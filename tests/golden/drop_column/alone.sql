CREATE TABLE public.items (id integer PRIMARY KEY, qty integer NOT NULL DEFAULT 1, label text NOT NULL);
INSERT INTO public.items SELECT i, i, 'l' || i FROM generate_series(1, 60) AS i;
