//! The built program over TLS: certificates that change under a running server, and its configuration file.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::first_try::{Running, program, write_secret};
use crate::support::run;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A certificate and its key, PEM, good until this day.
fn certificate(until: (i32, u8, u8)) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    (wanted.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Replaces both as renewal programs do: each file whole, by renaming.
fn put(dir: &Path, chain: &str, key: &str) {
    for (name, text) in [("tls.pem", chain), ("tls.key", key)] {
        let _ = std::fs::remove_file(dir.join("new"));
        write_secret(dir, "new", text);
        std::fs::rename(dir.join("new"), dir.join(name)).unwrap();
    }
}

fn hup(server: &Running) {
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
}

/// Answers of the server to somebody who takes any certificate, and the certificate.
fn get(server: &Running, path: &str) -> (String, Vec<u8>) {
    say(server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// What comes back for a text, to somebody who takes any certificate; and the certificate.
pub(crate) fn say(server: &Running, text: &str) -> (String, Vec<u8>) {
    use tokio_rustls::rustls::pki_types::ServerName;
    let address: std::net::SocketAddr = server.text("listen").parse().unwrap();
    run(async {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(anybody::config()));
        let tls = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
        let leaf = tls.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let (mut from, mut to) = tokio::io::split(tls);
        let mut all = Vec::new();
        // Both at a time: a server that is not read from stops reading.
        let _ = tokio::join!(to.write_all(text.as_bytes()), from.read_to_end(&mut all));
        (String::from_utf8(all).unwrap(), leaf)
    })
}

/// A client that checks nothing: what is served is what is looked at here.
mod anybody {
    use std::sync::Arc;
    use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, crypto};

    #[derive(Debug)]
    struct Any;

    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }

    pub(super) fn config() -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Any))
            .with_no_client_auth()
    }
}

pub(crate) fn metric(server: &Running, name: &str) -> i64 {
    let (text, _) = get(server, "/metrics");
    let line = text.lines().find(|l| l.starts_with(name) && l.as_bytes().get(name.len()) == Some(&b' '));
    line.unwrap_or_else(|| panic!("{name}: {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// Until a condition that a server reaches by itself holds.
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}");
}

#[test]
fn a_certificate_is_replaced_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path();
    let (one, one_key) = certificate((2090, 1, 1));
    let (two, two_key) = certificate((2091, 1, 1));
    let (gone, gone_key) = certificate((2020, 1, 1));
    put(there, &one, &one_key);
    std::fs::write(
        there.join("kgs.toml"),
        "[store]\naddress = 'sqlite:./kgs.db'\n[unlock]\nkey_file = './kgs.unlock'\n[listen]\nhttps = '127.0.0.1:0'\n\
         [tls]\ncertificate = 'tls.pem'\nkey = 'tls.key'\n[limits]\nbody_bytes = 2048\n",
    )
    .unwrap();
    let server = crate::first_try::start(there, &["--config", "kgs.toml"]);
    let der = |pem: &str| {
        use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    };
    let refused = "ibake_tls_reloads_total{outcome=\"refused\"}";
    let taken = "ibake_tls_reloads_total{outcome=\"taken\"}";
    let left = "ibake_tls_certificate_expires_seconds";
    assert_eq!(get(&server, "/health").1, der(&one));
    assert!(get(&server, "/ready").0.starts_with("HTTP/1.1 200"));
    let first = metric(&server, left);
    assert!(first > 60 * 365 * 86_400, "{first}");

    // Broken, in three ways: the old one goes on, each is counted.
    for (n, (chain, key)) in [(&two[..40], two_key.as_str()), (&two, &one_key), ("", "")].into_iter().enumerate() {
        put(there, chain, key);
        hup(&server);
        wait("a broken certificate is counted", || metric(&server, refused) == n as i64 + 1);
        assert_eq!(get(&server, "/health").1, der(&one));
    }
    // Readable by others: refused too.
    put(there, &two, &two_key);
    std::fs::set_permissions(there.join("tls.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    hup(&server);
    wait("a key that others can read is counted", || metric(&server, refused) == 4);
    assert_eq!((get(&server, "/health").1, metric(&server, taken)), (der(&one), 0));

    put(there, &two, &two_key);
    hup(&server);
    wait("the new certificate serves", || get(&server, "/health").1 == der(&two));
    assert_eq!((metric(&server, taken), metric(&server, refused)), (1, 4));
    assert!(metric(&server, left) > first);

    // By itself, without a signal; and an expired one is served, said, and not ready.
    put(there, &gone, &gone_key);
    wait("a changed file is seen within a minute", || get(&server, "/health").1 == der(&gone));
    let (ready, _) = get(&server, "/ready");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("the TLS certificate has expired"), "{ready}");
    assert!(metric(&server, left) < 0);
    let (log, code) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    for said in ["the new certificate is no good; the old one goes on", "read anew", "the certificate has expired"] {
        assert!(log.contains(said), "{said}: {log}");
    }
}

#[test]
fn mistakes_of_a_configuration_file_are_shown_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path();
    let serve = |text: &str, more: &[&str]| {
        std::fs::write(there.join("kgs.toml"), text).unwrap();
        let got = program(there).args(["kgs", "serve", "--config", "kgs.toml"]).args(more).output().unwrap();
        (got.status.code(), String::from_utf8(got.stderr).unwrap())
    };
    let (code, said) = serve("[store]\nadress = \"x\"\n", &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("kgs.toml:2:1: ") && said.contains("Options of [store] are address"), "{said}");
    let (code, said) = serve("# nothing\n", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--store sqlite:./kgs.db"), "{said}");
    // The command line wins: the address of the file is not even tried.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let file = "[listen]\nhttps = '192.0.2.1:1'\n[store]\naddress = 'sqlite:kgs.db'\n";
    let (code, said) = serve(file, &["--listen", &at]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains(&at) && !said.contains("192.0.2.1"), "{said}");
    let (_, said) = serve(file, &[]);
    assert!(said.contains("192.0.2.1:1"), "{said}");
    let (code, said) = serve("", &["--config", "none.toml"]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(std::fs::read_dir(there).unwrap().count(), 1, "nothing was made");
}
