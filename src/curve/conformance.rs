//! One set of checks for both backends, of one backend against the other, and of both against `bls12_381`.

use alloc::format;
use alloc::vec::Vec;
use subtle::Choice;

use super::backend::{Backend, Group, Limbs, Point, Target};
#[cfg(feature = "blst")]
use super::blst::Blst;
use super::constants::{ABS_X, P_BYTES, R};
use super::decode::{decode, decode_secret, from_compressed, from_uncompressed};
use super::fixed::FixedBase;
use super::portable::Portable;
use super::power::{Powers, pow};
use super::recode::digits;
use super::sum::{buckets, recomposed, straus, weighted_sum};
use crate::error::DecodeReason;

/// Runs each check for each backend.
macro_rules! for_both {
    ($($check:ident)*) => {
        #[cfg(feature = "blst")]
        mod on_blst {
            $(#[test] fn $check() { super::$check::<super::Blst>(); })*
        }
        mod on_portable {
            $(#[test] fn $check() { super::$check::<super::Portable>(); })*
        }
    };
}

for_both! {
    group_laws_g1 group_laws_g2 endomorphisms fixed_base_is_multiplication scalars generators pairings
    target_group powers encodings_g1 encodings_g2 secret_decoding weighted_sums
}

/// Test numbers (splitmix64); not for anything else.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next() as u8)
    }

    pub(super) fn scalar(&mut self) -> Limbs {
        Portable::scalar_from_wide(&self.bytes())
    }

    pub(super) fn point<P: Point>(&mut self) -> P {
        P::generator().mul(&self.scalar())
    }
}

fn yes(choice: Choice) -> bool {
    choice.into()
}

/// `0`, `1`, `2`, powers of `|x|` and their neighbours, `r - 1`, some random ones.
fn scalars_to_try<B: Backend>(numbers: &mut Numbers) -> Vec<Limbs> {
    let x = [ABS_X, 0, 0, 0];
    let xx = B::scalar_mul(&x, &x);
    let xxx = B::scalar_mul(&xx, &x);
    let minus_1 = [R[0] - 1, R[1], R[2], R[3]];
    let mut all = Vec::from([[0; 4], [1, 0, 0, 0], [2, 0, 0, 0], [31, 0, 0, 0], [32, 0, 0, 0], [33, 0, 0, 0], minus_1]);
    for k in [x, xx, xxx] {
        all.extend([k, B::scalar_add(&k, &[1, 0, 0, 0]), B::scalar_add(&k, &minus_1)]);
    }
    all.extend([[u64::MAX, 0, 0, 0], [u64::MAX, u64::MAX, 0, 0], [u64::MAX, u64::MAX, u64::MAX, R[3] - 1]]);
    all.extend((0..6).map(|_| numbers.scalar()));
    all
}

fn group_laws<P: Point>() {
    let mut numbers = Numbers::new(1);
    let (zero, g) = (P::identity(), P::generator());
    let (a, b, c) = (numbers.point::<P>(), numbers.point::<P>(), numbers.point::<P>());
    assert!(yes(a.add(&b).ct_eq(&b.add(&a))));
    assert!(yes(a.add(&b).add(&c).ct_eq(&a.add(&b.add(&c)))));
    assert!(yes(a.add(&a).ct_eq(&a.double())), "addition of equal points");
    assert!(yes(a.add(&zero).ct_eq(&a)) && yes(zero.add(&a).ct_eq(&a)) && yes(zero.add(&zero).is_identity()));
    let minus = a.neg_if(Choice::from(1));
    assert!(yes(a.add(&minus).is_identity()) && yes(a.neg_if(Choice::from(0)).ct_eq(&a)));
    assert!(!yes(a.is_identity()) && yes(zero.is_identity()) && yes(zero.double().is_identity()));
    assert!(!yes(a.ct_eq(&b)) && !yes(a.ct_eq(&zero)) && !yes(zero.ct_eq(&a)) && yes(zero.ct_eq(&zero)));
    assert!(yes(P::select(&a, &b, Choice::from(0)).ct_eq(&a)) && yes(P::select(&a, &b, Choice::from(1)).ct_eq(&b)));

    let order_minus_1 = [R[0] - 1, R[1], R[2], R[3]];
    assert!(yes(g.mul(&order_minus_1).ct_eq(&g.neg_if(Choice::from(1)))));
    assert!(yes(a.mul(&[0; 4]).is_identity()) && yes(a.mul(&[1, 0, 0, 0]).ct_eq(&a)));
    assert!(yes(zero.mul(&numbers.scalar()).is_identity()));
    let three = a.double().add(&a);
    assert!(yes(a.mul(&[3, 0, 0, 0]).ct_eq(&three)));

    let table = P::entries(&[a, b, zero]);
    for (index, expected) in [(0, zero), (1, a), (2, b), (3, zero), (4, zero)] {
        let entry = P::lookup(&table, index, Choice::from(0));
        assert!(yes(zero.add_entry(&entry).ct_eq(&expected)) && yes(c.add_entry(&entry).ct_eq(&c.add(&expected))));
        assert!(yes(expected.add_entry(&entry).ct_eq(&expected.double())), "mixed addition of equal points");
        let entry = P::lookup(&table, index, Choice::from(1));
        assert!(yes(expected.add_entry(&entry).is_identity()), "mixed addition of opposite points");
    }
    let mut wiped = a;
    wiped.wipe();
    assert!(yes(wiped.is_identity()));
}

fn group_laws_g1<B: Backend>() {
    group_laws::<B::G1>();
}

fn group_laws_g2<B: Backend>() {
    group_laws::<B::G2>();
}

fn endomorphisms<B: Backend>() {
    let mut numbers = Numbers::new(2);
    let (p, q) = (numbers.point::<B::G1>(), numbers.point::<B::G2>());
    let x = [ABS_X, 0, 0, 0];
    assert!(yes(p.endo().ct_eq(&p.mul(&B::scalar_mul(&x, &x)).neg_if(Choice::from(1)))));
    assert!(yes(q.endo().ct_eq(&q.mul(&x).neg_if(Choice::from(1)))));
    assert!(yes(B::G1::identity().endo().is_identity()) && yes(B::G2::identity().endo().is_identity()));
}

fn fixed_base_is_multiplication<B: Backend>() {
    fn check<B: Backend, P: Point>() {
        let mut numbers = Numbers::new(3);
        for point in [P::generator(), numbers.point()] {
            let table = FixedBase::new(&point);
            for k in scalars_to_try::<B>(&mut numbers) {
                assert!(yes(table.mul(&k).ct_eq(&point.mul(&k))), "{k:x?}");
            }
        }
    }
    check::<B, B::G1>();
    check::<B, B::G2>();
}

fn scalars<B: Backend>() {
    let mut numbers = Numbers::new(4);
    let (a, b, c) = (numbers.scalar(), numbers.scalar(), numbers.scalar());
    assert_eq!(
        B::scalar_mul(&a, &B::scalar_add(&b, &c)),
        B::scalar_add(&B::scalar_mul(&a, &b), &B::scalar_mul(&a, &c))
    );
    assert_eq!(B::scalar_add(&[R[0] - 1, R[1], R[2], R[3]], &[1, 0, 0, 0]), [0; 4]);
    assert_eq!(B::scalar_from_wide(&[0; 48]), [0; 4]);
    let mut r = [0; 48];
    for (bytes, limb) in r[16..].as_chunks_mut::<8>().0.iter_mut().rev().zip(&R) {
        *bytes = limb.to_be_bytes();
    }
    assert_eq!(B::scalar_from_wide(&r), [0; 4]);
    // The digits base |x| put together again by the field itself.
    let x = [ABS_X, 0, 0, 0];
    let sum = digits(&a).iter().rev().fold([0; 4], |acc, d| B::scalar_add(&B::scalar_mul(&acc, &x), &[*d, 0, 0, 0]));
    assert_eq!(sum, a);
}

fn generators<B: Backend>() {
    // draft-irtf-cfrg-pairing-friendly-curves section 4.2.1.
    let p1 = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    let p2 = "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e\
              024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";
    assert_eq!(hex(&B::G1::generator().to_compressed()), p1);
    assert_eq!(hex(&B::G2::generator().to_compressed()), p2);
}

fn pairings<B: Backend>() {
    let mut numbers = Numbers::new(5);
    let (a, b) = (numbers.scalar(), numbers.scalar());
    let (p, q) = (B::G1::generator(), B::G2::generator());
    let e = B::pair(&[(&p, &q)]);
    let e_ab = pow(&e, &B::scalar_mul(&a, &b));
    assert!(!yes(e.ct_eq(&Target::one())));
    assert!(yes(B::pair(&[(&p.mul(&a), &q.mul(&b))]).ct_eq(&e_ab)));
    assert!(yes(B::pair(&[(&p.mul(&b), &q.mul(&a))]).ct_eq(&e_ab)));

    let points: Vec<_> = (0..19).map(|_| (numbers.point::<B::G1>(), numbers.point::<B::G2>())).collect();
    let pairs: Vec<_> = points.iter().map(|(p, q)| (p, q)).collect();
    let lines: Vec<_> = pairs.iter().map(|(_, q)| B::lines(q)).collect();
    for n in [0, 1, 2, 3, 16, 17, 19] {
        let one_by_one = pairs[..n].iter().fold(B::Gt::one(), |acc, pair| acc.mul(&B::pair(&[*pair])));
        assert!(yes(B::pair(&pairs[..n]).ct_eq(&one_by_one)), "{n} pairs");
        let prepared: Vec<_> = pairs[..n].iter().zip(&lines).map(|((p, _), lines)| (*p, lines)).collect();
        assert!(yes(B::pair_prepared(&prepared).ct_eq(&one_by_one)), "{n} prepared pairs");
    }
}

fn target_group<B: Backend>() {
    let mut numbers = Numbers::new(6);
    let g = B::pair(&[(&numbers.point(), &numbers.point())]);
    let h = B::pair(&[(&numbers.point(), &numbers.point())]);
    let one = B::Gt::one();
    let inverse = g.conjugate_if(Choice::from(1));
    assert!(yes(g.mul(&h).ct_eq(&h.mul(&g))) && yes(g.mul(&one).ct_eq(&g)) && yes(g.mul(&inverse).ct_eq(&one)));
    assert!(yes(g.conjugate_if(Choice::from(0)).ct_eq(&g)));
    assert!(yes(g.square().ct_eq(&g.mul(&g))), "cyclotomic squaring");
    assert!(yes(g.frobenius(2).ct_eq(&g.frobenius(1).frobenius(1))));
    assert!(yes(g.frobenius(3).ct_eq(&g.frobenius(2).frobenius(1))));
    assert!(yes(slow_pow(&g, &[ABS_X, 0, 0, 0]).ct_eq(&g.frobenius(1).conjugate_if(Choice::from(1)))), "p = x mod r");
    assert!(yes(slow_pow(&g, &R).ct_eq(&one)), "order r");
    let row = [one, g, h];
    for (i, expected) in row.iter().enumerate() {
        assert!(yes(B::Gt::lookup(&row, i as u64).ct_eq(expected)));
    }
    let mut wiped = g;
    wiped.wipe();
    assert!(yes(wiped.ct_eq(&one)));
}

/// Plain square and multiply.
fn slow_pow<T: Target>(base: &T, k: &Limbs) -> T {
    let bits = k.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit & 1));
    bits.fold(T::one(), |acc, bit| {
        let squared = acc.mul(&acc);
        if bit == 1 { squared.mul(base) } else { squared }
    })
}

fn powers<B: Backend>() {
    let mut numbers = Numbers::new(7);
    for base in [B::pair(&[(&numbers.point(), &numbers.point())]), B::Gt::one()] {
        let table = Powers::new(&base);
        for k in scalars_to_try::<B>(&mut numbers) {
            let expected = slow_pow(&base, &k);
            assert!(yes(pow(&base, &k).ct_eq(&expected)), "{k:x?}");
            assert!(yes(table.pow(&k).ct_eq(&expected)), "{k:x?} from the table");
        }
    }
}

/// Round trips, and every way to be refused.
fn encodings<P: Point>() {
    let mut numbers = Numbers::new(8);
    for _ in 0..8 {
        let point = numbers.point::<P>();
        for point in [point, point.neg_if(Choice::from(1))] {
            let (short, long) = (point.to_compressed(), point.to_uncompressed());
            assert!(from_compressed::<P>(&short).is_ok_and(|p| yes(p.ct_eq(&point))));
            assert!(from_uncompressed::<P>(&long).is_ok_and(|p| yes(p.ct_eq(&point))));
            assert!(decode::<P>(short.as_ref()).is_ok_and(|p| yes(p.ct_eq(&point))));
            let (again, on_curve) = P::from_computed(&long);
            assert!(yes(on_curve) && again.to_uncompressed().as_ref() == long.as_ref());
        }
        let (short, long) = (point.to_compressed(), point.to_uncompressed());
        let refused = |flags| {
            let (mut short, mut long) = (short, long);
            short.as_mut()[0] ^= flags;
            long.as_mut()[0] ^= flags;
            (from_compressed::<P>(&short).err(), from_uncompressed::<P>(&long).err())
        };
        let bad = Some(DecodeReason::NotCanonical);
        assert_eq!((refused(0x80), refused(0x40), refused(0xc0)), ((bad, bad), (bad, bad), (bad, bad)));
        assert_eq!(refused(0x20), (None, bad), "the other sign is the other point; uncompressed it means nothing");
        // Each coordinate as itself plus p, where that fits, and as p.
        for (i, start) in (0..long.as_ref().len()).step_by(48).enumerate() {
            let mut out_of_range = long;
            out_of_range.as_mut()[start..start + 48].copy_from_slice(&P_BYTES);
            assert_eq!(from_uncompressed::<P>(&out_of_range).err(), bad);
            if i < short.as_ref().len() / 48 {
                let mut out_of_range = short;
                out_of_range.as_mut()[start..start + 48].copy_from_slice(&P_BYTES);
                out_of_range.as_mut()[0] |= short.as_ref()[0] & 0xe0;
                assert_eq!(from_compressed::<P>(&out_of_range).err(), bad);
            }
        }
        let mut off = long;
        let last = off.as_ref().len() - 1;
        off.as_mut()[last] ^= 1;
        assert!(!yes(P::from_computed(&off).1));
        assert!(matches!(
            from_uncompressed::<P>(&off).err(),
            Some(DecodeReason::NotOnCurve | DecodeReason::NotCanonical)
        ));
        let bytes = short.as_ref();
        assert_eq!(
            decode::<P>(&bytes[1..]).err(),
            Some(DecodeReason::Truncated { expected: bytes.len(), got: last / 2 })
        );
        assert_eq!(decode::<P>(long.as_ref()).err(), Some(DecodeReason::Trailing { extra: bytes.len() }));
    }

    let (short, long) = (P::identity().to_compressed(), P::identity().to_uncompressed());
    assert!(short.as_ref()[0] == 0xc0 && short.as_ref()[1..].iter().all(|b| *b == 0));
    assert!(long.as_ref()[0] == 0x40 && long.as_ref()[1..].iter().all(|b| *b == 0));
    assert!(from_compressed::<P>(&short).is_ok_and(|p| yes(p.is_identity())));
    assert!(from_uncompressed::<P>(&long).is_ok_and(|p| yes(p.is_identity())));
    let (infinity, on_curve) = P::from_computed(&long);
    assert!(yes(on_curve & infinity.is_identity()));
    assert_eq!(decode::<P>(short.as_ref()).err(), Some(DecodeReason::Infinity));
    for at in [0, 1, short.as_ref().len() / 2, short.as_ref().len() - 1] {
        let (mut short, mut long) = (short, long);
        short.as_mut()[at] |= 0x01;
        long.as_mut()[at] |= 0x01;
        assert_eq!(from_compressed::<P>(&short).err(), Some(DecodeReason::NotCanonical));
        assert_eq!(from_uncompressed::<P>(&long).err(), Some(DecodeReason::NotCanonical));
    }
    let mut signed = short;
    signed.as_mut()[0] |= 0x20;
    assert_eq!(from_compressed::<P>(&signed).err(), Some(DecodeReason::NotCanonical));

    let verdicts: Vec<_> = small_x::<P>().map(|bytes| from_compressed::<P>(&bytes).err()).collect();
    let count = |reason| verdicts.iter().filter(|v| **v == Some(reason)).count();
    let (off, outside) = (count(DecodeReason::NotOnCurve), count(DecodeReason::NotInSubgroup));
    assert!(off > 40 && outside > 40 && off + outside == verdicts.len());
}

/// Encodings of x = 0, 1, .. 63 with either sign: half of them off the curve, the others outside the subgroup.
fn small_x<P: Point>() -> impl Iterator<Item = P::Compressed> {
    (0..128u8).map(|i| {
        let mut bytes = P::identity().to_compressed();
        bytes.as_mut()[0] = 0x80 | (i & 1) << 5;
        *bytes.as_mut().last_mut().unwrap() = i >> 1;
        bytes
    })
}

fn encodings_g1<B: Backend>() {
    encodings::<B::G1>();
}

fn encodings_g2<B: Backend>() {
    encodings::<B::G2>();
}

fn weighted_sums<B: Backend>() {
    let mut numbers = Numbers::new(17);
    let weight = |n: &mut Numbers| u128::from_be_bytes(n.bytes());
    let edge = [0, 1, 2, 15, 16, 17, 31, 32, 0xffff, u128::MAX, u128::MAX - 1, 1 << 127, (1 << 127) - 1];
    for z in edge.into_iter().chain((0..200).map(|_| weight(&mut numbers))) {
        assert_eq!(recomposed(z), (z, true), "{z:x}");
    }
    let limbs = |z: u128| [z as u64, (z >> 64) as u64, 0, 0];
    let infinity = B::G1::identity();
    let p: B::G1 = numbers.point();
    // Repeated, opposite and infinite points, also under equal weights, beside others.
    let minus = p.neg_if(Choice::from(1));
    let mut points = alloc::vec![p, p, minus, infinity, p, minus];
    points.extend((0..6).map(|_| numbers.point::<B::G1>()));
    for round in 0..4 {
        let mut weights: Vec<u128> = points.iter().map(|_| weight(&mut numbers)).collect();
        if round == 1 {
            let one = weights[0];
            weights.fill(one);
        } else if round == 2 {
            weights.iter_mut().zip(edge).for_each(|(w, z)| *w = z);
        }
        for n in 0..=points.len() {
            let mut want = infinity;
            for (p, z) in points[..n].iter().zip(&weights) {
                want = want.add(&p.mul(&limbs(*z)));
            }
            let entries = B::G1::entries(&points[..n]);
            let both =
                [straus(&entries, &weights), buckets::<B::G1>(&entries, &weights), weighted_sum(&entries, &weights)];
            let public = B::sum_public(&entries, &weights[..n]);
            assert!(public.is_none_or(|sum| yes(sum.ct_eq(&want))));
            assert!(both.iter().all(|sum: &B::G1| yes(sum.ct_eq(&want))), "{n} points, round {round}");
        }
    }
    assert_eq!(B::G1::to_uncompressed_all(&points), points.iter().map(B::G1::to_uncompressed).collect::<Vec<_>>());
    let entries = B::G1::entries(&[p, minus]);
    assert!(yes(straus::<B::G1>(&entries, &[7, 7]).is_identity()));
    assert!(yes(buckets::<B::G1>(&entries, &[7, 7]).is_identity()));
    // The window grows with the number of points.
    let many: Vec<B::G1> = (0..300).map(|i| points[i % points.len()]).collect();
    let weights: Vec<u128> = many.iter().map(|_| weight(&mut numbers)).collect();
    let entries = B::G1::entries(&many);
    let want = straus::<B::G1>(&entries, &weights);
    assert!(yes(weighted_sum::<B::G1>(&entries, &weights).ct_eq(&want)));
    assert!(B::sum_public(&entries, &weights).is_none_or(|sum| yes(sum.ct_eq(&want))));
}

/// The route for secrets gives what the public one gives, verdicts and reasons included.
fn secret_decoding<B: Backend>() {
    let mut numbers = Numbers::new(9);
    let mut cases: Vec<[u8; 48]> = small_x::<B::G1>().collect();
    for _ in 0..32 {
        let valid = numbers.point::<B::G1>().to_compressed();
        assert!(decode_secret::<B>(&valid).is_ok());
        cases.push(valid);
        cases.extend((0..8).map(|flags| {
            let mut bytes = valid;
            bytes[0] = (bytes[0] & 0x1f) | flags << 5;
            bytes
        }));
        cases.push(numbers.bytes());
        let mut random_x = numbers.bytes();
        random_x[0] = 0x80 | random_x[0] & 0x2f;
        cases.push(random_x);
    }
    for first in [0x80, 0xa0, 0xc0, 0xe0, 0x40, 0] {
        let mut bytes = P_BYTES;
        bytes[0] |= first;
        cases.push(bytes);
        bytes[47] -= 1;
        cases.push(bytes);
        let mut zeros = [0; 48];
        zeros[0] = first;
        cases.push(zeros);
    }
    for bytes in cases {
        let (public, secret) = (decode::<B::G1>(&bytes), decode_secret::<B>(&bytes));
        match (public, secret) {
            (Ok(a), Ok(b)) => assert!(yes(a.ct_eq(&b))),
            (a, b) => assert_eq!(a.err(), b.err(), "{}", hex(&bytes)),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> alloc::string::String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn gt_bytes<B: Backend>(p: &[u8; 48], q: &[u8; 96], k: &Limbs) -> ([u8; 576], [u8; 576]) {
    let pair = (from_compressed::<B::G1>(p).unwrap(), from_compressed::<B::G2>(q).unwrap());
    let e = B::pair(&[(&pair.0, &pair.1)]);
    let (mut a, mut b) = ([0; 576], [0; 576]);
    e.write(&mut a);
    pow(&e, k).write(&mut b);
    (a, b)
}

/// The coefficients that `bls12_381` shows in the `Debug` text of a Gt, its only way to publish one.
fn oracle_gt_bytes(p: &[u8; 48], q: &[u8; 96]) -> Vec<u8> {
    let p = bls12_381::G1Affine::from_compressed(p).unwrap();
    let q = bls12_381::G2Affine::from_compressed(q).unwrap();
    let text = format!("{:?}", bls12_381::pairing(&p, &q));
    let numbers = text.split("0x").skip(1).map(|rest| &rest[..96]);
    let bytes =
        |number: &str| (0..48).map(|i| u8::from_str_radix(&number[2 * i..2 * i + 2], 16).unwrap()).collect::<Vec<_>>();
    numbers.flat_map(bytes).collect()
}

#[test]
fn gt_layout() {
    let mut numbers = Numbers::new(10);
    for i in 0..4 {
        let (p, q) = match i {
            0 => (Point::generator(), Point::generator()),
            _ => (numbers.point::<<Portable as Backend>::G1>(), numbers.point::<<Portable as Backend>::G2>()),
        };
        let (p, q, k) = (p.to_compressed(), q.to_compressed(), numbers.scalar());
        let (e, power) = gt_bytes::<Portable>(&p, &q, &k);
        assert_eq!(hex(&e), hex(&oracle_gt_bytes(&p, &q)));
        #[cfg(feature = "blst")]
        assert_eq!((e, power), gt_bytes::<Blst>(&p, &q, &k));
        let _ = power;
    }
    // The worked value: e(P1, P2), first and last coefficient.
    let (e, _) = gt_bytes::<Portable>(
        &Point::to_compressed(&bls12_381_plus::G1Projective::GENERATOR),
        &Point::to_compressed(&bls12_381_plus::G2Projective::GENERATOR),
        &[0; 4],
    );
    assert_eq!(
        hex(&e[..48]),
        "1250ebd871fc0a92a7b2d83168d0d727272d441befa15c503dd8e90ce98db3e7b6d194f60839c508a84305aaca1789b6"
    );
    assert_eq!(
        hex(&e[528..]),
        "0f41e58663bf08cf068672cbd01a7ec73baca4d72ca93544deff686bfd6df543d48eaa24afe47e1efde449383b676631"
    );
}

#[cfg(feature = "blst")]
#[test]
fn backends_agree() {
    type Pair<B> = (<B as Backend>::G1, <B as Backend>::G2);
    fn values<B: Backend>(numbers: &mut Numbers) -> Vec<Vec<u8>> {
        let (a, b, wide) = (numbers.scalar(), numbers.scalar(), numbers.bytes());
        let msg: [u8; 33] = numbers.bytes();
        let (p, q): Pair<B> = (Point::hash(&msg, b"IBAKE-TEST-G1"), Point::hash(&msg[1..], b"IBAKE-TEST-G2"));
        let scalars = [B::scalar_add(&a, &b), B::scalar_mul(&a, &b), B::scalar_from_wide(&wide)];
        let mut out: Vec<_> = scalars.iter().map(|s| s.iter().flat_map(|l| l.to_be_bytes()).collect()).collect();
        let (pa, qb) = (p.mul(&a), q.mul(&b));
        out.extend([p.to_uncompressed().to_vec(), q.to_uncompressed().to_vec()]);
        out.extend([pa.to_compressed().to_vec(), qb.to_compressed().to_vec()]);
        out.extend([pa.endo().to_compressed().to_vec(), qb.endo().to_compressed().to_vec()]);
        out.extend([
            FixedBase::new(&p).mul(&b).to_compressed().to_vec(),
            FixedBase::new(&q).mul(&a).to_compressed().to_vec(),
        ]);
        let e = B::pair(&[(&pa, &qb), (&p, &q)]);
        for gt in [e, e.square(), e.frobenius(1), e.frobenius(2), e.frobenius(3), Powers::new(&e).pow(&a)] {
            let mut bytes = [0; 576];
            gt.write(&mut bytes);
            out.push(bytes.to_vec());
        }
        out
    }
    for seed in 0..8 {
        assert_eq!(values::<Blst>(&mut Numbers::new(seed)), values::<Portable>(&mut Numbers::new(seed)));
    }
    for dst in [&[7u8; 1][..], &[7; 255], &[7; 256], &[7; 300]] {
        fn hashed<B: Backend>(dst: &[u8]) -> [u8; 48] {
            B::G1::hash(b"m", dst).to_compressed()
        }
        assert_eq!(hashed::<Blst>(dst), hashed::<Portable>(dst), "domain separation tag of {} bytes", dst.len());
    }
}

#[test]
fn multiples_agree_with_bls12_381() {
    use bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
    let mut numbers = Numbers::new(11);
    for _ in 0..8 {
        let k = numbers.scalar();
        let scalar = Scalar::from_raw(k);
        let (p, q) =
            (G1Affine::from(G1Projective::generator() * scalar), G2Affine::from(G2Projective::generator() * scalar));
        fn check<B: Backend>(k: &Limbs, p: &G1Affine, q: &G2Affine) {
            let (ours1, ours2) = (B::G1::generator().mul(k), B::G2::generator().mul(k));
            assert_eq!((ours1.to_compressed(), ours2.to_compressed()), (p.to_compressed(), q.to_compressed()));
            assert_eq!((ours1.to_uncompressed(), ours2.to_uncompressed()), (p.to_uncompressed(), q.to_uncompressed()));
        }
        check::<Portable>(&k, &p, &q);
        #[cfg(feature = "blst")]
        check::<Blst>(&k, &p, &q);
    }
}
