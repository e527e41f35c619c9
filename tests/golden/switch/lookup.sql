CREATE TABLE public.resume_templates (id integer PRIMARY KEY, legacy_template_number integer UNIQUE);
INSERT INTO public.resume_templates VALUES (10, 1), (20, 2), (30, 3);
CREATE TABLE public.resumes (id integer PRIMARY KEY, template integer);
INSERT INTO public.resumes SELECT i, 1 + i % 3 FROM generate_series(1, 60) AS i;
