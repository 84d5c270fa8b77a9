//! Commands on the store of a server, while the server runs or not: what they change holds from the next request on.

pub(super) mod audit;
pub(super) mod bulk;
mod configured;
mod notify;
pub(super) mod policy;
pub(super) mod serve;
pub(super) mod store;
pub(super) mod token;
mod unlock;
pub(super) mod user;

use std::future::Future;
use std::sync::Arc;

use ibake::kgs::server::{Address, Error, Pools, Store, Vault, Wrapper};

use crate::error::{Failure, Kind};
use unlock::StoreUnlock;

/// Which store.
#[derive(clap::Args, Debug)]
pub(super) struct At {
    /// The store: sqlite:PATH, or postgres://USER@HOST/DATABASE (the password in PGPASSWORD or a .pgpass file; across a network
    /// with TLS and a checked name unless ?sslmode= says otherwise).
    #[arg(long, value_name = "STORE")]
    store: String,
}

/// Which store, and the key that it is under.
#[derive(clap::Args, Debug)]
pub(super) struct Opened {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    unlock: StoreUnlock,
}

/// Runs to the end.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Failure::new(Kind::Io, "io", format!("threads could not be started: {e}")))?.block_on(work)
}

impl At {
    fn address(&self) -> Result<Address, Failure> {
        let parsed = self.store.parse::<Address>();
        parsed.map_err(|e: Error| Failure::from(e).hint("For example --store sqlite:./kgs.db"))
    }

    /// A store that is there.
    async fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open_existing(&self.address()?).await?)
    }

    /// A store that may have to be made; a file that was made for nothing is taken away again.
    async fn make(&self) -> Result<(Store, Made), Failure> {
        self.make_with(Pools::default()).await
    }

    async fn make_with(&self, pools: Pools) -> Result<(Store, Made), Failure> {
        let address = self.address()?;
        let made = match &address {
            Address::Sqlite(path) if !path.exists() => Made(Some(path.clone())),
            _ => Made(None),
        };
        Ok((Store::open_with(&address, pools).await?, made))
    }
}

/// A file that is taken away again unless it is [kept](Self::keep).
pub(super) struct Made(Option<std::path::PathBuf>);

impl Made {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            for suffix in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

impl Opened {
    /// The wrapping key of a store.
    async fn wrapper(&self, store: &Store) -> Result<Arc<dyn Wrapper>, Failure> {
        self.unlock.open(&Vault::wrapped_root(store).await?)
    }

    /// A store and its vault.
    async fn open(&self) -> Result<(Store, Vault), Failure> {
        let store = self.at.open().await?;
        let vault = Vault::open_in(&store, self.wrapper(&store).await?).await?;
        Ok((store, vault))
    }
}
