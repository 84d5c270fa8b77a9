//! Two classes of secrets for the jobs of the 512-bit lane, and for each job a twin that leaks on purpose.
//!
//! A twin does a little more for some secrets: one product in Fp, on eight lanes, for each byte of them that is not zero.
#![allow(unreachable_pub)]

use dudect_bencher::ctbench::BenchFn;
use dudect_bencher::rand::RngExt;
use dudect_bencher::{BenchRng, Class, CtRunner};
use ibake::curve::{G1, G2, Scalar};
use ibake::simd::exposed::{Operation, State};
use ibake::simd::{Engine, FixedG2, LANES, Point1, Point2, ROW, ROWS};

use super::pool;

pub const BENCHES: [(&str, BenchFn); 10] = [
    ("lockstep_pairings_one_point", |r, g| pairings(r, g, fixed, false)),
    ("lockstep_pairings_infinity", |r, g| pairings(r, g, G1::identity, false)),
    ("lockstep_pairings_leak", |r, g| pairings(r, g, G1::identity, true)),
    ("lockstep_multiply_g1_same_class", same_class),
    ("lockstep_multiply_g1_zero", |r, g| multiply_g1(r, g, fixed, [0; 2], false)),
    ("lockstep_multiply_g1_ones", |r, g| multiply_g1(r, g, fixed, [u128::MAX; 2], false)),
    ("lockstep_multiply_g1_infinity", |r, g| multiply_g1(r, g, G1::identity, [0; 2], false)),
    ("lockstep_multiply_g1_leak", |r, g| multiply_g1(r, g, fixed, [0; 2], true)),
    ("lockstep_multiply_fixed_g2_zero", |r, g| multiply_fixed_g2(r, g, false)),
    ("lockstep_multiply_fixed_g2_leak", |r, g| multiply_fixed_g2(r, g, true)),
];

fn engine() -> Option<Engine> {
    let engine = Engine::avx512();
    if engine.is_none() {
        println!("skipped: this processor has no AVX-512 IFMA");
    }
    engine
}

/// Times `operation` on members of the two pools, drawn at random. All are copied to the same place first: where an item of
/// a kilobyte lies shows in the time of a job as short as these.
fn compare<T: Copy, O>(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    times: usize,
    left: &[T],
    right: &[T],
    operation: impl Fn(&T) -> O,
) {
    assert_eq!(left.len(), right.len());
    let mut here = left[0];
    std::hint::black_box(&mut here);
    for _ in 0..times {
        let (is_left, i) = (rng.random::<bool>(), rng.random_range(0..left.len()));
        let (class, pool) = if is_left { (Class::Left, left) } else { (Class::Right, right) };
        here = *std::hint::black_box(&pool[i]);
        let secret = &*std::hint::black_box(&mut here);
        runner.run_one(class, || operation(secret));
    }
}

fn fixed() -> G1 {
    G1::hash(b"the same point every time", b"TEST")
}

fn random(rng: &mut BenchRng) -> G1 {
    G1::mul_generator(&Scalar::random(rng).unwrap())
}

/// What a twin does too much.
fn leak(engine: Engine, secret: impl Iterator<Item = u8>) {
    let state: State = [[[0; 48]; LANES]; 12];
    let more = secret.filter(|b| *b != 0).count();
    std::hint::black_box(engine.repeat(Operation::FpMul, &state, &state, more));
}

fn pairings(runner: &mut CtRunner, rng: &mut BenchRng, special: fn() -> G1, leaks: bool) {
    let Some(engine) = engine() else { return };
    let q = G2::generator().to_uncompressed();
    let left: Vec<[Point1; LANES]> = pool(|_| [special().to_uncompressed(); LANES]);
    let right = pool(|_| core::array::from_fn(|_| random(rng).to_uncompressed()));
    compare(runner, rng, 8_000, &left, &right, |points| {
        if leaks {
            leak(engine, points.iter().flatten().copied());
        }
        let items: [(&Point1, &Point2); LANES] = points.each_ref().map(|p| (p, &q));
        engine.pairings(&items)
    });
}

type Multiplication = ([Point1; LANES], [[u128; 2]; LANES]);

fn random_multiplication(rng: &mut BenchRng) -> Multiplication {
    let points = core::array::from_fn(|_| random(rng).to_uncompressed());
    (points, core::array::from_fn(|_| [rng.random(), rng.random()]))
}

fn multiply_g1(runner: &mut CtRunner, rng: &mut BenchRng, point: fn() -> G1, special: [u128; 2], leaks: bool) {
    let left = pool(|_| ([point().to_uncompressed(); LANES], [special; LANES]));
    let right = pool(|_| random_multiplication(rng));
    multiplications(runner, rng, &left, &right, leaks);
}

/// Secrets at random in both classes: what the value of |t| is where there is nothing to be found.
fn same_class(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (left, right) = (pool(|_| random_multiplication(rng)), pool(|_| random_multiplication(rng)));
    multiplications(runner, rng, &left, &right, false);
}

fn multiplications(
    r: &mut CtRunner,
    rng: &mut BenchRng,
    left: &[Multiplication],
    right: &[Multiplication],
    leaks: bool,
) {
    let Some(engine) = engine() else { return };
    compare(r, rng, 20_000, left, right, |(points, parts)| {
        if leaks {
            leak(engine, parts.iter().flatten().flat_map(|part| part.to_le_bytes()));
        }
        let items: [_; LANES] = core::array::from_fn(|i| (&points[i], &parts[i]));
        engine.multiply_g1(&items)
    });
}

fn multiply_fixed_g2(runner: &mut CtRunner, rng: &mut BenchRng, leaks: bool) {
    let Some(engine) = engine() else { return };
    let (mut multiples, mut row) = (Vec::new(), G2::generator());
    for _ in 0..ROWS {
        let mut multiple = row.clone();
        for _ in 0..ROW {
            multiples.push(multiple.to_uncompressed());
            multiple = multiple.add(&row);
        }
        (0..6).for_each(|_| row = row.double());
    }
    let table = FixedG2::new(&multiples);
    let left: Vec<[[u64; 4]; LANES]> = pool(|_| [[0; 4]; LANES]);
    let right = pool(|_| core::array::from_fn(|_| core::array::from_fn(|_| rng.random())));
    compare(runner, rng, 20_000, &left, &right, |parts| {
        if leaks {
            leak(engine, parts.iter().flatten().flat_map(|part| part.to_le_bytes()));
        }
        engine.multiply_fixed_g2(&table, parts)
    });
}
