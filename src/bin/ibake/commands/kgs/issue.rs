//! `ibake kgs issue`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, Period, PublicParameters};
use ibake::keyfile;
use ibake::kgs::{self, Directory};
use ibake::secret::SecretVec;
use serde_json::json;

use crate::error::{Failure, Kind};
use crate::names::parse_name;
use crate::output::Output;
use crate::unlock::{Unlock, UserUnlock};
use crate::when;

/// Issue private keys: one for each name and period.
///
/// Make sure that the names belong to whoever gets the keys: the key is the only proof that others ask for. The keys
/// are protected for their users with --user-key-file or --user-passphrase-file; the other two options unlock the
/// master key.
#[derive(clap::Args, Debug)]
///
/// For many users at once give --from FILE, a CSV file with one user a line: the name, and if wanted a time in the
/// first period and the number of periods; lines that begin with # do not count. All lines are checked first: if one is
/// wrong, all wrong ones are named and nothing is issued (exit code 3). Keys go to --out-dir, a file each. If it was
/// interrupted, the same command goes on where it stopped; keys that are there are neither replaced nor issued again.
#[command(after_help = "Example, the key of today and those of the next six days:
  ibake kgs issue ./kgs-a sip:alice@a.example --count 7 --out-dir ./alice \\
      --key-file ./kgs-a.unlock --user-key-file ./alice.unlock
The keys of all subscribers for a month, each user's under a key file of their own:
  ibake kgs issue ./kgs-a --from subscribers.csv --month 2026-12 --out-dir ./december \\
      --key-file ./kgs-a.unlock --user-key-dir ./unlock-files")]
pub(crate) struct Args {
    /// The district's directory.
    pub(super) dir: PathBuf,
    /// Who gets keys: sip:, sips: and tel: URIs, or user@domain.
    #[arg(required_unless_present = "from", value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// A CSV file of users: NAME[,TIME[,N]]; - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "out", "force"], requires = "out_dir")]
    pub(super) from: Option<PathBuf>,
    /// A time in the first period; now if left out. A date, RFC 3339 in UTC, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(super) at: Option<u64>,
    /// Keys for how many periods in a row.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) count: usize,
    /// Keys for all periods of a month, as 2026-12, instead of --at and --count.
    #[arg(long, value_name = "MONTH", value_parser = when::parse_month, conflicts_with_all = ["at", "count"])]
    pub(super) month: Option<(u64, u64)>,
    /// Issue under an earlier epoch than the current one.
    #[arg(long, value_name = "N")]
    pub(super) serial: Option<u64>,
    /// Where the key goes, if it is one.
    #[arg(long, short, value_name = "FILE", conflicts_with = "out_dir", required_unless_present = "out_dir")]
    out: Option<PathBuf>,
    /// The directory for several keys; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(super) out_dir: Option<PathBuf>,
    /// Replace key files that exist already.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(super) unlock: Unlock,
    #[command(flatten)]
    pub(super) user: UserUnlock,
}

/// The parameters of a serial, and its master key's file with the content.
pub(super) fn master_file(
    directory: &Directory,
    serial: u64,
) -> Result<(PublicParameters, (PathBuf, SecretVec)), Failure> {
    let parameters = directory.parameters(serial)?;
    let path = directory.path().join(format!("master-{serial}.key"));
    let sealed = keyfile::read_secret_file(&path)?;
    Ok((parameters, (path, sealed)))
}

/// A time in the first period, and how many there are.
pub(super) fn first_and_count(args: &Args, parameters: &PublicParameters) -> Result<(u64, usize), Failure> {
    match args.month {
        Some(month) => periods(parameters, month),
        None => Ok((args.at.unwrap_or_else(when::now), args.count)),
    }
}

/// The periods that have a part between two times: a time in the first one, and how many there are.
pub(super) fn periods(parameters: &PublicParameters, (first, end): (u64, u64)) -> Result<(u64, usize), Failure> {
    // A week may begin in the month before.
    let crypto = |e: ibake::error::IdentityError| Failure::from(ibake::error::Error::from(e));
    let mut period = Period::containing(parameters.granularity(), first).map_err(crypto)?;
    let mut count = 1;
    while period.end() < end {
        period = period.next().map_err(crypto)?;
        count += 1;
    }
    Ok((first, count))
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    if let Some(list) = &args.from {
        return super::bulk::run(args, list, out);
    }
    let names = args.names.iter().map(|n| parse_name(n)).collect::<Result<Vec<_>, _>>()?;
    if args.out.is_some() && (names.len() > 1 || args.count > 1 || args.month.is_some()) {
        return Err(Failure::new(Kind::Usage, "usage", "--out takes one key, and these are several")
            .hint("Give --out-dir DIR."));
    }
    let directory = Directory::open(&args.dir)?;
    let serial = args.serial.unwrap_or(directory.current());
    let (parameters, (path, sealed)) = master_file(&directory, serial)?;
    let issuer = directory.unlock(serial, &args.unlock.open(&path, sealed.expose())?)?;

    let (at, count) = first_and_count(args, &parameters)?;
    let mut keys = Vec::new();
    for name in &names {
        keys.extend(kgs::issue(&issuer, name, at, count).map_err(|e| Failure::from(e).context(name))?);
    }
    let targets: Vec<PathBuf> = match (&args.out, &args.out_dir) {
        (Some(file), _) => vec![file.clone()],
        (None, Some(dir)) => keys.iter().map(|k| dir.join(file_name(k.identity()))).collect(),
        (None, None) => return Err(Failure::new(Kind::Usage, "usage", "--out or --out-dir is needed")),
    };
    // All or nothing, as far as that can be known before.
    let mut sorted = targets.clone();
    sorted.sort();
    if sorted.windows(2).any(|w| w.first() == w.last()) {
        return Err(Failure::new(Kind::Usage, "usage", "a name is given twice"));
    }
    let taken = targets.iter().find(|t| !args.force && std::fs::symlink_metadata(t).is_ok());
    if let Some(taken) = taken {
        let exists = Failure::from(keyfile::Error::Exists { path: taken.clone() });
        return Err(exists.hint("Choose another name, or give --force."));
    }
    let user = args.user.create("the issued keys")?;
    let files = keys.iter().map(|k| kgs::seal_private_key(k, &user.protection, &mut SysRng));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    if let Some(dir) = &args.out_dir {
        std::fs::create_dir_all(dir).map_err(|e| Failure::io(dir, &e))?;
    }
    for (done, (target, file)) in targets.iter().zip(&files).enumerate() {
        if args.force {
            keyfile::write_secret_file(target, file)?;
        } else if let Err(e) = keyfile::write_new(target, file) {
            for written in targets.iter().take(done) {
                let _ = std::fs::remove_file(written);
            }
            return Err(e.into());
        }
    }
    user.keep();
    for (key, target) in keys.iter().zip(&targets) {
        report(key, target, out);
    }
    Ok(())
}

fn report(key: &PrivateKey, target: &std::path::Path, out: &Output) {
    let (name, period) = (key.identity().name().as_str(), key.identity().period());
    let text =
        format!("{}  {name}, {} to {}", target.display(), when::format(period.start()), when::format(period.end()));
    let object = json!({
        "file": target.display().to_string(),
        "name": name,
        "district": key.identity().district().as_str(),
        "serial": key.identity().serial(),
        "from": when::format(period.start()),
        "until": when::format(period.end()),
    });
    out.result(&text, &object);
}

/// A file name that shows whose key it is and from when: `sip_alice@a.example.2026-11-21.key`.
pub(super) fn file_name(identity: &Identity) -> String {
    let start = when::format(identity.period().start());
    let start = start.strip_suffix("T00:00:00Z").unwrap_or(&start).replace(':', "");
    format!("{}.{start}.key", file_stem(identity.name().as_str()))
}

/// The part of it that shows whose key it is.
pub(super) fn file_stem(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            ':' => out.push('_'),
            // The underscore too is spelt out, since it stands for the colon: no two names may share a file.
            c if c.is_ascii_alphanumeric() || "@.+-".contains(c) => out.push(c),
            c => out.push_str(&format!("%{:02X}", u32::from(c))),
        }
    }
    if out.len() > 150 {
        // Too long for a file name: the beginning, and a hash so that names stay different.
        out.truncate(120);
        out.push('.');
        out.push_str(&base16ct::lower::encode_string(&ibake::kdf::hash(&[name.as_bytes()])[..8]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn no_two_names_share_a_file() {
        let long = "x".repeat(200);
        let names = [
            "sip:a@b.example",
            "sip_a@b.example",
            "sip%3Aa@b.example",
            "sips:a@b.example",
            "tel:+1555",
            "sip%5Fa@b.example",
        ];
        let long = [format!("sip:{long}a@b.example"), format!("sip:{long}b@b.example")];
        let mut stems: Vec<_> = names.into_iter().chain(long.iter().map(String::as_str)).map(file_stem).collect();
        assert_eq!(stems[0], "sip_a@b.example");
        assert!(stems.iter().all(|s| s.len() <= 150 && !s.contains(['/', ':'])));
        stems.sort();
        stems.dedup();
        assert_eq!(stems.len(), 8);
    }
}
