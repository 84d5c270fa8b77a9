//! Master keys: the same ones after a restart, several at once, backups, and damage.

use std::sync::Arc;

use getrandom::SysRng;
use ibake::ibe::Purpose;
use ibake::keyfile::{self, FileKey, Protection};
use ibake::kgs::server::keys::{State, backup};
use ibake::kgs::server::{Error, Keys, Refusal, Request, Service, Transit, audit};
use ibake::kgs::{Directory, Setup};

use crate::postgres::Server;
use crate::support::{ALICE, DAY, NOW, World, genuine, name, new_wrapper, open, operator, settings, setup, wrapper};

pub(crate) async fn a_restart_issues_the_same_bytes(w: World) {
    let before = w.ask("alice", ALICE, NOW).await.unwrap();
    w.store.close().await.unwrap();
    let store = open(&w.address).await;
    let other = Arc::new(Protection::KeyFile(FileKey::generate(&mut SysRng).unwrap()));
    assert_eq!(Keys::open(&store, other).await.unwrap_err(), Error::KeyFile(keyfile::Error::WrongSecret));
    let keys = Arc::new(Keys::open(&store, wrapper(w.dir.path())).await.unwrap());
    assert_eq!(keys.log(), w.keys.log());
    let service = Service::new(Arc::clone(&keys), settings());
    let identity = keys.current().await.unwrap().identity(name(ALICE), Purpose::Decrypt, NOW).unwrap();
    let request = Request { identities: vec![identity], transit: Transit::Plain };
    let after = service.issue(&operator("alice"), &request, NOW).await.unwrap();
    assert_eq!(after[0].key.expose(), before.key.expose());
    assert_eq!(after[0].link.previous, before.link.hash);
    // A district is made once.
    let again = Keys::create(&store, wrapper(w.dir.path()), &setup()).await;
    assert_eq!(again.map(drop).unwrap_err(), Error::Exists { what: "district" });
}

pub(crate) async fn rotation_overlaps_and_ends(w: World) {
    let node = w.node().await;
    let old = w.parameters().await;
    let mine = old.identity(name(ALICE), Purpose::Decrypt, NOW).unwrap();
    let new = w.keys.rotate(&setup(), false).await.unwrap();
    assert_eq!((old.serial(), new.serial(), w.parameters().await.serial()), (1, 2, 2));
    let on = |service: &Service, identity| {
        let (service, request) = (service.clone(), Request { identities: vec![identity], transit: Transit::Plain });
        async move { service.issue(&operator("alice"), &request, NOW).await.map(|mut all| all.pop().unwrap()) }
    };
    let next = new.identity(name(ALICE), Purpose::Decrypt, NOW).unwrap();
    // Both issue, on the node that did not rotate too.
    for service in [&w.service, &node] {
        genuine(&on(service, mine.clone()).await.unwrap(), &old);
        genuine(&on(service, next.clone()).await.unwrap(), &new);
    }
    let states = |keys: Arc<Keys>| async move {
        keys.parameters().await.unwrap().iter().map(|(s, p)| (p.serial(), *s)).collect::<Vec<_>>()
    };
    assert_eq!(states(Arc::clone(node.keys())).await, [(1, State::Overlapping), (2, State::Current)]);
    w.keys.set_state(1, State::Retired).await.unwrap();
    for service in [&w.service, &node] {
        World::refused(on(service, mine.clone()).await, Refusal::Epoch);
        assert!(on(service, next.clone()).await.is_ok());
    }
    // The one in use is not taken away; one that is only prepared does not issue.
    assert!(matches!(w.keys.set_state(2, State::Retired).await, Err(Error::Input { .. })));
    assert_eq!(w.keys.set_state(9, State::Retired).await, Err(Error::Unknown { what: "key epoch" }));
    let third = w.keys.rotate(&setup(), true).await.unwrap();
    let ahead = third.identity(name(ALICE), Purpose::Decrypt, NOW).unwrap();
    World::refused(on(&node, ahead.clone()).await, Refusal::Epoch);
    assert_eq!(w.parameters().await.serial(), 2);
    w.keys.set_state(3, State::Current).await.unwrap();
    genuine(&on(&node, ahead).await.unwrap(), &third);
    assert_eq!(states(Arc::clone(&w.keys)).await, [(2, State::Overlapping), (3, State::Current)]);
    let other = Setup { district: ibake::ibe::District::parse("https://x.example").unwrap(), ..setup() };
    assert!(matches!(w.keys.rotate(&other, false).await, Err(Error::Input { .. })));
    w.sound().await;
}

pub(crate) async fn a_directory_is_imported(w: World) {
    let path = w.dir.path().join("district");
    let p = Protection::KeyFile(FileKey::generate(&mut SysRng).unwrap());
    let mut directory = Directory::create(&path, &setup(), &p, &mut SysRng).unwrap();
    directory.rotate(&setup(), &p, &mut SysRng).unwrap();
    let dir = tempfile::TempDir::new().unwrap();
    new_wrapper(dir.path());
    let store = open(&format!("sqlite:{}", dir.path().join("kgs.db").display())).await;
    let keys = Arc::new(Keys::import(&store, wrapper(dir.path()), &directory, &p).await.unwrap());
    let states: Vec<_> = keys.parameters().await.unwrap().iter().map(|(s, p)| (p.serial(), *s)).collect();
    assert_eq!(states, [(1, State::Overlapping), (2, State::Current)]);
    let rule = ibake::kgs::server::policy::Rule::own(name(ALICE));
    store.add_user(keys.vault(), "alice", &[rule], NOW).await.unwrap();
    let service = Service::new(Arc::clone(&keys), settings());
    for serial in [1, 2] {
        let issuer = directory.unlock(serial, &p).unwrap();
        let identity = issuer.parameters().identity(name(ALICE), Purpose::Decrypt, NOW + DAY).unwrap();
        let request = Request { identities: vec![identity.clone()], transit: Transit::Plain };
        let issued = service.issue(&operator("alice"), &request, NOW).await.unwrap();
        assert_eq!(issued[0].key.expose(), issuer.extract(&identity).unwrap().to_bytes().expose());
    }
    let wrong = Protection::KeyFile(FileKey::generate(&mut SysRng).unwrap());
    let other = open(&format!("sqlite:{}", dir.path().join("other.db").display())).await;
    let failed = Keys::import(&other, wrapper(dir.path()), &directory, &wrong).await;
    assert!(matches!(failed.map(drop), Err(Error::Directory(_))));
    assert_eq!(Keys::open(&other, wrapper(dir.path())).await.map(drop), Err(Error::Empty));
}

/// Restores what `w` has into another store and compares.
async fn restored_into(w: &World, address: &str) {
    let before = w.ask("alice", ALICE, NOW).await.unwrap();
    w.ask("gateway", "tel:+15551", NOW).await.unwrap();
    let mut bytes = Vec::new();
    let rows = backup::export(&w.keys, &mut bytes).await.unwrap();
    assert!(rows > 8);
    let kept = w.service.log().checkpoint().await.unwrap();

    let store = open(address).await;
    // Damaged in every way: nothing is left behind.
    let text = String::from_utf8(bytes.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    let missing: Vec<&str> = lines.iter().copied().filter(|l| !l.contains("\"rules\"")).collect();
    let edited = text.replacen("\"alice\"", "\"alicf\"", 1);
    for bad in [&cut, &(missing.join("\n") + "\n"), &edited, &format!("{text}{{}}\n"), "", "{}\n"] {
        let failed = backup::restore(&store, wrapper(w.dir.path()), bad.as_bytes()).await;
        assert!(matches!(failed.map(drop), Err(Error::Input { .. } | Error::Store { .. })));
        assert_eq!(Keys::open(&store, wrapper(w.dir.path())).await.map(drop), Err(Error::Empty));
    }
    let keys = Arc::new(backup::restore(&store, wrapper(w.dir.path()), &bytes[..]).await.unwrap());
    let service = Service::new(Arc::clone(&keys), settings());
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    let after = service.issue(&operator("alice"), &request, NOW).await.unwrap();
    assert_eq!(after[0].key.expose(), before.key.expose());
    assert_eq!(after[0].link.place, 3);
    let report = audit::verify(&store, &keys.log(), vec![kept]).await.unwrap();
    assert!(report.is_sound() && report.entries == 3, "{report:?}");
    let taken = backup::restore(&store, wrapper(w.dir.path()), &bytes[..]).await;
    assert_eq!(taken.map(drop), Err(Error::Exists { what: "district" }));
}

pub(crate) async fn a_backup_is_restored(w: World) {
    let address = format!("sqlite:{}", w.dir.path().join("restored.db").display());
    restored_into(&w, &address).await;
}

pub(crate) async fn a_backup_goes_from_sqlite_to_postgresql_and_back(server: &Server) {
    restored_into(&World::sqlite().await, &server.database().await).await;
    let w = World::postgres(server).await;
    let address = format!("sqlite:{}", w.dir.path().join("restored.db").display());
    restored_into(&w, &address).await;
}

pub(crate) async fn damaged_rows_are_named(w: World) {
    let corrupt = |table| Err(Error::Corrupt { table });
    // They are right when all are looked at; what follows is found where it is needed.
    w.service.check_settings().await.unwrap();
    for (how, back, table) in [
        (
            "UPDATE rules SET ahead = 1 WHERE owner = 'alice'",
            "UPDATE rules SET ahead = 1209600 WHERE owner = 'alice'",
            "rules",
        ),
        (
            "UPDATE rules SET pattern = '*' WHERE owner = 'alice'",
            "UPDATE rules SET pattern = 'sip:alice@a.example' WHERE owner = 'alice'",
            "rules",
        ),
        ("UPDATE users SET created = 1", "UPDATE users SET created = 1795262400", "users"),
    ] {
        w.sql(how).await;
        assert_eq!(w.ask("alice", ALICE, NOW).await.map(drop), corrupt(table), "{how}");
        w.sql(back).await;
    }
    // An end of the log that is none.
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    w.sql("UPDATE head SET hash = (SELECT value FROM meta WHERE name = 'root')").await;
    assert_eq!(w.service.issue(&operator("alice"), &request, NOW).await.map(drop), corrupt("head"));
    let zero = if w.address.starts_with("sqlite") { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
    w.sql(&format!("UPDATE head SET hash = {zero}")).await;
    assert!(w.ask("alice", ALICE, NOW).await.is_ok(), "all is well again");
    // Somebody who can write to the database grants themselves everything.
    w.sql("INSERT INTO rules SELECT 'alice', '*', 3, 99999999, 0, tag FROM rules WHERE owner = 'alice'").await;
    assert_eq!(w.ask("alice", "sip:bob@b.example", NOW).await.map(drop), corrupt("rules"));
    w.sql("DELETE FROM rules WHERE pattern = '*'").await;
    // A master key that was exchanged is not used: not with the tag of another row, not under another wrapping.
    w.sql("UPDATE epochs SET sealed = parameters").await;
    assert_eq!(Keys::open(&open(&w.address).await, wrapper(w.dir.path())).await.map(drop), corrupt("epochs"));
    w.sql("UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'log') WHERE name = 'log public'").await;
    assert_eq!(Keys::open(&open(&w.address).await, wrapper(w.dir.path())).await.map(drop), corrupt("meta"));
    // Tables of a later release.
    w.sql("INSERT INTO schema (step) VALUES (99)").await;
    let later = ibake::kgs::server::Store::open(&w.address.parse().unwrap()).await;
    assert_eq!(later.map(drop), Err(Error::Newer { found: 99, known: ibake::kgs::server::store::SCHEMA }));
}
