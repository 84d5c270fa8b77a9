//! Introductions: how a district that is trusted already vouches for the parameters of another one, or for its own next ones.
//!
//! ```text
//! introduction = body || sigma (48)
//! body  = "IBAKEINT" || u8 1 || u16 IBE suite || fp (32) || u64 from || u64 until || u8 n || n rules || var16 DER of the introduced parameters
//! rule  = u8 length || "*" | domain | "+" digits
//! sigma = [s]H_intro(body), in G1
//! ```
//! `fp` is the fingerprint of the parameters whose master key is `s`. Valid if `e(sigma, P2) = e(H_intro(body), P_pub)`.
//!
//! # What it says
//! That these are the parameters of the district that stands in them, and that the names which fit one of the rules are that
//! district's. Whoever trusts the signer for names of others takes its word for that, and for nothing more: parameters that are
//! known through an introduction introduce nobody, so that one wrong word does not spread. There is no way to take an
//! introduction back but its end; so it should be near.
//!
//! # Why the master key signs
//! `sigma` is a BLS signature by the key that issues, as the proof of possession is, under a tag of its own: a private key is
//! `[s]H1(ID)`, so neither can be taken for the other. The identity-based signatures of [`super::sign`] end with a period; this
//! outlives it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::extract::Issuer;
use super::host::check_host;
use super::name::Name;
use super::params::{PARAMETERS_MAX, PublicParameters};
use crate::curve::{G1, G2Prepared, pairing_product_is_one};
use crate::encoding::{G1_BYTES, Reader, Writer};
use crate::error::{DecodeError, DecodeReason, Error, IdentityError, ParametersError};
use crate::suite::{DST_INTRO, IBE_SUITE};

/// How an introduction begins.
pub const MAGIC: &[u8; 8] = b"IBAKEINT";
const VERSION: u8 = 1;
/// Most rules of one introduction.
pub const RULES_MAX: usize = 64;
/// Longest rule in bytes.
pub const RULE_MAX: usize = 255;
/// Longest introduction in bytes.
pub const INTRODUCTION_MAX: usize =
    8 + 1 + 2 + 32 + 8 + 8 + 1 + RULES_MAX * (1 + RULE_MAX) + 2 + PARAMETERS_MAX + G1_BYTES;

/// Which names a district speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// All.
    All,
    /// Those with exactly this behind their `@`: a host in the normal form of names.
    Domain(String),
    /// Telephone numbers that begin so: `+`, then digits.
    Number(String),
}

impl Whose {
    /// From its text: `*`, a domain, or `+` with digits.
    ///
    /// # Errors
    /// [`IdentityError`] for what is none of them, or longer than [`RULE_MAX`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if text.is_empty() {
            return Err(IdentityError::Empty);
        }
        if text.len() > RULE_MAX {
            return Err(IdentityError::TooLong { limit: RULE_MAX, got: text.len() });
        }
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(digits) = text.strip_prefix('+') {
            let good = digits.bytes().all(|b| b.is_ascii_digit()) && (1..=15).contains(&digits.len());
            return if good { Ok(Self::Number(text.into())) } else { Err(IdentityError::Syntax("telephone number")) };
        }
        check_host(text)?;
        Ok(Self::Domain(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Domain(text) | Self::Number(text) => text,
        }
    }

    /// Whether the name is one of them.
    pub fn fits(&self, name: &Name) -> bool {
        let text = name.as_str();
        match self {
            Self::All => true,
            Self::Domain(domain) => text.rsplit_once('@').is_some_and(|(_, behind)| behind == domain),
            Self::Number(begin) => text.strip_prefix("tel:").is_some_and(|number| number.starts_with(begin.as_str())),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an introduction says, whether or not it is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Fingerprint of the parameters of whoever says it.
    pub signer: [u8; 32],
    /// First second in which it counts, Unix time.
    pub from: u64,
    /// Last second.
    pub until: u64,
    /// Which names are the introduced district's.
    pub whose: Vec<Whose>,
    /// The parameters that are introduced. They have passed their own checks.
    pub parameters: PublicParameters,
}

impl Statement {
    fn body(&self) -> Result<Vec<u8>, Error> {
        if self.from > self.until {
            return Err(DecodeError::new("validity", DecodeReason::Inconsistent).into());
        }
        let count = u8::try_from(self.whose.len()).ok().filter(|n| (1..=RULES_MAX).contains(&usize::from(*n)));
        let count = count.ok_or_else(|| wrong_count(self.whose.len()))?;
        let mut w = Writer::with_capacity(INTRODUCTION_MAX);
        w.bytes(MAGIC).u8(VERSION).u16(IBE_SUITE).bytes(&self.signer).u64(self.from).u64(self.until).u8(count);
        for (at, whose) in self.whose.iter().enumerate() {
            // A value can be made without `parse`.
            if &Whose::parse(whose.as_str())? != whose || self.whose.iter().skip(at + 1).any(|other| other == whose) {
                return Err(DecodeError::new("rule", DecodeReason::Inconsistent).into());
            }
            w.u8(u8::try_from(whose.as_str().len()).unwrap_or(u8::MAX)).bytes(whose.as_str().as_bytes());
        }
        w.var16(&self.parameters.to_der());
        Ok(w.finish())
    }
}

fn wrong_count(got: usize) -> Error {
    DecodeError::new("rules", DecodeReason::TooLong { limit: RULES_MAX, got }).into()
}

/// An introduction whose signature holds under the parameters that it was checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    statement: Statement,
    bytes: Vec<u8>,
}

impl Introduction {
    /// Reads an introduction and checks its signature by the parameters of `signer`, which the caller trusts for names of others.
    ///
    /// # Errors
    /// Those of [`inspect`]; [`ParametersError::Mismatch`] if it is another's, [`ParametersError::Introduction`] if the
    /// signature is false.
    pub fn from_bytes(bytes: &[u8], signer: &PublicParameters) -> Result<Self, Error> {
        let (statement, sigma) = read(bytes)?;
        if statement.signer != *signer.fingerprint() {
            return Err(ParametersError::Mismatch.into());
        }
        let body = bytes.get(..bytes.len().saturating_sub(G1_BYTES)).unwrap_or_default();
        let base = G1::hash(body, DST_INTRO).neg();
        let product = [(&sigma, G2Prepared::generator()), (&base, signer.p_pub_prepared())];
        if !bool::from(pairing_product_is_one(&product)) {
            return Err(ParametersError::Introduction.into());
        }
        Ok(Self { statement, bytes: bytes.to_vec() })
    }

    /// The bytes that are sent or stored.
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Whether it counts at `now` (Unix time), without tolerance.
    ///
    /// # Errors
    /// [`ParametersError::NotValidAt`].
    pub fn check_time(&self, now: u64) -> Result<(), ParametersError> {
        let valid = (self.statement.from..=self.statement.until).contains(&now);
        if valid { Ok(()) } else { Err(ParametersError::NotValidAt) }
    }
}

/// Reads what an introduction says and believes nothing of it.
///
/// # Errors
/// [`DecodeError`]; those of the rules and of [`PublicParameters::from_der`].
pub fn inspect(bytes: &[u8]) -> Result<Statement, Error> {
    Ok(read(bytes)?.0)
}

fn read(bytes: &[u8]) -> Result<(Statement, G1), Error> {
    if bytes.len() > INTRODUCTION_MAX {
        let reason = DecodeReason::TooLong { limit: INTRODUCTION_MAX, got: bytes.len() };
        return Err(DecodeError::new("introduction", reason).into());
    }
    let mut r = Reader::new(bytes);
    if r.array::<8>("magic")? != MAGIC {
        return Err(DecodeError::new("introduction", DecodeReason::Inconsistent).into());
    }
    let version = r.u8("version")?;
    if version != VERSION {
        return Err(DecodeError::new("introduction", DecodeReason::Version { got: version.into() }).into());
    }
    let suite = r.u16("IBE suite")?;
    if suite != IBE_SUITE {
        return Err(DecodeError::new("IBE suite", DecodeReason::Unknown { got: suite.into() }).into());
    }
    let signer = *r.array("fingerprint")?;
    let (from, until) = (r.u64("from")?, r.u64("until")?);
    if from > until {
        return Err(DecodeError::new("validity", DecodeReason::Inconsistent).into());
    }
    let count = usize::from(r.u8("rules")?);
    if !(1..=RULES_MAX).contains(&count) {
        return Err(wrong_count(count));
    }
    let mut whose: Vec<Whose> = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(r.u8("rule")?);
        let text = core::str::from_utf8(r.bytes("rule", length)?);
        let rule = Whose::parse(text.map_err(|_| DecodeError::new("rule", DecodeReason::Text))?)?;
        if whose.contains(&rule) {
            return Err(DecodeError::new("rule", DecodeReason::Inconsistent).into());
        }
        whose.push(rule);
    }
    let parameters = PublicParameters::from_der(r.var16("parameters", PARAMETERS_MAX)?)?;
    let sigma = G1::decode("signature", r.array::<G1_BYTES>("signature")?)?;
    r.finish("introduction")?;
    Ok((Statement { signer, from, until, whose, parameters }, sigma))
}

impl Issuer {
    /// Vouches, with the master key, for the parameters of another district, or of the next epoch of this one.
    ///
    /// # Errors
    /// For rules or a validity that could not be read back; [`ParametersError::Mismatch`] for the own parameters;
    /// [`crate::error::KeyError::NotGenuine`] if a multiplication was disturbed.
    ///
    /// # Timing
    /// Constant in the master key.
    pub fn introduce(
        &self,
        parameters: &PublicParameters,
        whose: &[Whose],
        from: u64,
        until: u64,
    ) -> Result<Introduction, Error> {
        let signer = *self.parameters().fingerprint();
        if signer == *parameters.fingerprint() {
            return Err(ParametersError::Mismatch.into());
        }
        let statement = Statement { signer, from, until, whose: whose.to_vec(), parameters: parameters.clone() };
        let mut bytes = statement.body()?;
        let sigma = self.multiply(&G1::hash(&bytes, DST_INTRO))?.published("introduction");
        bytes.extend_from_slice(&sigma.to_compressed());
        Ok(Introduction { statement, bytes })
    }
}
