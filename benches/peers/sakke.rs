//! wolfSSL's SAKKE and ECCSI, in a process of their own (`sakke.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What can be timed, as the program calls it.
pub(crate) const OPERATIONS: [&str; 5] = ["encapsulate", "encapsulate-known", "decapsulate", "sign", "verify"];

/// The built program.
pub(crate) struct Sakke(PathBuf);

impl Sakke {
    /// Builds it; says why not where that is not possible.
    pub(crate) fn build() -> Result<Self, String> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = dir.join("sakke");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/sakke.c");
        let built = Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source).arg("-lwolfssl").output();
        match built {
            Ok(out) if out.status.success() => Ok(Self(program)),
            Ok(_) => Err("it wants libwolfssl-dev".into()),
            Err(e) => Err(format!("no C compiler: {e}")),
        }
    }

    /// The time that so many rounds take.
    pub(crate) fn time(&self, operation: &str, rounds: u64) -> Duration {
        let out = Command::new(&self.0).args([operation, &rounds.to_string()]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Duration::from_nanos(String::from_utf8(out.stdout).unwrap().trim().parse().unwrap())
    }
}
