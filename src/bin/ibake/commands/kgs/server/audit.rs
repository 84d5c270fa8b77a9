//! `ibake kgs audit`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ibake::kgs::server::audit::{self, Checkpoint, Outcome, Report, export};
use ibake::kgs::server::{Keys, LogName, Service, Settings};
use serde_json::json;

use super::super::hex;
use super::{At, Opened, block_on};
use crate::error::{Failure, Kind};
use crate::files::{Access, Pending, read_limited};
use crate::names::parse_name;
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(Verify),
    Export(Export),
    Checkpoint(Sign),
    Mine(Mine),
}

/// Verify a log, in a store or as exported: names every gap, edit, reorder and truncation. Nothing secret is needed.
///
/// A store can only be compared with itself. Keep the key of the log (--key) and a checkpoint of now and then (--checkpoint) where
/// nobody who has the store can write, and give them here.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs audit verify --store sqlite:./kgs.db --checkpoint ./last-month.json
  ibake kgs audit verify --file log.jsonl --key 7c0e..")]
#[group(skip)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["store", "file"])))]
pub(crate) struct Verify {
    /// The store.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Lines that `ibake kgs audit export` wrote.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The key that signs the log's checkpoints, in hexadecimal.
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// A checkpoint that was kept elsewhere; several times if there are several.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

/// Write the log as lines of JSON that anybody can verify and that say nothing about anybody.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs audit export --out log.jsonl --store sqlite:./kgs.db")]
pub(crate) struct Export {
    /// The file to make; - for standard output.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    at: At,
}

/// Sign the log as it is now, for somebody to keep elsewhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs audit checkpoint --out today.json --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Sign {
    /// The file to make; - for standard output.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    opened: Opened,
}

/// Show every entry about a name, with the salts that open its commitments: what was ever issued for it, and to whom.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs audit mine sip:alice@a.example --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Mine {
    /// The name.
    name: String,
    #[command(flatten)]
    opened: Opened,
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Verify(a) => verify(a, out).await,
            Command::Export(a) => {
                let store = a.at.open().await?;
                let mut pending = Pending::new(&a.out, Access::Everybody, false)?;
                let entries = export::export(&store, &LogName::of(&store).await?, &mut pending).await?;
                pending.finish()?;
                out.note(&format!("{entries} entries written to {}.", a.out.display()));
                Ok(())
            }
            Command::Checkpoint(a) => sign(a, out).await,
            Command::Mine(a) => mine(a, out).await,
        }
    })
}

fn kept(paths: &[PathBuf]) -> Result<Vec<Checkpoint>, Failure> {
    let read = |path: &PathBuf| {
        let bytes = read_limited(path, 4_096)?;
        let found = export::checkpoint_from_json(&String::from_utf8_lossy(&bytes));
        found.map_err(|e| Failure::from(e).context(path.display()))
    };
    paths.iter().map(read).collect()
}

fn key(text: &str) -> Result<[u8; 32], Failure> {
    let mut out = [0; 32];
    match base16ct::lower::decode(text, &mut out) {
        Ok(found) if found.len() == 32 => Ok(out),
        _ => Err(Failure::new(Kind::Usage, "usage", "--key takes 64 lower-case hexadecimal digits")),
    }
}

async fn verify(a: &Verify, out: &Output) -> Result<(), Failure> {
    let pinned = a.key.as_deref().map(key).transpose()?;
    let kept = kept(&a.checkpoints)?;
    let report = match (&a.store, &a.file) {
        (Some(store), _) => {
            let store = At { store: store.clone() }.open().await?;
            let log = LogName::of(&store).await?;
            if pinned.is_some_and(|pinned| pinned != log.key) {
                return Err(Failure::new(
                    Kind::Refused,
                    "log-key",
                    "the log is signed by another key than the one given",
                ));
            }
            audit::verify(&store, &log, kept).await?
        }
        (None, Some(file)) => {
            let opened = File::open(file).map_err(|e| Failure::io(file, &e))?;
            export::verify(BufReader::new(opened), pinned.as_ref(), kept)?
        }
        (None, None) => return Err(Failure::new(Kind::Usage, "usage", "--store or --file is needed")),
    };
    tell(&report, out)
}

fn tell(report: &Report, out: &Output) -> Result<(), Failure> {
    let Report { entries, issued, checkpoints, hash, findings, more, .. } = report;
    let named = findings.iter().map(|f| json!({ "kind": f.kind(), "message": f.to_string() }));
    let object = json!({ "sound": report.is_sound(), "entries": entries, "issued": issued, "checkpoints": checkpoints,
                         "hash": hex(hash), "findings": named.collect::<Vec<_>>(), "more": more });
    let text = format!("{entries} entries, {issued} keys issued, {checkpoints} checkpoints hold");
    out.result(&text, &object);
    for finding in findings {
        out.note(&finding.to_string());
    }
    match findings.len() as u64 + more {
        0 => Ok(()),
        n => Err(Failure::new(Kind::Refused, "log", format!("the log is not what was written: {n} findings"))),
    }
}

async fn sign(a: &Sign, out: &Output) -> Result<(), Failure> {
    let store = a.opened.at.open().await?;
    let keys = Keys::open(&store, a.opened.wrapper(&store).await?).await?;
    let service = Service::new(std::sync::Arc::new(keys), Settings::default());
    let checkpoint = service.log().checkpoint().await?;
    write(&a.out, &format!("{}\n", export::checkpoint_json(&checkpoint)))?;
    out.note(&format!("{} entries signed.", checkpoint.entries));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut pending = Pending::new(path, Access::Everybody, false)?;
    pending.write_all(text.as_bytes()).map_err(|e| Failure::io(path, &e))?;
    pending.finish()
}

async fn mine(a: &Mine, out: &Output) -> Result<(), Failure> {
    let name = parse_name(&a.name)?;
    let (store, vault) = a.opened.open().await?;
    let mut place = 0;
    loop {
        let page = audit::owned(&store, &vault, &name, place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.link.place;
        for owned in &page {
            let (link, opening) = (&owned.link, &owned.opening);
            let outcome = Outcome::from_id(link.outcome).map_or("?", Outcome::name);
            let at = when::format(link.at);
            let text = format!("{:>8}  {at}  {outcome}  serial {}, for {}", link.place, link.serial, opening.requester);
            let object = json!({ "place": link.place, "at": at, "outcome": outcome, "serial": link.serial,
                                 "requester": opening.requester, "identity": hex(&opening.identity), "salt": hex(&opening.salt),
                                 "commitment": hex(&link.commitment), "hash": hex(&link.hash) });
            out.result(&text, &object);
        }
    }
}
