//! From K_SESSION to the keys of a bundle.
//!
//! ```text
//! inkey, rfc6267 = K_SESSION
//! inkey, bound   = K_BOUND = Exp(Ext(H(lp(I_MESSAGE_1) || lp(R_MESSAGE_1) || lp(I_MESSAGE_2)),
//!                                    lp(K_SESSION) || lp(K_I1) || lp(K_R1) || lp(K_I2)), "mikey bound", 32)
//! update, bound  = Exp(Ext(H(lp(I_MESSAGE_1) || lp(R_MESSAGE_1)), lp(K_SESSION) || lp(K_I1) || lp(K_R1) || lp(K_BOUND)), "mikey update", 32)
//! MPK, TGK       = PRF(inkey, constant || ff || ffffffff || RAND), 32 bytes each
//! ```
//! `K_xx` is the KEM secret of that message's IBAKE payload, `K_I1` empty where the first message was not opened. Hashing the
//! messages alone would bind nothing: whoever holds the initiator's key reads and makes all of them but what is sealed to
//! the responder.

use alloc::vec::Vec;
use core::fmt;

use super::media::CryptoSession;
use crate::encoding::lp;
use crate::kdf::{Prk, hash, label};
use crate::mikey::derive::{self, SessionKey, TgkKey};
use crate::mikey::error::Refused;
use crate::mikey::numbers::{MacAlg, PrfFunc};
use crate::secret::{SHALLOW, Secret, SecretVec, leaving_no_trace};
use crate::srtp::{MasterKeys, Profile};
use crate::suite::labels;

/// Bytes of an MPK.
const MPK_BYTES: usize = 32;

fn hash_messages(messages: &[&[u8]]) -> [u8; 32] {
    let lengths: Vec<[u8; 4]> = messages.iter().map(|m| lp(m)).collect();
    let mut parts: Vec<&[u8]> = Vec::with_capacity(2 * messages.len());
    lengths.iter().zip(messages).for_each(|(l, m)| parts.extend([&l[..], m]));
    hash(&parts)
}

fn bind(name: &str, messages: &[&[u8]], secrets: [&[u8]; 4]) -> SecretVec {
    let lengths = secrets.map(lp);
    let mut ikm: Vec<&[u8]> = Vec::with_capacity(8);
    lengths.iter().zip(secrets).for_each(|(l, s)| ikm.extend([&l[..], s]));
    // The hash keeps the last block of what it was given on the stack.
    leaving_no_trace::<SHALLOW, _>(|| {
        let prk = Prk::extract(&hash_messages(messages), &ikm);
        SecretVec::new(prk.expand::<32>(&[label(name).as_ref()]).expose().to_vec())
    })
}

/// K_BOUND of a call.
pub(super) fn bound(
    messages: [&[u8]; 3],
    k_session: &SecretVec,
    k_i1: Option<&Secret<32>>,
    k_r1: &Secret<32>,
    k_i2: &Secret<32>,
) -> SecretVec {
    let k_i1: &[u8] = k_i1.map_or(&[], |k| k.expose());
    bind(labels::MIKEY_BOUND, &messages, [k_session.expose(), k_i1, k_r1.expose(), k_i2.expose()])
}

/// K_BOUND after an update.
pub(super) fn bound_again(
    messages: [&[u8]; 2],
    k_session: &SecretVec,
    k_i1: &Secret<32>,
    k_r1: &Secret<32>,
    before: &SecretVec,
) -> SecretVec {
    let secrets = [k_session.expose(), k_i1.expose(), k_r1.expose(), before.expose()];
    bind(labels::MIKEY_UPDATE, &messages, secrets)
}

/// SRTP master key and salt of one crypto session: TEK and salting key from a TGK (RFC 3830 section 4.1.3), in the lengths of
/// its profile.
pub(super) fn master_keys(
    prf: PrfFunc,
    tgk: &SecretVec,
    cs: (u32, u8),
    rand: &[u8],
    profile: Profile,
) -> Result<MasterKeys, Refused> {
    let tek = derive::from_tgk(prf, tgk, TgkKey::Tek, cs, rand, profile.key_len())?;
    let salt = derive::from_tgk(prf, tgk, TgkKey::Salting, cs, rand, profile.salt_len())?;
    let mut both = Vec::with_capacity(tek.expose().len() + salt.expose().len());
    both.extend_from_slice(tek.expose());
    both.extend_from_slice(salt.expose());
    let both = SecretVec::new(both);
    MasterKeys::from_key_and_salt(profile, both.expose()).map_err(|_| Refused::Field("SRTP master key"))
}

/// The keys of a bundle between two updates. Wiped on drop; `Debug` shows nothing of them.
pub struct Keys {
    pub(super) inkey: SecretVec,
    mpk: SecretVec,
    tgk: SecretVec,
    media: Vec<(u8, MasterKeys)>,
    mki: Vec<u8>,
}

impl Keys {
    /// All keys below `inkey`.
    pub(super) fn derive(
        prf: PrfFunc,
        inkey: SecretVec,
        csb_id: u32,
        rand: &[u8],
        sessions: &[CryptoSession],
        mki: &[u8],
    ) -> Result<Self, Refused> {
        let mpk = derive::from_session(prf, &inkey, SessionKey::Mpk, rand, MPK_BYTES)?;
        let tgk = derive::from_session(prf, &inkey, SessionKey::Tgk, rand, super::share::TGK_BYTES.into())?;
        let mut media = Vec::with_capacity(sessions.len());
        for s in sessions {
            media.push((s.cs_id, master_keys(prf, &tgk, (csb_id, s.cs_id), rand, s.profile)?));
        }
        Ok(Self { inkey, mpk, tgk, media, mki: mki.to_vec() })
    }

    /// SRTP master key and salt of a crypto session, in the forms of [`MasterKeys`]: TEK and salting key of RFC 3830 section
    /// 4.1.3. Both ends have the same; [`CryptoSession::sender`] says who sends under it. For RTCP the same master key.
    #[must_use]
    pub fn srtp(&self, cs_id: u8) -> Option<&MasterKeys> {
        self.media.iter().find_map(|(id, keys)| (*id == cs_id).then_some(keys))
    }

    /// The MKI that names these keys in packets; empty for none.
    #[must_use]
    pub fn mki(&self) -> &[u8] {
        &self.mki
    }

    /// The TGK itself, for security protocols other than SRTP.
    #[must_use]
    pub const fn tgk(&self) -> &SecretVec {
        &self.tgk
    }

    /// The key of V.
    pub(super) fn authentication(
        &self,
        prf: PrfFunc,
        alg: MacAlg,
        csb_id: u32,
        rand: &[u8],
    ) -> Result<SecretVec, Refused> {
        derive::authentication_key(prf, alg, &self.mpk, csb_id, rand)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("sessions", &self.media.len()).finish_non_exhaustive()
    }
}
