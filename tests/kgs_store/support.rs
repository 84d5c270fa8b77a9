//! A server with alice, and what tests do with it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use getrandom::SysRng;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{District, Granularity, Identity, Name, PublicParameters, Purpose};
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::Setup;
use ibake::kgs::server::audit::writer::Habits;
use ibake::kgs::server::auth::Requester;
use ibake::kgs::server::policy::{Purposes, Rule};
use ibake::kgs::server::{Address, Error, Issued, Keys, Refusal, Request, Service, Settings, Store, Transit, audit};
use tempfile::TempDir;

use crate::postgres::{Server, sql};

/// 2026-11-21 12:00:00 UTC.
pub(crate) const NOW: u64 = 1_795_262_400;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const ALICE: &str = "sip:alice@a.example";

/// Runs to its end on a runtime with threads.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) service: Service,
}

pub(crate) fn setup() -> Setup {
    Setup::of_days(District::parse("https://kgs.example").unwrap(), Granularity::Day, NOW, 60).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings { habits: Habits { every: 10, tolerance: 300 }, threads: 2, ..Settings::default() }
}

pub(crate) fn name(s: &str) -> Name {
    Name::parse(s).unwrap()
}

pub(crate) fn rule(pattern: &str, ahead: u64, quota: u64) -> Rule {
    Rule { pattern: pattern.parse().unwrap(), purposes: Purposes::ALL, ahead, quota }
}

/// The wrapping key in `dir`.
pub(crate) fn wrapper(dir: &Path) -> Arc<Protection> {
    Arc::new(Protection::KeyFile(FileKey::read(&dir.join("wrap.key")).unwrap()))
}

pub(crate) fn new_wrapper(dir: &Path) {
    FileKey::generate(&mut SysRng).unwrap().write_new(&dir.join("wrap.key")).unwrap();
}

pub(crate) fn operator(user: &str) -> Requester {
    Requester::operator(user).unwrap()
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let address = format!("sqlite:{}", dir.path().join("kgs.db").display());
        Self::at(dir, address).await
    }

    pub(crate) async fn postgres(server: &Server) -> Self {
        Self::at(TempDir::new().unwrap(), server.database().await).await
    }

    /// alice may have her own keys, `gateway` those of everybody at b.example and any number of 1-555.
    async fn at(dir: TempDir, address: String) -> Self {
        new_wrapper(dir.path());
        let store = open(&address).await;
        let keys = Arc::new(Keys::create(&store, wrapper(dir.path()), &setup()).await.unwrap());
        let vault = keys.vault();
        store.add_user(vault, "alice", &[Rule::own(name(ALICE))], NOW).await.unwrap();
        let rules = [rule("sip:*@b.example", 2 * DAY, 0), rule("tel:+1555*", 2 * DAY, 0)];
        store.add_user(vault, "gateway", &rules, NOW).await.unwrap();
        let service = Service::new(Arc::clone(&keys), settings());
        Self { dir, address, store, keys, service }
    }

    /// Another node on the same store.
    pub(crate) async fn node(&self) -> Service {
        let store = open(&self.address).await;
        let keys = Keys::open(&store, wrapper(self.dir.path())).await.unwrap();
        Service::new(Arc::new(keys), settings())
    }

    pub(crate) async fn parameters(&self) -> PublicParameters {
        self.keys.current().await.unwrap()
    }

    pub(crate) async fn identity(&self, of: &str, at: u64) -> Identity {
        self.parameters().await.identity(name(of), Purpose::Decrypt, at).unwrap()
    }

    /// Asks without a seal.
    pub(crate) async fn ask(&self, user: &str, of: &str, at: u64) -> Result<Issued, Error> {
        self.ask_node(&self.service, user, of, at).await
    }

    pub(crate) async fn ask_node(&self, node: &Service, user: &str, of: &str, at: u64) -> Result<Issued, Error> {
        let request = Request { identities: vec![self.identity(of, at).await], transit: Transit::Plain };
        node.issue(&operator(user), &request, NOW).await.map(|mut all| all.pop().unwrap())
    }

    /// Asks and is refused for this reason.
    #[track_caller]
    pub(crate) fn refused(result: Result<Issued, Error>, expected: Refusal) {
        match result {
            Err(Error::Refused { why, .. }) => assert_eq!(why, expected),
            other => panic!("{expected:?} expected: {other:?}"),
        }
    }

    pub(crate) async fn sound(&self) -> audit::Report {
        let report = audit::verify(&self.store, &self.keys.log(), Vec::new()).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        report
    }

    /// Raw SQL, as somebody with access to the database alone would use it.
    pub(crate) async fn sql(&self, text: &str) {
        sql(&self.address, text).await;
    }
}

pub(crate) async fn open(address: &str) -> Store {
    Store::open(&address.parse::<Address>().unwrap()).await.unwrap()
}

pub(crate) fn genuine(issued: &Issued, parameters: &PublicParameters) -> PrivateKey {
    let key = PrivateKey::from_bytes(issued.key.expose(), parameters).unwrap();
    assert_eq!(key.identity(), &issued.identity);
    key
}
