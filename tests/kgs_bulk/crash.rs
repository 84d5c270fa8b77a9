//! Death at any instant, of the only process and of one of several: every key once in the log, every key in the files.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use ibake::kgs::server::bulk;
use serde_json::Value;
use sqlx::{Connection, Row};

use crate::support::{DAY, World, now};

const USERS: usize = 100;
/// Periods of one job, and keys of one chunk.
const PERIODS: usize = 10;
const CHUNK: usize = 16;

/// A number that differs from run to run.
fn random(round: u64, below: u64) -> u64 {
    let random = std::collections::hash_map::RandomState::new();
    std::hash::BuildHasher::hash_one(&random, round) % below
}

/// Claims of chunks that are not done: by whoever works on them, or died at it.
async fn claims(w: &World) -> BTreeSet<Vec<u8>> {
    let text = "SELECT holder FROM chunks WHERE done = 0 AND claimed > 0";
    if w.address.starts_with("sqlite:") {
        let mut c = sqlx::SqliteConnection::connect(&w.address).await.unwrap();
        sqlx::query(text).fetch_all(&mut c).await.unwrap().iter().map(|r| r.get(0)).collect()
    } else {
        let mut c = sqlx::PgConnection::connect(&w.address).await.unwrap();
        sqlx::query(text).fetch_all(&mut c).await.unwrap().iter().map(|r| r.get(0)).collect()
    }
}

fn id(job: &str) -> [u8; 16] {
    base16ct::lower::decode_vec(job).unwrap().try_into().unwrap()
}

async fn done(w: &World, job: &str) -> (u64, u64) {
    let count = bulk::count(&w.store, &id(job)).await.unwrap();
    (count.done, count.keys)
}

fn spawn(w: &World, job: &str, out: &str) -> Child {
    let mut command = w.command(&format!("--json kgs bulk run --job {job} --out {out} --lease 2 {{O}}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn start(w: &World, names: &[String], jobs: usize) -> String {
    // Each job has days of its own, so that no key is in two jobs.
    let at = now() + (jobs * PERIODS) as u64 * DAY;
    w.start(names, &format!("--count {PERIODS} --chunk {CHUNK} --at {at}"))
}

pub(crate) async fn killed_at_random_instants(w: World) {
    let kills = 20;
    let names = w.users("u", USERS).await;
    let mut jobs = vec![start(&w, &names, 0)];
    let (mut seen, mut in_flight, mut between, mut writing, mut ended) = (BTreeSet::new(), 0, 0, 0, 0);
    let mut round = 0;
    let mut killed = 0;
    while killed < kills {
        round += 1;
        assert!(round < 20 * kills, "the process cannot be caught alive");
        let job = jobs.last().unwrap().clone();
        let mut child = spawn(&w, &job, "out");
        // At any instant of its life in one half of the rounds; in the other while it is at a chunk, or just behind it.
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_micros(random(round, 700_000)));
        } else {
            while claims(&w).await.is_subset(&seen) && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(random(round, 20_000)));
        }
        let was_done = done(&w, &job).await;
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        let left = claims(&w).await;
        let caught = left.difference(&seen).count();
        seen.extend(left);
        let (now_done, keys) = done(&w, &job).await;
        killed += u64::from(alive);
        match (alive, caught > 0) {
            (true, true) => in_flight += 1,
            (true, false) if was_done.0 == keys => writing += 1,
            (true, false) => between += 1,
            (false, _) => ended += 1,
        }
        if now_done == keys {
            jobs.push(start(&w, &names, jobs.len()));
        }
    }
    for job in &jobs {
        w.finish(job, "out");
    }
    let keys = jobs.len() * USERS * PERIODS;
    println!(
        "killed {killed} times: {in_flight} with a chunk in flight, {writing} when all was issued and files were written, {between} \
         before or between chunks; {ended} ended by themselves; {} jobs, {keys} keys",
        jobs.len()
    );
    assert!(in_flight > 0, "nothing was in flight when the process was killed");
    w.complete(&names, keys, &["out"]).await;
    let left = std::fs::read_dir(w.path("out")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|n| n.starts_with(".ibake-")).count(), 0, "what was being written is swept away");
}

/// Some processes on one job; one of them dies in the middle, again and again.
pub(crate) async fn one_of_several_is_killed(w: World, processes: usize) {
    let names = w.users("u", USERS).await;
    let rounds = 4;
    let (mut in_flight, mut by_survivors) = (0, Vec::new());
    for round in 0..rounds {
        let job = start(&w, &names, round);
        let mut victim = spawn(&w, &job, &format!("out{round}"));
        // It has done something already when the others come.
        while done(&w, &job).await.0 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let others: Vec<Child> = (1..processes).map(|_| spawn(&w, &job, &format!("out{round}"))).collect();
        std::thread::sleep(Duration::from_micros(random(round as u64, 60_000)));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let (now_done, keys) = done(&w, &job).await;
        in_flight += u64::from(now_done < keys);
        let mut issued = Vec::new();
        for other in others {
            let out = other.wait_with_output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let text = String::from_utf8(out.stdout).unwrap();
            let said: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            assert_eq!(said["all"]["keys"], USERS * PERIODS);
            issued.push(said["issued"].as_u64().unwrap());
        }
        let by_victim = (USERS * PERIODS) as u64 - issued.iter().sum::<u64>();
        by_survivors.push((by_victim, issued));
    }
    println!(
        "{processes} processes, one killed, {rounds} times: keys by the one and by the others {by_survivors:?}, {in_flight} unfinished"
    );
    assert!(in_flight > 0, "the others had nothing left to do");
    assert!(by_survivors.iter().any(|(victim, _)| *victim > 0), "the one that was killed had done nothing");
    let outs: Vec<String> = (0..rounds).map(|r| format!("out{r}")).collect();
    let outs: Vec<&str> = outs.iter().map(String::as_str).collect();
    w.complete(&names, rounds * USERS * PERIODS, &outs).await;
}
