//! Districts: set up, issue, rotate, and every way in which that is refused.

use crate::support::{ALICE, World, chmod, mode};
use std::fs;

#[test]
fn a_district_is_set_up_with_private_files() {
    let w = World::new();
    assert_eq!(mode(&w.path("a")), 0o700);
    for file in ["a/master-1.key", "a/params-1.txt", "a/current", "a.unlock", "alice.key", "alice.unlock"] {
        assert_eq!(mode(&w.path(file)), 0o600, "{file}");
    }
    let shown = w.run("--json kgs show b").ok().objects();
    assert_eq!((&shown[0]["district"], &shown[0]["granularity"]), (&"https://kgs-b.example".into(), &"week".into()));
    assert_eq!((&shown[0]["serial"], &shown[0]["current"]), (&1.into(), &1.into()));
    let armour = w.run("kgs show a --armour").ok().stdout;
    assert_eq!(armour.as_bytes(), w.read("a.txt"));
    assert!(armour.contains(shown[0]["fingerprint"].as_str().unwrap()) != armour.contains("kgs-a"));
}

#[test]
fn what_exists_is_never_overwritten() {
    let w = World::new();
    w.refuses("kgs init a --district https://kgs-a.example --key-file new.unlock", 5, "exists");
    w.refuses("kgs init a.txt --district https://kgs-a.example --key-file new.unlock", 5, "exists");
    w.refuses("kgs show a --out a.txt", 5, "exists");
    w.run("kgs show a --out a.txt --force").ok();
    let again = format!("kgs issue a {ALICE} --out alice.key --key-file a.unlock --user-key-file new.unlock");
    w.refuses(&again, 5, "exists");
}

#[test]
fn bad_input_is_refused_before_anything_is_made() {
    let w = World::new();
    for (district, part) in [
        ("http://kgs.example", "not an acceptable URI"),
        ("https://KGS.example", "lower case"),
        ("https://kgs.example/", "empty or dot segments"),
    ] {
        w.refuses(&format!("kgs init new --district {district} --key-file new.unlock"), 3, part);
    }
    w.refuses("kgs init missing/new --district https://x.example --key-file new.unlock", 5, "missing");
    w.refuses("kgs show nowhere", 3, "not the directory of a district");
    w.refuses("kgs show a --serial 7", 4, "no parameters with serial 7");
    // Clap's own complaints: more lines, the same exit code, an object with --json.
    for args in ["kgs init new --district https://x.example --granularity decade", "kgs", "nonsense", "kgs issue a"] {
        let run = w.run(args);
        assert_eq!(run.code, 2, "{run:?}");
        let json = w.run(&format!("{args} --json"));
        assert_eq!((json.code, json.objects()[0]["error"]["code"].as_str()), (2, Some("usage")), "{json:?}");
    }
    assert_eq!(w.run("kgs issue a x@y.example --at tomorrow --out k --key-file a.unlock").code, 2);
}

#[test]
fn a_name_that_is_not_normal_is_refused_with_a_suggestion() {
    let w = World::new();
    let issue = |name: &str| format!("kgs issue a {name} --out new.key --key-file a.unlock --user-key-file new.unlock");
    let run = w.refuses(&issue("SIP:alice@A.example"), 3, "not in normal form");
    assert!(run.stderr.contains("Did you mean sip:alice@a.example ?"), "{run:?}");
    let run = w.refuses(&issue("tel:+1-555-123"), 3, "no visual separators");
    assert!(run.stderr.contains("tel:+1555123"), "{run:?}");
    let run = w.refuses(&issue("alice"), 3, "no sip:");
    assert!(run.stderr.contains("Names look like"), "{run:?}");
}

#[test]
fn wrong_and_damaged_secrets_change_nothing() {
    let w = World::new();
    let issue =
        |unlock: &str| format!("kgs issue a {ALICE} --out new.key --key-file {unlock} --user-key-file new.unlock");
    w.refuses(&issue("b.unlock"), 4, "wrong passphrase or key");
    w.refuses("kgs rotate a --key-file b.unlock", 4, "wrong passphrase or key");
    w.refuses(&issue("nowhere"), 5, "nowhere");
    let no_option = format!("kgs issue a {ALICE} --out new.key --user-key-file new.unlock");
    w.refuses(&no_option, 2, "protected by another file");

    let master = w.read("a/master-1.key");
    for cut in [0, 5, 20, master.len() - 1] {
        w.write("a/master-1.key", &master[..cut]);
        w.refuses(&issue("a.unlock"), 3, if cut == 0 { "not a protected key file" } else { "ends early" });
    }
    fs::copy(w.path("b/master-1.key"), w.path("a/master-1.key")).unwrap();
    w.refuses(&issue("b.unlock"), 3, "does not belong");
    w.write("a/master-1.key", &master);
    chmod(&w.path("a/master-1.key"), 0o644);
    w.refuses(&issue("a.unlock"), 4, "open to group or others");
    chmod(&w.path("a/master-1.key"), 0o600);
    chmod(&w.path("a.unlock"), 0o640);
    w.refuses(&issue("a.unlock"), 4, "open to group or others");
}

#[test]
fn passphrases_come_from_private_files_or_a_terminal() {
    let w = World::empty();
    for (name, text) in [("pass", "correct horse\n"), ("wrong", "battery staple\n"), ("none", "\nx\n")] {
        w.write(name, text);
        chmod(&w.path(name), 0o600);
    }
    let init = "kgs init a --district https://kgs-a.example";
    let run = w.refuses(init, 2, "no terminal");
    assert!(run.stderr.contains("--passphrase-file"), "{run:?}");
    w.refuses(&format!("{init} --passphrase-file none"), 3, "empty");
    chmod(&w.path("pass"), 0o644);
    w.refuses(&format!("{init} --passphrase-file pass"), 4, "open to group or others");
    chmod(&w.path("pass"), 0o600);
    w.run(&format!("{init} --passphrase-file pass")).ok();
    w.run("kgs show a --out a.txt").ok();
    let issue = |pass: &str| {
        format!("kgs issue a {ALICE} --out alice.key --passphrase-file {pass} --user-passphrase-file pass")
    };
    w.refuses(&issue("wrong"), 4, "wrong passphrase");
    w.run(&issue("pass")).ok();
    w.refuses("key verify alice.key --params a.txt --passphrase-file wrong", 4, "wrong passphrase");
    w.run("key verify alice.key --params a.txt --passphrase-file pass").ok();
    // A key file where a passphrase is needed.
    w.write("raw", [7; 32]);
    chmod(&w.path("raw"), 0o600);
    w.refuses("key verify alice.key --params a.txt --key-file raw", 2, "protected by a passphrase");
    assert_eq!(w.run("key verify alice.key --params a.txt --key-file raw --passphrase-file pass").code, 2);
}

#[test]
fn keys_for_several_people_and_periods_go_to_a_directory() {
    let w = World::new();
    let issue = "kgs issue a --key-file a.unlock --user-key-file users.unlock";
    w.refuses(&format!("{issue} {ALICE} --count 2 --out x.key"), 2, "--out takes one key");
    w.refuses(&format!("{issue} {ALICE} {ALICE} --out-dir keys"), 2, "a name is given twice");
    w.refuses(&format!("{issue} {ALICE} --count 0 --out-dir keys"), 2, "0 periods");
    w.refuses(&format!("{issue} {ALICE} --count 900 --out-dir keys"), 4, "outside the parameters' validity");
    w.refuses(&format!("{issue} {ALICE} --at 2020-01-01 --out x.key"), 4, "outside the parameters' validity");
    let run = w.run(&format!("--json {issue} {ALICE} carol@a.example --count 3 --out-dir keys")).ok();
    let files: Vec<_> = run.objects().iter().map(|o| o["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files.len(), 6);
    assert!(files[0].starts_with("keys/sip_alice@a.example.20") && files[3].starts_with("keys/carol@a.example.20"));
    for file in &files {
        w.run(&format!("key verify {file} --params a.txt --key-file users.unlock")).ok();
    }
    // One of the files is there already: none of the others is made.
    w.refuses(&format!("{issue} dave@a.example {ALICE} --out-dir keys"), 5, "exists");
}

#[test]
fn a_rotation_keeps_the_old_epoch_alive() {
    let w = World::new();
    w.run("kgs rotate a --key-file a.unlock --granularity hour").ok();
    let shown = &w.run("--json kgs show a").ok().objects()[0];
    assert_eq!((&shown["serial"], &shown["granularity"]), (&2.into(), &"hour".into()));
    assert_eq!(shown["serials"], serde_json::json!([1, 2]));
    w.run("kgs show a --out a2.txt").ok();
    w.run("key verify alice.key --params a.txt --key-file alice.unlock").ok();
    w.refuses("key verify alice.key --params a2.txt --key-file alice.unlock", 4, "none of the given parameters");
    let issue = format!("kgs issue a {ALICE} --key-file a.unlock --user-key-file alice.unlock");
    w.run(&format!("{issue} --serial 1 --out old.key")).ok();
    w.run(&format!("{issue} --out new.key")).ok();
    w.run("key verify old.key --params a.txt --key-file alice.unlock").ok();
    w.run("key verify new.key --params a2.txt --key-file alice.unlock").ok();
    // What a crash in the middle of a rotation leaves does no harm.
    w.write("a/master-3.key", b"half");
    w.run("kgs rotate a --key-file a.unlock").ok();
    assert_eq!(w.read("a/current"), b"4\n");
}
