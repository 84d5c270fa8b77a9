//! Eight pairings at a time against the curve backend of the build, byte for byte.
#![allow(clippy::unwrap_used)]

mod common;

use common::Seeded;
use ibake::curve::{G1, G2, Scalar, pairing};
use ibake::simd::Engine;

fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::emulated()];
    match Engine::avx512() {
        Some(engine) => engines.push(engine),
        None => {
            let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|v| v.split(',').any(|w| w == "avx512"));
            assert!(!required, "IBAKE_REQUIRE names avx512, which this processor does not have");
            println!("skipped: the 512-bit lane, this processor has no AVX-512 IFMA");
        }
    }
    engines
}

fn random_points(n: usize) -> Vec<(G1, G2)> {
    let mut rng = Seeded::new("eight pairings");
    let mut draw = || Scalar::random(&mut rng).unwrap();
    (0..n).map(|_| (G1::mul_generator(&draw()), G2::mul_generator(&draw()))).collect()
}

type Encoded = Vec<([u8; 96], [u8; 192])>;

fn encode(points: &[(G1, G2)]) -> Encoded {
    points.iter().map(|(p, q)| (p.to_uncompressed(), q.to_uncompressed())).collect()
}

fn refs(points: &Encoded) -> Vec<(&[u8; 96], &[u8; 192])> {
    points.iter().map(|(p, q)| (p, q)).collect()
}

#[test]
fn every_group_size_gives_the_bytes_of_the_scalar_backend() {
    let points = random_points(17);
    let expected: Vec<_> = points.iter().map(|(p, q)| pairing(p, q).to_bytes()).collect();
    for engine in engines() {
        let longest = if engine.name() == "emulated" { 9 } else { 17 };
        for n in 0..=longest {
            let got = engine.pairings(&refs(&encode(&points[..n])));
            assert_eq!(got.len(), n);
            for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                assert_eq!(got.expose(), expected.expose(), "{} {i} of {n}", engine.name());
            }
        }
    }
}

#[test]
fn ten_thousand_pairings_agree() {
    let Some(engine) = engines().into_iter().find(|e| e.name() == "avx512") else { return };
    let points = random_points(10_000);
    let got = engine.pairings(&refs(&encode(&points)));
    for ((p, q), got) in points.iter().zip(&got) {
        assert_eq!(got.expose(), pairing(p, q).to_bytes().expose());
    }
}

#[test]
fn infinity_in_any_lane_gives_one_and_leaves_the_others_alone() {
    let points = random_points(8);
    let expected: Vec<_> = points.iter().map(|(p, q)| pairing(p, q).to_bytes()).collect();
    let one = pairing(&G1::identity(), &points[0].1).to_bytes();
    for engine in engines() {
        for lane in 0..8 {
            let mut altered = points.clone();
            let other = (lane + 3) % 8;
            (altered[lane].0, altered[other].1) = (G1::identity(), G2::identity());
            for (i, got) in engine.pairings(&refs(&encode(&altered))).iter().enumerate() {
                let expected = if i == lane || i == other { &one } else { &expected[i] };
                assert_eq!(got.expose(), expected.expose(), "{} {i} {lane}", engine.name());
            }
        }
    }
}
