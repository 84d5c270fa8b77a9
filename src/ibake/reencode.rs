//! Reading and writing back the parts of messages that have no public type, for fuzzing: what decodes must encode to itself.

use alloc::vec::Vec;

use super::messages::{Body, Message};
use crate::error::Error;
use crate::secret::SecretVec;
use crate::suite::Suite;

/// Decodes a message of type `kind` (1 to 4) and encodes its header again; also gives the header's bytes as they were.
///
/// # Errors
/// Those of a receiver before it uses a key, but for `U`, which is not looked at.
pub fn header(kind: u8, message: &[u8]) -> Result<(Vec<u8>, &[u8]), Error> {
    let message = Message::decode(message, kind)?;
    Ok((message.header.to_bytes(), message.header_bytes))
}

/// Decodes the plaintext under the seal of message `kind` and encodes it again.
///
/// # Errors
/// [`Error::Decrypt`], as a receiver gives it.
pub fn body(kind: u8, suite: Suite, plaintext: &[u8]) -> Result<SecretVec, Error> {
    Ok(Body::decode(kind, suite, plaintext)?.encode(kind))
}
