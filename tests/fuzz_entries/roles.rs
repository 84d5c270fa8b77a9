//! The two roles against a peer who holds a genuine private key and seals whatever the input says: what is reached only behind
//! a seal that opens.

use std::sync::OnceLock;

use super::{copy, fixed_secret, rng, world};
use crate::common::NOW;
use crate::common::wire::{Chain, Parts, body, label, read_body, sha};
use ibake::dh::{KeyPair, Share, pq};
use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, PeerCache, Responder, start};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::identity::Identity;
use ibake::ibe::kem::Recipient;
use ibake::suite::Suite;

/// One suite: an exchange between alice and bob, and what each of them could seal instead of the program.
struct Case {
    suite: Suite,
    messages: [Vec<u8>; 4],
    /// Alice after M1, bob after M2.
    states: [Vec<u8>; 2],
    /// The plaintexts of the four messages.
    plain: [Vec<u8>; 4],
    /// Before M1 with its secret mixed in; after M1 with that of M2; after M2 with those of M3, as alice computes them.
    alice: [Chain; 2],
    /// After M1 with the secret of M2, as bob computes it, and what M2 he seals.
    bob: Chain,
    bob_plain: Vec<u8>,
    /// `dh` and `ss` of bob's own share.
    bob_secrets: (Vec<u8>, Vec<u8>),
    /// Fixed encapsulations: to bob for M1 and M3, to alice for M2.
    to_bob: (Vec<u8>, [u8; 32]),
    to_alice: (Vec<u8>, [u8; 32]),
}

const NONCE_R: [u8; 32] = [7; 32];
const SID_R: [u8; 16] = [9; 16];

fn keys() -> &'static [PrivateKey; 2] {
    static KEYS: OnceLock<[PrivateKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| [copy(&world().alice), copy(&world().bob)])
}

fn recipients() -> &'static [Recipient; 2] {
    static RECIPIENTS: OnceLock<[Recipient; 2]> = OnceLock::new();
    RECIPIENTS.get_or_init(|| {
        let w = world();
        [
            Recipient::cached(&w.a.parameters, w.alice.identity()).unwrap(),
            Recipient::cached(&w.b.parameters, w.bob.identity()).unwrap(),
        ]
    })
}

/// One peer that is cheap to encrypt to.
struct Known(&'static Recipient);

impl PeerCache for Known {
    fn find(&self, identity: &Identity) -> Option<&Recipient> {
        (self.0.identity() == identity).then_some(self.0)
    }
}

fn only(suite: Suite) -> Config {
    Config { suites: vec![suite], ..Config::default() }
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| Suite::PREFERENCE.into_iter().map(Case::new).collect())
}

/// `x` and the seed of ML-KEM from the serial form of a state that awaits M2 (SPEC.md 5.11).
fn ephemeral(state: &[u8]) -> (&[u8], Option<&[u8]>) {
    let length = |at: usize| usize::from(u16::from_be_bytes([state[at], state[at + 1]]));
    let mut at = 1 + 1 + 2 + 16 + 32 + 32;
    for _ in 0..2 {
        at += 1 + 2 + length(at + 1);
    }
    let secret = &state[at + 2..at + 2 + length(at)];
    at += 2 + secret.len();
    (secret, (state[at] == 1).then(|| &state[at + 1..at + 65]))
}

impl Case {
    fn new(suite: Suite) -> Self {
        let (mut rng, config, w) = (rng(), only(suite), world());
        let ([alice, bob], [to_alice, to_bob]) = (keys(), recipients());
        let mut guard = Guard::new(10, 10, &mut rng).unwrap();
        let (i, m1) = start(&config, suite, alice, &w.a.parameters, to_bob, NOW, &mut rng).unwrap();
        let responder = Responder { config: &config, keys: &keys()[1..], parameters: &w.parameters, peers: &() };
        let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut rng).unwrap();
        let states = [i.to_bytes().expose().to_vec(), r.to_bytes().expose().to_vec()];
        let (_, m3) = i.receive(&m2, alice, to_bob, b"to bob", NOW, &mut rng).unwrap();
        let (_, _, m4) = r.receive(&m3, &keys()[1..], b"to alice", &mut guard, NOW).unwrap();

        let parts = [&m1, &m2, &m3, &m4].map(|m| Parts::of(m));
        let start = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        let mut chain = start.clone();
        chain.mix(&parts[0].decapsulate(bob));
        let plain1 = chain.open(1, &parts[0]).unwrap();
        let after_m1 = chain.clone();
        chain.mix(&parts[1].decapsulate(alice));
        let plain2 = chain.open(2, &parts[1]).unwrap();
        let (fields, extensions) = read_body(&plain2, 4);
        let (x, seed) = ephemeral(&states[0]);
        let y = Share::decode(suite.group(), &fields[3]).unwrap();
        let dh = KeyPair::from_secret_bytes(suite.group(), x).unwrap().agree(&y).unwrap();
        let ss = seed.map_or(vec![], |seed| {
            let ct = &extensions.iter().find(|e| e.0 == 2).unwrap().1;
            let seed = ibake::secret::Secret::new(seed.try_into().unwrap());
            pq::KeyPair::from_seed(&seed).decapsulate(pq::ciphertext(ct).unwrap()).expose().to_vec()
        });
        let after_m2 = chain.clone();
        chain.mix_last(&parts[2].decapsulate(bob), dh.expose(), &ss);
        let plain3 = chain.open(3, &parts[2]).unwrap();
        let plain4 = chain.open(4, &parts[3]).unwrap();

        let mut fixed = |to: &Recipient| {
            let (e, k) = to.encapsulate(&mut rng).unwrap();
            (e.to_bytes().to_vec(), *k.expose())
        };
        let (to_bob, to_alice) = (fixed(to_bob), fixed(to_alice));
        let (mut first, mut third) = (start, after_m2);
        first.mix(&to_bob.1);
        third.mix_last(&to_bob.1, dh.expose(), &ss);

        // Bob's own M2: another Y, a commitment to NONCE_R.
        let (ids_x, extensions1) = read_body(&plain1, 3);
        let y = KeyPair::from_seed(suite.group(), &fixed_secret(5));
        let y_bytes = y.share().as_bytes().to_vec();
        let dh = y.agree(&Share::decode(suite.group(), &ids_x[2]).unwrap()).unwrap().expose().to_vec();
        let (ct, ss) = match extensions1.iter().find(|e| e.0 == 1) {
            Some((_, ek)) => pq::EncapsulationKey::decode(ek).unwrap().encapsulate(&fixed_secret(6)),
            None => (vec![], fixed_secret(0)),
        };
        let ss = if ct.is_empty() { vec![] } else { ss.expose().to_vec() };
        let commitment = sha(&[&label("sas-commit"), parts[0].sids().0, &SID_R, &after_m1.h, &NONCE_R]);
        let list = [&[1][..], &suite.id().to_be_bytes()].concat();
        let mut with: Vec<(u8, &[u8])> = vec![(3, &list), (4, &commitment)];
        if !ct.is_empty() {
            with.insert(0, (2, &ct));
        }
        let bob_plain = body(&[&ids_x[0], &ids_x[1], &ids_x[2], &y_bytes], &with);
        let mut second = after_m1;
        second.mix(&to_alice.1);
        Self {
            suite,
            messages: [m1, m2, m3, m4],
            states,
            plain: [plain1, plain2, plain3, plain4],
            alice: [first, third],
            bob: second,
            bob_plain,
            bob_secrets: (dh, ss),
            to_bob,
            to_alice,
        }
    }

    /// The header of message `n`, altered in one byte where the input says so.
    fn header(&self, n: u8, alter: [u8; 2]) -> Vec<u8> {
        let mut header = match n {
            2 => Parts::of(&self.messages[0]).next_header(2, &SID_R),
            4 => Parts::of(&self.messages[0]).next_header(4, &SID_R),
            _ => Parts::of(&self.messages[usize::from(n) - 1]).header,
        };
        let at = usize::from(alter[0]) % header.len();
        header[at] ^= alter[1];
        header
    }
}

/// All messages of one exchange in each suite.
pub(super) fn honest() -> &'static [Vec<u8>] {
    static ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(|| cases().iter().flat_map(|c| c.messages.clone()).collect())
}

pub(super) fn is_honest(message: &[u8]) -> bool {
    honest().iter().any(|m| m == message)
}

pub(super) fn states() -> Vec<Vec<u8>> {
    cases().iter().flat_map(|c| c.states.clone()).collect()
}

/// Number of the suite, type, plaintext.
pub(super) fn bodies() -> Vec<(u8, u8, Vec<u8>)> {
    let all = (0u8..).zip(cases());
    all.flat_map(|(i, c)| (1u8..).zip(c.plain.clone()).map(move |(n, b)| (i, n, b))).collect()
}

struct Script<'a> {
    case: &'static Case,
    late: bool,
    alter: [u8; 2],
    body: &'a [u8],
}

/// First byte: suite, and in the top bit which message; two bytes: what to alter in the header; the rest: the body to seal.
fn script(data: &[u8]) -> Option<Script<'_>> {
    let [select, at, xor, body @ ..] = data else { return None };
    let case = &cases()[usize::from(select & 0x7f) % 5];
    (body.len() <= 20_000).then_some(Script { case, late: select & 0x80 != 0, alter: [*at, *xor], body })
}

/// Alice seals an M1 or an M3 of her own to bob.
pub fn responder(data: &[u8]) {
    let Some(Script { case, late, alter, body }) = script(data) else { return };
    let (w, config, mut rng) = (world(), Config::default(), rng());
    let mut guard = Guard::new(10, 10, &mut rng).unwrap();
    let ([alice, bob], [to_alice, _]) = (keys(), recipients());
    let ours = [alice.identity().der(), bob.identity().der()];
    if late {
        let mut chain = case.alice[1].clone();
        let m3 = chain.seal(3, &case.header(3, alter), &case.to_bob.0, body);
        let r = AwaitM3::from_bytes(&case.states[1]).unwrap();
        let Ok((session, received, m4)) = r.receive(&m3, &keys()[1..], b"reply", &mut guard, NOW) else { return };
        let (fields, extensions) = read_body(body, 3);
        let honest = read_body(&case.plain[2], 3).0;
        assert!(alter[1] == 0 && fields == honest, "an identity or Y that was not sent");
        assert_eq!(session.peer(), alice.identity());
        let data = extensions.iter().find(|e| e.0 == 7).map_or(&[][..], |e| &e.1);
        assert_eq!(received.expose(), data);
        assert_eq!(crate::common::exported(&session), chain.export(b"test", b"context"));
        let plain = chain.open(4, &Parts::of(&m4)).expect("M4 is sealed under the keys of M3");
        assert_eq!(read_body(&plain, 0).1.len(), 2);
        return;
    }
    let mut chain = case.alice[0].clone();
    let m1 = chain.seal(1, &case.header(1, alter), &case.to_bob.0, body);
    let r = Responder { config: &config, keys: &keys()[1..], parameters: &w.parameters, peers: &Known(to_alice) };
    let Ok((r, m2)) = r.accept(&mut guard, &m1, NOW, &mut rng) else { return };
    let (fields, _) = read_body(body, 3);
    assert_eq!(fields[1], ours[1], "another responder than that of the key");
    assert_eq!((r.claimed_initiator().der(), r.responder()), (&fields[0][..], bob.identity()));
    let again = AwaitM3::from_bytes(r.to_bytes().expose()).unwrap();
    assert_eq!(again.to_bytes().expose(), r.to_bytes().expose());
    let parts = Parts::of(&m2);
    chain.mix(&parts.decapsulate(alice));
    let opened = chain.open(2, &parts);
    // Anybody may claim any identity in M1; M2 is for whoever has been named.
    assert_eq!(opened.is_some(), fields[0] == ours[0], "M2 is for the initiator that M1 names, and for nobody else");
    let Some(plain) = opened else { return };
    assert_eq!(read_body(&plain, 4).0[..3], fields[..], "identities and X come back");
}

pub fn responder_seeds() -> Vec<Vec<u8>> {
    let seed =
        |(i, c): (u8, &Case)| [[&[i, 0, 0][..], &c.plain[0]].concat(), [&[i | 0x80, 0, 0][..], &c.plain[2]].concat()];
    (0..).zip(cases()).flat_map(seed).collect()
}

/// Bob seals an M2 of his own to alice, or, after an M2 that is as it should be, an M4.
pub fn initiator(data: &[u8]) {
    let Some(Script { case, late, alter, body }) = script(data) else { return };
    let ([alice, bob], [_, to_bob]) = (keys(), recipients());
    let i = AwaitM2::from_bytes(&case.states[0]).unwrap();
    let mut chain = case.bob.clone();
    let (plain, altered) = if late { (&case.bob_plain[..], [0; 2]) } else { (body, alter) };
    let m2 = chain.seal(2, &case.header(2, altered), &case.to_alice.0, plain);
    let answer = i.receive(&m2, alice, to_bob, b"data", NOW, &mut rng());
    let Ok((i, m3)) = answer else {
        assert!(!late, "the control must be accepted");
        return;
    };
    let (fields, extensions) = read_body(plain, 4);
    let honest = read_body(&case.bob_plain, 4);
    assert!(fields[..3] == honest.0[..3], "identities or X that were not sent");
    assert_eq!(i.peer(), bob.identity());
    let is_ct = |e: &&(u8, Vec<u8>)| e.0 == 2;
    if fields[3] != honest.0[3] || extensions.iter().find(is_ct) != honest.1.iter().find(is_ct) {
        return;
    }
    let parts = Parts::of(&m3);
    chain.mix_last(&parts.decapsulate(bob), &case.bob_secrets.0, &case.bob_secrets.1);
    let opened = chain.open(3, &parts).expect("M3 is sealed under all three secrets");
    assert_eq!(read_body(&opened, 3).0, [&fields[..2], &fields[3..]].concat(), "identities and Y come back");
    if !late {
        return;
    }
    let m4 = chain.seal(4, &case.header(4, alter), &[], body);
    let Ok((session, received)) = i.receive(&m4, NOW) else { return };
    let (_, extensions) = read_body(body, 0);
    assert!(alter[1] == 0 && extensions[0] == (6, NONCE_R.to_vec()), "another nonce than was committed to");
    assert_eq!(received.expose(), extensions.get(1).map_or(&[][..], |e| &e.1));
    assert_eq!(session.peer(), bob.identity());
}

pub fn initiator_seeds() -> Vec<Vec<u8>> {
    let last = body(&[], &[(6, &NONCE_R), (7, b"data of bob")]);
    let seed = |(i, c): (u8, &Case)| [[&[i, 0, 0][..], &c.bob_plain].concat(), [&[i | 0x80, 0, 0][..], &last].concat()];
    (0..).zip(cases()).flat_map(seed).collect()
}

/// For messages that the network carries: see `network.rs`.
pub(super) fn parties() -> (&'static PrivateKey, &'static [PrivateKey], &'static Recipient) {
    (&keys()[0], &keys()[1..], &recipients()[1])
}
