//! `ibake kgs issue`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::ibe::PublicParameters;
use ibake::ibe::extract::PrivateKey;
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
/// Make sure that the names belong to whoever gets the keys: the key is the only proof that others ask for. The keys are
/// protected for their users with --user-key-file or --user-passphrase-file; the other two options unlock the master key.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example, the key of today and those of the next six days:
  ibake kgs issue ./kgs-a sip:alice@a.example --count 7 --out-dir ./alice \\
      --key-file ./kgs-a.unlock --user-key-file ./alice.unlock")]
pub(crate) struct Args {
    /// The district's directory.
    dir: PathBuf,
    /// Who gets keys: sip:, sips: and tel: URIs, or user@domain.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// A time in the first period; now if left out. A date, RFC 3339 in UTC, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    at: Option<u64>,
    /// Keys for how many periods in a row.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: usize,
    /// Issue under an earlier epoch than the current one.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// Where the key goes, if it is one.
    #[arg(long, short, value_name = "FILE", conflicts_with = "out_dir", required_unless_present = "out_dir")]
    out: Option<PathBuf>,
    /// The directory for several keys; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Replace key files that exist already.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    user: UserUnlock,
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

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let names = args.names.iter().map(|n| parse_name(n)).collect::<Result<Vec<_>, _>>()?;
    if args.out.is_some() && (names.len() > 1 || args.count > 1) {
        return Err(Failure::new(Kind::Usage, "usage", "--out takes one key, and these are several")
            .hint("Give --out-dir DIR."));
    }
    let directory = Directory::open(&args.dir)?;
    let serial = args.serial.unwrap_or(directory.current());
    let (_, (path, sealed)) = master_file(&directory, serial)?;
    let issuer = directory.unlock(serial, &args.unlock.open(&path, sealed.expose())?)?;

    let at = args.at.unwrap_or_else(when::now);
    let mut keys = Vec::new();
    for name in &names {
        keys.extend(kgs::issue(&issuer, name, at, args.count).map_err(|e| Failure::from(e).context(name))?);
    }
    let targets: Vec<PathBuf> = match (&args.out, &args.out_dir) {
        (Some(file), _) => vec![file.clone()],
        (None, Some(dir)) => keys.iter().map(|k| dir.join(file_name(k))).collect(),
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
fn file_name(key: &PrivateKey) -> String {
    let name = key.identity().name().as_str();
    let mut out = String::new();
    for c in name.chars() {
        match c {
            ':' => out.push('_'),
            c if c.is_ascii_alphanumeric() || "@.+-_".contains(c) => out.push(c),
            c => out.push_str(&format!("%{:02X}", u32::from(c))),
        }
    }
    if out.len() > 150 {
        // Too long for a file name: the beginning, and a hash so that names stay different.
        out.truncate(120);
        out.push('.');
        out.push_str(&base16ct::lower::encode_string(&ibake::kdf::hash(&[name.as_bytes()])[..8]));
    }
    let start = when::format(key.identity().period().start());
    let start = start.strip_suffix("T00:00:00Z").unwrap_or(&start).replace(':', "");
    format!("{out}.{start}.key")
}
