//! What key-generation servers can do: listen (and learn no key), or act (and be seen).
#![allow(clippy::unwrap_used)]

mod common;

use common::wire::{Chain, Parts, ephemeral, read_body};
use common::{ALICE, BOB, NOW, World, exported};
use ibake::dh::{KeyPair, Share, pq};
use ibake::ibake::{Config, Responder, start};
use ibake::suite::Suite;

/// Reads a recorded exchange with both users' private keys, as the two KGSs can extract them, up to the point where the
/// shared secret of the Diffie-Hellman is needed. `dh` and `ss` are what the reader believes them to be.
fn read(w: &World, messages: &[Vec<u8>; 4], dh: &[u8], ss: &[u8]) -> Listener {
    let d_i = w.a.issue(ALICE, NOW);
    let d_r = w.b.issue(BOB, NOW);
    let [m1, m2, m3, _] = messages.each_ref().map(|m| Parts::of(m));
    let mut chain = Chain::new(m1.suite(), w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
    chain.mix(&m1.decapsulate(&d_r));
    let opened1 = chain.open(1, &m1).expect("a KGS opens M1");
    chain.mix(&m2.decapsulate(&d_i));
    let opened2 = chain.open(2, &m2).expect("a KGS opens M2");
    chain.mix_last(&m3.decapsulate(&d_r), dh, ss);
    let opened3 = chain.open(3, &m3).is_some();
    Listener { x: read_body(&opened1, 3).0[2].clone(), y: read_body(&opened2, 4).0[3].clone(), chain, opened3 }
}

struct Listener {
    x: Vec<u8>,
    y: Vec<u8>,
    chain: Chain,
    opened3: bool,
}

#[test]
fn a_listening_kgs_opens_the_messages_and_does_not_learn_the_key() {
    let mut w = World::new("listening");
    for suite in Suite::PREFERENCE {
        let (i, _, recorded) = w.call(suite);
        let seen = read(&w, &recorded, &[], &[]);
        assert_eq!(Share::decode(suite.group(), &seen.x).map(|s| s.as_bytes().to_vec()), Ok(seen.x.clone()));
        // Everything that it saw and could take for the shared secret.
        let (x, y) = (&seen.x[..], &seen.y[..]);
        let half = |p: &[u8]| p[1..1 + (p.len() - 1) / 2].to_vec();
        for guess in [vec![], x.to_vec(), y.to_vec(), half(x), half(y), vec![0; 32]] {
            let tried = read(&w, &recorded, &guess, &[]);
            assert!(!tried.opened3, "{}: M3 opened without the shared secret", suite.name());
            assert_ne!(tried.chain.export(b"test", b"context"), exported(&i));
        }
    }
}

#[test]
fn control_the_same_listener_with_one_ephemeral_secret_succeeds() {
    let mut w = World::new("control");
    for suite in Suite::PREFERENCE {
        let config = Config { suites: vec![suite], ..Config::default() };
        let peer = w.b.recipient(BOB, NOW);
        let keys = [w.b.issue(BOB, NOW)];
        let mut guard = w.guard();
        let (i, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
        let leaked = i.to_bytes();
        let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
        let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
        let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
        let (_, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
        let (session, _) = i.receive(&m4, NOW).unwrap();

        let recorded = [m1, m2, m3, m4];
        let seen = read(&w, &recorded, &[], &[]);
        let (x, seed) = ephemeral(leaked.expose(), suite);
        let y = Share::decode(suite.group(), &seen.y).unwrap();
        let dh = KeyPair::from_secret_bytes(suite.group(), &x).unwrap().agree(&y).unwrap();
        let ss = seed.map(|seed| {
            let opened = {
                let mut chain = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
                let [p1, p2] = [Parts::of(&recorded[0]), Parts::of(&recorded[1])];
                chain.mix(&p1.decapsulate(&keys[0]));
                chain.open(1, &p1).unwrap();
                chain.mix(&p2.decapsulate(&w.alice));
                chain.open(2, &p2).unwrap()
            };
            let ct = read_body(&opened, 4).1.into_iter().find(|e| e.0 == 2).unwrap().1;
            let ct = pq::ciphertext(&ct).unwrap();
            *pq::KeyPair::from_seed(&ibake::secret::Secret::new(seed)).decapsulate(ct).expose()
        });
        let with_x = read(&w, &recorded, dh.expose(), ss.as_ref().map_or(&[], |s| s.as_slice()));
        assert!(with_x.opened3);
        assert_eq!(with_x.chain.export(b"test", b"context"), exported(&session), "{}", suite.name());
    }
}

#[test]
fn an_acting_pair_of_kgss_in_the_middle_is_shown_by_the_authentication_string() {
    let mut w = World::new("acting");
    let suite = Suite::P256Aes256Gcm;
    let config = Config { suites: vec![suite], ..Config::default() };
    // Both master keys: the middle is bob to alice and alice to bob.
    let (alice_keys, bob_keys) = ([w.a.issue(ALICE, NOW)], [w.b.issue(BOB, NOW)]);
    let peer = w.b.recipient(BOB, NOW);
    let mut guard = w.guard();
    let answer = Responder { config: &config, keys: &bob_keys, parameters: &w.parameters, peers: &() };
    let mut run = |caller: &ibake::ibe::extract::PrivateKey| {
        let (i, m1) = start(&config, suite, caller, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
        let (r, m2) = answer.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
        let (i, m3) = i.receive(&m2, caller, &peer, b"", NOW, &mut w.rng).unwrap();
        let (r, _, m4) = r.receive(&m3, &bob_keys, b"", &mut guard, NOW).unwrap();
        (i.receive(&m4, NOW).unwrap().0, r)
    };
    let (alice, middle_as_bob) = run(&alice_keys[0]);
    let (middle_as_alice, bob) = run(&alice_keys[0]);
    assert_eq!(exported(&alice), exported(&middle_as_bob), "the middle reads alice");
    assert_eq!(exported(&bob), exported(&middle_as_alice), "the middle reads bob");
    assert_ne!(
        alice.authentication_string().value(),
        bob.authentication_string().value(),
        "and the two people hear it"
    );
    assert_ne!(alice.authentication_string().words(), bob.authentication_string().words());
}

#[test]
fn an_acting_kgs_of_one_district_cannot_get_into_a_call_between_two() {
    let mut w = World::new("one side");
    let suite = Suite::P256Aes256Gcm;
    let config = Config { suites: vec![suite], ..Config::default() };
    let bob_keys = [w.b.issue(BOB, NOW)];
    let peer = w.b.recipient(BOB, NOW);
    let mut guard = w.guard();
    let (i, m1) = start(&config, suite, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let responder = Responder { config: &config, keys: &bob_keys, parameters: &w.parameters, peers: &() };
    let (_, m2) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    // It holds d_I of alice, so it decapsulates K2; without d_R there is no K1, so M2 neither opens nor can be made again.
    let (p1, p2) = (Parts::of(&m1), Parts::of(&m2));
    let d_i = w.a.issue(ALICE, NOW);
    let k2 = p2.decapsulate(&d_i);
    for k1 in [[0; 32], p1.decapsulate(&d_i), k2] {
        let mut chain = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        chain.mix(&k1);
        assert!(chain.clone().open(1, &p1).is_none());
        chain.h = common::wire::sha(&[&common::wire::label("tr"), &common::wire::lp(&chain.h), &common::wire::lp(&m1)]);
        chain.mix(&k2);
        assert!(chain.open(2, &p2).is_none());
    }
    assert!(i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).is_ok());
}
