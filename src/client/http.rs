//! One request over one connection. Redirects are not followed: a credential goes to the URI that was meant.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::{Error, Trust, tls};
use crate::secret::SecretVec;

/// Longest answer that is read.
const ANSWER: usize = 32_768;

/// Makes connections.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    address: Option<SocketAddr>,
    within: Duration,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) uri: &'a str,
    pub(super) accept: &'static str,
    pub(super) authorization: Option<&'a SecretVec>,
    /// Type and bytes of the body; with one it is a POST.
    pub(super) body: Option<(&'static str, &'a [u8])>,
}

/// What comes back with status 200.
pub(super) struct Incoming {
    pub(super) kind: String,
    pub(super) body: Zeroizing<Vec<u8>>,
}

fn broken(e: impl ToString) -> Error {
    Error::Connection(e.to_string())
}

impl Connector {
    /// By whom servers are believed.
    ///
    /// # Errors
    /// [`Error::Tls`] for roots that are none.
    pub fn new(trust: &Trust) -> Result<Self, Error> {
        let tls = TlsConnector::from(Arc::new(tls::config(trust, None)?));
        Ok(Self { tls, address: None, within: Duration::from_secs(60) })
    }

    /// With a certificate of one's own: PEM of the chain and of its key.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn with_certificate(trust: &Trust, chain: &[u8], key: &SecretVec) -> Result<Self, Error> {
        let tls = TlsConnector::from(Arc::new(tls::config(trust, Some((chain, key)))?));
        Ok(Self { tls, address: None, within: Duration::from_secs(60) })
    }

    /// Connects to this address whatever the host of a URI is; the certificate has to be the host's all the same.
    #[must_use]
    pub const fn to(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// How long an answer may take, connection included.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// One request.
    pub(super) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Incoming, Error> {
        tokio::time::timeout(self.within, self.exchange(outgoing)).await.unwrap_or(Err(Error::Timeout))
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>) -> Result<Incoming, Error> {
        let uri: Uri = outgoing.uri.parse().map_err(|_| Error::Uri)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or(Error::Uri)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let tcp = match self.address {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((host.as_str(), port)).await,
        };
        let tcp = tcp.map_err(broken)?;
        let name = ServerName::try_from(host).map_err(|_| Error::Uri)?;
        let stream = self.tls.connect(name, tcp).await.map_err(|e| Error::Tls(e.to_string()))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the sender, or with the server.
        let driver = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = Request::builder().uri(path).header(HOST, authority.as_str()).header(ACCEPT, outgoing.accept);
        request = request.header(USER_AGENT, concat!("ibake/", env!("CARGO_PKG_VERSION")));
        if let Some(value) = outgoing.authorization {
            let mut value = HeaderValue::from_bytes(value.expose()).map_err(|_| Error::Unauthentic)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = match outgoing.body {
            Some((kind, body)) => {
                let body = Full::new(Bytes::copy_from_slice(body));
                request.method(Method::POST).header(CONTENT_TYPE, kind).body(body)
            }
            None => request.method(Method::GET).body(Full::default()),
        };
        let answer = sender.send_request(request.map_err(|_| Error::Uri)?).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => {
                driver.abort();
                return Err(broken(e));
            }
        };
        let (head, body) = answer.into_parts();
        let text = |name| head.headers.get(name).and_then(|v| v.to_str().ok());
        match head.status.as_u16() {
            200 => {}
            401 => return Err(Error::Unauthentic),
            429 | 503 => {
                return Err(Error::Busy { retry: text(RETRY_AFTER).and_then(|t| t.parse().ok()).unwrap_or(1) });
            }
            status => return Err(Error::Status { status }),
        }
        let kind = text(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let kind = kind.to_ascii_lowercase();
        match Limited::new(body, ANSWER).collect().await {
            Ok(all) => Ok(Incoming { kind, body: Zeroizing::new(all.to_bytes().to_vec()) }),
            Err(e) if e.is::<LengthLimitError>() => Err(Error::TooLong),
            Err(e) => Err(broken(e)),
        }
    }
}
