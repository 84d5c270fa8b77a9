//! Powers in Gt, eight at a time.
//!
//! The power p is the power `x` in Gt, so the Frobenius map puts each of four parts of the exponent, base `|x|`, into its place. Parts
//! are read in signed windows; every look-up reads the whole table under masks.

use super::LANES;
use super::fp12::Fp12;
use super::kernels::Lane;
use super::lane::each;
use super::multiply::window;

/// Bits of a window, of parts of 64 bits.
const WINDOW: usize = 4;
const TABLE: usize = 1 << (WINDOW - 1);

/// `base^(d0 + d1 |x| + d2 |x|^2 + d3 |x|^3)` for each lane; the base in Gt.
pub(super) fn power_gt<V: Lane>(token: V::Token, base: &Fp12<V>, parts: &[[u128; LANES]; 4]) -> Fp12<V> {
    let mut table = [*base; TABLE];
    for m in 2..=TABLE {
        let mut next = table[if m % 2 == 0 { m / 2 - 1 } else { m - 2 }];
        if m % 2 == 0 {
            V::cyclotomic_square(&mut next);
        } else {
            V::fp12_mul(&mut next, base);
        }
        table[m - 1] = next;
    }
    let one = Fp12::one(token);
    let mut power = one;
    for j in (0..64 / WINDOW + 1).rev() {
        for _ in 0..WINDOW {
            V::cyclotomic_square(&mut power);
        }
        for (k, part) in parts.iter().enumerate() {
            let (magnitude, negative) = window::<V>(token, part, WINDOW, j);
            let mut factor = one;
            V::fp12_lookup(&table, magnitude, &mut factor);
            match k {
                0 => {}
                1 => V::frobenius_1(&mut factor),
                2 => V::frobenius_2(&mut factor),
                _ => V::frobenius_3(&mut factor),
            }
            // x is negative: an odd power of |x| inverts once more.
            let odd = V::splat(token, (k as u64 & 1).wrapping_neg());
            V::fp12_conjugate_if(&mut factor, negative.xor(odd));
            V::fp12_mul(&mut power, &factor);
        }
    }
    power
}

/// Kernel: the entry with the number `index`, counted from 1; `out` stays where there is none.
#[inline(always)]
pub(super) fn lookup<V: Lane>(table: &[Fp12<V>], index: V, out: &mut Fp12<V>) {
    let one = V::splat(index.token(), 1);
    let mut left = index;
    for entry in table {
        left = left.sub(one);
        let mask = left.is_zero();
        each!(K in [0 1 2 3 4 5] {
            each!(I in 8 {
                let (to, from) = (&mut out.0[K % 2].0[K / 2], &entry.0[K % 2].0[K / 2]);
                to[0][I] = to[0][I].select(from[0][I], mask);
                to[1][I] = to[1][I].select(from[1][I], mask);
            });
        });
    }
}
