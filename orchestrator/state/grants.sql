-- What a role that may not create schema tidemark needs: the right to do so, or the schema from an administrator.
SELECT pg_catalog.format('GRANT CREATE ON DATABASE %I TO %I', pg_catalog.current_database(), current_user) AS may_create,
       pg_catalog.format('CREATE SCHEMA tidemark AUTHORIZATION %I', current_user) AS created_for_it
