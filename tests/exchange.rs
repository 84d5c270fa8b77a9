//! The exchange as its users have it: suites, districts, data, exporter, half-open states.
#![allow(clippy::unwrap_used)]

mod common;

use common::{ALICE, BOB, CAROL, DAY, HalfOpen, Kgs, NOW, Seeded, World, exported};
use ibake::error::{Error, KeyError, ParametersError, PeerError, UsageError};
use ibake::ibake::envelope::Envelope;
use ibake::ibake::guard::COOKIE_BYTES;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::inspect::describe_envelope;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Exchange, Responder, Role, start};
use ibake::ibe::kem::Recipient;
use ibake::ibe::period::Granularity;
use ibake::suite::Suite;

#[test]
fn every_suite_ends_with_the_same_keys_on_both_sides() {
    let mut world = World::new("suites");
    let mut keys = Vec::new();
    for suite in Suite::PREFERENCE {
        let (i, r, _) = world.call(suite);
        assert_eq!(exported(&i), exported(&r), "{}", suite.name());
        assert_eq!(i.authentication_string().value(), r.authentication_string().value());
        assert_eq!(i.fingerprint(), r.fingerprint());
        assert_eq!((i.id(), i.suite()), (r.id(), suite));
        assert_eq!((i.role(), r.role()), (Role::Initiator, Role::Responder));
        assert_eq!((i.peer().name().as_str(), r.peer().name().as_str()), (BOB, ALICE));
        keys.push(exported(&i));
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[test]
fn exported_keys_differ_by_label_context_and_length() {
    let (i, _, _) = World::new("exporter").call(Suite::P256Aes256Gcm);
    let export = |label: &[u8], context: &[u8], n: usize| {
        let mut out = vec![0; n];
        i.export(label, context, &mut out).unwrap();
        out
    };
    let base = export(b"l", b"c", 32);
    assert_ne!(base, export(b"m", b"c", 32));
    assert_ne!(base, export(b"l", b"d", 32));
    assert_ne!(base, export(b"l", b"c", 33)[..32]);
    assert_ne!(export(b"ab", b"c", 32), export(b"a", b"bc", 32));
    assert_eq!(i.export(b"l", b"c", &mut vec![0; 8161]), Err(UsageError::OutputTooLong.into()));
    assert_eq!(i.export(b"l", b"c", &mut vec![0; 70_000]), Err(UsageError::OutputTooLong.into()));
}

#[test]
fn application_data_travels_with_the_last_two_messages() {
    let mut w = World::new("data");
    let config = Config { send_hint: true, ..Config::default() };
    let peer = Recipient::cached(&w.b.parameters, w.bob.identity()).unwrap();
    let known = vec![Recipient::cached(&w.a.parameters, w.alice.identity()).unwrap()];
    let keys = [w.b.issue(BOB, NOW)];
    let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &known };
    let mut guard = ibake::ibake::guard::Guard::new(10, 10, &mut w.rng).unwrap();
    let suite = Suite::P256MlKem768Aes256Gcm;
    let (i, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    assert_eq!(r.claimed_initiator().name().as_str(), ALICE);
    let (i, m3) = i.receive(&m2, &w.alice, &peer, b"to bob", NOW, &mut w.rng).unwrap();
    let (r, got, m4) = r.receive(&m3, &keys, b"to alice", &mut guard, NOW).unwrap();
    assert_eq!(got.expose(), b"to bob");
    let mut early = [0; 32];
    i.export_unconfirmed(b"test", b"context", &mut early).unwrap();
    let (i, got) = i.receive(&m4, NOW).unwrap();
    assert_eq!(got.expose(), b"to alice");
    assert_eq!((early, exported(&i)), (exported(&r), exported(&r)));
    assert_eq!(guard.finished(), 1);
}

#[test]
fn half_open_states_go_on_from_their_serial_form_and_stay_small() {
    let mut w = World::new("serial");
    for suite in Suite::PREFERENCE {
        let HalfOpen { peer, keys, mut guard, i, r, m2, .. } = w.half_open(suite);
        let (i_bytes, r_bytes) = (i.to_bytes(), r.to_bytes());
        drop((i, r));
        assert!(i_bytes.expose().len() < 1000 && r_bytes.expose().len() < 1000);
        let i = AwaitM2::from_bytes(i_bytes.expose()).unwrap();
        let r = AwaitM3::from_bytes(r_bytes.expose()).unwrap();
        assert_eq!((i.to_bytes().expose(), r.to_bytes().expose()), (i_bytes.expose(), r_bytes.expose()));
        for cut in 0..r_bytes.expose().len() {
            assert!(AwaitM3::from_bytes(&r_bytes.expose()[..cut]).is_err());
        }
        for cut in 0..i_bytes.expose().len() {
            assert!(AwaitM2::from_bytes(&i_bytes.expose()[..cut]).is_err());
        }
        assert!(AwaitM2::from_bytes(r_bytes.expose()).is_err() && AwaitM3::from_bytes(i_bytes.expose()).is_err());
        let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
        let (r, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
        let (i, _) = i.receive(&m4, NOW).unwrap();
        assert_eq!(exported(&i), exported(&r));
    }
}

#[test]
fn a_table_of_exchanges_runs_both_roles() {
    let mut w = World::new("table");
    let config = Config::default();
    let suite = Suite::X25519ChaCha20Poly1305;
    let lists = Config { suites: vec![suite], ..Config::default() };
    let (bob_keys, alice_keys) = ([w.b.issue(BOB, NOW)], [w.a.issue(ALICE, NOW)]);
    let mut guard = w.guard();
    let bob = Responder { config: &config, keys: &bob_keys, parameters: &w.parameters, peers: &() };
    let alice = Responder { config: &lists, keys: &alice_keys, parameters: &w.parameters, peers: &() };
    let peer = w.b.recipient(BOB, NOW);
    let (i, m1) = start(&lists, suite, &alice_keys[0], &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let (r, m2) = bob.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    let (mut i, mut r) = (Exchange::AwaitM2(i), Exchange::AwaitM3(r));
    let m3 = i.step(&alice, &mut guard, &m2, b"hi", NOW, &mut w.rng).unwrap().send.unwrap();
    let step = r.step(&bob, &mut guard, &m3, b"", NOW, &mut w.rng).unwrap();
    assert_eq!(step.received.expose(), b"hi");
    assert!(i.step(&alice, &mut guard, &step.send.unwrap(), b"", NOW, &mut w.rng).unwrap().send.is_none());
    let (i, r) = (i.take_session().unwrap(), r.take_session().unwrap());
    assert_eq!(exported(&i), exported(&r));
    let mut closed = Exchange::Closed;
    assert_eq!(closed.step(&alice, &mut guard, b"", b"", NOW, &mut w.rng).unwrap_err(), UsageError::WrongState.into());
}

#[test]
fn two_devices_of_one_person_may_talk_when_they_say_so() {
    let mut w = World::new("same");
    let peer = w.a.recipient(ALICE, NOW);
    let keys = [w.a.issue(ALICE, NOW)];
    let refused = start(&Config::default(), Suite::P256Aes256Gcm, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng);
    assert_eq!(refused.unwrap_err(), PeerError::SameIdentity.into());
    let config = Config { allow_same_identity: true, ..Config::default() };
    let suite = Suite::P256MlKem768Aes256Gcm;
    let mut guard = w.guard();
    let (i, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let other = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    let (r, m2) = other.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
    let (r, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
    assert_eq!(exported(&i.receive(&m4, NOW).unwrap().0), exported(&r));
}

#[test]
fn several_names_on_one_device_are_told_apart() {
    let mut w = World::new("names");
    let names = ["sip:a1@b.example", "sip:a2@b.example", "sip:a3@b.example", BOB];
    let keys: Vec<_> = names.iter().map(|n| w.b.issue(n, NOW)).collect();
    let config = Config::default();
    let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    let mut guard = ibake::ibake::guard::Guard::new(10, 10, &mut w.rng).unwrap();
    let suite = Suite::P256MlKem768Aes256Gcm;
    for name in names {
        let peer = w.b.recipient(name, NOW);
        let (_, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
        let (r, _) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
        assert_eq!(r.responder().name().as_str(), name);
    }
    // A fifth name needs a hint: at most four keys are tried for one message.
    let five: Vec<_> = names.iter().chain([&CAROL]).map(|n| w.b.issue(n, NOW)).collect();
    let responder = Responder { keys: &five, ..responder };
    let peer = w.b.recipient(CAROL, NOW);
    let (_, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    assert_eq!(responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err(), PeerError::Busy.into());
    let hinting = Config { send_hint: true, ..Config::default() };
    let (_, m1) = start(&hinting, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let (r, _) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    assert_eq!(r.responder().name().as_str(), CAROL);
}

#[test]
fn times_are_checked_on_both_sides() {
    let mut w = World::new("times");
    let config = Config::default();
    let suite = Suite::P256MlKem768Aes256Gcm;
    let day_end = NOW - NOW % DAY + DAY;
    let peer = w.b.recipient(BOB, NOW);
    let keys = [w.b.issue(BOB, NOW)];
    let mut rng = Seeded::new("times 2");
    let mut begin = |now| start(&config, suite, &w.alice, &w.a.parameters, &peer, now, &mut rng).map(|(_, m1)| m1);
    assert!(begin(day_end + 299).is_ok(), "five minutes of skew");
    assert_eq!(begin(day_end + 300), Err(KeyError::Expired.into()));
    assert_eq!(begin(NOW + 401 * DAY), Err(KeyError::Expired.into()));
    let m1 = begin(NOW).unwrap();
    let mut guard = w.guard();
    let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    let mut accept = |now| responder.accept(&mut guard, &m1, now, &mut w.rng).map(|_| ());
    assert_eq!(accept(day_end + 300), Err(PeerError::Expired.into()));
    assert_eq!(accept(NOW + 401 * DAY), Err(ParametersError::NotValidAt.into()));
    assert_eq!(accept(day_end + 299), Ok(()));
}

#[test]
fn a_responder_knows_only_the_districts_it_trusts() {
    let mut w = World::new("districts");
    let config = Config::default();
    let suite = Suite::P256MlKem768Aes256Gcm;
    let peer = w.b.recipient(BOB, NOW);
    let keys = [w.b.issue(BOB, NOW)];
    let mut guard = w.guard();
    let (_, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let own_only = vec![w.b.parameters.clone()];
    let responder = Responder { config: &config, keys: &keys, parameters: &own_only, peers: &() };
    let refused = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err();
    assert_eq!(refused, ParametersError::Unknown.into());
    // The same district and serial with another master key is another district: the transcript differs from the first byte.
    let impostor = Kgs::new("https://kgs.a.example", 7, Granularity::Day, &mut w.rng);
    let wrong = vec![impostor.parameters, w.b.parameters.clone()];
    let responder = Responder { parameters: &wrong, ..responder };
    assert_eq!(responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err(), Error::Decrypt);
}

#[test]
fn suites_are_agreed_by_the_lists_of_both() {
    let mut w = World::new("lists");
    let [all, small] = [Suite::PREFERENCE.to_vec(), vec![Suite::P384Aes256Gcm, Suite::P256Aes256Gcm]];
    let (all, small) = (Config { suites: all, ..Config::default() }, Config { suites: small, ..Config::default() });
    let peer = w.b.recipient(BOB, NOW);
    let keys = [w.b.issue(BOB, NOW)];
    let mut guard = w.guard();
    let responder = Responder { config: &small, keys: &keys, parameters: &w.parameters, peers: &() };
    let mut call = |suite| {
        let (_, m1) = start(&all, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
        responder.accept(&mut guard, &m1, NOW, &mut w.rng).map(|_| ())
    };
    assert_eq!(call(Suite::P256MlKem768Aes256Gcm), Err(PeerError::NoCommonSuite.into()));
    assert_eq!(
        call(Suite::P256Aes256Gcm),
        Err(PeerError::NoCommonSuite.into()),
        "common, but not the first common one"
    );
    assert_eq!(call(Suite::P384Aes256Gcm), Ok(()));
    let none = Config { suites: vec![], ..Config::default() };
    let twice = Config { suites: vec![Suite::P256Aes256Gcm; 2], ..Config::default() };
    let mut begin = |c: &Config| {
        start(c, Suite::P256Aes256Gcm, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).map(|_| ()).unwrap_err()
    };
    assert_eq!((begin(&none), begin(&twice)), (UsageError::Empty.into(), UsageError::Duplicate.into()));
}

#[test]
fn fields_of_a_message_in_its_envelope_cover_every_byte_once() {
    let (_, _, messages) = World::new("described").call(Suite::P256Aes256Gcm);
    for m in &messages {
        for envelope in [Envelope::Message(m), Envelope::WithCookie([7; COOKIE_BYTES], m)] {
            let bytes = envelope.to_bytes();
            let mut at = 0;
            for field in describe_envelope(&bytes).unwrap() {
                assert_eq!(field.offset, at, "{}", field.name);
                at += field.len;
            }
            assert_eq!(at, bytes.len());
        }
    }
}
