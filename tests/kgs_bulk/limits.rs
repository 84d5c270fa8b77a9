//! The limits, full.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ibake::ibe::Granularity;
use ibake::kgs::bulk::{Order, Plan};
use ibake::kgs::server::policy::{Purposes, Rule};
use ibake::kgs::server::{Error, Service, Settings, Unsettled, bulk};
use tempfile::TempDir;

use crate::support::{DAY, MACHINE, World, inbox, name, now};

pub(crate) async fn orders_larger_than_a_chunk_are_split(w: World) {
    let names = w.users("u", 3).await;
    // 300 periods for both purposes in chunks of 64, and of 7, into which neither 300 nor two purposes go evenly.
    for (chunk, at) in [(64, 0), (7, 301)] {
        let count = if at == 0 { 300 } else { 20 };
        let job = w.start(&names, &format!("--count {count} --for both --chunk {chunk} --at {}", now() + at * DAY));
        let status = w.run(&format!("--json kgs bulk status --job {job} {{O}}")).ok().last();
        assert_eq!(status["keys"], 3 * count * 2);
        assert!(status["chunks"].as_u64().unwrap() >= 3 * count * 2 / chunk, "{status}");
        let said = w.finish(&job, &format!("out{at}"));
        assert_eq!((&said["issued"], &said["all"]["users"]), (&(3 * count * 2).into(), &3.into()));
    }
    w.complete(&names, 3 * 600 + 3 * 40, &["out0", "out301"]).await;
}

/// Names as long as they may be: what a chunk takes in the store stays small, so that backups can have it.
pub(crate) async fn long_names_make_small_chunks(w: World) {
    let vault = w.keys.vault();
    let long = |i: usize| format!("sip:{}{i:04}@a.example", "x".repeat(1_024 - 18));
    let names: Vec<String> = (0..4).map(long).collect();
    assert!(ibake::ibe::Name::parse(&format!("{}x", names[0])).is_err(), "longer ones are no names");
    for (i, of) in names.iter().enumerate() {
        let user = format!("u{i}");
        w.store.add_user(vault, &user, &[Rule::own(name(of))], now()).await.unwrap();
        bulk::seal_to(&w.store, vault, &user, inbox(&user).public()).await.unwrap();
    }
    let job = w.start(&names, "--count 350");
    let status = w.run(&format!("--json kgs bulk status --job {job} {{O}}")).ok().last();
    assert!(status["chunks"].as_u64().unwrap() >= 4, "{status}");
    assert_eq!(w.finish(&job, "out")["issued"], 1_400);
    let opened: BTreeMap<_, _> = w.issued(&names).await;
    assert_eq!(opened.len(), 1_400);
    w.run("kgs store backup all.backup {O}").ok();
    let text = std::fs::read_to_string(w.path("all.backup")).unwrap();
    let longest = text.lines().map(str::len).max().unwrap();
    assert!(longest < 1 << 20, "a line of {longest} bytes could not be restored");
    let restored = format!("--store sqlite:{}", w.path("again.db").display());
    w.run(&format!("kgs store restore all.backup {restored} --key-file kgs.unlock")).ok();
}

pub(crate) async fn too_many_keys_are_refused_before_anything_is_stored(w: World) {
    drop(w);
    let dir = TempDir::new().unwrap();
    let address = format!("sqlite:{}", dir.path().join("kgs.db").display());
    let w = World::at(dir, address, Granularity::Hour).await;
    let parameters = w.parameters().await;
    let order = |i: usize| Order { name: name(&format!("tel:+1555{i:05}")), at: now(), count: 1_000 };
    let plan = |n: usize| Plan::new(&parameters, (0..n).map(order).collect()).unwrap();
    let start = |plan: Plan, purposes: Purposes| {
        let keys = std::sync::Arc::clone(&w.keys);
        async move { bulk::start(&keys, MACHINE, &plan, purposes, bulk::CHUNK, now()).await }
    };
    let decrypt = Purposes { decrypt: true, sign: false };
    let over = |got| Error::TooMany { limit: bulk::KEYS, got };
    assert_eq!(start(plan(10_001), decrypt).await.unwrap_err(), over(10_001_000));
    assert_eq!(start(plan(5_001), Purposes::ALL).await.unwrap_err(), over(10_002_000));
    // As many as there may be, in chunks that are all full.
    let job = start(plan(5_000), Purposes::ALL).await.unwrap();
    let count = bulk::count(&w.store, &job.id).await.unwrap();
    assert_eq!((count.keys, count.done), (10_000_000, 0));
    assert!(count.chunks <= 10_000_000 / 1_000 && count.chunks >= 10_000_000 / 1_024, "{count:?}");
    // One key in a chunk makes too many chunks.
    let small = bulk::start(&w.keys, MACHINE, &plan(70), decrypt, 1, now()).await.unwrap_err();
    assert_eq!(small, Error::TooMany { limit: bulk::CHUNKS, got: 70_000 });
    assert_eq!(bulk::list(&w.store, w.keys.vault()).await.unwrap(), [job]);
}

/// A job begins with a look at all settings, and goes by the last one before each chunk.
pub(crate) async fn nothing_is_issued_by_settings_that_were_put_back(w: World) {
    let names = w.users("u", 3).await;
    let own = |w: &World| {
        Service::new(Arc::clone(&w.keys), Settings { check: Duration::from_millis(100), ..Settings::default() })
    };
    let job = w.start(&names, "--count 300 --chunk 1");
    crate::postgres::sql(&w.address, "CREATE TABLE kept AS SELECT * FROM recipients").await;
    let delete = "DELETE FROM recipients WHERE owner = 'u0'";
    let put_back = "INSERT INTO recipients SELECT * FROM kept WHERE owner = 'u0'";
    crate::postgres::sql(&w.address, delete).await;
    let refused = w.run(&format!("kgs bulk run --job {job} --out out --lease 2 {{O}}"));
    refused.fails(4, "rows were deleted or put back");
    assert_eq!(w.sound().await.entries, 0);
    crate::postgres::sql(&w.address, put_back).await;

    // While it runs: what was issued until it was noticed stays, the rest waits.
    let id = base16ct::lower::decode_vec(&job).unwrap().try_into().unwrap();
    let found = bulk::find(&w.store, w.keys.vault(), &id).await.unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&begun);
    let work = bulk::Work::new(now, Arc::new(move |_| told.notify_one()));
    let service = own(&w);
    let running = tokio::spawn(async move { bulk::run(&service, &found, &work).await });
    begun.notified().await;
    crate::postgres::sql(&w.address, delete).await;
    let ended = running.await.unwrap();
    assert_eq!(ended, Err(Error::Settings { what: Unsettled::Rows }));
    let report = w.sound().await;
    assert!(report.issued > 0 && report.entries < 900, "{report:?}");
    crate::postgres::sql(&w.address, put_back).await;
    // Keys for whom nobody knew an inbox have been refused; the others are there.
    let said = w.finish(&job, "out");
    let report = w.sound().await;
    assert_eq!(report.entries, 900);
    assert!(said["all"]["refused"].as_u64().unwrap() <= 300, "{said}");
}
