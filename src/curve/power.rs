//! Exponentiation in Gt.
//!
//! `p = x mod r`, so with the Frobenius map `F` and `k = d0 + d1 |x| + d2 |x|^2 + d3 |x|^3` (x is negative)
//!
//! ```text
//! g^k = g^d0 * conj(F(g))^d1 * F^2(g)^d2 * conj(F^3(g))^d3
//! ```
//!
//! **Once** ([`pow`]): the four digits go side by side through one table of 8 products, with sign-aligned columns
//! (`recode.rs`): 64 cyclotomic squarings and 72 multiplications.
//!
//! **Often** ([`Powers`]): every digit is also cut into 6 pieces of 11 columns and the table holds the 32 products of
//! `g^(2^(11 i))`. The other three digits use the same table, their entry goes through the Frobenius map: 10 squarings, 44
//! multiplications, 33 Frobenius maps; 27 KB.
//!
//! Sign-aligned columns want an odd digit. An even one is raised by one and the result divided again by its base (a table
//! of the 16 cases, or of 2 for the single power), always with one multiplication.
//!
//! # Timing
//! Constant in base and scalar: no branch, every look-up reads the whole table, inverses are conjugates under a mask.

use alloc::boxed::Box;
use alloc::vec::Vec;
use subtle::Choice;
use zeroize::Zeroizing;

use super::backend::{Limbs, Target};
use super::recode::{Columns, digits};

/// Columns of a whole 64-bit digit.
const WHOLE: usize = 65;
/// Pieces and columns of a digit in the table form; 6 * 11 >= 65.
const PIECES: usize = 6;
const COLUMNS: usize = 11;

/// `base^k` for `base` in Gt.
pub(crate) fn pow<T: Target>(base: &T, k: &Limbs) -> T {
    let d = digits(k);
    let bases = [0, 1, 2, 3].map(|i| to_power_of_x(base, i));
    let mut table = products(&bases);
    let columns = Columns::new(d[0] | 1, WHOLE);
    let others = Zeroizing::new([1, 2, 3].map(|i| columns.align(d[i], WHOLE)));
    let entry = |column: usize| {
        let index = (0..3).fold(0, |index, i| index | ((others[i] >> column) as u64 & 1) << i);
        T::lookup(&table, index).conjugate_if(columns.is_negative(column))
    };
    let mut power = entry(WHOLE - 1);
    for column in (0..WHOLE - 1).rev() {
        power = power.square().mul(&entry(column));
    }
    let corrections = [T::one(), base.conjugate_if(Choice::from(1))];
    power = power.mul(&T::lookup(&corrections, !d[0] & 1));
    table.iter_mut().for_each(T::wipe);
    power
}

/// `base^(|x|^i)`.
fn to_power_of_x<T: Target>(base: &T, i: usize) -> T {
    match i {
        0 => *base,
        _ => base.frobenius(i).conjugate_if(Choice::from(i as u8 & 1)),
    }
}

/// The products of the first base with every subset of the others; bit `i - 1` of the index stands for base `i`.
fn products<T: Target>(bases: &[T]) -> Vec<T> {
    let mut table = Vec::with_capacity(1 << (bases.len() - 1));
    table.push(bases[0]);
    for base in &bases[1..] {
        for i in 0..table.len() {
            table.push(table[i].mul(base));
        }
    }
    table
}

/// The table for many powers of one base. Wiped on drop.
#[derive(Clone)]
pub(crate) struct Powers<T: Target> {
    /// `g` times the subsets of `g^(2^11)`, `g^(2^22)`, ..
    pieces: Box<[T]>,
    /// The inverses of the subsets of the four bases `g^(|x|^i)`.
    corrections: Box<[T]>,
}

impl<T: Target> Powers<T> {
    /// Computes the table: 55 squarings and 42 multiplications.
    pub(crate) fn new(base: &T) -> Self {
        let mut bases = [*base; PIECES];
        for i in 1..PIECES {
            bases[i] = (0..COLUMNS).fold(bases[i - 1], |g, _| g.square());
        }
        let inverse = base.conjugate_if(Choice::from(1));
        let inverses =
            [T::one(), inverse, to_power_of_x(&inverse, 1), to_power_of_x(&inverse, 2), to_power_of_x(&inverse, 3)];
        Self { pieces: products(&bases).into(), corrections: products(&inverses).into() }
    }

    /// The base, which is the product with the empty subset.
    pub(crate) const fn base(&self) -> &T {
        &self.pieces[0]
    }

    /// The base to the power `k`.
    pub(crate) fn pow(&self, k: &Limbs) -> T {
        let d = digits(k);
        let even = (0..4).fold(0, |index, i| index | (!d[i] & 1) << i);
        let columns = [0, 1, 2, 3].map(|i| Columns::new(d[i] | 1, COLUMNS));
        let pieces = [0, 1, 2, 3].map(|i| columns[i].align(d[i] >> COLUMNS, (PIECES - 1) * COLUMNS));
        let pieces = Zeroizing::new(pieces);
        let factor = |column: usize, i: usize| {
            let index =
                (0..PIECES - 1).fold(0, |index, s| index | ((pieces[i] >> (s * COLUMNS + column)) as u64 & 1) << s);
            // The conjugate of the sign and that of an odd power of `|x|` in one.
            let conjugate = columns[i].is_negative(column) ^ Choice::from(i as u8 & 1);
            let entry = T::lookup(&self.pieces, index).conjugate_if(conjugate);
            if i == 0 { entry } else { entry.frobenius(i) }
        };
        let mut power = factor(COLUMNS - 1, 0);
        for column in (0..COLUMNS).rev() {
            if column != COLUMNS - 1 {
                power = power.square().mul(&factor(column, 0));
            }
            for i in 1..4 {
                power = power.mul(&factor(column, i));
            }
        }
        power.mul(&T::lookup(&self.corrections, even))
    }
}

impl<T: Target> Drop for Powers<T> {
    fn drop(&mut self) {
        self.pieces.iter_mut().chain(self.corrections.iter_mut()).for_each(T::wipe);
    }
}
