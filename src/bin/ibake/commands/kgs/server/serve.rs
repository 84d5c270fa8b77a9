//! `ibake kgs serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ibake::ibe::District;
use ibake::keyfile;
use ibake::kgs::Setup;
use ibake::kgs::server::auth::{Scope, token};
use ibake::kgs::server::http::{self, Config, Http, Listener, Stop, Tls};
use ibake::kgs::server::policy::Rule;
use ibake::kgs::server::{Error, Keys, Service, Settings, Store, Vault};
use ibake::secret::SecretVec;
use serde_json::json;
use tokio::net::TcpListener;

use super::super::{Length, describe, hex};
use super::{Opened, block_on};
use crate::error::{Failure, Kind};
use crate::names::parse_name;
use crate::output::Output;
use crate::when;

/// Days for which the first user's token is good.
const TOKEN_DAYS: u64 = 90;

/// Run a key-generation server: RFC 5408 over HTTPS, MIKEY, JSON.
///
/// Where the store does not exist, or is empty, it is made, with a district and a first user whose token is printed once. So one
/// command in an empty directory gives a server to try. Without --cert the server signs its own certificate and prints its pin.
///
/// One line of JSON for each request goes to standard error. SIGTERM or SIGINT: requests in flight end, then the server.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs serve --store sqlite:./kgs.db --key-file ./kgs.unlock \\
      --first-user alice --first-identity sip:alice@a.example")]
pub(crate) struct Args {
    #[command(flatten)]
    opened: Opened,
    /// Where to serve HTTPS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where to serve MIKEY over TCP; port 2269 is registered for it.
    #[arg(long, value_name = "ADDRESS")]
    mikey: Option<SocketAddr>,
    /// The certificate, PEM, with its chain.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key, PEM, which nobody else may be able to read.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Without --cert: where the certificate is that the server has signed itself; made if there is none.
    #[arg(long, value_name = "FILE", default_value = "kgs-tls.pem", conflicts_with = "cert")]
    self_signed: PathBuf,
    /// For a new store: the name of the district, an https URI in normal form; https://localhost:PORT if left out.
    #[arg(long, value_name = "URI")]
    district: Option<String>,
    /// For a new store: how long the keys of users are valid.
    #[arg(long, value_enum, default_value = "day")]
    granularity: Length,
    /// For a new store: for how many days the parameters are valid.
    #[arg(long, value_name = "N", default_value_t = 365)]
    valid_days: u32,
    /// For a new store: a user, for whom a token is made.
    #[arg(long, value_name = "USER", requires = "first_identity")]
    first_user: Option<String>,
    /// A name whose keys the first user may have; several times if needed.
    #[arg(long, value_name = "NAME", requires = "first_user")]
    first_identity: Vec<String>,
    /// Send keys in the clear inside TLS to clients that do not ask for sealed ones: whoever reads there then has them.
    #[arg(long)]
    allow_plain: bool,
    /// Where users without a credential are sent to get one (IBE201).
    #[arg(long, value_name = "URI")]
    enroll: Option<String>,
    /// Offer HTTP Digest beside Basic and tokens, in a realm with the district's name; see `ibake kgs user password`.
    #[arg(long)]
    digest: bool,
    /// Ask clients for certificates; `ibake kgs user certificate` says whose is whose.
    #[arg(long)]
    client_certificates: bool,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).init();
    block_on(serve(args, out))
}

/// What was made for a fresh store.
struct First {
    user: String,
    token: SecretVec,
}

async fn serve(args: &Args, out: &Output) -> Result<(), Failure> {
    let rules = args.first_identity.iter().map(|n| parse_name(n).map(Rule::own)).collect::<Result<Vec<_>, _>>()?;
    // Before anything is made: a port that is taken is the commonest mistake.
    let socket = bind(args.listen).await?;
    let address = socket.local_addr().map_err(|e| taken(args.listen, &e))?;
    let mikey = match args.mikey {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let (keys, first) = open(args, address, &rules).await?;
    let current = keys.current().await?;
    let tls = certificate(args, &current, address)?;
    let config = Config {
        plain: args.allow_plain,
        enroll: args.enroll.clone(),
        digest: args.digest,
        realm: current.district().as_str().into(),
        ..Config::default()
    };
    let store = keys.store().clone();
    let service = Service::new(Arc::new(keys), Settings::default());
    let server = Http::new(service, config).await?;
    let (stopper, stop) = Stop::new();
    let mikey_at = mikey.as_ref().and_then(|m| m.local_addr().ok());
    let over_tcp = mikey.map(|socket| tokio::spawn(http::listen_mikey(server.clone(), socket, stop.clone())));
    let over_tls = tokio::spawn(Listener::new(socket, tls.clone()).serve(server.clone(), stop));
    report(args, out, &current, address, mikey_at, &tls, first.as_ref());
    signal().await?;
    tracing::info!(target: "ibake::serve", "stopping");
    let _ = stopper.send(true);
    let cut = over_tls.await.unwrap_or(0);
    if let Some(task) = over_tcp {
        let _ = task.await;
    }
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
async fn open(args: &Args, address: SocketAddr, rules: &[Rule]) -> Result<(Keys, Option<First>), Failure> {
    let (store, made) = args.opened.at.make().await?;
    match Vault::wrapped_root(&store).await {
        Ok(_) => {
            made.keep();
            if args.first_user.is_some() || args.district.is_some() {
                tracing::info!(target: "ibake::serve", "the store is there; what is said of a new one does not matter");
            }
            Ok((Keys::open(&store, args.opened.wrapper(&store).await?).await?, None))
        }
        Err(Error::Empty) => {
            let name = args.district.clone().unwrap_or_else(|| format!("https://localhost:{}", address.port()));
            let district = District::parse(&name)
                .map_err(|e| Failure::from(ibake::error::Error::Identity(e)).context(format_args!("{name:?}")))?;
            let mut setup = Setup::of_days(district, args.granularity.into(), when::now(), args.valid_days)?;
            setup.pkg_uri = Some(format!("{name}/keys"));
            let created = args.opened.unlock.create("the store")?;
            let keys = Keys::create(&store, Arc::clone(&created.protection) as _, &setup).await?;
            created.keep();
            made.keep();
            let first = match &args.first_user {
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

fn certificate(args: &Args, current: &ibake::ibe::PublicParameters, address: SocketAddr) -> Result<Tls, Failure> {
    let wrong = |file: &std::path::Path, e: http::tls::Error| {
        Failure::new(Kind::Input, "certificate", format!("{}: {e}", file.display()))
    };
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        let chain = crate::files::read_limited(cert, 65_536)?;
        let secret = keyfile::read_secret_file(key)?;
        return Tls::from_pem(&chain, &secret, args.client_certificates).map_err(|e| wrong(cert, e));
    }
    let file = &args.self_signed;
    if std::fs::symlink_metadata(file).is_err() {
        let rest = current.district().as_str().strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let mut names = vec!["localhost".to_owned(), address.ip().to_string()];
        if !host.is_empty() && !host.starts_with('[') && !names.iter().any(|n| n == host) {
            names.push(host.to_owned());
        }
        let made = Tls::self_signed(&names).map_err(|e| wrong(file, e))?;
        keyfile::write_new(file, made.expose())?;
    }
    let both = keyfile::read_secret_file(file)?;
    Tls::from_pem(both.expose(), &both, args.client_certificates).map_err(|e| wrong(file, e))
}

fn report(
    args: &Args,
    out: &Output,
    current: &ibake::ibe::PublicParameters,
    address: SocketAddr,
    mikey: Option<SocketAddr>,
    tls: &Tls,
    first: Option<&First>,
) {
    let own = args.cert.is_none();
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

#[cfg(unix)]
async fn signal() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Failure::new(Kind::Io, "io", format!("signals: {e}"));
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> Result<(), Failure> {
    tokio::signal::ctrl_c().await.map_err(|e| Failure::new(Kind::Io, "io", format!("signals: {e}")))
}
