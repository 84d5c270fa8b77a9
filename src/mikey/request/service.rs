//! The service: who asks, whether that is so, what they may have, and the answer.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::super::algorithms;
use super::super::build::{Draft, encode};
use super::super::error::{Error as MikeyError, ParseError, Refused};
use super::super::message::Message;
use super::super::numbers::{DataType, ErrorNo, IdRole, KeyType, MacAlg, PayloadType};
use super::super::payloads::{ErrorPayload, Id, Kemac, KeyData, Payload, Verification, Within, encode_chain};
use super::super::time::Freshness;
use super::wire::{
    Algorithms, Interval, Protection, Wanted, aad, dates, has_no_sessions, header, info, name_of, no_tag, parties,
    purposes, users,
};
use super::{DATES, KEYS, NAMES, SHORTEST, SKEW};
use crate::encoding::lp;
use crate::error::Error;
use crate::ibe::extract::PrivateKey;
use crate::ibe::{Identity, Name, Period, PublicParameters};
use crate::kdf::{Prk, hash, label};
use crate::sealing::seal;
use crate::secret::{Secret, SecretVec};
use crate::suite::labels;

/// What the service is told by whoever runs it: credentials, policy, issuing.
pub trait Authority {
    /// The parameters under which keys are issued; their district is the name of this KMS.
    fn parameters(&self) -> &PublicParameters;

    /// The pre-shared key of this name, of at least [`SHORTEST`] bytes. The name is as in the request: an identity of the user,
    /// or what IDRpsk has, for example the B-TID under which a key of GBA is kept.
    fn psk(&self, name: &Id<'_>) -> Option<SecretVec>;

    /// Whether the owner of this credential may have the key of this identity: name, period and purpose.
    fn allows(&self, credential: &Id<'_>, identity: &Identity) -> bool;

    /// Issues the key.
    ///
    /// # Errors
    /// Those of the issuer; the request is refused as a whole then.
    fn issue(&self, identity: &Identity) -> Result<PrivateKey, Error>;

    /// Issues all keys of a request, or none, in its order; one by one unless whoever issues can do better. `transit` says how
    /// they will travel.
    ///
    /// # Errors
    /// [`NotIssued`]; the request is refused as a whole then.
    fn issue_all(
        &self,
        credential: &Id<'_>,
        identities: &[Identity],
        transit: super::Transit,
    ) -> Result<Vec<PrivateKey>, NotIssued> {
        let _ = (credential, transit);
        identities.iter().map(|identity| self.issue(identity).map_err(NotIssued::Failed)).collect()
    }
}

/// Why [`Authority::issue_all`] has no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIssued {
    /// Policy says no.
    Denied,
    /// The issuer failed.
    Failed(Error),
}

/// What came of a message.
#[derive(Debug)]
pub enum Handled {
    /// Keys for these identities are in the answer.
    Issued {
        /// To be sent.
        answer: Vec<u8>,
        /// Whose keys.
        identities: Vec<Identity>,
        /// Whether they are sealed to a key of the request, or under the credential alone.
        transit: super::Transit,
    },
    /// An error is to be sent, without a tag if the requester has not been authenticated.
    Refused {
        /// To be sent.
        answer: Vec<u8>,
        /// Why, for the log.
        why: Refusal,
    },
    /// Nothing is to be sent.
    Dropped(Refusal),
}

/// Why keys were not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a message.
    Parse(ParseError),
    /// Another message than a request for keys.
    NotForUs,
    /// A request with public keys (PKE), which is not supported.
    PublicKey,
    /// Payloads that do not make a request.
    Malformed(Refused),
    /// The timestamp is not of now.
    Time(Freshness),
    /// Algorithms that are not accepted.
    Algorithm,
    /// A request for another KMS.
    OtherKms,
    /// Unknown credential or wrong tag.
    Unauthentic,
    /// Seen before.
    Replay,
    /// No room to remember the request.
    Busy,
    /// A name that is none.
    Name,
    /// Periods that cannot be served.
    Period,
    /// More names, dates or keys than the limits allow.
    TooMany,
    /// Policy says no to one of the identities.
    Denied,
    /// The issuer failed.
    Issuer(Error),
}

/// Requests that have been authenticated in the last while: by credential, bundle, timestamp and RAND.
///
/// Requests with the same four would get answers under the same key stream, so a second one is no retransmission to be answered.
#[derive(Debug)]
pub struct Replay {
    capacity: usize,
    seen: BTreeSet<[u8; 32]>,
    order: VecDeque<(u64, [u8; 32])>,
}

impl Replay {
    /// Remembers up to `capacity` requests, each for as long as its timestamp counts as fresh.
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, seen: BTreeSet::new(), order: VecDeque::new() }
    }

    fn take(&mut self, request: [u8; 32], now: u64) -> Result<(), Refusal> {
        // A timestamp may be as far ahead as the skew when it comes, and as far behind when it comes again.
        while let Some((_, first)) = self.order.front().copied().filter(|(until, _)| *until < now) {
            self.seen.remove(&first);
            self.order.pop_front();
        }
        if self.seen.contains(&request) {
            return Err(Refusal::Replay);
        }
        if self.seen.len() >= self.capacity {
            return Err(Refusal::Busy);
        }
        self.seen.insert(request);
        self.order.push_back((now.saturating_add(2 * SKEW), request));
        Ok(())
    }
}

/// A KMS.
pub struct Service<A> {
    authority: A,
    replay: Replay,
    /// Stands in for the keys of strangers, so that they take the way of everybody.
    stranger: Prk,
}

impl<A: Authority> fmt::Debug for Service<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("district", self.authority.parameters().district()).finish_non_exhaustive()
    }
}

/// A request that has been read, up to its credential.
struct Read<'a> {
    message: Message<'a>,
    algorithms: Algorithms,
    rand: &'a [u8],
    credential: Id<'a>,
    tag: Verification<'a>,
}

impl<A: Authority> Service<A> {
    /// A service of this authority.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new<R: TryCryptoRng + ?Sized>(authority: A, replay: Replay, rng: &mut R) -> Result<Self, Error> {
        Ok(Self { authority, replay, stranger: Prk::from_secret(Secret::random(rng)?) })
    }

    /// Answers a message; `now` in Unix seconds.
    ///
    /// A stranger and somebody with a wrong key get the same bytes, after the same derivations and the same comparison. Until a
    /// request is authentic nothing of it is looked at but what is needed for that, and nothing is remembered.
    ///
    /// # Timing
    /// Constant in the keys. Looking a credential up is the authority's; its length shows in the time of the derivation.
    pub fn handle<R: TryCryptoRng + ?Sized>(&mut self, bytes: &[u8], now: u64, rng: &mut R) -> Handled {
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(e) => return Handled::Dropped(Refusal::Parse(e)),
        };
        let read = match self.read(message.clone(), now) {
            Ok(read) => read,
            Err((number, why)) => return refuse(&message, number, why, None),
        };
        let protection = match self.authenticate(&read) {
            Ok(protection) => protection,
            Err(why) => return refuse(&message, Some(ErrorNo::AUTH_FAILURE), why, None),
        };
        let marked = label(labels::MIKEY_SEEN);
        let seen = [
            marked.as_ref(),
            &[read.credential.kind.0],
            &lp(read.credential.data),
            read.credential.data,
            &message.header().csb_id.to_be_bytes(),
            &message.timestamp().map_or(0, |t| t.as_64_bits()).to_be_bytes(),
            read.rand,
        ];
        if let Err(why) = self.replay.take(hash(&seen), now) {
            return Handled::Dropped(why);
        }
        match self.issue(&read, &protection, now, rng) {
            Ok(issued) => issued,
            Err((number, why)) => refuse(&message, Some(number), why, Some((&protection, &read))),
        }
    }

    /// What can be said of a request without a key.
    fn read<'m>(&self, message: Message<'m>, now: u64) -> Result<Read<'m>, (Option<ErrorNo>, Refusal)> {
        let head = *message.header();
        match head.data_type {
            DataType::REQUEST_KEY_PSK => {}
            DataType::REQUEST_KEY_PKE => return Err((Some(ErrorNo::UNSUPPORTED_MESSAGE_TYPE), Refusal::PublicKey)),
            _ => return Err((None, Refusal::NotForUs)),
        }
        let malformed = |e| (Some(ErrorNo::UNSPECIFIED), Refusal::Malformed(e));
        if !has_no_sessions(&head) {
            return Err(malformed(Refused::Field("CS ID map")));
        }
        match message.timestamp().map_err(malformed)?.freshness(now, SKEW) {
            Freshness::Fresh => {}
            stale => return Err((Some(ErrorNo::INVALID_TS), Refusal::Time(stale))),
        }
        let rand = message.rand().map_err(malformed)?;
        if rand.len() < SHORTEST {
            return Err(malformed(Refused::Length { what: "RAND", got: rand.len() }));
        }
        let algorithms = Algorithms::of(head.prf).ok_or((Some(ErrorNo::INVALID_PRF), Refusal::Algorithm))?;
        let tag = message.verification().map_err(malformed)?;
        if tag.alg != algorithms.mac() {
            return Err((Some(ErrorNo::INVALID_MAC), Refusal::Algorithm));
        }
        // Keys that the user wants to be used for something: nothing here would use them.
        if message.optional(PayloadType::KEMAC).map_err(malformed)?.is_some() {
            return Err(malformed(Refused::Field("KEMAC")));
        }
        let kms = message.identity(IdRole::KMS).map_err(malformed)?;
        let ours = self.authority.parameters().district().as_str().as_bytes();
        if kms.is_none_or(|kms| kms.data != ours) {
            return Err((Some(ErrorNo::INVALID_ID), Refusal::OtherKms));
        }
        let first = users(&message).next().ok_or(malformed(Refused::Missing(PayloadType::IDR)))?;
        let credential = message.identity(IdRole::PSK).map_err(malformed)?.unwrap_or(first);
        Ok(Read { message, algorithms, rand, credential, tag })
    }

    fn authenticate(&self, read: &Read<'_>) -> Result<Protection, Refusal> {
        let Id { kind, data } = read.credential;
        let info = [label(labels::MIKEY_STRANGER).as_ref(), &[kind.0], data].concat();
        let stranger = self.stranger.expand::<32>(&[&info]);
        let known = self.authority.psk(&read.credential).filter(|key| key.expose().len() >= SHORTEST);
        let is_known = known.is_some();
        let key = known.unwrap_or_else(|| SecretVec::new(stranger.expose().to_vec()));
        let csb_id = read.message.header().csb_id;
        let protection = Protection::new(read.algorithms, &key, csb_id, read.rand).map_err(Refusal::Malformed)?;
        let parts = [read.message.covered(), &parties(&read.message)];
        let verdict = algorithms::verify(read.tag.alg, protection.authentication.expose(), &parts, read.tag.data);
        if verdict.is_ok() && is_known { Ok(protection) } else { Err(Refusal::Unauthentic) }
    }

    /// Everything after the tag. An error is said to somebody who is known.
    fn issue<R: TryCryptoRng + ?Sized>(
        &self,
        read: &Read<'_>,
        protection: &Protection,
        now: u64,
        rng: &mut R,
    ) -> Result<Handled, (ErrorNo, Refusal)> {
        let unspecified = |why| (ErrorNo::UNSPECIFIED, why);
        let malformed = |e| match e {
            MikeyError::Refused(e) => unspecified(Refusal::Malformed(e)),
            _ => unspecified(Refusal::Malformed(Refused::Field("request"))),
        };
        let wanted = Wanted::of(&read.message).map_err(malformed)?;
        let identities = self.identities(read, wanted.as_ref(), now)?;
        if !identities.iter().flatten().all(|identity| self.authority.allows(&read.credential, identity)) {
            return Err((ErrorNo::INVALID_ID, Refusal::Denied));
        }
        let fingerprint = self.authority.parameters().fingerprint();
        let info = info(read.message.bytes());
        let failed = |e| unspecified(Refusal::Issuer(e));
        let transit = if wanted.is_some() { super::Transit::Sealed } else { super::Transit::CredentialOnly };
        let flat: Vec<Identity> = identities.iter().flatten().cloned().collect();
        let issued = self.authority.issue_all(&read.credential, &flat, transit).map_err(|e| match e {
            NotIssued::Denied => (ErrorNo::INVALID_ID, Refusal::Denied),
            NotIssued::Failed(e) => failed(e),
        })?;
        // That they are the right ones is for the client to check, which believes nobody.
        if issued.len() != flat.len() {
            return Err(failed(crate::error::KeyError::OtherParameters.into()));
        }
        let mut issued = issued.into_iter();
        let mut packed: Vec<Vec<(SecretVec, Interval)>> = Vec::with_capacity(identities.len());
        for of_name in &identities {
            let mut keys = Vec::with_capacity(of_name.len());
            for (identity, key) in of_name.iter().zip(issued.by_ref()) {
                let key = key.to_bytes();
                let data = match &wanted {
                    Some(w) => {
                        let sealed = seal(w.seal_to, &info, &aad(fingerprint, identity), key.expose(), rng);
                        SecretVec::new(sealed.map_err(failed)?)
                    }
                    None => key,
                };
                keys.push((data, Interval::of(&identity.period())));
            }
            packed.push(keys);
        }
        let mut chain = Vec::with_capacity(NAMES + KEYS);
        for (id, keys) in users(&read.message).zip(&packed) {
            chain.push(Payload::Id(id));
            chain.extend(keys.iter().map(|(key, interval)| {
                let validity = interval.validity();
                Payload::KeyData(KeyData { kind: KeyType::K_PR, key: key.expose(), salt: None, validity })
            }));
        }
        let answer = self.answer(read, protection, &chain).map_err(malformed)?;
        Ok(Handled::Issued { answer, identities: identities.into_iter().flatten().collect(), transit })
    }

    /// What is asked for, by name; the period that contains a date, now if there is none.
    fn identities(
        &self,
        read: &Read<'_>,
        wanted: Option<&Wanted<'_>>,
        now: u64,
    ) -> Result<Vec<Vec<Identity>>, (ErrorNo, Refusal)> {
        let too_many = (ErrorNo::UNSPECIFIED, Refusal::TooMany);
        let parameters = self.authority.parameters();
        let period = (ErrorNo::UNSPECIFIED, Refusal::Period);
        let mut times: Vec<u64> = dates(&read.message).map(|d| d.ok_or(period)).collect::<Result<_, _>>()?;
        if times.is_empty() {
            times.push(now);
        }
        let names: Vec<Id<'_>> = users(&read.message).collect();
        if names.len() > NAMES || times.len() > DATES || names.len() * times.len() * purposes(wanted).count() > KEYS {
            return Err(too_many);
        }
        let mut out: Vec<Vec<Identity>> = Vec::with_capacity(names.len());
        for id in &names {
            let name: Name = name_of(id).ok_or((ErrorNo::INVALID_ID, Refusal::Name))?;
            let mut of_name = Vec::new();
            for t in &times {
                let found = Period::containing(parameters.granularity(), *t).map_err(|_| period)?;
                for purpose in purposes(wanted) {
                    let (district, serial) = (parameters.district(), parameters.serial());
                    let identity = Identity::new(district, serial, purpose, name.clone(), found).map_err(|_| period)?;
                    parameters.check_identity(&identity).map_err(|_| period)?;
                    if of_name.contains(&identity) || out.iter().flatten().any(|other| *other == identity) {
                        return Err((ErrorNo::INVALID_ID, Refusal::TooMany));
                    }
                    of_name.push(identity);
                }
            }
            out.push(of_name);
        }
        Ok(out)
    }

    fn answer(&self, read: &Read<'_>, protection: &Protection, chain: &[Payload<'_>]) -> Result<Vec<u8>, MikeyError> {
        let (head, timestamp) = (read.message.header(), read.message.timestamp()?);
        let (alg, encr_alg) = (protection.algorithms.mac(), protection.algorithms.encryption());
        let plain = encode_chain(chain, Within::Kemac)?;
        let data = algorithms::encrypt(encr_alg, &protection.encryption, head.csb_id, timestamp, plain.expose())?;
        let echoed = read.message.payloads().filter(|p| match p {
            Payload::Idr(idr) => matches!(idr.role, IdRole::INITIATOR | IdRole::RESPONDER | IdRole::KMS),
            _ => false,
        });
        let mut payloads = vec![Payload::T(timestamp)];
        payloads.extend(echoed);
        payloads.push(Payload::Kemac(Kemac { encr_alg, encr_data: &data, mac_alg: MacAlg::NULL, mac: &[] }));
        payloads.push(Payload::V(Verification { alg, data: no_tag(alg) }));
        finish(&header(DataType::REQUEST_KEY_RESP, false, head.prf, head.csb_id), &payloads, protection, read)
    }
}

/// Adds the tag.
fn finish(
    head: &crate::mikey::Header<'_>,
    payloads: &[Payload<'_>],
    protection: &Protection,
    read: &Read<'_>,
) -> Result<Vec<u8>, MikeyError> {
    let draft = Draft::new(head, payloads)?;
    let (alg, key) = (protection.algorithms.mac(), protection.authentication.expose());
    let tag = algorithms::mac(alg, key, &[draft.covered(), &parties(&read.message)])?;
    Ok(draft.finish(&tag)?)
}

/// An error message (RFC 3830 section 5.1.2), with a tag for those who have been authenticated. A message without a timestamp
/// gets none.
fn refuse(
    message: &Message<'_>,
    number: Option<ErrorNo>,
    why: Refusal,
    known: Option<(&Protection, &Read<'_>)>,
) -> Handled {
    let (Some(number), Ok(timestamp)) = (number, message.timestamp()) else { return Handled::Dropped(why) };
    let head = header(DataType::ERROR, false, message.header().prf, message.header().csb_id);
    let mut payloads = vec![Payload::T(timestamp), Payload::Err(ErrorPayload { number, reserved: 0 })];
    let answer = match known {
        None => encode(&head, &payloads).map_err(MikeyError::from),
        Some((protection, read)) => {
            let alg = protection.algorithms.mac();
            payloads.push(Payload::V(Verification { alg, data: no_tag(alg) }));
            finish(&head, &payloads, protection, read)
        }
    };
    match answer {
        Ok(answer) => Handled::Refused { answer, why },
        Err(_) => Handled::Dropped(why),
    }
}
