//! Programs that are not ours: whether they are there, and how they are ended.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// What takes longer than this hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether `test` found the peer; a peer that is missing is said to be, and fails where `IBAKE_REQUIRE` names it.
#[track_caller]
pub(crate) fn there(name: &str, test: bool) -> bool {
    if !test {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == name));
        assert!(!required, "IBAKE_REQUIRE names `{name}`, and there is none that runs here");
        println!("skipped: there is no {name} here");
    }
    test
}

/// Whether this command starts; how it ends is its own matter (some print their version with an exit code of their own).
pub(crate) fn starts(program: &str, version: &str) -> bool {
    Command::new(program).arg(version).stdin(Stdio::null()).output().is_ok()
}

/// Whether the headers of a C library are there: the preprocessor finds them.
pub(crate) fn has_header(header: &str, flags: &[String]) -> bool {
    let mut cc = Command::new("cc");
    cc.args(["-E", "-x", "c", "-include", header, "/dev/null"]).args(flags).stdin(Stdio::null());
    cc.output().is_ok_and(|o| o.status.success())
}

/// Compiles one C file of this directory.
pub(crate) fn compile(source: &str, to: &Path, flags: &[String]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip").join(source);
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(to).arg(source).args(flags).stdin(Stdio::null());
    let out = cc.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// A process in a group of its own, all of which is ended with it.
pub(crate) struct Process {
    pub(crate) child: Child,
    name: String,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).process_group(0).spawn().unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { child, name }
    }

    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|s| s.code().unwrap_or(-1))
    }

    /// Its exit code, when it ends by itself.
    pub(crate) fn wait(&mut self) -> i32 {
        let name = self.name.clone();
        until(&format!("{name} ends"), || self.ended())
    }

    fn signal(&self, signal: &str) {
        // The shell has `kill` built in, and it takes a group.
        let group = format!("kill -{signal} -{}", self.child.id());
        let done = Command::new("sh").args(["-c", &group]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !done.is_ok_and(|s| s.success()) {
            let pid = self.child.id();
            println!("process group {pid} was not sent {signal}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Also when it has ended itself: its children may not have. The id stays ours until it has been waited for.
        if self.child.try_wait().is_ok_and(|s| s.is_none()) {
            self.signal("TERM");
            let begun = Instant::now();
            while self.child.try_wait().is_ok_and(|s| s.is_none()) && begun.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        if self.child.try_wait().is_ok_and(|s| s.is_none()) {
            self.signal("KILL");
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, and ends it if it does not.
pub(crate) fn output(command: &mut Command) -> Output {
    let process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut guard = process;
    let (mut out, mut err) = (guard.child.stdout.take().unwrap(), guard.child.stderr.take().unwrap());
    let read = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut out, &mut bytes).unwrap();
        bytes
    });
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut err, &mut bytes).unwrap();
        bytes
    });
    guard.wait();
    let status = guard.child.wait().unwrap();
    Output { status, stdout: read.join().unwrap(), stderr: errors.join().unwrap() }
}

/// Waits until there is something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A free even port, free with the one above for UDP and TCP, and below those that the system gives away by itself: who is to
/// bind it binds it later.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % 4000) as u16;
    loop {
        let port = 20_000 + (begin + NEXT.fetch_add(1, Ordering::SeqCst)) % 5000 * 2;
        let free = |p| UdpSocket::bind(("127.0.0.1", p)).is_ok() && TcpListener::bind(("127.0.0.1", p)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
}
