CREATE TABLE public.items (id integer PRIMARY KEY, qty integer NOT NULL DEFAULT 1, label text NOT NULL);
INSERT INTO public.items SELECT i, i, 'l' || i FROM generate_series(1, 60) AS i;
CREATE INDEX items_qty_idx ON public.items (qty);
ALTER TABLE public.items ADD CONSTRAINT "Qty Positive" CHECK (qty > 0);
