//! Timings of two classes of secrets, compared by the statistics of dudect (Reparaz, Balasch, Verbauwhede, ePrint 2016/1123):
//! what valgrind cannot see, such as an instruction that takes longer for some operands. How to read the figures, and those
//! of one day, are in `docs/constant-time.md`.
//!
//! In each bench the left class always has the same secret, chosen for being special, and the right class secrets at random.
//! Both lie in pools of equal shape, so that neither is warmer in the caches. `early_exit` and `double_and_add` leak on
//! purpose: large values there show that the others had a chance. So do the benches named `leak` next to the jobs of the 512-bit
//! lane (`classes/lockstep.rs`).
//!
//! Usage: `cargo bench --features hazmat --bench dudect [-- FILTER]`.
#![allow(missing_docs, non_snake_case, clippy::unwrap_used)]

#[cfg(feature = "simd")]
#[path = "classes/lockstep.rs"]
mod lockstep;

use dudect_bencher::ctbench::{BenchFn, BenchMetadata, BenchName, BenchOpts, run_benches_console};
use dudect_bencher::rand::RngExt;
use dudect_bencher::{BenchRng, Class, CtRunner};
use ibake::curve::{G1, Scalar};
use ibake::ibe::district::District;
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::identity::Purpose;
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::name::Name;
use ibake::ibe::params::Description;
use ibake::ibe::period::Granularity;

const NOW: u64 = 1_795_262_400;
const DAY: u64 = 86_400;
/// Secrets of a class.
const POOL: usize = 64;

/// Times `operation` on members of the two pools, drawn at random.
fn compare<T, O>(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    times: usize,
    left: &[T],
    right: &[T],
    operation: impl Fn(&T) -> O,
) {
    assert_eq!(left.len(), right.len());
    let draws: Vec<(bool, usize)> =
        (0..times).map(|_| (rng.random::<bool>(), rng.random_range(0..left.len()))).collect();
    for (is_left, i) in draws {
        let (class, pool) = if is_left { (Class::Left, left) } else { (Class::Right, right) };
        let secret = &pool[i];
        runner.run_one(class, || operation(secret));
    }
}

fn pool<T>(make: impl FnMut(usize) -> T) -> Vec<T> {
    (0..POOL).map(make).collect()
}

fn issuer(rng: &mut BenchRng) -> Issuer {
    let description = Description {
        district: District::parse("https://kgs.a.example").unwrap(),
        serial: 1,
        not_before: NOW - 400 * DAY,
        not_after: NOW + 400 * DAY,
        granularity: Granularity::Day,
        pkg_uri: None,
    };
    let master = MasterKey::generate(rng).unwrap();
    let parameters = master.public_parameters(description).unwrap();
    master.issuer(parameters).unwrap()
}

/// A private key and an encapsulation to it, read from its bytes: whether `U` came from there shows in the time, and is
/// public.
fn user(issuer: &Issuer, number: usize, rng: &mut BenchRng) -> (PrivateKey, Encapsulation) {
    let name = Name::parse(&format!("sip:user{number:03}@a.example")).unwrap();
    let identity = issuer.parameters().identity(name, Purpose::Decrypt, NOW).unwrap();
    let recipient = Recipient::new(issuer.parameters(), &identity).unwrap();
    let bytes = recipient.encapsulate(rng).unwrap().0.to_bytes();
    (issuer.extract(&identity).unwrap(), Encapsulation::decode(&bytes).unwrap())
}

/// One private key against many.
fn decapsulate_key(runner: &mut CtRunner, rng: &mut BenchRng) {
    let issuer = issuer(rng);
    let (left, right) = (pool(|_| user(&issuer, 0, rng)), pool(|i| user(&issuer, i, rng)));
    compare(runner, rng, 8_000, &left, &right, |(key, kem)| kem.decapsulate(key).unwrap());
}

/// Encapsulations that are accepted against rejected ones: the choice between two keys that both are computed.
fn decapsulate_verdict(runner: &mut CtRunner, rng: &mut BenchRng) {
    let issuer = issuer(rng);
    let left = pool(|i| user(&issuer, i, rng));
    let right = pool(|i| {
        let (key, kem) = user(&issuer, i, rng);
        let mut bytes = kem.to_bytes();
        bytes[100] ^= 1;
        (key, Encapsulation::decode(&bytes).unwrap())
    });
    compare(runner, rng, 8_000, &left, &right, |(key, kem)| kem.decapsulate(key).unwrap());
}

/// The scalar 2 against random ones, in the multiplication of an extraction.
fn extract_multiplication(runner: &mut CtRunner, rng: &mut BenchRng) {
    let Q_ID = G1::hash(b"an identity", b"TEST");
    let (left, right) = (pool(|_| Scalar::from_u64(2)), pool(|_| Scalar::random(rng).unwrap()));
    compare(runner, rng, 40_000, &left, &right, |s| Q_ID.mul(s));
}

/// One stored point against many, whose `y` has either sign.
fn secret_decoding(runner: &mut CtRunner, rng: &mut BenchRng) {
    let encode = |k: &Scalar| G1::mul_generator(k).to_compressed();
    let one = encode(&Scalar::from_u64(1));
    let (left, right) = (pool(|_| one), pool(|_| encode(&Scalar::random(rng).unwrap())));
    compare(runner, rng, 40_000, &left, &right, |bytes| G1::decode_secret(bytes).unwrap());
}

/// A leak: comparison byte by byte, equal against different from the first byte on.
fn early_exit(runner: &mut CtRunner, rng: &mut BenchRng) {
    let tag: [u8; 4096] = core::array::from_fn(|_| rng.random());
    let (left, right) = (pool(|_| tag), pool(|_| core::array::from_fn(|_| rng.random())));
    compare(runner, rng, 40_000, &left, &right, |received: &[u8; 4096]| tag.iter().eq(received.iter()));
}

/// A leak: adds only where a bit of the scalar is set.
fn double_and_add(runner: &mut CtRunner, rng: &mut BenchRng) {
    let base = G1::generator();
    let (left, right) = (pool(|_| 1u64), pool(|_| rng.random::<u64>()));
    compare(runner, rng, 20_000, &left, &right, |k| {
        (0..64).rev().fold(G1::identity(), |sum, bit| match k >> bit & 1 {
            0 => sum.double(),
            _ => sum.double().add(&base),
        })
    });
}

fn main() {
    let mut benches: Vec<(&'static str, BenchFn)> = vec![
        ("decapsulate_key", decapsulate_key),
        ("decapsulate_verdict", decapsulate_verdict),
        ("extract_multiplication", extract_multiplication),
        ("secret_decoding", secret_decoding),
        ("early_exit", early_exit),
        ("double_and_add", double_and_add),
    ];
    #[cfg(feature = "simd")]
    benches.extend(lockstep::BENCHES);
    let benches: Vec<_> = benches
        .into_iter()
        .map(|(name, benchfn)| BenchMetadata { name: BenchName(name), seed: None, benchfn })
        .collect();
    let options = BenchOpts { filter: std::env::args().skip(1).find(|a| !a.starts_with('-')), ..BenchOpts::default() };
    println!("backend {}", ibake::BACKEND);
    run_benches_console(options, benches).unwrap();
}
