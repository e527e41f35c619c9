CREATE TABLE public.events (id bigint PRIMARY KEY, created_at timestamptz, "Note Text" text);
CREATE INDEX events_created_at_idx ON public.events (created_at);
