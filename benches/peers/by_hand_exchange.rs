//! The exchange of SPEC.md section 5 by hand: suite 0x0001 (P-256, AES-256-GCM), no hint, no application data.
//!
//! Random bytes are drawn in the order of the crate, so that one generator gives the same messages.

use p256::elliptic_curve::Group as _;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
use rand_core::TryCryptoRng;

use super::{District, Encapsulation, Identity, Key, Recipient, exp, ext, gcm_open, gcm_seal, hash, lp, random, tag};

const SUITE: u16 = 1;
/// The suite list of either side: this one suite.
const SUITES: [u8; 3] = [1, 0, 1];

/// `OS2IP(seed) mod n`.
fn scalar(seed: &[u8; 96]) -> Scalar {
    let base = Scalar::from(1u64 << 32).square();
    seed.chunks_exact(8).fold(Scalar::ZERO, |k, c| k * base + Scalar::from(u64::from_be_bytes(c.try_into().unwrap())))
}

fn share(k: &Scalar) -> [u8; 65] {
    let point: AffinePoint = ProjectivePoint::mul_by_generator(k).into();
    let mut out = [4; 65];
    out[1..33].copy_from_slice(&point.x());
    out[33..].copy_from_slice(&point.y());
    out
}

fn point(share: &[u8]) -> Option<AffinePoint> {
    let (4, xy) = share.split_first()? else { return None };
    let (x, y) = (xy.get(..32)?, xy.get(32..)?);
    AffinePoint::from_coordinates(&FieldBytes::try_from(x).ok()?, &FieldBytes::try_from(y).ok()?).into_option()
}

fn agree(k: &Scalar, other: &AffinePoint) -> [u8; 32] {
    let product: AffinePoint = (ProjectivePoint::from(*other) * k).into();
    product.x().into()
}

/// Chaining key and transcript hash.
#[derive(Clone)]
struct Schedule {
    ck: [u8; 32],
    h: [u8; 32],
}

impl Schedule {
    fn new(fp_i: &[u8; 32], fp_r: &[u8; 32]) -> Self {
        let h = hash(&[&tag("ake"), &[0, 1], &SUITE.to_be_bytes(), fp_i, fp_r]);
        Self { ck: h, h }
    }

    fn mix(&mut self, k: &[u8; 32]) {
        self.ck = ext(&self.ck, &[&lp(k), k]);
    }

    fn mix_last(&mut self, k: &[u8; 32], dh: &[u8; 32]) {
        self.ck = ext(&self.ck, &[&lp(k), k, &lp(dh), dh, &[0; 4]]);
    }

    fn key_and_ad(&self, n: u8, header: &[u8], kem: &[u8]) -> ([u8; 32], Vec<u8>) {
        let ad = [&tag("ad"), &[n][..], &lp(&self.h), &self.h, &lp(header), header, kem].concat();
        (exp(&self.ck, &[&tag("seal"), &[n], &hash(&[&ad])]), ad)
    }

    fn advance(&mut self, message: &[u8]) {
        self.h = hash(&[&tag("tr"), &lp(&self.h), &self.h, &lp(message), message]);
    }

    fn seal(&mut self, n: u8, header: &[u8], kem: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (key, ad) = self.key_and_ad(n, header, kem);
        let message = [header, kem, &gcm_seal(&key, &ad, plaintext)].concat();
        self.advance(&message);
        message
    }

    fn open(&mut self, n: u8, header: &[u8], kem: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let (key, ad) = self.key_and_ad(n, header, kem);
        let plaintext = gcm_open(&key, &ad, message.get(header.len() + kem.len()..)?)?;
        self.advance(message);
        Some(plaintext)
    }
}

fn header(n: u8, sid_i: &[u8; 16], sid_r: &[u8; 16], i: &[u8], r: &[u8]) -> Vec<u8> {
    let tail: &[u8] = if n == 1 { &[1, 0, 1, 0] } else { &[] };
    [&[0, 1, 0, 1, n], &sid_i[..], sid_r, i, r, tail].concat()
}

fn fields(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for part in parts {
        out.extend_from_slice(&(part.len() as u16).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn extension(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let (value, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    Some(value)
}

fn take_extension<'a>(rest: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    *rest = rest.strip_prefix(&[kind])?;
    take(rest)
}

/// Splits off the header that is expected and the encapsulation.
fn kem_of<'a>(message: &'a [u8], header: &[u8]) -> Option<&'a [u8; 128]> {
    message.strip_prefix(header)?.first_chunk()
}

fn sid_r_of(message: &[u8]) -> Option<[u8; 16]> {
    message.get(21..37)?.try_into().ok()
}

fn commitment(sid_i: &[u8; 16], sid_r: &[u8; 16], h1: &[u8; 32], nonce_r: &[u8]) -> [u8; 32] {
    hash(&[&tag("sas-commit"), sid_i, sid_r, h1, nonce_r])
}

/// What both ends have afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    exporter: [u8; 32],
    pub sas: u32,
}

impl Session {
    fn new(schedule: &Schedule, h3: &[u8; 32], input: [&[u8]; 6]) -> Self {
        let s: [u8; 32] = exp(&schedule.ck, &[&tag("sas"), h3]);
        let mut ikm = [&lp(&s)[..], &s].concat();
        for field in input {
            ikm.extend_from_slice(&lp(field));
            ikm.extend_from_slice(field);
        }
        let sas = u32::from_be_bytes(exp(&ext(h3, &[&ikm]), &[&tag("sas")]));
        Self { exporter: exp(&schedule.ck, &[&tag("exporter"), h3]), sas }
    }

    pub fn export<const N: usize>(&self, label: &[u8], context: &[u8]) -> [u8; N] {
        exp(&self.exporter, &[&lp(label), label, &hash(&[context]), &(N as u16).to_be_bytes()])
    }
}

/// The initiator after M1.
#[derive(Clone)]
pub struct AwaitM2 {
    schedule: Schedule,
    sid_i: [u8; 16],
    x: Scalar,
    share: [u8; 65],
}

/// M1.
pub fn start<R: TryCryptoRng>(own: &Key, peer: &Recipient<'_>, rng: &mut R) -> (AwaitM2, Vec<u8>) {
    let sid_i = random(rng);
    let mut schedule = Schedule::new(&own.fingerprint, &peer.district.fingerprint);
    let h0 = schedule.h;
    let x = scalar(&own.hedge("x", &sid_i, &h0, rng));
    let share = share(&x);
    let header = header(1, &sid_i, &[0; 16], &own.identity.key_ref, &peer.identity.key_ref);
    let (kem, k1) = peer.encapsulate(&own.hedge("sigma", &sid_i, &h0, rng));
    schedule.mix(&k1);
    let m1 = schedule.seal(1, &header, &kem, &fields(&[&own.identity.der, &peer.identity.der, &share]));
    (AwaitM2 { schedule, sid_i, x, share }, m1)
}

/// The initiator after M3.
pub struct Unconfirmed {
    schedule: Schedule,
    sid_i: [u8; 16],
    sid_r: [u8; 16],
    own: Identity,
    peer: Identity,
    x: [u8; 65],
    y: [u8; 65],
    nonce_i: [u8; 32],
    committed: [u8; 32],
    h1: [u8; 32],
}

impl AwaitM2 {
    /// M2 in, M3 out.
    pub fn receive<R: TryCryptoRng>(
        self,
        m2: &[u8],
        own: &Key,
        peer: &Recipient<'_>,
        rng: &mut R,
    ) -> Option<(Unconfirmed, Vec<u8>)> {
        let Self { mut schedule, sid_i, x, share } = self;
        let sid_r = sid_r_of(m2)?;
        let refs = (&own.identity.key_ref, &peer.identity.key_ref);
        let expected = header(2, &sid_i, &sid_r, refs.0, refs.1);
        let kem = kem_of(m2, &expected)?;
        let h1 = schedule.h;
        schedule.mix(&own.decapsulate(&Encapsulation::decode(kem)?));
        let opened = schedule.open(2, &expected, kem, m2)?;
        let mut rest = &opened[..];
        let ids = take(&mut rest)? == own.identity.der && take(&mut rest)? == peer.identity.der;
        let ours = take(&mut rest)? == share;
        let y: [u8; 65] = take(&mut rest)?.try_into().ok()?;
        let suites = take_extension(&mut rest, 3)? == SUITES;
        let committed = take_extension(&mut rest, 4)?.try_into().ok()?;
        if !ids || !ours || !suites || !rest.is_empty() || y[1..33] == share[1..33] {
            return None;
        }
        let dh = agree(&x, &point(&y)?);
        let h2 = schedule.h;
        let nonce_i: [u8; 32] = own.hedge("nonce", &sid_i, &h2, rng);
        let (kem, k3) = peer.encapsulate(&own.hedge("sigma", &sid_i, &h2, rng));
        schedule.mix_last(&k3, &dh);
        let mut body = fields(&[&own.identity.der, &peer.identity.der, &y]);
        extension(&mut body, 5, &nonce_i);
        let m3 = schedule.seal(3, &header(3, &sid_i, &sid_r, refs.0, refs.1), &kem, &body);
        let (own, peer) = (own.identity.clone(), peer.identity.clone());
        Some((Unconfirmed { schedule, sid_i, sid_r, own, peer, x: share, y, nonce_i, committed, h1 }, m3))
    }
}

impl Unconfirmed {
    /// M4 in.
    pub fn receive(self, m4: &[u8]) -> Option<Session> {
        let Self { mut schedule, sid_i, sid_r, own, peer, x, y, nonce_i, committed, h1 } = self;
        let expected = header(4, &sid_i, &sid_r, &own.key_ref, &peer.key_ref);
        m4.strip_prefix(&expected[..])?;
        let h3 = schedule.h;
        let opened = schedule.open(4, &expected, &[], m4)?;
        let mut rest = &opened[..];
        let nonce_r = take_extension(&mut rest, 6)?;
        if !rest.is_empty() || commitment(&sid_i, &sid_r, &h1, nonce_r) != committed {
            return None;
        }
        Some(Session::new(&schedule, &h3, [&own.der, &peer.der, &x, &y, &nonce_i, nonce_r]))
    }
}

/// The responder after M2.
#[derive(Clone)]
pub struct AwaitM3 {
    schedule: Schedule,
    sid_i: [u8; 16],
    sid_r: [u8; 16],
    initiator: Identity,
    x: AffinePoint,
    x_bytes: [u8; 65],
    y: Scalar,
    y_bytes: [u8; 65],
    nonce_r: [u8; 32],
}

/// M1 in, M2 out. `cached` is the initiator, if the responder keeps it.
pub fn accept<R: TryCryptoRng>(
    m1: &[u8],
    key: &Key,
    districts: &[District],
    cached: Option<&Recipient<'_>>,
    rng: &mut R,
) -> Option<(AwaitM3, Vec<u8>)> {
    let sid_i: [u8; 16] = m1.get(5..21)?.try_into().ok()?;
    let length = usize::from(u16::from_be_bytes(m1.get(37..39)?.try_into().ok()?));
    let reference = m1.get(37..37 + 2 + length + 17)?;
    let serial = u64::from_be_bytes(reference.get(2 + length..10 + length)?.try_into().ok()?);
    let name = &reference[2..2 + length];
    let district = districts.iter().find(|d| d.name.as_bytes() == name && d.serial == serial)?;
    let expected = header(1, &sid_i, &[0; 16], reference, &key.identity.key_ref);
    let kem = kem_of(m1, &expected)?;
    let mut schedule = Schedule::new(&district.fingerprint, &key.fingerprint);
    schedule.mix(&key.decapsulate(&Encapsulation::decode(kem)?));
    let opened = schedule.open(1, &expected, kem, m1)?;
    let mut rest = &opened[..];
    let initiator = Identity { der: take(&mut rest)?.to_vec(), key_ref: reference.to_vec() };
    let called = take(&mut rest)?;
    let x_bytes: [u8; 65] = take(&mut rest)?.try_into().ok()?;
    if called != key.identity.der || initiator.der == key.identity.der || !rest.is_empty() {
        return None;
    }
    let x = point(&x_bytes)?;

    let h1 = schedule.h;
    let sid_r = random(rng);
    let y = scalar(&key.hedge("y", &sid_r, &h1, rng));
    let y_bytes = share(&y);
    let nonce_r: [u8; 32] = key.hedge("nonce", &sid_r, &h1, rng);
    let mut body = fields(&[&initiator.der, called, &x_bytes, &y_bytes]);
    extension(&mut body, 3, &SUITES);
    extension(&mut body, 4, &commitment(&sid_i, &sid_r, &h1, &nonce_r));
    let cold;
    let recipient = match cached {
        Some(cached) if cached.identity == initiator => cached,
        _ => {
            cold = Recipient::for_one(district, &initiator);
            &cold
        }
    };
    let (kem, k2) = recipient.encapsulate(&key.hedge("sigma", &sid_r, &h1, rng));
    schedule.mix(&k2);
    let m2 = schedule.seal(2, &header(2, &sid_i, &sid_r, reference, &key.identity.key_ref), &kem, &body);
    Some((AwaitM3 { schedule, sid_i, sid_r, initiator, x, x_bytes, y, y_bytes, nonce_r }, m2))
}

impl AwaitM3 {
    /// M3 in, M4 out.
    pub fn receive(self, m3: &[u8], key: &Key) -> Option<(Session, Vec<u8>)> {
        let Self { mut schedule, sid_i, sid_r, initiator, x, x_bytes, y, y_bytes, nonce_r } = self;
        let refs = (&initiator.key_ref, &key.identity.key_ref);
        let expected = header(3, &sid_i, &sid_r, refs.0, refs.1);
        let kem = kem_of(m3, &expected)?;
        let dh = agree(&y, &x);
        schedule.mix_last(&key.decapsulate(&Encapsulation::decode(kem)?), &dh);
        let opened = schedule.open(3, &expected, kem, m3)?;
        let mut rest = &opened[..];
        let ids = take(&mut rest)? == initiator.der && take(&mut rest)? == key.identity.der;
        let ours = take(&mut rest)? == y_bytes;
        let nonce_i = take_extension(&mut rest, 5)?;
        if !ids || !ours || !rest.is_empty() {
            return None;
        }
        let h3 = schedule.h;
        let input = [&initiator.der[..], &key.identity.der, &x_bytes, &y_bytes, nonce_i, &nonce_r];
        let session = Session::new(&schedule, &h3, input);
        let mut body = Vec::new();
        extension(&mut body, 6, &nonce_r);
        let m4 = schedule.seal(4, &header(4, &sid_i, &sid_r, refs.0, refs.1), &[], &body);
        Some((session, m4))
    }
}
