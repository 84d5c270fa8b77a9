//! Identities: the bytes that are hashed to a public key.
//!
//! ```text
//! IBEIdentityInfo ::= SEQUENCE {            -- RFC 5408 section 3
//!   district      IA5String,                -- URI of the parameters, 1..255 bytes
//!   serial        INTEGER,                  -- of the parameters, 1..2^64-1
//!   identityType  OBJECT IDENTIFIER,
//!   identityData  OCTET STRING }            -- DER of:
//!
//! SEQUENCE { name IA5String, start GeneralizedTime }
//! ```
//! | name, purpose | `identityType` | `identityData` |
//! | --- | --- | --- |
//! | URI, decrypt | [`oid::DECRYPT_URI`] | own type of the same shape as RFC 5409's |
//! | URI, sign | [`oid::SIGN_URI`] | likewise |
//! | NAI, decrypt | [`oid::DECRYPT_EMAIL`] | `EmailIdentityData` of RFC 5409 section 2 |
//! | NAI, sign | [`oid::SIGN_EMAIL`] | `EmailIdentityData` |
//!
//! So server, key epoch, purpose, name and period are all bound, and DER makes it injective: it is never a
//! concatenation of strings. The length of the period is not in there; the parameters with this district and serial fix
//! it.
//!
//! Decoding accepts exactly what encoding produces: every part in normal form, then encoded again and compared.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::asn1::{Fields, put, put_integer, put_time, tag};
use super::district::District;
use super::name::{Name, NameKind};
use super::oid::{self, Oid};
use super::period::{Granularity, Period, Utc};
use crate::error::{DecodeError, DecodeReason, Error, IdentityError};

/// Longest DER of an identity that is read; the longest that can be valid is shorter.
pub const IDENTITY_MAX: usize = 2_048;

/// What the key of an identity is for. A signature key never decrypts, nor the reverse: their identities hash to
/// different points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Identity-based encryption.
    Decrypt,
    /// Identity-based signatures.
    Sign,
}

/// Somebody's name in one period of one district's key epoch.
///
/// Cheap to clone. Equal if and only if all parts are equal.
#[derive(Clone)]
pub struct Identity(Arc<Parts>);

struct Parts {
    district: District,
    serial: u64,
    purpose: Purpose,
    name: Name,
    period: Period,
    der: Vec<u8>,
}

impl Identity {
    /// Puts the parts together and encodes them.
    ///
    /// # Errors
    /// [`IdentityError::Serial`] if `serial` is zero; [`IdentityError::TimeRange`] never, as every [`Period`] is inside
    /// the range.
    pub fn new(
        district: &District,
        serial: u64,
        purpose: Purpose,
        name: Name,
        period: Period,
    ) -> Result<Self, IdentityError> {
        if serial == 0 {
            return Err(IdentityError::Serial);
        }
        let mut data = Vec::with_capacity(name.as_str().len() + 4 + 17);
        put(&mut data, tag::IA5, name.as_str().as_bytes());
        put_time(&mut data, Utc::new(period.start())?);
        let mut identity_data = Vec::with_capacity(data.len() + 4);
        put(&mut identity_data, tag::SEQUENCE, &data);

        let mut info = Vec::with_capacity(identity_data.len() + district.as_str().len() + 48);
        put(&mut info, tag::IA5, district.as_str().as_bytes());
        put_integer(&mut info, serial);
        put(&mut info, tag::OID, identity_type(purpose, name.kind()).content());
        put(&mut info, tag::OCTETS, &identity_data);
        let mut der = Vec::with_capacity(info.len() + 4);
        put(&mut der, tag::SEQUENCE, &info);
        Ok(Self(Arc::new(Parts { district: district.clone(), serial, purpose, name, period, der })))
    }

    /// Decodes an identity whose period has the length that its district's parameters fix.
    ///
    /// # Errors
    /// [`Error::Decode`] if it is not the canonical DER of an identity: [`DecodeReason::TooLong`] over
    /// [`IDENTITY_MAX`], [`DecodeReason::Unknown`] (with the last arc) for another `identityType`,
    /// [`DecodeReason::Inconsistent`] if the type does not fit the form of the name. [`Error::Identity`] if a part is
    /// not acceptable: district, serial, name, period.
    ///
    /// Source: RFC 5408 section 3; RFC 5409 section 2.
    pub fn from_der(der: &[u8], granularity: Granularity) -> Result<Self, Error> {
        if der.len() > IDENTITY_MAX {
            let reason = DecodeReason::TooLong { limit: IDENTITY_MAX, got: der.len() };
            return Err(DecodeError::new("identity", reason).into());
        }
        let mut info = Fields::of("identity", der)?;
        let district = info.ia5("district")?;
        let serial = info.integer("serial")?;
        let identity_type = info.oid("identityType")?;
        let identity_data = info.octets("identityData")?;
        info.finish("identity")?;
        let mut data = Fields::of("identityData", identity_data)?;
        let name = data.ia5("name")?;
        let start = data.time("start")?;
        data.finish("identityData")?;

        let (purpose, is_nai) = purpose_of(identity_type)?;
        let district = District::parse(district)?;
        let serial = serial.filter(|serial| *serial != 0).ok_or(IdentityError::Serial)?;
        let name = Name::parse(name)?;
        if (name.kind() == NameKind::Nai) != is_nai {
            return Err(DecodeError::new("identityType", DecodeReason::Inconsistent).into());
        }
        let identity = Self::new(&district, serial, purpose, name, Period::new(granularity, start)?)?;
        // Reading was strict already; that this can fail no more is what the comparison makes sure of.
        if identity.der() == der { Ok(identity) } else { Err(DecodeError::new("identity", DecodeReason::Der).into()) }
    }

    /// Its canonical DER, the input of the hash to G1.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whose parameters it is under.
    pub fn district(&self) -> &District {
        &self.0.district
    }

    /// Which of the district's parameters.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// What its key is for.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Whose it is.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// When it is valid.
    pub fn period(&self) -> Period {
        self.0.period
    }
}

const fn identity_type(purpose: Purpose, kind: NameKind) -> Oid {
    match (purpose, kind) {
        (Purpose::Decrypt, NameKind::Nai) => oid::DECRYPT_EMAIL,
        (Purpose::Sign, NameKind::Nai) => oid::SIGN_EMAIL,
        (Purpose::Decrypt, _) => oid::DECRYPT_URI,
        (Purpose::Sign, _) => oid::SIGN_URI,
    }
}

/// The purpose that a type is for, and whether its names are NAIs.
fn purpose_of(content: &[u8]) -> Result<(Purpose, bool), DecodeError> {
    let known = [
        (oid::DECRYPT_URI, Purpose::Decrypt, false),
        (oid::SIGN_URI, Purpose::Sign, false),
        (oid::DECRYPT_EMAIL, Purpose::Decrypt, true),
        (oid::SIGN_EMAIL, Purpose::Sign, true),
    ];
    let found = known.into_iter().find(|(oid, ..)| oid.content() == content);
    found.map(|(_, purpose, is_nai)| (purpose, is_nai)).ok_or(oid::unknown("identityType", content))
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der && self.0.period == other.0.period
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("district", &self.0.district)
            .field("serial", &self.0.serial)
            .field("purpose", &self.0.purpose)
            .field("name", &self.0.name)
            .field("period", &self.0.period)
            .finish()
    }
}
