//! MIKEY key requests over HTTP and over TCP.

use crate::support::{ALICE, BOB, DAY, Server, config, name, now};
use ibake::ibe::{Period, PublicParameters, Purpose};
use ibake::kgs::server::auth::PskTable;
use ibake::kgs::server::http::Config;
use ibake::mikey::request::{Algorithms, Answer, Ask, Pending, Transit};
use ibake::secret::SecretVec;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PSK: [u8; 32] = [0x5a; 32];
/// The ID type of a URI (RFC 3830 section 6.7).
const URI: u8 = 1;

pub(crate) async fn give_psk(s: &Server) {
    let table = PskTable { store: s.store.clone(), vault: Arc::clone(s.keys.vault()) };
    table.set("alice", URI, ALICE.as_bytes(), &SecretVec::new(PSK.to_vec())).await.unwrap();
}

pub(crate) fn ask(p: &PublicParameters, psk: [u8; 32], who: &str, transit: Transit, at: u64) -> (Pending, Vec<u8>) {
    let day = |t| Period::containing(p.granularity(), t).unwrap();
    let purposes: &[Purpose] =
        if transit == Transit::Sealed { &[Purpose::Decrypt, Purpose::Sign] } else { &[Purpose::Decrypt] };
    let ask = Ask {
        parameters: p,
        names: &[name(who)],
        periods: &[day(now()), day(now() + DAY)],
        purposes,
        psk_name: None,
        psk: &SecretVec::new(psk.to_vec()),
        transit,
        algorithms: Algorithms::Strong,
    };
    ask.request(at, &mut getrandom::SysRng).unwrap()
}

pub(crate) async fn over_http(s: &Server, message: &[u8]) -> (u16, Vec<u8>) {
    let got = s.ask("POST", "/mikey", "Content-Type: application/mikey\r\n", message).await;
    (got.status, got.body)
}

pub(crate) async fn over_tcp(s: &Server, message: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(s.mikey).await.unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(message).await;
    let _ = stream.shutdown().await;
    let mut out = Vec::new();
    // Nothing, or a reset, where the message is dropped.
    let _ = stream.read_to_end(&mut out).await;
    out
}

pub(crate) fn keys(pending: &Pending, answer: &[u8]) -> usize {
    match pending.receive(answer, now()).unwrap() {
        Answer::Keys(keys) => keys.len(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn keys_come_over_both_ways_and_stand_in_the_log_together() {
    let s = Server::new(config()).await;
    give_psk(&s).await;
    let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
    let (status, answer) = over_http(&s, &message).await;
    assert_eq!((status, keys(&pending, &answer), s.entries().await), (200, 4, 4));
    let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
    assert_eq!((keys(&pending, &over_tcp(&s, &message).await), s.entries().await), (4, 8));
    assert_eq!(s.http.metrics().issued(), (8, 0));
}

pub(crate) async fn replays_strangers_stale_and_foreign_requests_get_no_keys() {
    let s = Server::new(config()).await;
    give_psk(&s).await;
    let refused = |pending: &Pending, answer: &[u8]| !matches!(pending.receive(answer, now()), Ok(Answer::Keys(_)));
    let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
    assert_eq!(keys(&pending, &over_http(&s, &message).await.1), 4);
    // Over the other way, so that no memory of a connection helps.
    assert!(refused(&pending, &over_tcp(&s, &message).await));
    assert!(refused(&pending, &over_http(&s, &message).await.1));
    let issued = s.http.metrics().issued();
    for (what, (pending, message)) in [
        ("wrong key", ask(&s.parameters, [1; 32], ALICE, Transit::Sealed, now())),
        ("stranger", ask(&s.parameters, PSK, BOB, Transit::Sealed, now())),
        ("stale", ask(&s.parameters, PSK, ALICE, Transit::Sealed, now() - 1_000)),
        ("from the future", ask(&s.parameters, PSK, ALICE, Transit::Sealed, now() + 1_000)),
        ("in the clear", ask(&s.parameters, PSK, ALICE, Transit::CredentialOnly, now())),
    ] {
        assert!(refused(&pending, &over_http(&s, &message).await.1), "{what}");
    }
    // Meant for another KMS.
    let other = Server::new(config()).await;
    give_psk(&other).await;
    let (pending, message) = ask(&other.parameters, PSK, ALICE, Transit::Sealed, now());
    assert!(refused(&pending, &over_http(&s, &message).await.1));
    // Not messages at all.
    assert_eq!(over_http(&s, b"hello").await.0, 400);
    assert_eq!(over_http(&s, &vec![0; 20_000]).await.0, 413);
    assert_eq!(over_http(&s, &[]).await.0, 400);
    assert_eq!(over_tcp(&s, b"hello").await.len() + over_tcp(&s, &[]).await.len(), 0);
    assert_eq!(over_tcp(&s, &vec![0; 40_000]).await.len(), 0);
    assert_eq!(s.http.metrics().issued(), issued);
}

pub(crate) async fn the_form_of_the_rfc_is_there_where_the_operator_wants_it() {
    let s = Server::new(Config { plain: true, ..config() }).await;
    give_psk(&s).await;
    let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::CredentialOnly, now());
    assert_eq!(keys(&pending, &over_http(&s, &message).await.1), 2);
    assert_eq!(s.http.metrics().issued(), (0, 2));
}
