//! What an exchange ends with: a session that exports keys, and the authentication string.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::declassify;
use crate::encoding::lp;
use crate::error::{Error, UsageError};
use crate::ibe::identity::Identity;
use crate::kdf::{Prk, hash};
use crate::secret::Secret;
pub use crate::srtp::Role;
use crate::srtp::{MasterPair, Profile};
use crate::suite::Suite;

/// A finished exchange: both ends are authenticated and have the same keys.
///
/// Wiped on drop; `Debug` prints identities and suite only.
pub struct Session {
    pub(crate) role: Role,
    pub(crate) suite: Suite,
    pub(crate) sid_i: [u8; 16],
    pub(crate) sid_r: [u8; 16],
    pub(crate) initiator: Identity,
    pub(crate) responder: Identity,
    pub(crate) exporter: Prk,
    pub(crate) sas: AuthenticationString,
}

impl Session {
    /// Which end this is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The suite used.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The identity of the initiator, authenticated.
    pub const fn initiator(&self) -> &Identity {
        &self.initiator
    }

    /// The identity of the responder, authenticated.
    pub const fn responder(&self) -> &Identity {
        &self.responder
    }

    /// The other end's identity.
    pub const fn peer(&self) -> &Identity {
        match self.role {
            Role::Initiator => &self.responder,
            Role::Responder => &self.initiator,
        }
    }

    /// `sid_I || sid_R`, the public name of this session.
    pub fn id(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.iter_mut().zip(self.sid_i.iter().chain(&self.sid_r)).for_each(|(o, b)| *o = *b);
        out
    }

    /// Derives `out.len()` bytes for `label` and `context`: `Exp(exporter, lp(label) || H(context) || u16 L, L)`.
    ///
    /// Different labels, contexts or lengths give unrelated keys; both ends get the same ones.
    ///
    /// # Errors
    /// [`UsageError::OutputTooLong`] over 8,160 bytes.
    ///
    /// # Timing
    /// Constant in the keys.
    pub fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        export(&self.exporter, label, context, out)
    }

    /// The short string that two people read to each other. Only a finished session has one.
    pub const fn authentication_string(&self) -> &AuthenticationString {
        &self.sas
    }

    /// SRTP master keys and salts of one media stream, both directions, in one call. `stream` names the stream, for example
    /// `b"m=0"`; another stream of the same call gets another name.
    ///
    /// # Errors
    /// None in practice; see [`Session::export`].
    pub fn srtp(&self, profile: Profile, stream: &[u8]) -> Result<MasterPair, Error> {
        MasterPair::export(self, profile, stream, self.role)
    }

    /// A fingerprint of the session key, the same on both ends, that may be shown and logged.
    ///
    /// # Errors
    /// None in practice; see [`Session::export`].
    pub fn fingerprint(&self) -> Result<[u8; 16], Error> {
        let mut out = [0; 16];
        self.export(b"fingerprint", &[], &mut out)?;
        Ok(out)
    }
}

pub(crate) fn export(exporter: &Prk, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let length = u16::try_from(out.len()).map_err(|_| UsageError::OutputTooLong)?;
    let info = [&lp(label)[..], label, &hash(&[context]), &length.to_be_bytes()];
    if exporter.expand_into(&info, out) { Ok(()) } else { Err(UsageError::OutputTooLong.into()) }
}

impl crate::srtp::Exporter for Session {
    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        Self::export(self, label, context, out)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("suite", &self.suite)
            .field("initiator", &self.initiator)
            .field("responder", &self.responder)
            .finish_non_exhaustive()
    }
}

/// The authentication string: 32 bits, as words or as digits.
///
/// An acting KGS in the middle makes the two ends differ but for one attempt in 2^32; it can neither search nor choose.
pub struct AuthenticationString(pub(crate) Secret<4>);

impl AuthenticationString {
    /// The 32 bits, as a big-endian number.
    pub const fn value(&self) -> u32 {
        u32::from_be_bytes(*self.0.expose())
    }

    /// The value on its way to a person: the forms for reading aloud are not constant time in it.
    fn shown(&self) -> u32 {
        declassify::published("authentication string", self.0.expose());
        self.value()
    }

    /// Three words of the 2,048-word English list of BIP-39, for the top 10, the middle 11 and the low 11 bits.
    pub fn words(&self) -> [&'static str; 3] {
        let list = bip39::Language::English.word_list();
        let v = self.shown();
        [v >> 22, (v >> 11) & 0x7ff, v & 0x7ff].map(|i| list.get(i as usize).copied().unwrap_or(""))
    }

    /// Ten decimal digits in groups `123 456 7890`.
    pub fn digits(&self) -> String {
        let all: Vec<char> = alloc::format!("{:010}", self.shown()).chars().collect();
        let group = |a: usize, b: usize| all.get(a..b).unwrap_or(&[]).iter().collect::<String>();
        alloc::format!("{} {} {}", group(0, 3), group(3, 6), group(6, 10))
    }
}

impl fmt::Debug for AuthenticationString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationString(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_digits_show_all_bits() {
        let sas = AuthenticationString(Secret::new(0xffff_ffffu32.to_be_bytes()));
        assert_eq!((sas.words(), sas.digits().as_str()), (["lend", "zoo", "zoo"], "429 496 7295"));
        let zero = AuthenticationString(Secret::new([0; 4]));
        assert_eq!((zero.words(), zero.digits().as_str()), (["abandon"; 3], "000 000 0000"));
        let one_bit = AuthenticationString(Secret::new((1u32 << 22).to_be_bytes()));
        assert_eq!(one_bit.words(), ["ability", "abandon", "abandon"]);
    }
}
