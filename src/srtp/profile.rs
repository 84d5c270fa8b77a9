//! The table of protection profiles: sizes, and the names by which other programs know them.

use crate::error::{DecodeError, DecodeReason};

/// A protection profile of SRTP.
///
/// Profiles without encryption are left out, although DTLS-SRTP numbers two of them: no key exchange is needed to send
/// media in clear, and a peer must not be able to choose it.
///
/// Source: RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 12, RFC 5764 section 4.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 in counter mode, HMAC-SHA1 with an 80-bit tag: what every implementation has.
    AesCm128HmacSha1_80,
    /// The same with a 32-bit tag on RTP (RTCP keeps 80 bits).
    AesCm128HmacSha1_32,
    /// AES-128 in f8 mode, HMAC-SHA1 with an 80-bit tag.
    F8_128HmacSha1_80,
    /// AES-192 in counter mode, HMAC-SHA1 with an 80-bit tag. libsrtp derives other session keys than RFC 6188 for
    /// AES-192 (its issue 763) in the builds without OpenSSL's own derivation, so expect trouble.
    Aes192CmHmacSha1_80,
    /// The same with a 32-bit tag on RTP.
    Aes192CmHmacSha1_32,
    /// AES-256 in counter mode, HMAC-SHA1 with an 80-bit tag.
    Aes256CmHmacSha1_80,
    /// The same with a 32-bit tag on RTP.
    Aes256CmHmacSha1_32,
    /// AES-128-GCM with the full 128-bit tag.
    AeadAes128Gcm,
    /// AES-256-GCM with the full 128-bit tag.
    AeadAes256Gcm,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 9] = [
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::F8_128HmacSha1_80,
        Self::Aes192CmHmacSha1_80,
        Self::Aes192CmHmacSha1_32,
        Self::Aes256CmHmacSha1_80,
        Self::Aes256CmHmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The registered crypto-suite name of SDES (`a=crypto`), which is also what this crate binds into the export.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::F8_128HmacSha1_80 => "F8_128_HMAC_SHA1_80",
            Self::Aes192CmHmacSha1_80 => "AES_192_CM_HMAC_SHA1_80",
            Self::Aes192CmHmacSha1_32 => "AES_192_CM_HMAC_SHA1_32",
            Self::Aes256CmHmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256CmHmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// From its registered name; `None` for any other spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The name that ffmpeg's `-srtp_out_suite` and `-srtp_in_suite` take; it knows the two AES-128 profiles only.
    pub const fn ffmpeg_name(self) -> Option<&'static str> {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => Some(self.name()),
            _ => None,
        }
    }

    /// The function of libsrtp 2 that fills in a policy for RTP (the first is a macro for `.._set_rtp_default`). For
    /// RTCP take that of [`Self::rtcp`]. libsrtp has no f8.
    pub const fn libsrtp_policy(self) -> Option<&'static str> {
        match self {
            Self::AesCm128HmacSha1_80 => Some("srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80"),
            Self::AesCm128HmacSha1_32 => Some("srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32"),
            Self::F8_128HmacSha1_80 => None,
            Self::Aes192CmHmacSha1_80 => Some("srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80"),
            Self::Aes192CmHmacSha1_32 => Some("srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32"),
            Self::Aes256CmHmacSha1_80 => Some("srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80"),
            Self::Aes256CmHmacSha1_32 => Some("srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32"),
            Self::AeadAes128Gcm => Some("srtp_crypto_policy_set_aes_gcm_128_16_auth"),
            Self::AeadAes256Gcm => Some("srtp_crypto_policy_set_aes_gcm_256_16_auth"),
        }
    }

    /// The number of the profile in DTLS-SRTP, where it has one (also `srtp_profile_t` of libsrtp).
    pub const fn dtls_srtp_id(self) -> Option<u16> {
        match self {
            Self::AesCm128HmacSha1_80 => Some(0x0001),
            Self::AesCm128HmacSha1_32 => Some(0x0002),
            Self::AeadAes128Gcm => Some(0x0007),
            Self::AeadAes256Gcm => Some(0x0008),
            _ => None,
        }
    }

    /// From its number in DTLS-SRTP.
    ///
    /// # Errors
    /// A number that is not registered, or registered for a profile without encryption.
    pub fn from_dtls_srtp_id(id: u16) -> Result<Self, DecodeError> {
        let unknown = DecodeError::new("SRTP protection profile", DecodeReason::Unknown { got: id.into() });
        Self::ALL.into_iter().find(|p| p.dtls_srtp_id() == Some(id)).ok_or(unknown)
    }

    /// The profile by which RTCP is protected beside this one: the same, but never a 32-bit tag (RFC 4568 section 6.2).
    #[must_use]
    pub const fn rtcp(self) -> Self {
        match self {
            Self::AesCm128HmacSha1_32 => Self::AesCm128HmacSha1_80,
            Self::Aes192CmHmacSha1_32 => Self::Aes192CmHmacSha1_80,
            Self::Aes256CmHmacSha1_32 => Self::Aes256CmHmacSha1_80,
            other => other,
        }
    }

    /// Bytes of the master key; the session's cipher key has as many.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::F8_128HmacSha1_80 | Self::AeadAes128Gcm => 16,
            Self::Aes192CmHmacSha1_80 | Self::Aes192CmHmacSha1_32 => 24,
            Self::Aes256CmHmacSha1_80 | Self::Aes256CmHmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt; the session's salt has as many.
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes of the session's authentication key: none for the AEAD profiles.
    pub const fn auth_key_len(self) -> usize {
        if self.is_aead() { 0 } else { 20 }
    }

    /// Bytes of the tag on an RTP packet; on RTCP as [`Self::rtcp`] has it.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_32 | Self::Aes192CmHmacSha1_32 | Self::Aes256CmHmacSha1_32 => 4,
            Self::AesCm128HmacSha1_80
            | Self::F8_128HmacSha1_80
            | Self::Aes192CmHmacSha1_80
            | Self::Aes256CmHmacSha1_80 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Whether one algorithm both encrypts and authenticates.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }
}
