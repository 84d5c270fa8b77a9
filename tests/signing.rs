//! Identity-based signatures: what they bind, what is refused, and many of them at once.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use bls12_381::{G1Affine, G1Projective};
use common::{ALICE, BOB, CAROL, DAY, Kgs, NOW, Seeded, World};
use ibake::batch::{self, Options, SignedItem, verify_signatures};
use ibake::error::{DecodeError, DecodeReason, Error, KeyError, ParametersError, PeerError, UsageError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::sign::{CONTEXT_MAX, SIGNATURE_BYTES, Signature, sign, sign_deterministic, verify};
use ibake::ibe::{Granularity, Identity, Name, Purpose};
use rand_core::{TryCryptoRng, TryRng};

const NONE: Options<'static> = Options { pool: None, progress: None, cancel: None };
const FALSE: Error = Error::Peer(PeerError::Signature);

fn signer(kgs: &Kgs, name: &str, at: u64) -> Identity {
    kgs.parameters.identity(Name::parse(name).unwrap(), Purpose::Sign, at).unwrap()
}

fn signing_key(kgs: &Kgs, name: &str) -> PrivateKey {
    kgs.issuer.extract(&signer(kgs, name, NOW)).unwrap()
}

#[test]
fn what_is_signed_verifies() {
    let mut w = World::new("signing");
    let all = [(&w.a, ALICE), (&w.b, BOB), (&w.a, CAROL), (&w.b, "dave@mail.example")];
    for (kgs, name) in all {
        let key = signing_key(kgs, name);
        for (context, message) in [(&b"test"[..], &b"hello"[..]), (b"", b""), (&[7; CONTEXT_MAX], &[9; 10_000])] {
            let hedged = sign(&key, context, message, &mut w.rng).unwrap();
            let plain = sign_deterministic(&key, context, message).unwrap();
            assert_ne!(hedged, plain);
            for signature in [hedged, plain] {
                assert_eq!(Signature::decode(signature.as_bytes()).unwrap(), signature);
                verify(&kgs.parameters, key.identity(), context, message, signature.as_bytes()).unwrap();
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let w = World::new("flipped");
    let key = signing_key(&w.a, ALICE);
    let good = *sign_deterministic(&key, b"test", b"message").unwrap().as_bytes();
    let check = |bytes: &[u8]| verify(&w.a.parameters, key.identity(), b"test", b"message", bytes);
    check(&good).unwrap();
    let mut wrong = 0;
    for bit in 0..8 * SIGNATURE_BYTES {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        match check(&bad) {
            Err(FALSE) => wrong += 1,
            Err(Error::Decode(e)) => assert_eq!(e.what, if bit < 384 { "T" } else { "S" }),
            other => panic!("bit {bit}: {other:?}"),
        }
    }
    // Few other x are points of the subgroup; the sign of y always gives one.
    assert!(wrong >= 2, "{wrong}");
}

#[test]
fn a_signature_is_for_one_message_context_and_identity() {
    let w = World::new("binding");
    let key = signing_key(&w.a, ALICE);
    let s = sign_deterministic(&key, b"context", b"message").unwrap();
    let check = |kgs: &Kgs, identity: &Identity, context: &[u8], message: &[u8]| {
        s.verify(&kgs.parameters, identity, context, message)
    };
    let own = key.identity();
    check(&w.a, own, b"context", b"message").unwrap();
    for (context, message) in [
        (&b"context"[..], &b"messagf"[..]),
        (b"context", b"message "),
        (b"context", b""),
        (b"contexu", b"message"),
        (b"", b"contextmessage"),
        // The bytes are the same one after the other.
        (b"contextm", b"essage"),
        (b"contex", b"tmessage"),
    ] {
        assert_eq!(check(&w.a, own, context, message), Err(FALSE));
    }
    // Another name, another period.
    for other in [signer(&w.a, CAROL, NOW), signer(&w.a, ALICE, NOW + DAY), signer(&w.a, "sips:alice@a.example", NOW)] {
        assert_eq!(check(&w.a, &other, b"context", b"message"), Err(FALSE));
    }
    // Another serial of the same district, under another master key and under the same one.
    let mut rng = w.rng.clone();
    let next = Kgs::new("https://kgs.a.example", 8, Granularity::Day, &mut rng);
    assert_eq!(check(&next, &signer(&next, ALICE, NOW), b"context", b"message"), Err(FALSE));
    assert_eq!(check(&next, own, b"context", b"message"), Err(ParametersError::Mismatch.into()));
    let master = ibake::ibe::extract::MasterKey::from_bytes(w.a.issuer.master().to_bytes().expose()).unwrap();
    let same = master.public_parameters(next.parameters.description().clone()).unwrap();
    assert_eq!(s.verify(&same, &signer(&next, ALICE, NOW), b"context", b"message"), Err(FALSE));
}

#[test]
fn keys_and_identities_for_decryption_do_not_sign() {
    let mut w = World::new("purpose");
    let refused = Err(Error::from(KeyError::Purpose));
    assert_eq!(sign(&w.alice, b"test", b"message", &mut w.rng).map(drop), refused);
    assert_eq!(sign_deterministic(&w.alice, b"test", b"message").map(drop), refused);
    let s = sign_deterministic(&signing_key(&w.a, ALICE), b"test", b"message").unwrap();
    assert_eq!(verify(&w.a.parameters, w.alice.identity(), b"test", b"message", s.as_bytes()), refused);
    // Nor does a signing key open anything: nobody can seal to it.
    let to = ibake::ibe::kem::Recipient::new(&w.a.parameters, &signer(&w.a, ALICE, NOW)).map(drop);
    assert_eq!(to, refused);
}

#[test]
fn checks_of_a_signature_come_in_their_order() {
    let w = World::new("order");
    let key = signing_key(&w.a, ALICE);
    let good = sign_deterministic(&key, b"test", b"message").unwrap();
    let good = good.as_bytes();
    let long = vec![0; CONTEXT_MAX + 1];
    let too_long = Error::from(UsageError::TooMany { limit: CONTEXT_MAX, got: CONTEXT_MAX + 1 });
    assert_eq!(sign_deterministic(&key, &long, b"").map(drop), Err(too_long));
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let join = |t: &[u8], s: &[u8]| [t, s].concat();
    let (t, s) = good.split_at(48);
    let decode = |what, reason| Err(Error::from(DecodeError::new(what, reason)));
    let no_identity = w.alice.identity();
    let check = |identity: &Identity, context: &[u8], bytes: &[u8]| {
        let found = verify(&w.a.parameters, identity, context, b"message", bytes);
        let item = SignedItem { parameters: &w.a.parameters, identity, context, message: b"message", signature: bytes };
        // The batch says the same, alone and among eight.
        for n in [1, 8] {
            let batch = verify_signatures(&vec![item; n], &NONE, &mut Seeded::new("x")).unwrap();
            assert_eq!(batch, vec![found; n]);
        }
        found
    };
    let id = key.identity();
    assert_eq!(check(id, b"test", good), Ok(()));
    assert_eq!(check(no_identity, &long, b""), Err(KeyError::Purpose.into()));
    assert_eq!(check(&signer(&w.b, BOB, NOW), &long, b""), Err(ParametersError::Mismatch.into()));
    assert_eq!(check(id, &long, b""), Err(too_long));
    assert_eq!(check(id, b"test", b""), decode("T", DecodeReason::Truncated { expected: 48, got: 0 }));
    assert_eq!(check(id, b"test", &good[..95]), decode("S", DecodeReason::Truncated { expected: 48, got: 47 }));
    assert_eq!(check(id, b"test", &join(good, &[0])), decode("signature", DecodeReason::Trailing { extra: 1 }));
    assert_eq!(check(id, b"test", &join(&infinity, &infinity)), decode("T", DecodeReason::Infinity));
    assert_eq!(check(id, b"test", &join(t, &infinity)), decode("S", DecodeReason::Infinity));
    assert_eq!(check(id, b"test", &join(&[0xff; 48], &infinity)), decode("T", DecodeReason::NotCanonical));
    let small = |x: u8| [&[0x80][..], &[0; 46], &[x]].concat();
    assert_eq!(check(id, b"test", &join(&small(1), s)), decode("T", DecodeReason::NotOnCurve));
    assert_eq!(check(id, b"test", &join(t, &small(4))), decode("S", DecodeReason::NotInSubgroup));
    assert_eq!(check(id, b"test", &join(s, t)), Err(FALSE));
}

#[test]
fn parts_of_signatures_do_not_make_another() {
    let w = World::new("parts");
    let key = signing_key(&w.a, ALICE);
    let [a, b] = [&b"one"[..], b"two"].map(|m| sign_deterministic(&key, b"test", m).unwrap());
    let check = |t: &[u8], s: &[u8], m: &[u8]| {
        verify(&w.a.parameters, key.identity(), b"test", m, &[t, s].concat()).unwrap_err()
    };
    let (at, a_s) = a.as_bytes().split_at(48);
    let (bt, bs) = b.as_bytes().split_at(48);
    for m in [&b"one"[..], b"two"] {
        assert_eq!([check(at, bs, m), check(bt, a_s, m)], [FALSE; 2]);
    }
    assert_eq!([check(at, a_s, b"two"), check(bt, bs, b"one")], [FALSE; 2]);
    // A sum of two signatures is none of either message: h does not add up.
    let sum = |x: &[u8], y: &[u8]| G1Affine::from(point(x) + point(y)).to_compressed();
    assert_eq!(check(&sum(at, bt), &sum(a_s, bs), b"one"), FALSE);
}

#[test]
fn the_commitment_is_never_shared_by_two_messages() {
    let w = World::new("commitments");
    let key = signing_key(&w.a, ALICE);
    let carol = signing_key(&w.a, CAROL);
    // A generator that gives the same bytes whenever it is asked.
    let again = |key: &PrivateKey, context: &[u8], message: &[u8]| {
        *sign(key, context, message, &mut Seeded::new("stuck")).unwrap().as_bytes()
    };
    assert_eq!(again(&key, b"test", b"message"), again(&key, b"test", b"message"));
    assert_eq!(sign_deterministic(&key, b"", b"m").unwrap(), sign_deterministic(&key, b"", b"m").unwrap());
    let mut seen = BTreeSet::new();
    for i in 0..32u8 {
        for context in [&b"test"[..], b"tess"] {
            assert!(seen.insert(again(&key, context, &[i])[..48].to_vec()));
            let plain = sign_deterministic(&key, context, &[i]).unwrap();
            assert!(seen.insert(plain.as_bytes()[..48].to_vec()));
        }
    }
    assert_ne!(again(&key, b"test", b"message")[..48], again(&carol, b"test", b"message")[..48]);
    // The generator does enter.
    let other = *sign(&key, b"test", b"message", &mut Seeded::new("other")).unwrap().as_bytes();
    assert_ne!(other[..48], again(&key, b"test", b"message")[..48]);
}

#[test]
fn a_generator_that_fails_ends_the_signing() {
    struct Broken;
    #[derive(Debug)]
    struct Fails;
    impl core::fmt::Display for Fails {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("broken")
        }
    }
    impl core::error::Error for Fails {}
    impl TryRng for Broken {
        type Error = Fails;
        fn try_next_u32(&mut self) -> Result<u32, Fails> {
            Err(Fails)
        }
        fn try_next_u64(&mut self) -> Result<u64, Fails> {
            Err(Fails)
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Fails> {
            Err(Fails)
        }
    }
    impl TryCryptoRng for Broken {}
    let key = signing_key(&World::new("broken").a, ALICE);
    assert_eq!(sign(&key, b"", b"", &mut Broken).map(drop), Err(Error::Random));
}

/// What section 6 says: signatures are no proof against the KGS.
#[test]
fn the_kgs_can_sign_for_everybody() {
    let w = World::new("forging kgs");
    // It needs nothing of alice's; she never asked for a signing key.
    let forged = sign_deterministic(&w.a.issuer.extract(&signer(&w.a, ALICE, NOW)).unwrap(), b"test", b"I owe you");
    let forged = *forged.unwrap().as_bytes();
    assert_eq!(verify(&w.a.parameters, &signer(&w.a, ALICE, NOW), b"test", b"I owe you", &forged), Ok(()));
}

fn point(bytes: &[u8]) -> G1Projective {
    G1Affine::from_compressed_unchecked(bytes.try_into().unwrap()).unwrap().into()
}

/// Many signatures, every third one in district B, with their verdicts by both ways.
struct Many<'a> {
    w: &'a World,
    keys: Vec<PrivateKey>,
    messages: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Many<'a> {
    fn new(w: &'a World, n: usize, mixed: bool) -> Self {
        let kgs = |i: usize| if mixed && i % 3 == 2 { &w.b } else { &w.a };
        let ids: Vec<_> = (0..n).map(|i| signer(kgs(i), &format!("user{i}@a.example"), NOW)).collect();
        let items: Vec<_> = ids.iter().enumerate().map(|(i, id)| (&kgs(i).issuer, id)).collect();
        let keys = batch::all(batch::extract(&items, &NONE, &mut Seeded::new("keys")).unwrap()).unwrap();
        let messages: Vec<Vec<u8>> = (0..n).map(|i| format!("message {i}").into_bytes()).collect();
        let sign = |(k, m): (&PrivateKey, &Vec<u8>)| sign_deterministic(k, b"test", m).unwrap().as_bytes().to_vec();
        let signatures = keys.iter().zip(&messages).map(sign).collect();
        Self { w, keys, messages, signatures }
    }

    fn items(&self) -> Vec<SignedItem<'_>> {
        let item = |i: usize| {
            let (identity, message) = (self.keys[i].identity(), &self.messages[i]);
            let kgs = if identity.district() == self.w.b.parameters.district() { &self.w.b } else { &self.w.a };
            let signature = &self.signatures[i];
            SignedItem { parameters: &kgs.parameters, identity, context: b"test", message, signature }
        };
        (0..self.keys.len()).map(item).collect()
    }

    /// Adds a multiple of the generator to `S` of one.
    fn shift(&mut self, at: usize, by: &G1Projective) {
        let s = G1Affine::from(point(&self.signatures[at][48..]) + by).to_compressed();
        self.signatures[at][48..].copy_from_slice(&s);
    }

    /// The places of what is refused, and why.
    fn refused(&self) -> Vec<(usize, Error)> {
        let found = verify_signatures(&self.items(), &NONE, &mut Seeded::new("verify")).unwrap();
        assert_eq!(found.len(), self.keys.len());
        (0..).zip(found).filter_map(|(i, r)| Some((i, r.err()?))).collect()
    }

    fn one_by_one(&self) -> Vec<(usize, Error)> {
        let one = |i: SignedItem<'_>| verify(i.parameters, i.identity, i.context, i.message, i.signature);
        (0..).zip(self.items()).filter_map(|(i, item)| Some((i, one(item).err()?))).collect()
    }
}

#[test]
fn batches_give_the_verdicts_of_single_verification() {
    let w = World::new("batches of signatures");
    for n in (0..=17).chain([33, 70]) {
        let mut many = Many::new(&w, n, true);
        assert_eq!(many.refused(), []);
        if n > 0 {
            // Another message, another signer's signature, a changed byte, a cut one, at places that depend on n.
            many.messages[n / 2].push(0);
            many.signatures[n / 3][60] ^= 4;
            many.signatures[n - 1].pop();
            let other = many.signatures[0].clone();
            many.signatures[n / 4] = other;
            assert_eq!(many.refused(), many.one_by_one(), "{n}");
            assert!(!many.refused().is_empty());
        }
    }
}

#[test]
fn one_false_signature_among_1024_is_found() {
    let w = World::new("one of many");
    let mut many = Many::new(&w, 1024, false);
    assert_eq!(many.refused(), []);
    for bad in [0, 511, 777, 1023] {
        let good = many.signatures[bad].clone();
        many.shift(bad, &G1Projective::generator());
        assert_eq!(many.refused(), [(bad, FALSE)]);
        many.signatures[bad] = good;
    }
    // On two threads, and counted.
    let pool = batch::Pool::new(2).unwrap();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let progress = |n: usize, _: usize| done.store(n, std::sync::atomic::Ordering::SeqCst);
    let options = Options { pool: Some(&pool), progress: Some(&progress), cancel: None };
    many.messages[99][0] ^= 1;
    let found = verify_signatures(&many.items(), &options, &mut Seeded::new("threads")).unwrap();
    assert_eq!(found.iter().enumerate().filter(|(_, r)| r.is_err()).map(|(i, _)| i).collect::<Vec<_>>(), [99]);
    assert_eq!(done.load(std::sync::atomic::Ordering::SeqCst), 1024);
}

#[test]
fn errors_that_cancel_in_a_sum_are_found() {
    let w = World::new("cancelling signatures");
    let error = G1Projective::generator() * bls12_381::Scalar::from(123_456);
    for n in [2, 8, 9, 40] {
        let mut many = Many::new(&w, n, false);
        many.shift(0, &error);
        many.shift(n - 1, &-error);
        assert_eq!(many.refused(), [(0, FALSE), (n - 1, FALSE)]);
    }
    // Swapped: both equations added up would hold.
    let mut many = Many::new(&w, 12, false);
    many.signatures.swap(4, 5);
    assert_eq!(many.refused(), [(4, FALSE), (5, FALSE)]);
    // T moved by what S is moved by, for two signatures with opposite signs.
    let mut many = Many::new(&w, 8, false);
    for (at, by) in [(1, error), (6, -error)] {
        let t = G1Affine::from(point(&many.signatures[at][..48]) + by).to_compressed();
        many.signatures[at][..48].copy_from_slice(&t);
    }
    assert_eq!(many.refused(), [(1, FALSE), (6, FALSE)]);
}

/// All, and the one at 3 forty times more.
fn duplicated<'a>(many: &'a Many<'_>) -> Vec<SignedItem<'a>> {
    let items = many.items();
    let again = [items[3]; 40];
    items.into_iter().chain(again).collect()
}

#[test]
fn duplicates_pass_or_fail_as_they_are() {
    let w = World::new("duplicate signatures");
    let mut many = Many::new(&w, 24, false);
    let found = verify_signatures(&duplicated(&many), &NONE, &mut Seeded::new("d")).unwrap();
    assert!(found.iter().all(Result::is_ok));
    many.shift(3, &G1Projective::generator());
    let found = verify_signatures(&duplicated(&many), &NONE, &mut Seeded::new("d")).unwrap();
    let bad: Vec<_> = found.iter().enumerate().filter(|(_, r)| r.is_err()).map(|(i, _)| i).collect();
    assert_eq!(bad, [3].into_iter().chain(24..64).collect::<Vec<_>>());
}

#[test]
fn parts_outside_the_subgroup_are_found_by_each_signatures_own_check() {
    // (0, 2) has order 3, and the pairing does not see it.
    let mut three = [0; 96];
    three[95] = 2;
    let three = G1Projective::from(G1Affine::from_uncompressed_unchecked(&three).unwrap());
    let w = World::new("order three, signed");
    let mut many = Many::new(&w, 24, false);
    let outside = |what| DecodeError::new(what, DecodeReason::NotInSubgroup).into();
    many.shift(0, &three);
    many.shift(9, &three);
    many.shift(10, &-three);
    let t = G1Affine::from(point(&many.signatures[17][..48]) + three).to_compressed();
    many.signatures[17][..48].copy_from_slice(&t);
    let want = vec![(0, outside("S")), (9, outside("S")), (10, outside("S")), (17, outside("T"))];
    assert_eq!(many.refused(), want);
    assert_eq!(many.one_by_one(), want);
}
