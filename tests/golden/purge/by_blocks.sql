CREATE TABLE public.events (id bigint PRIMARY KEY, created_at timestamptz, "Note Text" text);
CREATE INDEX events_created_at_idx ON public.events (created_at);
CREATE FUNCTION public.log_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
CREATE TRIGGER log_deletion AFTER DELETE ON public.events FOR EACH ROW EXECUTE FUNCTION public.log_deletion();
