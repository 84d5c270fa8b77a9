//! What an operator gives a server: its configuration, exports of the log, backups.

use std::sync::{Arc, OnceLock};

use ibake::ibe::{District, Granularity};
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::Setup;
use ibake::kgs::server::audit::export;
use ibake::kgs::server::config::Configuration;
use ibake::kgs::server::keys::backup;
use ibake::kgs::server::policy::Rule;
use ibake::kgs::server::{Keys, LogName, Request, Service, Settings, Store, Transit};

use crate::common::{ALICE, NOW};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let made = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    RUNTIME.get_or_init(made).block_on(work)
}

/// A mistake stands inside the text, and says what to do.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(mistake) = Configuration::parse(text) {
        let line = text.split('\n').nth(mistake.line - 1).expect("a line of the text");
        assert!(mistake.column <= line.chars().count() + 1, "{mistake}");
        assert!(!mistake.remedy.is_empty());
    }
}

pub fn configuration_seeds() -> Vec<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if root.join("docs").is_dir() { root } else { root.parent().unwrap() };
    let example = std::fs::read_to_string(root.join("docs/deploy/ibake-kgs.toml")).unwrap();
    let short: String = example.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    let on = example.lines().map(|l| format!("{}\n", l.strip_prefix("# ").filter(|l| l.contains(" = ")).unwrap_or(l)));
    vec![example.as_bytes().to_vec(), short.into_bytes(), on.collect::<String>().into_bytes()]
}

struct Made {
    backup: Vec<u8>,
    export: Vec<u8>,
    key: [u8; 32],
    wrapper: Arc<Protection>,
}

/// A store with a user and two keys issued, written both ways.
fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path()).await;
            let wrapper = Arc::new(Protection::KeyFile(FileKey::generate(&mut super::rng()).unwrap()));
            let district = District::parse("https://kgs.example").unwrap();
            let setup = Setup::of_days(district, Granularity::Day, NOW, 30).unwrap();
            let keys = Arc::new(Keys::create(&store, Arc::clone(&wrapper) as _, &setup).await.unwrap());
            let name = ibake::ibe::Name::parse(ALICE).unwrap();
            store.add_user(keys.vault(), "alice", &[Rule::own(name.clone())], NOW).await.unwrap();
            let service = Service::new(Arc::clone(&keys), Settings::default());
            let requester = ibake::kgs::server::auth::Requester::operator("alice").unwrap();
            let parameters = keys.current().await.unwrap();
            for purpose in [ibake::ibe::Purpose::Decrypt, ibake::ibe::Purpose::Sign] {
                let identities = vec![parameters.identity(name.clone(), purpose, NOW).unwrap()];
                let request = Request { identities, transit: Transit::Plain };
                service.issue(&requester, &request, NOW).await.unwrap();
                service.log().checkpoint().await.unwrap();
            }
            let (mut backup, mut lines) = (Vec::new(), Vec::new());
            backup::export(&keys, &mut backup).await.unwrap();
            let log: LogName = keys.log();
            export::export(&store, &log, &mut lines).await.unwrap();
            Made { backup, export: lines, key: log.key, wrapper }
        })
    })
}

async fn open(dir: &std::path::Path) -> Store {
    Store::open(&format!("sqlite:{}", dir.join("kgs.db").display()).parse().unwrap()).await.unwrap()
}

/// What verifies as sound has the entries of ours, or fewer: nobody else can sign.
pub fn audit_export(data: &[u8]) {
    let made = made();
    if let Ok(report) = export::verify(data, Some(&made.key), Vec::new())
        && report.is_sound()
        && report.entries > 2
    {
        panic!("entries that nobody has written: {report:?}");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(read) = export::checkpoint_from_json(text)
    {
        let again = export::checkpoint_json(&read).to_string();
        assert_eq!(export::checkpoint_from_json(&again), Ok(read));
    }
}

pub fn audit_export_seeds() -> Vec<Vec<u8>> {
    let text = String::from_utf8(made().export.clone()).unwrap();
    let signed = text.lines().find(|l| l.contains("signature")).unwrap();
    vec![text.as_bytes().to_vec(), signed.as_bytes().to_vec()]
}

/// What is restored is what was written, and what is not leaves the store empty.
pub fn backup(data: &[u8]) {
    let made = made();
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        match backup::restore(&store, Arc::clone(&made.wrapper) as _, data).await {
            Ok(keys) => {
                let mut again = Vec::new();
                backup::export(&keys, &mut again).await.unwrap();
                assert_eq!(again, made.backup);
            }
            // The hash at the end is no secret: somebody may make one that fits. Then the keys refuse.
            Err(_) => drop(store),
        }
    });
}

pub fn backup_seeds() -> Vec<Vec<u8>> {
    vec![made().backup.clone()]
}
