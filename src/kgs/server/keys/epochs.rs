//! Epochs as rows.

use std::sync::Arc;

use super::vault::{Kind, Vault, Wrapper};
use crate::ibe::extract::{Issuer, MasterKey};
use crate::ibe::{Description, PublicParameters};
use crate::kgs::Setup;
use crate::kgs::server::error::Error;
use crate::kgs::server::store::Store;
use crate::kgs::server::store::row::{Row, Value, int};
use crate::kgs::server::store::settings::{Change, EPOCHS};

const TABLE: &str = "epochs";

/// Where an epoch is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Published ahead, issues nothing yet.
    Prepared = 1,
    /// The one in use.
    Current = 2,
    /// Replaced, and still issuing.
    Overlapping = 3,
    /// Issues nothing any more.
    Retired = 4,
}

impl State {
    fn from_id(id: u64) -> Option<Self> {
        [Self::Prepared, Self::Current, Self::Overlapping, Self::Retired].into_iter().find(|s| *s as u64 == id)
    }

    /// Its name as programs print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Current => "current",
            Self::Overlapping => "overlapping",
            Self::Retired => "retired",
        }
    }
}

/// A master key with its parameters.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Where it is in its life.
    pub state: State,
    /// The key at work.
    pub issuer: Arc<Issuer>,
}

impl Epoch {
    /// A fresh one, current.
    pub(super) fn generate(serial: u64, setup: &Setup) -> Result<Self, Error> {
        let master = MasterKey::generate(&mut getrandom::SysRng)?;
        let description = Description {
            district: setup.district.clone(),
            serial,
            not_before: setup.not_before,
            not_after: setup.not_after,
            granularity: setup.granularity,
            pkg_uri: setup.pkg_uri.clone(),
        };
        let parameters = master.public_parameters(description)?;
        Ok(Self { state: State::Current, issuer: Arc::new(master.issuer(parameters)?) })
    }

    pub(super) fn wrapped(&self, wrapper: &dyn Wrapper) -> Result<Vec<u8>, Error> {
        wrapper.wrap(Kind::Master, self.issuer.master().to_bytes().expose())
    }
}

/// The master key of a row, tied to its parameters.
pub(super) fn unwrapped(wrapper: &dyn Wrapper, sealed: &[u8], parameters: PublicParameters) -> Result<Issuer, Error> {
    let corrupt = Error::Corrupt { table: TABLE };
    let bytes = wrapper.unwrap(Kind::Master, sealed)?;
    let master = MasterKey::from_bytes(bytes.expose().try_into().map_err(|_| corrupt.clone())?)?;
    master.issuer(parameters).map_err(|_| corrupt)
}

pub(super) struct Stored {
    pub(super) serial: u64,
    pub(super) parameters: PublicParameters,
    pub(super) sealed: Vec<u8>,
    pub(super) state: State,
}

fn tagged(serial: u64, parameters: &[u8], sealed: &[u8], state: State) -> Result<[Value; 4], Error> {
    Ok([int(serial)?, Value::from(parameters), Value::from(sealed), Value::Int(state as i64)])
}

fn stored(row: &Row, vault: &Vault) -> Result<Stored, Error> {
    let corrupt = || Error::Corrupt { table: TABLE };
    let (serial, der, sealed) = (row.u64(TABLE, 0)?, row.bytes(TABLE, 1)?, row.bytes(TABLE, 2)?);
    let state = State::from_id(row.u64(TABLE, 3)?).ok_or_else(corrupt)?;
    vault.check(TABLE, &tagged(serial, der, sealed, state)?, row.bytes(TABLE, 4)?)?;
    let parameters = PublicParameters::from_der(der).map_err(|_| corrupt())?;
    if parameters.serial() != serial {
        return Err(corrupt());
    }
    Ok(Stored { serial, parameters, sealed: sealed.to_vec(), state })
}

const ROWS: &str = "SELECT serial, parameters, sealed, state, tag FROM epochs ORDER BY serial";

pub(super) async fn rows(store: &Store, vault: &Vault) -> Result<Vec<Stored>, Error> {
    store.db.fetch(ROWS, Vec::new()).await?.iter().map(|row| stored(row, vault)).collect()
}

pub(super) async fn insert(change: &mut Change<'_>, epoch: &Epoch, sealed: &[u8]) -> Result<(), Error> {
    let parameters = epoch.issuer.parameters();
    let row = tagged(parameters.serial(), &parameters.to_der(), sealed, epoch.state)?;
    change.insert(&EPOCHS, row.to_vec()).await
}

/// What is current issues on beside `successor`.
pub(super) async fn demote(change: &mut Change<'_>, vault: &Vault, successor: u64) -> Result<(), Error> {
    for row in change.fetch(ROWS, Vec::new()).await? {
        let row = stored(&row, vault)?;
        if row.state == State::Current && row.serial != successor {
            write(change, &row, State::Overlapping).await?;
        }
    }
    Ok(())
}

pub(super) async fn put_into(change: &mut Change<'_>, vault: &Vault, serial: u64, state: State) -> Result<(), Error> {
    let rows = change.fetch(ROWS, Vec::new()).await?;
    let rows = rows.iter().map(|row| stored(row, vault)).collect::<Result<Vec<_>, _>>()?;
    let row = rows.iter().find(|row| row.serial == serial).ok_or(Error::Unknown { what: "key epoch" })?;
    if row.state == State::Current && state != State::Current {
        return Err(Error::Input { what: "the current epoch is replaced by another, not taken away" });
    }
    write(change, row, state).await
}

async fn write(change: &mut Change<'_>, row: &Stored, state: State) -> Result<(), Error> {
    let row = tagged(row.serial, &row.parameters.to_der(), &row.sealed, state)?;
    change.put(&EPOCHS, row.to_vec()).await
}
