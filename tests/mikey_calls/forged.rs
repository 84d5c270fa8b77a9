//! The attacker's tools: open with a stolen key, change anything, seal again, and compute keys from what is known. Written from
//! SPEC.md alone, on the codec; nothing here is the library's own way to make a message.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::kdf::label;
use ibake::mikey::derive::{self, SessionKey};
use ibake::mikey::numbers::{IdRole, MacAlg, PayloadType, PrfFunc};
use ibake::mikey::{
    Chain, EccPoint, Header, IdR, LeaveOut, Message, Payload, Verification, Within, algorithms, encode, encode_chain,
};
use ibake::secret::SecretVec;
use ibake::suite::Aead;

use crate::common::Seeded;

const SEALED: LeaveOut = LeaveOut { esk: false, initiator_data: false, encr_data: true };

fn associated(bytes: &[u8]) -> Vec<u8> {
    let message = Message::parse(bytes).unwrap();
    [label("mikey seal").as_ref(), &message.parts_without(SEALED).concat()].concat()
}

fn encr_data<'a>(message: &Message<'a>) -> &'a [u8] {
    match message.single(PayloadType::IBAKE).unwrap() {
        Payload::Ibake(data) => data,
        _ => unreachable!(),
    }
}

/// What a thief of this key reads in a message: the sub-payloads and the KEM secret.
pub(crate) fn open(bytes: &[u8], key: &PrivateKey) -> (SecretVec, [u8; 32]) {
    let message = Message::parse(bytes).unwrap();
    let data = encr_data(&message);
    let plain = try_open(bytes, key).expect("the key is the right one");
    let u = 4 + 2 + usize::from(u16::from_be_bytes([data[4], data[5]])) + 17;
    let k = Encapsulation::decode(data[u..u + 128].try_into().unwrap()).unwrap().decapsulate(key).unwrap();
    (plain, *k.expose())
}

/// What this key opens, if it does.
pub(crate) fn try_open(bytes: &[u8], key: &PrivateKey) -> Option<SecretVec> {
    let message = Message::parse(bytes).unwrap();
    let sealed = SealedBox::decode(encr_data(&message)).unwrap();
    sealed.open(std::slice::from_ref(key), &associated(bytes)).ok()
}

pub(crate) fn inside(plain: &SecretVec) -> Vec<Payload<'_>> {
    Chain::parse(PayloadType::IDR, plain.expose(), Within::Ibake).unwrap().iter().copied().collect()
}

/// The message with this header, these payloads and this in its seal, from an IBAKE payload at any place.
pub(crate) fn sealed_again(
    header: &Header<'_>,
    payloads: &[Payload<'_>],
    within: &[Payload<'_>],
    to: &Recipient,
    rng: &mut Seeded,
) -> Vec<u8> {
    sealed_bytes(header, payloads, encode_chain(within, Within::Ibake).unwrap().expose(), to, rng)
}

/// The same with any bytes under the seal.
pub(crate) fn sealed_bytes(
    header: &Header<'_>,
    payloads: &[Payload<'_>],
    plain: &[u8],
    to: &Recipient,
    rng: &mut Seeded,
) -> Vec<u8> {
    let with = |data: &[u8]| {
        let all: Vec<Payload<'_>> =
            payloads.iter().map(|p| if matches!(p, Payload::Ibake(_)) { Payload::Ibake(data) } else { *p }).collect();
        encode(header, &all).unwrap()
    };
    let length = seal(to, Aead::Aes256Gcm, b"", plain, rng).unwrap().len();
    let ad = associated(&with(&vec![0; length]));
    with(&seal(to, Aead::Aes256Gcm, &ad, plain, rng).unwrap())
}

pub(crate) fn payloads<'a>(message: &Message<'a>) -> Vec<Payload<'a>> {
    message.payloads().copied().collect()
}

/// The ECCPTs of a chain, in their order.
pub(crate) fn points<'a>(chain: &[Payload<'a>]) -> Vec<EccPoint<'a>> {
    chain
        .iter()
        .filter_map(|p| match p {
            Payload::EccPoint(p) => Some(*p),
            _ => None,
        })
        .collect()
}

pub(crate) fn ids(message: &Message<'_>) -> [Vec<u8>; 2] {
    [IdRole::INITIATOR, IdRole::RESPONDER].map(|r| message.identity(r).unwrap().unwrap().data.to_vec())
}

/// TGK of an input key.
pub(crate) fn tgk(inkey: &[u8], rand: &[u8]) -> Vec<u8> {
    let inkey = SecretVec::new(inkey.to_vec());
    derive::from_session(PrfFunc::HMAC_SHA_256, &inkey, SessionKey::Tgk, rand, 32).unwrap().expose().to_vec()
}

/// An R_MESSAGE_2 for this I_MESSAGE_2 by whoever knows the input key.
pub(crate) fn last_message(i2: &[u8], inkey: &[u8], rand: &[u8]) -> Vec<u8> {
    let message = Message::parse(i2).unwrap();
    let header = Header { data_type: ibake::mikey::numbers::DataType::R_MESSAGE_2, v: false, ..*message.header() };
    let alg = MacAlg::HMAC_SHA_256_256;
    let idr = |role| Payload::Idr(IdR { role, id: message.identity(role).unwrap().unwrap() });
    let all = [
        Payload::T(message.timestamp().unwrap()),
        idr(IdRole::INITIATOR),
        idr(IdRole::RESPONDER),
        Payload::V(Verification { alg, data: &[0; 32] }),
    ];
    let inkey = SecretVec::new(inkey.to_vec());
    let prf = PrfFunc::HMAC_SHA_256;
    let mpk = derive::from_session(prf, &inkey, SessionKey::Mpk, rand, 32).unwrap();
    let key = derive::authentication_key(prf, alg, &mpk, header.csb_id, rand).unwrap();
    let draft = ibake::mikey::Draft::new(&header, &all).unwrap();
    let [i, r] = ids(&message);
    let tag = algorithms::mac(alg, key.expose(), &[draft.covered(), &i, &r]).unwrap();
    draft.finish(&tag).unwrap()
}

/// A message with a seal and a V, by whoever knows the input key. The last of the payloads is V.
pub(crate) fn tagged(
    header: &Header<'_>,
    payloads: &[Payload<'_>],
    within: &[Payload<'_>],
    to: &Recipient,
    (inkey, rand): (&[u8], &[u8]),
    rng: &mut Seeded,
) -> Vec<u8> {
    let mut bytes = sealed_again(header, payloads, within, to, rng);
    let inkey = SecretVec::new(inkey.to_vec());
    let (prf, alg) = (PrfFunc::HMAC_SHA_256, MacAlg::HMAC_SHA_256_256);
    let mpk = derive::from_session(prf, &inkey, SessionKey::Mpk, rand, 32).unwrap();
    let key = derive::authentication_key(prf, alg, &mpk, header.csb_id, rand).unwrap();
    let message = Message::parse(&bytes).unwrap();
    let names = payloads.iter().filter_map(|p| match p {
        Payload::Idr(idr) => Some(idr.id.data),
        _ => None,
    });
    let parts: Vec<&[u8]> = std::iter::once(message.covered()).chain(names).collect();
    let tag = algorithms::mac(alg, key.expose(), &parts).unwrap();
    let at = bytes.len() - tag.len();
    bytes[at..].copy_from_slice(&tag);
    bytes
}
