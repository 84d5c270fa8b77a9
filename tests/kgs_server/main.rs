//! The key-generation server over HTTPS and MIKEY, on free ports of this machine: in process where a test looks behind the
//! answers, as the built program where a user would. The main paths run on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used)]

mod abuse;
mod certificates;
mod first_try;
mod limits;
mod mikey;
// The other suites stop it as well.
#[allow(dead_code)]
#[path = "../kgs_store/postgres.rs"]
mod postgres;
mod routes;
mod secrecy;
mod support;
mod who;

/// One test for each case on SQLite; on PostgreSQL all of them in one, on one instance.
macro_rules! suite {
    (program: $($program:ident),*; in process: $($module:ident :: $case:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $program() {
                super::first_try::$program("sqlite:./kgs.db");
            })*
            $(#[test]
            fn $case() {
                super::support::run(super::$module::$case());
            })*
        }

        #[test]
        fn the_main_paths_on_postgresql() {
            let Some(server) = postgres::Server::start() else { return };
            let server = std::sync::Arc::new(server);
            $({
                println!("postgresql: {}", stringify!($program));
                first_try::$program(&support::run(server.database()));
            })*
            $({
                println!("postgresql: {}", stringify!($case));
                support::run(support::on(&server, $module::$case()));
            })*
        }
    };
}

suite! {
    program:
    one_command_starts_a_server_and_another_has_a_key,
    the_operator_gives_credentials_and_the_running_server_takes_them;
    in process:
    routes::parameters_are_published_and_may_be_kept,
    routes::the_client_fetches_verifies_and_is_not_deceived,
    routes::json_gives_the_same_keys,
    routes::a_district_with_a_path_serves_below_it_too,
    routes::who_looks_after_it_sees_what_is_going_on,
    who::wrong_credentials_get_401_and_all_ways_that_there_are,
    who::guessing_is_held_up_for_the_pair_and_nobody_else_is,
    who::a_machine_with_an_expired_token_holds_up_nobody_who_shares_its_address,
    who::digest_is_what_rfc_7616_says,
    who::certificates_of_clients_are_known_by_themselves,
    who::users_without_a_credential_are_sent_to_get_one_and_come_back_with_it,
    who::tokens_are_good_for_what_they_say_and_as_long,
    mikey::keys_come_over_both_ways_and_stand_in_the_log_together,
    mikey::replays_strangers_stale_and_foreign_requests_get_no_keys,
    mikey::the_form_of_the_rfc_is_there_where_the_operator_wants_it,
    secrecy::inside_tls_nothing_is_learnt_of_sealed_keys_and_everything_of_plain_ones,
    secrecy::whoever_knows_the_psk_opens_mikeys_answers_and_finds_seals_or_keys,
    secrecy::a_client_takes_no_other_form_than_it_asked_for,
    secrecy::a_server_cannot_give_a_wrong_key,
}
