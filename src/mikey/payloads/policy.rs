//! SP, the security policy (RFC 3830 section 6.10), and what it says about SRTP (section 6.10.1, RFC 7714 section 14.3).
//!
//! Two entries of the SRTP table are easily mistaken for each other: type 3 is the length of the session authentication
//! *key* (20 bytes for HMAC-SHA-1), type 11 that of the authentication *tag* in a packet (10 or 4 bytes). A stack that writes
//! the tag's length under type 3 asks for an authentication key of 80 bits. [`SrtpPolicy::doubts`] names that.

use alloc::vec::Vec;

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Refused};
use super::super::numbers::{ProtType, SrtpAuthAlg, SrtpEncrAlg, SrtpParam};
use super::{len8, len16};
use crate::encoding::Writer;

/// SP: parameters of a security protocol as type, length, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'a> {
    /// What crypto sessions refer to; one number for one policy.
    pub number: u8,
    /// The protocol.
    pub protocol: ProtType,
    /// The parameters, whole triples.
    params: &'a [u8],
}

impl<'a> Policy<'a> {
    /// A policy of these parameter bytes, see [`Self::encode_params`].
    ///
    /// # Errors
    /// The bytes are not whole parameters.
    pub fn new(number: u8, protocol: ProtType, params: &'a [u8]) -> Result<Self, ParseError> {
        walk(&mut Cursor::new(params, 0, "SP"))?;
        Ok(Self { number, protocol, params })
    }

    /// The bytes of parameters, each a type and a value.
    ///
    /// # Errors
    /// A value of more than 255 bytes.
    pub fn encode_params(params: &[(u8, &[u8])]) -> Result<Vec<u8>, Refused> {
        let mut w = Writer::new();
        for (kind, value) in params {
            w.u8(*kind).u8(len8("Policy param Length", value)?).bytes(value);
        }
        Ok(w.finish())
    }

    /// The parameters in their order: type and value.
    pub fn params(&self) -> impl Iterator<Item = (u8, &'a [u8])> + 'a {
        let mut c = Cursor::new(self.params, 0, "SP");
        core::iter::from_fn(move || Some((c.u8("Type").ok()?, c.var8("Length", "Value").ok()?)))
    }

    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        let (number, protocol) = (c.u8("Policy no")?, ProtType(c.u8("Prot type")?));
        let n = usize::from(c.u16("Policy param length")?);
        let params = if c.is_tracing() {
            // Parameter by parameter, for whoever looks at them.
            let params = c.ahead("Policy param", n)?;
            let mut inner = Cursor::new(params, c.at(), "SP");
            walk(&mut inner)?;
            let end = c.at() + n;
            while c.at() < end {
                let length = c.ahead("Policy param", 2)?.get(1).copied().unwrap_or(0);
                c.bytes(
                    if protocol == ProtType::SRTP { "SRTP policy param" } else { "Policy param" },
                    2 + usize::from(length),
                )?;
            }
            params
        } else {
            let params = c.bytes("Policy param", n)?;
            walk(&mut Cursor::new(params, c.at() - n, "SP"))?;
            params
        };
        Ok(Self { number, protocol, params })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.number).u8(self.protocol.0).u16(len16("Policy param length", self.params)?).bytes(self.params);
        Ok(())
    }
}

/// Every parameter once.
fn walk(c: &mut Cursor<'_, '_>) -> Result<(), ParseError> {
    while c.left() > 0 {
        c.u8("Policy param Type")?;
        c.var8("Policy param Length", "Policy param Value")?;
    }
    Ok(())
}

/// An SRTP policy with its values by name; `None` where the policy does not say, which means SRTP's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SrtpPolicy {
    /// Type 0.
    pub encr_alg: Option<u8>,
    /// Type 1, bytes; also the length of the master key.
    pub encr_key_len: Option<u32>,
    /// Type 2.
    pub auth_alg: Option<u8>,
    /// Type 3, bytes of the session authentication key. Not of the tag.
    pub auth_key_len: Option<u32>,
    /// Type 4, bytes.
    pub salt_len: Option<u32>,
    /// Type 5.
    pub prf: Option<u8>,
    /// Type 6, packets.
    pub key_derivation_rate: Option<u64>,
    /// Type 7.
    pub srtp_encryption: Option<bool>,
    /// Type 8.
    pub srtcp_encryption: Option<bool>,
    /// Type 9.
    pub fec_order: Option<u8>,
    /// Type 10.
    pub srtp_authentication: Option<bool>,
    /// Type 11, bytes of the authentication tag of a packet. Not of the key.
    pub auth_tag_len: Option<u32>,
    /// Type 12, bytes.
    pub prefix_len: Option<u32>,
    /// Type 20, bytes, for the AEAD algorithms.
    pub aead_tag_len: Option<u32>,
}

/// A policy that can be meant otherwise than it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// Type 3 has a length of HMAC-SHA-1 tags (4 or 10 bytes) and type 11 is not there: the tag's length was written as the
    /// key's.
    TagLengthAsKeyLength {
        /// The value of type 3.
        bytes: u32,
    },
    /// Type 11 has 20 bytes, the length of HMAC-SHA-1 keys, which SRTP cuts its tags down from.
    KeyLengthAsTagLength {
        /// The value of type 11.
        bytes: u32,
    },
    /// SRTP packets would not be encrypted.
    NoEncryption,
    /// SRTP packets would not be authenticated.
    NoAuthentication,
}

impl SrtpPolicy {
    /// The policy of an SP payload for SRTP. Parameters that are not known are skipped, as they have a length of their own.
    ///
    /// # Errors
    /// Another protocol, a parameter twice, a value that does not fit its meaning.
    pub fn of(policy: &Policy<'_>) -> Result<Self, Refused> {
        if policy.protocol != ProtType::SRTP {
            return Err(Refused::Algorithm { what: "Prot type", got: policy.protocol.0 });
        }
        let mut out = Self::default();
        let mut seen = [false; 256];
        for (kind, value) in policy.params() {
            let param = SrtpParam(kind);
            let wrong = Refused::Field(param.name().unwrap_or("SRTP policy parameter"));
            if let Some(seen) = seen.get_mut(usize::from(kind))
                && core::mem::replace(seen, true)
            {
                return Err(wrong);
            }
            let number = integer(value);
            let small = || number.and_then(|n| u8::try_from(n).ok()).ok_or(wrong);
            let length = || number.and_then(|n| u32::try_from(n).ok()).ok_or(wrong);
            let flag = || match number {
                Some(n @ 0..=1) => Ok(n == 1),
                _ => Err(wrong),
            };
            match param {
                SrtpParam::ENCR_ALG => out.encr_alg = Some(small()?),
                SrtpParam::ENCR_KEY_LEN => out.encr_key_len = Some(length()?),
                SrtpParam::AUTH_ALG => out.auth_alg = Some(small()?),
                SrtpParam::AUTH_KEY_LEN => out.auth_key_len = Some(length()?),
                SrtpParam::SALT_KEY_LEN => out.salt_len = Some(length()?),
                SrtpParam::PRF => out.prf = Some(small()?),
                SrtpParam::KEY_DERIVATION_RATE => out.key_derivation_rate = Some(number.ok_or(wrong)?),
                SrtpParam::SRTP_ENCR => out.srtp_encryption = Some(flag()?),
                SrtpParam::SRTCP_ENCR => out.srtcp_encryption = Some(flag()?),
                SrtpParam::FEC_ORDER => out.fec_order = Some(small()?),
                SrtpParam::SRTP_AUTH => out.srtp_authentication = Some(flag()?),
                SrtpParam::AUTH_TAG_LEN => out.auth_tag_len = Some(length()?),
                SrtpParam::PREFIX_LEN => out.prefix_len = Some(length()?),
                SrtpParam::AEAD_TAG_LEN => out.aead_tag_len = Some(length()?),
                _ => {}
            }
        }
        Ok(out)
    }

    /// The bytes of the parameters that are set, in the order of their types; lengths and switches in one byte where they
    /// fit, as other stacks write them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        let flag = |b: Option<bool>| b.map(u64::from);
        let all = [
            (SrtpParam::ENCR_ALG, self.encr_alg.map(u64::from)),
            (SrtpParam::ENCR_KEY_LEN, self.encr_key_len.map(u64::from)),
            (SrtpParam::AUTH_ALG, self.auth_alg.map(u64::from)),
            (SrtpParam::AUTH_KEY_LEN, self.auth_key_len.map(u64::from)),
            (SrtpParam::SALT_KEY_LEN, self.salt_len.map(u64::from)),
            (SrtpParam::PRF, self.prf.map(u64::from)),
            (SrtpParam::KEY_DERIVATION_RATE, self.key_derivation_rate),
            (SrtpParam::SRTP_ENCR, flag(self.srtp_encryption)),
            (SrtpParam::SRTCP_ENCR, flag(self.srtcp_encryption)),
            (SrtpParam::FEC_ORDER, self.fec_order.map(u64::from)),
            (SrtpParam::SRTP_AUTH, flag(self.srtp_authentication)),
            (SrtpParam::AUTH_TAG_LEN, self.auth_tag_len.map(u64::from)),
            (SrtpParam::PREFIX_LEN, self.prefix_len.map(u64::from)),
            (SrtpParam::AEAD_TAG_LEN, self.aead_tag_len.map(u64::from)),
        ];
        for (param, value) in all {
            let Some(value) = value else { continue };
            let bytes = value.to_be_bytes();
            let used = (8 - value.leading_zeros() as usize / 8).max(1);
            w.u8(param.0).u8(used as u8).bytes(bytes.get(8 - used..).unwrap_or(&[]));
        }
        w.finish()
    }

    /// What about this policy is probably not what was meant, or should not be accepted unseen.
    #[must_use]
    pub fn doubts(&self) -> Vec<Doubt> {
        let mut out = Vec::new();
        // An AEAD has neither.
        let hmac = self.auth_alg.is_none_or(|a| a == SrtpAuthAlg::HMAC_SHA_1.0)
            && self.encr_alg != Some(SrtpEncrAlg::AES_GCM.0);
        match (self.auth_key_len, self.auth_tag_len) {
            (Some(bytes @ (4 | 10)), None) if hmac => out.push(Doubt::TagLengthAsKeyLength { bytes }),
            (_, Some(bytes @ 20)) if hmac => out.push(Doubt::KeyLengthAsTagLength { bytes }),
            _ => {}
        }
        if self.encr_alg == Some(SrtpEncrAlg::NULL.0) || self.srtp_encryption == Some(false) {
            out.push(Doubt::NoEncryption);
        }
        let gcm = self.encr_alg == Some(SrtpEncrAlg::AES_GCM.0);
        if !gcm && (self.auth_alg == Some(SrtpAuthAlg::NULL.0) || self.srtp_authentication == Some(false)) {
            out.push(Doubt::NoAuthentication);
        }
        out
    }
}

/// A big-endian integer of 1 to 8 bytes.
pub(in crate::mikey) fn integer(bytes: &[u8]) -> Option<u64> {
    (1..=8).contains(&bytes.len()).then(|| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}
