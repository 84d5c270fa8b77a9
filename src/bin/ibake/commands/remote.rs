//! What commands have in common that ask a key-generation server.

use std::net::SocketAddr;
use std::path::PathBuf;

use ibake::client::key::Credential;
use ibake::client::{Connector, Trust};
use ibake::keyfile;
use ibake::secret::SecretVec;

use crate::error::{Failure, Kind};
use crate::unlock::read_passphrase;

/// Whose certificate is believed, and where the server is.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Server {
    /// Believe the one certificate with this SHA-256, which the server prints at its start.
    #[arg(long, value_name = "HEX", value_parser = hash, conflicts_with = "ca")]
    tls_pin: Option<[u8; 32]>,
    /// Believe certificates of the roots in FILE (PEM) instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Connect to this address, whatever the host of the district is.
    #[arg(long, value_name = "ADDRESS")]
    connect: Option<SocketAddr>,
}

/// For clap: 32 bytes in hexadecimal.
pub(crate) fn hash(text: &str) -> Result<[u8; 32], String> {
    let mut out = [0; 32];
    match base16ct::mixed::decode(text, &mut out) {
        Ok(bytes) if bytes.len() == 32 => Ok(out),
        _ => Err("64 hexadecimal digits are wanted".into()),
    }
}

impl Server {
    pub(crate) fn connector(&self) -> Result<Connector, Failure> {
        let trust = match (&self.tls_pin, &self.ca) {
            (Some(pin), _) => Trust::Pin(*pin),
            (None, Some(file)) => Trust::Authority(crate::files::read_limited(file, 1 << 20)?),
            (None, None) => Trust::Roots,
        };
        let connector = Connector::new(&trust)?;
        Ok(match self.connect {
            Some(address) => connector.to(address),
            None => connector,
        })
    }
}

/// How users prove who they are. Secrets are never arguments, where every user of the machine could read them.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Proof {
    /// The token, in the first line of FILE, which nobody else may be able to read.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,
    /// Ask over MIKEY (RFC 6267) instead of RFC 5408, with the pre-shared key that FILE is; nobody else may be able to read it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "token_file"])]
    psk_file: Option<PathBuf>,
    /// With --psk-file: bare over TCP to HOST:PORT, 2269 as a rule, instead of inside HTTPS. Names and periods can be read on the
    /// way then, keys can not.
    #[arg(long, value_name = "ADDRESS", requires = "psk_file")]
    mikey_tcp: Option<String>,
    /// The name to log in by; with --password-file.
    #[arg(long, value_name = "USER", requires = "password_file")]
    user: Option<String>,
    /// The password, in the first line of FILE, which nobody else may be able to read.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

/// How a key is asked for.
#[derive(Debug)]
pub(crate) enum Asking {
    /// RFC 5408.
    Https(Credential),
    /// RFC 6267, over HTTPS or over TCP to an address.
    Mikey { psk: SecretVec, tcp: Option<String> },
}

impl Proof {
    pub(crate) fn read(&self) -> Result<Asking, Failure> {
        if let Some(file) = &self.psk_file {
            return Ok(Asking::Mikey { psk: keyfile::read_secret_file(file)?, tcp: self.mikey_tcp.clone() });
        }
        match (&self.token_file, &self.user, &self.password_file) {
            (Some(file), ..) => {
                let bytes = keyfile::read_secret_file(file)?;
                let line = bytes.expose().split(|b| *b == b'\n').next().unwrap_or_default();
                Ok(Asking::Https(Credential::Token(SecretVec::new(line.trim_ascii().to_vec()))))
            }
            (None, Some(user), Some(file)) => {
                let password = SecretVec::new(read_passphrase(file)?.into_bytes());
                Ok(Asking::Https(Credential::Password { user: user.clone(), password }))
            }
            _ => Err(Failure::new(Kind::Usage, "usage", "the server wants to know who asks")
                .hint("Give --token-file FILE, --psk-file FILE, or --user USER --password-file FILE.")),
        }
    }
}

/// Runs to the end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Failure::new(Kind::Io, "io", format!("threads could not be started: {e}")))?.block_on(work)
}
