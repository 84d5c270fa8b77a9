//! A server with alice and bob, and a client that can also misbehave.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::postgres::Server as Postgres;
use base64ct::{Base64, Encoding};
use ibake::client::key::Credential;
use ibake::client::{Connector, Trust};
use ibake::ibe::{District, Granularity, Identity, Name, PublicParameters, Purpose};
use ibake::kdf::hash;
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::Setup;
use ibake::kgs::server::auth::password::{Passwords, Price};
use ibake::kgs::server::auth::{Scope, token};
use ibake::kgs::server::http::{Config, Http, Limits, Listener, Stop, Tls, listen_mikey};
use ibake::kgs::server::policy::Rule;
use ibake::kgs::server::{Keys, Service, Settings, Store, audit};
use ibake::secret::SecretVec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

pub(crate) const ALICE: &str = "sip:alice@a.example";
pub(crate) const BOB: &str = "sip:bob@a.example";
pub(crate) const PASSWORD: &str = "correct horse: battery";
pub(crate) const DAY: u64 = 86_400;

/// Cheap, so that tests are not about Argon2.
pub(crate) const PRICE: Price = Price { kib: 64, passes: 1 };

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

tokio::task_local! {
    /// Where servers of this test have their store, if not in SQLite.
    static POSTGRES: Arc<Postgres>;
}

/// With stores on PostgreSQL.
pub(crate) async fn on<T>(server: &Arc<Postgres>, work: impl Future<Output = T>) -> T {
    POSTGRES.scope(Arc::clone(server), work).await
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) struct Server {
    pub(crate) _dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) http: Http,
    pub(crate) address: SocketAddr,
    pub(crate) mikey: SocketAddr,
    pub(crate) parameters: PublicParameters,
    pub(crate) token: SecretVec,
    pub(crate) tls: Tls,
    certificate: Vec<u8>,
    stopper: watch::Sender<bool>,
    task: JoinHandle<usize>,
}

pub(crate) fn config() -> Config {
    Config { price: PRICE, ..Config::default() }
}

/// Limits that a test can wait for.
pub(crate) fn short() -> Limits {
    let time = Duration::from_millis(400);
    Limits { handshake: time, header: time, body: time, stop: Duration::from_secs(10), ..Limits::default() }
}

impl Server {
    pub(crate) async fn new(config: Config) -> Self {
        Self::with(config, false, "").await
    }

    pub(crate) async fn with(config: Config, client_certificates: bool, path: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = match POSTGRES.try_with(Arc::clone) {
            Ok(server) => server.database().await,
            Err(_) => format!("sqlite:{}", dir.path().join("kgs.db").display()),
        };
        let store = Store::open(&address.parse().unwrap()).await.unwrap();
        let wrapper = Arc::new(Protection::KeyFile(FileKey::generate(&mut getrandom::SysRng).unwrap()));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let uri = format!("https://localhost:{}{path}", address.port());
        let mut setup = Setup::of_days(District::parse(&uri).unwrap(), Granularity::Day, now() - DAY, 60).unwrap();
        setup.pkg_uri = Some(format!("{uri}/keys"));
        let keys = Arc::new(Keys::create(&store, wrapper, &setup).await.unwrap());
        for (user, own) in [("alice", ALICE), ("bob", BOB)] {
            store.add_user(keys.vault(), user, &[Rule::own(name(own))], now()).await.unwrap();
        }
        let until = now() + DAY;
        let token = token::create(&store, keys.vault(), "alice", "test", Scope::USER, until).await.unwrap();
        let passwords = Passwords::new(store.clone(), Arc::clone(keys.vault()), PRICE, 1, 1);
        passwords.set("alice", SecretVec::new(PASSWORD.into())).await.unwrap();
        let service = Service::new(Arc::clone(&keys), Settings { threads: 2, ..Settings::default() });
        let http = Http::new(service, config).await.unwrap();
        let both = Tls::self_signed(&["localhost".into()]).unwrap();
        let tls = Tls::from_pem(both.expose(), &both, client_certificates).unwrap();
        let certificate = CertificateDer::from_pem_slice(both.expose()).unwrap().to_vec();
        let parameters = keys.current().await.unwrap();
        let (stopper, stop) = Stop::new();
        let task = tokio::spawn(Listener::new(socket, tls.clone()).serve(http.clone(), stop.clone()));
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mikey = tcp.local_addr().unwrap();
        tokio::spawn(listen_mikey(http.clone(), tcp, stop));
        Self { _dir: dir, store, keys, http, address, mikey, parameters, token, tls, certificate, stopper, task }
    }

    pub(crate) fn connector(&self) -> Connector {
        let pin: [u8; 32] = hash(&[&self.certificate]);
        Connector::new(&Trust::Pin(pin)).unwrap().to(self.address)
    }

    pub(crate) fn credential(&self) -> Credential {
        Credential::Token(SecretVec::new(self.token.expose().to_vec()))
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", std::str::from_utf8(self.token.expose()).unwrap())
    }

    pub(crate) fn identity(&self, of: &str) -> Identity {
        self.parameters.identity(name(of), Purpose::Decrypt, now()).unwrap()
    }

    /// Entries of the log, which is sound.
    pub(crate) async fn entries(&self) -> u64 {
        let report = audit::verify(&self.store, &self.keys.log(), Vec::new()).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        report.entries
    }

    pub(crate) fn stop(&self) {
        self.stopper.send(true).unwrap();
    }

    /// How many connections were cut.
    pub(crate) async fn stopped(self) -> usize {
        let _ = self.stopper.send(true);
        self.task.await.unwrap()
    }

    /// A connection of our own making.
    pub(crate) async fn connect(&self) -> Option<TlsStream<TcpStream>> {
        self.connect_from(Ipv4Addr::LOCALHOST).await
    }

    /// One from another address of this machine, which is another source.
    pub(crate) async fn connect_from(&self, from: Ipv4Addr) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let tcp = socket.connect(self.address).await.ok()?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()
    }

    /// Bytes in, everything that comes out.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await.expect("no connection");
        // The server may close before it has read all.
        let _ = stream.write_all(bytes).await;
        Answer::read(&mut stream).await
    }

    /// A request with its head written out, and `Connection: close`.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n");
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"").await
    }

    /// A key request of RFC 5408 by the bearer of alice's token.
    pub(crate) async fn post_xml(&self, body: &[u8]) -> Answer {
        let headers = format!("{}Content-Type: application/ibe-key-request+xml\r\n", self.bearer());
        self.ask("POST", "/keys", &headers, body).await
    }
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", Base64::encode_string(format!("{user}:{password}").as_bytes()))
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Status 0 if the connection ended without an answer.
    pub(crate) async fn read(stream: &mut TlsStream<TcpStream>) -> Self {
        let mut all = Vec::new();
        let reading = async {
            let mut part = [0; 4_096];
            // An end without the closing message of TLS is an end too.
            while let Ok(n @ 1..) = stream.read(&mut part).await {
                all.extend_from_slice(&part[..n]);
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reading).await.expect("the server neither answers nor closes");
        let at = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(all.len());
        let head = String::from_utf8_lossy(&all[..at]).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Self { status, head, body: all.get(at + 4..).unwrap_or_default().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        found.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.head, self.text()))
    }

    /// The response code of RFC 5408.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.status, 200, "{} {}", self.head, self.text());
        assert_eq!(self.header("content-type"), Some("application/ibe-pkg-reply+xml"));
        let text = self.text();
        let at = text.find("responseType value=\"").unwrap() + 20;
        text[at..at + 6].to_owned()
    }
}
