//! `ibake key verify`.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use ibake::batch::{self, Options};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{ParameterStore, PublicParameters};
use ibake::keyfile::{self, FileKey, Protection};
use ibake::kgs;
use ibake::secret::SecretVec;
use serde_json::json;

use crate::error::{Failure, Kind};
use crate::names::{other_parameters, read_all_parameters, read_key};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Keys that are held and verified at once.
const SEGMENT: usize = 4096;

/// Verify private keys against the public parameters of their KGS: e(d, P2) = e(Q, P_pub).
///
/// Every command that uses a key does the same before it uses it. Of a directory all files NAME.key are verified
/// together, much faster than one by one; the bad ones are named. Exit code 4 if a key is not of these parameters or
/// cannot be opened.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake key verify alice.key --params params-a.txt --key-file alice.unlock
  ibake key verify ./december --params params-a.txt --user-key-dir ./unlock-files")]
pub(crate) struct Args {
    /// The key file, or a directory of key files.
    file: PathBuf,
    /// The public parameters of the district that issued it; several times for keys of several.
    #[arg(long, short, value_name = "FILE", required = true)]
    params: Vec<PathBuf>,
    /// For a directory that `ibake kgs issue --user-key-dir DIR` has filled: the users' key files.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["passphrase_file", "key_file"])]
    user_key_dir: Option<PathBuf>,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let parameters = read_all_parameters(&args.params)?;
    if args.file.is_dir() {
        return directory(args, &parameters, out);
    }
    if args.user_key_dir.is_some() {
        return Err(Failure::new(Kind::Usage, "usage", "--user-key-dir is for a directory of keys")
            .hint("Give the key file of this one: --key-file FILE."));
    }
    let key = read_key(&args.file, &args.unlock, &parameters)?;
    let (name, period) = (key.identity().name().as_str(), key.identity().period());
    let current = period.is_current(when::now());
    let (from, until) = (when::format(period.start()), when::format(period.end()));
    let time = if current { "is current" } else { "is not current now" };
    let text = format!("genuine: the key of {name}; its period, {from} to {until}, {time}");
    out.result(&text, &json!({ "genuine": true, "name": name, "from": from, "until": until, "current": current }));
    Ok(())
}

fn directory(args: &Args, parameters: &[PublicParameters], out: &Output) -> Result<(), Failure> {
    let io = |e| Failure::io(&args.file, &e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&args.file).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == "key") {
            files.push(path);
        }
    }
    files.sort();
    let Some(first) = files.first() else {
        let text = format!("{} has no files NAME.key", args.file.display());
        return Err(Failure::new(Kind::Input, "empty", text));
    };
    let mut opener = Opener::new(args, first)?;
    let (mut genuine, mut current, mut bad) = (0usize, 0usize, 0usize);
    for segment in files.chunks(SEGMENT) {
        let read: Vec<_> = segment.iter().map(|path| read(path, &mut opener, parameters)).collect();
        let items: Vec<_> = read.iter().flatten().map(|(bytes, p)| (bytes.expose(), p)).collect();
        let verdicts = batch::verify_keys(&items, &Options::default(), &mut SysRng)?;
        let mut verdicts = verdicts.iter();
        for (path, read) in segment.iter().zip(&read) {
            let failure = match read {
                // One verdict for each that was read.
                Ok(_) => match verdicts.next() {
                    Some(Ok(key)) => {
                        genuine += 1;
                        current += usize::from(key.identity().period().is_current(when::now()));
                        continue;
                    }
                    Some(Err(e)) => &Failure::from(*e),
                    None => &Failure::new(Kind::Failed, "failed", "not verified"),
                },
                Err(failure) => failure,
            };
            bad += 1;
            let text = format!("{}: {}", path.display(), failure.message);
            out.result(
                &text,
                &json!({ "file": path.display().to_string(), "code": failure.code, "message": failure.message }),
            );
        }
    }
    let text = format!("{genuine} keys are genuine, {current} of them current; {bad} are bad");
    out.result(&text, &json!({ "genuine": genuine, "current": current, "bad": bad }));
    match bad {
        0 => Ok(()),
        n => Err(Failure::new(Kind::Refused, "key", format!("{n} of {} keys are bad", files.len()))),
    }
}

/// Opens and reads one file, and finds the parameters that its key belongs to.
fn read(
    path: &Path,
    opener: &mut Opener<'_>,
    parameters: &[PublicParameters],
) -> Result<(SecretVec, PublicParameters), Failure> {
    let sealed = keyfile::read_secret_file(path)?;
    let bytes = kgs::open_private_key(sealed.expose(), opener.protection(path)?)?;
    let identity = PrivateKey::inspect(bytes.expose())?.identity;
    let (district, serial) = (identity.district().as_str(), identity.serial());
    let found = parameters.find(district, serial).ok_or_else(|| other_parameters(district, serial))?;
    Ok((bytes, found))
}

/// How the files of a directory open: all alike, or each user's with a file of their own.
enum Opener<'a> {
    All(Protection),
    Each { directory: &'a Path, last: Option<(PathBuf, Protection)> },
}

impl<'a> Opener<'a> {
    /// `first` is one of the files: how it is protected decides whether a passphrase is asked for, once.
    fn new(args: &'a Args, first: &Path) -> Result<Self, Failure> {
        match &args.user_key_dir {
            Some(directory) => Ok(Self::Each { directory, last: None }),
            None => {
                let sealed = keyfile::read_secret_file(first)?;
                Ok(Self::All(args.unlock.open(first, sealed.expose())?))
            }
        }
    }

    /// For a file `USER.START.key`, the key file is `USER.unlock`.
    fn protection(&mut self, path: &Path) -> Result<&Protection, Failure> {
        match self {
            Self::All(protection) => Ok(protection),
            Self::Each { directory, last } => {
                let user = path.file_stem().map(Path::new).and_then(Path::file_stem).unwrap_or_default();
                let mut name = user.to_owned();
                name.push(".unlock");
                let file = directory.join(name);
                let known = last.take().filter(|(of, _)| *of == file);
                let fresh = || Ok::<_, Failure>((file.clone(), Protection::KeyFile(FileKey::read(&file)?)));
                let entry = known.map_or_else(fresh, Ok)?;
                Ok(&last.insert(entry).1)
            }
        }
    }
}
