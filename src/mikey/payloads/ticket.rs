//! TP and TICKET (RFC 6043 section 6.10), kept so that a ticket mode can be built on them.

use core::fmt;

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Refused};
use super::super::numbers::{PayloadType, PrfFunc, TicketType};
use super::chain::{Chain, Within};
use super::len16;
use crate::encoding::Writer;

/// The part that TP and TICKET have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketPolicy<'a> {
    /// What the ticket data are.
    pub kind: TicketType,
    /// Its subtype.
    pub subtype: u8,
    /// The version of the subtype.
    pub version: u8,
    /// The pseudo-random function for forking (7 bits).
    pub prf: PrfFunc,
    /// Flags D, E, F, .. O from the top of 12 bits, see [`TicketPolicy::flag`].
    pub flags: u16,
    /// Five reserved bits; sent as zero, kept and ignored when received.
    pub reserved: u8,
    /// TP Data: the type of the first payload, and the payloads.
    pub data: &'a [u8],
}

impl<'a> TicketPolicy<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let kind = TicketType(c.u16("Ticket Type")?);
        let (subtype, version) = (c.u8("Subtype")?, c.u8("Version")?);
        let [a, b, d] = c.array("PRF Func and flags")?;
        let bits = u32::from_be_bytes([0, a, b, d]);
        let (prf, flags, reserved) = (PrfFunc((bits >> 17) as u8), (bits >> 5) as u16 & 0x0fff, bits as u8 & 0x1f);
        let data = c.var16("TP Data length", "TP Data")?;
        Ok(Self { kind, subtype, version, prf, flags, reserved, data })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        if self.prf.0 > 0x7f || self.flags > 0x0fff || self.reserved > 0x1f {
            return Err(Refused::Field("PRF Func and flags"));
        }
        let bits = u32::from(self.prf.0) << 17 | u32::from(self.flags) << 5 | u32::from(self.reserved);
        let [_, head @ ..] = bits.to_be_bytes();
        w.u16(self.kind.0).u8(self.subtype).u8(self.version).bytes(&head);
        w.u16(len16("TP Data length", self.data)?).bytes(self.data);
        Ok(())
    }

    /// Whether the flag with this letter, `D` to `O`, is set.
    #[must_use]
    pub const fn flag(&self, letter: char) -> bool {
        match letter {
            'D'..='O' => self.flags >> (11 - (letter as u32 - 'D' as u32)) & 1 == 1,
            _ => false,
        }
    }

    /// The payloads of TP Data.
    ///
    /// # Errors
    /// TP Data that are not a type and payloads.
    pub fn payloads(&self) -> Result<Chain<'a>, ParseError> {
        announced(self.data, Within::TicketPolicy)
    }
}

/// TICKET: the granted policy, the ticket, and what the initiator adds when keys are forked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// The granted policy.
    pub policy: TicketPolicy<'a>,
    /// For whoever resolves the ticket.
    pub data: &'a [u8],
    /// Empty unless keys are forked. Not covered by the MAC of TRANSFER_INIT (RFC 6043 section 5.5).
    pub initiator_data: &'a [u8],
}

impl<'a> Ticket<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let policy = TicketPolicy::read(c)?;
        let data = c.var16("Ticket Data length", "Ticket Data")?;
        Ok(Self { policy, data, initiator_data: c.var16("Initiator Data length", "Initiator Data")? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        self.policy.write(w)?;
        w.u16(len16("Ticket Data length", self.data)?).bytes(self.data);
        w.u16(len16("Initiator Data length", self.initiator_data)?).bytes(self.initiator_data);
        Ok(())
    }

    /// The data of THDR and the payloads behind it, in the Ticket Data of a MIKEY Base Ticket (RFC 6043 appendix A).
    ///
    /// # Errors
    /// Ticket Data of another form.
    pub fn base_ticket(&self) -> Result<(&'a [u8], Chain<'a>), ParseError> {
        let mut c = Cursor::new(self.data, 0, "THDR");
        let next = PayloadType(c.u8("next payload")?);
        let head = c.var16("THDR Data length", "THDR Data")?;
        let rest = self.data.get(c.at()..).unwrap_or(&[]);
        Ok((head, Chain::parse_at(next, rest, c.at(), Within::TicketData)?))
    }

    /// The payloads of the Initiator Data.
    ///
    /// # Errors
    /// Data that are not a type and payloads.
    pub fn initiator_payloads(&self) -> Result<Chain<'a>, ParseError> {
        announced(self.initiator_data, Within::InitiatorData)
    }
}

impl fmt::Debug for Ticket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, data, initiator) = (&self.policy, self.data.len(), self.initiator_data.len());
        write!(f, "Ticket {{ {policy:?}, {data} bytes, {initiator} bytes of initiator data }}")
    }
}

/// A chain whose first byte says what its first payload is.
fn announced(data: &[u8], within: Within) -> Result<Chain<'_>, ParseError> {
    let mut c = Cursor::new(data, 0, within.name());
    let first = PayloadType(c.u8("first payload")?);
    Chain::parse_at(first, data.get(1..).unwrap_or(&[]), 1, within)
}
