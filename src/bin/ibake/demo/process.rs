//! Processes of this same program, ended by their own handle whatever happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Longer than any deadline of the program itself: who is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    name: String,
}

/// How a process ended and what it printed.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) objects: Vec<Value>,
    errors: String,
}

impl Process {
    /// Starts `ibake --json ARGS` in `dir`; `input` is all of its standard input.
    pub(crate) fn start(dir: &Path, args: &[String], input: &str) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| format!("our own program is not found: {e}"))?;
        let name = args.first().cloned().unwrap_or_default();
        let failed = |e: std::io::Error| format!("ibake {name} does not start: {e}");
        let mut child = Command::new(program)
            .arg("--json")
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A process that ends without reading is no failure here.
            let _ = stdin.write_all(input.as_bytes());
        }
        let (to, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if to.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let errors = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = stderr.read_to_string(&mut text);
                text
            })
        });
        Ok(Self { child, lines, errors, name })
    }

    /// The next object that it prints.
    pub(crate) fn next(&mut self) -> Result<Value, String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).map_err(|_| format!("ibake {} printed no JSON: {line}", self.name)),
            Err(RecvTimeoutError::Timeout) => Err(format!("ibake {} hangs", self.name)),
            Err(RecvTimeoutError::Disconnected) => Err(format!("ibake {} ended early", self.name)),
        }
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<Finished, String> {
        let mut objects = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => objects.push(
                    serde_json::from_str(&line).map_err(|_| format!("ibake {} printed no JSON: {line}", self.name))?,
                ),
                // Its end of the pipe is closed: it ends now.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(format!("ibake {} hangs", self.name)),
            }
        }
        let status = self.child.wait().map_err(|e| format!("ibake {}: {e}", self.name))?;
        let errors = self.errors.take().and_then(|t| t.join().ok()).unwrap_or_default();
        Ok(Finished { code: status.code().unwrap_or(-1), objects, errors })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// It has done what it should.
    pub(crate) fn done(self) -> Result<Self, String> {
        if self.code == 0 { Ok(self) } else { Err(self.complaint()) }
    }

    /// It has refused with this exit code and `error.code`; gives its sentence.
    pub(crate) fn refused(&self, code: i32, reason: &str) -> Result<String, String> {
        let error = self.objects.iter().find_map(|o| o.get("error"));
        match error {
            Some(e) if self.code == code && e["code"] == reason => {
                Ok(e["message"].as_str().unwrap_or_default().to_owned())
            }
            _ => Err(format!("exit code {code} with {reason} was due; {}", self.complaint())),
        }
    }

    fn complaint(&self) -> String {
        let error = self.objects.iter().find_map(|o| o["error"]["message"].as_str());
        format!("exit code {}: {}", self.code, error.unwrap_or(self.errors.trim()))
    }

    /// The object of an event.
    pub(crate) fn event(&self, event: &str) -> Result<&Value, String> {
        self.objects.iter().find(|o| o["event"] == event).ok_or_else(|| format!("no {event:?} was reported"))
    }

    /// The lines that were heard.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.objects.iter().filter(|o| o["event"] == "line").filter_map(|o| o["text"].as_str()).collect()
    }
}
