//! What leaves the server, and what the log says of it.

use std::collections::BTreeSet;

use getrandom::SysRng;
use ibake::ibe::extract::PrivateKey;
use ibake::kgs::server::audit;
use ibake::kgs::server::{Error, Refusal, Request, Transit};
use ibake::sealing::Opener;

use crate::support::{ALICE, DAY, NOW, World, genuine, name, operator};

pub(crate) async fn keys_come_sealed_and_stand_in_the_log(w: World) {
    let opener = Opener::generate(&mut SysRng).unwrap();
    let identities = [w.identity(ALICE, NOW).await, w.identity(ALICE, NOW + DAY).await];
    let transit = Transit::Sealed { to: *opener.public(), request: b"request".to_vec() };
    let request = Request { identities: identities.to_vec(), transit };
    let issued = w.service.issue(&operator("alice"), &request, NOW).await.unwrap();
    let parameters = w.parameters().await;
    for (i, one) in issued.iter().enumerate() {
        assert_eq!(one.identity, identities[i]);
        // Not the key itself: only the opener's holder gets it, and for this request and identity only.
        assert!(PrivateKey::from_bytes(one.key.expose(), &parameters).is_err());
        let aad = Transit::aad(parameters.fingerprint(), &one.identity);
        let opened = opener.open(&Transit::info(b"request"), &aad, one.key.expose()).unwrap();
        assert_eq!(PrivateKey::from_bytes(opened.expose(), &parameters).unwrap().identity(), &one.identity);
        assert!(opener.open(&Transit::info(b"another"), &aad, one.key.expose()).is_err());
        let other = Transit::aad(parameters.fingerprint(), &identities[1 - i]);
        assert!(opener.open(&Transit::info(b"request"), &other, one.key.expose()).is_err());
        // The salt in the answer opens the commitment in the entry.
        let opening =
            audit::Opening { salt: one.salt, identity: one.identity.der().to_vec(), requester: "alice".into() };
        assert_eq!(opening.commitment(one.link.at, one.link.serial), one.link.commitment);
    }
    assert_eq!(issued.iter().map(|i| i.link.place).collect::<Vec<_>>(), [1, 2]);
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued), (2, 2));
}

pub(crate) async fn two_nodes_keep_one_chain(w: World) {
    let nodes = [w.service.clone(), w.node().await];
    let mut tasks = Vec::new();
    for task in 0..8u64 {
        let node = nodes[task as usize % 2].clone();
        let mut requests = Vec::new();
        for i in 0..12 {
            let mut identities = Vec::new();
            for of in 0..=(i % 3) {
                identities.push(w.identity(&format!("tel:+1555{task}{i}{of}"), NOW).await);
            }
            requests.push(Request { identities, transit: Transit::Plain });
        }
        tasks.push(tokio::spawn(async move {
            let mut links = Vec::new();
            for request in &requests {
                let issued = node.issue(&operator("gateway"), request, NOW).await.unwrap();
                // Keys of one request stand together.
                assert!(issued.windows(2).all(|w| w[1].link.place == w[0].link.place + 1));
                links.extend(issued.into_iter().map(|i| i.link));
            }
            links
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.len(), 8 * 24);
    all.sort_by_key(|l| l.place);
    assert_eq!(all.iter().map(|l| l.place).collect::<BTreeSet<_>>().len(), all.len());
    assert!(all.windows(2).all(|w| w[1].place == w[0].place + 1 && w[1].previous == w[0].hash));
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued, report.hash), (192, 192, all.last().unwrap().hash));
    assert!(report.checkpoints > 0);
}

pub(crate) async fn a_request_counts_once(w: World) {
    let opener = Opener::generate(&mut SysRng).unwrap();
    let transit = Transit::Sealed { to: *opener.public(), request: b"request".to_vec() };
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit };
    let other = w.node().await;
    w.service.issue(&operator("alice"), &request, NOW).await.unwrap();
    for node in [&w.service, &other] {
        let again = node.issue(&operator("alice"), &request, NOW + 1).await;
        assert!(matches!(again, Err(Error::Refused { why: Refusal::Replay, .. })), "{again:?}");
    }
    // The refusals are in the log, and nothing else.
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued), (3, 1));
    // Ten at the same time on two nodes: one gets through.
    let transit = Transit::Sealed { to: *opener.public(), request: b"second".to_vec() };
    let request = Request { transit, ..request };
    let tasks: Vec<_> = (0..10)
        .map(|i| {
            let (node, request) = (if i % 2 == 0 { w.service.clone() } else { other.clone() }, request.clone());
            tokio::spawn(async move { node.issue(&operator("alice"), &request, NOW).await.is_ok() })
        })
        .collect();
    let mut through = 0;
    for task in tasks {
        through += usize::from(task.await.unwrap());
    }
    assert_eq!(through, 1);
    assert_eq!(w.sound().await.issued, 2);
}

/// Requests are dropped at every stage: while they wait, while keys are computed, while the log is written.
pub(crate) async fn callers_that_go_away_leave_the_log_whole(w: World) {
    let identity = w.identity(ALICE, NOW).await;
    let mut received = 0;
    for round in 0..60u64 {
        let request = Request { identities: vec![identity.clone()], transit: Transit::Plain };
        let node = w.service.clone();
        let task = tokio::spawn(async move { node.issue(&operator("alice"), &request, NOW).await.unwrap() });
        tokio::time::sleep(std::time::Duration::from_micros(round * 150)).await;
        task.abort();
        received += u64::from(task.await.is_ok());
    }
    // Whoever stays gets an answer, and everything that was received is in the log.
    w.ask("alice", ALICE, NOW).await.unwrap();
    let report = w.sound().await;
    assert!(report.entries == report.issued && report.issued > received && report.issued <= 61, "{report:?}");
}

pub(crate) async fn a_clock_that_jumps_back_is_noticed(w: World) {
    w.ask("alice", ALICE, NOW).await.unwrap();
    let at = |now: u64| {
        let w = &w;
        async move {
            let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
            w.service.issue(&operator("alice"), &request, now).await
        }
    };
    // As much as two nodes may differ.
    assert!(at(NOW - 300).await.is_ok());
    let error = at(NOW - 301).await.unwrap_err();
    assert_eq!(error, Error::Clock { behind: 301 });
    assert!(error.is_temporary());
    // A refusal is no way around it, and nothing of it is in the log.
    let past = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    assert!(matches!(w.service.issue(&operator("gateway"), &past, NOW - 301).await, Err(Error::Clock { .. })));
    // Right again: it goes on without a restart.
    assert!(at(NOW + 1).await.is_ok());
    assert_eq!(w.sound().await.entries, 3);
}

pub(crate) async fn limits_of_a_request(w: World) {
    let identity = w.identity(ALICE, NOW).await;
    let ask = |identities| {
        let request = Request { identities, transit: Transit::Plain };
        let service = w.service.clone();
        async move { service.issue(&operator("alice"), &request, NOW).await.unwrap_err() }
    };
    assert_eq!(ask(vec![]).await, Error::TooMany { limit: 64, got: 0 });
    assert_eq!(ask(vec![identity.clone(); 65]).await, Error::TooMany { limit: 64, got: 65 });
    assert!(matches!(ask(vec![identity.clone(); 2]).await, Error::Input { .. }));
    // A key of small order to seal to.
    let transit = Transit::Sealed { to: [0; 32], request: Vec::new() };
    let request = Request { identities: vec![identity], transit };
    assert!(matches!(w.service.issue(&operator("alice"), &request, NOW).await, Err(Error::Crypto(_))));
    assert_eq!(w.sound().await.entries, 0);
    // One bad identity, and none of the others leaves.
    let identities = vec![w.identity(ALICE, NOW).await, w.identity("sip:bob@a.example", NOW).await];
    let request = Request { identities, transit: Transit::Plain };
    let error = w.service.issue(&operator("alice"), &request, NOW).await.unwrap_err();
    assert_eq!(error, Error::Refused { why: Refusal::Identity, item: 1 });
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued), (1, 0));
    let owned = audit::owned(&w.store, w.keys.vault(), &name("sip:bob@a.example"), 0).await.unwrap();
    assert_eq!(owned[0].opening.requester, "alice");
}

pub(crate) async fn nothing_private_is_in_the_store_in_clear(w: World) {
    let issued = w.ask("gateway", "sip:quite-unusual-carol@b.example", NOW).await.unwrap();
    let key = genuine(&issued, &w.parameters().await);
    let point = &issued.key.expose()[issued.key.expose().len() - 48..];
    assert!(key.to_bytes().expose().ends_with(point));
    let backup = w.dir.path().join("backup");
    ibake::kgs::server::keys::backup::export(&w.keys, std::fs::File::create(&backup).unwrap()).await.unwrap();
    let mut all = vec![std::fs::read(&backup).unwrap()];
    for file in ["kgs.db", "kgs.db-wal"] {
        all.extend(std::fs::read(w.dir.path().join(file)));
    }
    let rules = |text: &Vec<u8>| text.windows(9).any(|w| w == b"b.example");
    assert!(all.iter().any(rules), "what stands there in clear is found");
    let hex: String = point.iter().map(|b| format!("{b:02x}")).collect();
    for text in &all {
        let has = |part: &[u8]| text.windows(part.len()).any(|w| w == part);
        assert!(!has(b"quite-unusual-carol") && !has(point) && !has(hex.as_bytes()));
    }
}
