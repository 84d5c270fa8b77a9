//! The sum over all rows of settings: a multiset hash.
//!
//! ```text
//! sum      = sum of summand(table, row) over all rows of all tables, modulo 2^256, 32 bytes big-endian
//! sealed   = Vault::seal("settings", u64 version, sum)
//! ```
//! MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and Suh (ASIACRYPT 2003): the summands come from a keyed function,
//! and nobody without the key sees a sum, so nobody can find other rows with the same one. There a random mask hides it, here the
//! seal. A row is taken out or put in without reading the others.

use subtle::ConstantTimeEq;

use super::row::Value;
use crate::kgs::server::error::{Error, Unsettled};
use crate::kgs::server::keys::Vault;
use crate::secret::Secret;

const PURPOSE: &str = "settings";

/// A sum. Secret: with two of them somebody could compute what takes one row out.
#[derive(Debug)]
pub(super) struct Sum(Secret<32>);

impl Sum {
    /// That of no rows.
    pub(super) const fn new() -> Self {
        Self(Secret::zero())
    }

    /// Puts a row in; `row` is without its tag.
    ///
    /// # Timing
    /// Constant in sum and summand.
    pub(super) fn add(&mut self, vault: &Vault, table: &str, row: &[Value]) {
        add(self.0.as_mut(), vault.summand(table, row).expose(), 0);
    }

    /// Takes a row out; constant in time as [`Sum::add`].
    pub(super) fn subtract(&mut self, vault: &Vault, table: &str, row: &[Value]) {
        // a - b = a + !b + 1 modulo 2^256.
        let mut negated = vault.summand(table, row);
        negated.as_mut().iter_mut().for_each(|b| *b = !*b);
        add(self.0.as_mut(), negated.expose(), 1);
    }

    /// Compares in constant time.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(super) fn seal(&self, vault: &Vault, version: u64) -> Result<Vec<u8>, Error> {
        vault.seal(PURPOSE, &version.to_be_bytes(), self.0.expose(), &mut getrandom::SysRng)
    }

    /// That of a version.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub(super) fn open(vault: &Vault, version: u64, sealed: &[u8]) -> Result<Self, Error> {
        if sealed.is_empty() {
            return Err(Error::Settings { what: Unsettled::Missing });
        }
        let wrong = || Error::Settings { what: Unsettled::Sum };
        let opened = vault.open(PURPOSE, &version.to_be_bytes(), sealed).map_err(|_| wrong())?;
        let mut sum = Self::new();
        *sum.0.as_mut() = *<&[u8; 32]>::try_from(opened.expose()).map_err(|_| wrong())?;
        Ok(sum)
    }
}

fn add(to: &mut [u8; 32], summand: &[u8; 32], carry: u16) {
    let mut carry = carry;
    for (a, b) in to.iter_mut().zip(summand).rev() {
        carry += u16::from(*a) + u16::from(*b);
        *a = carry as u8; // the low byte
        carry >>= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(low: u128, high: u128) -> [u8; 32] {
        let mut out = [0; 32];
        out[..16].copy_from_slice(&high.to_be_bytes());
        out[16..].copy_from_slice(&low.to_be_bytes());
        out
    }

    #[test]
    fn addition_is_that_of_256_bits() {
        for (a, b, carry, expected) in [
            (bytes(1, 0), bytes(2, 0), 0, bytes(3, 0)),
            (bytes(u128::MAX, 0), bytes(1, 0), 0, bytes(0, 1)),
            (bytes(u128::MAX, u128::MAX), bytes(1, 0), 0, bytes(0, 0)),
            (bytes(u128::MAX, u128::MAX), bytes(u128::MAX, u128::MAX), 1, bytes(u128::MAX, u128::MAX)),
            (bytes(1 << 127, 7), bytes(1 << 127, 5), 1, bytes(1, 13)),
        ] {
            let mut sum = a;
            add(&mut sum, &b, carry);
            assert_eq!(sum, expected);
        }
    }

    #[test]
    fn rows_go_in_and_out_in_any_order() {
        let vault = Vault::new(&Secret::new([3; 32]));
        let row = |n: i64| [Value::from("alice"), Value::Int(n)];
        let of = |rows: &[i64]| {
            let mut sum = Sum::new();
            rows.iter().for_each(|n| sum.add(&vault, "rules", &row(*n)));
            sum
        };
        let mut sum = of(&[3, 1, 2]);
        assert!(sum.is(&of(&[1, 2, 3])) && !sum.is(&of(&[1, 2])) && !sum.is(&of(&[1, 2, 3, 3])));
        // Twice is not never: sums, not exclusive ors.
        assert!(!of(&[1, 1]).is(&Sum::new()));
        sum.subtract(&vault, "rules", &row(2));
        assert!(sum.is(&of(&[1, 3])));
        sum.subtract(&vault, "users", &row(3));
        assert!(!sum.is(&of(&[1])), "a row of another table");
        assert_eq!(format!("{sum:?}"), "Sum(Secret<32>(..))");
    }

    #[test]
    fn a_seal_is_that_of_one_version() {
        let vault = Vault::new(&Secret::new([3; 32]));
        let mut sum = Sum::new();
        sum.add(&vault, "users", &[Value::from("alice")]);
        let sealed = sum.seal(&vault, 7).unwrap();
        assert!(Sum::open(&vault, 7, &sealed).unwrap().is(&sum));
        let wrong = Error::Settings { what: Unsettled::Sum };
        for (version, sealed) in [(6, &sealed[..]), (8, &sealed), (7, &sealed[1..]), (7, &sealed[..71]), (7, &[0; 72])]
        {
            assert_eq!(Sum::open(&vault, version, sealed).map(drop), Err(wrong.clone()));
        }
        assert_eq!(Sum::open(&vault, 7, &[]).map(drop), Err(Error::Settings { what: Unsettled::Missing }));
        // Sealed for this version, and no sum.
        let short = vault.seal(PURPOSE, &7u64.to_be_bytes(), &[0; 31], &mut getrandom::SysRng).unwrap();
        assert_eq!(Sum::open(&vault, 7, &short).map(drop), Err(wrong));
    }
}
