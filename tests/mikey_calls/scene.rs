//! Two districts, their users, and calls between them step by step.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::name::Name;
use ibake::ibe::params::PublicParameters;
use ibake::mikey::call::{
    Answering, AwaitI2, AwaitR1, AwaitR2, CallError, CallOffer, Demand, Directory, End, Outcome, Ready, ReplayCache,
    Reply, Session, SessionOffer, Settings,
};
use ibake::srtp::Profile;
use ibake::suite::Suite;

use crate::common::{ALICE, BOB, Kgs, NOW, Seeded, World};

pub(crate) const SUITE: Suite = Suite::P256Aes256Gcm;
pub(crate) const DESK: &str = "sip:bob-desk@b.example";
pub(crate) const PHONE: &str = "sip:bob-phone@b.example";
pub(crate) const TABLET: &str = "sip:bob-tablet@b.example";
pub(crate) const MALLORY: &str = "sip:mallory@b.example";

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Settings with this demand.
pub(crate) fn demand(demand: Demand) -> Settings {
    Settings { demand, ..Settings::default() }
}

/// One stream each way, with two profiles offered.
pub(crate) fn offer(suite: Suite) -> CallOffer {
    let profiles = vec![Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80];
    let there = SessionOffer { ssrc: Some(0x1111), profiles: profiles.clone() };
    CallOffer::new(suite, vec![there, SessionOffer { ssrc: None, profiles }])
}

/// Who holds which keys.
pub(crate) struct Scene {
    pub(crate) a: Kgs,
    pub(crate) b: Kgs,
    pub(crate) alice: Vec<PrivateKey>,
    pub(crate) bob: Vec<PrivateKey>,
    pub(crate) settings_i: Settings,
    pub(crate) settings_r: Settings,
    pub(crate) replay: ReplayCache,
    pub(crate) rng: Seeded,
}

/// The trust of everybody here: names of a.example have their keys in district A, all others in B.
#[derive(Clone)]
pub(crate) struct Trust(PublicParameters, PublicParameters);

impl Directory for Trust {
    fn parameters(&self, name: &Name, _: u64) -> Option<PublicParameters> {
        Some(if name.as_str().ends_with("a.example") { self.0.clone() } else { self.1.clone() })
    }
}

impl Scene {
    pub(crate) fn new(seed: &str) -> Self {
        let World { a, b, rng, .. } = World::new(seed);
        Self {
            alice: vec![a.issue(ALICE, NOW)],
            bob: vec![b.issue(BOB, NOW)],
            settings_i: Settings::default(),
            settings_r: Settings::default(),
            replay: ReplayCache::new(1000),
            a,
            b,
            rng,
        }
    }

    /// With this demand on both sides.
    pub(crate) fn with(seed: &str, d: Demand) -> Self {
        Self { settings_i: demand(d), settings_r: demand(d), ..Self::new(seed) }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust(self.a.parameters.clone(), self.b.parameters.clone())
    }

    pub(crate) fn dial_with(&mut self, offer: &CallOffer) -> (AwaitR1, Vec<u8>) {
        let trust = self.trust();
        let end = End { settings: &self.settings_i, keys: &self.alice, directory: &trust };
        end.call(self.alice[0].identity(), &name(BOB), offer, NOW, &mut self.rng).unwrap()
    }

    pub(crate) fn dial(&mut self) -> (AwaitR1, Vec<u8>) {
        self.dial_with(&offer(SUITE))
    }

    /// Somebody answers with these keys; each device has a cache of its own.
    pub(crate) fn answer(
        &mut self,
        keys: &[PrivateKey],
        i1: &[u8],
        answering: &Answering<'_>,
    ) -> Result<(AwaitI2, Vec<u8>), CallError> {
        let trust = self.trust();
        let end = End { settings: &self.settings_r, keys, directory: &trust };
        end.answer(&mut ReplayCache::new(10), i1, answering, NOW, &mut self.rng)
    }

    pub(crate) fn bob_answers(&mut self, i1: &[u8]) -> Result<(AwaitI2, Vec<u8>), CallError> {
        let trust = self.trust();
        let end = End { settings: &self.settings_r, keys: &self.bob, directory: &trust };
        end.answer(&mut self.replay, i1, &Answering::DIALLED, NOW, &mut self.rng)
    }

    pub(crate) fn alice_hears(&mut self, state: AwaitR1, r1: &[u8]) -> Result<Reply, (CallError, Option<AwaitR1>)> {
        let trust = self.trust();
        let end = End { settings: &self.settings_i, keys: &self.alice, directory: &trust };
        state.receive(&end, r1, NOW, &mut self.rng).map_err(|f| (f.error, f.state))
    }

    pub(crate) fn alice_goes_on(&mut self, ready: Ready) -> (AwaitR2, Vec<u8>) {
        let trust = self.trust();
        let end = End { settings: &self.settings_i, keys: &self.alice, directory: &trust };
        ready.proceed(&end, NOW, &mut self.rng).unwrap()
    }

    #[allow(clippy::type_complexity)] // what the library gives
    pub(crate) fn hears_i2(
        &mut self,
        keys: &[PrivateKey],
        state: AwaitI2,
        i2: &[u8],
    ) -> Result<(Outcome, Vec<u8>), (CallError, Option<AwaitI2>)> {
        let trust = self.trust();
        let end = End { settings: &self.settings_r, keys, directory: &trust };
        state.receive(&end, i2, NOW, &mut self.rng).map_err(|f| (f.error, f.state))
    }

    #[allow(clippy::type_complexity)] // what the library gives
    pub(crate) fn bob_hears(
        &mut self,
        state: AwaitI2,
        i2: &[u8],
    ) -> Result<(Outcome, Vec<u8>), (CallError, Option<AwaitI2>)> {
        let trust = self.trust();
        let end = End { settings: &self.settings_r, keys: &self.bob, directory: &trust };
        state.receive(&end, i2, NOW, &mut self.rng).map_err(|f| (f.error, f.state))
    }

    pub(crate) fn alice_ends(&mut self, state: AwaitR2, r2: &[u8]) -> Result<Outcome, (CallError, Option<AwaitR2>)> {
        let trust = self.trust();
        let end = End { settings: &self.settings_i, keys: &self.alice, directory: &trust };
        state.receive(&end, r2, NOW).map_err(|f| (f.error, f.state))
    }

    /// A whole plain call.
    pub(crate) fn call(&mut self, offer: &CallOffer) -> Call {
        let (dialled, i1) = self.dial_with(offer);
        let (half, r1) = self.bob_answers(&i1).unwrap();
        let ready = as_dialled(self.alice_hears(dialled, &r1).unwrap());
        let (waiting, i2) = self.alice_goes_on(ready);
        let (bob, r2) = self.bob_hears(half, &i2).unwrap();
        let alice = self.alice_ends(waiting, &r2).unwrap();
        Call { alice, bob, messages: [i1, r1, i2, r2] }
    }
}

pub(crate) struct Call {
    pub(crate) alice: Outcome,
    pub(crate) bob: Outcome,
    pub(crate) messages: [Vec<u8>; 4],
}

impl Call {
    pub(crate) fn sessions(self) -> (Session, Session) {
        (session(self.alice), session(self.bob))
    }
}

pub(crate) fn as_dialled(reply: Reply) -> Ready {
    match reply {
        Reply::AsDialled(ready) => ready,
        Reply::Other(other) => panic!("{other:?}"),
    }
}

pub(crate) fn session(outcome: Outcome) -> Session {
    match outcome {
        Outcome::Bound(s) | Outcome::BoundUnopened(s) | Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s) => s,
    }
}

/// Both have the same keys, streams and parties.
pub(crate) fn assert_same(i: &Session, r: &Session) {
    assert_eq!(i.keys().tgk().expose(), r.keys().tgk().expose());
    assert_eq!((i.sessions(), i.csb_id(), i.suite()), (r.sessions(), r.csb_id(), r.suite()));
    assert_eq!((i.initiator(), i.responder()), (r.initiator(), r.responder()));
    for ((s, ours), (_, theirs)) in i.media().zip(r.media()) {
        assert_eq!(ours.key_and_salt(), theirs.key_and_salt());
        assert_eq!(ours.profile(), s.profile);
    }
    assert_eq!((i.media().count(), i.keys().mki()), (i.sessions().len(), r.keys().mki()));
}
