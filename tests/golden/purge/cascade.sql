CREATE TABLE public.events (id bigint PRIMARY KEY, created_at timestamptz, "Note Text" text);
CREATE INDEX events_created_at_idx ON public.events (created_at);
CREATE TABLE public.parts (event bigint REFERENCES public.events ON DELETE CASCADE);
CREATE INDEX ON public.parts (event);
