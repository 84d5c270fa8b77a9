//! Who asks.
//!
//! | way | what is stored | file |
//! | --- | --- | --- |
//! | HTTP Basic | Argon2id of the password | [`password`] |
//! | HTTP Digest (RFC 7616, SHA-256), opt-in | HA1, which is as good as the password: under the vault | [`digest`] |
//! | TLS client certificate | its SHA-256 | [`credentials`] |
//! | MIKEY pre-shared key | the key, under the vault | [`credentials`] |
//! | bearer token | a keyed hash | [`token`] |
//!
//! Strangers and users take the same way: the same look-ups, one Argon2 each, the same answer [`Error::Unauthentic`]. Whoever fails
//! too often is held up by [`guard`], whoever asks for too much by [`pace`].

pub mod credentials;
pub mod digest;
pub mod guard;
pub mod pace;
pub mod password;
mod table;
pub mod token;

pub use credentials::{PskSource, PskTable};
pub use guard::Guard;
pub use pace::Pace;
pub use password::Passwords;
pub use token::Scope;

use super::error::Error;

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// HTTP Basic.
    Password,
    /// HTTP Digest.
    Digest,
    /// TLS client certificate.
    Certificate,
    /// MIKEY.
    Psk,
    /// Bearer token.
    Token,
    /// The operator, on the machine itself.
    Operator,
}

/// Somebody whose name has been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    name: String,
    via: Via,
    scope: Scope,
    /// What must not be used again, because whoever listens could: the nonce count of a digest.
    once: Vec<[u8; 32]>,
}

impl Requester {
    fn new(name: &str, via: Via) -> Self {
        Self { name: name.into(), via, scope: Scope::USER, once: Vec::new() }
    }

    /// The operator acting for a user: for commands on the machine, where access to the store is the proof.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that no user can have.
    pub fn operator(name: &str) -> Result<Self, Error> {
        super::store::tables::check_user(name)?;
        Ok(Self::new(name, Via::Operator))
    }

    /// Somebody with a pre-shared key, after the message that was protected with it has been verified. `owner` is what
    /// [`PskSource`] gave with the key, `message` names the message: it counts once.
    pub fn psk(owner: &str, message: [u8; 32]) -> Self {
        Self { once: vec![message], ..Self::new(owner, Via::Psk) }
    }

    /// The user.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it was proved.
    pub const fn via(&self) -> Via {
        self.via
    }

    /// What the proof is good for.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    pub(super) const fn may_issue(&self) -> bool {
        self.scope.issue
    }

    pub(super) fn once(&self) -> &[[u8; 32]] {
        &self.once
    }
}
