//! What people and programs want to know about a call, and its keys where they are asked for.

use std::fmt::Write;
use std::time::Duration;

use ibake::ibe::Identity;
use ibake::keyfile;
use ibake::mikey::call::{CryptoSession, Lack, Outcome, Session};
use ibake::srtp::{MasterKeys, Role};
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

use super::Options;
use crate::call::report::identity;
use crate::error::Failure;
use crate::output::Output;
use crate::when;

/// A call that is up, and how it came about.
pub(super) struct Finished<'a> {
    pub(super) session: &'a Session,
    pub(super) lacks: &'static [Lack],
    pub(super) bound: bool,
    pub(super) elapsed: Duration,
    /// Messages that were sent once more.
    pub(super) again: u32,
}

/// Takes an outcome apart. The application has decided by its settings and options which of them it takes.
pub(super) fn open(outcome: Outcome) -> (Session, &'static [Lack], bool) {
    let lacks = outcome.lacks();
    match outcome {
        Outcome::Bound(s) | Outcome::BoundUnopened(s) => (s, lacks, true),
        Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s) => (s, lacks, false),
    }
}

fn lack_code(lack: Lack) -> &'static str {
    match lack {
        Lack::Binding => "binding",
        Lack::FirstMessage => "first-message",
        _ => "other",
    }
}

fn lack_text(lack: Lack) -> &'static str {
    match lack {
        Lack::Binding => {
            "keys are not bound to the messages: whoever holds the caller's private key could sit in the middle"
        }
        Lack::FirstMessage => {
            "who answered did not open the first message: nothing shows that they act for the one called"
        }
        _ => "something that this program does not know",
    }
}

fn sender(stream: &CryptoSession) -> &'static str {
    if stream.sender == Role::Initiator { "initiator" } else { "responder" }
}

/// `1 initiator 0x0a11ce01 AES_CM_128_HMAC_SHA1_80 inline:BASE64`, appended.
fn key_line(to: &mut String, stream: &CryptoSession, keys: &MasterKeys) {
    let (n, who, ssrc, profile) = (stream.cs_id, sender(stream), stream.ssrc, stream.profile.name());
    let _ = writeln!(to, "{n} {who} {ssrc:#010x} {profile} inline:{}", keys.sdes_inline().expose());
}

impl Finished<'_> {
    /// Shows who is at the other end, what was agreed and what it lacks; keys only where they were asked for.
    pub(super) fn show(&self, options: &Options, out: &Output) -> Result<(), Failure> {
        if let Some(path) = &options.keys_to {
            // Room from the start: growing would leave copies of keys behind. A line has less than 160 bytes.
            let mut text = String::with_capacity(160 * self.session.sessions().len());
            self.session.media().for_each(|(stream, keys)| key_line(&mut text, stream, keys));
            let written = keyfile::write_secret_file(path, text.as_bytes());
            text.zeroize();
            written?;
        }
        if out.is_json() {
            self.object(options, out)
        } else {
            self.text(options, out)
        }
        Ok(())
    }

    fn object(&self, options: &Options, out: &Output) {
        let s = self.session;
        let streams: Vec<Value> = s
            .media()
            .map(|(stream, keys)| {
                let mut o = json!({
                    "cs_id": stream.cs_id,
                    "sender": sender(stream),
                    "ssrc": format!("{:#010x}", stream.ssrc),
                    "srtp": stream.profile.name(),
                });
                if options.show_keys {
                    o["inline"] = keys.sdes_inline().expose().into();
                }
                o
            })
            .collect();
        out.object(&json!({
            "event": "call",
            "role": if s.role() == Role::Initiator { "initiator" } else { "responder" },
            "initiator": identity(s.initiator()),
            "responder": identity(s.responder()),
            "dialled": s.dialled().as_str(),
            "schedule": if self.bound { "bound" } else { "rfc6267" },
            "lacks": self.lacks.iter().map(|l| lack_code(*l)).collect::<Vec<_>>(),
            "suite": s.suite().name(),
            "csb_id": format!("{:#010x}", s.csb_id()),
            "streams": streams,
            "sent_again": self.again,
            "micros": u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
        }));
    }

    fn text(&self, options: &Options, out: &Output) {
        let s = self.session;
        let initiator = s.role() == Role::Initiator;
        let who = |label: &str, id: &Identity| {
            out.field(label, &format!("{} of {}, serial {}", id.name(), id.district(), id.serial()));
            out.field("", &format!("key for {}, until {}", id.period(), when::format(id.period().end())));
        };
        who(if initiator { "answered" } else { "caller" }, s.peer());
        if s.dialled() != s.responder().name() {
            out.field("dialled", s.dialled().as_str());
        }
        let own = if initiator { s.initiator() } else { s.responder() };
        out.field("you are", own.name().as_str());
        out.field("schedule", if self.bound { "bound: keys hang on every message" } else { "rfc6267: to the letter" });
        out.field("group", s.suite().name());
        for lack in self.lacks {
            out.field("lacks", lack_text(*lack));
        }
        for stream in s.sessions() {
            let sends = if (stream.sender == Role::Initiator) == initiator { "you send" } else { "they send" };
            out.field(
                &format!("stream {}", stream.cs_id),
                &format!("{sends} SSRC {:#010x} under {}", stream.ssrc, stream.profile.name()),
            );
        }
        let again = match self.again {
            0 => String::new(),
            1 => ", one message sent again".into(),
            n => format!(", {n} messages sent again"),
        };
        let micros = self.elapsed.as_micros();
        out.field("time", &format!("{}.{:03} ms{again}", micros / 1000, micros % 1000));
        if let Some(path) = &options.keys_to {
            out.field("keys", &format!("in {}", path.display()));
        }
        if options.show_keys {
            out.note("\nThese are the keys of the call. Whoever sees them can hear it; do not pass them on.");
            let mut text = Zeroizing::new(String::with_capacity(160 * s.sessions().len()));
            s.media().for_each(|(stream, keys)| key_line(&mut text, stream, keys));
            out.text(text.trim_end());
        }
    }
}
