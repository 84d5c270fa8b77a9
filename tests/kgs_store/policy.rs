//! Who gets what, on every node, from the moment it is decided.

use ibake::ibe::Purpose;
use ibake::kgs::server::policy::{Purposes, Rule};
use ibake::kgs::server::{Error, Refusal, Request, Revocation, Transit, audit};

use crate::support::{ALICE, DAY, NOW, World, name, operator, rule};

pub(crate) async fn the_table_of_requests(w: World) {
    let vault = w.keys.vault();
    w.store.add_user(vault, "nobody", &[], NOW).await.unwrap();
    let reader = Rule { purposes: Purposes { decrypt: true, sign: false }, ..rule("sip:reader@a.example", DAY, 0) };
    w.store.add_user(vault, "reader", &[reader], NOW).await.unwrap();
    for (user, of, at, expected) in [
        ("alice", ALICE, NOW, None),
        ("alice", ALICE, NOW + 14 * DAY, None),
        ("alice", ALICE, NOW + 15 * DAY, Some(Refusal::Ahead)),
        ("alice", "sip:bob@b.example", NOW, Some(Refusal::Identity)),
        ("alice", "sips:alice@a.example", NOW, Some(Refusal::Identity)),
        ("gateway", "sip:bob@b.example", NOW, None),
        ("gateway", "sip:bob@b.example", NOW + 3 * DAY, Some(Refusal::Ahead)),
        ("gateway", "sip:bob@c.b.example", NOW, Some(Refusal::Identity)),
        ("gateway", "tel:+15551234", NOW, None),
        ("gateway", "tel:+1666", NOW, Some(Refusal::Identity)),
        ("nobody", ALICE, NOW, Some(Refusal::Identity)),
        ("stranger", ALICE, NOW, Some(Refusal::Disabled)),
    ] {
        let found = w.ask(user, of, at).await;
        match expected {
            None => assert!(found.is_ok(), "{user} {of}: {found:?}"),
            Some(why) => World::refused(found, why),
        }
    }
    let p = w.parameters().await;
    let ask = |user: &'static str, identity, now| {
        let request = Request { identities: vec![identity], transit: Transit::Plain };
        let service = w.service.clone();
        async move { service.issue(&operator(user), &request, now).await.map(|mut all| all.pop().unwrap()) }
    };
    let sign = p.identity(name("sip:reader@a.example"), Purpose::Sign, NOW).unwrap();
    World::refused(ask("reader", sign, NOW).await, Refusal::Purpose);
    let today = p.identity(name(ALICE), Purpose::Decrypt, NOW).unwrap();
    World::refused(ask("alice", today.clone(), NOW + DAY).await, Refusal::Past);
    // Revoked for periods that reach beyond a date.
    let since = today.period().end() + DAY;
    w.store.revoke(vault, &Revocation { name: name(ALICE), since }).await.unwrap();
    let on = |days: u64| p.identity(name(ALICE), Purpose::Decrypt, NOW + days * DAY).unwrap();
    // The clock has been at tomorrow.
    let later = NOW + DAY;
    assert!(ask("alice", on(1), later).await.is_ok());
    World::refused(ask("alice", on(2), later).await, Refusal::Revoked);
    w.store.pardon(vault, &name(ALICE)).await.unwrap();
    assert!(ask("alice", on(2), later).await.is_ok());
    assert_eq!(w.store.pardon(vault, &name(ALICE)).await, Err(Error::Unknown { what: "revocation" }));
    // Every decision stands in the log: 9 refusals so far by the requests above.
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued), (17, 6));
}

pub(crate) async fn changes_hold_on_every_node_at_once(w: World) {
    let (vault, node) = (w.keys.vault(), w.node().await);
    let ask = || w.ask_node(&node, "alice", ALICE, NOW);
    assert!(ask().await.is_ok());
    w.store.disable_user(vault, "alice", true).await.unwrap();
    World::refused(ask().await, Refusal::Disabled);
    w.store.disable_user(vault, "alice", false).await.unwrap();
    assert!(ask().await.is_ok());
    w.store.remove_rule(vault, "alice", &ALICE.parse().unwrap()).await.unwrap();
    World::refused(ask().await, Refusal::Identity);
    w.store.set_rule(vault, "alice", &rule("sip:*@a.example", DAY, 0)).await.unwrap();
    assert!(ask().await.is_ok());
    w.store.remove_user(vault, "alice").await.unwrap();
    World::refused(ask().await, Refusal::Disabled);
    assert_eq!(w.store.rules(vault, "alice").await.unwrap(), []);
    for (found, what) in [
        (w.store.remove_user(vault, "alice").await, "user"),
        (w.store.remove_rule(vault, "alice", &ALICE.parse().unwrap()).await, "rule"),
        (w.store.set_rule(vault, "alice", &rule("*", 0, 0)).await, "user"),
        (w.store.disable_user(vault, "alice", true).await, "user"),
    ] {
        assert_eq!(found, Err(Error::Unknown { what }));
    }
    let twice = w.store.add_user(vault, "gateway", &[], NOW).await;
    assert_eq!(twice, Err(Error::Exists { what: "user" }));
    for bad in ["", "a b", "a:b", "\u{e9}", &"x".repeat(256)] {
        assert!(matches!(w.store.add_user(vault, bad, &[], NOW).await, Err(Error::Input { .. })), "{bad}");
    }
}

pub(crate) async fn quotas_are_kept_by_all_nodes_together(w: World) {
    w.store.add_user(w.keys.vault(), "bulk", &[rule("sip:*@q.example", DAY, 20)], NOW).await.unwrap();
    let nodes = [w.service.clone(), w.node().await];
    let mut tasks = Vec::new();
    for i in 0..30usize {
        let request = Request {
            identities: vec![w.identity(&format!("sip:u{i}@q.example"), NOW).await],
            transit: Transit::Plain,
        };
        let node = nodes[i % 2].clone();
        tasks.push(tokio::spawn(async move { node.issue(&operator("bulk"), &request, NOW).await.map(drop) }));
    }
    let mut good = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => good += 1,
            Err(e) => assert_eq!(e, Error::Refused { why: Refusal::Quota, item: 0 }),
        }
    }
    assert_eq!(good, 20);
    // All keys of a request count, and a request that is too large takes nothing.
    let tomorrow = NOW + DAY;
    let many = |n: usize| {
        let w = &w;
        async move {
            let mut identities = Vec::new();
            for i in 0..n {
                identities.push(w.identity(&format!("sip:u{i}@q.example"), tomorrow).await);
            }
            let request = Request { identities, transit: Transit::Plain };
            w.service.issue(&operator("bulk"), &request, tomorrow).await.map(|all| all.len())
        }
    };
    assert_eq!(many(15).await, Ok(15));
    assert_eq!(many(6).await, Err(Error::Refused { why: Refusal::Quota, item: 0 }));
    assert_eq!(many(5).await, Ok(5));
    w.sound().await;
}

/// Eight requests at a time on two nodes while a name is revoked: once the revocation has returned, no entry says that it was issued.
pub(crate) async fn nothing_is_issued_after_a_revocation_returns(w: World) {
    let nodes = [w.service.clone(), w.node().await];
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let identity = w.identity(ALICE, NOW).await;
    let tasks: Vec<_> = (0..8usize)
        .map(|i| {
            let (node, stop) = (nodes[i % 2].clone(), std::sync::Arc::clone(&stop));
            let request = Request { identities: vec![identity.clone()], transit: Transit::Plain };
            tokio::spawn(async move {
                let (mut good, mut refused) = (0, 0);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) && refused < 5 {
                    match node.issue(&operator("alice"), &request, NOW).await {
                        Ok(_) => good += 1,
                        Err(Error::Refused { why: Refusal::Revoked, .. }) => refused += 1,
                        Err(Error::Busy { .. }) => {}
                        Err(e) => panic!("{e}"),
                    }
                }
                (good, refused)
            })
        })
        .collect();
    while audit::verify(&w.store, &w.keys.log(), Vec::new()).await.unwrap().issued < 40 {}
    w.store.revoke(w.keys.vault(), &Revocation { name: name(ALICE), since: 0 }).await.unwrap();
    let after = w.sound().await.entries;
    let (mut good, mut refused) = (0, 0);
    for task in tasks {
        let (g, r) = task.await.unwrap();
        (good, refused) = (good + g, refused + r);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let report = w.sound().await;
    assert_eq!((report.issued, refused), (good, 40));
    let owned = audit::owned(&w.store, w.keys.vault(), &name(ALICE), after).await.unwrap();
    assert!(owned.iter().all(|o| o.link.outcome != 0), "issued after the revocation");
}
