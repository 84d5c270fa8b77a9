//! Replacing the certificate of a running server: when the operator says so, and when its files have changed.
//!
//! A new file that is no good replaces nothing: it is logged and counted, and the old certificate goes on serving. So a renewal that
//! is caught between certificate and key does no harm; the second look finds both.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use super::listen::Stop;
use super::now;
use super::tls::{Error, Tls};
use crate::keyfile;

/// Most bytes of a chain.
const CHAIN: u64 = 65_536;
/// A certificate with less than this left, in seconds, is warned of.
const SOON: u64 = 14 * 86_400;

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain, PEM, leaf first.
    pub chain: PathBuf,
    /// The private key, PEM, readable by its owner alone; may be the same file.
    pub key: PathBuf,
    /// Whether clients are asked for certificates.
    pub clients: bool,
}

/// What changes when a file does: times and lengths of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(Option<[(SystemTime, u64); 2]>);

impl Files {
    /// Reads both.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(&self) -> Result<Tls, Error> {
        let failed = |path: &Path, e: &dyn std::fmt::Display| Error::File(format!("{}: {e}", path.display()));
        let key = keyfile::read_secret_file(&self.key).map_err(|e| failed(&self.key, &e))?;
        if self.chain == self.key {
            return Tls::from_pem(key.expose(), &key, self.clients);
        }
        let read = |path: &Path| {
            let mut out = Vec::new();
            let file = std::fs::File::open(path)?;
            std::io::Read::read_to_end(&mut std::io::Read::take(file, CHAIN), &mut out).map(|_| out)
        };
        let chain = read(&self.chain).map_err(|e| failed(&self.chain, &e))?;
        Tls::from_pem(&chain, &key, self.clients)
    }

    /// As they are now. Taken before they are read, so that a change in between is seen later.
    pub fn mark(&self) -> Mark {
        let of = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Mark(of(&self.chain).zip(of(&self.key)).map(|(chain, key)| [chain, key]))
    }
}

/// Looks after the certificate until the stop: reads the files anew when `asked`, and when a look every `every` finds them changed since they were
/// as `known`.
pub async fn follow(tls: Tls, files: Files, mut known: Mark, every: Duration, asked: Arc<Notify>, mut stop: Stop) {
    warn(&tls);
    let mut warned = now();
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = asked.notified() => {}
            () = tokio::time::sleep(every) => {
                if now().saturating_sub(warned) >= 86_400 {
                    warn(&tls);
                    warned = now();
                }
                if files.mark() == known {
                    continue;
                }
            }
        }
        known = files.mark();
        let from = files.clone();
        match tokio::task::spawn_blocking(move || from.load()).await {
            Ok(Ok(new)) => {
                tls.replace(&new);
                tracing::info!(target: "ibake::tls", pin = tls.pin(), "the certificate has been read anew");
                warn(&tls);
            }
            Ok(Err(e)) => {
                tls.not_replaced();
                tracing::error!(target: "ibake::tls", error = %e, "the new certificate is no good; the old one goes on");
            }
            Err(_) => tls.not_replaced(),
        }
    }
}

fn warn(tls: &Tls) {
    match tls.validity() {
        Some(v) if v.to <= now() => tracing::error!(target: "ibake::tls", "the certificate has expired"),
        Some(v) if v.to - now() < SOON => {
            let days = (v.to - now()) / 86_400;
            tracing::warn!(target: "ibake::tls", days, "the certificate expires soon");
        }
        _ => {}
    }
}
