//! Whole jobs.

use ibake::ibe::PublicParameters;
use ibake::keyfile::{self, FileKey, Protection};
use ibake::kgs::INBOX_KIND;
use ibake::kgs::bundle::Bundle;
use ibake::kgs::server::bulk;

use crate::support::{World, inbox, now};

pub(crate) async fn a_job_is_done_by_one_process(w: World) {
    let names = w.users("u", 40).await;
    let job = w.start(&names, "--count 30");
    let before = w.run(&format!("--json kgs bulk status --job {job} {{O}}")).ok().last();
    assert_eq!((&before["keys"], &before["done"], &before["chunks"]), (&1200.into(), &0.into(), &2.into()));
    let said = w.finish(&job, "out");
    assert_eq!(
        (&said["issued"], &said["all"]["keys"], &said["all"]["users"]),
        (&1200.into(), &1200.into(), &40.into())
    );
    assert!(said["spent"]["extract"].as_f64().unwrap() > 0.0 && said["keys_per_second"].as_f64().unwrap() > 0.0);
    // Again: nothing is issued, every file is as it was.
    let again = w.finish(&job, "out");
    assert_eq!((&again["issued"], &again["all"]["files_present"]), (&0.into(), &40.into()));
    // From the store into another directory: the same bytes.
    w.finish(&job, "other");
    let file = format!("u7.{}.keys", &job[..8]);
    let read = |out: &str| std::fs::read(w.path(out).join(&file)).unwrap();
    assert_eq!(read("out"), read("other"));
    // A file that is another one is not replaced.
    std::fs::write(w.path("other").join(&file), "x").unwrap();
    w.run(&format!("kgs bulk run --job {job} --out other {{O}}")).fails(5, "is not overwritten");
    // Keys are nowhere in the store in clear: neither their point, nor their stored form.
    let opened = w.open_all("out").await;
    if w.address.starts_with("sqlite:") {
        let bytes = [std::fs::read(w.path("kgs.db")).unwrap(), std::fs::read(w.path("kgs.db-wal")).unwrap_or_default()];
        let bytes = bytes.concat();
        for key in opened.values().step_by(100) {
            let stored = key.to_bytes();
            let point = &stored.expose()[stored.expose().len() - 48..];
            assert!(!bytes.windows(48).any(|w| w == point));
        }
        // The search finds what is there.
        let sealed = &read("out")[200..248];
        assert!(bytes.windows(48).any(|w| w == sealed));
    }
    w.complete(&names, 1200, &["out"]).await;
    let text = w.run("kgs bulk status {O}").ok().stdout;
    assert!(text.contains("done, 1200 of 1200 keys, 0 of them refused"), "{text}");
    w.run(&format!("kgs bulk remove --job {job} {{S}}")).ok();
    w.run(&format!("kgs bulk run --job {job} --out out {{O}}")).fails(4, "no such job");
    assert_eq!(w.run("kgs bulk status {O}").ok().stdout, "");
    w.sound().await;
}

/// Puts an inbox of the tests where the program reads it.
pub(crate) fn write_inbox(w: &World, user: &str) {
    let key = FileKey::generate(&mut getrandom::SysRng).unwrap();
    key.write_new(&w.path(&format!("{user}.unlock"))).unwrap();
    let seed = ibake::kdf::hash(&[b"inbox", user.as_bytes()]);
    let sealed = keyfile::seal(INBOX_KIND, &Protection::KeyFile(key), &seed, &mut getrandom::SysRng).unwrap();
    keyfile::write_new(&w.path(&format!("{user}.inbox")), &sealed).unwrap();
}

/// The database does not matter to the user.
#[test]
fn users_take_their_keys_into_a_ring() {
    crate::support::run(async { into_a_ring(World::sqlite().await).await });
}

async fn into_a_ring(w: World) {
    let names = w.users("u", 2).await;
    let parameters: PublicParameters = w.parameters().await;
    w.write("params.txt", &parameters.to_armour());
    for user in ["u0", "u1"] {
        write_inbox(&w, user);
    }
    let shown = w.run("key inbox u0.inbox --key-file u0.unlock").ok().stdout;
    assert_eq!(shown.trim_end(), base16ct::lower::encode_string(inbox("u0").public()));
    let job = w.start(&names, "--days 5 --for both --chunk 4");
    let said = w.finish(&job, "out");
    assert_eq!(said["all"]["keys"], 20);
    let file = |user: &str| format!("out/{user}.{}.keys", &job[..8]);
    let import = |user: &str, of: &str| {
        format!(
            "--json key import {} --inbox {user}.inbox --params params.txt --ring {user} --key-file {user}.unlock",
            file(of)
        )
    };
    let taken = w.run(&import("u0", "u0")).ok();
    assert_eq!((taken.objects().len(), &taken.last()["taken"]), (11, &10.into()));
    // Its owner finds each key in the server's log by the commitment that only they can compute.
    let log = w.run("kgs audit export --out - {S}").ok().stdout;
    for key in taken.objects().iter().take(10) {
        assert!(log.contains(key["log_commitment"].as_str().unwrap()), "{key}");
    }
    assert_eq!(w.run(&import("u0", "u0")).ok().last()["taken"], 10);
    let files: Vec<_> = std::fs::read_dir(w.path("u0")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(files.len(), 10, "{files:?}");
    w.run("key verify u0 --params params.txt --key-file u0.unlock").ok();
    // Another's file, a changed one, one that is none, other parameters, another protection.
    w.run(&import("u0", "u1").replace("--json ", "")).fails(4, "another inbox");
    let mut bytes = std::fs::read(w.path(&file("u1"))).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    std::fs::write(w.path("changed.keys"), &bytes).unwrap();
    w.run(&import("u1", "u1").replace("--json ", "").replace(&file("u1"), "changed.keys")).fails(1, "changed.keys");
    assert_eq!(std::fs::read_dir(w.path("u1")).unwrap().count(), 0, "none is kept if one is wrong");
    w.run(&import("u1", "u1").replace("--json ", "").replace(&file("u1"), "list.csv")).fails(3, "list.csv");
    w.run(&import("u1", "u1").replace("--json ", "").replace("--inbox u1.inbox", "--inbox u0.inbox"))
        .fails(4, "u0.inbox");
    // Somebody else's bundle under one's own name does not open, whoever signs for it.
    let mut moved = Bundle::from_bytes(&std::fs::read(w.path(&file("u0"))).unwrap()).unwrap();
    moved.user = "u1".into();
    assert!(moved.parts.iter().all(|p| moved.open(p, &inbox("u0")).is_err() && moved.open(p, &inbox("u1")).is_err()));
}

pub(crate) async fn a_backup_has_jobs_and_what_they_issued(w: World) {
    let names = w.users("u", 6).await;
    let done = w.start(&names, "--count 3");
    w.finish(&done, "out");
    let open = w.start(&names, &format!("--count 3 --chunk 2 --at {}", now() + 10 * 86_400));
    w.run("kgs store backup all.backup {O}").ok();
    let restored = World { address: format!("sqlite:{}", w.path("again.db").display()), ..w };
    restored.run("kgs store restore all.backup {O}").ok();
    // The files of the first job come from the restored store to the byte; the second goes on there.
    let said = restored.finish(&done, "out");
    assert_eq!((&said["issued"], &said["all"]["files_present"]), (&0.into(), &6.into()));
    let said = restored.finish(&open, "out2");
    assert_eq!((&said["issued"], &said["all"]["users"]), (&18.into(), &6.into()));
    let store = ibake::kgs::server::Store::open(&restored.address.parse().unwrap()).await.unwrap();
    let restored = World { store, ..restored };
    restored.sound().await;
    let job = bulk::list(&restored.store, restored.keys.vault()).await.unwrap();
    assert_eq!(job.len(), 2);
    restored.complete(&names, 36, &["out", "out2"]).await;
}
