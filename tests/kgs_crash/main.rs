//! The built server as a process of its own, over HTTPS: killed at random instants, and with everything around it failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod damage;
mod faults;
mod kill;
mod node;
#[path = "../kgs_store/postgres.rs"]
mod postgres;
mod support;
