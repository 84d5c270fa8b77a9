//! The honest rival: the scheme of SPEC.md written straight on `blst`, `sha2`, `hkdf`, `aes-gcm` and `p256`, with every
//! trick that helps it, and without a line of this crate. So it is also a second implementation, and `tests/by_hand.rs` makes
//! the two agree on every byte.
//!
//! It is less than the crate in four ways, all in its favour: its added curve code is variable time (see `on_blst.rs`), it wipes
//! nothing, it does not parse identities (it compares and hashes their DER), and it keeps no replay cache.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each user takes its part

#[cfg(feature = "parallel")]
#[path = "by_hand_bulk.rs"]
pub mod bulk;
#[path = "by_hand_exchange.rs"]
pub mod exchange;
#[path = "on_blst.rs"]
pub mod on_blst;

use std::sync::OnceLock;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use blst::{blst_p1, blst_p1_affine, blst_p2, blst_p2_affine, blst_scalar};
use hkdf::{Hkdf, HkdfExtract};
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use on_blst::{FewPowers, Lines, ManyPowers, TableG2};

const DST_H1: &[u8] = b"IBAKE-V01-BF-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// `lp(x)`.
pub fn lp(x: &[u8]) -> [u8; 4] {
    (x.len() as u32).to_be_bytes()
}

/// `"name"` of SPEC.md.
pub fn tag(name: &str) -> Vec<u8> {
    let text = [b"IBAKE-V01 ", name.as_bytes()].concat();
    [&lp(&text)[..], &text].concat()
}

/// SHA-256 over parts.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |h, part| h.chain_update(part)).finalize().into()
}

/// HKDF-Extract over parts.
pub fn ext(salt: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut h = HkdfExtract::<Sha256>::new(Some(salt));
    parts.iter().for_each(|part| h.input_ikm(part));
    h.finalize().0.into()
}

/// HKDF-Expand over parts.
pub fn exp<const N: usize>(prk: &[u8; 32], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand_multi_info(info, &mut out).unwrap();
    out
}

/// AES-256-GCM with a zero nonce.
pub fn gcm_seal(key: &[u8; 32], ad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plaintext.len() + 16);
    out.extend_from_slice(plaintext);
    Aes256Gcm::new(key.into()).encrypt_in_place(&[0; 12].into(), ad, &mut out).unwrap();
    out
}

/// The inverse of [`gcm_seal`].
pub fn gcm_open(key: &[u8; 32], ad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut out = sealed.to_vec();
    Aes256Gcm::new(key.into()).decrypt_in_place(&[0; 12].into(), ad, &mut out).ok()?;
    Some(out)
}

fn random<const N: usize, R: TryCryptoRng>(rng: &mut R) -> [u8; N] {
    let mut out = [0; N];
    assert!(rng.try_fill_bytes(&mut out).is_ok());
    out
}

fn p2_table() -> &'static TableG2 {
    static TABLE: OnceLock<TableG2> = OnceLock::new();
    TABLE.get_or_init(|| TableG2::new(&on_blst::generator_g2()))
}

fn p2_lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| Lines::new(&on_blst::generator_g2()))
}

/// A district as its users hold it.
pub struct District {
    pub name: String,
    pub serial: u64,
    pub fingerprint: [u8; 32],
    p_pub: [u8; 96],
    lines: Lines,
}

impl District {
    pub fn new(name: &str, serial: u64, fingerprint: [u8; 32], p_pub: &[u8; 96]) -> Self {
        let point = on_blst::from_affine_g2(&on_blst::decode_g2(p_pub).unwrap());
        Self { name: name.into(), serial, fingerprint, p_pub: *p_pub, lines: Lines::new(&point) }
    }

    /// `u16 length || district || u64 serial || u64 start || u8 granularity`.
    pub fn key_ref(&self, start: u64, granularity: u8) -> Vec<u8> {
        let length = (self.name.len() as u16).to_be_bytes();
        let (serial, start) = (self.serial.to_be_bytes(), start.to_be_bytes());
        [&length[..], self.name.as_bytes(), &serial, &start, &[granularity]].concat()
    }

    fn pkctx(&self, der: &[u8]) -> [u8; 32] {
        hash(&[&tag("id"), &[0, 1], &self.p_pub, &lp(der), der])
    }
}

/// An identity: its DER and the key reference that goes with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    pub der: Vec<u8>,
    pub key_ref: Vec<u8>,
}

/// A master key.
pub struct Master {
    s: blst_scalar,
    twice: blst_scalar,
}

impl Master {
    pub fn new(bytes: &[u8; 32]) -> Self {
        let s = on_blst::scalar(bytes);
        Self { twice: on_blst::twice(&s), s }
    }

    /// `P_pub`.
    pub fn public(&self) -> [u8; 96] {
        on_blst::encode_g2(&p2_table().mul(&self.s))
    }

    /// `[s]Q_ID`, checked by `[2s]Q = d + d`, encoded.
    pub fn extract(&self, district: &District, identity: &Identity) -> Key {
        let q = on_blst::hash_g1(&identity.der, DST_H1);
        let d = on_blst::mul_g1(&q, &self.s);
        assert!(on_blst::same_g1(&on_blst::mul_g1(&q, &self.twice), &on_blst::double_g1(&d)));
        Key::new(district, identity, &d)
    }
}

/// A private key.
pub struct Key {
    pub identity: Identity,
    pub encoded: [u8; 48],
    fingerprint: [u8; 32],
    d: blst_p1_affine,
    pkctx: [u8; 32],
}

impl Key {
    fn new(district: &District, identity: &Identity, d: &blst_p1) -> Self {
        let pkctx = district.pkctx(&identity.der);
        let encoded = on_blst::encode_g1(d);
        let (d, fingerprint) = (on_blst::to_affine_g1(d), district.fingerprint);
        Self { identity: identity.clone(), encoded, fingerprint, d, pkctx }
    }

    pub fn from_bytes(district: &District, identity: &Identity, bytes: &[u8; 48]) -> Option<Self> {
        Some(Self::new(district, identity, &on_blst::decode_g1(bytes)?))
    }

    /// `e(d, P2) = e(Q, P_pub)`.
    pub fn verify(&self, district: &District) -> bool {
        let q = on_blst::hash_g1(&self.identity.der, DST_H1);
        let d = on_blst::from_affine_g1(&self.d);
        self.fingerprint == district.fingerprint && on_blst::same_pairing_shared(&d, p2_lines(), &q, &district.lines)
    }

    /// The KEM secret of `U || V`.
    pub fn decapsulate(&self, kem: &Encapsulation) -> [u8; 32] {
        let gt = on_blst::pairing(&self.d, &kem.point);
        let mut sigma = mask(&gt, &self.pkctx, kem.u());
        sigma.iter_mut().zip(kem.v()).for_each(|(s, v)| *s ^= v);
        let again = p2_table().mul(&coin(&sigma, &self.pkctx));
        let z = exp(&ext(&tag("z"), &[&self.encoded]), &[&self.pkctx]);
        let rejected = secret("rej", &z, &self.pkctx, &kem.bytes);
        let accepted = secret("K", &sigma, &self.pkctx, &kem.bytes);
        if on_blst::same_g2(&again, &on_blst::from_affine_g2(&kem.point)) { accepted } else { rejected }
    }

    /// Hedged randomness.
    fn hedge<const N: usize, R: TryCryptoRng>(
        &self,
        name: &str,
        session: &[u8; 16],
        h: &[u8; 32],
        rng: &mut R,
    ) -> [u8; N] {
        exp(&ext(&random::<32, R>(rng), &[&self.encoded]), &[&tag(name), session, h])
    }
}

fn coin(sigma: &[u8; 32], pkctx: &[u8; 32]) -> blst_scalar {
    on_blst::scalar_from_wide(&exp(&ext(&tag("H3"), &[sigma]), &[pkctx]))
}

fn mask(gt: &blst::blst_fp12, pkctx: &[u8; 32], u: &[u8]) -> [u8; 32] {
    exp(&ext(&tag("H2"), &[&on_blst::gt_bytes(gt)]), &[pkctx, u])
}

fn secret(name: &str, key: &[u8; 32], pkctx: &[u8; 32], kem: &[u8; 128]) -> [u8; 32] {
    exp(&ext(&tag(name), &[key]), &[pkctx, kem])
}

/// `U || V` with `U` decoded and checked.
pub struct Encapsulation {
    point: blst_p2_affine,
    bytes: [u8; 128],
}

impl Encapsulation {
    pub fn decode(bytes: &[u8; 128]) -> Option<Self> {
        let u = bytes.first_chunk::<96>()?;
        Some(Self { point: on_blst::decode_g2(u)?, bytes: *bytes })
    }

    fn u(&self) -> &[u8] {
        &self.bytes[..96]
    }

    fn v(&self) -> &[u8] {
        &self.bytes[96..]
    }
}

/// Somebody to encrypt to, prepared as it is cheapest for the number of messages to come.
pub struct Recipient<'d> {
    pub identity: Identity,
    district: &'d District,
    pkctx: [u8; 32],
    base: Base,
}

enum Base {
    Point(blst_p1),
    Few(FewPowers),
    Many(ManyPowers),
}

impl<'d> Recipient<'d> {
    fn new(district: &'d District, identity: &Identity, base: impl FnOnce(blst_p1) -> Base) -> Self {
        let q = on_blst::hash_g1(&identity.der, DST_H1);
        Self { identity: identity.clone(), district, pkctx: district.pkctx(&identity.der), base: base(q) }
    }

    /// For one message: `e([k]Q, P_pub)`.
    pub fn for_one(district: &'d District, identity: &Identity) -> Self {
        Self::new(district, identity, Base::Point)
    }

    /// For two messages: `e(Q, P_pub)` once and two powers.
    pub fn for_two(district: &'d District, identity: &Identity) -> Self {
        Self::new(district, identity, |q| Base::Few(FewPowers::new(&on_blst::pairing_prepared(&q, &district.lines))))
    }

    /// For many messages: a comb for the powers.
    pub fn for_many(district: &'d District, identity: &Identity) -> Self {
        Self::new(district, identity, |q| Base::Many(ManyPowers::new(&on_blst::pairing_prepared(&q, &district.lines))))
    }

    /// `U || V` and the secret.
    pub fn encapsulate(&self, sigma: &[u8; 32]) -> ([u8; 128], [u8; 32]) {
        let k = coin(sigma, &self.pkctx);
        let gt = match &self.base {
            Base::Point(q) => on_blst::pairing_prepared(&on_blst::mul_g1(q, &k), &self.district.lines),
            Base::Few(table) => table.pow(&k),
            Base::Many(table) => table.pow(&k),
        };
        let u = on_blst::encode_g2(&p2_table().mul(&k));
        let mut v = mask(&gt, &self.pkctx, &u);
        v.iter_mut().zip(sigma).for_each(|(v, s)| *v ^= s);
        let mut kem = [0; 128];
        kem[..96].copy_from_slice(&u);
        kem[96..].copy_from_slice(&v);
        (kem, secret("K", sigma, &self.pkctx, &kem))
    }

    /// A sealed box under AES-256-GCM.
    pub fn seal<R: TryCryptoRng>(&self, ad: &[u8], plaintext: &[u8], rng: &mut R) -> Vec<u8> {
        let (kem, k) = self.encapsulate(&random(rng));
        let mut out = [&[1, 0, 1, 1], &self.identity.key_ref[..], &kem].concat();
        let sealed = gcm_seal(&box_key(&k), &box_ad(&out, ad), plaintext);
        out.reserve(4 + sealed.len());
        out.extend_from_slice(&lp(&sealed));
        out.extend_from_slice(&sealed);
        out
    }
}

/// Opens a sealed box with the one key that it may be for.
pub fn open(key: &Key, ad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let header = [&[1, 0, 1, 1], &key.identity.key_ref[..]].concat();
    let rest = sealed.strip_prefix(&header[..])?;
    let (kem, rest) = rest.split_first_chunk::<128>()?;
    let (length, ciphertext) = rest.split_first_chunk::<4>()?;
    if *length != lp(ciphertext) {
        return None;
    }
    let k = key.decapsulate(&Encapsulation::decode(kem)?);
    gcm_open(&box_key(&k), &box_ad(&sealed[..header.len() + 128], ad), ciphertext)
}

fn box_key(k: &[u8; 32]) -> [u8; 32] {
    exp(k, &[&tag("box"), &[1]])
}

fn box_ad(bound: &[u8], ad: &[u8]) -> Vec<u8> {
    [&lp(bound)[..], bound, &lp(ad), ad].concat()
}

/// `[k]P2` alone, for the comparison of tables.
pub fn mul_generator(k: &blst_scalar) -> blst_p2 {
    p2_table().mul(k)
}
