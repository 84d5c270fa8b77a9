//! The built program, as somebody uses it for the first time: one command from an empty directory, then a client.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;

use crate::support::{name, now, run};
use ibake::client::key::{Credential, Transit, request};
use ibake::client::parameters::{Pin, fetch};
use ibake::client::{Connector, Trust};
use ibake::ibe::{District, Purpose};
use ibake::keyfile::{self, FileKey, Protection};
use ibake::kgs;
use ibake::secret::SecretVec;
use serde_json::Value;

pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibake"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

pub(crate) struct Running {
    pub(crate) child: Child,
    hello: Value,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    /// Reads what it logs.
    log: Option<std::thread::JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(dir: &Path, store: &str, more: &[&str]) -> Running {
    let common = ["--store", store, "--key-file", "./kgs.unlock", "--mikey", "127.0.0.1:0"];
    start(dir, &[&common[..], more].concat())
}

pub(crate) fn start(dir: &Path, args: &[&str]) -> Running {
    start_unread(dir, args, None)
}

/// As [`start`], but the log is read only when something comes from `when`.
pub(crate) fn start_unread(dir: &Path, args: &[&str], when: Option<Receiver<()>>) -> Running {
    let mut command = program(dir);
    command.args(["--json", "kgs", "serve"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        if let Some(when) = when {
            let _ = when.recv();
        }
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let Some(Ok(first)) = lines.next() else { panic!("the server did not start: {}", log.join().unwrap()) };
    let hello: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(hello["event"], "listening", "{first}");
    Running { child, hello, lines, log: Some(log) }
}

impl Running {
    /// SIGTERM; what it wrote to standard error, and its exit code.
    pub(crate) fn stop(mut self) -> (String, Option<i32>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let last: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["cut"]), (&"stopped".into(), &0.into()), "{last}");
        let log = self.log.take().unwrap().join().unwrap();
        (log, self.child.wait().unwrap().code())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.hello[name].as_str().unwrap()
    }
}

fn done(output: &Output) -> Value {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

pub(crate) fn write_secret(dir: &Path, name: &str, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(name));
    std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
}

pub(crate) fn one_command_starts_a_server_and_another_has_a_key(store: &str) {
    let (server_dir, client_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (there, here) = (server_dir.path(), client_dir.path());
    let first = ["--listen", "127.0.0.1:0", "--first-user", "alice", "--first-identity", "sip:alice@a.example"];
    let server = serve(there, store, &first);
    let (district, pin, fingerprint) =
        (server.text("district").to_owned(), server.text("tls_pin").to_owned(), server.text("fingerprint").to_owned());
    let listen = server.text("listen").to_owned();
    let token = server.text("token").to_owned();
    write_secret(here, "alice.token", &format!("{token}\n"));
    let client = |args: &[&str]| {
        program(here).arg("--json").args(args).args(["--tls-pin", &pin, "--connect", &listen]).output().unwrap()
    };
    let fetch = ["params", "fetch", &district, "--out", "params.txt", "--fingerprint", &fingerprint];
    let got = done(&client(&fetch));
    assert_eq!((&got["fingerprint"], &got["pinned"]), (&fingerprint.as_str().into(), &true.into()));
    // Another fingerprint is refused, and so is a server without its pin.
    let zeros = "0".repeat(64);
    let wrong = client(&["params", "fetch", &district, "--out", "x.txt", "--fingerprint", &zeros]);
    assert_eq!(wrong.status.code(), Some(4));
    let unpinned =
        program(here).args(["params", "fetch", &district, "--out", "x.txt", "--connect", &listen]).output().unwrap();
    assert_eq!(unpinned.status.code(), Some(4), "{}", String::from_utf8_lossy(&unpinned.stderr));
    assert!(!here.join("x.txt").exists());

    let common =
        ["--params", "params.txt", "--ring", "ring", "--token-file", "alice.token", "--key-file", "alice.unlock"];
    let request = |name: &str, more: &[&str]| client(&[&["key", "request", name], &common[..], more].concat());
    let got = done(&request("sip:alice@a.example", &[]));
    assert_eq!((&got["sealed"], &got["log_entry"]), (&true.into(), &1.into()));
    let file = got["file"].as_str().unwrap().to_owned();
    // The key is one that all other commands read.
    let verify = ["--json", "key", "verify", &file, "--params", "params.txt", "--key-file", "alice.unlock"];
    assert_eq!(done(&program(here).args(verify).output().unwrap())["genuine"], true);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(here.join(&file)).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let theirs = request("sip:bob@a.example", &[]);
    assert_eq!(theirs.status.code(), Some(4));
    assert!(
        String::from_utf8_lossy(&theirs.stderr).contains("IBE304")
            || String::from_utf8_lossy(&theirs.stdout).contains("IBE304")
    );
    assert_eq!(request("sip:alice@a.example", &["--plain"]).status.code(), Some(1));
    // Ahead: tomorrow's key comes before today's is over, and an expired one is erased.
    let stale = here.join("ring/1000.decrypt.00000000000000000000000000000000.key");
    std::fs::copy(here.join(&file), &stale).unwrap();
    let got = done(&client(&[&["key", "renew"], &common[..]].concat()));
    assert_eq!((&got["fetched"], &got["erased"]), (&1.into(), &1.into()));
    assert!(!stale.exists());
    let got = done(&client(&[&["key", "renew"], &common[..]].concat()));
    assert_eq!((&got["fetched"], &got["erased"]), (&0.into(), &0.into()));

    let key = |file: &str| {
        let sealed = keyfile::read_secret_file(&here.join(file)).unwrap();
        let protection = Protection::KeyFile(FileKey::read(&here.join("alice.unlock")).unwrap());
        kgs::open_private_key(sealed.expose(), &protection).unwrap().expose().to_vec()
    };
    let before = key(&file);
    let (log, code) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    // The log: JSON, a line a request, nobody's name, token or address.
    let lines: Vec<Value> =
        log.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let issued: Vec<_> = lines.iter().filter(|l| l["code"] == "IBE100").collect();
    assert_eq!(issued.len(), 2, "{log}");
    assert!(issued.iter().all(|l| l["user"] == issued[0]["user"] && l["user"].as_str().unwrap().len() == 16));
    for secret in ["alice", "bob", "127.0.0.1", token.as_str(), "sip:"] {
        let found = lines.iter().find(|l| l["target"] == "ibake::request" && l.to_string().contains(secret));
        assert!(found.is_none(), "{secret}: {found:?}");
    }

    // After a restart the same parameters and certificate, and the byte-identical key.
    let bytes = |file: &str| std::fs::read(here.join(file)).unwrap();
    let sealed = bytes(&file);
    let server = serve(there, store, &["--listen", &listen]);
    assert_eq!((server.text("fingerprint"), server.text("tls_pin")), (fingerprint.as_str(), pin.as_str()));
    assert!(server.hello["token"].is_null(), "the token is shown once");
    let again = done(&request("sip:alice@a.example", &[]));
    assert_eq!(again["file"].as_str(), Some(file.as_str()));
    assert_ne!(bytes(&file), sealed, "written anew");
    assert_eq!(key(&file), before, "the same key, byte for byte");
    // Somebody new has parameters and key by one command; with another fingerprint nothing is written.
    let new = tempfile::tempdir().unwrap();
    write_secret(new.path(), "alice.token", &format!("{token}\n"));
    let at_once = |params: &str, fingerprint: &str| {
        let mut command = program(new.path());
        command.args(["--json", "key", "request", "sip:alice@a.example", "--district", &district]);
        command.args(["--fingerprint", fingerprint, "--params", params, "--ring", "ring"]);
        command.args(["--token-file", "alice.token", "--key-file", "alice.unlock"]);
        command.args(["--tls-pin", &pin, "--connect", &listen]).output().unwrap()
    };
    assert_eq!(at_once("params.txt", &zeros).status.code(), Some(4));
    assert!(!new.path().join("params.txt").exists() && !new.path().join("ring").exists());
    for _ in 0..2 {
        assert_eq!(done(&at_once("params.txt", &fingerprint))["sealed"], true);
    }
    assert_eq!(at_once("params.txt", &zeros).status.code(), Some(4), "a file that is there is pinned as well");
    // The log of both runs is one, and sound.
    let audit = ["--json", "kgs", "audit", "verify", "--store", store];
    let audit = program(there).args(audit).output().unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stderr));
    server.stop();
}

#[test]
fn a_port_that_is_taken_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = program(dir.path());
    command.args(["kgs", "serve", "--store", "sqlite:./kgs.db", "--key-file", "./kgs.unlock", "--listen", &at]);
    let got = command.output().unwrap();
    assert_eq!(got.status.code(), Some(5), "{}", String::from_utf8_lossy(&got.stderr));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

pub(crate) fn the_operator_gives_credentials_and_the_running_server_takes_them(store: &str) {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path();
    let first = ["--listen", "127.0.0.1:0", "--first-user", "alice", "--first-identity", "sip:alice@a.example"];
    let more = ["--client-certificates", "--digest"];
    let server = serve(there, store, &[&first[..], &more].concat());
    let own = ibake::kgs::server::http::Tls::self_signed(&["alice".into()]).unwrap();
    write_secret(there, "alice.pem", std::str::from_utf8(own.expose()).unwrap());
    write_secret(there, "alice.psk", "0123456789abcdef0123456789abcdef");
    write_secret(there, "alice.password", "correct horse\n");
    let opened = ["--store", store, "--key-file", "./kgs.unlock"];
    let user = |args: &[&str]| program(there).args(["--json", "kgs", "user"]).args(args).args(opened).output().unwrap();
    done(&user(&["psk", "alice", "sip:alice@a.example", "alice.psk"]));
    done(&user(&["certificate", "alice", "alice.pem"]));
    done(&user(&["password", "alice", "alice.password", "--digest", server.text("district")]));
    assert_eq!(user(&["certificate", "alice", "alice.psk"]).status.code(), Some(3));
    assert_eq!(user(&["psk", "nobody", "sip:n@a.example", "alice.psk"]).status.code(), Some(4));

    let mut pin = [0; 32];
    base16ct::lower::decode(server.text("tls_pin"), &mut pin).unwrap();
    let address = server.text("listen").parse().unwrap();
    let c = Connector::with_certificate(&Trust::Pin(pin), own.expose(), &own).unwrap().to(address);
    let district = District::parse(server.text("district")).unwrap();
    run(async {
        let parameters = fetch(&c, &district, None, Pin::Nothing, now()).await.unwrap();
        let identity = parameters.identity(name("sip:alice@a.example"), Purpose::Decrypt, now()).unwrap();
        let mut rng = getrandom::SysRng;
        let password =
            Credential::Password { user: "alice".into(), password: SecretVec::new(b"correct horse".to_vec()) };
        for credential in [Credential::Certificate, password] {
            let got = request(&c, &identity, &parameters, &credential, Transit::Sealed, &mut rng).await.unwrap();
            assert_eq!(got.key.identity(), &identity);
        }
        std::fs::write(there.join("params.txt"), parameters.to_armour()).unwrap();
    });
    // By MIKEY with the pre-shared key, on both ways; with another one on neither.
    let ask = |ring: &str, psk: &str, more: &[&str]| {
        let mut command = program(there);
        command.args(["--json", "key", "request", "sip:alice@a.example", "--params", "params.txt", "--ring", ring]);
        command.args(["--psk-file", psk, "--key-file", "ring.unlock", "--tls-pin", server.text("tls_pin")]).args(more);
        command.output().unwrap()
    };
    let tcp = ["--mikey-tcp", server.text("mikey")];
    write_secret(there, "other.psk", "fedcba9876543210fedcba9876543210");
    for (ring, more) in [("over_https", &["--connect", server.text("listen")]), ("over_tcp", &tcp)] {
        let object = done(&ask(ring, "alice.psk", more));
        assert!(there.join(object["file"].as_str().unwrap()).exists(), "{object}");
        let refused = ask(ring, "other.psk", more);
        assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stdout));
        assert_eq!(std::fs::read_dir(there.join(ring)).unwrap().count(), 1);
    }
    let (log, code) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}
