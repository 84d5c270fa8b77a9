//! Every operation on both lanes against arkworks' base field, on random, edge and worst-case limbs; laws of the tower.
#![allow(clippy::unwrap_used)]

use ark_bls12_381::Fq;
use ark_ff::{BigInteger, Field, PrimeField};

use super::constants::P;
use super::emulated::{Emulated, EmulatedToken};
use super::finalexp::final_exponentiation;
use super::fp::{CARRIED, Fe, Fp, LIMIT};
use super::fp2::{Fe2, Fp2};
use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::Lane;
use super::roots::{invert_fp, invert_fp2, sqrt_fp, sqrt_fp2};

/// A small generator for test values (xorshift64*).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Eight values: mostly random, each lane now and then at an edge.
    fn values(&mut self) -> [Fq; 8] {
        core::array::from_fn(|_| match self.word() % 32 {
            0 => Fq::from(0),
            1 => Fq::from(1),
            2 => -Fq::from(1),
            3 => Fq::from(2).inverse().unwrap(),
            _ => {
                let bytes: Vec<u8> = (0..7).flat_map(|_| self.word().to_le_bytes()).collect();
                Fq::from_le_bytes_mod_order(&bytes)
            }
        })
    }
}

fn bytes(v: &[Fq; 8]) -> [[u8; 48]; 8] {
    v.map(|x| x.into_bigint().to_bytes_be().try_into().unwrap())
}

fn load<V: Lane>(t: V::Token, v: &[Fq; 8]) -> Fe<V> {
    let (fe, valid) = Fe::<V>::from_be_bytes(t, &bytes(v));
    assert_eq!(valid.to_words(), [u64::MAX; 8]);
    fe
}

#[track_caller]
pub(super) fn same<V: Lane>(got: Fe<V>, expected: impl Fn(usize) -> Fq) {
    assert_eq!(got.to_be_bytes(), bytes(&core::array::from_fn(expected)));
}

/// The number that raw limbs stand for, out of Montgomery form.
pub(super) fn value<V: Lane>(raw: &[V; 8]) -> [Fq; 8] {
    let r_inverse = Fq::from(2).pow([392]).inverse().unwrap();
    let words = raw.map(|limb| limb.to_words());
    core::array::from_fn(|lane| {
        let radix = Fq::from(1u64 << 49);
        let sum = words.iter().rev().fold(Fq::from(0), |sum, limb| sum * radix + Fq::from(limb[lane]));
        sum * r_inverse
    })
}

/// Largest limbs that `Fp<V, L, B>` allows, with some lanes only part of the way there.
pub(super) fn worst<V: Lane, const L: u32, const B: u32>(t: V::Token, draw: &mut Draw) -> Fp<V, L, B> {
    let limb = |draw: &mut Draw, max: u64| -> V {
        let words = core::array::from_fn(|lane| if lane < 4 { max } else { draw.word() % (max + 1) });
        V::from_words(t, &words)
    };
    let low = u64::from(L) << 46;
    // What the lower limbs reach into the top one is below 2^4.
    let top = u64::from(B) * P[7] - 16;
    Fp(core::array::from_fn(|j| limb(draw, if j < 7 { low } else { top })))
}

fn field<V: Lane>(t: V::Token, rounds: usize) {
    let mut draw = Draw(1);
    for _ in 0..rounds {
        let (a, b) = (draw.values(), draw.values());
        let (x, y) = (load::<V>(t, &a), load::<V>(t, &b));
        same(x.mul(&y), |i| a[i] * b[i]);
        same(x.square(), |i| a[i] * a[i]);
        let s: Fp<V, 18, 8> = x.add(&y);
        same(s.squeeze().relax(), |i| a[i] + b[i]);
        let d: Fp<V, 34, 24> = x.sub(&y);
        same(d.squeeze().relax(), |i| a[i] - b[i]);
        same(d.carry().mul(&s.carry()), |i| (a[i] - b[i]) * (a[i] + b[i]));
        let zero = x.is_zero().to_words();
        for (lane, mask) in zero.iter().enumerate() {
            assert_eq!(*mask, if a[lane] == Fq::from(0) { u64::MAX } else { 0 });
        }
    }
    let a = draw.values();
    same(invert_fp(&load::<V>(t, &a)), |i| a[i].inverse().unwrap_or_default());
}

fn worst_limbs<V: Lane>(t: V::Token, rounds: usize) {
    let mut draw = Draw(2);
    for _ in 0..rounds {
        let (a, b) = (worst::<V, { LIMIT / 2 }, 50>(t, &mut draw), worst::<V, { LIMIT / 2 }, 50>(t, &mut draw));
        let (u, v) = (value(&a.0), value(&b.0));
        same(a.mul(&b), |i| u[i] * v[i]);
        let a = worst::<V, { LIMIT / 2 }, 50>(t, &mut draw);
        let u = value(&a.0);
        same(a.square(), |i| u[i] * u[i]);
        let a = worst::<V, LIMIT, 2047>(t, &mut draw);
        let u = value(&a.0);
        same(a.squeeze().relax(), |i| u[i]);
        let b = worst::<V, 36, 40>(t, &mut draw);
        let v = value(&b.0);
        let d: Fp<V, LIMIT, 64> = worst::<V, 9, 4>(t, &mut draw).sub(&b);
        assert_eq!(value(&d.carry().0), value(&d.0));
        let n: Fp<V, 56, 64> = b.neg();
        same(n.squeeze().relax(), |i| -v[i]);
        let f = |draw: &mut Draw| Fp2::<V, { LIMIT / 4 }, 35>::new(worst(t, draw), worst(t, draw));
        let (x, y) = (f(&mut draw), f(&mut draw));
        let (x0, x1, y0, y1) = (value(&x.c0().0), value(&x.c1().0), value(&y.c0().0), value(&y.c1().0));
        let z = x.mul(&y);
        same(z.c0(), |i| x0[i] * y0[i] - x1[i] * y1[i]);
        same(z.c1(), |i| x0[i] * y1[i] + x1[i] * y0[i]);
        let x = Fp2::<V, { LIMIT / 4 }, 16>::new(worst(t, &mut draw), worst(t, &mut draw));
        let (x0, x1) = (value(&x.c0().0), value(&x.c1().0));
        let z = x.square();
        same(z.c0(), |i| x0[i] * x0[i] - x1[i] * x1[i]);
        same(z.c1(), |i| (x0[i] + x0[i]) * x1[i]);
    }
}

fn fe12<V: Lane>(mut coordinate: impl FnMut() -> Fe<V>) -> Fp12<V> {
    let mut c = || Fe2::new(coordinate(), coordinate());
    Fp12::new(Fp6::new(c(), c(), c()), Fp6::new(c(), c(), c()))
}

#[track_caller]
fn same12<V: Lane>(a: &Fp12<V>, b: &Fp12<V>) {
    for k in 0..6 {
        assert_eq!(a.c(k).c0().to_be_bytes(), b.c(k).c0().to_be_bytes(), "coefficient {k}");
        assert_eq!(a.c(k).c1().to_be_bytes(), b.c(k).c1().to_be_bytes(), "coefficient {k}");
    }
}

/// Schoolbook product in `Fp2[w] / (w^6 - (1 + i))`, from products in Fp2 alone.
fn schoolbook<V: Lane>(t: V::Token, a: &Fp12<V>, b: &Fp12<V>) -> Fp12<V> {
    let mut c = [Fe2::<V>::zero(t); 6];
    for i in 0..6 {
        for j in 0..6 {
            let p = a.c(i).mul(&b.c(j));
            let x: Fp2<V, 34, 24> = p.mul_xi();
            let p = if i + j < 6 { p } else { x.squeeze().relax() };
            let s: Fp2<V, 18, 8> = c[(i + j) % 6].add(&p);
            c[(i + j) % 6] = s.squeeze().relax();
        }
    }
    Fp12::new(Fp6::new(c[0], c[2], c[4]), Fp6::new(c[1], c[3], c[5]))
}

fn tower<V: Lane>(t: V::Token, rounds: usize) {
    let mut draw = Draw(3);
    for round in 0..rounds {
        let mut next =
            || if round % 2 == 0 { load::<V>(t, &draw.values()) } else { worst::<V, CARRIED, 4>(t, &mut draw) };
        let (a, b) = (fe12(&mut next), fe12(&mut next));
        same12(&a.mul(&b), &schoolbook(t, &a, &b));
        let mut square = a;
        V::fp12_square(&mut square);
        same12(&square, &schoolbook(t, &a, &a));
        same12(&a.mul(&b).frobenius::<1>(), &a.frobenius::<1>().mul(&b.frobenius::<1>()));
        same12(&a.frobenius::<1>().frobenius::<1>(), &a.frobenius::<2>());
        same12(&a.frobenius::<1>().frobenius::<2>(), &a.frobenius::<3>());
        same12(&a.frobenius::<3>().frobenius::<3>(), &a.conjugate());
        let x = a.c(1);
        let one = x.mul(&invert_fp2(&x));
        assert_eq!(one.c0().to_be_bytes(), Fe::<V>::one(t).to_be_bytes());
        // In the image of the final exponentiation: cyclotomic, and of order r.
        let g = final_exponentiation(&a);
        let mut square = g;
        V::cyclotomic_square(&mut square);
        same12(&square, &g.mul(&g));
        same12(&g.mul(&g.conjugate()), &Fp12::one(t));
        same12(&final_exponentiation(&a.mul(&b)), &g.mul(&final_exponentiation(&b)));
    }
}

/// Roots in both fields: of squares, of non-residues, of real and of imaginary numbers, of 0.
fn roots<V: Lane>(t: V::Token, rounds: usize) {
    use ark_bls12_381::Fq2;
    let mut draw = Draw(4);
    for round in 0..rounds {
        let (a, b) = (draw.values(), draw.values());
        let (x, y) = (load::<V>(t, &a), load::<V>(t, &b));
        let mut root = x;
        let found = sqrt_fp(&x, &mut root).to_words();
        let square = root.square().to_be_bytes();
        for lane in 0..8 {
            assert_eq!(found[lane], if a[lane].sqrt().is_some() { u64::MAX } else { 0 });
            assert!(found[lane] == 0 || square[lane] == bytes(&a)[lane]);
        }
        let (odd, larger) = (V::odd(&x.0).to_words(), V::larger(&x.0).to_words());
        for lane in 0..8 {
            assert_eq!(odd[lane] & 1, u64::from(bytes(&a)[lane][47] & 1));
            assert_eq!(larger[lane], if a[lane] > -a[lane] { u64::MAX } else { 0 });
        }
        let zero = Fe::<V>::zero(t);
        let z = match round % 4 {
            0 => Fe2::new(x, zero),
            1 => Fe2::new(zero, x),
            2 => Fe2::new(x, y),
            _ => Fe2::new(x, y).square(),
        };
        let (c0, c1) = (value(&z.c0().0), value(&z.c1().0));
        let mut root = z;
        let found = sqrt_fp2(&z, &mut root).to_words();
        let square = root.square();
        for lane in 0..8 {
            let exists = Fq2::new(c0[lane], c1[lane]).sqrt().is_some();
            assert_eq!(found[lane], if exists { u64::MAX } else { 0 }, "{round} {lane}");
            assert!(round % 4 < 3 || exists);
        }
        for lane in (0..8).filter(|lane| found[*lane] != 0) {
            assert_eq!(square.c0().to_be_bytes()[lane], z.c0().to_be_bytes()[lane]);
            assert_eq!(square.c1().to_be_bytes()[lane], z.c1().to_be_bytes()[lane]);
        }
    }
}

#[test]
fn emulated_lane() {
    roots::<Emulated>(EmulatedToken, 4);
    field::<Emulated>(EmulatedToken, 200);
    worst_limbs::<Emulated>(EmulatedToken, 50);
    tower::<Emulated>(EmulatedToken, 2);
}

/// The token, or a visible skip, which is a failure where `IBAKE_REQUIRE` names `avx512`.
#[cfg(target_arch = "x86_64")]
pub(super) fn avx512() -> Option<super::avx512::Avx512Token> {
    let token = super::avx512::Avx512Token::detect();
    if token.is_none() {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|v| v.split(',').any(|w| w == "avx512"));
        assert!(!required, "IBAKE_REQUIRE names avx512, which this processor does not have");
        println!("skipped: this processor has no AVX-512 IFMA");
    }
    token
}

#[cfg(target_arch = "x86_64")]
#[test]
fn avx512_lane() {
    use super::avx512::Avx512;
    let Some(t) = avx512() else { return };
    roots::<Avx512>(t, 400);
    field::<Avx512>(t, 20_000);
    worst_limbs::<Avx512>(t, 2_000);
    tower::<Avx512>(t, 50);
}

#[test]
fn numbers_not_below_p_are_marked() {
    let p = {
        let mut b = bytes(&[-Fq::from(1); 8])[0];
        b[47] += 1;
        b
    };
    let mut above = p;
    above[47] += 1;
    let mut input = bytes(&[-Fq::from(1); 8]);
    (input[1], input[4], input[7]) = (p, above, [0xff; 48]);
    let (_, valid) = Fe::<Emulated>::from_be_bytes(EmulatedToken, &input);
    let expected = [true, false, true, true, false, true, true, false];
    use super::lane::Vector;
    assert_eq!(valid.to_words(), expected.map(|ok| if ok { u64::MAX } else { 0 }));
}
