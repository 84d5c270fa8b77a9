//! What one source or one user can use up, and that nobody else pays for it.

use std::net::Ipv4Addr;
use std::time::Duration;

use ibake::ibe::{Identity, Purpose};
use ibake::kgs::rfc5408::KeyRequest;
use ibake::kgs::server::auth::guard::Rates;
use ibake::kgs::server::auth::{Scope, token};
use ibake::kgs::server::http::{Config, Limits};
use ibake::mikey::request::Transit;
use ibake::sealing::Opener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::certificates::{metric, say};
use crate::first_try::{program, start_unread};
use crate::mikey::{PSK, ask, give_psk, keys, over_http, over_tcp};
use crate::support::{ALICE, Answer, BOB, DAY, Server, config, name, now, run};

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn with(rates: Rates) -> Config {
    Config { rates, ..config() }
}

async fn from(s: &Server, source: Ipv4Addr, path: &str) -> Answer {
    let mut stream = s.connect_from(source).await.unwrap();
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    Answer::read(&mut stream).await
}

fn is_too_fast(got: &Answer) -> bool {
    let retry = got.header("retry-after").and_then(|r| r.parse::<u64>().ok());
    got.status == 429 && got.json()["error"]["code"] == "too-fast" && retry.is_some_and(|r| (1..=60).contains(&r))
}

fn asking(identity: &Identity) -> Vec<u8> {
    let fresh = *Opener::generate(&mut getrandom::SysRng).unwrap().public();
    KeyRequest::new(identity, Some(fresh)).to_xml().expose().to_vec()
}

#[test]
fn a_source_has_so_many_requests_a_minute_and_others_have_theirs() {
    run(async {
        let s = Server::new(with(Rates { requests: 20, ..Rates::default() })).await;
        // Whatever it is, and whoever asks.
        for i in 0..10 {
            assert_eq!(s.get("/").await.status, 200, "{i}");
            assert_eq!(s.ask("POST", "/keys", "Authorization: Bearer no\r\n", b"x").await.status, 415, "{i}");
        }
        assert!(is_too_fast(&s.get("/").await));
        assert!(is_too_fast(&s.post_xml(&asking(&s.identity(ALICE))).await));
        assert_eq!(s.entries().await, 0);
        // Whoever looks after the server sees it, from the same address; and others do not notice.
        assert_eq!((s.get("/health").await.status, s.get("/ready").await.status), (200, 200));
        let metrics = s.get("/metrics").await;
        let line = "ibake_requests_total{route=\"/keys\",status=\"429\",code=\"too-fast\"} 1";
        assert!(metrics.text().lines().any(|l| l == line), "{}", metrics.text());
        assert_eq!(from(&s, ELSEWHERE, "/").await.status, 200);
        // MIKEY over TCP counts with the rest.
        give_psk(&s).await;
        let (_, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
        assert_eq!(over_tcp(&s, &message).await.len(), 0);
    });
}

#[test]
fn a_user_has_so_many_keys_a_minute_by_all_credentials_together() {
    run(async {
        let s = Server::new(with(Rates { keys: 4, ..Rates::default() })).await;
        give_psk(&s).await;
        // Four at once over MIKEY, and with that all that she has.
        let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
        assert_eq!(keys(&pending, &over_http(&s, &message).await.1), 4);
        assert!(is_too_fast(&s.post_xml(&asking(&s.identity(ALICE))).await));
        let (_, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
        assert_eq!(over_http(&s, &message).await.0, 429);
        assert_eq!(over_tcp(&s, &message).await.len(), 0);
        let json = format!("{}Content-Type: application/json\r\n", s.bearer());
        let body = format!("{{\"name\":\"{ALICE}\"}}");
        assert!(is_too_fast(&s.ask("POST", "/v1/log", &json, body.as_bytes()).await));
        // What is turned away leaves nothing in the log.
        assert_eq!(s.entries().await, 4);
        // Bob, from the same address.
        let until = now() + DAY;
        let token = token::create(&s.store, s.keys.vault(), "bob", "test", Scope::USER, until).await.unwrap();
        let token = std::str::from_utf8(token.expose()).unwrap();
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/ibe-key-request+xml\r\n");
        let bob = s.parameters.identity(name(BOB), Purpose::Decrypt, now()).unwrap();
        assert_eq!(s.ask("POST", "/keys", &headers, &asking(&bob)).await.code(), "IBE100");
        assert_eq!(s.entries().await, 5);
    });
}

#[test]
fn without_a_limit_there_is_none() {
    run(async {
        let s = Server::new(with(Rates { requests: 0, keys: 0, ..Rates::default() })).await;
        for _ in 0..40 {
            assert_eq!(s.get("/").await.status, 200);
        }
        assert_eq!(s.post_xml(&asking(&s.identity(ALICE))).await.code(), "IBE100");
    });
}

#[test]
fn one_source_takes_half_of_the_places_for_mikey_at_most() {
    run(async {
        let limits = Limits { mikey_connections: 4, ..Limits::default() };
        let s = Server::new(Config { limits, ..config() }).await;
        give_psk(&s).await;
        let idle = [TcpStream::connect(s.mikey).await.unwrap(), TcpStream::connect(s.mikey).await.unwrap()];
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (pending, message) = ask(&s.parameters, PSK, ALICE, Transit::Sealed, now());
        assert_eq!(over_tcp(&s, &message).await.len(), 0);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ELSEWHERE, 0).into()).unwrap();
        let mut stream = socket.connect(s.mikey).await.unwrap();
        stream.write_all(&message).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(keys(&pending, &answer), 4);
        drop(idle);
    });
}

/// More than fits into the pipe and into the lines that wait.
const LINES: usize = 20_000;

#[test]
fn a_log_that_nobody_reads_stops_nobody_and_what_is_lost_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (read, when) = std::sync::mpsc::channel();
    let args = ["--store", "sqlite:./kgs.db", "--key-file", "./kgs.unlock", "--listen", "127.0.0.1:0"];
    let server = start_unread(dir.path(), &args, Some(when));
    let one = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let (answers, _) = say(&server, &[one.repeat(LINES - 1), last].concat());
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), LINES);
    let lost = metric(&server, "ibake_log_lines_lost_total");
    assert!(lost > 0);
    read.send(()).unwrap();
    let (log, code) = server.stop();
    let told = log.lines().filter(|l| l.contains("\"route\":\"/health\"")).count();
    println!("{told} lines read, {lost} lost");
    assert_eq!(code, Some(0));
    assert_eq!(told + usize::try_from(lost).unwrap(), LINES);
    assert!(
        program(dir.path()).args(["kgs", "audit", "verify", "--store", "sqlite:./kgs.db"]).status().unwrap().success()
    );
}
