"""Every known failure of others (reliability.md §2), by its number there, and what guards ours.

A line names the tests that would have caught it, or says why it cannot happen here (`NOT_HERE`).
test_table.py proves that each number is here and each test exists.
"""

from __future__ import annotations

OURS = "regressions/"

COVERED: dict[int, tuple[str, ...]] = {
    # Loss
    1: ("real/test_real_peers.py::test_s1_all_files_gone",),
    2: (
        "badinput/test_bad_mapping.py::test_another_directory_with_other_mail",
        "badinput/test_bad_mapping.py::test_fewer_mailboxes_and_more_again",
        "stories/test_story_p.py::test_story_p_nothing_happened",
    ),
    3: (
        "real/test_real_peers.py::test_s2_empty_root",
        "badinput/test_bad_maildir.py::test_a_root_that_is_missing",
    ),
    4: (
        "badinput/test_bad_maildir.py::test_another_maildir_in_its_place",
        "badinput/test_bad_maildir.py::test_restored_from_a_backup",
        "badinput/test_bad_cache.py::test_a_cache_rolled_back",
        "stories/test_story_n.py::test_story_n_an_empty_directory",
    ),
    5: (
        OURS + "test_offlineimap.py::test_5_offlineimap_6_5_several_appends_are_told_one_uid",
        "server/test_server_append.py::test_an_appenduid_that_does_not_fit_is_none",
    ),
    6: (
        OURS + "test_offlineimap.py::test_6_7_offlineimap_6_3_4_news_between_the_lines_of_a_fetch",
    ),
    7: (
        OURS + "test_offlineimap.py::test_6_7_offlineimap_6_3_4_news_between_the_lines_of_a_fetch",
        "server/test_server_session.py::test_news_between_bodies_is_not_taken_for_one",
    ),
    8: (
        OURS
        + "test_offlineimap.py::test_8_offlineimap_6_5_5_an_upload_that_is_refused_is_not_stored",
    ),
    9: (
        "sim_runs/test_sim_exhaust.py::test_crash_and_resume",
        "cache/test_cache_open.py::test_a_killed_run_loses_nothing",
        "badinput/test_bad_cache.py::test_a_damaged_cache",
    ),
    10: (
        "sim_runs/test_sim_sections.py::test_nothing_is_deleted_beyond_the_limit",
        "sim_runs/test_sim_sections.py::test_a_message_grows_too_old",
        "sim_runs/test_sim_sections.py::test_a_clock_that_was_wrong",
    ),
    11: (
        "sim_runs/test_sim_trash.py::test_gmail",
        "planner/test_planner_deletions.py::test_where_deletions_go",
        "planner/test_planner_flags.py::test_gmail_is_never_sent_deleted",
    ),
    12: (
        OURS + "test_isync.py::test_12_isync_1_4_1_uidvalidity_changes_and_there_is_no_message_id",
        "real/test_real_peers.py::test_s5_mailbox_made_anew_in_another_order",
    ),
    13: (
        OURS + "test_isync.py::test_13_isync_no_uidplus_another_client_marks_meanwhile",
        "stories/test_story_k.py::test_story_k_on_dovecot",
    ),
    14: (OURS + "test_servers.py::test_14_go_imap_276_a_copy_that_is_refused_deletes_nothing",),
    15: (
        OURS + "test_servers.py::test_15_mutt_2021_lines_are_missing_in_a_listing",
        "server/test_server_observe.py::test_a_listing_shorter_than_exists_proves_nothing",
    ),
    16: (
        OURS + "test_servers.py::test_16_mailspring_141_expunged_while_any_command_runs",
        "server/test_server_deltas.py::test_vanished_during_the_fetch_counts_down",
    ),
    17: (
        "server/test_server_deltas.py::test_enable_without_enabled_means_no_qresync",
        "server/test_server_deltas.py::test_vanished_of_a_live_uid_is_contradicted_by_the_listing",
        "imap/test_imap_rest.py::test_quirks",
    ),
    18: (
        OURS + "test_real.py::test_18_cyrus_6071_the_highest_uids_are_expunged",
        "imap/test_imap_writing.py::test_sets_are_ascending_and_without_a_star",
        "real/test_real_audit.py::test_once_a_day_one_range_is_listed",
    ),
    19: (
        OURS + "test_servers.py::test_19_purelymail_446_highestmodseq_is_0",
        "server/test_server_deltas.py::test_a_lower_modseq_is_listed_in_full",
        "server/test_server_deltas.py::test_nomodseq",
    ),
    20: (OURS + "test_servers.py::test_20_emailengine_a_modseq_beyond_53_bits",),
    21: ("badinput/test_bad_mapping.py::test_another_directory_that_is_empty",),
    22: (
        "stories/test_story_c.py::test_story_c_flagged_is_put_back",
        "stories/test_story_j.py::test_story_j_edited_on_both_sides",
    ),
    23: (OURS + "test_servers.py::test_23_imapsync_260_mail_arrives_while_we_delete",),
    24: (
        "stories/test_story_a.py::test_story_a_the_process_is_killed",
        "stories/test_story_a.py::test_story_a_killed_on_dovecot",
    ),
    25: (OURS + "test_servers.py::test_25_mailkit_1615_a_listed_message_is_not_given",),
    26: (OURS + "test_servers.py::test_26_vandelay_12_the_size_is_an_estimate",),
    27: (OURS + "test_servers.py::test_27_k9_4364_one_uid_in_two_mailboxes",),
    28: (
        "local/test_local_files.py::test_nothing_is_replaced",
        "system/test_system_fs.py::test_create_never_opens_what_is_there",
    ),
    29: (
        "badinput/test_bad_maildir.py::test_an_empty_file_and_a_nul",
        "local/test_local_power.py::test_delivery",
    ),
    30: (
        OURS + "test_servers.py::test_30_mailspring_1948_a_listing_that_breaks_off",
        "server/test_server_sim.py::test_a_cut_at_any_byte_ends_in_disconnected",
    ),
    31: (
        OURS + "test_isync.py::test_31_isync_u_in_file_names_is_no_identity",
        "real/test_real_peers.py::test_s9_a_reader_moves_files",
        "cache/test_cache_local.py::test_a_name_alone_proves_nothing",
    ),
    32: (OURS + "test_servers.py::test_32_mailkit_1405_copyuid_pairs_the_wrong_messages",),
    # Duplicates, resurrection
    33: (OURS + "test_isync.py::test_33_isync_1_2_1_no_appenduid_and_others_deliver_meanwhile",),
    34: (
        "real/test_real_peers.py::test_s3_cache_lost",
        "real/test_real_peers.py::test_s4_cache_rolled_back",
        "real/test_real_kill.py::test_s7_killed_and_restarted_at_once",
    ),
    35: (
        "real/test_real_peers.py::test_s8_a_reader_changes_base_names",
        "real/test_real_peers.py::test_s9_a_reader_moves_files",
        "cache/test_cache_migrations.py::test_the_first_schema_is_upgraded",
    ),
    36: (
        "sim_runs/test_sim_odd.py::test_what_the_server_stores_otherwise_is_sent_once",
        "cache/test_cache_intents.py::test_the_server_rewrote_the_header",
    ),
    37: (
        OURS + "test_servers.py::test_37_import_mailbox_56_gmail_merges_an_upload_with_what_it_has",
        "cache/test_cache_intents.py::test_the_server_merged_it_with_a_message_that_has_a_file",
    ),
    38: (
        "badinput/test_bad_maildir.py::test_no_message_id_or_one_for_all",
        "planner/test_planner_content.py::test_messages_without_a_header_are_not_one_message",
    ),
    39: (
        "badinput/test_bad_maildir.py::test_an_empty_mount_point",
        "stories/test_story_n.py::test_story_n",
    ),
    40: (OURS + "test_servers.py::test_40_proton_bridge_123_uidplus_is_announced_and_refused",),
    # Hangs
    41: (
        "server/test_server_login.py::test_silence_ends_at_the_deadline",
        "server/test_server_append.py::test_noise_is_no_progress_for_ever",
        "server/test_server_append.py::test_a_write_that_nobody_takes",
        "real/test_real_faults.py::test_a_fault_in_the_middle",  # stopped, and its server frozen
    ),
    42: (
        OURS + "test_servers.py::test_42_fetchmail_silence_after_any_byte",
        "hostile/test_hostile_tls.py::test_silence_instead_of_the_handshake",
        "hostile/test_hostile_tls.py::test_silence_instead_of_tls",
    ),
    43: ("config/test_config_secret.py::test_a_command_that_hangs",),
    44: (
        "imap/test_imap_hostile.py::test_uid_0_before_a_body",
        "sim_runs/test_sim_reach.py::test_what_failed_for_good_is_tried_once_a_run",
    ),
    45: (
        "sim_runs/test_sim_reach.py::test_a_refused_password_is_never_tried_again",
        "cli/test_cli_exit.py::test_a_refused_password_is_77_at_once",
        "cli/test_cli_password.py::test_three_refused_logins_a_day_over_all_runs",
    ),
    # Security
    46: (
        "badinput/test_bad_names.py::test_names_that_a_hostile_server_lists",
        "model/test_model_mailboxname.py::test_never_leaves_the_root_and_is_safe_to_print",
    ),
    47: (
        OURS + "test_isync.py::test_47_isync_cve_2021_3578_a_response_code_where_none_belongs",
        "imap/test_imap_responses.py::test_code",
    ),
    48: (
        "imap/test_imap_hostile.py::test_a_body_too_big_is_refused_by_name",
        "imap/test_imap_hostile.py::test_other_literals_have_a_small_limit",
    ),
    49: ("real/test_real_odd.py::test_appended_by_a_client_and_downloaded",),
    50: ("hostile/test_hostile_tls.py::test_wrong_host",),
    51: (
        "hostile/test_hostile_tls.py::test_text_behind_the_consent",
        "hostile/test_hostile_tls.py::test_greetings",
        "hostile/test_hostile_tls.py::test_refused",
    ),
    52: (
        "server/test_server_login.py::test_an_answer_to_a_command_that_was_not_sent",
        "server/test_server_login.py::test_tls_is_believed_of_the_stream_only",
        "imap/test_imap_rest.py::test_tags_are_never_the_same_and_safe",
    ),
    53: (
        "hostile/test_hostile_tls.py::test_what_was_said_in_clear_is_forgotten",
        "imap/test_imap_writing.py::test_refused",
    ),
    54: (
        "imap/test_imap_writing.py::test_refused",
        "imap/test_imap_writing.py::test_no_line_end_but_after_a_literal_mark_and_at_the_end",
    ),
    55: (
        OURS + "test_real.py::test_55_imapengine_174_a_body_that_looks_like_commands",
        "server/test_server_dovecot_changes.py::test_a_message_that_looks_like_commands",
        "server/test_server_append.py::test_nothing_of_a_body_before_the_invitation",
    ),
    56: (
        "imap/test_imap_hostile.py::test_a_set_has_limits",
        "imap/test_imap_hostile.py::test_a_line_has_a_limit",
        "imap/test_imap_hostile.py::test_twice_the_input_is_at_most_twice_the_work",
        "imap/test_imap_rest.py::test_a_bomb_comes_in_steps_and_only_when_asked_for",
        "hostile/test_hostile_scram.py::test_a_bomb_costs_nothing",
    ),
    57: (
        "badinput/test_bad_names.py::test_names_that_a_hostile_server_lists",
        "imap/test_imap_responses.py::test_empty_body_is_never_streamed",
    ),
    58: (
        "local/test_local_hierarchy.py::test_nothing_is_delivered_through_a_link",
        "local/test_local_files.py::test_a_marker_that_is_a_link_is_not_followed",
        "system/test_system_fs.py::test_links_are_not_followed_at_the_end",
        "hostile/test_hostile_private.py::test_does_not_write_for_somebody_else",
    ),
    59: (
        "hostile/test_hostile_tls.py::test_unknown_authority",
        "hostile/test_hostile_tls.py::test_tls_1_1",
    ),
    60: (
        "cli/test_cli_rude.py::test_text_of_the_server",
        "cli/test_cli_rude.py::test_text_of_a_file",
        "server/test_server_append.py::test_text_of_the_server_cannot_steer_a_terminal",
    ),
    61: (
        OURS + "test_table.py::test_61_cpython_2026_1299_no_message_is_parsed_and_written_again",
        "real/test_real_odd.py::test_put_as_files_and_uploaded",
    ),
    62: (
        OURS + "test_table.py::test_62_sqlite_2_2_nobody_else_opens_the_database",
        "system/test_system_machine.py::test_the_lock_holds_between_processes",
    ),
}

NOT_HERE: dict[int, str] = {}
"""Numbers that do not apply, and why."""

PARTLY: dict[int, str] = {
    41: "one-shot runs only: no connection outlives a suspend; deadlines end what hangs",
}
"""What of a covered number is not, and why."""

ALL = range(1, 63)
