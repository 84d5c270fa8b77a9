//! The messages of a call as bytes: what all of them share, the seal of the IBAKE payload and what it is bound to.
//!
//! ```text
//! message   = HDR, T, [RAND], IDRi, IDRr, {SP}, {General Ext.}, IBAKE, [ESK], [V]
//! Encr data = sealed box (SPEC.md 4.3) with ad = "mikey seal" || message without the Encr data of IBAKE and ESK and without the MAC
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::error::{CallError, CallRefusal};
use super::share::{Drawing, Kept};
use crate::error::{Error, KeyError};
use crate::ibe::extract::PrivateKey;
use crate::ibe::identity::{Identity, Purpose};
use crate::ibe::kem::Recipient;
use crate::ibe::keyref::KeyRef;
use crate::ibe::name::{Name, NameKind};
use crate::ibe::sealed::{SealedBox, seal_under};
use crate::kdf::label;
use crate::mikey::build::encode;
use crate::mikey::error::Refused;
use crate::mikey::header::{CsIdMap, GenericIds, Header};
use crate::mikey::message::{LeaveOut, Message};
use crate::mikey::numbers::{DataType, ExtensionType, IdRole, IdType, MacAlg, PayloadType, PrfFunc, ProtType};
use crate::mikey::payloads::{
    Chain, EccPoint, Extension, Id, IdR, Payload, Policy, Timestamp, Verification, Within, encode_chain,
};
use crate::mikey::{algorithms, sdp};
use crate::secret::{SHALLOW, SecretVec, leaving_no_trace};
use crate::suite::labels;

/// General Extension by which the profile `bound` is offered and taken; a private-use number.
pub const BOUND_EXTENSION: ExtensionType = ExtensionType(251);
/// Its data, so that nobody else's use of that number is taken for ours.
pub(super) const BOUND_DATA: &[u8] = b"IBAKE-V01 bound";
/// What seals leave out.
const SEALED: LeaveOut = LeaveOut { esk: false, initiator_data: false, encr_data: true };
/// What a V leaves out (RFC 6267 section 5.4).
const VERIFIED: LeaveOut = LeaveOut { esk: true, initiator_data: false, encr_data: false };

/// The ID of a name, as it stands in IDR and under a V.
pub(super) fn id_of(name: &Name) -> Id<'_> {
    let kind = if name.kind() == NameKind::Nai { IdType::NAI } else { IdType::URI };
    Id { kind, data: name.as_str().as_bytes() }
}

/// The name in an ID: in normal form, and of the type that the ID says.
pub(super) fn name_of(id: Id<'_>) -> Result<Name, CallError> {
    let name = Name::parse(core::str::from_utf8(id.data).map_err(|_| Refused::Field("ID Data"))?)?;
    if id_of(&name) == id { Ok(name) } else { Err(Refused::Field("ID Type").into()) }
}

/// One IDR.
pub(super) fn idr(role: IdRole, name: &Name) -> Payload<'_> {
    Payload::Idr(IdR { role, id: id_of(name) })
}

/// What is to be sent, but for what is sealed.
pub(super) struct Outline<'a> {
    pub(super) data_type: DataType,
    pub(super) v: bool,
    pub(super) prf: PrfFunc,
    pub(super) csb_id: u32,
    /// GENERIC-ID entries and how many.
    pub(super) map: (&'a [u8], u8),
    pub(super) t: Timestamp,
    pub(super) rand: Option<&'a [u8]>,
    /// In the order in which they stand.
    pub(super) ids: [(IdRole, &'a Name); 2],
    pub(super) policies: &'a [(u8, Vec<u8>)],
    pub(super) bound: bool,
    /// Key management protocols of the session description.
    pub(super) protocols: Option<&'a str>,
    /// The Encr data of an ESK.
    pub(super) esk: Option<&'a [u8]>,
    pub(super) mac: Option<MacAlg>,
}

/// To whom and from whom a payload is sealed.
pub(super) struct Envelope<'a> {
    pub(super) to: &'a Recipient,
    pub(super) from: &'a PrivateKey,
    pub(super) aead: crate::suite::Aead,
    /// What is sealed, a chain.
    pub(super) plain: &'a SecretVec,
    pub(super) at: &'a Drawing,
}

impl Outline<'_> {
    fn build(&self, encr_data: Option<&[u8]>) -> Result<Vec<u8>, CallError> {
        let map = CsIdMap::GenericId(GenericIds::new(self.map.0, self.map.1)?);
        let (data_type, v, prf, csb_id) = (self.data_type, self.v, self.prf, self.csb_id);
        let header = Header { data_type, v, prf, csb_id, crypto_sessions: self.map.1, map };
        let zeros = vec![0; self.mac.and_then(MacAlg::tag_len).unwrap_or(0)];
        let mut all = vec![Payload::T(self.t)];
        all.extend(self.rand.map(Payload::Rand));
        all.extend(self.ids.iter().map(|(role, name)| idr(*role, name)));
        for (number, params) in self.policies {
            all.push(Payload::Sp(Policy::new(*number, ProtType::SRTP, params)?));
        }
        all.extend(self.protocols.map(sdp::protocol_extension));
        if self.bound {
            all.push(Payload::Extension(Extension { kind: BOUND_EXTENSION, data: BOUND_DATA }));
        }
        all.extend(encr_data.map(Payload::Ibake));
        all.extend(self.esk.map(Payload::Esk));
        all.extend(self.mac.map(|alg| Payload::V(Verification { alg, data: &zeros })));
        Ok(encode(&header, &all)?)
    }

    /// The message with its seal, and the KEM secret of the seal. A V is still all zero: see [`finish`].
    pub(super) fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        envelope: &Envelope<'_>,
        rng: &mut R,
    ) -> Result<(Vec<u8>, Kept), CallError> {
        leaving_no_trace::<SHALLOW, _>(|| self.sealed(envelope, rng))
    }

    fn sealed<R: TryCryptoRng + ?Sized>(
        &self,
        envelope: &Envelope<'_>,
        rng: &mut R,
    ) -> Result<(Vec<u8>, Kept), CallError> {
        let Envelope { to, from, aead, plain, at } = envelope;
        let (encapsulation, k) = to.encapsulate_hedged(from, &at.session, &at.hash, rng)?;
        // The length of a box does not depend on what it is bound to, and the length of the data is in the message.
        let length = seal_length(to.identity(), plain.expose().len());
        let draft = self.build(Some(&vec![0; length]))?;
        let ad = associated(&Message::parse(&draft)?);
        let sealed = seal_under(to.identity(), (encapsulation, k.duplicate()), *aead, &ad, plain.expose());
        debug_assert_eq!(sealed.len(), length, "length of a box");
        Ok((self.build(Some(&sealed))?, Box::new(k)))
    }

    /// The message without an IBAKE payload.
    pub(super) fn plain(&self) -> Result<Vec<u8>, CallError> {
        self.build(None)
    }
}

/// Bytes of a box: version, suite, AEAD, key reference, encapsulation, length, ciphertext with its tag.
fn seal_length(to: &Identity, plain: usize) -> usize {
    1 + 2 + 1 + 2 + to.district().as_str().len() + 8 + 8 + 1 + 128 + 4 + plain + 16
}

/// What a seal of this message is bound to.
fn associated(message: &Message<'_>) -> Vec<u8> {
    let name = label(labels::MIKEY_SEAL);
    let mut out = name.as_ref().to_vec();
    message.parts_without(SEALED).iter().for_each(|p| out.extend_from_slice(p));
    out
}

/// The names behind a message that a V covers, too, in the order of their IDRs.
fn covered<'m>(message: &'m Message<'_>, ids: [Id<'m>; 2]) -> Vec<&'m [u8]> {
    let mut parts = message.parts_without(VERIFIED);
    parts.extend(ids.map(|id| id.data));
    parts
}

/// Puts the tag into a message whose V is all zero.
pub(super) fn finish(mut bytes: Vec<u8>, alg: MacAlg, key: &SecretVec) -> Result<Vec<u8>, CallError> {
    let seen = Seen::of(&bytes)?;
    let tag = algorithms::mac(alg, key.expose(), &covered(&seen.message, seen.ids))?;
    let at = bytes.len() - tag.len();
    bytes.get_mut(at..).ok_or(Refused::Missing(PayloadType::V))?.copy_from_slice(&tag);
    Ok(bytes)
}

/// A message that was read, with the parts that every message of a call has.
pub(super) struct Seen<'a> {
    pub(super) message: Message<'a>,
    pub(super) csb_id: u32,
    pub(super) prf: PrfFunc,
    pub(super) map: GenericIds<'a>,
    pub(super) t: Timestamp,
    /// In the order of the message.
    pub(super) ids: [Id<'a>; 2],
    pub(super) roles: [IdRole; 2],
    pub(super) ibake: Option<&'a [u8]>,
    /// In I_MESSAGE_2 alone.
    pub(super) esk: Option<&'a [u8]>,
    pub(super) bound: bool,
}

impl<'a> Seen<'a> {
    /// Reads a message of this type.
    pub(super) fn read(bytes: &'a [u8], expected: DataType) -> Result<Self, CallError> {
        let got = Message::parse(bytes)?.header().data_type;
        if got == expected { Self::of(bytes) } else { Err(CallRefusal::Unexpected { expected, got }.into()) }
    }

    fn of(bytes: &'a [u8]) -> Result<Self, CallError> {
        let message = Message::parse(bytes)?;
        let header = *message.header();
        let CsIdMap::GenericId(map) = header.map else {
            return Err(CallRefusal::Sessions("the CS ID map is not GENERIC-ID").into());
        };
        let t = message.timestamp()?;
        let of = |role| message.identity(role)?.ok_or(Refused::Missing(PayloadType::IDR));
        let (i, r) = (of(IdRole::INITIATOR)?, of(IdRole::RESPONDER)?);
        let first = message.payloads().find_map(|p| match p {
            Payload::Idr(idr) if [IdRole::INITIATOR, IdRole::RESPONDER].contains(&idr.role) => Some(idr.role),
            _ => None,
        });
        let (ids, roles) = match first {
            Some(IdRole::RESPONDER) => ([r, i], [IdRole::RESPONDER, IdRole::INITIATOR]),
            _ => ([i, r], [IdRole::INITIATOR, IdRole::RESPONDER]),
        };
        let ibake = match message.optional(PayloadType::IBAKE)? {
            Some(Payload::Ibake(data)) => Some(*data),
            _ => None,
        };
        let esk = match message.optional(PayloadType::ESK)? {
            Some(Payload::Esk(data)) => Some(*data),
            _ => None,
        };
        // In I_MESSAGE_1 it would hold the key of the IBAKE payload (RFC 6267 section 4.2.2.2), which is sealed to the one called
        // (section 4.2.2.1): nothing says how both can be.
        if esk.is_some() && header.data_type != DataType::I_MESSAGE_2 {
            return Err(CallRefusal::EskMisplaced { got: header.data_type }.into());
        }
        let bound = message
            .payloads()
            .filter(|p| matches!(p, Payload::Extension(e) if e.kind == BOUND_EXTENSION && e.data == BOUND_DATA))
            .count();
        if bound > 1 {
            return Err(Refused::Repeated(PayloadType::GENERAL_EXT).into());
        }
        let (csb_id, prf) = (header.csb_id, header.prf);
        Ok(Self { message, csb_id, prf, map, t, ids, roles, ibake, esk, bound: bound == 1 })
    }

    /// Whether this is a message with IDRi first and IDRr second.
    pub(super) fn initiator_first(&self) -> Result<(), CallError> {
        if self.roles[0] == IdRole::INITIATOR { Ok(()) } else { Err(CallRefusal::OtherCall("order of IDR").into()) }
    }

    /// The IBAKE payload's box.
    pub(super) fn sealed(&self) -> Result<SealedBox<'a>, CallError> {
        Ok(SealedBox::decode(self.ibake.ok_or(Refused::Missing(PayloadType::IBAKE))?)?)
    }

    /// Opens the box with the one key that it must be for.
    pub(super) fn open(&self, sealed: &SealedBox<'_>, key: &PrivateKey) -> Result<(Kept, SecretVec), CallError> {
        if !sealed.to().fits(key.identity()) {
            return Err(KeyError::Missing.into());
        }
        key.check_purpose(Purpose::Decrypt)?;
        let ad = associated(&self.message);
        // No error comes out of there: the room for it held secrets before, and what of them it does not overwrite would go along.
        let opened = leaving_no_trace::<SHALLOW, _>(|| {
            let k = Box::new(sealed.encapsulation().decapsulate(key).ok()?);
            let plain = sealed.open_under(k.duplicate(), &ad).ok()?;
            Some((k, plain))
        });
        Ok(opened.ok_or(Error::Decrypt)?)
    }

    /// Checks the V at the end.
    pub(super) fn verify(&self, alg: MacAlg, key: &SecretVec) -> Result<(), CallError> {
        let v = self.message.verification()?;
        if v.alg != alg {
            return Err(Refused::Algorithm { what: "MAC alg", got: v.alg.0 }.into());
        }
        Ok(algorithms::verify(alg, key.expose(), &covered(&self.message, self.ids), v.data)?)
    }
}

/// What stands under a seal: two identities, of which R_MESSAGE_2 has the first alone, each with a share behind it or not.
#[derive(Clone, Copy, Default)]
pub(super) struct Sealed<'a> {
    pub(super) first: Option<IdR<'a>>,
    pub(super) first_point: Option<EccPoint<'a>>,
    pub(super) second: Option<IdR<'a>>,
    pub(super) second_point: Option<EccPoint<'a>>,
}

impl<'a> Sealed<'a> {
    /// Which of the four must be (`Some(true)`), must not be, or may be there.
    pub(super) fn read(plain: &'a SecretVec, shape: [Option<bool>; 4]) -> Result<Self, Error> {
        let chain = Chain::parse(PayloadType::IDR, plain.expose(), Within::Ibake).map_err(|_| Error::Decrypt)?;
        let mut out = Self::default();
        for payload in chain.iter() {
            let free = match payload {
                Payload::Idr(idr) if out.first.is_none() => out.first.replace(*idr).is_none(),
                Payload::Idr(idr) => out.second.replace(*idr).is_none(),
                Payload::EccPoint(p) if out.second.is_none() => out.first_point.replace(*p).is_none(),
                Payload::EccPoint(p) => out.second_point.replace(*p).is_none(),
                _ => false,
            };
            if !free {
                return Err(Error::Decrypt);
            }
        }
        let got = [out.first.is_some(), out.first_point.is_some(), out.second.is_some(), out.second_point.is_some()];
        let fits = shape.iter().zip(got).all(|(s, g)| s.is_none_or(|s| s == g));
        if fits { Ok(out) } else { Err(Error::Decrypt) }
    }

    /// Whether the identities are those outside, byte for byte and in their roles.
    pub(super) fn same_ids(&self, seen: &Seen<'_>) -> Result<(), Error> {
        let outside = |n: usize| seen.roles.get(n).zip(seen.ids.get(n)).map(|(r, i)| IdR { role: *r, id: *i });
        let second = self.second.is_none() || self.second == outside(1);
        if self.first == outside(0) && second { Ok(()) } else { Err(Error::Decrypt) }
    }

    /// The chain.
    pub(super) fn encode(&self) -> Result<SecretVec, CallError> {
        let all = [
            self.first.map(Payload::Idr),
            self.first_point.map(Payload::EccPoint),
            self.second.map(Payload::Idr),
            self.second_point.map(Payload::EccPoint),
        ];
        Ok(encode_chain(&all.into_iter().flatten().collect::<Vec<_>>(), Within::Ibake)?)
    }
}

/// The reference that a box must have to be for this identity, and the own key that opens it.
pub(super) fn own_key<'k>(keys: &'k [PrivateKey], name: &Name, to: &KeyRef) -> Result<&'k PrivateKey, CallError> {
    let fits = |k: &&PrivateKey| {
        let id = k.identity();
        id.purpose() == crate::ibe::Purpose::Decrypt && id.name() == name && to.fits(id)
    };
    Ok(keys.iter().find(fits).ok_or(KeyError::Missing)?)
}
