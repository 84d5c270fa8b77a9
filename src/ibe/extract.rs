//! Setup and extraction: the master key of a KGS, and the private keys that it issues.

use alloc::boxed::Box;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::identity::{Identity, Purpose};
use super::params::{Description, PublicParameters};
use super::period::Granularity;
use crate::curve::{G1, G2, G2Prepared, Scalar, pairing_product_is_one};
use crate::declassify;
use crate::encoding::{G1_BYTES, Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error, KeyError, ParametersError};
use crate::kdf::{Prk, hash, label};
use crate::secret::{Secret, SecretVec};
use crate::suite::{DST_H1, DST_POP, IBE_SUITE, labels};

/// The master secret `s` of a KGS, a nonzero scalar. Wiped on drop, `Debug` prints nothing of it.
pub struct MasterKey {
    s: Scalar,
}

impl MasterKey {
    /// Draws a master secret (algorithm Setup of Boneh-Franklin; RFC 5091 section 4.1 BFsetup, moved to BLS12-381).
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        Ok(Self { s: Scalar::random(rng)? })
    }

    /// The 32 big-endian bytes, for storage under protection.
    pub fn to_bytes(&self) -> Secret<32> {
        self.s.to_be_bytes()
    }

    /// Reads the 32 big-endian bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if they are zero or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let s = Scalar::from_be_bytes(bytes)?;
        if declassify::verdict("master key is zero", s.is_zero()) {
            return Err(DecodeError::new("master key", DecodeReason::NotCanonical).into());
        }
        Ok(Self { s })
    }

    /// The public parameters of this master key: `P_pub = [s]P2` with the proof of possession `[s]H_pop(fingerprint)`.
    ///
    /// # Errors
    /// Whatever is wrong with the description (validity turned around, serial zero).
    pub fn public_parameters(&self, description: Description) -> Result<PublicParameters, Error> {
        let p_pub = G2::mul_generator(&self.s).published("P_pub");
        let pop = G1::hash(&PublicParameters::fingerprint_of(&description, &p_pub), DST_POP).mul(&self.s);
        let pop = pop.published("proof of possession");
        PublicParameters::assemble(description, p_pub, pop)
    }

    /// Binds the master key to its parameters, checking once that they belong together.
    ///
    /// # Errors
    /// [`ParametersError::Mismatch`] if `P_pub` is not `[s]P2`.
    pub fn issuer(self, parameters: PublicParameters) -> Result<Issuer, Error> {
        let ours = G2::mul_generator(&self.s).ct_eq(parameters.p_pub());
        if !declassify::verdict("parameters belong to the master key", ours) {
            return Err(ParametersError::Mismatch.into());
        }
        let twice = self.s.add(&self.s);
        Ok(Issuer { master: self, twice, parameters })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// A KGS ready to issue: a master key with its own parameters.
#[derive(Debug)]
pub struct Issuer {
    master: MasterKey,
    /// `2s`, for the check of what is issued.
    twice: Scalar,
    parameters: PublicParameters,
}

impl Issuer {
    /// The parameters that the issued keys belong to.
    pub const fn parameters(&self) -> &PublicParameters {
        &self.parameters
    }

    /// The master key, for storage under protection.
    pub const fn master(&self) -> &MasterKey {
        &self.master
    }

    pub(crate) const fn secret(&self) -> &Scalar {
        &self.master.s
    }

    /// Issues the private key `d_ID = [s]Q_ID`, a whole key: a share of a split master key would give a partial one, which
    /// is another type.
    ///
    /// The result is checked before it is released: `[2s]Q_ID = d_ID + d_ID`, computed with another scalar, so that a fault in
    /// either multiplication is found (a faulty `[s]Q_ID` may tell something about `s`). No pairing is needed, because
    /// [`MasterKey::issuer`] has tied `s` to `P_pub`.
    ///
    /// # Errors
    /// [`ParametersError::Mismatch`] for an identity of another district or serial, the errors of
    /// [`PublicParameters::check_period`], and [`KeyError::NotGenuine`] if the check fails.
    ///
    /// # Timing
    /// Constant in the master key; varies with the length of the identity.
    ///
    /// Source: RFC 5091 section 4.3 (BFextractPriv), moved to G1 of BLS12-381.
    pub fn extract(&self, identity: &Identity) -> Result<PrivateKey, Error> {
        self.parameters.check_identity(identity)?;
        let d = self.multiply(&hash_identity(identity))?;
        Ok(PrivateKey::assemble(identity.clone(), &self.parameters, d))
    }

    /// `[s]base`, checked as [`Self::extract`] says.
    pub(super) fn multiply(&self, base: &G1) -> Result<G1, Error> {
        let product = base.mul(&self.master.s);
        let same = base.mul(&self.twice).ct_eq(&product.double());
        if !declassify::verdict("extracted key passes its check", same) {
            return Err(KeyError::NotGenuine.into());
        }
        Ok(product)
    }
}

/// `pkctx(ID)`: binds suite, `P_pub` and the whole identity into every hash of the KEM.
pub(crate) fn pkctx(parameters: &PublicParameters, identity: &Identity) -> [u8; 32] {
    let der = identity.der();
    hash(&[label(labels::ID).as_ref(), &IBE_SUITE.to_be_bytes(), parameters.p_pub_bytes(), &lp(der), der])
}

/// `Q_ID = H1(ID)`.
pub(crate) fn hash_identity(identity: &Identity) -> G1 {
    G1::hash(identity.der(), DST_H1)
}

/// Private key `d_ID = [s]Q_ID` of one identity, in G1, where `Q_ID = H1(ID)`.
///
/// Shape: 48 bytes compressed, stored with its identity and the fingerprint of its parameters. Secret: wiped on drop,
/// `Debug` prints only the identity.
///
/// Source: RFC 5091 section 4.3, moved from a type-1 to a type-3 pairing.
pub struct PrivateKey {
    identity: Identity,
    fingerprint: [u8; 32],
    pkctx: [u8; 32],
    /// On the heap, because a move copies and wipes nothing: so what moves, in a list that grows say, is the address alone.
    held: Box<Held>,
}

/// `d_ID`, and the bytes of its encoding.
struct Held {
    d: G1,
    encoded: Secret<G1_BYTES>,
}

const KEY_VERSION: u8 = 1;
/// Longest encoding of a private key.
pub const PRIVATE_KEY_LIMIT: usize = 4096;

impl PrivateKey {
    pub(crate) fn assemble(identity: Identity, parameters: &PublicParameters, d: G1) -> Self {
        let held = Box::new(Held { encoded: Secret::new(d.to_compressed()), d });
        let pkctx = pkctx(parameters, &identity);
        Self { identity, fingerprint: *parameters.fingerprint(), pkctx, held }
    }

    /// The identity that the key belongs to.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The fingerprint of the parameters that the key belongs to.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub(crate) const fn pkctx(&self) -> &[u8; 32] {
        &self.pkctx
    }

    pub(crate) fn point(&self) -> &G1 {
        &self.held.d
    }

    pub(crate) fn encoded(&self) -> &Secret<G1_BYTES> {
        &self.held.encoded
    }

    /// Checks `e(d_ID, P2) = e(Q_ID, P_pub)` as one product of two pairings.
    ///
    /// # Errors
    /// [`KeyError::OtherParameters`] if the fingerprints differ, [`KeyError::NotGenuine`] if the equation is false.
    ///
    /// # Timing
    /// Constant in the key but for the verdict.
    pub fn verify(&self, parameters: &PublicParameters) -> Result<(), Error> {
        if self.fingerprint != *parameters.fingerprint() {
            return Err(KeyError::OtherParameters.into());
        }
        let left = self.held.d.neg();
        let Q_ID = hash_identity(&self.identity);
        let product = [(&left, G2Prepared::generator()), (&Q_ID, parameters.p_pub_prepared())];
        if !declassify::verdict("private key is genuine", pairing_product_is_one(&product)) {
            return Err(KeyError::NotGenuine.into());
        }
        Ok(())
    }

    /// Checks that the key may be used at `now` (seconds since 1970): its period contains it, with the skew of
    /// [`super::period::Period::is_current`].
    ///
    /// # Errors
    /// [`KeyError::Expired`].
    pub fn check_time(&self, now: u64) -> Result<(), Error> {
        if self.identity.period().is_current(now) { Ok(()) } else { Err(KeyError::Expired.into()) }
    }

    /// Checks that this is a decryption key.
    ///
    /// # Errors
    /// [`KeyError::Purpose`].
    pub fn check_purpose(&self, purpose: Purpose) -> Result<(), Error> {
        if self.identity.purpose() == purpose { Ok(()) } else { Err(KeyError::Purpose.into()) }
    }

    /// Version, IBE suite, granularity, fingerprint, identity, point: what is stored, under protection.
    pub fn to_bytes(&self) -> SecretVec {
        let der = self.identity.der();
        let mut w = Writer::with_capacity(4 + 32 + 2 + der.len() + G1_BYTES);
        w.u8(KEY_VERSION).u16(IBE_SUITE).u8(self.identity.period().granularity().id());
        w.bytes(&self.fingerprint).var16(der).bytes(self.held.encoded.expose());
        SecretVec::new(w.finish())
    }

    /// Reads and verifies a stored or received key.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are no private key, [`KeyError::OtherParameters`] for one of other parameters,
    /// [`KeyError::NotGenuine`] if the pairing check fails.
    ///
    /// # Timing
    /// Constant in the key but for the verdict: the point is decoded without branching on its encoding.
    pub fn from_bytes(bytes: &[u8], parameters: &PublicParameters) -> Result<Self, Error> {
        let (header, point) = split(bytes)?;
        if header.fingerprint != *parameters.fingerprint() {
            return Err(KeyError::OtherParameters.into());
        }
        parameters.check_identity(&header.identity)?;
        let key = Self::assemble(header.identity, parameters, G1::decode_secret(point)?);
        key.verify(parameters)?;
        Ok(key)
    }

    /// Reads only the public part of a stored key: whose it is, and the fingerprint of the parameters needed to load it.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are no private key.
    pub fn inspect(bytes: &[u8]) -> Result<PrivateKeyHeader, Error> {
        Ok(split(bytes)?.0)
    }
}

/// The public part of a stored private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKeyHeader {
    /// Whose key it is.
    pub identity: Identity,
    /// The fingerprint of the parameters that it belongs to.
    pub fingerprint: [u8; 32],
}

pub(crate) fn split(bytes: &[u8]) -> Result<(PrivateKeyHeader, &[u8; G1_BYTES]), Error> {
    declassify::published("private key but for its point", bytes.split_at(bytes.len().saturating_sub(G1_BYTES)).0);
    let mut r = Reader::new(bytes);
    let version = r.u8("private key version")?;
    if version != KEY_VERSION {
        return Err(DecodeError::new("private key", DecodeReason::Version { got: version.into() }).into());
    }
    let suite = r.u16("IBE suite")?;
    if suite != IBE_SUITE {
        return Err(DecodeError::new("IBE suite", DecodeReason::Unknown { got: suite.into() }).into());
    }
    let granularity = Granularity::from_id(r.u8("granularity")?)?;
    let fingerprint = *r.array("fingerprint")?;
    let identity = Identity::from_der(r.var16("identity", PRIVATE_KEY_LIMIT)?, granularity)?;
    let point = r.array("private key point")?;
    r.finish("private key")?;
    Ok((PrivateKeyHeader { identity, fingerprint }, point))
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Hedged randomness: `Exp(Ext(32 fresh bytes, enc(d_own)), label || session || hash)`.
///
/// A generator that repeats or leaks its output does not give the secrets away, as long as the private key is unknown.
///
/// # Errors
/// [`Error::Random`] if the generator fails.
pub(crate) fn hedge<const N: usize, R: TryCryptoRng + ?Sized>(
    key: &PrivateKey,
    name: &str,
    session: &[u8; 16],
    hash: &[u8; 32],
    rng: &mut R,
) -> Result<Secret<N>, Error> {
    let fresh = Secret::<32>::random(rng)?;
    let prk = Prk::extract(fresh.expose(), &[key.encoded().expose()]);
    Ok(prk.expand(&[label(name).as_ref(), session, hash]))
}
