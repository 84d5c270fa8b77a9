//! Which request goes where, and what every answer has.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, StatusCode, header};

use super::super::error::{Error, Fault, Unsettled};
use super::body::{Problem, Response, answer, check_accept};
use super::keys::Posted;
use super::log::{self, Note};
use super::parameters::serial;
use super::state::{Http, source};
use super::who::Peer;
use super::{json, keys, mikey, now, parameters};

/// The description of all routes, OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Parameters,
    ParametersOf,
    Keys,
    Mikey,
    JsonParameters,
    JsonParametersOf,
    JsonKeys,
    JsonLog,
    Health,
    Ready,
    Metrics,
    Description,
}

/// Method, path and where it goes. A path that ends in `{serial}` takes one more segment.
const TABLE: [(&str, &str, To); 12] = [
    ("GET", "/", To::Parameters),
    ("GET", "/parameters/{serial}", To::ParametersOf),
    ("POST", "/keys", To::Keys),
    ("POST", "/mikey", To::Mikey),
    ("GET", "/v1/parameters", To::JsonParameters),
    ("GET", "/v1/parameters/{serial}", To::JsonParametersOf),
    ("POST", "/v1/keys", To::JsonKeys),
    ("POST", "/v1/log", To::JsonLog),
    ("GET", "/health", To::Health),
    ("GET", "/ready", To::Ready),
    ("GET", "/metrics", To::Metrics),
    ("GET", "/openapi.json", To::Description),
];

/// Method and path of all routes.
pub const ROUTES: [(&str, &str); TABLE.len()] = {
    let mut out = [("", ""); TABLE.len()];
    let mut i = 0;
    while i < out.len() {
        out[i] = (TABLE[i].0, TABLE[i].1);
        i += 1;
    }
    out
};

const SERIAL: &str = "{serial}";

/// The route of a path, and the segment that it takes.
fn find<'p>(path: &'p str, district: &str) -> Option<(&'static str, &'static str, To, Option<&'p str>)> {
    // A district with a path of its own has all routes below it too.
    let below = path.strip_prefix(district).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    let below = if below.is_empty() { "/" } else { below };
    TABLE.iter().find_map(|(method, pattern, to)| match pattern.strip_suffix(SERIAL) {
        Some(prefix) => below
            .strip_prefix(prefix)
            .filter(|segment| !segment.is_empty() && !segment.contains('/'))
            .map(|segment| (*method, *pattern, *to, Some(segment))),
        None => (below == *pattern).then_some((*method, *pattern, *to, None)),
    })
}

impl Http {
    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Response {
        let begun = Instant::now();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let found = find(&path, &self.path);
        let route = found.map_or("none", |f| f.1);
        let outcome = match found {
            None => Err(Problem::new(StatusCode::NOT_FOUND, "no-route", "there is nothing here; see /openapi.json")),
            Some((only, _, to, segment)) => {
                let known = method.as_str() == only || (method == Method::HEAD && only == "GET");
                if known {
                    let limit = self.config.limits.body + self.config.limits.answer;
                    let work = self.dispatch(request, peer, to, segment);
                    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Problem::busy(5)))
                } else {
                    let text = format!("this route knows {only}");
                    let mut refused = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", text).response();
                    let allow = if only == "GET" { "GET, HEAD" } else { "POST" };
                    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                    Ok(refused)
                }
            }
        };
        let mut response = outcome.unwrap_or_else(|problem| problem.response());
        let code = response.extensions().get::<Note>().map_or("", |note| note.code);
        self.metrics.request(route, response.status().as_u16(), code, begun.elapsed());
        let from = self.pseudonym("log source", &source(peer.address.ip()));
        // A method may be anything; the log takes those there are.
        let shown = if [Method::GET, Method::HEAD, Method::POST].contains(&method) { method.as_str() } else { "other" };
        log::write(route, shown, &from, &response, begun.elapsed());
        if method == Method::HEAD {
            *response.body_mut() = http_body_util::Full::default();
        }
        let strict = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, strict);
        response
    }

    async fn dispatch(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
        to: To,
        segment: Option<&str>,
    ) -> Result<Response, Problem> {
        // Who looks after the server comes through, whoever else is at the same address.
        if !matches!(to, To::Health | To::Ready | To::Metrics) {
            self.pace_of_source(peer.address.ip()).map_err(|e| keys::problem(&e))?;
        }
        let (head, body) = request.into_parts();
        let uri = head.uri.path_and_query().map_or("/", |u| u.as_str());
        let posted = Posted { headers: &head.headers, uri, peer };
        let wanted = match segment {
            None => None,
            Some(text) => {
                let none = || Problem::new(StatusCode::NOT_FOUND, "no-parameters", "a serial is a number from 1 on");
                Some(serial(text).ok_or_else(none)?)
            }
        };
        let now = now();
        match to {
            To::Parameters | To::ParametersOf => parameters::get(self, &head.headers, wanted).await,
            To::JsonParameters | To::JsonParametersOf => json::parameters(self, &head.headers, wanted).await,
            To::Keys => keys::post(self, posted, body, now).await,
            To::Mikey => mikey::post(self, posted, body, now).await,
            To::JsonKeys => json::keys(self, posted, body, now).await,
            To::JsonLog => json::log(self, posted, body).await,
            To::Health => Ok(answer(StatusCode::OK, "application/json", "{\"status\":\"ok\"}\n")),
            To::Ready => match self.ready().await {
                Ok(()) => Ok(answer(StatusCode::OK, "application/json", "{\"ready\":true}\n")),
                Err(e) => {
                    tracing::warn!(target: "ibake::ready", error = %e, "not ready");
                    let text = obstacle(&e);
                    Err(Problem { retry: Some(5), ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", text) })
                }
            },
            To::Metrics if peer.address.ip().to_canonical().is_loopback() => {
                let text = self.metrics.text(self.measured());
                Ok(answer(StatusCode::OK, "text/plain; version=0.0.4", text))
            }
            To::Metrics => Err(Problem::new(StatusCode::FORBIDDEN, "local", "metrics are read on the machine itself")),
            To::Description => {
                check_accept(&head.headers, "application/json")?;
                Ok(answer(StatusCode::OK, "application/json", OPENAPI))
            }
        }
    }
}

/// What is in the way, for anybody: what kind of trouble it is, and nothing of where the store is or what it says.
fn obstacle(e: &Error) -> String {
    let text = match e {
        Error::Store { fault, .. } => match fault {
            Fault::Full => "store-full: the store has no room left",
            Fault::Busy => "store-busy: the store is locked by somebody else",
            Fault::Gone => "store-gone: the store cannot be reached",
            Fault::Io => "store-io: the medium of the store fails",
            Fault::ReadOnly => "store-read-only: the store takes no changes",
            Fault::Damaged => "store-damaged: the store says that its files are damaged",
            _ => "store: the store failed; the log says how",
        },
        Error::Corrupt { .. } => return format!("store-row: {e}"),
        Error::Settings { what } => match what {
            Unsettled::Missing | Unsettled::Sum => {
                "settings-sum: there is no sum over the settings that fits; the log says what to do"
            }
            Unsettled::Rows => "settings-rows: settings were deleted or put back; the log says what to do",
            Unsettled::Row { table } => {
                return format!("settings-row: a row of table {table:?} was altered; the log says what to do");
            }
            Unsettled::Older { .. } => "settings-older: the settings were put back; the log says what to do",
        },
        Error::Clock { .. } => return format!("clock: {e}"),
        Error::Crypto(_) => "parameters: no parameters are valid now",
        Error::Certificate { .. } => return format!("certificate: {e}"),
        Error::Module { .. } => "module: the hardware module of the wrapping key fails; the log says how",
        Error::KeyFile(_) => "key: a master key does not open; the log says why",
        e => return e.to_string(),
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_routes() {
        let to = |path, district| find(path, district).map(|(_, pattern, _, segment)| (pattern, segment));
        assert_eq!(to("/", ""), Some(("/", None)));
        assert_eq!(to("/parameters/7", ""), Some(("/parameters/{serial}", Some("7"))));
        assert_eq!(to("/staff", "/staff"), Some(("/", None)));
        assert_eq!(to("/staff/keys", "/staff"), Some(("/keys", None)));
        assert_eq!(to("/keys", "/staff"), Some(("/keys", None)));
        for none in ["/parameters/", "/parameters/7/8", "/parameters", "/keys/", "/staffkeys", "//", "/v1", "/KEYS"] {
            assert_eq!(to(none, "/staff"), None, "{none}");
        }
    }
}
