//! SIGKILL at random instants under load over HTTPS: every key that a client received is in the log, no entry is without outcome,
//! chain and checkpoints verify, and what is started again issues the same bytes.
//!
//! A request is in flight when it has been written and no whole answer has come. Kills wait for a random number of answers and a
//! random time behind that, and then until enough is in flight; the client whose request died asks anew, of whichever node runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ibake::client::key::{Pending, Transit};
use ibake::ibe::{Identity, Name};
use ibake::kdf::hash;
use ibake::kgs::server::audit::{self, Outcome};

use crate::client::{Client, Connection, XML};
use crate::node::Node;
use crate::postgres::Server;
use crate::support::{Dice, World, name, now, run};

/// Issues of one run.
const ISSUES: u64 = 10_000;
/// Kills of one run.
const KILLS: u64 = 52;
/// Requests in flight, at least, at the node that is killed.
const FLYING: usize = 8;
/// Clients for each node.
const CLIENTS: usize = 14;
/// Issues between checkpoints that the operator keeps elsewhere.
const KEPT: u64 = 10;
/// For one step of a run.
const PATIENCE: Duration = Duration::from_secs(300);

/// A key that a client holds.
struct Got {
    of: String,
    identity: Identity,
    place: u64,
    entry: [u8; 32],
    salt: [u8; 32],
    key: [u8; 32],
}

/// What clients and killer share.
struct Field {
    world: World,
    client: Client,
    /// Where each node listens, while it runs.
    nodes: Vec<Mutex<Option<SocketAddr>>>,
    /// Requests in flight at each node.
    flying: Vec<AtomicUsize>,
    answered: AtomicU64,
    /// Requests that had been sent and got no answer.
    unanswered: AtomicU64,
    /// Answers with status 503.
    later: AtomicU64,
    over: AtomicBool,
}

impl Field {
    fn new(world: World, nodes: usize) -> Arc<Self> {
        let client = Client::new(&world, Some(&world.gateway));
        Arc::new(Self {
            world,
            client,
            nodes: (0..nodes).map(|_| Mutex::new(None)).collect(),
            flying: (0..nodes).map(|_| AtomicUsize::new(0)).collect(),
            answered: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            later: AtomicU64::new(0),
            over: AtomicBool::new(false),
        })
    }

    fn address(&self, node: usize) -> Option<SocketAddr> {
        *self.nodes[node].lock().unwrap()
    }

    fn start(&self, node: usize) -> Node {
        let started = Node::start(&self.world);
        *self.nodes[node].lock().unwrap() = Some(started.address);
        started
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Until something holds; a server that is stuck does not hold up the test for ever.
    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{what}: {} answers so far", self.answered());
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// A connection to a node that runs, the one asked for if it does.
    async fn connect(&self, from: usize) -> Option<(usize, Connection)> {
        for at in 0..self.nodes.len() {
            let node = (from + at) % self.nodes.len();
            if let Some(address) = self.address(node)
                && let Ok(connection) = self.client.connect(address).await
            {
                return Some((node, connection));
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        None
    }

    /// One key after the other, each asked for until it is there.
    async fn ask(&self, client: usize) -> Vec<Got> {
        let mut got = Vec::new();
        let mut open: Option<(usize, Connection)> = None;
        'keys: for i in 0.. {
            // Now and then somewhere else, so that a node which has come back has clients again.
            if i % 16 == 0 {
                open = None;
            }
            let of = format!("tel:+1555{client:02}{i:06}");
            let identity = self.world.identity(&of, now());
            loop {
                if self.over.load(Ordering::SeqCst) {
                    break 'keys;
                }
                if open.is_none() {
                    open = self.connect(client + i / 16).await;
                }
                let Some((node, connection)) = &mut open else { continue };
                let pending =
                    Pending::new(&identity, &self.world.parameters, Transit::Sealed, &mut getrandom::SysRng).unwrap();
                self.flying[*node].fetch_add(1, Ordering::SeqCst);
                let answer = connection.post("/keys", XML, pending.bytes()).await;
                self.flying[*node].fetch_sub(1, Ordering::SeqCst);
                let Ok(answer) = answer else {
                    self.unanswered.fetch_add(1, Ordering::SeqCst);
                    open = None;
                    continue;
                };
                if answer.status == 503 {
                    self.later.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                assert_eq!((answer.status, answer.code().as_str()), (200, "IBE100"), "{}", answer.text());
                self.answered.fetch_add(1, Ordering::SeqCst);
                // The pairing check is inside.
                let received = pending.receive(&answer.body).unwrap();
                let receipt = received.receipt.unwrap();
                let key = hash(&[received.key.to_bytes().expose()]);
                got.push(Got { of, identity, place: receipt.place, entry: receipt.hash, salt: receipt.salt, key });
                break;
            }
        }
        got
    }
}

/// What the killer saw.
#[derive(Default)]
struct Seen {
    kills: u64,
    /// The fewest requests in flight at a kill.
    fewest: usize,
    /// Requests without an answer, of kills that left some.
    with: u64,
    /// Answers from the other node while one was down.
    meanwhile: u64,
    kept: Vec<String>,
}

/// Kills a random node again and again until there are enough issues; gives the nodes that run then.
fn killer(field: &Field, dice: &mut Dice) -> (Vec<Node>, Seen) {
    let mut nodes: Vec<Node> = (0..field.nodes.len()).map(|node| field.start(node)).collect();
    let mut seen = Seen { fewest: usize::MAX, ..Seen::default() };
    for kill in 0..KILLS {
        let victim = dice.below(nodes.len() as u64) as usize;
        let until = field.answered() + dice.below(2 * ISSUES / KILLS);
        field.wait("enough answers", || field.answered() >= until);
        std::thread::sleep(Duration::from_micros(dice.below(5_000)));
        field.wait("enough in flight", || field.flying[victim].load(Ordering::SeqCst) >= FLYING);
        seen.fewest = seen.fewest.min(field.flying[victim].load(Ordering::SeqCst));
        let without = field.unanswered.load(Ordering::SeqCst);
        let old = nodes.swap_remove(victim);
        old.kill();
        *field.nodes[victim].lock().unwrap() = None;
        let then = field.answered();
        let new = field.start(victim);
        if field.nodes.len() > 1 {
            seen.meanwhile += field.answered() - then;
        }
        nodes.push(new);
        let last = nodes.len() - 1;
        nodes.swap(victim, last);
        field.wait("clients notice", || field.unanswered.load(Ordering::SeqCst) > without || field.answered() > then);
        seen.with += u64::from(field.unanswered.load(Ordering::SeqCst) > without);
        seen.kills += 1;
        if kill % KEPT == KEPT - 1 {
            let file = format!("kept{kill}.json");
            field.world.checkpoint(&file);
            seen.kept.push(file);
        }
    }
    field.wait("all issues", || field.answered() >= ISSUES);
    field.over.store(true, Ordering::SeqCst);
    (nodes, seen)
}

/// The whole run, and everything that must hold after it.
async fn killed_again_and_again(what: &str, world: World, nodes: usize) {
    let begun = Instant::now();
    let mut dice = Dice::new();
    let field = Field::new(world, nodes);
    let clients: Vec<_> = (0..CLIENTS * nodes)
        .map(|client| {
            let field = Arc::clone(&field);
            tokio::spawn(async move { field.ask(client).await })
        })
        .collect();
    let killing = {
        let field = Arc::clone(&field);
        tokio::task::spawn_blocking(move || killer(&field, &mut dice))
    };
    let (running, seen) = killing.await.unwrap();
    let mut got = Vec::new();
    for client in clients {
        got.extend(client.await.unwrap());
    }
    // The last ones die as well.
    running.into_iter().for_each(Node::kill);
    let took = begun.elapsed();
    let unanswered = field.unanswered.load(Ordering::SeqCst);
    let world = &field.world;

    // The log, by the program and with what was kept elsewhere meanwhile.
    let report = world.verify(&seen.kept);
    let entries = report["entries"].as_u64().unwrap();
    assert_eq!(report["issued"], entries, "no entry without outcome, and nothing was refused");
    let twice = owners_find_their_keys(world, &got, entries).await;

    // Started again it issues the same bytes.
    let node = Node::start(world);
    let mut again = 0;
    for one in got.iter().step_by(got.len() / 200) {
        let pending = Pending::new(&one.identity, &world.parameters, Transit::Sealed, &mut getrandom::SysRng).unwrap();
        let answer = field.client.post(node.address, pending.bytes()).await.unwrap();
        let key = pending.receive(&answer.body).unwrap().key;
        assert_eq!(hash(&[key.to_bytes().expose()]), one.key, "{}", one.of);
        again += 1;
    }
    node.kill();
    world.verify(&seen.kept);
    println!(
        "{what}: {} keys received in {:.0} s, {entries} entries in the log\n  {} kills, {} of them with requests in flight \
         that got no answer ({unanswered} requests), at least {} in flight each time\n  {} keys were issued twice, since \
         the first answer was lost; {} answers told to come again\n  {} answers from the other node while one was down; \
         {} checkpoints kept elsewhere hold\n  {again} keys issued again after the last kill are the same bytes",
        got.len(),
        took.as_secs_f64(),
        seen.kills,
        seen.with,
        seen.fewest,
        twice,
        field.later.load(Ordering::SeqCst),
        seen.meanwhile,
        seen.kept.len(),
    );
    assert!(got.len() as u64 >= ISSUES && seen.kills >= 50 && seen.fewest >= FLYING && again > 0);
    assert!(unanswered > 0 && seen.with > 0, "nothing was in flight when the server was killed");
    assert!(entries >= got.len() as u64 && entries <= got.len() as u64 + unanswered);
    assert!(nodes == 1 || seen.meanwhile > 0, "the other node served while one was down");
}

/// Asks the log as each owner may: what was received is in it, each with its salt, and whatever else is there was issued for an
/// answer that was lost. Gives how many keys were issued more than once.
async fn owners_find_their_keys(world: &World, got: &[Got], entries: u64) -> usize {
    let (store, keys) = world.open().await;
    let mut of_name: BTreeMap<&str, &Got> = BTreeMap::new();
    let mut places = BTreeSet::new();
    for one in got {
        assert!(places.insert(one.place), "two keys have one entry");
        assert!(of_name.insert(&one.of, one).is_none(), "a client asked twice");
    }
    let (mut twice, mut found) = (0, 0);
    for (of, one) in &of_name {
        let of: Name = name(of);
        let owned = audit::owned(&store, keys.vault(), &of, 0).await.unwrap();
        let entry = owned.iter().find(|o| o.link.place == one.place);
        let entry = entry.unwrap_or_else(|| panic!("a key was received whose entry {} is not in the log", one.place));
        assert_eq!((entry.link.hash, entry.opening.salt), (one.entry, one.salt));
        assert!(owned.iter().all(|o| Outcome::from_id(o.link.outcome) == Some(Outcome::Issued)));
        assert!(owned.iter().all(|o| o.opening.requester == "gateway"));
        found += owned.len() as u64;
        twice += usize::from(owned.len() > 1);
    }
    // What is left is of those whose key nobody received in the end: a client was told to stop while it asked for one.
    assert!(entries >= found, "{entries} entries, {found} of names whose keys were received");
    store.close().await.unwrap();
    twice
}

#[test]
fn one_node_on_sqlite() {
    run(async { killed_again_and_again("SQLite, one node", World::sqlite().await, 1).await });
}

#[test]
fn one_of_two_nodes_on_postgresql() {
    let Some(server) = Server::start() else { return };
    run(async { killed_again_and_again("PostgreSQL, two nodes", World::postgres(&server).await, 2).await });
}
