//! Signed checkpoints: what the log was at some moment, in a form that an auditor keeps elsewhere.
//!
//! ```text
//! message = H("audit checkpoint" || log || u64 entries || u64 at || hash_entries)     signature = Ed25519(message)
//! ```
//! Ed25519 and not an identity-based signature of our own: the log outlives every master key, and a stolen master key must not
//! be able to write its history anew.
//!
//! Source: RFC 8032.

use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::kdf::{hash, label};
use crate::secret::Secret;
use crate::suite::labels;

/// The key that signs the checkpoints of one log. Wiped on drop.
pub struct LogKey(SigningKey);

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogKey(..)")
    }
}

/// The first `entries` entries of a log, at a time, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many entries there were.
    pub entries: u64,
    /// When it was signed.
    pub at: u64,
    /// The hash of the last of them.
    pub hash: [u8; 32],
    /// Ed25519.
    pub signature: [u8; 64],
}

impl LogKey {
    /// From its seed.
    pub fn new(seed: &Secret<32>) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// What auditors pin.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs.
    pub fn checkpoint(&self, log: &[u8; 32], entries: u64, at: u64, hash: [u8; 32]) -> Checkpoint {
        let signature = self.0.sign(&message(log, entries, at, &hash)).to_bytes();
        Checkpoint { entries, at, hash, signature }
    }
}

impl Checkpoint {
    /// Whether the holder of `key` signed it for this log.
    pub fn is_signed(&self, log: &[u8; 32], key: &[u8; 32]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
        let message = message(log, self.entries, self.at, &self.hash);
        key.verify_strict(&message, &Signature::from_bytes(&self.signature)).is_ok()
    }
}

fn message(log: &[u8; 32], entries: u64, at: u64, last: &[u8; 32]) -> [u8; 32] {
    hash(&[label(labels::AUDIT_CHECKPOINT).as_ref(), log, &entries.to_be_bytes(), &at.to_be_bytes(), last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_signed() {
        let (key, other) = (LogKey::new(&Secret::new([1; 32])), LogKey::new(&Secret::new([2; 32])));
        let good = key.checkpoint(&[3; 32], 4, 5, [6; 32]);
        assert!(good.is_signed(&[3; 32], &key.public()));
        assert!(!good.is_signed(&[4; 32], &key.public()) && !good.is_signed(&[3; 32], &other.public()));
        let mut forged = [good.clone(), good.clone(), good.clone(), good];
        forged[0].entries += 1;
        forged[1].at += 1;
        forged[2].hash[31] ^= 1;
        forged[3].signature[63] ^= 1;
        assert!(forged.iter().all(|c| !c.is_signed(&[3; 32], &key.public())));
        assert_eq!(format!("{key:?}"), "LogKey(..)");
    }
}
