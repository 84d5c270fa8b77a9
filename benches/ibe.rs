//! Identity-based encryption: ours, the same scheme by hand on blst, and what users of Rust have otherwise.
//!
//! `cargo bench --bench ibe`. Names end in the timing that the implementation claims for its secrets. The rivals solve other
//! problems too, so read them with this:
//!
//! - `by hand`: our bytes, written on blst; powers in Gt and `[k]P2` in variable time (`benches/peers/by_hand.rs`);
//! - `ibe`: Chen-Gay-Wee KEMs, secure without random oracles, which costs several pairings; pure Rust;
//! - `tlock`: Boneh-Franklin with Fujisaki-Okamoto like ours, for the time lock of drand; messages of 16 bytes, hashing and checks
//!   included; on arkworks.
//!
//! Ratios in the same run are printed by `examples/exchange_table.rs`.
#![allow(clippy::unwrap_used)]

#[path = "peers/by_hand.rs"]
mod by_hand;
#[path = "peers/world.rs"]
mod world;

use std::hint::black_box;
use std::time::Duration;

use ::ibe::Derive;
use ::ibe::kem::IBKEM;
use ::ibe::kem::cgw_fo::CGWFO;
use ::ibe::kem::cgw_kv::CGWKV;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ibake::batch::{Options, SignedItem, verify_signatures};
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::ibe::sign::{sign, sign_deterministic, verify};
use ibake::ibe::{Name, Purpose};
use ibake::suite::Aead;

use world::{Cheap, World, rng};

const OURS: &str = "ours/constant-time";
const BY_HAND: &str = "by hand/variable-time";
const CGWKV_NAME: &str = "ibe CGWKV/constant-time";
const CGWFO_NAME: &str = "ibe CGWFO/constant-time";
const TLOCK: &str = "tlock/variable-time";

/// The key of drand's quicknet and its signature of round 1000, which is the private key of that identity.
const DRAND_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451\
                         0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
const DRAND_SIGNATURE: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
const ROUND: u64 = 1000;

/// The cheap generator as `ibe` takes one.
struct Old(Cheap);

impl rand_core_06::RngCore for Old {
    fn next_u32(&mut self) -> u32 {
        rand_core_06::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core_06::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        let Ok(()) = rand_core::TryRng::try_fill_bytes(&mut self.0, out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Old {}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    group
}

fn bench<R>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut f: impl FnMut() -> R) {
    group.bench_function(name, |b| b.iter(&mut f));
}

fn issuing(c: &mut Criterion) {
    let world = World::new();
    let (bob, district) = (&world.bob, &world.hand_districts[1]);
    let (mut new, mut old) = (rng(), Old(rng()));
    let (public_fo, secret_fo) = CGWFO::setup(&mut old);
    let (public_kv, secret_kv) = CGWKV::setup(&mut old);
    let (id_fo, id_kv) = (Derive::derive(bob.identity.der()), Derive::derive(bob.identity.der()));

    let mut g = group(c, "setup");
    let description = bob.parameters.description();
    bench(&mut g, &format!("{OURS}, proof of possession made and checked"), || {
        MasterKey::generate(&mut new).unwrap().public_parameters(description.clone()).unwrap()
    });
    bench(&mut g, BY_HAND, || bob.hand_master.public());
    bench(&mut g, CGWKV_NAME, || CGWKV::setup(&mut old));
    bench(&mut g, CGWFO_NAME, || CGWFO::setup(&mut old));
    g.finish();

    let mut g = group(c, "extract");
    bench(&mut g, OURS, || bob.issuer.extract(&bob.identity).unwrap());
    bench(&mut g, BY_HAND, || bob.hand_master.extract(district, &bob.hand_identity));
    bench(&mut g, CGWKV_NAME, || CGWKV::extract_usk(Some(&public_kv), &secret_kv, &id_kv, &mut old));
    bench(&mut g, CGWFO_NAME, || CGWFO::extract_usk(Some(&public_fo), &secret_fo, &id_fo, &mut old));
    g.finish();

    let mut g = group(c, "verify a key");
    bench(&mut g, OURS, || bob.key().verify(&bob.parameters).unwrap());
    bench(&mut g, BY_HAND, || assert!(bob.hand_key.verify(district)));
    let stored = bob.key().to_bytes();
    bench(&mut g, &format!("{OURS}, decoding included"), || {
        PrivateKey::from_bytes(stored.expose(), &bob.parameters).unwrap()
    });
    g.finish();
}

fn encapsulation(c: &mut Criterion) {
    let world = World::new();
    let (bob, district) = (&world.bob, &world.hand_districts[1]);
    let (mut new, mut old) = (rng(), Old(rng()));
    let (public_fo, secret_fo) = CGWFO::setup(&mut old);
    let (public_kv, secret_kv) = CGWKV::setup(&mut old);
    let (id_fo, id_kv) = (Derive::derive(bob.identity.der()), Derive::derive(bob.identity.der()));
    let key_fo = CGWFO::extract_usk(Some(&public_fo), &secret_fo, &id_fo, &mut old);
    let key_kv = CGWKV::extract_usk(Some(&public_kv), &secret_kv, &id_kv, &mut old);
    let drand = base16ct::lower::decode_vec(DRAND_KEY).unwrap();
    let signature = base16ct::lower::decode_vec(DRAND_SIGNATURE).unwrap();
    let lock = || {
        let mut out = Vec::new();
        tlock::encrypt(&mut out, &[7u8; 16][..], &drand, ROUND).unwrap();
        out
    };

    let mut g = group(c, "encapsulate, identity seen for the first time");
    bench(&mut g, OURS, || Recipient::new(&bob.parameters, &bob.identity).unwrap().encapsulate(&mut new).unwrap());
    let sigma = [7; 32];
    bench(&mut g, BY_HAND, || by_hand::Recipient::for_one(district, &bob.hand_identity).encapsulate(black_box(&sigma)));
    bench(&mut g, CGWKV_NAME, || CGWKV::encaps(&public_kv, &id_kv, &mut old));
    bench(&mut g, CGWFO_NAME, || CGWFO::encaps(&public_fo, &id_fo, &mut old));
    bench(&mut g, TLOCK, lock);
    g.finish();

    let mut g = group(c, "encapsulate, peer cached");
    let cached = Recipient::cached(&bob.parameters, &bob.identity).unwrap();
    bench(&mut g, OURS, || cached.encapsulate(&mut new).unwrap());
    let few = by_hand::Recipient::for_two(district, &bob.hand_identity);
    let many = by_hand::Recipient::for_many(district, &bob.hand_identity);
    bench(&mut g, &format!("{BY_HAND}, 18 KB"), || few.encapsulate(black_box(&sigma)));
    bench(&mut g, &format!("{BY_HAND}, 145 KB"), || many.encapsulate(black_box(&sigma)));
    g.finish();

    let mut g = group(c, "prepare a peer for the cache");
    bench(&mut g, OURS, || Recipient::cached(&bob.parameters, &bob.identity).unwrap());
    bench(&mut g, &format!("{BY_HAND}, 18 KB"), || by_hand::Recipient::for_two(district, &bob.hand_identity));
    bench(&mut g, &format!("{BY_HAND}, 145 KB"), || by_hand::Recipient::for_many(district, &bob.hand_identity));
    g.finish();

    let mut g = group(c, "decapsulate, decoding included");
    let (kem, _) = cached.encapsulate(&mut new).unwrap();
    let bytes: [u8; 128] = [&kem.u()[..], kem.v()].concat().try_into().unwrap();
    bench(&mut g, OURS, || Encapsulation::decode(black_box(&bytes)).unwrap().decapsulate(bob.key()).unwrap());
    bench(&mut g, BY_HAND, || bob.hand_key.decapsulate(&by_hand::Encapsulation::decode(black_box(&bytes)).unwrap()));
    let (kem_kv, _) = CGWKV::encaps(&public_kv, &id_kv, &mut old);
    let (kem_fo, _) = CGWFO::encaps(&public_fo, &id_fo, &mut old);
    bench(&mut g, &format!("{CGWKV_NAME}, without decoding"), || CGWKV::decaps(None, &key_kv, &kem_kv).unwrap());
    bench(&mut g, &format!("{CGWFO_NAME}, without decoding"), || {
        CGWFO::decaps(Some(&public_fo), &key_fo, &kem_fo).unwrap()
    });
    let locked = lock();
    bench(&mut g, TLOCK, || {
        let mut out = Vec::new();
        tlock::decrypt(&mut out, &locked[..], &signature).unwrap();
        out
    });
    g.finish();
}

fn boxes(c: &mut Criterion) {
    let world = World::new();
    let (bob, district) = (&world.bob, &world.hand_districts[1]);
    let cached = Recipient::cached(&bob.parameters, &bob.identity).unwrap();
    let many = by_hand::Recipient::for_many(district, &bob.hand_identity);
    let (mut a, mut b) = (rng(), rng());
    for (size, name) in [(64, "64 B"), (65_536, "64 KiB")] {
        let text = vec![7; size];
        let mut g = group(c, &format!("seal {name}"));
        g.throughput(Throughput::Bytes(size as u64));
        bench(&mut g, &format!("{OURS}, cold"), || {
            let to = Recipient::new(&bob.parameters, &bob.identity).unwrap();
            seal(&to, Aead::Aes256Gcm, b"ad", &text, &mut a).unwrap()
        });
        bench(&mut g, &format!("{BY_HAND}, cold"), || {
            by_hand::Recipient::for_one(district, &bob.hand_identity).seal(b"ad", &text, &mut b)
        });
        bench(&mut g, &format!("{OURS}, cached"), || seal(&cached, Aead::Aes256Gcm, b"ad", &text, &mut a).unwrap());
        bench(&mut g, &format!("{BY_HAND}, cached"), || many.seal(b"ad", &text, &mut b));
        g.finish();

        let sealed = seal(&cached, Aead::Aes256Gcm, b"ad", &text, &mut a).unwrap();
        let mut g = group(c, &format!("open {name}"));
        g.throughput(Throughput::Bytes(size as u64));
        bench(&mut g, OURS, || SealedBox::decode(&sealed).unwrap().open(&bob.keys, b"ad").unwrap());
        bench(&mut g, BY_HAND, || by_hand::open(&bob.hand_key, b"ad", &sealed).unwrap());
        g.finish();
    }
}

/// Beside the verification of a key, which has the same equation: a signature adds a multiplication and a point to decode.
fn signatures(c: &mut Criterion) {
    let world = World::new();
    let bob = &world.bob;
    let signer = |name: &str| {
        let name = Name::parse(name).unwrap();
        let identity = bob.parameters.identity(name, Purpose::Sign, bob.identity.period().start()).unwrap();
        bob.issuer.extract(&identity).unwrap()
    };
    let key = signer("bob@mail.example");
    let (message, mut rng) = ([7; 64], rng());
    let mut g = group(c, "sign 64 B");
    bench(&mut g, OURS, || sign(&key, b"bench", black_box(&message), &mut rng).unwrap());
    g.finish();

    let signature = *sign_deterministic(&key, b"bench", &message).unwrap().as_bytes();
    let mut g = group(c, "verify a signature, decoding included");
    bench(&mut g, "ours", || {
        verify(&bob.parameters, key.identity(), b"bench", &message, black_box(&signature)).unwrap()
    });
    g.finish();

    for n in [8, 64, 1024] {
        let keys: Vec<_> = (0..n).map(|i| signer(&format!("user{i}@mail.example"))).collect();
        let signed = |k| *sign_deterministic(k, b"bench", &message).unwrap().as_bytes();
        let signatures: Vec<_> = keys.iter().map(signed).collect();
        let item = |(k, signature)| {
            let (parameters, identity) = (&bob.parameters, PrivateKey::identity(k));
            SignedItem { parameters, identity, context: b"bench", message: &message, signature }
        };
        let items: Vec<_> = keys.iter().zip(signatures.iter().map(|s| &s[..])).map(item).collect();
        let mut g = group(c, &format!("verify {n} signatures of {n} signers"));
        g.throughput(Throughput::Elements(n));
        bench(&mut g, "ours", || {
            assert!(verify_signatures(&items, &Options::default(), &mut rng).unwrap().iter().all(Result::is_ok));
        });
        g.finish();
    }
}

criterion_group!(benches, issuing, encapsulation, boxes, signatures);
criterion_main!(benches);
