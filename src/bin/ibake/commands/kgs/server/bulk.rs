//! `ibake kgs bulk`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Subcommand, ValueEnum};
use ibake::ibe::Period;
use ibake::kgs::server::bulk::{self, Count, Done, Job, Work};
use ibake::kgs::server::policy::Purposes;
use ibake::kgs::server::{Error, Keys, Refusal, Service, Settings, Store, Vault};
use serde_json::{Value, json};

use super::super::bulk::{bar, checked};
use super::super::issue::{file_stem, periods};
use super::super::{hex, list};
use super::{At, Opened, block_on};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::when;

/// Refused keys that are shown to people one by one.
const SHOWN: usize = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Start(Start),
    Run(Run),
    Status(Status),
    Remove(Remove),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    Decrypt,
    Sign,
    Both,
}

/// Make a job from a list of users, and print its name. Nothing is issued yet.
///
/// The list is a CSV file with one user a line: the name, and if wanted a time in the first period and the number of periods; lines
/// that begin with # do not count. All lines are checked first: if one is wrong, all wrong ones are named and no job is made (exit code
/// 3). The job issues by the rules of the user that --as names (see `ibake kgs policy allow`), and each key goes to the user whose own
/// the name is, sealed to their inbox (see `ibake kgs user seal-to`).
#[derive(clap::Args, Debug)]
#[command(after_help = "Example, all keys of a month:
  ibake kgs user add machine --store sqlite:./kgs.db --key-file ./kgs.unlock
  ibake kgs policy allow machine '*' --ahead-days 60 --store sqlite:./kgs.db --key-file ./kgs.unlock
  ibake kgs bulk start --from subscribers.csv --month 2026-12 --as machine --store sqlite:./kgs.db --key-file ./kgs.unlock")]
#[group(skip)]
#[command(group(clap::ArgGroup::new("time").required(true).args(["month", "days", "count"])))]
pub(crate) struct Start {
    /// A CSV file of users: NAME[,TIME[,N]]; - for standard input.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// By whose rules keys are issued: a user of the store, made for this.
    #[arg(long = "as", value_name = "USER")]
    requester: String,
    /// Keys for all periods of a month, as 2026-12.
    #[arg(long, value_name = "MONTH", value_parser = when::parse_month)]
    month: Option<(u64, u64)>,
    /// Keys for all periods of so many days, from the one that contains --at on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_600))]
    days: Option<u32>,
    /// Keys for so many periods in a row, from --at on.
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// A time in the first period; now if left out.
    #[arg(long, value_name = "TIME", value_parser = when::parse, conflicts_with = "month")]
    at: Option<u64>,
    /// For what the keys are.
    #[arg(long = "for", value_enum, default_value = "decrypt", value_name = "PURPOSE")]
    purpose: For,
    /// How many keys are issued in one transaction at most.
    #[arg(long, value_name = "N", default_value_t = bulk::CHUNK as u32, value_parser = clap::value_parser!(u32).range(1..=bulk::CHUNK as i64))]
    chunk: u32,
    /// Issue under an earlier epoch than the current one.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    #[command(flatten)]
    opened: Opened,
}

/// Work on a job until it is done, then write one file of sealed keys for each user.
///
/// It may be interrupted at any instant: the same command goes on where it stopped. Several may work on one job at the same time, on
/// one machine or, with PostgreSQL, on several; every key is issued once. Users open their files with `ibake key import`. What policy
/// refuses does not hold up the rest; it is listed here and in refused.JOB.csv.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs bulk run --job 6f0c52.. --out ./december --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Run {
    /// The job, as `ibake kgs bulk start` printed it.
    #[arg(long, value_name = "ID", value_parser = job_id)]
    job: [u8; 16],
    /// The directory for the files; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// After how many seconds without a sign of life another process takes over what one was working on.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    lease: u64,
    #[command(flatten)]
    opened: Opened,
}

/// Show how far jobs are.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs bulk status --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Status {
    /// This job only, with what it has refused; all if left out.
    #[arg(long, value_name = "ID", value_parser = job_id)]
    job: Option<[u8; 16]>,
    #[command(flatten)]
    opened: Opened,
}

/// Take a job away, with the sealed keys that the store keeps for it. What was issued stays in the log.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example, when all users have their files:
  ibake kgs bulk remove --job 6f0c52.. --store sqlite:./kgs.db")]
pub(crate) struct Remove {
    /// The job.
    #[arg(long, value_name = "ID", value_parser = job_id)]
    job: [u8; 16],
    #[command(flatten)]
    at: At,
}

fn job_id(text: &str) -> Result<[u8; 16], String> {
    let mut out = [0; 16];
    match base16ct::lower::decode(text, &mut out) {
        Ok(found) if found.len() == 16 => Ok(out),
        _ => Err("32 lower-case hexadecimal digits are wanted, as `ibake kgs bulk start` prints them".into()),
    }
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Start(a) => start(a, out).await,
            Command::Run(a) => work(a, out).await,
            Command::Status(a) => status(a, out).await,
            Command::Remove(a) => {
                a.at.open().await?.remove_job(&a.job).await.map_err(unknown)?;
                out.result("The job is removed.", &json!({ "job": hex(&a.job), "removed": true }));
                Ok(())
            }
        }
    })
}

fn unknown(e: Error) -> Failure {
    match e {
        Error::Unknown { what: "job" } => Failure::from(e).hint("The jobs there are: ibake kgs bulk status"),
        e => e.into(),
    }
}

async fn start(a: &Start, out: &Output) -> Result<(), Failure> {
    let store = a.opened.at.open().await?;
    let keys = Keys::open(&store, a.opened.wrapper(&store).await?).await?;
    let now = when::now();
    let parameters = match a.serial {
        None => keys.current().await?,
        Some(serial) => {
            let all = keys.parameters().await?;
            let found = all.into_iter().map(|(_, p)| p).find(|p| p.serial() == serial);
            found.ok_or_else(|| Failure::new(Kind::Refused, "serial", format!("no epoch has the serial {serial}")))?
        }
    };
    let from = a.at.unwrap_or(now);
    let (at, count) = match (a.month, a.days, a.count) {
        (Some(month), ..) => periods(&parameters, month)?,
        (_, Some(days), _) => {
            // Seven days from noon are not eight periods.
            let period = Period::containing(parameters.granularity(), from).map_err(ibake::error::Error::from)?;
            periods(&parameters, (period.start(), period.start().saturating_add(u64::from(days) * 86_400)))?
        }
        (.., count) => (from, count.unwrap_or(1)),
    };
    let plan = checked(&a.from, &parameters, list::read(&a.from, at, count)?, out)?;
    let purposes = Purposes {
        decrypt: matches!(a.purpose, For::Decrypt | For::Both),
        sign: matches!(a.purpose, For::Sign | For::Both),
    };
    let job = bulk::start(&keys, &a.requester, &plan, purposes, a.chunk as usize, now).await.map_err(|e| match e {
        Error::Unknown { what: "user" } => Failure::from(e).context(&a.requester).hint(format!(
            "Make one that may issue them: ibake kgs user add {0}; ibake kgs policy allow {0} '*'",
            a.requester
        )),
        Error::Input { .. } => Failure::from(e).context(a.from.display()),
        e => e.into(),
    })?;
    let Job { users, keys, .. } = &job;
    out.note(&format!(
        "{keys} keys for {users} lines of the list. Next: ibake kgs bulk run --job {} --out DIR",
        hex(&job.id)
    ));
    out.result(&hex(&job.id), &describe(&job));
    Ok(())
}

fn describe(job: &Job) -> Value {
    let Purposes { decrypt, sign } = job.purposes;
    json!({ "job": hex(&job.id), "as": job.requester, "serial": job.serial, "users": job.users, "keys": job.keys,
            "decrypt": decrypt, "sign": sign, "created": when::format(job.created) })
}

async fn work(a: &Run, out: &Output) -> Result<(), Failure> {
    let store = a.opened.at.open().await?;
    let keys = Arc::new(Keys::open(&store, a.opened.wrapper(&store).await?).await?);
    let job = bulk::find(&store, keys.vault(), &a.job).await.map_err(unknown)?;
    let before = bulk::count(&store, &job.id).await?;
    let progress = bar(job.keys);
    progress.set_position(before.done);
    // The rate is that of this run.
    progress.reset_eta();
    let service = Service::new(Arc::clone(&keys), Settings::default());
    let (started, shown) = (Instant::now(), progress.clone());
    // Others may be at it too: what they have done shows now and then.
    let watch = watch(store.clone(), job.id, progress.clone());
    let tell = move |done: &Done| shown.set_position(shown.position().max(before.done + done.issued + done.refused));
    let work = Work { lease: a.lease, ..Work::new(when::now, Arc::new(tell)) };
    let done = bulk::run(&service, &job, &work).await;
    watch.abort();
    progress.finish_and_clear();
    let done = done.map_err(|e| stopped(e, &job))?;
    let seconds = started.elapsed().as_secs_f64();
    let stem = |user: &str| file_stem(user);
    let exported = bulk::export(&store, keys.vault(), &job, &a.out, &stem).await.map_err(|e| {
        let failure = Failure::from(e);
        let hint = if failure.code == "exists" {
            "Give another directory: the keys are in the store, and are written again."
        } else {
            "Run the same command again: the keys are in the store, and are written again."
        };
        failure.hint(hint)
    })?;
    let written = started.elapsed().as_secs_f64() - seconds;
    let rate = done.issued as f64 / seconds.max(1e-6);
    let mut text = format!("{}  {} keys issued in {seconds:.1} s, {rate:.0} a second", a.out.display(), done.issued);
    let others = exported.keys - done.issued.min(exported.keys);
    if others > 0 {
        text.push_str(&format!("; {others} were issued already, or by others"));
    }
    if done.refused > 0 {
        text.push_str(&format!("; {} were refused", done.refused));
    }
    text.push_str(&format!(". {} files for {} users", exported.written + exported.present, exported.users));
    let part = |d: std::time::Duration| d.as_secs_f64();
    let object = json!({
        "job": hex(&job.id), "directory": a.out.display().to_string(), "issued": done.issued, "refused": done.refused,
        "seconds": seconds, "keys_per_second": rate,
        "spent": { "store": part(done.store), "extract": part(done.extract), "seal": part(done.seal), "files": written },
        "all": { "keys": exported.keys, "refused": exported.refused, "users": exported.users,
                 "files_written": exported.written, "files_present": exported.present },
    });
    if exported.refused > 0 {
        show_refused(&store, keys.vault(), &job, exported.refused, out).await?;
    }
    out.result(&text, &object);
    Ok(())
}

/// Shows on the bar what is done in the store, by whomever.
fn watch(store: Store, job: [u8; 16], progress: indicatif::ProgressBar) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        // Nobody watches a bar that does not show.
        while std::io::stderr().is_terminal() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            if let Ok(count) = bulk::count(&store, &job).await {
                progress.set_position(count.done.max(progress.position()));
            }
        }
    })
}

fn stopped(e: Error, job: &Job) -> Failure {
    let user = &job.requester;
    match e {
        Error::Refused { why: Refusal::Disabled, .. } => {
            let text = format!("{user}, by whose rules the job issues, is disabled or gone; the job has stopped");
            Failure::new(Kind::Refused, "policy", text)
                .hint(format!("Let {user} have keys again (ibake kgs user disable {user} --undo) and run it again."))
        }
        Error::Refused { why: Refusal::Quota, .. } => {
            let text = format!("{user}, by whose rules the job issues, has had all keys of today; the job has stopped");
            Failure::new(Kind::Refused, "policy", text).hint("Run it again tomorrow (UTC), or raise the quota.")
        }
        e => {
            let failure = Failure::from(e);
            if failure.hint.is_some() { failure } else { failure.hint("The same command goes on where it stopped.") }
        }
    }
}

/// Lists what was refused: some for people, everything for machines.
async fn show_refused(store: &Store, vault: &Vault, job: &Job, total: u64, out: &Output) -> Result<(), Failure> {
    let (mut behind, mut shown) = (None, 0);
    while let Some((last, items)) = bulk::refused(store, vault, job, behind).await? {
        behind = Some(last);
        for (identity, why) in items {
            let (name, from) = (identity.name().as_str(), when::format(identity.period().start()));
            if shown < SHOWN {
                out.note(&format!("refused: {name}, from {from}: {}", sentence(why)));
            }
            shown += 1;
            out.object(&json!({ "refused": why.name(), "name": name, "from": from }));
        }
        if shown >= SHOWN && !out.is_json() {
            break;
        }
    }
    if total > SHOWN as u64 {
        out.note(&format!("{total} refused in all"));
    }
    Ok(())
}

const fn sentence(why: Refusal) -> &'static str {
    match why {
        Refusal::Identity => "no rule of the requester has this name",
        Refusal::Purpose => "the requester may not have keys for this purpose",
        Refusal::Past => "the period is over",
        Refusal::Ahead => {
            "the period begins later than the requester may ask for (ibake kgs policy allow --ahead-days)"
        }
        Refusal::Revoked => "the name is revoked",
        Refusal::Disabled => "the user is disabled",
        Refusal::Epoch => "the key epoch does not issue for it",
        Refusal::Recipient => "no user, or more than one, has this name as theirs (ibake kgs user add --identity)",
        Refusal::Unsealable => "the user has no inbox (ibake kgs user seal-to)",
        _ => why.name(),
    }
}

async fn status(a: &Status, out: &Output) -> Result<(), Failure> {
    let (store, vault) = a.opened.open().await?;
    let jobs = match &a.job {
        Some(id) => vec![bulk::find(&store, &vault, id).await.map_err(unknown)?],
        None => bulk::list(&store, &vault).await?,
    };
    for job in &jobs {
        let count = bulk::count(&store, &job.id).await?;
        let Count { keys, done, refused, chunks, chunks_done } = count;
        let state = if done == keys { "done" } else { "open" };
        let created = when::format(job.created);
        let text =
            format!("{}  {state}, {done} of {keys} keys, {refused} of them refused; made {created}", hex(&job.id));
        let mut object = describe(job);
        if let Some(object) = object.as_object_mut() {
            object.extend([
                ("done".into(), done.into()),
                ("refused".into(), refused.into()),
                ("chunks".into(), chunks.into()),
                ("chunks_done".into(), chunks_done.into()),
            ]);
        }
        out.result(&text, &object);
        if a.job.is_some() && refused > 0 {
            show_refused(&store, &vault, job, refused, out).await?;
        }
    }
    Ok(())
}
