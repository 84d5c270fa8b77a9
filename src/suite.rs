//! The one table of identifiers, domain separation tags, labels and sizes.

use crate::error::{DecodeError, DecodeReason};

/// What every label begins with.
pub const LABEL_PREFIX: &str = "IBAKE-V01 ";
/// H1, the hash of identities to G1 (RFC 9380 suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`).
pub const DST_H1: &[u8] = b"IBAKE-V01-BF-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
/// The hash to G1 of the proof of possession; never the DST of H1, because extraction is a BLS signing oracle.
pub const DST_POP: &[u8] = b"IBAKE-V01-POP-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
/// The hash to G1 of introductions; another tag for the same reason.
pub const DST_INTRO: &[u8] = b"IBAKE-V01-INTRO-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
/// The identity-based encryption suite: Boneh-Franklin KEM over BLS12-381, private keys in G1, SHA-256.
pub const IBE_SUITE: u16 = 0x0001;
/// Version of the exchange.
pub const AKE_VERSION: u16 = 0x0001;

/// Names of the labels; [`crate::kdf::label`] adds prefix and length.
pub mod labels {
    #![allow(missing_docs)] // the table in SPEC.md says what each is for
    pub const ID: &str = "id";
    pub const H3: &str = "H3";
    pub const H2: &str = "H2";
    pub const K: &str = "K";
    pub const Z: &str = "z";
    pub const REJ: &str = "rej";
    pub const PARAMS: &str = "params";
    pub const HINT: &str = "hint";
    pub const BOX: &str = "box";
    pub const FILE: &str = "file";
    pub const FILE_WRAP: &str = "file wrap";
    pub const KEYFILE: &str = "keyfile";
    pub const AKE: &str = "ake";
    pub const AD: &str = "ad";
    pub const SEAL: &str = "seal";
    pub const TR: &str = "tr";
    pub const EXPORTER: &str = "exporter";
    pub const SAS: &str = "sas";
    pub const SAS_COMMIT: &str = "sas-commit";
    pub const COOKIE: &str = "cookie";
    pub const X: &str = "x";
    pub const Y: &str = "y";
    pub const EK: &str = "ek";
    pub const CT: &str = "ct";
    pub const NONCE: &str = "nonce";
    pub const SIGMA: &str = "sigma";
    pub const SIGN: &str = "sign";
    pub const SIGN_T: &str = "sign t";
    pub const SIGN_H: &str = "sign h";
    pub const MIKEY_REQUEST: &str = "mikey request";
    pub const MIKEY_STRANGER: &str = "mikey stranger";
    pub const MIKEY_SEEN: &str = "mikey seen";
    pub const MIKEY_SEAL: &str = "mikey seal";
    pub const MIKEY_DRAW: &str = "mikey draw";
    pub const MIKEY_BOUND: &str = "mikey bound";
    pub const MIKEY_UPDATE: &str = "mikey update";
    pub const MIKEY_ESK: &str = "mikey esk";
    pub const MIKEY_MESSAGE: &str = "mikey message";
    pub const MIKEY_SALT: &str = "mikey salt";
    pub const SK: &str = "sk";
    pub const KGS_ISSUE: &str = "kgs issue";
    pub const KGS_BULK: &str = "kgs bulk";
    pub const AUDIT_COMMIT: &str = "audit commit";
    pub const AUDIT_DETAIL: &str = "audit detail";
    pub const AUDIT_ENTRY: &str = "audit entry";
    pub const AUDIT_CHECKPOINT: &str = "audit checkpoint";
    pub const KGS_SEAL: &str = "kgs seal";
    pub const KGS_ROW: &str = "kgs row";
    pub const KGS_SETTINGS: &str = "kgs settings";
    pub const KGS_LOOKUP: &str = "kgs lookup";
    pub const KGS_STRANGER: &str = "kgs stranger";
    pub const BATCH_WEIGHTS: &str = "batch weights";
}

/// Labels of the session's exporter, a namespace apart from [`labels`].
pub mod exports {
    /// SRTP master key and salt for media that the initiator sends.
    pub const SRTP_FROM_INITIATOR: &[u8] = b"SRTP master from initiator";
    /// SRTP master key and salt for media that the responder sends.
    pub const SRTP_FROM_RESPONDER: &[u8] = b"SRTP master from responder";
}

/// The Diffie-Hellman group of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// NIST P-256; shares are SEC1 uncompressed points (65 bytes).
    P256,
    /// NIST P-384; 97 bytes.
    P384,
    /// NIST P-521; 133 bytes.
    P521,
    /// X25519 (RFC 7748); 32-byte u-coordinates.
    X25519,
}

/// The authenticated encryption of a suite, a sealed box or a file. Keys have 32 bytes, nonces 12, tags 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Aead {
    /// AES-256-GCM.
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305 = 2,
}

impl Aead {
    /// From its identifier.
    ///
    /// # Errors
    /// An identifier that is not registered.
    pub const fn from_id(id: u8) -> Result<Self, DecodeError> {
        match id {
            1 => Ok(Self::Aes256Gcm),
            2 => Ok(Self::ChaCha20Poly1305),
            got => Err(DecodeError::new("AEAD", DecodeReason::Unknown { got: got as u32 })),
        }
    }

    /// Its identifier.
    pub const fn id(self) -> u8 {
        self as u8
    }
}

/// A suite of the exchange: group, post-quantum part, AEAD and hash (SHA-256 in all of them) under one 16-bit identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Suite {
    /// P-256, AES-256-GCM. The default.
    P256Aes256Gcm = 0x0001,
    /// P-384, AES-256-GCM.
    P384Aes256Gcm = 0x0002,
    /// P-521, AES-256-GCM.
    P521Aes256Gcm = 0x0003,
    /// X25519, ChaCha20-Poly1305.
    X25519ChaCha20Poly1305 = 0x0004,
    /// P-256 with ML-KEM-768 (FIPS 203), AES-256-GCM.
    P256MlKem768Aes256Gcm = 0x0005,
}

impl Suite {
    /// All suites in the fixed order of SPEC.md: of the suites that both ends accept, the first in this order is used.
    pub const PREFERENCE: [Self; 5] = [
        Self::P256MlKem768Aes256Gcm,
        Self::P521Aes256Gcm,
        Self::P384Aes256Gcm,
        Self::X25519ChaCha20Poly1305,
        Self::P256Aes256Gcm,
    ];

    /// From its identifier.
    ///
    /// # Errors
    /// An identifier that is not registered.
    pub const fn from_id(id: u16) -> Result<Self, DecodeError> {
        match id {
            0x0001 => Ok(Self::P256Aes256Gcm),
            0x0002 => Ok(Self::P384Aes256Gcm),
            0x0003 => Ok(Self::P521Aes256Gcm),
            0x0004 => Ok(Self::X25519ChaCha20Poly1305),
            0x0005 => Ok(Self::P256MlKem768Aes256Gcm),
            got => Err(DecodeError::new("suite", DecodeReason::Unknown { got: got as u32 })),
        }
    }

    /// Its identifier.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// Its Diffie-Hellman group.
    pub const fn group(self) -> Group {
        match self {
            Self::P256Aes256Gcm | Self::P256MlKem768Aes256Gcm => Group::P256,
            Self::P384Aes256Gcm => Group::P384,
            Self::P521Aes256Gcm => Group::P521,
            Self::X25519ChaCha20Poly1305 => Group::X25519,
        }
    }

    /// Its AEAD.
    pub const fn aead(self) -> Aead {
        match self {
            Self::X25519ChaCha20Poly1305 => Aead::ChaCha20Poly1305,
            _ => Aead::Aes256Gcm,
        }
    }

    /// Whether ML-KEM-768 is mixed in.
    pub const fn is_hybrid(self) -> bool {
        matches!(self, Self::P256MlKem768Aes256Gcm)
    }

    /// Its name as the program prints and takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256Aes256Gcm => "p256-aes256gcm",
            Self::P384Aes256Gcm => "p384-aes256gcm",
            Self::P521Aes256Gcm => "p521-aes256gcm",
            Self::X25519ChaCha20Poly1305 => "x25519-chacha20poly1305",
            Self::P256MlKem768Aes256Gcm => "p256-mlkem768-aes256gcm",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::PREFERENCE.into_iter().find(|s| s.name() == name)
    }

    /// The first suite of [`Self::PREFERENCE`] that both lists have.
    pub fn first_common(a: &[Self], b: &[Self]) -> Option<Self> {
        Self::PREFERENCE.into_iter().find(|s| a.contains(s) && b.contains(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_round_trip() {
        for s in Suite::PREFERENCE {
            assert_eq!(Suite::from_id(s.id()), Ok(s));
            assert_eq!(Suite::from_name(s.name()), Some(s));
        }
        assert!(Suite::from_id(6).is_err() && Suite::from_id(0).is_err());
        assert_eq!(Aead::from_id(Aead::ChaCha20Poly1305.id()), Ok(Aead::ChaCha20Poly1305));
        assert!(Aead::from_id(0).is_err());
    }
}
