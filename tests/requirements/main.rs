//! Requirements of SPEC.md that no other test would notice missing; `docs/checks.md` says which test covers which.
#![allow(clippy::unwrap_used)]

mod claims;
#[path = "../common/mod.rs"]
mod common;
mod exchange;
mod formats;
mod identities;
mod worked;

use ibake::error::{DecodeReason, Error};

/// The text of SPEC.md.
const SPEC: &str = include_str!("../../SPEC.md");

/// The reason of a decoding error.
fn reason<T>(result: Result<T, Error>) -> DecodeReason {
    match result.map(|_| ()) {
        Err(Error::Decode(e)) => e.reason,
        other => panic!("{other:?}"),
    }
}

/// The lines of SPEC.md from one that begins with `from` up to one that begins with `to`.
fn section(from: &str, to: &str) -> impl Iterator<Item = &'static str> {
    let (from, to) = (from.to_owned(), to.to_owned());
    SPEC.lines().skip_while(move |l| !l.starts_with(&from)).take_while(move |l| !l.starts_with(&to))
}
