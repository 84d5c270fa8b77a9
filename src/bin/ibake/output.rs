//! Text for people, JSON for machines; colours only where standard output is a terminal.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::error::Failure;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const STRONG: Style = Style::new().bold();

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// One result: `text` for people, `object` for machines.
    pub(crate) fn result(self, text: &str, object: &Value) {
        if self.json { self.object(object) } else { self.text(text) }
    }

    /// A line for people; nothing with `--json`.
    pub(crate) fn text(self, text: &str) {
        if !self.json {
            // A closed pipe is no failure of ours.
            let _ = writeln!(anstream::stdout(), "{text}");
        }
    }

    /// An object for machines; nothing without `--json`.
    pub(crate) fn object(self, object: &Value) {
        if self.json {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{object}").and_then(|()| stdout.flush());
        }
    }

    /// `name: value` with the name aligned and emphasised.
    pub(crate) fn field(self, name: &str, value: &str) {
        self.text(&format!("{STRONG}{name:>14}{STRONG:#}  {value}"));
    }

    /// A line beside the results, on standard error; nothing with `--json`.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// As [`Self::field`], on standard error.
    pub(crate) fn note_field(self, name: &str, value: &str) {
        self.note(&format!("{STRONG}{name:>14}{STRONG:#}  {value}"));
    }

    /// A call is over, and nothing is missing.
    pub(crate) fn ended(self) {
        self.note("The call has ended; nothing is missing.");
        self.object(&json!({ "event": "end" }));
    }

    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            let hint = failure.hint.as_deref();
            self.object(&json!({ "error": { "code": failure.code, "message": failure.message, "hint": hint } }));
        } else {
            let _ = writeln!(anstream::stderr(), "{BAD}error:{BAD:#} {}", failure.message);
            if let Some(hint) = &failure.hint {
                let _ = writeln!(anstream::stderr(), "       {hint}");
            }
        }
    }
}

/// A mark for a step that held or did not.
pub(crate) fn mark(ok: bool) -> String {
    if ok { format!("{GOOD}ok{GOOD:#}") } else { format!("{BAD}FAILED{BAD:#}") }
}
