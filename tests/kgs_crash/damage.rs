//! Rows that are not what was written there: by SQL while the server runs, and as bytes of the file while it does not.

use crate::faults::Site;
use crate::node::Node;
use crate::postgres::Server;
use crate::support::{World, run};

/// An answer that says nothing but that the operator has been told, and the log that tells it.
#[track_caller]
fn failed(s: &Site, answer: &crate::client::Answer, table: &str) {
    let text = answer.text();
    assert!(answer.code() == "IBE300" || answer.status == 500, "{} {text}", answer.status);
    assert!(text.contains("its operator has been told"), "{text}");
    s.node.logs(&format!("a row of table \\\"{table}\\\" is not what was written there"));
}

async fn rows_altered_by_sql(world: World, fault: &str) {
    let mut s = Site::new(world, None);
    Site::served(&s.gateway().await);
    Site::served(&s.alice().await);
    // Rows that one user needs: others do not notice.
    for (table, change, back) in [
        ("rules", "ahead = ahead + 1", "ahead = ahead - 1"),
        ("users", "disabled = 1", "disabled = 0"),
        ("tokens", "expires = expires + 1000", "expires = expires - 1000"),
    ] {
        let of = if table == "users" { "name" } else { "owner" };
        s.world.sql(&format!("UPDATE {table} SET {change} WHERE {of} = 'alice'")).await;
        let answer = s.alice().await;
        failed(&s, &answer, table);
        Site::served(&s.gateway().await);
        assert_eq!(s.ready().await.0, 200, "{table}");
        s.world.sql(&format!("UPDATE {table} SET {back} WHERE {of} = 'alice'")).await;
        Site::served(&s.alice().await);
    }
    // The end of the log: nobody appends to what may not be the end. Whether more or less is said, or something else.
    let right = "UPDATE head SET entries = (SELECT MAX(place) FROM entries), \
                 hash = (SELECT hash FROM entries ORDER BY place DESC LIMIT 1)";
    for change in
        ["entries = entries - 1", "entries = entries + 1", "hash = (SELECT hash FROM entries WHERE place = 1)"]
    {
        s.world.sql(&format!("UPDATE head SET {change}")).await;
        let answer = s.gateway().await;
        failed(&s, &answer, "head");
        s.not_ready("store-row: a row of table \\\"head\\\"").await;
        s.world.sql(right).await;
        s.until_ready().await;
        Site::served(&s.gateway().await);
    }
    // A key epoch, noticed when settings change.
    s.world.sql("UPDATE epochs SET state = 3").await;
    s.world.revoke("tel:+19990");
    let answer = s.gateway().await;
    failed(&s, &answer, "epochs");
    s.not_ready("store-row: a row of table \\\"epochs\\\"").await;
    s.world.sql("UPDATE epochs SET state = 2").await;
    s.until_ready().await;
    Site::served(&s.gateway().await);
    s.nothing_is_lost(fault).await;
}

#[test]
fn rows_are_altered_while_it_runs() {
    run(async {
        rows_altered_by_sql(World::sqlite().await, "rows altered, SQLite").await;
        let Some(server) = Server::start() else { return };
        rows_altered_by_sql(World::postgres(&server).await, "rows altered, PostgreSQL").await;
    });
}

/// Rows of settings are deleted, and put back, while the server looks at them every second.
async fn settings_deleted_by_sql(world: World, fault: &str) {
    let (revoked, other) = ("tel:+15559990", "tel:+15559991");
    world.revoke(revoked);
    let file = world.dir.path().join("node.toml");
    std::fs::write(&file, "[issuing]\ncheck_settings_seconds = 1\n").unwrap();
    let mut s = Site::with(world, &["--config", "node.toml"], None);
    Site::served(&s.gateway().await);
    assert_eq!(s.ask_for(revoked, false).await.code(), "IBE304");
    s.metric("ibake_settings_good 1").await;

    s.world.sql("CREATE TABLE kept AS SELECT * FROM revocations; DELETE FROM revocations").await;
    s.until_not_ready("settings-rows: settings were deleted or put back").await;
    for (of, alice) in [(revoked, false), (other, false), (crate::support::ALICE, true)] {
        Site::later(&s.ask_for(of, alice).await);
    }
    let parameters = s.get("/").await;
    assert!(parameters.status == 503 && parameters.header("retry-after").is_some(), "{}", parameters.text());
    s.metric("ibake_settings_good 0").await;
    let mut show = s.world.program();
    show.args(["kgs", "store", "show", "--key-file", "kgs.unlock", "--store", &s.world.address]);
    let shown = show.output().unwrap();
    assert_eq!(shown.status.code(), Some(4), "{}", String::from_utf8_lossy(&shown.stdout));
    s.node.logs("ibake::settings");
    let told = s.node.log();
    let line = told.lines().find(|l| l.contains("ibake::settings")).unwrap();
    assert!(
        line.contains("ERROR") && line.contains("nothing is issued") && line.contains("kgs store settle"),
        "{line}"
    );
    s.world.sql("INSERT INTO revocations SELECT * FROM kept").await;
    s.until_ready().await;
    Site::served(&s.gateway().await);
    assert_eq!(s.ask_for(revoked, false).await.code(), "IBE304");
    s.metric("ibake_settings_good 1").await;
    assert!(show.output().unwrap().status.success());
    s.node.logs("the settings are right again");

    // All settings with their version and their sum: what the node has seen before is gone.
    s.world.sql("CREATE TABLE kept_sum AS SELECT * FROM settings; CREATE TABLE kept_head AS SELECT * FROM head").await;
    s.world.revoke(other);
    assert_eq!(s.ask_for(other, false).await.code(), "IBE304");
    let back = "DELETE FROM revocations; INSERT INTO revocations SELECT * FROM kept; \
                UPDATE settings SET sealed = (SELECT sealed FROM kept_sum); \
                UPDATE head SET version = (SELECT version FROM kept_head)";
    s.world.sql(back).await;
    Site::later(&s.ask_for(other, false).await);
    s.not_ready("settings-older: the settings were put back").await;
    // The operator looks, mends what is missing and accepts the rest.
    s.world.revoke(other);
    s.world.kgs(&["store", "settle"]);
    s.until_ready().await;
    assert_eq!(s.ask_for(other, false).await.code(), "IBE304");
    s.nothing_is_lost(fault).await;
}

#[test]
fn settings_are_deleted_and_put_back_while_it_runs() {
    run(async {
        settings_deleted_by_sql(World::sqlite().await, "settings deleted, SQLite").await;
        let Some(server) = Server::start() else { return };
        settings_deleted_by_sql(World::postgres(&server).await, "settings deleted, PostgreSQL").await;
    });
}

/// Exchanges bytes of the file wherever they stand.
fn exchange(world: &World, from: &[u8], to: &[u8]) {
    let path = world.dir.path().join("kgs.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let found: Vec<usize> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!found.is_empty());
    found.iter().for_each(|at| bytes[*at..*at + from.len()].copy_from_slice(to));
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn bytes_of_the_file_are_flipped_while_nobody_runs() {
    run(async {
        let mut s = Site::new(World::sqlite().await, None);
        for _ in 0..3 {
            Site::served(&s.gateway().await);
        }
        let (store, keys) = s.world.open().await;
        let of = crate::support::name("tel:+15552");
        let second = ibake::kgs::server::audit::owned(&store, keys.vault(), &of, 0).await.unwrap().remove(0);
        store.close().await.unwrap();
        s.node.kill();
        // Everything into the file itself.
        s.world.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let world = s.world;

        // The pattern of the gateway's rule.
        exchange(&world, b"tel:+1555*", b"tel:+1545*");
        let mut s = Site::new(world, None);
        Site::later(&s.gateway().await);
        Site::later(&s.alice().await);
        s.not_ready("settings-row: a row of table \\\"rules\\\" was altered").await;
        s.node.kill();
        let world = s.world;
        world.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
        exchange(&world, b"tel:+1545*", b"tel:+1555*");

        // An entry: serving goes on, and the log names it.
        let commitment = second.link.commitment;
        let mut other = commitment;
        other[7] ^= 0x10;
        exchange(&world, &commitment, &other);
        let mut s = Site::new(world, None);
        Site::served(&s.gateway().await);
        s.node.kill();
        let world = s.world;
        let mut verify = world.program();
        let out = verify.args(["kgs", "audit", "verify", "--store", &world.address]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), Some(4));
        assert!(text.contains("\"edit\"") && text.contains(&format!("entry {}", second.link.place)), "{text}");
        world.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
        exchange(&world, &other, &commitment);

        // The head of the file.
        exchange(&world, b"SQLite format 3\0", b"SQLite formaT 3\0");
        let log = Node::attempt(&world, &[], None).map(drop).unwrap_err();
        assert!(log.contains("the store is damaged"), "{log}");
        println!("the head of the file: {}", log.trim());
        exchange(&world, b"SQLite formaT 3\0", b"SQLite format 3\0");
        let s = Site::new(world, None);
        s.nothing_is_lost("bytes of SQLite's file").await;
    });
}
