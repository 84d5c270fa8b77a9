//! What both halves write and read: the extension, dates, identities, what tags cover, how a key is packed.

use alloc::vec::Vec;

use super::super::algorithms::EncryptionKeys;
use super::super::derive;
use super::super::error::{Error, Refused};
use super::super::header::{CsIdMap, Header};
use super::super::message::Message;
use super::super::numbers::{
    DataType, EncrAlg, ExtensionType, IdRole, IdType, MacAlg, PayloadType, PrfFunc, TsRole, TsType,
};
use super::super::payloads::{Extension, Id, KeyValidity, Payload, Timestamp};
use crate::encoding::{Reader, Writer, lp};
use crate::error::DecodeError;
use crate::ibe::{Identity, Name, NameKind, Period, Purpose};
use crate::kdf::{hash, label};
use crate::sealing::PUBLIC;
use crate::secret::SecretVec;
use crate::suite::labels;

/// The two sets of algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithms {
    /// PRF-HMAC-SHA-256, HMAC-SHA-256-256, AES-CM-256 (RFC 6043 section 6).
    #[default]
    Strong,
    /// Those that every MIKEY has, for interworking: MIKEY-1, HMAC-SHA-1-160, AES-CM-128 (RFC 3830).
    Mandatory,
}

impl Algorithms {
    pub(super) const fn prf(self) -> PrfFunc {
        match self {
            Self::Strong => PrfFunc::HMAC_SHA_256,
            Self::Mandatory => PrfFunc::MIKEY_1,
        }
    }

    pub(super) const fn mac(self) -> MacAlg {
        match self {
            Self::Strong => MacAlg::HMAC_SHA_256_256,
            Self::Mandatory => MacAlg::HMAC_SHA_1_160,
        }
    }

    pub(super) const fn encryption(self) -> EncrAlg {
        match self {
            Self::Strong => EncrAlg::AES_CM_256,
            Self::Mandatory => EncrAlg::AES_CM_128,
        }
    }

    pub(super) fn of(prf: PrfFunc) -> Option<Self> {
        [Self::Strong, Self::Mandatory].into_iter().find(|a| a.prf() == prf)
    }
}

/// A tag of zeros, to be filled when the rest is there.
pub(super) const fn no_tag(alg: MacAlg) -> &'static [u8] {
    match alg {
        MacAlg::HMAC_SHA_256_256 => &[0; 32],
        _ => &[0; 20],
    }
}

pub(super) const fn header(data_type: DataType, v: bool, prf: PrfFunc, csb_id: u32) -> Header<'static> {
    Header { data_type, v, prf, csb_id, crypto_sessions: 0, map: CsIdMap::Empty }
}

/// `#CS` is zero and the map is the Empty one, as RFC 6267 section 4.2.1.1 wants.
pub(super) fn has_no_sessions(header: &Header<'_>) -> bool {
    header.crypto_sessions == 0 && header.map == CsIdMap::Empty
}

/// The keys that protect one exchange.
#[derive(Debug)]
pub(super) struct Protection {
    pub(super) algorithms: Algorithms,
    pub(super) authentication: SecretVec,
    pub(super) encryption: EncryptionKeys,
}

impl Protection {
    /// From the pre-shared key, as RFC 3830 section 4.1.4 has it.
    pub(super) fn new(algorithms: Algorithms, psk: &SecretVec, csb_id: u32, rand: &[u8]) -> Result<Self, Refused> {
        let prf = algorithms.prf();
        Ok(Self {
            algorithms,
            authentication: derive::authentication_key(prf, algorithms.mac(), psk, csb_id, rand)?,
            encryption: derive::encryption_keys(prf, algorithms.encryption(), psk, csb_id, rand)?,
        })
    }
}

/// What a tag covers: the message, then the identities of the parties, without their payloads (RFC 6267 section 5.4). They are
/// those of the request, in its order, the users' first; the answer is covered with the same.
pub(super) fn parties(request: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    users(request).for_each(|id| out.extend_from_slice(id.data));
    request.identities(IdRole::KMS).for_each(|id| out.extend_from_slice(id.data));
    out
}

/// `IDRi/r`: the users, in their order.
pub(super) fn users<'a>(message: &Message<'a>) -> impl Iterator<Item = Id<'a>> {
    message.payloads().filter_map(|p| match p {
        Payload::Idr(idr) if matches!(idr.role, IdRole::INITIATOR | IdRole::RESPONDER) => Some(idr.id),
        _ => None,
    })
}

/// A name as an ID payload has it.
pub(super) fn id_of(name: &Name) -> Id<'_> {
    let kind = if name.kind() == NameKind::Nai { IdType::NAI } else { IdType::URI };
    Id { kind, data: name.as_str().as_bytes() }
}

/// The name in an ID payload, whose type must be the one that [`id_of`] gives.
pub(super) fn name_of(id: &Id<'_>) -> Option<Name> {
    let name = Name::parse(core::str::from_utf8(id.data).ok()?).ok()?;
    (id_of(&name).kind == id.kind).then_some(name)
}

/// A period as it is asked for: the start of its validity.
pub(super) const fn date(period: &Period) -> Timestamp {
    Timestamp { kind: TsType::NTP_UTC_32, value: Timestamp::ntp_utc(period.start(), 0).value >> 32 }
}

/// The dates that a request asks for, in Unix seconds; none stands for now.
pub(super) fn dates<'a>(message: &Message<'a>) -> impl Iterator<Item = Option<u64>> {
    message.payloads().filter_map(|p| match p {
        Payload::Tr(tr) if tr.role == TsRole::START => Some(tr.timestamp.unix()),
        _ => None,
    })
}

/// First and last second of a period, in NTP seconds.
pub(super) struct Interval([[u8; 4]; 2]);

impl Interval {
    pub(super) fn of(period: &Period) -> Self {
        let ntp = |unix: u64| (Timestamp::ntp_utc(unix, 0).value >> 32) as u32;
        Self([ntp(period.start()).to_be_bytes(), ntp(period.end() - 1).to_be_bytes()])
    }

    pub(super) const fn validity(&self) -> KeyValidity<'_> {
        KeyValidity::Interval { from: &self.0[0], to: &self.0[1] }
    }
}

/// Purposes of keys, and the key to which they are to be sealed: a Vendor ID extension.
///
/// ```text
/// "mikey request" || u8 1 || u8 purposes (1 decryption, 2 signing, 3 both) || public key (32)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    pub(super) decrypt: bool,
    pub(super) sign: bool,
    pub(super) seal_to: &'a [u8; PUBLIC],
}

const EXTENSION_VERSION: u8 = 1;

impl<'a> Wanted<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(label(labels::MIKEY_REQUEST).as_ref()).u8(EXTENSION_VERSION);
        w.u8(u8::from(self.decrypt) | u8::from(self.sign) << 1).bytes(self.seal_to);
        w.finish()
    }

    /// The one of a message; other vendors' extensions are theirs.
    ///
    /// # Errors
    /// Ours, but malformed, of another version, or twice.
    pub(super) fn of(message: &Message<'a>) -> Result<Option<Self>, Error> {
        let marked = label(labels::MIKEY_REQUEST);
        let ours = |p: &Payload<'a>| match p {
            Payload::Extension(Extension { kind: ExtensionType::VENDOR_ID, data }) => {
                data.strip_prefix(marked.as_ref())
            }
            _ => None,
        };
        let mut all = message.payloads().filter_map(ours);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Refused::Repeated(PayloadType::GENERAL_EXT).into()),
            (None, _) => Ok(None),
            (Some(data), None) => Self::read(data).map(Some).map_err(|_| Refused::Field("request extension").into()),
        }
    }

    fn read(data: &'a [u8]) -> Result<Self, DecodeError> {
        let wrong =
            |got: u8| DecodeError::new("request extension", crate::error::DecodeReason::Unknown { got: got.into() });
        let mut r = Reader::new(data);
        let version = r.u8("version")?;
        if version != EXTENSION_VERSION {
            return Err(wrong(version));
        }
        let purposes = r.u8("purposes")?;
        if !(1..=3).contains(&purposes) {
            return Err(wrong(purposes));
        }
        let seal_to = r.array("key")?;
        r.finish("request extension")?;
        Ok(Self { decrypt: purposes & 1 != 0, sign: purposes & 2 != 0, seal_to })
    }
}

/// The purposes that a request asks for.
pub(super) fn purposes(wanted: Option<&Wanted<'_>>) -> impl Iterator<Item = Purpose> {
    let (decrypt, sign) = wanted.map_or((true, false), |w| (w.decrypt, w.sign));
    [(decrypt, Purpose::Decrypt), (sign, Purpose::Sign)].into_iter().filter(|(is, _)| *is).map(|(_, p)| p)
}

/// `info` of the seal: the request, whole.
pub(super) fn info(request: &[u8]) -> Vec<u8> {
    [label(labels::MIKEY_REQUEST).as_ref(), &hash(&[request])].concat()
}

/// `aad` of the seal: whose key it is, under which parameters.
pub(super) fn aad(fingerprint: &[u8; 32], identity: &Identity) -> Vec<u8> {
    [&fingerprint[..], &lp(identity.der()), identity.der()].concat()
}
