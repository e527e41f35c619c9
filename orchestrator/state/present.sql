-- Whether there is a schema tidemark with its tables.
SELECT pg_catalog.to_regclass('tidemark.meta') IS NOT NULL AS present
