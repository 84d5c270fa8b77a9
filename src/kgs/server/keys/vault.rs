//! Secrets at rest: one root secret under the wrapping key, and everything else under keys derived from the root.
//!
//! ```text
//! root          = 32 random bytes, drawn once, kept under the wrapping key (kind 16 of src/keyfile)
//! master keys   = each under the wrapping key itself (kind 1)
//! sealed(p, c)  = n || AES-256-GCM(key = Exp(Ext(root), "kgs seal" || lp(p) || n, 32), nonce zero, aad = c, text)     n: 24 random bytes
//! tag(t, row)   = Exp(Ext(root), "kgs row" || lp(t) || lp(field) .., 32)
//! summand(t, r) = Exp(Ext(root), "kgs settings" || lp(t) || lp(field) .., 32)
//! lookup(k, x)  = Exp(Ext(root), "kgs lookup" || lp(k) || x, 32)
//! ```
//! So a wrapping key that is slow (a passphrase) or far away (a hardware module) is asked once when the server starts, and once
//! for each master key.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use crate::aead;
use crate::encoding::lp;
use crate::error;
use crate::kdf::{Prk, label};
use crate::keyfile::{self, Protection};
use crate::kgs::MASTER_KIND;
use crate::kgs::server::error::Error;
use crate::kgs::server::store::Value;
use crate::secret::{Secret, SecretVec};
use crate::suite::{Aead, labels};

/// Bytes that make the key of each record its own.
const FRESH: usize = 24;

/// Begins what is wrapped by a key of a hardware module (feature `pkcs11`).
pub const PKCS11_MAGIC: &[u8] = b"IBAKEP11";

/// What a wrapped secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A master key; the same number as in the directory of a district.
    Master = MASTER_KIND,
    /// The root secret of a store.
    Root = 16,
}

/// The wrapping key: a passphrase, a key file, or a key in a hardware module (feature `pkcs11`). Called rarely, may block.
pub trait Wrapper: Send + Sync {
    /// Puts a secret under it.
    ///
    /// # Errors
    /// [`Error::KeyFile`], or what a module has to say.
    fn wrap(&self, kind: Kind, secret: &[u8]) -> Result<Vec<u8>, Error>;

    /// Takes it off again.
    ///
    /// # Errors
    /// [`Error::KeyFile`] for another wrapping key, another kind, or damage.
    fn unwrap(&self, kind: Kind, wrapped: &[u8]) -> Result<SecretVec, Error>;
}

impl Wrapper for Protection {
    fn wrap(&self, kind: Kind, secret: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(keyfile::seal(kind as u8, self, secret, &mut getrandom::SysRng)?)
    }

    fn unwrap(&self, kind: Kind, wrapped: &[u8]) -> Result<SecretVec, Error> {
        Ok(keyfile::open(wrapped, kind as u8, self)?)
    }
}

/// The root secret at work. Wiped on drop.
pub struct Vault(Prk);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// From the root secret.
    pub fn new(root: &Secret<32>) -> Self {
        Self(Prk::extract(&[], &[root.expose()]))
    }

    /// Seals what belongs to `purpose` and stands in the `context`.
    ///
    /// # Errors
    /// A failing generator.
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        purpose: &str,
        context: &[u8],
        text: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; FRESH];
        rng.try_fill_bytes(&mut out).map_err(|_| error::Error::Random)?;
        let sealed = aead::seal(Aead::Aes256Gcm, self.key(purpose, &out).expose(), context, text);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made for the same purpose and context.
    ///
    /// # Errors
    /// [`error::Error::Decrypt`] inside [`Error::Crypto`], whatever is wrong.
    pub fn open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Result<SecretVec, Error> {
        let (fresh, sealed) = sealed.split_at_checked(FRESH).ok_or(error::Error::Decrypt)?;
        Ok(aead::open(Aead::Aes256Gcm, self.key(purpose, fresh).expose(), context, sealed)?)
    }

    fn key(&self, purpose: &str, fresh: &[u8]) -> Secret<32> {
        self.0.expand(&[label(labels::KGS_SEAL).as_ref(), &lp(purpose.as_bytes()), purpose.as_bytes(), fresh])
    }

    /// The tag of a row of settings: whoever can write to the database alone cannot make or change one.
    pub fn tag(&self, table: &str, row: &[Value]) -> [u8; 32] {
        *self.of_row(labels::KGS_ROW, table, row).expose()
    }

    /// What a row adds to the sum over all settings. Nothing that stands in the store, unlike its tag.
    pub(in crate::kgs::server) fn summand(&self, table: &str, row: &[Value]) -> Secret<32> {
        self.of_row(labels::KGS_SETTINGS, table, row)
    }

    fn of_row(&self, name: &str, table: &str, row: &[Value]) -> Secret<32> {
        let mut info = [label(name).as_ref(), &lp(table.as_bytes()), table.as_bytes()].concat();
        for value in row {
            let bytes = match value {
                Value::Int(v) => &v.to_be_bytes()[..],
                Value::Text(v) => v.as_bytes(),
                Value::Bytes(v) => v,
            };
            info.extend_from_slice(&lp(bytes));
            info.extend_from_slice(bytes);
        }
        self.0.expand(&[&info])
    }

    /// Compares the tag of a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn check(&self, table: &'static str, row: &[Value], tag: &[u8]) -> Result<(), Error> {
        if bool::from(self.tag(table, row).ct_eq(tag)) { Ok(()) } else { Err(Error::Corrupt { table }) }
    }

    /// Under which something is found that does not stand in the store in clear: the same for the same input, and meaningless
    /// without the root.
    pub fn lookup(&self, kind: &str, of: &[u8]) -> [u8; 32] {
        *self.expand(labels::KGS_LOOKUP, kind, of).expose()
    }

    /// A key that stands in for the one of a stranger.
    pub(in crate::kgs::server) fn stranger(&self, kind: &str, of: &[u8]) -> Secret<32> {
        self.expand(labels::KGS_STRANGER, kind, of)
    }

    fn expand(&self, name: &str, kind: &str, of: &[u8]) -> Secret<32> {
        self.0.expand(&[label(name).as_ref(), &lp(kind.as_bytes()), kind.as_bytes(), of])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_place_only() {
        let vault = Vault::new(&Secret::new([7; 32]));
        let sealed = vault.seal("psk", b"alice", b"secret", &mut SysRng).unwrap();
        assert_eq!(vault.open("psk", b"alice", &sealed).unwrap().expose(), b"secret");
        assert_ne!(vault.seal("psk", b"alice", b"secret", &mut SysRng).unwrap(), sealed);
        let other = Vault::new(&Secret::new([8; 32]));
        for (v, purpose, context) in [(&other, "psk", "alice"), (&vault, "ps", "alice"), (&vault, "psk", "bob")] {
            assert!(v.open(purpose, context.as_bytes(), &sealed).is_err());
        }
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(vault.open("psk", b"alice", &bad).is_err() && vault.open("psk", b"alice", &sealed[..at]).is_err());
        }
        assert_eq!(format!("{vault:?}"), "Vault(..)");
    }

    #[test]
    fn tags_are_those_of_one_row_of_one_table() {
        let vault = Vault::new(&Secret::new([7; 32]));
        let row = |a: &str, b: &str| [Value::from(a), Value::from(b), Value::Int(1)];
        let tag = vault.tag("rules", &row("ab", "c"));
        assert!(vault.check("rules", &row("ab", "c"), &tag).is_ok());
        for (table, row) in [("rules", row("a", "bc")), ("rules", row("ab", "d")), ("users", row("ab", "c"))] {
            assert_eq!(vault.check(table, &row, &tag), Err(Error::Corrupt { table }));
        }
        assert_ne!(vault.summand("rules", &row("ab", "c")).expose(), &tag);
        assert_ne!(vault.lookup("a", b"x"), vault.lookup("b", b"x"));
    }
}
