//! `ibake kgs serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ibake::ibe::District;
use ibake::keyfile;
use ibake::kgs::Setup;
use ibake::kgs::server::auth::{Scope, token};
use ibake::kgs::server::config::TlsFiles;
use ibake::kgs::server::http::{self, Config, Http, Listener, Stop, Tls, reload};
use ibake::kgs::server::policy::Rule;
use ibake::kgs::server::{Error, Keys, Service, Store, Vault};
use ibake::secret::SecretVec;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::super::{Length, describe, hex};
use super::configured::{Settled, settle};
use super::unlock::StoreUnlock;
use super::{block_on, notify};
use crate::error::{Failure, Kind};
use crate::names::parse_name;
use crate::output::Output;
use crate::when;

/// Days for which the first user's token is good.
const TOKEN_DAYS: u64 = 90;
/// Lines of the log that may wait for whoever reads it.
const LINES: usize = 16_384;

/// Run a key-generation server: RFC 5408 over HTTPS, MIKEY, JSON.
///
/// Where the store does not exist, or is empty, it is made, with a district and a first user whose token is printed once. So one
/// command in an empty directory gives a server to try. Without --cert the server signs its own certificate and prints its pin.
///
/// One line of JSON for each request goes to standard error. SIGTERM or SIGINT: requests in flight end, then the server.
///
/// SIGHUP: the certificate is read anew. Under systemd (Type=notify) it says when it is ready.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs serve --store sqlite:./kgs.db --key-file ./kgs.unlock \\
      --first-user alice --first-identity sip:alice@a.example
  ibake kgs serve --config ./ibake-kgs.toml")]
pub(crate) struct Args {
    /// Read settings from FILE (TOML; docs/deploy/ibake-kgs.toml has all of them). What stands on the command line wins.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The store: sqlite:PATH, or postgres://USER@HOST/DATABASE (the password in PGPASSWORD or a .pgpass file; across a network
    /// with TLS and a checked name unless ?sslmode= says otherwise).
    #[arg(long, value_name = "STORE")]
    pub(super) store: Option<String>,
    #[command(flatten)]
    pub(super) unlock: StoreUnlock,
    /// Where to serve HTTPS; 127.0.0.1:8443 if left out.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Where to serve MIKEY over TCP; port 2269 is registered for it.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mikey: Option<SocketAddr>,
    /// The certificate, PEM, with its chain.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// Its private key, PEM, which nobody else may be able to read.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Without --cert: where the certificate is that the server has signed itself, kgs-tls.pem if left out; made if there is none.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub(super) self_signed: Option<PathBuf>,
    /// For a new store: the name of the district, an https URI in normal form; https://localhost:PORT if left out.
    #[arg(long, value_name = "URI")]
    pub(super) district: Option<String>,
    /// For a new store: how long the keys of users are valid; a day if left out.
    #[arg(long, value_enum)]
    pub(super) granularity: Option<Length>,
    /// For a new store: for how many days the parameters are valid; 365 if left out.
    #[arg(long, value_name = "N")]
    pub(super) valid_days: Option<u32>,
    /// For a new store: a user, for whom a token is made.
    #[arg(long, value_name = "USER", requires = "first_identity")]
    pub(super) first_user: Option<String>,
    /// A name whose keys the first user may have; several times if needed.
    #[arg(long, value_name = "NAME", requires = "first_user")]
    pub(super) first_identity: Vec<String>,
    /// Send keys in the clear inside TLS to clients that do not ask for sealed ones: whoever reads there then has them.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) allow_plain: Option<bool>,
    /// Where users without a credential are sent to get one (IBE201).
    #[arg(long, value_name = "URI")]
    pub(super) enroll: Option<String>,
    /// Offer HTTP Digest beside Basic and tokens, in a realm with the district's name; see `ibake kgs user password`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) digest: Option<bool>,
    /// Ask clients for certificates; `ibake kgs user certificate` says whose is whose.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) client_certificates: Option<bool>,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let settled = settle(args)?;
    // Whoever reads the log, or does not, must not hold up the server: lines wait, and what finds no room is lost and counted.
    let (writer, _flush) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .finish(std::io::stderr());
    let lost = writer.error_counter();
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(writer).init();
    block_on(serve(&settled, move || lost.dropped_lines() as u64, out))
}

/// What was made for a fresh store.
struct First {
    user: String,
    token: SecretVec,
}

async fn serve(settled: &Settled, lost: impl Fn() -> u64 + Send + Sync + 'static, out: &Output) -> Result<(), Failure> {
    let c = &settled.rest;
    let rules = c.new.first_identities.iter().map(|n| parse_name(n).map(Rule::own)).collect::<Result<Vec<_>, _>>()?;
    // Before anything is made: a port that is taken is the commonest mistake.
    let socket = bind(c.listen.https).await?;
    let address = socket.local_addr().map_err(|e| taken(c.listen.https, &e))?;
    let mikey = match c.listen.mikey {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let (keys, first) = open(settled, address, &rules).await?;
    let current = keys.current().await?;
    let (tls, files, mark) = certificate(&c.tls, &current, address)?;
    let config = Config { realm: current.district().as_str().into(), ..c.http.clone() };
    let store = keys.store().clone();
    let service = Service::new(Arc::new(keys), c.service);
    let server = Http::new(service, config).await?;
    server.counts_lost_lines(lost);
    let (stopper, stop) = Stop::new();
    let mikey_at = mikey.as_ref().and_then(|m| m.local_addr().ok());
    let over_tcp = mikey.map(|socket| tokio::spawn(http::listen_mikey(server.clone(), socket, stop.clone())));
    let asked = Arc::new(Notify::new());
    let every = Duration::from_secs(c.tls.check);
    let following = tokio::spawn(reload::follow(tls.clone(), files, mark, every, Arc::clone(&asked), stop.clone()));
    let settings = tokio::spawn(http::look_after_settings(server.clone(), stop.clone()));
    let over_tls = tokio::spawn(Listener::new(socket, tls.clone()).serve(server.clone(), stop));
    let signals = Signals::new()?;
    report(c.tls.certificate.is_none(), out, &current, address, mikey_at, &tls, first.as_ref());
    notify::say("READY=1");
    signals.until_the_end(&asked).await;
    notify::say("STOPPING=1");
    tracing::info!(target: "ibake::serve", "stopping");
    let _ = stopper.send(true);
    let cut = over_tls.await.unwrap_or(0);
    if let Some(task) = over_tcp {
        let _ = task.await;
    }
    let _ = following.await;
    let _ = settings.await;
    store.close().await?;
    out.result(&format!("Stopped; {cut} connections were cut."), &json!({ "event": "stopped", "cut": cut }));
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| taken(address, &e))
}

fn taken(address: SocketAddr, e: &std::io::Error) -> Failure {
    Failure::new(Kind::Io, "io", format!("{address}: {e}")).hint("Choose another address: --listen ADDRESS")
}

/// The keys of the store; with a district and a first user where there was none.
async fn open(settled: &Settled, address: SocketAddr, rules: &[Rule]) -> Result<(Keys, Option<First>), Failure> {
    let (opened, new) = (&settled.opened, &settled.rest.new);
    let (store, made) = opened.at.make_with(settled.rest.pools).await?;
    match Vault::wrapped_root(&store).await {
        Ok(_) => {
            made.keep();
            if new.first_user.is_some() || new.district.is_some() {
                tracing::info!(target: "ibake::serve", "the store is there; what is said of a new one does not matter");
            }
            Ok((Keys::open(&store, opened.wrapper(&store).await?).await?, None))
        }
        Err(Error::Empty) => {
            let name = new.district.clone().unwrap_or_else(|| format!("https://localhost:{}", address.port()));
            let district = District::parse(&name)
                .map_err(|e| Failure::from(ibake::error::Error::Identity(e)).context(format_args!("{name:?}")))?;
            let mut setup = Setup::of_days(district, new.granularity, when::now(), new.valid_days)?;
            setup.pkg_uri = Some(format!("{name}/keys"));
            let created = opened.unlock.create()?;
            let keys = Keys::create(&store, Arc::clone(&created.wrapper), &setup).await?;
            created.keep();
            made.keep();
            let first = match &new.first_user {
                Some(user) => Some(first_user(&store, &keys, user, rules).await?),
                None => None,
            };
            Ok((keys, first))
        }
        Err(e) => Err(e.into()),
    }
}

async fn first_user(store: &Store, keys: &Keys, user: &str, rules: &[Rule]) -> Result<First, Failure> {
    let now = when::now();
    store.add_user(keys.vault(), user, rules, now).await?;
    let expires = now.saturating_add(TOKEN_DAYS * 86_400);
    let token = token::create(store, keys.vault(), user, "first", Scope::USER, expires).await?;
    Ok(First { user: user.into(), token })
}

fn certificate(
    c: &TlsFiles,
    current: &ibake::ibe::PublicParameters,
    address: SocketAddr,
) -> Result<(Tls, reload::Files, reload::Mark), Failure> {
    let wrong = |file: &Path, e: http::tls::Error| {
        let said = match &e {
            http::tls::Error::File(text) => text.clone(),
            e => format!("{}: {e}", file.display()),
        };
        Failure::new(Kind::Input, "certificate", said)
    };
    let clients = c.client_certificates;
    let files = match (&c.certificate, &c.key) {
        (Some(chain), Some(key)) => {
            // With what to do about its permissions.
            keyfile::read_secret_file(key)?;
            reload::Files { chain: chain.clone(), key: key.clone(), clients }
        }
        _ => reload::Files { chain: c.self_signed.clone(), key: c.self_signed.clone(), clients },
    };
    if c.certificate.is_none() && std::fs::symlink_metadata(&files.key).is_err() {
        let rest = current.district().as_str().strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let mut names = vec!["localhost".to_owned(), address.ip().to_string()];
        if !host.is_empty() && !host.starts_with('[') && !names.iter().any(|n| n == host) {
            names.push(host.to_owned());
        }
        let made = Tls::self_signed(&names).map_err(|e| wrong(&files.key, e))?;
        keyfile::write_new(&files.key, made.expose())?;
    }
    let mark = files.mark();
    let tls = files.load().map_err(|e| wrong(&files.chain, e))?;
    Ok((tls, files, mark))
}

fn report(
    own: bool,
    out: &Output,
    current: &ibake::ibe::PublicParameters,
    address: SocketAddr,
    mikey: Option<SocketAddr>,
    tls: &Tls,
    first: Option<&First>,
) {
    if out.is_json() {
        let mut object = describe(current);
        object["event"] = "listening".into();
        object["listen"] = address.to_string().into();
        object["mikey"] = mikey.map(|m| m.to_string()).into();
        object["tls_pin"] = tls.pin().into();
        object["self_signed"] = own.into();
        if let Some(first) = first {
            object["user"] = first.user.as_str().into();
            object["token"] = String::from_utf8_lossy(first.token.expose()).into();
        }
        out.object(&object);
        return;
    }
    out.field("listening", &address.to_string());
    if let Some(mikey) = mikey {
        out.field("MIKEY", &mikey.to_string());
    }
    out.field("district", current.district().as_str());
    out.field("fingerprint", &hex(current.fingerprint()));
    out.field("TLS pin", &tls.pin());
    if own {
        out.note("The certificate is one that the server has signed itself: clients need the pin.");
    }
    if let Some(first) = first {
        out.field("user", &first.user);
        out.field("token", &String::from_utf8_lossy(first.token.expose()));
        out.note("The token is shown only now.");
    }
}

/// Signals are caught from here on.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |e: std::io::Error| Failure::new(Kind::Io, "io", format!("signals: {e}"));
        let caught = |kind| signal(kind).map_err(failed);
        Ok(Self([caught(SignalKind::terminate())?, caught(SignalKind::interrupt())?, caught(SignalKind::hangup())?]))
    }

    /// Until SIGTERM or SIGINT; SIGHUP asks for the certificate anew.
    async fn until_the_end(self, asked: &Notify) {
        let Self([mut term, mut int, mut hup]) = self;
        loop {
            tokio::select! {
                _ = term.recv() => return,
                _ = int.recv() => return,
                _ = hup.recv() => asked.notify_one(),
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn until_the_end(self, _: &Notify) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
