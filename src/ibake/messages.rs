//! The four messages: headers in the clear, bodies under the seals, both as SPEC.md lays them out.
//!
//! ```text
//! hdr_n = u16 version || u16 suite || u8 n || sid_I (16) || sid_R (16, zero in M1) || key reference of I, then of R
//!         [M1: u8 count || count u16 suites || u8 hint (0 or 1) [|| salt (8) || hint (8)]]
//! M_n   = hdr_n || U_n || V_n || AEAD to the end                                            (M4 has no U and V)
//! pt_n  = the RFC's fields, each with a u16 length || extensions: u8 type || u16 length || value, types ascending
//! ```

use alloc::vec::Vec;

use crate::declassify;
use crate::encoding::{Reader, Writer};
use crate::error::{DecodeError, DecodeReason, Error, PeerError};
use crate::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation};
use crate::ibe::keyref::{Hint, KeyRef};
use crate::secret::SecretVec;
use crate::suite::{AKE_VERSION, Suite};

/// Longest message in bytes.
pub const MESSAGE_LIMIT: usize = 24 * 1024;
/// Longest application data in M3 and M4.
pub const DATA_LIMIT: usize = 16 * 1024;
/// Most suites in a list.
pub const SUITE_LIMIT: usize = 16;
const FIELD_LIMIT: usize = 4096;

/// The clear part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) suite: Suite,
    pub(crate) kind: u8,
    pub(crate) sid_i: [u8; 16],
    pub(crate) sid_r: [u8; 16],
    pub(crate) key_i: KeyRef,
    pub(crate) key_r: KeyRef,
    /// M1 only: all suites that I accepts, in its order.
    pub(crate) suites: Vec<u16>,
    /// M1 only.
    pub(crate) hint: Option<Hint>,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u16(AKE_VERSION).u16(self.suite.id()).u8(self.kind).bytes(&self.sid_i).bytes(&self.sid_r);
        self.key_i.write(&mut w);
        self.key_r.write(&mut w);
        if self.kind == 1 {
            w.bytes(&suite_list(&self.suites));
            w.u8(self.hint.is_some().into());
            if let Some(hint) = &self.hint {
                hint.write(&mut w);
            }
        }
        w.finish()
    }

    fn read(r: &mut Reader<'_>, expected: u8) -> Result<Self, Error> {
        let version = r.u16("version")?;
        if version != AKE_VERSION {
            return Err(DecodeError::new("message", DecodeReason::Version { got: version.into() }).into());
        }
        let suite = Suite::from_id(r.u16("suite")?)?;
        let kind = r.u8("message type")?;
        if kind != expected {
            return Err(PeerError::UnexpectedMessage { expected, got: kind }.into());
        }
        let (sid_i, sid_r) = (*r.array("sid_I")?, *r.array("sid_R")?);
        let (key_i, key_r) = (KeyRef::read(r)?, KeyRef::read(r)?);
        let (mut suites, mut hint) = (Vec::new(), None);
        if kind == 1 {
            if sid_r != [0; 16] {
                return Err(DecodeError::new("sid_R", DecodeReason::NotCanonical).into());
            }
            suites = read_suite_list(r)?;
            hint = match r.u8("hint flag")? {
                0 => None,
                1 => Some(Hint::read(r)?),
                _ => return Err(DecodeError::new("hint flag", DecodeReason::NotCanonical).into()),
            };
        }
        Ok(Self { suite, kind, sid_i, sid_r, key_i, key_r, suites, hint })
    }
}

/// `u8 count || count u16`.
pub(crate) fn suite_list(suites: &[u16]) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(suites.len() as u8);
    for s in suites {
        w.u16(*s);
    }
    w.finish()
}

/// Reads a list: 1 to [`SUITE_LIMIT`] identifiers, none twice; unregistered ones are kept, so that the registry can grow.
pub(crate) fn read_suite_list(r: &mut Reader<'_>) -> Result<Vec<u16>, DecodeError> {
    let count = usize::from(r.u8("suite list")?);
    if count == 0 || count > SUITE_LIMIT {
        return Err(DecodeError::new("suite list", DecodeReason::TooLong { limit: SUITE_LIMIT, got: count }));
    }
    let mut out: Vec<u16> = Vec::with_capacity(count);
    for _ in 0..count {
        let id = r.u16("suite list")?;
        if out.contains(&id) {
            return Err(DecodeError::new("suite list", DecodeReason::Inconsistent));
        }
        out.push(id);
    }
    Ok(out)
}

/// The registered suites of a list.
pub(crate) fn known(ids: &[u16]) -> Vec<Suite> {
    ids.iter().filter_map(|id| Suite::from_id(*id).ok()).collect()
}

/// A message that has been read, before any private key is used.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) header: Header,
    pub(crate) header_bytes: &'a [u8],
    /// `U || V`; empty in M4.
    pub(crate) kem: &'a [u8],
    pub(crate) sealed: &'a [u8],
    pub(crate) all: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message of type `expected`; `U` is decoded later by [`Message::encapsulation`], after the cheap checks.
    pub(crate) fn decode(bytes: &'a [u8], expected: u8) -> Result<Self, Error> {
        if bytes.len() > MESSAGE_LIMIT {
            let reason = DecodeReason::TooLong { limit: MESSAGE_LIMIT, got: bytes.len() };
            return Err(DecodeError::new("message", reason).into());
        }
        let mut r = Reader::new(bytes);
        let header = Header::read(&mut r, expected)?;
        let header_bytes = bytes.get(..r.position()).unwrap_or(bytes);
        let kem = if expected == 4 { &[][..] } else { r.bytes("encapsulation", ENCAPSULATION_BYTES)? };
        Ok(Self { header, header_bytes, kem, sealed: r.rest(), all: bytes })
    }

    /// Decodes and checks `U`.
    pub(crate) fn encapsulation(&self) -> Result<Encapsulation, Error> {
        let bytes = self.kem.first_chunk().ok_or(DecodeError::new(
            "encapsulation",
            DecodeReason::Truncated { expected: ENCAPSULATION_BYTES, got: self.kem.len() },
        ))?;
        Ok(Encapsulation::decode(bytes)?)
    }
}

/// Extension types in sealed bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Extension {
    EncapsulationKey = 1,
    Ciphertext = 2,
    Suites = 3,
    Commitment = 4,
    NonceI = 5,
    NonceR = 6,
    Data = 7,
}

/// What stands under a seal. Which fields a message must and may have is fixed: see [`Body::decode`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Body<'a> {
    pub(crate) id_i: &'a [u8],
    pub(crate) id_r: &'a [u8],
    pub(crate) x: &'a [u8],
    pub(crate) y: &'a [u8],
    pub(crate) ek: Option<&'a [u8]>,
    pub(crate) ct: Option<&'a [u8]>,
    pub(crate) suites: Option<&'a [u8]>,
    pub(crate) commitment: Option<&'a [u8; 32]>,
    pub(crate) nonce_i: Option<&'a [u8; 32]>,
    pub(crate) nonce_r: Option<&'a [u8; 32]>,
    pub(crate) data: Option<&'a [u8]>,
}

impl<'a> Body<'a> {
    fn fields(kind: u8) -> [bool; 3] {
        // identities, X, Y: RFC 6539 section 3.2; M4 is ours and has none of them.
        match kind {
            1 => [true, true, false],
            2 => [true, true, true],
            3 => [true, false, true],
            _ => [false, false, false],
        }
    }

    fn extensions(&self) -> [(Extension, Option<&'a [u8]>); 7] {
        [
            (Extension::EncapsulationKey, self.ek),
            (Extension::Ciphertext, self.ct),
            (Extension::Suites, self.suites),
            (Extension::Commitment, self.commitment.map(|c| c.as_slice())),
            (Extension::NonceI, self.nonce_i.map(|c| c.as_slice())),
            (Extension::NonceR, self.nonce_r.map(|c| c.as_slice())),
            (Extension::Data, self.data),
        ]
    }

    /// The plaintext of message `kind`. One allocation, wiped on drop.
    pub(crate) fn encode(&self, kind: u8) -> SecretVec {
        let [ids, x, y] = Self::fields(kind);
        let fields = [(ids, self.id_i), (ids, self.id_r), (x, self.x), (y, self.y)];
        let present = fields.iter().filter(|f| f.0).map(|f| 2 + f.1.len()).sum::<usize>();
        let extended = self.extensions().iter().filter_map(|e| e.1).map(|v| 3 + v.len()).sum::<usize>();
        let mut w = Writer::with_capacity(present + extended);
        for (_, field) in fields.iter().filter(|f| f.0) {
            w.var16(field);
        }
        for (kind, value) in self.extensions() {
            if let Some(value) = value {
                w.u8(kind as u8).var16(value);
            }
        }
        SecretVec::new(w.finish())
    }

    /// Reads the plaintext of message `kind`: M1 `ID_I, ID_R, X, [ek]`; M2 `ID_I, ID_R, X, Y, [ct], suites, c_R`;
    /// M3 `ID_I, ID_R, Y, nI, [data]`; M4 `nR, [data]`. `ek` and `ct` stand exactly in hybrid suites. Anything missing, doubled,
    /// out of order or unknown is refused.
    ///
    /// # Errors
    /// [`Error::Decrypt`] without a reason: a private key has been used to get here.
    pub(crate) fn decode(kind: u8, suite: Suite, bytes: &'a [u8]) -> Result<Self, Error> {
        let out = Self::read(kind, bytes).map_err(|_| Error::Decrypt)?;
        let required = match kind {
            1 => [suite.is_hybrid(), false, false, false, false, false],
            2 => [false, suite.is_hybrid(), true, true, false, false],
            3 => [false, false, false, false, true, false],
            _ => [false, false, false, false, false, true],
        };
        let got = [
            out.ek.is_some(),
            out.ct.is_some(),
            out.suites.is_some(),
            out.commitment.is_some(),
            out.nonce_i.is_some(),
            out.nonce_r.is_some(),
        ];
        if got != required || (out.data.is_some() && kind < 3) {
            return Err(Error::Decrypt);
        }
        Ok(out)
    }

    fn read(kind: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let mut out = Self::default();
        let [ids, x, y] = Self::fields(kind);
        if ids {
            (out.id_i, out.id_r) = (shown(&mut r, "ID_I")?, shown(&mut r, "ID_R")?);
        }
        if x {
            out.x = shown(&mut r, "X")?;
        }
        if y {
            out.y = shown(&mut r, "Y")?;
        }
        let mut last = 0;
        while !r.rest().is_empty() {
            declassify::published("type and length under a seal", r.rest().get(..3).unwrap_or(r.rest()));
            let kind = r.u8("extension")?;
            let value = r.var16("extension", DATA_LIMIT)?;
            if kind < Extension::NonceI as u8 {
                declassify::published("public field under a seal", value);
            }
            if kind <= last {
                return Err(DecodeError::new("extension", DecodeReason::Inconsistent));
            }
            last = kind;
            let array = || value.try_into().map_err(|_| DecodeError::new("extension", DecodeReason::NotCanonical));
            match kind {
                1 => out.ek = Some(value),
                2 => out.ct = Some(value),
                3 => out.suites = Some(value),
                4 => out.commitment = Some(array()?),
                5 => out.nonce_i = Some(array()?),
                6 => out.nonce_r = Some(array()?),
                7 => out.data = Some(value),
                got => return Err(DecodeError::new("extension", DecodeReason::Unknown { got: got.into() })),
            }
        }
        Ok(out)
    }
}

/// A field that is public to both ends (identities, shares), behind its length. Its parsing is not constant time.
fn shown<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], DecodeError> {
    declassify::published("type and length under a seal", r.rest().get(..2).unwrap_or(r.rest()));
    let field = r.var16(what, FIELD_LIMIT)?;
    declassify::published("public field under a seal", field);
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const HYBRID: Suite = Suite::P256MlKem768Aes256Gcm;
    const PLAIN: Suite = Suite::P256Aes256Gcm;

    /// Two identities, `X` or `Y` or both, and these extensions of the given lengths.
    fn body(fields: usize, extensions: &[(u8, usize)]) -> Vec<u8> {
        let mut w = Writer::new();
        for _ in 0..fields {
            w.var16(b"field");
        }
        for (kind, n) in extensions {
            w.u8(*kind).var16(&vec![*kind; *n]);
        }
        w.finish()
    }

    /// Type and length of each.
    type Extensions = &'static [(u8, usize)];

    #[test]
    fn each_message_has_its_fields_and_extensions_and_no_others() {
        // Type, fields, what must be there in plain and in hybrid suites, what may.
        let plain: [(u8, usize, Extensions, Extensions); 4] = [
            (1, 3, &[], &[(1, 1184)]),
            (2, 4, &[(3, 3), (4, 32)], &[(2, 1088), (3, 3), (4, 32)]),
            (3, 3, &[(5, 32)], &[(5, 32)]),
            (4, 0, &[(6, 32)], &[(6, 32)]),
        ];
        for (kind, fields, in_plain, in_hybrid) in plain {
            let read = |suite, fields, e: &[(u8, usize)]| {
                let bytes = body(fields, e);
                Body::decode(kind, suite, &bytes).map(|b| assert_eq!(b.encode(kind).expose(), bytes))
            };
            for (suite, good) in [(PLAIN, in_plain), (HYBRID, in_hybrid)] {
                assert_eq!(read(suite, fields, good), Ok(()), "M{kind}");
                assert_eq!(read(suite, fields, &[good, &[(7, 5)]].concat()).is_ok(), kind > 2, "data in M{kind}");
                assert_eq!(read(suite, fields, &[good, &[(7, 0)]].concat()).is_ok(), kind > 2, "empty data in M{kind}");
                assert_eq!(read(suite, fields, &[good, &[(8, 1)]].concat()), Err(Error::Decrypt), "unknown");
                assert!(fields == 0 || read(suite, fields - 1, good) == Err(Error::Decrypt), "a field less");
                for (i, (type_, n)) in good.iter().enumerate() {
                    let mut less = good.to_vec();
                    less.remove(i);
                    assert_eq!(read(suite, fields, &less), Err(Error::Decrypt), "{type_} is missing in M{kind}");
                    let mut twice = good.to_vec();
                    twice.insert(i, (*type_, *n));
                    assert_eq!(read(suite, fields, &twice), Err(Error::Decrypt), "{type_} twice in M{kind}");
                    let mut short = good.to_vec();
                    short[i].1 -= 1;
                    // The lengths of ek, ct and the list are checked where they are used.
                    assert_eq!(read(suite, fields, &short).is_err(), *type_ > 3, "{type_} shorter in M{kind}");
                }
                if good.len() > 1 {
                    let turned: Vec<_> = good.iter().rev().copied().collect();
                    assert_eq!(read(suite, fields, &turned), Err(Error::Decrypt), "order in M{kind}");
                }
            }
            for type_ in [1, 2, 3, 4, 5, 6] {
                let n = [1184, 1088, 3, 32, 32, 32][usize::from(type_) - 1];
                if in_plain.iter().all(|e| e.0 != type_) {
                    let mut more = in_plain.to_vec();
                    more.push((type_, n));
                    more.sort_unstable();
                    assert_eq!(read(PLAIN, fields, &more), Err(Error::Decrypt), "{type_} does not belong in M{kind}");
                }
            }
        }
        let mut long = Writer::new();
        long.var16(&[0; FIELD_LIMIT + 1]).var16(b"r").var16(b"x");
        assert!(matches!(Body::decode(1, PLAIN, &long.finish()), Err(Error::Decrypt)));
    }
}
