//! The server over HTTPS: RFC 5408, MIKEY, and the same as JSON.
//!
//! | route | what |
//! | --- | --- |
//! | `GET /`, `GET` the district's own path | current parameters, `application/ibe-pp-data` |
//! | `GET /parameters/{serial}` | those of a key epoch |
//! | `POST /keys` | a key request of RFC 5408 |
//! | `POST /mikey` | REQUEST_KEY_INIT of RFC 6267, `application/mikey` |
//! | `GET /v1/parameters`, `GET /v1/parameters/{serial}`, `POST /v1/keys`, `POST /v1/log` | the same as JSON; the log about one's own name |
//! | `GET /health`, `GET /ready`, `GET /metrics` | for whoever looks after it; metrics from this machine alone |
//! | `GET /openapi.json` | this table, for machines |
//!
//! ```text
//! listen   connections, TLS, their limits, the stop
//!   -> routes    method, path, type of body and answer, size, time     405 404 429 415 406 413 408 503
//!     -> who       credential of the request                            401, 503 with Retry-After
//!       -> keys, json, mikey: Service::issue                            429 with Retry-After
//! ```
//! Answers to requests that are well-formed HTTP and bad RFC 5408 are response codes of the RFC with status 200, since a client
//! must not look into the body of another status; SPEC.md 14.4 has the table.

mod body;
mod json;
mod keys;
pub mod listen;
mod log;
mod metrics;
mod mikey;
mod parameters;
pub mod reload;
mod routes;
mod settings;
mod state;
pub mod tls;
mod who;

use std::sync::Arc;
use std::time::Duration;

pub use listen::{Listener, Stop};
pub use metrics::Metrics;
pub use mikey::listen as listen_mikey;
pub use routes::{OPENAPI, ROUTES};
pub use settings::look_after as look_after_settings;
pub use state::Http;
pub use tls::Tls;

use super::auth::PskSource;
use super::auth::guard::Rates;
use super::auth::password::Price;
use crate::kgs::rfc5408::XML_MAX;

/// Media type of MIKEY messages.
pub const MIKEY_TYPE: &str = crate::mikey::request::MEDIA_TYPE;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether keys may leave that are not sealed to a key of the request: for clients that know RFC 5408 or RFC 6267 only.
    /// Whoever reads inside TLS then reads private keys.
    pub plain: bool,
    /// Where users without a credential are sent (IBE201).
    pub enroll: Option<String>,
    /// The realm of HTTP authentication.
    pub realm: String,
    /// Whether HTTP Digest is offered.
    pub digest: bool,
    /// Argon2 computations at the same time, and how many may wait.
    pub passwords: (usize, usize),
    /// The price of passwords of strangers.
    pub price: Price,
    /// Pre-shared keys; the table in the store if there is none.
    pub psk: Option<Arc<dyn PskSource>>,
    /// How failed attempts are held up.
    pub rates: Rates,
    /// The limits.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            plain: false,
            enroll: None,
            realm: "ibake".into(),
            digest: false,
            passwords: (2, 64),
            price: Price::RECOMMENDED,
            psk: None,
            rates: Rates::default(),
            limits: Limits::default(),
        }
    }
}

/// What strangers can use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are served.
    pub connections: usize,
    /// Connections beyond these that are told to come again; what comes beyond is closed.
    pub overflow: usize,
    /// Connections of one source: an IPv4 address or the first 64 bits of an IPv6 one.
    pub per_source: usize,
    /// Bytes of the body of a request, at most [`XML_MAX`].
    pub bytes: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, also while a connection is idle.
    pub header: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For an answer.
    pub answer: Duration,
    /// For requests in flight when the server stops.
    pub stop: Duration,
    /// Connections of MIKEY over TCP.
    pub mikey_connections: usize,
    /// Bytes of a MIKEY message.
    pub mikey_bytes: usize,
    /// MIKEY requests that are worked on at the same time: each holds a thread while it waits for the store.
    pub mikey_threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            overflow: 64,
            per_source: 512,
            bytes: XML_MAX,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(15),
            body: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            stop: Duration::from_secs(30),
            mikey_connections: 256,
            mikey_bytes: 16_384,
            mikey_threads: 16,
        }
    }
}

/// The server's clock, Unix seconds.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
