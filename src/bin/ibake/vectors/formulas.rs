//! The formulas of SPEC.md that the library keeps inside, written again over its public hash and points.

use ibake::aead;
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::params::Description;
use ibake::ibe::{Identity, PublicParameters};
use ibake::kdf::{Prk, hash, label};
use ibake::secret::Secret;
use ibake::suite::Aead;

use super::fault::{Fault, agree};

/// `r`, big-endian.
pub(crate) const R: [u8; 32] = [
    0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8, 0x08, 0x09, 0xa1, 0xd8, 0x05, 0x53, 0xbd, 0xa4,
    0x02, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
];
/// `p`, big-endian.
const P: [u8; 48] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7, 0x64, 0x77, 0x4b,
    0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24, 0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53,
    0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

pub(crate) fn lp(x: &[u8]) -> Vec<u8> {
    [&ibake::encoding::lp(x)[..], x].concat()
}

pub(crate) fn ext(salt: &[u8], ikm: &[u8]) -> Prk {
    Prk::extract(salt, &[ikm])
}

/// `Exp(prk, info, N)`.
pub(crate) fn exp<const N: usize>(prk: &Prk, info: &[&[u8]]) -> [u8; N] {
    *prk.expand::<N>(info).expose()
}

/// `Exp(key, info, 32)` under 32 bytes taken as a pseudo-random key.
pub(crate) fn exp_key(key: &[u8; 32], info: &[&[u8]]) -> [u8; 32] {
    exp(&Prk::from_secret(Secret::new(*key)), info)
}

/// `OS2IP(bytes) mod m`, one bit at a time: `m` has at least one zero bit in front.
fn modulo<const N: usize>(bytes: &[u8], m: &[u8; N]) -> [u8; N] {
    let mut out = [0u8; N];
    for bit in bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)) {
        let mut carry = bit;
        for o in out.iter_mut().rev() {
            (*o, carry) = (*o << 1 | carry, *o >> 7);
        }
        if out >= *m {
            let mut borrow = 0;
            for (o, m) in out.iter_mut().zip(m).rev() {
                let d = i16::from(*o) - i16::from(*m) - borrow;
                (*o, borrow) = (d as u8, i16::from(d < 0));
            }
        }
    }
    out
}

/// 2.4: a scalar from 48 bytes.
pub(crate) fn scalar(wide: &[u8; 48]) -> [u8; 32] {
    modulo(wide, &R)
}

/// `expand_message_xmd` of RFC 9380 section 5.3.1 with SHA-256 to 128 bytes, and the two field elements of it.
pub(crate) fn hash_to_field(message: &[u8], dst: &[u8]) -> ([u8; 128], [[u8; 48]; 2]) {
    let dst = [dst, &[dst.len() as u8]].concat();
    let first = hash(&[&[0; 64], message, &[0, 128], &[0], &dst]);
    let mut block = [0; 32];
    let mut out = [0; 128];
    for (i, chunk) in (1u8..).zip(out.chunks_mut(32)) {
        block.iter_mut().zip(first).for_each(|(b, f)| *b ^= f);
        block = hash(&[&block, &[i], &dst]);
        chunk.copy_from_slice(&block);
    }
    let (u0, u1) = out.split_at(64);
    (out, [modulo(u0, &P), modulo(u1, &P)])
}

/// `pkctx(ID)`.
pub(crate) fn pkctx(parameters: &PublicParameters, identity: &Identity) -> [u8; 32] {
    hash(&[label("id").as_ref(), &1u16.to_be_bytes(), parameters.p_pub_bytes(), &lp(identity.der())])
}

/// The fingerprint of 3.4, from the parts.
pub(crate) fn fingerprint(d: &Description, p_pub: &[u8; 96]) -> [u8; 32] {
    use ibake::ibe::oid;
    hash(&[
        label("params").as_ref(),
        &lp(d.district.as_str().as_bytes()),
        &d.serial.to_be_bytes(),
        &lp(oid::ALGORITHM.content()),
        p_pub,
        &lp(oid::FAMILY.content()),
        &[d.granularity.id()],
    ])
}

/// A description whose validity is exactly the period of an identity.
pub(crate) fn around(identity: &Identity) -> Description {
    Description {
        district: identity.district().clone(),
        serial: identity.serial(),
        not_before: identity.period().start(),
        not_after: identity.period().end() - 1,
        granularity: identity.period().granularity(),
        pkg_uri: None,
    }
}

/// `[s]H1(ID)` for any nonzero `s`, as a key-generation server of that `s` would issue it.
pub(crate) fn multiple_of_h1(identity: &Identity, s: &[u8; 32]) -> Result<[u8; 48], Fault> {
    let master = MasterKey::from_bytes(s)?;
    let parameters = master.public_parameters(around(identity))?;
    Ok(point(&master.issuer(parameters)?.extract(identity)?))
}

/// `Q_ID = H1(ID)`: what the master key 1 issues.
pub(crate) fn h1(identity: &Identity) -> Result<[u8; 48], Fault> {
    multiple_of_h1(identity, &one())
}

/// `[k]P2`: the `P_pub` of the master key `k`.
pub(crate) fn multiple_of_p2(identity: &Identity, k: &[u8; 32]) -> Result<[u8; 96], Fault> {
    Ok(*MasterKey::from_bytes(k)?.public_parameters(around(identity))?.p_pub_bytes())
}

pub(crate) fn one() -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    one
}

/// `enc48(d_ID)`: the end of a stored key (4.7).
pub(crate) fn point(key: &PrivateKey) -> [u8; 48] {
    key.to_bytes().expose().last_chunk().copied().unwrap_or([0; 48])
}

/// One encapsulation with every value on the way. `gt` is not here: see [`check_gt`].
#[derive(Clone, Debug)]
pub(crate) struct Encapsulated {
    pub(crate) pkctx: [u8; 32],
    pub(crate) k: [u8; 32],
    pub(crate) u: [u8; 96],
    pub(crate) v: [u8; 32],
    pub(crate) key: [u8; 32],
}

impl Encapsulated {
    /// The library's encapsulation under this `sigma`, its `U` and `K` checked by the formulas of section 4.
    pub(crate) fn new(parameters: &PublicParameters, identity: &Identity, sigma: &[u8; 32]) -> Result<Self, Fault> {
        let mut rng = super::rng::Script::new(vec![sigma.to_vec()]);
        let recipient = ibake::ibe::kem::Recipient::new(parameters, identity)?;
        let (encapsulation, key) = recipient.encapsulate(&mut rng)?;
        let (u, v) = (*encapsulation.u(), *encapsulation.v());
        let pkctx = pkctx(parameters, identity);
        let k = coin(sigma, &pkctx);
        agree("U", multiple_of_p2(identity, &k)? == u)?;
        let key = *key.expose();
        agree("K", final_key("K", sigma, &pkctx, &u, &v) == key)?;
        Ok(Self { pkctx, k, u, v, key })
    }

    /// What `V` is masked with.
    pub(crate) fn mask(&self, sigma: &[u8; 32]) -> [u8; 32] {
        xor(&self.v, sigma)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.u[..], &self.v].concat()
    }
}

/// `k`.
pub(crate) fn coin(sigma: &[u8; 32], pkctx: &[u8; 32]) -> [u8; 32] {
    scalar(&exp(&ext(label("H3").as_ref(), sigma), &[pkctx]))
}

/// `Exp(Ext(name, secret), pkctx || U || V, 32)`: `K` and `K_rej`.
pub(crate) fn final_key(name: &str, secret: &[u8; 32], pkctx: &[u8; 32], u: &[u8], v: &[u8]) -> [u8; 32] {
    exp(&ext(label(name).as_ref(), secret), &[pkctx, u, v])
}

/// `z`.
pub(crate) fn z(d_id: &[u8; 48], pkctx: &[u8; 32]) -> [u8; 32] {
    exp(&ext(label("z").as_ref(), d_id), &[pkctx])
}

/// Whether `gt` gives this mask. As `H2` is a hash, no other `gt` does.
pub(crate) fn check_gt(gt: &[u8], pkctx: &[u8; 32], u: &[u8; 96], mask: &[u8; 32]) -> Result<(), Fault> {
    agree("V, computed from gt,", exp::<32>(&ext(label("H2").as_ref(), gt), &[pkctx, u]) == *mask)
}

/// `e([k]Q_ID, P_pub)`, where the build has the curve.
pub(crate) fn gt(parameters: &PublicParameters, identity: &Identity, k: &[u8; 32]) -> Result<Option<Vec<u8>>, Fault> {
    #[cfg(feature = "hazmat")]
    {
        use ibake::curve::{G1, Scalar, pairing_prepared};
        let q_id = G1::hash(identity.der(), ibake::suite::DST_H1);
        let gt = pairing_prepared(&q_id.mul(&Scalar::from_be_bytes(k)?), parameters.p_pub_prepared());
        Ok(Some(gt.to_bytes().expose().to_vec()))
    }
    #[cfg(not(feature = "hazmat"))]
    {
        let _ = (parameters, identity, k);
        Ok(None)
    }
}

pub(crate) fn xor(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut out = *a;
    out.iter_mut().zip(b).for_each(|(o, b)| *o ^= b);
    out
}

/// 4.2: a hedged secret.
pub(crate) fn hedged<const N: usize>(
    fresh: &[u8],
    own: &[u8; 48],
    name: &str,
    session: &[u8; 16],
    hash: &[u8; 32],
) -> [u8; N] {
    exp(&ext(fresh, own), &[label(name).as_ref(), session, hash])
}

/// 4.5, as the library writes it into a box to this identity.
pub(crate) fn key_reference(identity: &Identity) -> Vec<u8> {
    let district = identity.district().as_str().as_bytes();
    let period = identity.period();
    [
        &(district.len() as u16).to_be_bytes()[..],
        district,
        &identity.serial().to_be_bytes(),
        &period.start().to_be_bytes(),
        &[period.granularity().id()],
    ]
    .concat()
}

/// `salt || H("hint" || salt || lp(ID))[0..8]`.
pub(crate) fn hint(salt: &[u8; 8], id: &[u8]) -> [u8; 16] {
    let digest = hash(&[label("hint").as_ref(), salt, &lp(id)]);
    let mut out = [0; 16];
    out.iter_mut().zip(salt.iter().chain(&digest)).for_each(|(o, b)| *o = *b);
    out
}

/// The AEAD with nonce zero.
pub(crate) fn seal(aead: Aead, key: &[u8; 32], ad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    aead::seal(aead, key, ad, plaintext)
}
