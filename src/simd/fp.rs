//! The base field, eight elements at a time, with the bounds of lazy arithmetic in the types.

use super::constants::{ONE, P, PLAIN_ONE, R2, SHIFT_256};
use super::kernels::Lane;
use super::lane::{Vector, each};
use super::wide::{ABOVE, BELOW};

/// Bits of a limb.
pub(crate) const BITS: u32 = 49;
const MASK: u64 = (1 << BITS) - 1;
/// Limb bound after a carry pass, in the units of [`Fp`].
pub(crate) const CARRIED: u32 = 9;
/// What a multiplier reads is 52 bits wide: limbs stay below this many units.
pub(crate) const LIMIT: u32 = 63;

/// Eight numbers modulo p, not reduced: limb `j` holds the column `49 j` of all eight.
///
/// `L`: each limb is at most `L 2^46` (so 64 units fill the 52 bits that a multiplier reads). `B`: each value is below `B p`.
/// Operations state what they add to both, and a result typed too tightly does not compile.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fp<V, const L: u32, const B: u32>(pub(crate) [V; 8]);

/// What a multiplication gives and what is stored: carried, below 4p.
pub(crate) type Fe<V> = Fp<V, CARRIED, 4>;

/// `K p` written with limbs so large that nothing within the bounds (`L`, `B`) can borrow from them.
struct Spread<const L: u32, const B: u32>;

impl<const L: u32, const B: u32> Spread<L, B> {
    const FOUND: ([u64; 8], u32) = spread(L, B);
    const LIMBS: [u64; 8] = Self::FOUND.0;
    const K: u32 = Self::FOUND.1;
    const UNITS: u32 = units(L, B);
}

const fn spread(l: u32, b: u32) -> ([u64; 8], u32) {
    let need = (l as u64) << 46;
    let mut lend = 1;
    loop {
        let mut k = b + 1;
        while k <= b + 16 {
            let mut limbs = [0; 8];
            let (mut i, mut carry) = (0, 0);
            while i < 8 {
                let t = P[i] as u128 * k as u128 + carry;
                limbs[i] = if i < 7 { (t as u64) & MASK } else { t as u64 };
                carry = t >> BITS;
                i += 1;
            }
            // Lend 2^49 `lend` times from each limb to the one below it.
            let (mut j, mut enough) = (0, true);
            while j < 8 {
                if j < 7 {
                    limbs[j] += lend << BITS;
                }
                if j > 0 {
                    limbs[j] -= lend;
                }
                enough &= j == 7 || limbs[j] >= need;
                j += 1;
            }
            if enough {
                return (limbs, k);
            }
            k += 1;
        }
        lend += 1;
    }
}

/// Units of the largest limb of what is added before numbers of the bounds (`l`, `b`) are taken off.
pub(super) const fn units(l: u32, b: u32) -> u32 {
    let (limbs, mut max, mut i) = (spread(l, b).0, 0, 0);
    while i < 8 {
        if limbs[i] > max {
            max = limbs[i];
        }
        i += 1;
    }
    max.div_ceil(1 << 46) as u32
}

/// What a difference adds to the value bound when numbers of the bounds (`l`, `b`) are taken off.
pub(super) const fn lifted(l: u32, b: u32) -> u32 {
    spread(l, b).1
}

impl<V: Vector, const L: u32, const B: u32> Fp<V, L, B> {
    /// One constant, in Montgomery form, in all lanes.
    #[inline(always)]
    pub(crate) fn constant(token: V::Token, limbs: &[u64; 8]) -> Self {
        const { assert!(L >= 8 && B >= 1) }
        Self(splat(token, limbs))
    }

    /// The same value under looser bounds.
    #[inline(always)]
    pub(crate) fn relax<const L2: u32, const B2: u32>(self) -> Fp<V, L2, B2> {
        const { assert!(L2 >= L && B2 >= B) }
        Fp(self.0)
    }

    /// Sum.
    #[inline(always)]
    pub(crate) fn add<const L1: u32, const B1: u32, const L2: u32, const B2: u32>(
        &self,
        other: &Fp<V, L1, B1>,
    ) -> Fp<V, L2, B2> {
        const { assert!(L2 >= L + L1 && L2 <= LIMIT && B2 >= B + B1) }
        let mut r = self.0;
        each!(I in 8 { r[I] = r[I].add(other.0[I]); });
        Fp(r)
    }

    /// Difference: adds a multiple of p first, so that no limb goes below zero.
    #[inline(always)]
    pub(crate) fn sub<const L1: u32, const B1: u32, const L2: u32, const B2: u32>(
        &self,
        other: &Fp<V, L1, B1>,
    ) -> Fp<V, L2, B2> {
        const {
            assert!(L2 >= L + Spread::<L1, B1>::UNITS && L2 <= LIMIT && B2 >= B + Spread::<L1, B1>::K);
        }
        let s: [V; 8] = splat(self.0[0].token(), const { &Spread::<L1, B1>::LIMBS });
        let mut r = self.0;
        each!(I in 8 { r[I] = r[I].add(s[I]).sub(other.0[I]); });
        Fp(r)
    }

    /// Minus the value.
    #[inline(always)]
    pub(crate) fn neg<const L2: u32, const B2: u32>(&self) -> Fp<V, L2, B2> {
        const { assert!(L2 >= Spread::<L, B>::UNITS && L2 <= LIMIT && B2 >= Spread::<L, B>::K) }
        let mut r: [V; 8] = splat(self.0[0].token(), const { &Spread::<L, B>::LIMBS });
        each!(I in 8 { r[I] = r[I].sub(self.0[I]); });
        Fp(r)
    }

    /// Twice the value.
    #[inline(always)]
    pub(crate) fn double<const L2: u32, const B2: u32>(&self) -> Fp<V, L2, B2> {
        self.add(self)
    }

    /// `other` where the mask is all ones.
    #[inline(always)]
    pub(super) fn select(&self, other: &Self, mask: V) -> Self {
        let mut r = self.0;
        each!(I in 8 { r[I] = r[I].select(other.0[I], mask); });
        Fp(r)
    }

    /// One parallel carry pass: no limb keeps more than 2^49 plus what came from below.
    #[inline(always)]
    pub(crate) fn carry(&self) -> Fp<V, CARRIED, B> {
        const { assert!(L <= LIMIT && B < 1 << 11) }
        Fp(carry_pass(&self.0))
    }

    /// Takes off an estimated multiple of p: the same residue, below 2p.
    ///
    /// The quotient is `floor(top * m / 2^52)` with `m = floor(2^52 / (p / 2^343 + 1))`: never too large, and too small by less
    /// than `1 + B / 2^14`.
    #[inline(always)]
    pub(crate) fn squeeze(&self) -> Fp<V, CARRIED, 2> {
        const { assert!(L <= LIMIT && B < 1 << 11) }
        let t = self.0[0].token();
        let zero = V::splat(t, 0);
        let p: [V; 8] = splat(t, &P);
        let top = self.0[7].add(self.0[6].shr::<BITS>());
        let q = zero.madd_hi(top, V::splat(t, (1 << 52) / (P[7] + 1)));
        let mut r = self.0;
        each!(I in 8 {
            r[I] = r[I].sub(zero.madd_lo(q, p[I]));
            if I > 0 {
                r[I] = r[I].sub(zero.madd_hi(q, p[(I + 7) % 8]).shl::<3>());
            }
        });
        Fp(full_carry(r))
    }

    /// The one representative below p.
    #[inline(always)]
    pub(crate) fn canonical(&self) -> [V; 8] {
        let t = self.0[0].token();
        let p: [V; 8] = splat(t, &P);
        let r = self.squeeze().0;
        let mut d = r;
        each!(I in 8 { d[I] = d[I].sub(p[I]); });
        let d = full_carry(d);
        // The top limb is negative exactly if p was too much.
        let mut out = d;
        each!(I in 8 { out[I] = d[I].select(r[I], d[7].sar::<63>()); });
        out
    }

    /// All ones where the value is 0 modulo p.
    #[inline(always)]
    pub(crate) fn is_zero(&self) -> V {
        let c = self.canonical();
        let mut any = c[0];
        each!(I in [1 2 3 4 5 6 7] { any = any.or(c[I]); });
        any.is_zero()
    }
}

impl<V: Lane, const L: u32, const B: u32> Fp<V, L, B> {
    /// Montgomery product.
    #[inline(always)]
    pub(crate) fn mul<const L1: u32, const B1: u32>(&self, other: &Fp<V, L1, B1>) -> Fe<V> {
        const { assert!(2 * L <= LIMIT && 2 * L1 <= LIMIT && B * B1 <= ABOVE) }
        Fp(V::fp_mul(&self.0, &other.0))
    }

    /// `self b + c d`, one reduction.
    #[inline(always)]
    pub(super) fn sum2<const B1: u32, const B2: u32, const B3: u32>(
        &self,
        b: &Fp<V, CARRIED, B1>,
        c: &Fp<V, CARRIED, B2>,
        d: &Fp<V, CARRIED, B3>,
    ) -> Fe<V> {
        const { assert!(L <= CARRIED && B * B1 + B2 * B3 <= ABOVE) }
        Fp(V::fp_sum2(&self.0, &b.0, &c.0, &d.0))
    }

    /// `self b - c d`, one reduction.
    #[inline(always)]
    pub(super) fn difference2<const B1: u32, const B2: u32, const B3: u32>(
        &self,
        b: &Fp<V, CARRIED, B1>,
        c: &Fp<V, CARRIED, B2>,
        d: &Fp<V, CARRIED, B3>,
    ) -> Fe<V> {
        const { assert!(L <= CARRIED && B * B1 <= ABOVE && B2 * B3 <= BELOW) }
        Fp(V::fp_difference2(&self.0, &b.0, &c.0, &d.0))
    }

    /// Montgomery square.
    #[inline(always)]
    pub(crate) fn square(&self) -> Fe<V> {
        const { assert!(2 * L <= LIMIT && B * B <= ABOVE) }
        Fp(V::fp_square(&self.0))
    }
}

impl<V: Vector> Fe<V> {
    /// Limbs that a kernel left.
    #[inline(always)]
    pub(super) fn from_raw(raw: [V; 8]) -> Self {
        Fp(raw)
    }
}

impl<V: Lane> Fe<V> {
    /// Zero in all lanes.
    #[inline(always)]
    pub(crate) fn zero(token: V::Token) -> Self {
        Fp([V::splat(token, 0); 8])
    }

    /// One in all lanes.
    #[inline(always)]
    pub(crate) fn one(token: V::Token) -> Self {
        Fp(splat(token, &ONE))
    }

    /// Reads eight big-endian numbers; with them, all ones for each lane whose number is below p.
    ///
    /// Timing: constant.
    pub(crate) fn from_be_bytes(token: V::Token, bytes: &[[u8; 48]; 8]) -> (Self, V) {
        let (raw, valid) = limbs(token, bytes);
        (Fp(V::fp_mul(&raw.0, &splat(token, &R2))), valid)
    }

    /// Reads eight big-endian numbers of 512 bits, reduced modulo p (RFC 9380 section 5.2).
    ///
    /// Timing: constant.
    pub(super) fn from_wide_be_bytes(token: V::Token, bytes: &[[u8; 64]; 8]) -> Self {
        let half = |start: usize| {
            let mut padded = [[0; 48]; 8];
            padded.iter_mut().zip(bytes).for_each(|(p, b)| p[16..].copy_from_slice(&b[start..start + 32]));
            limbs::<V>(token, &padded).0
        };
        Fp(V::fp_sum2(&half(0).0, &splat(token, &SHIFT_256), &half(32).0, &splat(token, &R2)))
    }

    /// Eight big-endian numbers below p.
    ///
    /// Timing: constant.
    pub(crate) fn to_be_bytes(self) -> [[u8; 48]; 8] {
        let plain = V::fp_canonical(&V::fp_mul(&self.0, &splat(self.0[0].token(), &PLAIN_ONE)));
        let words = plain.map(V::to_words);
        core::array::from_fn(|lane| {
            let mut out = [0; 48];
            let (mut acc, mut bits, mut n) = (0u128, 0, 0);
            for byte in out.iter_mut().rev() {
                if bits < 8 && n < 8 {
                    acc |= u128::from(words[n][lane]) << bits;
                    bits += BITS;
                    n += 1;
                }
                *byte = acc as u8;
                acc >>= 8;
                bits -= 8;
            }
            out
        })
    }
}

/// The limbs of eight big-endian numbers; with them, all ones for each lane whose number is below p. Below 2^384 < 10p, also
/// where it is not.
fn limbs<V: Vector>(token: V::Token, bytes: &[[u8; 48]; 8]) -> (Fp<V, 8, 10>, V) {
    let mut words = [[0u64; 8]; 8];
    let mut valid = [0u64; 8];
    for (lane, b) in bytes.iter().enumerate() {
        let mut limb = [0u64; 8];
        let (mut acc, mut bits, mut n) = (0u128, 0, 0);
        for byte in b.iter().rev() {
            acc |= u128::from(*byte) << bits;
            bits += 8;
            if bits >= BITS && n < 7 {
                limb[n] = (acc as u64) & MASK;
                acc >>= BITS;
                bits -= BITS;
                n += 1;
            }
        }
        limb[7] = acc as u64;
        let mut borrow = 0i64;
        for (l, p) in limb.iter().zip(&P) {
            borrow = (l.cast_signed() - p.cast_signed() + borrow) >> BITS;
        }
        valid[lane] = (borrow >> 63).cast_unsigned();
        for (j, l) in limb.iter().enumerate() {
            words[j][lane] = *l;
        }
    }
    (Fp(core::array::from_fn(|j| V::from_words(token, &words[j]))), V::from_words(token, &valid))
}

/// The same limbs in all lanes.
#[inline(always)]
pub(super) fn splat<V: Vector>(token: V::Token, limbs: &[u64; 8]) -> [V; 8] {
    let mut r = [V::splat(token, 0); 8];
    each!(I in 8 { r[I] = V::splat(token, limbs[I]); });
    r
}

/// Moves what exceeds 49 bits up by one limb, in all limbs at once.
#[inline(always)]
pub(super) fn carry_pass<V: Vector>(a: &[V; 8]) -> [V; 8] {
    let mask = V::splat(a[0].token(), MASK);
    let mut r = *a;
    each!(I in [1 2 3 4 5 6] { r[I] = a[I].and(mask).add(a[I - 1].shr::<BITS>()); });
    r[0] = a[0].and(mask);
    r[7] = a[7].add(a[6].shr::<BITS>());
    r
}

/// Carries from limb to limb, signed; the top limb keeps the sign.
#[inline(always)]
pub(super) fn full_carry<V: Vector>(mut a: [V; 8]) -> [V; 8] {
    let mask = V::splat(a[0].token(), MASK);
    each!(I in [0 1 2 3 4 5 6] {
        a[I + 1] = a[I + 1].add(a[I].sar::<BITS>());
        a[I] = a[I].and(mask);
    });
    a
}
