//! The same as JSON, for people and scripts.

use base64ct::{Base64, Encoding};
use hyper::body::Incoming;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::super::audit;
use super::super::auth::Requester;
use super::super::policy::Pattern;
use super::super::service::{Issued, KEYS, Request, Transit};
use super::body::{Problem, Response, answer, check_accept, check_type, read};
use super::keys::{Posted, issue, problem};
use super::log::{Note, noted};
use super::parameters::{cached, find};
use super::state::Inner;
use super::who::{Nobody, Shown, requester, unauthorized};
use crate::ibe::period::format_utc;
use crate::ibe::{Identity, Name, PublicParameters, Purpose};

const JSON: &str = "application/json";

fn bad(text: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "input", text)
}

pub(super) async fn parameters(http: &Inner, headers: &HeaderMap, serial: Option<u64>) -> Result<Response, Problem> {
    check_accept(headers, JSON)?;
    let (state, p) = find(http, serial).await?;
    let object = json!({
        "district": p.district().as_str(),
        "serial": p.serial(),
        "state": state.name(),
        "valid_from": format_utc(p.not_before()),
        "valid_to": format_utc(p.not_after()),
        "period": p.granularity().name(),
        "fingerprint": base16ct::lower::encode_string(p.fingerprint()),
        "pkg_uri": p.pkg_uri(),
        "der": Base64::encode_string(&p.to_der()),
    });
    Ok(cached(headers, &p, serial.is_some(), JSON, format!("{object}\n")))
}

/// The members of an object, all of which must be known.
struct Members(Map<String, Value>);

impl Members {
    fn read(value: Value, known: &[&str]) -> Result<Self, Problem> {
        let Value::Object(members) = value else { return Err(bad("an object is wanted")) };
        match members.keys().find(|k| !known.contains(&k.as_str())) {
            Some(_) => Err(bad(format!("a member is not known; there are {}", known.join(", ")))),
            None => Ok(Self(members)),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(_) => Err(bad(format!("{name} is a string"))),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(n) => n.as_u64().map(Some).ok_or_else(|| bad(format!("{name} is a whole number"))),
        }
    }
}

/// Body and requester of a POST.
async fn posted(http: &Inner, posted: &Posted<'_>, body: Incoming) -> Result<(Vec<u8>, Requester), Problem> {
    check_type(posted.headers, JSON)?;
    check_accept(posted.headers, JSON)?;
    let shown = Shown { headers: posted.headers, method: "POST", uri: posted.uri, peer: posted.peer, token: None };
    let requester = requester(http, &shown).await.map_err(|e| match e {
        Nobody::Problem(p) => p,
        Nobody::None | Nobody::Token => unauthorized(http, false),
    })?;
    let bytes = read(body, http.config.limits.bytes, http.config.limits.body).await?;
    Ok((bytes.to_vec(), requester))
}

pub(super) async fn keys(http: &Inner, head: Posted<'_>, body: Incoming, now: u64) -> Result<Response, Problem> {
    let (bytes, requester) = posted(http, &head, body).await?;
    let value = serde_json::from_slice(&bytes).map_err(|_| bad("the body is not JSON"))?;
    let members = Members::read(value, &["identities", "serial", "seal_to"])?;
    let (_, parameters) = find(http, members.number("serial")?).await?;
    let Some(Value::Array(list)) = members.0.get("identities") else { return Err(bad("identities is an array")) };
    if list.is_empty() || list.len() > KEYS {
        return Err(bad(format!("identities has 1 to {KEYS} items")));
    }
    let identities = list.iter().map(|one| wanted(one, &parameters, now)).collect::<Result<Vec<_>, _>>()?;
    let transit = match members.text("seal_to")? {
        Some(key) => {
            let key = Base64::decode_vec(key).ok().and_then(|k| k.try_into().ok());
            let to = key.ok_or_else(|| bad("seal_to is base64 of an HPKE public key, 32 bytes"))?;
            Transit::Sealed { to, request: bytes }
        }
        None if http.config.plain => Transit::Plain,
        None => return Err(bad("seal_to is wanted: this server sends no key in the clear")),
    };
    let request = Request { identities, transit };
    let issued = issue(http, &requester, &request, now).await.map_err(|e| problem(&e))?;
    let sealed = request.transit != Transit::Plain;
    let note = Note {
        user: http.pseudonym("log user", requester.name().as_bytes()),
        keys: issued.len() as u64,
        places: issued.iter().map(|i| i.link.place).collect(),
        sealed,
        code: "",
    };
    let keys: Vec<Value> = issued.iter().map(|one| key(one, sealed)).collect();
    let fingerprint = base16ct::lower::encode_string(parameters.fingerprint());
    let object = json!({ "district": parameters.district().as_str(), "serial": parameters.serial(),
                         "fingerprint": fingerprint, "keys": keys });
    Ok(noted(answer(StatusCode::OK, JSON, format!("{object}\n")), note))
}

fn wanted(one: &Value, parameters: &PublicParameters, now: u64) -> Result<Identity, Problem> {
    let members = Members::read(one.clone(), &["name", "purpose", "at"])?;
    let name = members.text("name")?.ok_or_else(|| bad("name is wanted"))?;
    let name = Name::parse(name).map_err(|e| bad(format!("name: {e}")))?;
    let purpose = match members.text("purpose")? {
        None | Some("decrypt") => Purpose::Decrypt,
        Some("sign") => Purpose::Sign,
        Some(_) => return Err(bad("purpose is decrypt or sign")),
    };
    let at = members.number("at")?.unwrap_or(now);
    parameters.identity(name, purpose, at).map_err(|e| bad(e.to_string()))
}

fn key(issued: &Issued, sealed: bool) -> Value {
    let (identity, period) = (&issued.identity, issued.identity.period());
    json!({
        "name": identity.name().as_str(),
        "purpose": if identity.purpose() == Purpose::Sign { "sign" } else { "decrypt" },
        "from": format_utc(period.start()),
        "to": format_utc(period.end()),
        "identity": Base64::encode_string(identity.der()),
        "key": Base64::encode_string(issued.key.expose()),
        "sealed": sealed,
        "receipt": {
            "place": issued.link.place,
            "hash": base16ct::lower::encode_string(&issued.link.hash),
            "salt": base16ct::lower::encode_string(&issued.salt),
        },
    })
}

/// Every entry of the audit log about a name that is the requester's own by a rule that says just this name.
pub(super) async fn log(http: &Inner, head: Posted<'_>, body: Incoming) -> Result<Response, Problem> {
    let (bytes, requester) = posted(http, &head, body).await?;
    let value = serde_json::from_slice(&bytes).map_err(|_| bad("the body is not JSON"))?;
    let members = Members::read(value, &["name", "behind"])?;
    let name = members.text("name")?.ok_or_else(|| bad("name is wanted"))?;
    let name = Name::parse(name).map_err(|e| bad(format!("name: {e}")))?;
    // Whose name it is stands in the settings.
    http.service.settings_hold().await.map_err(|e| problem(&e))?;
    let keys = http.service.keys();
    let (store, vault) = (keys.store(), keys.vault());
    let user = store.user(vault, requester.name()).await.map_err(|e| problem(&e))?;
    let rules = store.rules(vault, requester.name()).await.map_err(|e| problem(&e))?;
    let own = rules.iter().any(|r| matches!(&r.pattern, Pattern::Exactly(own) if *own == name));
    if !requester.scope().audit || !own || user.is_none_or(|u| u.disabled) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "identity", "this name is not the requester's"));
    }
    // A page of entries costs about as much as a key.
    http.pace_of_user(requester.name(), 1).map_err(|e| problem(&e))?;
    let behind = members.number("behind")?.unwrap_or(0);
    let found = audit::owned(store, vault, &name, behind).await.map_err(|e| problem(&e))?;
    let entries: Vec<Value> = found
        .iter()
        .map(|one| {
            json!({
                "place": one.link.place,
                "at": format_utc(one.link.at),
                "outcome": one.link.outcome,
                "serial": one.link.serial,
                "hash": base16ct::lower::encode_string(&one.link.hash),
                "commitment": base16ct::lower::encode_string(&one.link.commitment),
                "salt": base16ct::lower::encode_string(&one.opening.salt),
                "identity": Base64::encode_string(&one.opening.identity),
                "requester": one.opening.requester,
            })
        })
        .collect();
    let note = Note { user: http.pseudonym("log user", requester.name().as_bytes()), ..Note::default() };
    let object = json!({ "entries": entries });
    Ok(noted(answer(StatusCode::OK, JSON, format!("{object}\n")), note))
}
