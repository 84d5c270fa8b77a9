//! Keys for a whole list of users, into a directory; what was interrupted goes on where it stopped.
//!
//! ```text
//! DIR/                       mode 0700
//!   issue.state              what the directory is for: district, serial, fingerprint, how the keys are protected
//!   NAME.START.key ..        one key each, a keyfile envelope of kind 2 under a key file
//! ```
//!
//! Whether a key has been issued is whether its file is there: files appear complete or not at all, under names that
//! only identity and period decide. So after a crash, or with a longer list, the same command issues what is missing
//! and nothing twice. `issue.state` is written first, and a directory that was begun under another epoch or another
//! protection is refused. It is locked meanwhile, so two runs cannot meet in one directory.
//!
//! # Protection
//! By key files only, 32 random bytes each: one for the whole directory (a store that a provisioning system reads), or
//! one for every user, in a directory of their own (to be handed out by another way than the keys). A passphrase would
//! cost the time of an Argon2 for every file, which is what makes it worth something; one passphrase for thousands of
//! users is not.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rand_core::TryCryptoRng;

use super::{Error, PERIOD_LIMIT, seal_private_key};
use crate::batch::{self, BatchError, Options};
use crate::ibe::extract::{Issuer, PrivateKey};
use crate::ibe::{Identity, Name, Period, PublicParameters, Purpose};
use crate::keyfile::{self, FileKey, Protection};

/// Most orders of one plan.
pub const ORDER_LIMIT: usize = 1_000_000;
/// Keys that are computed and written before progress is told.
const SEGMENT: usize = 1024;
const STATE: &str = "issue.state";
/// Kind of the keyfile envelope in `issue.state`, by which the key file is recognised.
const CHECK_KIND: u8 = 3;

/// Keys for one user: `count` periods in a row, the first of which contains `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose.
    pub name: Name,
    /// A time in the first period, seconds since 1970.
    pub at: u64,
    /// Of how many periods, 1 to [`PERIOD_LIMIT`].
    pub count: usize,
}

/// What is wrong with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// No period, or more than [`PERIOD_LIMIT`].
    Count,
    /// A period that cannot be issued for.
    Crypto(crate::error::Error),
    /// Has a period that an earlier order for the same name has too.
    Overlaps {
        /// The place of the earlier one.
        with: usize,
    },
}

impl core::fmt::Display for OrderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Count => write!(f, "1 to {PERIOD_LIMIT} periods are possible"),
            Self::Crypto(e) => e.fmt(f),
            Self::Overlaps { with } => write!(f, "the name has one of these periods already in order {with}"),
        }
    }
}

/// Orders that have been checked completely: nothing is issued before that.
#[derive(Clone, Debug)]
pub struct Plan {
    parameters: PublicParameters,
    orders: Vec<(Order, Period)>,
    keys: usize,
}

impl Plan {
    /// Checks every order.
    ///
    /// # Errors
    /// The places of all orders that cannot be carried out, ascending, with the reason.
    pub fn new(parameters: &PublicParameters, orders: Vec<Order>) -> Result<Self, Vec<(usize, OrderError)>> {
        let mut wrong = Vec::new();
        let mut taken = HashMap::<Name, Vec<(usize, u64, u64)>>::new();
        let mut checked = Vec::with_capacity(orders.len());
        let mut keys = 0;
        for (place, order) in orders.into_iter().enumerate() {
            match span(parameters, &order) {
                Err(e) => wrong.push((place, e)),
                Ok((first, end)) => {
                    let earlier = taken.entry(order.name.clone()).or_default();
                    match earlier.iter().find(|(_, start, until)| first.start() < *until && *start < end) {
                        Some((with, ..)) => wrong.push((place, OrderError::Overlaps { with: *with })),
                        None => earlier.push((place, first.start(), end)),
                    }
                    keys += order.count;
                    checked.push((order, first));
                }
            }
        }
        if wrong.is_empty() { Ok(Self { parameters: parameters.clone(), orders: checked, keys }) } else { Err(wrong) }
    }

    /// How many keys these are.
    pub const fn keys(&self) -> usize {
        self.keys
    }

    /// How many orders these are.
    pub const fn users(&self) -> usize {
        self.orders.len()
    }

    /// For which parameters.
    #[cfg(feature = "server")]
    pub(super) const fn parameters(&self) -> &PublicParameters {
        &self.parameters
    }

    /// The orders, each with its first period.
    #[cfg(feature = "server")]
    pub(super) fn orders(&self) -> &[(Order, Period)] {
        &self.orders
    }

    /// The identities in the order of the list.
    fn identities(&self) -> impl Iterator<Item = Result<Identity, Error>> {
        let (district, serial) = (self.parameters.district(), self.parameters.serial());
        self.orders.iter().flat_map(move |(order, first)| {
            let mut next = Some(*first);
            (0..order.count).map(move |_| {
                // There is a next one: all periods have been looked at when the plan was made.
                let period = next.take().ok_or(crate::error::Error::from(crate::error::IdentityError::TimeRange))?;
                next = period.next().ok();
                let identity = Identity::new(district, serial, Purpose::Decrypt, order.name.clone(), period);
                Ok(identity.map_err(crate::error::Error::from)?)
            })
        })
    }
}

/// The first period of an order and the end of its last one.
fn span(parameters: &PublicParameters, order: &Order) -> Result<(Period, u64), OrderError> {
    if order.count == 0 || order.count > PERIOD_LIMIT {
        return Err(OrderError::Count);
    }
    let crypto = |e: crate::error::IdentityError| OrderError::Crypto(e.into());
    let first = Period::containing(parameters.granularity(), order.at).map_err(crypto)?;
    let mut last = first;
    for _ in 1..order.count {
        last = last.next().map_err(crypto)?;
    }
    for period in [&first, &last] {
        parameters.check_period(period).map_err(OrderError::Crypto)?;
    }
    Ok((first, last.end()))
}

/// How the issued keys are protected.
#[derive(Debug)]
pub enum UserKeys {
    /// All under one key file.
    One(FileKey),
    /// Each user's under a key file of their own in this directory, made where it does not exist.
    Each(PathBuf),
}

/// Where keys go.
pub struct Target<'a> {
    /// The directory; made if it does not exist.
    pub directory: &'a Path,
    /// By what the keys are protected.
    pub protection: UserKeys,
    /// The name of the file of an identity's key, without directories. Different identities need different names.
    pub key_name: &'a dyn Fn(&Identity) -> String,
    /// The name of the key file of a user, for [`UserKeys::Each`].
    pub unlock_name: &'a dyn Fn(&Name) -> String,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Keys issued by this run.
    pub issued: usize,
    /// Keys that were there already.
    pub present: usize,
}

/// Carries out a plan, or what is left of it. `progress` is told how many of all keys are done, from this thread.
///
/// # Errors
/// [`Error::Exists`] for a directory with something else in it, [`Error::OtherIssue`] for one that was begun otherwise,
/// [`Error::Busy`] if another run is at it, [`Error::Batch`], also when cancelled, [`Error::KeyFile`], [`Error::Io`].
/// What has been issued by then stays and is not issued again.
pub fn run<R: TryCryptoRng + ?Sized>(
    issuer: &Issuer,
    plan: &Plan,
    target: &Target<'_>,
    options: &Options<'_>,
    progress: &dyn Fn(Report),
    rng: &mut R,
) -> Result<Report, Error> {
    if issuer.parameters().fingerprint() != plan.parameters.fingerprint() {
        return Err(crate::error::Error::from(crate::error::ParametersError::Mismatch).into());
    }
    make_private(target.directory)?;
    if let UserKeys::Each(keys) = &target.protection {
        make_private(keys)?;
    }
    // Held until the end of the run.
    let _lock = begin(issuer.parameters(), target, rng)?;
    let mut report = Report::default();
    let mut missing = Vec::with_capacity(SEGMENT);
    let mut identities = plan.identities().peekable();
    while let Some(identity) = identities.next() {
        let identity = identity?;
        let name = (target.key_name)(&identity);
        match fs::symlink_metadata(target.directory.join(&name)) {
            Ok(_) => report.present += 1,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => missing.push((name, identity)),
            Err(e) => return Err(Error::io(target.directory, &e)),
        }
        if missing.len() == SEGMENT || identities.peek().is_none() {
            if options.cancel.is_some_and(|c| c.load(std::sync::atomic::Ordering::Relaxed)) {
                return Err(Error::Batch(BatchError::Cancelled));
            }
            report.issued += segment(issuer, target, &missing, options, rng)?;
            missing.clear();
            progress(report);
        }
    }
    Ok(report)
}

/// Issues and writes some keys; gives their number.
fn segment<R: TryCryptoRng + ?Sized>(
    issuer: &Issuer,
    target: &Target<'_>,
    missing: &[(String, Identity)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<usize, Error> {
    let items: Vec<_> = missing.iter().map(|(_, identity)| (issuer, identity)).collect();
    let keys = batch::extract(&items, options, rng).and_then(batch::all).map_err(Error::Batch)?;
    let mut own = BTreeMap::<&str, Protection>::new();
    let mut files = Vec::with_capacity(keys.len());
    for ((name, _), key) in missing.iter().zip(&keys) {
        files.push((name.clone(), protect(target, key, &mut own, rng)?));
    }
    keyfile::write_new_files(target.directory, &files)?;
    Ok(files.len())
}

/// Seals a key for its user; `own` remembers the key files of this segment.
fn protect<'k, R: TryCryptoRng + ?Sized>(
    target: &Target<'_>,
    key: &'k PrivateKey,
    own: &mut BTreeMap<&'k str, Protection>,
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    let directory = match &target.protection {
        UserKeys::One(key_file) => return seal_private_key(key, &Protection::KeyFile(key_file.duplicate()), rng),
        UserKeys::Each(directory) => directory,
    };
    let name = key.identity().name();
    if !own.contains_key(name.as_str()) {
        let path = directory.join((target.unlock_name)(name));
        let fresh = FileKey::generate(rng)?;
        // On the disk before anything is protected by it.
        let file_key = match fresh.write_new(&path) {
            Ok(()) => fresh,
            Err(keyfile::Error::Exists { .. }) => FileKey::read(&path)?,
            Err(e) => return Err(e.into()),
        };
        own.insert(name.as_str(), Protection::KeyFile(file_key));
    }
    match own.get(name.as_str()) {
        Some(protection) => seal_private_key(key, protection, rng),
        None => Err(Error::KeyFile(keyfile::Error::NeedsKeyFile)),
    }
}

pub(super) fn make_private(directory: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(directory) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::io(directory, &e)),
        _ if directory.is_dir() => Ok(()),
        _ => Err(Error::Exists { path: directory.into() }),
    }
}

/// Writes `issue.state`, or compares with what it says; gives the locked file.
fn begin<R: TryCryptoRng + ?Sized>(p: &PublicParameters, target: &Target<'_>, rng: &mut R) -> Result<File, Error> {
    let path = target.directory.join(STATE);
    let io = |e| Error::io(&path, &e);
    let how = match &target.protection {
        UserKeys::One(_) => "one key file".to_owned(),
        // The same one next time, wherever the command is called from.
        UserKeys::Each(keys) => format!("a key file for each user in {:?}", fs::canonicalize(keys).map_err(io)?),
    };
    let head = format!(
        "ibake bulk issue 1\ndistrict {}\nserial {}\nfingerprint {}\nprotection {how}\n",
        p.district().as_str(),
        p.serial(),
        base16ct::lower::encode_string(p.fingerprint()),
    );
    if !path.exists() {
        if fs::read_dir(target.directory).map_err(io)?.next().is_some() {
            return Err(Error::Exists { path: target.directory.into() });
        }
        let check = match &target.protection {
            UserKeys::One(key) => {
                let sealed = keyfile::seal(CHECK_KIND, &Protection::KeyFile(key.duplicate()), p.fingerprint(), rng)?;
                format!("check {}\n", base16ct::lower::encode_string(&sealed))
            }
            UserKeys::Each(_) => String::new(),
        };
        match keyfile::write_new(&path, format!("{head}{check}").as_bytes()) {
            // Somebody else has begun at this moment; the lock decides.
            Ok(()) | Err(keyfile::Error::Exists { .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let lock = File::open(&path).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: target.directory.into() }),
        Err(TryLockError::Error(e)) => return Err(io(e)),
    }
    let text = keyfile::read_secret_file(&path)?;
    let other = || Error::OtherIssue { path: target.directory.into() };
    let check = text.expose().strip_prefix(head.as_bytes()).ok_or_else(other)?;
    if let UserKeys::One(key) = &target.protection {
        let sealed = check.strip_prefix(b"check ").and_then(|c| c.strip_suffix(b"\n")).ok_or_else(other)?;
        let sealed = base16ct::lower::decode_vec(sealed).map_err(|_| other())?;
        keyfile::open(&sealed, CHECK_KIND, &Protection::KeyFile(key.duplicate())).map_err(|_| other())?;
    }
    sweep(target.directory)?;
    Ok(lock)
}

/// Removes what a crash has left of files that were being written. Nobody else writes here while the lock is held.
fn sweep(directory: &Path) -> Result<(), Error> {
    let io = |e| Error::io(directory, &e);
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_name().to_str().is_some_and(|n| n.starts_with(keyfile::TEMPORARY)) {
            fs::remove_file(entry.path()).map_err(io)?;
        }
    }
    Ok(())
}
