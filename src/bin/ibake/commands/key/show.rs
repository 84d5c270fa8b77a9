//! `ibake key show`.

use std::path::PathBuf;

use ibake::ibe::extract::PrivateKey;
use ibake::keyfile;
use serde_json::json;

use crate::describe;
use crate::error::Failure;
use crate::names::unlock_key;
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Show what a private key file is. Without unlocking only its protection shows; unlocked, whose key it is. The key
/// itself is never shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key show alice.key --key-file alice.unlock")]
pub(crate) struct Args {
    /// The key file.
    file: PathBuf,
    /// Unlock it and show whose key it is; asks for the passphrase.
    #[arg(long)]
    unlock: bool,
    #[command(flatten)]
    protection: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    if !args.unlock && !args.protection.is_given() {
        let sealed = keyfile::read_secret_file(&args.file)?;
        let report = describe::key_file(sealed.expose()).map_err(|e| e.context(args.file.display()))?;
        report.print(out);
        out.text("\nUnlock it (--key-file, --passphrase-file or --unlock) to see whose key it is.");
        return Ok(());
    }
    let bytes = unlock_key(&args.file, &args.protection)?;
    let header = PrivateKey::inspect(bytes.expose()).map_err(|e| Failure::from(e).context(args.file.display()))?;
    let (id, now) = (&header.identity, when::now());
    let period = id.period();
    let current = period.is_current(now);
    let fingerprint = base16ct::lower::encode_string(&header.fingerprint);
    if out.is_json() {
        out.object(&json!({
            "name": id.name().as_str(),
            "district": id.district().as_str(),
            "serial": id.serial(),
            "granularity": period.granularity().name(),
            "from": when::format(period.start()),
            "until": when::format(period.end()),
            "current": current,
            "fingerprint": fingerprint,
        }));
        return Ok(());
    }
    out.field("name", id.name().as_str());
    out.field("district", id.district().as_str());
    out.field("serial", &id.serial().to_string());
    let state = if current { "current" } else { "not current" };
    out.field("period", &format!("{} to {}, {state}", when::format(period.start()), when::format(period.end())));
    out.field("parameters", &format!("fingerprint {fingerprint}"));
    out.text("\nWhether it is genuine: ibake key verify FILE --params PARAMETERS");
    Ok(())
}
