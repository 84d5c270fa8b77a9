//! What a telephone network does to a call, played with MIKEY-IBAKE end to end, each scene in a file of its own:
//!
//! ```text
//! cargo run --example mikey_scenarios               all of them
//! cargo run --example mikey_scenarios -- forking    one
//! ```
//!
//! Nothing is asserted that is not printed: a line `ok` is a check that was made, and the first that fails ends the program.

mod content;
mod hostile;
mod scenes;
mod services;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let known: Vec<&str> = scenes::ALL.iter().map(|(name, ..)| *name).collect();
    if let Some(unknown) = wanted.iter().find(|w| !known.contains(&w.as_str())) {
        eprintln!("no scene {unknown:?}; there are: {}", known.join(", "));
        return ExitCode::from(2);
    }
    for (name, what, scene) in scenes::ALL {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("\n== {name}: {what}");
            if let Err(e) = world::World::new().and_then(|w| scene(&w)) {
                eprintln!("{name}: {e}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
