//! What opens a store: a passphrase, a key file, or a key in a hardware module.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ibake::keyfile::Protection;
use ibake::kgs::server::Wrapper;
use ibake::kgs::server::config::{self, Pkcs11};
use ibake::kgs::server::keys::PKCS11_MAGIC;

use crate::error::{Failure, Kind};
use crate::unlock::{Created, Unlock};

/// How a store opens.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct StoreUnlock {
    #[command(flatten)]
    pub(super) unlock: Unlock,
    #[command(flatten)]
    module: ModuleArgs,
}

/// What a store comes under that takes over what is under something else: the same, unless a hardware module is named.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct TakeOver {
    #[command(flatten)]
    pub(super) unlock: Unlock,
    #[command(flatten)]
    module: ModuleArgs,
}

impl TakeOver {
    /// The wrapping key of the new store.
    pub(super) fn wrapper(&self, same: &Arc<Protection>) -> Result<Arc<dyn Wrapper>, Failure> {
        self.module.named().map_or_else(|| Ok(Arc::clone(same) as _), |module| load(&module, true))
    }
}

/// A key in a hardware module. The PIN comes from --pin-file, or from the variable IBAKE_PKCS11_PIN.
#[derive(clap::Args, Clone, Debug, Default)]
struct ModuleArgs {
    /// Unlock with a key in a hardware module: its PKCS#11 library (builds with the feature pkcs11).
    #[arg(long, value_name = "PATH", requires_all = ["token_label", "key_label"])]
    pkcs11_module: Option<PathBuf>,
    /// The label of the token.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    token_label: Option<String>,
    /// The label of the AES key in it; made for a new store if there is none.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    key_label: Option<String>,
    /// Read the PIN from the first line of FILE, which nobody else may be able to read.
    #[arg(long, value_name = "FILE", requires = "pkcs11_module")]
    pin_file: Option<PathBuf>,
}

impl ModuleArgs {
    fn named(&self) -> Option<Pkcs11> {
        let Self { pkcs11_module, token_label, key_label, pin_file } = self.clone();
        Some(Pkcs11 { module: pkcs11_module?, token: token_label?, key: key_label?, pin_file })
    }
}

/// A protection for a new store. A key file that was made for it is taken away again unless it is [kept](Self::keep).
pub(super) struct Wrapping {
    pub(super) wrapper: Arc<dyn Wrapper>,
    created: Option<Created>,
}

impl Wrapping {
    pub(super) fn keep(self) {
        if let Some(created) = self.created {
            created.keep();
        }
    }
}

impl StoreUnlock {
    /// What a configuration file says, unless the command line says something.
    pub(super) fn or(&self, file: &config::Unlock) -> Self {
        if self.is_given() {
            return self.clone();
        }
        let config::Unlock { passphrase_file, key_file, pkcs11 } = file.clone();
        let module = pkcs11.map(|p| ModuleArgs {
            pkcs11_module: Some(p.module),
            token_label: Some(p.token),
            key_label: Some(p.key),
            pin_file: p.pin_file,
        });
        Self { unlock: Unlock { passphrase_file, key_file }, module: module.unwrap_or_default() }
    }

    pub(super) const fn is_given(&self) -> bool {
        self.unlock.is_given() || self.module.pkcs11_module.is_some()
    }

    /// The module, if the store is under a key of one; then under nothing else.
    fn module(&self) -> Result<Option<Pkcs11>, Failure> {
        let module = self.module.named();
        if module.is_some() && self.unlock.is_given() {
            return Err(Failure::new(
                Kind::Usage,
                "protection",
                "a store is under one wrapping key, and two are named",
            )
            .hint("Give --pkcs11-module, --key-file or --passphrase-file."));
        }
        Ok(module)
    }

    /// What an existing store is under; `sealed` is its wrapped root.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Arc<dyn Wrapper>, Failure> {
        if let Some(module) = self.module()? {
            return load(&module, false);
        }
        if sealed.starts_with(PKCS11_MAGIC) {
            return Err(Failure::new(Kind::Usage, "protection", "the store is under a key in a hardware module")
                .hint("Give --pkcs11-module PATH --token-label LABEL --key-label LABEL."));
        }
        Ok(Arc::new(self.unlock.open(Path::new("the store"), sealed)?))
    }

    /// What a new store comes under.
    pub(super) fn create(&self) -> Result<Wrapping, Failure> {
        if let Some(module) = self.module()? {
            return Ok(Wrapping { wrapper: load(&module, true)?, created: None });
        }
        let created = self.unlock.create("the store")?;
        Ok(Wrapping { wrapper: Arc::clone(&created.protection) as _, created: Some(created) })
    }
}

#[cfg(feature = "pkcs11")]
fn load(of: &Pkcs11, make: bool) -> Result<Arc<dyn Wrapper>, Failure> {
    use ibake::kgs::server::keys::pkcs11::Module;
    use ibake::secret::SecretVec;
    let pin = match &of.pin_file {
        Some(file) => crate::unlock::read_passphrase(file)?,
        None => std::env::var("IBAKE_PKCS11_PIN").map_err(|_| {
            Failure::new(Kind::Usage, "protection", "the token's PIN is needed")
                .hint("Give --pin-file FILE, or set IBAKE_PKCS11_PIN.")
        })?,
    };
    let module = Module::open(&of.module, &of.token, &of.key, SecretVec::new(pin.into_bytes()))?;
    if make {
        module.ensure_key()?;
    }
    Ok(Arc::new(module))
}

#[cfg(not(feature = "pkcs11"))]
fn load(_: &Pkcs11, _: bool) -> Result<Arc<dyn Wrapper>, Failure> {
    Err(Failure::new(Kind::Usage, "no-pkcs11", "this build of ibake loads no hardware modules")
        .hint("Build it with them: cargo build --release --features pkcs11"))
}
