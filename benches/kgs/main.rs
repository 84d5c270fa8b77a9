//! Load on the built server: keys a second and latencies over HTTPS, its memory after 20,000 and 200,000 issues, and bulk issue.
//!
//! `cargo bench --bench kgs` prints the tables of docs/server.md; `-- --quick` is over in a minute, `-- --bulk` does bulk alone,
//! `-- --memory` memory. Clients and server share the
//! machine, and its cores the work of both. A client checks the code of every answer and the key of every 64th: the pairing check
//! is its own affair, and here it would take the server's time. Exits with 1 if memory has grown by more than a tenth.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

mod bulk;
#[path = "../../tests/kgs_crash/client.rs"]
mod client;
#[path = "../../tests/kgs_crash/node.rs"]
mod node;
#[path = "../../tests/kgs_store/postgres.rs"]
mod postgres;
#[path = "../../tests/kgs_crash/support.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use ibake::client::key::{Pending, Transit};
use ibake::sealing::Opener;
use serde_json::json;

use client::{Client, Connection, XML};
use node::Node;
use postgres::Server;
use support::{DAY, World, now};

/// Requests at the same time.
const CLIENTS: usize = 16;
/// Of so many keys one is opened and checked.
const CHECKED: u64 = 64;

#[derive(Clone, Copy, PartialEq)]
enum What {
    /// A request of RFC 5408, on a connection that is kept.
    One,
    /// The same, each on a connection of its own.
    Fresh,
    /// Keys of this many days in one request, as JSON.
    Days(u64),
}

impl What {
    fn name(self) -> String {
        match self {
            Self::One => "one key".into(),
            Self::Fresh => "one key, new connection".into(),
            Self::Days(n) => format!("{n} days"),
        }
    }
}

/// What clients share.
struct Load {
    world: World,
    node: Node,
    requests: AtomicU64,
    keys: AtomicU64,
    errors: AtomicU64,
}

impl Load {
    fn new(world: World, certificates: bool, shell: Option<&str>) -> Arc<Self> {
        // All requests come from one address and one user: limits that such a load does not reach, and that are counted.
        let limits = "[rates]\nrequests_of_source_per_minute = 10000000\nkeys_of_user_per_minute = 10000000\n";
        std::fs::write(world.dir.path().join("load.toml"), limits).unwrap();
        let more: &[&str] = if certificates { &["--client-certificates"] } else { &[] };
        let node = Node::with(&world, &[&["--config", "load.toml"], more].concat(), shell);
        let zero = || AtomicU64::new(0);
        Arc::new(Self { world, node, requests: zero(), keys: zero(), errors: zero() })
    }

    /// Body, path and type of a request, and what opens its answer.
    fn request(&self, what: What, n: u64) -> (Vec<u8>, &'static str, &'static str, Option<Pending>) {
        let of = format!("tel:+1555{n}");
        let rng = &mut getrandom::SysRng;
        if let What::Days(days) = what {
            let opener = Opener::generate(rng).unwrap();
            let identities: Vec<_> = (0..days).map(|d| json!({ "name": of, "at": now() + d * DAY })).collect();
            let body = json!({ "identities": identities, "seal_to": Base64::encode_string(opener.public()) });
            return (body.to_string().into_bytes(), "/v1/keys", "application/json", None);
        }
        let identity = self.world.identity(&of, now());
        let pending = Pending::new(&identity, &self.world.parameters, Transit::Sealed, rng).unwrap();
        (pending.bytes().to_vec(), "/keys", XML, Some(pending))
    }

    /// Until the time or the keys are over; microseconds of each request.
    async fn client(self: Arc<Self>, client: Client, what: What, until: Instant, keys: u64) -> Vec<u64> {
        let mut took = Vec::new();
        let mut open: Option<Connection> = None;
        while Instant::now() < until && self.keys.load(Ordering::Relaxed) < keys {
            let n = self.requests.fetch_add(1, Ordering::Relaxed);
            let (body, path, kind, pending) = self.request(what, n);
            let begun = Instant::now();
            if open.is_none() {
                open = client.connect(self.node.address).await.ok();
            }
            let answer = match &mut open {
                Some(connection) => connection.post(path, kind, &body).await.ok(),
                None => None,
            };
            took.push(u64::try_from(begun.elapsed().as_micros()).unwrap());
            let count = if let What::Days(n) = what { n } else { 1 };
            match answer {
                Some(a) if a.status == 200 && (pending.is_none() || a.code() == "IBE100") => {
                    self.keys.fetch_add(count, Ordering::Relaxed);
                    if let Some(pending) = pending.filter(|_| n.is_multiple_of(CHECKED)) {
                        pending.receive(&a.body).unwrap();
                    }
                }
                _ => {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                    open = None;
                }
            }
            if what == What::Fresh {
                open = None;
            }
        }
        took
    }

    /// All clients together.
    async fn run(self: &Arc<Self>, certificates: bool, what: What, time: Duration, keys: u64) -> Vec<u64> {
        let token = if certificates { None } else { Some(&self.world.gateway) };
        let until = Instant::now() + time;
        let all: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = Client::new(&self.world, token);
                tokio::spawn(Arc::clone(self).client(client, what, until, keys))
            })
            .collect();
        let mut took = Vec::new();
        for client in all {
            took.extend(client.await.unwrap());
        }
        took.sort_unstable();
        took
    }

    /// Kilobytes in memory.
    fn resident(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.node.id())).unwrap();
        let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn processor(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.node.id())).unwrap();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        // utime and stime, in hundredths of a second on Linux.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

async fn line(store: &str, world: World, certificates: bool, what: What, time: Duration) {
    let load = Load::new(world, certificates, None);
    // Connections, pools and caches.
    load.run(certificates, what, time / 10, u64::MAX).await;
    let (keys, errors) = (load.keys.load(Ordering::Relaxed), load.errors.load(Ordering::Relaxed));
    let (begun, before) = (Instant::now(), load.processor());
    let took = load.run(certificates, what, time, u64::MAX).await;
    let seconds = begun.elapsed().as_secs_f64();
    let keys = load.keys.load(Ordering::Relaxed) - keys;
    let errors = load.errors.load(Ordering::Relaxed) - errors;
    let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
    println!(
        "| {store} | {} | {} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {errors} | {:.2} |",
        if certificates { "certificate" } else { "token" },
        what.name(),
        keys as f64 / seconds,
        ms(0.5),
        ms(0.9),
        ms(0.99),
        ms(0.999),
        ms(1.0),
        (load.processor() - before) * 1_000.0 / keys as f64,
    );
}

async fn memory(quick: bool) -> bool {
    // As docs/deploy/ibake-kgs.service has it: of the arenas of the C library each thread has one, and each grows for itself.
    let load = Load::new(World::sqlite().await, false, Some("export MALLOC_ARENA_MAX=2"));
    let goals: &[u64] = if quick { &[2_000, 20_000] } else { &[20_000, 50_000, 100_000, 150_000, 200_000] };
    let mut sizes = Vec::new();
    println!("\n| keys issued | entries in the log | resident, KiB |\n| ---: | ---: | ---: |");
    for goal in goals.iter().copied() {
        // Some alone, and most in requests for 40 days.
        while load.keys.load(Ordering::Relaxed) < goal {
            let now = load.keys.load(Ordering::Relaxed);
            let hour = Duration::from_secs(3_600);
            load.run(false, What::One, hour, goal.min(now + 500)).await;
            load.run(false, What::Days(40), hour, goal.min(now + 5_000)).await;
        }
        assert_eq!(load.errors.load(Ordering::Relaxed), 0);
        sizes.push(load.resident());
        let keys = load.keys.load(Ordering::Relaxed);
        let entries = load.world.verify(&[])["entries"].clone();
        println!("| {keys} | {entries} | {} |", load.resident());
    }
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let growth = last as f64 / first as f64 - 1.0;
    println!("\nMemory after all of them against that after the first {}: {:+.1} %", goals[0], growth * 100.0);
    // What a server has allocated by then is not all that it keeps: a short run shows that it runs, and judges nothing.
    quick || growth <= 0.1
}

fn main() {
    let [quick, only_bulk, only_memory] =
        ["--quick", "--bulk", "--memory"].map(|option| std::env::args().any(|a| a == option));
    let time = Duration::from_secs(if quick { 2 } else { 20 });
    let server = Server::start_with(|_| "-c fsync=on".into());
    if only_bulk {
        return bulk::table(server.as_ref(), quick);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if only_memory {
        return judge(runtime.block_on(memory(quick)));
    }
    println!("{CLIENTS} requests at the same time, {} s each line; latencies in ms", time.as_secs());
    println!("| store | credential | request | keys/s | p50 | p90 | p99 | p99.9 | max | errors | server CPU ms/key |");
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let well = runtime.block_on(async {
        for certificates in [false, true] {
            for what in [What::One, What::Fresh, What::Days(7)] {
                line("SQLite", World::sqlite().await, certificates, what, time).await;
                if let Some(server) = &server {
                    line("PostgreSQL", World::postgres(server).await, certificates, what, time).await;
                }
            }
        }
        memory(quick).await
    });
    bulk::table(server.as_ref(), quick);
    judge(well);
}

fn judge(well: bool) {
    if !well {
        eprintln!("the server's memory has grown by more than a tenth");
        std::process::exit(1);
    }
}
