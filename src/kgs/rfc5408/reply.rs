//! `IBEPrivateKeyReply` (RFC 5408 section 5.6.1).
//!
//! ```text
//! IBEPrivateKeyReply ::= SEQUENCE {
//!   pkgIdentity   IBEIdentityInfo,                      -- as in the request, to the byte
//!   pgkAlgorithm  OBJECT IDENTIFIER,                    -- oid::ALGORITHM
//!   pkgKeyData    OCTET STRING,                         -- the stored form of a private key, or that form sealed
//!   pkgOptions    SEQUENCE OF PKGOption OPTIONAL }      -- left out where there is none
//! PKGOption ::= SEQUENCE { optionID OBJECT IDENTIFIER, optionValue OCTET STRING }
//!
//! oid::SEALED   optionValue = u8 1                      -- pkgKeyData is enc || ciphertext to the key of the request
//! oid::RECEIPT  optionValue = u64 place || hash (32) || salt (32)
//! ```

use zeroize::Zeroizing;

use super::Error;
use crate::encoding::{Reader, Writer};
use crate::ibe::asn1::{self, Fields, tag};
use crate::ibe::{Identity, oid};
use crate::secret::SecretVec;

/// Longest reply that is read.
pub const REPLY_MAX: usize = 8_192;
/// Most options.
const OPTIONS: usize = 8;
/// What is in [`oid::SEALED`]: HPKE with the suite of [`crate::sealing`].
const SEALED_VERSION: u8 = 1;

/// The place of a key in the audit log, and what opens its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The place, from 1 on.
    pub place: u64,
    /// The hash of the entry.
    pub hash: [u8; 32],
    /// The salt of its commitment.
    pub salt: [u8; 32],
}

/// A reply.
#[derive(Debug)]
pub struct KeyReply {
    /// DER of the identity.
    pub identity: Vec<u8>,
    /// [`crate::ibe::extract::PrivateKey::to_bytes`], sealed or not.
    pub key: SecretVec,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Where the log says that it was issued. Never with a key that is not sealed: a client of another make must not be kept
    /// from using it by an option that it does not know.
    pub receipt: Option<Receipt>,
}

impl KeyReply {
    /// The DER.
    pub fn to_der(&self) -> SecretVec {
        // All at its final size: what grows leaves copies of the key behind.
        let mut inside = Zeroizing::new(Vec::with_capacity(self.identity.len() + self.key.expose().len() + 256));
        inside.extend_from_slice(&self.identity);
        asn1::put(&mut inside, tag::OID, oid::ALGORITHM.content());
        asn1::put(&mut inside, tag::OCTETS, self.key.expose());
        let mut options = Vec::new();
        let mut option = |id: oid::Oid, value: &[u8]| {
            let mut one = Vec::new();
            asn1::put(&mut one, tag::OID, id.content());
            asn1::put(&mut one, tag::OCTETS, value);
            asn1::put(&mut options, tag::SEQUENCE, &one);
        };
        if self.sealed {
            option(oid::SEALED, &[SEALED_VERSION]);
        }
        if let Some(Receipt { place, hash, salt }) = self.receipt.as_ref().filter(|_| self.sealed) {
            let mut w = Writer::new();
            w.u64(*place).bytes(hash).bytes(salt);
            option(oid::RECEIPT, &w.finish());
        }
        if !options.is_empty() {
            asn1::put(&mut inside, tag::SEQUENCE, &options);
        }
        let mut out = Vec::with_capacity(inside.len() + 8);
        asn1::put(&mut out, tag::SEQUENCE, &inside);
        SecretVec::new(out)
    }

    /// Reads a reply to a request for this identity.
    ///
    /// # Errors
    /// [`Error::Field`] for another identity or algorithm; [`Error::UnknownOption`]; [`Error::Inner`].
    pub fn from_der(der: &[u8], identity: &Identity) -> Result<Self, Error> {
        if der.len() > REPLY_MAX {
            return Err(Error::TooLong { limit: REPLY_MAX });
        }
        let mut fields = Fields::of("reply", der)?;
        // Byte for byte (a MUST of the RFC); so nothing of it has to be believed.
        let content = fields.take("pkgIdentity", asn1::SEQUENCE)?;
        let mut found = Vec::with_capacity(content.len() + 4);
        asn1::put(&mut found, tag::SEQUENCE, content);
        if found != identity.der() {
            return Err(Error::Field("pkgIdentity"));
        }
        if fields.oid("pgkAlgorithm")? != oid::ALGORITHM.content() {
            return Err(Error::Field("pgkAlgorithm"));
        }
        let key = SecretVec::new(fields.octets("pkgKeyData")?.to_vec());
        let (mut sealed, mut receipt, mut seen) = (false, None, 0);
        if !fields.is_finished() {
            let mut options = fields.sequence("pkgOptions")?;
            while !options.is_finished() {
                seen += 1;
                if seen > OPTIONS {
                    return Err(Error::Limit("pkgOptions"));
                }
                let mut option = options.sequence("PKGOption")?;
                let (id, value) = (option.oid("optionID")?, option.octets("optionValue")?);
                option.finish("PKGOption")?;
                if id == oid::SEALED.content() {
                    if core::mem::replace(&mut sealed, true) {
                        return Err(Error::Repeated("option"));
                    }
                    if value != [SEALED_VERSION] {
                        return Err(Error::UnknownOption);
                    }
                } else if id == oid::RECEIPT.content() {
                    if receipt.replace(read_receipt(value)?).is_some() {
                        return Err(Error::Repeated("option"));
                    }
                } else {
                    return Err(Error::UnknownOption);
                }
            }
        }
        fields.finish("reply")?;
        Ok(Self { identity: found, key, sealed, receipt })
    }
}

fn read_receipt(value: &[u8]) -> Result<Receipt, Error> {
    let mut r = Reader::new(value);
    let receipt = Receipt { place: r.u64("place")?, hash: *r.array("hash")?, salt: *r.array("salt")? };
    r.finish("receipt")?;
    Ok(receipt)
}
