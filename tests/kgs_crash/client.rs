//! A client that keeps its connection, and knows whether a request that failed had been sent.

use std::net::SocketAddr;
use std::sync::Arc;

use ibake::secret::SecretVec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::support::World;

pub(crate) const XML: &str = "application/ibe-key-request+xml";

/// Who asks, and with what.
#[derive(Clone)]
pub(crate) struct Client {
    tls: TlsConnector,
    authorization: String,
}

impl Client {
    /// With a bearer token; the gateway with its certificate if there is none.
    pub(crate) fn new(world: &World, token: Option<&SecretVec>) -> Self {
        let bearer = |t: &SecretVec| format!("Authorization: Bearer {}\r\n", std::str::from_utf8(t.expose()).unwrap());
        Self { tls: connector(world, token.is_none()), authorization: token.map(bearer).unwrap_or_default() }
    }

    pub(crate) async fn connect(&self, to: SocketAddr) -> std::io::Result<Connection> {
        let tcp = TcpStream::connect(to).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, tcp).await?;
        Ok(Connection { stream, authorization: self.authorization.clone() })
    }

    /// One request on a connection of its own.
    pub(crate) async fn post(&self, to: SocketAddr, body: &[u8]) -> std::io::Result<Answer> {
        self.connect(to).await?.post("/keys", XML, body).await
    }

    pub(crate) async fn get(&self, to: SocketAddr, path: &str) -> std::io::Result<Answer> {
        let mut connection = self.connect(to).await?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.stream.write_all(head.as_bytes()).await?;
        connection.read().await
    }
}

fn connector(world: &World, certificate: bool) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(world.certificate.clone())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = if certificate {
        let der = CertificateDer::from_pem_slice(world.own.expose()).unwrap();
        config.with_client_auth_cert(vec![der], PrivateKeyDer::from_pem_slice(world.own.expose()).unwrap()).unwrap()
    } else {
        config.with_no_client_auth()
    };
    TlsConnector::from(Arc::new(config))
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        found.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The response code of RFC 5408; empty if it is none.
    pub(crate) fn code(&self) -> String {
        let text = self.text();
        let at = text.find("responseType value=\"");
        at.and_then(|at| text.get(at + 20..at + 26)).unwrap_or_default().to_owned()
    }
}

pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    authorization: String,
}

impl Connection {
    /// A POST and its answer. An error means that no whole answer came.
    pub(crate) async fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> std::io::Result<Answer> {
        let (length, authorization) = (body.len(), &self.authorization);
        let mut bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await?;
        self.read().await
    }

    async fn read(&mut self) -> std::io::Result<Answer> {
        let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let mut all = Vec::with_capacity(4_096);
        loop {
            if let Some(at) = all.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&all[..at]).into_owned();
                let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(cut)?;
                let answer = Answer { status, head, body: Vec::new() };
                let length: usize = answer.header("content-length").and_then(|l| l.parse().ok()).ok_or_else(cut)?;
                while all.len() < at + 4 + length {
                    if self.stream.read_buf(&mut all).await? == 0 {
                        return Err(cut());
                    }
                }
                return Ok(Answer { body: all.split_off(at + 4), ..answer });
            }
            if self.stream.read_buf(&mut all).await? == 0 {
                return Err(cut());
            }
        }
    }
}
