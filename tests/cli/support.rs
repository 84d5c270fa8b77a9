//! Runs the program in a directory of its own and looks at everything it does.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ALICE: &str = "sip:alice@a.example";
pub(crate) const BOB: &str = "tel:+15551234567";

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |b: Vec<u8>| String::from_utf8(b).expect("the program prints UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It failed with this exit code, and said so in one sentence that contains `part`, perhaps with a hint below.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, part: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!((1..=2).contains(&lines.len()), "{self:?}");
        assert!(lines[0].starts_with("error: ") && lines[0].contains(part), "{part:?} in {self:?}");
        self
    }

    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|_| panic!("no JSON: {l}"))).collect()
    }

    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> Value {
        self.objects().into_iter().find(|o| o["event"] == name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The lines that were heard in a call with `--json`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let lines = self.objects().into_iter().filter(|o| o["event"] == "line");
        lines.map(|o| o["text"].as_str().unwrap().to_owned()).collect()
    }
}

/// A directory with two districts, a (days) and b (weeks), alice in a and bob in b.
pub(crate) struct World {
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) fn empty() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn new() -> Self {
        let w = Self::empty();
        w.run("kgs init a --district https://kgs-a.example --key-file a.unlock").ok();
        w.run("kgs init b --district https://kgs-b.example --granularity week --key-file b.unlock").ok();
        w.run("kgs show a --out a.txt").ok();
        w.run("kgs show b --out b.txt").ok();
        w.issue("a", ALICE, "alice");
        w.issue("b", BOB, "bob");
        w
    }

    pub(crate) fn issue(&self, kgs: &str, name: &str, short: &str) {
        let args =
            format!("kgs issue {kgs} {name} --out {short}.key --key-file {kgs}.unlock --user-key-file {short}.unlock");
        self.run(&args).ok();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibake"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs `ibake ARGS`, split at spaces.
    pub(crate) fn run(&self, args: &str) -> Run {
        self.args(&args.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn args(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    pub(crate) fn run_with_input(&self, args: &str, input: &[u8]) -> Run {
        let args: Vec<&str> = args.split_whitespace().collect();
        let mut child =
            self.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        Run::of(output)
    }

    /// Runs something that must fail and change nothing on disk. Also checks that it says the same with `--json`.
    #[track_caller]
    pub(crate) fn refuses(&self, args: &str, code: i32, part: &str) -> Run {
        let before = self.snapshot();
        let run = self.run(args).fails(code, part);
        assert_eq!(self.snapshot(), before, "{args} changed something");
        let json = self.run(&format!("--json {args}"));
        let error = &json.objects()[0]["error"];
        assert_eq!((json.code, json.stderr.as_str()), (code, ""), "{json:?}");
        assert!(error["code"].as_str().is_some_and(|c| !c.is_empty()), "{json:?}");
        assert!(error["message"].as_str().unwrap().contains(part), "{json:?}");
        assert_eq!(self.snapshot(), before, "{args} changed something");
        run
    }

    /// Everything below the directory.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        fn walk(path: &Path, out: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    out.insert(path.clone(), None);
                    walk(&path, out);
                } else {
                    out.insert(path.clone(), Some(fs::read(&path).unwrap()));
                }
            }
        }
        let mut out = BTreeMap::new();
        walk(self.dir.path(), &mut out);
        out
    }

    /// Starts `ibake --json listen --bind 127.0.0.1:0 ARGS` and waits for its address.
    pub(crate) fn listen(&self, args: &str) -> Listener {
        let all = format!("--json listen --bind 127.0.0.1:0 {args}");
        let all: Vec<&str> = all.split_whitespace().collect();
        let mut child =
            self.command(&all).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let object: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("no address but {first:?}"));
        let address = object["address"].as_str().unwrap_or_else(|| panic!("{first}")).to_owned();
        Listener { child, stdin, stdout, address }
    }

    /// Bob, listening once.
    pub(crate) fn bob(&self, more: &str) -> Listener {
        self.listen(&format!("--once --key bob.key --key-file bob.unlock --params b.txt --params a.txt {more}"))
    }

    /// The arguments by which alice calls bob.
    pub(crate) fn alice_calls(&self, address: &str, more: &str) -> String {
        format!(
            "--json call {address} --to {BOB} --key alice.key --key-file alice.unlock --params a.txt --params b.txt {more}"
        )
    }
}

/// A listening process; killed when dropped.
pub(crate) struct Listener {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Listener {
    /// Types lines; standard input stays open.
    pub(crate) fn say(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Ends its standard input: a call lasts until both ends have done that.
    pub(crate) fn hang_up(&mut self) {
        drop(self.stdin.take());
    }

    /// The next object that it prints.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }

    /// Ends its standard input and waits for its own end.
    pub(crate) fn finish(mut self) -> Run {
        drop(self.stdin.take());
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut stdout).unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Run { code, stdout, stderr }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
