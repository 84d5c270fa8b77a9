//! The cases, by layer of the library. A name is what `docs/constant-time.md` cites.

mod batch;
mod calls;
mod curve;
mod dh;
mod exchange;
mod ibe;
mod keys;
mod kgs;
mod lockstep;
mod mikey;
mod traps;
mod world;

pub use traps::TRAPS;

use crate::probe::Probe;

pub type Case = (&'static str, fn(&Probe));

pub fn all() -> impl Iterator<Item = Case> {
    [
        curve::CASES,
        dh::CASES,
        keys::CASES,
        ibe::CASES,
        batch::CASES,
        lockstep::CASES,
        kgs::CASES,
        exchange::CASES,
        calls::CASES,
        mikey::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}
