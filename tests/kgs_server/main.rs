//! The key-generation server over HTTPS and MIKEY, on free ports of this machine: in process where a test looks behind the
//! answers, as the built program where a user would.
#![allow(clippy::unwrap_used)]

mod abuse;
mod certificates;
mod first_try;
mod mikey;
mod routes;
mod secrecy;
mod support;
mod who;
