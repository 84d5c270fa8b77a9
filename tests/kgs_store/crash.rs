//! Death at any instant: what a client received is in the log, what is in the log has an outcome, and it goes on.
//!
//! The server runs in a process of its own: this program again, asked for one ignored test, told by the environment what to do. It
//! says what it begins and what it has received, a line each; a line that is there was written after the reply.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ibake::ibe::Purpose;
use ibake::kgs::server::{Keys, Request, Service, Transit, audit};

use crate::postgres::Server;
use crate::support::{ALICE, NOW, World, name, open, operator, settings, wrapper};

const ADDRESS: &str = "IBAKE_TEST_KGS_STORE";
const DIRECTORY: &str = "IBAKE_TEST_KGS_DIRECTORY";
/// Requests at the same time.
const CLIENTS: usize = 8;

/// The child: issues until it dies or fails.
#[test]
#[ignore = "started by the tests that kill it"]
fn a_server_that_issues_without_end() {
    let address = std::env::var(ADDRESS).expect("started by other tests only");
    let directory = std::env::var(DIRECTORY).unwrap();
    crate::support::run(async {
        let store = open(&address).await;
        let keys = Arc::new(Keys::open(&store, wrapper(Path::new(&directory))).await.unwrap());
        let service = Service::new(Arc::clone(&keys), settings());
        let parameters = keys.current().await.unwrap();
        let say = |line: String| {
            let mut out = std::io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (service, parameters) = (service.clone(), parameters.clone());
                tokio::spawn(async move {
                    for i in 0.. {
                        let of = format!("tel:+1555{client}{i:07}");
                        let identity = parameters.identity(name(&of), Purpose::Decrypt, NOW).unwrap();
                        let request = Request { identities: vec![identity], transit: Transit::Plain };
                        say(format!("begin {client} {i}\n"));
                        match service.issue(&operator("gateway"), &request, NOW).await {
                            Ok(issued) => {
                                let hex = |b: &[u8]| base16ct::lower::encode_string(b);
                                let link = issued[0].link;
                                let key = hex(&ibake::kdf::hash(&[issued[0].key.expose()]));
                                say(format!("got {client} {i} {} {} {key} {of}\n", link.place, hex(&link.hash)));
                            }
                            Err(e) => {
                                say(format!("failed {client} {i} {e:?}\n"));
                                return;
                            }
                        }
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

/// What a child has said.
#[derive(Default)]
struct Said {
    begun: u64,
    /// Place, hash of the entry, hash of the key, name.
    got: Vec<(u64, String, String, String)>,
    failed: Vec<String>,
}

struct Node {
    child: Child,
    reader: std::thread::JoinHandle<Said>,
    first: std::sync::mpsc::Receiver<()>,
}

impl Node {
    fn start(address: &str, dir: &Path, mut command: Command) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", "--nocapture", "crash::a_server_that_issues_without_end"])
            .env(ADDRESS, address)
            .env(DIRECTORY, dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, first) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut said = Said::default();
            let mut out = out;
            let mut line = Vec::new();
            // A line that was cut by death does not count; the harness of the tests may stand before the first one.
            while out.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) && line.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line).into_owned();
                let text = text.trim_end();
                let at = ["begin ", "got ", "failed "].iter().filter_map(|w| text.find(w)).min();
                let words: Vec<&str> = at.map(|at| &text[at..]).unwrap_or("").split(' ').collect();
                match words.as_slice() {
                    ["begin", ..] => said.begun += 1,
                    ["got", _, _, place, hash, key, of] => {
                        said.got.push((place.parse().unwrap(), (*hash).into(), (*key).into(), (*of).into()));
                        let _ = tell.send(());
                    }
                    ["failed", ..] => said.failed.push(text.into()),
                    _ => {}
                }
                line.clear();
            }
            said
        });
        Self { child, reader, first }
    }

    fn this() -> Command {
        Command::new(std::env::current_exe().unwrap())
    }

    /// Waits until it works.
    fn works(&self) {
        self.first.recv_timeout(Duration::from_secs(60)).expect("the server issues");
    }

    /// SIGKILL, and what it had said until then.
    fn kill(mut self) -> Said {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap()
    }

    /// Waits for its own end.
    fn ends(mut self) -> Said {
        self.child.wait().unwrap();
        self.reader.join().unwrap()
    }
}

/// Everything that was received stands in the log; gives the number of entries.
async fn compare(w: &World, got: &[(u64, String, String, String)]) -> u64 {
    let report = w.sound().await;
    let mut bytes = Vec::new();
    audit::export::export(&w.store, &w.keys.log(), &mut bytes).await.unwrap();
    let mut hashes = BTreeMap::new();
    for line in String::from_utf8(bytes).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(place) = line["place"].as_u64() {
            assert_eq!(line["outcome"], 0, "no entry without outcome, and nothing was refused");
            hashes.insert(place, line["hash"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(hashes.len() as u64, report.entries);
    for (place, hash, ..) in got {
        assert_eq!(hashes.get(place), Some(hash), "a key was received whose entry {place} is not in the log");
    }
    report.entries
}

/// Some of the keys that were received, issued again, are the same bytes.
async fn same_keys(w: &World, got: &[(u64, String, String, String)]) {
    let node = w.node().await;
    for (_, _, key, of) in got.iter().step_by(got.len() / 20 + 1) {
        let again = w.ask_node(&node, "gateway", of, NOW).await.unwrap();
        let hash = ibake::kdf::hash(&[again.key.expose()]);
        assert_eq!(&base16ct::lower::encode_string(&hash), key);
    }
}

/// A number that differs from run to run: when to kill.
fn instant(round: u64) -> Duration {
    let random = std::collections::hash_map::RandomState::new();
    let n = std::hash::BuildHasher::hash_one(&random, round);
    Duration::from_micros(n % 60_000)
}

#[test]
fn killed_at_random_instants_on_sqlite() {
    let rounds = 40;
    crate::support::run(async {
        let w = World::sqlite().await;
        let (mut got, mut begun) = (Vec::new(), 0);
        let mut in_flight = 0;
        for round in 0..rounds {
            let node = Node::start(&w.address, w.dir.path(), Node::this());
            node.works();
            std::thread::sleep(instant(round));
            let said = node.kill();
            assert_eq!(said.failed, [""; 0]);
            in_flight += said.begun - said.got.len() as u64;
            begun += said.begun;
            got.extend(said.got);
        }
        let entries = compare(&w, &got).await;
        same_keys(&w, &got).await;
        println!(
            "killed {rounds} times: {begun} requests, {} keys received, {in_flight} in flight when killed, {entries} entries",
            got.len()
        );
        assert!(in_flight > 0, "nothing was in flight when the server was killed");
        assert!(entries >= got.len() as u64 && entries <= begun);
    });
}

/// Two nodes on PostgreSQL; one is killed again and again, the other goes on.
pub(crate) async fn a_node_of_two_is_killed(server: &Server) {
    let w = World::postgres(server).await;
    let rounds = 8;
    let (mut got, mut in_flight, mut begun) = (Vec::new(), 0, 0);
    let survivor = Node::start(&w.address, w.dir.path(), Node::this());
    survivor.works();
    for round in 0..rounds {
        let node = Node::start(&w.address, w.dir.path(), Node::this());
        node.works();
        std::thread::sleep(instant(round));
        let said = node.kill();
        assert_eq!(said.failed, [""; 0]);
        in_flight += said.begun - said.got.len() as u64;
        begun += said.begun;
        got.extend(said.got);
    }
    let said = survivor.kill();
    assert_eq!(said.failed, [""; 0], "the other node was not disturbed");
    assert!(!said.got.is_empty());
    got.extend(said.got);
    begun += said.begun;
    let entries = compare(&w, &got).await;
    same_keys(&w, &got).await;
    println!(
        "one of two nodes killed {rounds} times: {} keys received, {in_flight} in flight, {entries} entries",
        got.len()
    );
    assert!(in_flight > 0 && entries >= got.len() as u64 && entries <= begun);

    // The database itself dies and comes back: a typed error meanwhile, and no restart of the node.
    let before = w.sound().await.entries;
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    let alice = operator("alice");
    let ask = || w.service.issue(&alice, &request, NOW);
    server.stop();
    let error = ask().await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert!(w.store.ping().await.is_err());
    server.start_again();
    let mut answer = ask().await;
    for _ in 0..20 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = ask().await;
    }
    assert_eq!(answer.unwrap()[0].link.place, before + 1);
    w.sound().await;
}

/// No room: every file that the process writes is limited, so that writing fails in the middle of something.
#[test]
fn a_full_disk_loses_nothing() {
    crate::support::run(async {
        let w = World::sqlite().await;
        w.ask("alice", ALICE, NOW).await.unwrap();
        // The shell's unit is 512 or 1,024 bytes: room for some hundred entries in the write-ahead log.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        let said = Node::start(&w.address, w.dir.path(), shell).ends();
        assert!(!said.got.is_empty() && said.failed.len() == CLIENTS, "{:?}", said.failed);
        for failed in &said.failed {
            assert!(failed.contains("fault: Full") || failed.contains("fault: Io"), "{failed}");
        }
        compare(&w, &said.got).await;
        same_keys(&w, &said.got).await;
        println!("{} keys received before the disk was full", said.got.len());
    });
}
