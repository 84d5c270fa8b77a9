//! An instance of PostgreSQL of the test's own, in a directory that it removes, on a free port of the loopback; and raw SQL.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

pub(crate) struct Server {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
    options: String,
    databases: AtomicU32,
}

/// Where PostgreSQL's own programs are: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|all| all.flatten().map(|e| e.path().join("bin")).collect())
        .unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.sort();
    found.reverse();
    found.extend(std::env::split_paths(&path));
    found.into_iter().find(|p| p.join("initdb").exists() && p.join("pg_ctl").exists())
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// A program of PostgreSQL; it refuses to run as root.
fn command(bin: &Path, program: &str) -> Command {
    let program = bin.join(program);
    let mut command = match is_root() {
        true => {
            let mut c = Command::new("runuser");
            c.args(["-u", "postgres", "--"]).arg(program);
            c
        }
        false => Command::new(program),
    };
    command.stdin(Stdio::null()).env("LC_ALL", "C").current_dir("/");
    command
}

fn ok(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Only the processes die here, never the machine, so nothing has to reach the disk.
fn options(port: u16) -> String {
    format!("-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off")
}

impl Server {
    /// `None`, and a line that says so, where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| String::new())
    }

    /// With more options, by somebody who may put files into the directory.
    pub(crate) fn start_with(more: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Some(bin) = programs() else {
            let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "postgres"));
            assert!(!required, "IBAKE_REQUIRE names `postgres`, and there is none here");
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        let dir = TempDir::new().unwrap();
        let more = more(dir.path());
        if is_root() {
            ok(Command::new("chown").args(["-R", "postgres"]).arg(dir.path()));
        }
        let data = dir.path().join("data");
        ok(command(&bin, "initdb").args(["-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync", "-D"]).arg(&data));
        // Free a moment ago; if somebody else takes it the start fails and says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = format!("{} {more}", options(port));
        let mut start = command(&bin, "pg_ctl");
        start.args(["start", "-w", "-t", "60", "-o", &options, "-l"]).arg(dir.path().join("log")).arg("-D").arg(&data);
        // Its children would keep a pipe open.
        let status = start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        let log = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        assert!(status.success(), "{}", log());
        Some(Self { dir, bin, port, options, databases: AtomicU32::new(0) })
    }

    /// The address of a database, without TLS.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://test@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// The address of a new database.
    pub(crate) async fn database(&self) -> String {
        let name = format!("kgs{}", self.databases.fetch_add(1, Ordering::Relaxed));
        sql(&self.url("postgres"), &format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// Stops it at once, as a power cut would, or starts it again.
    pub(crate) fn stop(&self) {
        let mut stop = command(&self.bin, "pg_ctl");
        stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.dir.path().join("data"));
        ok(&mut stop);
    }

    pub(crate) fn start_again(&self) {
        let mut start = command(&self.bin, "pg_ctl");
        start.args(["start", "-w", "-t", "60", "-o", &self.options, "-l"]).arg(self.dir.path().join("log"));
        start.arg("-D").arg(self.dir.path().join("data"));
        assert!(start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = command(&self.bin, "pg_ctl");
        stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.dir.path().join("data"));
        let _ = stop.output();
    }
}

/// Raw SQL on either database, as somebody with access to it alone would use it.
pub(crate) async fn sql(address: &str, text: &str) {
    use sqlx::Connection;
    let text = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
    if address.starts_with("sqlite:") {
        let mut c = sqlx::SqliteConnection::connect(address).await.unwrap();
        text.execute(&mut c).await.unwrap();
        c.close().await.unwrap();
    } else {
        let mut c = sqlx::PgConnection::connect(address).await.unwrap();
        text.execute(&mut c).await.unwrap();
        c.close().await.unwrap();
    }
}
