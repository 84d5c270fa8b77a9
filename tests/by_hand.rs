//! The rival of the benchmarks is a second implementation: every byte must be the same, and the two must talk to each other.
#![cfg(feature = "blst")]
#![allow(clippy::unwrap_used)]

#[path = "../benches/peers/by_hand.rs"]
mod by_hand;
mod common;

use by_hand::exchange;
use common::{ALICE, BOB, Kgs, NOW, Seeded, World, exported};
use ibake::ibake::guard::Guard;
use ibake::ibake::{Config, Responder, start};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::identity::Identity;
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::sealed::{self, SealedBox};
use ibake::suite::{Aead, Suite};

const SUITE: Suite = Suite::P256Aes256Gcm;

fn district(kgs: &Kgs) -> by_hand::District {
    let p = &kgs.parameters;
    by_hand::District::new(p.district().as_str(), p.serial(), *p.fingerprint(), &p.p_pub().to_compressed())
}

fn identity(district: &by_hand::District, identity: &Identity) -> by_hand::Identity {
    let period = identity.period();
    let key_ref = district.key_ref(period.start(), period.granularity().id());
    by_hand::Identity { der: identity.der().to_vec(), key_ref }
}

/// The point at the end of a stored key.
fn point(key: &PrivateKey) -> [u8; 48] {
    *key.to_bytes().expose().last_chunk().unwrap()
}

fn key(district: &by_hand::District, key: &PrivateKey) -> by_hand::Key {
    by_hand::Key::from_bytes(district, &identity(district, key.identity()), &point(key)).unwrap()
}

fn config() -> Config {
    Config { suites: vec![SUITE], ..Config::default() }
}

#[test]
fn setup_extraction_and_verification() {
    let w = World::new("by hand: extraction");
    let theirs = district(&w.a);
    let master = by_hand::Master::new(w.a.issuer.master().to_bytes().expose());
    assert_eq!(master.public(), w.a.parameters.p_pub().to_compressed());
    for i in 0..8 {
        let ours = w.a.issue(&format!("sip:user{i}@a.example"), NOW);
        let extracted = master.extract(&theirs, &identity(&theirs, ours.identity()));
        assert_eq!(extracted.encoded, point(&ours));
        assert!(extracted.verify(&theirs));
        let other = identity(&theirs, w.alice.identity());
        assert!(!by_hand::Key::from_bytes(&theirs, &other, &extracted.encoded).unwrap().verify(&theirs));
    }
}

#[test]
fn encapsulation_in_every_form() {
    let mut w = World::new("by hand: encapsulation");
    let theirs = district(&w.a);
    let id = identity(&theirs, w.alice.identity());
    let hand = [
        by_hand::Recipient::for_one(&theirs, &id),
        by_hand::Recipient::for_two(&theirs, &id),
        by_hand::Recipient::for_many(&theirs, &id),
    ];
    let ours = [
        Recipient::new(&w.a.parameters, w.alice.identity()).unwrap(),
        Recipient::cached(&w.a.parameters, w.alice.identity()).unwrap(),
    ];
    let their_key = key(&theirs, &w.alice);
    for _ in 0..20 {
        let before = w.rng.clone();
        let (kem, secret) = ours[0].encapsulate(&mut w.rng).unwrap();
        let sigma = w.rng.drawn.last().unwrap().as_slice().try_into().unwrap();
        let bytes: [u8; 128] = [&kem.u()[..], kem.v()].concat().try_into().unwrap();
        let (cached, _) = ours[1].encapsulate(&mut before.clone()).unwrap();
        assert_eq!((cached.u(), cached.v()), (kem.u(), kem.v()));
        for recipient in &hand {
            assert_eq!(recipient.encapsulate(&sigma), (bytes, *secret.expose()));
        }
        // Decapsulation agrees, also on the key of a damaged encapsulation, which nobody else knows.
        for damage in [0, 1] {
            let mut bytes = bytes;
            bytes[127] ^= damage;
            let got = Encapsulation::decode(&bytes).unwrap().decapsulate(&w.alice).unwrap();
            assert_eq!(their_key.decapsulate(&by_hand::Encapsulation::decode(&bytes).unwrap()), *got.expose());
            assert_eq!(got.expose() == secret.expose(), damage == 0);
        }
    }
}

#[test]
fn sealed_box() {
    let w = World::new("by hand: box");
    let theirs = district(&w.b);
    let their_key = key(&theirs, &w.bob);
    let hand = by_hand::Recipient::for_one(&theirs, &their_key.identity);
    let ours = w.b.recipient(BOB, NOW);
    for plaintext in [&b""[..], b"text", &[7; 5000]] {
        let mut rng = Seeded::new("box");
        let sealed = sealed::seal(&ours, Aead::Aes256Gcm, b"ad", plaintext, &mut rng.clone()).unwrap();
        assert_eq!(hand.seal(b"ad", plaintext, &mut rng), sealed);
        assert_eq!(by_hand::open(&their_key, b"ad", &sealed).as_deref(), Some(plaintext));
        assert_eq!(by_hand::open(&their_key, b"other", &sealed), None);
        let read = SealedBox::decode(&sealed).unwrap();
        assert_eq!(read.open(core::slice::from_ref(&w.bob), b"ad").unwrap().expose(), plaintext);
    }
}

/// Alice and Bob in both implementations; the four messages must be the same bytes, whoever writes them.
#[test]
fn exchange_in_all_four_pairings_of_the_two() {
    let mut w = World::new("by hand: exchange");
    let districts = [district(&w.a), district(&w.b)];
    let (hand_alice, hand_bob) = (key(&districts[0], &w.alice), key(&districts[1], &w.bob));
    let hand_peer = by_hand::Recipient::for_two(&districts[1], &hand_bob.identity);
    let hand_known = by_hand::Recipient::for_many(&districts[0], &hand_alice.identity);
    let (config, keys, peer) = (config(), [w.b.issue(BOB, NOW)], w.b.recipient(BOB, NOW));
    let known = vec![Recipient::cached(&w.a.parameters, &w.a.identity(ALICE, NOW)).unwrap()];
    let guard = |rng: &mut Seeded| Guard::new(10, 10, rng).unwrap();

    let mut transcripts = Vec::new();
    for by_hand_i in [false, true] {
        for by_hand_r in [false, true] {
            let (mut rng_i, mut rng_r) = (Seeded::new("initiator"), Seeded::new("responder"));
            let mut guard = guard(&mut w.rng);
            let (mut ours_i, mut hand_i) = (None, None);
            let m1 = if by_hand_i {
                let (state, m1) = exchange::start(&hand_alice, &hand_peer, &mut rng_i);
                hand_i = Some(state);
                m1
            } else {
                let (state, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut rng_i).unwrap();
                ours_i = Some(state);
                m1
            };
            let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &known };
            let (mut ours_r, mut hand_r) = (None, None);
            let m2 = if by_hand_r {
                let (state, m2) = exchange::accept(&m1, &hand_bob, &districts, Some(&hand_known), &mut rng_r).unwrap();
                hand_r = Some(state);
                m2
            } else {
                let (state, m2) = responder.accept(&mut guard, &m1, NOW, &mut rng_r).unwrap();
                ours_r = Some(state);
                m2
            };
            let (mut ours_u, mut hand_u) = (None, None);
            let m3 = if let Some(state) = hand_i {
                let (state, m3) = state.receive(&m2, &hand_alice, &hand_peer, &mut rng_i).unwrap();
                hand_u = Some(state);
                m3
            } else {
                let state = ours_i.unwrap();
                let (state, m3) = state.receive(&m2, &w.alice, &peer, b"", NOW, &mut rng_i).unwrap();
                ours_u = Some(state);
                m3
            };
            let (at_r, m4) = if let Some(state) = hand_r {
                let (session, m4) = state.receive(&m3, &hand_bob).unwrap();
                ((session.sas, session.export::<32>(b"test", b"context")), m4)
            } else {
                let (session, _, m4) = ours_r.unwrap().receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
                ((session.authentication_string().value(), exported(&session)), m4)
            };
            let at_i = if let Some(state) = hand_u {
                let session = state.receive(&m4).unwrap();
                (session.sas, session.export::<32>(b"test", b"context"))
            } else {
                let (session, _) = ours_u.unwrap().receive(&m4, NOW).unwrap();
                (session.authentication_string().value(), exported(&session))
            };
            assert_eq!(at_i, at_r);
            transcripts.push(([m1, m2, m3, m4], at_i));
        }
    }
    assert!(transcripts.iter().all(|t| *t == transcripts[0]));
}

/// The forms of the rival's curve code that the benchmarks choose from agree.
#[test]
fn curve_code_of_the_rival() {
    use by_hand::on_blst as curve;
    let q = curve::hash_g1(b"q", b"dst");
    let p = curve::generator_g2();
    let lines = curve::Lines::new(&p);
    let g = curve::pairing_prepared(&q, &lines);
    let (few, many) = (curve::FewPowers::new(&g), curve::ManyPowers::new(&g));
    for i in 0..20u8 {
        let mut wide = [i; 48];
        wide[47] = i.wrapping_mul(37);
        let k = if i == 0 { curve::scalar(&[0; 32]) } else { curve::scalar_from_wide(&wide) };
        assert_eq!(by_hand::mul_generator(&k), curve::mul_g2(&p, &k));
        let expected = match i {
            0 => Default::default(),
            _ => curve::pairing_prepared(&curve::mul_g1(&q, &k), &lines),
        };
        assert_eq!((few.pow(&k), many.pow(&k)), (expected, expected));
    }
    let d = curve::mul_g1(&q, &curve::scalar(&[3; 32]));
    let s = curve::Lines::new(&curve::mul_g2(&p, &curve::scalar(&[3; 32])));
    for check in [curve::same_pairing, curve::same_pairing_shared] {
        assert!(check(&d, &lines, &q, &s));
        assert!(!check(&q, &lines, &q, &s));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn bulk_forms_give_what_the_single_ones_give() {
    use by_hand::bulk;
    let mut w = World::new("by hand: bulk");
    let theirs = district(&w.a);
    let master = by_hand::Master::new(w.a.issuer.master().to_bytes().expose());
    let name = |i: usize| format!("sip:user{i}@a.example");
    let ids: Vec<_> = (0..70).map(|i| identity(&theirs, w.a.issue(&name(i), NOW).identity())).collect();
    let refs: Vec<_> = ids.iter().collect();
    let keys = master.extract_all(&theirs, &refs, true, &mut w.rng);
    for ((key, unchecked), id) in keys.iter().zip(master.extract_all(&theirs, &refs, false, &mut w.rng)).zip(&ids) {
        assert_eq!(key.encoded, master.extract(&theirs, id).encoded);
        assert_eq!(key.encoded, unchecked.encoded);
    }

    let mut stored: Vec<_> = keys.iter().map(|k| &k.encoded).zip(&ids).collect();
    let verify = |stored: &[_], rng: &mut Seeded| {
        let ours = by_hand::Key::verify_all(&theirs, stored, rng);
        let blst = by_hand::Key::verify_all_by_blst(&theirs, stored, rng);
        assert_eq!(ours.is_some(), blst);
        blst
    };
    assert!(verify(&stored, &mut w.rng));
    (stored[3].0, stored[68].0) = (stored[68].0, stored[3].0);
    assert!(!verify(&stored, &mut w.rng));

    let sigma: Vec<[u8; 32]> = (0..70).map(|i| [i; 32]).collect();
    let sent = theirs.encapsulate_all(&ids.iter().zip(&sigma).collect::<Vec<_>>());
    for ((kem, k), (id, sigma)) in sent.iter().zip(ids.iter().zip(&sigma)) {
        assert_eq!((*kem, *k), by_hand::Recipient::for_one(&theirs, id).encapsulate(sigma));
    }
    let received = by_hand::Key::decapsulate_all(&keys.iter().zip(sent.iter().map(|s| &s.0)).collect::<Vec<_>>());
    assert!(received.iter().zip(&sent).all(|(got, (_, k))| got.as_ref() == Some(k)));
    let kems: Vec<_> = sent.iter().map(|(kem, _)| by_hand::Encapsulation::decode(kem).unwrap()).collect();
    let gt = bulk::pairings(&keys.iter().zip(&kems).collect::<Vec<_>>());
    assert!(gt.windows(2).all(|pair| pair[0] != pair[1]));
}

/// Equal points, opposite points and infinity, in one bucket too.
#[test]
fn sums_of_secret_points_are_complete() {
    use by_hand::on_blst::{self, bulk};
    let p = on_blst::hash_g1(b"p", b"dst");
    let q = on_blst::hash_g1(b"q", b"dst");
    let points =
        [p, p, q, on_blst::neg_g1(&q), p, on_blst::neg_g1(&p), on_blst::double_g1(&p), blst::blst_p1::default()];
    let affine: Vec<_> = points.iter().map(on_blst::to_affine_g1).collect();
    let by_single_products = |weights: &[u128; 8]| {
        points.iter().zip(weights).fold(blst::blst_p1::default(), |sum, (p, z)| {
            let mut k = [0; 32];
            k[16..].copy_from_slice(&z.to_be_bytes());
            on_blst::add_g1(&sum, &on_blst::mul_g1(p, &on_blst::scalar(&k)))
        })
    };
    let big = u128::MAX - 12_345;
    for weights in
        [[7; 8], [1; 8], [big; 8], [u128::MAX; 8], [1, 2, 3, 4, 5, 6, 7, 8], [big, big, 9, 9, 1, 1 << 127, 0, big]]
    {
        for sum in [bulk::sum_in_buckets(&affine, &weights), bulk::sum_by_straus(&affine, &weights)] {
            assert!(on_blst::same_g1(&sum, &by_single_products(&weights)), "{weights:?}");
        }
    }
}

#[test]
fn hashes_of_many_are_those_of_blst() {
    use by_hand::on_blst::{self, hash};
    let messages: Vec<Vec<u8>> = (0..100usize).map(|i| vec![i as u8; i]).collect();
    let refs: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    for (many, message) in hash::hash_all_uncleared(&refs, b"IBAKE-TEST").iter().zip(&refs) {
        let many = hash::clear_cofactor(&on_blst::from_affine_g1(many));
        assert!(on_blst::same_g1(&many, &on_blst::hash_g1(message, b"IBAKE-TEST")));
    }
    assert!(hash::hash_all_uncleared(&[], b"IBAKE-TEST").is_empty());
}
