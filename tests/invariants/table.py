"""Every invariant (reliability.md §5.2): what holds it, and what shows that this can fail.

`HELD` names checks of the simulator, the planner's world or tests; `SHOWN` tests in which an engine
(or a state) that is wrong on purpose is found out.  test_table.py proves that both exist.
"""

from __future__ import annotations

SABOTAGE = "sim_runs/test_sim_sabotage.py::"
SELF = "sim_self/test_sim_random_self.py::"
CHECKS = "sim_self/test_sim_checks.py::"

HELD: dict[str, tuple[str, ...]] = {
    "I1": (
        "sim/oracle.py::no_loss",  # exhaust, faulty, stories: at rest and after every crash
        "sim/play.py::look",  # random runs: at every step
        "sim/ledger.py::judge",
        "planner/planner_scenario.py::fault",
        "real/test_real_kill.py::test_s7_killed_and_restarted_at_once",
    ),
    "I1b": ("sim/witness.py::took", "sim/witness.py::removed", "sim/witness.py::gone"),
    "I2": (
        "sim/oracle.py::at_rest",
        "sim/ledger.py::judge",
        "sim/ledger.py::rest",
        "real/test_real_kill.py::test_s7_killed_and_restarted_at_once",
    ),
    "I3": ("sim/ledger.py::judge", "sim/oracle.py::at_rest"),
    "I4": (
        "sim/play.py::calm",
        "sim/oracle.py::at_rest",
        "planner/planner_measure.py::measure",
        "planner/planner_world.py::sync",
    ),
    "I5": ("sim/exhaust.py::settled", "sim/play.py::_quiet", "support/storied.py::idle"),
    "I6": (
        "planner/planner_order.py::reordered",  # a
        "sim/commute.py::distinct",  # b
        "sim/commute.py::replicas",  # c
    ),
    "I7": (
        "sim/exhaust.py::crashed",
        "sim_runs/test_sim_exhaust.py::test_crash_and_resume",
        "real/test_real_kill.py::test_s7_killed_and_restarted_at_once",
    ),
    "I8": ("sim/faulty.py::check", "sim_runs/test_sim_faults.py::test_a_share"),
    "I9": ("sim/ledger.py::_flags", "planner/test_planner_flags.py::test_the_merge_of_every_flag"),
    "I10": ("sim/witness.py::took", "stories/test_story_c.py::test_story_c_flagged_is_put_back"),
    "I11": ("sim/ledger.py::judge", "stories/test_story_d.py::test_story_d"),
    "I12": (
        "sim_runs/test_sim_guard.py::test_whatever_comes",
        "sim/users.py::_accident",
        "planner/test_planner_properties.py::test_the_guard_never_lets_more_through",
    ),
    "I13": (
        "stories/test_story_e.py::test_story_e",
        "sim/witness.py::took",
        "real/test_real_peers.py::test_s5_mailbox_made_anew_in_another_order",
    ),
    "I14": ("sim/cursors.py::after", "sim/cursors.py::_unseen", "sim/cursors.py::_unlisted"),
    "I15": (
        "server/test_server_observe.py::test_a_listing_shorter_than_exists_proves_nothing",
        "regressions/test_servers.py::test_15_mutt_2021_lines_are_missing_in_a_listing",
        "sim/faults.py::_mislisting",
    ),
    "I16": ("sim/witness.py::asked", "sim/witness.py::took"),
    "I17": (
        "sim/play.py::_secrets",
        "sim/play.py::_trace_commands",
    ),
    "I18": (
        "sim/play.py::sync",
        "imap/test_imap_hostile.py::test_twice_the_input_is_at_most_twice_the_work",
    ),
    "I19": ("sim/random_runs.py::one", "sim_runs/test_sim_random.py::test_a_seed_is_one_run"),
    "I20": (
        "sim/play.py::_alone",
        "system/test_system_machine.py::test_the_lock_holds_between_processes",
    ),
    "I21": ("sim/oracle.py::undoable", "sim/play.py::_undo"),
}

SHOWN: dict[str, tuple[str, ...]] = {
    "I1": (CHECKS + "test_a_message_that_is_nowhere", SELF + "test_flags_and_places"),
    "I1b": (
        SABOTAGE + "test_new_mail_is_taken_for_deleted",
        SABOTAGE + "test_new_files_are_taken_for_left",
    ),
    "I2": (SABOTAGE + "test_an_append_that_is_not_waited_for_is_doubled",),
    "I3": (
        SABOTAGE + "test_a_deletion_is_taken_for_news",
        SELF + "test_a_deletion_that_comes_back",
    ),
    "I4": (SABOTAGE + "test_files_that_are_not_durable_are_lost",),
    "I5": (CHECKS + "test_a_second_sync_that_does_something",),
    "I6": (
        CHECKS + "test_a_flag_that_spreads",  # b
        CHECKS + "test_the_flags_of_whoever_syncs_last",  # c
    ),
    "I7": (SABOTAGE + "test_files_that_are_not_durable_are_lost",),
    "I8": (CHECKS + "test_a_fault_after_which_a_deletion_comes_back",),
    "I9": (SELF + "test_flags_and_places", SELF + "test_flags_of_one_side_only"),
    "I10": (SABOTAGE + "test_a_change_does_not_save",),
    "I11": (SELF + "test_flags_and_places",),
    "I12": (
        "sim_runs/test_sim_guard.py::test_there_is_no_guard",
        "sim_runs/test_sim_guard.py::test_what_went_before_is_forgotten",
        "sim_runs/test_sim_guard.py::test_accept_releases_nothing",
        "sim_runs/test_sim_guard.py::test_reject_is_an_accept",
    ),
    "I13": (SABOTAGE + "test_old_uids_are_taken_for_expunged",),
    "I14": (
        SABOTAGE + "test_new_uids",
        SABOTAGE + "test_flags",
        SABOTAGE + "test_expunges",
        SABOTAGE + "test_new_files",
    ),
    "I15": (CHECKS + "test_a_listing_that_is_believed",),
    "I16": (
        SABOTAGE + "test_uid_expunge_without_uids",
        SABOTAGE + "test_store_by_sequence_numbers",
    ),
    "I17": (CHECKS + "test_a_password_in_a_file",),
    "I18": (CHECKS + "test_a_sync_that_takes_too_long",),
    "I19": (CHECKS + "test_a_seed_that_plays_otherwise",),
    "I20": (CHECKS + "test_two_runs_at_once",),
    "I21": (SABOTAGE + "test_a_removed_file_that_is_not_kept",),
}

NOT_SHOWN: dict[str, str] = {}
"""Invariants whose check was not yet held against a broken engine, and why."""

ALL = ("I1b", *(f"I{number}" for number in range(1, 22)))
