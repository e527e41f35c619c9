"""Which test follows the hint of which row of docs/errors.md: does what the row, or the message, says, and finds the trouble gone.

A key is the first cell of a row, as it is there. check_hints.py finds rows without a test and tests that do not exist.
"""

PLAN, USAGE = "test_hints.PlanFile.", "test_hints.Usage."
UNEXPECTED, REFUSED, RIGHTS = "test_hints_database.Unexpected.", "test_hints_database.Refused.", "test_hints_database.Rights."
CONNECTIONS, BUSY = "test_hints_database.Connections.", "test_hints_database.Busy."

ROWS = {
    # 1
    "`step '…' ran without an error, but its probe does not find it done`": UNEXPECTED + "test_history_shows_the_step_that_something_undoes_at_once",
    "`step '…' is still incomplete after its cleanup`": UNEXPECTED + "test_an_index_that_stays_invalid_is_found_in_history",
    "`the stored run has … phases, and the plan has …`": UNEXPECTED + "test_rows_of_the_state_that_are_put_back_are_read_again",
    "`the journal's steps of phase … cannot be read`, `'…' is missing or of the wrong type`":
        UNEXPECTED + "test_steps_that_cannot_be_read_are_read_when_they_are_put_back",
    "`cannot write to standard output: …`": UNEXPECTED + "test_what_could_not_be_written_to_a_full_disk_is_written_elsewhere",
    "`the server's answer cannot be read: …`": CONNECTIONS + "test_directly_it_works_where_the_answer_could_not_be_read",
    # 2
    "`unknown verb '…'`, `unknown option '…'`": USAGE + "test_the_nearest_verb_and_option_are_the_ones_that_were_meant",
    "`--… is not valid for '…'`": USAGE + "test_an_option_is_accepted_by_each_verb_that_the_hint_names",
    "`--… needs a value…`, `… is not a duration`, `… is not between … and …`, `… is none of …`": USAGE + "test_a_duration_with_its_unit_is_accepted",
    "`the line has no name of a variable`, `the name of a variable cannot contain blanks`, `the line contains a NUL byte`":
        "test_input.EnvFile.test_a_bad_line_is_named_by_its_place_only",
    "`the database cannot store '…' of --…: its encoding is …`": "test_encodings.Encodings.test_what_cannot_be_stored_is_said_before_anything_is_done",
    "`'…' is not KEY=VALUE`, `\"…\" is no key that can be set`": "test_set.Verb.test_what_is_no_setting",
    "a value that the plan would refuse as well, from `tidemark set`":
        "test_set.Verb.test_a_value_that_the_plan_would_refuse",
    '`the server does not know the time zone "…" of the window: it would never open`': "test_set.Verb.test_a_value_that_the_plan_would_refuse",
    "`--now needs --reason`": USAGE + "test_now_with_the_reason_of_the_hint_is_accepted",
    "`plan '…' has no phase '…'`": USAGE + "test_phases_have_the_names_that_status_shows",
    "`there is no kind of plan called '…'`": USAGE + "test_a_kind_of_new_that_help_lists_can_be_written",
    "`cannot connect to …` with a hint about password, `pg_hba.conf`, TLS, or a database that does not exist":
        USAGE + "test_config_shows_where_a_wrong_setting_comes_from",
    # 3
    '`unknown key …`, `unknown kind …`, `"…" is missing`, `"…" must be …, not …`': PLAN + "test_the_nearest_key_and_kind_are_the_ones_that_were_meant",
    '`"…" is …; it must be between … and …`': PLAN + "test_a_limit_within_its_range_is_accepted",
    "`the name … has … bytes: PostgreSQL would cut it…`": PLAN + "test_a_name_of_as_many_bytes_as_the_hint_says_is_accepted",
    '`"…" names … twice`, `a second phase is called "…"`': PLAN + "test_what_is_named_twice_passes_when_it_is_named_once",
    '`"…" must be one SELECT that only reads`': PLAN + "test_the_query_of_the_hint_is_accepted_where_one_that_writes_is_not",
    "`this is not one expression`, `the expression ends too early`, `an expression cannot hold a semicolon`, "
    "`several expressions where one is expected`": PLAN + "test_one_expression_passes",
    "`a query is not an expression`": PLAN + "test_a_query_in_its_own_parentheses_is_a_value",
    '`"command" is no shell line: …`, `"…" is for a gate with a command`': PLAN + "test_the_command_of_the_hint_is_a_command",
    '`"window" is not a time window`': PLAN + "test_the_window_of_the_hint_is_a_window",
    "`the plan has … bytes; …`, `nested more than … levels deep`, `byte 0x… is not valid UTF-8 here`, `the plan contains a NUL byte`":
        PLAN + "test_saved_as_utf_8_and_without_what_does_not_belong_there_it_is_read",
    '`cannot read the plan "…": …`': PLAN + "test_a_file_that_new_writes_can_be_read_where_there_was_none",
    "`plan '…' has changed since its run started: …`": PLAN + "test_each_of_the_three_ways_on_from_a_changed_plan",
    "`plan '…' has errors, nothing was done`": PLAN + "test_lint_lists_the_errors_that_stop_a_run",
    # 4
    'a finding of `tidemark plan` or `lint`, such as `trigger "…" would fire after tidemark\'s …`, `constraint "…" exists on "…" only: …`':
        "test_dependents.Names.test_what_a_hint_says_can_be_written_into_the_plan_as_it_stands",
    '`"…" is in use by another plan: …`, `column "…" is in use by another plan: …`':
        "test_overlap.Refused.test_each_way_to_share_a_column_in_each_state_of_the_other_plan",
    "`the table has triggers of its own that would fire for the rows that are filled…`": REFUSED + "test_the_line_of_the_hint_says_what_other_triggers_do",
    '`permission denied to set parameter "session_replication_role"`': REFUSED + "test_the_grant_of_the_hint_lets_the_sweep_continue",
    "`the database cannot store '…': its encoding is …`": "test_encodings.Encodings.test_what_cannot_be_stored_is_said_before_anything_is_done",
    "`table … does not exist`": REFUSED + "test_table_and_column_that_the_hint_names_exist",
    '`table … has no column "…"`': REFUSED + "test_table_and_column_that_the_hint_names_exist",
    "`step '…' (…): it already exists and was not created by this run`": REFUSED + "test_what_somebody_else_made_is_removed_or_the_phase_left_out",
    "`step '…' (…): an incomplete object exists that this run did not create`":
        REFUSED + "test_an_invalid_index_of_somebody_else_is_dropped_and_the_run_continues",
    "`the trigger that keeps … in step is disabled, changed or gone on …`":
        [REFUSED + "test_a_trigger_that_was_dropped_is_made_again_from_history", "test_rename.Reading.test_a_disabled_trigger_stops_the_sweep"],
    "`the triggers of this plan, or the partitions of the table, were changed since its rows were compared`":
        "test_undo.LastLook.test_a_trigger_that_is_changed_while_the_drop_waits_for_its_lock_stops_it",
    "`…: a row in …`": REFUSED + "test_the_query_of_the_hint_shows_the_row_that_fails",
    "`… is not stored in a heap: it cannot be scanned by block`":
        REFUSED + "test_a_sweep_by_blocks_of_what_is_no_heap_goes_without_the_order",
    '`… has no index that begins with "…"`': "test_purge.Rows.test_an_index_that_is_dropped_while_the_sweep_runs_is_made_again",
    "`… has no suitable unique index`":
        "test_order.Checkpoint.test_without_its_index_it_stops_and_goes_on_when_another_is_there",
    "`adding the column would rewrite the table`": REFUSED + "test_a_base_type_is_added_where_a_domain_would_rewrite_the_table",
    "`plan '…' requires '…', which is not complete`": REFUSED + "test_a_required_plan_is_seen_in_status_and_completed_first",
    "`the run of '…' is '…' and cannot become '…'`": "test_states.States.test_an_impossible_state_is_refused_and_named",
    "`plan '…' was rolled back`": REFUSED + "test_a_plan_that_was_rolled_back_runs_with_the_command_of_the_hint",
    "`a rollback of '…' is under way`": REFUSED + "test_a_rollback_under_way_is_finished_by_the_command_of_the_hint",
    "`phase … cannot be undone: …`": REFUSED + "test_behind_the_point_of_no_return_a_new_plan_goes_on",
    "`plan '…' cannot be rolled back: plan '…' has dropped \"…\" permanently`":
        "test_overlap.DroppedByAnotherPlan.test_the_drop_is_proved_and_ends_the_first_plan",
    "`plan '…' (…) has taken over what keeps \"…\" in step, and holds the column under another name`":
        "test_overlap.DroppedByAnotherPlan.test_there_and_back_through_the_hold",
    "`plan '…' has dropped \"…\": there is nothing left to compare`": "test_overlap.DroppedByAnotherPlan.test_the_drop_is_proved_and_ends_the_first_plan",
    "`plan '…' (…) takes over what keeps \"…\" in step, to drop it`":
        "test_overlap.DroppedByAnotherPlan.test_there_and_back_through_the_hold",
    "`the rollback loses: …`": REFUSED + "test_what_is_lost_is_accepted_by_the_option_of_the_hint",
    "`phase … is running: there is no gate to open`, `phase … has no gate that needs manual approval`": REFUSED + "test_a_gate_that_is_not_there_is_left_by_run",
    "`phase … waits for its hold to end`": REFUSED + "test_the_rest_of_a_hold_is_waived_by_the_command_of_the_hint",
    "`the gate's SQL condition: …`": REFUSED + "test_a_query_of_a_gate_opens_it_when_it_gives_one_boolean",
    "`plan '…' has not been started in this database`, `no run of a plan called '…' in …`": REFUSED + "test_a_run_is_started_by_its_file_and_then_found_by_name",
    "`plan '…' has no run that could be …`, `plan '…' has no run for which anything could be set`":
        [REFUSED + "test_a_pause_of_what_does_not_run_leads_to_status", "test_set.Verb.test_a_run_that_is_over"],
    "`this role may not change the settings of '…': …`": "test_set.Verb.test_a_role_without_rights_is_told_what_it_needs",
    "`the run of '…' belongs to another database cluster: …`, `the run of '…' belongs to another database of this cluster, …`":
        [REFUSED + "test_a_copy_of_the_database_is_adopted_or_starts_anew_as_the_page_says", "test_adopt.Who.test_a_copy_without_the_table_is_not_sent_to_adopt"],
    "`table … is not the one that the run of '…' began with: …`":
        [REFUSED + "test_what_a_run_left_whose_table_is_gone_is_removed_as_the_page_says", "test_adopt.Who.test_a_table_that_was_restored_in_its_own_database"],
    "`… is not as the run of '…' has left it, in … places; …`": "test_adopt.Differences.test_while_the_column_is_mirrored_and_verified",
    "`table … of the run of '…' was dropped`, `the table of the run of '…' was dropped, and … is not a table now`":
        REFUSED + "test_what_a_run_left_whose_table_is_gone_is_removed_as_the_page_says",
    "`the plan's statements name …, and that is another relation now: …`": "test_table.Renamed.test_sql_of_the_plan_that_would_hit_another_relation_is_refused",
    "`canceling statement due to statement timeout` in a phase of kind `sql`": "test_sql_phases.Locks.test_a_strong_lock_is_let_go_after_five_seconds",
    "`the tables of schema tidemark are not as tidemark created them: …`": "test_rights.State.test_what_somebody_has_added_to_ours_is_found",
    "`schema tidemark has version …, this program knows …`": REFUSED + "test_the_state_of_a_newer_program_is_read_by_that_one",
    "`could not create schema tidemark`": RIGHTS + "test_the_statement_for_the_schema_is_the_one_that_is_missing",
    "`this server is a hot standby: it cannot be written`": "test_hints_database.OnAStandby.test_with_the_setting_of_the_hint_the_primary_is_found",
    "`connected through a pooler …`": CONNECTIONS + "test_directly_it_works_where_a_pooler_is_refused",
    "`the server is PostgreSQL …`": CONNECTIONS + "test_a_server_of_the_version_that_is_needed_is_accepted",
    "`role … may not vacuum or analyze …: the server would skip it`":
        "test_afterwards.Vacuum.test_a_partition_that_it_may_not_vacuum_any_more_is_not_believed_to_be_clean",
    "`… No space left on device` (SQLSTATE 53100), `temporary file size exceeds temp_file_limit` (53400), `out of memory` of the server (53200)":
        "test_full.TablespaceFull.test_in_mid_sweep_it_ends_with_one_error_and_continues_when_there_is_room",
    "`permission denied …`, `must be owner of table …`": RIGHTS + "test_the_grants_that_lint_prints_are_all_that_is_needed",
    "SQLSTATE 23505 while an index is built": REFUSED + "test_a_duplicate_is_removed_before_the_index_is_built",
    # 6
    "`cannot connect to …`": CONNECTIONS + "test_wait_waits_until_the_database_answers",
    "`connection lost: …`, `the connection to the server was lost`": CONNECTIONS + "test_a_lost_connection_is_followed_by_another_run",
    "`no answer within …`": CONNECTIONS + "test_wait_waits_until_the_database_answers",
    # 7
    "`step '…': … was not granted in … tries`": BUSY + "test_whoever_holds_the_table_is_found_by_locks_and_ended",
    "`step '…' needs the … lock on …, blocked by …`": BUSY + "test_a_transaction_that_holds_the_table_is_ended_as_the_hint_says",
    "`step '…' had to yield, or got no lock on …, in … tries`": BUSY + "test_a_vacuum_that_had_to_give_way_gets_through_at_a_quieter_hour",
    # 8
    "`another executor works on '…': …, last heard … s ago`": BUSY + "test_the_executor_at_work_is_watched_or_waited_for",
    "`another executor works on '…': …` (`tidemark adopt`), `the run of '…' was changed by another session meanwhile`":
        "test_adopt.Who.test_a_table_that_was_restored_in_its_own_database",
    "`another executor has taken over the lease of '…'`": BUSY + "test_one_that_was_replaced_has_nothing_left_to_do",
    # 9
    "`the gate's command has failed … times: …`": "test_gate_command.Gate.test_retries_that_are_used_up_fail_the_run_and_the_next_one_asks_again",
    "`the hook … refused …: …`": "test_hooks.Hooks.test_before_a_phase_it_refuses_and_later_the_run_goes_on",
    # 126, 127
    "`cannot start '…': …`": "test_ensure.Command.test_a_command_that_is_not_there_or_cannot_be_run",
}

# Sections that say in prose, or in the last line of the output, what to do.
SECTIONS = {
    "5 `differences`": "test_rename.Reading.test_a_difference_stops_the_plan_at_verify_with_exit_5",
    "10 `pending`, 11 `gate`, 12 `paused`, 13 `budget`": BUSY + "test_each_way_to_stop_prints_the_command_that_goes_on",
    "130 `interrupted`, 143 `terminated`": BUSY + "test_each_way_to_stop_prints_the_command_that_goes_on",
}

# Sections without a hint: what they hold needs none.
SILENT = ("0 `ok`", "9 `hook`", "Warnings that are no errors")

# Findings whose hint another test than test_hints_findings follows; with a blank in it: why none does.
RULES = {
    "verify-attach": "test_relations.Attaching.test_each_way_to_add_a_partition_beside_the_check_and_nothing_of_it_stays",
    "add-column-rewrite": REFUSED + "test_a_base_type_is_added_where_a_domain_would_rewrite_the_table",
    "backfill-other-triggers": REFUSED + "test_the_line_of_the_hint_says_what_other_triggers_do",
    "backfill-skip-privilege": REFUSED + "test_the_grant_of_the_hint_lets_the_sweep_continue",
    "purge-skip-privilege": "the same grant as for backfill-skip-privilege",
    "backfill-subscribed": "test_relations.Publications.test_a_table_that_a_subscription_writes_is_known",
    "backfill-vacuum": "test_afterwards.Vacuum.test_a_partition_that_it_may_not_vacuum_any_more_is_not_believed_to_be_clean",
    "column-missing": REFUSED + "test_table_and_column_that_the_hint_names_exist",
    "columns-dropped": "1200 columns would have to be added and dropped; what helps is a rewrite, which is no job of ours",
    "create-index-server": "there is no server of 14.0 to 14.3 to test with",
    "create-index-virtual": "test_relations.Tables.test_a_virtual_column_has_no_index",
    "dependent-unknown": "no kind of object is unknown; what `accept` does is tested for those that are known",
    "drop-column-keeper": "test_overlap.DroppedByAnotherPlan.test_a_drop_that_was_reviewed_as_the_end_of_another_plan_is_no_other_drop",
    "dual-write-expression": PLAN + "test_one_expression_passes",
    "dual-write-path": "test_paths.Expressions.test_what_only_the_path_would_find_is_an_error_with_the_statement_that_mends_it",
    "dual-write-role": "test_rights.Writers.test_a_role_that_may_not_evaluate_an_expression_is_found_with_its_grant",
    "expression-syntax": PLAN + "test_one_expression_passes",
    "gate-command-missing": "test_gate_command.Gate.test_a_program_that_is_not_there",
    "gate-sql-writes": PLAN + "test_the_query_of_the_hint_is_accepted_where_one_that_writes_is_not",
    "gate-window": PLAN + "test_the_window_of_the_hint_is_a_window",
    "lookup-unmatched": "test_lookup.Lookup.test_rows_that_get_their_match_are_counted_no_more",
    "old-transaction": "an older one than five minutes would have to be waited for; BUSY ends one that holds a lock",
    "plan-overlap": "test_overlap.Refused.test_each_way_to_share_a_column_in_each_state_of_the_other_plan",
    "plan-overlap-sql": "test_overlap.Refused.test_each_way_to_share_a_column_in_each_state_of_the_other_plan",
    "plan-overlap-unknown": "the text of a stored plan is only changed by hand; status is what every error about a run names",
    "prepared-transaction": "test_locks.Locks.test_a_prepared_transaction_on_the_table_is_found_before_the_run",
    "privilege-create": RIGHTS + "test_the_grants_that_lint_prints_are_all_that_is_needed",
    "privilege-monitor": RIGHTS + "test_the_grants_that_lint_prints_are_all_that_is_needed",
    "privilege-owner": RIGHTS + "test_the_grants_that_lint_prints_are_all_that_is_needed",
    "privilege-temporary": RIGHTS + "test_the_grants_that_lint_prints_are_all_that_is_needed",
    "switch-columns": PLAN + "test_one_expression_passes",
    "switch-trigger-uneven": "test_dependents.Triggers.test_a_trigger_that_partitions_have_enabled_in_different_ways_is_refused",
    "table-subscribed": "test_relations.Publications.test_a_table_that_a_subscription_writes_is_known",
    "target-standby": "test_hints_database.OnAStandby.test_with_the_setting_of_the_hint_the_primary_is_found",
    "wraparound-age": "the age of a table cannot be made; a vacuum is what helps",
}
