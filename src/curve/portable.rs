//! The backend in pure Rust: `bls12_381_plus` with its own methods, always compiled.
//!
//! It is used as published; what its interface lacks is here (endomorphisms, through uncompressed bytes) and in `tower.rs`
//! (powers in Gt). Slower than blst by two to six times.
//!
//! # Timing
//! The crate is constant time in points, scalars and field values by construction (masked selections, fixed exponents); its
//! decoders are too, though nothing here relies on that for public points.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use bls12_381_plus::elliptic_curve_013::hash2curve::ExpandMsgXmd;
use bls12_381_plus::fp::Fp;
use bls12_381_plus::fp2::Fp2;
use bls12_381_plus::{G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Scalar, multi_miller_loop};
use sha2_010::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::backend::{Backend, Group, Limbs, Point, sealed};
use super::constants::{BETA, PSI_X, PSI_Y};
use super::tower::Fp12;

/// Marker of the portable backend.
pub(crate) struct Portable;

impl sealed::Sealed for Portable {}

impl Backend for Portable {
    const NAME: &'static str = "portable";
    type G1 = G1Projective;
    type G2 = G2Projective;
    type Gt = Fp12;
    type Lines = Box<G2Prepared>;

    fn scalar_add(a: &Limbs, b: &Limbs) -> Limbs {
        scalar(a).add(&scalar(b)).to_raw()
    }

    fn scalar_mul(a: &Limbs, b: &Limbs) -> Limbs {
        scalar(a).mul(&scalar(b)).to_raw()
    }

    fn scalar_from_wide(bytes: &[u8; 48]) -> Limbs {
        Scalar::from_okm(bytes).to_raw()
    }

    fn lift_secret(x: &[u8; 48], larger: Choice) -> (G1Projective, Choice, Choice) {
        let x_fp = Fp::from_bytes(x).unwrap_or(Fp::ZERO);
        let y = (x_fp.square() * x_fp + Fp::from(4u64)).sqrt();
        let on_curve = y.is_some();
        let y = y.unwrap_or(Fp::ZERO);
        let y = Fp::conditional_select(&y, &-y, y.lexicographically_largest() ^ larger);
        let mut bytes = Zeroizing::new([0; 96]);
        bytes[..48].copy_from_slice(&x_fp.to_bytes());
        bytes[48..].copy_from_slice(&y.to_bytes());
        let point = G1Affine::from_uncompressed_unchecked(&bytes).unwrap_or(G1Affine::default());
        (point.into(), on_curve, point.is_torsion_free())
    }

    fn lines(q: &G2Projective) -> Box<G2Prepared> {
        Box::new(G2Affine::from(q).into())
    }

    fn pair(terms: &[(&G1Projective, &G2Projective)]) -> Fp12 {
        let lines: Vec<_> = terms.iter().map(|(_, q)| Self::lines(q)).collect();
        let terms: Vec<_> = terms.iter().zip(&lines).map(|((p, _), lines)| (*p, lines)).collect();
        Self::pair_prepared(&terms)
    }

    fn pair_prepared(terms: &[(&G1Projective, &Box<G2Prepared>)]) -> Fp12 {
        let mut points: Vec<_> = terms.iter().map(|(p, _)| G1Affine::from(*p)).collect();
        let pairs: Vec<_> = points.iter().zip(terms).map(|(p, (_, q))| (p, &***q)).collect();
        let product = multi_miller_loop(&pairs).final_exponentiation();
        points.zeroize();
        Fp12::read(&Zeroizing::new(product.to_bytes()))
    }
}

/// Both point groups; the crate names the methods alike.
macro_rules! point {
    ($point:ident, $affine:ident, $bytes:literal, $parts:literal, $endo:path, $map:expr) => {
        impl Group for $point {
            type Entry = $affine;
            const PARTS: usize = $parts;

            fn identity() -> Self {
                $point::IDENTITY
            }

            fn add(&self, other: &Self) -> Self {
                $point::add(self, other)
            }

            fn double(&self) -> Self {
                $point::double(self)
            }

            fn neg_if(&self, choice: Choice) -> Self {
                $point::conditional_select(self, &-self, choice)
            }

            fn endo(&self) -> Self {
                let bytes = Zeroizing::new($endo(&self.to_uncompressed()));
                let moved = $affine::from_uncompressed_unchecked(&bytes).unwrap_or($affine::default());
                $point::conditional_select(&moved.into(), self, self.is_identity())
            }

            fn add_entry(&self, entry: &Self::Entry) -> Self {
                self.add_mixed(entry)
            }

            fn entries(elements: &[Self]) -> Vec<Self::Entry> {
                let mut affine = vec![$affine::default(); elements.len()];
                $point::batch_normalize(elements, &mut affine);
                affine
            }

            fn wipe_entries(entries: &mut [Self::Entry]) {
                entries.iter_mut().for_each(|e| e.zeroize());
            }

            fn lookup(row: &[Self::Entry], index: u64, negative: Choice) -> Self::Entry {
                let mut found = $affine::default();
                for (i, entry) in (1u64..).zip(row) {
                    found.conditional_assign(entry, i.ct_eq(&index));
                }
                $affine::conditional_select(&found, &-found, negative)
            }

            fn wipe(&mut self) {
                self.zeroize();
            }
        }

        impl Point for $point {
            type Compressed = [u8; $bytes];
            type Uncompressed = [u8; 2 * $bytes];

            fn generator() -> Self {
                $point::GENERATOR
            }

            fn mul(&self, k: &Limbs) -> Self {
                self * &scalar(k)
            }

            fn is_identity(&self) -> Choice {
                $point::is_identity(self)
            }

            fn ct_eq(&self, other: &Self) -> Choice {
                ConstantTimeEq::ct_eq(self, other)
            }

            fn select(a: &Self, b: &Self, choice: Choice) -> Self {
                $point::conditional_select(a, b, choice)
            }

            fn hash(msg: &[u8], dst: &[u8]) -> Self {
                $point::hash::<ExpandMsgXmd<Sha256>>(msg, dst)
            }

            #[cfg(test)]
            fn encode(msg: &[u8], dst: &[u8]) -> Self {
                $point::encode::<ExpandMsgXmd<Sha256>>(msg, dst)
            }

            #[cfg(test)]
            fn map(u: &[[u8; 48]]) -> Option<Self> {
                $map(u)
            }

            fn to_compressed(&self) -> Self::Compressed {
                $point::to_compressed(self)
            }

            fn to_uncompressed(&self) -> Self::Uncompressed {
                $point::to_uncompressed(self)
            }

            fn from_checked_compressed(bytes: &Self::Compressed) -> Option<Self> {
                $affine::from_compressed_unchecked(bytes).map($point::from).into()
            }

            fn from_checked_uncompressed(bytes: &Self::Uncompressed) -> Option<Self> {
                let point = Option::<$affine>::from($affine::from_uncompressed_unchecked(bytes))?;
                bool::from(point.is_on_curve()).then(|| point.into())
            }

            fn read_entry(bytes: &Self::Uncompressed) -> (Self::Entry, Choice) {
                let read = $affine::from_uncompressed_unchecked(bytes);
                let is_point = read.is_some();
                let point = read.unwrap_or($affine::default());
                (point, is_point & point.is_on_curve())
            }

            fn from_entry(entry: &Self::Entry) -> Self {
                entry.into()
            }

            fn in_subgroup(&self) -> bool {
                $affine::from(self).is_torsion_free().into()
            }
        }
    };
}

point!(G1Projective, G1Affine, 48, 2, endo_g1, map_g1);
point!(G2Projective, G2Affine, 96, 4, endo_g2, |_| None);

/// The crate publishes the map for G1 only.
#[cfg(test)]
fn map_g1(u: &[[u8; 48]]) -> Option<G1Projective> {
    use bls12_381_plus::elliptic_curve_013::hash2curve::MapToCurve;
    use bls12_381_plus::group_013::cofactor::CofactorGroup;
    let u = Option::<Fp>::from(Fp::from_bytes(u.first()?))?;
    Some(u.map_to_curve().clear_cofactor())
}

/// `(x, y)` to `(BETA x, y)` on the uncompressed encoding. Infinity gives something of no use.
fn endo_g1(point: &[u8; 96]) -> [u8; 96] {
    let mut out = *point;
    let [x, _] = fields(point);
    out[..48].copy_from_slice(&(x * Fp(BETA)).to_bytes());
    out
}

/// `(x, y)` to `(PSI_X conj(x), PSI_Y conj(y))` on the uncompressed encoding. Infinity gives something of no use.
fn endo_g2(point: &[u8; 192]) -> [u8; 192] {
    let [x1, x0, y1, y0] = fields(point);
    let times = |c0, c1, [re, im]: [[u64; 6]; 2]| Fp2 { c0, c1 }.conjugate() * Fp2 { c0: Fp(re), c1: Fp(im) };
    let (x, y) = (times(x0, x1, PSI_X), times(y0, y1, PSI_Y));
    let mut out = [0; 192];
    for (bytes, fp) in out.as_chunks_mut::<48>().0.iter_mut().zip([x.c1, x.c0, y.c1, y.c0]) {
        *bytes = fp.to_bytes();
    }
    out
}

fn fields<const N: usize>(bytes: &[u8]) -> [Fp; N] {
    let mut out = [Fp::ZERO; N];
    for (fp, bytes) in out.iter_mut().zip(bytes.as_chunks::<48>().0) {
        *fp = Fp::from_bytes(bytes).unwrap_or(Fp::ZERO);
    }
    out
}

fn scalar(k: &Limbs) -> Scalar {
    Scalar::from_raw_unchecked(*k)
}
