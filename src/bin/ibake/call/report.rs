//! What people and programs want to know about a finished exchange, and the keys that it exports.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use ibake::ibake::{Role, Session};
use ibake::ibe::Identity;
use ibake::keyfile;
use ibake::srtp::{Direction, MasterKeys, Profile};
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::error::Failure;
use crate::output::Output;
use crate::when;

/// Label of the key that `--export` writes.
const EXPORT: &[u8] = b"ibake program export";

/// Where exported keys go.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Export {
    /// Write a 32-byte key that both ends share to FILE, in hexadecimal; only its owner may read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Add SRTP master keys for both directions, as they follow a=crypto in SDES: for example AEAD_AES_256_GCM.
    #[arg(long, value_name = "PROFILE", requires = "export", value_parser = parse_profile)]
    pub(crate) srtp: Option<Profile>,
}

pub(crate) fn parse_profile(s: &str) -> Result<Profile, String> {
    Profile::from_name(s).ok_or_else(|| {
        let all: Vec<&str> = Profile::ALL.iter().map(|p| p.name()).collect();
        format!("there are {}", all.join(", "))
    })
}

impl Export {
    /// Writes the file. Both ends write the same bytes.
    pub(crate) fn write(&self, session: &Session) -> Result<(), Failure> {
        let Some(path) = &self.export else { return Ok(()) };
        let mut key = [0; 32];
        session.export(EXPORT, &session.id(), &mut key)?;
        // Room from the start: growing would leave copies of keys behind.
        let mut text = String::with_capacity(512);
        for b in key {
            let _ = write!(text, "{b:02x}");
        }
        key.zeroize();
        text.push('\n');
        if let Some(profile) = self.srtp {
            for (from, direction) in
                [("initiator", Direction::InitiatorToResponder), ("responder", Direction::ResponderToInitiator)]
            {
                let inline = MasterKeys::export(session, profile, b"", direction)?.sdes_inline();
                let _ = writeln!(text, "from {from}: {} inline:{}", profile.name(), inline.expose());
            }
        }
        let written = keyfile::write_secret_file(path, text.as_bytes());
        text.zeroize();
        Ok(written?)
    }
}

/// Shows who is at the other end and what to compare.
pub(crate) fn show(
    session: &Session,
    elapsed: Duration,
    cookie: bool,
    retried: bool,
    out: &Output,
) -> Result<(), Failure> {
    let (words, digits) = (session.authentication_string().words(), session.authentication_string().digits());
    let fingerprint = base16ct::lower::encode_string(&session.fingerprint()?);
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let initiator = session.role() == Role::Initiator;
    if out.is_json() {
        out.object(&json!({
            "event": "session",
            "role": if initiator { "initiator" } else { "responder" },
            "initiator": identity(session.initiator()),
            "responder": identity(session.responder()),
            "suite": session.suite().name(),
            "words": words,
            "digits": digits,
            "fingerprint": fingerprint,
            "session": base16ct::lower::encode_string(&session.id()),
            "cookie": cookie,
            "retried": retried,
            "micros": micros,
        }));
        return Ok(());
    }
    let peer = session.peer();
    let own = if initiator { session.initiator() } else { session.responder() };
    out.note_field(if initiator { "called" } else { "caller" }, peer.name().as_str());
    out.note_field("of", &format!("{}, serial {}", peer.district(), peer.serial()));
    let until = when::format(peer.period().end());
    out.note_field("period", &format!("{}, until {until}", peer.period()));
    out.note_field("you are", own.name().as_str());
    let extras = [(cookie, ", after a cookie"), (retried, ", at the second attempt")];
    let extras: String = extras.iter().filter(|e| e.0).map(|e| e.1).collect();
    out.note_field("suite", &format!("{}{extras}", session.suite().name()));
    out.note_field("compare", &format!("{}   or   {digits}", words.join(" ")));
    out.note_field("session key", &format!("fingerprint {fingerprint}"));
    out.note_field("time", &format!("{}.{:03} ms", micros / 1000, micros % 1000));
    Ok(())
}

pub(crate) fn identity(id: &Identity) -> Value {
    json!({
        "name": id.name().as_str(),
        "district": id.district().as_str(),
        "serial": id.serial(),
        "from": when::format(id.period().start()),
        "until": when::format(id.period().end()),
    })
}
