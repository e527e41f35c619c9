CREATE TABLE public.accounts (id integer PRIMARY KEY, owner integer REFERENCES public.owners, note text,
    updated_at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE public.accounts_old PARTITION OF public.accounts FOR VALUES FROM (0) TO (1000);
CREATE TRIGGER touch BEFORE UPDATE ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER owner_moved AFTER UPDATE OF owner ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.moved();
CREATE TRIGGER archived AFTER UPDATE ON public.accounts_old FOR EACH STATEMENT EXECUTE FUNCTION public.archived();
CREATE TRIGGER outbox AFTER UPDATE OF note ON public.accounts FOR EACH ROW WHEN (new.note <> 'x') EXECUTE FUNCTION public.send();
ALTER TABLE public.accounts ENABLE ALWAYS TRIGGER outbox;
