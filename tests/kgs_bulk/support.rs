//! A store with subscribers, the program beside it, and what must hold of a job whoever did it.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use getrandom::SysRng;
use ibake::batch::{self, Options};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{District, Granularity, Identity, Name, PublicParameters};
use ibake::kdf::hash;
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::Setup;
use ibake::kgs::bundle::Bundle;
use ibake::kgs::server::auth::Requester;
use ibake::kgs::server::policy::{Purposes, Rule};
use ibake::kgs::server::{Address, Keys, Request, Service, Settings, Store, Transit, audit, bulk};
use ibake::sealing::Opener;
use ibake::secret::Secret;
use serde_json::Value;
use tempfile::TempDir;

use crate::postgres::Server;

pub(crate) const DAY: u64 = 86_400;
pub(crate) const MACHINE: &str = "machine";

/// Runs to its end on a runtime with threads.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

/// The program has the machine's clock, so the test has it too.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It failed with this exit code and said so.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, part: &str) -> Self {
        assert!(self.code == code && self.stderr.contains(part), "{code}, {part:?}: {self:?}");
        self
    }

    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|_| panic!("no JSON: {l}"))).collect()
    }

    pub(crate) fn last(&self) -> Value {
        self.objects().pop().unwrap()
    }
}

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
}

pub(crate) fn name(s: &str) -> Name {
    Name::parse(s).unwrap()
}

pub(crate) fn rule(pattern: &str, days: u64, quota: u64) -> Rule {
    Rule { pattern: pattern.parse().unwrap(), purposes: Purposes::ALL, ahead: days * DAY, quota }
}

/// The inbox of a user: a function of the name, so that nobody has to remember it.
pub(crate) fn inbox(user: &str) -> Opener {
    Opener::from_seed(&Secret::new(hash(&[b"inbox", user.as_bytes()])))
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let address = format!("sqlite:{}", dir.path().join("kgs.db").display());
        Self::at(dir, address, Granularity::Day).await
    }

    pub(crate) async fn postgres(server: &Server) -> Self {
        Self::at(TempDir::new().unwrap(), server.database().await, Granularity::Day).await
    }

    /// A district of a year, and a machine that may ask for everything.
    pub(crate) async fn at(dir: TempDir, address: String, granularity: Granularity) -> Self {
        let wrap = FileKey::generate(&mut SysRng).unwrap();
        wrap.write_new(&dir.path().join("kgs.unlock")).unwrap();
        let wrapper = Arc::new(Protection::KeyFile(wrap));
        let store = Store::open(&address.parse::<Address>().unwrap()).await.unwrap();
        let district = District::parse("https://kgs.example").unwrap();
        let setup = Setup::of_days(district, granularity, now(), 365).unwrap();
        let keys = Arc::new(Keys::create(&store, wrapper, &setup).await.unwrap());
        store.add_user(keys.vault(), MACHINE, &[rule("*", 365, 0)], now()).await.unwrap();
        Self { dir, address, store, keys }
    }

    /// Users `PREFIX0` to `PREFIX(n-1)`, each with a name and an inbox; gives the names.
    pub(crate) async fn users(&self, prefix: &str, n: usize) -> Vec<String> {
        let mut out = Vec::new();
        for i in 0..n {
            let user = format!("{prefix}{i}");
            out.push(format!("sip:{user}@a.example"));
            let own = [Rule::own(name(out.last().unwrap()))];
            self.store.add_user(self.keys.vault(), &user, &own, now()).await.unwrap();
            let inbox = *inbox(&user).public();
            bulk::seal_to(&self.store, self.keys.vault(), &user, &inbox).await.unwrap();
        }
        out
    }

    pub(crate) async fn parameters(&self) -> PublicParameters {
        self.keys.current().await.unwrap()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    /// The program in the world's directory; `{O}` stands for the store and what opens it.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let arguments = arguments.replace("{O}", &format!("{{S}} --key-file {}", self.path("kgs.unlock").display()));
        let arguments = arguments.replace("{S}", &format!("--store {}", self.address));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibake"));
        command.args(arguments.split_whitespace()).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        let out = self.command(arguments).output().unwrap();
        let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
        Run { code: out.status.code().unwrap_or(-1), stdout: text(out.stdout), stderr: text(out.stderr) }
    }

    /// Makes a job from a list of names; gives its name.
    pub(crate) fn start(&self, names: &[String], options: &str) -> String {
        self.write("list.csv", &names.join("\n"));
        let made = self.run(&format!("--json kgs bulk start --from list.csv --as {MACHINE} {options} {{O}}")).ok();
        made.last()["job"].as_str().unwrap().to_owned()
    }

    /// Runs a job to its end; gives what the program said last.
    pub(crate) fn finish(&self, job: &str, out: &str) -> Value {
        self.run(&format!("--json kgs bulk run --job {job} --out {out} --lease 2 {{O}}")).ok().last()
    }

    pub(crate) async fn sound(&self) -> audit::Report {
        let report = audit::verify(&self.store, &self.keys.log(), Vec::new()).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        report
    }

    /// How often each identity stands in the log as issued, by its DER.
    pub(crate) async fn issued(&self, names: &[String]) -> BTreeMap<Vec<u8>, u64> {
        let mut out = BTreeMap::new();
        for of in names {
            let mut place = 0;
            loop {
                let page = audit::owned(&self.store, self.keys.vault(), &name(of), place).await.unwrap();
                let Some(last) = page.last() else { break };
                place = last.link.place;
                for entry in page.into_iter().filter(|e| e.link.outcome == 0) {
                    assert_eq!(entry.opening.requester, MACHINE);
                    *out.entry(entry.opening.identity).or_default() += 1;
                }
            }
        }
        out
    }

    /// Opens every bundle in a directory with its user's inbox, and verifies what is inside.
    pub(crate) async fn open_all(&self, out: &str) -> BTreeMap<Vec<u8>, PrivateKey> {
        let parameters = self.parameters().await;
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(self.path(out)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "keys") {
                continue;
            }
            let bundle = Bundle::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
            for part in &bundle.parts {
                let contents = bundle.open(part, &inbox(&bundle.user)).unwrap();
                let items: Vec<_> = contents.keys.iter().map(|(key, _)| (key.expose(), &parameters)).collect();
                // The pairing check of all of them.
                let keys = batch::verify_keys(&items, &Options::default(), &mut SysRng).and_then(batch::all).unwrap();
                for key in keys {
                    let own = format!("sip:{}@a.example", bundle.user);
                    assert_eq!(key.identity().name().as_str(), own, "a key for somebody else");
                    let der = key.identity().der().to_vec();
                    assert!(found.insert(der, key).is_none(), "a key is there twice");
                }
            }
        }
        found
    }

    /// What must hold when everything is done: each of these identities once in the log and once in the files, genuine; the chain
    /// sound; and a key that is issued alone is the same to the byte.
    pub(crate) async fn complete(&self, names: &[String], expected: usize, outs: &[&str]) {
        let report = self.sound().await;
        let issued = self.issued(names).await;
        assert_eq!((issued.len(), report.issued), (expected, expected as u64));
        assert!(issued.values().all(|n| *n == 1), "a key stands in the log twice");
        let mut files = BTreeMap::new();
        for out in outs {
            files.extend(self.open_all(out).await);
        }
        assert!(files.keys().eq(issued.keys()), "the files have exactly what the log says");
        let service = Service::new(Arc::clone(&self.keys), Settings::default());
        for key in files.values().step_by(expected / 20 + 1) {
            assert_eq!(self.alone(&service, key.identity()).await, key.to_bytes().expose());
        }
    }

    /// One key, asked for by itself.
    async fn alone(&self, service: &Service, identity: &Identity) -> Vec<u8> {
        let request = Request { identities: vec![identity.clone()], transit: Transit::Plain };
        let machine = Requester::operator(MACHINE).unwrap();
        service.issue(&machine, &request, now()).await.unwrap()[0].key.expose().to_vec()
    }
}
