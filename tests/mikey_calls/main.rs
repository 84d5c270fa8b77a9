//! MIKEY-IBAKE calls through the public interface: every group and profile, forks, retargets, updates, and attacks by name.
#![allow(clippy::unwrap_used, clippy::result_large_err)] // states come back with errors

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod echoes;
mod forged;
mod forks;
mod plain;
mod scene;
mod updates;
