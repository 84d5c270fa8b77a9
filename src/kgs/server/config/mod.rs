//! The configuration file of a server: TOML, every option optional, unknown ones refused.
//!
//! Secrets never stand in it, only paths to them: it may be read, copied and kept in version control. What each option is and what
//! holds without it says `docs/deploy/ibake-kgs.toml`, which a test keeps complete and in step with this.

mod read;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use read::Mistake;
use read::Reader;

use super::auth::pace::MOST;
use super::http;
use super::service::Settings;
use super::store::{Address, Pools};
use crate::ibe::Granularity;
use crate::kgs::rfc5408::XML_MAX;

/// Longest file that is read, in bytes.
pub const LONGEST: usize = 65_536;

/// Everything that a server can be told. What holds without a file is what an empty text is read as.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Where the store is; has no default.
    pub store: Option<String>,
    /// How the store's connections are kept.
    pub pools: Pools,
    /// What opens the store.
    pub unlock: Unlock,
    /// Sockets.
    pub listen: Listen,
    /// Certificates.
    pub tls: TlsFiles,
    /// What a store gets that has to be made.
    pub new: NewStore,
    /// Requests, their limits, authentication.
    pub http: http::Config,
    /// Issuing and the log.
    pub service: Settings,
}

/// What opens the store; at most one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlock {
    /// A file whose first line is the passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// A file of 32 random bytes.
    pub key_file: Option<PathBuf>,
    /// A key in a hardware module.
    pub pkcs11: Option<Pkcs11>,
}

/// A key in a hardware module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11 {
    /// The module's library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The key's label.
    pub key: String,
    /// A file whose first line is the PIN; without it the environment has it.
    pub pin_file: Option<PathBuf>,
}

/// Sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// HTTPS.
    pub https: SocketAddr,
    /// MIKEY over TCP.
    pub mikey: Option<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { https: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_443)), mikey: None }
    }
}

/// Certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, leaf first; comes with the key.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Without these: where the certificate is that the server has signed itself.
    pub self_signed: PathBuf,
    /// Whether clients are asked for certificates.
    pub client_certificates: bool,
    /// Seconds between two looks whether the files have changed.
    pub check: u64,
}

impl Default for TlsFiles {
    fn default() -> Self {
        let self_signed = PathBuf::from("kgs-tls.pem");
        Self { certificate: None, key: None, self_signed, client_certificates: false, check: 60 }
    }
}

/// What a store gets that has to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStore {
    /// The district's name.
    pub district: Option<String>,
    /// How long keys are valid.
    pub granularity: Granularity,
    /// How long the parameters are, in days.
    pub valid_days: u32,
    /// A first user.
    pub first_user: Option<String>,
    /// Names whose keys this user may have.
    pub first_identities: Vec<String>,
}

impl Default for NewStore {
    fn default() -> Self {
        Self {
            district: None,
            granularity: Granularity::Day,
            valid_days: 365,
            first_user: None,
            first_identities: Vec::new(),
        }
    }
}

/// A day: longest time for anything.
const SECONDS: RangeInclusive<u64> = 1..=86_400;

impl Configuration {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`Mistake`]: what is wrong, where, and what to do about it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut reader = Reader::new(text)?;
        let read = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(read)
    }

    /// Every option there is, as section and name.
    pub fn options() -> Vec<(&'static str, &'static str)> {
        let mut reader = Reader::default();
        // Nothing is there, so nothing is wrong.
        let _ = Self::read(&mut reader);
        reader.asked
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Mistake> {
        let store = r.text("store", "address")?;
        if let Some((address, at)) = &store {
            check_store(r, address, at)?;
        }
        Ok(Self {
            store: store.map(|(address, _)| address),
            pools: pools(r)?,
            unlock: unlock(r)?,
            listen: Listen {
                https: r.parsed("listen", "https", EXAMPLE_ADDRESS)?.unwrap_or(Listen::default().https),
                mikey: r.parsed("listen", "mikey", EXAMPLE_ADDRESS)?,
            },
            tls: tls(r)?,
            new: new_store(r)?,
            http: requests(r)?,
            service: service(r)?,
        })
    }
}

const EXAMPLE_ADDRESS: &str = "an address and a port, for example \"127.0.0.1:8443\" or \"[::]:8443\"";

fn check_store(r: &Reader<'_>, address: &str, at: &std::ops::Range<usize>) -> Result<(), Mistake> {
    if address.parse::<Address>().is_err() {
        let remedy = "Write \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\".";
        return Err(r.mistake(at, "not the address of a store".into(), remedy));
    }
    let authority = address.split_once("//").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let query = address.split_once('?').map_or("", |(_, query)| query);
    if !address.starts_with("sqlite:") && (user.contains(':') || query.split('&').any(|q| q.starts_with("password="))) {
        let remedy = "Take the password out; give it in the environment (PGPASSWORD) or in a file (PGPASSFILE).";
        return Err(r.mistake(
            at,
            "a password stands in the address, and secrets do not stand in this file".into(),
            remedy,
        ));
    }
    Ok(())
}

fn pools(r: &mut Reader<'_>) -> Result<Pools, Mistake> {
    let d = Pools::default();
    Ok(Pools {
        sqlite_readers: r.number("store", "sqlite_readers", d.sqlite_readers, 1..=64)?,
        sqlite_wait: r.seconds("store", "sqlite_wait_seconds", d.sqlite_wait, SECONDS)?,
        postgres_connections: r.number("store", "postgres_connections", d.postgres_connections, 2..=1_000)?,
        postgres_wait: r.seconds("store", "postgres_wait_seconds", d.postgres_wait, SECONDS)?,
    })
}

fn unlock(r: &mut Reader<'_>) -> Result<Unlock, Mistake> {
    let passphrase_file = r.path("unlock", "passphrase_file")?;
    let key_file = r.path("unlock", "key_file")?;
    let module = r.path("unlock", "pkcs11_module")?;
    let (token, key) = (r.text("unlock", "pkcs11_token_label")?, r.text("unlock", "pkcs11_key_label")?);
    let pin_file = r.path("unlock", "pkcs11_pin_file")?;
    let at = r.section("unlock");
    let count = [passphrase_file.is_some(), key_file.is_some(), module.is_some()].into_iter().filter(|x| *x).count();
    if count > 1 {
        let remedy = "Keep one of passphrase_file, key_file and pkcs11_module.";
        return Err(r.mistake(&at, "[unlock] says more than one thing that opens the store".into(), remedy));
    }
    let pkcs11 = match (module, token, key) {
        (Some(module), Some((token, _)), Some((key, _))) => Some(Pkcs11 { module, token, key, pin_file }),
        (None, None, None) if pin_file.is_none() => None,
        _ => {
            let remedy = "Write pkcs11_module, pkcs11_token_label and pkcs11_key_label, all three.";
            return Err(r.mistake(&at, "[unlock] says a hardware module in part only".into(), remedy));
        }
    };
    Ok(Unlock { passphrase_file, key_file, pkcs11 })
}

fn tls(r: &mut Reader<'_>) -> Result<TlsFiles, Mistake> {
    let d = TlsFiles::default();
    let (certificate, key) = (r.path("tls", "certificate")?, r.path("tls", "key")?);
    if certificate.is_some() != key.is_some() {
        let remedy = "Write certificate and key, or neither for a certificate that the server signs itself.";
        return Err(r.mistake(&r.section("tls"), "[tls] has one of certificate and key".into(), remedy));
    }
    Ok(TlsFiles {
        certificate,
        key,
        self_signed: r.path("tls", "self_signed")?.unwrap_or(d.self_signed),
        client_certificates: r.flag("tls", "client_certificates", d.client_certificates)?,
        check: r.number("tls", "check_seconds", d.check, 60..=86_400)?,
    })
}

fn new_store(r: &mut Reader<'_>) -> Result<NewStore, Mistake> {
    let d = NewStore::default();
    let granularity = match r.text("new_store", "granularity")? {
        None => d.granularity,
        Some((name, at)) => Granularity::from_name(&name).ok_or_else(|| {
            r.mistake(
                &at,
                format!("{name:?} is no length of a period"),
                "Write \"hour\", \"day\", \"week\" or \"month\".",
            )
        })?,
    };
    let read = NewStore {
        district: r.text("new_store", "district")?.map(|(d, _)| d),
        granularity,
        valid_days: r.number("new_store", "valid_days", d.valid_days, 1..=36_500)?,
        first_user: r.text("new_store", "first_user")?.map(|(u, _)| u),
        first_identities: r.texts("new_store", "first_identities")?,
    };
    if read.first_user.is_some() == read.first_identities.is_empty() {
        let remedy = "Write first_user and first_identities, or neither.";
        return Err(r.mistake(&r.section("new_store"), "a first user without names, or names without".into(), remedy));
    }
    Ok(read)
}

fn requests(r: &mut Reader<'_>) -> Result<http::Config, Mistake> {
    let d = http::Config::default();
    let (p, l, g) = (d.price, d.limits, d.rates);
    let a = "authentication";
    Ok(http::Config {
        plain: r.flag("keys", "allow_plain", d.plain)?,
        enroll: r.text("keys", "enroll")?.map(|(uri, _)| uri),
        digest: r.flag(a, "digest", d.digest)?,
        passwords: (
            r.number(a, "argon2_threads", d.passwords.0, 1..=64)?,
            r.number(a, "argon2_queue", d.passwords.1, 0..=1_024)?,
        ),
        price: super::auth::password::Price {
            kib: r.number(a, "argon2_kib", p.kib, 8..=1_048_576)?,
            passes: r.number(a, "argon2_passes", p.passes, 1..=64)?,
        },
        rates: super::auth::guard::Rates {
            free: r.number("rates", "failures_of_identity", g.free, 1..=10_000)?,
            free_source: r.number("rates", "failures_of_source", g.free_source, 1..=1_000_000)?,
            longest: r.number("rates", "longest_wait_seconds", g.longest, SECONDS)?,
            forgotten: r.number("rates", "forgotten_after_seconds", g.forgotten, SECONDS)?,
            requests: r.number("rates", "requests_of_source_per_minute", g.requests, 0..=MOST)?,
            keys: r.number("rates", "keys_of_user_per_minute", g.keys, 0..=MOST)?,
            counts: r.number("rates", "counts", g.counts, 64..=16_777_216)?,
        },
        limits: http::Limits {
            connections: r.number("limits", "connections", l.connections, 1..=65_536)?,
            overflow: r.number("limits", "overflow", l.overflow, 0..=4_096)?,
            per_source: r.number("limits", "connections_of_source", l.per_source, 1..=65_536)?,
            bytes: r.number("limits", "body_bytes", l.bytes, 1_024..=XML_MAX)?,
            handshake: r.seconds("limits", "handshake_seconds", l.handshake, SECONDS)?,
            header: r.seconds("limits", "header_seconds", l.header, SECONDS)?,
            body: r.seconds("limits", "body_seconds", l.body, SECONDS)?,
            answer: r.seconds("limits", "answer_seconds", l.answer, SECONDS)?,
            stop: r.seconds("limits", "stop_seconds", l.stop, SECONDS)?,
            mikey_connections: r.number("limits", "mikey_connections", l.mikey_connections, 1..=65_536)?,
            mikey_bytes: r.number("limits", "mikey_bytes", l.mikey_bytes, 256..=65_535)?,
            mikey_threads: r.number("limits", "mikey_threads", l.mikey_threads, 1..=256)?,
        },
        ..d
    })
}

fn service(r: &mut Reader<'_>) -> Result<Settings, Mistake> {
    let d = Settings::default();
    let threads = r.number("issuing", "threads", 0, 0..=1_024)?;
    Ok(Settings {
        threads: if threads == 0 { d.threads } else { threads },
        queue: r.number("issuing", "queue", d.queue, 0..=65_536)?,
        habits: super::audit::writer::Habits {
            every: r.number("issuing", "checkpoint_every", d.habits.every, 1..=1_000_000)?,
            tolerance: r.number("issuing", "clock_tolerance_seconds", d.habits.tolerance, 0..=31_536_000)?,
        },
        check: r.seconds("issuing", "check_settings_seconds", d.check, SECONDS)?,
    })
}

impl Reader<'_> {
    fn path(&mut self, section: &'static str, name: &'static str) -> Result<Option<PathBuf>, Mistake> {
        Ok(self.text(section, name)?.map(|(path, _)| path.into()))
    }

    fn seconds(
        &mut self,
        section: &'static str,
        name: &'static str,
        default: Duration,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, Mistake> {
        self.number(section, name, default.as_secs(), range).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests;
