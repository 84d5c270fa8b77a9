//! Every way to prove who one is, what a wrong one gets, and redirects to where credentials are had.

use crate::support::{ALICE, PASSWORD, Server, basic, config, now};
use ibake::client::key::{Credential, Transit, request};
use ibake::client::{Connector, Error, Trust};
use ibake::kdf::hash;
use ibake::kgs::rfc5408::{KeyRequest, Proof};
use ibake::kgs::server::auth::{Scope, credentials, digest, token};
use ibake::kgs::server::http::{Config, Tls};
use ibake::sealing::Opener;
use ibake::secret::SecretVec;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

const XML: &str = "Content-Type: application/ibe-key-request+xml\r\n";

fn asking(s: &Server) -> Vec<u8> {
    let key = *Opener::generate(&mut getrandom::SysRng).unwrap().public();
    KeyRequest::new(&s.identity(ALICE), Some(key)).to_xml().expose().to_vec()
}

pub(crate) async fn wrong_credentials_get_401_and_all_ways_that_there_are() {
    let s = Server::new(Config { digest: true, realm: "here".into(), ..config() }).await;
    let good = asking(&s);
    for (what, header) in [
        ("none", String::new()),
        ("wrong password", basic("alice", "guess")),
        ("stranger", basic("mallory", PASSWORD)),
        ("no colon", "Authorization: Basic YQ==\r\n".into()),
        ("no base64", "Authorization: Basic @@\r\n".into()),
        ("another scheme", "Authorization: Hoba x\r\n".into()),
        ("wrong token", format!("Authorization: Bearer ibakekgs_{}\r\n", "0".repeat(64))),
        ("two", format!("{}{}", s.bearer(), s.bearer())),
        ("nonsense digest", "Authorization: Digest username=\"alice\r\n".into()),
    ] {
        let got = s.ask("POST", "/keys", &format!("{header}{XML}"), &good).await;
        assert_eq!(got.status, 401, "{what}");
        let ways: Vec<_> = got.head.lines().filter_map(|l| l.split_once(": ")).collect();
        let ways = ways.iter().filter(|(n, _)| n.eq_ignore_ascii_case("www-authenticate")).map(|(_, v)| *v);
        let ways: Vec<_> = ways.map(|v| v.split(' ').next().unwrap()).collect();
        assert_eq!(ways, ["Digest", "Basic", "Bearer"], "{what}");
    }
    assert_eq!(s.entries().await, 0);
    let headers = format!("{}{XML}", basic("alice", PASSWORD));
    assert_eq!(s.ask("POST", "/keys", &headers, &good).await.code(), "IBE100");
}

pub(crate) async fn guessing_is_held_up_for_the_pair_and_nobody_else_is() {
    let s = Server::new(config()).await;
    let mut held = None;
    for _ in 0..20 {
        let headers = format!("{}{XML}", basic("bob", "guess"));
        let got = s.ask("POST", "/keys", &headers, &asking(&s)).await;
        match got.status {
            401 => {}
            503 => {
                held = got.header("retry-after").and_then(|t| t.parse::<u64>().ok());
                break;
            }
            other => panic!("{other}"),
        }
    }
    assert!(held.unwrap() >= 1);
    let headers = format!("{}{XML}", basic("alice", PASSWORD));
    assert_eq!(s.ask("POST", "/keys", &headers, &asking(&s)).await.code(), "IBE100");
}

pub(crate) async fn a_machine_with_an_expired_token_holds_up_nobody_who_shares_its_address() {
    let s = Server::new(config()).await;
    let stale = format!("Authorization: Bearer ibakekgs_{}\r\n{XML}", "0".repeat(64));
    for _ in 0..70 {
        assert_eq!(s.ask("POST", "/keys", &stale, &asking(&s)).await.status, 401);
    }
    assert_eq!(s.ask("POST", "/keys", &format!("{}{XML}", s.bearer()), &asking(&s)).await.code(), "IBE100");
    let headers = format!("{}{XML}", basic("alice", PASSWORD));
    assert_eq!(s.ask("POST", "/keys", &headers, &asking(&s)).await.code(), "IBE100");
}

pub(crate) async fn digest_is_what_rfc_7616_says() {
    let s = Server::new(Config { digest: true, realm: "here".into(), ..config() }).await;
    let password = SecretVec::new(PASSWORD.into());
    digest::set(&s.store, s.keys.vault(), "alice", "here", &password).await.unwrap();
    let challenge = s.ask("POST", "/keys", XML, &asking(&s)).await;
    let line = challenge.head.lines().find(|l| l.contains("Digest ")).unwrap().to_owned();
    let nonce = line.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let h = |text: String| base16ct::lower::encode_string(&hash(&[text.as_bytes()]));
    let header = |uri: &str, nc: &str, password: &str| {
        let (ha1, ha2) = (h(format!("alice:here:{password}")), h(format!("POST:{uri}")));
        let response = h(format!("{ha1}:{nonce}:{nc}:cn:auth:{ha2}"));
        format!(
            "Authorization: Digest username=\"alice\", realm=\"here\", nonce=\"{nonce}\", uri=\"{uri}\", \
                 algorithm=SHA-256, qop=auth, nc={nc}, cnonce=\"cn\", response=\"{response}\"\r\n{XML}"
        )
    };
    assert_eq!(s.ask("POST", "/keys", &header("/keys", "00000001", PASSWORD), &asking(&s)).await.code(), "IBE100");
    // The same count again, with another request: somebody has listened.
    let replayed = s.ask("POST", "/keys", &header("/keys", "00000001", PASSWORD), &asking(&s)).await;
    assert_eq!(replayed.code(), "IBE304");
    assert_eq!(s.ask("POST", "/keys", &header("/keys", "00000002", PASSWORD), &asking(&s)).await.code(), "IBE100");
    assert_eq!(s.ask("POST", "/keys", &header("/keys", "00000003", "guess"), &asking(&s)).await.status, 401);
    assert_eq!(s.ask("POST", "/keys", &header("/v1/keys", "00000004", PASSWORD), &asking(&s)).await.status, 401);
}

pub(crate) async fn certificates_of_clients_are_known_by_themselves() {
    let s = Server::with(config(), true, "").await;
    let own = Tls::self_signed(&["alice".into()]).unwrap();
    let der = CertificateDer::from_pem_slice(own.expose()).unwrap();
    let mut pin = [0; 32];
    base16ct::lower::decode(s.tls.pin(), &mut pin).unwrap();
    let c = Connector::with_certificate(&Trust::Pin(pin), own.expose(), &own).unwrap().to(s.address);
    let identity = s.identity(ALICE);
    let mut rng = getrandom::SysRng;
    let asked = request(&c, &identity, &s.parameters, &Credential::Certificate, Transit::Sealed, &mut rng).await;
    assert_eq!(asked.map(drop), Err(Error::Unauthentic));
    credentials::set_certificate(&s.store, s.keys.vault(), "alice", &der).await.unwrap();
    let asked = request(&c, &identity, &s.parameters, &Credential::Certificate, Transit::Sealed, &mut rng).await;
    assert_eq!(asked.unwrap().key.identity(), &identity);
    // Without one, a token does.
    let asked = request(&s.connector(), &identity, &s.parameters, &s.credential(), Transit::Sealed, &mut rng).await;
    assert!(asked.is_ok());
}

pub(crate) async fn users_without_a_credential_are_sent_to_get_one_and_come_back_with_it() {
    let enroll = "https://enroll.example/start?a=1&b=2";
    let s = Server::new(Config { enroll: Some(enroll.into()), ..config() }).await;
    let got = s.ask("POST", "/keys", XML, &asking(&s)).await;
    assert_eq!(got.code(), "IBE201");
    let pending =
        ibake::client::key::Pending::new(&s.identity(ALICE), &s.parameters, Transit::Sealed, &mut getrandom::SysRng);
    assert_eq!(pending.unwrap().receive(&got.body).map(drop), Err(Error::Enroll(enroll.into())));
    let with = |token: &[u8]| {
        let key = *Opener::generate(&mut getrandom::SysRng).unwrap().public();
        let mut request = KeyRequest::new(&s.identity(ALICE), Some(key));
        request.proof = Some(Proof(SecretVec::new(token.to_vec())));
        request.to_xml()
    };
    assert_eq!(s.ask("POST", "/keys", XML, with(s.token.expose()).expose()).await.code(), "IBE100");
    assert_eq!(s.ask("POST", "/keys", XML, with(b"ibakekgs_0").expose()).await.code(), "IBE304");
}

pub(crate) async fn tokens_are_good_for_what_they_say_and_as_long() {
    let s = Server::new(config()).await;
    let (vault, until) = (s.keys.vault(), now() + 100);
    let audit = Scope { issue: false, audit: true, bulk: false };
    let only = token::create(&s.store, vault, "alice", "audit", audit, until).await.unwrap();
    let late = token::create(&s.store, vault, "alice", "late", Scope::USER, now() - 1).await.unwrap();
    let header = |t: &SecretVec| format!("Authorization: Bearer {}\r\n{XML}", std::str::from_utf8(t.expose()).unwrap());
    assert_eq!(s.ask("POST", "/keys", &header(&only), &asking(&s)).await.code(), "IBE304");
    assert_eq!(s.ask("POST", "/keys", &header(&late), &asking(&s)).await.status, 401);
    // Taken away, it is no good from the next request on.
    assert_eq!(s.ask("POST", "/keys", &header(&s.token), &asking(&s)).await.code(), "IBE100");
    s.store.remove_token(vault, "alice", "test").await.unwrap();
    assert_eq!(s.ask("POST", "/keys", &header(&s.token), &asking(&s)).await.status, 401);
}
