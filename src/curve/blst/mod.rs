//! The backend on blst (C and assembly): the only folder of the library with `unsafe`.
//!
//! Every call has the same shape, so one macro makes them: each pointer comes from a reference to an initialised value of
//! the type that the C function reads or writes, and blst keeps no pointer.
//!
//! # Representation
//! Points are Jacobian (`Z = 0` is infinity), table entries affine (`x = y = 0` is infinity), all field values in
//! Montgomery form with `R = 2^384`.
//!
//! # Timing
//! blst's scalar multiplication, complete addition, pairing and square root are constant time but for predicates that are
//! fixed for valid inputs: scalar zero, `Z = 1`, `Z = 0`. Decompression branches on the sign of `y` and is used on public
//! points only; secrets go through [`Backend::lift_secret`] or, where they were computed here, [`Point::from_computed`].
#![allow(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;
use blst::*;
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::{Zeroize, Zeroizing};

use super::backend::{Backend, Group, Limbs, Point, Target, sealed};
use super::constants::{ABS_X, BETA, HALF_P, LINES, PSI_X, PSI_Y};

/// Calls a blst function that writes its first argument, and gives that value.
macro_rules! out {
    ($ty:ty, $f:ident $(, $arg:expr)*) => {{
        let mut ret = <$ty>::default();
        // SAFETY: every pointer comes from a live reference to a value of the type that the C function declares; it only
        // reads them within their size, writes `ret` within its size, and keeps none.
        unsafe { $f(&mut ret $(, $arg)*) };
        ret
    }};
}

/// Calls a blst function that reads its arguments only.
macro_rules! ask {
    ($f:ident $(, $arg:expr)*) => {
        // SAFETY: as above, and nothing is written.
        unsafe { $f($($arg),*) }
    };
}

mod field;
mod hash;
mod map_constants;

use field::{Field, add_affine_pairs, masks, pick};

/// From how many points on blst's bucket method is faster than ours.
const PIPPENGER_FROM: usize = 32;

/// Marker of the blst backend.
pub(crate) struct Blst;

impl sealed::Sealed for Blst {}

impl Backend for Blst {
    const NAME: &'static str = "blst";
    type G1 = blst_p1;
    type G2 = blst_p2;
    type Gt = blst_fp12;
    type Lines = Vec<blst_fp6>;

    fn scalar_add(a: &Limbs, b: &Limbs) -> Limbs {
        from_fr(&out!(blst_fr, blst_fr_add, &to_fr(a), &to_fr(b)))
    }

    fn scalar_mul(a: &Limbs, b: &Limbs) -> Limbs {
        from_fr(&out!(blst_fr, blst_fr_mul, &to_fr(a), &to_fr(b)))
    }

    fn scalar_from_wide(bytes: &[u8; 48]) -> Limbs {
        // Its return value says whether the result is non-zero, which does not matter here.
        let s = out!(blst_scalar, blst_scalar_from_be_bytes, bytes.as_ptr(), 48);
        let mut limbs = [0; 4];
        for (limb, le) in limbs.iter_mut().zip(s.b.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*le);
        }
        limbs
    }

    fn lift_secret(x: &[u8; 48], larger: Choice) -> (blst_p1, Choice, Choice) {
        let x = out!(blst_fp, blst_fp_from_bendian, x.as_ptr());
        let xx = out!(blst_fp, blst_fp_sqr, &x);
        let xxx = out!(blst_fp, blst_fp_mul, &xx, &x);
        let four = out!(blst_fp, blst_fp_from_uint64, [4u64, 0, 0, 0, 0, 0].as_ptr());
        let yy = out!(blst_fp, blst_fp_add, &xxx, &four);
        let mut y = blst_fp::default();
        // SAFETY: both point to live values; the result is a square root of `yy` if there is one, by a fixed chain.
        let on_curve = unsafe { blst_fp_sqrt(&mut y, &yy) };
        let minus_y = out!(blst_fp, blst_fp_cneg, &y, true);
        y = blst_fp::select(&y, &minus_y, is_larger(&y) ^ larger);
        let affine = blst_p1_affine { x, y };
        let in_group = ask!(blst_p1_affine_in_g1, &affine);
        (out!(blst_p1, blst_p1_from_affine, &affine), choice(on_curve), choice(in_group))
    }

    fn hash_uncleared(messages: &[&[u8]], dst: &[u8]) -> Vec<[u8; 96]> {
        hash::hash_uncleared(messages, dst).iter().map(|p| uncompressed(&p.x, &p.y)).collect()
    }

    fn clear_cofactor(point: &blst_p1) -> blst_p1 {
        hash::clear_cofactor(point)
    }

    fn sum_public(points: &[blst_p1_affine], weights: &[u128]) -> Option<blst_p1> {
        let n = points.len();
        if n < PIPPENGER_FROM || n != weights.len() {
            return None;
        }
        let weights: Vec<u8> = weights.iter().flat_map(|z| z.to_le_bytes()).collect();
        // SAFETY: reads nothing.
        let mut scratch = vec![0; unsafe { blst_p1s_mult_pippenger_scratch_sizeof(n) }.div_ceil(size_of::<limb_t>())];
        // A null second element makes blst read the first pointer as the start of an array.
        let (p, z) = ([points.as_ptr(), core::ptr::null()], [weights.as_ptr(), core::ptr::null()]);
        Some(out!(blst_p1, blst_p1s_mult_pippenger, p.as_ptr(), n, z.as_ptr(), 128, scratch.as_mut_ptr()))
    }

    fn lines(q: &blst_p2) -> Vec<blst_fp6> {
        let q = out!(blst_p2_affine, blst_p2_to_affine, q);
        let mut lines = vec![blst_fp6::default(); LINES];
        // SAFETY: blst writes exactly 68 = LINES elements.
        unsafe { blst_precompute_lines(lines.as_mut_ptr(), &q) };
        lines
    }

    fn pair(terms: &[(&blst_p1, &blst_p2)]) -> blst_fp12 {
        if terms.is_empty() {
            return blst_fp12::default();
        }
        let mut ps: Vec<_> = terms.iter().map(|t| out!(blst_p1_affine, blst_p1_to_affine, t.0)).collect();
        let qs: Vec<_> = terms.iter().map(|t| out!(blst_p2_affine, blst_p2_to_affine, t.1)).collect();
        // A null second element makes blst read the first pointer as the start of an array.
        let (p, q) = ([ps.as_ptr(), core::ptr::null()], [qs.as_ptr(), core::ptr::null()]);
        let f = out!(blst_fp12, blst_miller_loop_n, q.as_ptr(), p.as_ptr(), terms.len());
        ps.iter_mut().for_each(wipe_affine);
        out!(blst_fp12, blst_final_exp, &f)
    }

    fn pair_prepared(terms: &[(&blst_p1, &Vec<blst_fp6>)]) -> blst_fp12 {
        // blst's own loop over stored lines takes one pair; this one shares the squarings. As there, the lines want
        // (-2x, 2y) of the point.
        let mut doubled: Vec<_> = terms.iter().map(|t| minus_2x_2y(t.0)).collect();
        let times_lines = |f: &mut blst_fp12, step: usize| {
            for ((_, lines), p) in terms.iter().zip(&doubled) {
                let mut line = lines[step];
                for (coefficient, by) in line.fp2[1..].iter_mut().zip([&p.x, &p.y]) {
                    for c in &mut coefficient.fp {
                        *c = out!(blst_fp, blst_fp_mul, c, by);
                    }
                }
                *f = out!(blst_fp12, blst_fp12_mul_by_xy00z0, f, &line);
            }
        };
        let mut f = blst_fp12::default();
        let mut step = 0;
        for bit in (0..63).rev() {
            f = out!(blst_fp12, blst_fp12_sqr, &f);
            times_lines(&mut f, step);
            step += 1;
            if (ABS_X >> bit) & 1 == 1 {
                times_lines(&mut f, step);
                step += 1;
            }
        }
        f = f.conjugate_if(Choice::from(1)); // x is negative
        doubled.iter_mut().for_each(wipe_affine);
        out!(blst_fp12, blst_final_exp, &f)
    }
}

/// Both point groups; blst names the functions alike.
macro_rules! point {
    ($point:ident, $affine:ident, $field:ident, $bytes:literal, $parts:literal, $endo:path, $generator:ident, $add:ident,
     $add_affine:ident, $double:ident, $cneg:ident, $mult:ident, $from_affine:ident, $many:ident,
     $is_inf:ident, $is_equal:ident, $in_group:ident, $hash:ident, $encode:ident, $map:ident, $compress:ident, $serialize:ident, $uncompress:ident,
     $deserialize:ident, $on_curve:ident) => {
        impl Group for $point {
            type Entry = $affine;
            const PARTS: usize = $parts;

            fn identity() -> Self {
                Self::default()
            }

            fn add(&self, other: &Self) -> Self {
                out!($point, $add, self, other)
            }

            fn double(&self) -> Self {
                out!($point, $double, self)
            }

            fn neg_if(&self, choice: Choice) -> Self {
                let mut minus = *self;
                // SAFETY: one live value, read and written in place.
                unsafe { $cneg(&mut minus, true) };
                Self::select(self, &minus, choice)
            }

            fn endo(&self) -> Self {
                $endo(self)
            }

            fn add_entry(&self, entry: &Self::Entry) -> Self {
                out!($point, $add_affine, self, entry)
            }

            fn entries(elements: &[Self]) -> Vec<Self::Entry> {
                let mut affine = vec![$affine::default(); elements.len()];
                if elements.is_empty() {
                    return affine;
                }
                // A null second element makes blst read the first pointer as the start of an array.
                let pointers = [elements.as_ptr(), core::ptr::null()];
                // SAFETY: `elements.len()` values are read through the first pointer and as many written.
                unsafe { $many(affine.as_mut_ptr(), pointers.as_ptr(), elements.len()) };
                affine
            }

            fn add_pairs(entries: &mut [Self::Entry], pairs: &[(usize, usize)]) -> bool {
                let read = |i: usize| (entries[i].x, entries[i].y);
                let terms: Vec<_> = pairs.iter().map(|(a, b)| (read(*a), read(*b))).collect();
                let mut sums = add_affine_pairs(terms);
                for ((a, _), (x, y)) in pairs.iter().zip(&mut sums) {
                    entries[*a] = $affine { x: *x, y: *y };
                    x.wipe();
                    y.wipe();
                }
                true
            }

            fn wipe_entries(entries: &mut [Self::Entry]) {
                for entry in entries {
                    entry.x.wipe();
                    entry.y.wipe();
                }
            }

            fn lookup(row: &[Self::Entry], index: u64, negative: Choice) -> Self::Entry {
                let masks = masks(row.len(), index.wrapping_sub(1));
                let mut found =
                    $affine { x: pick(row, &masks, |entry| &entry.x), y: pick(row, &masks, |entry| &entry.y) };
                let minus = found.y.negated();
                found.y = $field::select(&found.y, &minus, negative);
                found
            }

            fn wipe(&mut self) {
                self.x.wipe();
                self.y.wipe();
                self.z.wipe();
            }
        }

        impl Point for $point {
            type Compressed = [u8; $bytes];
            type Uncompressed = [u8; 2 * $bytes];

            fn generator() -> Self {
                // SAFETY: points to a constant of the library.
                unsafe { *$generator() }
            }

            fn mul(&self, k: &Limbs) -> Self {
                let mut le = Zeroizing::new([0; 32]);
                for (le, limb) in le.as_chunks_mut::<8>().0.iter_mut().zip(k) {
                    *le = limb.to_le_bytes();
                }
                out!($point, $mult, self, le.as_ptr(), 256)
            }

            fn is_identity(&self) -> Choice {
                choice(ask!($is_inf, self))
            }

            fn ct_eq(&self, other: &Self) -> Choice {
                choice(ask!($is_equal, self, other))
            }

            fn select(a: &Self, b: &Self, choice: Choice) -> Self {
                Self {
                    x: $field::select(&a.x, &b.x, choice),
                    y: $field::select(&a.y, &b.y, choice),
                    z: $field::select(&a.z, &b.z, choice),
                }
            }

            fn hash(msg: &[u8], dst: &[u8]) -> Self {
                out!($point, $hash, msg.as_ptr(), msg.len(), dst.as_ptr(), dst.len(), core::ptr::null(), 0)
            }

            #[cfg(test)]
            fn encode(msg: &[u8], dst: &[u8]) -> Self {
                out!($point, $encode, msg.as_ptr(), msg.len(), dst.as_ptr(), dst.len(), core::ptr::null(), 0)
            }

            #[cfg(test)]
            fn map(u: &[[u8; 48]]) -> Option<Self> {
                let mut field = $field::default();
                for (fp, bytes) in field.fps_mut().iter_mut().zip(u) {
                    *fp = out!(blst_fp, blst_fp_from_bendian, bytes.as_ptr());
                }
                // Without a second element it maps the one and clears the cofactor.
                Some(out!($point, $map, &field, core::ptr::null()))
            }

            fn to_compressed(&self) -> Self::Compressed {
                let mut bytes = [0; $bytes];
                // SAFETY: writes exactly the bytes of a compressed point.
                unsafe { $compress(bytes.as_mut_ptr(), self) };
                bytes
            }

            fn to_uncompressed(&self) -> Self::Uncompressed {
                let mut bytes = [0; 2 * $bytes];
                // SAFETY: writes exactly the bytes of an uncompressed point.
                unsafe { $serialize(bytes.as_mut_ptr(), self) };
                bytes
            }

            fn from_checked_compressed(bytes: &Self::Compressed) -> Option<Self> {
                let mut affine = $affine::default();
                // SAFETY: reads exactly the bytes of a compressed point.
                let verdict = unsafe { $uncompress(&mut affine, bytes.as_ptr()) };
                known_curve(verdict).then(|| out!($point, $from_affine, &affine))
            }

            fn from_checked_uncompressed(bytes: &Self::Uncompressed) -> Option<Self> {
                let mut affine = $affine::default();
                // SAFETY: reads exactly the bytes of an uncompressed point (its first byte has no flag set).
                let verdict = unsafe { $deserialize(&mut affine, bytes.as_ptr()) };
                known_curve(verdict).then(|| out!($point, $from_affine, &affine))
            }

            fn read_entry(bytes: &Self::Uncompressed) -> (Self::Entry, Choice) {
                // Without the flags: infinity is written as zeros, which blst takes for it.
                let mut bytes = Zeroizing::new(*bytes);
                bytes[0] &= 0x1f;
                let (x, y) = bytes.split_at($bytes);
                let affine = $affine { x: $field::read(x), y: $field::read(y) };
                let on_curve = choice(ask!($on_curve, &affine));
                (affine, on_curve)
            }

            fn to_uncompressed_all(points: &[Self]) -> Vec<Self::Uncompressed> {
                let mut entries = Self::entries(points);
                let out = entries.iter().map(|e| uncompressed(&e.x, &e.y)).collect();
                Self::wipe_entries(&mut entries);
                out
            }

            fn from_entry(entry: &Self::Entry) -> Self {
                out!($point, $from_affine, entry)
            }

            fn in_subgroup(&self) -> bool {
                ask!($in_group, self)
            }
        }
    };
}

#[rustfmt::skip] // one name per line would hide the list's regularity
point!(blst_p1, blst_p1_affine, blst_fp, 48, 2, endo_g1, blst_p1_generator, blst_p1_add_or_double,
    blst_p1_add_or_double_affine, blst_p1_double, blst_p1_cneg, blst_p1_mult, blst_p1_from_affine,
    blst_p1s_to_affine, blst_p1_is_inf, blst_p1_is_equal, blst_p1_in_g1, blst_hash_to_g1, blst_encode_to_g1, blst_map_to_g1,
    blst_p1_compress, blst_p1_serialize, blst_p1_uncompress, blst_p1_deserialize, blst_p1_affine_on_curve);
#[rustfmt::skip] // one name per line would hide the list's regularity
point!(blst_p2, blst_p2_affine, blst_fp2, 96, 4, endo_g2, blst_p2_generator, blst_p2_add_or_double,
    blst_p2_add_or_double_affine, blst_p2_double, blst_p2_cneg, blst_p2_mult, blst_p2_from_affine,
    blst_p2s_to_affine, blst_p2_is_inf, blst_p2_is_equal, blst_p2_in_g2, blst_hash_to_g2, blst_encode_to_g2, blst_map_to_g2,
    blst_p2_compress, blst_p2_serialize, blst_p2_uncompress, blst_p2_deserialize, blst_p2_affine_on_curve);

/// blst reports `(0, +-2)`, a point of order 3, as outside the group already while decoding; on the curve it is.
fn known_curve(verdict: BLST_ERROR) -> bool {
    matches!(verdict, BLST_ERROR::BLST_SUCCESS | BLST_ERROR::BLST_POINT_NOT_IN_GROUP)
}

impl Target for blst_fp12 {
    fn one() -> Self {
        Self::default()
    }

    fn mul(&self, other: &Self) -> Self {
        out!(blst_fp12, blst_fp12_mul, self, other)
    }

    fn square(&self) -> Self {
        out!(blst_fp12, blst_fp12_cyclotomic_sqr, self)
    }

    fn frobenius(&self, n: usize) -> Self {
        debug_assert!((1..=3).contains(&n));
        out!(blst_fp12, blst_fp12_frobenius_map, self, n)
    }

    fn conjugate_if(&self, choice: Choice) -> Self {
        let mut f = *self;
        for fp2 in &mut f.fp6[1].fp2 {
            *fp2 = blst_fp2::select(fp2, &fp2.negated(), choice);
        }
        f
    }

    fn lookup(row: &[Self], index: u64) -> Self {
        let masks = masks(row.len(), index);
        let mut found = Self { fp6: [blst_fp6::default(); 2] };
        for (j, half) in found.fp6.iter_mut().enumerate() {
            for (i, c) in half.fp2.iter_mut().enumerate() {
                *c = pick(row, &masks, |entry| &entry.fp6[j].fp2[i]);
            }
        }
        found
    }

    fn ct_eq(&self, other: &Self) -> Choice {
        choice(ask!(blst_fp12_is_equal, self, other))
    }

    fn write(&self, out: &mut [u8; 576]) {
        let coefficients = self.fp6.iter().flat_map(|c| &c.fp2).flat_map(|c| &c.fp);
        for (bytes, fp) in out.as_chunks_mut::<48>().0.iter_mut().zip(coefficients) {
            // SAFETY: writes exactly 48 bytes.
            unsafe { blst_bendian_from_fp(bytes.as_mut_ptr(), fp) };
        }
    }

    fn wipe(&mut self) {
        for fp2 in self.fp6.iter_mut().flat_map(|c| &mut c.fp2) {
            fp2.wipe();
        }
        *self = Self::default();
    }
}

/// ZCash uncompressed encoding of an affine point. Constant time, as blst's own is not: that branches on infinity.
fn uncompressed<F: Field, const N: usize>(x: &F, y: &F) -> [u8; N] {
    let mut bytes = [0; N];
    let (first, second) = bytes.split_at_mut(N / 2);
    x.write(first);
    y.write(second);
    bytes[0] |= (x.is_zero() & y.is_zero()).unwrap_u8() << 6;
    bytes
}

fn choice(flag: bool) -> Choice {
    Choice::from(u8::from(flag))
}

/// `(X : Y : Z)` to `(BETA X : Y : Z)`.
fn endo_g1(p: &blst_p1) -> blst_p1 {
    blst_p1 { x: out!(blst_fp, blst_fp_mul, &p.x, &blst_fp { l: BETA }), ..*p }
}

/// `(X : Y : Z)` to `(PSI_X conj(X) : PSI_Y conj(Y) : conj(Z))`.
fn endo_g2(p: &blst_p2) -> blst_p2 {
    let conj = |a: &blst_fp2| blst_fp2 { fp: [a.fp[0], a.fp[1].negated()] };
    let by =
        |a: &blst_fp2, c: [[u64; 6]; 2]| out!(blst_fp2, blst_fp2_mul, a, &blst_fp2 { fp: c.map(|l| blst_fp { l }) });
    blst_p2 { x: by(&conj(&p.x), PSI_X), y: by(&conj(&p.y), PSI_Y), z: conj(&p.z) }
}

/// Whether `y > (p - 1) / 2` as a number, without a branch.
fn is_larger(y: &blst_fp) -> Choice {
    let mut limbs = [0u64; 6];
    // SAFETY: writes exactly six limbs.
    unsafe { blst_uint64_from_fp(limbs.as_mut_ptr(), y) };
    let (mut larger, mut equal) = (Choice::from(0), Choice::from(1));
    for (a, b) in limbs.iter().zip(&HALF_P).rev() {
        larger |= equal & a.ct_gt(b);
        equal &= a.ct_eq(b);
    }
    limbs.zeroize();
    larger
}

fn to_fr(a: &Limbs) -> blst_fr {
    out!(blst_fr, blst_fr_from_uint64, a.as_ptr())
}

fn from_fr(a: &blst_fr) -> Limbs {
    let mut limbs = [0; 4];
    // SAFETY: writes exactly four limbs.
    unsafe { blst_uint64_from_fr(limbs.as_mut_ptr(), a) };
    limbs
}

/// `(-2x, 2y)` of a finite point.
fn minus_2x_2y(p: &blst_p1) -> blst_p1_affine {
    let p = out!(blst_p1_affine, blst_p1_to_affine, p);
    let x = out!(blst_fp, blst_fp_add, &p.x, &p.x);
    blst_p1_affine { x: x.negated(), y: out!(blst_fp, blst_fp_add, &p.y, &p.y) }
}

fn wipe_affine(point: &mut blst_p1_affine) {
    point.x.wipe();
    point.y.wipe();
}
