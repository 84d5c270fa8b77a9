//! Scalar multiplication: any points of G1, and fixed points of G2, eight at a time.
//!
//! Scalars come in parts (`curve::recode`): base `x^2` in G1, base `|x|` in G2, where the endomorphisms `[-x^2]` and
//! `psi = [x]` put a part into its place. Parts are read in signed windows; every look-up reads the whole table under masks.

use alloc::vec::Vec;

use super::constants::{BETA, ONE, PSI_X, PSI_Y};
use super::emulated::{Emulated, EmulatedToken};
use super::fp::{Fe, Fp, splat};
use super::fp2::{Fe2, Fp2};
use super::jobs::load;
use super::kernels::{Lane, Raw, Raw2};
use super::lane::{Vector, each};
use super::roots::{invert_fp, invert_fp2};
use super::{LANES, Point2};

/// Bits of a window in G1, and of a window of a fixed point of G2.
const WINDOW_G1: usize = 5;
const WINDOW_G2: usize = 6;
const TABLE_G1: usize = 1 << (WINDOW_G1 - 1);
/// Entries of a row of a fixed point: the multiples 1 to 32.
pub const ROW: usize = 1 << (WINDOW_G2 - 1);
/// Rows of a fixed point of G2: windows of a part of 64 bits.
pub const ROWS: usize = 64 / WINDOW_G2 + 1;

/// Projective coordinates.
pub(super) type Point<R> = [R; 3];

/// Window `j` of a part for each lane, in `-2^(w-1) ..= 2^(w-1)`: magnitude, and all ones where it is negative (Booth: the window
/// and the bit below it).
pub(super) fn window<V: Lane>(token: V::Token, parts: &[u128; LANES], w: usize, j: usize) -> (V, V) {
    let (mut magnitude, mut negative) = ([0; LANES], [0; LANES]);
    for lane in 0..LANES {
        let bits = if j == 0 { parts[lane] << 1 } else { parts[lane] >> (w * j - 1) } as u64 & ((1 << (w + 1)) - 1);
        let sign = (bits >> w).wrapping_neg();
        let up = (bits + 1) >> 1;
        magnitude[lane] = up ^ (sign & (up ^ ((1 << w) - up)));
        negative[lane] = sign;
    }
    (V::from_words(token, &magnitude), V::from_words(token, &negative))
}

pub(super) fn infinity1<V: Lane>(token: V::Token) -> Point<Raw<V>> {
    [Fe::<V>::zero(token).0, Fe::<V>::one(token).0, Fe::<V>::zero(token).0]
}

fn infinity2<V: Lane>(token: V::Token) -> Point<Raw2<V>> {
    [Fe2::<V>::zero(token).0, Fe2::<V>::one(token).0, Fe2::<V>::zero(token).0]
}

/// `[k0 + k1 x^2] P` for each lane.
pub(super) fn multiply_g1<V: Lane>(token: V::Token, p: &Point<Raw<V>>, parts: &[[u128; LANES]; 2]) -> Point<Raw<V>> {
    let mut table = [*p; TABLE_G1];
    for m in 2..=TABLE_G1 {
        let mut next = table[if m % 2 == 0 { m / 2 - 1 } else { m - 2 }];
        if m % 2 == 0 {
            V::g1_double(&mut next)
        } else {
            V::g1_add(&mut next, p)
        }
        table[m - 1] = next;
    }
    let beta = Fe::<V>::constant(token, &BETA);
    let infinity = infinity1::<V>(token);
    let mut sum = infinity;
    for j in (0..128 / WINDOW_G1 + 1).rev() {
        for _ in 0..WINDOW_G1 {
            V::g1_double(&mut sum);
        }
        for (k, part) in parts.iter().enumerate() {
            let (magnitude, negative) = window::<V>(token, part, WINDOW_G1, j);
            let mut entry = infinity;
            V::g1_lookup(&table, magnitude, &mut entry);
            if k == 1 {
                // [x^2](X, Y) = (BETA X, -Y)
                entry[0] = V::fp_mul(&entry[0], &beta.0);
                V::g1_negate(&mut entry, V::splat(token, u64::MAX));
            }
            V::g1_negate(&mut entry, negative);
            V::g1_add(&mut sum, &entry);
        }
    }
    sum
}

/// Kernel: the entry with the number `index`, counted from 1; `out` stays where there is none.
#[inline(always)]
pub(super) fn g1_lookup<V: Lane>(table: &[Point<Raw<V>>], index: V, out: &mut Point<Raw<V>>) {
    let one = V::splat(index.token(), 1);
    let mut left = index;
    for entry in table {
        left = left.sub(one);
        let mask = left.is_zero();
        each!(K in [0 1 2] {
            each!(I in 8 { out[K][I] = out[K][I].select(entry[K][I], mask); });
        });
    }
}

/// Affine multiples of a fixed point of G2: for each row `j` the multiples 1 to 32 of `[2^(6j)] P`; `x`, then `y`, each real
/// part first, in Montgomery form.
#[derive(Debug)]
pub struct FixedG2(Vec<[[u64; 8]; 4]>);

impl FixedG2 {
    /// From the uncompressed points, row by row. They are public.
    ///
    /// # Panics
    /// If there are not as many as the rows take.
    pub fn new(points: &[Point2]) -> Self {
        assert_eq!(points.len(), ROW * ROWS, "the multiples of a fixed point");
        let mut entries = Vec::with_capacity(points.len());
        for group in points.chunks(LANES) {
            let [x1, x0, y1, y0] = load::<Emulated, 4, _>(EmulatedToken, group.iter());
            let words = [x0, x1, y0, y1].map(|c| c.0.map(|limb| limb.to_words()));
            for lane in 0..group.len() {
                entries.push(words.map(|c| c.map(|limb| limb[lane])));
            }
        }
        Self(entries)
    }
}

/// `[d0 + d1 |x| + d2 |x|^2 + d3 |x|^3] P` for each lane: 44 additions.
pub(super) fn multiply_fixed_g2<V: Lane>(
    token: V::Token,
    table: &FixedG2,
    parts: &[[u128; LANES]; 4],
) -> Point<Raw2<V>> {
    let infinity = infinity2::<V>(token);
    let mut sum = infinity;
    for part in parts.iter().rev() {
        // [|x|] = -psi
        psi(token, &mut sum);
        V::g2_negate(&mut sum, V::splat(token, u64::MAX));
        for (j, row) in table.0.chunks_exact(ROW).enumerate() {
            let (magnitude, negative) = window::<V>(token, part, WINDOW_G2, j);
            let mut entry = infinity;
            V::g2_lookup_fixed(row, magnitude, &mut entry);
            V::g2_negate(&mut entry, negative);
            V::g2_add(&mut sum, &entry);
        }
    }
    sum
}

/// Kernel: the entry with the number `index`, counted from 1, the same table for all lanes; `out` stays where there is none.
#[inline(always)]
pub(super) fn g2_lookup_fixed<V: Lane>(row: &[[[u64; 8]; 4]], index: V, out: &mut Point<Raw2<V>>) {
    let token = index.token();
    let one = V::splat(token, 1);
    let mut left = index;
    for entry in row {
        left = left.sub(one);
        let mask = left.is_zero();
        each!(I in 8 {
            out[0][0][I] = out[0][0][I].select(V::splat(token, entry[0][I]), mask);
            out[0][1][I] = out[0][1][I].select(V::splat(token, entry[1][I]), mask);
            out[1][0][I] = out[1][0][I].select(V::splat(token, entry[2][I]), mask);
            out[1][1][I] = out[1][1][I].select(V::splat(token, entry[3][I]), mask);
        });
    }
    // Z is one, but for the number 0.
    let z = splat::<V>(token, &ONE);
    let none = index.is_zero();
    each!(I in 8 { out[2][0][I] = z[I].select(out[2][0][I], none); });
}

/// `psi`, the multiplication by `x`.
pub(super) fn psi<V: Lane>(token: V::Token, p: &mut Point<Raw2<V>>) {
    for c in p.iter_mut() {
        let conjugate: Fp2<V, 25, 20> = Fp2::<V, 9, 4>(*c).conjugate();
        *c = conjugate.squeeze().0;
    }
    p[0] = V::fp2_mul(&p[0], &Fe2::<V>::constant(token, &PSI_X).0);
    p[1] = V::fp2_mul(&p[1], &Fe2::<V>::constant(token, &PSI_Y).0);
}

/// Groups that share an inversion.
pub(super) const GROUPS: usize = 8;
/// Affine coordinates of a group, and where its points are infinity; the coordinates there are of no use.
pub(super) type Affine<R, V> = ([R; 2], V);

macro_rules! to_affine {
    ($name:ident, $F:ident, $Fe:ident, $raw:ident, $invert:ident, |$z:ident, $zero:ident| $infinite:expr) => {
        /// Affine coordinates of some groups at the price of one inversion.
        pub(super) fn $name<V: Lane>(
            token: V::Token,
            points: &[Point<$raw<V>>; GROUPS],
        ) -> [Affine<$raw<V>, V>; GROUPS] {
            let (one, $zero) = ($Fe::<V>::one(token), Fe::<V>::zero(token).0);
            let mut z = [one; GROUPS];
            let mut products = [one; GROUPS];
            let mut product = one;
            let mut out = [([one.0; 2], V::splat(token, 0)); GROUPS];
            for (g, p) in points.iter().enumerate() {
                let $z = &p[2];
                out[g].1 = $infinite;
                z[g] = $F(p[2]).select(&one, out[g].1);
                products[g] = product;
                product = product.mul(&z[g]);
            }
            let mut inverse = $invert(&product);
            for (g, p) in points.iter().enumerate().rev() {
                let own = inverse.mul(&products[g]);
                inverse = inverse.mul(&z[g]);
                let (x, y): ($Fe<V>, $Fe<V>) = ($F(p[0]), $F(p[1]));
                out[g].0 = [x.mul(&own).0, y.mul(&own).0];
            }
            out
        }
    };
}
to_affine!(to_affine_g1, Fp, Fe, Raw, invert_fp, |z, zero| V::equal(z, &zero));
to_affine!(to_affine_g2, Fp2, Fe2, Raw2, invert_fp2, |z, zero| V::equal(&z[0], &zero).and(V::equal(&z[1], &zero)));
