//! Test vectors of others, through both backends. Sources and licences: `SOURCE.txt` in each folder of `vectors/`.

extern crate std;

use alloc::string::String;
use alloc::vec::Vec;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::println;
use subtle::Choice;

use super::backend::{Backend, Point, Target};
use super::conformance::hex;
use super::constants::P_BYTES;
use super::decode::{decode, decode_secret, from_compressed, from_uncompressed};
use crate::error::DecodeReason;

macro_rules! for_both {
    ($($check:ident)*) => {
        #[cfg(feature = "blst")]
        mod on_blst {
            $(#[test] fn $check() { super::$check::<crate::curve::blst::Blst>(); })*
        }
        mod on_portable {
            $(#[test] fn $check() { super::$check::<crate::curve::portable::Portable>(); })*
        }
    };
}

for_both! { rfc9380 zcash_encodings eip2537_accepted eip2537_refused drand_beacons }

/// The text of a file below `vectors/` as JSON.
macro_rules! json {
    ($path:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../vectors/", $path))).unwrap()
    };
}

fn unhex(text: &str) -> Vec<u8> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

/// RFC 9380 appendices J.9 and J.10: five messages in each of four suites, and their `u` through the map where published.
fn rfc9380<B: Backend>() {
    fn suite<P: Point>(file: &Value) -> usize {
        let dst = text(file, "dst").as_bytes();
        let random_oracle = file["randomOracle"].as_bool().unwrap();
        let cases = file["vectors"].as_array().unwrap();
        for case in cases {
            let msg = text(case, "msg").as_bytes();
            let point = if random_oracle { P::hash(msg, dst) } else { P::encode(msg, dst) };
            // "c0,c1" in Fp2; the encoding has c1 first.
            let coordinates =
                ["x", "y"].map(|c| text(&case["P"], c).split(',').rev().flat_map(unhex).collect::<Vec<_>>());
            assert_eq!(hex(point.to_uncompressed().as_ref()), hex(&coordinates.concat()));
        }
        cases.len()
    }
    let ro1 = suite::<B::G1>(&json!("hash_to_curve/BLS12381G1_XMD_SHA-256_SSWU_RO_.json"));
    let nu1 = suite::<B::G1>(&json!("hash_to_curve/BLS12381G1_XMD_SHA-256_SSWU_NU_.json"));
    let ro2 = suite::<B::G2>(&json!("hash_to_curve/BLS12381G2_XMD_SHA-256_SSWU_RO_.json"));
    let nu2 = suite::<B::G2>(&json!("hash_to_curve/BLS12381G2_XMD_SHA-256_SSWU_NU_.json"));
    assert_eq!([ro1, nu1, ro2, nu2], [5; 4]);
}

/// Multiples 0 to 999 of both generators, compressed and uncompressed, both directions.
fn zcash_encodings<B: Backend>() {
    fn check<P: Point>(short: &[u8], long: &[u8]) -> usize {
        let mut point = P::identity();
        let width = point.to_compressed().as_ref().len();
        let mut count = 0;
        for (short, long) in short.chunks_exact(width).zip(long.chunks_exact(2 * width)) {
            let short = P::Compressed::try_from(short).ok().unwrap();
            let long = P::Uncompressed::try_from(long).ok().unwrap();
            assert_eq!(point.to_compressed().as_ref(), short.as_ref());
            assert_eq!(point.to_uncompressed().as_ref(), long.as_ref());
            assert!(from_compressed::<P>(&short).is_ok_and(|p| p.ct_eq(&point).into()));
            assert!(from_uncompressed::<P>(&long).is_ok_and(|p| p.ct_eq(&point).into()));
            point = point.add(&P::generator());
            count += 1;
        }
        count
    }
    let g1 = check::<B::G1>(
        include_bytes!("../../vectors/zkcrypto_encodings/g1_compressed_valid_test_vectors.dat"),
        include_bytes!("../../vectors/zkcrypto_encodings/g1_uncompressed_valid_test_vectors.dat"),
    );
    let g2 = check::<B::G2>(
        include_bytes!("../../vectors/zkcrypto_encodings/g2_compressed_valid_test_vectors.dat"),
        include_bytes!("../../vectors/zkcrypto_encodings/g2_uncompressed_valid_test_vectors.dat"),
    );
    assert_eq!((g1, g2), (1000, 1000));
}

/// A reader of EIP-2537: field elements padded to 64 bytes, infinity all zero, Fp2 lowest coefficient first.
struct Eip<'a>(&'a [u8]);

impl Eip<'_> {
    fn field(&mut self) -> Result<[u8; 48], &'static str> {
        let (padded, rest) = self.0.split_first_chunk::<64>().ok_or("invalid input length")?;
        self.0 = rest;
        let (pad, field) = padded.split_at(16);
        match field.try_into() {
            _ if pad != [0; 16] => Err("invalid field element top bytes"),
            Ok(field) if field < P_BYTES => Ok(field),
            _ => Err("invalid fp.Element encoding"),
        }
    }

    /// A point of the curve; also of the subgroup, if that is asked.
    fn point<P: Point>(&mut self, subgroup: Option<&'static str>) -> Result<P, &'static str> {
        let mut bytes = P::identity().to_uncompressed();
        let degree = bytes.as_ref().len() / 96;
        for coordinate in bytes.as_mut().chunks_exact_mut(48 * degree) {
            for coefficient in coordinate.chunks_exact_mut(48).rev() {
                coefficient.copy_from_slice(&self.field()?);
            }
        }
        if bytes.as_ref().iter().all(|b| *b == 0) {
            return Ok(P::identity());
        }
        match (from_uncompressed(&bytes), subgroup) {
            (Ok(point), _) => Ok(point),
            (Err(DecodeReason::NotInSubgroup), None) => Ok(P::from_checked_uncompressed(&bytes).unwrap()),
            (Err(DecodeReason::NotInSubgroup), Some(name)) => Err(name),
            (Err(DecodeReason::NotOnCurve), _) => Err("invalid point: not on curve"),
            (Err(_), _) => Err("invalid fp.Element encoding"),
        }
    }

    fn g1<B: Backend>(&mut self) -> Result<B::G1, &'static str> {
        self.point(Some("g1 point is not in the correct subgroup"))
    }

    fn g2<B: Backend>(&mut self) -> Result<B::G2, &'static str> {
        self.point(Some("g2 point is not in the correct subgroup"))
    }
}

fn eip_bytes<P: Point>(point: &P) -> Vec<u8> {
    let mut bytes = point.to_uncompressed();
    if point.is_identity().into() {
        bytes.as_mut()[0] = 0;
    }
    let half = bytes.as_ref().len() / 2;
    let coordinates = bytes.as_ref().chunks_exact(half);
    coordinates.flat_map(|c| c.chunks_exact(48).rev()).flat_map(|c| [&[0; 16], c].concat()).collect()
}

/// The operations, on raw input. Lengths first, then the fields in order.
fn run<B: Backend>(operation: &str, input: &[u8]) -> Result<Vec<u8>, &'static str> {
    let multiple =
        |n| if !input.is_empty() && input.len().is_multiple_of(n) { Ok(()) } else { Err("invalid input length") };
    let exactly = |n| if input.len() == n { Ok(()) } else { Err("invalid input length") };
    fn sum<P: Point>(mut input: Eip<'_>) -> Result<Vec<u8>, &'static str> {
        let (a, b) = (input.point::<P>(None)?, input.point::<P>(None)?);
        Ok(eip_bytes(&a.add(&b)))
    }
    fn multiples<B: Backend, P: Point>(mut input: Eip<'_>, name: &'static str) -> Result<Vec<u8>, &'static str> {
        let mut sum = P::identity();
        while !input.0.is_empty() {
            let point = input.point::<P>(Some(name))?;
            let (scalar, rest) = input.0.split_first_chunk::<32>().ok_or("invalid input length")?;
            input.0 = rest;
            let mut wide = [0; 48];
            wide[16..].copy_from_slice(scalar);
            sum = sum.add(&point.mul(&B::scalar_from_wide(&wide)));
        }
        Ok(eip_bytes(&sum))
    }
    let mut reader = Eip(input);
    match operation {
        "add_G1" => exactly(256).and_then(|()| sum::<B::G1>(reader)),
        "add_G2" => exactly(512).and_then(|()| sum::<B::G2>(reader)),
        "mul_G1" => {
            exactly(160).and_then(|()| multiples::<B, B::G1>(reader, "g1 point is not in the correct subgroup"))
        }
        "mul_G2" => {
            exactly(288).and_then(|()| multiples::<B, B::G2>(reader, "g2 point is not in the correct subgroup"))
        }
        "msm_G1" => {
            multiple(160).and_then(|()| multiples::<B, B::G1>(reader, "g1 point is not in the correct subgroup"))
        }
        "msm_G2" => {
            multiple(288).and_then(|()| multiples::<B, B::G2>(reader, "g2 point is not in the correct subgroup"))
        }
        "map_fp_to_G1" => {
            exactly(64)?;
            B::G1::map(&[reader.field()?]).map(|p| eip_bytes(&p)).ok_or(SKIPPED)
        }
        "map_fp2_to_G2" => {
            exactly(128)?;
            B::G2::map(&[reader.field()?, reader.field()?]).map(|p| eip_bytes(&p)).ok_or(SKIPPED)
        }
        _ => {
            multiple(384)?;
            let mut pairs = Vec::new();
            while !reader.0.is_empty() {
                pairs.push((reader.g1::<B>()?, reader.g2::<B>()?));
            }
            pairs.retain(|(p, q)| !bool::from(p.is_identity() | q.is_identity()));
            let mut verdict = alloc::vec![0; 32];
            verdict[31] =
                B::pair(&pairs.iter().map(|(p, q)| (p, q)).collect::<Vec<_>>()).ct_eq(&B::Gt::one()).unwrap_u8();
            Ok(verdict)
        }
    }
}

const SKIPPED: &str = "not published by this backend";

fn eip2537_accepted<B: Backend>() {
    let files = [
        ("add_G1", 9, json!("eip2537_eips/add_G1_bls.json")),
        ("add_G2", 9, json!("eip2537_eips/add_G2_bls.json")),
        ("mul_G1", 11, json!("eip2537_eips/mul_G1_bls.json")),
        ("mul_G2", 11, json!("eip2537_eips/mul_G2_bls.json")),
        ("map_fp_to_G1", 5, json!("eip2537_eips/map_fp_to_G1_bls.json")),
        ("map_fp2_to_G2", 5, json!("eip2537_eips/map_fp2_to_G2_bls.json")),
        ("pairing_check", 15, json!("eip2537_eips/pairing_check_bls.json")),
    ];
    let (mut passed, mut skipped) = (0, 0);
    for (operation, count, file) in &files {
        let cases = file.as_array().unwrap();
        assert_eq!(cases.len(), *count);
        for case in cases {
            match run::<B>(operation, &unhex(text(case, "Input"))) {
                Err(SKIPPED) => skipped += 1,
                result => {
                    assert_eq!(
                        result.map(|r| hex(&r)),
                        Ok(String::from(text(case, "Expected"))),
                        "{}",
                        text(case, "Name")
                    );
                    passed += 1;
                }
            }
        }
    }
    println!("EIP-2537 accepted inputs on {}: {passed} passed, {skipped} skipped (map to G2 not published)", B::NAME);
    assert_eq!((passed, skipped), if B::NAME == "blst" { (65, 0) } else { (60, 5) });
}

fn eip2537_refused<B: Backend>() {
    let files = [
        ("add_G1", 7, json!("eip2537_eips/fail-add_G1_bls.json")),
        ("add_G2", 7, json!("eip2537_eips/fail-add_G2_bls.json")),
        ("mul_G1", 8, json!("eip2537_eips/fail-mul_G1_bls.json")),
        ("mul_G2", 8, json!("eip2537_eips/fail-mul_G2_bls.json")),
        ("msm_G1", 8, json!("eip2537_eips/fail-msm_G1_bls.json")),
        ("msm_G2", 8, json!("eip2537_eips/fail-msm_G2_bls.json")),
        ("map_fp_to_G1", 5, json!("eip2537_eips/fail-map_fp_to_G1_bls.json")),
        ("map_fp2_to_G2", 5, json!("eip2537_eips/fail-map_fp2_to_G2_bls.json")),
        ("pairing_check", 25, json!("eip2537_eips/fail-pairing_check_bls.json")),
    ];
    let mut refused = 0;
    for (operation, count, file) in &files {
        let cases = file.as_array().unwrap();
        assert_eq!(cases.len(), *count);
        for case in cases {
            let result = run::<B>(operation, &unhex(text(case, "Input")));
            assert_eq!(result, Err(text(case, "ExpectedError")), "{}", text(case, "Name"));
            refused += 1;
        }
    }
    assert_eq!(refused, 81);
}

/// A beacon is a Boneh-Franklin private key, `[s]H(round)`, issued by somebody else's network; it verifies like ours. Three
/// chains have the keys in G1 as we do, one has them in G2.
fn drand_beacons<B: Backend>() {
    let file = json!("drand_beacons/beacons.json");
    let (mut in_g1, mut in_g2) = (0, 0);
    for beacon in file["beacon_signatures"].as_array().unwrap() {
        let chain = &file["chains"][text(beacon, "chain")];
        let dst = text(chain, "h2c_dst").split_whitespace().next().unwrap().as_bytes();
        let (public, issued) = (unhex(text(chain, "public_key")), unhex(text(beacon, "signature")));
        let verifies = |round: u64| {
            let id = Sha256::digest(round.to_be_bytes());
            let product = match <&[u8; 48]>::try_from(&issued[..]) {
                Ok(d) => {
                    let (d, p_pub) = (decode_secret::<B>(d).unwrap(), decode::<B::G2>(&public).unwrap());
                    let minus_q = negated(B::G1::hash(&id, dst));
                    B::pair(&[(&d, &B::G2::generator()), (&minus_q, &p_pub)])
                }
                Err(_) => {
                    let (d, p_pub) = (decode::<B::G2>(&issued).unwrap(), decode::<B::G1>(&public).unwrap());
                    B::pair(&[(&negated(B::G1::generator()), &d), (&p_pub, &B::G2::hash(&id, dst))])
                }
            };
            bool::from(product.ct_eq(&B::Gt::one()))
        };
        let round = beacon["round"].as_u64().unwrap();
        assert!(verifies(round) && !verifies(round + 1), "{} round {round}", text(chain, "name"));
        *(if issued.len() == 48 { &mut in_g1 } else { &mut in_g2 }) += 1;
    }
    assert_eq!((in_g1, in_g2), (5, 3));
}

fn negated<P: Point>(point: P) -> P {
    point.neg_if(Choice::from(1))
}
