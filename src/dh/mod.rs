//! Diffie-Hellman inside the exchange: P-256, P-384, P-521 and X25519 behind one pair of types, ML-KEM-768 in [`pq`].
//!
//! A leaf: it knows [`crate::suite::Group`] and nothing of identities or messages. Each foreign crate is named in one
//! file below this one, and none of its types shows.
//!
//! | group | secret (serial form) | share | agreed secret |
//! | --- | --- | --- | --- |
//! | P-256 | 32 bytes, big-endian, in `1..n` | `04`, x, y: 65 bytes | x-coordinate, 32 bytes |
//! | P-384 | 48 bytes | 97 bytes | 48 bytes |
//! | P-521 | 66 bytes | 133 bytes | 66 bytes |
//! | X25519 | 32 bytes before clamping | u-coordinate, 32 bytes, little-endian | u-coordinate, 32 bytes |
//!
//! # From seed to secret
//! A seed has 96 bytes for every group. On the NIST curves the secret is `OS2IP(seed) mod n`, and 1 if that is 0; with
//! `n < 2^521` its distance from uniform is below 2^-247. For X25519 the secret is the first 32 bytes of the seed,
//! clamped when it is used (RFC 7748 section 5), and the others are ignored.
//!
//! # What a share must satisfy
//! Compressed and hybrid encodings and the point at infinity are refused, coordinates must be below the field prime and
//! the point on the curve; these curves have prime order, so that is all. X25519 takes any canonical u-coordinate
//! (below 2^255 - 19, top bit clear) except the five of small order. RFC 7748 would ignore the top bit and reduce;
//! refusing instead gives every share one encoding, so that what is hashed and compared is what is computed with.

mod nist;
pub mod pq;
mod x25519;

use alloc::vec::Vec;
use core::fmt;

use crate::declassify;
use crate::error::{DecodeError, DecodeReason};
use crate::secret::{Secret, SecretVec};
use crate::suite::Group;

/// Bytes of the seed of a key pair, for every group.
pub const SEED_BYTES: usize = 96;

/// The field that the errors of this module name.
const SHARE: &str = "Diffie-Hellman share";
/// The same for the serial form of a secret.
const SECRET: &str = "Diffie-Hellman secret";

/// What a group does; implemented once per foreign crate, on the type of its secrets.
trait Exchange: Sized {
    /// Bytes of a secret in serial form.
    const SECRET_BYTES: usize;
    /// Where in a share the x-coordinate (X25519: u) lies.
    const X: core::ops::Range<usize>;

    /// See [`KeyPair::from_seed`].
    fn from_seed(seed: &Secret<SEED_BYTES>) -> Self;
    /// The inverse of [`Self::to_bytes`]; the length has been checked. `None` if out of range.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
    /// Exactly [`Self::SECRET_BYTES`].
    fn to_bytes(&self) -> SecretVec;
    /// The public share.
    fn share(&self) -> Vec<u8>;
    /// All checks of the module's documentation.
    fn check(share: &[u8]) -> Result<(), DecodeReason>;
    /// The agreed secret. Checks the share again: cheap beside the multiplication, and no unchecked bytes get in.
    fn agree(&self, share: &[u8]) -> Result<SecretVec, DecodeReason>;
    /// The agreed point in the encoding of shares; the same as [`Self::agree`] where shares are x-coordinates.
    fn agree_point(&self, share: &[u8]) -> Result<SecretVec, DecodeReason> {
        self.agree(share)
    }
}

enum Key {
    P256(nist::Key<nist::P256>),
    P384(nist::Key<nist::P384>),
    P521(nist::Key<nist::P521>),
    X25519(x25519::Key),
}

/// Evaluates the expression with `K` as the key type of the group.
macro_rules! with_group {
    ($group:expr, $K:ident => $e:expr) => {
        match $group {
            Group::P256 => {
                type $K = nist::Key<nist::P256>;
                $e
            }
            Group::P384 => {
                type $K = nist::Key<nist::P384>;
                $e
            }
            Group::P521 => {
                type $K = nist::Key<nist::P521>;
                $e
            }
            Group::X25519 => {
                type $K = x25519::Key;
                $e
            }
        }
    };
}

/// Evaluates the expression with the key of whatever group.
macro_rules! with_key {
    ($key:expr, $k:ident => $e:expr) => {
        match $key {
            Key::P256($k) => $e,
            Key::P384($k) => $e,
            Key::P521($k) => $e,
            Key::X25519($k) => $e,
        }
    };
}

/// A one-time secret and its public share.
///
/// Consumed by the agreement and not `Clone`: using a secret twice does not compile. A server that must forget its
/// half-open exchanges seals [`KeyPair::secret_bytes`] and restores it once. Wiped on drop; `Debug` shows the public
/// share only. Temporaries that the arithmetic leaves on the stack are not wiped.
pub struct KeyPair {
    key: Key,
    share: Share,
}

impl KeyPair {
    /// The key pair of a uniform secret seed, by the rule of the module's documentation.
    ///
    /// Timing: constant in the seed.
    #[must_use]
    pub fn from_seed(group: Group, seed: &Secret<SEED_BYTES>) -> Self {
        Self::from_key(match group {
            Group::P256 => Key::P256(Exchange::from_seed(seed)),
            Group::P384 => Key::P384(Exchange::from_seed(seed)),
            Group::P521 => Key::P521(Exchange::from_seed(seed)),
            Group::X25519 => Key::X25519(Exchange::from_seed(seed)),
        })
    }

    /// Restores what [`Self::secret_bytes`] saved; computes the share anew.
    ///
    /// Timing: constant in the value but for the verdict.
    ///
    /// # Errors
    /// Wrong length, or (NIST curves) zero or not below the group order.
    pub fn from_secret_bytes(group: Group, bytes: &[u8]) -> Result<Self, DecodeError> {
        exact(SECRET, bytes, with_group!(group, K => K::SECRET_BYTES))?;
        let key = match group {
            Group::P256 => Exchange::from_bytes(bytes).map(Key::P256),
            Group::P384 => Exchange::from_bytes(bytes).map(Key::P384),
            Group::P521 => Exchange::from_bytes(bytes).map(Key::P521),
            Group::X25519 => Exchange::from_bytes(bytes).map(Key::X25519),
        };
        key.map(Self::from_key).ok_or(DecodeError::new(SECRET, DecodeReason::NotCanonical))
    }

    fn from_key(key: Key) -> Self {
        let (group, bytes) = match &key {
            Key::P256(k) => (Group::P256, k.share()),
            Key::P384(k) => (Group::P384, k.share()),
            Key::P521(k) => (Group::P521, k.share()),
            Key::X25519(k) => (Group::X25519, k.share()),
        };
        declassify::published("Diffie-Hellman share", &bytes);
        Self { key, share: Share { group, bytes } }
    }

    /// The public share.
    pub const fn share(&self) -> &Share {
        &self.share
    }

    /// The secret in serial form, for the sealed state of a half-open exchange; shape: table in the module's
    /// documentation.
    #[must_use]
    pub fn secret_bytes(&self) -> SecretVec {
        with_key!(&self.key, k => k.to_bytes())
    }

    /// The agreed secret: the x-coordinate of secret times share (X25519: the u-coordinate). Never all zero on X25519.
    ///
    /// Timing: constant in the secret. Source: SEC 1 section 3.3.1, RFC 7748 section 6.
    ///
    /// # Errors
    /// A share of another group.
    pub fn agree(self, peer: &Share) -> Result<SecretVec, DecodeError> {
        if self.share.group != peer.group {
            return Err(DecodeError::new(SHARE, DecodeReason::Inconsistent));
        }
        with_key!(&self.key, k => k.agree(&peer.bytes)).map_err(|reason| DecodeError::new(SHARE, reason))
    }

    /// As [`Self::agree`], and gives the whole point in the encoding of shares: uncompressed, `04 || x || y` (X25519: the
    /// u-coordinate). RFC 6267 derives keys from all of it.
    ///
    /// Timing: constant in the secret. Source: SEC 1 section 2.3.3, RFC 6267 section 5.1.
    ///
    /// # Errors
    /// A share of another group.
    pub fn agree_point(self, peer: &Share) -> Result<SecretVec, DecodeError> {
        if self.share.group != peer.group {
            return Err(DecodeError::new(SHARE, DecodeReason::Inconsistent));
        }
        with_key!(&self.key, k => k.agree_point(&peer.bytes)).map_err(|reason| DecodeError::new(SHARE, reason))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("share", &self.share).finish_non_exhaustive()
    }
}

/// A public share that has passed every check of its group. Public, cheap to copy and compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    group: Group,
    bytes: Vec<u8>,
}

impl Share {
    /// Checks a share that a peer sent; what is checked is in the module's documentation.
    ///
    /// Timing: varies with the share, which is public.
    ///
    /// # Errors
    /// Wrong length, infinity, an encoding that is not the uncompressed canonical one, not on the curve, or small
    /// order.
    pub fn decode(group: Group, bytes: &[u8]) -> Result<Self, DecodeError> {
        with_group!(group, K => K::check(bytes)).map_err(|reason| DecodeError::new(SHARE, reason))?;
        Ok(Self { group, bytes: bytes.to_vec() })
    }

    /// Bytes of every share of this group.
    #[must_use]
    pub const fn size(group: Group) -> usize {
        with_group!(group, K => K::X.end + if K::X.start == 0 { 0 } else { K::SECRET_BYTES })
    }

    /// Its group.
    pub const fn group(&self) -> Group {
        self.group
    }

    /// The encoding, the only one it has.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The x-coordinate (X25519: all of it). A point and its negative share it and lead to the same secret, so a check
    /// for reflected shares compares this and not the whole encoding.
    pub fn x_coordinate(&self) -> &[u8] {
        // The range lies inside every share that was checked or computed here.
        self.bytes.get(with_group!(self.group, K => K::X)).unwrap_or(&[])
    }
}

/// Whether `bytes` has exactly `n` bytes.
fn exact(what: &'static str, bytes: &[u8], n: usize) -> Result<(), DecodeError> {
    exact_reason(bytes, n).map_err(|reason| DecodeError::new(what, reason))
}

fn exact_reason(bytes: &[u8], n: usize) -> Result<(), DecodeReason> {
    match bytes.len() {
        got if got < n => Err(DecodeReason::Truncated { expected: n, got }),
        got if got > n => Err(DecodeReason::Trailing { extra: got - n }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
