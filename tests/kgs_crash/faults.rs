//! What surrounds a running server fails, and comes back: each with the answer to a request, what `/ready` says, and how it goes on.
//! The process is the same all the time, and in the end the log is sound and has every key that was received.
//!
//! | fault | request | `/ready` | again |
//! | --- | --- | --- | --- |
//! | SQLite, no room on the file system (ENOSPC) | 503, Retry-After | 503 `store-full` | when there is room |
//! | SQLite, the process may not write more (EFBIG) | 503, Retry-After | 503 `store-io` | when it may |
//! | SQLite, the file is moved away | 503, Retry-After | 503 `store-gone` | when it is back |
//! | PostgreSQL, no room in its tablespace (ENOSPC) | 503, Retry-After | 503 `store-full` | when there is room |
//! | PostgreSQL stopped | 503, Retry-After | 503 `store-gone` | when it runs |
//! | the clock stands before the log | 503, Retry-After | 503 `clock` | when time has come |
//! | a row that one user needs | IBE300 (500 for their token); others are served | 200 | when it is right |
//! | the row that is the end of the log | IBE300 for all | 503 `store-row`, `head` | when it is right |
//! | a row of a key epoch | IBE300 for all | 503 `store-row`, `epochs` | when it is right |
//! | a row of settings deleted, found by a look | 503, Retry-After | 503 `settings-rows` | when it is there, or was given up by `settle` |
//! | all settings put back, with version and sum | 503, Retry-After | 503 `settings-older` | after `settle` |
//! | bytes of the file, while nobody runs: a row of settings | 503, Retry-After | 503 `settings-row` | when it is right |
//! | an entry of the log | others are served; named by `audit verify` | 200 | when it is right |
//! | no SQLite file any more | does not start | | when it is right |
//! | PostgreSQL with another root than the one given, or without TLS | does not start | | |

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ibake::client::key::{Pending, Transit};
use ibake::kgs::server::auth::Requester;
use ibake::kgs::server::http::Tls;
use ibake::kgs::server::{Request, Service, Settings, Transit as How, audit};
use ibake::secret::SecretVec;
use tempfile::TempDir;

use crate::client::{Answer, Client};
use crate::node::Node;
use crate::postgres::{Server, is_root, sql};
use crate::support::{ALICE, World, name, now, run};

/// A server with its clients, and what they have received.
pub(crate) struct Site {
    pub(crate) node: Node,
    pub(crate) world: World,
    alice: Client,
    gateway: Client,
    /// Place and hash of the entry of each key.
    received: Vec<(u64, [u8; 32])>,
    asked: u64,
}

impl Site {
    pub(crate) fn new(world: World, shell: Option<&str>) -> Self {
        Self::with(world, &[], shell)
    }

    /// With more arguments for the server.
    pub(crate) fn with(world: World, more: &[&str], shell: Option<&str>) -> Self {
        let node = Node::with(&world, more, shell);
        let (alice, gateway) = (Client::new(&world, Some(&world.alice)), Client::new(&world, Some(&world.gateway)));
        Self { node, world, alice, gateway, received: Vec::new(), asked: 0 }
    }

    async fn ask(&mut self, alice: bool) -> Answer {
        self.asked += 1;
        let of = if alice { ALICE.to_owned() } else { format!("tel:+1555{}", self.asked) };
        self.ask_for(&of, alice).await
    }

    /// Asks for the key of this name, as alice or as the gateway.
    pub(crate) async fn ask_for(&mut self, of: &str, alice: bool) -> Answer {
        let identity = self.world.identity(of, now());
        let pending = Pending::new(&identity, &self.world.parameters, Transit::Sealed, &mut getrandom::SysRng).unwrap();
        let client = if alice { &self.alice } else { &self.gateway };
        let answer = client.post(self.node.address, pending.bytes()).await.unwrap();
        if answer.code() == "IBE100" {
            let receipt = pending.receive(&answer.body).unwrap().receipt.unwrap();
            self.received.push((receipt.place, receipt.hash));
        }
        answer
    }

    /// The gateway asks for a key of somebody.
    pub(crate) async fn gateway(&mut self) -> Answer {
        self.ask(false).await
    }

    /// Alice asks for hers.
    pub(crate) async fn alice(&mut self) -> Answer {
        self.ask(true).await
    }

    /// The gateway gets a key.
    #[track_caller]
    pub(crate) fn served(answer: &Answer) {
        assert_eq!((answer.status, answer.code().as_str()), (200, "IBE100"), "{}", answer.text());
    }

    /// The gateway is told to come again, and nothing else.
    #[track_caller]
    pub(crate) fn later(answer: &Answer) {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        assert!(answer.text().contains("come again"), "{}", answer.text());
    }

    /// Status of `/ready`, and what it says.
    pub(crate) async fn ready(&self) -> (u16, String) {
        let answer = self.gateway.get(self.node.address, "/ready").await.unwrap();
        assert_eq!(answer.header("retry-after").is_some(), answer.status == 503);
        (answer.status, answer.text())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.gateway.get(self.node.address, path).await.unwrap()
    }

    /// A line of the metrics.
    pub(crate) async fn metric(&self, line: &str) {
        let text = self.get("/metrics").await.text();
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }

    /// Until a look has found what is wrong.
    pub(crate) async fn until_not_ready(&self, why: &str) {
        let begun = Instant::now();
        while self.ready().await.0 == 200 {
            assert!(begun.elapsed() < Duration::from_secs(60), "still ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.not_ready(why).await;
    }

    pub(crate) async fn not_ready(&self, why: &str) {
        let (status, text) = self.ready().await;
        assert!(status == 503 && text.contains(why), "{why}: {status} {text}");
        let health = self.gateway.get(self.node.address, "/health").await.unwrap();
        assert_eq!(health.status, 200, "the process lives");
    }

    /// Nobody asks for a key meanwhile: whoever watches learns that it works again.
    pub(crate) async fn until_ready(&self) {
        let begun = Instant::now();
        loop {
            let (status, text) = self.ready().await;
            if status == 200 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "still {text}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Everything that was received is in the log, which is sound.
    pub(crate) async fn nothing_is_lost(mut self, fault: &str) {
        assert!(self.node.runs(), "the process is the one that was started");
        let (status, _) = self.ready().await;
        assert_eq!(status, 200);
        Self::served(&self.gateway().await);
        self.node.kill();
        let entries = self.world.verify(&[])["issued"].as_u64().unwrap();
        let (store, keys) = self.world.open().await;
        let mut lines = Vec::new();
        audit::export::export(&store, &keys.log(), &mut lines).await.unwrap();
        store.close().await.unwrap();
        let lines = String::from_utf8(lines).unwrap();
        for (place, hash) in &self.received {
            let hash = base16ct::lower::encode_string(hash);
            let found = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
            let mut found = found.filter(|l| l["place"] == *place);
            assert!(found.any(|l| l["hash"] == *hash && l["outcome"] == 0), "entry {place} of a key is not in the log");
        }
        println!("{fault}: {} keys received, {entries} issued in the log, the same process", self.received.len());
    }
}

/// A small file system that can be filled.
struct Small(PathBuf);

impl Small {
    /// `None`, and a line that says so, where none can be mounted.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "tmpfs"]).arg(at);
        if is_root() && mount.output().is_ok_and(|out| out.status.success()) {
            return Some(Self(at.to_owned()));
        }
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "mount"));
        assert!(!required, "IBAKE_REQUIRE names `mount`, and no file system can be mounted here");
        println!("skipped: no file system of a chosen size can be mounted here");
        None
    }

    /// Until nothing fits any more.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("ballast")).unwrap();
        for size in [65_536, 4_096, 512] {
            while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a server may have it open for a moment yet.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Asks until there is no room, which is soon.
async fn until_full(s: &mut Site, why: &str) {
    let mut answer = s.gateway().await;
    for _ in 0..2_000 {
        if answer.status != 200 {
            break;
        }
        Site::served(&answer);
        answer = s.gateway().await;
    }
    Site::later(&answer);
    s.not_ready(why).await;
    Site::later(&s.gateway().await);
}

#[test]
fn no_room_on_the_file_system_of_sqlite() {
    let dir = TempDir::new().unwrap();
    let Some(small) = Small::mount(&dir.path().join("small"), "4m") else { return };
    run(async {
        let address = format!("sqlite:{}", dir.path().join("small/kgs.db").display());
        let mut s = Site::new(World::at(dir, address).await, None);
        Site::served(&s.gateway().await);
        small.fill();
        until_full(&mut s, "store-full").await;
        // What only reads goes on.
        let parameters = s.gateway.get(s.node.address, "/").await.unwrap();
        assert_eq!(parameters.status, 200);
        s.node.logs("the store has no room left");
        small.make_room();
        s.until_ready().await;
        s.nothing_is_lost("no room on SQLite's file system").await;
    });
}

#[test]
fn the_process_may_not_write_more() {
    run(async {
        // The shell's unit is 512 or 1,024 bytes: room for some tens of entries in the write-ahead log.
        let world = World::sqlite().await;
        let mut s = Site::new(world, Some("trap '' XFSZ; ulimit -S -f 1000"));
        Site::served(&s.gateway().await);
        until_full(&mut s, "store-io").await;
        let id = s.node.id().to_string();
        let raised = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status().unwrap();
        assert!(raised.success());
        s.until_ready().await;
        s.nothing_is_lost("SQLite, no more bytes for the process").await;
    });
}

#[test]
fn the_file_of_sqlite_is_moved_away() {
    run(async {
        let mut s = Site::new(World::sqlite().await, None);
        Site::served(&s.gateway().await);
        let (here, away) = (s.world.dir.path().join("kgs.db"), s.world.dir.path().join("away.db"));
        std::fs::rename(&here, &away).unwrap();
        Site::later(&s.gateway().await);
        s.not_ready("store-gone").await;
        // Another one in its place is not the one either.
        std::fs::copy(&away, &here).unwrap();
        Site::later(&s.gateway().await);
        s.not_ready("store-gone").await;
        std::fs::rename(&away, &here).unwrap();
        s.until_ready().await;
        s.nothing_is_lost("SQLite's file moved away").await;
    });
}

#[test]
fn no_room_in_postgresqls_tablespace() {
    let Some(server) = Server::start() else { return };
    let dir = TempDir::new().unwrap();
    let mut open = Command::new("chmod");
    assert!(open.arg("755").arg(dir.path()).status().unwrap().success());
    let Some(small) = Small::mount(&dir.path().join("small"), "24m") else { return };
    let space = dir.path().join("small/space");
    std::fs::create_dir(&space).unwrap();
    assert!(Command::new("chown").arg("postgres").arg(&space).status().unwrap().success());
    run(async {
        let tablespace = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
        sql(&server.url("postgres"), &tablespace).await;
        sql(&server.url("postgres"), "CREATE DATABASE small TABLESPACE small").await;
        let mut s = Site::new(World::at(TempDir::new().unwrap(), server.url("small")).await, None);
        Site::served(&s.gateway().await);
        small.fill();
        until_full(&mut s, "store-full").await;
        small.make_room();
        s.until_ready().await;
        s.nothing_is_lost("no room in PostgreSQL's tablespace").await;
        server.stop();
    });
    drop((server, dir));
}

#[test]
fn postgresql_is_gone_for_a_while() {
    let Some(server) = Server::start() else { return };
    run(async {
        let mut s = Site::new(World::postgres(&server).await, None);
        for _ in 0..2 {
            Site::served(&s.gateway().await);
            server.stop();
            Site::later(&s.gateway().await);
            s.not_ready("store-gone").await;
            Site::later(&s.gateway().await);
            server.start_again();
            s.until_ready().await;
        }
        s.nothing_is_lost("PostgreSQL gone twice").await;
    });
}

/// A node whose clock ran ahead has written to the log. For this node that is a clock which has jumped back; it takes no option of
/// its own to show it, and setting the clock right is the same as time that comes.
async fn the_clock_stands_before_the_log(world: World, fault: &str) {
    let mut s = Site::new(world, None);
    Site::served(&s.gateway().await);
    let (store, keys) = s.world.open().await;
    let ahead = Service::new(keys, Settings::default());
    // Five minutes are tolerated.
    let parameters = s.world.parameters.clone();
    let issue = async |at: u64| {
        let identities = vec![parameters.identity(name(ALICE), ibake::ibe::Purpose::Sign, now()).unwrap()];
        let request = Request { identities, transit: How::Plain };
        ahead.issue(&Requester::operator("alice").unwrap(), &request, at).await.unwrap();
    };
    issue(now() + 290).await;
    assert_eq!(s.ready().await.0, 200);
    Site::served(&s.gateway().await);
    issue(now() + 306).await;
    Site::later(&s.gateway().await);
    s.not_ready("clock: the clock stands 30").await;
    s.node.logs("before the latest entry of the log");
    store.close().await.unwrap();
    s.until_ready().await;
    s.nothing_is_lost(fault).await;
}

#[test]
fn the_clock_jumps_back() {
    run(async {
        the_clock_stands_before_the_log(World::sqlite().await, "clock before the log, SQLite").await;
        let Some(server) = Server::start() else { return };
        the_clock_stands_before_the_log(World::postgres(&server).await, "clock before the log, PostgreSQL").await;
    });
}

/// PEM of a certificate and its key apart.
fn pem(both: &SecretVec) -> (String, String) {
    let text = std::str::from_utf8(both.expose()).unwrap();
    let at = text.find("-----BEGIN PRIVATE").unwrap();
    (text[..at].to_owned(), text[at..].to_owned())
}

#[test]
fn tls_to_postgresql() {
    use std::os::unix::fs::PermissionsExt;
    let both = Tls::self_signed(&["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (certificate, key) = pem(&both);
    let server = Server::start_with(|dir| {
        std::fs::write(dir.join("server.crt"), &certificate).unwrap();
        std::fs::write(dir.join("server.key"), &key).unwrap();
        std::fs::set_permissions(dir.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let file = |name: &str| dir.join(name).display().to_string();
        format!("-c ssl=on -c ssl_cert_file={} -c ssl_key_file={}", file("server.crt"), file("server.key"))
    });
    let Some(server) = server else { return };
    run(async {
        let world = World::postgres(&server).await;
        let (right, wrong) = (world.dir.path().join("right.crt"), world.dir.path().join("wrong.crt"));
        std::fs::write(&right, &certificate).unwrap();
        std::fs::write(&wrong, pem(&Tls::self_signed(&["localhost".into()]).unwrap()).0).unwrap();
        let plain = world.address.clone();
        let with = |mode: &str, root: &Path| {
            plain.replace("sslmode=disable", &format!("sslmode={mode}&sslrootcert={}", root.display()))
        };
        for mode in ["verify-ca", "verify-full"] {
            let mut s = Site::new(World { address: with(mode, &right), ..world_like(&world).await }, None);
            Site::served(&s.gateway().await);
            assert!(encrypted(&plain).await > 0, "{mode}");
            s.node.kill();
            let world = World { address: with(mode, &wrong), ..s.world };
            let log = Node::attempt(&world, &[], None).map(drop).unwrap_err();
            assert!(log.contains("the store cannot be reached"), "{log}");
            println!("PostgreSQL, {mode}: the right root is taken, another one is not: {}", log.trim());
        }
        // Nor does it go on in clear with one that has no TLS.
        let Some(bare) = Server::start() else { return };
        let address = bare.database().await.replace("sslmode=disable", "sslmode=verify-ca");
        let bare = World { address, ..world_like(&world).await };
        let log = Node::attempt(&bare, &[], None).map(drop).unwrap_err();
        assert!(log.contains("the store"), "{log}");
        println!("PostgreSQL without TLS: {}", log.trim());
    });
}

/// The same store and files in a directory of its own.
async fn world_like(world: &World) -> World {
    let dir = TempDir::new().unwrap();
    for file in ["kgs.unlock", "kgs-tls.pem"] {
        std::fs::copy(world.dir.path().join(file), dir.path().join(file)).unwrap();
    }
    let secret = |s: &SecretVec| SecretVec::new(s.expose().to_vec());
    World {
        dir,
        address: world.address.clone(),
        parameters: world.parameters.clone(),
        alice: secret(&world.alice),
        gateway: secret(&world.gateway),
        own: secret(&world.own),
        certificate: world.certificate.clone(),
    }
}

/// Connections of servers to the database that are encrypted.
async fn encrypted(address: &str) -> i64 {
    use sqlx::{Connection, Row};
    let mut c = sqlx::PgConnection::connect(address).await.unwrap();
    let text = "SELECT COUNT(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                WHERE s.ssl AND a.application_name = 'ibake kgs'";
    let count = sqlx::query(text).fetch_one(&mut c).await.unwrap().get(0);
    c.close().await.unwrap();
    count
}
