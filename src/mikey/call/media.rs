//! Crypto sessions and SRTP policies: what is offered, chosen, and checked.
//!
//! An offer has a GENERIC-ID map (RFC 6043 section 6.1.1) with one entry for each stream: the numbers of the policies that
//! are offered for it, the SSRC of who sends it (0 where that is the other end), the MKI. The answer has the same entries in
//! the same order, one policy each, all SSRCs, and repeats the SP payloads that it chose, so that whoever offered sees that
//! they arrived as they were sent.

use alloc::vec::Vec;

use super::error::{CallError, CallRefusal};
use crate::mikey::error::Refused;
use crate::mikey::header::{GenericId, GenericIds};
use crate::mikey::message::Message;
use crate::mikey::numbers::{PayloadType, ProtType, SrtpAuthAlg, SrtpEncrAlg};
use crate::mikey::payloads::{Policy, SrtpPolicy};
use crate::srtp::{Profile, Role};

/// Most crypto sessions of a call.
pub const SESSION_LIMIT: usize = 32;
/// Longest MKI in bytes, that of libsrtp.
pub const MKI_LIMIT: usize = 128;

/// One stream that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOffer {
    /// The SSRC if we send this stream, not 0; `None` if the other end does.
    pub ssrc: Option<u32>,
    /// Profiles, the preferred one first.
    pub profiles: Vec<Profile>,
}

/// One stream that both ends agreed on: one direction of one medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CryptoSession {
    /// Its number, from 1.
    pub cs_id: u8,
    /// Who sends it.
    pub sender: Role,
    /// The sender's SSRC.
    pub ssrc: u32,
    /// How RTP is protected; RTCP by [`Profile::rtcp`] of it.
    pub profile: Profile,
    /// The number of its SP payload.
    pub(super) policy: u8,
}

/// The SRTP policy of a profile, every parameter written out.
#[must_use]
pub fn policy_of(profile: Profile) -> SrtpPolicy {
    let aead = profile.is_aead();
    let encr = match profile {
        Profile::F8_128HmacSha1_80 => SrtpEncrAlg::AES_F8,
        _ if aead => SrtpEncrAlg::AES_GCM,
        _ => SrtpEncrAlg::AES_CM,
    };
    SrtpPolicy {
        encr_alg: Some(encr.0),
        encr_key_len: Some(profile.key_len() as u32),
        auth_alg: Some(if aead { SrtpAuthAlg::NULL } else { SrtpAuthAlg::HMAC_SHA_1 }.0),
        auth_key_len: (!aead).then_some(profile.auth_key_len() as u32),
        salt_len: Some(profile.salt_len() as u32),
        prf: Some(0),
        key_derivation_rate: Some(0),
        srtp_encryption: Some(true),
        srtcp_encryption: Some(true),
        srtp_authentication: Some(true),
        auth_tag_len: (!aead).then_some(profile.tag_len() as u32),
        aead_tag_len: aead.then_some(16),
        ..SrtpPolicy::default()
    }
}

/// The profile that a policy describes; `None` for what no profile is, for NULL algorithms, and where the policy can be meant
/// in two ways ([`SrtpPolicy::doubts`]). What it does not say is SRTP's default (RFC 3830 table 6.10.1.b).
#[must_use]
pub fn profile_of(policy: &SrtpPolicy) -> Option<Profile> {
    let p = policy;
    let plain = p.prf.unwrap_or(0) == 0
        && p.key_derivation_rate.unwrap_or(0) == 0
        && p.srtp_encryption.unwrap_or(true)
        && p.srtcp_encryption.unwrap_or(true)
        && p.srtp_authentication.unwrap_or(true)
        && p.fec_order.unwrap_or(0) == 0
        && p.prefix_len.unwrap_or(0) == 0;
    let fits = |profile: &Profile| {
        let full = policy_of(*profile);
        let aead = profile.is_aead();
        p.encr_alg.or(Some(SrtpEncrAlg::AES_CM.0)) == full.encr_alg
            && p.encr_key_len.or(Some(16)) == full.encr_key_len
            && p.salt_len.or(Some(if aead { 12 } else { 14 })) == full.salt_len
            && if aead {
                p.aead_tag_len.or(Some(16)) == full.aead_tag_len
            } else {
                p.auth_alg.or(Some(SrtpAuthAlg::HMAC_SHA_1.0)) == full.auth_alg
                    && p.auth_key_len.or(Some(20)) == full.auth_key_len
                    && p.auth_tag_len.or(Some(10)) == full.auth_tag_len
                    && p.aead_tag_len.is_none()
            }
    };
    if plain && policy.doubts().is_empty() { Profile::ALL.into_iter().find(fits) } else { None }
}

/// An entry of an offer as its sender remembers it.
#[derive(Clone, Debug)]
struct Entry {
    cs_id: u8,
    /// `Some` for streams whose SSRC is fixed.
    ssrc: Option<u32>,
    sender: Role,
    policies: Vec<u8>,
}

/// What was offered, to check the answer against.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    entries: Vec<Entry>,
    policies: Vec<(u8, Profile)>,
    mki: Vec<u8>,
}

/// Map and policies as they are sent.
pub(super) struct Encoded {
    pub(super) map: Vec<u8>,
    pub(super) count: u8,
    pub(super) policies: Vec<(u8, Vec<u8>)>,
}

impl Offered {
    /// An offer by the end in `role`: first what exists already, as it is, then what is new.
    pub(super) fn new(
        role: Role,
        existing: &[CryptoSession],
        sessions: &[SessionOffer],
        mki: &[u8],
    ) -> Result<Self, CallError> {
        let wrong = |what| CallError::from(CallRefusal::Sessions(what));
        if existing.len() + sessions.len() > SESSION_LIMIT || existing.is_empty() && sessions.is_empty() {
            return Err(wrong("there are none, or too many"));
        }
        if mki.len() > MKI_LIMIT {
            return Err(wrong("the MKI is too long"));
        }
        let mut policies: Vec<(u8, Profile)> = existing.iter().map(|s| (s.policy, s.profile)).collect();
        policies.sort_unstable_by_key(|(number, _)| *number);
        policies.dedup();
        let mut number_of = |profile: Profile| {
            if let Some((number, _)) = policies.iter().find(|(_, p)| *p == profile) {
                return *number;
            }
            let number = policies.iter().map(|(n, _)| *n).max().unwrap_or(0) + 1;
            policies.push((number, profile));
            number
        };
        let mut entries: Vec<Entry> = existing
            .iter()
            .map(|s| Entry { cs_id: s.cs_id, ssrc: Some(s.ssrc), sender: s.sender, policies: [s.policy].to_vec() })
            .collect();
        for s in sessions {
            if s.profiles.is_empty() || s.ssrc == Some(0) {
                return Err(wrong("a session without a profile, or with an SSRC of 0"));
            }
            let sender = if s.ssrc.is_some() { role } else { other(role) };
            let cs_id = entries.last().map_or(1, |e| e.cs_id + 1);
            let mut numbers: Vec<u8> = Vec::with_capacity(s.profiles.len());
            for n in s.profiles.iter().map(|p| number_of(*p)) {
                if numbers.contains(&n) {
                    return Err(wrong("a profile twice"));
                }
                numbers.push(n);
            }
            entries.push(Entry { cs_id, ssrc: s.ssrc, sender, policies: numbers });
        }
        Ok(Self { entries, policies, mki: mki.to_vec() })
    }

    /// The bytes to send.
    pub(super) fn encode(&self) -> Result<Encoded, CallError> {
        let ssrcs: Vec<[u8; 4]> = self.entries.iter().map(|e| e.ssrc.unwrap_or(0).to_be_bytes()).collect();
        let ids: Vec<GenericId<'_>> =
            self.entries.iter().zip(&ssrcs).map(|(e, ssrc)| entry(e.cs_id, &e.policies, ssrc, &self.mki)).collect();
        let policies = self.policies.iter().map(|(n, p)| (*n, policy_of(*p).encode())).collect();
        Ok(Encoded { map: GenericIds::encode(&ids)?, count: ids.len() as u8, policies })
    }

    /// Checks an answer: the same entries in the same order, one of the policies offered for each, SSRCs that were fixed as
    /// they were and the others set, our MKI, and the SP payloads chosen exactly as we sent them.
    pub(super) fn check(&self, map: &GenericIds<'_>, message: &Message<'_>) -> Result<Vec<CryptoSession>, CallError> {
        let wrong = |what| CallError::from(CallRefusal::Sessions(what));
        let mut out = Vec::with_capacity(self.entries.len());
        let mut answered = map.iter();
        for offered in &self.entries {
            let got = answered.next().ok_or(wrong("one is missing"))?;
            if got.cs_id != offered.cs_id || got.s || got.spi != self.mki {
                return Err(wrong("number, MKI or flags are not those offered"));
            }
            let (ssrc, _) = got.srtp()?;
            if ssrc == 0 || offered.ssrc.is_some_and(|ours| ours != ssrc) {
                return Err(wrong("the SSRC is not that offered, or missing"));
            }
            let [policy] = *got.policies else { return Err(wrong("not exactly one policy chosen")) };
            let known = self.policies.iter().find(|(n, _)| *n == policy && offered.policies.contains(n));
            let (_, profile) = *known.ok_or(wrong("a policy that was not offered"))?;
            let sent = policy_of(profile).encode();
            let same = message.policy(policy)? == &Policy::new(policy, ProtType::SRTP, &sent)?;
            if !same {
                return Err(wrong("a policy is not as it was offered"));
            }
            out.push(CryptoSession { cs_id: got.cs_id, sender: offered.sender, ssrc, profile, policy });
        }
        if answered.next().is_some() {
            return Err(wrong("one too many"));
        }
        Ok(out)
    }
}

fn entry<'a>(cs_id: u8, policies: &'a [u8], ssrc: &'a [u8; 4], mki: &'a [u8]) -> GenericId<'a> {
    GenericId { cs_id, protocol: ProtType::SRTP, s: false, policies, session_data: ssrc, spi: mki }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Initiator => Role::Responder,
        Role::Responder => Role::Initiator,
    }
}

/// An offer, answered.
pub(super) struct Chosen {
    pub(super) sessions: Vec<CryptoSession>,
    pub(super) mki: Vec<u8>,
    pub(super) encoded: Encoded,
}

/// Chooses from an offer that the end in `role` made: for each stream the first policy in the offer's order that `accepted`
/// has. `existing` streams must be offered as they are; `ssrc` gives those of streams that we send.
pub(super) fn choose(
    role: Role,
    existing: &[CryptoSession],
    map: &GenericIds<'_>,
    message: &Message<'_>,
    accepted: &[Profile],
    mut ssrc: impl FnMut() -> Result<u32, CallError>,
) -> Result<Chosen, CallError> {
    let wrong = |what| CallError::from(CallRefusal::Sessions(what));
    let mut sessions: Vec<CryptoSession> = Vec::new();
    let mut mki: Option<&[u8]> = None;
    for got in map.iter() {
        if sessions.len() == SESSION_LIMIT {
            return Err(wrong("too many"));
        }
        if sessions.last().is_some_and(|s| s.cs_id >= got.cs_id) || got.cs_id == 0 || got.s {
            return Err(wrong("numbers do not ascend from 1, or a session that has begun"));
        }
        if got.spi.len() > MKI_LIMIT || mki.is_some_and(|m| m != got.spi) {
            return Err(wrong("MKIs differ or are too long"));
        }
        mki = Some(got.spi);
        let (offered, _) = got.srtp()?;
        let mut found = None;
        for number in got.policies {
            let policy = message.policy(*number)?;
            let profile = SrtpPolicy::of(policy).ok().and_then(|p| profile_of(&p));
            found = found.or(profile.filter(|p| accepted.contains(p)).map(|p| (*number, p)));
        }
        let (policy, profile) = found.ok_or(CallRefusal::NoPolicy { cs_id: got.cs_id })?;
        let old = existing.get(sessions.len());
        if old.is_some_and(|o| (o.cs_id, o.ssrc, o.profile, o.policy) != (got.cs_id, offered, profile, policy)) {
            return Err(wrong("an update changes what exists"));
        }
        let sender = old.map_or(if offered == 0 { other(role) } else { role }, |o| o.sender);
        let ssrc = if offered == 0 { ssrc()? } else { offered };
        sessions.push(CryptoSession { cs_id: got.cs_id, sender, ssrc, profile, policy });
    }
    if sessions.is_empty() || sessions.len() < existing.len() {
        return Err(wrong("there are none, or one is missing"));
    }
    let mki = mki.unwrap_or(&[]).to_vec();
    let encoded = encode_chosen(&sessions, &mki, message)?;
    Ok(Chosen { sessions, mki, encoded })
}

/// The answer's map, and the chosen policies as they were received.
fn encode_chosen(sessions: &[CryptoSession], mki: &[u8], message: &Message<'_>) -> Result<Encoded, CallError> {
    let fields: Vec<([u8; 4], [u8; 1])> = sessions.iter().map(|s| (s.ssrc.to_be_bytes(), [s.policy])).collect();
    let ids: Vec<GenericId<'_>> =
        sessions.iter().zip(&fields).map(|(s, (ssrc, policy))| entry(s.cs_id, policy, ssrc, mki)).collect();
    let mut policies: Vec<(u8, Vec<u8>)> = Vec::new();
    for s in sessions.iter() {
        if policies.iter().all(|(n, _)| *n != s.policy) {
            let params: Vec<(u8, &[u8])> = message.policy(s.policy)?.params().collect();
            policies.push((s.policy, Policy::encode_params(&params)?));
        }
    }
    let count = u8::try_from(sessions.len()).map_err(|_| Refused::Missing(PayloadType::SP))?;
    Ok(Encoded { map: GenericIds::encode(&ids)?, count, policies })
}
