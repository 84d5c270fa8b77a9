//! Keys for a whole list of users through the store: by one process and by several, killed at any instant, and everything that can be
//! wrong with a list; over SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod limits;
mod lists;
// Another suite stops and starts it.
#[allow(dead_code)]
#[path = "../kgs_store/postgres.rs"]
mod postgres;
mod support;
mod whole;

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
            println!("postgresql: processes of which one is killed");
            support::run(async { crash::one_of_several_is_killed(World::postgres(&server).await, 2).await });
            support::run(async { crash::one_of_several_is_killed(World::postgres(&server).await, 3).await });
        }
    };
}

suite! {
    whole::a_job_is_done_by_one_process,
    whole::a_backup_has_jobs_and_what_they_issued,
    lists::bad_lines_are_named_and_no_job_is_made,
    lists::what_policy_refuses_does_not_hold_up_the_rest,
    lists::inboxes_are_read_when_keys_are_issued,
    lists::a_requester_that_is_stopped_stops_the_job,
    lists::results_that_are_taken_away_are_missed,
    limits::orders_larger_than_a_chunk_are_split,
    limits::long_names_make_small_chunks,
    limits::too_many_keys_are_refused_before_anything_is_stored,
    limits::nothing_is_issued_by_settings_that_were_put_back,
    crash::killed_at_random_instants,
}
