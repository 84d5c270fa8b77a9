//! Heads and bodies: types, limits, and the answers that every route has.

use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use super::log::Note;

/// Every answer: its body is there as a whole.
pub(super) type Response = hyper::Response<Full<Bytes>>;

/// An answer that is not what was asked for.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// Stable, for programs and the log.
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) retry: Option<u64>,
    pub(super) challenges: Vec<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), retry: None, challenges: Vec::new() }
    }

    pub(super) fn busy(retry: u64) -> Self {
        let text = "the server is occupied; come again";
        Self { retry: Some(retry.max(1)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text) }
    }

    pub(super) fn too_fast(retry: u64) -> Self {
        let text = "more than a minute allows; come again";
        Self { retry: Some(retry.max(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-fast", text) }
    }

    /// As JSON: `{"error": {"code", "message"}}`.
    pub(super) fn response(&self) -> Response {
        let object = serde_json::json!({ "error": { "code": self.code, "message": self.text } });
        let mut out = answer(self.status, "application/json", object.to_string());
        if let Some(retry) = self.retry {
            out.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry));
        }
        for challenge in &self.challenges {
            if let Ok(value) = HeaderValue::from_str(challenge) {
                out.headers_mut().append(header::WWW_AUTHENTICATE, value);
            }
        }
        // What is left of a body is not waited for.
        if matches!(self.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            out.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        out.extensions_mut().insert(Note { code: self.code, ..Note::default() });
        out
    }
}

/// An answer with a body, which nobody stores unless the caller says otherwise.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut out = Response::new(Full::new(body.into()));
    *out.status_mut() = status;
    let headers = out.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out
}

/// A media type without its parameters, in lower case.
fn media(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether the body is said to be of this type, and not encoded.
pub(super) fn check_type(headers: &HeaderMap, kind: &str) -> Result<(), Problem> {
    let wrong = |text: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "type", text);
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let found = match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().map(media).unwrap_or_default(),
        _ => String::new(),
    };
    if found != kind {
        return Err(wrong(format!("a body of type {kind} is wanted")));
    }
    let encoded = headers.get_all(header::CONTENT_ENCODING).iter().any(|e| e.as_bytes() != b"identity");
    if encoded { Err(wrong("an encoded body is not taken".into())) } else { Ok(()) }
}

/// Whether the client takes an answer of this type.
pub(super) fn check_accept(headers: &HeaderMap, kind: &str) -> Result<(), Problem> {
    let group = kind.split('/').next().unwrap_or_default();
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            any = true;
            let refused = range.split(';').skip(1).any(|p| {
                let weight = p.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
                weight.is_some_and(|q| q <= 0.0)
            });
            let range = media(range);
            if !refused && (range == kind || range == "*/*" || range == format!("{group}/*")) {
                return Ok(());
            }
        }
    }
    let text = format!("the answer is of type {kind}");
    if any { Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "accept", text)) } else { Ok(()) }
}

/// The body, up to a size and within a time. It may hold credentials.
pub(super) async fn read(body: Incoming, limit: usize, within: Duration) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let too_long =
        || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", format!("a body has at most {limit} bytes"));
    match tokio::time::timeout(within, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time")),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "body", "the body ended early")),
        Ok(Ok(all)) => Ok(Zeroizing::new(all.to_bytes().to_vec())),
    }
}
