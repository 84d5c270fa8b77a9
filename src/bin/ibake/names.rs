//! Names and parameters as the command line gives them.

use std::path::{Path, PathBuf};

use ibake::error::{Error, IdentityError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Name, ParameterStore, PublicParameters, suggest};
use ibake::keyfile;
use ibake::kgs;

use crate::error::{Failure, Kind};
use crate::files;
use crate::unlock::Unlock;

/// A name; a spelling that is not the normal form is refused, with the spelling that was perhaps meant.
pub(crate) fn parse_name(text: &str) -> Result<Name, Failure> {
    Name::parse(text).map_err(|e| {
        let failure = Failure::from(Error::Identity(e)).context(format_args!("{text:?}"));
        match suggest(text) {
            Some(name) => failure.hint(format!("Did you mean {name} ? Type it like that if that is the person.")),
            None if e == IdentityError::UnknownForm => {
                failure.hint("Names look like sip:alice@a.example, tel:+15551234567 or alice@a.example.")
            }
            None => failure,
        }
    })
}

/// Reads public parameters, as text armour or DER.
pub(crate) fn read_parameters(path: &Path) -> Result<PublicParameters, Failure> {
    let bytes = files::read_limited(path, 64 * 1024)?;
    let read = match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim_start().starts_with("-----BEGIN") => PublicParameters::from_armour(text),
        _ => PublicParameters::from_der(&bytes),
    };
    read.map_err(|e| Failure::from(e).context(format_args!("{} as public parameters", path.display())))
}

pub(crate) fn read_all_parameters(paths: &[PathBuf]) -> Result<Vec<PublicParameters>, Failure> {
    paths.iter().map(|p| read_parameters(p)).collect()
}

/// Reads a private key and checks it against the one of `parameters` that it belongs to.
pub(crate) fn read_key(path: &Path, unlock: &Unlock, parameters: &[PublicParameters]) -> Result<PrivateKey, Failure> {
    let at = |e: Failure| e.context(path.display());
    let bytes = unlock_key(path, unlock)?;
    let header = PrivateKey::inspect(bytes.expose()).map_err(|e| at(e.into()))?;
    let (district, serial) = (header.identity.district().as_str(), header.identity.serial());
    let Some(found) = parameters.find(district, serial) else {
        return Err(at(other_parameters(district, serial)));
    };
    PrivateKey::from_bytes(bytes.expose(), &found).map_err(|e| at(e.into()))
}

/// A key whose parameters have not been given.
pub(crate) fn other_parameters(district: &str, serial: u64) -> Failure {
    let text = format!("none of the given parameters are those of {district}, serial {serial}, which issued the key");
    Failure::new(Kind::Refused, "key", text).hint("Give them with --params FILE.")
}

/// Takes the protection off a private key file.
pub(crate) fn unlock_key(path: &Path, unlock: &Unlock) -> Result<ibake::secret::SecretVec, Failure> {
    let sealed = keyfile::read_secret_file(path)?;
    let protection = unlock.open(path, sealed.expose())?;
    kgs::open_private_key(sealed.expose(), &protection).map_err(|e| Failure::from(e).context(path.display()))
}

/// Reads several private keys under one protection.
pub(crate) fn read_keys(
    paths: &[PathBuf],
    unlock: &Unlock,
    parameters: &[PublicParameters],
) -> Result<Vec<PrivateKey>, Failure> {
    paths.iter().map(|p| read_key(p, unlock, parameters)).collect()
}
