//! Requests for private keys: REQUEST_KEY_INIT and REQUEST_KEY_RESP of RFC 6267 section 4.2.1, client and service, as functions
//! over bytes. Whoever calls brings transport, clock and generator.
//!
//! ```text
//! client                                                                        KMS (a KGS that speaks MIKEY)
//! REQUEST_KEY_INIT_PSK = HDR, T, RAND, IDRi.., TR.., IDRkms, [IDRpsk], [EXT], V    -->
//!                                                    <--    REQUEST_KEY_RESP = HDR, T, IDRi.., IDRkms, KEMAC, V
//!                                                    <--    or an error: HDR, T, ERR, [V]
//! ```
//!
//! | part | what |
//! | --- | --- |
//! | [`Ask`], [`Pending`] | the client: a request for several names, dates and purposes, and what the answer gives |
//! | [`Service`], [`Authority`] | the service: credentials by name, policy and issuing are the caller's |
//! | [`Transit`] | how keys travel: sealed to a key of the request (the default), or under the credential alone |
//!
//! # What the credential is for
//! Whoever knows the pre-shared key, an operator for example that derives it, could read keys that are encrypted under it alone.
//! So the request carries an ephemeral HPKE key, and the keys come sealed to it ([`Transit::Sealed`]); the credential only
//! authenticates. Against an operator that acts, and puts its own key into the request, the exchange belongs inside TLS with the
//! KMS. [`Transit::CredentialOnly`] is RFC 6267 to the letter, for interworking.
//!
//! # What is refused
//! REQUEST_KEY_INIT_PKE is answered with an error: there is no implementation of RSA here (see `docs/decisions.md`).

mod client;
mod service;
mod wire;

pub use client::{Answer, Ask, Failed, Pending};
pub use service::{Authority, Handled, NotIssued, Refusal, Replay, Service};
pub use wire::Algorithms;

/// The media type of MIKEY messages in HTTP.
pub const MEDIA_TYPE: &str = "application/mikey";
/// Most names of one request.
pub const NAMES: usize = 8;
/// Most dates of one request.
pub const DATES: usize = 8;
/// Most keys of one answer: names, dates and purposes multiplied.
pub const KEYS: usize = 16;
/// Shortest pre-shared key and RAND, in bytes (RFC 3830 section 6.11 has RANDs of 16).
pub const SHORTEST: usize = 16;
/// Seconds by which the clocks of client and service may differ.
pub const SKEW: u64 = 300;
/// Seconds that a client waits for an answer.
pub const DEADLINE: u64 = 60;

/// How keys travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transit {
    /// Sealed to a key that the client has drawn for this request.
    #[default]
    Sealed,
    /// Encrypted under the pre-shared key, for services that know RFC 6267 only: whoever knows the credential can read the keys.
    CredentialOnly,
}
