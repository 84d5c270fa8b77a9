//! The ECC Diffie-Hellman values of a call: drawing them, reading them, and K_SESSION.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use crate::dh::{self, Share, pq};
use crate::encoding::lp;
use crate::error::Error;
use crate::ibe::extract::{PrivateKey, hedge};
use crate::kdf::{hash, label};
use crate::mikey::numbers::{EccCurve, MacAlg};
use crate::mikey::payloads::{EccPoint, KeyValidity};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Group, Suite, labels};

/// `Auth alg` of an ECCPT whose sender uses the profile `bound`. RFC 6267 section 6.1.4 ignores the field; it stands under
/// the seal, where nobody on the way takes it out.
pub const BOUND_SENTINEL: MacAlg = MacAlg(251);
/// Bytes of a TGK.
pub(super) const TGK_BYTES: u16 = 32;

/// A secret of a state. States move, out of the box of an error for one, and a block of its own stays where it is until it is
/// wiped.
pub(super) type Kept = Box<Secret<32>>;

/// What hedged draws are bound to.
pub(super) struct Drawing {
    pub(super) session: [u8; 16],
    pub(super) hash: [u8; 32],
}

impl Drawing {
    /// For the call with this bundle and RAND, and for one place in it that `parts` name.
    pub(super) fn new(csb_id: u32, rand: &[u8], parts: &[&[u8]]) -> Self {
        let name = label(labels::MIKEY_DRAW);
        let whole = hash(&[name.as_ref(), &csb_id.to_be_bytes(), &lp(rand), rand]);
        let mut session = [0; 16];
        session.iter_mut().zip(whole).for_each(|(s, w)| *s = w);
        let lengths: Vec<[u8; 4]> = parts.iter().map(|p| lp(p)).collect();
        let mut all: Vec<&[u8]> = Vec::with_capacity(1 + 2 * parts.len());
        all.push(name.as_ref());
        lengths.iter().zip(parts).for_each(|(l, p)| all.extend([&l[..], p]));
        Self { session, hash: hash(&all) }
    }
}

/// The post-quantum part of an own share.
enum Hybrid {
    None,
    /// Seed of the key pair whose encapsulation key was sent.
    Seed(Box<Secret<64>>),
    /// What the ciphertext that was sent holds.
    Agreed(Kept),
}

/// An own share and its secret. Kept in serial form because a bad answer must not use it up, and a fork has several answers;
/// wiped on drop.
pub(super) struct Ephemeral {
    pub(super) suite: Suite,
    secret: SecretVec,
    /// The ECC Point: the share, and behind it encapsulation key or ciphertext.
    bytes: Vec<u8>,
    curve: EccCurve,
    hybrid: Hybrid,
}

impl Ephemeral {
    /// Of the end that sends its share first.
    pub(super) fn first<R: TryCryptoRng + ?Sized>(
        suite: Suite,
        own: &PrivateKey,
        at: &Drawing,
        rng: &mut R,
    ) -> Result<Self, Error> {
        let pair = dh::KeyPair::from_seed(suite.group(), &hedge(own, labels::X, &at.session, &at.hash, rng)?);
        let mut bytes = pair.share().as_bytes().to_vec();
        let hybrid = if suite.is_hybrid() {
            let seed = hedge::<64, R>(own, labels::EK, &at.session, &at.hash, rng)?;
            bytes.extend_from_slice(&pq::KeyPair::from_seed(&seed).encapsulation_key());
            Hybrid::Seed(Box::new(seed))
        } else {
            Hybrid::None
        };
        Ok(Self { suite, secret: pair.secret_bytes(), bytes, curve: curve(suite, true), hybrid })
    }

    /// Of the end that answers a share; `theirs` is not known where the first message did not open.
    pub(super) fn second<R: TryCryptoRng + ?Sized>(
        suite: Suite,
        theirs: Option<&Theirs>,
        own: &PrivateKey,
        at: &Drawing,
        rng: &mut R,
    ) -> Result<Self, Error> {
        let pair = dh::KeyPair::from_seed(suite.group(), &hedge(own, labels::Y, &at.session, &at.hash, rng)?);
        let mut bytes = pair.share().as_bytes().to_vec();
        let hybrid = match theirs.and_then(|t| t.kem.as_ref()) {
            Some(ek) => {
                let ek = pq::EncapsulationKey::decode(ek).map_err(|_| Error::Decrypt)?;
                let (ct, ss) = ek.encapsulate(&hedge(own, labels::CT, &at.session, &at.hash, rng)?);
                bytes.extend_from_slice(&ct);
                Hybrid::Agreed(Box::new(ss))
            }
            None => Hybrid::None,
        };
        Ok(Self { suite, secret: pair.secret_bytes(), bytes, curve: curve(suite, false), hybrid })
    }

    /// The sub-payload that carries it.
    pub(super) fn point<'a>(&'a self, bound: bool, mki: &'a [u8]) -> EccPoint<'a> {
        EccPoint {
            curve: self.curve,
            point: &self.bytes,
            auth_alg: if bound { BOUND_SENTINEL } else { MacAlg::HMAC_SHA_256_256 },
            tgk_len: TGK_BYTES,
            reserved: 0,
            validity: if mki.is_empty() { KeyValidity::Null } else { KeyValidity::Spi(mki) },
        }
    }

    /// K_SESSION: the agreed point uncompressed (X25519: its u-coordinate), in hybrid suites followed by the ML-KEM secret.
    ///
    /// # Errors
    /// [`Error::Decrypt`] for a share of another group, or our own reflected (or its negative).
    pub(super) fn agree(&self, theirs: &Theirs) -> Result<SecretVec, Error> {
        let own =
            dh::KeyPair::from_secret_bytes(self.suite.group(), self.secret.expose()).map_err(|_| Error::Decrypt)?;
        if theirs.suite != self.suite || theirs.share.x_coordinate() == own.share().x_coordinate() {
            return Err(Error::Decrypt);
        }
        let point = own.agree_point(&theirs.share).map_err(|_| Error::Decrypt)?;
        let ss = match (&self.hybrid, &theirs.kem) {
            (Hybrid::None, _) => return Ok(point),
            (Hybrid::Agreed(ss), _) => ss.duplicate(),
            (Hybrid::Seed(seed), Some(ct)) => {
                pq::KeyPair::from_seed(seed).decapsulate(pq::ciphertext(ct).map_err(|_| Error::Decrypt)?)
            }
            (Hybrid::Seed(_), None) => return Err(Error::Decrypt),
        };
        let mut out = Vec::with_capacity(point.expose().len() + 32);
        out.extend_from_slice(point.expose());
        out.extend_from_slice(ss.expose());
        Ok(SecretVec::new(out))
    }
}

/// A share of the other end, checked.
#[derive(Clone, Debug)]
pub(super) struct Theirs {
    pub(super) suite: Suite,
    share: Share,
    /// Encapsulation key or ciphertext.
    kem: Option<Vec<u8>>,
}

impl Theirs {
    /// Reads the share of the end that sent first (`first`) or of the one that answered. Compressed points are refused: a
    /// share has one encoding.
    ///
    /// # Errors
    /// [`Error::Decrypt`]: it comes from under a seal.
    pub(super) fn of(point: &EccPoint<'_>, first: bool) -> Result<Self, Error> {
        let suite = Suite::PREFERENCE.into_iter().find(|s| curve(*s, first) == point.curve).ok_or(Error::Decrypt)?;
        let (share, rest) = point.point.split_at_checked(Share::size(suite.group())).ok_or(Error::Decrypt)?;
        let share = Share::decode(suite.group(), share).map_err(|_| Error::Decrypt)?;
        if suite.is_hybrid() && first {
            pq::EncapsulationKey::decode(rest).map_err(|_| Error::Decrypt)?;
        }
        Ok(Self { suite, share, kem: suite.is_hybrid().then(|| rest.to_vec()) })
    }
}

/// The curve number of a suite's shares.
pub(super) const fn curve(suite: Suite, first: bool) -> EccCurve {
    match (suite.is_hybrid(), first, suite.group()) {
        (true, true, _) => EccCurve::P256_ML_KEM_KEY,
        (true, false, _) => EccCurve::P256_ML_KEM_CIPHERTEXT,
        (false, _, Group::P256) => EccCurve::P256,
        (false, _, Group::P384) => EccCurve::P384,
        (false, _, Group::P521) => EccCurve::P521,
        (false, _, Group::X25519) => EccCurve::X25519,
    }
}
