//! Operations at the edge of what their bounds allow, on both lanes: results are right, and keep what their types state.
//!
//! Each condition of an operation has a number below, and so has each bound that a result states: by how much the test goes
//! beyond it, zero. `docs/loosen_bounds.py` raises one at a time. Then nothing may compile; and if the condition is taken out
//! as well, a test must fail: the bound is checked, and it is needed.
#![allow(clippy::unwrap_used, clippy::needless_range_loop)]

use ark_bls12_381::Fq;
use ark_ff::Field;

use super::constants::{FRIENDLY, P};
use super::emulated::{Emulated, EmulatedToken};
use super::fp::{BITS, CARRIED, Fp, LIMIT, lifted, units};
use super::fp2::{FACTOR_B, FACTOR_L, Fp2, SQUARE_B, SQUARE_COLUMNS, SQUARE_L, squared};
use super::fp6::{COLUMNS2, COLUMNS6, Fp6, product, product_01};
use super::kernels::{Lane, Raw2};
use super::tests::{Draw, same, value, worst};
use super::wide::{ABOVE, BELOW, COLUMN_LIMIT, Wide2, columns2};

// In Fp.
const CONSTANT_L: u32 = 0;
const CONSTANT_B: u32 = 0;
const RELAX_L: u32 = 0;
const RELAX_B: u32 = 0;
const ADD_L: u32 = 0;
const ADD_LIMIT: u32 = 0;
const ADD_B: u32 = 0;
const SUB_L: u32 = 0;
const SUB_LIMIT: u32 = 0;
const SUB_B: u32 = 0;
const NEG_L: u32 = 0;
const NEG_LIMIT: u32 = 0;
const NEG_B: u32 = 0;
const CARRY_L: u32 = 0;
const CARRY_B: u32 = 0;
const CARRY_GIVES: u32 = 0;
const SQUEEZE_L: u32 = 0;
const SQUEEZE_B: u32 = 0;
const SQUEEZE_GIVES_L: u32 = 0;
const SQUEEZE_GIVES_B: u32 = 0;
const MUL_L: u32 = 0;
const MUL_L1: u32 = 0;
const MUL_B: u32 = 0;
const MUL_GIVES_L: u32 = 0;
const MUL_GIVES_B: u32 = 0;
const FP_SQUARE_L: u32 = 0;
const FP_SQUARE_B: u32 = 0;
const SUM2_L: u32 = 0;
const SUM2_B: u32 = 0;
const DIFFERENCE2_L: u32 = 0;
const DIFFERENCE2_ABOVE: u32 = 0;
const DIFFERENCE2_BELOW: u32 = 0;
// Before a reduction.
const PRODUCT_L1: u32 = 0;
const PRODUCT_L2: u32 = 0;
const PRODUCT_C: u32 = 0;
const PRODUCT_N: u32 = 0;
const PRODUCT_M: u32 = 0;
const REDUCE_C: u32 = 0;
const REDUCE_N: u32 = 0;
const REDUCE_M: u32 = 0;
const REDUCE_GIVES_L: u32 = 0;
const REDUCE_GIVES_B: u32 = 0;
const ADD_WIDE_C: u32 = 0;
const ADD_WIDE_N: u32 = 0;
const ADD_WIDE_M: u32 = 0;
const ADD_XI_C: u32 = 0;
const ADD_XI_N: u32 = 0;
const ADD_XI_M: u32 = 0;
const SUB2_C: u32 = 0;
const SUB2_N: u32 = 0;
const SUB2_M: u32 = 0;
const SUB_12_C: u32 = 0;
const SUB_12_N: u32 = 0;
const SUB_12_M: u32 = 0;
const SUB_XI_C: u32 = 0;
const SUB_XI_N: u32 = 0;
const SUB_XI_M: u32 = 0;
// In the tower.
const FP2_MUL_L: u32 = 0;
const FP2_MUL_L1: u32 = 0;
const FP2_MUL_B: u32 = 0;
const FP2_MUL_B1: u32 = 0;
const FP2_SQUARE_L: u32 = 0;
const FP2_SQUARE_B: u32 = 0;
const FP2_SUM2_L: u32 = 0;
const FP2_SUM2_M: u32 = 0;
const FP2_DIFFERENCE2_L: u32 = 0;
const FP2_DIFFERENCE2_N: u32 = 0;
const FP2_DIFFERENCE2_M: u32 = 0;
const SQUARE_WIDE_L: u32 = 0;
const SQUARE_WIDE_B: u32 = 0;
const SQUARE_WIDE_C: u32 = 0;
const SQUARE_WIDE_M: u32 = 0;
const FP6_B: u32 = 0;
const FP6_N: u32 = 0;
const FP6_LINE_B: u32 = 0;
const FP6_LINE_B2: u32 = 0;
const FP6_LINE_N: u32 = 0;

const UNIT: u64 = 1 << 46;
const MASK: u64 = (1 << BITS) - 1;

/// Largest limbs that can be taken off zero within the limit.
const NEGATABLE: u32 = {
    let mut l = LIMIT;
    while units(l, 4) > LIMIT {
        l -= 1;
    }
    l
};

/// Checks that no limb has more than `l` units and that the value is below `b p`, in every lane.
#[track_caller]
fn within<V: Lane>(raw: &[V; 8], l: u32, b: u32) {
    let words = raw.map(|limb| limb.to_words());
    let digits = |limbs: [u64; 8]| -> [u128; 8] {
        let mut carry = 0u128;
        core::array::from_fn(|j| {
            let sum = u128::from(limbs[j]) + carry;
            carry = if j < 7 { sum >> BITS } else { 0 };
            if j < 7 { sum & u128::from(MASK) } else { sum }
        })
    };
    let mut carry = 0u128;
    let end: [u128; 8] = core::array::from_fn(|j| {
        let t = u128::from(P[j]) * u128::from(b) + carry;
        carry = t >> BITS;
        if j < 7 { t & u128::from(MASK) } else { t }
    });
    for lane in 0..8 {
        let limbs = words.map(|limb| limb[lane]);
        assert!(limbs.iter().all(|x| *x <= u64::from(l) * UNIT), "lane {lane}: a limb above {l} units: {limbs:x?}");
        let own = digits(limbs);
        assert!(own.iter().rev().lt(end.iter().rev()), "lane {lane}: not below {b} p: {limbs:x?}");
    }
}

/// Checks that a multiplier reads the whole of every limb.
#[track_caller]
fn fits<V: Lane>(raw: &[V; 8]) {
    assert!(raw.iter().all(|limb| limb.to_words().iter().all(|x| *x < 1 << 52)), "a limb of more than 52 bits");
}

#[track_caller]
fn within2<V: Lane>(raw: &Raw2<V>, l: u32, b: u32) {
    within(&raw[0], l, b);
    within(&raw[1], l, b);
}

/// Largest limbs and values; in three lanes the lowest limb is a little less, so that reductions meet other quotients each time.
fn most<V: Lane, const L: u32, const B: u32>(t: V::Token, draw: &mut Draw) -> Fp<V, L, B> {
    let mut a = worst::<V, L, B>(t, draw);
    let mut low = a.0[0].to_words();
    low[1..4].iter_mut().for_each(|x| *x -= draw.word() % (1 << 40));
    a.0[0] = V::from_words(t, &low);
    a
}

fn most2<V: Lane, const L: u32, const B: u32>(t: V::Token, draw: &mut Draw) -> Fp2<V, L, B> {
    Fp2::new(most(t, draw), most(t, draw))
}

/// The residue of sixteen signed columns, over the Montgomery factor.
fn residue<V: Lane>(columns: &[V; 16]) -> [Fq; 8] {
    let words = columns.map(|c| c.to_words());
    let r_inverse = Fq::from(2).pow([392]).inverse().unwrap();
    core::array::from_fn(|lane| {
        let sum = words.iter().rev().fold(Fq::from(0), |sum, c| {
            let c = c[lane].cast_signed();
            let own = if c < 0 { -Fq::from(c.unsigned_abs()) } else { Fq::from(c.unsigned_abs()) };
            sum * Fq::from(1u64 << BITS) + own
        });
        sum * r_inverse * r_inverse
    })
}

/// `k p^2` in units of column 15, as near as that can be said.
fn top(k: f64) -> f64 {
    let p = P[7] as f64 + P[6] as f64 / 2f64.powi(49);
    k * p * p / 2f64.powi(49)
}

/// What an operand is in a sum.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    First,
    /// Added to the first one: at the same edge, and its lower half is 0 modulo R.
    Added,
    /// Taken off it: at the other edge.
    Taken,
}

/// Columns as large as `C` allows, either way, for a value next to `M p^2` or `-N p^2`; the quotients of the reduction are as
/// large as they can be in some lanes above, and zero in those below.
fn columns<V: Lane, const C: u32>(t: V::Token, draw: &mut Draw, n: u32, m: u32, place: Place) -> [V; 16] {
    let mut words = [[0u64; 8]; 16];
    for lane in 0..8 {
        let above = (lane % 2 == 0) == (place != Place::Taken);
        let forced = lane < 4;
        // What the lower half has to be modulo R, if all quotients are to be 2^49 - 1: c p + 2^343 (1 + P[0]).
        let mut low = [0u64; 8];
        if above && place == Place::First {
            (low[0], low[1]) = (MASK, FRIENDLY[0] - 1);
            low[2..].copy_from_slice(&FRIENDLY[1..7]);
            low[7] = (FRIENDLY[6] + 1 + P[0]) & MASK;
        }
        let most = i128::from(C) * i128::from(UNIT);
        let (mut carry, mut below) = (0i128, 0f64);
        for j in 0..15 {
            let towards = if draw.word().is_multiple_of(2) { most } else { -most };
            let mut c = if lane < 6 { towards } else { i128::from(draw.word()) % (2 * most) - most };
            if forced && j < 8 {
                // Down, or up from below, to the residue that is asked for.
                let wanted = i128::from(low[j]) - carry;
                let off = (c - wanted).rem_euclid(1 << BITS);
                c -= if c > 0 || off == 0 { off } else { off - (1 << BITS) };
                carry = (c + carry) >> BITS;
            }
            words[j][lane] = (c as i64).cast_unsigned();
            below = below / 2f64.powi(49) + c as f64;
        }
        let edge = if above { top(f64::from(m)) - 1.0 } else { -top(f64::from(n)) + 1.0 };
        words[15][lane] = ((edge - below / 2f64.powi(49)) as i64).cast_unsigned();
    }
    words.map(|w| V::from_words(t, &w))
}

fn wide<V: Lane, const C: u32, const N: u32, const M: u32>(
    t: V::Token,
    draw: &mut Draw,
    places: [Place; 2],
) -> Wide2<V, C, N, M> {
    Wide2(places.map(|place| columns::<V, C>(t, draw, N, M, place)))
}

/// Checks columns and values of a product that is not reduced.
#[track_caller]
fn within_wide<V: Lane>(raw: &[[V; 16]; 2], c: u32, n: [u32; 2], m: [u32; 2]) {
    for k in 0..2 {
        let words = raw[k].map(|c| c.to_words());
        for lane in 0..8 {
            let mut value = 0f64;
            for column in words {
                let x = column[lane].cast_signed();
                assert!(x.unsigned_abs() <= u64::from(c) * UNIT, "lane {lane}: a column of {} units", x / UNIT as i64);
                value = value / 2f64.powi(49) + x as f64;
            }
            let (low, high) = (-top(f64::from(n[k])) - 1.0, top(f64::from(m[k])) + 1.0);
            assert!((low..=high).contains(&value), "lane {lane}: {} p^2", value / top(1.0));
        }
    }
}

fn sums<V: Lane>(t: V::Token, d: &mut Draw) {
    let c = Fp::<V, { 8 - CONSTANT_L }, { 1 - CONSTANT_B }>::constant(t, &{
        let mut last = P;
        last[0] -= 1;
        last
    });
    within(&c.0, 8 - CONSTANT_L, 1 - CONSTANT_B);
    let r: Fp<V, { 9 - RELAX_L }, { 4 - RELAX_B }> = most::<V, 9, 4>(t, d).relax();
    within(&r.0, 9 - RELAX_L, 4 - RELAX_B);
    let s: Fp<V, { 40 - ADD_L }, { 90 - ADD_B }> = most::<V, 31, 50>(t, d).add(&most::<V, 9, 40>(t, d));
    within(&s.0, 40 - ADD_L, 90 - ADD_B);
    let s: Fp<V, { LIMIT + ADD_LIMIT }, 90> =
        most::<V, { LIMIT - 9 + ADD_LIMIT }, 50>(t, d).add(&most::<V, 9, 40>(t, d));
    fits(&s.0);
    const SUB: [u32; 2] = [9 + units(20, 30), 4 + lifted(20, 30)];
    let (a, b) = (most::<V, 9, 4>(t, d), most::<V, 20, 30>(t, d));
    let s: Fp<V, { SUB[0] - SUB_L }, { SUB[1] - SUB_B }> = a.sub(&b);
    within(&s.0, SUB[0] - SUB_L, SUB[1] - SUB_B);
    let (u, v) = (value(&a.0), value(&b.0));
    same(s.squeeze().relax(), |i| u[i] - v[i]);
    // Zero minus the most, and the most minus zero.
    let s: Fp<V, { SUB[0] - SUB_L }, { SUB[1] - SUB_B }> = a.sub(&Fp::<V, 20, 30>([V::splat(t, 0); 8]));
    within(&s.0, SUB[0] - SUB_L, SUB[1] - SUB_B);
    same(s.squeeze().relax(), |i| u[i]);
    let s: Fp<V, LIMIT, 64> = Fp::<V, 9, 4>([V::splat(t, 0); 8]).sub(&b);
    same(s.squeeze().relax(), |i| -v[i]);
    // All in the top limb, next to 30 p.
    let mut high = [V::splat(t, 0); 8];
    high[7] = V::splat(t, 30 * P[7] + ((30 * P[6]) >> BITS));
    let nothing = Fp::<V, 9, 4>([V::splat(t, 0); 8]);
    let s: Fp<V, { SUB[0] - SUB_L }, { SUB[1] - SUB_B }> = nothing.sub(&Fp::<V, 20, 30>(high));
    within(&s.0, SUB[0] - SUB_L, SUB[1] - SUB_B);
    let a = most::<V, { LIMIT - units(20, 30) + SUB_LIMIT }, 4>(t, d);
    let s: Fp<V, { LIMIT + SUB_LIMIT }, 64> = a.sub(&b);
    fits(&s.0);
    let n: Fp<V, { units(20, 30) - NEG_L }, { lifted(20, 30) - NEG_B }> = Fp::<V, 20, 30>([V::splat(t, 0); 8]).neg();
    within(&n.0, units(20, 30) - NEG_L, lifted(20, 30) + 1 - NEG_B);
    let n: Fp<V, { units(20, 30) - NEG_L }, { lifted(20, 30) - NEG_B }> = b.neg();
    same(n.squeeze().relax(), |i| -v[i]);
    let b = most::<V, { NEGATABLE + NEG_LIMIT }, 4>(t, d);
    let n: Fp<V, { units(NEGATABLE + NEG_LIMIT, 4) }, 64> = b.neg();
    fits(&n.0);
}

fn carries<V: Lane>(t: V::Token, d: &mut Draw) {
    let a = most::<V, { LIMIT + CARRY_L }, { (1 << 11) - 1 + CARRY_B }>(t, d);
    let c = a.carry();
    within(&c.0, CARRIED - CARRY_GIVES, (1 << 11) - 1 + CARRY_B);
    assert_eq!(value(&c.0), value(&a.0));
    // Nothing but ones in the 49 bits that stay, and six that come from below.
    let mut ones = [V::splat(t, (56 << 46) - 1); 8];
    ones[7] = V::splat(t, 1_000 * P[7]);
    within(&Fp::<V, LIMIT, 1001>(ones).carry().0, CARRIED - CARRY_GIVES, 1001);
    let a = most::<V, { LIMIT + SQUEEZE_L }, { (1 << 11) - 1 + SQUEEZE_B }>(t, d);
    let s = a.squeeze();
    within(&s.0, CARRIED - SQUEEZE_GIVES_L, 2 - SQUEEZE_GIVES_B);
    let u = value(&a.0);
    same(s.relax(), |i| u[i]);
}

fn products<V: Lane>(t: V::Token, d: &mut Draw) {
    const L: u32 = LIMIT / 2;
    let check = |r: &Fp<V, CARRIED, 4>| within(&r.0, CARRIED - MUL_GIVES_L, 4 - MUL_GIVES_B);
    let (a, b) = (most::<V, { L + MUL_L }, 40>(t, d), most::<V, { L + MUL_L1 }, { ABOVE / 40 + MUL_B }>(t, d));
    let (u, v) = (value(&a.0), value(&b.0));
    let r = a.mul(&b);
    check(&r);
    same(r, |i| u[i] * v[i]);
    let a = most::<V, { L + FP_SQUARE_L }, { ABOVE.isqrt() + FP_SQUARE_B }>(t, d);
    let (r, u) = (a.square(), value(&a.0));
    check(&r);
    same(r, |i| u[i] * u[i]);
    let (a, b) = (most::<V, { CARRIED + SUM2_L }, 30>(t, d), most::<V, CARRIED, { ABOVE / 60 + SUM2_B }>(t, d));
    let (u, v) = (value(&a.0), value(&b.0));
    let (c, e) = (most::<V, CARRIED, 30>(t, d), most::<V, CARRIED, { ABOVE / 60 }>(t, d));
    let (x, y) = (value(&c.0), value(&e.0));
    let r = a.sum2(&b, &c, &e);
    check(&r);
    same(r, |i| u[i] * v[i] + x[i] * y[i]);
    let zero = Fp::<V, CARRIED, 1>([V::splat(t, 0); 8]);
    let (a, b) = (
        most::<V, { CARRIED + DIFFERENCE2_L }, 40>(t, d),
        most::<V, CARRIED, { ABOVE / 40 + DIFFERENCE2_ABOVE }>(t, d),
    );
    let (u, v) = (value(&a.0), value(&b.0));
    let r = a.difference2(&b, &zero, &zero);
    check(&r);
    same(r, |i| u[i] * v[i]);
    let (c, e) = (most::<V, CARRIED, 50>(t, d), most::<V, CARRIED, { BELOW / 50 + DIFFERENCE2_BELOW }>(t, d));
    let (x, y) = (value(&c.0), value(&e.0));
    let r = zero.difference2(&zero, &c, &e);
    check(&r);
    same(r, |i| -x[i] * y[i]);
}

/// Two halves for coordinates.
#[track_caller]
fn reduced<V: Lane>(got: &Raw2<V>, expected: impl Fn(usize, usize) -> Fq) {
    within2(got, CARRIED - REDUCE_GIVES_L, 4 - REDUCE_GIVES_B);
    same(Fp(got[0]), |i| expected(0, i));
    same(Fp(got[1]), |i| expected(1, i));
}

fn reductions<V: Lane>(t: V::Token, d: &mut Draw) {
    const C: u32 = COLUMN_LIMIT;
    const H: u32 = COLUMN_LIMIT / 3;
    let both = |w: &[[V; 16]; 2]| [residue(&w[0]), residue(&w[1])];
    let mut out = [[V::splat(t, 0); 8]; 2];
    use Place::{Added, First, Taken};
    let w = wide::<V, { C + REDUCE_C }, { BELOW + REDUCE_N }, { ABOVE + REDUCE_M }>(t, d, [First; 2]);
    let u = both(&w.0);
    reduced(&w.reduce().0, |k, i| u[k][i]);
    let w =
        wide::<V, { C - H + ADD_WIDE_C }, { BELOW - 900 + ADD_WIDE_N }, { ABOVE - 900 + ADD_WIDE_M }>(t, d, [First; 2]);
    let x = wide::<V, H, 900, 900>(t, d, [Added; 2]);
    let (u, v) = (both(&w.0), both(&x.0));
    w.reduce_add(&x, &mut out);
    reduced(&out, |k, i| u[k][i] + v[k][i]);
    // One of both parts is at its edge, the other one is not.
    for second in [Added, Taken] {
        let w = wide::<V, { C - 2 * H + ADD_XI_C }, { BELOW - 1800 + ADD_XI_N }, { ABOVE - 1800 + ADD_XI_M }>(
            t, d, [First; 2],
        );
        let x = wide::<V, H, 900, 900>(t, d, [Added, second]);
        let (u, v) = (both(&w.0), both(&x.0));
        w.reduce_add_xi(&x, &mut out);
        reduced(&out, |k, i| u[k][i] + v[0][i] + if k == 0 { -v[1][i] } else { v[1][i] });
    }
    let w = wide::<V, { C - 2 * H + SUB2_C }, { BELOW - 1800 + SUB2_N }, { ABOVE - 1800 + SUB2_M }>(t, d, [First; 2]);
    let (x, y) = (wide::<V, H, 900, 900>(t, d, [Taken; 2]), wide::<V, H, 900, 900>(t, d, [Taken; 2]));
    let (u, v, z) = (both(&w.0), both(&x.0), both(&y.0));
    w.reduce_sub2(&x, &y, &mut out);
    reduced(&out, |k, i| u[k][i] - v[k][i] - z[k][i]);
    let w = wide::<V, { C - 12 * 4000 + SUB_12_C }, { BELOW - 12 * 150 + SUB_12_N }, { ABOVE + SUB_12_M }>(
        t, d, [First; 2],
    );
    let s = wide::<V, 4000, 0, 150>(t, d, [Taken; 2]);
    let (u, q) = (both(&w.0), both(&s.0));
    reduced(&w.reduce_sub_12(&s).0, |k, i| u[k][i] - Fq::from(12) * q[k][i]);
    const T: u32 = COLUMN_LIMIT / 4;
    for second in [Added, Taken] {
        let w = wide::<V, { C - 3 * T + SUB_XI_C }, { BELOW - 1500 + SUB_XI_N }, { ABOVE - 1500 + SUB_XI_M }>(
            t, d, [First; 2],
        );
        let (x, y) = (wide::<V, T, 500, 500>(t, d, [Taken; 2]), wide::<V, T, 500, 500>(t, d, [Taken, second]));
        let (u, v, z) = (both(&w.0), both(&x.0), both(&y.0));
        w.reduce_sub_xi(&x, &y, &mut out);
        reduced(&out, |k, i| u[k][i] - v[k][i] - z[0][i] + if k == 0 { z[1][i] } else { -z[1][i] });
    }
}

fn tower<V: Lane>(t: V::Token, d: &mut Draw) {
    let values = |a: &Raw2<V>| [value(&a[0]), value(&a[1])];
    const F: u32 = LIMIT / 4;
    const PRODUCT: [u32; 3] =
        [columns2(F + PRODUCT_L1, F + PRODUCT_L2) - PRODUCT_C, 35 * 35 - PRODUCT_N, 2 * 35 * 35 - PRODUCT_M];
    let (a, b) = (most2::<V, { F + PRODUCT_L1 }, 35>(t, d), most2::<V, { F + PRODUCT_L2 }, 35>(t, d));
    let (u, v) = (values(&a.0), values(&b.0));
    let w: Wide2<V, { PRODUCT[0] }, { PRODUCT[1] }, { PRODUCT[2] }> = a.wide(&b);
    within_wide(&w.0, PRODUCT[0], [PRODUCT[1], 0], [35 * 35, PRODUCT[2]]);
    let expected = |k: usize, i: usize| match k {
        0 => u[0][i] * v[0][i] - u[1][i] * v[1][i],
        _ => u[0][i] * v[1][i] + u[1][i] * v[0][i],
    };
    same(Fp(V::reduce(&w.0[0])), |i| expected(0, i));
    same(Fp(V::reduce(&w.0[1])), |i| expected(1, i));
    // The real part at its lowest: 0 - a1 b1.
    let zero = [V::splat(t, 0); 8];
    let (low_a, low_b) =
        (Fp2::<V, { F + PRODUCT_L1 }, 35>([zero, a.0[1]]), Fp2::<V, { F + PRODUCT_L2 }, 35>([zero, b.0[1]]));
    let w: Wide2<V, { PRODUCT[0] }, { PRODUCT[1] }, { PRODUCT[2] }> = low_a.wide(&low_b);
    within_wide(&w.0, PRODUCT[0], [PRODUCT[1], 0], [35 * 35, PRODUCT[2]]);

    let a = most2::<V, { FACTOR_L + FP2_MUL_L }, { FACTOR_B + FP2_MUL_B }>(t, d);
    let b = most2::<V, { FACTOR_L + FP2_MUL_L1 }, { FACTOR_B + FP2_MUL_B1 }>(t, d);
    let (u, v) = (values(&a.0), values(&b.0));
    reduced(&a.mul(&b).0, |k, i| match k {
        0 => u[0][i] * v[0][i] - u[1][i] * v[1][i],
        _ => u[0][i] * v[1][i] + u[1][i] * v[0][i],
    });
    let square = |u: &[[Fq; 8]; 2], k: usize, i: usize| match k {
        0 => u[0][i] * u[0][i] - u[1][i] * u[1][i],
        _ => (u[0][i] + u[0][i]) * u[1][i],
    };
    let a = most2::<V, { SQUARE_L + FP2_SQUARE_L }, { SQUARE_B + FP2_SQUARE_B }>(t, d);
    let u = values(&a.0);
    reduced(&a.square().0, |k, i| square(&u, k, i));
    const WIDE: [u32; 2] = [SQUARE_COLUMNS - SQUARE_WIDE_C, squared(SQUARE_B + SQUARE_WIDE_B) - SQUARE_WIDE_M];
    let a = most2::<V, { SQUARE_L + SQUARE_WIDE_L }, { SQUARE_B + SQUARE_WIDE_B }>(t, d);
    let w: Wide2<V, { WIDE[0] }, 0, { WIDE[1] }> = a.square_wide();
    let u = values(&a.0);
    within_wide(&w.0, WIDE[0], [0, 0], [WIDE[1], WIDE[1]]);
    reduced(&[V::reduce(&w.0[0]), V::reduce(&w.0[1])], |k, i| square(&u, k, i));

    let (a, b) = (most2::<V, { CARRIED + FP2_SUM2_L }, 30>(t, d), most2::<V, CARRIED, { 21 + FP2_SUM2_M }>(t, d));
    let c = most2::<V, CARRIED, 21>(t, d);
    let e = most2::<V, CARRIED, 30>(t, d);
    let (u, v, x, y) = (values(&a.0), values(&b.0), values(&c.0), values(&e.0));
    let times = |u: &[[Fq; 8]; 2], v: &[[Fq; 8]; 2], k: usize, i: usize| match k {
        0 => u[0][i] * v[0][i] - u[1][i] * v[1][i],
        _ => u[0][i] * v[1][i] + u[1][i] * v[0][i],
    };
    reduced(&a.sum2(&b, &c, &e).0, |k, i| times(&u, &v, k, i) + times(&x, &y, k, i));
    let a = most2::<V, { CARRIED + FP2_DIFFERENCE2_L }, 36>(t, d);
    let b = most2::<V, CARRIED, { 34 + FP2_DIFFERENCE2_M }>(t, d);
    let (c, e) = (most2::<V, CARRIED, 1>(t, d), most2::<V, CARRIED, 36>(t, d));
    let (u, v, x, y) = (values(&a.0), values(&b.0), values(&c.0), values(&e.0));
    reduced(&a.difference2(&b, &c, &e).0, |k, i| times(&u, &v, k, i) - times(&x, &y, k, i));
    let (a, b) = (most2::<V, CARRIED, 1>(t, d), most2::<V, CARRIED, 2>(t, d));
    let (c, e) = (most2::<V, CARRIED, 36>(t, d), most2::<V, CARRIED, { 34 + FP2_DIFFERENCE2_N }>(t, d));
    let (u, v, x, y) = (values(&a.0), values(&b.0), values(&c.0), values(&e.0));
    reduced(&a.difference2(&b, &c, &e).0, |k, i| times(&u, &v, k, i) - times(&x, &y, k, i));
}

/// Products in Fp6 before their reductions: columns and values.
fn sextic<V: Lane>(t: V::Token, d: &mut Draw) {
    const B: u32 = 16;
    let f = |d: &mut Draw| Fp6::<V, { B + FP6_B }>([0; 3].map(|_| most2::<V, CARRIED, { B + FP6_B }>(t, d).0));
    let (a, b) = (f(d), f(d));
    const N: u32 = 22 * (B + FP6_B) * (B + FP6_B) - FP6_N;
    for w in product::<V, { B + FP6_B }, N>(&a, &b) {
        within_wide(&w.0, COLUMNS6, [N, N], [N, N]);
    }
    const B1: u32 = 16 + FP6_LINE_B;
    const B2: u32 = 16 + FP6_LINE_B2;
    const M: u32 = 6 * B1 * B2 - FP6_LINE_N;
    let a = Fp6::<V, B1>([0; 3].map(|_| most2::<V, CARRIED, B1>(t, d).0));
    let (x, y) = (most2::<V, CARRIED, B2>(t, d).0, most2::<V, CARRIED, B2>(t, d).0);
    for w in product_01::<V, B1, B2, M>(&a, &x, &y) {
        within_wide(&w.0, 3 * COLUMNS2, [M, M], [M, M]);
    }
}

fn all<V: Lane>(t: V::Token, rounds: usize) {
    let mut draw = Draw(4);
    for _ in 0..rounds {
        sums::<V>(t, &mut draw);
        carries::<V>(t, &mut draw);
        products::<V>(t, &mut draw);
        reductions::<V>(t, &mut draw);
        tower::<V>(t, &mut draw);
        sextic::<V>(t, &mut draw);
    }
}

#[test]
fn emulated_lane() {
    all::<Emulated>(EmulatedToken, 30);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn avx512_lane() {
    let Some(t) = super::tests::avx512() else { return };
    all::<super::avx512::Avx512>(t, 300);
}
