//! The named points at which something that was computed from secrets stops being one: verdicts, and values that are
//! sent or shown.
//!
//! The run that shows constant time (`docs/constant-time.md`) marks secrets and follows them through the code. What the
//! design lets go, it learns here, so that everything else that a branch or an address depends on is a finding. Without the
//! feature `declassify`, which is for that run alone, these functions are nothing at all.

use subtle::Choice;

/// What the run is told.
#[cfg(feature = "declassify")]
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// Gives back a verdict (0 or 1) as a public value.
    pub verdict: fn(point: &'static str, verdict: u8) -> u8,
    /// These bytes are public from now on.
    pub published: fn(point: &'static str, bytes: &[u8]),
    /// The words of a lane of 512 bits after an operation: what is secret in part of a word is secret in all of it.
    #[cfg(memory_sanitizer)]
    pub words: fn(words: &mut [u64; 8]),
}

#[cfg(feature = "declassify")]
static HOOKS: once_cell::race::OnceBox<Hooks> = once_cell::race::OnceBox::new();

/// Sets the hooks, once; false if there are some already.
#[cfg(feature = "declassify")]
pub fn install(hooks: Hooks) -> bool {
    HOOKS.set(alloc::boxed::Box::new(hooks)).is_ok()
}

/// The verdict of a check on secrets, of which only this one bit is let go.
#[inline(always)]
pub(crate) fn verdict(point: &'static str, choice: Choice) -> bool {
    #[cfg(feature = "declassify")]
    if let Some(hooks) = HOOKS.get() {
        return (hooks.verdict)(point, choice.unwrap_u8()) == 1;
    }
    let _ = point;
    choice.into()
}

/// Bytes that are sent to somebody or shown.
#[inline(always)]
pub(crate) fn published(point: &'static str, bytes: &[u8]) {
    #[cfg(feature = "declassify")]
    if let Some(hooks) = HOOKS.get() {
        (hooks.published)(point, bytes);
    }
    let _ = (point, bytes);
}

/// The words of a lane after an operation that may move what is secret within a word.
#[cfg(memory_sanitizer)]
pub(crate) fn words(words: &mut [u64; 8]) {
    if let Some(hooks) = HOOKS.get() {
        (hooks.words)(words);
    }
}
