//! The responder: M1 in and M2 out, then M3 in and M4 out.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::guard::Guard;
use super::messages::{Body, DATA_LIMIT, Header, Message, known, suite_list};
use super::schedule::{SasInput, Schedule, authentication_string, commitment, exporter};
use super::session::{AuthenticationString, Role, Session};
use super::{Config, PeerCache, check_deadline, check_side};
use crate::dh::{self, Share, pq};
use crate::error::{Error, KeyError, ParametersError, PeerError, UsageError};
use crate::ibe::extract::{PrivateKey, hedge};
use crate::ibe::identity::{Identity, Purpose};
use crate::ibe::kem::Recipient;
use crate::ibe::keyref::{KeyRef, select};
use crate::ibe::params::{ParameterStore, PublicParameters};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Suite, labels};

/// What a responder answers with: its settings, its keys, and what it knows of others.
#[derive(Clone, Copy)]
pub struct Responder<'a> {
    /// Suites and rules.
    pub config: &'a Config,
    /// Own private keys, of any districts and periods.
    pub keys: &'a [PrivateKey],
    /// Parameters of the districts that are trusted, our own included.
    pub parameters: &'a dyn ParameterStore,
    /// Peers that are cheap to encrypt to; `&()` for none.
    pub peers: &'a dyn PeerCache,
}

impl fmt::Debug for Responder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("config", self.config).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Everything that M1's header shows, checked before any pairing.
struct Called {
    parameters_i: PublicParameters,
    parameters_r: PublicParameters,
}

impl Responder<'_> {
    /// Takes M1 and gives M2.
    ///
    /// Before any pairing: sizes, suite, both periods and the validity of both parameters at `now`, own key, replay. Then at most
    /// four decapsulations, the identities under the seal against the header, and M2 with a fresh `Y` and the commitment for
    /// the authentication string.
    ///
    /// Shape: the state that awaits M3, and M2. A caller whose transport loses messages keeps M2 and repeats it; nothing is
    /// computed twice.
    ///
    /// # Errors
    /// A [`crate::error::DecodeError`], [`PeerError`], [`ParametersError`] or [`KeyError`] for what shows without a private key;
    /// [`Error::Decrypt`] for everything found out with it.
    ///
    /// # Timing
    /// Constant in the private keys and in everything drawn; varies with the message length and with how many keys share the
    /// dialled district, serial and period.
    ///
    /// Source: RFC 6539 section 3.2, MESSAGE_1 and MESSAGE_2.
    pub fn accept<R: TryCryptoRng + ?Sized>(
        &self,
        guard: &mut Guard,
        m1: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitM3, Vec<u8>), Error> {
        self.config.check()?;
        let message = Message::decode(m1, 1)?;
        let called = self.check_header(&message.header, now)?;
        let keys = select(self.keys, &message.header.key_r, message.header.hint.as_ref())?;
        guard.check_new(&message.header.sid_i, now)?;
        let encapsulation = message.encapsulation()?;

        if keys.iter().any(|k| k.fingerprint() != called.parameters_r.fingerprint()) {
            return Err(KeyError::OtherParameters.into());
        }

        let (suite, sid_i) = (message.header.suite, message.header.sid_i);
        let mut found = None;
        for key in keys {
            let k1 = encapsulation.decapsulate(key)?;
            let mut schedule =
                Schedule::new(suite, called.parameters_i.fingerprint(), called.parameters_r.fingerprint());
            schedule.mix(&k1);
            if let Ok(opened) = schedule.open(1, &message) {
                found = Some((key, schedule, opened));
            }
        }
        let (key, schedule, opened) = found.ok_or(Error::Decrypt)?;
        let body = Body::decode(1, suite, opened.expose())?;
        let initiator = self.check_identities(&body, &message.header, key, &called)?;
        let x = Share::decode(suite.group(), body.x).map_err(|_| Error::Decrypt)?;
        let ek = match body.ek {
            Some(ek) => Some(pq::EncapsulationKey::decode(ek).map_err(|_| Error::Decrypt)?),
            None => None,
        };
        guard.remember(sid_i, now)?;
        self.answer(Opened { schedule, key, header: message.header, called, initiator, x, ek }, now, rng)
    }

    /// The checks that need no key.
    fn check_header(&self, header: &Header, now: u64) -> Result<Called, Error> {
        if Suite::first_common(&known(&header.suites), &self.config.suites) != Some(header.suite) {
            return Err(PeerError::NoCommonSuite.into());
        }
        let find = |key: &KeyRef| self.parameters.find(key.district(), key.serial()).ok_or(ParametersError::Unknown);
        let (parameters_i, parameters_r) = (find(&header.key_i)?, find(&header.key_r)?);
        check_side(&parameters_i, header.key_i.period(), now)?;
        check_side(&parameters_r, header.key_r.period(), now)?;
        Ok(Called { parameters_i, parameters_r })
    }

    /// The identities under the seal are whole, ours, and those of the header.
    fn check_identities(
        &self,
        body: &Body<'_>,
        header: &Header,
        key: &PrivateKey,
        called: &Called,
    ) -> Result<Identity, Error> {
        let granularity = called.parameters_i.granularity();
        let initiator = Identity::from_der(body.id_i, granularity).map_err(|_| Error::Decrypt)?;
        let of_header = header.key_i.fits(&initiator) && initiator.purpose() == Purpose::Decrypt;
        let same = &initiator == key.identity();
        let allowed = !same || (self.config.allow_same_identity && !self.config.open_sids.contains(&header.sid_i));
        if body.id_r != key.identity().der() || !of_header || !allowed {
            return Err(Error::Decrypt);
        }
        Ok(initiator)
    }

    fn answer<R: TryCryptoRng + ?Sized>(
        &self,
        opened: Opened<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitM3, Vec<u8>), Error> {
        let Opened { mut schedule, key, header, called, initiator, x, ek } = opened;
        let (suite, sid_i, h1) = (header.suite, header.sid_i, schedule.h);
        let sid_r = *Secret::<16>::random(rng)?.expose();
        let y = dh::KeyPair::from_seed(suite.group(), &hedge(key, labels::Y, &sid_r, &h1, rng)?);
        let (ct, ss) = match ek {
            Some(ek) => {
                let (ct, ss) = ek.encapsulate(&hedge(key, labels::CT, &sid_r, &h1, rng)?);
                (Some(ct), Some(ss))
            }
            None => (None, None),
        };
        let nonce_r = hedge::<32, R>(key, labels::NONCE, &sid_r, &h1, rng)?;
        let commitment = commitment(&sid_i, &sid_r, &h1, &nonce_r);
        let suites = suite_list(&self.config.suites.iter().map(|s| s.id()).collect::<Vec<_>>());
        let body = Body {
            id_i: initiator.der(),
            id_r: key.identity().der(),
            x: x.as_bytes(),
            y: y.share().as_bytes(),
            ct: ct.as_deref(),
            suites: Some(&suites),
            commitment: Some(&commitment),
            ..Body::default()
        };
        let header = Header { kind: 2, sid_r, suites: Vec::new(), hint: None, ..header };
        let cold;
        let recipient = match self.peers.find(&initiator) {
            Some(cached) if cached.parameters().fingerprint() == called.parameters_i.fingerprint() => cached,
            _ => {
                cold = Recipient::new(&called.parameters_i, &initiator).map_err(|_| Error::Decrypt)?;
                &cold
            }
        };
        let (encapsulation, k2) = recipient.encapsulate_hedged(key, &sid_r, &h1, rng)?;
        schedule.mix(&k2);
        let kem = encapsulation.to_bytes();
        let m2 = schedule.seal(2, &header.to_bytes(), &kem, &body.encode(2));
        let responder = key.identity().clone();
        let state = AwaitM3 { schedule, sid_i, sid_r, initiator, responder, x, y, ss, nonce_r, started: now };
        Ok((state, m2))
    }
}

struct Opened<'k> {
    schedule: Schedule,
    key: &'k PrivateKey,
    header: Header,
    called: Called,
    initiator: Identity,
    x: Share,
    ek: Option<pq::EncapsulationKey>,
}

/// The responder after M2: half open. Holds `y`; wiped on drop. The initiator is claimed, not yet authenticated.
///
/// Small on purpose, with a [serial form](AwaitM3::to_bytes), so that a server can hold many.
pub struct AwaitM3 {
    pub(crate) schedule: Schedule,
    pub(crate) sid_i: [u8; 16],
    pub(crate) sid_r: [u8; 16],
    pub(crate) initiator: Identity,
    pub(crate) responder: Identity,
    pub(crate) x: Share,
    pub(crate) y: dh::KeyPair,
    /// ML-KEM secret, in hybrid suites.
    pub(crate) ss: Option<Secret<32>>,
    pub(crate) nonce_r: Secret<32>,
    pub(crate) started: u64,
}

impl AwaitM3 {
    /// Who says to be calling. Anybody can claim that: authenticated only when M3 has opened.
    pub const fn claimed_initiator(&self) -> &Identity {
        &self.initiator
    }

    /// Which of our identities was called.
    pub const fn responder(&self) -> &Identity {
        &self.responder
    }

    /// Our session identifier, which M3 must repeat.
    pub const fn session_id(&self) -> &[u8; 16] {
        &self.sid_r
    }

    /// Takes M3 and gives the session, the initiator's application data and M4. Checks that our own `Y` and both identities
    /// came back. `data` is application data for the initiator, sealed in M4.
    ///
    /// Exchanges that get here are counted against the initiator's identity in `guard`: each one is an acting KGS's single
    /// try, in 2^32, at the authentication string.
    ///
    /// # Errors
    /// As [`Responder::accept`]; [`PeerError::Busy`] when the initiator has completed too many exchanges.
    ///
    /// # Timing
    /// Constant in the private key and in `y`.
    ///
    /// Source: RFC 6539 section 3.2, MESSAGE_3; M4 is ours.
    pub fn receive(
        self,
        m3: &[u8],
        keys: &[PrivateKey],
        data: &[u8],
        guard: &mut Guard,
        now: u64,
    ) -> Result<(Session, SecretVec, Vec<u8>), Error> {
        let Self { mut schedule, sid_i, sid_r, initiator, responder, x, y, ss, nonce_r, started } = self;
        check_deadline(started, now)?;
        if data.len() > DATA_LIMIT {
            return Err(UsageError::TooMany { limit: DATA_LIMIT, got: data.len() }.into());
        }
        let suite = schedule.suite;
        let message = Message::decode(m3, 3)?;
        let (key_i, key_r) = (KeyRef::of(&initiator), KeyRef::of(&responder));
        let expected = Header { suite, kind: 3, sid_i, sid_r, key_i, key_r, suites: Vec::new(), hint: None };
        if message.header != expected {
            return Err(PeerError::OtherSession.into());
        }
        let key = keys.iter().find(|k| k.identity() == &responder).ok_or(KeyError::Missing)?;
        let encapsulation = message.encapsulation()?;
        let y_bytes = y.share().as_bytes().to_vec();
        let shared = y.agree(&x).map_err(|_| Error::Decrypt)?;
        let k3 = encapsulation.decapsulate(key)?;
        schedule.mix_last(&k3, &shared, ss.as_ref());
        let opened = schedule.open(3, &message)?;
        let body = Body::decode(3, suite, opened.expose())?;
        if body.id_i != initiator.der() || body.id_r != responder.der() || body.y != y_bytes {
            return Err(Error::Decrypt);
        }
        let nonce_i = body.nonce_i.ok_or(Error::Decrypt)?;
        guard.completed(&initiator, now)?;

        let h3 = schedule.h;
        let input = SasInput {
            id_i: initiator.der(),
            id_r: responder.der(),
            x: x.as_bytes(),
            y: &y_bytes,
            nonce_i,
            nonce_r: nonce_r.expose(),
        };
        let sas = AuthenticationString(Secret::new(authentication_string(&schedule.ck, &h3, &input)));
        let exporter = exporter(&schedule.ck, &h3);
        let received = SecretVec::new(body.data.unwrap_or(&[]).to_vec());
        let reply =
            Body { nonce_r: Some(nonce_r.expose()), data: (!data.is_empty()).then_some(data), ..Body::default() };
        let header = Header { kind: 4, ..expected };
        let m4 = schedule.seal(4, &header.to_bytes(), &[], &reply.encode(4));
        let session = Session { role: Role::Responder, suite, sid_i, sid_r, initiator, responder, exporter, sas };
        Ok((session, received, m4))
    }
}

impl fmt::Debug for AwaitM3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitM3")
            .field("initiator", &self.initiator)
            .field("responder", &self.responder)
            .finish_non_exhaustive()
    }
}
