//! A whole message: header and chain of payloads, read in place.

use alloc::vec::Vec;

use super::cursor::{Cursor, Trace};
use super::error::{ParseError, Reason, Refused};
use super::header::{CsIdMap, Header};
use super::limits;
use super::numbers::{IdRole, MacAlg, PayloadType};
use super::payloads::{self, Id, Located, Payload, Policy, Timestamp};

/// A message that was read. Borrows from the input; beside it there is one vector of at most [`limits::PAYLOADS`] entries, so
/// what is allocated does not grow with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header<'a>,
    payloads: Vec<Located<'a>>,
}

/// What is left out of [`Message::parts_without`], beside the tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaveOut {
    /// ESK payloads as a whole: RFC 6267 section 5.4.
    pub esk: bool,
    /// Length and data of the initiator in TICKET: RFC 6043 section 5.5, for TRANSFER_INIT.
    pub initiator_data: bool,
    /// The Encr data (not their length) of KEMAC, IBAKE and ESK, for associated data of what is to be put there.
    pub encr_data: bool,
}

/// The MAC or signature at the end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Of which payload.
    pub payload: PayloadType,
    /// The MAC algorithm; `None` for a signature.
    pub alg: Option<MacAlg>,
    /// Where its bytes begin; they go on to the end of the message.
    pub offset: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// Every payload must be of a known type, because the length of others cannot be known. Refused are, besides what is cut
    /// off or left over: keys in the clear (Key data, SK and ECCPT outside what is encrypted, RFC 3830 section 6.13 and RFC
    /// 6267 section 6.1), SP in a message with the Empty map (RFC 4563 section 5), no payload at all or SIGN as the first (RFC
    /// 3830 section 6.1).
    ///
    /// # Errors
    /// [`ParseError`] names payload, field and offset.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut c = Cursor::new(bytes, 0, "HDR");
        Self::read(bytes, &mut c)
    }

    /// As [`Self::parse`], and notes every field up to the end or the fault.
    pub(super) fn traced(bytes: &'a [u8], trace: &mut Trace<'a>) -> Result<Self, ParseError> {
        Self::read(bytes, &mut Cursor::tracing(bytes, trace))
    }

    fn read(bytes: &'a [u8], c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        if bytes.len() > limits::MESSAGE {
            return Err(c.error("message", Reason::TooLong { limit: limits::MESSAGE, got: bytes.len() }));
        }
        let (header, first) = Header::read(c, bytes)?;
        if matches!(first, PayloadType::LAST | PayloadType::SIGN) {
            let reason = Reason::Misplaced { got: first };
            return Err(ParseError { payload: "HDR", offset: 2, field: "next payload", reason });
        }
        let mut payloads = Vec::new();
        let mut next = first;
        while next != PayloadType::LAST {
            if payloads.len() == limits::PAYLOADS {
                let reason = Reason::TooLong { limit: limits::PAYLOADS, got: limits::PAYLOADS + 1 };
                return Err(c.error("next payload", reason));
            }
            let inner = matches!(next, PayloadType::KEY_DATA | PayloadType::SK | PayloadType::ECCPT);
            if inner || next == PayloadType::SP && header.map == CsIdMap::Empty {
                return Err(c.error("next payload", Reason::Misplaced { got: next }));
            }
            next = payloads::read_into(next, c, &mut payloads)?;
        }
        c.finish("end")?;
        Ok(Self { bytes, header, payloads })
    }

    /// The bytes that were read.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The common header.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The payloads in their order.
    pub fn payloads(&self) -> impl DoubleEndedIterator<Item = &Payload<'a>> + ExactSizeIterator {
        self.payloads.iter().map(|l| &l.payload)
    }

    /// The payloads with their places.
    #[must_use]
    pub fn located(&self) -> &[Located<'a>] {
        &self.payloads
    }

    /// The one payload of this type, or none.
    ///
    /// # Errors
    /// [`Refused::Repeated`] if there are several.
    pub fn optional(&self, kind: PayloadType) -> Result<Option<&Payload<'a>>, Refused> {
        let mut all = self.payloads().filter(|p| p.kind() == kind);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Refused::Repeated(kind)),
            (found, None) => Ok(found),
        }
    }

    /// The one payload of this type.
    ///
    /// # Errors
    /// [`Refused::Missing`] or [`Refused::Repeated`].
    pub fn single(&self, kind: PayloadType) -> Result<&Payload<'a>, Refused> {
        self.optional(kind)?.ok_or(Refused::Missing(kind))
    }

    /// The timestamp.
    ///
    /// # Errors
    /// As [`Self::single`].
    pub fn timestamp(&self) -> Result<Timestamp, Refused> {
        match self.single(PayloadType::T)? {
            Payload::T(t) => Ok(*t),
            _ => Err(Refused::Missing(PayloadType::T)),
        }
    }

    /// The RAND.
    ///
    /// # Errors
    /// As [`Self::single`].
    pub fn rand(&self) -> Result<&'a [u8], Refused> {
        match self.single(PayloadType::RAND)? {
            Payload::Rand(r) => Ok(r),
            _ => Err(Refused::Missing(PayloadType::RAND)),
        }
    }

    /// The identity with this role, if there is one. Requests for keys name several of one role: see [`Self::identities`].
    ///
    /// # Errors
    /// [`Refused::Repeated`].
    pub fn identity(&self, role: IdRole) -> Result<Option<Id<'a>>, Refused> {
        let mut all = self.identities(role);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Refused::Repeated(PayloadType::IDR)),
            (found, None) => Ok(found),
        }
    }

    /// All identities with this role, in their order.
    pub fn identities(&self, role: IdRole) -> impl Iterator<Item = Id<'a>> {
        self.payloads().filter_map(move |p| match p {
            Payload::Idr(idr) if idr.role == role => Some(idr.id),
            _ => None,
        })
    }

    /// The policy with this number. Numbers are to be distinct (RFC 3830 section 6.10).
    ///
    /// # Errors
    /// [`Refused::Missing`] or [`Refused::Repeated`].
    pub fn policy(&self, number: u8) -> Result<&Policy<'a>, Refused> {
        let mut all = self.payloads().filter_map(|p| match p {
            Payload::Sp(policy) if policy.number == number => Some(policy),
            _ => None,
        });
        match (all.next(), all.next()) {
            (Some(found), None) => Ok(found),
            (None, _) => Err(Refused::Missing(PayloadType::SP)),
            (Some(_), Some(_)) => Err(Refused::Repeated(PayloadType::SP)),
        }
    }

    /// The MAC or signature that ends the message: of V, SIGN or KEMAC if that is its last payload.
    #[must_use]
    pub fn tag(&self) -> Option<Tag<'a>> {
        let (alg, bytes) = match self.payloads.last()?.payload {
            Payload::V(v) => (Some(v.alg), v.data),
            Payload::Kemac(k) => (Some(k.mac_alg), k.mac),
            Payload::Sign(s) => (None, s.signature),
            _ => return None,
        };
        let payload = self.payloads.last()?.payload.kind();
        Some(Tag { payload, alg, offset: self.bytes.len() - bytes.len(), bytes })
    }

    /// What the MAC or signature covers: the entire message except the tag itself (RFC 3830 section 5.2). What a mode puts
    /// behind it (identities, timestamp, the message answered) is the caller's.
    #[must_use]
    pub fn covered(&self) -> &'a [u8] {
        let end = self.tag().map_or(self.bytes.len(), |t| t.offset);
        self.bytes.get(..end).unwrap_or(&[])
    }

    /// As [`Self::covered`], in the parts that remain when more is left out. Bytes that remain are as sent: the payload in
    /// front of an ESK still says that an ESK follows.
    #[must_use]
    pub fn parts_without(&self, out: LeaveOut) -> Vec<&'a [u8]> {
        let covered = self.covered();
        let mut parts = Vec::new();
        let mut from = 0;
        let mut skip = |begin: usize, end: usize| {
            parts.push(covered.get(from..begin.min(covered.len())).unwrap_or(&[]));
            from = end;
        };
        for l in &self.payloads {
            let end = l.offset + l.len;
            match l.payload {
                Payload::Esk(_) if out.esk => skip(l.offset, end),
                // Next payload and a length of two bytes stand before the data.
                Payload::Esk(_) | Payload::Ibake(_) if out.encr_data => skip(l.offset + 3, end),
                // With the algorithm in between.
                Payload::Kemac(k) if out.encr_data => skip(l.offset + 4, l.offset + 4 + k.encr_data.len()),
                Payload::Ticket(t) if out.initiator_data => skip(end - t.initiator_data.len() - 2, end),
                _ => {}
            }
        }
        parts.push(covered.get(from..).unwrap_or(&[]));
        parts.retain(|p| !p.is_empty());
        parts
    }

    /// What the MAC of KEMAC covers in public-key messages: the payload alone, without the MAC and with its next payload set
    /// to zero (RFC 3830 sections 5.2 and 6.2).
    ///
    /// # Errors
    /// As [`Self::single`].
    pub fn kemac_parts(&self) -> Result<[&'a [u8]; 2], Refused> {
        const LAST: &[u8] = &[PayloadType::LAST.0];
        self.single(PayloadType::KEMAC)?;
        let found = self.payloads.iter().find_map(|l| match l.payload {
            Payload::Kemac(k) => self.bytes.get(l.offset + 1..l.offset + l.len - k.mac.len()),
            _ => None,
        });
        Ok([LAST, found.ok_or(Refused::Missing(PayloadType::KEMAC))?])
    }

    /// Writes header and payloads anew; gives the bytes that were read.
    ///
    /// # Errors
    /// None for a message that was read.
    pub fn encode(&self) -> Result<Vec<u8>, Refused> {
        let payloads: Vec<Payload<'a>> = self.payloads().copied().collect();
        super::build::encode(&self.header, &payloads)
    }
}
