//! `ibake kgs issue --from`: keys for a whole list of users.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use getrandom::SysRng;
use ibake::batch::Options;
use ibake::ibe::PublicParameters;
use ibake::keyfile::{FileKey, Protection};
use ibake::kgs::bulk::{self, OrderError, Plan, Report, Target, UserKeys};
use ibake::kgs::{self, Directory};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

use super::issue::{Args, file_name, file_stem, first_and_count, master_file};
use super::list::{self, List, Wrong};
use crate::error::{Failure, Kind};
use crate::output::Output;

/// Wrong lines that are shown to people one by one.
const SHOWN: usize = 20;

pub(super) fn run(args: &Args, list: &Path, out: &Output) -> Result<(), Failure> {
    let Some(out_dir) = &args.out_dir else {
        return Err(Failure::new(Kind::Usage, "usage", "--from needs --out-dir DIR"));
    };
    if args.user.user_key_file.is_none() && args.user.user_key_dir.is_none() {
        let text = "a list needs --user-key-dir or --user-key-file: a passphrase would cost its time for every key";
        return Err(Failure::new(Kind::Usage, "protection", text)
            .hint("To hand keys out: --user-key-dir DIR, a file for each user. To store them: --user-key-file FILE."));
    }
    if args.user.user_key_dir.as_ref() == Some(out_dir) {
        return Err(Failure::new(Kind::Usage, "protection", "--user-key-dir and --out-dir are the same directory")
            .hint("The files that open the keys must not lie beside them."));
    }
    let directory = Directory::open(&args.dir)?;
    let serial = args.serial.unwrap_or(directory.current());
    let (parameters, (path, sealed)) = master_file(&directory, serial)?;
    let (at, count) = first_and_count(args, &parameters)?;
    let plan = checked(list, &parameters, list::read(list, at, count)?, out)?;
    let issuer = directory.unlock(serial, &args.unlock.open(&path, sealed.expose())?)?;
    // Made only now, when nothing can be wrong with the list any more.
    let mut fresh = None;
    let protection = match (&args.user.user_key_dir, &args.user.user_key_file) {
        (Some(keys), _) => UserKeys::Each(keys.clone()),
        (None, Some(file)) if std::fs::symlink_metadata(file).is_ok() => UserKeys::One(FileKey::read(file)?),
        (None, _) => {
            let created = args.user.create("the issued keys")?;
            let Protection::KeyFile(key) = &*created.protection else {
                return Err(Failure::new(Kind::Usage, "protection", "a key file is needed"));
            };
            let key = key.duplicate();
            fresh = Some(created);
            UserKeys::One(key)
        }
    };
    let target = Target {
        directory: out_dir,
        protection,
        key_name: &file_name,
        unlock_name: &|name| format!("{}.unlock", file_stem(name.as_str())),
    };
    let bar = bar(plan.keys() as u64);
    let started = Instant::now();
    let tell = |r: Report| bar.set_position((r.issued + r.present) as u64);
    let report = bulk::run(&issuer, &plan, &target, &Options::default(), &tell, &mut SysRng);
    bar.finish_and_clear();
    // A key file that was made now stays, since keys may be under it, unless the directory was refused from the
    // beginning.
    let refused =
        matches!(report, Err(kgs::Error::OtherIssue { .. } | kgs::Error::Exists { .. } | kgs::Error::Busy { .. }));
    if let (false, Some(created)) = (refused, fresh) {
        created.keep();
    }
    let seconds = started.elapsed().as_secs_f64();
    let report = report.map_err(|e| {
        let failure = Failure::from(e);
        if failure.hint.is_none() { failure.hint("The same command goes on where it stopped.") } else { failure }
    })?;
    let rate = report.issued as f64 / seconds.max(1e-6);
    let Report { issued, present } = report;
    let mut text = format!("{}  {issued} keys issued in {seconds:.1} s, {rate:.0} a second", out_dir.display());
    if present > 0 {
        text.push_str(&format!("; {present} were there already"));
    }
    let users = plan.users();
    let object = json!({ "directory": out_dir.display().to_string(), "users": users, "issued": issued, "present": present,
                         "serial": serial, "seconds": seconds, "keys_per_second": rate });
    out.result(&text, &object);
    Ok(())
}

/// What a list orders, if all of it can be issued.
pub(super) fn checked(path: &Path, parameters: &PublicParameters, list: List, out: &Output) -> Result<Plan, Failure> {
    let List { orders, lines, mut wrong } = list;
    match Plan::new(parameters, orders) {
        Ok(plan) if wrong.is_empty() => Ok(plan),
        Ok(_) => Err(refuse(path, wrong, out)),
        Err(more) => {
            let line = |place: usize| lines.get(place).copied().unwrap_or(0);
            let why = |e: OrderError| match e {
                OrderError::Overlaps { with } => {
                    format!("the name has one of these periods in line {} already", line(with))
                }
                e => e.to_string(),
            };
            wrong.extend(more.into_iter().map(|(place, e)| Wrong { line: line(place), why: why(e) }));
            Err(refuse(path, wrong, out))
        }
    }
}

/// Names the wrong lines. With `--json` each is an object of its own before that of the error.
fn refuse(list: &Path, mut wrong: Vec<Wrong>, out: &Output) -> Failure {
    wrong.sort_by_key(|w| w.line);
    for (i, w) in wrong.iter().enumerate() {
        if i < SHOWN {
            out.note(&format!("{}:{}: {}", list.display(), w.line, w.why));
        }
        out.object(&json!({ "line": w.line, "message": w.why }));
    }
    if wrong.len() > SHOWN {
        out.note(&format!("and {} more", wrong.len() - SHOWN));
    }
    let text = match wrong.len() {
        1 => format!("1 line of {} is wrong; nothing has been issued", list.display()),
        n => format!("{n} lines of {} are wrong; nothing has been issued", list.display()),
    };
    Failure::new(Kind::Input, "list", text)
}

/// A bar if somebody watches.
pub(super) fn bar(total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} keys {per_sec} {eta}") {
        // The library's own has four decimals.
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.with_key("per_sec", rate));
    }
    bar
}
