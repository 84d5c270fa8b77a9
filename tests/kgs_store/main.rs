//! The server's store, log, authentication and policy: one suite over SQLite and PostgreSQL, and what only a crash shows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod auth;
mod crash;
mod issuing;
mod jobs;
mod keys;
mod log;
mod policy;
mod postgres;
mod settings;
mod support;

use support::World;

/// One test for each case on SQLite; on PostgreSQL all of them in one, on one instance.
macro_rules! suite {
    ($($module:ident :: $case:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $case() {
                super::support::run(async { super::$module::$case(super::World::sqlite().await).await });
            })*
        }

        #[test]
        fn the_whole_suite_on_postgresql() {
            let Some(server) = postgres::Server::start() else { return };
            $({
                println!("postgresql: {}", stringify!($case));
                support::run(async { $module::$case(World::postgres(&server).await).await });
            })*
            support::run(crash::a_node_of_two_is_killed(&server));
            support::run(keys::a_backup_goes_from_sqlite_to_postgresql_and_back(&server));
        }
    };
}

suite! {
    issuing::keys_come_sealed_and_stand_in_the_log,
    issuing::two_nodes_keep_one_chain,
    issuing::a_request_counts_once,
    issuing::callers_that_go_away_leave_the_log_whole,
    issuing::a_clock_that_jumps_back_is_noticed,
    issuing::limits_of_a_request,
    issuing::nothing_private_is_in_the_store_in_clear,
    log::tampering_is_found_and_named,
    log::exports_are_verified_without_a_store,
    log::a_commitment_opens_for_its_owner_only,
    log::checkpoints_come_every_so_often_and_on_demand,
    keys::a_restart_issues_the_same_bytes,
    keys::rotation_overlaps_and_ends,
    keys::a_directory_is_imported,
    keys::a_backup_is_restored,
    keys::damaged_rows_are_named,
    policy::the_table_of_requests,
    policy::changes_hold_on_every_node_at_once,
    policy::quotas_are_kept_by_all_nodes_together,
    policy::nothing_is_issued_after_a_revocation_returns,
    auth::strangers_cost_what_users_cost,
    auth::a_full_pool_says_when_to_come_again,
    auth::tokens_have_scope_and_end,
    auth::digests_count_once,
    auth::certificates_and_pre_shared_keys,
    jobs::chunks_are_done_once,
    settings::rows_that_went_or_came_back_are_noticed,
    settings::the_sum_is_that_of_its_version,
    settings::any_sequence_of_changes_holds,
    settings::more_rows_than_a_page,
    settings::older_settings_are_not_taken,
    settings::what_is_there_is_accepted_by_somebody,
    settings::a_backup_carries_the_sum,
}
