//! Every limit of the codec in one place. What is over a limit is refused before it is used; RFC 3830 sets none of its own.

/// Bytes of a message. KEMAC alone may have 2^16 bytes (RFC 3830 section 6.13); no transport in use carries more.
pub const MESSAGE: usize = 65_536;
/// Payloads of a message, the header not counted.
pub const PAYLOADS: usize = 64;
/// Sub-payloads of one chain: inside KEMAC, IBAKE, ESK, TP, TICKET.
pub const SUB_PAYLOADS: usize = 32;
/// Crypto sessions: what `#CS` (8 bits) can say.
pub const CRYPTO_SESSIONS: usize = 255;
/// Bytes that one derivation gives (RFC 3830 section 4.1.2): more than any key in use by a factor of eight.
pub const DERIVED: usize = 1024;
/// Bytes of an input key of the derivation: an uncompressed point of the largest curve with an ML-KEM secret is 177.
pub const INPUT_KEY: usize = 1024;
/// Bytes of one line of a session description.
pub const SDP_LINE: usize = 4 * MESSAGE / 3 + 128;
/// Bytes of a session description.
pub const SDP: usize = 1 << 20;
/// `m=` lines of a session description.
pub const SDP_MEDIA: usize = 64;
/// Key management attributes of one level of a session description.
pub const SDP_ATTRIBUTES: usize = 8;
/// Bytes of a protocol identifier.
pub const SDP_PROTOCOL: usize = 32;
