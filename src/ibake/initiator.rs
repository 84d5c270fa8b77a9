//! The initiator: M1, then M2 in and M3 out, then M4 in.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::messages::{Body, DATA_LIMIT, Header, Message, known, read_suite_list};
use super::schedule::{SasInput, Schedule, authentication_string, commitment, exporter};
use super::session::{AuthenticationString, Role, Session, export};
use super::{Config, check_deadline, check_side};
use crate::declassify;
use crate::dh::{self, Share, pq};
use crate::encoding::Reader;
use crate::error::{Error, KeyError, PeerError, UsageError};
use crate::ibe::extract::{PrivateKey, hedge};
use crate::ibe::identity::{Identity, Purpose};
use crate::ibe::kem::Recipient;
use crate::ibe::keyref::{Hint, KeyRef};
use crate::ibe::params::PublicParameters;
use crate::kdf::Prk;
use crate::secret::{Secret, SecretVec};
use crate::suite::{Suite, labels};

/// Begins an exchange: draws `x`, seals `ID_I, ID_R, X` to the responder.
///
/// `suite` must be one of `config.suites`; all of them are offered. Give a [`Recipient::cached`] for `peer`: M1 and M3 both
/// encrypt to it.
///
/// Shape: the state that awaits M2, and M1, to be sent as it is and, if it must be sent again, byte for byte.
///
/// # Errors
/// [`KeyError`] for an own key that does not serve now, [`crate::error::ParametersError`] and [`PeerError::Expired`] for parameters or
/// a peer identity that are not valid now, [`PeerError::SameIdentity`], [`UsageError`] for an empty or repeating suite list, and
/// [`Error::Random`].
///
/// # Timing
/// Constant in the private key and in everything drawn.
///
/// Source: RFC 6539 section 3.2, MESSAGE_1.
pub fn start<R: TryCryptoRng + ?Sized>(
    config: &Config,
    suite: Suite,
    own: &PrivateKey,
    own_parameters: &PublicParameters,
    peer: &Recipient,
    now: u64,
    rng: &mut R,
) -> Result<(AwaitM2, Vec<u8>), Error> {
    config.check()?;
    if !config.suites.contains(&suite) {
        return Err(PeerError::NoCommonSuite.into());
    }
    own.check_purpose(Purpose::Decrypt)?;
    if own.fingerprint() != own_parameters.fingerprint() {
        return Err(KeyError::OtherParameters.into());
    }
    own.check_time(now)?;
    check_side(own_parameters, own.identity().period(), now)?;
    check_side(peer.parameters(), peer.identity().period(), now)?;
    if own.identity() == peer.identity() && !config.allow_same_identity {
        return Err(PeerError::SameIdentity.into());
    }

    let sid_i = *Secret::<16>::random(rng)?.expose();
    let mut schedule = Schedule::new(suite, own_parameters.fingerprint(), peer.parameters().fingerprint());
    let h0 = schedule.h;
    let x = dh::KeyPair::from_seed(suite.group(), &hedge(own, labels::X, &sid_i, &h0, rng)?);
    let kem_seed = match suite.is_hybrid() {
        true => Some(hedge::<64, R>(own, labels::EK, &sid_i, &h0, rng)?),
        false => None,
    };
    let ek = kem_seed.as_ref().map(|s| pq::KeyPair::from_seed(s).encapsulation_key());
    let hint = match config.send_hint {
        true => Some(Hint::new(*Secret::random(rng)?.expose(), peer.identity())),
        false => None,
    };
    let header = Header {
        suite,
        kind: 1,
        sid_i,
        sid_r: [0; 16],
        key_i: KeyRef::of(own.identity()),
        key_r: KeyRef::of(peer.identity()),
        suites: config.suites.iter().map(|s| s.id()).collect(),
        hint,
    };
    let body = Body {
        id_i: own.identity().der(),
        id_r: peer.identity().der(),
        x: x.share().as_bytes(),
        ek: ek.as_ref().map(|k| k.as_slice()),
        ..Body::default()
    };
    let (encapsulation, k1) = peer.encapsulate_hedged(own, &sid_i, &h0, rng)?;
    schedule.mix(&k1);
    let kem = encapsulation.to_bytes();
    let m1 = schedule.seal(1, &header.to_bytes(), &kem, &body.encode(1));
    let state = AwaitM2 {
        schedule,
        sid_i,
        own: own.identity().clone(),
        peer: peer.identity().clone(),
        x,
        kem_seed,
        suites: config.suites.clone(),
        started: now,
    };
    Ok((state, m1))
}

/// The initiator after M1. Holds `x`; wiped on drop.
pub struct AwaitM2 {
    pub(crate) schedule: Schedule,
    pub(crate) sid_i: [u8; 16],
    pub(crate) own: Identity,
    pub(crate) peer: Identity,
    pub(crate) x: dh::KeyPair,
    /// Seed of the ML-KEM key pair, in hybrid suites.
    pub(crate) kem_seed: Option<Secret<64>>,
    pub(crate) suites: Vec<Suite>,
    pub(crate) started: u64,
}

impl AwaitM2 {
    /// Our session identifier, which M2 must repeat.
    pub const fn session_id(&self) -> &[u8; 16] {
        &self.sid_i
    }

    /// Whom we call.
    pub const fn peer(&self) -> &Identity {
        &self.peer
    }

    /// Who we are.
    pub const fn own(&self) -> &Identity {
        &self.own
    }

    /// Takes M2 and gives M3. Checks that our own `X` and both identities came back, that the suite is the first one in common,
    /// and that `Y` is not our `X` reflected.
    ///
    /// `data` is application data for the responder, sealed in M3 (at most [`DATA_LIMIT`] bytes; empty for none).
    ///
    /// # Errors
    /// A [`crate::error::DecodeError`] or [`PeerError`] for what shows without a private key; [`Error::Decrypt`] for everything
    /// found out with it: one variant, no reason, and `x` is wiped in every case. The exchange ends with the first bad message.
    ///
    /// # Timing
    /// Constant in the private key and in `x`; varies with the message length only.
    ///
    /// Source: RFC 6539 section 3.2, MESSAGE_2 and MESSAGE_3.
    pub fn receive<R: TryCryptoRng + ?Sized>(
        self,
        m2: &[u8],
        own: &PrivateKey,
        peer: &Recipient,
        data: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<(Unconfirmed, Vec<u8>), Error> {
        let Self { mut schedule, sid_i, own: own_identity, peer: peer_identity, x, kem_seed, suites, started } = self;
        let suite = schedule.suite;
        check_deadline(started, now)?;
        if own.identity() != &own_identity || peer.identity() != &peer_identity {
            return Err(KeyError::Missing.into());
        }
        if data.len() > DATA_LIMIT {
            return Err(UsageError::TooMany { limit: DATA_LIMIT, got: data.len() }.into());
        }
        let message = Message::decode(m2, 2)?;
        let sid_r = message.header.sid_r;
        let expected = Header {
            suite,
            kind: 2,
            sid_i,
            sid_r,
            key_i: KeyRef::of(&own_identity),
            key_r: KeyRef::of(&peer_identity),
            suites: Vec::new(),
            hint: None,
        };
        if message.header != expected {
            return Err(PeerError::OtherSession.into());
        }
        let h1 = schedule.h;
        let k2 = message.encapsulation()?.decapsulate(own)?;
        schedule.mix(&k2);
        let opened = schedule.open(2, &message)?;
        let body = Body::decode(2, suite, opened.expose())?;
        let y = Share::decode(suite.group(), body.y).map_err(|_| Error::Decrypt)?;
        let same_ids = body.id_i == own_identity.der() && body.id_r == peer_identity.der();
        let ours = body.x == x.share().as_bytes();
        let reflected = y.x_coordinate() == x.share().x_coordinate();
        if !same_ids || !ours || reflected || !self_consistent(&body, &suites, suite) {
            return Err(Error::Decrypt);
        }
        let committed = *body.commitment.ok_or(Error::Decrypt)?;
        let x_bytes = x.share().as_bytes().to_vec();
        let shared = x.agree(&y).map_err(|_| Error::Decrypt)?;
        let ss = match (&kem_seed, body.ct) {
            (Some(seed), Some(ct)) => {
                let ct = pq::ciphertext(ct).map_err(|_| Error::Decrypt)?;
                Some(pq::KeyPair::from_seed(seed).decapsulate(ct))
            }
            _ => None,
        };

        let h2 = schedule.h;
        let nonce_i = hedge::<32, R>(own, labels::NONCE, &sid_i, &h2, rng)?;
        let body = Body {
            id_i: own_identity.der(),
            id_r: peer_identity.der(),
            y: y.as_bytes(),
            nonce_i: Some(nonce_i.expose()),
            data: (!data.is_empty()).then_some(data),
            ..Body::default()
        };
        let header = Header { kind: 3, ..expected };
        let (encapsulation, k3) = peer.encapsulate_hedged(own, &sid_i, &h2, rng)?;
        schedule.mix_last(&k3, &shared, ss.as_ref());
        let kem = encapsulation.to_bytes();
        let m3 = schedule.seal(3, &header.to_bytes(), &kem, &body.encode(3));
        let exporter = exporter(&schedule.ck, &schedule.h);
        let state = Unconfirmed {
            schedule,
            sid_i,
            sid_r,
            own: own_identity,
            peer: peer_identity,
            x: x_bytes,
            y: y.as_bytes().to_vec(),
            nonce_i,
            committed,
            h1,
            exporter,
            started,
        };
        Ok((state, m3))
    }
}

/// The suite in use is the first one that both ends accept.
fn self_consistent(body: &Body<'_>, ours: &[Suite], used: Suite) -> bool {
    let list = |bytes| {
        let mut r = Reader::new(bytes);
        let ids = read_suite_list(&mut r).ok()?;
        r.finish("suite list").ok()?;
        Some(known(&ids))
    };
    body.suites.and_then(list).is_some_and(|theirs| Suite::first_common(ours, &theirs) == Some(used))
}

impl fmt::Debug for AwaitM2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitM2").field("own", &self.own).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The initiator after M3: the responder is authenticated, but has not shown that M3 arrived, and there is no
/// authentication string yet.
pub struct Unconfirmed {
    schedule: Schedule,
    sid_i: [u8; 16],
    sid_r: [u8; 16],
    own: Identity,
    peer: Identity,
    x: Vec<u8>,
    y: Vec<u8>,
    nonce_i: Secret<32>,
    committed: [u8; 32],
    h1: [u8; 32],
    exporter: Prk,
    started: u64,
}

impl Unconfirmed {
    /// The responder's identity, authenticated.
    pub const fn peer(&self) -> &Identity {
        &self.peer
    }

    /// Exports keys before the responder has confirmed: they are the session's keys, but nobody may have them at the other end.
    ///
    /// # Errors
    /// As [`Session::export`].
    pub fn export_unconfirmed(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        export(&self.exporter, label, context, out)
    }

    /// Takes M4: the responder confirms and opens its commitment. Gives the session and the responder's application data.
    ///
    /// # Errors
    /// As [`AwaitM2::receive`].
    pub fn receive(self, m4: &[u8], now: u64) -> Result<(Session, SecretVec), Error> {
        let Self { mut schedule, sid_i, sid_r, own, peer, x, y, nonce_i, committed, h1, exporter, started } = self;
        check_deadline(started, now)?;
        let suite = schedule.suite;
        let message = Message::decode(m4, 4)?;
        let (key_i, key_r) = (KeyRef::of(&own), KeyRef::of(&peer));
        let expected = Header { suite, kind: 4, sid_i, sid_r, key_i, key_r, suites: Vec::new(), hint: None };
        if message.header != expected {
            return Err(PeerError::OtherSession.into());
        }
        let h3 = schedule.h;
        let opened = schedule.open(4, &message)?;
        let body = Body::decode(4, suite, opened.expose())?;
        let nonce_r = body.nonce_r.ok_or(Error::Decrypt)?;
        let recomputed = commitment(&sid_i, &sid_r, &h1, &Secret::new(*nonce_r));
        if !declassify::verdict("commitment opens", recomputed.ct_eq(&committed)) {
            return Err(Error::Decrypt);
        }
        let input = SasInput { id_i: own.der(), id_r: peer.der(), x: &x, y: &y, nonce_i: nonce_i.expose(), nonce_r };
        let sas = AuthenticationString(Secret::new(authentication_string(&schedule.ck, &h3, &input)));
        let data = SecretVec::new(body.data.unwrap_or(&[]).to_vec());
        let session =
            Session { role: Role::Initiator, suite, sid_i, sid_r, initiator: own, responder: peer, exporter, sas };
        Ok((session, data))
    }
}

impl fmt::Debug for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unconfirmed").field("own", &self.own).field("peer", &self.peer).finish_non_exhaustive()
    }
}
