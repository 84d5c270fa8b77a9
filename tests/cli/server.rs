//! The store of a server: made, taken over, its users, rules, tokens and log, and every way in which that is refused.

use std::fs;

use crate::support::{ALICE, World, chmod, mode};

const S: &str = "--store sqlite:kgs.db";
const O: &str = "--store sqlite:kgs.db --key-file s.unlock";

fn world() -> World {
    let w = World::empty();
    w.run(&format!("kgs store create {O} --district https://kgs.example")).ok();
    w
}

#[test]
fn a_store_is_made_with_users_rules_and_tokens() {
    let w = world();
    assert_eq!((mode(&w.path("kgs.db")), mode(&w.path("s.unlock"))), (0o600, 0o600));
    let shown = w.run(&format!("--json kgs store show {O}")).ok().objects().remove(0);
    assert_eq!((&shown["district"], &shown["serial"]), (&"https://kgs.example".into(), &1.into()));
    assert_eq!((&shown["epochs"][0]["state"], &shown["settings"]), (&"current".into(), &"as they were left".into()));
    w.write("alice.password", "correct horse\n");
    chmod(&w.path("alice.password"), 0o600);
    w.run(&format!("kgs user add alice --identity {ALICE} --password-file alice.password {O}")).ok();
    w.run(&format!("kgs user add gateway {O}")).ok();
    w.run(&format!("kgs policy allow gateway sip:*@b.example --for decrypt --per-day 9 --ahead-days 2 {O}")).ok();
    let made =
        w.run(&format!("--json kgs token create alice phone --scope issue --days 1 {O}")).ok().objects().remove(0);
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ibakekgs_") && made["scope"] == "issue");
    let plain = w.run(&format!("kgs token create alice other {O}")).ok().stdout;
    assert_eq!(plain.trim_end().len(), token.len());

    let users = w.run(&format!("--json kgs user list {O}")).ok().objects();
    assert_eq!((&users[0]["user"], &users[0]["tokens"]), (&"alice".into(), &2.into()));
    assert_eq!((&users[0]["rules"][0]["pattern"], &users[0]["credentials"]["password"]), (&ALICE.into(), &1.into()));
    let rule = &users[1]["rules"][0];
    assert_eq!((&rule["sign"], &rule["per_day"], &rule["ahead_seconds"]), (&false.into(), &9.into(), &172_800.into()));
    let text = w.run(&format!("kgs policy list gateway {O}")).ok().stdout;
    assert_eq!(text, "sip:*@b.example, to decrypt only, 2 days ahead, 9 a day\n");
    // The token is nowhere in the store.
    let bytes = [w.read("kgs.db"), fs::read(w.path("kgs.db-wal")).unwrap_or_default()].concat();
    assert!(!bytes.windows(64).any(|b| b == &token.as_bytes()[9..]));

    w.run(&format!("kgs user disable alice {O}")).ok();
    assert!(w.run(&format!("kgs user list {O}")).ok().stdout.starts_with("alice (disabled)"));
    w.run(&format!("kgs user disable alice --undo {O}")).ok();
    w.run(&format!("kgs user password alice alice.password {O}")).ok();
    w.run(&format!("kgs token remove alice other {O}")).ok();
    assert_eq!(w.run(&format!("kgs token list alice {O}")).ok().stdout.lines().count(), 1);
    w.run(&format!("kgs policy deny gateway sip:*@b.example {O}")).ok();
    assert_eq!(w.run(&format!("kgs policy list gateway {O}")).ok().stdout, "");
    w.run(&format!("kgs policy revoke {ALICE} --from 2026-12-01 {O}")).ok();
    assert_eq!(
        w.run(&format!("kgs policy revoked {O}")).ok().stdout,
        format!("{ALICE}  from 2026-12-01T00:00:00Z on\n")
    );
    w.run(&format!("kgs policy pardon {ALICE} {O}")).ok();
    assert_eq!(w.run(&format!("kgs policy revoked {O}")).ok().stdout, "");
    w.run(&format!("kgs user remove alice {O}")).ok();
    let settled = w.run(&format!("--json kgs store settle {O}")).ok().objects().remove(0);
    assert_eq!((&settled["accepted"]["users"], &settled["accepted"]["tokens"]), (&1.into(), &0.into()));
    assert_eq!(settled["accepted"]["epochs"], 1);
    assert_eq!(w.run(&format!("kgs user list {O}")).ok().stdout.lines().count(), 1);
}

#[test]
fn a_directory_is_taken_over_rotated_and_restored() {
    let w = World::new();
    w.run("kgs rotate a --key-file a.unlock").ok();
    let at = |db: &str| format!("--store sqlite:{db} --key-file a.unlock");
    let shown = w.run(&format!("--json kgs store import a {}", at("kgs.db"))).ok().objects().remove(0);
    let district = w.run("--json kgs show a").ok().objects().remove(0);
    assert_eq!((&shown["fingerprint"], &shown["serial"]), (&district["fingerprint"], &2.into()));
    assert_eq!(shown["epochs"][0]["state"], "overlapping");
    let rotated = w.run(&format!("--json kgs store rotate {}", at("kgs.db"))).ok().objects().remove(0);
    assert_eq!(rotated["serial"], 3);
    w.run(&format!("kgs store retire 1 {}", at("kgs.db"))).ok();
    let armour = w.run(&format!("kgs store show --armour {}", at("kgs.db"))).ok().stdout;
    assert!(armour.contains("BEGIN"));
    w.run(&format!("kgs user add alice --identity {ALICE} {}", at("kgs.db"))).ok();
    w.run(&format!("kgs store backup kgs.backup {}", at("kgs.db"))).ok();
    assert_eq!(mode(&w.path("kgs.backup")), 0o600);
    let restored = w.run(&format!("--json kgs store restore kgs.backup {}", at("new.db"))).ok().objects().remove(0);
    assert_eq!((&restored["fingerprint"], &restored["log"]), (&rotated["fingerprint"], &rotated["log"]));
    assert_eq!(
        w.run(&format!("kgs user list {}", at("new.db"))).ok().stdout,
        w.run(&format!("kgs user list {}", at("kgs.db"))).ok().stdout
    );
    // What fails leaves no store behind.
    w.write("cut.backup", &w.read("kgs.backup")[..900]);
    w.refuses(&format!("kgs store restore cut.backup {}", at("x.db")), 3, "damaged or cut");
    w.refuses("kgs store restore kgs.backup --store sqlite:x.db --key-file b.unlock", 4, "wrong passphrase or key");
    w.refuses("kgs store import a --store sqlite:x.db --key-file b.unlock", 4, "wrong passphrase or key");
    w.refuses("kgs store import nowhere --store sqlite:x.db --key-file b.unlock", 3, "not the directory of a district");
}

#[test]
fn the_log_is_verified_exported_and_shown_to_its_owner() {
    let w = world();
    w.run(&format!("kgs user add alice --identity {ALICE} {O}")).ok();
    let verified = w.run(&format!("--json kgs audit verify {S}")).ok().objects().remove(0);
    assert_eq!((&verified["sound"], &verified["entries"]), (&true.into(), &0.into()));
    w.run(&format!("kgs audit checkpoint --out now.json {O}")).ok();
    w.run(&format!("kgs audit verify --checkpoint now.json {S}")).ok();
    w.run(&format!("kgs audit export --out log.jsonl {S}")).ok();
    let key = w.run(&format!("--json kgs store show {O}")).ok().objects()[0]["log_key"].as_str().unwrap().to_owned();
    w.run(&format!("kgs audit verify --file log.jsonl --key {key} --checkpoint now.json")).ok();
    w.run(&format!("kgs audit verify --key {key} {S}")).ok();
    assert_eq!(w.run(&format!("kgs audit mine {ALICE} {O}")).ok().stdout, "");
    let other = "0".repeat(64);
    w.refuses(&format!("kgs audit verify --file log.jsonl --key {other}"), 3, "another key");
    assert_eq!(w.run(&format!("kgs audit verify --key {other} {S}")).code, 4);
    w.refuses("kgs audit verify --file log.jsonl --key 00", 2, "hexadecimal");
    w.write("bad.json", "{}");
    w.refuses("kgs audit verify --file log.jsonl --checkpoint bad.json", 3, "bad.json");
    w.write("bad.jsonl", "{\"place\":1}\n");
    w.refuses("kgs audit verify --file bad.jsonl", 3, "not one of an audit log");
    // A checkpoint over an entry that is not there: signed by nobody.
    let text = String::from_utf8(w.read("now.json")).unwrap().replacen("\"entries\":0", "\"entries\":7", 1);
    w.write("forged.json", text);
    let run = w.run("kgs audit verify --file log.jsonl --checkpoint forged.json");
    assert!(run.code == 4 && run.stderr.contains("not signed by the log's key"), "{run:?}");
}

#[test]
fn refusals_name_what_is_wrong_and_change_nothing() {
    let w = world();
    w.run(&format!("kgs user add alice {O}")).ok();
    for (args, code, part) in [
        ("kgs user list --store nonsense --key-file s.unlock".to_owned(), 2, "a store is sqlite:PATH"),
        ("kgs user list --store sqlite:none.db --key-file s.unlock".to_owned(), 3, "no district yet"),
        ("kgs store create --store sqlite:bad.db --district http://x --key-file x.unlock".to_owned(), 3, "acceptable"),
    ] {
        w.refuses(&args, code, part);
    }
    // A file of SQLite has others beside it that come and go: only the answers are compared.
    for (args, code, part) in [
        (format!("kgs user add alice {O}"), 4, "exists already"),
        (format!("kgs user add a:b {O}"), 3, "printable"),
        (format!("kgs user add bob --identity Sip:bob@a.example {O}"), 3, "normal form"),
        (format!("kgs user remove bob {O}"), 4, "no such user"),
        (format!("kgs policy allow bob {ALICE} {O}"), 4, "no such user"),
        (format!("kgs policy allow alice sip:*@* {O}"), 3, "a pattern is"),
        (format!("kgs policy list bob {O}"), 4, "no such user"),
        (format!("kgs token create bob t {O}"), 4, "no such user"),
        (format!("kgs token remove alice t {O}"), 4, "no such token"),
        (format!("kgs store retire 1 {O}"), 3, "replaced by another"),
        (format!("kgs store retire 9 {O}"), 4, "no such key epoch"),
        (format!("kgs store create {O} --district https://kgs.example"), 4, "exists already"),
        (format!("kgs user list {S}"), 2, "protected by another file"),
        (format!("kgs user remove alice {S}"), 2, "protected by another file"),
    ] {
        w.run(&args).fails(code, part);
        let json = w.run(&format!("--json {args}"));
        assert_eq!((json.code, json.objects()[0]["error"]["message"].as_str().unwrap().contains(part)), (code, true));
    }
    assert_eq!(w.run(&format!("kgs user list {O}")).ok().stdout, "alice    []\n");
    // A store that somebody has scribbled into.
    w.write("scribbled.db", [&w.read("kgs.db")[..100], &[0xff; 20_000][..]].concat());
    let run = w.run("kgs user list --store sqlite:scribbled.db --key-file s.unlock");
    assert!(run.code != 0 && run.stderr.starts_with("error: the store"), "{run:?}");
}
