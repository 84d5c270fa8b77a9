//! Wycheproof, RFC 7748, FIPS 203 and known answers computed with an independent implementation.

use alloc::format;

use proptest::prelude::*;
use serde_json::Value;
use shake::{ExtendableOutput, Update, XofReader};

use super::*;
use crate::kdf;

const GROUPS: [Group; 4] = [Group::P256, Group::P384, Group::P521, Group::X25519];
const NIST: [Group; 3] = [Group::P256, Group::P384, Group::P521];

fn hex(s: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(s).unwrap()
}

fn hex32(s: &str) -> [u8; 32] {
    hex(s).try_into().unwrap()
}

fn random<const N: usize>() -> Secret<N> {
    Secret::random(&mut getrandom::SysRng).unwrap()
}

fn reason(group: Group, bytes: &[u8]) -> DecodeReason {
    let e = Share::decode(group, bytes).unwrap_err();
    assert_eq!(e.what, SHARE);
    e.reason
}

/// Wycheproof writes private keys as integers: a sign byte too many or leading zeros missing.
fn integer(s: &str, n: usize) -> Vec<u8> {
    let bytes = hex(s);
    let skip = bytes.iter().take_while(|b| **b == 0).count();
    let mut out = alloc::vec![0; n - (bytes.len() - skip)];
    out.extend_from_slice(&bytes[skip..]);
    out
}

/// All cases of a file; returns how many were (valid, acceptable, invalid).
fn wycheproof(group: Group, text: &str) -> (usize, usize, usize) {
    let file: Value = serde_json::from_str(text).unwrap();
    let n = (Share::size(group) - 1) / 2;
    let mut counts = (0, 0, 0);
    for t in file["testGroups"].as_array().unwrap().iter().flat_map(|g| g["tests"].as_array().unwrap()) {
        let field = |name: &str| t[name].as_str().unwrap();
        let public = hex(field("public"));
        let share = Share::decode(group, &public);
        let compressed = t["flags"].as_array().unwrap().iter().any(|f| f == "CompressedPoint");
        match field("result") {
            "valid" => {
                counts.0 += 1;
                let pair = KeyPair::from_secret_bytes(group, &integer(field("private"), n)).unwrap();
                assert_eq!(pair.agree(&share.unwrap()).unwrap().expose(), hex(field("shared")), "{}", t["tcId"]);
            }
            // The only kind that is left to the implementation: a compressed point, which we never accept.
            "acceptable" => {
                counts.1 += 1;
                assert!(compressed, "{}", t["tcId"]);
                assert_eq!(share.unwrap_err().reason, DecodeReason::NotCanonical);
            }
            "invalid" => {
                counts.2 += 1;
                let got = share.unwrap_err().reason;
                match t["flags"][0].as_str().unwrap() {
                    "InvalidCurveAttack" => {
                        assert!(matches!(got, DecodeReason::NotOnCurve | DecodeReason::NotCanonical), "{got:?}");
                    }
                    _ if compressed => assert_eq!(got, DecodeReason::NotCanonical),
                    // An empty encoding.
                    "InvalidEncoding" => assert!(matches!(got, DecodeReason::Truncated { got: 0, .. }), "{got:?}"),
                    other => panic!("flag {other}"),
                }
            }
            other => panic!("result {other}"),
        }
    }
    counts
}

#[test]
fn wycheproof_p256() {
    let text = include_str!("../../vectors/wycheproof/ecdh_secp256r1_ecpoint_test.json");
    assert_eq!(wycheproof(Group::P256, text), (330, 1, 24));
}

#[test]
fn wycheproof_p384() {
    let text = include_str!("../../vectors/wycheproof/ecdh_secp384r1_ecpoint_test.json");
    assert_eq!(wycheproof(Group::P384, text), (771, 1, 18));
}

#[test]
fn wycheproof_p521() {
    let text = include_str!("../../vectors/wycheproof/ecdh_secp521r1_ecpoint_test.json");
    assert_eq!(wycheproof(Group::P521, text), (632, 1, 28));
}

/// Seed `00 01 .. 5f`: scalars from arbitrary-precision integers, shares from a separate affine implementation; of each
/// share its SHA-256.
#[test]
fn seed_known_answers() {
    let expected = [
        (
            "f2c2e33cfac1ed21042a76054dba9311397f3152cc30ac454fedc1584fc414c1",
            "4cda8352fbe5c3f97c7a25961f92f9d324c8e532ff1339774004dd3b70078fd2",
        ),
        (
            "9186880e82f899740dc8c36e74f59e6da57314c3bbcb252a2c05594eece84fcafc429a10abb45f5b8d213d107ffa72f4",
            "a9679fddfaeeebfaf08f63717e0fbbc4a0f5f564b0541e4d45895d2ddfa0b8ff",
        ),
        (
            "001f2021250017ebfe30cb9b350f02f6451866e275eb863c15aa7113df4d02dd282a38595421782a09bb1e7222f39bf2e5d222dd9a670e\
             3a4c8dafee75063666ff58",
            "5bfc52c1bc21a9f9a3202983a0cf84d10b6360f88f443187d5b6e6440cc45a63",
        ),
    ];
    let seed = Secret::new(core::array::from_fn(|i| i as u8));
    for (group, (scalar, share)) in NIST.into_iter().zip(expected) {
        let pair = KeyPair::from_seed(group, &seed);
        assert_eq!(pair.secret_bytes().expose(), hex(scalar));
        assert_eq!(kdf::hash(&[pair.share().as_bytes()]), hex32(share));
    }
    let pair = KeyPair::from_seed(Group::X25519, &seed);
    assert_eq!(pair.secret_bytes().expose(), &seed.expose()[..32]);
    assert_eq!(pair.share().as_bytes(), hex("8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"));
}

const ORDERS: [&str; 3] = [
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aeb\
     b6fb71e91386409",
];

#[test]
fn a_seed_that_reduces_to_zero_gives_one() {
    for (group, order) in NIST.into_iter().zip(ORDERS) {
        let n = hex(order);
        for value in [alloc::vec![], n.clone()] {
            let mut seed = Secret::zero();
            seed.as_mut()[96 - value.len()..].copy_from_slice(&value);
            let secret = KeyPair::from_seed(group, &seed).secret_bytes();
            let (last, head) = secret.expose().split_last().unwrap();
            assert!(*last == 1 && head.iter().all(|b| *b == 0));
        }
        // And the neighbours: n + 1 is 1, n - 1 is itself.
        let mut below = n.clone();
        *below.last_mut().unwrap() -= 1;
        let mut seed = Secret::zero();
        seed.as_mut()[96 - n.len()..].copy_from_slice(&below);
        assert_eq!(KeyPair::from_seed(group, &seed).secret_bytes().expose(), below);
    }
}

#[test]
fn the_serial_form_restores_the_pair_and_is_checked() {
    for group in GROUPS {
        let (a, b) = (KeyPair::from_seed(group, &random()), KeyPair::from_seed(group, &random()));
        let again = KeyPair::from_secret_bytes(group, a.secret_bytes().expose()).unwrap();
        assert_eq!(again.share(), a.share());
        assert_eq!(Share::decode(group, a.share().as_bytes()).unwrap(), *a.share());
        assert_eq!(a.share().as_bytes().len(), Share::size(group));
        let (share_a, share_b) = (a.share().clone(), b.share().clone());
        let (ab, again) = (a.agree(&share_b).unwrap(), again.agree(&share_b).unwrap());
        assert_eq!(ab.expose(), again.expose());
        assert_eq!(ab.expose(), b.agree(&share_a).unwrap().expose());
        assert_eq!(ab.expose().len(), share_a.x_coordinate().len());
        let n = share_a.x_coordinate().len();
        for wrong in [0, n - 1, n + 1] {
            assert_eq!(KeyPair::from_secret_bytes(group, &alloc::vec![1; wrong]).unwrap_err().what, SECRET);
        }
    }
    for (group, order) in NIST.into_iter().zip(ORDERS) {
        for bad in [hex(order), alloc::vec![0; hex(order).len()], alloc::vec![0xff; hex(order).len()]] {
            let e = KeyPair::from_secret_bytes(group, &bad).unwrap_err();
            assert_eq!(e.reason, DecodeReason::NotCanonical);
        }
    }
}

#[test]
fn drawn_secrets_and_shares_are_distinct() {
    for group in GROUPS {
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..64 {
            let pair = KeyPair::from_seed(group, &random());
            assert!(seen.insert(pair.secret_bytes().expose().to_vec()));
            assert!(seen.insert(pair.share().x_coordinate().to_vec()));
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    for group in GROUPS {
        let pair = KeyPair::from_seed(group, &random());
        let text = format!("{pair:?}");
        let secret = format!("{:?}", pair.secret_bytes().expose());
        assert!(text.contains("share") && !text.contains(secret.trim_matches(['[', ']'])));
    }
    assert_eq!(format!("{:?}", pq::KeyPair::from_seed(&random())), "KeyPair { .. }");
}

#[test]
fn encodings_other_than_the_uncompressed_one_are_refused() {
    for group in NIST {
        let pair = KeyPair::from_seed(group, &random());
        let good = pair.share().as_bytes();
        let n = (good.len() - 1) / 2;
        for tag in (0..=255).filter(|t| *t != 4) {
            let mut bad = good.to_vec();
            bad[0] = tag;
            assert_eq!(reason(group, &bad), DecodeReason::NotCanonical);
        }
        let compressed = [&[2 | (good[2 * n] & 1)], &good[1..=n]].concat();
        assert_eq!(reason(group, &compressed), DecodeReason::NotCanonical);
        assert_eq!(reason(group, &[0]), DecodeReason::Infinity);
        assert_eq!(reason(group, &good[..2 * n]), DecodeReason::Truncated { expected: 2 * n + 1, got: 2 * n });
        assert_eq!(reason(group, &[good, &[0]].concat()), DecodeReason::Trailing { extra: 1 });
        // Zeros as coordinates are not infinity in disguise: b is not zero on these curves.
        let mut zeros = alloc::vec![0; 2 * n + 1];
        zeros[0] = 4;
        assert_eq!(reason(group, &zeros), DecodeReason::NotOnCurve);
    }
}

/// A decoder that reduces takes a small coordinate with and without the prime added, and one point has two encodings.
#[test]
fn coordinates_over_the_prime_are_refused() {
    for group in NIST {
        let pair = KeyPair::from_seed(group, &random());
        let n = (pair.share().as_bytes().len() - 1) / 2;
        for at in [1, 1 + n] {
            let mut bad = pair.share().as_bytes().to_vec();
            bad[at..at + n].fill(0xff);
            assert_eq!(reason(group, &bad), DecodeReason::NotCanonical);
        }
    }
    let pair = KeyPair::from_seed(Group::P521, &random());
    let mut bad = pair.share().as_bytes().to_vec();
    bad[1] |= 2;
    assert_eq!(reason(Group::P521, &bad), DecodeReason::NotCanonical);
    // P-256, x = 5 and x = 5 + p.
    let y = "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc";
    for (x, expected) in [
        ("0000000000000000000000000000000000000000000000000000000000000005", Ok(())),
        ("ffffffff00000001000000000000000000000001000000000000000000000004", Err(DecodeReason::NotCanonical)),
    ] {
        let got = Share::decode(Group::P256, &hex(&format!("04{x}{y}")));
        assert_eq!(got.map(drop).map_err(|e| e.reason), expected);
    }
}

#[test]
fn a_point_and_its_negative_have_one_x_coordinate_and_one_secret() {
    // -P for P-521, whose prime is all ones: y becomes its complement.
    let (a, b) = (KeyPair::from_seed(Group::P521, &random()), KeyPair::from_seed(Group::P521, &random()));
    let mut bytes = b.share().as_bytes().to_vec();
    for y in &mut bytes[67..] {
        *y = !*y;
    }
    bytes[67] &= 1;
    let negative = Share::decode(Group::P521, &bytes).unwrap();
    assert!(negative != *b.share() && negative.x_coordinate() == b.share().x_coordinate());
    let again = KeyPair::from_secret_bytes(Group::P521, a.secret_bytes().expose()).unwrap();
    assert_eq!(a.agree(&negative).unwrap().expose(), again.agree(b.share()).unwrap().expose());
}

#[test]
fn shares_of_another_group_are_refused() {
    let peer = KeyPair::from_seed(Group::P256, &random());
    for group in [Group::P384, Group::P521, Group::X25519] {
        let e = KeyPair::from_seed(group, &random()).agree(peer.share()).unwrap_err();
        assert_eq!(e.reason, DecodeReason::Inconsistent);
    }
}

/// RFC 7748 section 5.2, first vector and the iteration to 1,000.
#[test]
fn rfc7748_scalar_multiplication() {
    let agree = |k: &[u8], u: &[u8]| {
        let share = Share::decode(Group::X25519, u)?;
        KeyPair::from_secret_bytes(Group::X25519, k).unwrap().agree(&share)
    };
    let k = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let u = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    assert_eq!(
        agree(&k, &u).unwrap().expose(),
        hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    );
    // The second vector's u has the top bit set: the RFC masks it, we refuse it, and take the masked one.
    let k = hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    let mut u = hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    assert_eq!(agree(&k, &u).unwrap_err().reason, DecodeReason::NotCanonical);
    u[31] &= 0x7f;
    assert_eq!(
        agree(&k, &u).unwrap().expose(),
        hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")
    );
    let mut k = [0; 32];
    k[0] = 9;
    let mut u = k;
    for i in 1..=1000 {
        let next = agree(&k, &u).unwrap();
        u = k;
        k.copy_from_slice(next.expose());
        if i == 1 {
            assert_eq!(k, hex32("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
        }
    }
    assert_eq!(k, hex32("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

/// RFC 7748 section 6.1.
#[test]
fn rfc7748_diffie_hellman() {
    let pair = |s| KeyPair::from_secret_bytes(Group::X25519, &hex(s)).unwrap();
    let alice = pair("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = pair("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let (a, b) = (alice.share().clone(), bob.share().clone());
    assert_eq!(a.as_bytes(), hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    assert_eq!(b.as_bytes(), hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(alice.agree(&b).unwrap().expose(), shared);
    assert_eq!(bob.agree(&a).unwrap().expose(), shared);
}

#[test]
fn x25519_small_order_and_non_canonical_shares_are_refused() {
    for u in x25519::SMALL_ORDER {
        assert_eq!(reason(Group::X25519, &u), DecodeReason::NotInSubgroup);
        assert_eq!(x25519::unchecked(*random::<32>().expose(), u), [0; 32]);
    }
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0xed, 0x7f);
    for low in 0xed..=0xff {
        prime[0] = low;
        assert_eq!(reason(Group::X25519, &prime), DecodeReason::NotCanonical);
    }
    prime[0] = 0xeb; // p - 2, the largest that is neither
    assert!(Share::decode(Group::X25519, &prime).is_ok());
    let mut high = KeyPair::from_seed(Group::X25519, &random()).share().as_bytes().to_vec();
    high[31] |= 0x80;
    assert_eq!(reason(Group::X25519, &high), DecodeReason::NotCanonical);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decode_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..140), tagged: bool) {
        if tagged && let Some(first) = bytes.first_mut() {
            *first = 4;
        }
        for group in GROUPS {
            for bytes in [&bytes[..], bytes.get(..Share::size(group)).unwrap_or(&[])] {
                if let Ok(share) = Share::decode(group, bytes) {
                    prop_assert_eq!(share.as_bytes(), bytes);
                }
            }
            let _ = KeyPair::from_secret_bytes(group, &bytes);
        }
        let _ = pq::EncapsulationKey::decode(&bytes);
        let _ = pq::ciphertext(&bytes);
    }

    /// X25519 has no redundancy: there almost every string is a share, and only the seal around it notices a change.
    #[test]
    fn flipped_bits_of_a_nist_share_are_refused(seed in any::<[u8; 32]>(), at in 0..1064usize) {
        let mut wide = Secret::zero();
        wide.as_mut()[..32].copy_from_slice(&seed);
        for group in NIST {
            let mut bytes = KeyPair::from_seed(group, &wide).share().as_bytes().to_vec();
            let at = at % (bytes.len() * 8);
            bytes[at / 8] ^= 1 << (at % 8);
            prop_assert!(Share::decode(group, &bytes).is_err());
        }
    }
}

/// The example key of the IETF's certificate profile for ML-KEM (RFC 9935): seed `00 01 .. 3f`; of its encapsulation
/// key the SHA-256.
#[test]
fn ml_kem_768_known_key() {
    let pair = pq::KeyPair::from_seed(&Secret::new(core::array::from_fn(|i| i as u8)));
    let key = pair.encapsulation_key();
    assert_eq!(kdf::hash(&[&key]), hex32("0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9"));
    assert_eq!(pair.seed().expose()[63], 63);
}

#[test]
fn ml_kem_768_agrees_and_rejects_implicitly() {
    let seed = random::<64>();
    let pair = || pq::KeyPair::from_seed(&seed);
    let key = pq::EncapsulationKey::decode(&pair().encapsulation_key()).unwrap();
    let (sent, shared) = key.encapsulate(&random());
    let sent = pq::ciphertext(&sent).unwrap();
    assert_eq!(pair().decapsulate(sent).expose(), shared.expose());
    // FIPS 203 algorithm 18, line 7: J(z || c) is SHAKE256 to 32 bytes; z is the second half of the seed.
    for at in [0, 500, 1087] {
        let mut bad = *sent;
        bad[at] ^= 1;
        let mut xof = shake::Shake256::default();
        xof.update(&seed.expose()[32..]);
        xof.update(&bad);
        let mut rejected = [0; 32];
        xof.finalize_xof().read(&mut rejected);
        assert_eq!(pair().decapsulate(&bad).expose(), &rejected);
    }
}

#[test]
fn ml_kem_768_sizes_and_modulus_are_checked() {
    let good = pq::KeyPair::from_seed(&random()).encapsulation_key();
    // The 768 twelve-bit coefficients, little-endian, two in three bytes: set each in turn to 3328 and to 3329.
    for i in 0..768 {
        for (value, ok) in [(3328u16, true), (3329, false), (4095, false)] {
            let mut key = good;
            let (at, [low, high]) = (i / 2 * 3, value.to_le_bytes());
            if i % 2 == 0 {
                key[at] = low;
                key[at + 1] = key[at + 1] & 0xf0 | high;
            } else {
                key[at + 1] = key[at + 1] & 0x0f | low << 4;
                key[at + 2] = low >> 4 | high << 4;
            }
            assert_eq!(pq::EncapsulationKey::decode(&key).is_ok(), ok, "coefficient {i}");
        }
    }
    assert!(pq::EncapsulationKey::decode(&good[1..]).is_err());
    assert!(pq::EncapsulationKey::decode(&[&good[..], &[0]].concat()).is_err());
    assert!(pq::ciphertext(&[0; 1087]).is_err() && pq::ciphertext(&[0; 1089]).is_err());
}
