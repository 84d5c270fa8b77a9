//! The common header HDR and its maps of crypto sessions (RFC 3830 section 6.1, RFC 4563 section 5, RFC 6043 section 6.1.1).
//!
//! RFC 3830 calls the CS ID map info a 16-bit field; its own figure and every other text have it as long as the map needs,
//! and so it is here. The Empty map has no info whatever `#CS` says.

use alloc::vec::Vec;

use super::cursor::Cursor;
use super::error::{ParseError, Reason, Refused};
use super::numbers::{CsIdMapType, DataType, PayloadType, PrfFunc, ProtType};
use crate::encoding::Writer;

/// The only version there is.
pub const VERSION: u8 = 1;
/// Bytes of an entry of the SRTP-ID map.
const SRTP_ID_BYTES: usize = 9;

/// The common header. Its "next payload" is that of the message's first payload and is not kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which message it is.
    pub data_type: DataType,
    /// The V flag: a response is expected. Has a meaning in an initiator's message only.
    pub v: bool,
    /// The pseudo-random function of all derivations.
    pub prf: PrfFunc,
    /// The crypto session bundle.
    pub csb_id: u32,
    /// `#CS`. The maps with entries have exactly this many.
    pub crypto_sessions: u8,
    /// The CS ID map.
    pub map: CsIdMap<'a>,
}

/// How crypto sessions are mapped to sessions of the security protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsIdMap<'a> {
    /// RFC 3830 section 6.1.1.
    SrtpId(SrtpIds<'a>),
    /// RFC 4563 section 5: known from elsewhere.
    Empty,
    /// RFC 6043 section 6.1.1.
    GenericId(GenericIds<'a>),
}

/// Entries of the SRTP-ID map, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrtpIds<'a>(&'a [u8]);

/// One entry; the crypto session's number is its place, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrtpId {
    /// Number of the SP payload.
    pub policy: u8,
    /// Who sends the stream chooses it; 0 is to be filled in by the responder.
    pub ssrc: u32,
    /// Rollover counter, 0 in a session that has not begun.
    pub roc: u32,
}

impl<'a> SrtpIds<'a> {
    /// The bytes of these entries, for [`Self::new`].
    #[must_use]
    pub fn encode(ids: &[SrtpId]) -> Vec<u8> {
        let mut w = Writer::with_capacity(ids.len() * SRTP_ID_BYTES);
        for id in ids {
            w.u8(id.policy).u32(id.ssrc).u32(id.roc);
        }
        w.finish()
    }

    /// From the bytes of whole entries.
    ///
    /// # Errors
    /// Not a multiple of nine bytes, or too many.
    pub const fn new(bytes: &'a [u8]) -> Result<Self, Refused> {
        let fits =
            bytes.len().is_multiple_of(SRTP_ID_BYTES) && bytes.len() / SRTP_ID_BYTES <= super::limits::CRYPTO_SESSIONS;
        if fits { Ok(Self(bytes)) } else { Err(Refused::Field("CS ID map info")) }
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = SrtpId> + 'a {
        self.0.chunks_exact(SRTP_ID_BYTES).filter_map(|entry| {
            let mut c = Cursor::new(entry, 0, "HDR");
            Some(SrtpId { policy: c.u8("").ok()?, ssrc: c.u32("").ok()?, roc: c.u32("").ok()? })
        })
    }

    fn count(&self) -> usize {
        self.0.len() / SRTP_ID_BYTES
    }
}

/// Entries of the GENERIC-ID map, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericIds<'a> {
    bytes: &'a [u8],
    count: u8,
}

/// One entry of the GENERIC-ID map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericId<'a> {
    /// The crypto session.
    pub cs_id: u8,
    /// The security protocol.
    pub protocol: ProtType,
    /// The S flag: for SRTP, whether the session data have ROC and SEQ.
    pub s: bool,
    /// Numbers of SP payloads, at most 127; exactly one in a response.
    pub policies: &'a [u8],
    /// SSRC, and with S set ROC (32 bits) and SEQ (16 bits), for SRTP.
    pub session_data: &'a [u8],
    /// The SPI (or MKI) of the key to begin with; empty where the responder fills it in.
    pub spi: &'a [u8],
}

impl<'a> GenericId<'a> {
    fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let cs_id = c.u8("CS ID")?;
        let protocol = ProtType(c.u8("Prot type")?);
        let flags = c.u8("S and #P")?;
        let policies = c.bytes("Ps", usize::from(flags & 0x7f))?;
        let session_data = c.var16("Session Data Length", "Session Data")?;
        let spi = c.var8("SPI Length", "SPI")?;
        Ok(Self { cs_id, protocol, s: flags & 0x80 != 0, policies, session_data, spi })
    }

    /// SSRC, and ROC with SEQ where the S flag says that they are there.
    ///
    /// # Errors
    /// Not SRTP, or session data of another length.
    pub fn srtp(&self) -> Result<(u32, Option<(u32, u16)>), Refused> {
        let wrong = Refused::Length { what: "Session Data", got: self.session_data.len() };
        let mut c = Cursor::new(self.session_data, 0, "HDR");
        if self.protocol != ProtType::SRTP || c.left() != if self.s { 10 } else { 4 } {
            return Err(wrong);
        }
        let ssrc = c.u32("SSRC").map_err(|_| wrong)?;
        let rest =
            if self.s { Some((c.u32("ROC").map_err(|_| wrong)?, c.u16("SEQ").map_err(|_| wrong)?)) } else { None };
        Ok((ssrc, rest))
    }
}

impl<'a> GenericIds<'a> {
    /// The bytes of these entries, for [`Self::new`].
    ///
    /// # Errors
    /// [`Refused::Field`] for what its length field cannot hold.
    pub fn encode(ids: &[GenericId<'_>]) -> Result<Vec<u8>, Refused> {
        let mut w = Writer::new();
        for id in ids {
            let policies = u8::try_from(id.policies.len()).ok().filter(|n| *n < 0x80).ok_or(Refused::Field("#P"))?;
            let data = u16::try_from(id.session_data.len()).map_err(|_| Refused::Field("Session Data Length"))?;
            let spi = u8::try_from(id.spi.len()).map_err(|_| Refused::Field("SPI Length"))?;
            w.u8(id.cs_id).u8(id.protocol.0).u8(u8::from(id.s) << 7 | policies).bytes(id.policies);
            w.u16(data).bytes(id.session_data).u8(spi).bytes(id.spi);
        }
        Ok(w.finish())
    }

    /// From the bytes of `count` entries.
    ///
    /// # Errors
    /// More or fewer bytes than that.
    pub fn new(bytes: &'a [u8], count: u8) -> Result<Self, ParseError> {
        let mut c = Cursor::new(bytes, 0, "HDR");
        let out = Self::read(&mut c, bytes, count)?;
        c.finish("CS ID map info")?;
        Ok(out)
    }

    fn read(c: &mut Cursor<'a, '_>, from: &'a [u8], count: u8) -> Result<Self, ParseError> {
        let before = c.left();
        for _ in 0..count {
            GenericId::read(c)?;
        }
        Ok(Self { bytes: from.get(..before - c.left()).unwrap_or(&[]), count })
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = GenericId<'a>> + 'a {
        let mut c = Cursor::new(self.bytes, 0, "HDR");
        // Every entry was read once before.
        (0..self.count).map_while(move |_| GenericId::read(&mut c).ok())
    }
}

impl CsIdMap<'_> {
    /// Its number.
    #[must_use]
    pub const fn kind(&self) -> CsIdMapType {
        match self {
            Self::SrtpId(_) => CsIdMapType::SRTP_ID,
            Self::Empty => CsIdMapType::EMPTY,
            Self::GenericId(_) => CsIdMapType::GENERIC_ID,
        }
    }
}

impl<'a> Header<'a> {
    /// Reads the header that begins `bytes`, at which `c` stands; gives the type of the first payload, too.
    pub(super) fn read(c: &mut Cursor<'a, '_>, bytes: &'a [u8]) -> Result<(Self, PayloadType), ParseError> {
        let version = c.u8("version")?;
        if version != VERSION {
            return Err(c.error_back(1, "version", Reason::Version { got: version }));
        }
        let data_type = DataType(c.u8("data type")?);
        let next = PayloadType(c.u8("next payload")?);
        let flags = c.u8("V and PRF func")?;
        let csb_id = c.u32("CSB ID")?;
        let crypto_sessions = c.u8("#CS")?;
        let map = match CsIdMapType(c.u8("CS ID map type")?) {
            CsIdMapType::SRTP_ID => {
                let all = usize::from(crypto_sessions) * SRTP_ID_BYTES;
                let info = bytes.get(c.at()..).and_then(|b| b.get(..all));
                let short = c.error("CS ID map info", Reason::Truncated { expected: all, got: c.left() });
                let info = info.ok_or(short)?;
                if c.is_tracing() {
                    for _ in 0..crypto_sessions {
                        c.u8("Policy_no")?;
                        c.u32("SSRC")?;
                        c.u32("ROC")?;
                    }
                } else {
                    c.bytes("CS ID map info", all)?;
                }
                CsIdMap::SrtpId(SrtpIds(info))
            }
            CsIdMapType::EMPTY => CsIdMap::Empty,
            CsIdMapType::GENERIC_ID => {
                let from = bytes.get(c.at()..).unwrap_or(&[]);
                CsIdMap::GenericId(GenericIds::read(c, from, crypto_sessions)?)
            }
            other => return Err(c.error_back(1, "CS ID map type", Reason::Unknown { got: other.0.into() })),
        };
        let prf = PrfFunc(flags & 0x7f);
        Ok((Self { data_type, v: flags & 0x80 != 0, prf, csb_id, crypto_sessions, map }, next))
    }

    /// Appends the header.
    pub(super) fn write(&self, next: PayloadType, w: &mut Writer) -> Result<(), Refused> {
        let (count, info): (usize, &[u8]) = match &self.map {
            CsIdMap::SrtpId(ids) => (ids.count(), ids.0),
            CsIdMap::Empty => (self.crypto_sessions.into(), &[]),
            CsIdMap::GenericId(ids) => (ids.count.into(), ids.bytes),
        };
        if count != usize::from(self.crypto_sessions) {
            return Err(Refused::Field("#CS"));
        }
        if self.prf.0 > 0x7f {
            return Err(Refused::Field("PRF func"));
        }
        w.u8(VERSION).u8(self.data_type.0).u8(next.0).u8(u8::from(self.v) << 7 | self.prf.0).u32(self.csb_id);
        w.u8(self.crypto_sessions).u8(self.map.kind().0).bytes(info);
        Ok(())
    }
}
