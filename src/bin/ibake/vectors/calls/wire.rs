//! What is sealed in a message, and what the seal is bound to: SPEC.md 4.3, 13.9.

use ibake::aead;
use ibake::ibe::Identity;
use ibake::kdf::label;
use ibake::mikey::{LeaveOut, Message, Payload};
use ibake::suite::Aead;

use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::formulas::{Encapsulated, exp_key, key_reference, lp};

/// What the seals leave out of a message.
const SEALED: LeaveOut = LeaveOut { esk: false, initiator_data: false, encr_data: true };
/// What a V leaves out.
pub(super) const VERIFIED: LeaveOut = LeaveOut { esk: true, initiator_data: false, encr_data: false };

pub(super) fn parse(message: &[u8]) -> Result<Message<'_>, Fault> {
    Message::parse(message).map_err(|e| malformed(format!("a message of ours: {e:?}")))
}

/// `ad` of the box of IBAKE.
pub(crate) fn seal_ad(message: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok([label("mikey seal").as_ref(), &parse(message)?.parts_without(SEALED).concat()].concat())
}

/// Encr data of a message.
pub(crate) struct EncrData {
    pub(crate) ibake: Option<Vec<u8>>,
    pub(crate) esk: Option<Vec<u8>>,
}

pub(crate) fn encr_data(message: &[u8]) -> Result<EncrData, Fault> {
    let message = parse(message)?;
    let find = |get: fn(&Payload<'_>) -> Option<Vec<u8>>| message.payloads().find_map(get);
    let ibake = find(|p| if let Payload::Ibake(data) = p { Some(data.to_vec()) } else { None });
    let esk = find(|p| if let Payload::Esk(data) = p { Some(data.to_vec()) } else { None });
    Ok(EncrData { ibake, esk })
}

/// The key of a box.
pub(crate) fn box_key(kem_key: &[u8; 32], aead: Aead) -> [u8; 32] {
    exp_key(kem_key, &[label("box").as_ref(), &[aead.id()]])
}

/// What is in a box that was sealed with this encapsulation; its front is compared.
pub(super) fn unseal(data: &[u8], e: &Encapsulated, to: &Identity, aead: Aead, ad: &[u8]) -> Result<Vec<u8>, Fault> {
    let front = [&[1, 0, 1, aead.id()][..], &key_reference(to), &e.bytes()].concat();
    let rest = data.strip_prefix(&front[..]);
    agree("the front of a box", rest.is_some())?;
    let sealed = rest.and_then(|r| r.get(4..)).unwrap_or_default();
    let plain = aead::open(aead, &box_key(&e.key, aead), &[lp(&front), lp(ad)].concat(), sealed);
    agree("a box", plain.is_ok())?;
    Ok(plain?.expose().to_vec())
}
