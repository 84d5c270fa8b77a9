//! Private keys: what shows of them, and what they are checked against.

use crate::support::{ALICE, World};

#[test]
fn without_unlocking_only_the_protection_shows() {
    let w = World::new();
    let locked = w.run("key show alice.key").ok().stdout;
    assert!(locked.contains("private key of an identity") && locked.contains("key file"), "{locked}");
    assert!(!locked.contains("alice@"), "{locked}");
    let open = w.run("--json key show alice.key --key-file alice.unlock").ok().objects();
    assert_eq!((&open[0]["name"], &open[0]["current"]), (&ALICE.into(), &true.into()));
    let people = w.run("key show alice.key --key-file alice.unlock").ok().stdout;
    assert!(people.contains(ALICE) && people.contains("current"), "{people}");
    w.refuses("key show alice.key --key-file bob.unlock", 4, "wrong passphrase or key");
    w.refuses("key show alice.key --unlock", 2, "protected by another file");
    w.refuses("key show nowhere.key", 5, "nowhere.key");
    w.refuses("key show a.txt", 4, "open to group or others");
}

#[test]
fn damaged_and_foreign_key_files_are_told_apart() {
    let w = World::new();
    let verify = |key: &str| format!("key verify {key} --params a.txt --key-file alice.unlock");
    let run = w.run(&verify("alice.key")).ok();
    assert!(run.stdout.starts_with("genuine: "), "{run:?}");
    let key = w.read("alice.key");
    // The file is private; its content is what is wrong with it.
    std::fs::copy(w.path("alice.key"), w.path("bad.key")).unwrap();
    for cut in [4, 12, 60, key.len() - 1] {
        w.write("bad.key", &key[..cut]);
        w.refuses(&verify("bad.key"), 3, "ends early");
    }
    w.write("bad.key", [&key[..], b"x"].concat());
    w.refuses(&verify("bad.key"), 3, "bytes follow the end");
    for at in [20, 60, key.len() - 1] {
        let mut bad = key.clone();
        bad[at] ^= 1;
        w.write("bad.key", &bad);
        w.refuses(&verify("bad.key"), 4, "wrong passphrase or key, or the file is damaged");
    }
    w.write("bad.key", b"-----BEGIN PGP PRIVATE KEY BLOCK-----");
    w.refuses(&verify("bad.key"), 3, "not a protected key file");
    // A master key is no private key of a user.
    let run = w.refuses("key verify a/master-1.key --params a.txt --key-file a.unlock", 3, "kind 1, kind 2 is needed");
    assert!(run.stderr.contains("ibake kgs issue"), "{run:?}");
}

#[test]
fn a_key_passes_under_its_own_parameters_only() {
    let w = World::new();
    w.refuses("key verify alice.key --params b.txt --key-file alice.unlock", 4, "none of the given parameters");
    // Somebody else's KGS that claims to be the same district and serial: only the fingerprint differs.
    w.run("kgs init fake --district https://kgs-a.example --key-file fake.unlock").ok();
    w.run("kgs show fake --out fake.txt").ok();
    let run = w.refuses("key verify alice.key --params fake.txt --key-file alice.unlock", 4, "other public parameters");
    assert!(run.stderr.contains("fingerprint"), "{run:?}");
    // Parameters that have been tampered with.
    let text = String::from_utf8(w.read("a.txt")).unwrap();
    w.write("bad.txt", text.replace("Period: day", "Period: week"));
    w.refuses("key verify alice.key --params bad.txt --key-file alice.unlock", 4, "readable lines contradict");
    w.write("bad.txt", &text[..text.len() / 2]);
    w.refuses("key verify alice.key --params bad.txt --key-file alice.unlock", 3, "bad.txt as public parameters");
}
