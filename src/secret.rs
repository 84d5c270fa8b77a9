//! Wrappers for secret bytes: wiped on drop, redacted in `Debug`, compared in constant time, never `Copy`.

use alloc::vec::Vec;
use core::fmt;
use rand_core::TryCryptoRng;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

/// `N` secret bytes.
///
/// `Clone` is not implemented; a copy that is really needed is written out with [`Secret::duplicate`].
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the bytes; the caller wipes its own copy.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// All zero, to be filled through [`Secret::as_mut`].
    pub const fn zero() -> Self {
        Self([0; N])
    }

    /// `N` fresh bytes of the generator.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        let mut out = Self::zero();
        rng.try_fill_bytes(&mut out.0).map_err(|_| Error::Random)?;
        Ok(out)
    }

    /// The bytes.
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes, to be filled.
    pub const fn as_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// A second copy, visible in the code where it is made.
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }

    /// `b` where `choice` is set, otherwise `a`; both are read.
    pub fn select(a: &Self, b: &Self, choice: Choice) -> Self {
        let mut out = Self::zero();
        for ((o, x), y) in out.0.iter_mut().zip(&a.0).zip(&b.0) {
            *o = u8::conditional_select(x, y, choice);
        }
        out
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

/// Secret bytes of a length known at run time only.
pub struct SecretVec(Vec<u8>);

impl SecretVec {
    /// Takes the vector over; it must not have been reallocated while it held secrets.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretVec({} bytes)", self.0.len())
    }
}

impl Drop for SecretVec {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for SecretVec {}

/// How deep the stack is wiped after a batch.
pub(crate) const STACK: usize = if cfg!(feature = "std") { 64 * 1024 } else { 8 * 1024 };
/// The same after a single operation.
pub(crate) const SHALLOW: usize = if cfg!(feature = "std") { 16 * 1024 } else { 8 * 1024 };

/// Runs in a frame of its own and wipes the stack below it, `N` bytes deep.
pub(crate) fn leaving_no_trace<const N: usize, T>(run: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn framed<T>(run: impl FnOnce() -> T) -> T {
        run()
    }
    let result = framed(run);
    wipe_stack::<N>();
    result
}

/// Overwrites what functions that have returned left on the stack, `N` bytes deep.
///
/// The compiler copies values as it likes, and bytes of such a copy can end up as padding in a block of the heap. Whoever has
/// worked on many secrets calls this when all that is left of them is where it should be. An effort, not a guarantee.
#[inline(never)]
fn wipe_stack<const N: usize>() {
    let mut below = [0u8; N];
    core::hint::black_box(&mut below).zeroize();
    core::hint::black_box(&below);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_shows_no_byte() {
        assert_eq!(format!("{:?}", Secret::new([0xabu8; 4])), "Secret<4>(..)");
        assert_eq!(format!("{:?}", SecretVec::new(alloc::vec![0xab; 3])), "SecretVec(3 bytes)");
    }

    #[test]
    fn select_takes_the_named_side() {
        let (a, b) = (Secret::new([1u8; 3]), Secret::new([2u8; 3]));
        assert_eq!(Secret::select(&a, &b, Choice::from(0)).expose(), &[1; 3]);
        assert_eq!(Secret::select(&a, &b, Choice::from(1)).expose(), &[2; 3]);
    }
}
