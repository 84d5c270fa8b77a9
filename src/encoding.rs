//! Length-checked reader and writer for the project's own formats, and `lp`, the length prefix that goes into hashes.
//!
//! All integers are big-endian. A variable field is preceded by its length as `u16` or `u32`.
//!
//! # Gt
//! One 576-byte layout serves as hash input everywhere: twelve 48-byte big-endian canonical Fp values in the order of the
//! tower `Fp12 = Fp6[w]/(w^2 - v)`, `Fp6 = Fp2[v]/(v^3 - u - 1)`, `Fp2 = Fp[u]/(u^2 + 1)`, lowest coefficient first:
//! `c0.c0.c0, c0.c0.c1, c0.c1.c0, .., c1.c2.c1`, where `c0`/`c1` of Fp12 is the outermost index.

use alloc::vec::Vec;

use crate::error::{DecodeError, DecodeReason};

/// Bytes of an encoded element of Gt.
pub const GT_BYTES: usize = 576;
/// Bytes of a compressed point of G1.
pub const G1_BYTES: usize = 48;
/// Bytes of a compressed point of G2.
pub const G2_BYTES: usize = 96;

/// The four bytes that `lp(x)` puts in front of `x`.
///
/// # Panics
/// If `x` is 4 GiB or longer; every length that enters is limited far below.
pub const fn lp(x: &[u8]) -> [u8; 4] {
    assert!(x.len() <= u32::MAX as usize, "length prefix");
    (x.len() as u32).to_be_bytes()
}

/// Reads fields one after the other; every read names its field for the error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// What is left, without reading it.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// Truncated input.
    pub fn bytes(&mut self, what: &'static str, n: usize) -> Result<&'a [u8], DecodeError> {
        let short = DecodeError::new(what, DecodeReason::Truncated { expected: n, got: self.rest.len() });
        let (head, rest) = self.rest.split_at_checked(n).ok_or(short)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// Truncated input.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], DecodeError> {
        let short = DecodeError::new(what, DecodeReason::Truncated { expected: N, got: self.rest.len() });
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(short)?;
        self.rest = rest;
        Ok(head)
    }

    /// One byte.
    ///
    /// # Errors
    /// Truncated input.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(what)?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// Truncated input.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(*self.array(what)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// Truncated input.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(*self.array(what)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// Truncated input.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(*self.array(what)?))
    }

    /// A `u16` length of at most `limit`, then that many bytes.
    ///
    /// # Errors
    /// Truncated input, or a length over `limit`.
    pub fn var16(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let n = usize::from(self.u16(what)?);
        self.limited(what, n, limit)
    }

    /// A `u32` length of at most `limit`, then that many bytes.
    ///
    /// # Errors
    /// Truncated input, or a length over `limit`.
    pub fn var32(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let n = self.u32(what)?;
        self.limited(what, usize::try_from(n).unwrap_or(usize::MAX), limit)
    }

    fn limited(&mut self, what: &'static str, n: usize, limit: usize) -> Result<&'a [u8], DecodeError> {
        if n > limit {
            return Err(DecodeError::new(what, DecodeReason::TooLong { limit, got: n }));
        }
        self.bytes(what, n)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Bytes left over.
    pub const fn finish(self, what: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DecodeError::new(what, DecodeReason::Trailing { extra })),
        }
    }
}

/// Appends fields to a vector. Lengths are those of our own, already limited, values.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Empty.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Empty, with room for `n` bytes: a writer of secrets must never reallocate.
    pub fn with_capacity(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    /// One byte.
    pub fn u8(&mut self, v: u8) -> &mut Self {
        self.bytes(&[v])
    }

    /// Two bytes.
    pub fn u16(&mut self, v: u16) -> &mut Self {
        self.bytes(&v.to_be_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, v: u32) -> &mut Self {
        self.bytes(&v.to_be_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, v: u64) -> &mut Self {
        self.bytes(&v.to_be_bytes())
    }

    /// The bytes as they are.
    pub fn bytes(&mut self, v: &[u8]) -> &mut Self {
        self.0.extend_from_slice(v);
        self
    }

    /// `u16` length, then the bytes.
    ///
    /// # Panics
    /// If `v` is longer than 65,535 bytes: every caller limits its fields below that.
    pub fn var16(&mut self, v: &[u8]) -> &mut Self {
        assert!(v.len() <= usize::from(u16::MAX), "field over 65,535 bytes");
        self.u16(v.len() as u16).bytes(v)
    }

    /// `u32` length, then the bytes.
    pub fn var32(&mut self, v: &[u8]) -> &mut Self {
        self.bytes(&lp(v)).bytes(v)
    }

    /// The finished bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut w = Writer::new();
        w.u8(1).u16(2).u32(3).u64(4).var16(b"ab").var32(b"cde").bytes(b"f");
        let bytes = w.finish();
        let mut r = Reader::new(&bytes);
        assert_eq!((r.u8("a"), r.u16("b"), r.u32("c"), r.u64("d")), (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert_eq!((r.var16("e", 2), r.var32("f", 3)), (Ok(&b"ab"[..]), Ok(&b"cde"[..])));
        assert_eq!(r.position(), bytes.len() - 1);
        assert_eq!(r.clone().finish("all").unwrap_err().reason, DecodeReason::Trailing { extra: 1 });
        assert_eq!(r.array::<1>("g"), Ok(b"f"));
        assert_eq!(r.u8("h").unwrap_err().reason, DecodeReason::Truncated { expected: 1, got: 0 });
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_it_is_read() {
        let mut r = Reader::new(&[0xff, 0xff, 0xff, 0xff]);
        assert_eq!(r.var32("x", 10).unwrap_err().reason, DecodeReason::TooLong { limit: 10, got: 0xffff_ffff });
    }
}
