//! Who asks: the credential of a request, whichever way it comes.

use std::net::SocketAddr;

use base64ct::{Base64, Encoding};
use hyper::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use super::super::auth::{Requester, credentials, digest, token};
use super::super::error::Error;
use super::body::Problem;
use super::keys::problem;
use super::now;
use super::state::{Inner, source};
use crate::secret::SecretVec;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// DER of the certificate whose key it has shown.
    pub(super) certificate: Option<Vec<u8>>,
}

/// What a request shows.
pub(super) struct Shown<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) peer: &'a Peer,
    /// A token of the body.
    pub(super) token: Option<&'a SecretVec>,
}

/// Why nobody is known.
pub(super) enum Nobody {
    /// There is no credential at all.
    None,
    /// There is one, in the body, and it is not good.
    Token,
    /// Anything else, with its answer.
    Problem(Problem),
}

/// Longest header that is read.
const HEADER: usize = 4_096;

/// Finds out.
pub(super) async fn requester(http: &Inner, shown: &Shown<'_>) -> Result<Requester, Nobody> {
    let mut all = shown.headers.get_all(header::AUTHORIZATION).iter();
    let header = match (all.next(), all.next()) {
        (Some(one), None) => Some(one.to_str().ok().filter(|h| h.len() <= HEADER).ok_or_else(|| refused(http))?),
        (None, _) => None,
        _ => return Err(refused(http)),
    };
    match (header, shown.token, &shown.peer.certificate) {
        (Some(header), _, _) => by_header(http, shown, header).await,
        (None, Some(token), _) => match bearer(http, token.expose()).await {
            Err(Nobody::Problem(p)) if p.status == StatusCode::UNAUTHORIZED => Err(Nobody::Token),
            other => other,
        },
        (None, None, Some(certificate)) => {
            let keys = http.service.keys();
            let found = credentials::check_certificate(keys.store(), keys.vault(), certificate).await;
            found.map_err(|e| failed(http, &e))
        }
        (None, None, None) => Err(Nobody::None),
    }
}

async fn by_header(http: &Inner, shown: &Shown<'_>, header: &str) -> Result<Requester, Nobody> {
    let (scheme, rest) = header.split_once(' ').ok_or_else(|| refused(http))?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        basic(http, shown, rest).await
    } else if scheme.eq_ignore_ascii_case("bearer") {
        bearer(http, rest.as_bytes()).await
    } else if scheme.eq_ignore_ascii_case("digest") && http.config.digest {
        by_digest(http, shown, rest).await
    } else {
        Err(refused(http))
    }
}

/// Through the guard: who is held up does not get as far as the work.
async fn guarded<T>(
    http: &Inner,
    shown: &Shown<'_>,
    name: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Nobody> {
    let (vault, source) = (http.service.keys().vault(), source(shown.peer.address.ip()));
    http.guard.check(vault, &source, name, now()).map_err(|e| failed(http, &e))?;
    let found = work.await;
    match &found {
        Ok(_) => http.guard.succeeded(vault, &source, name),
        Err(Error::Unauthentic) => http.guard.failed(vault, &source, name, now()),
        Err(_) => {}
    }
    found.map_err(|e| failed(http, &e))
}

async fn basic(http: &Inner, shown: &Shown<'_>, text: &str) -> Result<Requester, Nobody> {
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let decoded = Base64::decode(text.as_bytes(), &mut bytes).map_err(|_| refused(http))?;
    let at = decoded.iter().position(|b| *b == b':').ok_or_else(|| refused(http))?;
    let (user, password) = decoded.split_at(at);
    let user = core::str::from_utf8(user).map_err(|_| refused(http))?;
    let password = SecretVec::new(password.get(1..).unwrap_or_default().to_vec());
    guarded(http, shown, user, http.passwords.check(user, password)).await
}

/// Not through the guard: a token cannot be guessed, and one machine that goes on with an expired one must not hold up everybody
/// who shares its address.
async fn bearer(http: &Inner, text: &[u8]) -> Result<Requester, Nobody> {
    let keys = http.service.keys();
    token::check(keys.store(), keys.vault(), text, now()).await.map_err(|e| failed(http, &e))
}

async fn by_digest(http: &Inner, shown: &Shown<'_>, text: &str) -> Result<Requester, Nobody> {
    let fields = parse_fields(text).ok_or_else(|| refused(http))?;
    let field = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
    let response = digest::Response {
        username: field("username"),
        realm: field("realm"),
        nonce: field("nonce"),
        uri: field("uri"),
        algorithm: field("algorithm"),
        qop: field("qop"),
        nc: field("nc"),
        cnonce: field("cnonce"),
        response: field("response"),
    };
    if response.uri != shown.uri {
        return Err(refused(http));
    }
    let keys = http.service.keys();
    let mut stale = false;
    let work = async {
        let found = digest::check(keys.store(), keys.vault(), &response, shown.method, &http.config.realm, now()).await;
        found.map_err(|e| match e {
            digest::Failed::Stale => {
                stale = true;
                // Not a failure to be counted, and the client is told apart from one below.
                Error::Busy { retry: 0 }
            }
            digest::Failed::Error(e) => e,
        })
    };
    let found = guarded(http, shown, response.username, work).await;
    if stale { Err(Nobody::Problem(unauthorized(http, true))) } else { found }
}

/// `name=value` and `name="value"`, separated by commas, none twice.
fn parse_fields(text: &str) -> Option<Vec<(String, String)>> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut chars = quoted.char_indices();
                let end = loop {
                    match chars.next()? {
                        (i, '"') => break i + 1,
                        (_, '\\') => value.push(chars.next()?.1),
                        (_, c) => value.push(c),
                    }
                };
                (value, quoted.get(end..)?)
            }
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind.get(..end)?.trim().to_owned(), behind.get(end..)?)
            }
        };
        if out.len() >= 16 || out.iter().any(|(n, _)| *n == name) {
            return None;
        }
        out.push((name, value));
        let behind = behind.trim_start();
        rest = if behind.is_empty() { "" } else { behind.strip_prefix(',')?.trim_start() };
    }
    Some(out)
}

/// 401 with the ways that there are.
pub(super) fn unauthorized(http: &Inner, stale: bool) -> Problem {
    let text = "a credential is needed that is good here";
    let mut out = Problem::new(StatusCode::UNAUTHORIZED, "unauthentic", text);
    let realm = &http.config.realm;
    if http.config.digest
        && let Ok(nonce) = digest::nonce(http.service.keys().vault(), now())
    {
        let stale = if stale { ", stale=true" } else { "" };
        out.challenges
            .push(format!("Digest realm=\"{realm}\", qop=\"auth\", algorithm=SHA-256, nonce=\"{nonce}\"{stale}"));
    }
    out.challenges.push(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""));
    out.challenges.push(format!("Bearer realm=\"{realm}\""));
    out
}

fn refused(http: &Inner) -> Nobody {
    Nobody::Problem(unauthorized(http, false))
}

fn failed(http: &Inner, e: &Error) -> Nobody {
    match e {
        Error::Unauthentic => refused(http),
        other => Nobody::Problem(problem(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_header_are_read_or_refused() {
        let fields =
            |text| parse_fields(text).map(|f| f.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>());
        assert_eq!(fields("a=1, B=\"x, y\",c=\"q\\\"q\" ").unwrap(), ["a=1", "b=x, y", "c=q\"q"]);
        assert_eq!(fields("").unwrap(), Vec::<String>::new());
        for bad in ["a", "a=\"x", "a=1,a=2", "a=\"x\"b=1", "a=\"x\\"] {
            assert_eq!(fields(bad), None, "{bad}");
        }
    }
}
