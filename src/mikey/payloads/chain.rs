//! Payloads inside payloads: what stands decrypted in KEMAC, IBAKE and ESK, and in the data of tickets.
//!
//! A chain has no header: what its first payload is, follows from where it stands (RFC 3830 section 6.2, RFC 6267 section
//! 4.2) or from a byte in front of it (RFC 6043 section 6.10). Chains are read on demand, one level at a time, so nothing
//! here recurses.

use alloc::vec::Vec;

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Reason, Refused};
use super::super::limits;
use super::super::numbers::PayloadType;
use super::{Located, Payload};
use crate::encoding::Writer;
use crate::secret::SecretVec;

/// Where a chain stands; decides which payloads may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Decrypted in KEMAC: ID (public-key and key request messages), then Key data.
    Kemac,
    /// Decrypted in IBAKE: IDR and ECCPT.
    Ibake,
    /// Decrypted in ESK: ID and SK; SIGN behind them is ours.
    Esk,
    /// TP Data.
    TicketPolicy,
    /// Ticket Data behind THDR.
    TicketData,
    /// Initiator Data.
    InitiatorData,
}

impl Within {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kemac => "KEMAC",
            Self::Ibake => "IBAKE",
            Self::Esk => "ESK",
            Self::TicketPolicy => "TP Data",
            Self::TicketData => "Ticket Data",
            Self::InitiatorData => "Initiator Data",
        }
    }

    /// Whether a payload of this type may stand here. In the data of tickets unexpected ones are to be ignored (RFC 6043
    /// section 6.10), but none that has keys in the clear or holds a ticket itself.
    const fn allows(self, kind: PayloadType) -> bool {
        match self {
            Self::Kemac => matches!(kind, PayloadType::ID | PayloadType::KEY_DATA),
            Self::Ibake => matches!(kind, PayloadType::IDR | PayloadType::ECCPT),
            Self::Esk => matches!(kind, PayloadType::ID | PayloadType::SK | PayloadType::SIGN),
            Self::TicketPolicy | Self::TicketData | Self::InitiatorData => !matches!(
                kind,
                PayloadType::KEY_DATA | PayloadType::SK | PayloadType::ECCPT | PayloadType::TP | PayloadType::TICKET
            ),
        }
    }
}

/// The payloads of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    payloads: Vec<Located<'a>>,
}

impl<'a> Chain<'a> {
    /// Reads a chain that begins with a payload of type `first` and fills `bytes`. KEMAC alone may hold none.
    ///
    /// # Errors
    /// [`ParseError`], offsets counted from the first byte.
    pub fn parse(first: PayloadType, bytes: &'a [u8], within: Within) -> Result<Self, ParseError> {
        Self::parse_at(first, bytes, 0, within)
    }

    pub(super) fn parse_at(first: PayloadType, bytes: &'a [u8], at: usize, within: Within) -> Result<Self, ParseError> {
        let mut c = Cursor::new(bytes, at, within.name());
        let empty = within == Within::Kemac && bytes.is_empty();
        let mut next = if empty { PayloadType::LAST } else { first };
        let mut payloads = Vec::new();
        while next != PayloadType::LAST {
            if payloads.len() == limits::SUB_PAYLOADS {
                let reason = Reason::TooLong { limit: limits::SUB_PAYLOADS, got: limits::SUB_PAYLOADS + 1 };
                return Err(c.error("next payload", reason));
            }
            if next.name().is_some() && !within.allows(next) {
                return Err(c.error("next payload", Reason::Misplaced { got: next }));
            }
            next = super::read_into(next, &mut c, &mut payloads)?;
        }
        c.finish("end")?;
        Ok(Self { payloads })
    }

    /// The payloads in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Payload<'a>> {
        self.payloads.iter().map(|l| &l.payload)
    }

    /// The payloads with their places.
    pub fn located(&self) -> &[Located<'a>] {
        &self.payloads
    }
}

/// Writes a chain, for example what is encrypted into KEMAC; the bytes are secret and are wiped.
///
/// # Errors
/// [`Refused`] for a payload that must not stand there, too many, or fields that do not fit.
pub fn encode_chain(payloads: &[Payload<'_>], within: Within) -> Result<SecretVec, Refused> {
    if payloads.len() > limits::SUB_PAYLOADS {
        return Err(Refused::Field("number of payloads"));
    }
    if payloads.iter().any(|p| !within.allows(p.kind())) {
        return Err(Refused::Field("payload inside a payload"));
    }
    // Room for all of it: a writer of secrets must never reallocate.
    let mut w = Writer::with_capacity(payloads.iter().map(Payload::size).sum());
    super::write_all(payloads, &mut w)?;
    Ok(SecretVec::new(w.finish()))
}
