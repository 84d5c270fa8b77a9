//! The kernels: the functions that each lane compiles for its own instructions, and the only calls between layers.
//!
//! A kernel is a generic function instantiated inside a function that has the instructions enabled; all that it uses is
//! inlined into it, or is another kernel. Arguments go by reference, bounds are checked by the typed wrappers around it.

use super::fp::{Fe, Fp};
use super::fp6::Fp6;
use super::fp12::Fp12;
use super::lane::Vector;
use super::miller::Lines;

/// A lane with all kernels.
pub(crate) trait Lane: Vector + Kernels<Self> {}
impl<V: Vector + Kernels<V>> Lane for V {}

/// Limbs, coordinates and so on without their bounds.
pub(super) type Raw<V> = [V; 8];
pub(super) type Raw2<V> = [[V; 8]; 2];
pub(super) type RawWide2<V> = [[V; 16]; 2];
/// `-3 xP`, `-xP`, `yP`.
pub(super) type Evaluate<V> = [Raw<V>; 3];
/// Coefficients of 1, `w^2` and `w^3`.
pub(super) type Line<V> = [Raw2<V>; 3];

/// Points of G1 for each lane, one limb after the other.
pub(super) type Buckets = [[[u64; 24]; 256]; 8];

/// Passes the list of kernels to a macro.
macro_rules! with_kernels {
    ($then:ident) => {
        $then! {
            fn fp_mul(a: &Raw<V>, b: &Raw<V>) -> Raw<V> = crate::simd::wide::fp_mul;
            fn fp_square(a: &Raw<V>) -> Raw<V> = crate::simd::wide::fp_square;
            fn fp_square_n(a: &Raw<V>, n: u32) -> Raw<V> = crate::simd::roots::fp_square_n;
            fn fp_power(a: &Raw<V>, out: &mut Raw<V>) -> () = crate::simd::roots::fp_power;
            fn fp_sum2(a: &Raw<V>, b: &Raw<V>, c: &Raw<V>, d: &Raw<V>) -> Raw<V> = crate::simd::wide::fp_sum2;
            fn fp_difference2(a: &Raw<V>, b: &Raw<V>, c: &Raw<V>, d: &Raw<V>) -> Raw<V> = crate::simd::wide::fp_difference2;
            fn fp_canonical(a: &Raw<V>) -> Raw<V> = crate::simd::kernels::fp_canonical;
            fn odd(a: &Raw<V>) -> V = crate::simd::roots::odd;
            fn larger(a: &Raw<V>) -> V = crate::simd::roots::larger;
            fn reduce(a: &[V; 16]) -> Raw<V> = crate::simd::wide::reduce;
            fn reduce_add(a: &RawWide2<V>, b: &RawWide2<V>, out: &mut Raw2<V>) -> () = crate::simd::wide::reduce_add;
            fn reduce_sub(a: &RawWide2<V>, b: &RawWide2<V>, out: &mut Raw2<V>) -> () = crate::simd::wide::reduce_sub;
            fn reduce_add_xi(a: &RawWide2<V>, b: &RawWide2<V>, out: &mut Raw2<V>) -> () = crate::simd::wide::reduce_add_xi;
            fn reduce_sub2(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>, out: &mut Raw2<V>) -> () = crate::simd::wide::reduce_sub2;
            fn reduce_sub_xi(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>, out: &mut Raw2<V>) -> () = crate::simd::wide::reduce_sub_xi;
            fn reduce_sub_12(a: &RawWide2<V>, b: &RawWide2<V>) -> Raw2<V> = crate::simd::wide::reduce_sub_12;
            fn fp2_mul(a: &Raw2<V>, b: &Raw2<V>) -> Raw2<V> = crate::simd::fp2::mul;
            fn fp2_square(a: &Raw2<V>) -> Raw2<V> = crate::simd::fp2::square;
            fn fp2_wide(a: &Raw2<V>, b: &Raw2<V>) -> RawWide2<V> = crate::simd::wide::fp2_wide;
            fn fp2_square_wide(a: &Raw2<V>) -> RawWide2<V> = crate::simd::fp2::square_wide;
            fn wide_add_xi(a: &RawWide2<V>, b: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_add_xi;
            fn wide_add(a: &RawWide2<V>, b: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_add;
            fn wide_sub2(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_sub2;
            fn wide_add_xi_sub2(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>, d: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_add_xi_sub2;
            fn wide_sub2_add_xi(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>, d: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_sub2_add_xi;
            fn wide_sub2_add(a: &RawWide2<V>, b: &RawWide2<V>, c: &RawWide2<V>, d: &RawWide2<V>) -> RawWide2<V> = crate::simd::fp6::wide_sub2_add;
            fn fp6_mul(a: &mut Fp6<V, 4>, b: &Fp6<V, 4>) -> () = crate::simd::fp6::mul;
            fn fp12_mul(a: &mut Fp12<V>, b: &Fp12<V>) -> () = crate::simd::fp12::mul;
            fn fp12_square(a: &mut Fp12<V>) -> () = crate::simd::fp12::square;
            fn fp12_select(a: &mut Fp12<V>, b: &Fp12<V>, mask: V) -> () = crate::simd::fp12::select;
            fn fp12_conjugate(a: &mut Fp12<V>) -> () = crate::simd::fp12::conjugate;
            fn fp12_conjugate_if(a: &mut Fp12<V>, mask: V) -> () = crate::simd::fp12::conjugate_if;
            fn fp12_lookup(table: &[Fp12<V>], index: V, out: &mut Fp12<V>) -> () = crate::simd::power::lookup;
            fn cyclotomic_square(a: &mut Fp12<V>) -> () = crate::simd::fp12::cyclotomic_square;
            fn frobenius_1(a: &mut Fp12<V>) -> () = crate::simd::fp12::frobenius_1;
            fn frobenius_2(a: &mut Fp12<V>) -> () = crate::simd::fp12::frobenius_2;
            fn frobenius_3(a: &mut Fp12<V>) -> () = crate::simd::fp12::frobenius_3;
            fn g1_add(a: &mut [Raw<V>; 3], b: &[Raw<V>; 3]) -> () = crate::simd::point::g1::add;
            fn g1_double(a: &mut [Raw<V>; 3]) -> () = crate::simd::point::g1::double;
            fn g2_double(a: &mut [Raw2<V>; 3]) -> () = crate::simd::point::g2::double;
            fn g1_negate(a: &mut [Raw<V>; 3], mask: V) -> () = crate::simd::point::g1::negate;
            fn g2_add(a: &mut [Raw2<V>; 3], b: &[Raw2<V>; 3]) -> () = crate::simd::point::g2::add;
            fn g2_negate(a: &mut [Raw2<V>; 3], mask: V) -> () = crate::simd::point::g2::negate;
            fn g1_lift(x: &Raw<V>, larger: V, y: &mut Raw<V>) -> V = crate::simd::subgroup::g1_lift;
            fn g2_lift(x: &Raw2<V>, larger: V, y: &mut Raw2<V>) -> V = crate::simd::subgroup::g2_lift;
            fn g1_opposite(q: &[Raw<V>; 3], x: &Raw<V>, y: &Raw<V>) -> V = crate::simd::subgroup::g1_opposite;
            fn g2_opposite(q: &[Raw2<V>; 3], x: &Raw2<V>, y: &Raw2<V>) -> V = crate::simd::subgroup::g2_opposite;
            fn sswu(u: &Raw<V>, out: &mut [Raw<V>; 3]) -> () = crate::simd::hash::sswu;
            fn sswu_add(a: &mut [Raw<V>; 3], b: &[Raw<V>; 3]) -> () = crate::simd::hash::sswu_add;
            fn isogeny(a: &mut [Raw<V>; 3]) -> () = crate::simd::hash::isogeny;
            fn g1_broadcast(p: &[Raw<V>; 3], lane: usize, out: &mut [Raw<V>; 3]) -> () = crate::simd::sum::g1_broadcast;
            fn bucket_add(buckets: &mut Buckets, index: &[u8; 8], p: &[Raw<V>; 3]) -> () = crate::simd::sum::bucket_add;
            fn bucket_load(buckets: &Buckets, index: &[u8; 8], p: &mut [Raw<V>; 3]) -> () = crate::simd::sum::bucket_load;
            fn g1_lookup(table: &[[Raw<V>; 3]], index: V, out: &mut [Raw<V>; 3]) -> () = crate::simd::multiply::g1_lookup;
            fn g2_lookup_fixed(row: &[[[u64; 8]; 4]], index: V, out: &mut [Raw2<V>; 3]) -> () = crate::simd::multiply::g2_lookup_fixed;
            fn equal(a: &Raw<V>, b: &Raw<V>) -> V = crate::simd::kernels::equal;
            fn prepare(x: &Raw<V>, y: &Raw<V>) -> Evaluate<V> = crate::simd::miller::prepare;
            fn line_double(t: &mut [Raw2<V>; 3], p: &Evaluate<V>, line: &mut Line<V>) -> () = crate::simd::miller::line_double;
            fn line_add(t: &mut [Raw2<V>; 3], q: &[Raw2<V>; 2], p: &Evaluate<V>, line: &mut Line<V>) -> () = crate::simd::miller::line_add;
            fn line_at(lines: &Lines, x: &Raw<V>, y: &Raw<V>, infinite: V, line: &mut Line<V>) -> () = crate::simd::miller::line_at;
            fn mul_line(f: &mut Fp12<V>, l: &Line<V>) -> () = crate::simd::miller::mul_line;
        }
    };
}
pub(super) use with_kernels;

macro_rules! declare {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $($body:ident)::+;)*) => {
        /// What each lane compiles for itself. See the functions of the same names for what they compute.
        #[allow(missing_docs)]
        pub(crate) trait Kernels<V> {
            $(fn $name($($arg: $ty),*) -> $ret;)*
        }
    };
}
with_kernels!(declare);

/// Kernel: the representative below p of a Montgomery product.
#[inline(always)]
pub(super) fn fp_canonical<V: Vector>(a: &Raw<V>) -> Raw<V> {
    super::fp::Fp::<V, { super::fp::CARRIED }, 4>(*a).canonical()
}

/// Kernel: all ones where two residues, carried and below 4p, are the same.
#[inline(always)]
pub(super) fn equal<V: Vector>(a: &Raw<V>, b: &Raw<V>) -> V {
    let (a, b) = (Fe::<V>::from_raw(*a), Fe::<V>::from_raw(*b));
    let d: Fp<V, 34, 24> = a.sub(&b);
    d.is_zero()
}
