-- How long the next statement may wait for a lock: what is left of the time for all of them, but never nothing.
SELECT pg_catalog.set_config('lock_timeout',
           greatest(ceil(extract(epoch FROM pg_catalog.current_setting('tidemark.lock_until')::pg_catalog.timestamptz
                                            - pg_catalog.clock_timestamp()) * 1000),
                    pg_catalog.current_setting('tidemark.lock_budget')::pg_catalog.int8 / 10, 1)::pg_catalog.text, true);
