//! The known attacks on this family of protocols, each by its name.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod input;

use common::wire::{Chain, Parts, body, label, lp, read_body, sha};
use common::{ALICE, BOB, CAROL, DAY, HalfOpen, NOW, World, exported};
use ibake::dh::{KeyPair, Share};
use ibake::error::{DecodeReason, Error, KeyError, PeerError};
use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder, start};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::secret::Secret;
use ibake::suite::{Aead, Suite};

const SUITE: Suite = Suite::P256Aes256Gcm;

fn only(suite: Suite) -> Config {
    Config { suites: vec![suite], ..Config::default() }
}

/// Alice calls bob and stops after M2: the pieces that an attacker between them works with.
struct Half {
    config: Config,
    peer: Recipient,
    bob: [PrivateKey; 1],
    guard: Guard,
    alice: Vec<u8>,
    answered: Vec<u8>,
    m1: Vec<u8>,
    m2: Vec<u8>,
}

impl Half {
    fn new(w: &mut World, suite: Suite) -> Self {
        let HalfOpen { config, peer, keys: bob, guard, i, r, m1, m2 } = w.half_open(suite);
        let (alice, answered) = (i.to_bytes().expose().to_vec(), r.to_bytes().expose().to_vec());
        Self { config, peer, bob, guard, alice, answered, m1, m2 }
    }

    /// Alice as she was after M1; every try begins there.
    fn initiator(&self) -> AwaitM2 {
        AwaitM2::from_bytes(&self.alice).unwrap()
    }

    fn responder(&self) -> AwaitM3 {
        AwaitM3::from_bytes(&self.answered).unwrap()
    }

    fn alice_takes(&self, w: &mut World, m2: &[u8]) -> Result<Vec<u8>, Error> {
        self.initiator().receive(m2, &w.alice, &self.peer, b"", NOW, &mut w.rng).map(|(_, m3)| m3)
    }

    fn bob_takes(&mut self, m3: &[u8]) -> Result<Vec<u8>, Error> {
        self.responder().receive(m3, &self.bob, b"", &mut self.guard, NOW).map(|(_, _, m4)| m4)
    }

    /// The schedule after M1, as whoever holds `key` reads it, and M1's plaintext.
    fn opened(&self, w: &World, key: &PrivateKey) -> (Chain, Vec<u8>) {
        let p1 = Parts::of(&self.m1);
        let mut chain = Chain::new(p1.suite(), w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        chain.mix(&p1.decapsulate(key));
        let plain = chain.open(1, &p1).unwrap();
        (chain, plain)
    }
}

fn encapsulate(to: &Recipient, w: &mut World) -> (Vec<u8>, [u8; 32]) {
    let (e, k) = to.encapsulate(&mut w.rng).unwrap();
    ([&e.u()[..], e.v()].concat(), *k.expose())
}

/// Bob with a modified program: answers with the given `Y`, identities and extensions.
fn answer(w: &mut World, half: &Half, y: &[u8], ids: [&[u8]; 2], x: &[u8], extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let (mut chain, _) = half.opened(w, &half.bob[0]);
    let alice = w.a.recipient(ALICE, NOW);
    let (kem, k2) = encapsulate(&alice, w);
    chain.mix(&k2);
    let header = Parts::of(&half.m1).next_header(2, &[9; 16]);
    chain.seal(2, &header, &kem, &body(&[ids[0], ids[1], x, y], extensions))
}

fn commitment_and_suites() -> ([u8; 32], Vec<u8>) {
    ([7; 32], vec![1, 0, SUITE.id() as u8])
}

#[test]
fn control_the_modified_bob_is_accepted_when_he_behaves() {
    let mut w = World::new("control");
    let half = Half::new(&mut w, SUITE);
    let (c, list) = commitment_and_suites();
    let (_, plain) = half.opened(&w, &half.bob[0]);
    let x = read_body(&plain, 3).0[2].clone();
    let y = KeyPair::from_seed(SUITE.group(), &Secret::new([5; 96]));
    let ids = [w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec()];
    let m2 = answer(&mut w, &half, y.share().as_bytes(), [&ids[0], &ids[1]], &x, &[(3, &list), (4, &c)]);
    assert!(half.alice_takes(&mut w, &m2).is_ok());
}

#[test]
fn reflection_of_the_share() {
    let mut w = World::new("reflection");
    let half = Half::new(&mut w, SUITE);
    let (c, list) = commitment_and_suites();
    let (_, plain) = half.opened(&w, &half.bob[0]);
    let x = read_body(&plain, 3).0[2].clone();
    let ids = [w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec()];
    // Y = X, and Y = -X, which has the same x-coordinate and gives the same shared secret up to sign.
    let mut negated = x.clone();
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let p: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&p[2 * i..2 * i + 2], 16).unwrap()).collect();
    let mut borrow = 0i16;
    for i in (0..32).rev() {
        let d = i16::from(p[i]) - i16::from(x[33 + i]) - borrow;
        borrow = i16::from(d < 0);
        negated[33 + i] = (d & 0xff) as u8;
    }
    assert!(Share::decode(SUITE.group(), &negated).is_ok());
    for y in [&x, &negated] {
        let m2 = answer(&mut w, &half, y, [&ids[0], &ids[1]], &x, &[(3, &list), (4, &c)]);
        assert_eq!(half.alice_takes(&mut w, &m2), Err(Error::Decrypt));
    }
}

#[test]
fn reflection_of_whole_messages() {
    let mut w = World::new("mirror");
    let mut half = Half::new(&mut w, SUITE);
    assert_eq!(
        half.alice_takes(&mut w, &half.m1.clone()),
        Err(PeerError::UnexpectedMessage { expected: 2, got: 1 }.into())
    );
    let m2 = half.m2.clone();
    assert_eq!(half.bob_takes(&m2), Err(PeerError::UnexpectedMessage { expected: 3, got: 2 }.into()));
    // M1 brought back to alice: it is not sealed to her.
    let keys = [w.a.issue(ALICE, NOW)];
    let alice = Responder { config: &half.config, keys: &keys, parameters: &w.parameters, peers: &() };
    let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
    assert_eq!(alice.accept(&mut guard, &half.m1, NOW, &mut w.rng).unwrap_err(), KeyError::Missing.into());
}

#[test]
fn selfie_a_device_does_not_complete_with_itself() {
    let mut w = World::new("selfie");
    let mut config = Config { allow_same_identity: true, ..only(SUITE) };
    let peer = w.a.recipient(ALICE, NOW);
    let keys = [w.a.issue(ALICE, NOW)];
    let mut guard = w.guard();
    let (i, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    config.open_sids.push(*i.session_id());
    let own = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    assert_eq!(own.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err(), Error::Decrypt);
    let strict = only(SUITE);
    let own = Responder { config: &strict, ..own };
    assert_eq!(own.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err(), Error::Decrypt);
}

#[test]
fn misbinding_a_called_party_cannot_pass_the_call_on() {
    // Alice calls carol. Carol opens M1 and offers alice's share to bob, as coming from alice; bob's answer is for a call
    // between alice and bob, and alice is in one with carol.
    let mut w = World::new("misbinding");
    let carol_key = w.a.issue(CAROL, NOW);
    let to_carol = w.a.recipient(CAROL, NOW);
    let (i, m1) = start(&only(SUITE), SUITE, &w.alice, &w.a.parameters, &to_carol, NOW, &mut w.rng).unwrap();
    let p1 = Parts::of(&m1);
    let mut chain = Chain::new(SUITE, w.a.parameters.fingerprint(), w.a.parameters.fingerprint());
    chain.mix(&p1.decapsulate(&carol_key));
    let x = read_body(&chain.open(1, &p1).unwrap(), 3).0[2].clone();

    let half = Half::new(&mut w, SUITE); // alice -> bob, for its header
    let to_bob = w.b.recipient(BOB, NOW);
    let (kem, k1) = encapsulate(&to_bob, &mut w);
    let mut header = Parts::of(&half.m1).header;
    header[5..21].copy_from_slice(p1.sids().0);
    let mut forged = Chain::new(SUITE, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
    forged.mix(&k1);
    let ids = [w.alice.identity().der(), w.bob.identity().der()];
    let m1 = forged.seal(1, &header, &kem, &body(&[ids[0], ids[1], &x], &[]));
    let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
    let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
    let (_, m2) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
    assert_eq!(i.receive(&m2, &w.alice, &to_carol, b"", NOW, &mut w.rng).unwrap_err(), PeerError::OtherSession.into());
}

#[test]
fn misbinding_identities_under_the_seal_must_be_those_of_the_call() {
    let mut w = World::new("identities");
    let half = Half::new(&mut w, SUITE);
    let (c, list) = commitment_and_suites();
    let (_, plain) = half.opened(&w, &half.bob[0]);
    let x = read_body(&plain, 3).0[2].clone();
    let y = KeyPair::from_seed(SUITE.group(), &Secret::new([5; 96])).share().as_bytes().to_vec();
    let (alice, bob) = (w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec());
    let carol = w.a.identity(CAROL, NOW).der().to_vec();
    let tomorrow = w.a.identity(ALICE, NOW + DAY).der().to_vec();
    for ids in [[&carol, &bob], [&alice, &carol], [&bob, &alice], [&tomorrow, &bob]] {
        let m2 = answer(&mut w, &half, &y, [ids[0], ids[1]], &x, &[(3, &list), (4, &c)]);
        assert_eq!(half.alice_takes(&mut w, &m2), Err(Error::Decrypt));
    }
    // A stranger's M1 whose header says alice and whose seal says carol.
    for claimed in [&carol, &tomorrow, &bob] {
        let (kem, k1) = encapsulate(&w.b.recipient(BOB, NOW), &mut w);
        let mut chain = Chain::new(SUITE, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        chain.mix(&k1);
        let m1 = chain.seal(1, &Parts::of(&half.m1).header, &kem, &body(&[claimed, &bob, &y], &[]));
        let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
        let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
        assert_eq!(
            responder.accept(&mut guard, &m1, NOW, &mut w.rng).err(),
            (claimed != &carol).then_some(Error::Decrypt)
        );
    }
}

#[test]
fn replay() {
    let mut w = World::new("replay");
    let mut half = Half::new(&mut w, SUITE);
    let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
    let again = responder.accept(&mut half.guard, &half.m1, NOW + 1, &mut w.rng).unwrap_err();
    assert_eq!(again, PeerError::Replay.into());
    // A different M1 under the same sid_I is dropped as well, before any pairing.
    let mut other = half.m1.clone();
    *other.last_mut().unwrap() ^= 1;
    let again = responder.accept(&mut half.guard, &other, NOW + 1, &mut w.rng).unwrap_err();
    assert_eq!(again, PeerError::Replay.into());
    // M2 and M3 of an earlier call of the same two people.
    let (_, _, old) = w.call(SUITE);
    assert_eq!(half.alice_takes(&mut w, &old[1]), Err(PeerError::OtherSession.into()));
    assert_eq!(half.bob_takes(&old[2]), Err(PeerError::OtherSession.into()));
    // The same with the session identifiers rewritten.
    let mut m2 = old[1].clone();
    m2[5..37].copy_from_slice(&half.m2[5..37]);
    assert_eq!(half.alice_takes(&mut w, &m2), Err(Error::Decrypt));
    let mut m3 = old[2].clone();
    m3[5..37].copy_from_slice(&half.m2[5..37]);
    assert_eq!(half.bob_takes(&m3), Err(Error::Decrypt));
}

#[test]
fn role_and_version_confusion() {
    let mut w = World::new("roles");
    let half = Half::new(&mut w, SUITE);
    let mut version = half.m2.clone();
    version[1] = 2;
    let refused = half.alice_takes(&mut w, &version);
    assert!(matches!(refused, Err(Error::Decode(e)) if e.reason == DecodeReason::Version { got: 2 }));
    // M2 relabelled as M3 for bob: sealed to alice, under another key.
    let mut relabelled = half.m2.clone();
    relabelled[4] = 3;
    let refused = half.responder().receive(&relabelled, &half.bob, b"", &mut w.guard(), NOW).map(|_| ());
    assert_eq!(refused, Err(Error::Decrypt));
}

#[test]
fn suite_downgrade() {
    let mut w = World::new("downgrade");
    let strong = Suite::P256MlKem768Aes256Gcm;
    let config = Config { suites: vec![strong, SUITE], ..Config::default() };
    let peer = w.b.recipient(BOB, NOW);
    let bob = [w.b.issue(BOB, NOW)];
    let all = Config::default();
    let responder = Responder { config: &all, keys: &bob, parameters: &w.parameters, peers: &() };
    let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
    // The attacker forges "unsupported suite"; alice tries the weaker one, but her whole list is under the seal.
    let (_, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let refused = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err();
    assert_eq!(refused, PeerError::NoCommonSuite.into());
    // He cuts the list in the header down to the weaker suite.
    let parts = Parts::of(&m1);
    let at = parts.header.len() - 1 - 5;
    assert_eq!(parts.header[at], 2, "count of suites");
    let mut cut = parts.clone();
    cut.header = [&parts.header[..at], &[1, 0, SUITE.id() as u8], &parts.header[at + 5..]].concat();
    assert_eq!(responder.accept(&mut guard, &cut.bytes(), NOW, &mut w.rng).unwrap_err(), Error::Decrypt);
    // Bob's own list is checked by alice: an answer under the weaker suite that lists the stronger one is refused.
    let half = Half::new(&mut w, SUITE);
    let (_, plain) = half.opened(&w, &half.bob[0]);
    let x = read_body(&plain, 3).0[2].clone();
    let y = KeyPair::from_seed(SUITE.group(), &Secret::new([5; 96])).share().as_bytes().to_vec();
    let ids = [w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec()];
    let c = [7; 32];
    for (list, good) in [(vec![1, 0, 1], true), (vec![2, 0, 1, 0, 5], true), (vec![1, 0, 5], false), (vec![0], false)] {
        let m2 = answer(&mut w, &half, &y, [&ids[0], &ids[1]], &x, &[(3, &list), (4, &c)]);
        assert_eq!(half.alice_takes(&mut w, &m2).is_ok(), good, "{list:?}");
    }
}

#[test]
fn expired_period() {
    let mut w = World::new("expired");
    let yesterday = w.a.issue(ALICE, NOW - DAY);
    let peer = w.b.recipient(BOB, NOW);
    let config = only(SUITE);
    let begin = start(&config, SUITE, &yesterday, &w.a.parameters, &peer, NOW, &mut w.rng);
    assert_eq!(begin.unwrap_err(), KeyError::Expired.into());
    // A thief sets the clock of his own program back; bob's clock decides.
    let (_, m1) = start(&config, SUITE, &yesterday, &w.a.parameters, &peer, NOW - DAY, &mut w.rng).unwrap();
    let bob = [w.b.issue(BOB, NOW)];
    let responder = Responder { config: &config, keys: &bob, parameters: &w.parameters, peers: &() };
    let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
    assert_eq!(responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap_err(), PeerError::Expired.into());
    // A stolen key of yesterday cannot answer today either: today's M1 is sealed to another identity.
    let half = Half::new(&mut w, SUITE);
    let old = [w.b.issue(BOB, NOW - 7 * DAY)];
    let thief = Responder { config: &config, keys: &old, parameters: &w.parameters, peers: &() };
    assert_eq!(thief.accept(&mut guard, &half.m1, NOW, &mut w.rng).unwrap_err(), KeyError::Missing.into());
    // The deadline of one exchange.
    let late = half.initiator().receive(&half.m2, &w.alice, &half.peer, b"", NOW + 61, &mut w.rng).unwrap_err();
    assert_eq!(late, PeerError::Deadline.into());
}

#[test]
fn key_compromise_impersonation_succeeds_against_the_literal_rfc() {
    // RFC 6539 section 3.2 to the letter: three boxes, no chaining. The attacker has alice's key d_I and lets the real bob
    // answer; he opens M2, puts his own Y in, seals it again, and alice ends with a key that he knows.
    let mut w = World::new("kci literal");
    let group = SUITE.group();
    let (to_bob, to_alice) = (w.b.recipient(BOB, NOW), w.a.recipient(ALICE, NOW));
    let (alice, bob) = ([w.a.issue(ALICE, NOW)], [w.b.issue(BOB, NOW)]);
    let (id_i, id_r) = (alice[0].identity().der().to_vec(), bob[0].identity().der().to_vec());
    let mut sealed = |to: &Recipient, fields: &[&[u8]]| {
        seal(to, Aead::Aes256Gcm, b"rfc6539", &body(fields, &[]), &mut w.rng).unwrap()
    };
    let opened = |bytes: &[u8], keys: &[PrivateKey], n| {
        read_body(SealedBox::decode(bytes).unwrap().open(keys, b"rfc6539").unwrap().expose(), n).0
    };

    let x = KeyPair::from_seed(group, &Secret::new([1; 96]));
    let m1 = sealed(&to_bob, &[&id_i, &id_r, x.share().as_bytes()]);
    let y = KeyPair::from_seed(group, &Secret::new([2; 96]));
    let at_bob = opened(&m1, &bob, 3);
    let m2 = sealed(&to_alice, &[&id_i, &id_r, &at_bob[2], y.share().as_bytes()]);

    let stolen = &alice; // d_I
    let seen = opened(&m2, stolen, 4);
    let evil = KeyPair::from_seed(group, &Secret::new([3; 96]));
    let forged = sealed(&to_alice, &[&id_i, &id_r, &seen[2], evil.share().as_bytes()]);

    let at_alice = opened(&forged, &alice, 4);
    assert_eq!(at_alice[2], x.share().as_bytes(), "the only check that the RFC has");
    let attackers_x = Share::decode(group, &seen[2]).unwrap();
    let attackers_key = evil.agree(&attackers_x).unwrap();
    let alices_key = x.agree(&Share::decode(group, &at_alice[3]).unwrap()).unwrap();
    assert_eq!(alices_key.expose(), attackers_key.expose(), "alice believes to share this with bob");
}

#[test]
fn key_compromise_impersonation_fails_against_ours() {
    let mut w = World::new("kci ours");
    let half = Half::new(&mut w, SUITE);
    let d_i = w.a.issue(ALICE, NOW); // stolen
    let (p1, p2) = (Parts::of(&half.m1), Parts::of(&half.m2));
    let k2 = p2.decapsulate(&d_i);
    let h1 = {
        let start = Chain::new(SUITE, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        sha(&[&label("tr"), &lp(&start.h), &lp(&half.m1)])
    };
    let (c, list) = commitment_and_suites();
    let evil = KeyPair::from_seed(SUITE.group(), &Secret::new([3; 96])).share().as_bytes().to_vec();
    let ids = [w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec()];
    // He has K2 and may choose a new one, but not K1: the seal of M2 hangs on both.
    for k1 in [[0; 32], p1.decapsulate(&d_i)] {
        for fresh in [false, true] {
            let mut chain = Chain::new(SUITE, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
            chain.mix(&k1);
            chain.h = h1;
            let (kem, k) = if fresh { encapsulate(&w.a.recipient(ALICE, NOW), &mut w) } else { (p2.kem.clone(), k2) };
            chain.mix(&k);
            assert!(chain.clone().open(2, &p2).is_none(), "M2 stays closed to him, so he does not even see X");
            let x = vec![4; 65];
            let forged = chain.seal(2, &p2.header, &kem, &body(&[&ids[0], &ids[1], &x, &evil], &[(3, &list), (4, &c)]));
            assert_eq!(half.alice_takes(&mut w, &forged), Err(Error::Decrypt));
        }
    }
    assert!(half.alice_takes(&mut w, &half.m2.clone()).is_ok());
}

#[test]
fn authentication_string_cannot_be_searched_for_by_opening_another_nonce() {
    // A responder who commits to one nR and opens another, after he has seen nI and could compute which string it gives.
    let mut w = World::new("grinding");
    let half = Half::new(&mut w, SUITE);
    let (i, m3) = half.initiator().receive(&half.m2, &w.alice, &half.peer, b"", NOW, &mut w.rng).unwrap();
    let m4 = half.responder().receive(&m3, &half.bob, b"", &mut w.guard(), NOW).unwrap().2;

    let (mut chain, _) = half.opened(&w, &half.bob[0]);
    let (p2, p3, p4) = (Parts::of(&half.m2), Parts::of(&m3), Parts::of(&m4));
    chain.mix(&p2.decapsulate(&w.alice));
    chain.open(2, &p2).unwrap();
    // The malicious responder knows y: take it from the state.
    let y = half.responder().to_bytes().expose().to_vec();
    let dh = {
        let mut at = 1 + 1 + 2 + 32 + 64;
        let var = |at: usize| usize::from(u16::from_be_bytes([y[at], y[at + 1]]));
        for _ in 0..2 {
            at += 1;
            at += 2 + var(at);
        }
        let secret = y[at + 2..at + 2 + var(at)].to_vec();
        at += 2 + var(at);
        let x = Share::decode(SUITE.group(), &y[at + 2..at + 2 + var(at)]).unwrap();
        KeyPair::from_secret_bytes(SUITE.group(), &secret).unwrap().agree(&x).unwrap()
    };
    chain.mix_last(&p3.decapsulate(&half.bob[0]), dh.expose(), &[]);
    chain.open(3, &p3).unwrap();
    let honest = read_body(&chain.clone().open(4, &p4).unwrap(), 0).1;
    assert_eq!(honest[0].0, 6);
    let mut nonce = honest[0].1.clone();
    nonce[0] ^= 1;
    let forged = chain.seal(4, &p4.header, &[], &body(&[], &[(6, &nonce)]));
    assert_eq!(i.receive(&forged, NOW).unwrap_err(), Error::Decrypt);
}

#[test]
fn authentication_string_search_by_half_open_exchanges_learns_no_nonce() {
    // Dropping exchanges after M2 costs the attacker nothing, so M1 and M2 must tell nothing: alice's nonce is drawn with M3,
    // bound to h2, and every M3 that completes is counted.
    let mut w = World::new("half open");
    let half = Half::new(&mut w, SUITE);
    let nonce = |w: &mut World| {
        let m3 = half.alice_takes(w, &half.m2.clone()).unwrap();
        let p3 = Parts::of(&m3);
        (p3.kem.clone(), p3.sealed)
    };
    assert_ne!(nonce(&mut w), nonce(&mut w), "the same M2 twice gives two unrelated M3");

    let config = only(SUITE);
    let bob = [w.b.issue(BOB, NOW)];
    let peer = w.b.recipient(BOB, NOW);
    let mut guard = Guard::new(100, 3, &mut w.rng).unwrap();
    let mut complete = |w: &mut World| {
        let responder = Responder { config: &config, keys: &bob, parameters: &w.parameters, peers: &() };
        let (i, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
        let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut w.rng).unwrap();
        let (_, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
        (r.receive(&m3, &bob, b"", &mut guard, NOW).map(|_| ()), guard.finished())
    };
    for n in 1..=3 {
        assert_eq!(complete(&mut w), (Ok(()), n));
    }
    assert_eq!(complete(&mut w), (Err(PeerError::Busy.into()), 4), "counted, and refused before M4");
}

#[test]
fn leaked_randomness_does_not_give_the_kem_coin_away() {
    // The attacker knows every byte that alice's generator gave, but not d_I: what he can compute from them is not sigma.
    let mut w = World::new("leaked coin");
    w.rng.drawn.clear();
    let half = Half::new(&mut w, SUITE);
    let drawn = w.rng.drawn.clone();
    let k1 = Parts::of(&half.m1).decapsulate(&half.bob[0]);
    let p1 = Parts::of(&half.m1);
    assert!(drawn.iter().filter(|d| d.len() == 32).count() >= 4);
    let pkctx = {
        // pkctx of bob, from SPEC.md section 4.
        let armour = w.b.parameters.to_der();
        let der = w.bob.identity().der();
        let p_pub = armour.windows(98).find(|v| v[..2] == [4, 96]).unwrap()[2..].to_vec();
        sha(&[&label("id"), &1u16.to_be_bytes(), &p_pub, &lp(der)])
    };
    let key = |sigma: &[u8]| {
        let info = [&pkctx[..], &p1.kem].concat();
        common::wire::exp(&common::wire::ext(&label("K"), sigma), &info)
    };
    for fresh in drawn.iter().filter(|d| d.len() == 32) {
        assert_ne!(key(fresh), k1, "sigma was taken from the generator alone");
        assert_ne!(key(&common::wire::ext(fresh, &[])), k1);
    }
    // Control: an encapsulation without a key to hedge with is exactly that.
    w.rng.drawn.clear();
    let (e, k) = w.b.recipient(BOB, NOW).encapsulate(&mut w.rng).unwrap();
    let info = [&pkctx[..], e.u(), e.v()].concat();
    assert_eq!(common::wire::exp(&common::wire::ext(&label("K"), &w.rng.drawn[0]), &info), *k.expose());
}

#[test]
fn every_drawn_secret_has_full_entropy() {
    let mut w = World::new("entropy");
    w.rng.drawn.clear();
    for suite in Suite::PREFERENCE {
        w.call(suite);
    }
    let mut drawn = w.rng.drawn.clone();
    let secrets = drawn.iter().filter(|d| d.len() >= 32).count();
    // x, y, nI, nR and three sigmas for each of five exchanges, and the ML-KEM seed and coin of one; the guards' keys besides.
    assert!(secrets >= 5 * 7 + 2, "{secrets}");
    assert!(drawn.iter().all(|d| d.len() >= 16 || d.len() == 8), "no short draw");
    drawn.sort();
    let all = drawn.len();
    drawn.dedup();
    assert_eq!(drawn.len(), all, "no draw is used twice");
}

#[test]
fn sessions_of_the_same_people_have_unrelated_keys() {
    let mut w = World::new("fresh");
    let sessions: Vec<_> = (0..10).map(|_| w.call(SUITE).0).collect();
    let mut keys: Vec<_> = sessions.iter().map(exported).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut strings: Vec<_> = sessions.iter().map(|s| s.authentication_string().value()).collect();
    strings.sort_unstable();
    strings.dedup();
    assert_eq!((keys.len(), strings.len()), (10, 10));
}
