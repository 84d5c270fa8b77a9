//! Fresh keys in a call that is up.

use ibake::error::PeerError;
use ibake::mikey::call::{CallError, CallRefusal, Demand, End, Event, Session, SessionOffer, UpdateOffer};
use ibake::mikey::numbers::PayloadType;
use ibake::mikey::{self, Message, Payload};
use ibake::srtp::{Profile, Role};
use ibake::suite::Suite;

use crate::common::{ALICE, BOB, DAY, NOW};
use crate::forged::{inside, open, payloads, sealed_again};
use crate::scene::{SUITE, Scene, Trust, assert_same, offer};

/// A call that is up.
struct Up {
    s: Scene,
    trust: Trust,
    alice: Session,
    bob: Session,
}

impl Up {
    fn new(d: Demand, suite: Suite) -> Self {
        let mut s = Scene::with("up", d);
        let (alice, bob) = s.call(&offer(suite)).sessions();
        let trust = s.trust();
        Self { s, trust, alice, bob }
    }

    fn begin(&mut self, by: Role, offer: &UpdateOffer, now: u64) -> Result<Vec<u8>, CallError> {
        let (keys, settings) = self.side(by);
        let end = End { settings, keys, directory: &self.trust };
        match by {
            Role::Initiator => self.alice.update(&end, offer, now, &mut self.s.rng),
            Role::Responder => self.bob.update(&end, offer, now, &mut self.s.rng),
        }
    }

    fn side(&self, of: Role) -> (&'static [ibake::ibe::extract::PrivateKey], &'static ibake::mikey::call::Settings) {
        // Tests live as long as their process.
        let settings = if of == Role::Initiator { &self.s.settings_i } else { &self.s.settings_r };
        let (kgs, name) = if of == Role::Initiator { (&self.s.a, ALICE) } else { (&self.s.b, BOB) };
        let keys = vec![kgs.issue(name, NOW), kgs.issue(name, NOW + 7 * DAY)];
        (keys.leak(), Box::leak(Box::new(settings.clone())))
    }

    fn hear(&mut self, by: Role, message: &[u8], now: u64) -> Result<Event, CallError> {
        let (keys, settings) = self.side(by);
        let end = End { settings, keys, directory: &self.trust };
        match by {
            Role::Initiator => self.alice.receive(&end, message, now, &mut self.s.rng),
            Role::Responder => self.bob.receive(&end, message, now, &mut self.s.rng),
        }
    }

    fn tgk(&self) -> Vec<u8> {
        self.alice.keys().tgk().expose().to_vec()
    }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Initiator => Role::Responder,
        Role::Responder => Role::Initiator,
    }
}

fn answered(event: Event) -> Vec<u8> {
    match event {
        Event::Answered { send, .. } => send,
        Event::Updated { .. } => panic!("not an answer"),
    }
}

#[test]
fn update_from_either_side() {
    for suite in Suite::PREFERENCE {
        for d in [Demand::Bound, Demand::Rfc6267] {
            let mut up = Up::new(d, suite);
            let mut seen = vec![up.tgk()];
            for (n, by) in [Role::Initiator, Role::Responder, Role::Responder].into_iter().enumerate() {
                let offer = UpdateOffer { mki: vec![n as u8 + 1], add: vec![] };
                let i1 = up.begin(by, &offer, NOW).unwrap();
                assert_eq!(i1, if by == Role::Initiator { &up.alice } else { &up.bob }.update_message().unwrap());
                let message = Message::parse(&i1).unwrap();
                assert!(message.optional(PayloadType::RAND).unwrap().is_none());
                assert!(message.verification().is_ok());
                let r1 = answered(up.hear(other(by), &i1, NOW).unwrap());
                let before = up.tgk();
                let Event::Updated { previous } = up.hear(by, &r1, NOW).unwrap() else { panic!("not updated") };
                assert_eq!(previous.tgk().expose(), if by == Role::Initiator { before } else { seen[n].clone() });
                assert_same(&up.alice, &up.bob);
                assert_eq!(up.alice.keys().mki(), [n as u8 + 1]);
                assert!(!seen.contains(&up.tgk()));
                seen.push(up.tgk());
            }
        }
    }
}

#[test]
fn an_update_adds_streams_and_keeps_those_there_are() {
    let mut up = Up::new(Demand::Bound, SUITE);
    let old = up.alice.sessions().to_vec();
    let add = vec![
        SessionOffer { ssrc: Some(0x2222), profiles: vec![Profile::AeadAes128Gcm] },
        SessionOffer { ssrc: None, profiles: vec![Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] },
    ];
    let i1 = up.begin(Role::Responder, &UpdateOffer { mki: vec![9], add }, NOW).unwrap();
    let r1 = answered(up.hear(Role::Initiator, &i1, NOW).unwrap());
    let _ = up.hear(Role::Responder, &r1, NOW).unwrap();
    assert_same(&up.alice, &up.bob);
    let now = up.alice.sessions();
    assert_eq!((now.len(), &now[..2]), (4, &old[..]));
    assert_eq!((now[2].sender, now[3].sender), (Role::Responder, Role::Initiator));
}

#[test]
fn glare_the_one_who_called_goes_on() {
    let mut up = Up::new(Demand::Bound, SUITE);
    let from_alice = up.begin(Role::Initiator, &UpdateOffer::default(), NOW).unwrap();
    let from_bob = up.begin(Role::Responder, &UpdateOffer::default(), NOW).unwrap();
    assert_eq!(up.hear(Role::Initiator, &from_bob, NOW).unwrap_err(), CallRefusal::Glare.into());
    let r1 = answered(up.hear(Role::Responder, &from_alice, NOW).unwrap());
    assert!(up.bob.update_message().is_none(), "bob's own is forgotten");
    let _ = up.hear(Role::Initiator, &r1, NOW).unwrap();
    assert_same(&up.alice, &up.bob);
    // Bob's comes late: its tag is of the keys before.
    assert_eq!(up.hear(Role::Initiator, &from_bob, NOW).unwrap_err(), mikey::Error::Unauthentic.into());
}

#[test]
fn a_repeated_update_gets_the_stored_answer_and_old_ones_are_refused() {
    let mut up = Up::new(Demand::Bound, SUITE);
    let i1 = up.begin(Role::Initiator, &UpdateOffer::default(), NOW).unwrap();
    let r1 = answered(up.hear(Role::Responder, &i1, NOW).unwrap());
    assert_eq!(up.bob.repeat(&i1), Some(&r1[..]));
    assert_eq!(up.hear(Role::Responder, &i1, NOW).unwrap_err(), mikey::Error::Unauthentic.into());
    let _ = up.hear(Role::Initiator, &r1, NOW).unwrap();
    assert!(up.hear(Role::Initiator, &r1, NOW).is_err(), "an answer to nothing");
    for n in 0..4 {
        let i1 = up.begin(Role::Responder, &UpdateOffer::default(), NOW + n).unwrap();
        let r1 = answered(up.hear(Role::Initiator, &i1, NOW + n).unwrap());
        let _ = up.hear(Role::Responder, &r1, NOW + n).unwrap();
    }
    assert_eq!(up.bob.repeat(&i1), Some(&r1[..]), "bob answered nothing since");
    let times: Vec<_> = [&i1, &r1].map(|m| Message::parse(m).unwrap().timestamp().unwrap()).into();
    assert_eq!(times[0], times[1]);
}

#[test]
fn every_byte_of_an_update_is_covered() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut up = Up::new(d, SUITE);
        let i1 = up.begin(Role::Responder, &UpdateOffer { mki: vec![1], add: vec![] }, NOW).unwrap();
        for n in 0..i1.len() {
            let mut bad = i1.clone();
            bad[n] ^= 1 << (n % 8);
            assert!(up.hear(Role::Initiator, &bad, NOW).is_err(), "{n}");
        }
        let r1 = answered(up.hear(Role::Initiator, &i1, NOW).unwrap());
        let before = up.bob.keys().tgk().expose().to_vec();
        for n in (0..r1.len()).step_by(r1.len() / 14) {
            let mut bad = r1.clone();
            bad[n] ^= 1 << (n % 8);
            assert!(up.hear(Role::Responder, &bad, NOW).is_err(), "{n}");
            assert_eq!(up.bob.keys().tgk().expose(), before);
        }
        let _ = up.hear(Role::Responder, &r1, NOW).unwrap();
        assert_same(&up.alice, &up.bob);
    }
}

#[test]
fn stolen_private_keys_alone_do_not_update() {
    // With bob's and alice's private keys, but not the keys in force, the attacker seals what he likes and has no V.
    let mut up = Up::new(Demand::Bound, SUITE);
    let i1 = up.begin(Role::Initiator, &UpdateOffer::default(), NOW).unwrap();
    let (plain, _) = open(&i1, &up.s.bob[0]);
    let message = Message::parse(&i1).unwrap();
    let to = up.s.b.recipient(BOB, NOW);
    let forged = sealed_again(message.header(), &payloads(&message), &inside(&plain), &to, &mut up.s.rng);
    assert_ne!(forged, i1);
    assert_eq!(up.hear(Role::Responder, &forged, NOW).unwrap_err(), mikey::Error::Unauthentic.into());
    // Without the V, or with a RAND.
    for edit in [false, true] {
        let mut all = payloads(&message);
        if edit {
            all.insert(1, Payload::Rand(&[1; 16]));
        } else {
            all.truncate(all.len() - 1);
        }
        let bad = mikey::encode(message.header(), &all).unwrap();
        assert!(matches!(up.hear(Role::Responder, &bad, NOW).unwrap_err(), CallError::Message(_)));
    }
}

#[test]
fn an_update_has_a_deadline_and_its_time_only_grows() {
    let mut up = Up::new(Demand::Bound, SUITE);
    let i1 = up.begin(Role::Initiator, &UpdateOffer::default(), NOW).unwrap();
    let r1 = answered(up.hear(Role::Responder, &i1, NOW).unwrap());
    assert_eq!(up.hear(Role::Initiator, &r1, NOW + 61).unwrap_err(), PeerError::Deadline.into());
    assert_eq!(up.hear(Role::Initiator, &r1, NOW).unwrap_err(), CallRefusal::Closed.into());
    // Bob has moved on, so another of alice's is not his.
    let again = up.begin(Role::Initiator, &UpdateOffer::default(), NOW + 62).unwrap();
    assert_eq!(up.hear(Role::Responder, &again, NOW + 62).unwrap_err(), mikey::Error::Unauthentic.into());

    let mut up = Up::new(Demand::Bound, SUITE);
    let late = up.begin(Role::Initiator, &UpdateOffer::default(), NOW).unwrap();
    let refused = up.hear(Role::Responder, &late, NOW + 301).unwrap_err();
    assert!(matches!(refused, CallError::Refused(CallRefusal::Timestamp(_))));
}

#[test]
fn a_call_outlives_the_day_of_its_keys() {
    // Alice's key is of a day, bob's of a week; an update a week later uses those of then.
    let mut up = Up::new(Demand::Bound, SUITE);
    let later = NOW + 7 * DAY;
    let i1 = up.begin(Role::Initiator, &UpdateOffer::default(), later).unwrap();
    let r1 = answered(up.hear(Role::Responder, &i1, later).unwrap());
    let _ = up.hear(Role::Initiator, &r1, later).unwrap();
    assert_same(&up.alice, &up.bob);
    assert_eq!(up.alice.initiator(), &up.s.a.identity(ALICE, later));
}
