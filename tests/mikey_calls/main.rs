//! MIKEY-IBAKE calls through the public interface: every group and profile, forks, retargets, deferred delivery,
//! updates, and attacks by name.
#![allow(clippy::unwrap_used, clippy::result_large_err)] // states come back with errors

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod content;
mod deferred;
mod deferred_attacks;
mod echoes;
mod forged;
mod forks;
mod left;
mod plain;
mod scene;
mod updates;
