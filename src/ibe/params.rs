//! Public parameters of a district, as RFC 5408 publishes them, with a proof of possession of the master key.
//!
//! ```text
//! IBESysParams ::= SEQUENCE {                        -- RFC 5408 section 4.2
//!   version              INTEGER { v2(2) },
//!   districtName         IA5String,                  -- fingerprint
//!   districtSerial       INTEGER,                    -- fingerprint
//!   validity             SEQUENCE { notBefore GeneralizedTime, notAfter GeneralizedTime },
//!   ibePublicParameters  SEQUENCE OF SEQUENCE { ibeAlgorithm OBJECT IDENTIFIER, publicParameterData OCTET STRING },
//!   ibeIdentityType      OBJECT IDENTIFIER,          -- fingerprint; always oid::FAMILY
//!   ibeParamExtensions   SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, OCTET STRING } OPTIONAL }
//!
//! publicParameterData of oid::ALGORITHM (fingerprint) is the DER of
//! SEQUENCE { ibeSuite INTEGER, pPub OCTET STRING (96), granularity INTEGER, pop OCTET STRING (48) }
//! ```
//!
//! # Fingerprint and proof of possession
//! `fp = H("params" || lp(district) || u64 serial || lp(algorithm) || P_pub || lp(identity type) || u8 granularity)` is
//! what keys and exchanges bind to; any change of these fields needs a new serial. `pop = [s]H_pop(fp)` shows that
//! whoever published them holds `s`, so nobody can publish a `P_pub` computed from another district's. It is checked
//! whenever parameters are loaded; a value of [`PublicParameters`] has passed every check.
//!
//! The proof says nothing about who publishes: that parameters are the district's comes from the TLS connection to its
//! URI, or from comparing the fingerprint.
//!
//! **Not under the fingerprint**, so that parameters can be published again without orphaning ciphertexts: `notBefore`,
//! `notAfter`, the `pkgURI` extension (its presence and value), and entries of other algorithms (their presence, order
//! and content). Whoever can alter parameters on their way can alter these four under a given fingerprint, and nothing
//! else.
//!
//! # Decisions
//! - Other algorithms beside ours are tolerated, as RFC 5408 lets a client choose: kept as they are, at most
//!   seven, all different. Ours must be there exactly once.
//! - An extension other than `pkgURI` makes parameters unusable (a MUST of RFC 5408), an empty list is left out.
//! - Decoding accepts exactly what encoding produces.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::district::District;
use super::identity::{Identity, Purpose};
use super::name::Name;
use super::oid;
use super::params_der::{Decoded, Entry, algorithm_data, decode, encode};
use super::period::{Granularity, Period};
use crate::curve::{G1, G2, G2Prepared, pairing_product_is_one};
use crate::encoding::{G2_BYTES, lp};
use crate::error::{DecodeError, DecodeReason, Error, IdentityError, ParametersError};
use crate::kdf;
use crate::suite::{DST_POP, labels};

/// Longest DER of parameters that is read.
pub const PARAMETERS_MAX: usize = 8_192;

/// What whoever sets up a district decides; the rest of its parameters follows from the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The district's URI.
    pub district: District,
    /// Number of this set of parameters, from 1; larger than all earlier ones of the district.
    pub serial: u64,
    /// First second of use, Unix time. Periods must lie inside the validity completely, so choose a boundary of their
    /// grid.
    pub not_before: u64,
    /// Last second of use, Unix time.
    pub not_after: u64,
    /// Length of the periods of all identities.
    pub granularity: Granularity,
    /// Where private keys are asked for, an `https` URI in the normal form of [`District`].
    pub pkg_uri: Option<String>,
}

/// Public parameters that have passed every check: form, points, proof of possession. Cheap to clone.
#[derive(Clone)]
pub struct PublicParameters(Arc<Parts>);

struct Parts {
    description: Description,
    fingerprint: [u8; 32],
    p_pub: G2,
    p_pub_bytes: [u8; G2_BYTES],
    prepared: G2Prepared,
    der: Vec<u8>,
}

impl PublicParameters {
    /// Puts parameters of a new key epoch together.
    ///
    /// # Errors
    /// [`ParametersError::Possession`] if `pop` is not `[s]H_pop(fingerprint)`; errors of a description that could not
    /// be read back.
    pub(crate) fn assemble(description: Description, p_pub: G2, pop: G1) -> Result<Self, Error> {
        let ours = (oid::ALGORITHM.content().to_vec(), algorithm_data(&description, &p_pub, &pop));
        Self::checked(description, p_pub, &pop, &[ours])
    }

    /// The hash of all that keys and exchanges bind to.
    pub(crate) fn fingerprint_of(description: &Description, p_pub: &G2) -> [u8; 32] {
        let district = description.district.as_str().as_bytes();
        let (algorithm, family) = (oid::ALGORITHM.content(), oid::FAMILY.content());
        kdf::hash(&[
            kdf::label(labels::PARAMS).as_ref(),
            &lp(district),
            district,
            &description.serial.to_be_bytes(),
            &lp(algorithm),
            algorithm,
            &p_pub.to_compressed(),
            &lp(family),
            family,
            &[description.granularity.id()],
        ])
    }

    /// What a description must fulfil and the proof of possession, `e(pop, P2) = e(H_pop(fp), P_pub)`.
    fn checked(description: Description, p_pub: G2, pop: &G1, algorithms: &[Entry]) -> Result<Self, Error> {
        if description.serial == 0 {
            return Err(IdentityError::Serial.into());
        }
        if description.not_before > description.not_after {
            return Err(DecodeError::new("validity", DecodeReason::Inconsistent).into());
        }
        if let Some(uri) = &description.pkg_uri {
            District::parse(uri)?;
        }
        // An infinite P_pub would make every key and every proof the point at infinity.
        if p_pub.is_identity().into() {
            return Err(DecodeError::new("P_pub", DecodeReason::Infinity).into());
        }
        let der = encode(&description, algorithms)?;
        let fingerprint = Self::fingerprint_of(&description, &p_pub);
        let prepared = G2Prepared::new(&p_pub);
        let base = G1::hash(&fingerprint, DST_POP).neg();
        if !bool::from(pairing_product_is_one(&[(pop, G2Prepared::generator()), (&base, &prepared)])) {
            return Err(ParametersError::Possession.into());
        }
        let p_pub_bytes = p_pub.to_compressed();
        Ok(Self(Arc::new(Parts { description, fingerprint, p_pub, p_pub_bytes, prepared, der })))
    }

    /// Decodes and checks parameters.
    ///
    /// # Errors
    /// [`Error::Decode`] if the bytes are not the canonical DER of parameters or a point is not one;
    /// [`Error::Identity`] for district, serial or `pkgURI`; [`ParametersError::Algorithm`] without an entry of ours in
    /// our suite, [`ParametersError::Extension`], [`ParametersError::Possession`].
    ///
    /// Source: RFC 5408 section 4.2.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > PARAMETERS_MAX {
            let reason = DecodeReason::TooLong { limit: PARAMETERS_MAX, got: der.len() };
            return Err(DecodeError::new("parameters", reason).into());
        }
        let Decoded { description, p_pub, pop, algorithms } = decode(der)?;
        let read = Self::checked(description, p_pub, &pop, &algorithms)?;
        // Reading was strict already; that this can fail no more is what the comparison makes sure of.
        if read.0.der == der { Ok(read) } else { Err(DecodeError::new("parameters", DecodeReason::Der).into()) }
    }

    /// The canonical DER.
    pub fn to_der(&self) -> Vec<u8> {
        self.0.der.clone()
    }

    /// The parts that were decided when the district was set up.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// The district's URI.
    pub fn district(&self) -> &District {
        &self.0.description.district
    }

    /// Number of this set of parameters.
    pub fn serial(&self) -> u64 {
        self.0.description.serial
    }

    /// First second of use, Unix time.
    pub fn not_before(&self) -> u64 {
        self.0.description.not_before
    }

    /// Last second of use, Unix time.
    pub fn not_after(&self) -> u64 {
        self.0.description.not_after
    }

    /// Length of the periods of all identities.
    pub fn granularity(&self) -> Granularity {
        self.0.description.granularity
    }

    /// Where private keys are asked for.
    pub fn pkg_uri(&self) -> Option<&str> {
        self.0.description.pkg_uri.as_deref()
    }

    /// The hash of all that keys and exchanges bind to.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// `P_pub`.
    pub fn p_pub(&self) -> &G2 {
        &self.0.p_pub
    }

    /// `P_pub` compressed.
    pub fn p_pub_bytes(&self) -> &[u8; G2_BYTES] {
        &self.0.p_pub_bytes
    }

    /// `P_pub` with the lines of its Miller loop.
    pub fn p_pub_prepared(&self) -> &G2Prepared {
        &self.0.prepared
    }

    /// Whether the parameters may be used at `now` (Unix time): `not_before <= now <= not_after`, without tolerance.
    ///
    /// # Errors
    /// [`ParametersError::NotValidAt`]. Source: RFC 5408 section 4.2.
    pub fn check_time(&self, now: u64) -> Result<(), ParametersError> {
        if (self.not_before()..=self.not_after()).contains(&now) { Ok(()) } else { Err(ParametersError::NotValidAt) }
    }

    /// Whether identities of this period can be used with these parameters.
    ///
    /// # Errors
    /// [`IdentityError::OffGrid`] if it is of another length than theirs; [`ParametersError::PeriodOutside`] if a
    /// second of it lies outside their validity.
    pub fn check_period(&self, period: &Period) -> Result<(), Error> {
        if period.granularity() != self.granularity() {
            return Err(IdentityError::OffGrid.into());
        }
        if period.start() < self.not_before() || period.end() - 1 > self.not_after() {
            return Err(ParametersError::PeriodOutside.into());
        }
        Ok(())
    }

    /// Whether an identity is under these parameters: district, serial and period.
    ///
    /// # Errors
    /// [`ParametersError::Mismatch`], and those of [`Self::check_period`].
    pub fn check_identity(&self, identity: &Identity) -> Result<(), Error> {
        if identity.district() != self.district() || identity.serial() != self.serial() {
            return Err(ParametersError::Mismatch.into());
        }
        self.check_period(&identity.period())
    }

    /// The identity of `name` in the period that contains `t` (Unix time).
    ///
    /// # Errors
    /// [`IdentityError::TimeRange`]; [`ParametersError::PeriodOutside`] if that period is not inside the validity.
    pub fn identity(&self, name: Name, purpose: Purpose, t: u64) -> Result<Identity, Error> {
        let period = Period::containing(self.granularity(), t)?;
        self.check_period(&period)?;
        Ok(Identity::new(self.district(), self.serial(), purpose, name, period)?)
    }
}

impl PartialEq for PublicParameters {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for PublicParameters {}

impl fmt::Debug for PublicParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicParameters")
            .field("description", &self.0.description)
            .field("fingerprint", &base16ct::HexDisplay(&self.0.fingerprint))
            .finish_non_exhaustive()
    }
}

/// Where protocol code looks parameters up that a message names.
///
/// What a store holds, its owner trusts: parameters got over TLS from their district, or compared by fingerprint.
pub trait ParameterStore {
    /// The parameters of this district and serial.
    fn find(&self, district: &str, serial: u64) -> Option<PublicParameters>;
}

impl ParameterStore for PublicParameters {
    fn find(&self, district: &str, serial: u64) -> Option<PublicParameters> {
        (self.district().as_str() == district && self.serial() == serial).then(|| self.clone())
    }
}

impl ParameterStore for [PublicParameters] {
    fn find(&self, district: &str, serial: u64) -> Option<PublicParameters> {
        self.iter().find_map(|p| p.find(district, serial))
    }
}

impl ParameterStore for Vec<PublicParameters> {
    fn find(&self, district: &str, serial: u64) -> Option<PublicParameters> {
        self.as_slice().find(district, serial)
    }
}
