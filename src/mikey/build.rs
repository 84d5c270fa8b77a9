//! Messages that are sent: the payloads in order, and the tag last.

use alloc::vec::Vec;

use super::error::Refused;
use super::header::{CsIdMap, Header};
use super::limits;
use super::message::{LeaveOut, Message};
use super::numbers::PayloadType;
use super::payloads::{self, Payload};
use crate::encoding::Writer;

/// Writes a message.
///
/// # Errors
/// [`Refused`] for what [`Message::parse`] would refuse, and for values that do not fit their fields.
pub fn encode(header: &Header<'_>, payloads: &[Payload<'_>]) -> Result<Vec<u8>, Refused> {
    let first = payloads.first().map_or(PayloadType::LAST, Payload::kind);
    if matches!(first, PayloadType::LAST | PayloadType::SIGN) {
        return Err(Refused::Field("first payload"));
    }
    if payloads.len() > limits::PAYLOADS {
        return Err(Refused::Field("number of payloads"));
    }
    for p in payloads {
        match p {
            Payload::KeyData(_) | Payload::Sk(_) | Payload::EccPoint(_) => {
                return Err(Refused::Field("payload outside of what is encrypted"));
            }
            Payload::Sp(_) if header.map == CsIdMap::Empty => return Err(Refused::Field("SP with the Empty map")),
            _ => {}
        }
    }
    let mut w = Writer::new();
    header.write(first, &mut w)?;
    payloads::write_all(payloads, &mut w)?;
    let bytes = w.finish();
    if bytes.len() > limits::MESSAGE {
        return Err(Refused::Length { what: "message", got: bytes.len() });
    }
    Ok(bytes)
}

/// A message that is complete but for its tag.
///
/// The last payload is V, KEMAC or SIGN with any bytes of the right length for the tag; [`Self::finish`] replaces them.
#[derive(Clone, Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    tag: usize,
}

impl Draft {
    /// Writes the message.
    ///
    /// # Errors
    /// As [`encode`], and a last payload without a tag.
    pub fn new(header: &Header<'_>, payloads: &[Payload<'_>]) -> Result<Self, Refused> {
        let bytes = encode(header, payloads)?;
        // What is written is read again; a message that the other end would refuse never leaves.
        let message = Message::parse(&bytes).map_err(|_| Refused::Field("message"))?;
        let tag = message.tag().ok_or(Refused::Missing(PayloadType::V))?.offset;
        Ok(Self { bytes, tag })
    }

    /// What the tag covers, as [`Message::covered`].
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        self.bytes.get(..self.tag).unwrap_or(&[])
    }

    /// As [`Message::parts_without`].
    #[must_use]
    pub fn parts_without(&self, out: LeaveOut) -> Vec<&[u8]> {
        // It was read when it was made.
        Message::parse(&self.bytes).map(|m| m.parts_without(out)).unwrap_or_default()
    }

    /// The message with its tag.
    ///
    /// # Errors
    /// A tag of another length than the one written.
    pub fn finish(mut self, tag: &[u8]) -> Result<Vec<u8>, Refused> {
        let place = self.bytes.get_mut(self.tag..).filter(|p| p.len() == tag.len());
        place.ok_or(Refused::Length { what: "tag", got: tag.len() })?.copy_from_slice(tag);
        Ok(self.bytes)
    }
}
