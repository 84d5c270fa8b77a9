//! What each route gives to those who do it right, and the description of them all.

use crate::support::{ALICE, BOB, DAY, Server, basic, config, name, now, run};
use base64ct::{Base64, Encoding};
use ibake::client::Error;
use ibake::client::key::{Credential, Transit, request};
use ibake::client::parameters::{Pin, fetch};
use ibake::ibe::Purpose;
use ibake::ibe::extract::PrivateKey;
use ibake::kgs::rfc5408::{parameters_from_text, sealed_aad, sealed_info};
use ibake::kgs::server::audit;
use ibake::kgs::server::http::{OPENAPI, ROUTES};
use ibake::sealing::Opener;
use ibake::secret::SecretVec;
use serde_json::{Value, json};

pub(crate) async fn parameters_are_published_and_may_be_kept() {
    let s = Server::new(config()).await;
    let got = s.get("/").await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/ibe-pp-data")));
    assert_eq!(parameters_from_text(&got.body).as_ref(), Ok(&s.parameters));
    assert_eq!(got.header("cache-control"), Some("public, max-age=3600"));
    let tag = got.header("etag").unwrap().to_owned();
    let again = s.ask("GET", "/", &format!("If-None-Match: \"x\", W/{tag}\r\n"), b"").await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
    let other = s.ask("GET", "/", "If-None-Match: \"x\"\r\n", b"").await;
    assert_eq!(other.status, 200);
    let head = s.ask("HEAD", "/", "", b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let one = s.get("/parameters/1").await;
    assert_eq!((one.status, one.body.clone()), (200, got.body.clone()));
    assert_eq!(one.header("cache-control"), Some("public, max-age=86400"));
    for none in
        ["/parameters/2", "/parameters/01", "/parameters/0", "/parameters/x", "/parameters/99999999999999999999"]
    {
        assert_eq!(s.get(none).await.status, 404, "{none}");
    }
    let seen = s.get("/v1/parameters").await.json();
    assert_eq!(seen["serial"], 1);
    assert_eq!(Base64::decode_vec(seen["der"].as_str().unwrap()).unwrap(), s.parameters.to_der());
    assert_eq!(s.get("/v1/parameters/1").await.json(), seen);
    // A rotation shows at once, without a restart.
    let mut setup =
        ibake::kgs::Setup::of_days(s.parameters.district().clone(), s.parameters.granularity(), now(), 90).unwrap();
    setup.pkg_uri = s.parameters.pkg_uri().map(str::to_owned);
    let next = s.keys.rotate(&setup, false).await.unwrap();
    assert_eq!(parameters_from_text(&s.get("/").await.body), Ok(next));
    assert_eq!(s.get("/parameters/1").await.body, got.body);
    assert_eq!(s.get("/v1/parameters/1").await.json()["state"], "overlapping");
}

pub(crate) async fn the_client_fetches_verifies_and_is_not_deceived() {
    let s = Server::new(config()).await;
    let (c, district) = (s.connector(), s.parameters.district().clone());
    let pin = Pin::Fingerprint(*s.parameters.fingerprint());
    assert_eq!(fetch(&c, &district, None, pin, now()).await.as_ref(), Ok(&s.parameters));
    assert_eq!(fetch(&c, &district, Some(1), pin, now()).await.as_ref(), Ok(&s.parameters));
    let wrong = Pin::Fingerprint([7; 32]);
    assert_eq!(fetch(&c, &district, None, wrong, now()).await, Err(Error::Pin));
    assert_eq!(fetch(&c, &district, Some(2), pin, now()).await, Err(Error::Status { status: 404 }));
    let other = ibake::ibe::District::parse("https://localhost:1").unwrap();
    assert_eq!(fetch(&c, &other, None, pin, now()).await, Err(Error::OtherParameters));
    assert!(matches!(fetch(&c, &district, None, pin, now() + 90 * DAY).await, Err(Error::Crypto(_))));
    // Another certificate, and roots that do not know this one.
    let pinned = ibake::client::Trust::Pin([7; 32]);
    let stranger = ibake::client::Connector::new(&pinned).unwrap().to(s.address);
    assert!(matches!(fetch(&stranger, &district, None, pin, now()).await, Err(Error::Tls(_))));
    let rooted = ibake::client::Connector::new(&ibake::client::Trust::Roots).unwrap().to(s.address);
    assert!(matches!(fetch(&rooted, &district, None, pin, now()).await, Err(Error::Tls(_))));
    // Keys, by token and by password, for both purposes and ahead.
    let password =
        || Credential::Password { user: "alice".into(), password: SecretVec::new(crate::support::PASSWORD.into()) };
    for (credential, purpose, at) in [
        (s.credential(), Purpose::Decrypt, now()),
        (s.credential(), Purpose::Sign, now() + DAY),
        (password(), Purpose::Decrypt, now() + DAY),
    ] {
        let identity = s.parameters.identity(name(ALICE), purpose, at).unwrap();
        let before = s.entries().await;
        let got =
            request(&c, &identity, &s.parameters, &credential, Transit::Sealed, &mut getrandom::SysRng).await.unwrap();
        assert_eq!(got.key.identity(), &identity);
        got.key.verify(&s.parameters).unwrap();
        // The receipt is the entry of the log, and opens its commitment.
        let receipt = got.receipt.unwrap();
        let entries = audit::owned(&s.store, s.keys.vault(), &name(ALICE), before).await.unwrap();
        assert_eq!((entries.len(), entries[0].link.place, entries[0].link.hash), (1, receipt.place, receipt.hash));
        assert_eq!(entries[0].opening.salt, receipt.salt);
    }
    let bobs = s.identity(BOB);
    let denied = request(&c, &bobs, &s.parameters, &s.credential(), Transit::Sealed, &mut getrandom::SysRng).await;
    assert_eq!(denied.map(drop), Err(Error::Denied));
    let bad = Credential::Token(SecretVec::new(b"ibakekgs_00".to_vec()));
    let denied = request(&c, &bobs, &s.parameters, &bad, Transit::Sealed, &mut getrandom::SysRng).await;
    assert_eq!(denied.map(drop), Err(Error::Unauthentic));
    let plain =
        request(&c, &s.identity(ALICE), &s.parameters, &s.credential(), Transit::Plain, &mut getrandom::SysRng).await;
    assert_eq!(plain.map(drop), Err(Error::Invalid));
    assert_eq!(s.http.metrics().issued(), (3, 0));
}

pub(crate) async fn json_gives_the_same_keys() {
    let s = Server::new(config()).await;
    let opener = Opener::generate(&mut getrandom::SysRng).unwrap();
    let body = json!({
        "identities": [{ "name": ALICE }, { "name": ALICE, "purpose": "sign", "at": now() + DAY }],
        "seal_to": Base64::encode_string(opener.public()),
    });
    let body = body.to_string();
    let headers = format!("{}Content-Type: application/json; charset=utf-8\r\n", s.bearer());
    let got = s.ask("POST", "/v1/keys", &headers, body.as_bytes()).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let got = got.json();
    assert_eq!(got["keys"].as_array().unwrap().len(), 2);
    for (key, purpose) in got["keys"].as_array().unwrap().iter().zip([Purpose::Decrypt, Purpose::Sign]) {
        let at = if purpose == Purpose::Sign { now() + DAY } else { now() };
        let identity = s.parameters.identity(name(ALICE), purpose, at).unwrap();
        assert_eq!(Base64::decode_vec(key["identity"].as_str().unwrap()).unwrap(), identity.der());
        let sealed = Base64::decode_vec(key["key"].as_str().unwrap()).unwrap();
        let aad = sealed_aad(s.parameters.fingerprint(), &identity);
        let opened = opener.open(&sealed_info(body.as_bytes()), &aad, &sealed).unwrap();
        assert_eq!(PrivateKey::from_bytes(opened.expose(), &s.parameters).unwrap().identity(), &identity);
    }
    // The same bytes again are the same request.
    let again = s.ask("POST", "/v1/keys", &headers, body.as_bytes()).await;
    assert_eq!((again.status, &again.json()["error"]["code"]), (403, &json!("replay")));
    // One's own entries of the log, and nobody else's.
    let mine = s.ask("POST", "/v1/log", &headers, json!({ "name": ALICE }).to_string().as_bytes()).await;
    assert_eq!((mine.status, mine.json()["entries"].as_array().unwrap().len()), (200, 3));
    let theirs = s.ask("POST", "/v1/log", &headers, json!({ "name": BOB }).to_string().as_bytes()).await;
    assert_eq!(theirs.status, 403);
    for (bad, status) in [
        ("", 400),
        ("[]", 400),
        ("{\"identities\":[]}", 400),
        ("{\"identities\":[{\"name\":\"sip:alice@a.example\"}]}", 400),
        ("{\"identities\":[{\"name\":\"sip:ALICE@A.example\"}],\"seal_to\":\"\"}", 400),
        ("{\"identities\":[{\"name\":\"sip:alice@a.example\"}],\"seal_to\":\"AAAA\"}", 400),
        ("{\"identities\":[{\"name\":\"sip:alice@a.example\",\"x\":1}],\"seal_to\":\"\"}", 400),
        ("{\"identities\":[{\"name\":\"sip:alice@a.example\"}],\"serial\":2}", 404),
    ] {
        let got = s.ask("POST", "/v1/keys", &headers, bad.as_bytes()).await;
        assert_eq!(got.status, status, "{bad} {}", got.text());
        assert!(got.json()["error"]["message"].is_string());
    }
}

pub(crate) async fn a_district_with_a_path_serves_below_it_too() {
    let s = Server::with(config(), false, "/staff").await;
    let c = s.connector();
    assert_eq!(fetch(&c, s.parameters.district(), None, Pin::Nothing, now()).await.as_ref(), Ok(&s.parameters));
    let identity = s.identity(ALICE);
    let got = request(&c, &identity, &s.parameters, &s.credential(), Transit::Sealed, &mut getrandom::SysRng).await;
    assert_eq!(got.unwrap().key.identity(), &identity);
}

#[test]
fn the_description_names_exactly_the_routes_there_are() {
    let doc: Value = serde_json::from_str(OPENAPI).unwrap();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in doc["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push((method.to_uppercase(), path.clone()));
            assert!(operation["summary"].is_string() && operation["responses"]["200"].is_object(), "{path}");
        }
    }
    described.sort();
    let mut served: Vec<_> = ROUTES.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
    served.sort();
    assert_eq!(described, served);
    // What a schema is referred to by is there.
    let text = OPENAPI.split("\"#/components/schemas/").skip(1).map(|r| r.split('"').next().unwrap());
    for name in text {
        assert!(doc["components"]["schemas"][name].is_object(), "{name}");
    }
    run(async {
        let s = Server::new(config()).await;
        assert_eq!(s.get("/openapi.json").await.json(), doc);
        // Every route that is described is served with that method, and with no other.
        for (method, path) in ROUTES {
            let path = path.replace("{serial}", "1");
            let status = s.ask(method, &path, "", b"").await.status;
            let responses =
                &doc["paths"][path.replace("/1", "/{serial}").as_str()][method.to_lowercase().as_str()]["responses"];
            assert!(responses[status.to_string().as_str()].is_object(), "{method} {path} {status}");
            for other in ["PUT", "DELETE", "PATCH", if method == "GET" { "POST" } else { "GET" }] {
                let got = s.ask(other, &path, "", b"").await;
                let allow = if method == "GET" { "GET, HEAD" } else { "POST" };
                assert_eq!((got.status, got.header("allow")), (405, Some(allow)), "{other} {path}");
            }
        }
    });
}

pub(crate) async fn who_looks_after_it_sees_what_is_going_on() {
    let s = Server::new(config()).await;
    assert_eq!((s.get("/health").await.status, s.get("/ready").await.status), (200, 200));
    let c = s.connector();
    request(&c, &s.identity(ALICE), &s.parameters, &s.credential(), Transit::Sealed, &mut getrandom::SysRng)
        .await
        .unwrap();
    let wrong = basic("alice", "guess");
    s.ask("POST", "/keys", &format!("{wrong}Content-Type: application/ibe-key-request+xml\r\n"), b"<").await;
    let metrics = s.get("/metrics").await;
    let text = metrics.text();
    for line in [
        "ibake_requests_total{route=\"/keys\",status=\"200\",code=\"IBE100\"} 1",
        "ibake_requests_total{route=\"/keys\",status=\"200\",code=\"IBE301\"} 1",
        "ibake_requests_total{route=\"/health\",status=\"200\",code=\"\"} 1",
        "ibake_keys_total{sealed=\"yes\"} 1",
        "ibake_keys_total{sealed=\"no\"} 0",
        "ibake_connections 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains("alice"));
    // Without its store it is not ready, and says so.
    s.store.close().await.unwrap();
    let got = s.get("/ready").await;
    assert_eq!((got.status, got.header("retry-after")), (503, Some("5")), "{}", got.text());
    assert_eq!(s.get("/health").await.status, 200);
}
