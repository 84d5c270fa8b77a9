//! Batches against single operations: the same bytes, verdicts and errors for every size, number of threads and
//! mixture, and the attacks on batch verification.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bls12_381::{G1Affine, G1Projective};
use common::{ALICE, BOB, CAROL, DAY, Kgs, NOW, Seeded, World};
use ibake::batch::{
    self, BATCH_LIMIT, BatchError, Encapsulated, OpenItem, Options, Pool, SealItem, To, all, verify_decoded,
    verify_keys,
};
use ibake::error::{DecodeError, DecodeReason, Error, KeyError, ParametersError, PeerError, UsageError};
use ibake::ibe::extract::{Issuer, PrivateKey};
use ibake::ibe::file::{Header, RECIPIENT_LIMIT, Sealer};
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::sealed;
use ibake::ibe::{Identity, Name, PublicParameters, Purpose};
use ibake::suite::Aead;

const NONE: Options<'static> = Options { pool: None, progress: None, cancel: None };

fn names(n: usize) -> impl Iterator<Item = String> {
    (0..n).map(|i| format!("sip:user{i}@a.example"))
}

/// Identities of district A and, every third one, of district B.
fn mixed(w: &World, n: usize) -> Vec<(&Kgs, Identity)> {
    let kgs = |i: usize| if i % 3 == 2 { &w.b } else { &w.a };
    names(n).enumerate().map(|(i, name)| (kgs(i), kgs(i).identity(&name, NOW))).collect()
}

fn issued(kgs: &Kgs, n: usize) -> Vec<Vec<u8>> {
    let ids: Vec<_> = names(n).map(|name| kgs.identity(&name, NOW)).collect();
    let items: Vec<_> = ids.iter().map(|id| (&kgs.issuer, id)).collect();
    let keys = all(batch::extract(&items, &NONE, &mut Seeded::new("issue")).unwrap()).unwrap();
    keys.iter().map(|k| k.to_bytes().expose().to_vec()).collect()
}

/// Places and errors of what fails.
fn failing<T>(results: &[Result<T, Error>]) -> Vec<(usize, Error)> {
    results.iter().enumerate().filter_map(|(i, r)| Some((i, *r.as_ref().err()?))).collect()
}

/// The batch's verdicts on stored keys, which must be those of the single operation.
fn verdicts(keys: &[Vec<u8>], parameters: &PublicParameters) -> Vec<(usize, Error)> {
    let items: Vec<_> = keys.iter().map(|k| (k.as_slice(), parameters)).collect();
    let results = verify_keys(&items, &NONE, &mut Seeded::new("verify")).unwrap();
    for (key, result) in keys.iter().zip(&results) {
        match result {
            Ok(got) => assert_eq!(got.to_bytes().expose(), key.as_slice()),
            Err(e) => assert_eq!(PrivateKey::from_bytes(key, parameters).unwrap_err(), *e),
        }
    }
    failing(&results)
}

fn point(key: &[u8]) -> G1Projective {
    G1Affine::from_compressed_unchecked(key[key.len() - 48..].try_into().unwrap()).unwrap().into()
}

fn with_point(key: &[u8], point: &G1Projective) -> Vec<u8> {
    let mut out = key[..key.len() - 48].to_vec();
    out.extend(G1Affine::from(point).to_compressed());
    out
}

/// `key` with an error of the subgroup added.
fn shifted(key: &[u8], by: u64) -> Vec<u8> {
    with_point(key, &(point(key) + G1Projective::generator() * bls12_381::Scalar::from(by)))
}

#[test]
fn extracted_keys_are_those_of_the_single_operation() {
    let w = World::new("extract");
    for n in 0..=17 {
        let ids = mixed(&w, n);
        let items: Vec<_> = ids.iter().map(|(kgs, id)| (&kgs.issuer, id)).collect();
        let keys = all(batch::extract(&items, &NONE, &mut Seeded::new("x")).unwrap()).unwrap();
        assert_eq!(keys.len(), n);
        for (key, (issuer, id)) in keys.iter().zip(items) {
            assert_eq!(key.to_bytes().expose(), issuer.extract(id).unwrap().to_bytes().expose());
            key.verify(issuer.parameters()).unwrap();
        }
    }
}

#[test]
fn identities_that_an_issuer_does_not_serve_are_named() {
    let w = World::new("named");
    let (good, foreign) = (w.a.identity(ALICE, NOW), w.b.identity(ALICE, NOW));
    let name = Name::parse(ALICE).unwrap();
    let late = ibake::ibe::Period::containing(ibake::ibe::Granularity::Day, NOW + 500 * DAY).unwrap();
    let late = Identity::new(w.a.parameters.district(), 7, Purpose::Decrypt, name, late).unwrap();
    let items: Vec<(&Issuer, &Identity)> = [&good, &foreign, &good, &late, &good].map(|id| (&w.a.issuer, id)).into();
    let results = batch::extract(&items, &NONE, &mut Seeded::new("x")).unwrap();
    let want = vec![(1, ParametersError::Mismatch.into()), (3, ParametersError::PeriodOutside.into())];
    assert_eq!(failing(&results), want);
    for ((issuer, id), result) in items.iter().zip(&results) {
        assert_eq!(issuer.extract(id).err(), result.as_ref().err().copied());
    }
    assert_eq!(all(results).unwrap_err(), BatchError::Items(want));
}

#[test]
fn threads_and_pools_change_nothing() {
    let mut w = World::new("threads");
    let ids: Vec<(bool, Identity)> = names(150)
        .enumerate()
        .map(|(i, n)| (i % 3 == 2, if i % 3 == 2 { &w.b } else { &w.a }.identity(&n, NOW)))
        .collect();
    let run = |w: &mut World, options: &Options<'_>| {
        let kgs = |b: bool| if b { &w.b } else { &w.a };
        let items: Vec<_> = ids.iter().map(|(b, id)| (&kgs(*b).issuer, id)).collect();
        let keys = all(batch::extract(&items, options, &mut Seeded::new("k")).unwrap()).unwrap();
        let mut stored: Vec<_> = keys.iter().map(|k| k.to_bytes().expose().to_vec()).collect();
        for bad in [3, 77, 140] {
            stored[bad] = shifted(&stored[bad], 5);
        }
        let items: Vec<_> = ids.iter().zip(&stored).map(|((b, _), s)| (s.as_slice(), &kgs(*b).parameters)).collect();
        let verified = failing(&verify_keys(&items, options, &mut Seeded::new("v")).unwrap());
        let to: Vec<_> = ids.iter().map(|(b, id)| To::Identity(&kgs(*b).parameters, id)).collect();
        let sent = all(batch::encapsulate(&to, options, &mut Seeded::new("e")).unwrap()).unwrap();
        let items: Vec<_> = keys.iter().zip(&sent).map(|(k, (e, _))| (k, Encapsulated::from(e))).collect();
        let got = all(batch::decapsulate(&items, options).unwrap()).unwrap();
        let sent: Vec<_> = sent.iter().map(|(e, k)| (e.to_bytes(), *k.expose())).collect();
        assert!(sent.iter().zip(&got).all(|((_, k), got)| k == got.expose()));
        (stored, verified, sent)
    };
    let first = run(&mut w, &NONE);
    assert_eq!(first.1.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [3, 77, 140]);
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads).unwrap();
        assert_eq!(pool.threads(), if cfg!(feature = "parallel") { threads } else { 1 });
        assert!(run(&mut w, &Options { pool: Some(&pool), ..NONE }) == first, "{threads} threads");
    }
}

#[test]
fn genuine_keys_pass_and_come_back() {
    let w = World::new("genuine");
    let stored = issued(&w.a, 17);
    for n in 0..=17 {
        assert!(verdicts(&stored[..n], &w.a.parameters).is_empty());
    }
}

#[test]
fn duplicates_do_not_hide_a_false_key() {
    let w = World::new("duplicates");
    let good = issued(&w.a, 2);
    // The same key many times: an incomplete addition of equal points gives Z = 0 and swallows all that follows.
    let mut keys = vec![good[0].clone(); 20];
    assert!(verdicts(&keys, &w.a.parameters).is_empty());
    keys[13] = shifted(&good[1], 1);
    assert_eq!(verdicts(&keys, &w.a.parameters), [(13, KeyError::NotGenuine.into())]);
    let keys = vec![shifted(&good[0], 1); 20];
    assert_eq!(verdicts(&keys, &w.a.parameters).len(), 20);
}

#[test]
fn a_key_beside_its_negative_does_not_hide_it() {
    let w = World::new("negative");
    let mut keys = issued(&w.a, 16);
    keys[9] = with_point(&keys[9], &-point(&keys[9]));
    assert_eq!(verdicts(&keys, &w.a.parameters), [(9, KeyError::NotGenuine.into())]);
    // d and -d under one name, and nothing else: the sum of the points is infinity for equal weights.
    let pair = [keys[3].clone(), with_point(&keys[3], &-point(&keys[3]))];
    assert_eq!(verdicts(&pair, &w.a.parameters), [(1, KeyError::NotGenuine.into())]);
    let many: Vec<_> = pair.iter().cycle().take(32).cloned().collect();
    let odd: Vec<_> = (0..16).map(|i| (2 * i + 1, KeyError::NotGenuine.into())).collect();
    assert_eq!(verdicts(&many, &w.a.parameters), odd);
}

#[test]
fn an_error_of_order_three_is_found_by_each_keys_own_check() {
    // (0, 2) has order 3. The pairing does not see it, so a key with it passes every product.
    let mut three = [0; 96];
    three[95] = 2;
    let three = G1Projective::from(G1Affine::from_uncompressed_unchecked(&three).unwrap());
    assert!(bool::from((three + three + three).is_identity()) && !bool::from(three.is_identity()));
    let w = World::new("order three");
    let mut keys = issued(&w.a, 24);
    let outside = DecodeError::new("private key", DecodeReason::NotInSubgroup).into();
    for bad in [0, 7, 8, 23] {
        keys[bad] = with_point(&keys[bad], &(point(&keys[bad]) + three));
    }
    assert_eq!(verdicts(&keys, &w.a.parameters), [0, 7, 8, 23].map(|i| (i, outside)));
    // Two that cancel each other, the case that sums cannot see at all.
    let mut keys = issued(&w.a, 9);
    keys[1] = with_point(&keys[1], &(point(&keys[1]) + three));
    keys[2] = with_point(&keys[2], &(point(&keys[2]) - three));
    assert_eq!(verdicts(&keys, &w.a.parameters), [(1, outside), (2, outside)]);
}

#[test]
fn errors_that_cancel_are_found() {
    let w = World::new("cancelling");
    for n in [2, 8, 9, 40] {
        let mut keys = issued(&w.a, n);
        let e = G1Projective::generator() * bls12_381::Scalar::from(123_456);
        keys[0] = with_point(&keys[0], &(point(&keys[0]) + e));
        keys[n - 1] = with_point(&keys[n - 1], &(point(&keys[n - 1]) - e));
        let false_key = KeyError::NotGenuine.into();
        assert_eq!(verdicts(&keys, &w.a.parameters), [(0, false_key), (n - 1, false_key)]);
    }
    // Swapped points: each is a genuine key, of the other one's name.
    let keys = issued(&w.a, 12);
    let mut swapped = keys.clone();
    swapped[4] = with_point(&keys[4], &point(&keys[5]));
    swapped[5] = with_point(&keys[5], &point(&keys[4]));
    assert_eq!(verdicts(&swapped, &w.a.parameters).iter().map(|(i, _)| *i).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn one_false_key_of_1024_is_located() {
    let w = World::new("one of many");
    let mut keys = issued(&w.a, 1024);
    let items = |keys: &[Vec<u8>]| {
        let items: Vec<_> = keys.iter().map(|k| (k.as_slice(), &w.a.parameters)).collect();
        failing(&verify_keys(&items, &NONE, &mut Seeded::new("v")).unwrap())
    };
    assert!(items(&keys).is_empty());
    for at in [0, 700, 1023] {
        let good = std::mem::take(&mut keys[at]);
        keys[at] = shifted(&good, 1);
        assert_eq!(items(&keys), [(at, KeyError::NotGenuine.into())]);
        keys[at] = good;
    }
}

#[test]
fn all_false_keys_are_named_and_several_among_good_ones() {
    let w = World::new("all bad");
    let keys = issued(&w.a, 100);
    let bad: Vec<_> = keys.iter().map(|k| shifted(k, 9)).collect();
    assert_eq!(
        verdicts(&bad, &w.a.parameters).iter().map(|(i, _)| *i).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    let some: Vec<_> = (0..100).map(|i| if i % 7 == 3 { bad[i].clone() } else { keys[i].clone() }).collect();
    let want: Vec<_> = (0..100).filter(|i| i % 7 == 3).collect();
    assert_eq!(verdicts(&some, &w.a.parameters).iter().map(|(i, _)| *i).collect::<Vec<_>>(), want);
}

#[test]
fn malformed_keys_get_the_errors_of_the_single_operation() {
    let w = World::new("malformed");
    let mut keys = issued(&w.a, 12);
    keys[0].truncate(20);
    keys[1].push(0);
    keys[2] = w.bob.to_bytes().expose().to_vec();
    keys[3] = Vec::new();
    keys[4][0] = 9;
    let n = keys[5].len();
    keys[5][n - 48..].fill(0xff);
    keys[6][n - 48..].fill(0);
    keys[6][n - 48] = 0xc0;
    let found = verdicts(&keys, &w.a.parameters);
    assert_eq!(found.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(found[2].1, KeyError::OtherParameters.into());
    assert_eq!(found[6].1, DecodeError::new("private key", DecodeReason::Infinity).into());
}

#[test]
fn keys_of_several_districts_are_verified_together() {
    let w = World::new("districts");
    let (a, b) = (issued(&w.a, 40), issued(&w.b, 40));
    let mut items: Vec<(Vec<u8>, &PublicParameters)> = Vec::new();
    for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
        items.push((a, &w.a.parameters));
        items.push((if i == 11 { shifted(&b, 3) } else { b }, &w.b.parameters));
    }
    let refs: Vec<_> = items.iter().map(|(k, p)| (k.as_slice(), *p)).collect();
    let results = verify_keys(&refs, &NONE, &mut Seeded::new("v")).unwrap();
    assert_eq!(failing(&results), [(23, KeyError::NotGenuine.into())]);
    // The same keys once loaded, and one under parameters that are not its own.
    let loaded: Vec<_> = results.iter().flatten().collect();
    let mut items: Vec<_> = loaded
        .iter()
        .map(|k| (*k, if k.identity().serial() == 7 { &w.a.parameters } else { &w.b.parameters }))
        .collect();
    assert_eq!(failing(&verify_decoded(&items, &NONE, &mut Seeded::new("w")).unwrap()), []);
    items[5].1 = if items[5].0.identity().serial() == 7 { &w.b.parameters } else { &w.a.parameters };
    let found = failing(&verify_decoded(&items, &NONE, &mut Seeded::new("w")).unwrap());
    assert_eq!(found, [(5, KeyError::OtherParameters.into())]);
    assert!(verify_decoded(&[], &NONE, &mut Seeded::new("w")).unwrap().is_empty());
}

#[test]
fn encapsulations_are_those_of_a_loop_with_the_same_generator() {
    let w = World::new("encapsulate");
    let ids = mixed(&w, 17);
    let cached = Recipient::cached(&w.a.parameters, &w.a.identity(ALICE, NOW)).unwrap();
    let plain = w.b.recipient(CAROL, NOW);
    for n in 0..=17 {
        let to: Vec<To<'_>> = ids[..n]
            .iter()
            .enumerate()
            .map(|(i, (kgs, id))| match i % 5 {
                3 => To::from(&cached),
                4 => To::from(&plain),
                _ => To::Identity(&kgs.parameters, id),
            })
            .collect();
        compare(&to);
    }
    // Often to the same one, which gets a table.
    let (bob, other) = (w.b.identity(BOB, NOW), w.a.identity(BOB, NOW));
    let to: Vec<_> = (0..11)
        .map(|i| if i == 4 { To::Identity(&w.a.parameters, &other) } else { To::Identity(&w.b.parameters, &bob) })
        .collect();
    compare(&to);

    fn compare(to: &[To<'_>]) {
        let (mut one, mut many) = (Seeded::new("sigma"), Seeded::new("sigma"));
        let sent = all(batch::encapsulate(to, &NONE, &mut many).unwrap()).unwrap();
        assert_eq!(sent.len(), to.len());
        for (to, (encapsulation, key)) in to.iter().zip(&sent) {
            let single = match to {
                To::Identity(p, id) => Recipient::new(p, id).unwrap().encapsulate(&mut one),
                To::Recipient(r) => r.encapsulate(&mut one),
            };
            let (want, want_key) = single.unwrap();
            assert_eq!(encapsulation.to_bytes(), want.to_bytes());
            assert_eq!(key.expose(), want_key.expose());
        }
        assert_eq!(one.drawn, many.drawn);
    }
}

#[test]
fn recipients_that_do_not_serve_draw_nothing() {
    let w = World::new("recipients");
    let (good, foreign) = (w.a.identity(ALICE, NOW), w.b.identity(ALICE, NOW));
    let signer = w.a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    let to = [&good, &foreign, &signer, &good].map(|id| To::Identity(&w.a.parameters, id));
    let mut rng = Seeded::new("sigma");
    let results = batch::encapsulate(&to, &NONE, &mut rng).unwrap();
    assert_eq!(failing(&results), [(1, ParametersError::Mismatch.into()), (2, KeyError::Purpose.into())]);
    assert_eq!(rng.drawn.len(), 2);
}

#[test]
fn decapsulation_is_that_of_the_single_operation() {
    let w = World::new("decapsulate");
    let ids = mixed(&w, 17);
    let keys: Vec<_> = ids.iter().map(|(kgs, id)| kgs.issuer.extract(id).unwrap()).collect();
    let to: Vec<_> = ids.iter().map(|(kgs, id)| To::Identity(&kgs.parameters, id)).collect();
    let sent = all(batch::encapsulate(&to, &NONE, &mut Seeded::new("s")).unwrap()).unwrap();
    let bytes: Vec<_> = sent.iter().map(|(e, _)| e.to_bytes()).collect();
    for n in 0..=17 {
        let item = |i: usize| {
            let e = if i.is_multiple_of(2) { Encapsulated::from(&bytes[i]) } else { Encapsulated::from(&sent[i].0) };
            (&keys[i], e)
        };
        let got = all(batch::decapsulate(&(0..n).map(item).collect::<Vec<_>>(), &NONE).unwrap()).unwrap();
        assert!(got.iter().zip(&sent).all(|(got, (_, want))| got.expose() == want.expose()));
    }
    // Wrong key, damaged V, damaged U, a signing key: rejection values and errors as before.
    let mut damaged = bytes.clone();
    damaged[1][100] ^= 1;
    damaged[2][50] ^= 1;
    damaged[3] = damaged[4];
    let signer = w.a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    let signer = w.a.issuer.extract(&signer).unwrap();
    let items: Vec<_> = damaged
        .iter()
        .enumerate()
        .map(|(i, e)| (if i == 5 { &signer } else { &keys[i] }, Encapsulated::from(e)))
        .collect();
    let results = batch::decapsulate(&items, &NONE).unwrap();
    assert_eq!(failing(&results).iter().map(|(i, _)| *i).collect::<Vec<_>>(), [2, 5]);
    for (result, (key, e)) in results.iter().zip(&items) {
        let Encapsulated::Bytes(e) = e else { unreachable!() };
        let single = Encapsulation::decode(e).map_err(Error::from).and_then(|e| e.decapsulate(key));
        assert_eq!(result.as_ref().map(|k| *k.expose()).map_err(|e| *e), single.map(|k| *k.expose()));
    }
    assert!(results[1].as_ref().unwrap().expose() != sent[1].1.expose());
}

#[test]
fn boxes_are_those_of_a_loop_and_open_together() {
    let w = World::new("boxes");
    let ids = mixed(&w, 9);
    let texts: Vec<Vec<u8>> = (0..9).map(|i| vec![i; usize::from(i) * 40]).collect();
    let big = vec![0; sealed::BOX_LIMIT + 1];
    let mut items: Vec<_> = ids
        .iter()
        .zip(&texts)
        .map(|((kgs, id), text)| SealItem { to: To::Identity(&kgs.parameters, id), ad: b"memo", plaintext: text })
        .collect();
    items[4].plaintext = &big;
    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let (mut one, mut many) = (Seeded::new("s"), Seeded::new("s"));
        let boxes = batch::seal(&items, aead, &NONE, &mut many).unwrap();
        for ((kgs, id), (item, got)) in ids.iter().zip(items.iter().zip(&boxes)) {
            let to = Recipient::new(&kgs.parameters, id).unwrap();
            assert_eq!(*got, sealed::seal(&to, aead, item.ad, item.plaintext, &mut one));
        }
        assert_eq!(one.drawn, many.drawn);
        let too_long = UsageError::TooMany { limit: sealed::BOX_LIMIT, got: big.len() };
        assert_eq!(failing(&boxes), [(4, too_long.into())]);

        let boxes: Vec<_> = boxes.into_iter().map(Result::unwrap_or_default).collect();
        let keys: Vec<_> = ids.iter().map(|(kgs, id)| vec![kgs.issuer.extract(id).unwrap()]).collect();
        let mut bad = boxes[1].clone();
        bad[60] ^= 1;
        let cut = &boxes[2][..boxes[2].len() - 1];
        let mut altered = boxes[3].clone();
        *altered.last_mut().unwrap() ^= 1;
        let crowd: Vec<_> = names(6).map(|n| w.a.issue(&n, NOW)).collect();
        let item = |i: usize| OpenItem { sealed: &boxes[i], keys: &keys[i], ad: b"memo" };
        let opened = [
            item(0),
            OpenItem { sealed: &bad, ..item(1) },
            OpenItem { sealed: cut, ..item(2) },
            OpenItem { sealed: &altered, ..item(3) },
            item(4),
            OpenItem { ad: b"other", ..item(5) },
            OpenItem { keys: &keys[5], ..item(6) },
            item(7),
            OpenItem { keys: &[], ..item(8) },
            // Four names of one day are tried, six are too many.
            OpenItem { keys: &crowd[..4], ..item(0) },
            OpenItem { keys: &crowd, ..item(0) },
        ];
        let results = batch::open(&opened, &NONE).unwrap();
        for (i, (item, got)) in opened.iter().zip(&results).enumerate() {
            let single = sealed::SealedBox::decode(item.sealed).and_then(|b| b.open(item.keys, item.ad));
            let plain =
                |r: &Result<ibake::secret::SecretVec, Error>| r.as_ref().map(|v| v.expose().to_vec()).map_err(|e| *e);
            assert_eq!(plain(got), plain(&single), "{i}");
        }
        let fine: Vec<_> = results.iter().map(Result::is_ok).collect();
        assert_eq!(fine, [true, false, false, false, false, false, false, true, false, true, false]);
        assert_eq!(results[10].as_ref().unwrap_err(), &PeerError::Busy.into());
    }
}

#[test]
fn a_file_for_many_is_that_of_the_single_operation() {
    let w = World::new("file");
    let ids = mixed(&w, 20);
    let to: Vec<_> = ids.iter().map(|(kgs, id)| To::Identity(&kgs.parameters, id)).collect();
    let recipients: Vec<_> = ids.iter().map(|(kgs, id)| Recipient::new(&kgs.parameters, id).unwrap()).collect();
    let (mut one, mut many) = (Seeded::new("s"), Seeded::new("s"));
    let (mut sealer, header) = batch::sealer(&to, Aead::Aes256Gcm, b"ad", &NONE, &mut many).unwrap();
    let (mut single, want) = Sealer::new(&recipients, Aead::Aes256Gcm, b"ad", &mut one).unwrap();
    assert!(header == want && one.drawn == many.drawn);
    let chunk = sealer.chunk(b"hello", true).unwrap();
    assert_eq!(chunk, single.chunk(b"hello", true).unwrap());
    for at in [0, 2, 19] {
        let key = [ids[at].0.issuer.extract(&ids[at].1).unwrap()];
        let mut opener = Header::decode(&header).unwrap().open(&key, b"ad").unwrap();
        assert_eq!(opener.chunk(&chunk, true).unwrap().expose(), b"hello");
    }
    let seal =
        |to: &[To<'_>]| batch::sealer(to, Aead::Aes256Gcm, b"", &NONE, &mut Seeded::new("s")).map(|_| ()).unwrap_err();
    assert_eq!(seal(&[]), BatchError::Call(UsageError::Empty.into()));
    assert_eq!(seal(&[to[0], to[1], to[0]]), BatchError::Call(UsageError::Duplicate.into()));
    let many = vec![to[0]; RECIPIENT_LIMIT + 1];
    let limit = UsageError::TooMany { limit: RECIPIENT_LIMIT, got: RECIPIENT_LIMIT + 1 };
    assert_eq!(seal(&many), BatchError::Call(limit.into()));
    let foreign = To::Identity(&w.b.parameters, &ids[0].1);
    assert_eq!(seal(&[to[1], foreign]), BatchError::Items(vec![(1, ParametersError::Mismatch.into())]));
}

#[test]
fn progress_never_goes_back_and_ends_at_the_total() {
    let w = World::new("progress");
    let keys = issued(&w.a, 200);
    let items: Vec<_> = keys.iter().map(|k| (k.as_slice(), &w.a.parameters)).collect();
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads).unwrap();
        let told = Mutex::new(Vec::new());
        let tell = |done, total| told.lock().unwrap().push((done, total));
        let options = Options { pool: Some(&pool), progress: Some(&tell), ..NONE };
        verify_keys(&items, &options, &mut Seeded::new("v")).unwrap();
        let told = told.into_inner().unwrap();
        assert!(told.len() > 2 && told.iter().all(|(_, total)| *total == 200));
        assert!(told.windows(2).all(|w| w[0].0 < w[1].0) && told.last().unwrap().0 == 200, "{told:?}");
    }
}

#[test]
fn a_batch_can_be_cancelled_from_its_progress() {
    let w = World::new("cancel");
    let ids: Vec<_> = names(300).map(|n| w.a.identity(&n, NOW)).collect();
    let items: Vec<_> = ids.iter().map(|id| (&w.a.issuer, id)).collect();
    let to: Vec<_> = ids.iter().map(|id| To::Identity(&w.a.parameters, id)).collect();
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads).unwrap();
        let (cancel, reached) = (AtomicBool::new(false), AtomicUsize::new(0));
        let tell = |done, _| {
            reached.store(done, Ordering::Relaxed);
            cancel.store(true, Ordering::Relaxed);
        };
        let options = Options { pool: Some(&pool), progress: Some(&tell), cancel: Some(&cancel) };
        assert_eq!(batch::extract(&items, &options, &mut Seeded::new("x")).unwrap_err(), BatchError::Cancelled);
        let reached = reached.load(Ordering::Relaxed);
        assert!(reached > 0 && reached < 300, "{reached}");
        // Set from the beginning: nothing runs.
        let mut rng = Seeded::new("x");
        assert_eq!(batch::encapsulate(&to, &options, &mut rng).unwrap_err(), BatchError::Cancelled);
    }
}

#[test]
fn a_batch_over_the_limit_is_refused_before_anything_is_drawn() {
    let w = World::new("limit");
    let id = w.a.identity(ALICE, NOW);
    let items = vec![(&w.a.issuer, &id); BATCH_LIMIT + 1];
    let mut rng = Seeded::new("x");
    let refused = BatchError::TooMany { limit: BATCH_LIMIT, got: BATCH_LIMIT + 1 };
    assert_eq!(batch::extract(&items, &NONE, &mut rng).unwrap_err(), refused);
    assert!(rng.drawn.is_empty());
}

#[cfg(feature = "hazmat")]
#[test]
fn pairings_are_those_of_the_single_operation() {
    use ibake::curve::{G1, G2, Scalar, pairing};
    let mut points: Vec<_> = (1..18)
        .map(|i| (G1::mul_generator(&Scalar::from_u64(i)), G2::mul_generator(&Scalar::from_u64(i * i))))
        .collect();
    points[3].0 = G1::identity();
    points[4].1 = G2::identity();
    for n in 0..=17 {
        let items: Vec<_> = points[..n].iter().map(|(p, q)| (p, q)).collect();
        let got = batch::pairings(&items, &NONE).unwrap();
        assert!(got.iter().zip(&items).all(|(got, (p, q))| got.expose() == pairing(p, q).to_bytes().expose()));
        assert_eq!(got.len(), n);
    }
}
