//! Runs one job of the 512-bit lane with its secrets marked, or one leak. `tests/memory_sanitizer.rs` builds it with
//! MemorySanitizer and starts it for each.
//!
//! Usage: `memory_sanitizer NAME`; a job says `passed` and ends with 0, a leak has to end with a report.
//!
//! The standard library is not instrumented: what its own functions write still bears the mark of fresh memory. So there is no
//! `main` of it, no iterator over arguments and no formatting here, only functions that are compiled with this crate.
#![no_main]

mod jobs;
mod leaks;
mod run;
mod shadow;

use core::ffi::{CStr, c_char, c_int};

use ibake::declassify::{Hooks, install};
use run::{Case, Run};

fn named(list: &[Case], name: &[u8]) -> Option<fn(&Run)> {
    list.iter().find(|(n, _)| n.as_bytes() == name).map(|(_, f)| *f)
}

#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    if argc != 2 {
        eprintln!("usage: memory_sanitizer NAME");
        return 2;
    }
    // SAFETY: the C library passes `argc` strings.
    let name = unsafe { CStr::from_ptr(*argv.add(1)) }.to_bytes();
    // The jobs let nothing go, so what would be let go is a finding.
    let hooks = Hooks { verdict: |_, verdict| verdict, published: |_, _| (), words: shadow::whole };
    assert!(install(hooks), "hooks are set once");
    let done = match (named(jobs::JOBS, name), named(leaks::LEAKS, name)) {
        (Some(job), _) => Run::job(job).map(|()| eprintln!("passed")),
        (None, Some(leak)) => Run::leak(leak).map(|()| eprintln!("not reported")),
        (None, None) => Err("no such job or leak"),
    };
    match done {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("failed: {why}");
            2
        }
    }
}
