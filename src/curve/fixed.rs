//! Multiplication of one point by many scalars.
//!
//! The table has one row for each 6-bit window of a *part* of the scalar (64 bits in G2, 128 in G1), with the multiples 1
//! to 32 of `[2^(6j)]P`. Every part uses the same rows, because the endomorphism moves its sum into place:
//!
//! ```text
//! k = k0 + k1 B + k2 B^2 + ..     B = |x| in G2, x^2 in G1      endo = [-B]
//! [k]P = [k0]P - endo([k1]P - endo([k2]P - ..))            [ki]P = sum over windows j of Row_j[window_j(ki)]
//! ```
//!
//! # Cost
//! 44 additions of affine points in both groups and no doubling: two levels of sums of neighbours, 32 of them, with one
//! inversion a level where the backend has that, and 12 mixed additions. The table takes 66 KB in either group. Rows for whole
//! scalars would take four times that in G2 and as many additions. Windows of 5 or 7 bits are slower: more additions, or
//! longer rows to read.
//!
//! # Timing
//! Constant in the scalar: whole rows are read under masks and the additions are complete.

use alloc::vec::Vec;

use super::backend::{Group, Limbs};
use super::recode::{ROW, WINDOW, parts, window};
use subtle::Choice;

/// Levels of sums of neighbours before the mixed additions; a third one saves less than its inversion costs.
const LEVELS: usize = 2;

/// The table of one point.
#[derive(Clone)]
pub(crate) struct FixedBase<G: Group>(Vec<G::Entry>);

impl<G: Group> FixedBase<G> {
    const WINDOWS: usize = 256 / G::PARTS / WINDOW + 1;

    /// Computes the table: about 400 (G2) or 800 (G1) additions and doublings, one inversion.
    pub(crate) fn new(point: &G) -> Self {
        let mut multiples = Vec::with_capacity(Self::WINDOWS * ROW);
        let mut base = *point;
        for _ in 0..Self::WINDOWS {
            let row = multiples.len();
            multiples.push(base);
            for m in 2..=ROW {
                // Number m is at row + m - 1; doubling is cheaper than adding.
                let half: G = multiples[row + m / 2 - 1];
                multiples.push(if m % 2 == 0 { half.double() } else { multiples[row + m - 2].add(&base) });
            }
            for _ in 0..WINDOW {
                base = base.double();
            }
        }
        Self(G::entries(&multiples))
    }

    /// `[k]` times the point.
    pub(crate) fn mul(&self, k: &Limbs) -> G {
        let parts = parts(k, G::PARTS);
        let mut entries = Vec::with_capacity(G::PARTS * Self::WINDOWS);
        for part in &parts[..G::PARTS] {
            for (j, row) in self.0.chunks_exact(ROW).enumerate() {
                let (magnitude, negative) = window(*part, j);
                entries.push(G::lookup(row, magnitude, negative));
            }
        }
        let mut step = 1;
        while step < 1 << LEVELS {
            // Neighbours of one part: the lower sum is at most 2^5 (1 + 2^6 + ..) times its base, below the least multiple of the
            // upper one's, and both are far below r. So they are neither equal nor opposite unless both are zero.
            let lower = (0..Self::WINDOWS).step_by(2 * step).filter(|j| j + step < Self::WINDOWS);
            let pairs: Vec<_> = (0..G::PARTS)
                .flat_map(|part| lower.clone().map(move |j| part * Self::WINDOWS + j))
                .map(|a| (a, a + step))
                .collect();
            if !G::add_pairs(&mut entries, &pairs) {
                break;
            }
            step *= 2;
        }
        let mut sum = G::identity();
        for part in entries.chunks_exact(Self::WINDOWS).rev() {
            sum = sum.endo().neg_if(Choice::from(1));
            for entry in part.iter().step_by(step) {
                sum = sum.add_entry(entry);
            }
        }
        G::wipe_entries(&mut entries);
        sum
    }
}
