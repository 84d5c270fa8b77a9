//! Calls of SPEC.md 13.8 to 13.15: what both ends have, how the library runs a call, and every value of it by the formulas.

mod ends;
mod run;
mod trace;
mod wire;

pub(crate) use ends::{Ends, demand, load_keys};
pub(crate) use run::{Heard, call, session, update};
pub(crate) use trace::{outcome, trace_call, trace_update};
pub(crate) use wire::{box_key, encr_data, seal_ad};
