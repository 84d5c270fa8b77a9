//! Eight pairings at a time against the curve backend of the build, byte for byte.
#![allow(clippy::unwrap_used)]

mod common;

use common::Seeded;
use ibake::curve::{G1, G2, Scalar, pairing};
use ibake::simd::{Engine, FixedG2, ROW, ROWS};

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

#[test]
fn products_of_prepared_pairings_are_those_of_pairings_also_of_infinity() {
    let points = random_points(20);
    let (q1, q2) = (&points[18].1, &points[19].1);
    let mut left: Vec<G1> = points.iter().map(|(p, _)| p.clone()).collect();
    let mut right: Vec<G1> = left.iter().rev().cloned().collect();
    (0..8).for_each(|i| left[2 * i] = G1::identity());
    (left[17], right[17], right[1]) = (G1::identity(), G1::identity(), G1::identity());
    let encode = |points: &[G1]| points.iter().map(G1::to_uncompressed).collect::<Vec<_>>();
    let (l, r) = (encode(&left), encode(&right));
    for engine in engines() {
        let n = if engine.name() == "emulated" { 3 } else { left.len() };
        let prepared = [q1, q2].map(|q| engine.prepare_g2(&q.to_uncompressed()));
        let pairs: Vec<_> = l.iter().zip(&r).map(|(l, r)| [l, r]).take(n).collect();
        let products = engine.prepared_products(&prepared.each_ref(), &pairs);
        let ones: Vec<_> = l.iter().map(|l| [l]).take(n).collect();
        let single = engine.prepared_products(&[&prepared[0]], &ones);
        assert_eq!((products.len(), single.len()), (n, n));
        for i in 0..n {
            let first = pairing(&left[i], q1);
            assert_eq!(single[i].expose(), first.to_bytes().expose(), "{} {i}", engine.name());
            let product = first.mul(&pairing(&right[i], q2));
            assert_eq!(products[i].expose(), product.to_bytes().expose(), "{} {i}", engine.name());
        }
    }
}

#[test]
fn powers_in_gt_are_those_of_the_scalar_backend_also_at_every_edge() {
    let values: Vec<_> = random_points(20).iter().map(|(p, q)| pairing(p, q)).collect();
    let bytes: Vec<_> = values.iter().map(|g| *g.to_bytes().expose()).collect();
    let parts: Vec<[u64; 4]> = (0..20).map(|i| [0, 1, 2, 3].map(|k| digits(i * (k + 1) + k) as u64)).collect();
    for engine in engines() {
        let n = if engine.name() == "emulated" { 9 } else { 20 };
        let items: Vec<_> = bytes.iter().zip(&parts).take(n).collect();
        let got = engine.powers_gt(&items);
        assert_eq!(got.len(), n);
        for (i, got) in got.iter().enumerate() {
            let x = scalar(u128::from(ABS_X));
            let k = parts[i].iter().rev().fold(scalar(0), |k, d| k.mul(&x).add(&scalar(u128::from(*d))));
            assert_eq!(got.expose(), values[i].pow(&k).to_bytes().expose(), "{} {i}", engine.name());
        }
    }
}

/// A scalar from its digits base `x^2`, which acts as minus the endomorphism of G1.
fn from_parts(parts: &[u128; 2]) -> Scalar {
    let x2 = u128::from(ABS_X) * u128::from(ABS_X);
    scalar(parts[0]).add(&scalar(parts[1]).mul(&scalar(x2)))
}

const ABS_X: u64 = 0xd201_0000_0001_0000;

fn scalar(k: u128) -> Scalar {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&k.to_be_bytes());
    Scalar::from_be_bytes(&bytes).unwrap()
}

/// Digits at their edges and between them.
fn digits(i: usize) -> u128 {
    let mixed = (i as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
    [0, 1, u128::MAX, 1 << 127, 31, 32, u128::MAX >> 1, mixed, mixed.rotate_left(77)][i % 9]
}

#[test]
fn multiples_in_g1_are_those_of_the_scalar_backend_also_at_every_edge() {
    let mut points: Vec<G1> = random_points(40).into_iter().map(|(p, _)| p).collect();
    // Infinity in every lane, and points that meet their own multiples.
    (0..8).for_each(|lane| points[9 * (lane % 4) + lane / 4] = G1::identity());
    let encoded: Vec<_> = points.iter().map(G1::to_uncompressed).collect();
    let parts: Vec<_> = (0..points.len()).map(|i| [digits(i), digits(i / 3 + 5 * i)]).collect();
    for engine in engines() {
        for n in [1, 7, 8, 9, 40] {
            let items: Vec<_> = encoded.iter().zip(&parts).take(n).collect();
            let got = engine.multiply_g1(&items);
            assert_eq!(got.len(), n);
            for (i, got) in got.iter().enumerate() {
                let expected = points[i].mul(&from_parts(&parts[i])).to_uncompressed();
                assert_eq!(got.expose(), &expected, "{} {i} of {n}", engine.name());
            }
        }
    }
}

#[test]
fn multiples_of_a_fixed_point_are_those_of_the_scalar_backend_also_at_every_edge() {
    let base = random_points(1)[0].1.clone();
    let mut multiples = Vec::new();
    let mut row = base.clone();
    for _ in 0..ROWS {
        let mut multiple = row.clone();
        for _ in 0..ROW {
            multiples.push(multiple.to_uncompressed());
            multiple = multiple.add(&row);
        }
        (0..6).for_each(|_| row = row.double());
    }
    let table = FixedG2::new(&multiples);
    let parts: Vec<[u64; 4]> = (0..40).map(|i| [0, 1, 2, 3].map(|k| digits(i * (k + 1) + k) as u64)).collect();
    for engine in engines() {
        for n in [1, 8, 11, 40] {
            let got = engine.multiply_fixed_g2(&table, &parts[..n]);
            assert_eq!(got.len(), n);
            for (i, got) in got.iter().enumerate() {
                let x = scalar(u128::from(ABS_X));
                let k = parts[i].iter().rev().fold(scalar(0), |k, d| k.mul(&x).add(&scalar(u128::from(*d))));
                assert_eq!(got, &base.mul(&k).to_uncompressed(), "{} {i} of {n}", engine.name());
            }
        }
    }
}

/// Compressed encodings of every kind, good and bad, and whether each is one of a protocol.
fn encodings<const N: usize, P>(good: &[[u8; N]], decode: impl Fn(&[u8; N]) -> Option<P>) -> Vec<([u8; N], Option<P>)> {
    let mut all: Vec<[u8; N]> = good.to_vec();
    for bytes in good {
        let mut other = *bytes;
        other[0] ^= 0x20;
        all.push(other);
        // Flags: not compressed, infinity, both.
        for flip in [0x80, 0x40, 0xc0] {
            let mut wrong = *bytes;
            wrong[0] ^= flip;
            all.push(wrong);
        }
        // Another x: off the curve, or on it and outside of the subgroup.
        for k in 1..4 {
            let mut wrong = *bytes;
            wrong[N - 1] = wrong[N - 1].wrapping_add(k);
            all.push(wrong);
        }
    }
    let mut infinity = [0; N];
    infinity[0] = 0xc0;
    all.push(infinity);
    // Small x: 0 has order 3 on the curve over Fp.
    for x in 0..12 {
        let mut small = [0; N];
        (small[0], small[N - 1]) = (0x80 | (x & 1) << 5, x / 2);
        all.push(small);
    }
    // Not below p.
    let mut p = [0xff; N];
    p[0] = 0x9f;
    all.push(p);
    let modulus = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
    for (k, chunk) in p.chunks_exact_mut(48).enumerate() {
        let bytes: Vec<u8> = (0..48).map(|i| u8::from_str_radix(&modulus[2 * i..2 * i + 2], 16).unwrap()).collect();
        chunk.copy_from_slice(&bytes);
        chunk[0] |= if k == 0 { 0x80 } else { 0 };
    }
    all.push(p);
    all.into_iter().map(|bytes| (bytes, decode(&bytes))).collect()
}

#[test]
fn points_of_g1_are_decoded_as_by_the_scalar_backend() {
    let good: Vec<_> = random_points(12).iter().map(|(p, _)| p.to_compressed()).collect();
    let all = encodings(&good, |bytes| G1::decode_secret(bytes).ok());
    assert!(all.iter().filter(|(_, p)| p.is_some()).count() >= 24);
    for engine in engines() {
        for shift in 0..8 {
            let items: Vec<_> = all.iter().skip(shift).map(|(bytes, _)| bytes).collect();
            for ((bytes, expected), (got, ok)) in all.iter().skip(shift).zip(engine.decode_g1(&items)) {
                assert_eq!(ok == 1, expected.is_some(), "{} {bytes:02x?}", engine.name());
                if let Some(p) = expected {
                    assert_eq!(got.expose(), &p.to_uncompressed());
                }
            }
            if engine.name() == "emulated" {
                break;
            }
        }
    }
}

#[test]
fn points_of_g2_are_decoded_as_by_the_scalar_backend() {
    let good: Vec<_> = random_points(12).iter().map(|(_, q)| q.to_compressed()).collect();
    let all = encodings(&good, |bytes| G2::decode("U", bytes).ok());
    assert!(all.iter().filter(|(_, p)| p.is_some()).count() >= 24);
    for engine in engines() {
        for shift in 0..8 {
            let items: Vec<_> = all.iter().skip(shift).map(|(bytes, _)| bytes).collect();
            for ((bytes, expected), (got, ok)) in all.iter().skip(shift).zip(engine.decode_g2(&items)) {
                assert_eq!(ok == 1, expected.is_some(), "{} {bytes:02x?}", engine.name());
                if let Some(p) = expected {
                    assert_eq!(got, p.to_uncompressed());
                }
            }
            if engine.name() == "emulated" {
                break;
            }
        }
    }
}

/// `sum (a_i - b_i x^2) P_i`, the halves signed.
fn weighted(points: &[G1], weights: &[u128]) -> G1 {
    let signed = |half: i64| {
        let k = scalar(u128::from(half.unsigned_abs()));
        if half < 0 { k.mul(&minus_one()) } else { k }
    };
    let x2 = scalar(u128::from(ABS_X) * u128::from(ABS_X));
    points.iter().zip(weights).fold(G1::identity(), |sum, (p, z)| {
        let b = signed((*z >> 64) as i64).mul(&x2).mul(&minus_one());
        sum.add(&p.mul(&signed(*z as i64).add(&b)))
    })
}

fn minus_one() -> Scalar {
    let order = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000";
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&order[2 * i..2 * i + 2], 16).unwrap()).collect();
    Scalar::from_be_bytes(&bytes.try_into().unwrap()).unwrap()
}

#[test]
fn weighted_sums_are_those_of_the_scalar_backend_also_of_equal_opposite_and_infinite_points() {
    let mut points: Vec<G1> = random_points(60).into_iter().map(|(p, _)| p).collect();
    for i in 0..10 {
        points[i + 20] = points[i].clone();
        points[i + 30] = points[i].neg();
        points[3 * i + 2] = G1::identity();
    }
    let mut weights: Vec<u128> = (0..points.len()).map(|i| digits(7 * i)).collect();
    // Equal points under equal weights meet in one bucket, and so do opposite ones.
    (0..10).for_each(|i| (weights[i + 20], weights[i + 30]) = (weights[i], weights[i]));
    let encoded: Vec<_> = points.iter().map(G1::to_uncompressed).collect();
    let items: Vec<_> = encoded.iter().collect();
    for engine in engines() {
        for n in [0, 1, 7, 8, 9, 33, 60] {
            let parts = engine.weighted_sum_g1_vartime(&items[..n], &weights[..n]);
            let sum = parts.iter().rev().fold(G1::identity(), |sum, part| {
                (0..8).fold(sum, |sum, _| sum.double()).add(&G1::from_uncompressed(part.expose()).unwrap())
            });
            assert_eq!(sum.to_uncompressed(), weighted(&points[..n], &weights[..n]).to_uncompressed(), "{n}");
        }
    }
}
