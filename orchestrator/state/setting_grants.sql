-- What a role needs that sets and unsets, and executes nothing.
SELECT pg_catalog.format('GRANT USAGE ON SCHEMA tidemark TO %1$I; GRANT SELECT ON ALL TABLES IN SCHEMA tidemark TO %1$I; '
                         'GRANT INSERT, UPDATE, DELETE ON tidemark.setting TO %1$I; GRANT INSERT ON tidemark.journal TO %1$I', current_user) AS grants
