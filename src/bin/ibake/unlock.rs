//! Passphrases and key files: how a protected file is opened, and how a new one is protected.
//!
//! A passphrase is never an argument, where every user of the machine could read it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use getrandom::SysRng;
use ibake::keyfile::{self, Cost, FileKey, Passphrase, Protection};
use zeroize::Zeroize;

use crate::error::{Failure, Kind};

/// How a protected file opens. Without any of these the passphrase is asked for on the terminal.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct Unlock {
    /// Read the passphrase from the first line of FILE, which nobody else may be able to read.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Unlock with the 32 random bytes in FILE instead of a passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// How keys for users are protected. Without any of these a passphrase is asked for on the terminal, twice.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct UserUnlock {
    /// Protect the issued keys with the passphrase in the first line of FILE.
    #[arg(long, value_name = "FILE")]
    pub(crate) user_passphrase_file: Option<PathBuf>,
    /// Protect the issued keys with the 32 random bytes in FILE, which is made if it does not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) user_key_file: Option<PathBuf>,
    /// With --from: protect each user's keys with a file of 32 random bytes of their own in DIR, made where it does not
    /// exist.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(crate) user_key_dir: Option<PathBuf>,
}

impl UserUnlock {
    /// See [`Unlock::create`].
    pub(crate) fn create(&self, whose: &str) -> Result<Created, Failure> {
        let Self { user_passphrase_file, user_key_file, .. } = self.clone();
        Unlock { passphrase_file: user_passphrase_file, key_file: user_key_file }.create(whose)
    }
}

impl Unlock {
    /// Whether one of the options was given, so that nobody has to be asked.
    pub(crate) const fn is_given(&self) -> bool {
        self.passphrase_file.is_some() || self.key_file.is_some()
    }

    /// The protection under which an existing file is; `path` is that file and `sealed` its content.
    pub(crate) fn open(&self, path: &Path, sealed: &[u8]) -> Result<Protection, Failure> {
        if let Some(file) = &self.key_file {
            return Ok(Protection::KeyFile(FileKey::read(file)?));
        }
        if let Some(file) = &self.passphrase_file {
            return Ok(passphrase(read_passphrase(file)?)?);
        }
        // Whoever forgot the option is not to be asked for a passphrase that does not exist.
        if protection_of(sealed) == Some(BY_KEY_FILE) {
            return Err(Failure::from(keyfile::Error::NeedsKeyFile).context(path.display()));
        }
        Ok(passphrase(prompt(&format!("Passphrase for {}: ", path.display()))?)?)
    }

    /// The protection for files that are about to be made. A key file is made if it does not exist, a passphrase typed
    /// on the terminal has to be typed twice.
    pub(crate) fn create(&self, whose: &str) -> Result<Created, Failure> {
        if let Some(file) = &self.key_file {
            if std::fs::symlink_metadata(file).is_ok() {
                return Ok(Created { protection: Arc::new(Protection::KeyFile(FileKey::read(file)?)), fresh: None });
            }
            let key = FileKey::generate(&mut SysRng)?;
            key.write_new(file)?;
            return Ok(Created { protection: Arc::new(Protection::KeyFile(key)), fresh: Some(file.clone()) });
        }
        let text = match &self.passphrase_file {
            Some(file) => read_passphrase(file)?,
            None => {
                let first = prompt(&format!("New passphrase for {whose}: "))?;
                let mut second = prompt("Again: ")?;
                let same = first == second;
                second.zeroize();
                if !same {
                    return Err(Failure::new(Kind::Input, "passphrase", "the two passphrases differ"));
                }
                first
            }
        };
        Ok(Created { protection: Arc::new(passphrase(text)?), fresh: None })
    }
}

/// A protection for new files. A key file that was made for them is taken away again unless they are
/// [kept](Self::keep).
pub(crate) struct Created {
    pub(crate) protection: Arc<Protection>,
    fresh: Option<PathBuf>,
}

impl Created {
    /// The files have been written: the key file stays.
    pub(crate) fn keep(mut self) {
        self.fresh = None;
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if let Some(file) = self.fresh.take() {
            let _ = std::fs::remove_file(file);
        }
    }
}

const BY_KEY_FILE: u8 = 2;

/// The protection byte of an envelope: it stands behind magic, version and kind.
fn protection_of(sealed: &[u8]) -> Option<u8> {
    sealed.starts_with(b"IBAKEKEY").then(|| sealed.get(10).copied()).flatten()
}

fn passphrase(text: String) -> Result<Protection, keyfile::Error> {
    Ok(Protection::Passphrase(Passphrase::new(text)?, Cost::RECOMMENDED))
}

pub(crate) fn read_passphrase(file: &Path) -> Result<String, Failure> {
    let bytes = keyfile::read_secret_file(file)?;
    let line = bytes.expose().split(|b| *b == b'\n').next().unwrap_or(&[]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map(str::to_owned);
    text.map_err(|_| Failure::new(Kind::Input, "passphrase", format!("{}: not UTF-8", file.display())))
}

fn prompt(question: &str) -> Result<String, Failure> {
    let nobody = || {
        Failure::new(Kind::Usage, "no-terminal", "there is no terminal to ask for the passphrase")
            .hint("Give --passphrase-file FILE or --key-file FILE.")
    };
    // Under a test or a service there may be a controlling terminal that nobody watches.
    if !std::io::stderr().is_terminal() && !std::io::stdin().is_terminal() {
        return Err(nobody());
    }
    rpassword::prompt_password(question).map_err(|_| nobody())
}
