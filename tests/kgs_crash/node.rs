//! A server as a process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::World;

/// Makes the names of logs.
static NODES: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Node {
    /// `ibake kgs serve` on a free port.
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, &[], None)
    }

    /// With more arguments, and behind lines of a shell that end in its exec.
    pub(crate) fn with(world: &World, more: &[&str], shell: Option<&str>) -> Self {
        Self::attempt(world, more, shell).unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// As [`Node::with`]; what it said if it ended instead.
    pub(crate) fn attempt(world: &World, more: &[&str], shell: Option<&str>) -> Result<Self, String> {
        let program = env!("CARGO_BIN_EXE_ibake");
        let mut command = match shell {
            Some(lines) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{lines}; exec \"$0\" \"$@\""), program]);
                command
            }
            None => Command::new(program),
        };
        let dir = world.dir.path();
        let log = dir.join(format!("node{}.log", NODES.fetch_add(1, Ordering::Relaxed)));
        command.args(["--json", "kgs", "serve", "--key-file", "kgs.unlock", "--listen", "127.0.0.1:0", "--store"]);
        command.arg(&world.address).args(more).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let hello: Value = serde_json::from_str(&first).unwrap_or_default();
        match hello["listen"].as_str() {
            Some(address) => Ok(Self { child, address: address.parse().unwrap(), log }),
            None => {
                child.wait().unwrap();
                Err(first + &std::fs::read_to_string(&log).unwrap())
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Until it has written this to standard error: its log comes from a thread of its own.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        for _ in 0..100 {
            if self.log().contains(text) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{text}: {}", self.log());
    }

    /// What it has written to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Whether the process is the one that was started.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
