CREATE TABLE public.accounts (id integer PRIMARY KEY, balance_old integer, note text);
INSERT INTO public.accounts SELECT i, i * 7, 'n' || i FROM generate_series(1, 200) AS i;
INSERT INTO public.accounts VALUES (1000, NULL, NULL);
