//! Object identifiers: those of RFC 5408 and RFC 5409, and our own below `2.25.<UUID>`.
//!
//! Anybody may name things below `2.25.` with a UUID and no registration (ITU-T X.667), at the price of one arc of 128
//! bits, which the usual OID types refuse. So an [`Oid`] carries the content bytes of its DER encoding, computed at
//! compile time.
//!
//! | constant | last arcs | names |
//! | --- | --- | --- |
//! | [`ALGORITHM`] | `.1` | Boneh-Franklin over BLS12-381 as in SPEC.md |
//! | [`DECRYPT_URI`] | `.2` | identity type: a SIP, SIPS or TEL URI and a period, for decryption |
//! | [`SIGN_URI`] | `.3` | the same names, for signing |
//! | [`SIGN_EMAIL`] | `.4` | `EmailIdentityData` of RFC 5409, for signing |
//! | [`FAMILY`] | `.5` | what public parameters name: "all four identity types of this table" |
//! | [`SEALED`] | `.6` | option of a key reply: the key is sealed to the request's HPKE key |
//! | [`RECEIPT`] | `.7` | option of a key reply: where the log says so, and the salt that opens the entry |
//! | [`DECRYPT_EMAIL`] | | `cmsIdentityOID` of RFC 5409, for decryption |
//!
//! `FAMILY` exists because `IBESysParams` has room for one `ibeIdentityType` only (RFC 5408 section 4.2), while a
//! district serves URIs and e-mail names, for decryption and for signing. No identity carries it.

use core::fmt;

use crate::error::{DecodeError, DecodeReason};

/// The UUID (version 4, random) below which our own identifiers stand: 42be94c7-e87a-4553-b5a0-ce81c3f08b20.
const UUID: u128 = 0x42be_94c7_e87a_4553_b5a0_ce81_c3f0_8b20;
/// Content bytes of one of our identifiers: `2.25`, nineteen bytes of UUID, one last arc below 128.
const OWN_LEN: usize = 21;

/// An object identifier: DER content bytes and dotted text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Oid {
    content: &'static [u8],
    dotted: &'static str,
}

impl Oid {
    /// The content bytes of the DER encoding, without tag and length.
    pub const fn content(&self) -> &'static [u8] {
        self.content
    }

    /// The arcs in decimal, with dots between them.
    pub const fn dotted(&self) -> &'static str {
        self.dotted
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dotted)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dotted)
    }
}

/// Base-128 digits of `2.25.UUID.last`, most significant first, the high bit set on all but the last of each arc.
const fn own(last: u8) -> [u8; OWN_LEN] {
    assert!(last < 0x80 && UUID >> 126 != 0, "one byte for the last arc, nineteen for the UUID");
    let mut out = [0u8; OWN_LEN];
    out[0] = 2 * 40 + 25;
    let mut i = 0;
    while i < 19 {
        let digit = (UUID >> (7 * (18 - i))) as u8 & 0x7f;
        out[1 + i] = if i < 18 { digit | 0x80 } else { digit };
        i += 1;
    }
    out[OWN_LEN - 1] = last;
    out
}

macro_rules! own_oid {
    ($(#[$doc:meta])* $name:ident = $last:literal) => {
        $(#[$doc])*
        pub const $name: Oid = Oid {
            content: &own($last),
            dotted: concat!("2.25.88718601759900084262897789990238980896.", stringify!($last)),
        };
    };
}

own_oid! {
    /// The algorithm of our public parameters: Boneh-Franklin over BLS12-381, private keys in G1.
    ALGORITHM = 1
}
own_oid! {
    /// Identity type: URI and period, for decryption.
    DECRYPT_URI = 2
}
own_oid! {
    /// Identity type: URI and period, for signing.
    SIGN_URI = 3
}
own_oid! {
    /// Identity type: e-mail name and period, for signing.
    SIGN_EMAIL = 4
}
own_oid! {
    /// `ibeIdentityType` of our public parameters.
    FAMILY = 5
}

own_oid! {
    /// Option of a key reply: the key is sealed to the HPKE key of the request.
    SEALED = 6
}
own_oid! {
    /// Option of a key reply: the entry of the audit log, and the salt that opens it.
    RECEIPT = 7
}

/// `cmsIdentityOID`: e-mail name and period, for decryption. Source: RFC 5409 section 2.
pub const DECRYPT_EMAIL: Oid =
    Oid { content: &[0x60, 0x86, 0x48, 0x01, 0x86, 0xfd, 0x1e, 2, 1, 1, 1], dotted: "2.16.840.1.114334.2.1.1.1" };

/// `pkgURI`, the one extension of parameters that we understand. Source: RFC 5408 section 4.2.
pub const PKG_URI: Oid =
    Oid { content: &[0x60, 0x86, 0x48, 0x01, 0x86, 0xfd, 0x1e, 1, 3, 2, 1], dotted: "2.16.840.1.114334.1.3.2.1" };

/// The error for an identifier that is none of those expected; it names the last arc, as far as that fits.
pub(super) fn unknown(what: &'static str, content: &[u8]) -> DecodeError {
    let begin = content.iter().rev().skip(1).take_while(|b| **b & 0x80 != 0).count() + 1;
    let arc = content.iter().skip(content.len().saturating_sub(begin));
    let got = arc.fold(0u32, |n, b| n << 7 | u32::from(b & 0x7f));
    DecodeError::new(what, DecodeReason::Unknown { got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec, vec::Vec};

    const ALL: [Oid; 9] =
        [ALGORITHM, DECRYPT_URI, SIGN_URI, SIGN_EMAIL, FAMILY, SEALED, RECEIPT, DECRYPT_EMAIL, PKG_URI];

    /// Decimal text to base 128 by long division of the digit string: shares nothing with `own`.
    fn base128(decimal: &str) -> Vec<u8> {
        let mut digits: Vec<u32> = decimal.bytes().map(|b| u32::from(b - b'0')).collect();
        let mut out = vec![];
        while !digits.is_empty() {
            let mut rest = 0;
            for d in &mut digits {
                let v = rest * 10 + *d;
                (*d, rest) = (v / 128, v % 128);
            }
            out.push(rest as u8 | if out.is_empty() { 0 } else { 0x80 });
            let zeros = digits.iter().take_while(|d| **d == 0).count();
            digits.drain(..zeros);
        }
        out.reverse();
        out
    }

    #[test]
    fn content_bytes_are_those_of_the_dotted_text() {
        for oid in ALL {
            let arcs: Vec<&str> = oid.dotted().split('.').collect();
            let first = 40 * arcs[0].parse::<u32>().unwrap() + arcs[1].parse::<u32>().unwrap();
            let mut content = base128(&first.to_string());
            for arc in &arcs[2..] {
                content.extend(base128(arc));
            }
            assert_eq!(oid.content(), content, "{oid}");
        }
    }

    #[test]
    fn all_differ() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(ALL[i + 1..].iter().all(|b| a.content() != b.content() && a.dotted() != b.dotted()));
        }
    }

    #[test]
    fn the_uuid_is_a_random_one() {
        assert_eq!((UUID >> 76 & 0xf, UUID >> 62 & 3), (4, 2));
    }
}
