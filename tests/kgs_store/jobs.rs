//! Work in chunks.

use std::collections::BTreeSet;

use ibake::kgs::server::Error;

use crate::support::{NOW, World, open};

pub(crate) async fn chunks_are_done_once(w: World) {
    let job = [1; 16];
    w.store.make_job(&job, b"what", 95, 10, NOW).await.unwrap();
    assert_eq!(w.store.job(&job).await.unwrap(), b"what");
    assert_eq!(w.store.job(&[2; 16]).await, Err(Error::Unknown { what: "job" }));
    assert!(matches!(w.store.make_job(&[3; 16], b"", 10, 0, NOW).await, Err(Error::Input { .. })));
    // Eight tasks on two stores claim at the same time: nobody gets what another has.
    let stores = [w.store.clone(), open(&w.address).await];
    let tasks: Vec<_> = (0..8u8)
        .map(|i| {
            let store = stores[usize::from(i) % 2].clone();
            tokio::spawn(async move { store.claim(&job, [i; 16], NOW, NOW + 60).await.unwrap() })
        })
        .collect();
    let mut claims = Vec::new();
    for task in tasks {
        claims.extend(task.await.unwrap());
    }
    // Somebody may have found all that was free locked at that moment; nobody has found a chunk twice.
    let places: BTreeSet<u64> = claims.iter().map(|c| c.place).collect();
    assert_eq!(places.len(), claims.len());
    assert!(claims.iter().all(|c| c.first == c.place * 10 && c.amount == if c.place == 9 { 5 } else { 10 }));
    while let Some(claim) = w.store.claim(&job, [9; 16], NOW, NOW + 60).await.unwrap() {
        claims.push(claim);
    }
    assert_eq!(claims.iter().map(|c| c.place).collect::<BTreeSet<_>>(), (0..10).collect());
    // The time of the first ones is over: they are free again.
    let late = w.store.claim(&job, [10; 16], NOW + 61, NOW + 120).await.unwrap().unwrap();
    let first = claims.iter().find(|c| c.place == late.place).unwrap();
    assert_ne!(first, &late);
    // With the keys of a chunk come its entries, once: the one who came too late has lost it.
    let mut identities = Vec::new();
    for i in 0..late.amount {
        identities.push(w.identity(&format!("tel:+1555{i}"), NOW).await);
    }
    let issued = w.service.issue_chunk("gateway", &identities, &late, NOW + 61).await.unwrap();
    assert_eq!(issued.unwrap().len(), identities.len());
    for claim in [first, &late] {
        let lost = w.service.issue_chunk("gateway", &identities, claim, NOW + 61).await.unwrap();
        assert!(lost.is_none());
    }
    let progress = w.store.progress(&job).await.unwrap();
    assert_eq!((progress.chunks, progress.done), (10, 1));
    assert_eq!(w.sound().await.entries, identities.len() as u64);
}
