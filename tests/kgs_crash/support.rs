//! A store with two users, made before any server runs on it, and what tests do with it.

use std::future::Future;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ibake::ibe::{District, Granularity, Identity, Name, PublicParameters, Purpose};
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::Setup;
use ibake::kgs::server::auth::{Scope, credentials, token};
use ibake::kgs::server::http::Tls;
use ibake::kgs::server::policy::{Purposes, Rule};
use ibake::kgs::server::{Address, Keys, Store};
use ibake::secret::SecretVec;
use serde_json::Value;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::postgres::{Server, sql};

pub(crate) const DAY: u64 = 86_400;
pub(crate) const ALICE: &str = "sip:alice@a.example";

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Runs to its end on a runtime with threads.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A store, the files of a server in a directory, and what clients know.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    pub(crate) parameters: PublicParameters,
    /// alice may have her own keys, the gateway those of everybody of 1-555, for 40 days ahead.
    pub(crate) alice: SecretVec,
    pub(crate) gateway: SecretVec,
    /// PEM of the certificate that is the gateway's too, with its key.
    pub(crate) own: SecretVec,
    /// The certificate of all nodes.
    pub(crate) certificate: Vec<u8>,
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

    pub(crate) async fn at(dir: TempDir, address: String) -> Self {
        let file = FileKey::generate(&mut getrandom::SysRng).unwrap();
        file.write_new(&dir.path().join("kgs.unlock")).unwrap();
        let tls = Tls::self_signed(&["localhost".into()]).unwrap();
        ibake::keyfile::write_new(&dir.path().join("kgs-tls.pem"), tls.expose()).unwrap();
        let certificate = CertificateDer::from_pem_slice(tls.expose()).unwrap().to_vec();
        let store = open(&address).await;
        let district = District::parse("https://localhost:8443").unwrap();
        let setup = Setup::of_days(district, Granularity::Day, now() - DAY, 60).unwrap();
        let keys = Keys::create(&store, wrapper(dir.path()), &setup).await.unwrap();
        let (vault, until) = (keys.vault(), now() + DAY);
        store.add_user(vault, "alice", &[Rule::own(name(ALICE))], now()).await.unwrap();
        let all = Rule { pattern: "tel:+1555*".parse().unwrap(), purposes: Purposes::ALL, ahead: 40 * DAY, quota: 0 };
        store.add_user(vault, "gateway", &[all], now()).await.unwrap();
        let alice = token::create(&store, vault, "alice", "test", Scope::USER, until).await.unwrap();
        let gateway = token::create(&store, vault, "gateway", "test", Scope::USER, until).await.unwrap();
        let own = Tls::self_signed(&["gateway".into()]).unwrap();
        let der = CertificateDer::from_pem_slice(own.expose()).unwrap();
        credentials::set_certificate(&store, vault, "gateway", &der).await.unwrap();
        let parameters = keys.current().await.unwrap();
        store.close().await.unwrap();
        Self { dir, address, parameters, alice, gateway, own, certificate }
    }

    /// The store, for a look behind the server's back.
    pub(crate) async fn open(&self) -> (Store, Arc<Keys>) {
        let store = open(&self.address).await;
        let keys = Keys::open(&store, wrapper(self.dir.path())).await.unwrap();
        (store, Arc::new(keys))
    }

    pub(crate) fn identity(&self, of: &str, at: u64) -> Identity {
        self.parameters.identity(name(of), Purpose::Decrypt, at).unwrap()
    }

    /// The program, in the directory of the server.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibake"));
        command.current_dir(self.dir.path()).arg("--json").stdin(std::process::Stdio::null());
        command
    }

    /// A command of the operator's, on the store.
    pub(crate) fn kgs(&self, args: &[&str]) {
        let mut command = self.program();
        command.arg("kgs").args(args).args(["--key-file", "kgs.unlock", "--store"]);
        succeeded(&command.arg(&self.address).output().unwrap());
    }

    pub(crate) fn revoke(&self, name: &str) {
        self.kgs(&["policy", "revoke", name, "--from", "2020-01-01"]);
    }

    /// Signs the log as it is now, for [`World::verify`].
    pub(crate) fn checkpoint(&self, file: &str) {
        let mut command = self.program();
        command.args(["kgs", "audit", "checkpoint", "--key-file", "kgs.unlock", "--out", file, "--store"]);
        succeeded(&command.arg(&self.address).output().unwrap());
    }

    /// What `ibake kgs audit verify` says, with checkpoints that were kept; the log is sound.
    pub(crate) fn verify(&self, kept: &[String]) -> Value {
        let mut command = self.program();
        command.args(["kgs", "audit", "verify", "--store", &self.address]);
        for file in kept {
            command.args(["--checkpoint", file]);
        }
        let out = command.output().unwrap();
        succeeded(&out);
        let found: Value = serde_json::from_slice(out.stdout.split(|b| *b == b'\n').next().unwrap()).unwrap();
        assert_eq!(found["sound"], true, "{found}");
        found
    }

    /// Raw SQL, as somebody with access to the database alone would use it.
    pub(crate) async fn sql(&self, text: &str) {
        sql(&self.address, text).await;
    }
}

fn succeeded(out: &Output) {
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{stdout}{stderr}");
}

pub(crate) fn wrapper(dir: &Path) -> Arc<Protection> {
    Arc::new(Protection::KeyFile(FileKey::read(&dir.join("kgs.unlock")).unwrap()))
}

pub(crate) async fn open(address: &str) -> Store {
    Store::open(&address.parse::<Address>().unwrap()).await.unwrap()
}

/// Numbers from a seed (splitmix64): when to kill whom differs from run to run, and a seed that was printed gives the same again.
pub(crate) struct Dice(u64);

impl Dice {
    /// The seed is that of the environment, or a new one; printed.
    pub(crate) fn new() -> Self {
        let seed = std::env::var("IBAKE_TEST_SEED").ok().map(|s| s.parse().expect("IBAKE_TEST_SEED is a number"));
        let seed = seed.unwrap_or_else(|| getrandom::u64().unwrap());
        println!("seed {seed} (again with IBAKE_TEST_SEED={seed})");
        Self(seed)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}
