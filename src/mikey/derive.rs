//! Which keys come from which under which label.
//!
//! | from | label | source |
//! | --- | --- | --- |
//! | TGK | `constant, cs_id, csb_id, RAND` | RFC 3830 section 4.1.3 |
//! | pre-shared, envelope key, MPK | `constant, ff, csb_id, RAND` | RFC 3830 section 4.1.4, RFC 6267 section 5.2 |
//! | K_SESSION | `constant, ff, ffffffff, RAND` | RFC 6267 section 5.1 |
//! | forked, message and media keys of tickets | [`Ticket`] | RFC 6043 section 5.1, 6.10, appendix A.2 |
//!
//! All constants are nine consecutive decimal digits of e each. RFC 6267's for MPK and TGK are those of RFC 6043 appendix A
//! for MPKi and MPKr; labels differ in what follows.
//!
//! RFC 6267 section 5.1 sets `inkey_len` to the "bit length of the MPK", which is an output; the length of K_SESSION is
//! meant. K_SESSION is one whole octet string: for P-521 its 133 bytes are five blocks of 32 bytes, the last one short.

use alloc::vec::Vec;

use super::algorithms::EncryptionKeys;
use super::error::Refused;
use super::numbers::{EncrAlg, MacAlg, PrfFunc};
use super::prf::derive;
use crate::encoding::Writer;
use crate::secret::SecretVec;

/// The constants of the labels.
pub mod constants {
    /// TEK from TGK.
    pub const TEK: u32 = 0x2AD0_1C64;
    /// Authentication key from TGK, for protocols that derive none from a TEK.
    pub const TGK_AUTHENTICATION: u32 = 0x1B5C_7973;
    /// Encryption key from TGK, likewise.
    pub const TGK_ENCRYPTION: u32 = 0x1579_8CEF;
    /// Salting key from TGK.
    pub const TGK_SALTING: u32 = 0x39A2_C14B;
    /// Encryption key of messages.
    pub const ENCRYPTION: u32 = 0x1505_33E1;
    /// Authentication key of messages.
    pub const AUTHENTICATION: u32 = 0x2D22_AC75;
    /// Salting key of messages.
    pub const SALTING: u32 = 0x29B8_8916;
    /// Forked MPK (RFC 6043).
    pub const FORKED_MPK: u32 = 0x2B28_8856;
    /// Forked TGK (RFC 6043).
    pub const FORKED_TGK: u32 = 0x1512_B54A;
    /// MPK from K_SESSION (RFC 6267); MPKi from MPK (RFC 6043).
    pub const MPK: u32 = 0x220E_99A2;
    /// TGK from K_SESSION (RFC 6267); MPKr from MPK (RFC 6043).
    pub const TGK: u32 = 0x1F4D_675B;
}

/// What is derived from a TGK for a crypto session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TgkKey {
    /// Traffic encryption key, for SRTP the master key.
    Tek,
    /// Authentication key.
    Authentication,
    /// Encryption key.
    Encryption,
    /// Salting key, for SRTP the master salt. Only where none came with the TGK.
    Salting,
}

impl TgkKey {
    const fn constant(self) -> u32 {
        match self {
            Self::Tek => constants::TEK,
            Self::Authentication => constants::TGK_AUTHENTICATION,
            Self::Encryption => constants::TGK_ENCRYPTION,
            Self::Salting => constants::TGK_SALTING,
        }
    }
}

/// What protects messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKey {
    /// Encryption key of KEMAC.
    Encryption,
    /// Authentication key of KEMAC and V.
    Authentication,
    /// Salting key of KEMAC.
    Salting,
}

impl MessageKey {
    const fn constant(self) -> u32 {
        match self {
            Self::Encryption => constants::ENCRYPTION,
            Self::Authentication => constants::AUTHENTICATION,
            Self::Salting => constants::SALTING,
        }
    }
}

/// What is derived from K_SESSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKey {
    /// MIKEY protection key: takes the place of the pre-shared key.
    Mpk,
    /// TEK generation key.
    Tgk,
}

/// A key of `len` bytes for crypto session `cs_id`, from a TGK. Source: RFC 3830 section 4.1.3.
///
/// # Errors
/// As [`derive()`].
pub fn from_tgk(
    prf: PrfFunc,
    tgk: &SecretVec,
    key: TgkKey,
    (csb_id, cs_id): (u32, u8),
    rand: &[u8],
    len: usize,
) -> Result<SecretVec, Refused> {
    label(prf, tgk, key.constant(), cs_id, csb_id, rand, len)
}

/// A key of `len` bytes that protects messages, from a pre-shared or envelope key or an MPK. Source: RFC 3830 section 4.1.4.
///
/// # Errors
/// As [`derive()`].
pub fn for_messages(
    prf: PrfFunc,
    inkey: &SecretVec,
    key: MessageKey,
    csb_id: u32,
    rand: &[u8],
    len: usize,
) -> Result<SecretVec, Refused> {
    label(prf, inkey, key.constant(), 0xff, csb_id, rand, len)
}

/// MPK or TGK of `len` bytes from K_SESSION. Source: RFC 6267 section 5.1.
///
/// # Errors
/// As [`derive()`].
pub fn from_session(
    prf: PrfFunc,
    k_session: &SecretVec,
    key: SessionKey,
    rand: &[u8],
    len: usize,
) -> Result<SecretVec, Refused> {
    let constant = match key {
        SessionKey::Mpk => constants::MPK,
        SessionKey::Tgk => constants::TGK,
    };
    label(prf, k_session, constant, 0xff, 0xffff_ffff, rand, len)
}

/// The authentication key for a MAC algorithm: as long as its tag.
///
/// # Errors
/// [`Refused::NullMac`], [`Refused::Algorithm`], and as [`derive()`].
pub fn authentication_key(
    prf: PrfFunc,
    alg: MacAlg,
    inkey: &SecretVec,
    csb_id: u32,
    rand: &[u8],
) -> Result<SecretVec, Refused> {
    match alg.tag_len() {
        Some(0) => Err(Refused::NullMac),
        Some(n) => for_messages(prf, inkey, MessageKey::Authentication, csb_id, rand, n),
        None => Err(Refused::Algorithm { what: "MAC alg", got: alg.0 }),
    }
}

/// Encryption and salting key for an encryption algorithm.
///
/// # Errors
/// [`Refused::NullEncryption`], [`Refused::Algorithm`], and as [`derive()`].
pub fn encryption_keys(
    prf: PrfFunc,
    alg: EncrAlg,
    inkey: &SecretVec,
    csb_id: u32,
    rand: &[u8],
) -> Result<EncryptionKeys, Refused> {
    let (key, salt) = match (alg, alg.key_len(), alg.salt_len()) {
        (EncrAlg::NULL, ..) => return Err(Refused::NullEncryption),
        (_, Some(key), Some(salt)) => (key, salt),
        _ => return Err(Refused::Algorithm { what: "Encr alg", got: alg.0 }),
    };
    Ok(EncryptionKeys {
        key: for_messages(prf, inkey, MessageKey::Encryption, csb_id, rand, key)?,
        salt: for_messages(prf, inkey, MessageKey::Salting, csb_id, rand, salt)?,
    })
}

fn label(
    prf: PrfFunc,
    inkey: &SecretVec,
    constant: u32,
    cs_id: u8,
    csb_id: u32,
    rand: &[u8],
    len: usize,
) -> Result<SecretVec, Refused> {
    derive(prf, inkey.expose(), &[&constant.to_be_bytes(), &[cs_id], &csb_id.to_be_bytes(), rand], len)
}

/// The labels that RFC 6043 adds. Values that a label has with their lengths may be absent, which is a length of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket<'a> {
    /// MPKr' or TGK' of a forked key (section 5.1.1).
    Forked {
        /// [`constants::FORKED_MPK`] or [`constants::FORKED_TGK`].
        constant: u32,
        /// ID Data of IDRr, up to 65,535 bytes.
        id: &'a [u8],
        /// RANDRkms.
        rand_kms: &'a [u8],
    },
    /// Keys that protect messages (section 5.1.2).
    Message {
        /// Which.
        key: MessageKey,
        /// The bundle.
        csb_id: u32,
        /// A response, not an initial message.
        response: bool,
        /// RANDRi.
        rand_i: &'a [u8],
        /// RANDRr.
        rand_r: &'a [u8],
    },
    /// Media keys from TGK or GTGK (section 5.1.3).
    Media {
        /// Which.
        key: TgkKey,
        /// The crypto session.
        cs_id: u8,
        /// RANDRi.
        rand_i: &'a [u8],
        /// RANDRr.
        rand_r: &'a [u8],
    },
    /// Key of Vr in Initiator Data (section 6.10).
    InitiatorData {
        /// Which.
        key: MessageKey,
    },
    /// Keys that protect a base ticket, from TPK (appendix A.2.1).
    BaseTicket {
        /// Which.
        key: MessageKey,
        /// RAND of the ticket.
        rand: &'a [u8],
    },
    /// MPKi or MPKr from MPK (appendix A.2.2).
    Protection {
        /// MPKr, not MPKi.
        responder: bool,
        /// RAND of the ticket.
        rand: &'a [u8],
    },
}

impl Ticket<'_> {
    /// `len` bytes from `inkey` under this label.
    ///
    /// # Errors
    /// [`Refused::Field`] for a value that its length field cannot hold; as [`derive()`].
    pub fn derive(&self, prf: PrfFunc, inkey: &SecretVec, len: usize) -> Result<SecretVec, Refused> {
        derive(prf, inkey.expose(), &[&self.label()?], len)
    }

    fn label(&self) -> Result<Vec<u8>, Refused> {
        const ANY: u32 = 0xffff_ffff;
        let mut w = Writer::new();
        let mut rands: &[&[u8]] = &[];
        let (both, one);
        match self {
            Self::Forked { constant, id, rand_kms } => {
                let n = u16::try_from(id.len()).map_err(|_| Refused::Field("ID Data"))?;
                w.u32(*constant).u8(0xff).u32(ANY).u8(0).u16(n).bytes(id);
                one = [*rand_kms];
                rands = &one;
            }
            Self::Message { key, csb_id, response, rand_i, rand_r } => {
                w.u32(key.constant()).u8(0xff).u32(*csb_id).u8(1 + u8::from(*response));
                both = [*rand_i, *rand_r];
                rands = &both;
            }
            Self::Media { key, cs_id, rand_i, rand_r } => {
                w.u32(key.constant()).u8(*cs_id).u32(ANY).u8(3);
                both = [*rand_i, *rand_r];
                rands = &both;
            }
            Self::InitiatorData { key } => {
                w.u32(key.constant()).u8(0xff).u32(ANY).u8(4);
            }
            Self::BaseTicket { key, rand } => {
                w.u32(key.constant()).u8(0xff).u32(ANY).u8(5);
                one = [*rand];
                rands = &one;
            }
            Self::Protection { responder, rand } => {
                w.u32(if *responder { constants::TGK } else { constants::MPK }).u8(0xff).u32(ANY).u8(6);
                one = [*rand];
                rands = &one;
            }
        }
        for rand in rands {
            w.u8(u8::try_from(rand.len()).map_err(|_| Refused::Field("RAND length"))?).bytes(rand);
        }
        Ok(w.finish())
    }
}
