//! HTTP Digest with SHA-256 and `qop=auth` (RFC 7616); opt-in, since what is stored is as good as the password.
//!
//! ```text
//! HA1 = SHA-256(user ":" realm ":" password)     HA2 = SHA-256(method ":" uri)          all in lower-case hexadecimal
//! response = SHA-256(HA1 ":" nonce ":" nc ":" cnonce ":" qop ":" HA2)
//! nonce = hex(u64 time || 16 random bytes || first 16 bytes of lookup("nonce", time || random))
//! ```
//! Nonces need no memory: any node recognises those of any other. A nonce count that comes twice is found where the request itself
//! is remembered, in the transaction that issues.

use subtle::ConstantTimeEq;

use super::{Requester, Via};
use crate::kdf::hash;
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::{Vault, draw};
use crate::kgs::server::store::Store;
use crate::kgs::server::store::tables::CredentialKind;
use crate::secret::{Secret, SecretVec};

const PURPOSE: &str = "digest";
/// Seconds for which a nonce is good. Its counts are remembered for longer.
pub const NONCE_LIFE: u64 = 300;
/// Longest field that is read.
const FIELD: usize = 2_048;

/// What stands in the Authorization header, unquoted.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// `username`.
    pub username: &'a str,
    /// `realm`.
    pub realm: &'a str,
    /// `nonce`.
    pub nonce: &'a str,
    /// `uri`; the caller compares it with the request's.
    pub uri: &'a str,
    /// `algorithm`.
    pub algorithm: &'a str,
    /// `qop`.
    pub qop: &'a str,
    /// `nc`, eight hexadecimal digits.
    pub nc: &'a str,
    /// `cnonce`.
    pub cnonce: &'a str,
    /// `response`.
    pub response: &'a str,
}

/// Why a digest is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The nonce was ours and is too old: the client may repeat with the new one without asking its user (`stale=true`).
    Stale,
    /// Anything else.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(e: Error) -> Self {
        Self::Error(e)
    }
}

fn hex_hash(parts: &[&[u8]]) -> Secret<64> {
    let mut out = Secret::zero();
    let digest = Secret::new(hash(parts));
    let written = base16ct::lower::encode(digest.expose(), out.as_mut()).map(<[u8]>::len);
    debug_assert_eq!(written, Ok(64));
    out
}

/// `HA1`, as hexadecimal text.
fn ha1(user: &str, realm: &str, password: &[u8]) -> Secret<64> {
    hex_hash(&[user.as_bytes(), b":", realm.as_bytes(), b":", password])
}

/// `response`.
fn expected(ha1: &[u8], r: &Response<'_>, method: &str) -> Secret<64> {
    let ha2 = hex_hash(&[method.as_bytes(), b":", r.uri.as_bytes()]);
    let parts = [ha1, r.nonce.as_bytes(), r.nc.as_bytes(), r.cnonce.as_bytes(), r.qop.as_bytes(), ha2.expose()];
    let mut joined: Vec<&[u8]> = Vec::with_capacity(11);
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            joined.push(b":");
        }
        joined.push(part);
    }
    hex_hash(&joined)
}

/// Gives a user a digest credential for a realm.
///
/// # Errors
/// [`Error::Input`], [`Error::Unknown`] user, [`Error::Store`].
pub async fn set(store: &Store, vault: &Vault, user: &str, realm: &str, password: &SecretVec) -> Result<(), Error> {
    if password.expose().is_empty() {
        return Err(Error::Input { what: "a password has 1 to 1024 bytes" });
    }
    let place = place(user, realm);
    let ha1 = ha1(user, realm, password.expose());
    let sealed = vault.seal(PURPOSE, &place, ha1.expose(), &mut getrandom::SysRng)?;
    store.set_credential(vault, CredentialKind::Digest, &vault.lookup(PURPOSE, &place), user, sealed).await
}

fn place(user: &str, realm: &str) -> Vec<u8> {
    [user.as_bytes(), b":", realm.as_bytes()].concat()
}

/// A nonce for a challenge.
///
/// # Errors
/// A failing generator.
pub fn nonce(vault: &Vault, now: u64) -> Result<String, Error> {
    let random: [u8; 16] = draw()?;
    let head = [&now.to_be_bytes()[..], &random].concat();
    let tag = vault.lookup("nonce", &head);
    Ok(base16ct::lower::encode_string(&[&head, tag.get(..16).unwrap_or_default()].concat()))
}

fn check_nonce(vault: &Vault, nonce: &str, now: u64) -> Result<(), Failed> {
    let unauthentic = Failed::Error(Error::Unauthentic);
    let mut bytes = [0; 40];
    let decoded = base16ct::lower::decode(nonce, &mut bytes).map_err(|_| unauthentic.clone())?;
    let (head, tag) = decoded.split_at_checked(24).ok_or(unauthentic.clone())?;
    let ours = vault.lookup("nonce", head);
    if tag.len() != 16 || !bool::from(ours.get(..16).unwrap_or_default().ct_eq(tag)) {
        return Err(unauthentic);
    }
    let made = head.first_chunk().map_or(0, |t| u64::from_be_bytes(*t));
    // One from the future was made by a node whose clock is ahead, or before this one's clock was set back.
    if made.abs_diff(now) > NONCE_LIFE { Err(Failed::Stale) } else { Ok(()) }
}

/// Compares. The requester counts once for this nonce and count: issuing checks that.
///
/// # Errors
/// [`Failed`]. A stranger, a wrong password and another algorithm are one and the same.
pub async fn check(
    store: &Store,
    vault: &Vault,
    response: &Response<'_>,
    method: &str,
    realm: &str,
    now: u64,
) -> Result<Requester, Failed> {
    let r = response;
    let fields = [r.username, r.realm, r.nonce, r.uri, r.cnonce, r.response];
    let count = r.nc.len() == 8 && r.nc.bytes().all(|b| b.is_ascii_hexdigit()) && r.nc != "00000000";
    let form = r.algorithm == "SHA-256" && r.qop == "auth" && r.realm == realm && count;
    if !form || fields.iter().any(|f| f.len() > FIELD) || r.cnonce.is_empty() {
        return Err(Error::Unauthentic.into());
    }
    let place = place(r.username, realm);
    let found = store.credential(CredentialKind::Digest, &vault.lookup(PURPOSE, &place)).await?;
    let known = match &found {
        Some((owner, sealed)) if owner == r.username => {
            let corrupt = |_| Error::Corrupt { table: "credentials" };
            Some(vault.open(PURPOSE, &place, sealed).map_err(corrupt)?)
        }
        Some(_) => return Err(Error::Corrupt { table: "credentials" }.into()),
        None => None,
    };
    let is_known = known.is_some();
    let stranger = vault.stranger(PURPOSE, &place);
    let secret = known.as_ref().map_or(&stranger.expose()[..], SecretVec::expose);
    let same = bool::from(expected(secret, r, method).expose()[..].ct_eq(r.response.as_bytes()));
    let fresh = check_nonce(vault, r.nonce, now);
    if !(same && is_known) {
        return Err(Error::Unauthentic.into());
    }
    fresh?;
    let once = vault.lookup("nonce count", &[r.nonce.as_bytes(), r.nc.to_ascii_lowercase().as_bytes()].concat());
    Ok(Requester { once: vec![once], ..Requester::new(r.username, Via::Digest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 section 3.9.1.
    #[test]
    fn the_example_of_the_rfc() {
        let ha1 = ha1("Mufasa", "http-auth@example.org", b"Circle of Life");
        let response = Response {
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri: "/dir/index.html",
            algorithm: "SHA-256",
            qop: "auth",
            nc: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            response: "",
        };
        let found = expected(ha1.expose(), &response, "GET");
        assert_eq!(found.expose(), b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn nonces_are_recognised_and_grow_old() {
        let (vault, other) = (Vault::new(&Secret::new([1; 32])), Vault::new(&Secret::new([2; 32])));
        let n = nonce(&vault, 1_000).unwrap();
        assert_eq!(check_nonce(&vault, &n, 1_000 + NONCE_LIFE), Ok(()));
        assert_eq!(check_nonce(&vault, &n, 1_001 + NONCE_LIFE), Err(Failed::Stale));
        let no = Err(Failed::Error(Error::Unauthentic));
        assert_eq!(check_nonce(&other, &n, 1_000), no);
        let last = if n.ends_with('0') { "1" } else { "0" };
        let forged = format!("{}{last}", &n[..n.len() - 1]);
        for bad in ["", "zz", &n[2..], &forged, &format!("{n}00"), &n.to_uppercase()] {
            assert!(bad == n || check_nonce(&vault, bad, 1_000) == no, "{bad}");
        }
    }
}
