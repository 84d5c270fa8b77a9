//! Payloads without inner structure: T, TR, RAND, RANDR, ID, IDR, CERT, CHASH, PKE, DH, SIGN, V, ERR, SAKKE.

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Reason, Refused};
use super::super::numbers::{
    CacheType, CertType, DhGroup, ErrorNo, HashFunc, IdRole, IdType, MacAlg, RandRole, SType, TsRole, TsType,
};
use super::keys::KeyValidity;
use super::{len8, len16};
use crate::encoding::Writer;

/// A timestamp value with its type: T (RFC 3830 section 6.6), and inside TR (RFC 6043 section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// What the value means.
    pub kind: TsType,
    /// The value, 64 or 32 bits as the type says.
    pub value: u64,
}

impl Timestamp {
    pub(super) fn read(c: &mut Cursor<'_, '_>) -> Result<Self, ParseError> {
        let kind = TsType(c.u8("TS type")?);
        let value = match kind.value_len() {
            Some(8) => u64::from_be_bytes(c.array("TS value")?),
            Some(_) => c.u32("TS value")?.into(),
            None => return Err(c.error_back(1, "TS type", Reason::Unknown { got: kind.0.into() })),
        };
        Ok(Self { kind, value })
    }

    pub(super) fn write(self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.kind.0);
        match (self.kind.value_len(), u32::try_from(self.value)) {
            (Some(8), _) => w.u64(self.value),
            (Some(_), Ok(short)) => w.u32(short),
            _ => return Err(Refused::Field("TS value")),
        };
        Ok(())
    }

    /// The 64-bit form that enters derivations, initialisation vectors and MACs: COUNTER with leading zeros (RFC 3830
    /// section 6.6), NTP-UTC-32 with a fraction of zero (RFC 6043 section 6.3).
    #[must_use]
    pub const fn as_64_bits(&self) -> u64 {
        match self.kind {
            TsType::NTP_UTC_32 => self.value << 32,
            _ => self.value,
        }
    }
}

/// The content of RAND and RANDR.
pub(super) fn read_rand<'a>(c: &mut Cursor<'a, '_>) -> Result<&'a [u8], ParseError> {
    c.var8("RAND len", "RAND")
}

pub(super) fn write_rand(rand: &[u8], w: &mut Writer) -> Result<(), Refused> {
    w.u8(len8("RAND len", rand)?).bytes(rand);
    Ok(())
}

/// RANDR: a random value and who drew it (RFC 6043 section 6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandR<'a> {
    /// Who drew it.
    pub role: RandRole,
    /// The value.
    pub rand: &'a [u8],
}

/// An identity: the ID payload (RFC 3830 section 6.7), and inside IDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a> {
    /// What the data are.
    pub kind: IdType,
    /// The identity.
    pub data: &'a [u8],
}

impl<'a> Id<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        Ok(Self { kind: IdType(c.u8("ID Type")?), data: c.var16("ID len", "ID Data")? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.kind.0).u16(len16("ID len", self.data)?).bytes(self.data);
        Ok(())
    }
}

/// IDR: an identity and its role (RFC 6043 section 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdR<'a> {
    /// Whose it is.
    pub role: IdRole,
    /// The identity.
    pub id: Id<'a>,
}

/// TR: a timestamp and its role (RFC 6043 section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampR {
    /// What it stands for.
    pub role: TsRole,
    /// The timestamp.
    pub timestamp: Timestamp,
}

/// CERT (RFC 3830 section 6.7): one certificate of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cert<'a> {
    /// What the data are.
    pub kind: CertType,
    /// DER, or a URL.
    pub data: &'a [u8],
}

impl<'a> Cert<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        Ok(Self { kind: CertType(c.u8("Cert Type")?), data: c.var16("Cert len", "Certificate Data")? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.kind.0).u16(len16("Cert len", self.data)?).bytes(self.data);
        Ok(())
    }
}

/// CHASH (RFC 3830 section 6.8): which certificate was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertHash<'a> {
    /// The hash function.
    pub func: HashFunc,
    /// The hash, as long as the function says.
    pub hash: &'a [u8],
}

impl<'a> CertHash<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let func = HashFunc(c.u8("Hash func")?);
        let unknown = c.error_back(1, "Hash func", Reason::Unknown { got: func.0.into() });
        Ok(Self { func, hash: c.bytes("Hash", func.hash_len().ok_or(unknown)?)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        exactly("Hash", self.hash, self.func.hash_len())?;
        w.u8(self.func.0).bytes(self.hash);
        Ok(())
    }
}

/// PKE (RFC 3830 section 6.3): the envelope key, encrypted for a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pke<'a> {
    /// Whether the envelope key may be kept (2 bits).
    pub cache: CacheType,
    /// The encrypted envelope key, up to 16,383 bytes.
    pub data: &'a [u8],
}

impl<'a> Pke<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let head = c.u16("C and Data len")?;
        Ok(Self { cache: CacheType((head >> 14) as u8), data: c.bytes("Data", usize::from(head & 0x3fff))? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        let n = len16("Data len", self.data)?;
        if n > 0x3fff || self.cache.0 > 3 {
            return Err(Refused::Field("C and Data len"));
        }
        w.u16(u16::from(self.cache.0) << 14 | n).bytes(self.data);
        Ok(())
    }
}

/// DH (RFC 3830 section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dh<'a> {
    /// The group.
    pub group: DhGroup,
    /// The public value, as long as the group says.
    pub value: &'a [u8],
    /// Four reserved bits; sent as zero, kept and ignored when received.
    pub reserved: u8,
    /// When the key is valid.
    pub validity: KeyValidity<'a>,
}

impl<'a> Dh<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let group = DhGroup(c.u8("DH-Group")?);
        let unknown = c.error_back(1, "DH-Group", Reason::Unknown { got: group.0.into() });
        let value = c.bytes("DH-value", group.value_len().ok_or(unknown)?)?;
        let flags = c.u8("Reserv and KV")?;
        Ok(Self { group, value, reserved: flags >> 4, validity: KeyValidity::read(c, flags & 0x0f)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        exactly("DH-value", self.value, self.group.value_len())?;
        if self.reserved > 0x0f {
            return Err(Refused::Field("Reserv"));
        }
        w.u8(self.group.0).bytes(self.value).u8(self.reserved << 4 | self.validity.kind().0);
        self.validity.write(w)
    }
}

/// SIGN (RFC 3830 section 6.5). It has no next payload: always the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign<'a> {
    /// The algorithm (4 bits).
    pub kind: SType,
    /// The signature, up to 4,095 bytes.
    pub signature: &'a [u8],
}

impl<'a> Sign<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let head = c.u16("S type and Signature len")?;
        Ok(Self { kind: SType((head >> 12) as u8), signature: c.bytes("Signature", usize::from(head & 0x0fff))? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        let n = len16("Signature len", self.signature)?;
        if n > 0x0fff || self.kind.0 > 0x0f {
            return Err(Refused::Field("S type and Signature len"));
        }
        w.u16(u16::from(self.kind.0) << 12 | n).bytes(self.signature);
        Ok(())
    }
}

/// V (RFC 3830 section 6.9): a MAC over the message and what the mode adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification<'a> {
    /// The algorithm.
    pub alg: MacAlg,
    /// The tag, as long as the algorithm says.
    pub data: &'a [u8],
}

impl<'a> Verification<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let alg = MacAlg(c.u8("Auth alg")?);
        let unknown = c.error_back(1, "Auth alg", Reason::Unknown { got: alg.0.into() });
        Ok(Self { alg, data: c.bytes("Ver data", alg.tag_len().ok_or(unknown)?)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        exactly("Ver data", self.data, self.alg.tag_len())?;
        w.u8(self.alg.0).bytes(self.data);
        Ok(())
    }
}

/// ERR (RFC 3830 section 6.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorPayload {
    /// What went wrong at the other end.
    pub number: ErrorNo,
    /// Sixteen reserved bits; sent as zero, kept and ignored when received.
    pub reserved: u16,
}

impl ErrorPayload {
    pub(super) fn read(c: &mut Cursor<'_, '_>) -> Result<Self, ParseError> {
        Ok(Self { number: ErrorNo(c.u8("Error no")?), reserved: c.u16("Reserved")? })
    }
}

/// SAKKE (RFC 6509 section 4.2), kept for comparison with that mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sakke<'a> {
    /// The parameter set.
    pub params: u8,
    /// How the identifier is formed.
    pub id_scheme: u8,
    /// The encapsulated data of RFC 6508.
    pub data: &'a [u8],
}

impl<'a> Sakke<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let (params, id_scheme) = (c.u8("SAKKE params")?, c.u8("ID scheme")?);
        Ok(Self { params, id_scheme, data: c.var16("SAKKE data length", "SAKKE data")? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.params).u8(self.id_scheme).u16(len16("SAKKE data length", self.data)?).bytes(self.data);
        Ok(())
    }
}

/// The length of `bytes` must be the one that a number implies.
pub(super) const fn exactly(what: &'static str, bytes: &[u8], expected: Option<usize>) -> Result<(), Refused> {
    match expected {
        Some(n) if n == bytes.len() => Ok(()),
        _ => Err(Refused::Length { what, got: bytes.len() }),
    }
}
