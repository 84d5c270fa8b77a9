//! The entries of `tests/fuzz_entries/`, for libFuzzer.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/fuzz_entries/mod.rs"]
pub mod fuzz_entries;
#[cfg(feature = "planted")]
#[path = "../../tests/fuzz_entries/planted.rs"]
mod planted;

/// Runs one entry; with feature `planted`, also the fault put in on purpose.
pub fn run(name: &str, data: &[u8]) {
    #[cfg(feature = "planted")]
    if name == "envelope" {
        planted::planted(data);
    }
    fuzz_entries::run(name, data);
}
