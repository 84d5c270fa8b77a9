//! Making epochs: which files they consist of and in which order they are written.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rand_core::TryCryptoRng;

use super::{CURRENT, Error, MASTER_KIND};
use crate::ibe::District;
use crate::ibe::extract::MasterKey;
use crate::ibe::params::{Description, PublicParameters};
use crate::ibe::period::{Granularity, Period};
use crate::keyfile::{self, Protection};

/// What is decided for a key epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The district's URI.
    pub district: District,
    /// Length of the periods.
    pub granularity: Granularity,
    /// First second of validity.
    pub not_before: u64,
    /// Last second of validity.
    pub not_after: u64,
    /// Where private keys are asked for.
    pub pkg_uri: Option<String>,
}

impl Setup {
    /// An epoch of whole periods: from the beginning of the one that contains `from` to the end of the one `days` later.
    ///
    /// # Errors
    /// [`Error::Crypto`] for times outside the years 1970 to 9999.
    pub fn of_days(district: District, granularity: Granularity, from: u64, days: u32) -> Result<Self, Error> {
        let last = from.saturating_add(u64::from(days).saturating_mul(86_400));
        let first = Period::containing(granularity, from).map_err(crate::error::Error::from)?;
        let last = Period::containing(granularity, last).map_err(crate::error::Error::from)?;
        Ok(Self { district, granularity, not_before: first.start(), not_after: last.end() - 1, pkg_uri: None })
    }

    fn description(&self, serial: u64) -> Description {
        Description {
            district: self.district.clone(),
            serial,
            not_before: self.not_before,
            not_after: self.not_after,
            granularity: self.granularity,
            pkg_uri: self.pkg_uri.clone(),
        }
    }
}

pub(super) fn master_file(serial: u64) -> String {
    format!("master-{serial}.key")
}

pub(super) fn params_file(serial: u64) -> String {
    format!("params-{serial}.txt")
}

/// The numbers of all files `prefix NUMBER suffix`, ascending.
pub(super) fn serials(path: &Path, prefix: &str, suffix: &str) -> Result<Vec<u64>, Error> {
    let io = |e| Error::io(path, &e);
    let mut out = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let number = name.to_str().and_then(|n| n.strip_prefix(prefix)).and_then(|n| n.strip_suffix(suffix));
        out.extend(number.and_then(|n| n.parse::<u64>().ok()));
    }
    out.sort_unstable();
    Ok(out)
}

/// One more than every serial that has left a file, finished or not.
pub(super) fn next_serial(path: &Path) -> Result<u64, Error> {
    let masters = serials(path, "master-", ".key")?;
    let params = serials(path, "params-", ".txt")?;
    let last = masters.into_iter().chain(params).max().unwrap_or(0);
    last.checked_add(1).ok_or(Error::UnknownSerial { serial: last })
}

/// Draws a master key and writes the two files of its epoch. Both are flushed before this returns.
pub(super) fn write_epoch<R: TryCryptoRng + ?Sized>(
    path: &Path,
    serial: u64,
    setup: &Setup,
    protection: &Protection,
    rng: &mut R,
) -> Result<PublicParameters, Error> {
    let master = MasterKey::generate(rng)?;
    let parameters = master.public_parameters(setup.description(serial))?;
    let sealed = keyfile::seal(MASTER_KIND, protection, master.to_bytes().expose(), rng)?;
    keyfile::write_new(&path.join(master_file(serial)), &sealed)?;
    keyfile::write_new(&path.join(params_file(serial)), parameters.to_armour().as_bytes())?;
    Ok(parameters)
}

/// Makes the whole directory under a temporary name and moves it to its place.
pub(super) fn create<R: TryCryptoRng + ?Sized>(
    path: &Path,
    setup: &Setup,
    protection: &Protection,
    rng: &mut R,
) -> Result<(), Error> {
    let io = |e| Error::io(path, &e);
    check_free(path)?;
    let parent = match path.parent() {
        Some(p) if p.as_os_str().is_empty() => Path::new("."),
        Some(p) => p,
        None => return Err(Error::Exists { path: path.into() }),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ibake-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    // Removed on drop unless it is moved.
    let temporary = builder.tempdir_in(parent).map_err(io)?;
    write_epoch(temporary.path(), 1, setup, protection, rng)?;
    keyfile::write_new(&temporary.path().join(CURRENT), b"1\n")?;
    fs::rename(temporary.path(), path).map_err(|e| match e.kind() {
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => Error::Exists { path: path.into() },
        _ => io(e),
    })?;
    // It is no longer there under its temporary name.
    let _ = temporary.keep();
    #[cfg(unix)]
    fs::File::open(parent).and_then(|d| d.sync_all()).map_err(io)?;
    Ok(())
}

fn check_free(path: &Path) -> Result<(), Error> {
    let taken = || Err(Error::Exists { path: path.into() });
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(path, &e)),
        Ok(m) if !m.is_dir() => taken(),
        Ok(_) => match fs::read_dir(path).map_err(|e| Error::io(path, &e))?.next() {
            None => Ok(()),
            Some(_) => taken(),
        },
    }
}
