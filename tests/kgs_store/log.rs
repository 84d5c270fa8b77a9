//! The log under an attacker who can write to the database, and for those who look at it.

use ibake::kgs::server::audit::{self, Checkpoint, Draft, Finding, Link, LogKey, Outcome, Verifier, export};
use ibake::kgs::server::{Error, Vault};
use ibake::secret::Secret;

use crate::support::{ALICE, NOW, World, name};

async fn twelve(w: &World) {
    for i in 0..12 {
        w.ask("gateway", &format!("tel:+1555{i}"), NOW).await.unwrap();
    }
}

pub(crate) async fn tampering_is_found_and_named(w: World) {
    twelve(&w).await;
    let checkpoint = w.store_checkpoint().await;
    assert_eq!(checkpoint.entries, 12);
    // Each kind on a copy: undone by what is kept beside.
    w.sql("CREATE TABLE kept AS SELECT * FROM entries").await;
    w.sql("CREATE TABLE kept_signed AS SELECT * FROM checkpoints").await;
    w.sql("CREATE TABLE kept_head AS SELECT * FROM head").await;
    let swap = "UPDATE entries SET place = 1000 WHERE place = 4; UPDATE entries SET place = 4 WHERE place = 7; \
                UPDATE entries SET place = 7 WHERE place = 1000;";
    let edit = |place| Finding::Edited { place };
    for (how, expected) in [
        ("DELETE FROM entries WHERE place = 5;", vec![Finding::Gap { from: 5, to: 5 }]),
        ("DELETE FROM entries WHERE place < 3;", vec![Finding::Gap { from: 1, to: 2 }]),
        ("UPDATE entries SET at = at + 1 WHERE place = 5;", vec![edit(5)]),
        ("UPDATE entries SET serial = 2 WHERE place = 1;", vec![edit(1)]),
        ("UPDATE entries SET outcome = 3 WHERE place = 12;", vec![edit(12)]),
        ("UPDATE entries SET commitment = hash WHERE place = 6;", vec![edit(6)]),
        ("UPDATE entries SET subject = hash WHERE place = 6;", vec![edit(6)]),
        ("UPDATE entries SET sealed = hash WHERE place = 6;", vec![edit(6)]),
        ("UPDATE entries SET outcome = 99 WHERE place = 2;", vec![Finding::NoOutcome { place: 2 }, edit(2)]),
        (swap, vec![Finding::Moved { place: 4, from: 7 }, Finding::Moved { place: 7, from: 4 }]),
        (
            "DELETE FROM entries WHERE place > 8;",
            vec![Finding::Truncated { entries: 8, signed: 12 }, Finding::Head { entries: 8, noted: 12 }],
        ),
        (
            "DELETE FROM entries WHERE place > 8; UPDATE head SET entries = 8, \
             hash = (SELECT hash FROM entries WHERE place = 8);",
            vec![Finding::Truncated { entries: 8, signed: 12 }],
        ),
        (
            "UPDATE checkpoints SET hash = (SELECT hash FROM entries WHERE place = 3) WHERE entries = 10;",
            vec![Finding::Forged { entries: 10 }],
        ),
        ("UPDATE head SET entries = 11;", vec![Finding::Head { entries: 12, noted: 11 }]),
    ] {
        w.sql(how).await;
        let mut found = audit::verify(&w.store, &w.keys.log(), Vec::new()).await.unwrap();
        // A swap breaks what follows too.
        found.findings.retain(|f| !matches!(f, Finding::Broken { .. }) || expected.contains(f));
        assert_eq!(found.findings, expected, "{how}");
        w.sql("DELETE FROM entries; INSERT INTO entries SELECT * FROM kept").await;
        w.sql("DELETE FROM checkpoints; INSERT INTO checkpoints SELECT * FROM kept_signed").await;
        w.sql("DELETE FROM head; INSERT INTO head SELECT * FROM kept_head").await;
        w.sound().await;
    }
    // Cut with all traces: only a checkpoint that was kept elsewhere shows it.
    w.sql("DELETE FROM entries WHERE place > 8; DELETE FROM checkpoints WHERE entries > 8").await;
    w.sql("UPDATE head SET entries = 8, hash = (SELECT hash FROM entries WHERE place = 8)").await;
    w.sound().await;
    let report = audit::verify(&w.store, &w.keys.log(), vec![checkpoint.clone()]).await.unwrap();
    assert_eq!(report.findings, [Finding::Truncated { entries: 8, signed: 12 }]);
    // And the same when the log has grown again meanwhile.
    for i in 0..6 {
        w.ask("gateway", &format!("tel:+15556{i}"), NOW).await.unwrap();
    }
    w.sound().await;
    let report = audit::verify(&w.store, &w.keys.log(), vec![checkpoint]).await.unwrap();
    assert_eq!(report.findings, [Finding::Rewritten { entries: 12 }]);
}

impl World {
    async fn store_checkpoint(&self) -> Checkpoint {
        self.service.log().checkpoint().await.unwrap()
    }
}

/// A log written by somebody who computes all hashes anew.
#[test]
fn a_log_written_anew_is_not_the_signed_one() {
    let (key, log) = (LogKey::new(&Secret::new([1; 32])), [2; 32]);
    let chain = |n: u64, edited: u64| {
        let mut previous = [0; 32];
        (1..=n)
            .map(|place| {
                let at = if place == edited { 7 } else { place };
                let commitment = [place as u8; 32];
                let (subject, sealed) = ([0; 32], Vec::new());
                let draft = Draft { at, outcome: Outcome::Issued, serial: 1, commitment, subject, sealed };
                let link = Link::of(&log, &draft, place, previous);
                previous = link.hash;
                link
            })
            .collect::<Vec<_>>()
    };
    let good = chain(6, 0);
    let signed = key.checkpoint(&log, 4, 9, good[3].hash);
    let verify = |links: &[Link], kept: Vec<Checkpoint>| {
        let mut v = Verifier::new(log, key.public(), kept);
        links.iter().for_each(|l| v.entry(l));
        v.finish(None).findings
    };
    assert_eq!(verify(&good, vec![signed.clone()]), []);
    assert_eq!(verify(&chain(6, 2), vec![]), [], "whole in itself");
    assert_eq!(verify(&chain(6, 2), vec![signed.clone()]), [Finding::Rewritten { entries: 4 }]);
    assert_eq!(verify(&good[..3], vec![signed.clone()]), [Finding::Truncated { entries: 3, signed: 4 }]);
    // One entry replaced by another whole one.
    let mut spliced = good.clone();
    spliced[2] = chain(3, 3)[2];
    assert_eq!(verify(&spliced, vec![]), [Finding::Broken { place: 4 }]);
    let mut forged = signed;
    forged.entries = 5;
    assert_eq!(verify(&good, vec![forged]), [Finding::Forged { entries: 5 }]);
    // Three in a circle.
    let mut circle = good.clone();
    for (to, from) in [(1usize, 2usize), (2, 4), (4, 1)] {
        circle[to] = Link { place: to as u64 + 1, ..good[from] };
    }
    let moved = |place, from| Finding::Moved { place, from };
    let mut found = verify(&circle, vec![]);
    found.retain(|f| matches!(f, Finding::Moved { .. }));
    assert_eq!(found, [moved(2, 3), moved(3, 5), moved(5, 2)]);
}

pub(crate) async fn exports_are_verified_without_a_store(w: World) {
    twelve(&w).await;
    World::refused(w.ask("alice", "sip:bob@b.example", NOW).await, ibake::kgs::server::Refusal::Identity);
    let kept = w.store_checkpoint().await;
    let mut bytes = Vec::new();
    assert_eq!(export::export(&w.store, &w.keys.log(), &mut bytes).await.unwrap(), 13);
    let key = w.keys.log().key;
    let report = export::verify(&bytes[..], Some(&key), vec![kept.clone()]).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.entries, report.issued, report.checkpoints), (13, 12, 3));
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("bob") && !text.contains("gateway") && !text.contains("subject"));
    let line = export::checkpoint_json(&kept).to_string();
    assert_eq!(export::checkpoint_from_json(&line).unwrap(), kept);

    let lines: Vec<&str> = text.lines().collect();
    let without = |n: usize| {
        let kept: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != n).map(|(_, l)| *l).collect();
        export::verify((kept.join("\n") + "\n").as_bytes(), Some(&key), Vec::new()).unwrap().findings
    };
    assert_eq!(without(3), [Finding::Gap { from: 3, to: 3 }]);
    let edited = text.replacen("\"serial\":1", "\"serial\":3", 1);
    assert_eq!(
        export::verify(edited.as_bytes(), Some(&key), Vec::new()).unwrap().findings,
        [Finding::Edited { place: 1 }]
    );
    assert!(export::verify(text.as_bytes(), Some(&[0; 32]), Vec::new()).is_err());
    for bad in ["", "{}\n", "[]\n", &text.replacen("\"at\":", "\"at\":-", 1), &text[..text.len() - 9]] {
        assert!(matches!(export::verify(bad.as_bytes(), None, Vec::new()), Err(Error::Input { .. })));
    }
}

pub(crate) async fn a_commitment_opens_for_its_owner_only(w: World) {
    let issued = w.ask("alice", ALICE, NOW).await.unwrap();
    w.ask("gateway", "sip:bob@b.example", NOW).await.unwrap();
    let owned = audit::owned(&w.store, w.keys.vault(), &name(ALICE), 0).await.unwrap();
    assert_eq!(owned.len(), 1);
    let one = &owned[0];
    assert_eq!((one.link, one.opening.salt, one.opening.requester.as_str()), (issued.link, issued.salt, "alice"));
    assert_eq!(one.opening.commitment(one.link.at, one.link.serial), one.link.commitment);
    // Without the salt a guess of everything else does not open it.
    let guess = audit::Opening { salt: [0; 32], ..one.opening.clone() };
    assert_ne!(guess.commitment(one.link.at, one.link.serial), one.link.commitment);
    assert!(!format!("{one:?}").contains(&format!("{:?}", issued.salt)));
    // Another vault finds nothing and opens nothing.
    let stranger = Vault::new(&Secret::new([5; 32]));
    assert_eq!(audit::owned(&w.store, &stranger, &name(ALICE), 0).await.unwrap(), []);
    let again = audit::owned(&w.store, w.keys.vault(), &name(ALICE), one.link.place).await.unwrap();
    assert_eq!(again, []);
    // An opening that was exchanged for another's is noticed.
    w.sql("UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE place = 2) WHERE place = 1").await;
    let found = audit::owned(&w.store, w.keys.vault(), &name(ALICE), 0).await;
    assert_eq!(found, Err(Error::Corrupt { table: "entries" }));
}

pub(crate) async fn checkpoints_come_every_so_often_and_on_demand(w: World) {
    let empty = w.store_checkpoint().await;
    assert_eq!((empty.entries, empty.hash), (0, [0; 32]));
    twelve(&w).await;
    let log = w.keys.log();
    let first = w.store_checkpoint().await;
    assert!(first.is_signed(&log.id, &log.key) && first.entries == 12);
    assert_eq!(w.store_checkpoint().await, first, "signed once");
    // One by itself at the tenth, and the two that were asked for.
    assert_eq!(w.sound().await.checkpoints, 2);
}
