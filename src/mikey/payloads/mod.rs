//! The payloads, as views into the message they were read from. The same types are written: what is read and written again
//! gives the same bytes, reserved bits included.
//!
//! Every payload but SIGN begins with the type of the one behind it; that byte belongs to the chain and not to these types.

mod basic;
mod chain;
mod extension;
mod keys;
mod policy;
mod ticket;

use alloc::vec::Vec;

pub use basic::{
    Cert, CertHash, Dh, ErrorPayload, Id, IdR, Pke, RandR, Sakke, Sign, Timestamp, TimestampR, Verification,
};
pub use chain::{Chain, Within, encode_chain};
pub use extension::{Extension, KeyId};
pub use keys::{EccPoint, Kemac, KeyData, KeyValidity, SecretKey};
pub(super) use policy::integer;
pub use policy::{Doubt, Policy, SrtpPolicy};
pub use ticket::{Ticket, TicketPolicy};

use super::cursor::Cursor;
use super::error::{ParseError, Reason, Refused};
use super::numbers::{IdRole, PayloadType, RandRole, TsRole};
use crate::encoding::Writer;

/// One payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// Encrypted keys and a MAC.
    Kemac(Kemac<'a>),
    /// Encrypted envelope key.
    Pke(Pke<'a>),
    /// Diffie-Hellman value.
    Dh(Dh<'a>),
    /// Signature.
    Sign(Sign<'a>),
    /// Timestamp.
    T(Timestamp),
    /// Identity.
    Id(Id<'a>),
    /// Certificate.
    Cert(Cert<'a>),
    /// Hash of a certificate.
    CertHash(CertHash<'a>),
    /// Verification message.
    V(Verification<'a>),
    /// Security policy.
    Sp(Policy<'a>),
    /// Random value (RFC 3830 section 6.11).
    Rand(&'a [u8]),
    /// Error.
    Err(ErrorPayload),
    /// Timestamp with role.
    Tr(TimestampR),
    /// Identity with role.
    Idr(IdR<'a>),
    /// Random value with role.
    RandR(RandR<'a>),
    /// Ticket policy.
    Tp(TicketPolicy<'a>),
    /// Ticket.
    Ticket(Ticket<'a>),
    /// Key, inside KEMAC.
    KeyData(KeyData<'a>),
    /// General extension.
    Extension(Extension<'a>),
    /// Sub-payloads under identity-based encryption (RFC 6267 section 6.1.1).
    Ibake(&'a [u8]),
    /// A secret key under identity-based encryption (RFC 6267 section 6.1.2).
    Esk(&'a [u8]),
    /// Secret key, inside ESK.
    Sk(SecretKey<'a>),
    /// Diffie-Hellman share, inside IBAKE.
    EccPoint(EccPoint<'a>),
    /// SAKKE encapsulated data.
    Sakke(Sakke<'a>),
}

/// A payload and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// Offset of its first byte, the next payload (of SIGN: the first byte there is).
    pub offset: usize,
    /// Bytes, with the next payload.
    pub len: usize,
    /// The payload.
    pub payload: Payload<'a>,
}

impl Payload<'_> {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        match self {
            Self::Kemac(_) => PayloadType::KEMAC,
            Self::Pke(_) => PayloadType::PKE,
            Self::Dh(_) => PayloadType::DH,
            Self::Sign(_) => PayloadType::SIGN,
            Self::T(_) => PayloadType::T,
            Self::Id(_) => PayloadType::ID,
            Self::Cert(_) => PayloadType::CERT,
            Self::CertHash(_) => PayloadType::CHASH,
            Self::V(_) => PayloadType::V,
            Self::Sp(_) => PayloadType::SP,
            Self::Rand(_) => PayloadType::RAND,
            Self::Err(_) => PayloadType::ERR,
            Self::Tr(_) => PayloadType::TR,
            Self::Idr(_) => PayloadType::IDR,
            Self::RandR(_) => PayloadType::RANDR,
            Self::Tp(_) => PayloadType::TP,
            Self::Ticket(_) => PayloadType::TICKET,
            Self::KeyData(_) => PayloadType::KEY_DATA,
            Self::Extension(_) => PayloadType::GENERAL_EXT,
            Self::Ibake(_) => PayloadType::IBAKE,
            Self::Esk(_) => PayloadType::ESK,
            Self::Sk(_) => PayloadType::SK,
            Self::EccPoint(_) => PayloadType::ECCPT,
            Self::Sakke(_) => PayloadType::SAKKE,
        }
    }

    /// An upper bound of its encoded bytes, exact for those that carry keys.
    fn size(&self) -> usize {
        let validity = |v: &KeyValidity<'_>| match v {
            KeyValidity::Null => 0,
            KeyValidity::Spi(s) => 1 + s.len(),
            KeyValidity::Interval { from, to } => 2 + from.len() + to.len(),
        };
        16 + match self {
            Self::KeyData(k) => k.key.len() + k.salt.map_or(0, <[u8]>::len) + validity(&k.validity),
            Self::Sk(k) => k.key.len() + validity(&k.validity),
            Self::EccPoint(p) => p.point.len() + validity(&p.validity),
            Self::Id(i) => i.data.len(),
            Self::Idr(i) => i.id.data.len(),
            Self::Kemac(k) => k.encr_data.len() + k.mac.len(),
            _ => 64,
        }
    }

    fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        match self {
            Self::Kemac(p) => p.write(w),
            Self::Pke(p) => p.write(w),
            Self::Dh(p) => p.write(w),
            Self::Sign(p) => p.write(w),
            Self::T(p) => p.write(w),
            Self::Id(p) => p.write(w),
            Self::Cert(p) => p.write(w),
            Self::CertHash(p) => p.write(w),
            Self::V(p) => p.write(w),
            Self::Sp(p) => p.write(w),
            Self::Rand(p) => basic::write_rand(p, w),
            Self::Err(p) => {
                w.u8(p.number.0).u16(p.reserved);
                Ok(())
            }
            Self::Tr(p) => p.timestamp.write(w.u8(p.role.0)),
            Self::Idr(p) => p.id.write(w.u8(p.role.0)),
            Self::RandR(p) => basic::write_rand(p.rand, w.u8(p.role.0)),
            Self::Tp(p) => p.write(w),
            Self::Ticket(p) => p.write(w),
            Self::KeyData(p) => p.write(w),
            Self::Extension(p) => p.write(w),
            Self::Ibake(p) | Self::Esk(p) => keys::write_sealed(p, w),
            Self::Sk(p) => p.write(w),
            Self::EccPoint(p) => p.write(w),
            Self::Sakke(p) => p.write(w),
        }
    }
}

/// Reads the payload of type `kind` at which `c` stands; gives the type of the next one.
pub(super) fn read<'a>(kind: PayloadType, c: &mut Cursor<'a, '_>) -> Result<(Payload<'a>, PayloadType), ParseError> {
    // RFC 3830 has no length that all payloads share and no rule for unknown ones but that processing ends (section 5.3).
    let Some(name) = kind.name().filter(|_| kind != PayloadType::LAST) else {
        return Err(c.error("next payload", Reason::Unknown { got: kind.0.into() }));
    };
    c.enter(name);
    let next = if kind == PayloadType::SIGN { PayloadType::LAST } else { PayloadType(c.u8("next payload")?) };
    let payload = match kind {
        PayloadType::KEMAC => Payload::Kemac(Kemac::read(c)?),
        PayloadType::PKE => Payload::Pke(Pke::read(c)?),
        PayloadType::DH => Payload::Dh(Dh::read(c)?),
        PayloadType::SIGN => Payload::Sign(Sign::read(c)?),
        PayloadType::T => Payload::T(Timestamp::read(c)?),
        PayloadType::ID => Payload::Id(Id::read(c)?),
        PayloadType::CERT => Payload::Cert(Cert::read(c)?),
        PayloadType::CHASH => Payload::CertHash(CertHash::read(c)?),
        PayloadType::V => Payload::V(Verification::read(c)?),
        PayloadType::SP => Payload::Sp(Policy::read(c)?),
        PayloadType::RAND => Payload::Rand(basic::read_rand(c)?),
        PayloadType::ERR => Payload::Err(ErrorPayload::read(c)?),
        PayloadType::TR => Payload::Tr(TimestampR { role: TsRole(c.u8("TS Role")?), timestamp: Timestamp::read(c)? }),
        PayloadType::IDR => Payload::Idr(IdR { role: IdRole(c.u8("ID Role")?), id: Id::read(c)? }),
        PayloadType::RANDR => Payload::RandR(RandR { role: RandRole(c.u8("RAND Role")?), rand: basic::read_rand(c)? }),
        PayloadType::TP => Payload::Tp(TicketPolicy::read(c)?),
        PayloadType::TICKET => Payload::Ticket(Ticket::read(c)?),
        PayloadType::KEY_DATA => Payload::KeyData(KeyData::read(c)?),
        PayloadType::GENERAL_EXT => Payload::Extension(Extension::read(c)?),
        PayloadType::IBAKE => Payload::Ibake(keys::read_sealed(c)?),
        PayloadType::ESK => Payload::Esk(keys::read_sealed(c)?),
        PayloadType::SK => Payload::Sk(SecretKey::read(c)?),
        PayloadType::ECCPT => Payload::EccPoint(EccPoint::read(c)?),
        PayloadType::SAKKE => Payload::Sakke(Sakke::read(c)?),
        // Every named type stands above.
        PayloadType(got) => return Err(c.error("next payload", Reason::Unknown { got: got.into() })),
    };
    Ok((payload, next))
}

/// As [`read`], and appends what was read with its place.
pub(super) fn read_into<'a>(
    kind: PayloadType,
    c: &mut Cursor<'a, '_>,
    out: &mut Vec<Located<'a>>,
) -> Result<PayloadType, ParseError> {
    let offset = c.at();
    let (payload, next) = read(kind, c)?;
    out.push(Located { offset, len: c.at() - offset, payload });
    Ok(next)
}

/// Appends payloads, each with the type of the one behind it.
pub(super) fn write_all(payloads: &[Payload<'_>], w: &mut Writer) -> Result<(), Refused> {
    for (i, p) in payloads.iter().enumerate() {
        let next = payloads.get(i + 1).map_or(PayloadType::LAST, Payload::kind);
        match p {
            Payload::Sign(_) if next != PayloadType::LAST => return Err(Refused::Field("SIGN is the last payload")),
            Payload::Sign(_) => {}
            _ => {
                w.u8(next.0);
            }
        }
        p.write(w)?;
    }
    Ok(())
}

/// A length of one byte.
pub(super) fn len8(what: &'static str, bytes: &[u8]) -> Result<u8, Refused> {
    u8::try_from(bytes.len()).map_err(|_| Refused::Field(what))
}

/// A length of two bytes.
pub(super) fn len16(what: &'static str, bytes: &[u8]) -> Result<u16, Refused> {
    u16::try_from(bytes.len()).map_err(|_| Refused::Field(what))
}
