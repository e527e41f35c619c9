CREATE TABLE public.accounts (id integer PRIMARY KEY, balance_old integer, note text);
INSERT INTO public.accounts SELECT i, i * 7, 'n' || i FROM generate_series(1, 200) AS i;
INSERT INTO public.accounts VALUES (1000, NULL, NULL);
CREATE UNIQUE INDEX accounts_note_idx ON public.accounts USING btree (note DESC NULLS LAST, id) INCLUDE (balance_old) WITH (fillfactor='70') WHERE (note IS NOT NULL);
COMMENT ON INDEX public.accounts_note_idx IS 'it''s for notes';
