-- Who is connected as a replica. The name is shown to every role.
SELECT application_name FROM pg_catalog.pg_stat_replication
