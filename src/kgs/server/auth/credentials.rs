//! TLS client certificates and pre-shared keys.

use std::fmt;
use std::sync::Arc;

use super::{Requester, Via};
use crate::encoding::lp;
use crate::kdf::hash;
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;
use crate::kgs::server::store::tables::CredentialKind;
use crate::kgs::server::store::{Pending, Store};
use crate::secret::SecretVec;

const PSK: &str = "psk";
const CERTIFICATE: &str = "certificate";
/// Shortest and longest pre-shared key in bytes (RFC 3830: at least as long as what is derived should be).
const PSK_BYTES: std::ops::RangeInclusive<usize> = 16..=256;

/// Ties a certificate to a user by the SHA-256 of its DER. Who issued it does not matter, nor does what stands in it.
///
/// # Errors
/// [`Error::Unknown`] user, [`Error::Exists`] if it is somebody else's, [`Error::Store`].
pub async fn set_certificate(store: &Store, vault: &Vault, user: &str, der: &[u8]) -> Result<(), Error> {
    let sha256 = hash(&[der]);
    let sealed = vault.seal(CERTIFICATE, &[user.as_bytes(), &sha256].concat(), &[], &mut getrandom::SysRng)?;
    store.set_credential(vault, CredentialKind::Certificate, &vault.lookup(CERTIFICATE, &sha256), user, sealed).await
}

/// Who has shown this certificate. TLS has made sure that they hold its private key.
///
/// # Errors
/// [`Error::Unauthentic`], [`Error::Store`], [`Error::Corrupt`].
pub async fn check_certificate(store: &Store, vault: &Vault, der: &[u8]) -> Result<Requester, Error> {
    let sha256 = hash(&[der]);
    let found = store.credential(CredentialKind::Certificate, &vault.lookup(CERTIFICATE, &sha256)).await?;
    let (owner, sealed) = found.ok_or(Error::Unauthentic)?;
    let corrupt = |_| Error::Corrupt { table: "credentials" };
    vault.open(CERTIFICATE, &[owner.as_bytes(), &sha256].concat(), &sealed).map_err(corrupt)?;
    Ok(Requester::new(&owner, Via::Certificate))
}

/// Where pre-shared keys come from: a table today; a bootstrapping server (GBA) that knows them by B-TID tomorrow.
pub trait PskSource: Send + Sync + fmt::Debug {
    /// The key of this name, as MIKEY has it (type and data of the ID payload), and the user whose it is.
    ///
    /// # Errors
    /// [`Error::Store`] and the like; an unknown name is no error.
    fn psk<'a>(&'a self, kind: u8, name: &'a [u8]) -> Pending<'a, Option<(String, SecretVec)>>;
}

/// Pre-shared keys in the store.
#[derive(Clone, Debug)]
pub struct PskTable {
    /// The store.
    pub store: Store,
    /// Under which they are.
    pub vault: Arc<Vault>,
}

fn psk_name(kind: u8, name: &[u8]) -> Vec<u8> {
    [&[kind][..], &lp(name), name].concat()
}

impl PskTable {
    /// Gives a user a pre-shared key under a name.
    ///
    /// # Errors
    /// [`Error::Input`] for a key under 16 or over 256 bytes; [`Error::Unknown`] user; [`Error::Exists`] if the name is somebody
    /// else's; [`Error::Store`].
    pub async fn set(&self, user: &str, kind: u8, name: &[u8], psk: &SecretVec) -> Result<(), Error> {
        if !PSK_BYTES.contains(&psk.expose().len()) {
            return Err(Error::Input { what: "a pre-shared key has 16 to 256 bytes" });
        }
        let name = psk_name(kind, name);
        let context = [&name[..], user.as_bytes()].concat();
        let sealed = self.vault.seal(PSK, &context, psk.expose(), &mut getrandom::SysRng)?;
        self.store.set_credential(&self.vault, CredentialKind::Psk, &self.vault.lookup(PSK, &name), user, sealed).await
    }
}

impl PskSource for PskTable {
    fn psk<'a>(&'a self, kind: u8, name: &'a [u8]) -> Pending<'a, Option<(String, SecretVec)>> {
        Box::pin(async move {
            let name = psk_name(kind, name);
            let found = self.store.credential(CredentialKind::Psk, &self.vault.lookup(PSK, &name)).await?;
            let Some((owner, sealed)) = found else { return Ok(None) };
            let context = [&name[..], owner.as_bytes()].concat();
            let corrupt = |_| Error::Corrupt { table: "credentials" };
            let psk = self.vault.open(PSK, &context, &sealed).map_err(corrupt)?;
            Ok(Some((owner, psk)))
        })
    }
}
