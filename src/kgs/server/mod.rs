//! The key-generation server as a library: store, audit log, authentication, policy, issuing. A transport (HTTP, MIKEY over TCP)
//! stands on top and adds bytes and connections only.
//!
//! ```text
//! bytes of a request
//!   -> auth        who asks?           Passwords, digest, token, credentials (certificate, PSK); Guard before and after
//!   -> Service::issue(requester, request, now)
//!        policy    may they?           rules of the user, revocations, key epoch, quota; read now, under a version
//!        extract   d_ID = [s]Q_ID      on a bounded pool, checked (one key alone, several in a batch)
//!        seal      to the requester    HPKE, bound to fingerprint, identity and request
//!        log       append and commit   refused if settings have changed since they were read; then decided anew
//!   <- keys, each with its entry of the log and the salt that opens it
//! ```
//! No reply leaves before its entry is durable, so every key that somebody received is in the log; and an entry is written as a whole
//! with its outcome, so there is none without.
//!
//! # From an empty store to a key
//! ```
//! use std::sync::Arc;
//! use ibake::ibe::{District, Granularity, Name, Purpose};
//! use ibake::ibe::extract::PrivateKey;
//! use ibake::keyfile::{FileKey, Protection};
//! use ibake::kgs::Setup;
//! use ibake::kgs::server::auth::{Scope, token};
//! use ibake::kgs::server::policy::Rule;
//! use ibake::kgs::server::{Keys, Request, Service, Settings, Store, Transit, audit};
//! use ibake::sealing::Opener;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! # let now = 1_795_262_400;
//! # let rng = &mut getrandom::SysRng;
//! # let dir = tempfile::tempdir()?;
//! // The store: "sqlite:PATH" or "postgres://..". The wrapping key: a passphrase, a key file, or your own `Wrapper`.
//! let address = format!("sqlite:{}/kgs.db", dir.path().display()).parse()?;
//! let store = Store::open(&address).await?;
//! let wrapper = Arc::new(Protection::KeyFile(FileKey::generate(rng)?));
//! let setup = Setup::of_days(District::parse("https://kgs.example")?, Granularity::Day, now, 30)?;
//! let keys = Arc::new(Keys::create(&store, wrapper, &setup).await?); // later: Keys::open
//!
//! // A user, what she may have, and how she proves who she is.
//! let name = Name::parse("sip:alice@a.example")?;
//! store.add_user(keys.vault(), "alice", &[Rule::own(name.clone())], now).await?;
//! let shown_once = token::create(&store, keys.vault(), "alice", "phone", Scope::USER, now + 86_400).await?;
//!
//! // A node. Several of them on one PostgreSQL are one server.
//! let service = Service::new(Arc::clone(&keys), Settings::default());
//!
//! // A request: the client has drawn a key to which the answer is sealed.
//! let opener = Opener::generate(rng)?;
//! let parameters = keys.current().await?;
//! let identity = parameters.identity(name.clone(), Purpose::Decrypt, now)?;
//! let request = Request {
//!     identities: vec![identity.clone()],
//!     transit: Transit::Sealed { to: *opener.public(), request: b"the request's bytes".to_vec() },
//! };
//! let requester = token::check(&store, keys.vault(), shown_once.expose(), now).await?;
//! let issued = service.issue(&requester, &request, now).await?;
//!
//! // The client opens, and takes the key only if the pairing check holds.
//! let (info, aad) = (Transit::info(b"the request's bytes"), Transit::aad(parameters.fingerprint(), &identity));
//! let opened = opener.open(&info, &aad, issued[0].key.expose())?;
//! assert_eq!(PrivateKey::from_bytes(opened.expose(), &parameters)?.identity(), &identity);
//!
//! // The log is sound, and she sees what was issued for her name.
//! assert!(audit::verify(&store, &keys.log(), vec![service.log().checkpoint().await?]).await?.is_sound());
//! assert_eq!(audit::owned(&store, keys.vault(), &name, 0).await?[0].link, issued[0].link);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`config`] | the configuration file |
//! | [`store`] | SQLite and PostgreSQL |
//! | [`audit`] | the log: entries, chain, checkpoints, verification, export |
//! | [`keys`] | master keys under the wrapping key, rotation, backup |
//! | [`auth`] | who asks |
//! | [`policy`] | what they may have |
//! | [`service`] | what ties it together |
//! | [`bulk`] | keys for a whole list of users, by any number of nodes together |
//! | [`http`] | HTTPS and MIKEY around it |
//!
//! But for [`http`] it reads no clock: the caller passes the time. ([`bulk`] measures how long things take.)

pub mod audit;
pub mod auth;
pub mod bulk;
pub mod config;
mod error;
pub mod http;
pub mod keys;
pub mod policy;
pub mod service;
pub mod store;
mod watch;

pub use error::{Error, Fault, ModuleFault, Refusal, Unsettled};
pub use keys::{Keys, LogName, Vault, Wrapper};
pub use service::{Issued, Request, Service, Settings, Transit};
pub use store::tables::{CredentialKind, Revocation, TokenRow, User};
pub use store::{Address, Pools, Store};
