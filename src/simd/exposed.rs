//! Single operations on eight instances, for benches and for tests of methods of measurement: no part of the interface.
//!
//! ```text
//! repeat    an operation again and again on a state of coordinates; bytes in, bytes out
//! zeros     a mask of all ones for each lane that holds 0
//! ```

use alloc::vec::Vec;

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::emulated;
use super::finalexp::final_exponentiation;
use super::fp::Fe;
use super::fp2::Fe2;
use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::Lane;
use super::miller::miller_loop;
use super::roots::invert_fp;
use super::{Engine, LANES, Path};

/// What can be repeated: `a` is the state, `b` what it is combined with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    FpMul,
    FpSquare,
    FpInvert,
    Fp2Mul,
    Fp2Square,
    Fp6Mul,
    Fp12Mul,
    Fp12Square,
    CyclotomicSquare,
    MillerLoop,
    FinalExponentiation,
    G1Add,
    G1Double,
    G2Add,
}

/// Twelve coordinates of eight lanes, canonical and big-endian; an operation uses the first of them as it needs.
pub type State = [[[u8; 48]; LANES]; 12];

impl Engine {
    /// `times` times `a = operation(a, b)`; what the operation does not use comes back as it was. Points are projective: `x`,
    /// `y`, `z`. The Miller loop takes `x`, `y` of G1 and `x`, `y` of G2 from `b` and every time gives the same.
    ///
    /// # Timing
    /// Constant in the state.
    pub fn repeat(self, operation: Operation, a: &State, b: &State, times: usize) -> State {
        on!(self, |token: V| repeat::<V>(token, operation, a, b, times))
    }

    /// All ones for each lane whose number is 0, else zero. The numbers are below the prime.
    ///
    /// # Timing
    /// Constant.
    pub fn zeros(self, numbers: &[[u8; 48]; LANES]) -> [u64; LANES] {
        on!(self, |token: V| {
            let zero = Fe::<V>::zero(token);
            let equal = <V as super::kernels::Kernels<V>>::equal(&Fe::<V>::from_be_bytes(token, numbers).0.0, &zero.0);
            super::lane::Vector::to_words(equal)
        })
    }
}

fn repeat<V: Lane>(token: V::Token, operation: Operation, a: &State, b: &State, times: usize) -> State {
    let load = |s: &State| -> [Fe<V>; 12] { core::array::from_fn(|i| Fe::<V>::from_be_bytes(token, &s[i]).0) };
    let fe2 = |s: &[Fe<V>], i: usize| Fe2::new(s[2 * i], s[2 * i + 1]);
    let fe6 = |s: &[Fe<V>]| Fp6::new(fe2(s, 0), fe2(s, 1), fe2(s, 2));
    let fe12 = |s: &[Fe<V>]| Fp12::new(fe6(&s[..6]), fe6(&s[6..]));
    let (mut s, t) = (load(a), load(b));
    let back2 = |x: &Fe2<V>| [x.c0(), x.c1()];
    let back6 = |x: &Fp6<V, 4>| -> Vec<Fe<V>> { (0..3).flat_map(|k| back2(&x.c(k))).collect() };
    // Each arm holds its operands in its own shape, so that nothing but the operation is repeated.
    macro_rules! arm {
        ($x:ident = $from:expr, $step:expr, $back:expr) => {{
            let mut $x = $from;
            for _ in 0..times {
                $step;
            }
            let back = $back;
            s[..back.len()].copy_from_slice(&back);
        }};
    }
    match operation {
        Operation::FpMul => arm!(x = s[0], x = x.mul(&t[0]), [x]),
        Operation::FpSquare => arm!(x = s[0], x = x.square(), [x]),
        Operation::FpInvert => arm!(x = s[0], x = invert_fp(&x), [x]),
        Operation::Fp2Mul => {
            let y = fe2(&t, 0);
            arm!(x = fe2(&s, 0), x = x.mul(&y), back2(&x))
        }
        Operation::Fp2Square => arm!(x = fe2(&s, 0), x = x.square(), back2(&x)),
        Operation::Fp6Mul => {
            let y = fe6(&t);
            arm!(x = fe6(&s), V::fp6_mul(&mut x, &y), back6(&x))
        }
        Operation::Fp12Mul => {
            let y = fe12(&t);
            arm!(x = fe12(&s), V::fp12_mul(&mut x, &y), [back6(&x.0[0]), back6(&x.0[1])].concat())
        }
        Operation::Fp12Square => {
            arm!(x = fe12(&s), V::fp12_square(&mut x), [back6(&x.0[0]), back6(&x.0[1])].concat())
        }
        Operation::CyclotomicSquare => {
            arm!(x = fe12(&s), V::cyclotomic_square(&mut x), [back6(&x.0[0]), back6(&x.0[1])].concat())
        }
        Operation::MillerLoop => {
            let (qx, qy) = (fe2(&t, 1), fe2(&t, 2));
            arm!(x = fe12(&s), x = miller_loop(&t[0], &t[1], &qx, &qy), [back6(&x.0[0]), back6(&x.0[1])].concat())
        }
        Operation::FinalExponentiation => {
            arm!(x = fe12(&s), x = final_exponentiation(&x), [back6(&x.0[0]), back6(&x.0[1])].concat())
        }
        Operation::G1Add => {
            let y = [t[0].0, t[1].0, t[2].0];
            arm!(x = [s[0].0, s[1].0, s[2].0], V::g1_add(&mut x, &y), x.map(Fe::from_raw))
        }
        Operation::G1Double => arm!(x = [s[0].0, s[1].0, s[2].0], V::g1_double(&mut x), x.map(Fe::from_raw)),
        Operation::G2Add => {
            let y = [0, 1, 2].map(|i| fe2(&t, i).0);
            arm!(x = [0, 1, 2].map(|i| fe2(&s, i).0), V::g2_add(&mut x, &y), {
                let [x, y, z] = x.map(|c| c.map(Fe::<V>::from_raw));
                [x, y, z].concat()
            })
        }
    }
    s.map(Fe::to_be_bytes)
}
