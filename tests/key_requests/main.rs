//! Requests for private keys over MIKEY (RFC 6267 section 4.2.1): client and service against each other, and against everybody in between.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod requests;
mod support;
