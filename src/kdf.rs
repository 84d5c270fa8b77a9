//! SHA-256 and HKDF-SHA-256 (RFC 5869) over lists of parts, with the project's labels.
//!
//! `"name"` in SPEC.md stands for `lp("IBAKE-V01 name")`; [`label`] is that string. Parts are hashed one after the other
//! without separators: whoever calls makes the concatenation injective (fixed sizes or `lp`).

use hkdf::{Hkdf, HkdfExtract};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::encoding::lp;
use crate::secret::Secret;
use crate::suite::LABEL_PREFIX;

/// `lp("IBAKE-V01 " || name)`: at most 64 bytes, and how many are used.
#[derive(Clone, Copy)]
pub struct Label([u8; 64], usize);

/// The label `"name"` of SPEC.md.
///
/// # Panics
/// If the name is longer than 50 bytes; names are constants of [`crate::suite`].
pub fn label(name: &str) -> Label {
    let mut out = [0u8; 64];
    let used = 4 + LABEL_PREFIX.len() + name.len();
    assert!(used <= out.len(), "label too long");
    let parts = lp(&[0u8; 64][..used - 4]);
    for (o, b) in out.iter_mut().zip(parts.iter().chain(LABEL_PREFIX.as_bytes()).chain(name.as_bytes())) {
        *o = *b;
    }
    Label(out, used)
}

impl AsRef<[u8]> for Label {
    fn as_ref(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or(&[])
    }
}

/// SHA-256 over the parts.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = Sha256::new();
    for p in parts {
        h.update(p);
    }
    h.finalize().into()
}

/// A pseudo-random key: the output of HKDF-Extract, or a chaining key.
#[derive(Debug)]
pub struct Prk(Secret<32>);

impl Prk {
    /// HKDF-Extract with the parts of `ikm` one after the other.
    ///
    /// Timing: constant in all contents, varies with lengths. Source: RFC 5869 section 2.2.
    pub fn extract(salt: &[u8], ikm: &[&[u8]]) -> Self {
        let mut ext = HkdfExtract::<Sha256>::new(Some(salt));
        for part in ikm {
            ext.input_ikm(part);
        }
        let (mut prk, _) = ext.finalize();
        let mut out = Secret::zero();
        out.as_mut().copy_from_slice(&prk);
        prk.zeroize();
        Self(out)
    }

    /// Uses 32 uniform secret bytes as pseudo-random key directly.
    pub const fn from_secret(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The key itself, for chaining and for a state's serial form.
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// HKDF-Expand to `N` bytes, `N` at most 8,160.
    ///
    /// Timing: constant in all contents. Source: RFC 5869 section 2.3.
    pub fn expand<const N: usize>(&self, info: &[&[u8]]) -> Secret<N> {
        const { assert!(N <= 255 * 32, "HKDF gives at most 255 blocks") };
        let mut out = Secret::zero();
        // Cannot fail: the key has 32 bytes and N is checked above.
        let done = self.expand_into(info, out.as_mut());
        debug_assert!(done);
        out
    }

    /// HKDF-Expand into `out`; false if `out` is longer than 8,160 bytes.
    #[must_use]
    pub fn expand_into(&self, info: &[&[u8]], out: &mut [u8]) -> bool {
        Hkdf::<Sha256>::from_prk(self.0.expose()).is_ok_and(|h| h.expand_multi_info(info, out).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_prefixed_with_its_length() {
        assert_eq!(label("id").as_ref(), b"\x00\x00\x00\x0cIBAKE-V01 id");
    }

    #[test]
    fn parts_are_concatenated() {
        assert_eq!(hash(&[b"ab", b"", b"c"]), hash(&[b"abc"]));
        let (a, b) = (Prk::extract(b"s", &[b"x", b"yz"]), Prk::extract(b"s", &[b"xyz"]));
        assert_eq!(a.expand::<40>(&[b"i", b"j"]).expose(), b.expand::<40>(&[b"ij"]).expose());
    }
}
