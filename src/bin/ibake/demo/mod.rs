//! The whole system at work on one machine, each server and each user in a process of its own.

mod calls;
mod many;
pub(crate) mod process;
mod tour;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::error::{Failure, Kind};
use crate::output::{Output, mark};
use process::{Finished, Process};

/// The addresses that printed commands have in place of the free ports of this run: of listeners, and of the relay.
const SHOWN_LISTENER: &str = "127.0.0.1:7939";
const SHOWN_RELAY: &str = "127.0.0.1:7940";
/// Any free port.
const FREE: &str = "127.0.0.1:0";

/// Where the tour takes place and how it is told.
struct Stage<'a> {
    dir: PathBuf,
    out: &'a Output,
    keep: bool,
    /// The commands of the current step.
    commands: Vec<String>,
    /// Where the relay listens, while there is one.
    relay: Option<String>,
    failed: usize,
    steps: usize,
}

pub(crate) fn run(keep: Option<&Path>, out: &Output) -> Result<(), Failure> {
    let begun = Instant::now();
    let temporary;
    let dir = match keep {
        Some(dir) => {
            if std::fs::read_dir(dir).is_ok_and(|mut d| d.next().is_some()) {
                let text = format!("{} is not empty", dir.display());
                return Err(Failure::new(Kind::Io, "exists", text).hint("Choose another directory for --keep."));
            }
            std::fs::create_dir_all(dir).map_err(|e| Failure::io(dir, &e))?;
            dir.canonicalize().map_err(|e| Failure::io(dir, &e))?
        }
        None => {
            temporary = tempfile::Builder::new()
                .prefix("ibake-demo-")
                .tempdir()
                .map_err(|e| Failure::new(Kind::Io, "io", e.to_string()))?;
            temporary.path().to_path_buf()
        }
    };
    let mut stage = Stage { dir, out, keep: keep.is_some(), commands: Vec::new(), relay: None, failed: 0, steps: 0 };
    tour::run(&mut stage);
    let (failed, steps) = (stage.failed, stage.steps);
    if let Some(dir) = keep {
        out.text(&format!(
            "\nAll files are in {}, and every command can be run there again but the two that set a district up, which never \
             overwrite one. A listener and a caller want a terminal each.",
            dir.display()
        ));
    }
    if failed > 0 {
        return Err(Failure::new(Kind::Failed, "demo", format!("{failed} of {steps} steps did not hold")));
    }
    out.text(&format!("\n{steps} steps, all held, in {:.1} s.", begun.elapsed().as_secs_f64()));
    Ok(())
}

impl Stage<'_> {
    /// Does one step and tells it. A step that fails does not end the tour: the others show how far the trouble goes.
    fn step(&mut self, name: &str, sentence: &str, act: impl FnOnce(&mut Self) -> Result<String, String>) {
        let begun = Instant::now();
        let result = act(self);
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let ok = result.is_ok();
        let detail = result.unwrap_or_else(|e| e);
        let commands = std::mem::take(&mut self.commands);
        self.steps += 1;
        self.failed += usize::from(!ok);
        if self.out.is_json() {
            let mut object =
                json!({ "step": name, "ok": ok, "micros": micros, "sentence": sentence, "detail": detail });
            if self.keep {
                object["commands"] = commands.into();
            }
            self.out.object(&object);
            return;
        }
        let ms = format!("{}.{} ms", micros / 1000, micros / 100 % 10);
        self.out.text(&format!("{} {ms:>9}  {sentence}\n              {detail}", mark(ok)));
        if self.keep {
            for command in commands {
                self.out.text(&format!("              $ {command}"));
            }
        }
    }

    /// Starts a process and notes the command.
    fn start(&mut self, args: &[&str], input: &str) -> Result<Process, String> {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        self.commands.push(self.shown(&args));
        Process::start(&self.dir, &args, input)
    }

    /// Runs a process to its end.
    fn run(&mut self, args: &[&str]) -> Result<Finished, String> {
        self.start(args, "")?.finish()
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.dir.join(file)).map_err(|e| format!("{file}: {e}"))
    }

    fn exists(&self, file: &str) -> bool {
        self.dir.join(file).exists()
    }

    /// The command as one would type it.
    fn shown(&self, args: &[String]) -> String {
        let relays = args.first().is_some_and(|a| a == "relay");
        let mut out = String::from("ibake");
        for a in args {
            out.push(' ');
            if (a == FREE && relays) || Some(a) == self.relay.as_ref() {
                out.push_str(SHOWN_RELAY);
            } else if a.starts_with("127.0.0.1:") {
                out.push_str(SHOWN_LISTENER);
            } else if a.contains(' ') {
                out.push_str(&format!("'{a}'"));
            } else {
                out.push_str(a);
            }
        }
        out
    }
}
