//! Settings that somebody deletes or puts back behind the server's back, in every table and way; and that no change of ours looks like
//! that.

use std::sync::Arc;

use ibake::kgs::server::auth::password::{Passwords, Price};
use ibake::kgs::server::auth::{PskTable, Scope, credentials, digest, token};
use ibake::kgs::server::keys::{State, backup};
use ibake::kgs::server::{Error, Fault, Keys, Revocation, Store, Unsettled, Vault, bulk};
use ibake::sealing::Opener;
use ibake::secret::{Secret, SecretVec};

use crate::support::{ALICE, DAY, NOW, World, name, open, rule, setup, wrapper};

/// A table: its name, its key, its other columns.
const TABLES: [(&str, &[&str], &[&str]); 7] = [
    ("epochs", &["serial"], &["parameters", "sealed", "state", "tag"]),
    ("users", &["name"], &["disabled", "created", "tag"]),
    ("credentials", &["kind", "lookup"], &["owner", "sealed"]),
    ("tokens", &["hash"], &["label", "owner", "scope", "expires", "tag"]),
    ("rules", &["owner", "pattern"], &["purposes", "ahead", "quota", "tag"]),
    ("recipients", &["owner"], &["sealing", "tag"]),
    ("revocations", &["name"], &["since", "tag"]),
];

fn wrong(what: Unsettled) -> Result<u64, Error> {
    Err(Error::Settings { what })
}

fn passwords(store: &Store, vault: &Arc<Vault>) -> Passwords {
    Passwords::new(store.clone(), Arc::clone(vault), Price { kib: 8, passes: 1 }, 1, 16)
}

fn inbox(n: u8) -> [u8; 32] {
    *Opener::from_seed(&Secret::new([n; 32])).public()
}

async fn set_psk(store: &Store, vault: &Arc<Vault>, user: &str, n: u8) -> Result<(), Error> {
    let table = PskTable { store: store.clone(), vault: Arc::clone(vault) };
    table.set(user, 1, user.as_bytes(), &SecretVec::new(vec![n; 16])).await
}

/// Two rows and more in every table.
async fn furnish(w: &World) {
    let (store, vault) = (&w.store, w.keys.vault());
    for user in ["alice", "gateway"] {
        passwords(store, vault).set(user, SecretVec::new(b"first".to_vec())).await.unwrap();
        digest::set(store, vault, user, "kgs.example", &SecretVec::new(b"first".to_vec())).await.unwrap();
        credentials::set_certificate(store, vault, user, format!("der of {user}").as_bytes()).await.unwrap();
        set_psk(store, vault, user, 1).await.unwrap();
        token::create(store, vault, user, "phone", Scope::USER, NOW + DAY).await.unwrap();
        bulk::seal_to(store, vault, user, &inbox(1)).await.unwrap();
        store.revoke(vault, &Revocation { name: name(&format!("sip:{user}@x.example")), since: NOW }).await.unwrap();
    }
    w.keys.rotate(&setup(), false).await.unwrap();
}

/// Copies every table, and what belongs to them, under names with this prefix.
async fn keep(w: &World, prefix: &str) {
    for (table, ..) in TABLES {
        w.sql(&format!("CREATE TABLE {prefix}_{table} AS SELECT * FROM {table}")).await;
    }
    w.sql(&format!("CREATE TABLE {prefix}_settings AS SELECT * FROM settings")).await;
    w.sql(&format!("CREATE TABLE {prefix}_head AS SELECT * FROM head")).await;
}

/// Puts all rows back as they were kept; version and sum too if `all`.
async fn put_back(w: &World, prefix: &str, all: bool) {
    for (table, ..) in TABLES.iter().rev() {
        w.sql(&format!("DELETE FROM {table}")).await;
    }
    for (table, ..) in TABLES {
        w.sql(&format!("INSERT INTO {table} SELECT * FROM {prefix}_{table}")).await;
    }
    if all {
        w.sql(&format!("DELETE FROM settings; INSERT INTO settings SELECT * FROM {prefix}_settings")).await;
        w.sql(&format!("UPDATE head SET version = (SELECT version FROM {prefix}_head)")).await;
    }
}

fn on(key: &[&str], a: &str, b: &str) -> String {
    key.iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect::<Vec<_>>().join(" AND ")
}

/// `c = (SELECT o.c FROM other o WHERE ..), ..`
fn sets(columns: &[&str], from: &str) -> String {
    columns.iter().map(|c| format!("{c} = (SELECT o.{c} {from})")).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn rows_that_went_or_came_back_are_noticed(w: World) {
    furnish(&w).await;
    let (store, vault) = (&w.store, w.keys.vault());
    keep(&w, "a").await;
    store.check_settings(vault).await.unwrap();
    // Deleted; exchanged with another; copied to another key.
    for (table, key, rest) in TABLES {
        let mine = if table == "credentials" { Unsettled::Rows } else { Unsettled::Row { table } };
        let first = |order: &str| {
            let by: Vec<String> = key.iter().map(|k| format!("{k} {order}")).collect();
            format!("SELECT * FROM a_{table} ORDER BY {} LIMIT 1", by.join(", "))
        };
        let row = format!("EXISTS (SELECT 1 FROM ({}) o WHERE {})", first(""), on(key, "o", table));
        w.sql(&format!("DELETE FROM {table} WHERE {row}")).await;
        assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Rows), "{table}: deleted");
        put_back(&w, "a", false).await;
        w.sql(&format!("DELETE FROM {table}")).await;
        assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Rows), "{table}: all deleted");
        put_back(&w, "a", false).await;
        store.check_settings(vault).await.unwrap();

        let exchange = match table {
            // No two of a user's have one label, not even for a moment.
            "tokens" => {
                "DELETE FROM tokens; INSERT INTO tokens SELECT o.hash, p.label, p.owner, p.scope, p.expires, p.tag \
                         FROM a_tokens o JOIN a_tokens p ON o.hash <> p.hash"
                    .to_owned()
            }
            _ => {
                let last = format!("EXISTS (SELECT 1 FROM ({}) o WHERE {})", first("DESC"), on(key, "o", table));
                let [a, b] = ["DESC", ""].map(|order| sets(rest, &format!("FROM ({}) o", first(order))));
                format!("UPDATE {table} SET {a} WHERE {row}; UPDATE {table} SET {b} WHERE {last}")
            }
        };
        w.sql(&exchange).await;
        assert_eq!(store.check_settings(vault).await, wrong(mine), "{table}: exchanged");
        put_back(&w, "a", false).await;

        let new = match key {
            ["serial"] => "99".to_owned(),
            ["owner", "pattern"] => "owner, '*'".to_owned(),
            ["kind", "lookup"] => "5 - kind, lookup".to_owned(),
            ["hash"] => "tag".to_owned(),
            _ => "'mallory'".to_owned(),
        };
        let values = rest.join(", ").replace("label", "'other'");
        let copy = match table {
            // Somebody who has no inbox yet.
            "recipients" => {
                "INSERT INTO users SELECT 'carol', disabled, created, tag FROM users WHERE name = 'alice'; \
                 INSERT INTO recipients SELECT 'carol', sealing, tag FROM recipients WHERE owner = 'alice'"
                    .to_owned()
            }
            _ => {
                let all = [key, rest].concat().join(", ");
                format!("INSERT INTO {table} ({all}) SELECT {new}, {values} FROM ({}) o", first(""))
            }
        };
        w.sql(&copy).await;
        let found = store.check_settings(vault).await;
        let expected = if table == "recipients" { Unsettled::Row { table: "users" } } else { mine };
        assert_eq!(found, wrong(expected), "{table}: copied");
        put_back(&w, "a", false).await;
        store.check_settings(vault).await.unwrap();
    }
    // Everything is changed, in all tables; then one old row with its old tag comes back.
    store.disable_user(vault, "alice", true).await.unwrap();
    passwords(store, vault).set("alice", SecretVec::new(b"second".to_vec())).await.unwrap();
    store.remove_token(vault, "alice", "phone").await.unwrap();
    store.set_rule(vault, "alice", &rule(ALICE, 1, 1)).await.unwrap();
    bulk::seal_to(store, vault, "alice", &inbox(2)).await.unwrap();
    store.revoke(vault, &Revocation { name: name("sip:alice@x.example"), since: 0 }).await.unwrap();
    w.keys.set_state(1, State::Retired).await.unwrap();
    store.check_settings(vault).await.unwrap();
    keep(&w, "b").await;
    for (table, key, rest) in TABLES {
        let old = format!("FROM a_{table} o WHERE {}", on(key, "o", table));
        w.sql(&format!("UPDATE {table} SET {} WHERE EXISTS (SELECT 1 {old})", sets(rest, &old))).await;
        let gone = format!("NOT EXISTS (SELECT 1 FROM {table} WHERE {})", on(key, "o", table));
        w.sql(&format!("INSERT INTO {table} SELECT o.* FROM a_{table} o WHERE {gone}")).await;
        assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Rows), "{table}: an old row");
        put_back(&w, "b", false).await;
        store.check_settings(vault).await.unwrap();
    }
    // A rule in another spelling, which commands would not find.
    w.sql("UPDATE rules SET pattern = '=sip:alice@a.example' WHERE owner = 'alice'").await;
    assert_eq!(store.rules(vault, "alice").await, Err(Error::Corrupt { table: "rules" }));
    assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Row { table: "rules" }));
}

pub(crate) async fn the_sum_is_that_of_its_version(w: World) {
    furnish(&w).await;
    let (store, vault) = (&w.store, w.keys.vault());
    keep(&w, "a").await;
    store.disable_user(vault, "gateway", true).await.unwrap();
    store.disable_user(vault, "gateway", false).await.unwrap();
    keep(&w, "b").await;
    let sqlite = w.address.starts_with("sqlite");
    let altered =
        if sqlite { "CAST(substr(sealed, 1, 71) || x'00' AS BLOB)" } else { "substr(sealed, 1, 71) || '\\x00'" };
    for (how, what) in [
        (format!("UPDATE settings SET sealed = {altered}"), Unsettled::Sum),
        ("UPDATE settings SET sealed = substr(sealed, 1, 71)".into(), Unsettled::Sum),
        ("UPDATE settings SET sealed = substr(sealed, 1, 0)".into(), Unsettled::Missing),
        ("UPDATE settings SET sealed = (SELECT tag FROM users WHERE name = 'alice')".into(), Unsettled::Sum),
        // That of the same rows, two changes ago.
        ("UPDATE settings SET sealed = (SELECT sealed FROM a_settings)".into(), Unsettled::Sum),
        ("DELETE FROM settings".into(), Unsettled::Missing),
        ("UPDATE head SET version = version + 1".into(), Unsettled::Sum),
        ("UPDATE head SET version = version - 1".into(), Unsettled::Sum),
    ] {
        w.service.check_settings().await.unwrap();
        w.sql(&how).await;
        assert_eq!(store.check_settings(vault).await, wrong(what), "{how}");
        // Nothing is built upon it.
        let failed = Error::Settings { what };
        assert_eq!(store.disable_user(vault, "alice", true).await, Err(failed.clone()), "{how}");
        assert_eq!(w.keys.rotate(&setup(), false).await.map(drop), Err(failed), "{how}");
        // Nor is anything issued, whether the version shows it at once or a look does.
        let _ = w.service.check_settings().await;
        let refused = w.ask("alice", ALICE, NOW).await.map(drop);
        assert!(matches!(refused, Err(Error::Settings { .. })), "{how}: {refused:?}");
        assert!(matches!(w.service.ready(NOW).await, Err(Error::Settings { .. })), "{how}");
        put_back(&w, "b", true).await;
        w.service.check_settings().await.unwrap();
        assert!(w.ask("alice", ALICE, NOW).await.is_ok(), "{how}: all is well again");
    }
}

/// What may come of a change that somebody else was faster with.
fn expected(found: Result<(), Error>) -> bool {
    match found {
        Ok(()) => true,
        Err(Error::Unknown { .. } | Error::Exists { .. } | Error::Store { fault: Fault::Conflict, .. }) => false,
        Err(e) => panic!("{e}"),
    }
}

/// A random change of one of some users; whether it was made.
async fn change(keys: &Keys, store: &Store, dice: &mut Dice) -> bool {
    let vault = keys.vault();
    let user = ["u0", "u1", "u2", "u3", "alice"][dice.below(5)];
    let n = dice.below(4) as u8;
    let pattern = ["sip:*@a.example", "tel:+1555*", "*", ALICE][dice.below(4)];
    let text = |what: &str| SecretVec::new(format!("{what} {n}").into_bytes());
    expected(match dice.below(16) {
        0 | 1 => store.add_user(vault, user, &[rule(pattern, DAY, 0), rule("*", 0, 5)], NOW).await,
        2 => store.remove_user(vault, user).await,
        3 => store.disable_user(vault, user, n > 1).await,
        4 => store.set_rule(vault, user, &rule(pattern, n.into(), 7)).await,
        5 => store.remove_rule(vault, user, &pattern.parse().unwrap()).await,
        6 => token::create(store, vault, user, &format!("t{n}"), Scope::USER, NOW + DAY).await.map(drop),
        7 => store.remove_token(vault, user, &format!("t{n}")).await,
        8 => passwords(store, vault).set(user, text("password")).await,
        9 => digest::set(store, vault, user, "kgs.example", &text("digest")).await,
        10 => credentials::set_certificate(store, vault, user, text("der").expose()).await,
        11 => set_psk(store, vault, user, n).await,
        12 => bulk::seal_to(store, vault, user, &inbox(n + 1)).await,
        13 => {
            store.revoke(vault, &Revocation { name: name(&format!("tel:+1555{n}")), since: dice.below(9) as u64 }).await
        }
        14 => store.pardon(vault, &name(&format!("tel:+1555{n}"))).await,
        _ if n > 0 => store.disable_user(vault, user, false).await,
        _ => {
            let next = keys.rotate(&setup(), dice.below(2) == 0).await;
            expected(next.map(drop));
            let all = keys.parameters().await.unwrap();
            let old = all.iter().find(|(state, _)| *state == State::Overlapping).map(|(_, p)| p.serial());
            match old {
                Some(serial) => keys.set_state(serial, State::Retired).await,
                None => Ok(()),
            }
        }
    })
}

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

pub(crate) async fn any_sequence_of_changes_holds(w: World) {
    let seed = std::env::var("IBAKE_TEST_SEED").ok().map(|s| s.parse().expect("IBAKE_TEST_SEED is a number"));
    let seed = seed.unwrap_or_else(|| getrandom::u64().unwrap());
    println!("seed {seed} (again with IBAKE_TEST_SEED={seed})");
    let mut made = 0;
    for part in 0..3u64 {
        // Two stores at a time, while a third one looks.
        let mut tasks = Vec::new();
        for node in 0..2u64 {
            let store = open(&w.address).await;
            let keys = Keys::open(&store, wrapper(w.dir.path())).await.unwrap();
            let mut dice = Dice(seed ^ (part * 2 + node));
            tasks.push(tokio::spawn(async move {
                let mut made = 0;
                for _ in 0..80 {
                    made += u64::from(change(&keys, &store, &mut dice).await);
                }
                store.close().await.unwrap();
                made
            }));
        }
        while tasks.iter().any(|task| !task.is_finished()) {
            w.store.check_settings(w.keys.vault()).await.unwrap();
            assert_eq!(w.service.settings_hold().await, Ok(()));
        }
        for task in tasks {
            made += task.await.unwrap();
        }
        w.store.check_settings(w.keys.vault()).await.unwrap();
    }
    println!("{made} changes of 480 tries were made");
    assert!(made > 100, "{made}");
    // The control: one row of what came of it.
    w.sql("DELETE FROM epochs WHERE serial = 1").await;
    assert_eq!(w.store.check_settings(w.keys.vault()).await, wrong(Unsettled::Rows));
}

pub(crate) async fn more_rows_than_a_page(w: World) {
    let (store, vault) = (&w.store, w.keys.vault());
    let rules: Vec<_> = (0..2_500).map(|n| rule(&format!("tel:+1666{n:04}"), DAY, 0)).collect();
    store.add_user(vault, "many", &rules, NOW).await.unwrap();
    store.check_settings(vault).await.unwrap();
    keep(&w, "a").await;
    // First and last of pages, and in between.
    for place in [0, 996, 997, 1_500, 1_997, 2_499] {
        w.sql(&format!("DELETE FROM rules WHERE pattern = 'tel:+1666{place:04}'")).await;
        assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Rows), "{place}");
        w.sql(&format!("INSERT INTO rules SELECT * FROM a_rules WHERE pattern = 'tel:+1666{place:04}'")).await;
        store.check_settings(vault).await.unwrap();
    }
    if !w.address.starts_with("sqlite") {
        // Old rows beside the new ones, where nothing forbids two of a key any more: wherever pages end.
        store.set_rule(vault, "many", &rule("tel:+16660996", 0, 0)).await.unwrap();
        store.set_rule(vault, "many", &rule("tel:+16660997", 0, 0)).await.unwrap();
        w.sql("ALTER TABLE rules DROP CONSTRAINT rules_pkey").await;
        for place in ["0996", "0997"] {
            w.sql(&format!("INSERT INTO rules SELECT * FROM a_rules WHERE pattern = 'tel:+1666{place}'")).await;
            assert_eq!(store.check_settings(vault).await, wrong(Unsettled::Rows), "{place} beside itself");
            w.sql(&format!("DELETE FROM rules WHERE pattern = 'tel:+1666{place}' AND ahead > 0")).await;
            store.check_settings(vault).await.unwrap();
        }
    }
}

/// Everything is put back together, sum and version too: no sum shows that, a node that has seen more does.
pub(crate) async fn older_settings_are_not_taken(w: World) {
    let (store, vault) = (&w.store, w.keys.vault());
    let node = w.node().await;
    let revoked = Revocation { name: name(ALICE), since: 0 };
    keep(&w, "a").await;
    let before = store.check_settings(vault).await.unwrap();
    store.revoke(vault, &revoked).await.unwrap();
    for service in [&w.service, &node] {
        World::refused(w.ask_node(service, "alice", ALICE, NOW).await, ibake::kgs::server::Refusal::Revoked);
    }
    put_back(&w, "a", true).await;
    let older = Error::Settings { what: Unsettled::Older { seen: before + 1, found: before } };
    for service in [&w.service, &node] {
        assert_eq!(w.ask_node(service, "alice", ALICE, NOW).await.map(drop), Err(older.clone()));
        assert_eq!(service.check_settings().await, Err(older.clone()));
        assert_eq!(service.ready(NOW).await, Err(older.clone()));
        assert_eq!(w.ask_node(service, "alice", ALICE, NOW).await.map(drop), Err(older.clone()));
    }
    // One that has seen nothing cannot know.
    assert_eq!(store.check_settings(vault).await, Ok(before));
    // Somebody has looked, mends it and accepts the rest: nodes that run go on.
    store.revoke(vault, &revoked).await.unwrap();
    store.settle(vault, NOW).await.unwrap();
    assert_eq!(store.check_settings(vault).await, Ok(NOW));
    for service in [&w.service, &node] {
        World::refused(w.ask_node(service, "alice", ALICE, NOW).await, ibake::kgs::server::Refusal::Revoked);
        assert!(w.ask_node(service, "gateway", "tel:+15551", NOW).await.is_ok());
        assert_eq!(service.ready(NOW).await, Ok(()));
    }
    // A second time the clock says nothing new.
    store.settle(vault, NOW).await.unwrap();
    assert_eq!(store.check_settings(vault).await, Ok(NOW + 1));
}

pub(crate) async fn what_is_there_is_accepted_by_somebody(w: World) {
    furnish(&w).await;
    let (store, vault) = (&w.store, w.keys.vault());
    let good = || async { w.ask("alice", ALICE, NOW).await.map(drop) };
    assert_eq!(good().await, Ok(()));
    keep(&w, "a").await;
    w.sql("DELETE FROM revocations WHERE name = 'sip:alice@x.example'").await;
    assert_eq!(good().await, Ok(()), "nobody has looked yet");
    let rows = Error::Settings { what: Unsettled::Rows };
    assert_eq!(w.service.check_settings().await, Err(rows.clone()));
    assert_eq!(good().await, Err(rows.clone()));
    // Other changes can be made, and hide nothing.
    store.disable_user(vault, "gateway", true).await.unwrap();
    assert_eq!(good().await, Err(rows));
    let accepted = store.settle(vault, 0).await.unwrap();
    assert_eq!(
        accepted,
        [
            ("epochs", 2),
            ("users", 2),
            ("credentials", 8),
            ("tokens", 2),
            ("rules", 3),
            ("recipients", 2),
            ("revocations", 1)
        ]
    );
    assert_eq!(good().await, Ok(()), "the service looks again by itself");
    // What was altered is not accepted, and is named.
    w.sql("UPDATE rules SET ahead = ahead + 1 WHERE owner = 'alice'").await;
    assert_eq!(store.settle(vault, 0).await, Err(Error::Corrupt { table: "rules" }));
    assert_eq!(store.remove_user(vault, "alice").await, Err(Error::Corrupt { table: "rules" }));
    assert_eq!(w.service.check_settings().await, Err(Error::Settings { what: Unsettled::Row { table: "rules" } }));
    w.sql("UPDATE rules SET ahead = ahead - 1 WHERE owner = 'alice'").await;
    assert_eq!(w.service.check_settings().await, Ok(()));
    // A store of a release that knew no sum.
    w.sql("DROP TABLE settings; DELETE FROM schema WHERE step = 3").await;
    let old = open(&w.address).await;
    let keys = Keys::open(&old, wrapper(w.dir.path())).await.unwrap();
    assert_eq!(old.check_settings(keys.vault()).await, wrong(Unsettled::Missing));
    let missing = Error::Settings { what: Unsettled::Missing };
    assert_eq!(old.remove_user(keys.vault(), "alice").await, Err(missing.clone()));
    let node = w.node().await;
    assert_eq!(w.ask_node(&node, "alice", ALICE, NOW).await.map(drop), Err(missing));
    old.settle(keys.vault(), 0).await.unwrap();
    assert!(w.ask_node(&node, "alice", ALICE, NOW).await.is_ok());
    old.close().await.unwrap();
}

/// The same lines with other rows and a hash that fits: anybody can compute it.
fn edited(backup: &[u8], without: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let text = std::str::from_utf8(backup).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let all = lines.len();
    lines.pop();
    lines.retain(|l| !l.contains(without));
    assert!(lines.len() < all - 1, "{without}");
    let body: String = lines.iter().map(|l| format!("{l}\n")).collect();
    let rows = lines.iter().filter(|l| l.contains("\"table\"")).count();
    let hash = base16ct::lower::encode_string(&Sha256::digest(body.as_bytes()));
    format!("{body}{}\n", serde_json::json!({ "rows": rows, "hash": hash })).into_bytes()
}

pub(crate) async fn a_backup_carries_the_sum(w: World) {
    furnish(&w).await;
    let mut bytes = Vec::new();
    backup::export(&w.keys, &mut bytes).await.unwrap();
    let at = |n: usize| format!("sqlite:{}", w.dir.path().join(format!("restored{n}.db")).display());
    let restored = async |n: usize, bytes: &[u8]| {
        let store = open(&at(n)).await;
        backup::restore(&store, wrapper(w.dir.path()), bytes).await.map(|keys| (store, keys))
    };
    let (store, keys) = restored(0, &bytes).await.unwrap();
    assert_eq!(store.check_settings(keys.vault()).await, w.store.check_settings(w.keys.vault()).await);
    store.disable_user(keys.vault(), "alice", true).await.unwrap();
    store.check_settings(keys.vault()).await.unwrap();
    for (n, without) in (1..).zip(["\"revocations\"", "\"credentials\"", "\"recipients\""]) {
        let failed = restored(n, &edited(&bytes, without)).await.map(drop);
        assert_eq!(failed, Err(Error::Settings { what: Unsettled::Rows }), "{without}");
    }
    // Without the sum it is as from a release that had none: restored, and nothing is done with it before somebody has looked.
    let (store, keys) = restored(9, &edited(&bytes, "\"settings\"")).await.unwrap();
    assert_eq!(store.check_settings(keys.vault()).await, wrong(Unsettled::Missing));
    store.settle(keys.vault(), 0).await.unwrap();
    store.check_settings(keys.vault()).await.unwrap();
}
