//! Identity-based signatures: Cha-Cheon over BLS12-381, with the private keys of signing identities.
//!
//! ```text
//! m = H("sign" || pkctx(ID) || lp(context) || message)                   what is signed, under which identity and key
//! t = OS2IP(Exp(Ext(32 fresh bytes, enc48(d_ID)), "sign t" || m, 48)) mod r              hedged, deterministic in m
//! T = [t]Q_ID     h = OS2IP(Exp(Ext("sign h", m), enc48(T), 48)) mod r     S = [t + h]d_ID
//! signature = enc48(T) || enc48(S)            true if e(S, P2) = e(T + [h]Q_ID, P_pub)
//! ```
//!
//! The equation has the form of the verification of a private key, with `S` for `d_ID` and `T + [h]Q_ID` for `Q_ID`; so
//! [`crate::batch::verify_signatures`] verifies many of them in one product.
//!
//! `t` is a pseudo-random function, under a key that only the signer has, of everything that goes into `h`: two messages never
//! share a `t`, whatever the generator does (from `S - S'` with one `t` and two `h` the private key follows). The fresh bytes
//! add what a deterministic signature lacks: a fault in one of two signatures of one message gives nothing away.
//!
//! What a signature does not say: when it was made (put the time into the message), and that it was not the KGS, which can
//! compute the key. It can be shown to others: there is no deniability.
//!
//! Source: Cha and Cheon, "An identity-based signature from gap Diffie-Hellman groups" (PKC 2003), moved to a type-3 pairing;
//! `t` as in RFC 6979, with the hedging of the exchange.

use rand_core::TryCryptoRng;

use super::extract::{PrivateKey, hash_identity, pkctx};
use super::identity::{Identity, Purpose};
use super::params::PublicParameters;
use crate::curve::{G1, G2Prepared, Scalar, pairing_product_is_one};
use crate::declassify;
use crate::encoding::{G1_BYTES, Reader, lp};
use crate::error::{DecodeError, Error, KeyError, PeerError, UsageError};
use crate::kdf::{Prk, hash, label};
use crate::secret::Secret;
use crate::suite::labels;

/// Bytes of a signature: `T` and `S`.
pub const SIGNATURE_BYTES: usize = 2 * G1_BYTES;
/// Most bytes of a context.
pub const CONTEXT_MAX: usize = 255;

/// A signature `T || S` whose points have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    T: G1,
    S: G1,
    encoded: [u8; SIGNATURE_BYTES],
}

impl Signature {
    /// Reads a signature of 96 bytes: both points canonical, on the curve, in the subgroup and not infinity.
    ///
    /// # Errors
    /// [`DecodeError`] for another length, or naming the point, `T` first.
    ///
    /// # Timing
    /// Variable in the bytes, which are public.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (t, s) = split(bytes)?;
        let (T, S) = (G1::decode("T", t)?, G1::decode("S", s)?);
        Ok(Self::assemble(T, S))
    }

    fn assemble(T: G1, S: G1) -> Self {
        let mut encoded = [0; SIGNATURE_BYTES];
        let parts = [T.to_compressed(), S.to_compressed()];
        encoded.iter_mut().zip(parts.as_flattened()).for_each(|(o, b)| *o = *b);
        Self { T, S, encoded }
    }

    /// `enc48(T) || enc48(S)`, what [`Signature::decode`] reads.
    pub const fn as_bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.encoded
    }

    /// Whether the owner of `identity` signed `message` in this `context`; one product of two pairings.
    ///
    /// Says nothing about when: whoever needs freshness puts the time into the message and asks
    /// [`super::Period::is_current`] of the identity's period.
    ///
    /// # Errors
    /// [`KeyError::Purpose`] for an identity that is none for signing; [`ParametersError`] for one of other parameters;
    /// [`UsageError::TooMany`] for a context over [`CONTEXT_MAX`]; [`PeerError::Signature`] if the signature is false.
    ///
    /// [`ParametersError`]: crate::error::ParametersError
    ///
    /// # Timing
    /// Constant in the message, which may be secret, but for the verdict; varies with the lengths of identity, context and
    /// message. Nothing else here is secret.
    pub fn verify(
        &self,
        parameters: &PublicParameters,
        identity: &Identity,
        context: &[u8],
        message: &[u8],
    ) -> Result<(), Error> {
        check_signer(parameters, identity, context)?;
        let m = digest(&pkctx(parameters, identity), context, message);
        let t = self.encoded.first_chunk().unwrap_or(&[0; G1_BYTES]);
        let right = self.T.add(&hash_identity(identity).mul(&challenge(&m, t)));
        let product = [(&self.S.neg(), G2Prepared::generator()), (&right, parameters.p_pub_prepared())];
        let right = declassify::verdict("signature is right", pairing_product_is_one(&product));
        if right { Ok(()) } else { Err(PeerError::Signature.into()) }
    }
}

/// Signs `message` in `context` with the key of a signing identity, hedged by 32 bytes of the generator.
///
/// `context` says what the signature is for, so that it is good for nothing else; it MUST be fixed by the application and may be
/// empty only by decision.
///
/// # Errors
/// [`KeyError::Purpose`] if `key` is a decryption key; [`UsageError::TooMany`] for a context over [`CONTEXT_MAX`];
/// [`Error::Random`] if the generator fails.
///
/// # Timing
/// Constant in the key and in the fresh bytes; varies with the lengths of identity, context and message.
pub fn sign<R: TryCryptoRng + ?Sized>(
    key: &PrivateKey,
    context: &[u8],
    message: &[u8],
    rng: &mut R,
) -> Result<Signature, Error> {
    check_own(key, context)?;
    Ok(sign_with(key, context, message, &Secret::random(rng)?))
}

/// As [`sign`], without a generator: the same formula with 32 zero bytes. Equal messages give equal signatures.
///
/// # Errors
/// Those of [`sign`] but for the generator's.
///
/// # Timing
/// As [`sign`].
pub fn sign_deterministic(key: &PrivateKey, context: &[u8], message: &[u8]) -> Result<Signature, Error> {
    check_own(key, context)?;
    Ok(sign_with(key, context, message, &Secret::zero()))
}

/// Reads a signature and verifies it.
///
/// # Errors
/// In this order: [`KeyError::Purpose`], [`ParametersError`], [`UsageError::TooMany`] as [`Signature::verify`];
/// [`DecodeError`] as [`Signature::decode`]; [`PeerError::Signature`] if the signature is false.
///
/// [`ParametersError`]: crate::error::ParametersError
pub fn verify(
    parameters: &PublicParameters,
    identity: &Identity,
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    check_signer(parameters, identity, context)?;
    Signature::decode(signature)?.verify(parameters, identity, context, message)
}

fn sign_with(key: &PrivateKey, context: &[u8], message: &[u8], fresh: &Secret<32>) -> Signature {
    let m = digest(key.pkctx(), context, message);
    let prk = Prk::extract(fresh.expose(), &[key.encoded().expose()]);
    let t = Scalar::from_wide(prk.expand::<48>(&[label(labels::SIGN_T).as_ref(), &m]).expose());
    let T = hash_identity(key.identity()).mul(&t).published("T of a signature");
    let h = challenge(&m, &T.to_compressed());
    let S = key.point().mul(&t.add(&h)).published("S of a signature");
    Signature::assemble(T, S)
}

fn check_own(key: &PrivateKey, context: &[u8]) -> Result<(), Error> {
    key.check_purpose(Purpose::Sign)?;
    check_context(context)
}

/// Whether the identity can have signed in this context, before anything is read or computed.
///
/// # Errors
/// The first three of [`verify`].
pub(crate) fn check_signer(parameters: &PublicParameters, identity: &Identity, context: &[u8]) -> Result<(), Error> {
    if identity.purpose() != Purpose::Sign {
        return Err(KeyError::Purpose.into());
    }
    parameters.check_identity(identity)?;
    check_context(context)
}

const fn check_context(context: &[u8]) -> Result<(), Error> {
    match context.len() {
        got if got > CONTEXT_MAX => Err(Error::Usage(UsageError::TooMany { limit: CONTEXT_MAX, got })),
        _ => Ok(()),
    }
}

/// The encodings of `T` and `S`.
pub(crate) fn split(bytes: &[u8]) -> Result<(&[u8; G1_BYTES], &[u8; G1_BYTES]), DecodeError> {
    let mut r = Reader::new(bytes);
    let (t, s) = (r.array("T")?, r.array("S")?);
    r.finish("signature")?;
    Ok((t, s))
}

/// `m`: stands for identity, parameters, context and message.
pub(crate) fn digest(pkctx: &[u8; 32], context: &[u8], message: &[u8]) -> [u8; 32] {
    hash(&[label(labels::SIGN).as_ref(), pkctx, &lp(context), context, message])
}

/// `h`.
pub(crate) fn challenge(m: &[u8; 32], t: &[u8; G1_BYTES]) -> Scalar {
    Scalar::from_wide(Prk::extract(label(labels::SIGN_H).as_ref(), &[m]).expand::<48>(&[t]).expose())
}
