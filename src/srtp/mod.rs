//! SRTP master keys from a finished exchange, in the forms that real stacks take, and the session keys below them.
//!
//! Each direction has a master key and salt of its own, exported under its own label with the profile's name in the
//! context: `export(label, lp(name) || context, key_len + salt_len)`, the key in front of the salt. Two streams of one
//! session must not share a master key unless their SSRCs differ for certain (RFC 3711 section 9.1), so the caller's
//! context names the stream. This module protects no packets: a media stack does.

mod derive;
mod profile;

pub(crate) use derive::prf as aes_cm;
pub use derive::{SessionKeys, Stream};
pub use profile::Profile;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};

use crate::encoding::lp;
use crate::error::{DecodeError, DecodeReason, Error};
use crate::secret::SecretVec;
use crate::suite::exports;

/// A finished session's exporter: fills `out` with bytes that depend on the session's secret, `label`, `context` and
/// the length of `out`, and on nothing else. Every length asked for here is below 64 bytes.
pub trait Exporter {
    /// Fills `out`.
    ///
    /// # Errors
    /// Those of the exporter; then nothing may be used of `out`.
    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error>;
}

impl<F: Fn(&[u8], &[u8], &mut [u8]) -> Result<(), Error>> Exporter for F {
    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self(label, context, out)
    }
}

/// Which end of the exchange we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that sent the first message.
    Initiator,
    /// The end that answered.
    Responder,
}

/// Whose media a master key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Media that the initiator sends.
    InitiatorToResponder,
    /// Media that the responder sends.
    ResponderToInitiator,
}

/// The two master keys of a stream as one end uses them.
#[derive(Debug)]
pub struct MasterPair {
    /// For packets that we send.
    pub send: MasterKeys,
    /// For packets that we receive.
    pub receive: MasterKeys,
}

impl MasterPair {
    /// Exports both directions; the peer, with the other role, gets them the other way round.
    ///
    /// # Errors
    /// Those of the exporter.
    pub fn export<E: Exporter + ?Sized>(
        exporter: &E,
        profile: Profile,
        context: &[u8],
        role: Role,
    ) -> Result<Self, Error> {
        let keys = |direction| MasterKeys::export(exporter, profile, context, direction);
        let (from_initiator, from_responder) =
            (keys(Direction::InitiatorToResponder)?, keys(Direction::ResponderToInitiator)?);
        Ok(match role {
            Role::Initiator => Self { send: from_initiator, receive: from_responder },
            Role::Responder => Self { send: from_responder, receive: from_initiator },
        })
    }
}

/// Master key and master salt of one direction. Wiped on drop, `Debug` shows the profile only, not `Clone`.
pub struct MasterKeys {
    profile: Profile,
    bytes: SecretVec,
}

impl MasterKeys {
    /// Exports the keys of one direction, as the module's documentation has it.
    ///
    /// # Errors
    /// Those of the exporter.
    pub fn export<E: Exporter + ?Sized>(
        exporter: &E,
        profile: Profile,
        context: &[u8],
        direction: Direction,
    ) -> Result<Self, Error> {
        let label = match direction {
            Direction::InitiatorToResponder => exports::SRTP_FROM_INITIATOR,
            Direction::ResponderToInitiator => exports::SRTP_FROM_RESPONDER,
        };
        let name = profile.name().as_bytes();
        let context = [&lp(name)[..], name, context].concat();
        let mut bytes: Vec<u8> = vec![0; profile.key_len() + profile.salt_len()];
        exporter.export(label, &context, &mut bytes)?;
        Ok(Self { profile, bytes: SecretVec::new(bytes) })
    }

    /// Takes key and salt that came from elsewhere (a MIKEY TEK, an SDES line), key first.
    ///
    /// # Errors
    /// Not exactly the profile's lengths.
    pub fn from_key_and_salt(profile: Profile, key_and_salt: &[u8]) -> Result<Self, DecodeError> {
        let (n, got) = (profile.key_len() + profile.salt_len(), key_and_salt.len());
        let wrong = |reason| Err(DecodeError::new("SRTP master key and salt", reason));
        match got {
            _ if got < n => wrong(DecodeReason::Truncated { expected: n, got }),
            _ if got > n => wrong(DecodeReason::Trailing { extra: got - n }),
            _ => Ok(Self { profile, bytes: SecretVec::new(key_and_salt.to_vec()) }),
        }
    }

    /// The profile.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The master key.
    pub fn key(&self) -> &[u8] {
        self.bytes.expose().get(..self.profile.key_len()).unwrap_or(&[])
    }

    /// The master salt.
    pub fn salt(&self) -> &[u8] {
        self.bytes.expose().get(self.profile.key_len()..).unwrap_or(&[])
    }

    /// Key, then salt: the `key` of libsrtp's policy, and what GStreamer's `srtp-key` buffer holds.
    pub fn key_and_salt(&self) -> &[u8] {
        self.bytes.expose()
    }

    /// Key and salt in base64, as it follows `inline:` in an `a=crypto` line and as ffmpeg's `-srtp_out_params` takes
    /// it.
    ///
    /// Timing: constant in the contents. Source: RFC 4568 section 6.1.
    #[must_use]
    pub fn sdes_inline(&self) -> InlineKey {
        InlineKey(Base64::encode_string(self.bytes.expose()))
    }

    /// The session keys of one stream. `index_div_kdr` is the packet index divided by the key derivation rate, rounded
    /// down, of which the low 48 bits count; 0 for the usual rate of 0, where keys are derived once.
    ///
    /// Timing: constant in keys. Source: RFC 3711 section 4.3, RFC 6188 section 3, RFC 7714 section 11.
    #[must_use]
    pub fn session_keys(&self, stream: Stream, index_div_kdr: u64) -> SessionKeys {
        derive::session_keys(self, stream, index_div_kdr)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Base64 of a master key and salt: secret like them, wiped on drop.
pub struct InlineKey(String);

impl InlineKey {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InlineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InlineKey(..)")
    }
}

impl Drop for InlineKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl zeroize::ZeroizeOnDrop for InlineKey {}

#[cfg(test)]
mod tests;
