//! The table of attacks, each with the answer that it gets. None of them may issue a key, and all are answered or closed.

use std::time::{Duration, Instant};

use crate::support::{ALICE, Answer, BOB, DAY, Server, config, name, now, run, short};
use ibake::ibe::{District, Identity, Period, Purpose};
use ibake::kgs::rfc5408::KeyRequest;
use ibake::kgs::server::http::{Config, Limits};
use ibake::sealing::Opener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const XML: &str = "Content-Type: application/ibe-key-request+xml\r\n";

fn fresh() -> [u8; 32] {
    *Opener::generate(&mut getrandom::SysRng).unwrap().public()
}

fn asking(identity: &Identity) -> Vec<u8> {
    KeyRequest::new(identity, Some(fresh())).to_xml().expose().to_vec()
}

#[test]
fn bodies_that_are_no_requests_get_ibe301() {
    run(async {
        let s = Server::new(config()).await;
        let good = String::from_utf8(asking(&s.identity(ALICE))).unwrap();
        let bomb =
            "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>";
        let deep = ["<ibe:a>".repeat(1_000), "</ibe:a>".repeat(1_000)].concat();
        for (what, body) in [
            ("nothing", String::new()),
            ("no XML", "hello".into()),
            ("cut", good[..good.len() / 2].to_owned()),
            ("entity bomb", [bomb, &good].concat()),
            ("external entity", ["<!DOCTYPE x SYSTEM \"file:///etc/passwd\">", &good].concat()),
            ("deep", good.replace("</ibe:body>", &format!("{deep}</ibe:body>"))),
            ("twice", good.replace("<ibe:id>", "<ibe:id>AA==</ibe:id><ibe:id>")),
            ("processing instruction", ["<?x y?>", &good].concat()),
            ("not ASCII", good.replace("ibake ", "\u{fc}")),
            ("another namespace", good.replace("xml:ns:ibe", "xml:ns:ibx")),
            ("no identity", good.replace("<ibe:id>", "<ibe:id>AAAA")),
            ("another algorithm", {
                let at = good.find("<ibe:algorithm>").unwrap() + 15;
                let end = good.find("</ibe:algorithm>").unwrap();
                [&good[..at], "BgMqAwQ=", &good[end..]].concat()
            }),
        ] {
            let got = s.post_xml(body.as_bytes()).await;
            assert_eq!(got.code(), "IBE301", "{what}: {}", got.text());
        }
        assert_eq!(s.entries().await, 0);
        // The control: the same request, untouched.
        assert_eq!(s.post_xml(good.as_bytes()).await.code(), "IBE100");
        assert_eq!(s.entries().await, 1);
    });
}

#[test]
fn method_and_type_errors() {
    run(async {
        let s = Server::new(config()).await;
        let good = asking(&s.identity(ALICE));
        let bearer = s.bearer();
        for (what, headers, status) in [
            ("no type", bearer.clone(), 415),
            ("another type", format!("{bearer}Content-Type: text/xml\r\n"), 415),
            ("two types", format!("{bearer}{XML}{XML}"), 415),
            ("encoded", format!("{bearer}{XML}Content-Encoding: gzip\r\n"), 415),
            ("takes none of ours", format!("{bearer}{XML}Accept: text/html\r\n"), 406),
            ("refuses ours", format!("{bearer}{XML}Accept: application/ibe-pkg-reply+xml;q=0\r\n"), 406),
        ] {
            let got = s.ask("POST", "/keys", &headers, &good).await;
            assert_eq!(got.status, status, "{what}");
            assert!(got.json()["error"]["code"].is_string());
        }
        for accept in ["*/*", "application/*", "text/html, application/ibe-pkg-reply+xml;q=0.1"] {
            let headers = format!("{bearer}{XML}Accept: {accept}\r\n");
            let own = asking(&s.identity(ALICE));
            assert_eq!(s.ask("POST", "/keys", &headers, &own).await.code(), "IBE100", "{accept}");
        }
        assert_eq!(s.ask("GET", "/keys", &bearer, b"").await.status, 405);
        assert_eq!(s.ask("BREW", "/keys", &bearer, b"").await.status, 405);
        assert_eq!(s.get("/nothing").await.status, 404);
        assert_eq!(s.get("/../etc/passwd").await.status, 404);
        assert_eq!(s.ask("GET", "/", "Accept: text/html\r\n", b"").await.status, 406);
        assert_eq!(s.ask("POST", "/mikey", XML, &good).await.status, 415);
        assert_eq!(s.ask("POST", "/v1/keys", &format!("{bearer}{XML}"), &good).await.status, 415);
    });
}

#[test]
fn what_is_too_long_is_not_read() {
    run(async {
        let s = Server::new(config()).await;
        let headers = format!("{}{XML}", s.bearer());
        let got = s.ask("POST", "/keys", &headers, &vec![b' '; 20_000]).await;
        assert_eq!(got.status, 413);
        // Said to be long: refused on what has been read, or at once, and the connection is closed.
        let huge = format!("POST /keys HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 9000000000\r\n\r\n");
        let mut bytes = huge.into_bytes();
        bytes.extend(vec![b' '; 20_000]);
        assert_eq!(s.raw(&bytes).await.status, 413);
        // In pieces without an end.
        let mut pieces =
            format!("POST /keys HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for _ in 0..40 {
            pieces.extend(b"400\r\n");
            pieces.extend(vec![b' '; 1_024]);
            pieces.extend(b"\r\n");
        }
        assert_eq!(s.raw(&pieces).await.status, 413);
        // Heads: one long line, many lines. No 200, no hanging.
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(40_000));
        assert!([0, 400, 431].contains(&s.raw(long.as_bytes()).await.status));
        let many: String = (0..500).map(|i| format!("A{i}: b\r\n")).collect();
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n");
        assert!([0, 400, 431].contains(&s.raw(many.as_bytes()).await.status));
        let path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(40_000));
        assert!([0, 400, 414, 431].contains(&s.raw(path.as_bytes()).await.status));
        // Two lengths, and a length beside pieces: which one holds must not be a matter of taste.
        let two =
            format!("POST /keys HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd");
        assert_eq!(s.raw(two.as_bytes()).await.status, 400);
        assert_eq!(s.raw(b"\x16\x03\x01 no HTTP\r\n\r\n").await.status, 400);
        assert_eq!(s.get("/health").await.status, 200);
    });
}

#[test]
fn slow_clients_are_not_waited_for() {
    run(async {
        let s = Server::new(Config { limits: short(), ..config() }).await;
        // A connection that says nothing at all, not even TLS.
        let mut silent = TcpStream::connect(s.address).await.unwrap();
        // One that begins a head and goes on by a byte now and then.
        let mut head = s.connect().await.unwrap();
        head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nA").await.unwrap();
        // One that begins a body.
        let mut body = s.connect().await.unwrap();
        let begun = format!("POST /keys HTTP/1.1\r\nHost: x\r\n{}{XML}Content-Length: 500\r\n\r\n<ibe", s.bearer());
        body.write_all(begun.as_bytes()).await.unwrap();
        // One that does nothing after its request.
        let mut idle = s.connect().await.unwrap();
        idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let dripping = tokio::spawn(async move {
            for _ in 0..50 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if head.write_all(b"a").await.is_err() {
                    break;
                }
            }
            Answer::read(&mut head).await.status
        });
        assert_eq!(Answer::read(&mut body).await.status, 408);
        assert!([0, 408].contains(&dripping.await.unwrap()));
        assert_eq!(Answer::read(&mut idle).await.status, 200);
        assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
        while s.http.metrics().connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn a_thousand_connections_are_served_told_or_closed() {
    run(async {
        let limits = Limits { connections: 40, overflow: 8, per_source: 40, ..Limits::default() };
        let s = Server::new(Config { limits, ..config() }).await;
        // Forty occupy all places.
        let mut held = Vec::new();
        for _ in 0..40 {
            let mut stream = s.connect().await.unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            held.push(stream);
        }
        let refused = s.get("/health").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
        // A thousand more: each is told to come again, or closed; none hangs, none is served.
        let mut counts = [0u32; 2];
        for _ in 0..25 {
            let many = (0..40).map(|_| async {
                let Some(mut stream) = s.connect().await else { return 0 };
                let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
                Answer::read(&mut stream).await.status
            });
            let mut set = Vec::new();
            for one in many {
                set.push(one);
            }
            for status in join(set).await {
                match status {
                    0 => counts[0] += 1,
                    503 => counts[1] += 1,
                    other => panic!("{other}"),
                }
            }
        }
        assert_eq!(counts[0] + counts[1], 1_000);
        assert!(counts[1] > 0, "{counts:?}");
        println!("1,000 connections beyond the limit: {} closed, {} told to come again", counts[0], counts[1]);
        // When the forty go, others come in.
        drop(held);
        let mut status = 0;
        for _ in 0..100 {
            status = s.get("/health").await.status;
            if status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(status, 200);
    });
}

/// All at the same time.
async fn join<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.into_iter().map(|f| (Some(Box::pin(f)), None)).collect();
    std::future::poll_fn(|cx| {
        let mut open = false;
        for (future, result) in &mut all {
            if let Some(running) = future {
                match running.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => (*future, *result) = (None, Some(value)),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    all.into_iter().map(|(_, result)| result.unwrap()).collect()
}

#[test]
fn identities_that_are_not_the_requesters() {
    run(async {
        let s = Server::new(config()).await;
        let p = &s.parameters;
        let at = |t| p.identity(name(ALICE), Purpose::Decrypt, t).unwrap();
        let other = District::parse("https://other.example").unwrap();
        let period = Period::containing(p.granularity(), now()).unwrap();
        let elsewhere = Identity::new(&other, 1, Purpose::Decrypt, name(ALICE), period).unwrap();
        let epoch = Identity::new(p.district(), 2, Purpose::Decrypt, name(ALICE), period).unwrap();
        let hour = Period::containing(ibake::ibe::Granularity::Hour, now() - now() % DAY + 3_600).unwrap();
        let off = Identity::new(p.district(), 1, Purpose::Decrypt, name(ALICE), hour).unwrap();
        let refusals = s.entries().await;
        for (what, identity, code) in [
            ("somebody else's", s.identity(BOB), "IBE304"),
            ("nobody's", s.identity("sip:carol@a.example"), "IBE304"),
            ("a past day", at(now() - DAY), "IBE304"),
            ("too far ahead", at(now() + 30 * DAY), "IBE304"),
            ("another district", elsewhere, "IBE301"),
            ("another epoch", epoch, "IBE301"),
            ("off the grid", off, "IBE301"),
        ] {
            // Yesterday is not over for five minutes.
            if what == "a past day" && now() % DAY < 400 {
                println!("skipped: just after midnight yesterday is not past");
                continue;
            }
            let got = s.post_xml(&asking(&identity)).await;
            assert_eq!(got.code(), code, "{what}: {}", got.text());
            assert!(!got.text().contains("privateKey"));
        }
        // What policy refused stands in the log.
        assert!(s.entries().await >= refusals + 3);
        assert_eq!(s.http.metrics().issued(), (0, 0));
    });
}

#[test]
fn replayed_and_stale_requests() {
    run(async {
        let s = Server::new(config()).await;
        let body = asking(&s.identity(ALICE));
        assert_eq!(s.post_xml(&body).await.code(), "IBE100");
        let again = s.post_xml(&body).await;
        assert_eq!(again.code(), "IBE304");
        assert!(again.text().contains("seen before"));
        // Several at once: one of them has it.
        let body = asking(&s.identity(ALICE));
        let all = join((0..8).map(|_| s.post_xml(&body)).collect()).await;
        let codes: Vec<_> = all.iter().map(Answer::code).collect();
        assert_eq!(codes.iter().filter(|c| *c == "IBE100").count(), 1, "{codes:?}");
        assert_eq!(s.http.metrics().issued(), (2, 0));
        // A key of small order to seal to is no key.
        let small = KeyRequest::new(&s.identity(ALICE), Some([0; 32])).to_xml();
        assert_eq!(s.post_xml(small.expose()).await.code(), "IBE301");
    });
}

#[test]
fn a_stop_lets_requests_in_flight_end() {
    run(async {
        let s = Server::new(config()).await;
        let body = asking(&s.identity(ALICE));
        let mut slow = s.connect().await.unwrap();
        let head =
            format!("POST /keys HTTP/1.1\r\nHost: x\r\n{}{XML}Content-Length: {}\r\n\r\n", s.bearer(), body.len());
        slow.write_all(head.as_bytes()).await.unwrap();
        slow.write_all(&body[..body.len() / 2]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        s.stop();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(TcpStream::connect(s.address).await.is_err(), "new connections are not taken");
        slow.write_all(&body[body.len() / 2..]).await.unwrap();
        assert_eq!(Answer::read(&mut slow).await.code(), "IBE100");
        assert_eq!(s.stopped().await, 0);
        // Whoever never finishes is cut.
        let s = Server::new(Config {
            limits: Limits { stop: Duration::from_millis(300), ..Limits::default() },
            ..config()
        })
        .await;
        let mut never = s.connect().await.unwrap();
        never.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        assert_eq!(s.stopped().await, 1);
        assert!(begun.elapsed() >= Duration::from_millis(300));
    });
}
