//! What carries keys: KEMAC, IBAKE, ESK, and the sub-payloads that stand encrypted inside them: Key data, SK, ECCPT.

use core::fmt;

use subtle::ConstantTimeEq;

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Reason, Refused};
use super::super::numbers::{EccCurve, EncrAlg, KeyType, KvType, MacAlg, SkType};
use super::basic::exactly;
use super::{len8, len16};
use crate::encoding::Writer;

/// KEMAC (RFC 3830 section 6.2): encrypted sub-payloads and a MAC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kemac<'a> {
    /// How the data are encrypted.
    pub encr_alg: EncrAlg,
    /// The encrypted sub-payloads. With the NULL algorithm these are keys in the clear.
    pub encr_data: &'a [u8],
    /// The MAC algorithm.
    pub mac_alg: MacAlg,
    /// The tag, as long as the algorithm says.
    pub mac: &'a [u8],
}

impl<'a> Kemac<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let encr_alg = EncrAlg(c.u8("Encr alg")?);
        let encr_data = c.var16("Encr data len", "Encr data")?;
        let mac_alg = MacAlg(c.u8("Mac alg")?);
        let unknown = c.error_back(1, "Mac alg", Reason::Unknown { got: mac_alg.0.into() });
        Ok(Self { encr_alg, encr_data, mac_alg, mac: c.bytes("MAC", mac_alg.tag_len().ok_or(unknown)?)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        exactly("MAC", self.mac, self.mac_alg.tag_len())?;
        w.u8(self.encr_alg.0).u16(len16("Encr data len", self.encr_data)?).bytes(self.encr_data);
        w.u8(self.mac_alg.0).bytes(self.mac);
        Ok(())
    }
}

impl fmt::Debug for Kemac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the data: they may be keys in the clear.
        let (encr, mac, n) = (self.encr_alg, self.mac_alg, self.encr_data.len());
        write!(f, "Kemac {{ {encr}, {n} bytes, {mac} }}")
    }
}

/// IBAKE and ESK (RFC 6267 sections 6.1.1 and 6.1.2): sub-payloads under identity-based encryption.
pub(super) fn read_sealed<'a>(c: &mut Cursor<'a, '_>) -> Result<&'a [u8], ParseError> {
    c.var16("Encr data len", "Encr data")
}

pub(super) fn write_sealed(data: &[u8], w: &mut Writer) -> Result<(), Refused> {
    w.u16(len16("Encr data len", data)?).bytes(data);
    Ok(())
}

/// Key validity data (RFC 3830 section 6.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyValidity<'a> {
    /// No rule.
    Null,
    /// The SPI or MKI of the key.
    Spi(&'a [u8]),
    /// From here to there; for SRTP packet indices of six bytes.
    Interval {
        /// Valid From.
        from: &'a [u8],
        /// Valid To.
        to: &'a [u8],
    },
}

impl<'a> KeyValidity<'a> {
    /// `kind` are the four KV bits of the byte just read, or of one further back.
    pub(super) fn read(c: &mut Cursor<'a, '_>, kind: u8) -> Result<Self, ParseError> {
        Ok(match KvType(kind) {
            KvType::NULL => Self::Null,
            KvType::SPI => Self::Spi(c.var8("SPI Length", "SPI")?),
            KvType::INTERVAL => {
                Self::Interval { from: c.var8("VF Length", "Valid From")?, to: c.var8("VT Length", "Valid To")? }
            }
            KvType(got) => return Err(c.error("KV data", Reason::Unknown { got: got.into() })),
        })
    }

    pub(super) const fn kind(&self) -> KvType {
        match self {
            Self::Null => KvType::NULL,
            Self::Spi(_) => KvType::SPI,
            Self::Interval { .. } => KvType::INTERVAL,
        }
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        match self {
            Self::Null => {}
            Self::Spi(spi) => {
                w.u8(len8("SPI Length", spi)?).bytes(spi);
            }
            Self::Interval { from, to } => {
                w.u8(len8("VF Length", from)?).bytes(from).u8(len8("VT Length", to)?).bytes(to);
            }
        }
        Ok(())
    }
}

/// Key data (RFC 3830 section 6.13). Borrows from the decrypted bytes, whose owner wipes them; `Debug` shows no key, and
/// comparison takes the same time wherever keys of equal length differ.
#[derive(Clone, Copy)]
pub struct KeyData<'a> {
    /// What key it is (4 bits).
    pub kind: KeyType,
    /// The key.
    pub key: &'a [u8],
    /// The salt, for the types that have one.
    pub salt: Option<&'a [u8]>,
    /// When the key is valid.
    pub validity: KeyValidity<'a>,
}

impl<'a> KeyData<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let head = c.u8("Type and KV")?;
        let kind = KeyType(head >> 4);
        let unknown = c.error_back(1, "Type and KV", Reason::Unknown { got: kind.0.into() });
        let salted = kind.has_salt().ok_or(unknown)?;
        let key = c.var16("Key data len", "Key data")?;
        let salt = if salted { Some(c.var16("Salt len", "Salt data")?) } else { None };
        Ok(Self { kind, key, salt, validity: KeyValidity::read(c, head & 0x0f)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        if self.kind.has_salt() != Some(self.salt.is_some()) {
            return Err(Refused::Field("Salt data"));
        }
        w.u8(self.kind.0 << 4 | self.validity.kind().0).u16(len16("Key data len", self.key)?).bytes(self.key);
        if let Some(salt) = self.salt {
            w.u16(len16("Salt len", salt)?).bytes(salt);
        }
        self.validity.write(w)
    }
}

impl PartialEq for KeyData<'_> {
    fn eq(&self, other: &Self) -> bool {
        let salts = self.salt.unwrap_or(&[]).ct_eq(other.salt.unwrap_or(&[]));
        bool::from(self.key.ct_eq(other.key) & salts)
            && self.salt.is_some() == other.salt.is_some()
            && (self.kind, self.validity) == (other.kind, other.validity)
    }
}

impl Eq for KeyData<'_> {}

impl fmt::Debug for KeyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyData {{ {}, {} bytes, {:?}, .. }}", self.kind, self.key.len(), self.validity)
    }
}

/// SK (RFC 6267 section 6.1.5): the secret key inside ESK. As [`KeyData`], and without a salt.
#[derive(Clone, Copy)]
pub struct SecretKey<'a> {
    /// 1 is the only registered type; others are kept (4 bits).
    pub kind: SkType,
    /// The key.
    pub key: &'a [u8],
    /// When the key is valid.
    pub validity: KeyValidity<'a>,
}

impl<'a> SecretKey<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let head = c.u8("Type and KV")?;
        let key = c.var16("Key data len", "Key data")?;
        Ok(Self { kind: SkType(head >> 4), key, validity: KeyValidity::read(c, head & 0x0f)? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        if self.kind.0 > 0x0f {
            return Err(Refused::Field("Type and KV"));
        }
        w.u8(self.kind.0 << 4 | self.validity.kind().0).u16(len16("Key data len", self.key)?).bytes(self.key);
        self.validity.write(w)
    }
}

impl PartialEq for SecretKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.key.ct_eq(other.key)) && (self.kind, self.validity) == (other.kind, other.validity)
    }
}

impl Eq for SecretKey<'_> {}

impl fmt::Debug for SecretKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey {{ {}, {} bytes, {:?}, .. }}", self.kind, self.key.len(), self.validity)
    }
}

/// ECCPT (RFC 6267 section 6.1.4): a Diffie-Hellman share. The point is framed here and checked by [`crate::dh`].
///
/// Its length follows from the curve and its first byte. "Padded to end on a 32-bit boundary" counts from the first byte of
/// the sub-payload; padding is zero, anything else is refused, so that a share has one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EccPoint<'a> {
    /// The curve.
    pub curve: EccCurve,
    /// The point, without padding.
    pub point: &'a [u8],
    /// Ignored by RFC 6267.
    pub auth_alg: MacAlg,
    /// Ignored by RFC 6267.
    pub tgk_len: u16,
    /// Four reserved bits; sent as zero, kept and ignored when received.
    pub reserved: u8,
    /// When the key is valid.
    pub validity: KeyValidity<'a>,
}

/// Bytes of padding behind a point of `n` bytes, which begins at the third byte of its sub-payload.
const fn padding(n: usize) -> usize {
    (4 - (2 + n) % 4) % 4
}

impl<'a> EccPoint<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let curve = EccCurve(c.u8("ECC Curve")?);
        let unknown = c.error_back(1, "ECC Curve", Reason::Unknown { got: curve.0.into() });
        let short = c.error("ECC Point", Reason::Truncated { expected: 1, got: 0 });
        let n = curve.point_len(c.peek().ok_or(short)?).ok_or(unknown)?;
        let point = c.bytes("ECC Point", n)?;
        let pad = padding(n);
        if c.bytes("padding", pad)?.iter().any(|b| *b != 0) {
            return Err(c.error_back(pad, "padding", Reason::NotZero));
        }
        let auth_alg = MacAlg(c.u8("Auth alg")?);
        let tgk_len = c.u16("TGK len")?;
        let flags = c.u8("Reserv and KV")?;
        let validity = KeyValidity::read(c, flags & 0x0f)?;
        Ok(Self { curve, point, auth_alg, tgk_len, reserved: flags >> 4, validity })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        let first = self.point.first().copied().unwrap_or(0);
        exactly("ECC Point", self.point, self.curve.point_len(first))?;
        if self.reserved > 0x0f {
            return Err(Refused::Field("Reserv"));
        }
        w.u8(self.curve.0).bytes(self.point).bytes([0; 3].get(..padding(self.point.len())).unwrap_or(&[]));
        w.u8(self.auth_alg.0).u16(self.tgk_len).u8(self.reserved << 4 | self.validity.kind().0);
        self.validity.write(w)
    }
}
