//! Keys for whole lists of users, their verification together, and files for many recipients.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{ALICE, World, mode};

const ISSUE: &str = "kgs issue a --key-file a.unlock --from list.csv --out-dir keys";

/// The key files in a directory.
fn keys(w: &World, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(w.path(dir)) else { return BTreeMap::new() };
    entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "key"))
        .map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&p).unwrap()))
        .collect()
}

fn users(n: usize) -> String {
    (0..n).map(|i| format!("sip:user{i}@a.example\n")).collect()
}

#[test]
fn a_list_gets_keys_under_files_of_their_owners() {
    let w = World::new();
    w.write(
        "list.csv",
        "# name, first period, periods\nsip:alice@a.example\r\nbob@a.example,,3\n\"sip:x,y@a.example\",,1\n",
    );
    let run = w.run(&format!("--json {ISSUE} --user-key-dir unlock --count 2")).ok();
    let report = &run.objects()[0];
    assert_eq!((&report["users"], &report["issued"], &report["present"]), (&3.into(), &6.into(), &0.into()));
    assert!(report["keys_per_second"].as_f64().unwrap() > 0.0);
    let made = keys(&w, "keys");
    assert_eq!(made.len(), 6);
    for name in made.keys() {
        assert_eq!(mode(&w.path("keys").join(name)), 0o600);
    }
    assert_eq!((mode(&w.path("keys")), mode(&w.path("unlock"))), (0o700, 0o700));
    // Each opens with the file of its own user and no other.
    let key = made.keys().find(|n| n.starts_with("bob@a.example.")).unwrap();
    w.run(&format!("key verify keys/{key} --params a.txt --key-file unlock/bob@a.example.unlock")).ok();
    let other = format!("key verify keys/{key} --params a.txt --key-file unlock/sip_alice@a.example.unlock");
    w.refuses(&other, 4, "wrong passphrase or key");
    let all = w.run("--json key verify keys --params a.txt --user-key-dir unlock").ok().objects();
    assert_eq!((&all[0]["genuine"], &all[0]["current"], &all[0]["bad"]), (&6.into(), &3.into(), &0.into()));
    let text = w.run("key verify keys --params b.txt --params a.txt --user-key-dir unlock").ok().stdout;
    assert!(text.contains("6 keys are genuine"), "{text}");
}

#[test]
fn the_same_command_issues_what_is_missing_and_nothing_twice() {
    let w = World::new();
    w.write("list.csv", users(30));
    let issue = format!("--json {ISSUE} --user-key-file users.unlock");
    w.run(&issue).ok();
    let first = keys(&w, "keys");
    assert_eq!(first.len(), 30);
    // What a crash leaves: some files missing, one half written under its temporary name.
    for name in first.keys().step_by(4) {
        fs::remove_file(w.path("keys").join(name)).unwrap();
    }
    w.write("keys/.ibake-x1y2", b"half");
    let report = &w.run(&issue).ok().objects()[0];
    assert_eq!((&report["issued"], &report["present"]), (&8.into(), &22.into()));
    let second = keys(&w, "keys");
    assert!(second.keys().eq(first.keys()) && !w.path("keys/.ibake-x1y2").exists());
    for (i, (name, bytes)) in first.iter().enumerate() {
        assert_eq!(second[name] == *bytes, i % 4 != 0, "{name}");
    }
    // A longer list goes into the same directory.
    w.write("list.csv", users(33));
    assert_eq!(w.run(&issue).ok().objects()[0]["issued"], 3);
    let last = &w.run(&issue).ok().objects()[0];
    assert_eq!((&last["issued"], &last["present"]), (&0.into(), &33.into()));
    w.run("key verify keys --params a.txt --key-file users.unlock").ok();
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let w = World::new();
    w.write("list.csv", users(4000));
    let args = format!("--json {ISSUE} --user-key-file users.unlock");
    let args: Vec<&str> = args.split_whitespace().collect();
    let mut child = w.command(&args).stdout(Stdio::null()).spawn().unwrap();
    // From the first key on, somewhere in the middle.
    while keys(&w, "keys").len() < 100 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = keys(&w, "keys");
    assert!(before.len() >= 100 && before.len() < 4000, "{} keys when it was killed", before.len());
    let report = &w.args(&args).ok().objects()[0];
    assert_eq!(report["present"], before.len());
    assert_eq!(report["issued"], 4000 - before.len());
    let after = keys(&w, "keys");
    assert!(after.len() == 4000 && before.iter().all(|(name, bytes)| after[name] == *bytes));
    // Nothing else is left: the keys and the state.
    assert_eq!(fs::read_dir(w.path("keys")).unwrap().count(), 4001);
    let all = w.run("--json key verify keys --params a.txt --key-file users.unlock").ok().objects();
    assert_eq!((&all[0]["genuine"], &all[0]["bad"]), (&4000.into(), &0.into()));
}

#[test]
fn wrong_lines_are_named_before_anything_is_issued() {
    let w = World::new();
    let list = "sip:alice@a.example\nSIP:bob@A.example\n\nbob@a.example,tomorrow\nsip:alice@a.example\ncarol@a.example,2020-01-01\n\
                dave@a.example,,0\nerin@a.example,,1,2\n";
    w.write("list.csv", list);
    let before = w.snapshot();
    let run = w.run(&format!("{ISSUE} --user-key-file users.unlock"));
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run:?}");
    for part in [
        "list.csv:2: \"SIP:bob@A.example\"",
        "perhaps sip:bob@a.example is meant",
        "list.csv:4: \"tomorrow\"",
        "list.csv:5: the name has one of these periods in line 1 already",
        "list.csv:6: the period is outside",
        "list.csv:7: 1 to 1000 periods",
        "list.csv:8: 4 fields",
        "error: 6 lines of list.csv are wrong; nothing has been issued",
    ] {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
    let json = w.run(&format!("--json {ISSUE} --user-key-file users.unlock"));
    let lines: Vec<_> = json.objects().iter().filter_map(|o| o["line"].as_u64()).collect();
    assert_eq!((json.code, lines), (3, vec![2, 4, 5, 6, 7, 8]));
    assert_eq!(json.objects()[6]["error"]["code"], "list");
    assert_eq!(w.snapshot(), before);
    w.write("list.csv", [0xff, 0xfe]);
    w.refuses(&format!("{ISSUE} --user-key-file users.unlock"), 3, "not UTF-8");
    w.refuses(&format!("{ISSUE} --user-key-file users.unlock").replace("list.csv", "nowhere.csv"), 5, "nowhere.csv");
}

#[test]
fn a_directory_is_not_mixed() {
    let w = World::new();
    w.write("list.csv", users(5));
    w.write("pass", "correct horse\n");
    w.refuses(&format!("{ISSUE} --user-passphrase-file pass"), 2, "a passphrase would cost its time for every key");
    w.refuses(ISSUE, 2, "--user-key-dir");
    w.refuses(&format!("{ISSUE} --user-key-dir keys"), 2, "the same directory");
    w.run(&format!("{ISSUE} --user-key-file users.unlock")).ok();
    // Another key file, another kind of protection, another epoch, another district.
    w.refuses(&format!("{ISSUE} --user-key-file new.unlock"), 4, "under another protection");
    w.refuses(&format!("{ISSUE} --user-key-file alice.unlock"), 4, "under another protection");
    w.run("kgs rotate a --key-file a.unlock").ok();
    w.refuses(&format!("{ISSUE} --user-key-file users.unlock"), 4, "another key epoch");
    w.run(&format!("{ISSUE} --user-key-file users.unlock --serial 1")).ok();
    let b = ISSUE.replace("issue a --key-file a", "issue b --key-file b");
    w.refuses(&format!("{b} --user-key-file users.unlock"), 4, "another key epoch");
    // A directory with something else in it.
    fs::create_dir(w.path("mine")).unwrap();
    w.write("mine/notes", "x");
    w.refuses(&format!("{} --user-key-file users.unlock", ISSUE.replace("keys", "mine")), 5, "exists");
    // Somebody else is at it.
    let state = fs::File::open(w.path("keys/issue.state")).unwrap();
    state.lock().unwrap();
    w.refuses(&format!("{ISSUE} --user-key-file users.unlock --serial 1"), 5, "another process");
    drop(state);
    for args in [format!("{ISSUE} {ALICE}"), ISSUE.replace("--out-dir", "--out"), format!("{ISSUE} --force")] {
        assert_eq!(w.run(&format!("{args} --user-key-file users.unlock")).code, 2, "{args}");
    }
    assert_eq!(w.run(&format!("kgs issue a {ALICE} --out x --key-file a.unlock --user-key-dir unlock")).code, 2);
}

#[test]
fn a_month_has_all_its_periods() {
    let w = World::empty();
    for (dir, length, count, first, last) in [
        ("d", "day", 31, "2026-12-01", "2026-12-31"),
        // From the Monday before to the week of the last day.
        ("w", "week", 5, "2026-11-30", "2026-12-28"),
        ("m", "month", 1, "2026-12-01", "2026-12-01"),
    ] {
        w.run(&format!(
            "kgs init {dir} --district https://{dir}.example --granularity {length} --from 2026-11-01 --key-file {dir}.unlock"
        ))
        .ok();
        w.write("list.csv", "a@a.example\nb@a.example\n");
        w.run(&format!(
            "kgs issue {dir} --key-file {dir}.unlock --from list.csv --month 2026-12 --out-dir {dir}k --user-key-dir {dir}u"
        ))
        .ok();
        let names: Vec<_> = keys(&w, &format!("{dir}k")).into_keys().collect();
        assert_eq!(names.len(), 2 * count, "{names:?}");
        assert_eq!(names[0], format!("a@a.example.{first}.key"));
        assert_eq!(names[count - 1], format!("a@a.example.{last}.key"));
        // For one name too.
        w.run(&format!(
            "kgs issue {dir} c@a.example --key-file {dir}.unlock --month 2026-12 --out-dir {dir}c --user-key-file {dir}c.unlock"
        ))
        .ok();
        assert_eq!(keys(&w, &format!("{dir}c")).len(), count);
    }
    let wrong = "kgs issue d c@a.example --key-file d.unlock --month december --out-dir x --user-key-file x.unlock";
    assert_eq!(w.run(wrong).code, 2);
}

#[test]
fn bad_keys_of_a_directory_are_named() {
    let w = World::new();
    w.write("list.csv", users(20));
    w.run(&format!("{ISSUE} --user-key-file users.unlock")).ok();
    assert_eq!(w.run("key verify keys --params a.txt --key-file users.unlock --user-key-dir x").code, 2);
    w.refuses("key verify alice.key --params a.txt --user-key-dir x", 2, "is for a directory");
    let names: Vec<_> = keys(&w, "keys").into_keys().collect();
    let put = |i: usize, from: &Path| fs::copy(from, w.path("keys").join(&names[i])).unwrap();
    // A key of another district and one of a KGS that only claims to be this one, both under the right key file.
    w.run("kgs issue b sip:x@b.example --out x.key --key-file b.unlock --user-key-file users.unlock").ok();
    w.run("kgs init fake --district https://kgs-a.example --key-file fake.unlock").ok();
    w.run("kgs issue fake sip:y@a.example --out y.key --key-file fake.unlock --user-key-file users.unlock").ok();
    put(3, &w.path("x.key"));
    put(5, &w.path("y.key"));
    // One under another key file, one cut off, one altered.
    put(8, &w.path("alice.key"));
    let content = w.read(&format!("keys/{}", names[11]));
    w.write(&format!("keys/{}", names[11]), &content[..50]);
    let mut altered = w.read(&format!("keys/{}", names[19]));
    *altered.last_mut().unwrap() ^= 1;
    w.write(&format!("keys/{}", names[19]), altered);
    let run = w.run("--json key verify keys --params a.txt --key-file users.unlock");
    assert_eq!(run.code, 4, "{run:?}");
    let objects = run.objects();
    let bad: Vec<_> = objects.iter().filter_map(|o| o["file"].as_str()).map(str::to_owned).collect();
    assert_eq!(bad, [3, 5, 8, 11, 19].map(|i| format!("keys/{}", names[i])));
    let codes: Vec<_> = objects.iter().filter_map(|o| o["code"].as_str()).collect();
    assert_eq!(codes, ["key", "key", "wrong-secret", "key-file", "wrong-secret"]);
    assert_eq!((&objects[5]["genuine"], &objects[5]["bad"]), (&15.into(), &5.into()));
    assert_eq!(objects[6]["error"]["code"], "key");
    let text = w.run("key verify keys --params a.txt --key-file users.unlock").fails(4, "5 of 20 keys are bad");
    assert!(
        text.stdout.contains(&format!("keys/{}: the key belongs to other public parameters", names[5])),
        "{text:?}"
    );
    fs::create_dir(w.path("empty")).unwrap();
    w.refuses("key verify empty --params a.txt --key-file users.unlock", 3, "no files NAME.key");
}

#[test]
fn a_file_is_sealed_to_many_at_once() {
    let w = World::new();
    w.write("list.csv", users(20));
    w.run(&format!("{ISSUE} --user-key-file users.unlock")).ok();
    w.write("f", b"to all of you");
    let to: String = (0..20).map(|i| format!(" --to sip:user{i}@a.example")).collect();
    let sealed = w.run(&format!("--json seal f -o f.sealed --params a.txt{to}")).ok();
    assert_eq!(sealed.objects()[0]["recipients"].as_array().unwrap().len(), 20);
    for name in keys(&w, "keys").keys().step_by(6) {
        w.run(&format!("open f.sealed --key keys/{name} --key-file users.unlock --params a.txt -o out --force")).ok();
        assert_eq!(w.read("out"), b"to all of you");
    }
    let out = "open f.sealed --key alice.key --key-file alice.unlock --params a.txt -o new";
    w.refuses(out, 4, "no key is held");
    let many: String = (0..1025).map(|i| format!(" --to sip:user{i}@a.example")).collect();
    w.refuses(&format!("seal f -o g --params a.txt{many}"), 2, "1025 items, the limit is 1024");
}
