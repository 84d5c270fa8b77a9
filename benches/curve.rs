//! The curve layer next to blst by hand, `bls12_381` and arkworks, one group for each operation.
//!
//! Run: `cargo bench --features hazmat --bench curve`. The name after the slash says whether the operation is constant time
//! in its secret input; arkworks makes no such claim anywhere. "By hand" is what a caller of blst writes on its own.
#![allow(clippy::unwrap_used)] // a bench stops at the first surprise
#![allow(unsafe_code)] // calls blst as its callers do

use std::hint::black_box;
use std::time::Duration;

use ark_ec::hashing::{HashToCurve as _, curve_maps::wb::WBMap, map_to_curve_hasher::MapToCurveBasedHasher};
use ark_ec::pairing::Pairing as _;
use ark_ec::{AffineRepr, PrimeGroup as _};
use ark_ff::PrimeField as _;
use ark_ff::field_hashers::DefaultFieldHasher;
use bls12_381::hash_to_curve::{ExpandMsgXmd, HashToCurve};
use blst::*;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use ibake::curve::{
    BACKEND, G1, G2, G2Prepared, G2Table, GtTable, Scalar, multi_pairing, pairing, pairing_prepared,
    pairing_product_is_one,
};
use sha2_010::Sha256;

const DST1: &[u8] = b"IBAKE-BENCH-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
const DST2: &[u8] = b"IBAKE-BENCH-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
const MSG: &[u8] = b"sip:alice@example.org";
const CT: &str = "constant-time";
const VT: &str = "variable-time";

/// The same inputs for everybody.
struct Inputs {
    k: Scalar,
    p: G1,
    q: G2,
}

impl Inputs {
    fn new() -> Self {
        let k = Scalar::from_wide(&[0x9a; 48]);
        Self { p: G1::hash(MSG, DST1), q: G2::hash(MSG, DST2), k }
    }

    fn k_le(&self) -> [u8; 32] {
        let mut bytes = *self.k.to_be_bytes().expose();
        bytes.reverse();
        bytes
    }

    fn k_limbs(&self) -> [u64; 4] {
        let le = self.k_le();
        core::array::from_fn(|i| u64::from_le_bytes(le[8 * i..8 * i + 8].try_into().unwrap()))
    }

    fn blst(&self) -> (blst_p1, blst_p2, blst_p1_affine, blst_p2_affine) {
        let (mut p, mut q) = (blst_p1::default(), blst_p2::default());
        let (mut pa, mut qa) = (blst_p1_affine::default(), blst_p2_affine::default());
        // SAFETY: live values of the declared types and sizes.
        unsafe {
            blst_p1_uncompress(&mut pa, self.p.to_compressed().as_ptr());
            blst_p2_uncompress(&mut qa, self.q.to_compressed().as_ptr());
            blst_p1_from_affine(&mut p, &pa);
            blst_p2_from_affine(&mut q, &qa);
        }
        (p, q, pa, qa)
    }

    fn zk(&self) -> (bls12_381::G1Affine, bls12_381::G2Affine, bls12_381::Scalar) {
        let p = bls12_381::G1Affine::from_compressed(&self.p.to_compressed()).unwrap();
        let q = bls12_381::G2Affine::from_compressed(&self.q.to_compressed()).unwrap();
        (p, q, bls12_381::Scalar::from_raw(self.k_limbs()))
    }

    fn ark(&self) -> (ark_bls12_381::G1Affine, ark_bls12_381::G2Affine, [u64; 4]) {
        let scalar = ark_bls12_381::Fr::from_le_bytes_mod_order(&self.k_le());
        (ark_decode(&self.p.to_compressed()), ark_decode(&self.q.to_compressed()), scalar.into_bigint().0)
    }
}

/// With all checks.
fn ark_decode<A: AffineRepr>(bytes: &[u8]) -> A {
    A::deserialize_compressed(bytes).unwrap()
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    group
}

fn bench<R>(group: &mut BenchmarkGroup<'_, WallTime>, who: &str, timing: &str, mut f: impl FnMut() -> R) {
    group.bench_function(format!("{who}/{timing}"), |b| b.iter(&mut f));
}

fn ours() -> String {
    format!("ours ({BACKEND})")
}

fn blst_pairing(terms: &[(blst_p1_affine, blst_p2_affine)]) -> blst_fp12 {
    let p: Vec<_> = terms.iter().map(|t| &raw const t.0).collect();
    let q: Vec<_> = terms.iter().map(|t| &raw const t.1).collect();
    let mut f = blst_fp12::default();
    let mut e = blst_fp12::default();
    // SAFETY: as many pointers to live values as the length says.
    unsafe {
        blst_miller_loop_n(&mut f, q.as_ptr(), p.as_ptr(), terms.len());
        blst_final_exp(&mut e, &f);
    }
    e
}

fn blst_lines(q: &blst_p2_affine) -> Vec<blst_fp6> {
    let mut lines = vec![blst_fp6::default(); 68];
    // SAFETY: exactly 68 elements are written.
    unsafe { blst_precompute_lines(lines.as_mut_ptr(), q) };
    lines
}

fn blst_prepared(terms: &[(blst_p1_affine, &[blst_fp6])]) -> blst_fp12 {
    let mut product = blst_fp12::default();
    for (p, lines) in terms {
        let mut f = blst_fp12::default();
        // SAFETY: 68 lines are read.
        unsafe { blst_miller_loop_lines(&mut f, lines.as_ptr(), p) };
        product *= f;
    }
    let mut e = blst_fp12::default();
    // SAFETY: live values.
    unsafe { blst_final_exp(&mut e, &product) };
    e
}

/// Cyclotomic squarings and windows of four bits.
fn blst_gt_pow(base: &blst_fp12, k: &[u64; 4]) -> blst_fp12 {
    let mut table = [blst_fp12::default(); 16];
    for i in 1..16 {
        table[i] = table[i - 1] * *base;
    }
    let mut acc = blst_fp12::default();
    for limb in k.iter().rev() {
        for nibble in (0..16).rev() {
            for _ in 0..4 {
                let a = acc;
                // SAFETY: live values.
                unsafe { blst_fp12_cyclotomic_sqr(&mut acc, &a) };
            }
            acc *= table[(limb >> (4 * nibble)) as usize & 15];
        }
    }
    acc
}

fn pairings(c: &mut Criterion) {
    let inputs = Inputs::new();
    let (_, _, bp, bq) = inputs.blst();
    let (zp, zq, _) = inputs.zk();
    let (ap, aq, _) = inputs.ark();
    let (p, q) = (&inputs.p, &inputs.q);

    let mut g = group(c, "pairing");
    bench(&mut g, &ours(), CT, || pairing(black_box(p), q));
    bench(&mut g, "blst by hand", CT, || blst_pairing(black_box(&[(bp, bq)])));
    bench(&mut g, "bls12_381", CT, || bls12_381::pairing(black_box(&zp), &zq));
    bench(&mut g, "ark", VT, || ark_bls12_381::Bls12_381::pairing(black_box(ap), aq));
    g.finish();

    let (lines, blst_lines) = (G2Prepared::new(q), blst_lines(&bq));
    let (z_lines, a_lines) =
        (bls12_381::G2Prepared::from(zq), <ark_bls12_381::Bls12_381 as ark_ec::pairing::Pairing>::G2Prepared::from(aq));
    let mut g = group(c, "prepared pairing");
    bench(&mut g, &ours(), CT, || pairing_prepared(black_box(p), &lines));
    bench(&mut g, "blst by hand", CT, || blst_prepared(black_box(&[(bp, &blst_lines[..])])));
    bench(&mut g, "bls12_381", CT, || {
        bls12_381::multi_miller_loop(&[(black_box(&zp), &z_lines)]).final_exponentiation()
    });
    bench(&mut g, "ark", VT, || ark_bls12_381::Bls12_381::pairing(black_box(ap), a_lines.clone()));
    g.finish();

    let mut g = group(c, "product of two pairings");
    bench(&mut g, &ours(), CT, || multi_pairing(black_box(&[(p, q), (p, q)])));
    bench(&mut g, &format!("{}, prepared", ours()), CT, || {
        pairing_product_is_one(black_box(&[(p, &lines), (p, &lines)]))
    });
    bench(&mut g, "blst by hand", CT, || blst_pairing(black_box(&[(bp, bq), (bp, bq)])));
    bench(&mut g, "blst by hand, prepared", CT, || {
        blst_prepared(black_box(&[(bp, &blst_lines[..]), (bp, &blst_lines[..])]))
    });
    bench(&mut g, "bls12_381, prepared", CT, || {
        bls12_381::multi_miller_loop(black_box(&[(&zp, &z_lines), (&zp, &z_lines)])).final_exponentiation()
    });
    bench(&mut g, "ark", VT, || ark_bls12_381::Bls12_381::multi_pairing(black_box([ap, ap]), [aq, aq]));
    g.finish();
}

fn multiplications(c: &mut Criterion) {
    let inputs = Inputs::new();
    let (bp, bq, _, _) = inputs.blst();
    let (zp, zq, zk) = inputs.zk();
    let (ap, aq, ak) = inputs.ark();
    let (k, le) = (&inputs.k, inputs.k_le());
    let blst_mul1 = |p: *const blst_p1| {
        let mut out = blst_p1::default();
        // SAFETY: live values; 255 bits of 32 bytes.
        unsafe { blst_p1_mult(&mut out, p, black_box(&le).as_ptr(), 255) };
        out
    };
    let blst_mul2 = |p: *const blst_p2| {
        let mut out = blst_p2::default();
        // SAFETY: live values; 255 bits of 32 bytes.
        unsafe { blst_p2_mult(&mut out, p, black_box(&le).as_ptr(), 255) };
        out
    };

    let mut g = group(c, "G1 multiplication");
    bench(&mut g, &ours(), CT, || inputs.p.mul(black_box(k)));
    bench(&mut g, "blst by hand", CT, || blst_mul1(&bp));
    bench(&mut g, "bls12_381", CT, || zp * black_box(zk));
    bench(&mut g, "ark", VT, || ap.into_group().mul_bigint(black_box(ak)));
    g.finish();

    let mut g = group(c, "G2 multiplication");
    bench(&mut g, &ours(), CT, || inputs.q.mul(black_box(k)));
    bench(&mut g, "blst by hand", CT, || blst_mul2(&bq));
    bench(&mut g, "bls12_381", CT, || zq * black_box(zk));
    bench(&mut g, "ark", VT, || aq.into_group().mul_bigint(black_box(ak)));
    g.finish();

    let table = G2Table::new(&inputs.q);
    let mut g = group(c, "fixed base");
    bench(&mut g, &format!("{} P1", ours()), CT, || G1::mul_generator(black_box(k)));
    // SAFETY: a constant of the library.
    bench(&mut g, "blst by hand P1", CT, || blst_mul1(unsafe { blst_p1_generator() }));
    bench(&mut g, &format!("{} P2", ours()), CT, || G2::mul_generator(black_box(k)));
    // SAFETY: a constant of the library.
    bench(&mut g, "blst by hand P2", CT, || blst_mul2(unsafe { blst_p2_generator() }));
    bench(&mut g, &format!("{} table of G2", ours()), CT, || table.mul(black_box(k)));
    bench(&mut g, &format!("{} building a table of G2", ours()), CT, || G2Table::new(black_box(&inputs.q)));
    g.finish();
}

fn powers(c: &mut Criterion) {
    let inputs = Inputs::new();
    let (_, _, bp, bq) = inputs.blst();
    let (zp, zq, zk) = inputs.zk();
    let (ap, aq, ak) = inputs.ark();
    let (k, limbs) = (&inputs.k, inputs.k_limbs());
    let e = pairing(&inputs.p, &inputs.q);
    let table = GtTable::new(&e);
    let blst_e = blst_pairing(&[(bp, bq)]);
    let zk_e = bls12_381::pairing(&zp, &zq);
    let ark_e = ark_bls12_381::Bls12_381::pairing(ap, aq);

    let mut g = group(c, "Gt power");
    bench(&mut g, &ours(), CT, || e.pow(black_box(k)));
    bench(&mut g, &format!("{} table", ours()), CT, || table.pow(black_box(k)));
    bench(&mut g, &format!("{} building a table", ours()), CT, || GtTable::new(black_box(&e)));
    bench(&mut g, "blst by hand, windows", VT, || blst_gt_pow(&blst_e, black_box(&limbs)));
    bench(&mut g, "bls12_381", CT, || zk_e * black_box(zk));
    bench(&mut g, "ark", VT, || ark_e.mul_bigint(black_box(ak)));
    g.finish();
}

fn hashes(c: &mut Criterion) {
    let blst_hash1 = || {
        let mut out = blst_p1::default();
        let m = black_box(MSG);
        // SAFETY: pointers with their lengths.
        unsafe { blst_hash_to_g1(&mut out, m.as_ptr(), m.len(), DST1.as_ptr(), DST1.len(), core::ptr::null(), 0) };
        out
    };
    let blst_hash2 = || {
        let mut out = blst_p2::default();
        let m = black_box(MSG);
        // SAFETY: pointers with their lengths.
        unsafe { blst_hash_to_g2(&mut out, m.as_ptr(), m.len(), DST2.as_ptr(), DST2.len(), core::ptr::null(), 0) };
        out
    };
    type ArkHasher<P, C> = MapToCurveBasedHasher<P, DefaultFieldHasher<Sha256, 128>, WBMap<C>>;
    type Ark1 = ArkHasher<ark_bls12_381::G1Projective, ark_bls12_381::g1::Config>;
    type Ark2 = ArkHasher<ark_bls12_381::G2Projective, ark_bls12_381::g2::Config>;
    type Zk = ExpandMsgXmd<Sha256>;

    let mut g = group(c, "hash to G1");
    bench(&mut g, &ours(), CT, || G1::hash(black_box(MSG), DST1));
    bench(&mut g, "blst by hand", CT, blst_hash1);
    bench(&mut g, "bls12_381", CT, || {
        <bls12_381::G1Projective as HashToCurve<Zk>>::hash_to_curve([black_box(MSG)], DST1)
    });
    let hasher = Ark1::new(DST1).unwrap();
    bench(&mut g, "ark", VT, || hasher.hash(black_box(MSG)).unwrap());
    g.finish();

    let mut g = group(c, "hash to G2");
    bench(&mut g, &ours(), CT, || G2::hash(black_box(MSG), DST2));
    bench(&mut g, "blst by hand", CT, blst_hash2);
    bench(&mut g, "bls12_381", CT, || {
        <bls12_381::G2Projective as HashToCurve<Zk>>::hash_to_curve([black_box(MSG)], DST2)
    });
    let hasher = Ark2::new(DST2).unwrap();
    bench(&mut g, "ark", VT, || hasher.hash(black_box(MSG)).unwrap());
    g.finish();
}

fn decoding(c: &mut Criterion) {
    let inputs = Inputs::new();
    let (p, q) = (inputs.p.to_compressed(), inputs.q.to_compressed());
    let blst1 = || {
        let mut out = blst_p1_affine::default();
        // SAFETY: 48 bytes are read.
        unsafe {
            blst_p1_uncompress(&mut out, black_box(&p).as_ptr()) == BLST_ERROR::BLST_SUCCESS
                && blst_p1_affine_in_g1(&out)
        }
    };
    let blst2 = || {
        let mut out = blst_p2_affine::default();
        // SAFETY: 96 bytes are read.
        unsafe {
            blst_p2_uncompress(&mut out, black_box(&q).as_ptr()) == BLST_ERROR::BLST_SUCCESS
                && blst_p2_affine_in_g2(&out)
        }
    };

    let mut g = group(c, "decode G1 with subgroup check");
    bench(&mut g, &format!("{} secret", ours()), CT, || G1::decode_secret(black_box(&p)));
    bench(&mut g, &ours(), VT, || G1::from_compressed(black_box(&p)));
    bench(&mut g, "blst by hand", VT, blst1);
    bench(&mut g, "bls12_381", CT, || bls12_381::G1Affine::from_compressed(black_box(&p)).unwrap());
    bench(&mut g, "ark", VT, || ark_decode::<ark_bls12_381::G1Affine>(black_box(&p)));
    g.finish();

    let mut g = group(c, "decode G2 with subgroup check");
    bench(&mut g, &ours(), VT, || G2::from_compressed(black_box(&q)));
    bench(&mut g, "blst by hand", VT, blst2);
    bench(&mut g, "bls12_381", CT, || bls12_381::G2Affine::from_compressed(black_box(&q)).unwrap());
    bench(&mut g, "ark", VT, || ark_decode::<ark_bls12_381::G2Affine>(black_box(&q)));
    g.finish();
}

criterion_group!(benches, pairings, multiplications, powers, hashes, decoding);
criterion_main!(benches);
