//! One battery for both engines. SQLite always; PostgreSQL where it is installed or
//! `PHAROS_TEST_POSTGRES` gives an address, else said to be left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests stop at the first surprise"
)]

mod alerts;
mod backup;
mod cases;
mod changes;
mod evidence;
mod faults;
mod ledger;
mod people;
mod sealed;
mod sign_in;
mod work;
mod world;

use world::World;

/// Every case of the battery, on SQLite as a test each and on PostgreSQL one after the other.
macro_rules! battery {
    ($($area:ident :: $case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let world = super::World::sqlite().await;
                    super::$area::$case(&world).await;
                }
            )+
        }

        /// The same cases on a real PostgreSQL, each in its own database.
        #[tokio::test]
        async fn postgres() {
            let Some(server) = pharos_testkit::postgres::Postgres::start() else { return };
            let server = std::sync::Arc::new(server);
            $(
                println!("postgres::{}", stringify!($case));
                let world = World::postgres(&server, stringify!($case)).await;
                $area::$case(&world).await;
                world.store.close().await;
            )+
        }
    };
}

battery! {
    people::acc_10_a_roll_is_applied_once_however_often_it_comes,
    people::acc_10_links_follow_the_ids_that_are_known,
    people::acc_10_twenty_thousand_people_in_ten_seconds,
    people::people_are_found_by_the_beginning_of_their_names,
    sign_in::acc_11_a_session_lives_until_its_end_its_sign_out_or_its_person_leaves,
    sign_in::acc_11_a_code_is_used_once,
    sign_in::acc_11_a_second_factor_is_not_replaced_by_an_older_session,
    sign_in::acc_11_failures_are_counted_and_forgotten,
    sign_in::acc_11_tries_at_once_are_counted,
    sign_in::acc_11_a_new_password_ends_other_sessions,
    ledger::aud_01_an_edited_row_is_named,
    ledger::aud_01_a_removed_row_is_named,
    ledger::aud_01_a_removed_tail_is_named,
    ledger::aud_01_reordered_rows_are_named,
    ledger::aud_01_a_replaced_head_is_noticed,
    ledger::aud_01_an_emptied_ledger_is_noticed,
    ledger::aud_01_no_line_no_act,
    ledger::aud_01_what_is_noted_once_is_not_noted_again,
    ledger::aud_01_refusals_and_strangers_are_noted,
    ledger::nonsense_in_a_row_is_named_with_table_and_row,
    alerts::mon_13_nobody_sees_an_alert_about_themselves,
    alerts::alerts_alike_become_one_and_closed_ones_stay_closed,
    cases::con_06_entries_only_grow_and_late_writers_are_told,
    cases::con_14_the_person_a_case_is_about_never_sees_it,
    cases::con_14_a_raiser_sees_a_receipt,
    cases::con_14_an_emergency_wants_a_reason_and_tells_the_lead,
    cases::aud_05_every_reading_leaves_a_look_up,
    cases::role_07_numbers_name_nobody,
    work::req_02_a_request_is_decided_once_and_never_by_its_asker,
    work::overrides_end_by_time_or_by_hand,
    work::notices_are_queued_with_their_cause_and_done_at_least_once,
    work::settings_are_kept_and_their_values_stay_out_of_the_ledger,
    evidence::aud_02_checks_are_kept,
    evidence::rev_09_standings_are_kept_when_they_change,
    evidence::rep_01_reports_are_frozen,
    evidence::mon_10_reviews_of_weeks_are_kept,
    evidence::mon_07_mon_11_the_journal_only_grows,
    evidence::mon_07_notes_are_counted_beyond_a_page,
    evidence::priv_03_named_entries_of_the_journal_stay,
    evidence::priv_03_the_journal_goes_when_its_time_is_over,
    evidence::req_04_one_version_of_the_pack_is_in_force,
    changes::req_03_a_draft_wants_two_people_and_consent,
    changes::req_04_an_altered_change_is_named,
    changes::req_05_a_review_is_kept_with_its_next_date,
    changes::req_05_a_tightening_is_in_force_at_once,
    changes::req_06_a_membership_has_another_approver_and_an_end,
    changes::req_01_a_request_waits_for_the_teachers_word,
    sealed::priv_04_a_phrase_is_nowhere_on_the_disk,
    backup::priv_08_a_backup_restores_to_a_clean_machine,
    backup::priv_08_the_school_key_is_changed,
    faults::a_newer_database_is_refused,
    faults::a_database_of_version_one_is_brought_up_to_date,
}
