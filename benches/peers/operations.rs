//! Single operations of the field tower and of both curves: eight instances in lockstep, next to blst, arkworks and `bls12_381`.
//!
//! Every result is the next operand, for everybody: what is measured is one operation after the other.
#![allow(unsafe_code, dead_code, unreachable_pub, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use ark_bls12_381::{Bls12_381, Fq, Fq2, Fq6, Fq12};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, BigInteger, CyclotomicMultSubgroup, Field, PrimeField};
use blst::{blst_fp, blst_fp2, blst_fp12, blst_p1, blst_p2};
use ibake::simd::exposed::{Operation, State};
use ibake::simd::{Engine, LANES};
use pairing::MultiMillerLoop;

use super::bound::{self, kernel_counts as counts};
use super::timing::interleave;

/// Name, operation, repetitions in a call, multiply-adds of eight.
const OPERATIONS: &[(&str, Operation, usize, u64)] = &[
    ("Fp product", Operation::FpMul, 2000, counts::PRODUCT + counts::REDUCTION),
    ("Fp square", Operation::FpSquare, 2000, counts::SQUARE + counts::REDUCTION),
    ("Fp inversion", Operation::FpInvert, 5, counts::FP_INVERSION),
    ("Fp2 product", Operation::Fp2Mul, 1000, counts::PRODUCT2 + counts::REDUCTION2),
    ("Fp2 square", Operation::Fp2Square, 1000, counts::SQUARE2 + counts::REDUCTION2),
    ("Fp6 product", Operation::Fp6Mul, 200, counts::FP6_PRODUCT),
    ("Fp12 product", Operation::Fp12Mul, 100, counts::FP12_PRODUCT),
    ("Fp12 square", Operation::Fp12Square, 100, counts::FP12_SQUARE + 2 * counts::SQUEEZE),
    ("cyclotomic square", Operation::CyclotomicSquare, 100, counts::CYCLOTOMIC_SQUARE + 14 * counts::SQUEEZE),
    ("Miller loop", Operation::MillerLoop, 1, counts::MILLER_LOOP),
    ("final exponentiation", Operation::FinalExponentiation, 1, counts::FINAL_EXPONENTIATION),
    ("sum in G1", Operation::G1Add, 200, counts::G1_SUM + 2 * counts::SQUEEZE),
    ("double in G1", Operation::G1Double, 200, counts::G1_DOUBLE + counts::SQUEEZE),
    ("sum in G2", Operation::G2Add, 100, counts::G2_SUM + 4 * counts::SQUEEZE),
];

fn coordinate(x: &Fq) -> [u8; 48] {
    x.into_bigint().to_bytes_be().try_into().unwrap()
}

/// The same numbers in all lanes.
fn state(numbers: &[Fq]) -> State {
    let mut state = [[[0; 48]; LANES]; 12];
    state.iter_mut().zip(numbers).for_each(|(lanes, x)| *lanes = [coordinate(x); LANES]);
    state
}

fn numbers(state: &State) -> Vec<Fq> {
    state.iter().map(|lanes| Fq::from_be_bytes_mod_order(&lanes[LANES - 1])).collect()
}

fn flat2(x: &Fq2) -> [Fq; 2] {
    [x.c0, x.c1]
}

fn flat12(x: &Fq12) -> Vec<Fq> {
    [x.c0, x.c1].iter().flat_map(|h| [h.c0, h.c1, h.c2]).flat_map(|c| flat2(&c)).collect()
}

fn fq12(x: &[Fq]) -> Fq12 {
    let c = |i: usize| Fq2::new(x[2 * i], x[2 * i + 1]);
    Fq12::new(Fq6::new(c(0), c(1), c(2)), Fq6::new(c(3), c(4), c(5)))
}

/// Operands of everybody: points that are no multiples of each other, and numbers made of their coordinates.
struct Operands {
    ark: (Fq12, Fq12),
    cyclotomic: Fq12,
    g1: (ark_bls12_381::G1Projective, ark_bls12_381::G1Projective),
    g2: (ark_bls12_381::G2Projective, ark_bls12_381::G2Projective),
}

impl Operands {
    fn new() -> Self {
        let (g1, g2) = (ark_bls12_381::G1Projective::generator(), ark_bls12_381::G2Projective::generator());
        let scalar = |k: u64| ark_bls12_381::Fr::from(k).inverse().unwrap();
        let power = |first: u64| fq12(&(first..first + 12).map(|k| Fq::from(7).pow([k])).collect::<Vec<_>>());
        let ark = (power(1_000), power(2_000));
        let cyclotomic = Bls12_381::final_exponentiation(MillerLoopOutput(ark.0)).unwrap().0;
        Self { ark, cyclotomic, g1: (g1 * scalar(3), g1 * scalar(5)), g2: (g2 * scalar(7), g2 * scalar(11)) }
    }

    /// Both states for an operation.
    fn states(&self, operation: Operation) -> (State, State) {
        let (p, q) = (self.g1.0.into_affine(), self.g1.1.into_affine());
        let (r, s) = (self.g2.0.into_affine(), self.g2.1.into_affine());
        match operation {
            Operation::G1Add | Operation::G1Double => (state(&[p.x, p.y, Fq::ONE]), state(&[q.x, q.y, Fq::ONE])),
            Operation::G2Add => {
                let flat = |x: Fq2, y: Fq2| [flat2(&x), flat2(&y), [Fq::ONE, Fq::from(0)]].concat();
                (state(&flat(r.x, r.y)), state(&flat(s.x, s.y)))
            }
            Operation::MillerLoop => {
                let pair = [[p.x, p.y], flat2(&r.x), flat2(&r.y)].concat();
                (state(&flat12(&self.ark.0)), state(&pair))
            }
            Operation::CyclotomicSquare => (state(&flat12(&self.cyclotomic)), state(&[])),
            _ => (state(&flat12(&self.ark.0)), state(&flat12(&self.ark.1))),
        }
    }

    /// Three operations in a row give what arkworks has.
    fn check(&self, engine: Engine) {
        let run = |operation| {
            let (a, b) = self.states(operation);
            numbers(&engine.repeat(operation, &a, &b, 3))
        };
        let (a, b) = &self.ark;
        let (x, y) = (flat12(a)[0], flat12(b)[0]);
        assert_eq!(run(Operation::FpMul)[0], x * y * y * y);
        assert_eq!(run(Operation::FpSquare)[0], x.pow([8]));
        assert_eq!(run(Operation::FpInvert)[0], x.inverse().unwrap());
        let (x, y) = (a.c0.c0, b.c0.c0);
        assert_eq!(run(Operation::Fp2Mul)[..2], flat2(&(x * y * y * y)));
        assert_eq!(run(Operation::Fp2Square)[..2], flat2(&x.pow([8])));
        let (x, y) = (a.c0, b.c0);
        assert_eq!(fq12(&run(Operation::Fp6Mul)).c0, x * y * y * y);
        assert_eq!(fq12(&run(Operation::Fp12Mul)), *a * b * b * b);
        assert_eq!(fq12(&run(Operation::Fp12Square)), a.pow([8]));
        assert_eq!(fq12(&run(Operation::CyclotomicSquare)), self.cyclotomic.pow([8]));
        let sum = run(Operation::G1Add);
        let expected = (self.g1.0 + self.g1.1 + self.g1.1 + self.g1.1).into_affine();
        assert_eq!((sum[0] / sum[2], sum[1] / sum[2]), (expected.x, expected.y));
        let double = run(Operation::G1Double);
        let expected = (self.g1.0 * ark_bls12_381::Fr::from(8u64)).into_affine();
        assert_eq!((double[0] / double[2], double[1] / double[2]), (expected.x, expected.y));
        let sum = run(Operation::G2Add);
        let c = |i: usize| Fq2::new(sum[2 * i], sum[2 * i + 1]);
        let expected = (self.g2.0 + self.g2.1 + self.g2.1 + self.g2.1).into_affine();
        assert_eq!((c(0) / c(2), c(1) / c(2)), (expected.x, expected.y));
    }
}

type Run<'a> = Box<dyn FnMut() + 'a>;

/// `times` times what `step` does to `x`.
fn chain<'a, T: 'a>(times: usize, mut x: T, step: impl Fn(&mut T) + 'a) -> Run<'a> {
    Box::new(move || {
        (0..times).for_each(|_| step(&mut x));
        black_box(&mut x);
    })
}

fn blst_fp12_of(x: &Fq12) -> blst_fp12 {
    let fp = |x: &Fq| {
        let mut out = blst_fp::default();
        // SAFETY: reads 48 bytes, writes one live value.
        unsafe { blst::blst_fp_from_bendian(&mut out, coordinate(x).as_ptr()) };
        out
    };
    let fp2 = |x: &Fq2| blst_fp2 { fp: [fp(&x.c0), fp(&x.c1)] };
    let fp6 = |x: &Fq6| blst::blst_fp6 { fp2: [fp2(&x.c0), fp2(&x.c1), fp2(&x.c2)] };
    blst_fp12 { fp6: [fp6(&x.c0), fp6(&x.c1)] }
}

fn unary<T>(f: unsafe extern "C" fn(*mut T, *const T)) -> impl Fn(&mut T) {
    move |x| {
        let x: *mut T = x;
        // SAFETY: a live value of the declared type; blst allows a result to be an operand.
        unsafe { f(x, x) }
    }
}

fn binary<T>(f: unsafe extern "C" fn(*mut T, *const T, *const T), b: T) -> impl Fn(&mut T) {
    move |x| {
        let x: *mut T = x;
        // SAFETY: as above.
        unsafe { f(x, x, &b) }
    }
}

/// The same on blst, where it shows the operation. Its formulas for points are told apart from doubling as ours are.
fn on_blst(o: &Operands, operation: Operation, times: usize) -> Option<Run<'static>> {
    let (a, b) = (blst_fp12_of(&o.ark.0), blst_fp12_of(&o.ark.1));
    let cyclotomic = blst_fp12_of(&o.cyclotomic);
    let (fp, fp_b) = (a.fp6[0].fp2[0].fp[0], b.fp6[0].fp2[0].fp[0]);
    let (fp2, fp2_b) = (a.fp6[0].fp2[0], b.fp6[0].fp2[0]);
    let g1 = blst::min_sig::Signature::from_bytes(&ibake::curve::G1::hash(b"P", b"TEST").to_compressed()).unwrap();
    let g2 = blst::min_sig::PublicKey::from_bytes(&ibake::curve::G2::hash(b"Q", b"TEST").to_compressed()).unwrap();
    let (g1, g2): (blst::blst_p1_affine, blst::blst_p2_affine) = (g1.into(), g2.into());
    let (mut p, mut q) = (blst_p1::default(), blst_p2::default());
    // SAFETY: live values of the declared types.
    unsafe {
        blst::blst_p1_from_affine(&mut p, &g1);
        blst::blst_p2_from_affine(&mut q, &g2);
    }
    // Not affine any more, and no multiple that the sums meet.
    let double = |p: &mut blst_p1, q: &mut blst_p2| {
        unary(blst::blst_p1_double)(p);
        unary(blst::blst_p2_double)(q);
    };
    double(&mut p, &mut q);
    let (p1, q1) = (p, q);
    (0..9).for_each(|_| double(&mut p, &mut q));
    Some(match operation {
        Operation::FpMul => chain(times, fp, binary(blst::blst_fp_mul, fp_b)),
        Operation::FpSquare => chain(times, fp, unary(blst::blst_fp_sqr)),
        Operation::FpInvert => chain(times, fp, unary(blst::blst_fp_inverse)),
        Operation::Fp2Mul => chain(times, fp2, binary(blst::blst_fp2_mul, fp2_b)),
        Operation::Fp2Square => chain(times, fp2, unary(blst::blst_fp2_sqr)),
        Operation::Fp6Mul => return None,
        Operation::Fp12Mul => chain(times, a, binary(blst::blst_fp12_mul, b)),
        Operation::Fp12Square => chain(times, a, unary(blst::blst_fp12_sqr)),
        Operation::CyclotomicSquare => chain(times, cyclotomic, unary(blst::blst_fp12_cyclotomic_sqr)),
        Operation::MillerLoop => chain(times, a, move |x| {
            // SAFETY: live values of the declared types.
            unsafe { blst::blst_miller_loop(x, &g2, &g1) }
        }),
        Operation::FinalExponentiation => chain(times, a, unary(blst::blst_final_exp)),
        Operation::G1Add => chain(times, p, binary(blst::blst_p1_add_or_double, p1)),
        Operation::G1Double => chain(times, p, unary(blst::blst_p1_double)),
        Operation::G2Add => chain(times, q, binary(blst::blst_p2_add_or_double, q1)),
    })
}

fn on_ark(o: &Operands, operation: Operation, times: usize) -> Run<'static> {
    let (a, b) = o.ark;
    let (p, p1, q, q1) = (o.g1.0, o.g1.1, o.g2.0, o.g2.1);
    match operation {
        Operation::FpMul => chain(times, a.c0.c0.c0, move |x| *x *= b.c0.c0.c0),
        Operation::FpSquare => chain(times, a.c0.c0.c0, |x| _ = x.square_in_place()),
        Operation::FpInvert => chain(times, a.c0.c0.c0, |x| _ = x.inverse_in_place()),
        Operation::Fp2Mul => chain(times, a.c0.c0, move |x| *x *= b.c0.c0),
        Operation::Fp2Square => chain(times, a.c0.c0, |x| _ = x.square_in_place()),
        Operation::Fp6Mul => chain(times, a.c0, move |x| *x *= b.c0),
        Operation::Fp12Mul => chain(times, a, move |x| *x *= b),
        Operation::Fp12Square => chain(times, a, |x| _ = x.square_in_place()),
        Operation::CyclotomicSquare => chain(times, o.cyclotomic, |x| _ = x.cyclotomic_square_in_place()),
        Operation::MillerLoop => {
            let (p, q) = (p.into_affine(), q.into_affine());
            chain(times, a, move |x| *x = Bls12_381::multi_miller_loop([black_box(p)], [q]).0)
        }
        Operation::FinalExponentiation => {
            chain(times, a, |x| *x = Bls12_381::final_exponentiation(MillerLoopOutput(*x)).unwrap().0)
        }
        Operation::G1Add => chain(times, p, move |x| *x += p1),
        Operation::G1Double => chain(times, p, |x| _ = x.double_in_place()),
        Operation::G2Add => chain(times, q, move |x| *x += q1),
    }
}

/// `bls12_381`, whose fields are private.
fn on_zk(operation: Operation, times: usize) -> Option<Run<'static>> {
    use bls12_381::{Bls12, G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective};
    let (p, q) = (G1Projective::generator(), G2Projective::generator());
    let (p1, q1) = (p.double().double(), q.double().double());
    Some(match operation {
        Operation::MillerLoop => {
            let (p, q) = (G1Affine::from(p1), G2Affine::from(q1));
            Box::new(move || {
                let prepared = G2Prepared::from(black_box(q));
                black_box(Bls12::multi_miller_loop(&[(&p, &prepared)]));
            })
        }
        Operation::FinalExponentiation => {
            let f = Bls12::multi_miller_loop(&[(&G1Affine::from(p1), &G2Prepared::from(G2Affine::from(q1)))]);
            Box::new(move || _ = black_box(black_box(f).final_exponentiation()))
        }
        Operation::G1Add => chain(times, p, move |x| *x += p1),
        Operation::G1Double => chain(times, p, |x| *x = x.double()),
        Operation::G2Add => chain(times, q, move |x| *x += q1),
        _ => return None,
    })
}

/// Prints a row for each operation: nanoseconds for one instance.
pub fn print(engine: Engine) {
    let operands = Operands::new();
    operands.check(engine);
    let madd = bound::multiply_add_ns();
    println!(
        "\noperation\tours, ns\tmultiply-adds of eight\tbound, ns\tours/bound\tblst, ns\tblst/ours\tark, ns\tbls12_381, ns"
    );
    for (name, operation, times, count) in OPERATIONS {
        let (a, b) = operands.states(*operation);
        // Bytes in and out of Montgomery form must not count.
        let many = times * if *times == 1 { 20 } else { 10 };
        let mut ours: Run<'_> = Box::new(|| _ = black_box(engine.repeat(*operation, &a, &b, many)));
        let mut rivals = [
            on_blst(&operands, *operation, *times),
            Some(on_ark(&operands, *operation, *times)),
            on_zk(*operation, *times),
        ];
        let mut turns: Vec<&mut dyn FnMut()> = vec![&mut *ours];
        turns.extend(rivals.iter_mut().flatten().map(|r| &mut **r as &mut dyn FnMut()));
        let rounds = interleave(&mut turns, 15, Duration::from_millis(5));
        let ns = |i: usize, times: usize| rounds.time(i).median * 1000.0 / times as f64;
        let own = ns(0, many * LANES);
        let least = madd.map(|ns| *count as f64 * ns / LANES as f64);
        let mut column = 0;
        let rivals = rivals.map(|r| {
            r.map(|_| {
                column += 1;
                ns(column, *times)
            })
        });
        let show = |x: Option<f64>| x.map_or("-".into(), |x| format!("{x:.1}"));
        println!(
            "{name}\t{own:.1}\t{count}\t{}\t{}\t{}\t{}\t{}\t{}",
            show(least),
            least.map_or("-".into(), |least| format!("{:.2}", own / least)),
            show(rivals[0]),
            rivals[0].map_or("-".into(), |r| format!("{:.2}", r / own)),
            show(rivals[1]),
            show(rivals[2]),
        );
    }
    if let Some(ns) = madd {
        println!("# one multiply-add of eight takes {ns:.3} ns here; a bound is their number, times that, over eight");
    }
}
