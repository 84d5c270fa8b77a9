//! BLS12-381: the only door to the curve. Groups G1 and G2, the pairing into Gt, hashing, encodings, scalars.
//!
//! # Mathematics
//! `x = -0xd201000000010000`, `r = x^4 - x^2 + 1` (255 bits), `p = (x - 1)^2 r / 3 + x` (381 bits). G1 is the subgroup of
//! order `r` of `E: y^2 = x^3 + 4` over Fp, G2 that of `E': y^2 = x^3 + 4(1 + u)` over `Fp2 = Fp[u]/(u^2 + 1)`, Gt that of
//! Fp12. `P1`, `P2` are the standard generators and `e: G1 x G2 -> Gt` is the optimal ate pairing, raised to
//! `3 (p^12 - 1) / r` like everywhere (the factor 3 is the convention of all implementations).
//!
//! # Backends
//! Two, with identical bytes and verdicts for everything: blst (feature `blst`, default) and pure Rust (always compiled).
//! Both implement the sealed trait of `backend.rs`; tables, powers, recodings and the decoding of secrets are written once
//! over it, and `conformance.rs` runs one set of checks over both. Code outside sees [`G1`], [`G2`], [`Gt`], [`Scalar`]
//! and never a backend.
//!
//! # Timing
//! Everything is constant time in points, scalars and Gt values unless the function says otherwise. Not hidden is whether a
//! scalar is zero, a point is infinity or a secret encoding is valid: our secrets never are zero or infinity, and a stored
//! key that does not decode is no secret.
// Without `hazmat` this is a private module of which the protocols use a part.
#![cfg_attr(not(feature = "hazmat"), allow(dead_code, unused_imports, unreachable_pub))]

mod backend;
#[cfg(feature = "blst")]
mod blst;
#[cfg(test)]
mod conformance;
mod constants;
mod decode;
mod fixed;
mod gt;
mod pairing;
mod points;
#[cfg_attr(feature = "blst", allow(dead_code))]
mod portable;
mod power;
mod recode;
mod scalar;
mod sum;
#[cfg_attr(feature = "blst", allow(dead_code))]
mod tower;
#[cfg(test)]
mod vectors;

use backend::Backend;
#[cfg(feature = "blst")]
type Active = blst::Blst;
#[cfg(not(feature = "blst"))]
type Active = portable::Portable;

pub use gt::{Gt, GtTable};
pub(crate) use pairing::multi_pairing_prepared;
pub use pairing::{G2Prepared, multi_pairing, pairing, pairing_prepared, pairing_product_is_one};
pub use points::{G1, G2, G2Table};
pub use scalar::Scalar;

/// The backend of this build: `blst` or `portable`.
pub const BACKEND: &str = Active::NAME;
