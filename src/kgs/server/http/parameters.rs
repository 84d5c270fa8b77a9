//! Publishing parameters.

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode, header};

use super::super::keys::State;
use super::body::{Problem, Response, answer, check_accept};
use super::state::Inner;
use super::{keys, now};
use crate::ibe::PublicParameters;
use crate::kdf::hash;
use crate::kgs::rfc5408::{PARAMETERS_TYPE, parameters_to_text};

/// Seconds for which "the current parameters" may be kept.
const CURRENT: u64 = 3_600;
/// Seconds for which those of a serial may be kept: they may be published again with another validity.
const SERIAL: u64 = 86_400;

/// Those of a serial, or the current ones, with their state.
pub(super) async fn find(http: &Inner, serial: Option<u64>) -> Result<(State, PublicParameters), Problem> {
    // Which epoch is in use stands in the settings: one that was put back may be one whose master key is known to somebody.
    http.service.settings_hold().await.map_err(|e| keys::problem(&e))?;
    let all = http.service.keys().parameters().await.map_err(|e| keys::problem(&e))?;
    let wanted = |(state, p): &(State, PublicParameters)| match serial {
        Some(serial) => p.serial() == serial,
        None => *state == State::Current,
    };
    let none = || Problem::new(StatusCode::NOT_FOUND, "no-parameters", "there are no parameters of this serial");
    all.into_iter().find(wanted).ok_or_else(none)
}

/// A serial as it stands in a path: one spelling each.
pub(super) fn serial(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n: &u64| *n > 0 && n.to_string() == text)
}

pub(super) async fn get(http: &Inner, headers: &HeaderMap, serial: Option<u64>) -> Result<Response, Problem> {
    check_accept(headers, PARAMETERS_TYPE)?;
    let (_, parameters) = find(http, serial).await?;
    Ok(cached(headers, &parameters, serial.is_some(), PARAMETERS_TYPE, parameters_to_text(&parameters)))
}

/// An answer that may be kept as long as the parameters are good, at most for a while.
pub(super) fn cached(
    headers: &HeaderMap,
    parameters: &PublicParameters,
    by_serial: bool,
    kind: &'static str,
    text: String,
) -> Response {
    let tag = hash(&[kind.as_bytes(), text.as_bytes()]);
    let tag = format!("\"{}\"", base16ct::lower::encode_string(tag.get(..16).unwrap_or_default()));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let known = known.flat_map(|v| v.split(',')).any(|t| {
        let t = t.trim();
        t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag
    });
    let mut out = match known {
        true => answer(StatusCode::NOT_MODIFIED, kind, ""),
        false => answer(StatusCode::OK, kind, text),
    };
    let left = parameters.not_after().saturating_sub(now());
    let age = left.min(if by_serial { SERIAL } else { CURRENT });
    let control = if age == 0 { "no-cache".into() } else { format!("public, max-age={age}") };
    for (name, value) in [(header::CACHE_CONTROL, control), (header::ETAG, tag)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.headers_mut().insert(name, value);
        }
    }
    out
}
