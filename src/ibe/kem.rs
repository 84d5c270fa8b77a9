//! The identity-based key encapsulation: Boneh-Franklin with the Fujisaki-Okamoto transform and implicit rejection.
//!
//! ```text
//! pkctx(ID) = H("id" || u16 ibe_suite || P_pub || lp(IBEIdentityInfo DER))
//! sigma     = 32 hedged bytes                     k = OS2IP(Exp(Ext("H3", sigma), pkctx, 48)) mod r
//! U = [k]P2   gt = e([k]Q_ID, P_pub)              V = sigma xor Exp(Ext("H2", gt as 576 bytes), pkctx || U, 32)
//! K = Exp(Ext("K", sigma), pkctx || U || V, 32)
//! reject: z = Exp(Ext("z", enc48(d_ID)), pkctx, 32)   K_rej = Exp(Ext("rej", z), pkctx || U || V, 32)
//! decap: gt' = e(d_ID, U); sigma', k', U'; K = select(ct_eq(U', U), K(sigma'), K_rej), both always computed
//! ```
//!
//! Sources: Boneh and Franklin, "Identity-Based Encryption from the Weil Pairing" (SIAM J. Computing 32(3), 2003); Bentahar,
//! Farshim, Malone-Lee and Smart, "Generic constructions of identity-based and certificateless KEMs" (J. Cryptology 21,
//! 2008); implicit rejection as in Hofheinz, Hoevelmanns and Kiltz (TCC 2017). The per-identity context in every hash is what
//! repairs the reduction that Galindo found flawed (ICALP 2005).

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::extract::{PrivateKey, hash_identity, hedge, pkctx};
use super::identity::{Identity, Purpose};
use super::params::PublicParameters;
use crate::curve::{G1, G2, Gt, GtTable, Scalar, pairing, pairing_prepared};
use crate::encoding::{G2_BYTES, GT_BYTES};
use crate::error::{DecodeError, Error, KeyError};
use crate::kdf::{Prk, label};
use crate::secret::Secret;
use crate::suite::labels;

/// Bytes of an encapsulation: `U` and `V`.
pub const ENCAPSULATION_BYTES: usize = G2_BYTES + 32;

/// An identity ready to be encrypted to, checked against the parameters of its KGS.
///
/// [`Recipient::new`] is cheapest for one message. [`Recipient::cached`] computes `e(Q_ID, P_pub)` once and then saves the
/// hash, the multiplication and the pairing of every message: worth it from the second message on.
pub struct Recipient {
    parameters: PublicParameters,
    identity: Identity,
    pkctx: [u8; 32],
    base: Base,
}

enum Base {
    Point(G1),
    Cached(GtTable),
}

impl Recipient {
    /// Hashes the identity to `Q_ID`.
    ///
    /// # Errors
    /// If the identity is none of a decryption key, or not of these parameters, or its period is outside their validity.
    pub fn new(parameters: &PublicParameters, identity: &Identity) -> Result<Self, Error> {
        check_recipient(parameters, identity)?;
        Ok(Self {
            pkctx: pkctx(parameters, identity),
            parameters: parameters.clone(),
            identity: identity.clone(),
            base: Base::Point(hash_identity(identity)),
        })
    }

    /// As [`Recipient::new`], with `e(Q_ID, P_pub)` and a table of its powers.
    ///
    /// # Errors
    /// As [`Recipient::new`].
    pub fn cached(parameters: &PublicParameters, identity: &Identity) -> Result<Self, Error> {
        let mut out = Self::new(parameters, identity)?;
        if let Base::Point(Q_ID) = &out.base {
            out.base = Base::Cached(GtTable::new(&pairing_prepared(Q_ID, parameters.p_pub_prepared())));
        }
        Ok(out)
    }

    /// The identity.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The parameters of its KGS.
    pub const fn parameters(&self) -> &PublicParameters {
        &self.parameters
    }

    pub(crate) const fn pkctx(&self) -> &[u8; 32] {
        &self.pkctx
    }

    /// `Q_ID`, unless this is [cached](Self::cached).
    pub(crate) const fn base_point(&self) -> Option<&G1> {
        match &self.base {
            Base::Point(Q_ID) => Some(Q_ID),
            Base::Cached(_) => None,
        }
    }

    /// `e(Q_ID, P_pub)`, if this is [cached](Self::cached).
    #[cfg(feature = "simd")]
    pub(crate) fn value(&self) -> Option<Gt> {
        match &self.base {
            Base::Point(_) => None,
            Base::Cached(table) => Some(table.base()),
        }
    }

    /// `e(Q_ID, P_pub)^k`.
    pub(crate) fn power(&self, k: &Scalar) -> Gt {
        match &self.base {
            Base::Point(Q_ID) => pairing_prepared(&Q_ID.mul(k), self.parameters.p_pub_prepared()),
            Base::Cached(table) => table.pow(k),
        }
    }

    /// Encapsulates a fresh key with randomness of the generator alone, for a sender who holds no key.
    ///
    /// Shape: an encapsulation of 128 bytes and the 32-byte key, to be used once.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    ///
    /// # Timing
    /// Constant in everything drawn.
    pub fn encapsulate<R: TryCryptoRng + ?Sized>(&self, rng: &mut R) -> Result<(Encapsulation, Secret<32>), Error> {
        Ok(self.encapsulate_sigma(&Secret::random(rng)?))
    }

    /// Encapsulates with randomness hedged by the sender's own private key, bound to a session and the transcript so far.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn encapsulate_hedged<R: TryCryptoRng + ?Sized>(
        &self,
        own: &PrivateKey,
        session: &[u8; 16],
        transcript: &[u8; 32],
        rng: &mut R,
    ) -> Result<(Encapsulation, Secret<32>), Error> {
        Ok(self.encapsulate_sigma(&hedge(own, labels::SIGMA, session, transcript, rng)?))
    }

    /// The deterministic part, from `sigma` on.
    fn encapsulate_sigma(&self, sigma: &Secret<32>) -> (Encapsulation, Secret<32>) {
        let k = derive_k(sigma, &self.pkctx);
        Encapsulation::complete(sigma, &self.pkctx, G2::mul_generator(&k), &self.power(&k).to_bytes())
    }
}

/// Whether one can encrypt to the identity under these parameters.
///
/// # Errors
/// Those of [`Recipient::new`].
pub(crate) fn check_recipient(parameters: &PublicParameters, identity: &Identity) -> Result<(), Error> {
    if identity.purpose() != Purpose::Decrypt {
        return Err(KeyError::Purpose.into());
    }
    parameters.check_identity(identity)
}

/// Fixed randomness, for vectors.
#[cfg(feature = "hazmat")]
impl Recipient {
    /// Encapsulates with the given `sigma`. Using a `sigma` twice, or a guessable one, gives the key away.
    pub fn encapsulate_with(&self, sigma: &Secret<32>) -> (Encapsulation, Secret<32>) {
        self.encapsulate_sigma(sigma)
    }
}

impl core::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let cached = matches!(self.base, Base::Cached(_));
        f.debug_struct("Recipient").field("identity", &self.identity).field("cached", &cached).finish_non_exhaustive()
    }
}

/// An encapsulation `U || V` whose `U` is a checked point.
#[derive(Clone, Debug)]
pub struct Encapsulation {
    point: G2,
    u: [u8; G2_BYTES],
    v: [u8; 32],
}

impl Encapsulation {
    /// Reads `U || V`: `U` canonical, on the curve, in the subgroup and not infinity. No private key is needed for that.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with `U`.
    pub fn decode(bytes: &[u8; ENCAPSULATION_BYTES]) -> Result<Self, DecodeError> {
        let mut r = crate::encoding::Reader::new(bytes);
        let u = *r.array::<G2_BYTES>("U")?;
        let v = *r.array::<32>("V")?;
        Ok(Self { point: G2::decode("U", &u)?, u, v })
    }

    /// Puts together what was decoded elsewhere: `point` is the checked point of `u`.
    pub(crate) const fn from_checked(point: G2, u: [u8; G2_BYTES], v: [u8; 32]) -> Self {
        Self { point, u, v }
    }

    /// The end of an encapsulation: `V` and `K` from `sigma`, `U = [k]P2` and `e([k]Q_ID, P_pub)`.
    pub(crate) fn complete(
        sigma: &Secret<32>,
        pkctx: &[u8; 32],
        point: G2,
        gt: &Secret<GT_BYTES>,
    ) -> (Self, Secret<32>) {
        let u = point.to_compressed();
        let mut v = mask(gt, pkctx, &u);
        for (v, s) in v.as_mut().iter_mut().zip(sigma.expose()) {
            *v ^= s;
        }
        let encapsulation = Self { point, u, v: *v.expose() };
        let key = derive_key(labels::K, sigma, pkctx, &encapsulation);
        (encapsulation, key)
    }

    /// `U || V`, what [`Encapsulation::decode`] reads.
    pub fn to_bytes(&self) -> [u8; ENCAPSULATION_BYTES] {
        let mut out = [0; ENCAPSULATION_BYTES];
        out.iter_mut().zip(self.u.iter().chain(&self.v)).for_each(|(o, b)| *o = *b);
        out
    }

    pub(crate) const fn point(&self) -> &G2 {
        &self.point
    }

    /// The compressed point `U`.
    pub const fn u(&self) -> &[u8; G2_BYTES] {
        &self.u
    }

    /// The masked `sigma`.
    pub const fn v(&self) -> &[u8; 32] {
        &self.v
    }

    /// Recovers the key; for an encapsulation to another identity, or a damaged one, a key that nobody knows.
    ///
    /// # Errors
    /// [`KeyError::Purpose`] if `key` is a signing key. There is no other failure: whether the result is right shows when
    /// something sealed under it opens.
    ///
    /// # Timing
    /// Constant in the private key and in everything computed with it, also in whether the encapsulation was right.
    pub fn decapsulate(&self, key: &PrivateKey) -> Result<Secret<32>, Error> {
        key.check_purpose(Purpose::Decrypt)?;
        let sigma = self.unmask(key, &pairing(key.point(), &self.point).to_bytes());
        let again = G2::mul_generator(&derive_k(&sigma, key.pkctx()));
        Ok(self.settle(key, &sigma, &again))
    }

    /// `sigma'`, from `e(d_ID, U)`.
    pub(crate) fn unmask(&self, key: &PrivateKey, gt: &Secret<GT_BYTES>) -> Secret<32> {
        let mut sigma = mask(gt, key.pkctx(), &self.u);
        for (s, v) in sigma.as_mut().iter_mut().zip(&self.v) {
            *s ^= v;
        }
        sigma
    }

    /// The key or the rejection, by whether `again = [k']P2` is `U`. Both are computed.
    pub(crate) fn settle(&self, key: &PrivateKey, sigma: &Secret<32>, again: &G2) -> Secret<32> {
        let ctx = key.pkctx();
        let z = Prk::extract(label(labels::Z).as_ref(), &[key.encoded().expose()]).expand::<32>(&[ctx]);
        let rejected = derive_key(labels::REJ, &z, ctx, self);
        let accepted = derive_key(labels::K, sigma, ctx, self);
        Secret::select(&rejected, &accepted, again.ct_eq(&self.point))
    }
}

/// `k = OS2IP(Exp(Ext("H3", sigma), pkctx, 48)) mod r`; zero with probability below 2^-254.
pub(crate) fn derive_k(sigma: &Secret<32>, pkctx: &[u8; 32]) -> Scalar {
    let wide = Prk::extract(label(labels::H3).as_ref(), &[sigma.expose()]).expand::<48>(&[pkctx]);
    Scalar::from_wide(wide.expose())
}

/// `Exp(Ext("H2", gt as 576 bytes), pkctx || U, 32)`.
fn mask(gt: &Secret<GT_BYTES>, pkctx: &[u8; 32], u: &[u8; G2_BYTES]) -> Secret<32> {
    Prk::extract(label(labels::H2).as_ref(), &[gt.expose()]).expand(&[pkctx, u])
}

/// `Exp(Ext(name, secret), pkctx || U || V, 32)`.
fn derive_key(name: &str, secret: &Secret<32>, pkctx: &[u8; 32], e: &Encapsulation) -> Secret<32> {
    Prk::extract(label(name).as_ref(), &[secret.expose()]).expand(&[pkctx, &e.u, &e.v])
}
