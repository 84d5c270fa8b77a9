//! `POST /keys`: key requests of RFC 5408.

use hyper::body::Incoming;
use hyper::{HeaderMap, StatusCode};

use super::super::auth::Requester;
use super::super::error::{Error, Refusal};
use super::super::keys::State;
use super::super::service::{Issued, Request, Transit};
use super::body::{Problem, Response as Answer, answer, check_accept, check_type, read};
use super::log::{Note, noted};
use super::state::Inner;
use super::who::{Nobody, Peer, Shown, requester, unauthorized};
use crate::ibe::{Identity, PublicParameters};
use crate::kgs::rfc5408::{KeyReply, KeyRequest, REQUEST_TYPE, RESPONSE_TYPE, Receipt, Response};

/// A request with its head taken apart.
pub(super) struct Posted<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) uri: &'a str,
    pub(super) peer: &'a Peer,
}

/// An answer of the RFC: status 200, whatever the code.
fn respond(response: &Response, note: Note) -> Answer {
    let body = response.to_xml().expose().to_vec();
    noted(answer(StatusCode::OK, RESPONSE_TYPE, body), Note { code: response.code(), ..note })
}

fn invalid(why: impl Into<String>) -> Answer {
    respond(&Response::InvalidRequest(why.into()), Note::default())
}

pub(super) async fn post(http: &Inner, posted: Posted<'_>, body: Incoming, now: u64) -> Result<Answer, Problem> {
    check_type(posted.headers, REQUEST_TYPE)?;
    check_accept(posted.headers, RESPONSE_TYPE)?;
    let bytes = read(body, http.config.limits.bytes, http.config.limits.body).await?;
    // Before the credential, since that may stand inside.
    let asked = match KeyRequest::from_xml(&bytes) {
        Ok(asked) => asked,
        Err(e) => return Ok(invalid(e.to_string())),
    };
    let shown = Shown {
        headers: posted.headers,
        method: "POST",
        uri: posted.uri,
        peer: posted.peer,
        token: asked.proof.as_ref().map(|p| &p.0),
    };
    let requester = match requester(http, &shown).await {
        Ok(requester) => requester,
        Err(Nobody::Problem(p)) => return Err(p),
        Err(Nobody::Token) => {
            return Ok(respond(&Response::Denied("the token is not good".into()), Note::default()));
        }
        Err(Nobody::None) => match &http.config.enroll {
            Some(uri) => return Ok(respond(&Response::Enroll(uri.clone()), Note::default())),
            None => return Err(unauthorized(http, false)),
        },
    };
    let user = http.pseudonym("log user", requester.name().as_bytes());
    if !asked.is_ours() {
        return Ok(invalid("keys of this algorithm are not issued here"));
    }
    let identity = match identity(http, &asked.identity).await? {
        Ok(found) => found,
        Err(why) => return Ok(invalid(why)),
    };
    let transit = match asked.seal_to {
        Some(to) => Transit::Sealed { to, request: bytes.to_vec() },
        None if http.config.plain => Transit::Plain,
        None => return Ok(invalid("a key to seal to is wanted (sealTo): this server sends no key in the clear")),
    };
    let sealed = asked.seal_to.is_some();
    let request = Request { identities: vec![identity], transit };
    match issue(http, &requester, &request, now).await {
        Ok(mut issued) => match issued.pop() {
            Some(one) => Ok(key(one, sealed, user)),
            None => Ok(respond(&Response::SystemError(String::new()), Note { user, ..Note::default() })),
        },
        Err(e) => failed(&e, user),
    }
}

/// The identity that these bytes are, under parameters that are alive.
async fn identity(http: &Inner, der: &[u8]) -> Result<Result<Identity, String>, Problem> {
    let keys = http.service.keys();
    // Under the parameters that are known, without a look-up: the decision about it reads the store. Unless it fits none of them.
    if let Ok(found) = read_identity(&keys.known_parameters(), der) {
        return Ok(Ok(found));
    }
    Ok(read_identity(&keys.parameters().await.map_err(|e| problem(&e))?, der))
}

fn read_identity(all: &[(State, PublicParameters)], der: &[u8]) -> Result<Identity, String> {
    let mut why = String::from("the identity is not of this district, or of a key epoch that issues nothing");
    for (_, parameters) in all {
        match Identity::from_der(der, parameters.granularity()) {
            Ok(found) if parameters.check_identity(&found).is_ok() => return Ok(found),
            Ok(_) => {}
            Err(e) => why = format!("the identity: {e}"),
        }
    }
    Err(why)
}

/// Issues, and counts what leaves.
pub(super) async fn issue(
    http: &Inner,
    requester: &Requester,
    request: &Request,
    now: u64,
) -> Result<Vec<Issued>, Error> {
    http.pace_of_user(requester.name(), request.identities.len())?;
    let issued = http.service.issue(requester, request, now).await?;
    http.metrics.keys(issued.len() as u64, request.transit != Transit::Plain);
    Ok(issued)
}

/// IBE100.
fn key(issued: Issued, sealed: bool, user: String) -> Answer {
    let place = issued.link.place;
    let receipt = Receipt { place, hash: issued.link.hash, salt: issued.salt };
    let reply = KeyReply {
        identity: issued.identity.der().to_vec(),
        key: issued.key,
        sealed,
        receipt: sealed.then_some(receipt),
    };
    respond(&Response::Key(reply.to_der()), Note { user, keys: 1, places: vec![place], sealed, ..Note::default() })
}

/// What the refusal of a request is in the RFC's codes.
fn failed(e: &Error, user: String) -> Result<Answer, Problem> {
    let note = Note { user, ..Note::default() };
    Ok(match e {
        Error::Refused { why, .. } => respond(&Response::Denied(sentence(*why).into()), note),
        Error::Input { .. } | Error::TooMany { .. } | Error::Crypto(_) => {
            respond(&Response::InvalidRequest(e.to_string()), note)
        }
        e if e.is_temporary() || matches!(e, Error::Settings { .. }) => return Err(problem(e)),
        e => {
            tracing::error!(target: "ibake::request", error = %e, "a request failed");
            respond(&Response::SystemError("the server failed; its operator has been told".into()), note)
        }
    })
}

/// A refusal for whoever asked.
pub(super) const fn sentence(why: Refusal) -> &'static str {
    match why {
        Refusal::Identity => "this identity is not the requester's",
        Refusal::Purpose => "not for this purpose",
        Refusal::Past => "the period is over",
        Refusal::Ahead => "the period begins too late",
        Refusal::Quota => "no more keys today",
        Refusal::Revoked => "the identity has been revoked",
        Refusal::Disabled => "the requester has been disabled",
        Refusal::Replay => "this request has been seen before",
        Refusal::Epoch => "the key epoch does not issue",
        Refusal::Scope => "the credential is not good for this",
        Refusal::Recipient => "no one user has this identity",
        Refusal::Unsealable => "there is no key to seal to",
    }
}

/// A failure as HTTP has it.
pub(super) fn problem(e: &Error) -> Problem {
    match e {
        Error::Busy { retry } => Problem::busy(*retry),
        Error::TooFast { retry } => Problem::too_fast(*retry),
        Error::Refused { why, .. } => Problem::new(StatusCode::FORBIDDEN, why.name(), sentence(*why)),
        Error::Unauthentic => Problem::new(StatusCode::UNAUTHORIZED, "unauthentic", "the credential is not good"),
        Error::Input { .. } | Error::TooMany { .. } | Error::Crypto(_) => {
            Problem::new(StatusCode::BAD_REQUEST, "input", e.to_string())
        }
        e if e.is_temporary() || matches!(e, Error::Settings { .. }) => {
            tracing::error!(target: "ibake::request", error = %e, "the server cannot work now");
            let text = "the server cannot work now; come again";
            Problem { retry: Some(5), ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text) }
        }
        e => {
            tracing::error!(target: "ibake::request", error = %e, "a request failed");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the server failed; its operator has been told")
        }
    }
}
