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
    // A claim can be kept by whoever has it, and by nobody who had it before.
    assert!(w.store.renew(&late, NOW + 180).await.unwrap() && !w.store.renew(first, NOW + 180).await.unwrap());
    let others = w.store.claim(&job, [11; 16], NOW + 125, NOW + 180).await.unwrap().unwrap();
    assert_ne!(others.place, late.place);
    // Given back, it is free at once.
    assert!(w.store.renew(&late, 0).await.unwrap());
    assert_eq!(w.store.claim(&job, [12; 16], NOW + 61, NOW + 180).await.unwrap().unwrap().place, late.place);
    let progress = w.store.progress(&job).await.unwrap();
    assert_eq!((progress.chunks, progress.done), (10, 0));
}
