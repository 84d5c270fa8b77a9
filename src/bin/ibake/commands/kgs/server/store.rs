//! `ibake kgs store`.

use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use ibake::ibe::District;
use ibake::kgs::server::keys::{State, backup};
use ibake::kgs::server::{Keys, Store};
use ibake::kgs::{Directory, Setup};
use serde_json::json;

use super::super::introduce::What;
use super::super::{Length, describe, hex, print};
use super::unlock::{StoreUnlock, TakeOver};
use super::{At, Opened, block_on};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(Create),
    Import(Import),
    Show(Show),
    Rotate(Rotate),
    Retire(Retire),
    Introduce(Introduce),
    Settle(Settle),
    Backup(Backup),
    Restore(Restore),
}

/// Make a store with a new district: master key, audit log, no users yet.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store create --store sqlite:./kgs.db --district https://kgs-a.example --key-file ./kgs.unlock")]
pub(crate) struct Create {
    /// The name of the district, an https URI in normal form.
    #[arg(long, value_name = "URI")]
    district: String,
    /// How long the keys of users are valid.
    #[arg(long, value_enum, default_value = "day")]
    granularity: Length,
    /// For how many days the parameters are valid, rounded up to whole periods.
    #[arg(long, value_name = "N", default_value_t = 365)]
    valid_days: u32,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    unlock: StoreUnlock,
}

/// Take over the district of a directory that `ibake kgs init` made, with all its key epochs.
///
/// The directory stays as it is; the store comes under the same passphrase or key file, or under a key in a hardware module if one is
/// named. Take the directory away then: two
/// places that issue are two places to guard, and what the directory issues is in no log.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store import ./kgs-a --store sqlite:./kgs.db --key-file ./kgs-a.unlock")]
pub(crate) struct Import {
    /// The district's directory.
    dir: PathBuf,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    take_over: TakeOver,
}

/// Show the key epochs of a store and its audit log, and check all settings: the wrapping key says whether somebody has changed them,
/// deleted some or put some back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store show --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Show {
    #[command(flatten)]
    opened: Opened,
    /// Print the parameters of the current epoch in the text form that users load.
    #[arg(long)]
    armour: bool,
}

/// Begin a new key epoch. The old one goes on issuing until it is retired.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store rotate --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Rotate {
    #[command(flatten)]
    opened: Opened,
    /// How long keys are valid from now on; as before if left out.
    #[arg(long, value_enum)]
    granularity: Option<Length>,
    /// For how many days the new parameters are valid.
    #[arg(long, value_name = "N", default_value_t = 365)]
    valid_days: u32,
}

/// End the overlap: a key epoch that has been replaced issues nothing any more.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store retire 1 --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Retire {
    /// The serial of the epoch.
    serial: u64,
    #[command(flatten)]
    opened: Opened,
}

/// Vouch for the parameters of another district, or of the next epoch of this one, as `ibake kgs introduce` does.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store introduce params-b.txt --names b.example --out b.intro \\
      --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Introduce {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    opened: Opened,
}

/// Accept the settings of a store as they are: users, credentials, tokens, rules, inboxes, revocations, key epochs.
///
/// A server that finds rows deleted or put back issues nothing. If you have no backup, look first through `ibake kgs user list`, `ibake
/// kgs policy revoked` and `ibake kgs store show`, mend what is wrong, and find out who can write to the database; then this. A store of a
/// release without such a check needs it once. Rows that were altered are not accepted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store settle --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Settle {
    #[command(flatten)]
    opened: Opened,
}

/// Write everything that is in a store to a file, while the server runs. Secrets in it stay under the wrapping key.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store backup kgs.backup --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Backup {
    /// The file to make.
    file: PathBuf,
    #[command(flatten)]
    opened: Opened,
}

/// Read a backup into a store that is empty, of either kind, and check that it issues the same keys.
///
/// Use it once: two servers that go on from one backup have two logs of one name.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs store restore kgs.backup --store postgres://kgs@db.example/kgs --key-file ./kgs.unlock")]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    unlock: StoreUnlock,
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Create(a) => create(a, out).await,
            Command::Import(a) => import(a, out).await,
            Command::Show(a) => show(a, out).await,
            Command::Rotate(a) => rotate(a, out).await,
            Command::Retire(a) => {
                let (_, keys) = open(&a.opened).await?;
                keys.set_state(a.serial, State::Retired).await?;
                let object = json!({ "serial": a.serial, "state": State::Retired.name() });
                out.result(&format!("Serial {} issues nothing any more.", a.serial), &object);
                Ok(())
            }
            Command::Introduce(a) => {
                let (parameters, whose, from, until) = a.what.read()?;
                let (_, keys) = open(&a.opened).await?;
                a.what.write(&keys.introduce(&parameters, whose, from, until).await?, out)
            }
            Command::Settle(a) => settle(a, out).await,
            Command::Backup(a) => save(a, out).await,
            Command::Restore(a) => restore(a, out).await,
        }
    })
}

async fn open(opened: &Opened) -> Result<(Store, Keys), Failure> {
    let store = opened.at.open().await?;
    let wrapper = opened.wrapper(&store).await?;
    let keys = Keys::open(&store, wrapper).await?;
    Ok((store, keys))
}

async fn create(a: &Create, out: &Output) -> Result<(), Failure> {
    let district = District::parse(&a.district)
        .map_err(|e| Failure::from(ibake::error::Error::Identity(e)).context(format_args!("{:?}", a.district)))?;
    let mut setup = Setup::of_days(district, a.granularity.into(), when::now(), a.valid_days)?;
    // Where clients ask for keys.
    setup.pkg_uri = Some(format!("{}/keys", a.district));
    let (store, made) = a.at.make().await?;
    let created = a.unlock.create()?;
    let keys = Keys::create(&store, Arc::clone(&created.wrapper), &setup).await?;
    created.keep();
    made.keep();
    report(&keys, out).await
}

async fn import(a: &Import, out: &Output) -> Result<(), Failure> {
    let directory = Directory::open(&a.dir)?;
    let (_, (path, sealed)) = super::super::issue::master_file(&directory, directory.current())?;
    let protection = Arc::new(a.take_over.unlock.open(&path, sealed.expose())?);
    directory.unlock(directory.current(), &protection)?;
    let wrapper = a.take_over.wrapper(&protection)?;
    let (store, made) = a.at.make().await?;
    let keys = Keys::import(&store, wrapper, &directory, &protection).await?;
    made.keep();
    report(&keys, out).await
}

async fn report(keys: &Keys, out: &Output) -> Result<(), Failure> {
    report_with(keys, None, out).await
}

async fn report_with(keys: &Keys, settings: Option<&str>, out: &Output) -> Result<(), Failure> {
    let current = keys.current().await?;
    let log = keys.log();
    if out.is_json() {
        let mut object = describe(&current);
        let all = keys.parameters().await?;
        let epochs = all.iter().map(|(s, p)| json!({ "serial": p.serial(), "state": s.name() }));
        object["epochs"] = epochs.collect::<Vec<_>>().into();
        object["log"] = hex(&log.id).into();
        object["log_key"] = hex(&log.key).into();
        if let Some(settings) = settings {
            object["settings"] = settings.into();
        }
        out.object(&object);
    } else {
        print(&current, out);
        for (state, parameters) in keys.parameters().await? {
            out.field("epoch", &format!("{} {}", parameters.serial(), state.name()));
        }
        out.field("log", &hex(&log.id));
        out.field("log key", &hex(&log.key));
        if let Some(settings) = settings {
            out.field("settings", settings);
        }
    }
    Ok(())
}

async fn show(a: &Show, out: &Output) -> Result<(), Failure> {
    let (_, keys) = open(&a.opened).await?;
    if a.armour && !out.is_json() {
        out.text(keys.current().await?.to_armour().trim_end());
        return Ok(());
    }
    let found = keys.store().check_settings(keys.vault()).await;
    // Whoever has to mend settings wants to see them.
    report_with(&keys, found.is_ok().then_some("as they were left"), out).await?;
    found.map(drop).map_err(Into::into)
}

async fn rotate(a: &Rotate, out: &Output) -> Result<(), Failure> {
    let (_, keys) = open(&a.opened).await?;
    let old = keys.current().await?;
    let granularity = a.granularity.map_or(old.granularity(), Into::into);
    let mut setup = Setup::of_days(old.district().clone(), granularity, when::now(), a.valid_days)?;
    setup.pkg_uri = old.pkg_uri().map(str::to_owned);
    keys.rotate(&setup, false).await?;
    report(&keys, out).await
}

async fn settle(a: &Settle, out: &Output) -> Result<(), Failure> {
    let (store, vault) = a.opened.open().await?;
    let rows = store.settle(&vault, when::now()).await?;
    let all: Vec<String> = rows.iter().map(|(table, n)| format!("{n} {table}")).collect();
    let object: serde_json::Map<_, _> = rows.iter().map(|(table, n)| ((*table).to_owned(), (*n).into())).collect();
    out.result(&format!("Accepted as they are: {}.", all.join(", ")), &json!({ "accepted": object }));
    Ok(())
}

async fn save(a: &Backup, out: &Output) -> Result<(), Failure> {
    let (_, keys) = open(&a.opened).await?;
    let mut pending = crate::files::Pending::new(&a.file, crate::files::Access::Owner, false)?;
    let rows = backup::export(&keys, &mut pending).await?;
    pending.finish()?;
    out.result(
        &format!("{}  {rows} rows", a.file.display()),
        &json!({ "file": a.file.display().to_string(), "rows": rows }),
    );
    Ok(())
}

async fn restore(a: &Restore, out: &Output) -> Result<(), Failure> {
    let file = std::fs::File::open(&a.file).map_err(|e| Failure::io(&a.file, &e))?;
    let (store, made) = a.at.make().await?;
    if !a.unlock.is_given() {
        return Err(Failure::new(Kind::Usage, "protection", "the wrapping key of the backup is needed")
            .hint("Give --passphrase-file FILE, --key-file FILE or --pkcs11-module PATH."));
    }
    let keys = backup::restore(&store, a.unlock.open(&[])?, BufReader::new(file)).await?;
    made.keep();
    out.note("The restored store issues the same keys.");
    if let Err(e) = store.check_settings(keys.vault()).await {
        out.note(&format!("It issues nothing yet: {e}."));
    }
    report(&keys, out).await
}
