//! Two districts, their users and devices; everything is drawn anew in each run.

use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::{Description, District, Granularity, Name, PublicParameters, Purpose};
use ibake::mikey::call::{AwaitR1, CallOffer, Directory, End, Outcome, Session, SessionOffer, Settings};
use ibake::mikey::sdp;
use ibake::srtp::Profile;
use ibake::suite::Suite;

pub(crate) const ALICE: &str = "sip:alice@a.example";
pub(crate) const BOB: &str = "sip:bob@b.example";
pub(crate) const DEVICES: [&str; 3] = ["sip:bob-desk@b.example", "sip:bob-phone@b.example", "sip:bob-tablet@b.example"];
pub(crate) const CAROL: &str = "sip:carol@b.example";

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Names of a.example have their keys in the first district, all others in the second.
#[derive(Clone)]
pub(crate) struct Trust(PublicParameters, PublicParameters);

impl Directory for Trust {
    fn parameters(&self, name: &Name, _: u64) -> Option<PublicParameters> {
        Some(if name.as_str().ends_with("@a.example") { self.0.clone() } else { self.1.clone() })
    }
}

pub(crate) struct Parties {
    a: Issuer,
    b: Issuer,
    pub(crate) trust: Trust,
    pub(crate) settings: Settings,
    alice: Vec<PrivateKey>,
}

impl Parties {
    pub(crate) fn new() -> Self {
        let district = |uri: &str| {
            let (not_before, not_after) = (now() - 40 * 86_400, now() + 40 * 86_400);
            let district = District::parse(uri).unwrap();
            let granularity = Granularity::Week;
            let description = Description { district, serial: 1, not_before, not_after, granularity, pkg_uri: None };
            let master = MasterKey::generate(&mut SysRng).unwrap();
            let parameters = master.public_parameters(description).unwrap();
            master.issuer(parameters).unwrap()
        };
        let (a, b) = (district("https://kgs.a.example"), district("https://kgs.b.example"));
        let trust = Trust(a.parameters().clone(), b.parameters().clone());
        let settings = Settings { profiles: vec![Profile::AesCm128HmacSha1_80], ..Settings::default() };
        let alice = vec![issue(&a, ALICE)];
        Self { a, b, trust, settings, alice }
    }

    pub(crate) fn issue(&self, name: &str) -> PrivateKey {
        issue(if name.ends_with("@a.example") { &self.a } else { &self.b }, name)
    }

    pub(crate) fn alice(&self) -> End<'_> {
        End { settings: &self.settings, keys: &self.alice, directory: &self.trust }
    }

    /// Alice calls bob, in a session description; gives the line as well.
    pub(crate) fn dial(&self, suite: Suite) -> (AwaitR1, String) {
        let profiles = self.settings.profiles.clone();
        let streams = vec![
            SessionOffer { ssrc: Some(0x0a11_ce01), profiles: profiles.clone() },
            SessionOffer { ssrc: None, profiles },
        ];
        let protocols = Some(sdp::MIKEY.to_owned());
        let offer = CallOffer { protocols, ..CallOffer::new(suite, streams) };
        let bob = Name::parse(BOB).unwrap();
        let (state, i1) = self.alice().call(self.alice[0].identity(), &bob, &offer, now(), &mut SysRng).unwrap();
        (state, sdp::line(&i1).unwrap())
    }
}

fn issue(of: &Issuer, name: &str) -> PrivateKey {
    let name = Name::parse(name).unwrap();
    of.extract(&of.parameters().identity(name, Purpose::Decrypt, now()).unwrap()).unwrap()
}

pub(crate) fn session(outcome: Outcome) -> Session {
    match outcome {
        Outcome::Bound(s) | Outcome::BoundUnopened(s) | Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s) => s,
    }
}

/// Key and salt of every stream.
pub(crate) fn keys(session: &Session) -> Vec<Vec<u8>> {
    session.media().map(|(_, keys)| keys.key_and_salt().to_vec()).collect()
}

/// Both ends have the same keys, streams and parties, and they are not keys of nothing.
pub(crate) fn assert_same(i: &Session, r: &Session) {
    assert_eq!(keys(i), keys(r));
    assert_eq!(i.keys().tgk().expose(), r.keys().tgk().expose());
    assert_eq!((i.sessions(), i.csb_id(), i.suite()), (r.sessions(), r.csb_id(), r.suite()));
    assert_eq!((i.initiator(), i.responder(), i.dialled()), (r.initiator(), r.responder(), r.dialled()));
    let all = keys(i);
    assert!(all.len() == 2 && all[0].len() == 30 && all[0] != all[1]);
}
