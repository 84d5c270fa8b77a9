//! Who asks: what strangers see, what it costs, what ends.

use std::sync::Arc;

use ibake::kgs::server::auth::digest::{self, Failed, NONCE_LIFE, Response};
use ibake::kgs::server::auth::password::{Passwords, Price};
use ibake::kgs::server::auth::{PskSource, PskTable, Scope, Via, credentials, token};
use ibake::kgs::server::{Error, Refusal, Request, Transit};
use ibake::secret::SecretVec;

use crate::support::{ALICE, NOW, World};

/// For tests that are about something else; a password at this price is worth nothing.
const CHEAP: Price = Price { kib: 64, passes: 1 };

fn secret(text: &str) -> SecretVec {
    SecretVec::new(text.into())
}

fn passwords(w: &World, price: Price, threads: usize, queue: usize) -> Passwords {
    Passwords::new(w.store.clone(), Arc::clone(w.keys.vault()), price, threads, queue)
}

pub(crate) async fn strangers_cost_what_users_cost(w: World) {
    let p = passwords(&w, CHEAP, 2, 16);
    p.set("alice", secret("correct horse")).await.unwrap();
    assert_eq!(p.runs(), 1);
    for (runs, (user, password, good)) in (2..).zip([
        ("alice", "correct horse", true),
        ("alice", "correct horsf", false),
        // Known, and without a password.
        ("gateway", "correct horse", false),
        ("stranger", "correct horse", false),
        ("", "", false),
        ("alice", &"x".repeat(5_000), false),
    ]) {
        let found = p.check(user, secret(password)).await;
        match good {
            true => {
                assert_eq!((found.as_ref().unwrap().name(), found.as_ref().unwrap().via()), ("alice", Via::Password))
            }
            false => assert_eq!(found, Err(Error::Unauthentic), "{user}"),
        }
        assert_eq!(p.runs(), runs, "one Argon2 for {user}");
    }
    // A password is replaced; an old one is none any more, on another node too.
    p.set("alice", secret("battery staple")).await.unwrap();
    let other = passwords(&w, CHEAP, 1, 1);
    assert_eq!(other.check("alice", secret("correct horse")).await, Err(Error::Unauthentic));
    assert!(other.check("alice", secret("battery staple")).await.is_ok());
    assert_eq!(p.set("stranger", secret("x")).await, Err(Error::Unknown { what: "user" }));
    assert!(matches!(p.set("alice", secret("")).await, Err(Error::Input { .. })));
    // A row that was put in alice's place is no password of hers.
    p.set("gateway", secret("mine")).await.unwrap();
    w.sql("UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE owner = 'gateway')").await;
    assert_eq!(p.check("alice", secret("mine")).await, Err(Error::Corrupt { table: "credentials" }));
}

pub(crate) async fn a_full_pool_says_when_to_come_again(w: World) {
    // Slow enough that all of them are there before the first is done.
    let p = passwords(&w, Price { kib: 32 * 1024, passes: 2 }, 1, 2);
    p.set("alice", secret("right")).await.unwrap();
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move { p.check("alice", SecretVec::new(b"right".to_vec())).await })
        })
        .collect();
    let (mut good, mut busy) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => good += 1,
            Err(Error::Busy { retry }) => busy += usize::from(retry > 0),
            Err(e) => panic!("{e}"),
        }
    }
    assert!(good >= 3 && busy >= 1 && good + busy == 12, "{good} {busy}");
    // Whoever was sent away cost no Argon2.
    assert_eq!(p.runs(), 1 + good as u64);
    assert!(p.check("alice", secret("right")).await.is_ok(), "and then it is free again");
}

pub(crate) async fn tokens_have_scope_and_end(w: World) {
    let (store, vault) = (&w.store, w.keys.vault());
    let make = |label: &'static str, scope| token::create(store, vault, "alice", label, scope, NOW + 10);
    let good = make("phone", Scope::USER).await.unwrap();
    let audit = make("auditor", Scope::from_names(["audit"]).unwrap()).await.unwrap();
    assert_eq!(make("phone", Scope::USER).await.map(drop), Err(Error::Exists { what: "token" }));
    let found = token::check(store, vault, good.expose(), NOW + 9).await.unwrap();
    assert_eq!((found.name(), found.via(), found.scope()), ("alice", Via::Token, Scope::USER));
    assert_eq!(token::check(store, vault, good.expose(), NOW + 10).await, Err(Error::Unauthentic));
    let mut bad = good.expose().to_vec();
    *bad.last_mut().unwrap() ^= 1;
    for bad in [&bad[..], b"", b"x", &good.expose()[1..]] {
        assert_eq!(token::check(store, vault, bad, NOW).await, Err(Error::Unauthentic));
    }
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    assert!(w.service.issue(&found, &request, NOW).await.is_ok());
    let auditor = token::check(store, vault, audit.expose(), NOW).await.unwrap();
    let refused = w.service.issue(&auditor, &request, NOW).await.map(drop);
    assert_eq!(refused, Err(Error::Refused { why: Refusal::Scope, item: 0 }));
    let listed: Vec<_> = store.tokens(vault, "alice").await.unwrap().into_iter().map(|t| t.label).collect();
    assert_eq!(listed, ["auditor", "phone"]);
    // A longer life, given by somebody who can write to the database.
    w.sql("UPDATE tokens SET expires = 99999999999 WHERE label = 'phone'").await;
    assert_eq!(token::check(store, vault, good.expose(), NOW).await, Err(Error::Corrupt { table: "tokens" }));
    assert_eq!(store.remove_token(vault, "alice", "phone").await, Err(Error::Corrupt { table: "tokens" }));
    w.sql(&format!("UPDATE tokens SET expires = {} WHERE label = 'phone'", NOW + 10)).await;
    store.remove_token(vault, "alice", "phone").await.unwrap();
    assert_eq!(token::check(store, vault, good.expose(), NOW).await, Err(Error::Unauthentic));
    assert_eq!(store.remove_token(vault, "alice", "phone").await, Err(Error::Unknown { what: "token" }));
    let scopes = ["issue", "audit", "bulk"].map(|n| Scope::from_names([n]).unwrap().to_string());
    assert_eq!(scopes, ["issue", "audit", "bulk"]);
    assert!(Scope::from_names([]).is_none() && Scope::from_names(["root"]).is_none());
}

pub(crate) async fn digests_count_once(w: World) {
    let (store, vault, realm) = (&w.store, w.keys.vault(), "kgs");
    digest::set(store, vault, "alice", realm, &secret("correct horse")).await.unwrap();
    let hash = |text: String| base16ct::lower::encode_string(&ibake::kdf::hash(&[text.as_bytes()]));
    let respond = |user: &str, password: &str, nonce: &str, nc: &str| {
        let ha1 = hash(format!("{user}:{realm}:{password}"));
        let ha2 = hash("POST:/key".into());
        hash(format!("{ha1}:{nonce}:{nc}:c:auth:{ha2}"))
    };
    let nonce = digest::nonce(vault, NOW).unwrap();
    let good = respond("alice", "correct horse", &nonce, "00000001");
    let r = Response {
        username: "alice",
        realm,
        nonce: &nonce,
        uri: "/key",
        algorithm: "SHA-256",
        qop: "auth",
        nc: "00000001",
        cnonce: "c",
        response: &good,
    };
    let alice = digest::check(store, vault, &r, "POST", realm, NOW).await.unwrap();
    assert_eq!((alice.name(), alice.via()), ("alice", Via::Digest));
    let no = Err(Failed::Error(Error::Unauthentic));
    let stranger = respond("carol", "correct horse", &nonce, "00000001");
    let wrong = respond("alice", "wrong", &nonce, "00000001");
    for bad in [
        Response { response: &wrong, ..r },
        Response { username: "carol", response: &stranger, ..r },
        Response { uri: "/other", ..r },
        Response { nc: "00000002", ..r },
        Response { nc: "1", ..r },
        Response { algorithm: "MD5", ..r },
        Response { qop: "auth-int", ..r },
        Response { realm: "other", ..r },
        Response { cnonce: "", ..r },
    ] {
        assert_eq!(digest::check(store, vault, &bad, "POST", realm, NOW).await, no, "{bad:?}");
    }
    assert_eq!(digest::check(store, vault, &r, "GET", realm, NOW).await, no);
    // Right and old: the client may try again by itself. Wrong and old says nothing.
    let late = NOW + NONCE_LIFE + 1;
    assert_eq!(digest::check(store, vault, &r, "POST", realm, late).await, Err(Failed::Stale));
    let bad = Response { response: &wrong, ..r };
    assert_eq!(digest::check(store, vault, &bad, "POST", realm, late).await, no);
    // A nonce of somebody else's making, with the right password.
    let own = "00".repeat(40);
    let forged = respond("alice", "correct horse", &own, "00000001");
    let bad = Response { nonce: &own, response: &forged, ..r };
    assert_eq!(digest::check(store, vault, &bad, "POST", realm, NOW).await, no);
    // Recorded and sent again, also to another node: refused where it issues.
    let request = Request { identities: vec![w.identity(ALICE, NOW).await], transit: Transit::Plain };
    w.service.issue(&alice, &request, NOW).await.unwrap();
    let again = w.node().await.issue(&alice, &request, NOW).await.map(drop);
    assert_eq!(again, Err(Error::Refused { why: Refusal::Replay, item: 0 }));
}

pub(crate) async fn certificates_and_pre_shared_keys(w: World) {
    let (store, vault) = (&w.store, w.keys.vault());
    credentials::set_certificate(store, vault, "alice", b"certificate").await.unwrap();
    let found = credentials::check_certificate(store, vault, b"certificate").await.unwrap();
    assert_eq!((found.name(), found.via()), ("alice", Via::Certificate));
    let other = credentials::check_certificate(store, vault, b"certificatf").await;
    assert_eq!(other, Err(Error::Unauthentic));
    let taken = credentials::set_certificate(store, vault, "gateway", b"certificate").await;
    assert_eq!(taken, Err(Error::Exists { what: "credential" }));
    w.sql("UPDATE credentials SET owner = 'gateway'").await;
    let moved = credentials::check_certificate(store, vault, b"certificate").await;
    assert_eq!(moved, Err(Error::Corrupt { table: "credentials" }));
    w.sql("DELETE FROM credentials").await;

    let table = PskTable { store: store.clone(), vault: Arc::clone(vault) };
    let psk = SecretVec::new(vec![7; 32]);
    table.set("alice", 1, b"alice@psk", &psk).await.unwrap();
    let (owner, found) = table.psk(1, b"alice@psk").await.unwrap().unwrap();
    assert_eq!((owner.as_str(), found.expose()), ("alice", psk.expose()));
    assert!(table.psk(0, b"alice@psk").await.unwrap().is_none());
    assert!(table.psk(1, b"alice@psl").await.unwrap().is_none());
    assert!(matches!(table.set("alice", 1, b"x", &SecretVec::new(vec![7; 15])).await, Err(Error::Input { .. })));
    let taken = table.set("gateway", 1, b"alice@psk", &psk).await;
    assert_eq!(taken, Err(Error::Exists { what: "credential" }));
    w.sql("UPDATE credentials SET owner = 'gateway'").await;
    assert_eq!(table.psk(1, b"alice@psk").await.map(drop), Err(Error::Corrupt { table: "credentials" }));
}
