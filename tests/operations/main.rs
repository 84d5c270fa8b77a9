//! `docs/operations.md` and `docs/deploy/`: the page's commands are run as they stand, in order, on the built program; the unit is
//! verified by systemd's own tool.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "../kgs_store/postgres.rs"]
mod postgres;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// The page's blocks of this kind.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let parts = page.split("```");
    // Outside, inside, outside, and so on.
    let inside = parts.skip(1).step_by(2).filter_map(|b| b.strip_prefix(kind)?.strip_prefix('\n'));
    inside.map(str::to_owned).collect()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_page_runs_from_top_to_bottom() {
    let page = std::fs::read_to_string(docs("operations.md")).unwrap();
    let mut all = blocks(&page, "sh");
    assert!(all.len() >= 9, "{} blocks", all.len());
    let postgres = postgres::Server::start();
    if let Some(server) = &postgres {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let own = runtime.block_on(server.database());
        let part = blocks(&page, "sh postgresql");
        assert_eq!(part.len(), 1);
        all.push(part[0].replace("postgres://kgs@db.example/kgs", &own));
    }
    // Servers that are left when a command fails end with the shell.
    let head = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -x\n";
    let mut script = format!("{head}{}\nset +x; echo the page is done\n", all.join("\n"));
    script = script.replace("8443", &free_port().to_string());
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ibake")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("timeout");
    shell.args(["-k", "5", "300", "bash", "-c", &script]).env("PATH", path).current_dir(dir.path());
    let got = shell.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&got.stdout), String::from_utf8_lossy(&got.stderr));
    let log = std::fs::read_to_string(dir.path().join("kgs.log")).unwrap_or_default();
    assert!(got.status.success() && out.ends_with("the page is done\n"), "{out}\n{err}\n{log}");
    // What the page promises on the way.
    assert!(log.contains("\"the certificate has been read anew\""), "{log}");
    let ring = |name: &str| std::fs::read_dir(dir.path().join(name)).unwrap().flatten().count();
    assert!(ring("ring") > 0 && ring("ring-2") > 0);
}

/// A line that says why nothing was tried, unless `IBAKE_REQUIRE` names it.
fn skipped(name: &str, what: &str) {
    let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == name));
    assert!(!required, "IBAKE_REQUIRE names {name:?}: {what}");
    println!("skipped: {what}");
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let there = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        return skipped("systemd", "there is no systemd-analyze");
    }
    let text = std::fs::read_to_string(docs("deploy/ibake-kgs.service")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let verify = |text: &str| {
        // The program need not be installed here.
        let text = text.replace("/usr/local/bin/ibake", env!("CARGO_BIN_EXE_ibake"));
        let unit = dir.path().join("ibake-kgs.service");
        std::fs::write(&unit, text).unwrap();
        let got = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&got.stdout), String::from_utf8_lossy(&got.stderr));
        // Other units of the machine have warnings of their own.
        let own: Vec<String> = said.lines().filter(|l| l.contains("ibake")).map(str::to_owned).collect();
        (got.status.success() && own.is_empty(), said)
    };
    let (good, said) = verify(&text);
    assert!(good, "{said}");
    // It can fail.
    for (from, to) in [("Type=notify", "Type=notfy"), ("ProtectSystem=strict", "ProtectSystm=strict")] {
        assert!(text.contains(from) && !verify(&text.replace(from, to)).0, "{from}");
    }
    for hardening in
        ["NoNewPrivileges=yes", "ProtectSystem=strict", "SystemCallFilter=@system-service", "LoadCredential="]
    {
        assert!(text.contains(hardening), "{hardening}");
    }
}

#[test]
fn the_service_manager_is_told() {
    use std::os::unix::net::UnixDatagram;
    let dir = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    // The secret as systemd hands it over: in a directory of its own, under an access list whose mask shows as group bits.
    let key = dir.path().join("kgs.unlock");
    let run = |args: &[&str], credentials: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibake"));
        command.current_dir(dir.path()).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if credentials {
            command.env("CREDENTIALS_DIRECTORY", dir.path());
        }
        command.env("NOTIFY_SOCKET", dir.path().join("notify"));
        command
    };
    let unlock = ["--store", "sqlite:kgs.db", "--key-file", key.to_str().unwrap()];
    let create = [&["kgs", "store", "create", "--district", "https://kgs.example"][..], &unlock].concat();
    assert!(run(&create, false).status().unwrap().success());
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o440)).unwrap();
    let serve = [&["kgs", "serve", "--listen", "127.0.0.1:0"][..], &unlock].concat();
    let refused = run(&serve, false).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stderr));
    let mut server = run(&serve, true).stderr(Stdio::null()).spawn().unwrap();
    let heard = || {
        let mut bytes = [0; 64];
        let n = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert!(Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap().success());
    assert_eq!(heard(), "STOPPING=1");
    assert!(server.wait().unwrap().success());
}
