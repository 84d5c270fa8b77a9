//! Identity-based encryption: Boneh-Franklin over BLS12-381, with private keys in G1.
//!
//! # Notation
//! | symbol | where | what |
//! | --- | --- | --- |
//! | `r` | integer | order of G1, G2 and GT |
//! | `P1`, `P2` | G1, G2 | the standard generators |
//! | `e` | G1 x G2 -> GT | the pairing |
//! | `s` | mod r, secret | master key of a key-generation server (KGS) |
//! | `P_pub = [s]P2` | G2 | its public key, in the public parameters |
//! | `ID` | bytes | canonical DER of an [`Identity`] |
//! | `Q_ID = H1(ID)` | G1 | public key of the identity |
//! | `d_ID = [s]Q_ID` | G1, secret | its private key; genuine if `e(d_ID, P2) = e(Q_ID, P_pub)` |
//! | `k` | mod r, secret | coin of one encapsulation, derived from `sigma` |
//! | `U = [k]P2` | G2 | first part of the encapsulated key |
//! | `V` | 32 bytes | second part: `sigma` under a pad from `e([k]Q_ID, P_pub) = e(d_ID, U)` |
//!
//! # What differs from RFC 5091
//! RFC 5091 (IBCS #1) defines Boneh-Franklin for type-1 pairings, supersingular curves over large prime fields, where
//! both arguments of the pairing come from one group. BLS12-381 has a type-3 pairing, so its formats cannot be
//! reproduced:
//!
//! - kept: the algorithms' structure (setup, extraction, encryption with a hash of the pairing value, the check of the
//!   ciphertext by re-encryption), and all of RFC 5408's framework around them: `IBEIdentityInfo`, `IBESysParams`,
//!   object identifiers, and `EmailIdentityData` of RFC 5409;
//! - redefined: HashToPoint is RFC 9380's hash to G1; HashToRange, HashBytes and Canonical are HKDF-SHA-256 with labels
//!   over fixed encodings; the hybrid encryption is a key encapsulation with implicit rejection and an AEAD; the public
//!   parameters have an algorithm identifier of our own ([`oid::ALGORITHM`]), a proof of possession and a period
//!   length.

pub mod armour;
pub mod district;
pub mod extract;
pub mod file;
pub mod identity;
pub mod introduction;
pub mod kem;
pub mod keyref;
pub mod name;
pub mod oid;
pub mod params;
pub mod period;
pub mod sealed;
pub mod sign;

pub(crate) mod asn1;
mod host;
mod params_der;
#[cfg(test)]
mod tests;

pub use district::District;
pub use identity::{Identity, Purpose};
pub use name::{Name, NameKind, suggest};
pub use params::{Description, ParameterStore, PublicParameters};
pub use period::{Granularity, Period};
