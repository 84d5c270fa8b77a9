//! One line for each request, without secrets, names or addresses.

use std::time::Duration;

use super::body::Response;

/// What a route says about its answer, for log and metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    /// The response code, or the code of the error; empty where the status says all.
    pub(super) code: &'static str,
    /// The user's pseudonym.
    pub(super) user: String,
    /// Keys in the answer.
    pub(super) keys: u64,
    /// Entries of the audit log that say so.
    pub(super) places: Vec<u64>,
    /// Whether keys left sealed.
    pub(super) sealed: bool,
}

/// Puts a note to an answer.
pub(super) fn noted(mut response: Response, note: Note) -> Response {
    response.extensions_mut().insert(note);
    response
}

/// Writes the line.
pub(super) fn write(route: &str, method: &str, source: &str, response: &Response, took: Duration) {
    let none = Note::default();
    let note = response.extensions().get::<Note>().unwrap_or(&none);
    tracing::info!(
        target: "ibake::request",
        route,
        method,
        status = response.status().as_u16(),
        code = note.code,
        source,
        user = note.user.as_str(),
        keys = note.keys,
        places = ?note.places,
        sealed = note.sealed,
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
}
