//! Asking for private keys over MIKEY (RFC 6267 section 4.2.1), with a pre-shared key.
//!
//! RFC 6267 names no transport. Over HTTPS the message is the body of a POST to the path `mikey` below the district; over TCP
//! one connection is one request: the message, the end of our direction, the answer, the end (SPEC.md 14.8). TCP hides neither
//! names nor periods; keys are sealed to the request on both ways unless the form of the RFC is wanted.

use rand_core::TryCryptoRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::Outgoing;
use super::{Connector, Error};
use crate::ibe::extract::PrivateKey;
use crate::mikey::request::{Answer, Ask, MEDIA_TYPE};

/// Longest answer that is read over TCP: what MIKEY's 16-bit lengths allow, and some.
const ANSWER: u64 = 131_072;

/// How the message goes to the server.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// In a POST inside TLS.
    Https(&'a Connector),
    /// Bare, to `HOST:PORT`.
    Tcp {
        /// Where.
        address: &'a str,
        /// How long an answer may take, connection included.
        within: core::time::Duration,
    },
}

/// Asks for all keys of `ask` in one message at `now` (Unix time), and takes them if they are those that were asked for and pass
/// the pairing check; all or none.
///
/// # Errors
/// [`Error::Crypto`] for a request that cannot be made; those of the way; [`Error::MikeyDropped`]; [`Error::Mikey`] for an answer that is not used,
/// [`Error::MikeyRefused`] for a refusal.
pub async fn request<R: TryCryptoRng + ?Sized>(
    way: Way<'_>,
    ask: &Ask<'_>,
    now: u64,
    rng: &mut R,
) -> Result<Vec<PrivateKey>, Error> {
    let (pending, message) = ask.request(now, rng)?;
    let answer = match way {
        Way::Https(connector) => {
            let uri = format!("{}/mikey", ask.parameters.district().as_str());
            let body = Some((MEDIA_TYPE, &message[..]));
            let outgoing = Outgoing { uri: &uri, accept: MEDIA_TYPE, authorization: None, body };
            match connector.send(&outgoing).await {
                Err(Error::Status { status: 400 }) => return Err(Error::MikeyDropped),
                answer => answer?.body,
            }
        }
        Way::Tcp { address, within } => {
            let exchange = tokio::time::timeout(within, over_tcp(address, &message));
            exchange.await.unwrap_or(Err(Error::Timeout))?
        }
    };
    match pending.receive(&answer, now).map_err(Error::Mikey)? {
        Answer::Keys(keys) => Ok(keys),
        Answer::Refused(number) => Err(Error::MikeyRefused { number, authentic: true }),
        Answer::Hint(number) => Err(Error::MikeyRefused { number, authentic: false }),
    }
}

async fn over_tcp(address: &str, message: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    let broken = |e: std::io::Error| Error::Connection(e.to_string());
    let mut stream = TcpStream::connect(address).await.map_err(broken)?;
    stream.write_all(message).await.map_err(broken)?;
    stream.shutdown().await.map_err(broken)?;
    let mut answer = zeroize::Zeroizing::new(Vec::with_capacity(8_192));
    stream.take(ANSWER + 1).read_to_end(&mut answer).await.map_err(broken)?;
    match answer.len() as u64 {
        0 => Err(Error::MikeyDropped),
        n if n > ANSWER => Err(Error::TooLong),
        _ => Ok(answer),
    }
}
